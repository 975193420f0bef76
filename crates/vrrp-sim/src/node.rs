//! A router's machine: a [`vrrp_fsm::Engine`] that does with a [`SimKernel`] what the daemon does
//! with Linux.
//!
//! Each turn reads all that has arrived, then tells the engine that time has passed, then does what
//! it wants, in order. Adverts are real octets on the segment. Two rules that only the inside can
//! judge are judged here, after every turn: a timeout before the deadline changes nothing, and the
//! addresses are in the kernel if and only if the engine says Active. A breach is told by
//! [`Subject::complaint`].

use crate::kernel::SimKernel;
use crate::plan::Order;
use crate::world::{Node, Outbox};
use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use vrrp_fsm::{
    Announced, Announcement, Cause, Command, Engine, EngineConfig, IfaceId, Input, Instant, Role,
    RouterConfig, RouterId, Saved, Scope, Stats, Status, Subject as Whose,
};
use vrrp_net::frame::{GratuitousArp, UnsolicitedNa};
use vrrp_net::{
    AddressSpec, Backend, IfIndex, Link, Listen, Mac, NetEvent, Op, OpError, Payload, Protocol,
    RxRing, Transmit,
};
use vrrp_proto::{Datagram, Family, Priority};

/// A router under test: an engine here, a whole daemon elsewhere.
pub trait Subject: Node {
    /// Does what a plan says to it. Power is the world's business.
    fn order(&mut self, now: Instant, order: Order);

    /// Its virtual routers, one for each segment, as they are since the last turn.
    fn views(&self) -> &[View];

    /// Grows whenever [`Subject::views`] may have changed.
    fn epoch(&self) -> u64;

    /// Whether its kernel has any address of its virtual router on segment `at`.
    fn has_addresses(&self, at: usize) -> bool;

    /// The hardware address of its interface on segment `at`.
    fn mac(&self, at: usize) -> Option<Mac>;

    /// The next change of status that was not told yet.
    fn change(&mut self) -> Option<Change>;

    /// The next breach of a rule that can be seen from inside alone.
    fn complaint(&mut self) -> Option<String>;
}

/// A virtual router at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The state of RFC 9568 §6.4; Initialize where no process runs.
    pub role: Role,
    /// The same for people.
    pub status: Status,
    /// The priority that counts.
    pub priority: Priority,
    /// How many times all addresses were announced.
    pub announced: u64,
}

/// A change of status, as scripts and logs are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// On which segment.
    pub segment: usize,
    /// What it is now.
    pub status: Status,
    /// Why.
    pub cause: Cause,
}

/// An engine on a simulated kernel.
///
/// The interfaces of its configuration are numbered like those of the machine, from 0, and so are
/// its virtual routers: the one on segment *s* is `RouterId(s)`.
#[derive(Debug)]
pub struct EngineNode {
    kernel: SimKernel,
    ring: RxRing,
    config: EngineConfig,
    /// Prefix length and all of what is announced; the kernel wants more than the protocol.
    serves: BTreeMap<RouterId, Vec<(IfIndex, AddressSpec)>>,
    macs: Vec<Mac>,
    process: Option<Process>,
    left: Option<Saved>,
    views: Vec<View>,
    /// An order has come since the views were made.
    ordered: bool,
    epoch: u64,
    changes: Vec<Change>,
    complaints: Vec<String>,
    /// How long the kernel takes to add addresses.
    slowness: Duration,
    octets: Vec<u8>,
}

#[derive(Debug)]
struct Process {
    engine: Engine,
    begun: bool,
    stopping: bool,
    /// Waits until then for the kernel to add the addresses of a router, and does nothing else.
    waits: Option<(Instant, RouterId)>,
    stats: Vec<Stats>,
}

/// Longest advert there is.
const LONGEST: usize = 4116;

impl EngineNode {
    /// A machine with an interface for each of `ports` (its hardware and IP address), on which
    /// nothing runs yet.
    pub fn new(ports: &[(Mac, IpAddr)], config: EngineConfig) -> Self {
        let own = |address| vec![AddressSpec::new(address)];
        let kernel = SimKernel::new(ports.iter().map(|&(mac, address)| (mac, own(address))));
        let mut node = Self {
            kernel,
            ring: RxRing::new(),
            config: EngineConfig::default(),
            serves: BTreeMap::new(),
            macs: ports.iter().map(|(mac, _)| *mac).collect(),
            process: None,
            left: None,
            views: vec![View::default(); ports.len()],
            ordered: false,
            epoch: 0,
            changes: Vec::new(),
            complaints: Vec::new(),
            slowness: Duration::ZERO,
            octets: vec![0; LONGEST],
        };
        node.configure(config);
        node
    }

    /// A kernel that takes so long to add the addresses of a virtual router.
    #[must_use]
    pub const fn with_slowness(mut self, slowness: Duration) -> Self {
        self.slowness = slowness;
        self
    }

    /// The engine, while its process runs.
    pub fn engine(&self) -> Option<&Engine> {
        self.process.as_ref().map(|process| &process.engine)
    }

    /// Its kernel.
    pub const fn kernel(&self) -> &SimKernel {
        &self.kernel
    }

    /// Gives the running process another configuration, and every later one.
    pub fn reload(&mut self, now: Instant, config: EngineConfig) {
        self.configure(config.clone());
        if let Some(process) = &mut self.process {
            process.engine.handle(now, Input::Reload(Box::new(config)));
        }
    }

    fn configure(&mut self, config: EngineConfig) {
        let spec = |a: &Announced| Some((index_of(a.iface)?, AddressSpec::new(a.address)));
        let serves = |(id, router): (&RouterId, &RouterConfig)| {
            (*id, router.announced.iter().filter_map(spec).collect())
        };
        self.serves = config.routers.iter().map(serves).collect();
        self.config = config;
    }

    fn set_priority(&mut self, now: Instant, priority: u8) {
        let mut config = self.config.clone();
        for router in config.routers.values_mut() {
            let mut options = (**router).clone();
            options.priority = Priority::new(priority);
            match RouterConfig::try_from(options) {
                Ok(changed) => *router = changed,
                Err(why) => self.complaints.push(format!("priority {priority}: {why}")),
            }
        }
        self.reload(now, config);
    }

    fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        let engine = Engine::new(self.config.clone());
        self.process = Some(Process {
            engine,
            begun: false,
            stopping: false,
            waits: None,
            stats: Vec::new(),
        });
        let mut listens: Vec<Listen> = self
            .config
            .routers
            .values()
            .filter_map(|router| {
                Some(Listen {
                    iface: Some(index_of(router.iface)?),
                    family: router.family,
                    protocol: Protocol::Vrrp,
                    group: Some(router.family.group()),
                })
            })
            .collect();
        listens.dedup();
        let ops: Vec<_> = listens.into_iter().map(Op::Listen).collect();
        self.apply(&ops);
        self.kernel.dump();
    }

    /// The process is gone, and with it what it had open.
    fn gone(&mut self) {
        self.process = None;
        self.kernel.process_gone();
        while self.ring.pop().is_some() {}
    }

    fn apply(&mut self, ops: &[Op<'_>]) -> bool {
        let mut sound = true;
        self.kernel
            .apply_all(ops, &mut |_, _: OpError| sound = false);
        sound
    }

    /// Everything that has arrived goes into the engine.
    fn read(&mut self, now: Instant) {
        let Some(process) = &mut self.process else {
            return;
        };
        let engine = &mut process.engine;
        let virtual_one = |address: IpAddr| {
            self.serves
                .values()
                .flatten()
                .any(|(_, spec)| spec.address == address)
        };
        loop {
            let event = match self.kernel.poll_event(&mut self.ring) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    self.complaints.push(error.to_string());
                    break;
                }
            };
            match event {
                NetEvent::Packet(packet) => {
                    let arrived = packet.meta.arrived.map_or(now, |at| Instant::ZERO + at);
                    let datagram = Datagram {
                        ends: packet.meta.ends,
                        hop_limit: packet.meta.hop_limit,
                        protocol: packet.meta.protocol.number(),
                        ip_header: packet.header,
                        payload: packet.message,
                    };
                    let iface = iface_of(packet.meta.iface);
                    engine.handle(
                        now,
                        Input::Datagram {
                            iface,
                            arrived,
                            datagram,
                        },
                    );
                }
                NetEvent::Link(Link { index, running, .. }) => {
                    engine.handle(
                        now,
                        Input::Link {
                            iface: iface_of(index),
                            up: running,
                        },
                    );
                }
                NetEvent::AddressAdded { record, .. } if !virtual_one(record.address) => {
                    let (iface, address) = (iface_of(record.iface), record.address);
                    let family = Family::of(&address);
                    engine.handle(
                        now,
                        Input::Primary {
                            iface,
                            family,
                            address: Some(address),
                        },
                    );
                }
                NetEvent::Synced if !process.begun => {
                    process.begun = true;
                    match self.left.take() {
                        Some(saved) => engine.handle(now, Input::Resume(&saved)),
                        None => engine.handle(now, Input::Startup),
                    }
                }
                // Nobody but this process changes anything here.
                NetEvent::AddressAdded { .. }
                | NetEvent::AddressRemoved { .. }
                | NetEvent::Unreadable { .. }
                | NetEvent::LinkGone { .. }
                | NetEvent::RouteRemoved { .. }
                | NetEvent::RuleRemoved { .. }
                | NetEvent::Conflict { .. }
                | NetEvent::Flood { .. }
                | NetEvent::Resync
                | NetEvent::Synced => {}
            }
        }
    }

    fn is(&self, so: impl FnOnce(&Process) -> bool) -> bool {
        self.process.as_ref().is_some_and(so)
    }

    /// Does what the engine wants, in order, until the kernel makes it wait. Answers whether anything
    /// but adverts was wanted.
    fn execute(&mut self) -> bool {
        let mut stirred = false;
        while let Some(process) = self
            .process
            .as_mut()
            .filter(|process| process.waits.is_none())
        {
            let Some(command) = process.engine.poll_command() else {
                break;
            };
            stirred |= !matches!(command, Command::Advertise(_));
            match command {
                Command::Install(id) if !self.slowness.is_zero() => {
                    process.waits = Some((self.kernel.now() + self.slowness, id));
                }
                other => self.obey(other),
            }
        }
        stirred
    }

    /// Whether the process waits for the kernel still.
    fn waits(&mut self, now: Instant) -> Option<Instant> {
        let (until, id) = self.process.as_ref()?.waits?;
        if now < until {
            return Some(until);
        }
        if let Some(process) = &mut self.process {
            process.waits = None;
        }
        self.install(id, true);
        self.ordered = true;
        None
    }

    fn obey(&mut self, command: Command) {
        let Some(process) = &mut self.process else {
            return;
        };
        let engine = &mut process.engine;
        match command {
            Command::Advertise(advertisement) => {
                let id = advertisement.router;
                let iface = self.config.routers.get(&id).and_then(|r| index_of(r.iface));
                let mut sound = true;
                for destination in engine.destinations(id) {
                    match engine.encode_advert(&advertisement, destination, &mut self.octets) {
                        Ok((ends, len)) => {
                            let message = self.octets.get(..len).unwrap_or_default();
                            let payload = Payload::Vrrp(message);
                            let send = Transmit {
                                iface,
                                ends,
                                hop_limit: 255,
                                payload,
                            };
                            self.kernel
                                .apply_all(&[Op::SendAdvert(send)], &mut |_, _| sound = false);
                        }
                        Err(error) => self.complaints.push(format!("router {id}: {error}")),
                    }
                }
                if !sound {
                    let now = self.kernel.now();
                    engine.handle(now, Input::SendFailed(id));
                }
            }
            Command::Install(id) | Command::Update(id) => self.install(id, true),
            Command::Withdraw(id) => self.install(id, false),
            Command::Announce {
                router,
                what,
                rounds,
            } => self.announce(router, &what, rounds),
            Command::Transition {
                subject: Whose::Router(id),
                to,
                cause,
                ..
            } => {
                let segment = usize::try_from(id.0).unwrap_or(usize::MAX);
                self.changes.push(Change {
                    segment,
                    status: to,
                    cause,
                });
            }
            Command::Transition {
                subject: Whose::Group(_),
                ..
            }
            | Command::Report(_) => {}
            Command::RunScript(track) | Command::StopScript { track, .. } => {
                self.complaints
                    .push(format!("this machine has no script {track}"));
            }
        }
    }

    fn install(&mut self, id: RouterId, add: bool) {
        let serves = self.serves.get(&id).map_or(&[][..], Vec::as_slice);
        let op = |(iface, address): &'_ (IfIndex, AddressSpec)| (*iface, address.clone());
        let addresses: Vec<_> = serves.iter().map(op).collect();
        let ops: Vec<_> = addresses
            .iter()
            .map(|(iface, address)| match add {
                true => Op::AddAddress {
                    iface: *iface,
                    address,
                },
                false => Op::RemoveAddress {
                    iface: *iface,
                    address,
                },
            })
            .collect();
        self.apply(&ops);
    }

    fn announce(&mut self, id: RouterId, what: &Announcement, rounds: u8) {
        let all = |config: &RouterConfig| config.announced.clone();
        let announced = match what {
            Announcement::All => self.config.routers.get(&id).map(all).unwrap_or_default(),
            Announcement::One(one) => vec![*one],
            Announcement::These(some) => some.to_vec(),
        };
        let one = |a: &Announced| {
            let iface = index_of(a.iface)?;
            let mac = *self.macs.get(usize::try_from(a.iface.0).ok()?)?;
            Some(match a.address {
                IpAddr::V4(address) => Op::GratuitousArp {
                    iface,
                    arp: GratuitousArp::new(address, mac),
                },
                IpAddr::V6(address) => Op::UnsolicitedNa {
                    iface,
                    na: UnsolicitedNa::new(address, mac),
                },
            })
        };
        let ops: Vec<_> = announced.iter().filter_map(one).collect();
        for _ in 0..rounds {
            self.apply(&ops);
        }
        let view = usize::try_from(id.0)
            .ok()
            .and_then(|at| self.views.get_mut(at));
        if let Some(view) = view.filter(|_| *what == Announcement::All) {
            view.announced += 1;
        }
    }

    /// What a process finds that an earlier one left in the kernel and that it does not serve.
    fn clean(&mut self) {
        let stale = |id: &RouterId| {
            let role = self.engine().and_then(|e| e.snapshot(*id)).map(|s| s.role);
            role != Some(Role::Active)
        };
        let stale: Vec<_> = self.serves.keys().copied().filter(stale).collect();
        for id in stale {
            self.install(id, false);
        }
    }

    /// Looks at the engine anew, and whether kernel and engine agree.
    fn look(&mut self) {
        self.epoch += 1;
        let Some(process) = &mut self.process else {
            for view in &mut self.views {
                *view = View {
                    announced: view.announced,
                    ..View::default()
                };
            }
            return;
        };
        let mut stats = Vec::with_capacity(self.views.len());
        for (at, view) in self.views.iter_mut().enumerate() {
            let id = RouterId(u32::try_from(at).unwrap_or(u32::MAX));
            let Some(s) = process.engine.snapshot(id) else {
                continue;
            };
            *view = View {
                role: s.role,
                status: s.status,
                priority: s.priority,
                announced: view.announced,
            };
            stats.push(s.stats);
        }
        for (before, after) in process.stats.iter().zip(&stats) {
            let fell = counters(before)
                .into_iter()
                .zip(counters(after))
                .any(|(b, a)| a < b);
            if fell {
                self.complaints
                    .push(format!("a counter fell: {before:?} to {after:?}"));
            }
        }
        process.stats = stats;
        if process.waits.is_some() {
            return;
        }
        for at in 0..self.views.len() {
            let active = self
                .views
                .get(at)
                .is_some_and(|view| view.role == Role::Active);
            let (present, all) = self.present(at);
            if present != if active { all } else { 0 } {
                let is = if active { "Active" } else { "not Active" };
                self.complaints.push(format!(
                    "{is} on segment {at} with {present} of {all} addresses"
                ));
            }
        }
    }

    /// How many of the addresses on segment `at` the kernel has, and of how many.
    fn present(&self, at: usize) -> (usize, usize) {
        let id = u32::try_from(at).map(RouterId);
        let serves = id
            .ok()
            .and_then(|id| self.serves.get(&id))
            .map_or(&[][..], Vec::as_slice);
        let has = |(_, spec): &&(IfIndex, AddressSpec)| self.kernel.has_address(spec.address);
        (serves.iter().filter(has).count(), serves.len())
    }

    /// Nothing is due any more: another timeout must change nothing.
    fn probe(&mut self, now: Instant) {
        let Some(process) = &mut self.process else {
            return;
        };
        let deadline = process.engine.next_deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.complaints
                .push(format!("the deadline {deadline:?} is not after {now}"));
        }
        process.engine.handle(now, Input::Timeout);
        let after = process.engine.next_deadline();
        if let Some(command) = process.engine.poll_command() {
            self.complaints
                .push(format!("before its deadline {deadline:?}: {command:?}"));
        } else if after != deadline {
            self.complaints.push(format!(
                "a timeout at {now} moved {deadline:?} to {after:?}"
            ));
        }
    }
}

impl Node for EngineNode {
    fn deliver(&mut self, now: Instant, iface: usize, frame: &[u8], out: &mut Outbox) {
        self.kernel.set_now(now);
        self.kernel.receive(iface, frame, out);
    }

    fn carrier(&mut self, _now: Instant, iface: usize, up: bool) {
        self.kernel.carrier(iface, up);
    }

    fn turn(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        self.kernel.set_now(now);
        if let Some(until) = self.waits(now) {
            return Some(until);
        }
        let begun = self.is(|process| process.begun);
        // What was left to do when the kernel made the process wait comes before anything new.
        let mut stirred = self.execute();
        if self.is(|process| process.waits.is_none()) {
            self.read(now);
            if let Some(process) = &mut self.process {
                process.engine.handle(now, Input::Timeout);
            }
            stirred |= self.execute();
        }
        if !begun && self.is(|process| process.begun) {
            self.clean();
            stirred = true;
        }
        if core::mem::take(&mut self.ordered) || stirred {
            self.look();
        }
        let waits = self.process.as_ref().and_then(|process| process.waits);
        if waits.is_none() {
            self.probe(now);
            if self.is(|process| process.stopping) {
                self.gone();
                self.look();
            }
        }
        out.append(self.kernel.outbox());
        let deadline = self.process.as_ref()?.engine.next_deadline();
        waits.map_or(deadline, |(until, _)| Some(until))
    }
}

impl Subject for EngineNode {
    fn order(&mut self, now: Instant, order: Order) {
        self.ordered = true;
        let engine = self.process.as_mut().map(|process| &mut process.engine);
        match order {
            Order::Start => self.start(),
            Order::Stop => {
                if let Some(process) = &mut self.process {
                    process.engine.handle(now, Input::Shutdown);
                    process.stopping = true;
                }
            }
            Order::Leave => {
                self.left = engine.map(|engine| engine.save(now));
                self.gone();
            }
            Order::Kill => {
                self.left = None;
                self.gone();
            }
            Order::Crash => {
                self.left = None;
                self.gone();
                self.kernel.reboot();
            }
            Order::Drain => {
                if let Some(engine) = engine {
                    engine.handle(now, Input::Drain(Scope::All));
                }
            }
            Order::Undrain => {
                if let Some(engine) = engine {
                    engine.handle(now, Input::Undrain(Scope::All));
                }
            }
            Order::Priority(priority) => self.set_priority(now, priority),
            // The world stops and resumes a machine; the machine does not notice.
            Order::Freeze | Order::Suspend | Order::Resume => {}
        }
        if self.process.is_none() {
            self.look();
        }
    }

    fn views(&self) -> &[View] {
        &self.views
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn has_addresses(&self, at: usize) -> bool {
        self.present(at).0 > 0
    }

    fn mac(&self, at: usize) -> Option<Mac> {
        self.macs.get(at).copied()
    }

    fn change(&mut self) -> Option<Change> {
        if self.changes.is_empty() {
            None
        } else {
            Some(self.changes.remove(0))
        }
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaints.pop()
    }
}

/// The machine's interfaces are numbered from 0, the kernel's from 1.
fn index_of(iface: IfaceId) -> Option<IfIndex> {
    IfIndex::new(iface.0.checked_add(1)?)
}

const fn iface_of(index: IfIndex) -> IfaceId {
    IfaceId(index.get() - 1)
}

/// All that must never fall.
const fn counters(s: &Stats) -> [u64; 29] {
    [
        s.become_active,
        s.leave_active,
        s.adverts_rcvd,
        s.adverts_sent,
        s.priority_zero_rcvd,
        s.priority_zero_sent,
        s.checksum_errors,
        s.version_errors,
        s.vrid_errors,
        s.ip_ttl_errors,
        s.invalid_type_rcvd,
        s.packet_length_errors,
        s.address_list_errors,
        s.adv_interval_errors,
        s.invalid_auth_type,
        s.auth_type_mismatch,
        s.auth_failures,
        s.auth_ext_missing,
        s.auth_ext_malformed,
        s.auth_ext_unknown_key,
        s.auth_ext_invalid_hmac,
        s.auth_ext_stale,
        s.auth_ext_replay,
        s.bad_destination,
        s.own_packets,
        s.owner_conflicts,
        s.carp_rcvd,
        s.tx_errors,
        s.announcements,
    ]
}

//! A router's machine: a [`vrrp_fsm::Engine`] that does with a [`SimKernel`] what the daemon does
//! with Linux.
//!
//! Each turn reads all that has arrived, then tells the engine that time has passed, then does what
//! it wants, in order. Adverts are real octets on the segment. Two rules that only the inside can
//! judge are judged here, after every turn: a timeout before the deadline changes nothing, and the
//! addresses are in the kernel if and only if the engine says Active. A breach is told by
//! [`Subject::complaint`].

mod look;
mod obey;
mod read;

use crate::kernel::SimKernel;
use crate::plan::Order;
use crate::world::{Node, Outbox};
use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use vrrp_fsm::{
    Announced, Cause, Engine, EngineConfig, IfaceId, Input, Instant, Role, RouterConfig, RouterId,
    Saved, Scope, Stats, Status,
};
use vrrp_net::{AddressSpec, Backend, IfIndex, Listen, Mac, Op, OpError, Protocol, RxRing};
use vrrp_proto::Priority;

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

    fn is(&self, so: impl FnOnce(&Process) -> bool) -> bool {
        self.process.as_ref().is_some_and(so)
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

//! The protocol thread's work, one turn at a time: an engine between a kernel and a service thread.
//!
//! Nothing here waits. The kernel is a [`Backend`] and time a [`Clock`], so a test runs all of it on simulated ones.

mod holds;
mod ifaces;
mod mend;
mod serve;
mod statics;
mod steps;
mod tell;
mod vmac;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tracing::{debug, error, info, warn};
use vrrp_fsm::{
    Announced, Announcement, Command, Engine, IfaceId, Input, Instant, Notice, Report, RouterId,
    ScriptOutcome, TrackId, TrackReport,
};
use vrrp_net::{Backend, IfIndex, NetError, NetEvent, RxRing};
use vrrp_proto::Datagram;

use crate::clock::Clock;
use crate::host::Host;
use crate::load;
use crate::plan::{Plan, Router};
use holds::Holds;
use ifaces::Ifaces;
use mend::Mending;
use serve::Served;
use statics::Missing;
use steps::{Step, Steps, Way};

pub use tell::{Change, Outbox, PlanRef, Task, View};

/// What the service thread tells the protocol thread.
#[derive(Debug)]
pub enum Message {
    /// End: priority 0, everything away.
    Stop,
    /// A new configuration, planned and found good.
    Reload(Box<Plan>),
    /// A tracked script has ended.
    ScriptExited {
        /// Which.
        track: TrackId,
        /// How.
        outcome: ScriptOutcome,
    },
    /// The number in a tracked file.
    TrackValue {
        /// Which.
        track: TrackId,
        /// 0 is good.
        value: i32,
    },
    /// How many of the tracked processes run.
    TrackCount {
        /// Which.
        track: TrackId,
        /// Their number.
        count: u32,
    },
    /// Somebody wants to see the state.
    Look(Look),
}

/// Why the state is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// keepalived's data file.
    Data,
    /// keepalived's stats file; the counters are set to zero afterwards where asked for.
    Stats {
        /// Whether.
        clear: bool,
    },
    /// keepalived's JSON file.
    Json,
    /// What `config_save_dir` keeps of a reload.
    Reload {
        /// Which; the first is 1.
        number: u32,
        /// Whether it has been done.
        done: bool,
    },
}

/// What follows a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Wait for the kernel, for a message, or for this moment, whichever is first.
    Wait(Option<Instant>),
    /// There is more to do at once.
    Again,
    /// Everything has been taken away; it is over.
    Ended,
}

/// A whole router: kernel, clock, engine.
#[derive(Debug)]
pub struct Daemon<B, C> {
    backend: B,
    clock: C,
    ring: RxRing,
    inbox: Receiver<Message>,
    outbox: Outbox,
    engine: Engine,
    plan: Arc<Plan>,
    host: Host,
    ifaces: Ifaces,
    served: BTreeMap<RouterId, Served>,
    holds: Holds,
    missing: Missing,
    /// How adverts leave; of routers that a reload removed too, until the next one.
    ways: BTreeMap<RouterId, Way>,
    steps: Steps<Task>,
    /// Whether the tracked scripts that have ended once are good, and those that run: for dumps.
    good: BTreeMap<TrackId, bool>,
    running: BTreeSet<TrackId>,
    /// Interfaces that were made.
    made: BTreeSet<IfaceId>,
    /// Those that were told to go up, until the kernel says that they are.
    rising: BTreeSet<IfIndex>,
    /// Some router signs its adverts, so the engine needs the wall clock.
    signs: bool,
    /// Routers whose last advert could not be sent; said once until one goes out.
    mute: BTreeMap<RouterId, String>,
    mending: Mending,
    /// Log lines of this turn: written when the packets are out.
    unsaid: Vec<Unsaid>,
    phase: Phase,
    options: Options,
    now: Instant,
}

/// What the command line has to say about the protocol thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Addresses stay when the daemon stops (keepalived's `-V`).
    pub keep_addresses: bool,
    /// Every address that comes or goes is logged (keepalived's `-a`).
    pub address_monitoring: bool,
}

/// What is still to be written into the log.
#[derive(Debug)]
enum Unsaid {
    Change(Change),
    Notice(Notice),
    /// An announcement that is on its way, where details are logged.
    Announced(RouterId, Announced),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The kernel has not told everything yet.
    Looking,
    Running,
    Ended,
}

impl<B: Backend, C: Clock> Daemon<B, C> {
    /// A daemon that has not looked at anything yet: its first turn does.
    pub fn new(
        backend: B,
        clock: C,
        inbox: Receiver<Message>,
        outbox: Outbox,
        options: Options,
    ) -> Self {
        let now = clock.now();
        Self {
            backend,
            clock,
            ring: RxRing::new(),
            inbox,
            outbox,
            engine: Engine::new(Default::default()),
            plan: Arc::default(),
            host: Host::default(),
            ifaces: Ifaces::default(),
            served: BTreeMap::new(),
            holds: Holds::new(),
            missing: Missing::default(),
            ways: BTreeMap::new(),
            steps: Steps::default(),
            good: BTreeMap::new(),
            running: BTreeSet::new(),
            made: BTreeSet::new(),
            rising: BTreeSet::new(),
            signs: false,
            mute: BTreeMap::new(),
            mending: Mending::default(),
            unsaid: Vec::new(),
            phase: Phase::Looking,
            options,
            now,
        }
    }

    /// What the kernel has told of links and addresses.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// What is being run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The kernel, for the descriptors to wait for.
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// The kernel, for a simulation that moves its frames.
    pub const fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }

    /// Listens to the kernel without doing anything. Answers whether it has told everything there is.
    ///
    /// # Errors
    /// The way to the kernel is broken.
    pub fn look(&mut self) -> Result<bool, NetError> {
        self.now = self.clock.now().max(self.now);
        self.receive()?;
        Ok(self.host.is_synced())
    }

    /// Begins to run `plan`. To be called once, when [`Daemon::look`] has answered true.
    /// # Errors
    /// The way to the kernel is broken.
    pub fn start(&mut self, plan: Plan) -> Result<(), NetError> {
        self.now = self.clock.now().max(self.now);
        self.plan = Arc::new(plan);
        self.signs = signs(&self.plan);
        self.ways = ways(&self.plan);
        self.engine = Engine::new(self.plan.engine.clone());
        self.phase = Phase::Running;
        self.outbox
            .submit(Task::Plan(PlanRef(Arc::clone(&self.plan))));
        self.remove_leftovers();
        self.add_statics();
        self.refresh();
        self.make_links()?;
        if self.signs {
            let utc = self.clock.utc();
            self.engine.handle(self.now, Input::WallClock(utc));
        }
        self.engine.handle(self.now, Input::Startup);
        Ok(())
    }

    /// One turn: everything that has arrived, then everything that is due, then every effect.
    ///
    /// Packets come before timers: a daemon that was not scheduled for four seconds finds the peer's adverts in its
    /// socket and must read them before it believes the silence.
    ///
    /// # Errors
    /// The way to the kernel is broken: the daemon is of no more use, and the next one cleans up.
    pub fn turn(&mut self) -> Result<Turn, NetError> {
        self.now = self.clock.now().max(self.now);
        let claims = self.mending.take_claims();
        self.receive()?;
        while let Ok(message) = self.inbox.try_recv() {
            self.message(message);
        }
        if self.phase != Phase::Running {
            return Ok(if self.phase == Phase::Ended {
                Turn::Ended
            } else {
                Turn::Wait(None)
            });
        }
        self.engine.handle(self.now, Input::Timeout);
        self.follow();
        self.mend();
        self.follow();
        self.contest(&claims);
        self.run_steps();
        // What a step came to may have moved a router.
        self.follow();
        Ok(if self.steps.is_empty() {
            let deadlines = [self.engine.next_deadline(), self.mending.deadline()];
            Turn::Wait(deadlines.into_iter().flatten().min())
        } else {
            Turn::Again
        })
    }

    /// Reads everything that the kernel has.
    fn receive(&mut self) -> Result<(), NetError> {
        if self.signs {
            let utc = self.clock.utc();
            self.engine.handle(self.now, Input::WallClock(utc));
        }
        let mut changed = false;
        let mut retold = false;
        let mut gone = Vec::new();
        let mut utc = None;
        while let Some(event) = self.backend.poll_event(&mut self.ring)? {
            match &event {
                NetEvent::Packet(packet) => {
                    // The kernel stamps packets with the wall clock; the protocol counts on another one. They are
                    // read one right after the other, and again when a packet is younger: what passes in between
                    // would make the packet older than it is, and a Backup take over too early.
                    let stamp = packet.meta.arrived;
                    if utc.is_none_or(|utc| stamp > Some(utc)) {
                        utc = Some(self.clock.utc());
                        self.now = self.clock.now().max(self.now);
                    }
                    let age = stamp
                        .and_then(|stamp| utc?.checked_sub(stamp))
                        .unwrap_or_default();
                    let datagram = Datagram {
                        ends: packet.meta.ends,
                        hop_limit: packet.meta.hop_limit,
                        protocol: packet.meta.protocol.number(),
                        ip_header: packet.header,
                        payload: packet.message,
                    };
                    let arrived = self.now.saturating_sub(age);
                    if let Some(iface) = self.ifaces.at(packet.meta.iface) {
                        self.engine.handle(
                            self.now,
                            Input::Datagram {
                                iface,
                                arrived,
                                datagram,
                            },
                        );
                    }
                    continue;
                }
                NetEvent::Unreadable { iface, why } => {
                    let name = iface
                        .and_then(|index| self.host.link_at(index))
                        .map(|link| link.name.as_str());
                    debug!(
                        "packet dropped on {}: {why}",
                        name.unwrap_or("an unknown interface")
                    );
                    continue;
                }
                NetEvent::AddressRemoved { record, by } => {
                    tell::address(
                        &self.host,
                        record,
                        *by,
                        false,
                        self.options.address_monitoring,
                    );
                    self.mending.address(record, *by);
                }
                NetEvent::AddressAdded { record, by } => {
                    tell::address(
                        &self.host,
                        record,
                        *by,
                        true,
                        self.options.address_monitoring,
                    );
                    self.mending.judged(record);
                }
                NetEvent::RouteRemoved { route, by } => self.mending.route(route, *by),
                NetEvent::RuleRemoved { rule, by } => self.mending.rule(rule, *by),
                NetEvent::Conflict { address, mac, .. } => self.mending.claim(*address, *mac),
                // Nobody asks for them.
                NetEvent::Neighbour(_) | NetEvent::NeighbourGone(_) => {}
                NetEvent::Flood {
                    iface,
                    family,
                    filtered,
                } => {
                    let name = iface
                        .and_then(|index| self.host.link_at(index))
                        .map_or("all interfaces", |link| link.name.as_str());
                    if *filtered {
                        warn!(
                            "a flood of {family} packets on {name} that cannot be ours: counting one in 256 from now on"
                        );
                    } else {
                        info!("counting every {family} packet on {name} again");
                    }
                }
                NetEvent::LinkGone { index, name } => {
                    self.mending.link_gone(*index);
                    self.rising.remove(index);
                    gone.push(name.clone());
                }
                NetEvent::Link(link) => {
                    self.mending.link(link);
                    if link.up {
                        self.rising.remove(&link.index);
                    }
                }
                NetEvent::Resync if self.host.is_synced() => {
                    debug!("the kernel dropped events and tells all of it again")
                }
                NetEvent::Resync => {}
                NetEvent::Synced => retold = self.host.is_synced(),
            }
            changed |= self.host.apply(&event);
        }
        for name in gone {
            self.forget_link(&name);
        }
        if changed && self.phase == Phase::Running {
            self.refresh();
            if retold {
                self.verify();
            }
            self.find_fallen();
        }
        Ok(())
    }

    fn message(&mut self, message: Message) {
        let now = self.now;
        match message {
            Message::Stop => self.stop(),
            Message::Reload(plan) => self.reload(*plan),
            Message::ScriptExited { track, outcome } => {
                self.running.remove(&track);
                // Bad until its successes suffice; the engine says when it is good.
                self.good.entry(track).or_insert(false);
                self.engine
                    .handle(now, Input::ScriptExited { track, outcome });
            }
            Message::TrackValue { track, value } => {
                self.engine.handle(now, Input::TrackValue { track, value })
            }
            Message::TrackCount { track, count } => {
                self.engine.handle(now, Input::TrackCount { track, count })
            }
            Message::Look(look) => self.show(look),
        }
    }

    /// Takes everything away, however long it takes.
    fn stop(&mut self) {
        if self.phase == Phase::Running {
            info!("Stopping");
            self.engine.handle(self.now, Input::Shutdown);
            self.follow();
            self.remove_statics();
            self.remove_links(&Plan::default());
            self.refresh_promoting(&Plan::default());
            while !self.steps.is_empty() {
                self.run_steps();
            }
        }
        self.phase = Phase::Ended;
    }

    /// What is the same goes on undisturbed.
    fn reload(&mut self, plan: Plan) {
        if self.phase != Phase::Running {
            return;
        }
        if load::interfaces(&plan.config, &plan.named, &self.host).is_err() {
            error!("the new configuration cannot run; the old one goes on");
            return;
        }
        // What the old configuration still asks for is done in its terms.
        self.follow();
        if self.steps.has_adverts() {
            self.run_steps();
        }
        self.say();
        let old = core::mem::replace(&mut self.plan, Arc::new(plan));
        self.signs = signs(&self.plan);
        self.ways = ways(&old);
        self.ways.extend(ways(&self.plan));
        self.outbox
            .submit(Task::Plan(PlanRef(Arc::clone(&self.plan))));
        self.change_statics(&old.statics);
        self.refresh();
        if let Err(error) = self.make_links() {
            error!("{error}");
        }
        self.engine
            .handle(self.now, Input::Reload(Box::new(self.plan.engine.clone())));
        self.tell_holds();
        self.forgive();
        self.refresh();
        self.follow();
        let plan = Arc::clone(&self.plan);
        self.remove_links(&plan);
        info!("Reload complete");
    }

    fn show(&mut self, look: Look) {
        let view = View {
            look,
            at: self.now,
            utc: self.clock.utc(),
            routers: self
                .engine
                .snapshots()
                .map(|snapshot| (snapshot.router, snapshot))
                .collect(),
            good: self.good.clone(),
            running: self.running.clone(),
            host: self.host.clone(),
            plan: Arc::clone(&self.plan),
        };
        self.outbox.submit(Task::Show(Box::new(view)));
        if look == (Look::Stats { clear: true }) {
            self.engine.handle(self.now, Input::ClearStats(None));
        }
    }

    /// Turns the engine's commands into steps, in order.
    fn follow(&mut self) {
        while let Some(command) = self.engine.poll_command() {
            match command {
                Command::Advertise(advertisement) => {
                    self.raise(advertisement.router);
                    self.steps.advertise(advertisement);
                }
                Command::Install(router) => self.install(router),
                Command::Withdraw(router) => self.withdraw(router),
                Command::Update(router) => self.update(router),
                Command::Announce {
                    router,
                    what,
                    rounds,
                } => self.announce(router, &what, rounds),
                Command::RunScript(track) => {
                    self.running.insert(track);
                    self.steps.push(Step::Tell(Task::RunScript(track)));
                }
                Command::StopScript { track, force } => {
                    self.steps
                        .push(Step::Tell(Task::StopScript { track, force }));
                }
                Command::Transition {
                    subject,
                    from,
                    to,
                    cause,
                    priority,
                } => {
                    let change = Change {
                        subject,
                        from,
                        to,
                        cause,
                        priority: priority.get(),
                    };
                    self.unsaid.push(Unsaid::Change(change));
                    self.steps.push(Step::Tell(Task::Change(change)));
                }
                Command::Report(notice) => self.notice(notice),
            }
        }
    }

    fn notice(&mut self, notice: Notice) {
        match &notice {
            Notice::Track(track, TrackReport::Succeeded) => {
                self.good.insert(*track, true);
            }
            Notice::Track(track, TrackReport::Failed(_)) => {
                self.good.insert(*track, false);
            }
            Notice::Router(router, Report::LowerHeard { .. }) => {
                self.steps.push(Step::Tell(Task::LowerHeard(*router)));
            }
            Notice::Router(router, Report::PriorityChanged { to, .. }) => {
                self.steps
                    .push(Step::Tell(Task::Priority(*router, to.get())));
            }
            Notice::Router(router, Report::FaultRaised(cause)) if self.held(*router, *cause) => {
                return;
            }
            _ => {}
        }
        self.unsaid.push(Unsaid::Notice(notice));
    }

    /// Writes the log lines of this turn. To wake another thread costs more than to send an advert, so that goes first.
    fn say(&mut self) {
        for unsaid in self.unsaid.drain(..) {
            match unsaid {
                Unsaid::Change(change) => tell::change(&self.plan, &change),
                Unsaid::Notice(notice) => tell::notice(&self.plan, &notice),
                Unsaid::Announced(router, announced) => {
                    tell::announcement(&self.plan, router, &announced);
                }
            }
        }
    }

    fn announce(&mut self, router: RouterId, what: &Announcement, rounds: u8) {
        let all = self.engine_announced(router);
        let list = match what {
            Announcement::All => all.as_slice(),
            Announcement::One(one) => core::slice::from_ref(one),
            Announcement::These(these) => these,
        };
        for _ in 0..rounds {
            for announced in list {
                if tracing::enabled!(tracing::Level::DEBUG) {
                    self.unsaid.push(Unsaid::Announced(router, *announced));
                }
                self.steps.push(Step::Announce {
                    iface: announced.iface,
                    address: announced.address,
                });
            }
        }
    }

    fn engine_announced(&self, router: RouterId) -> Vec<Announced> {
        self.plan
            .engine
            .routers
            .get(&router)
            .map(|config| config.announced.clone())
            .unwrap_or_default()
    }

    fn run_steps(&mut self) {
        if self.steps.is_empty() {
            return self.say();
        }
        let (mut told, mut failures) = (Vec::new(), Vec::new());
        let backend = &mut self.backend;
        let ways = &self.ways;
        let kernel = ifaces::Kernel {
            ifaces: &self.ifaces,
            host: &self.host,
        };
        let advertises = self.steps.has_adverts();
        self.steps.run(
            &self.engine,
            |router| ways.get(&router).copied(),
            &kernel,
            |ops, failed| backend.apply(ops, failed),
            &mut told,
            &mut failures,
        );
        self.say();
        if advertises && failures.is_empty() && !self.mute.is_empty() {
            for (router, _) in core::mem::take(&mut self.mute) {
                tell::advert_sent_again(&self.plan, router);
            }
        }
        for failure in failures {
            self.failed(failure);
        }
        for task in told {
            self.outbox.submit(task);
        }
        if self.steps.is_empty() {
            self.settle_statics();
        }
    }

    fn failed(&mut self, failure: steps::Failure<Task>) {
        match failure {
            steps::Failure::Advert(router, error) => {
                self.engine.handle(self.now, Input::SendFailed(router));
                let text = error.to_string();
                if self.mute.get(&router) != Some(&text) {
                    tell::advert_failed(&self.plan, router, &error);
                    self.mute.insert(router, text);
                }
            }
            steps::Failure::Step(step, error) => {
                if let Step::Listen(listen) = &step {
                    self.ifaces.forget_listening(listen);
                }
                if let Step::SetLink { iface, up: true } = &step
                    && let Some(index) = self.ifaces.index(*iface)
                {
                    self.rising.remove(&index);
                }
                let known = match &step {
                    Step::MakeLink(link) => self.lack_link(&link.name),
                    step => self.static_failed(step, &error),
                };
                if !known {
                    tell::step_failed(&self.host, &step, &error);
                }
            }
        }
    }

    /// Addresses that carry our mark and that nobody has put there in this run: a killed predecessor's.
    fn remove_leftovers(&mut self) {
        let left: Vec<(IfIndex, vrrp_net::AddressSpec)> = self
            .host
            .addresses()
            .filter(|record| record.ours)
            .map(serve::spec_of)
            .collect();
        for (iface, address) in left {
            let name = self
                .host
                .link_at(iface)
                .map_or("?", |link| link.name.as_str());
            info!(
                address = %address.address,
                "{}/{} on {name} was left by a daemon that did not stop in order; removing it",
                address.address,
                address.prefix_len
            );
            self.steps.push(Step::Leftover {
                iface,
                address: Box::new(address),
            });
        }
    }
}

fn signs(plan: &Plan) -> bool {
    let mut routers = plan.engine.routers.values();
    routers.any(|config| matches!(config.auth, vrrp_fsm::Auth::Hmac(_)))
}

fn ways(plan: &Plan) -> BTreeMap<RouterId, Way> {
    let way = |router: &Router| Way {
        iface: router.iface,
        vmac: router
            .vmac
            .as_ref()
            .filter(|_| !router.instance.vmac_xmit_base)
            .map(|vmac| vmac.iface),
        hop_limit: router.hop_limit,
        protocol: router.protocol,
    };
    plan.routers
        .iter()
        .map(|(id, router)| (*id, way(router)))
        .collect()
}

//! A plan, carried out: machines on segments, watched from the first step to the last.

mod make;
mod replay;

use crate::check::{Checker, Promise, Violation};
use crate::host::{EndHost, Pings};
use crate::lan::{Conditions, NodeId, PortId, Segment, SegmentId};
use crate::node::{Change, EngineNode, Subject};
use crate::plan::{Expectation, Name, Order, Plan, Step};
use crate::trace::Trace;
use crate::world::{Clock, Node, Outbox, Power, World};
use core::time::Duration;
use make::end_host;
use vrrp_fsm::{Instant, Role, Status};

pub use make::engine_node;
pub use replay::replay;

/// A machine of a scenario.
#[derive(Debug)]
pub enum Station<S> {
    /// A router under test.
    Router(S),
    /// An end host.
    Host(EndHost),
}

impl<S> Station<S> {
    /// The router, if it is one.
    pub const fn router(&self) -> Option<&S> {
        match self {
            Self::Router(router) => Some(router),
            Self::Host(_) => None,
        }
    }

    /// The end host, if it is one.
    pub const fn host(&self) -> Option<&EndHost> {
        match self {
            Self::Host(host) => Some(host),
            Self::Router(_) => None,
        }
    }

    const fn router_mut(&mut self) -> Option<&mut S> {
        match self {
            Self::Router(router) => Some(router),
            Self::Host(_) => None,
        }
    }
}

impl<S: Node> Node for Station<S> {
    fn deliver(&mut self, now: Instant, iface: usize, frame: &[u8], out: &mut Outbox) {
        match self {
            Self::Router(router) => router.deliver(now, iface, frame, out),
            Self::Host(host) => host.deliver(now, iface, frame, out),
        }
    }

    fn carrier(&mut self, now: Instant, iface: usize, up: bool) {
        match self {
            Self::Router(router) => router.carrier(now, iface, up),
            Self::Host(host) => host.carrier(now, iface, up),
        }
    }

    fn turn(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        match self {
            Self::Router(router) => router.turn(now, out),
            Self::Host(host) => host.turn(now, out),
        }
    }
}

/// Something that a reader of a run wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in the world's time.
    pub at: Instant,
    /// What.
    pub what: Happened,
}

/// See [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A step of the plan, other than the passing of time.
    Step(Step),
    /// A router's status changed.
    Change(usize, Change),
}

/// What came of a plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The promises that were broken.
    pub violations: Vec<Violation>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Of each host.
    pub pings: Vec<Pings>,
    /// How often a virtual router became Active.
    pub takeovers: usize,
    /// For how long two machines were Active on one segment at once, all in all.
    pub dual_active: Duration,
    /// When it ended.
    pub end: Instant,
    /// What entered and left the machines, if it was recorded.
    pub trace: Option<Trace>,
}

/// A plan being carried out.
pub struct Scenario<S> {
    plan: Plan,
    world: World<Station<S>>,
    routers: Vec<NodeId>,
    hosts: Vec<NodeId>,
    checker: Checker,
    events: Vec<Event>,
    takeovers: usize,
    mark: Mark,
    dual: Dual,
}

#[derive(Debug, Default)]
struct Mark {
    at: Instant,
    takeovers: usize,
    lost: Vec<u64>,
}

/// How long two were Active at once, by segment.
#[derive(Debug, Default)]
struct Dual {
    since: Vec<Option<Instant>>,
    total: Duration,
}

impl Scenario<EngineNode> {
    /// The world of `plan`, with engines on simulated kernels.
    pub fn new(plan: Plan) -> Self {
        Self::with(plan, engine_node)
    }
}

/// Carries out `plan` with engines on simulated kernels.
pub fn run(plan: &Plan) -> Outcome {
    Scenario::new(plan.clone()).run()
}

impl<S: Subject> Scenario<S> {
    /// The world of `plan`, with routers made by `subject` from the plan and their index.
    pub fn with(plan: Plan, subject: impl Fn(&Plan, usize) -> S) -> Self {
        let mut world = World::new(plan.seed);
        let segments: Vec<_> = (0..plan.segments)
            .map(|_| world.add_segment(plan.latency))
            .collect();
        let mut routers = Vec::new();
        for (at, router) in plan.routers.iter().enumerate() {
            let clock = make::clock(at, router);
            routers.push(world.add_node(Station::Router(subject(&plan, at)), clock, &segments));
        }
        let mut hosts = Vec::new();
        for at in 0..usize::from(plan.segments) * usize::from(plan.hosts) {
            let segment = at % segments.len();
            let host = end_host(&plan, segment, at / segments.len());
            let on = segments.get(segment).map_or(&[][..], core::slice::from_ref);
            hosts.push(world.add_node(Station::Host(host), Clock::default(), on));
        }
        let checker = Checker::new(&plan, &routers, &hosts);
        Self {
            dual: Dual {
                since: vec![None; segments.len()],
                total: Duration::ZERO,
            },
            mark: Mark {
                lost: vec![0; hosts.len()],
                ..Mark::default()
            },
            plan,
            world,
            routers,
            hosts,
            checker,
            events: Vec::new(),
            takeovers: 0,
        }
    }

    /// Writes down what enters and leaves the machines; to be called before the first step.
    pub fn record(&mut self) {
        self.world.record(Trace::default());
    }

    /// What it was made from; its steps until they are taken.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The world as it is.
    pub const fn world(&self) -> &World<Station<S>> {
        &self.world
    }

    /// Takes all steps of the plan.
    pub fn run(mut self) -> Outcome {
        for step in core::mem::take(&mut self.plan.steps) {
            self.step(&step);
        }
        self.finish()
    }

    /// Takes one step, which need not be one of the plan's.
    pub fn step(&mut self, step: &Step) {
        if !matches!(step, Step::Run(_)) {
            let what = Happened::Step(step.clone());
            self.events.push(Event {
                at: self.world.now(),
                what,
            });
        }
        match step {
            Step::Run(length) => self.pass(*length),
            Step::Router(at, order) => self.order(*at, *order),
            Step::Cable {
                router,
                segment,
                plugged,
            } => {
                if let Some(id) = self.routers.get(*router) {
                    self.world.set_carrier(*id, usize::from(*segment), *plugged);
                }
            }
            Step::Cut(names) => self.cut(names),
            Step::Deafen(from, to) => self.deafen(*from, *to),
            Step::Heal => self.each_segment(|segment| segment.heal()),
            Step::Weather(name, conditions) => self.weather(*name, *conditions),
            Step::Mark => {
                self.mark = Mark {
                    at: self.world.now(),
                    takeovers: self.takeovers,
                    lost: self.pings().map(|pings| pings.lost).collect(),
                }
            }
            Step::Expect(expectation) => self.expect(expectation),
        }
        if !matches!(step, Step::Run(_) | Step::Mark | Step::Expect(_)) {
            self.checker.look(&self.world, true);
            self.settle();
        }
    }

    /// Ends it here.
    pub fn finish(mut self) -> Outcome {
        self.checker.look(&self.world, true);
        self.watch();
        let end = self.world.now();
        let dual = self.dual.since.iter().flatten();
        let open: Duration = dual
            .map(|since| end.saturating_duration_since(*since))
            .sum();
        Outcome {
            violations: self.checker.violations().to_vec(),
            pings: self.pings().cloned().collect(),
            takeovers: self.takeovers,
            dual_active: self.dual.total + open,
            end,
            trace: self.world.take_trace(),
            events: self.events,
        }
    }

    fn pass(&mut self, length: Duration) {
        let until = self.world.now() + length;
        while self.world.step(until).is_some() {
            self.checker.look(&self.world, false);
            self.watch();
        }
        self.checker.look(&self.world, true);
    }

    /// Lets happen what follows at once.
    fn settle(&mut self) {
        self.pass(Duration::ZERO);
    }

    /// Asks the machines that had a turn what they have to tell.
    fn watch(&mut self) {
        let now = self.world.now();
        let mut changed = false;
        for at in 0..self.routers.len() {
            let Some(id) = self.routers.get(at).copied() else {
                continue;
            };
            if !self.world.turned().contains(&id) {
                continue;
            }
            let Some(router) = self.world.peek_mut(id).and_then(Station::router_mut) else {
                continue;
            };
            while let Some(change) = router.change() {
                changed = true;
                self.takeovers += usize::from(change.status == Status::Active);
                self.events.push(Event {
                    at: now,
                    what: Happened::Change(at, change),
                });
            }
            while let Some(what) = router.complaint() {
                self.checker
                    .broken(now, Promise::Inside, format!("r{}: {what}", at + 1));
            }
        }
        if changed {
            self.measure_dual();
        }
    }

    fn measure_dual(&mut self) {
        let now = self.world.now();
        for segment in 0..self.dual.since.len() {
            let dual = self.active(segment).count() > 1;
            let Some(since) = self.dual.since.get_mut(segment) else {
                continue;
            };
            match (*since, dual) {
                (None, true) => *since = Some(now),
                (Some(start), false) => {
                    self.dual.total += now.saturating_duration_since(start);
                    *since = None;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
    }

    /// The routers that run and are Active on `segment`.
    fn active(&self, segment: usize) -> impl Iterator<Item = usize> + '_ {
        let active = move |id: &NodeId| {
            let views = self
                .world
                .node(*id)
                .and_then(Station::router)
                .map(Subject::views);
            let view = views.and_then(|views| views.get(segment));
            self.world.power(*id) == Power::On && view.is_some_and(|v| v.role == Role::Active)
        };
        self.routers
            .iter()
            .enumerate()
            .filter(move |(_, id)| active(id))
            .map(|(at, _)| at)
    }

    fn pings(&self) -> impl Iterator<Item = &Pings> {
        self.hosts
            .iter()
            .filter_map(|id| self.world.node(*id)?.host())
            .map(EndHost::pings)
    }

    fn order(&mut self, at: usize, order: Order) {
        let Some(&id) = self.routers.get(at) else {
            return;
        };
        let power = self.world.power(id);
        match order {
            Order::Freeze if power == Power::On => self.world.set_power(id, Power::Frozen),
            Order::Suspend if power != Power::Off => self.world.set_power(id, Power::Suspended),
            Order::Resume if power != Power::Off => self.world.set_power(id, Power::On),
            Order::Freeze | Order::Suspend | Order::Resume => return,
            Order::Crash => self.world.set_power(id, Power::Off),
            Order::Start if power == Power::Off => self.world.set_power(id, Power::On),
            // A machine that stands still does nothing that it is told.
            Order::Start
            | Order::Stop
            | Order::Leave
            | Order::Drain
            | Order::Undrain
            | Order::Priority(_) => {
                if power != Power::On {
                    return;
                }
            }
            Order::Kill => {
                if !matches!(power, Power::On | Power::Frozen) {
                    return;
                }
                self.world.set_power(id, Power::On);
            }
        }
        let (now, local) = (self.world.now(), self.world.local_now(id));
        self.checker.ordered(now, at, order);
        if let Some(trace) = self.world.trace_mut() {
            trace.said(now, id, order.to_string());
        }
        if let Some(router) = self.world.node_mut(id).and_then(Station::router_mut) {
            router.order(local, order);
        }
    }

    fn cut(&mut self, names: &[Name]) {
        let inside: Vec<_> = names.iter().filter_map(|name| self.id(*name)).collect();
        self.each_segment(|segment| {
            let side = |port: PortId| segment.at(port).is_some_and(|(id, _)| inside.contains(&id));
            let across: Vec<_> = segment
                .ports()
                .flat_map(|a| segment.ports().map(move |b| (a, b)))
                .filter(|(a, b)| side(*a) != side(*b))
                .collect();
            for (a, b) in across {
                segment.deafen(a, b);
            }
        });
    }

    fn deafen(&mut self, from: Name, to: Name) {
        let (Some(from), Some(to)) = (self.id(from), self.id(to)) else {
            return;
        };
        self.each_segment(|segment| {
            let port = |of: NodeId| {
                segment
                    .ports()
                    .find(|port| segment.at(*port).is_some_and(|(id, _)| id == of))
            };
            if let (Some(from), Some(to)) = (port(from), port(to)) {
                segment.deafen(from, to);
            }
        });
    }

    fn weather(&mut self, name: Option<Name>, conditions: Conditions) {
        let only = name.and_then(|name| self.id(name));
        self.each_segment(|segment| {
            for port in segment.ports() {
                let here = segment.at(port).map(|(id, _)| id);
                if only.is_none() || here == only {
                    segment.set_conditions(port, conditions);
                }
            }
        });
    }

    fn each_segment(&mut self, mut change: impl FnMut(&mut Segment)) {
        for at in 0..usize::from(self.plan.segments) {
            if let Some(segment) = self.world.segment_mut(SegmentId(at)) {
                change(segment);
            }
        }
    }

    fn id(&self, name: Name) -> Option<NodeId> {
        match name {
            Name::Router(at) => self.routers.get(at).copied(),
            Name::Host(at) => self.hosts.get(at).copied(),
        }
    }

    fn expect(&mut self, expectation: &Expectation) {
        let segments = 0..usize::from(self.plan.segments);
        let period = self.plan.ping;
        let outage = self
            .pings()
            .map(|p| p.worst_gap(self.mark.at, period))
            .max();
        let outage = outage.unwrap_or_default();
        let wrong = match expectation {
            Expectation::Active(wanted) => segments
                .map(|segment| self.active(segment).collect::<Vec<_>>())
                .find(|active| active != wanted)
                .map(|active| Expectation::Active(active).to_string()),
            Expectation::Backup(at) => {
                let views = self
                    .routers
                    .get(*at)
                    .and_then(|id| self.world.node(*id)?.router());
                let views = views.map_or(&[][..], Subject::views);
                let other = views.iter().find(|view| view.role != Role::Backup);
                other.map(|view| format!("{:?}", view.role))
            }
            Expectation::Takeovers(wanted) => {
                let count = self.takeovers - self.mark.takeovers;
                (count != *wanted).then(|| Expectation::Takeovers(count).to_string())
            }
            Expectation::Lost(most) => {
                let lost = self
                    .pings()
                    .zip(&self.mark.lost)
                    .map(|(p, before)| p.lost - before);
                let lost = lost.max().unwrap_or(0);
                (lost > *most).then(|| Expectation::Lost(lost).to_string())
            }
            Expectation::OutageAtMost(most) => {
                (outage > *most).then(|| format!("an outage of {outage:?}"))
            }
            Expectation::OutageAtLeast(least) => {
                (outage < *least).then(|| format!("an outage of {outage:?}"))
            }
        };
        if let Some(wrong) = wrong {
            let what = format!("{expectation}; it is {wrong}");
            self.checker
                .broken(self.world.now(), Promise::Expected, what);
        }
    }
}

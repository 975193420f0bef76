//! Many virtual routers, one ordered queue of commands, one next deadline.
//!
//! ```text
//! loop {
//!     for each datagram, link change, script result that is waiting { engine.handle(now, input) }
//!     engine.handle(now, Input::Timeout);
//!     while let Some(command) = engine.poll_command() { do it }
//!     sleep until engine.next_deadline() or until something arrives
//! }
//! ```
//!
//! No method depends on the queue being empty: [`Engine::handle`] may be called while commands are
//! being polled. The cost of an event does not grow with the number of routers beyond O(log n), and
//! an advert of steady state allocates nothing.

mod encode;
mod io;
mod receive;
mod slot;
mod timers;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::IpAddr;

use vrrp_proto::{Family, Vrid};

use crate::action::{Cause, Role, Status};
use crate::config::EngineConfig;
use crate::event::Event;
use crate::report::{EngineReport, FaultCause, Report};
use crate::saved::Saved;
use crate::snapshot::Snapshot;
use crate::{EngineStats, IfaceId, Instant, RouterId, VirtualRouter};

pub use encode::EncodeError;
pub use io::{Advertisement, Announcement, Command, Datagram, Input, Notice, Scope, Subject};

use slot::{Place, Sink, Slot};
use timers::{TimerId, Timers};

/// All virtual routers of one VRRP router.
#[derive(Clone, Debug)]
pub struct Engine {
    phase: Phase,
    slots: Vec<Option<Slot>>,
    places: BTreeMap<RouterId, Place>,
    demux: BTreeMap<(IfaceId, Family, Vrid), Vec<Place>>,
    ifaces: BTreeMap<IfaceId, Iface>,
    timers: Timers<Timer>,
    startup: TimerId,
    fifo: VecDeque<Command>,
    stats: EngineStats,
    config: EngineConfig,
}

/// How far the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before [`Input::Startup`].
    Waiting,
    /// In the startup delay.
    Delayed,
    Running,
    Stopped,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Startup,
    Router(Place),
}

/// What is known of an interface.
#[derive(Clone, Debug, Default)]
struct Iface {
    up: bool,
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    /// The routers on it.
    routers: Vec<Place>,
}

impl Iface {
    const fn primary(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

impl Engine {
    /// An engine that waits for [`Input::Startup`]; links, addresses and trackers are told first.
    pub fn new(config: EngineConfig) -> Self {
        let mut timers = Timers::new();
        let startup = timers.add(Timer::Startup);
        let mut engine = Self {
            phase: Phase::Waiting,
            slots: Vec::new(),
            places: BTreeMap::new(),
            demux: BTreeMap::new(),
            ifaces: BTreeMap::new(),
            timers,
            startup,
            fifo: VecDeque::new(),
            stats: EngineStats::default(),
            config,
        };
        for (id, router) in core::mem::take(&mut engine.config.routers) {
            engine.add(id, VirtualRouter::new(router));
        }
        engine
    }

    fn add(&mut self, id: RouterId, router: VirtualRouter) {
        let place = self.slots.len();
        let timer = self.timers.add(Timer::Router(place));
        let config = router.config();
        let key = (config.iface, config.family, config.vrid);
        let iface = self.ifaces.entry(config.iface).or_default();
        iface.routers.push(place);
        self.demux.entry(key).or_default().push(place);
        self.places.insert(id, place);
        self.slots.push(Some(Slot::new(id, router, timer)));
        self.judge_iface(place);
    }

    /// Applies one input. `now` must not go backwards. Effects wait in [`Engine::poll_command`].
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Startup => self.begin(now),
            Input::Shutdown => self.shutdown(now),
            Input::Timeout => self.timeout(now),
            Input::Datagram {
                iface,
                arrived,
                datagram,
            } => {
                self.receive(now, iface, arrived, &datagram);
            }
            Input::Link { iface, up } => {
                let known = self.ifaces.entry(iface).or_default();
                known.up = up;
                self.iface_changed(now, iface);
            }
            Input::Primary {
                iface,
                family,
                address,
            } => {
                let known = self.ifaces.entry(iface).or_default();
                match family {
                    Family::V4 => known.v4 = address,
                    Family::V6 => known.v6 = address,
                }
                self.iface_changed(now, iface);
            }
            Input::Blocked { router, blocked } => {
                if let Some(&place) = self.places.get(&router) {
                    self.set_fault(place, FaultCause::Blocked, blocked);
                    self.reconcile(now, place, Cause::Fault(FaultCause::Blocked));
                }
            }
            Input::Lost(router) => self.step_one(now, router, Event::Lost),
            Input::SendFailed(router) => {
                if let Some(slot) = self.slot_mut(router) {
                    slot.stats.tx_errors += 1;
                }
            }
            Input::Drain(scope) => self.drain(now, scope, true),
            Input::Undrain(scope) => self.drain(now, scope, false),
            // In the next step.
            Input::ScriptExited { .. }
            | Input::TrackUp { .. }
            | Input::TrackValue { .. }
            | Input::TrackCount { .. }
            | Input::AnnounceNow(_)
            | Input::WallClock(_)
            | Input::Reload(_)
            | Input::Resume(_)
            | Input::ClearStats(_) => {}
        }
    }

    /// The next thing to do, in order.
    #[must_use]
    pub fn poll_command(&mut self) -> Option<Command> {
        self.fifo.pop_front()
    }

    /// When [`Input::Timeout`] is due next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Every virtual router, for those who look.
    pub fn snapshots(&self) -> impl Iterator<Item = Snapshot> + '_ {
        let stopped = self.phase == Phase::Stopped;
        self.slots
            .iter()
            .flatten()
            .map(move |slot| slot.snapshot(stopped))
    }

    /// One virtual router, for those who look.
    pub fn snapshot(&self, router: RouterId) -> Option<Snapshot> {
        let place = *self.places.get(&router)?;
        let slot = self.slots.get(place)?.as_ref()?;
        Some(slot.snapshot(self.phase == Phase::Stopped))
    }

    /// Counters of the engine as a whole.
    pub const fn stats(&self) -> &EngineStats {
        &self.stats
    }

    /// Roles and deadlines, for [`Input::Resume`] in the next process.
    pub fn save(&self, now: Instant) -> Saved {
        Saved {
            at: now,
            routers: Vec::new(),
        }
    }

    fn router(&self, id: RouterId) -> Option<&VirtualRouter> {
        let place = *self.places.get(&id)?;
        self.slots.get(place)?.as_ref().map(|slot| &slot.router)
    }

    fn slot_mut(&mut self, id: RouterId) -> Option<&mut Slot> {
        let place = *self.places.get(&id)?;
        self.slots.get_mut(place)?.as_mut()
    }

    fn begin(&mut self, now: Instant) {
        if self.phase != Phase::Waiting {
            return;
        }
        let boot = Instant::ZERO + self.config.delay_after_boot;
        let start = boot.max(now + self.config.startup_delay);
        if start > now {
            self.phase = Phase::Delayed;
            self.timers.set(self.startup, Some(start));
            let delay = start.saturating_duration_since(now);
            self.tell(EngineReport::DelayingStartup(delay));
        } else {
            self.run(now);
        }
    }

    fn run(&mut self, now: Instant) {
        self.phase = Phase::Running;
        for place in 0..self.slots.len() {
            self.reconcile(now, place, Cause::Startup);
        }
    }

    fn shutdown(&mut self, now: Instant) {
        self.phase = Phase::Stopped;
        for place in 0..self.slots.len() {
            self.reconcile(now, place, Cause::Shutdown);
        }
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Startup => {
                    self.tell(EngineReport::DelayedStartCompleted);
                    self.run(now);
                }
                Timer::Router(place) => self.step(now, place, Event::Timeout),
            }
        }
    }

    fn iface_changed(&mut self, now: Instant, iface: IfaceId) {
        let count = self
            .ifaces
            .get(&iface)
            .map_or(0, |iface| iface.routers.len());
        for at in 0..count {
            let place = self
                .ifaces
                .get(&iface)
                .and_then(|iface| iface.routers.get(at))
                .copied();
            if let Some(place) = place {
                let cause = self
                    .judge_iface(place)
                    .unwrap_or(FaultCause::Interface(iface));
                self.reconcile(now, place, Cause::Fault(cause));
            }
        }
    }

    /// What the own interface says about a router; answers the cause of fault, if any.
    fn judge_iface(&mut self, place: Place) -> Option<FaultCause> {
        let slot = self.slots.get_mut(place)?.as_mut()?;
        let config = slot.router.config();
        let (id, source) = (config.iface, config.source);
        let iface = self.ifaces.get(&id)?;
        let down = config.track_own_iface && !iface.up;
        let primary = source.or_else(|| iface.primary(config.family));
        if let Some(primary) = primary {
            slot.router
                .handle(Instant::ZERO, Event::Primary(primary), &mut Vec::new());
        }
        self.set_fault(place, FaultCause::Interface(id), down);
        self.set_fault(place, FaultCause::NoPrimary(id), primary.is_none());
        match (down, primary) {
            (true, _) => Some(FaultCause::Interface(id)),
            (false, None) => Some(FaultCause::NoPrimary(id)),
            (false, Some(_)) => None,
        }
    }

    fn set_fault(&mut self, place: Place, cause: FaultCause, present: bool) {
        let running = self.phase == Phase::Running;
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let changed = if present {
            slot.faults.insert(cause)
        } else {
            slot.faults.remove(&cause)
        };
        if changed && running {
            let report = if present {
                Report::FaultRaised(cause)
            } else {
                Report::FaultCleared(cause)
            };
            self.fifo
                .push_back(Command::Report(Notice::Router(slot.id, report)));
        }
    }

    /// Brings the role in line with what stands in its way.
    fn reconcile(&mut self, now: Instant, place: Place, cause: Cause) {
        let Some(slot) = self.slots.get(place).and_then(Option::as_ref) else {
            return;
        };
        let held = self.phase != Phase::Running || !slot.faults.is_empty();
        match (slot.router.role(), held) {
            (Role::Initialize, false) if !slot.drained => self.step(now, place, Event::Startup),
            (Role::Backup | Role::Active, true) => self.step(now, place, Event::Shutdown(cause)),
            (Role::Initialize, _) => self.publish(now, place, cause),
            (Role::Backup | Role::Active, false) => {}
        }
    }

    fn drain(&mut self, now: Instant, scope: Scope, on: bool) {
        let place = match scope {
            Scope::All | Scope::Group(_) => None,
            Scope::Router(router) => self.places.get(&router).copied(),
        };
        let places = place.map_or(0..self.slots.len(), |place| place..place + 1);
        for place in places {
            if let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) {
                slot.drained = on;
                self.step(now, place, if on { Event::Drain } else { Event::Undrain });
                self.reconcile(now, place, Cause::Undrained);
            }
        }
    }

    fn step_one(&mut self, now: Instant, router: RouterId, event: Event) {
        if let Some(&place) = self.places.get(&router) {
            self.step(now, place, event);
        }
    }

    /// Gives one event to one router and does what follows from it.
    fn step(&mut self, now: Instant, place: Place, event: Event) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let mut sink = Sink {
            router: slot.id,
            now,
            fifo: &mut self.fifo,
            stats: &mut slot.stats,
            sequence: &mut slot.sequence,
            transition: None,
        };
        slot.router.handle(now, event, &mut sink);
        let transition = sink.transition;
        self.timers
            .set(slot.timer, slot.router.deadline().map(|(at, _)| at));
        if let Some(transition) = transition {
            self.publish(now, place, transition.cause);
        }
    }

    /// Tells the world if the status of a router is another one than it was told last.
    fn publish(&mut self, now: Instant, place: Place, cause: Cause) {
        let stopped = self.phase == Phase::Stopped;
        let waiting = matches!(self.phase, Phase::Waiting | Phase::Delayed);
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let status = slot.status(stopped);
        let to = if status == Status::Draining {
            Status::Active
        } else {
            status
        };
        let from = core::mem::replace(&mut slot.told, to);
        if from != to && !waiting {
            slot.changed = Some((now, cause));
            let (subject, priority) = (Subject::Router(slot.id), slot.router.priority());
            self.fifo.push_back(Command::Transition {
                subject,
                from,
                to,
                cause,
                priority,
            });
        }
    }

    fn tell(&mut self, report: EngineReport) {
        self.fifo.push_back(Command::Report(Notice::Engine(report)));
    }
}

#[cfg(test)]
mod tests;

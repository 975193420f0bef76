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
mod group;
mod iface;
mod io;
mod judge;
mod pacing;
mod receive;
mod reload;
mod resume;
mod slot;
mod split;
mod timers;
mod track;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use vrrp_proto::{Family, Vrid};

use crate::action::{Role, TimerKind};
use crate::config::EngineConfig;
use crate::event::Event;
use crate::priority::Verdict;
use crate::report::EngineReport;
use crate::snapshot::{Contribution, Snapshot};
use crate::{EngineStats, GroupId, IfaceId, Instant, RouterId, Stats, TrackId, VirtualRouter};

pub use encode::EncodeError;
pub use io::{Advertisement, Announcement, Command, Input, Notice, Scope, Subject};

use group::GroupState;
use iface::Iface;
use pacing::Pace;
use slot::{After, Clock, Place, Said, Sink, Slot};
use timers::{TimerId, Timers};
use track::Tracker;

/// All virtual routers of one VRRP router.
#[derive(Clone, Debug)]
pub struct Engine {
    phase: Phase,
    /// When [`Input::Startup`] came.
    begun: Instant,
    slots: Vec<Option<Slot>>,
    free: Vec<Place>,
    places: BTreeMap<RouterId, Place>,
    /// Removed by the last reload. Their last adverts are encoded when the caller comes to it, and that may be after
    /// other inputs.
    departed: BTreeMap<RouterId, VirtualRouter>,
    demux: BTreeMap<(IfaceId, Family, Vrid), Vec<Place>>,
    ifaces: BTreeMap<IfaceId, Iface>,
    trackers: BTreeMap<TrackId, Tracker>,
    groups: BTreeMap<GroupId, GroupState>,
    /// Whose status has to be worked out anew.
    dirty_groups: Vec<GroupId>,
    paces: BTreeMap<u32, Pace>,
    timers: Timers<Timer>,
    startup: TimerId,
    fifo: VecDeque<Command>,
    /// Scratch of [`Engine::timeout`].
    early: Vec<Timer>,
    stats: EngineStats,
    said: Said,
    /// UTC, and when it was told.
    wall: Option<(Instant, Duration)>,
    /// All but the routers, groups and trackers, which are above.
    config: EngineConfig,
}

/// How far the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before [`Input::Startup`].
    Waiting,
    /// In the startup delay: nothing starts, faults are told.
    Delayed,
    Running,
    Stopped,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Startup,
    Router(Place),
    Track(TrackId),
    Pace(u32),
    Link(IfaceId),
}

impl Engine {
    /// An engine that waits for [`Input::Startup`]; links, addresses and trackers are told first.
    pub fn new(config: EngineConfig) -> Self {
        let mut timers = Timers::new();
        let startup = timers.add(Timer::Startup);
        let mut engine = Self {
            phase: Phase::Waiting,
            begun: Instant::ZERO,
            slots: Vec::new(),
            free: Vec::new(),
            places: BTreeMap::new(),
            departed: BTreeMap::new(),
            demux: BTreeMap::new(),
            ifaces: BTreeMap::new(),
            trackers: BTreeMap::new(),
            groups: BTreeMap::new(),
            dirty_groups: Vec::new(),
            paces: BTreeMap::new(),
            timers,
            startup,
            fifo: VecDeque::new(),
            early: Vec::new(),
            stats: EngineStats::default(),
            said: Said::default(),
            wall: None,
            config: EngineConfig::default(),
        };
        engine.reload(Instant::ZERO, config);
        engine
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
            Input::Link { iface, up } => self.link(now, iface, up),
            Input::Primary {
                iface,
                family,
                address,
            } => self.primary(now, iface, family, address),
            Input::ScriptExited { track, outcome } => self.script_exited(now, track, outcome),
            Input::TrackUp { track, up } => self.track_up(now, track, up),
            Input::TrackValue { track, value } => self.track_value(now, track, value),
            Input::TrackCount { track, count } => self.track_count(now, track, count),
            Input::Blocked { router, blocked } => {
                if let Some(place) = self.places.get(&router).copied()
                    && let Some(slot) = self.slot_mut(place)
                    && core::mem::replace(&mut slot.blocked, blocked) != blocked
                {
                    self.refresh(now, &[place]);
                }
            }
            Input::SendFailed(router) => {
                if let Some(place) = self.places.get(&router).copied()
                    && let Some(slot) = self.slot_mut(place)
                {
                    slot.stats.tx_errors += 1;
                }
            }
            Input::Drain(scope) => self.drain(now, scope, true),
            Input::Undrain(scope) => self.drain(now, scope, false),
            Input::AnnounceNow(router) => {
                if let Some(&place) = self.places.get(&router) {
                    self.act(now, place, |router, out| router.announce_now(out));
                }
            }
            //= TIM-08
            Input::WallClock(utc) => self.wall = Some((now, utc)),
            // Who has stopped does not begin again.
            Input::Reload(_) if self.phase == Phase::Stopped => {}
            Input::Reload(config) => self.reload(now, *config),
            Input::Resume(saved) => self.resume(now, saved),
            Input::ClearStats(router) => self.clear_stats(now, router),
        }
        self.publish_groups();
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
        self.places
            .values()
            .filter_map(|&place| self.slot(place))
            .map(|slot| self.show(slot))
    }

    /// One virtual router, for those who look.
    pub fn snapshot(&self, router: RouterId) -> Option<Snapshot> {
        self.slot(*self.places.get(&router)?)
            .map(|slot| self.show(slot))
    }

    /// Counters of the engine as a whole.
    pub const fn stats(&self) -> &EngineStats {
        &self.stats
    }

    fn show(&self, slot: &Slot) -> Snapshot {
        let router = &slot.router;
        let contributions = slot.tracked.iter().map(|tracked| {
            let verdict = self.verdict(tracked);
            Contribution {
                what: tracked.what,
                weight: if let Verdict::Weight(weight) = verdict {
                    weight
                } else {
                    0
                },
                fault: verdict == Verdict::Fault,
                pending: verdict == Verdict::Pending,
            }
        });
        Snapshot {
            router: slot.id,
            group: slot.group,
            role: router.role(),
            status: slot.status(self.phase == Phase::Stopped),
            changed: slot.changed,
            faults: slot.faults.iter().copied().collect(),
            pending: slot.pending || slot.group_pending,
            base_priority: router.config().priority,
            priority: router.priority(),
            contributions: contributions.collect(),
            primary: router.primary(),
            last_active: router.last_active(),
            //= STA-21
            advert_interval: router.config().interval,
            active_adver_interval: router.active_adver_interval(),
            skew_time: router.skew_time(),
            active_down_interval: router.active_down_interval(),
            deadline: router.deadline(),
            peers: slot.peers.clone(),
            split_brain: slot.split,
            stats: slot.stats,
        }
    }

    fn slot(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place).and_then(Option::as_ref)
    }

    fn slot_mut(&mut self, place: Place) -> Option<&mut Slot> {
        self.slots.get_mut(place).and_then(Option::as_mut)
    }

    /// A router whose adverts are to be encoded, and whether with the checksum of old.
    fn sender(&self, id: RouterId) -> Option<(&VirtualRouter, bool)> {
        match self.places.get(&id) {
            Some(&place) => self
                .slot(place)
                .map(|slot| (&slot.router, slot.old_checksum)),
            None => self.departed.get(&id).map(|router| (router, false)),
        }
    }

    fn clock(&self, now: Instant) -> Clock {
        let utc = self
            .wall
            .map(|(at, utc)| utc + now.saturating_duration_since(at));
        Clock {
            now,
            utc: utc.unwrap_or_default(),
        }
    }

    fn begin(&mut self, now: Instant) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.begun = now;
        self.delay_startup(now);
        self.start_trackers(now);
        self.refresh_all(now);
    }

    fn shutdown(&mut self, now: Instant) {
        self.phase = Phase::Stopped;
        self.reconcile_all(now);
        self.timers.set(self.startup, None);
        for tracker in self.trackers.values() {
            self.timers.set(tracker.timer, None);
        }
    }

    fn timeout(&mut self, now: Instant) {
        while let Some((due, timer)) = self.timers.pop_due(now) {
            match timer {
                Timer::Startup => {
                    self.tell(EngineReport::DelayedStartCompleted);
                    self.phase = Phase::Running;
                    self.refresh_all(now);
                }
                Timer::Router(place) => self.router_timeout(now, due, place),
                Timer::Track(track) => self.track_timeout(now, track),
                Timer::Pace(group) => self.pace_timeout(now, group),
                Timer::Link(iface) => self.link_timeout(now, iface),
            }
        }
        if !self.config.slack.is_zero() {
            self.advertise_early(now);
        }
    }

    fn router_timeout(&mut self, now: Instant, due: Instant, place: Place) {
        let Some(slot) = self.slot_mut(place) else {
            return;
        };
        //= STA-24
        let late = now.saturating_duration_since(due).as_micros();
        let late = u64::try_from(late).unwrap_or(u64::MAX);
        slot.stats.late_timer_max_us = slot.stats.late_timer_max_us.max(late);
        let group = slot.group;
        if slot
            .suspect
            .as_ref()
            .is_some_and(|suspect| suspect.silent_at() <= now)
        {
            self.healed(now, place);
        }
        match group {
            Some(group) => self.timeout_in_group(now, place, group),
            None => self.step(now, place, Event::Timeout),
        }
    }

    /// Adverts that are due within the slack leave together with those that are due.
    //= TIM-07
    fn advertise_early(&mut self, now: Instant) {
        let slack = self.config.slack;
        let mut early = core::mem::take(&mut self.early);
        self.timers.due_until(now + slack, &mut early);
        for timer in early.drain(..) {
            let Timer::Router(place) = timer else {
                continue;
            };
            let due = self.slot(place).and_then(|slot| slot.router.deadline());
            if due.is_some_and(|(_, kind)| kind == TimerKind::Adver) {
                self.act(now, place, |router, out| {
                    router.advertise_early(now + slack, out)
                });
            }
        }
        self.early = early;
    }

    /// A sync group drains whole.
    fn drain(&mut self, now: Instant, scope: Scope, on: bool) {
        let router = match scope {
            Scope::All | Scope::Group(_) => None,
            Scope::Router(router) => self.places.get(&router).copied(),
        };
        let group = match scope {
            Scope::All => None,
            Scope::Group(group) => Some(group),
            Scope::Router(_) => router.and_then(|place| self.slot(place)?.group),
        };
        let places: Vec<Place> = match (scope, group) {
            (Scope::All, _) => (0..self.slots.len()).collect(),
            (_, Some(group)) => self
                .groups
                .get(&group)
                .map(|group| group.members.clone())
                .unwrap_or_default(),
            (_, None) => router.into_iter().collect(),
        };
        for place in places {
            if let Some(slot) = self.slot_mut(place) {
                slot.drained = on;
                self.step(now, place, if on { Event::Drain } else { Event::Undrain });
                self.reconcile(now, place);
            }
        }
    }

    fn clear_stats(&mut self, now: Instant, router: Option<RouterId>) {
        let only = router.map(|router| self.places.get(&router).copied());
        for (place, slot) in self.slots.iter_mut().enumerate() {
            if let Some(slot) = slot
                && only.is_none_or(|only| only == Some(place))
            {
                let (new_active_reason, up_since) =
                    (slot.stats.new_active_reason, slot.stats.up_since);
                slot.stats = Stats {
                    new_active_reason,
                    up_since,
                    discontinuity: now,
                    ..Stats::default()
                };
            }
        }
        //= STA-20
        if only.is_none() {
            self.stats = EngineStats {
                discontinuity: now,
                ..EngineStats::default()
            };
        }
    }

    /// Gives one event to one router and does what follows from it.
    fn step(&mut self, now: Instant, place: Place, event: Event) {
        self.act(now, place, |router, out| router.handle(now, event, out));
    }

    /// Does something to one router, and all that follows from it.
    fn act(
        &mut self,
        now: Instant,
        place: Place,
        act: impl FnOnce(&mut VirtualRouter, &mut Sink<'_>),
    ) {
        let clock = self.clock(now);
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let mut sink = Sink {
            id: slot.id,
            clock,
            fifo: &mut self.fifo,
            stats: &mut slot.stats,
            numbers: &mut slot.numbers,
            said: &mut slot.said,
            paced: slot.paced,
            after: After::default(),
        };
        act(&mut slot.router, &mut sink);
        let After {
            transition,
            rounds,
            elsewhere,
            withdrawn,
            lower_burst,
        } = sink.after;
        slot.touched = slot.touched.max(now);
        let (id, group) = (slot.id, slot.group);
        let stray = slot.drained && slot.router.role() == Role::Backup;
        let left = transition.filter(|transition| transition.from == Role::Active);
        let healed = left.and_then(|_| slot.heal(now));
        self.timers.set(slot.timer, slot.deadline());
        self.tell_router(place, healed);
        if withdrawn {
            self.forget_announcements(id);
        }
        if let Some(rounds) = rounds {
            self.pace(now, place, rounds);
        }
        if elsewhere {
            self.announce_elsewhere(place);
        }
        if let Some(transition) = transition {
            self.publish(now, place, transition.cause);
            if let Some(group) = group {
                self.follow(now, group, transition);
            }
        }
        if let (true, Some(group)) = (lower_burst, group) {
            self.announce_with(now, place, group);
        }
        if stray {
            // It lost the role in another way than by handing it over.
            self.step(now, place, Event::Drain);
        }
    }

    /// After anything but an event changed what a router waits for.
    fn rearm(&mut self, place: Place) {
        if let Some(slot) = self.slots.get(place).and_then(Option::as_ref) {
            self.timers.set(slot.timer, slot.deadline());
        }
    }

    fn tell(&mut self, report: EngineReport) {
        self.fifo.push_back(Command::Report(Notice::Engine(report)));
    }
}

#[cfg(test)]
mod tests;

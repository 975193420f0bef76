//! A new configuration as a difference: what is the same goes on undisturbed, with its role, its
//! deadlines and its counters.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::group::GroupState;
use super::io::{Announcement, Command};
use super::slot::{Place, Slot};
use super::{Engine, Phase, Timer};
use crate::action::{Cause, Role, Status};
use crate::config::{Announced, EngineConfig, GroupConfig, RouterConfig, Trackee, TrackerConfig};
use crate::event::Event;
use crate::report::EngineReport;
use crate::{GroupId, Instant, RouterId, TrackId, VirtualRouter};

impl Engine {
    pub(super) fn reload(&mut self, now: Instant, config: EngineConfig) {
        let EngineConfig {
            routers,
            groups,
            trackers,
            ..
        } = config;
        let lists = EngineConfig {
            routers: BTreeMap::new(),
            groups: BTreeMap::new(),
            trackers: BTreeMap::new(),
            ..config
        };
        self.departed.clear();
        self.remove_missing(now, &routers);
        self.said.clear();
        self.config = lists;
        self.replace_trackers(trackers);
        self.replace_groups(groups);
        for (id, router) in routers {
            match self.places.get(&id).copied() {
                Some(place) => self.reconfigure(now, place, router),
                None => self.add(id, router),
            }
        }
        self.rewire();
        self.check_link_delays();
        if self.phase == Phase::Delayed {
            self.delay_startup(now);
        }
        if self.phase != Phase::Waiting {
            self.start_trackers(now);
            self.refresh_all(now);
        }
    }

    /// Routers that are no longer configured, or under whose number another one is, leave in order.
    fn remove_missing(&mut self, now: Instant, routers: &BTreeMap<RouterId, RouterConfig>) {
        let key = |config: &RouterConfig| (config.iface, config.family, config.vrid);
        for place in 0..self.slots.len() {
            let Some(slot) = self.slot(place) else {
                continue;
            };
            let same = routers
                .get(&slot.id)
                .is_some_and(|config| key(config) == key(slot.router.config()));
            if same {
                continue;
            }
            let id = slot.id;
            if let Some(slot) = self.slot_mut(place) {
                // It leads nobody: its group goes on without it.
                slot.group = None;
            }
            let silent = slot_is_silent(self.slot(place));
            self.step(now, place, Event::Shutdown(Cause::Removed));
            if !silent {
                self.tell_status(now, place, Status::Removed, Cause::Removed);
            }
            self.forget_announcements(id);
            self.places.remove(&id);
            if let Some(slot) = self.slots.get_mut(place).and_then(Option::take) {
                self.timers.remove(slot.timer);
                self.free.push(place);
                // Its last advert is still to be encoded.
                self.departed.insert(id, slot.router);
            }
        }
    }

    fn replace_trackers(&mut self, trackers: BTreeMap<TrackId, TrackerConfig>) {
        let mut old = core::mem::take(&mut self.trackers);
        let running = self.phase != Phase::Waiting;
        for (id, config) in trackers {
            self.add_tracker(id, config, running);
            if let (Some(new), Some(old)) = (self.trackers.get_mut(&id), old.get(&id))
                && new.inherit(old)
            {
                continue;
            }
            if old.get(&id).is_some_and(super::track::Tracker::is_running) {
                self.fifo.push_back(Command::StopScript {
                    track: id,
                    force: false,
                });
            }
        }
        let gone: Vec<TrackId> = old
            .keys()
            .filter(|id| !self.trackers.contains_key(id))
            .copied()
            .collect();
        for id in gone {
            if old.get(&id).is_some_and(super::track::Tracker::is_running) {
                self.fifo.push_back(Command::StopScript {
                    track: id,
                    force: false,
                });
            }
        }
        while let Some((_, tracker)) = old.pop_first() {
            self.timers.remove(tracker.timer);
        }
    }

    fn replace_groups(&mut self, groups: BTreeMap<GroupId, GroupConfig>) {
        let old = core::mem::take(&mut self.groups);
        for (id, config) in groups {
            let told = old.get(&id).map_or(Status::Initialize, GroupState::told);
            self.groups.insert(id, GroupState::new(config, told));
        }
    }

    pub(super) fn add(&mut self, id: RouterId, config: RouterConfig) {
        let place = self.free.pop().unwrap_or(self.slots.len());
        let timer = self.timers.add(Timer::Router(place));
        let slot = Slot::new(id, VirtualRouter::new(config), timer);
        match self.slots.get_mut(place) {
            Some(free) => *free = Some(slot),
            None => self.slots.push(Some(slot)),
        }
        self.places.insert(id, place);
    }

    /// The same router, told otherwise.
    fn reconfigure(&mut self, now: Instant, place: Place, config: RouterConfig) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let old = slot.router.config();
        if *old == config {
            return;
        }
        let added: Vec<Announced> = config
            .announced
            .iter()
            .filter(|new| !old.announced.contains(new))
            .copied()
            .collect();
        let update = old.announced != config.announced
            || old.addresses != config.addresses
            || old.fingerprint != config.fingerprint;
        slot.numbers.configure(&config);
        slot.old_checksum |= config.old_unicast_checksum;
        let (id, rounds) = (slot.id, config.announce.burst.max(1));
        let active = slot.router.role() == Role::Active;
        self.act(now, place, |router, out| {
            router.reconfigure(now, config, out)
        });
        if active && update {
            self.fifo.push_back(Command::Update(id));
            //= R9568-8.1.2-03
            if !added.is_empty() {
                let what = Announcement::These(added.into_boxed_slice());
                self.fifo.push_back(Command::Announce {
                    router: id,
                    what,
                    rounds,
                });
            }
        }
    }

    /// Works out anew who depends on what.
    pub(super) fn rewire(&mut self) {
        self.demux.clear();
        for iface in self.ifaces.values_mut() {
            iface.watchers.clear();
        }
        let mut groups = core::mem::take(&mut self.groups);
        for slot in self.slots.iter_mut().flatten() {
            slot.group = None;
        }
        for (&id, group) in &mut groups {
            group.members = group
                .config
                .members
                .iter()
                .filter_map(|id| self.places.get(id).copied())
                .collect();
            for &place in &group.members {
                if let Some(slot) = self.slot_mut(place) {
                    slot.group = Some(id);
                }
            }
        }
        for place in 0..self.slots.len() {
            let Some(slot) = self.slot(place) else {
                continue;
            };
            let config = slot.router.config();
            let tracked = match slot.group.and_then(|group| groups.get(&group)) {
                None => config.tracked.clone(),
                Some(group) => self.tracked_in_group(&config.tracked, &group.config),
            };
            let paced = self.is_paced(&config.announced);
            let key = (config.iface, config.family, config.vrid);
            self.demux.entry(key).or_default().push(place);
            self.watch(place, Trackee::Iface(key.0));
            for tracked in &tracked {
                self.watch(place, tracked.what);
            }
            if let Some(slot) = self.slot_mut(place) {
                slot.tracked = tracked;
                slot.paced = paced;
            }
        }
        self.groups = groups;
    }

    fn watch(&mut self, place: Place, what: Trackee) {
        let watchers = match what {
            Trackee::Iface(iface) => &mut self.ifaces.entry(iface).or_default().watchers,
            Trackee::Track(track) => match self.trackers.get_mut(&track) {
                Some(tracker) => &mut tracker.users,
                None => return,
            },
        };
        if watchers.last() != Some(&place) {
            watchers.push(place);
        }
    }

    /// Waits with everything until the startup delay is over, or does not wait.
    pub(super) fn delay_startup(&mut self, now: Instant) {
        let boot = Instant::ZERO + self.config.delay_after_boot;
        let start = boot.max(self.begun + self.config.startup_delay);
        if start > now {
            self.phase = Phase::Delayed;
            self.timers.set(self.startup, Some(start));
            let delay = start.saturating_duration_since(now);
            self.tell(EngineReport::DelayingStartup(delay));
        } else {
            if self.phase == Phase::Delayed {
                self.timers.set(self.startup, None);
                self.tell(EngineReport::DelayedStartCompleted);
            }
            self.phase = Phase::Running;
        }
    }
}

/// Whether the world was never told of a router.
fn slot_is_silent(slot: Option<&Slot>) -> bool {
    slot.is_none_or(|slot| slot.told == Status::Initialize)
}

#[cfg(test)]
mod tests;

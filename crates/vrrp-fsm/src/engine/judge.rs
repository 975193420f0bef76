//! What stands in the way of a router, and its effective priority: links, addresses, trackers, the
//! rest of its sync group. The role follows from it here and nowhere else.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::group::GroupState;
use super::io::{Command, Notice, Subject};
use super::slot::{Place, Slot};
use super::{Engine, Phase};
use crate::action::{Cause, Role, Status};
use crate::config::{Tracked, Trackee};
use crate::event::Event;
use crate::priority::{Reading, Verdict, effective, judge};
use crate::report::{FaultCause, Report};
use crate::{GroupId, Instant};

impl Engine {
    /// After anything changed that these routers depend on: judges them, then their groups, then
    /// starts and stops whom it concerns.
    pub(super) fn refresh(&mut self, now: Instant, places: &[Place]) {
        if self.phase == Phase::Waiting {
            return;
        }
        for &place in places {
            self.judge(now, place);
        }
        let groups: BTreeSet<GroupId> = places
            .iter()
            .filter_map(|&place| self.slot(place)?.group)
            .collect();
        for &group in &groups {
            self.judge_group(group);
        }
        for &place in places {
            if self.slot(place).is_some_and(|slot| slot.group.is_none()) {
                self.reconcile(now, place);
            }
        }
        for &group in &groups {
            self.each_member(group, |engine, member| engine.reconcile(now, member));
        }
    }

    /// The same for all, in the order of the routers.
    pub(super) fn refresh_all(&mut self, now: Instant) {
        self.judge_all(now);
        self.reconcile_all(now);
    }

    pub(super) fn judge_all(&mut self, now: Instant) {
        for place in 0..self.slots.len() {
            self.judge(now, place);
        }
        let groups: Vec<GroupId> = self.groups.keys().copied().collect();
        for group in groups {
            self.judge_group(group);
        }
    }

    pub(super) fn reconcile_all(&mut self, now: Instant) {
        for place in 0..self.slots.len() {
            self.reconcile(now, place);
        }
    }

    /// What is known of a tracked thing.
    fn reading(&self, what: Trackee) -> Reading {
        match what {
            Trackee::Iface(iface) => {
                Reading::Good(self.ifaces.get(&iface).is_some_and(|iface| iface.up))
            }
            Trackee::Track(track) => self
                .trackers
                .get(&track)
                .map_or(Reading::Neutral, |tracker| tracker.reading()),
        }
    }

    pub(super) fn verdict(&self, tracked: &Tracked) -> Verdict {
        judge(tracked, self.reading(tracked.what))
    }

    /// Looks at everything that the router itself depends on.
    fn judge(&mut self, now: Instant, place: Place) {
        let Some(slot) = self.slot(place) else { return };
        let config = slot.router.config();
        let mut faults = BTreeSet::new();
        let iface = self.ifaces.get(&config.iface);
        if config.track_own_iface && !iface.is_some_and(|iface| iface.up) {
            faults.insert(FaultCause::Interface(config.iface));
        }
        let primary = config
            .source
            .or_else(|| iface.and_then(|iface| iface.primary(config.family)));
        if primary.is_none() {
            faults.insert(FaultCause::NoPrimary(config.iface));
        }
        if slot.blocked {
            faults.insert(FaultCause::Blocked);
        }
        let (mut pending, mut sum) = (false, 0_i32);
        for tracked in &slot.tracked {
            match (self.verdict(tracked), tracked.what) {
                (Verdict::Pending, _) => pending = true,
                // Weights do not touch an owner, nor does what a file's weight comes to.
                (Verdict::Fault, _) if tracked.weight != 0 && config.priority.is_owner() => {}
                (Verdict::Fault, Trackee::Iface(id)) => {
                    faults.insert(FaultCause::Interface(id));
                }
                (Verdict::Fault, Trackee::Track(id)) => {
                    faults.insert(FaultCause::Tracker(id));
                }
                (Verdict::Weight(weight), _) => sum = sum.saturating_add(weight),
            }
        }
        let priority = effective(config.priority, sum);

        if let Some(slot) = self.slot_mut(place) {
            slot.pending = pending;
        }
        if let Some(primary) = primary {
            self.step(now, place, Event::Primary(primary));
        }
        self.set_faults(place, faults);
        self.set_priority(now, place, priority);
    }

    /// A group is held back by each of its members.
    //= KA-STATE-05
    pub(super) fn judge_group(&mut self, id: GroupId) {
        let Some(GroupState { members, .. }) = self.groups.get(&id) else {
            return;
        };
        let slots = || members.iter().filter_map(|&place| self.slot(place));
        let faulty = slots().filter(|slot| slot.has_own_fault()).count();
        let pending = slots().any(|slot| slot.pending);
        for at in 0..members.len() {
            let Some(&place) = self.groups.get(&id).and_then(|group| group.members.get(at)) else {
                break;
            };
            let Some(slot) = self.slot_mut(place) else {
                continue;
            };
            slot.group_pending = pending;
            let own = usize::from(slot.has_own_fault());
            let mut faults: BTreeSet<FaultCause> = slot.own_faults().collect();
            if faulty > own {
                faults.insert(FaultCause::Group(id));
            }
            self.set_faults_whole(place, faults);
        }
    }

    /// Replaces the router's own faults; what its group causes stays.
    fn set_faults(&mut self, place: Place, mut faults: BTreeSet<FaultCause>) {
        if let Some(slot) = self.slot(place) {
            faults.extend(
                slot.faults
                    .iter()
                    .filter(|cause| matches!(cause, FaultCause::Group(_)))
                    .copied(),
            );
            self.set_faults_whole(place, faults);
        }
    }

    fn set_faults_whole(&mut self, place: Place, faults: BTreeSet<FaultCause>) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let old = core::mem::replace(&mut slot.faults, faults);
        let raised = slot
            .faults
            .difference(&old)
            .map(|cause| Report::FaultRaised(*cause));
        let cleared = old
            .difference(&slot.faults)
            .map(|cause| Report::FaultCleared(*cause));
        if let Some(cause) = slot.faults.difference(&old).next() {
            slot.last_fault = Some(*cause);
        }
        self.fifo.extend(
            raised
                .chain(cleared)
                .map(|report| Command::Report(Notice::Router(slot.id, report))),
        );
    }

    fn set_priority(&mut self, now: Instant, place: Place, priority: vrrp_proto::Priority) {
        let Some(slot) = self.slot(place) else { return };
        let before = slot.router.tracked_priority();
        self.step(now, place, Event::Priority(priority));
        let Some(slot) = self.slot(place) else { return };
        // The classic surprise: every check failed, and nothing moves.
        if priority < before && slot.router.role() == Role::Active {
            let best = slot.peers.iter().max_by_key(|peer| peer.priority);
            if let Some(peer) = best.filter(|peer| peer.priority < priority) {
                let (source, peer) = (peer.address, peer.priority);
                let report = Report::StillAbovePeer {
                    priority,
                    source,
                    peer,
                };
                let notice = Notice::Router(slot.id, report);
                self.fifo.push_back(Command::Report(notice));
            }
        }
    }

    /// Brings the role in line with what stands in its way.
    //= KA-STATE-03
    pub(super) fn reconcile(&mut self, now: Instant, place: Place) {
        let Some(slot) = self.slot(place) else { return };
        let stopped = self.phase == Phase::Stopped;
        let held = self.phase != Phase::Running || slot.is_held();
        let cause = if stopped {
            Cause::Shutdown
        } else {
            match slot.last_fault.filter(|cause| slot.faults.contains(cause)) {
                Some(FaultCause::Group(group)) => Cause::Group(group),
                Some(fault) => Cause::Fault(fault),
                None => Cause::Startup,
            }
        };
        match (slot.router.role(), held) {
            (Role::Initialize, false) if !slot.drained => {
                let grouped = slot.group.is_some();
                let event = if grouped {
                    Event::StartupInGroup
                } else {
                    Event::Startup
                };
                self.step(now, place, event);
            }
            (Role::Backup | Role::Active, true) => self.step(now, place, Event::Shutdown(cause)),
            (Role::Backup, false) if slot.drained => self.step(now, place, Event::Drain),
            (Role::Initialize, _) => self.publish(now, place, cause),
            (Role::Backup | Role::Active, false) => {}
        }
    }

    /// Tells the world if the status of a router is another one than it was told last. Whoever waits
    /// for its first result stays silent.
    pub(super) fn publish(&mut self, now: Instant, place: Place, cause: Cause) {
        let stopped = self.phase == Phase::Stopped;
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let to = match slot.status(stopped) {
            Status::Initialize => return,
            Status::Draining => Status::Active,
            status @ (Status::Backup
            | Status::Active
            | Status::Drained
            | Status::Fault
            | Status::Stopped
            | Status::Removed) => status,
        };
        self.tell_status(now, place, to, cause);
    }

    pub(super) fn tell_status(&mut self, now: Instant, place: Place, to: Status, cause: Cause) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let from = core::mem::replace(&mut slot.told, to);
        if from == to {
            return;
        }
        let cause = match (cause, slot.last_fault) {
            (Cause::Startup, Some(fault)) => Cause::Recovered(fault),
            (cause, _) => cause,
        };
        if slot.faults.is_empty() {
            slot.last_fault = None;
        }
        slot.changed = Some((now, cause));
        slot.said.clear();
        let (subject, priority) = (Subject::Router(slot.id), slot.router.priority());
        if let Some(id) = slot.group
            && let Some(group) = self.groups.get_mut(&id)
            && !core::mem::replace(&mut group.dirty, true)
        {
            self.dirty_groups.push(id);
        }
        self.fifo.push_back(Command::Transition {
            subject,
            from,
            to,
            cause,
            priority,
        });
    }
}

impl Slot {
    fn own_faults(&self) -> impl Iterator<Item = FaultCause> + '_ {
        self.faults
            .iter()
            .filter(|cause| !matches!(cause, FaultCause::Group(_)))
            .copied()
    }

    fn has_own_fault(&self) -> bool {
        self.own_faults().next().is_some()
    }
}

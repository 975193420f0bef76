//! Sync groups: all members serve, or none.
//!
//! A member goes Active only when every other one wants to; one that falls back takes the others
//! along; a fault of one is a fault of all. Each input moves a member at most twice, so every cascade
//! ends.

use alloc::vec::Vec;

use vrrp_proto::Priority;

use super::io::{Command, Notice, Subject};
use super::slot::Place;
use super::{Engine, Phase};
use crate::action::{Cause, Role, Status, TimerKind, Transition};
use crate::config::{GroupConfig, Tracked, Trackee, TrackerConfig};
use crate::event::Event;
use crate::report::{GroupReport, Report};
use crate::{GroupId, Instant};

#[derive(Clone, Debug)]
pub(super) struct GroupState {
    pub(super) config: GroupConfig,
    /// Those members that are configured, in their order.
    pub(super) members: Vec<Place>,
    told: Status,
    /// Whether a member's status has changed since.
    pub(super) dirty: bool,
}

impl GroupState {
    pub(super) const fn new(config: GroupConfig, told: Status) -> Self {
        Self {
            config,
            members: Vec::new(),
            told,
            dirty: false,
        }
    }

    pub(super) const fn told(&self) -> Status {
        self.told
    }
}

impl Engine {
    /// A member's timer is due. If it is the Active_Down_Timer, the others are asked first.
    //= KA-STATE-05
    pub(super) fn timeout_in_group(&mut self, now: Instant, place: Place, group: GroupId) {
        let due = self.slot(place).and_then(|slot| slot.router.deadline());
        if due.is_some_and(|(at, kind)| kind == TimerKind::ActiveDown && now >= at)
            && !self
                .others(group, place)
                .all(|slot| slot.router.wants_active())
        {
            if let Some(slot) = self.slot(place) {
                let notice = Notice::Router(slot.id, Report::ActiveDownTimeout);
                self.fifo.push_back(Command::Report(notice));
            }
            self.step(now, place, Event::Hold);
        } else {
            self.step(now, place, Event::Timeout);
        }
    }

    fn others(
        &self,
        group: GroupId,
        place: Place,
    ) -> impl Iterator<Item = &super::slot::Slot> + '_ {
        let members = self
            .groups
            .get(&group)
            .map_or(&[][..], |group| &group.members);
        members
            .iter()
            .filter(move |&&other| other != place)
            .filter_map(|&other| self.slot(other))
    }

    /// Takes the other members along.
    pub(super) fn follow(&mut self, now: Instant, group: GroupId, transition: Transition) {
        let event = match (transition.from, transition.to, transition.cause) {
            // A member that follows leads nobody.
            (_, _, Cause::Group(_)) => return,
            (Role::Initialize | Role::Backup, Role::Active, Cause::Resumed) => return,
            (Role::Initialize | Role::Backup, Role::Active, _) => {
                Event::Demand(Role::Active, Cause::Group(group))
            }
            (Role::Active, Role::Backup, _) => Event::Demand(Role::Backup, Cause::Group(group)),
            // Faults spread by judging, drains member by member.
            (Role::Initialize, Role::Initialize | Role::Backup, _)
            | (Role::Backup, Role::Initialize | Role::Backup, _)
            | (Role::Active, Role::Initialize | Role::Active, _) => return,
        };
        let to = match transition.to {
            Role::Active => Status::Active,
            Role::Backup => Status::Backup,
            Role::Initialize => Status::Initialize,
        };
        let report = GroupReport::Syncing(to);
        self.fifo
            .push_back(Command::Report(Notice::Group(group, report)));
        self.each_member(group, |engine, other| {
            let role = engine.slot(other).map(|slot| slot.router.role());
            if role.is_some_and(|role| role != transition.to && role != Role::Initialize) {
                engine.step(now, other, event);
            }
        });
    }

    /// Somebody else claimed a member's addresses: the hosts of all members hear from us again.
    pub(super) fn announce_with(&mut self, now: Instant, place: Place, group: GroupId) {
        self.each_member(group, |engine, other| {
            if other != place {
                engine.act(now, other, |router, out| router.announce_lower(now, out));
            }
        });
    }

    pub(super) fn each_member(&mut self, group: GroupId, mut each: impl FnMut(&mut Self, Place)) {
        for at in 0.. {
            match self
                .groups
                .get(&group)
                .and_then(|group| group.members.get(at))
                .copied()
            {
                Some(member) => each(self, member),
                None => break,
            }
        }
    }

    /// After an input: tells the status of the groups whose members have moved.
    pub(super) fn publish_groups(&mut self) {
        let mut dirty = core::mem::take(&mut self.dirty_groups);
        for id in dirty.drain(..) {
            let status = self.group_status(id);
            let Some(group) = self.groups.get_mut(&id) else {
                continue;
            };
            group.dirty = false;
            let Some((to, cause)) = status else { continue };
            let from = core::mem::replace(&mut group.told, to);
            if from != to {
                let (subject, priority) = (Subject::Group(id), Priority::RELINQUISH);
                self.fifo.push_back(Command::Transition {
                    subject,
                    from,
                    to,
                    cause,
                    priority,
                });
            }
        }
        self.dirty_groups = dirty;
    }

    /// What the members have in common, and why the last of them moved.
    fn group_status(&self, id: GroupId) -> Option<(Status, Cause)> {
        let stopped = self.phase == Phase::Stopped;
        let members = &self.groups.get(&id)?.members;
        let slots = || members.iter().filter_map(|&place| self.slot(place));
        // Of those that moved last, the one that led.
        let led = |cause: &Cause| !matches!(cause, Cause::Group(_));
        let (_, cause) = slots()
            .filter_map(|slot| slot.changed)
            .max_by_key(|(at, cause)| (*at, led(cause)))?;
        let is = |status: Status| slots().all(|slot| slot.status(stopped) == status);
        let any = |status: Status| slots().any(|slot| slot.status(stopped) == status);
        let status = if stopped {
            Status::Stopped
        } else if any(Status::Fault) {
            Status::Fault
        } else if slots().all(|slot| slot.router.role() == Role::Active) {
            Status::Active
        } else if is(Status::Drained) {
            Status::Drained
        } else if any(Status::Backup) {
            Status::Backup
        } else {
            return None;
        };
        Some((status, cause))
    }

    /// What counts for a member: its own trackers, by the group's rules, and the group's.
    pub(super) fn tracked_in_group(&self, own: &[Tracked], group: &GroupConfig) -> Vec<Tracked> {
        let kept = own.iter().filter_map(|&tracked| {
            let kind = match tracked.what {
                Trackee::Iface(_) => None,
                Trackee::Track(track) => self.trackers.get(&track).map(|tracker| tracker.config),
            };
            match (tracked.weight, kind) {
                _ if group.member_weights => Some(tracked),
                (0, _) | (_, None) | (1, Some(TrackerConfig::File)) => Some(Tracked {
                    weight: 0,
                    ..tracked
                }),
                (
                    _,
                    Some(
                        TrackerConfig::Script(_)
                        | TrackerConfig::File
                        | TrackerConfig::Process(_)
                        | TrackerConfig::Plain { .. },
                    ),
                ) => None,
            }
        });
        // Where both track one thing, the group's weight wins unless the member's is 0.
        let mut all: Vec<Tracked> = kept.collect();
        for &tracked in &group.tracked {
            match all.iter_mut().find(|own| own.what == tracked.what) {
                Some(own) if own.weight != 0 => *own = tracked,
                Some(_) => {}
                None => all.push(tracked),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests;

//! Warm restart: roles and deadlines are taken out of one engine and put into the next.

use super::slot::{Place, Slot};
use super::{Engine, Phase};
use crate::action::Role;
use crate::event::Event;
use crate::saved::{Saved, SavedRole, SavedRouter};
use crate::{Action, Instant};

impl Engine {
    /// Roles, deadlines and counters, for [`Input::Resume`](crate::Input) in the next process.
    ///
    /// The old process takes this out and then says nothing more: no priority 0, no address removed.
    pub fn save(&self, now: Instant) -> Saved {
        let routers = self.slots.iter().flatten().map(|slot| SavedRouter {
            router: slot.id,
            role: slot.router.saved(),
            drained: slot.drained,
            last_active: slot.router.last_active(),
            sequence: slot.numbers.ah.into(),
            stats: slot.stats,
        });
        Saved {
            at: now,
            routers: routers.collect(),
        }
    }

    /// As [`Input::Startup`](crate::Input), but those that were Backup or Active go on as such, if
    /// nothing stands in their way and if no Backup can have taken over since.
    pub(super) fn resume(&mut self, now: Instant, saved: &Saved) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.begun = now;
        self.phase = Phase::Running;
        for tracker in self.trackers.values_mut() {
            // A role that was held is not given up for want of a first result.
            tracker.resume();
        }
        self.start_trackers(now);
        self.judge_all(now);
        for router in &saved.routers {
            if let Some(&place) = self.places.get(&router.router) {
                self.resume_one(now, place, saved.at, router);
            }
        }
        self.reconcile_all(now);
    }

    fn resume_one(&mut self, now: Instant, place: Place, at: Instant, saved: &SavedRouter) {
        let Some(slot) = self.slot_mut(place) else {
            return;
        };
        slot.numbers.ah = u32::try_from(saved.sequence).unwrap_or_default();
        let held = slot.is_held();
        // The clock of another boot says nothing about this one.
        let role = if at <= now && !held {
            saved.role
        } else {
            SavedRole::Initialize
        };
        let last = saved.last_active;
        self.act(now, place, |router, out| {
            router.resume(now, role, last, out)
        });
        let Some(slot) = self.slot_mut(place) else {
            return;
        };
        slot.stats = saved.stats;
        slot.drained = saved.drained;
        let resumed = slot.router.role() == Role::Active;
        let was_active = match saved.role {
            SavedRole::Active { .. } => true,
            SavedRole::Initialize | SavedRole::Backup { .. } => false,
        };
        if was_active && !resumed {
            // The addresses that the predecessor left are nobody's now.
            self.act(now, place, |_, out| out.extend([Action::Withdraw]));
        }
        if saved.drained && resumed {
            self.step(now, place, Event::Drain);
        }
    }
}

impl Slot {
    /// Whether anything stands in its way.
    pub(super) fn is_held(&self) -> bool {
        !self.faults.is_empty() || self.pending || self.group_pending
    }
}

#[cfg(test)]
mod tests;

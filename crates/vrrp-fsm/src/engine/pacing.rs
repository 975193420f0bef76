//! Announcements that must keep a distance (`garp_interval`, `gna_interval`): one queue for each
//! group of interfaces. Nothing sleeps; a queue has a deadline.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::io::{Announcement, Command};
use super::slot::Place;
use super::timers::TimerId;
use super::{Engine, Timer};
use crate::config::{Announced, Carrier, Pacing};
use crate::{Instant, RouterId};

#[derive(Clone, Debug)]
pub(super) struct Pace {
    queue: VecDeque<(RouterId, Announced)>,
    /// When the next may go.
    free_at: Instant,
    pub(super) timer: TimerId,
}

impl Engine {
    fn spacing(&self, announced: &Announced) -> Option<(u32, core::time::Duration)> {
        let Pacing { group, arp, na } = *self.config.pacing.get(&announced.iface)?;
        let spacing = match announced.address {
            IpAddr::V4(_) => arp,
            IpAddr::V6(_) => na,
        };
        spacing
            .filter(|spacing| !spacing.is_zero())
            .map(|spacing| (group, spacing))
    }

    /// Whether anything that is announced for a router keeps a distance.
    pub(super) fn is_paced(&self, announced: &[Announced]) -> bool {
        announced
            .iter()
            .any(|announced| self.spacing(announced).is_some())
    }

    /// Queues `rounds` over all addresses of a router, in place of what it had there; those that
    /// keep no distance go at once.
    pub(super) fn pace(&mut self, now: Instant, place: Place, rounds: u8) {
        let Some(slot) = self.slot(place) else { return };
        let (id, all) = (slot.id, slot.router.config().announced.clone());
        self.forget_announcements(id);
        let (paced, free): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|announced| self.spacing(announced).is_some());
        if !free.is_empty() {
            let what = Announcement::These(free.into_boxed_slice());
            self.fifo.push_back(Command::Announce {
                router: id,
                what,
                rounds,
            });
        }
        for _ in 0..rounds {
            for announced in &paced {
                if let Some((group, _)) = self.spacing(announced) {
                    let timers = &mut self.timers;
                    let pace = self.paces.entry(group).or_insert_with(|| Pace {
                        queue: VecDeque::new(),
                        free_at: Instant::ZERO,
                        timer: timers.add(Timer::Pace(group)),
                    });
                    pace.queue.push_back((id, *announced));
                }
            }
        }
        let groups: Vec<u32> = self.paces.keys().copied().collect();
        for group in groups {
            self.pace_timeout(now, group);
        }
    }

    /// Announces one address of each interface other than the router's own, as keepalived does.
    pub(super) fn announce_elsewhere(&mut self, place: Place) {
        let Some(slot) = self.slot(place) else {
            return;
        };
        let config = slot.router.config();
        let all = config
            .announce
            .elsewhere
            .is_some_and(|elsewhere| elsewhere.all);
        let mut these: Vec<Announced> = Vec::new();
        for announced in &config.announced {
            let known = these.iter().any(|known| known.iface == announced.iface);
            let wanted = match announced.carrier {
                Carrier::Own => false,
                Carrier::Made => true,
                Carrier::Plain => all,
            };
            if wanted && !known {
                these.push(*announced);
            }
        }
        if !these.is_empty() {
            let (router, what) = (slot.id, Announcement::These(these.into_boxed_slice()));
            self.fifo.push_back(Command::Announce {
                router,
                what,
                rounds: 1,
            });
        }
    }

    /// Sends what may go, and waits for the next.
    pub(super) fn pace_timeout(&mut self, now: Instant, group: u32) {
        loop {
            let Some(pace) = self.paces.get_mut(&group) else {
                return;
            };
            if now < pace.free_at {
                break;
            }
            let Some((router, announced)) = pace.queue.pop_front() else {
                break;
            };
            let what = Announcement::One(announced);
            self.fifo.push_back(Command::Announce {
                router,
                what,
                rounds: 1,
            });
            let spacing = self.spacing(&announced).map(|(_, spacing)| spacing);
            if let Some(pace) = self.paces.get_mut(&group) {
                pace.free_at = now + spacing.unwrap_or_default();
            }
        }
        if let Some(pace) = self.paces.get(&group) {
            let due = (!pace.queue.is_empty()).then_some(pace.free_at);
            self.timers.set(pace.timer, due);
        }
    }

    /// A router that is not Active any more announces nothing.
    pub(super) fn forget_announcements(&mut self, id: RouterId) {
        for pace in self.paces.values_mut() {
            pace.queue.retain(|(router, _)| *router != id);
        }
    }
}

#[cfg(test)]
mod tests;

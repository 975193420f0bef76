//! Planned handover: keep serving at priority 1 until somebody else does.
//!
//! Priority 0 leaves the addresses dark for the Skew_Time of the router that takes over. At priority
//! 1 its Active_Down_Timer runs out while the addresses are still served here, and they are withdrawn
//! when it is known to have installed them.

use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{Priority, Version};

use super::active::Active;
use super::announce::Pending;
use super::{DRAINING, State, VirtualRouter};
use crate::Instant;
use crate::action::{Action, Cause};
use crate::event::Heard;
use crate::report::Report;
use crate::timing::active_down_interval;

/// A handover under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drain {
    /// When to stop waiting and leave with priority 0: nobody takes over from a router that is not
    /// silent if it must not preempt, or only after a delay.
    pub(super) fallback: Instant,
    /// Who was heard first with a priority that wins, and when: it advertises before it has its
    /// addresses. There are two if they cannot hear each other, or if one of them has died.
    pub(super) takers: [Option<(IpAddr, Instant)>; 2],
}

impl Drain {
    /// Whether somebody has told the hosts that it serves.
    pub(super) fn has_taker(&self) -> bool {
        self.takers.iter().any(Option::is_some)
    }
}

impl VirtualRouter {
    /// A Backup has nothing to hand over and stands aside at once.
    pub(super) fn drain(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        match &mut self.state {
            State::Initialize => {}
            State::Backup(_) => self.enter(State::Initialize, Cause::Drained(None), out),
            State::Active(active) if active.drain.is_some() => {}
            State::Active(active) => {
                let interval = self.config.interval.as_duration();
                // More than any Backup takes that has the same interval.
                let patience = match self.config.version {
                    Version::V2 => interval * 3 + Duration::from_secs(1),
                    Version::V3 => interval * 4,
                };
                active.drain = Some(Drain {
                    fallback: now + patience,
                    takers: [None; 2],
                });
                active.adver = now + interval;
                out.extend([
                    Action::Report(Report::DrainStarted),
                    Action::Advertise(DRAINING),
                ]);
            }
        }
    }

    /// A draining router hears one that wins: its second advertisement ends the wait. In between
    /// this router is silent, for the other one is Active already.
    pub(super) fn relieved(
        &mut self,
        now: Instant,
        heard: Heard,
        mut active: Active,
        mut drain: Drain,
        out: &mut impl Extend<Action>,
    ) {
        let Heard {
            source,
            priority,
            interval,
        } = heard;
        if let Some((_, first)) = drain.takers.iter().flatten().find(|(t, _)| *t == source) {
            // It may have answered or given way to another one that took over at the same moment.
            if now >= *first + self.config.interval.as_duration() / 2 {
                self.follow(source, out);
                self.enter(State::Initialize, Cause::Drained(Some(source)), out);
            }
            return;
        }
        let Some(free) = drain.takers.iter_mut().find(|taker| taker.is_none()) else {
            return;
        };
        *free = Some((source, now));
        let (version, adverts) = (self.config.version, self.config.down_timer_adverts);
        // A taker that dies right after its first advert must not keep us forever, nor a slow one
        // lose the addresses before its second.
        let silence = active_down_interval(version, Priority::OWNER, interval, adverts);
        drain.fallback = drain.fallback.max(now + silence);
        // The hosts have been told of the taker: a burst that is still to come would undo that.
        active.announce = Pending::default();
        active.drain = Some(drain);
        self.state = State::Active(active);
        out.extend([Action::Report(Report::DrainTaker { source, priority })]);
    }

    pub(super) fn drain_fallback(&mut self, out: &mut impl Extend<Action>) {
        out.extend([Action::Report(Report::DrainFallback)]);
        self.enter(State::Initialize, Cause::Drained(None), out);
    }

    /// Advertises the old priority at once, so that no Backup acts on the 1 that it has heard. If the
    /// hosts were told of a taker, they are told again.
    pub(super) fn undrain(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        if let State::Active(active) = &mut self.state
            && let Some(drain) = active.drain.take()
        {
            active.adver = now + self.config.interval.as_duration();
            let priority = self.priority();
            out.extend([Action::Advertise(priority)]);
            if drain.has_taker() {
                self.resume_announcing(now, out);
            }
        }
    }

    /// The router that took over has left again: this one speaks as before until the next one does.
    pub(super) fn taker_left(
        &mut self,
        now: Instant,
        source: IpAddr,
        out: &mut impl Extend<Action>,
    ) {
        if let State::Active(Active {
            drain: Some(drain), ..
        }) = &mut self.state
            && let Some(taker) = { drain.takers.iter_mut() }
                .find(|taker| taker.is_some_and(|(taker, _)| taker == source))
            && taker.take().is_some()
            && !drain.has_taker()
        {
            self.resume_announcing(now, out);
        }
    }

    /// Its pending announcements were dropped when a taker was heard.
    fn resume_announcing(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        if let State::Active(active) = &mut self.state {
            active.announce = Pending::default();
            active.announce.refresh_from(now, &self.config.announce);
        }
        self.announce_again(now, out);
    }
}

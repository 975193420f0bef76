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
    /// Who was heard once with a priority that wins, and with which: it advertises before it has its
    /// addresses. Of several, the one that the others yield to once they hear it.
    pub(super) taker: Option<(Priority, IpAddr)>,
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
                    taker: None,
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
        if drain.taker.is_some_and(|(_, taker)| taker == source) {
            self.follow(source, out);
            self.enter(State::Initialize, Cause::Drained(Some(source)), out);
            return;
        }
        // Two that cannot hear each other would else take turns, and there would be no second.
        let taker = Some((priority, source));
        if taker < drain.taker {
            return;
        }
        let (version, adverts) = (self.config.version, self.config.down_timer_adverts);
        // A taker that dies right after its first advert must not keep us forever, nor a slow one
        // lose the addresses before its second.
        let silence = active_down_interval(version, Priority::OWNER, interval, adverts);
        drain.fallback = drain.fallback.max(now + silence);
        drain.taker = taker;
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
            if drain.taker.is_some() {
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
            && drain.taker.take_if(|(_, taker)| *taker == source).is_some()
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

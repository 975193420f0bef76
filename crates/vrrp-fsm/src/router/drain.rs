//! Planned handover: keep serving at priority 1 until somebody else does.
//!
//! Priority 0 leaves the addresses dark for the Skew_Time of the router that takes over. At priority
//! 1 its Active_Down_Timer runs out while the addresses are still served here. Its first advertisement
//! precedes its addresses; they are withdrawn here at its second, half its interval later or more.
//!
//! Many may take over. Of those that hear each other only the greatest goes on, so it must not be
//! missed, however many are heard before it. Who goes on and is not one of the two greatest hears
//! neither of these: the first of them that lives ends the wait, and if both die, the fallback does.

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
    /// The two greatest of those who took over.
    pub(super) takers: [Option<Taker>; 2],
}

/// A router that was heard to win, in the order in which they win over each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Taker {
    priority: Priority,
    source: IpAddr,
    /// When it was heard first: it advertises before it has its addresses.
    since: Instant,
}

impl Drain {
    /// Whether somebody has told the hosts that it serves.
    pub(super) fn has_taker(&self) -> bool {
        self.takers.iter().any(Option::is_some)
    }

    /// Remembers one that was not known, in the place of the least. Answers whether it is one of the
    /// greatest.
    fn remember(&mut self, taker: Taker) -> bool {
        match self.takers.iter_mut().min() {
            Some(least) if *least < Some(taker) => {
                *least = Some(taker);
                true
            }
            Some(_) | None => false,
        }
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
        if let Some(taker) = drain.takers.iter().flatten().find(|t| t.source == source) {
            // Sooner, it answers another one that took over at the same moment, or gives way to it.
            if now >= taker.since + interval.as_duration() / 2 {
                self.follow(source, out);
                self.enter(State::Initialize, Cause::Drained(Some(source)), out);
            }
            return;
        }
        let since = now;
        if !drain.remember(Taker {
            priority,
            source,
            since,
        }) {
            return;
        }
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
                .find(|taker| taker.is_some_and(|taker| taker.source == source))
            && taker.take().is_some()
            && !drain.has_taker()
        {
            self.resume_announcing(now, out);
        }
    }

    /// Its pending announcements were dropped when a taker was heard.
    fn resume_announcing(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        if let State::Active(active) = &mut self.state {
            active.announce.refresh_from(now, &self.config.announce);
        }
        self.announce_again(now, out);
    }
}

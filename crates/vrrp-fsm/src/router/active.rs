//! RFC 9568 §6.4.3: Active.

use core::net::IpAddr;
use core::time::Duration;

use super::announce::Pending;
use super::drain::Drain;
use super::{LOWERED_OWNER, State, VirtualRouter};
use crate::Instant;
use crate::action::{Action, Cause, Deadline, Role, TimerKind};
use crate::config::RouterConfig;
use crate::event::Heard;
use crate::report::Report;

/// Bursts of announcements that losing adverts ask for keep this many times the distance of answers.
const BURSTS: u32 = 10;

/// What exists in Active alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Active {
    /// Adver_Timer.
    pub(super) adver: Instant,
    /// Announcements still to come.
    pub(super) announce: Pending,
    /// Whom we answered when.
    answers: Answers,
    /// Another owner.
    rival: Option<Rival>,
    /// The handover, if one is under way.
    pub(super) drain: Option<Drain>,
}

/// Another address owner, and from when on it is clear that it does not give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rival {
    source: IpAddr,
    patience: Instant,
}

/// The peers that were answered last. Bounded: a forged stream of losing adverts from ever new
/// addresses is answered so many times per spacing and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answers([Option<(IpAddr, Instant)>; 4]);

impl Answers {
    /// Whether `peer` may be answered at `now`; if so, it counts as answered.
    //= HARD-FSM-04
    fn take(&mut self, peer: IpAddr, now: Instant, spacing: Duration) -> bool {
        if spacing.is_zero() {
            return true;
        }
        for slot in &mut self.0 {
            slot.take_if(|(_, at)| now.saturating_duration_since(*at) >= spacing);
        }
        if self.0.iter().flatten().any(|(known, _)| *known == peer) {
            return false;
        }
        match self.0.iter_mut().find(|slot| slot.is_none()) {
            Some(free) => {
                *free = Some((peer, now));
                true
            }
            None => false,
        }
    }
}

impl Active {
    pub(super) fn new(now: Instant, config: &RouterConfig) -> Self {
        Self {
            adver: now + config.interval.as_duration(),
            announce: Pending::after_burst(now, &config.announce),
            answers: Answers::default(),
            rival: None,
            drain: None,
        }
    }

    /// Nothing is announced: the hosts know.
    pub(super) fn resumed(now: Instant, adver: Instant, config: &RouterConfig) -> Self {
        let mut announce = Pending::default();
        announce.refresh_from(now, &config.announce);
        Self {
            adver,
            announce,
            ..Self::new(now, config)
        }
    }

    /// Whether it hands over to somebody who has told the hosts so: nothing may be announced then.
    fn has_taker(&self) -> bool {
        self.drain.is_some_and(|drain| drain.has_taker())
    }

    pub(super) fn deadline(&self) -> Deadline {
        let adver = (self.adver, TimerKind::Adver);
        let announce = self.announce.deadline().map(|at| (at, TimerKind::Announce));
        let drain = self
            .drain
            .map(|drain| (drain.fallback, TimerKind::DrainFallback));
        announce.into_iter().chain(drain).fold(adver, Deadline::min)
    }
}

impl VirtualRouter {
    pub(super) fn advert_in_active(
        &mut self,
        now: Instant,
        heard: Heard,
        mut active: Active,
        out: &mut impl Extend<Action>,
    ) {
        let Heard {
            source, priority, ..
        } = heard;
        let ours = self.priority();
        //= R9568-6.4.3-09
        //= R3768-6.4.3-06
        if priority.is_relinquish() {
            let role = Role::Active;
            out.extend([
                Action::Report(Report::RelinquishHeard { source, role }),
                Action::Advertise(ours),
            ]);
            active.adver = now + self.config.interval.as_duration();
            self.state = State::Active(active);
            // Whoever leaves Active was Active, and the hosts may have been told so last.
            if self.config.announce.after_trouble {
                self.announce_lower(now, out);
            }
            self.taker_left(now, source, out);
            return;
        }
        //= R9568-7.1-09
        if priority.is_owner() && ours.is_owner() {
            out.extend([Action::Report(Report::OwnerConflict { source })]);
        }
        //= R9568-6.4.3-10
        //= HARD-FSM-05
        //= R3768-6.4.3-07
        // Within a family, `IpAddr` compares as unsigned integers in network byte order.
        let wins = priority > ours || (priority == ours && Some(source) > self.primary);
        match (wins, active.drain) {
            (true, None) => self.yield_to(now, heard, out),
            (true, Some(drain)) => self.relieved(now, heard, active, drain, out),
            (false, _) => self.answer(now, heard, active, out),
        }
    }

    /// An advertisement that wins: its sender is the Active router from now on.
    fn yield_to(&mut self, now: Instant, heard: Heard, out: &mut impl Extend<Action>) {
        let Heard {
            source,
            priority,
            interval,
        } = heard;
        let ours = self.priority();
        out.extend([Action::Report(if priority > ours {
            Report::HigherHeard {
                source,
                priority,
                ours,
            }
        } else {
            Report::TieLost { source, priority }
        })]);
        //= KA-ADV-04
        if self.config.advertise_before_yielding && !self.config.announce.after_trouble {
            out.extend([Action::Advertise(ours)]);
        }
        //= R9568-6.4.3-11
        self.follow(source, out);
        self.learn(interval, out);
        self.become_backup(now, Cause::Higher { source, priority }, out);
    }

    /// An advertisement that loses: it is discarded and answered, so that its sender and the learning
    /// bridges in between know who is Active. The Adver_Timer keeps its grid.
    //= R9568-6.4.3-12
    //= R3768-6.4.3-08
    //= KA-ADV-03
    //= KA-ADV-06
    fn answer(
        &mut self,
        now: Instant,
        heard: Heard,
        mut active: Active,
        out: &mut impl Extend<Action>,
    ) {
        let Heard {
            source, priority, ..
        } = heard;
        let ours = self.priority();
        //= KA-OWN-02
        if priority.is_owner() && self.rival_persists(now, heard, &mut active) {
            self.lowered = true;
            out.extend([Action::Report(Report::OwnerLowered {
                source,
                to: LOWERED_OWNER,
            })]);
            self.yield_to(now, heard, out);
            return;
        }
        let due = active.answers.take(source, now, self.config.answer_spacing);
        self.state = State::Active(active);
        if due {
            let answered = self.config.answer_lower;
            out.extend([Action::Report(Report::LowerHeard {
                source,
                priority,
                ours,
                answered,
            })]);
            if answered {
                out.extend([Action::Advertise(ours)]);
            }
        }
        self.announce_lower(now, out);
    }

    /// Whether the other owner was given the time of two adverts and more to give way, in vain.
    fn rival_persists(&self, now: Instant, heard: Heard, active: &mut Active) -> bool {
        let ours = self.config.interval.as_duration();
        let longer = ours.max(heard.interval.as_duration());
        match active.rival {
            // Of a conflict that was over long ago nothing is left.
            Some(Rival { source, patience })
                if source == heard.source && now < patience + longer * 3 =>
            {
                now >= patience
            }
            Some(_) | None => {
                let patience = now + ours * 2 + longer * 6 / 5;
                active.rival = Some(Rival {
                    source: heard.source,
                    patience,
                });
                false
            }
        }
    }

    pub(super) fn timeout_in_active(
        &mut self,
        now: Instant,
        mut active: Active,
        out: &mut impl Extend<Action>,
    ) {
        if active.drain.is_some_and(|drain| now >= drain.fallback) {
            self.drain_fallback(out);
            return;
        }
        if now >= active.adver {
            let interval = self.config.interval.as_duration();
            let late = now.saturating_duration_since(active.adver);
            let highest = self.config.stalled_to_backup;
            if highest.is_some_and(|p| late + interval >= self.active_down_interval_at(p)) {
                out.extend([Action::Report(Report::Late { by: late })]);
                self.become_backup(now, Cause::Stalled, out);
                return;
            }
            //= R9568-6.4.3-08
            if !active.has_taker() {
                out.extend([Action::Advertise(self.priority())]);
            }
            //= TIM-07
            //= HARD-FSM-03
            let due = if late < interval { active.adver } else { now };
            active.adver = due + interval;
            // Three adverts were missing: a peer may have taken over and told the hosts so.
            //= R9568-2.5-01
            if late >= interval * 2 {
                out.extend([Action::Report(Report::Late { by: late })]);
                if self.config.announce.after_trouble && !active.has_taker() {
                    let rounds = self.config.announce.burst.max(1);
                    out.extend([Action::Announce { rounds }]);
                    active.announce = Pending::after_burst(now, &self.config.announce);
                }
            }
        }
        if let Some(rounds) = active.announce.take_due(now, &self.config.announce) {
            out.extend([Action::Announce { rounds }]);
        }
        if active.announce.take_elsewhere(now, &self.config.announce) {
            out.extend([Action::AnnounceElsewhere]);
        }
        self.state = State::Active(active);
    }

    /// Sends an advert that is due by `until` now. Its grid does not move.
    pub(crate) fn advertise_early(&mut self, until: Instant, out: &mut impl Extend<Action>) {
        let priority = self.priority();
        if let State::Active(active) = &mut self.state
            && active.adver <= until
        {
            if !active.has_taker() {
                out.extend([Action::Advertise(priority)]);
            }
            active.adver += self.config.interval.as_duration();
        }
    }

    /// Somebody asks for it.
    pub(crate) fn announce_now(&self, out: &mut impl Extend<Action>) {
        if let State::Active(active) = &self.state
            && !active.has_taker()
        {
            out.extend([Action::Announce {
                rounds: self.config.announce.burst.max(1),
            }]);
        }
    }

    /// Another member of the sync group heard somebody who claims to be Active.
    pub(crate) fn announce_lower(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        let schedule = &self.config.announce;
        let spacing = self.config.answer_spacing * BURSTS;
        if let State::Active(active) = &mut self.state
            && !active.has_taker()
            && let Some(rounds) = active.announce.take_lower(now, spacing, schedule)
        {
            out.extend([Action::Announce { rounds }]);
        }
    }

    /// Two Active routers have become one, which is this: hosts may have heard the other last.
    pub(crate) fn announce_again(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        if let State::Active(active) = &mut self.state
            && self.config.announce.after_trouble
            && !active.has_taker()
        {
            out.extend([Action::Announce {
                rounds: self.config.announce.burst.max(1),
            }]);
            active.announce = Pending::after_another_burst(now, &self.config.announce);
        }
    }
}

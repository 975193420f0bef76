//! When addresses are announced after the first burst: again, at intervals, and when somebody else
//! claimed them.

use core::time::Duration;

use crate::Instant;
use crate::config::AnnounceSchedule;

/// What is still to come while Active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// One more burst, of so many rounds.
    again: Option<(Instant, u8)>,
    /// The next refresh.
    refresh: Option<Instant>,
    /// The next round on other interfaces.
    elsewhere: Option<Instant>,
    /// When there was a burst last, the first one apart.
    lower: Option<Instant>,
}

impl Pending {
    /// After the burst that comes with becoming Active.
    //= KA-GARP-01
    pub(super) fn after_burst(now: Instant, schedule: &AnnounceSchedule) -> Self {
        let again = schedule
            .again_after
            .map(|delay| (now + delay, schedule.burst.max(1)));
        let first = now + schedule.again_after.unwrap_or_default();
        Self {
            again,
            refresh: schedule.refresh.map(|period| first + period),
            elsewhere: schedule.elsewhere.map(|elsewhere| now + elsewhere.every),
            lower: None,
        }
    }

    /// The same, and a losing advertisement of this moment asks for no more.
    pub(super) fn after_another_burst(now: Instant, schedule: &AnnounceSchedule) -> Self {
        Self {
            lower: Some(now),
            ..Self::after_burst(now, schedule)
        }
    }

    /// With other periods, counted from now.
    pub(super) fn refresh_from(&mut self, now: Instant, schedule: &AnnounceSchedule) {
        self.refresh = schedule.refresh.map(|period| now + period);
        self.elsewhere = schedule.elsewhere.map(|elsewhere| now + elsewhere.every);
    }

    /// A losing advertisement: the hosts hear from us now and once more after a while, at most once in
    /// `spacing`. Answers the rounds to announce now.
    ///
    /// A sync group asks for all its members whenever one of them hears such an advertisement, and
    /// somebody may forge them; but after the last one there is always a burst.
    pub(super) fn take_lower(
        &mut self,
        now: Instant,
        spacing: Duration,
        schedule: &AnnounceSchedule,
    ) -> Option<u8> {
        if schedule.lower_burst == 0 {
            return None;
        }
        let last = self.lower.filter(|last| now < *last + spacing);
        let again = match last {
            Some(last) => Some(last + spacing),
            None => schedule.lower_again_after.map(|delay| now + delay),
        };
        if let Some(again) = again {
            // A later advert never puts the burst off: under a steady stream it would never come.
            let due = self.again.map_or(again, |(due, _)| due.min(again));
            self.again = Some((due, schedule.lower_burst));
        }
        if last.is_some() {
            return None;
        }
        self.lower = Some(now);
        Some(schedule.lower_burst)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.again
            .map(|(due, _)| due)
            .into_iter()
            .chain(self.refresh)
            .chain(self.elsewhere)
            .min()
    }

    /// How many rounds are due now, if any; each is due once.
    pub(super) fn take_due(&mut self, now: Instant, schedule: &AnnounceSchedule) -> Option<u8> {
        let again = self
            .again
            .take_if(|(due, _)| now >= *due)
            .map(|(_, rounds)| rounds);
        if again.is_some() {
            self.lower = Some(now);
        }
        let refresh = self
            .refresh
            .take_if(|due| now >= *due)
            .map(|_| schedule.refresh_rounds.max(1));
        if refresh.is_some() {
            self.refresh = schedule.refresh.map(|period| now + period);
        }
        again.max(refresh)
    }

    /// Whether a round on other interfaces is due now.
    pub(super) fn take_elsewhere(&mut self, now: Instant, schedule: &AnnounceSchedule) -> bool {
        let due = self.elsewhere.take_if(|due| now >= *due).is_some();
        if due {
            self.elsewhere = schedule.elsewhere.map(|elsewhere| now + elsewhere.every);
        }
        due
    }
}

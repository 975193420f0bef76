//! When addresses are announced after the first burst: again, at intervals, and when somebody else
//! claimed them.

use crate::Instant;
use crate::config::AnnounceSchedule;

/// What is still to come while Active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// One more burst, of so many rounds.
    again: Option<(Instant, u8)>,
    /// The next refresh.
    refresh: Option<Instant>,
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
        }
    }

    /// With another period of refreshing, counted from now.
    pub(super) fn refresh_from(&mut self, now: Instant, schedule: &AnnounceSchedule) {
        self.refresh = schedule.refresh.map(|period| now + period);
    }

    /// After the burst that answers a losing advertisement.
    pub(super) fn after_lower(&mut self, now: Instant, schedule: &AnnounceSchedule) {
        if let Some(delay) = schedule.lower_again_after {
            // A later advert never puts the burst off: under a steady stream it would never come.
            let due = self
                .again
                .map_or(now + delay, |(due, _)| due.min(now + delay));
            self.again = Some((due, schedule.lower_burst));
        }
    }

    /// A losing advertisement that is not answered for its peer was answered just now: what the peer
    /// told the hosts since then is put right at `at`, when it may be answered again.
    pub(super) fn no_later_than(&mut self, at: Instant, schedule: &AnnounceSchedule) {
        if schedule.lower_burst > 0 {
            let due = self.again.map_or(at, |(due, _)| due.min(at));
            self.again = Some((due, schedule.lower_burst));
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.again
            .map(|(due, _)| due)
            .into_iter()
            .chain(self.refresh)
            .min()
    }

    /// How many rounds are due now, if any; each is due once.
    pub(super) fn take_due(&mut self, now: Instant, schedule: &AnnounceSchedule) -> Option<u8> {
        let again = self
            .again
            .take_if(|(due, _)| now >= *due)
            .map(|(_, rounds)| rounds);
        let refresh = self
            .refresh
            .take_if(|due| now >= *due)
            .map(|_| schedule.refresh_rounds.max(1));
        if refresh.is_some() {
            self.refresh = schedule.refresh.map(|period| now + period);
        }
        again.max(refresh)
    }
}

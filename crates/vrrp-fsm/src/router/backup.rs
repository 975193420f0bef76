//! RFC 9568 §6.4.2: Backup.

use super::{State, VirtualRouter};
use crate::Instant;
use crate::action::{Action, Cause, Role};
use crate::config::Preempt;
use crate::event::Heard;
use crate::report::Report;

/// What exists in Backup alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backup {
    /// Active_Down_Timer.
    pub(super) active_down: Instant,
    /// Until when a lower Active router is tolerated, once one was heard.
    preempt_hold: Option<Instant>,
    /// What taking over would be due to, as things stand.
    cause: Cause,
    /// See [`VirtualRouter::wants_active`].
    pub(super) wants: bool,
    /// Whether the silence was already found to prove nothing, once.
    listened: bool,
}

impl Backup {
    pub(super) const fn new(active_down: Instant) -> Self {
        let cause = Cause::NoResponse;
        Self {
            active_down,
            preempt_hold: None,
            cause,
            wants: false,
            listened: false,
        }
    }

    /// An owner in a sync group at startup.
    pub(super) const fn new_owner(now: Instant) -> Self {
        Self {
            cause: Cause::Startup,
            ..Self::new(now)
        }
    }
}

impl VirtualRouter {
    pub(super) fn advert_in_backup(
        &mut self,
        now: Instant,
        heard: Heard,
        backup: Backup,
        out: &mut impl Extend<Action>,
    ) {
        let Heard {
            source,
            priority,
            interval,
        } = heard;
        //= R9568-6.4.2-08
        //= R3768-6.4.2-06
        if priority.is_relinquish() {
            let role = Role::Backup;
            out.extend([Action::Report(Report::RelinquishHeard { source, role })]);
            let active_down = now + self.skew_time();
            let cause = Cause::Relinquished;
            self.state = State::Backup(Backup {
                active_down,
                cause,
                ..backup
            });
            return;
        }
        if !priority.is_owner() {
            self.restore_owner(out);
        }
        let (tolerated, preempt_hold) = if priority >= self.priority() {
            (true, None)
        } else {
            self.tolerates_lower(now, backup.preempt_hold)
        };
        match (backup.preempt_hold, preempt_hold) {
            (None, Some(until)) => {
                let delay = until.saturating_duration_since(now);
                out.extend([Action::Report(Report::PreemptDelayStarted { delay })]);
            }
            (Some(_), None) => out.extend([Action::Report(Report::PreemptDelayStopped)]),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if tolerated {
            //= R9568-6.4.2-09
            //= R3768-6.4.2-07
            self.follow(source, out);
            self.learn(interval, out);
            let active_down = now + self.active_down_interval();
            self.state = State::Backup(Backup {
                preempt_hold,
                ..Backup::new(active_down)
            });
        } else {
            //= R9568-6.4.2-10
            out.extend([Action::Report(Report::LowerDiscarded { source, priority })]);
            let delayed = preempt_hold.is_some();
            let cause = if delayed {
                Cause::PreemptDelayOver
            } else {
                Cause::Preempted
            };
            self.state = State::Backup(Backup {
                preempt_hold,
                cause,
                ..backup
            });
        }
    }

    /// Whether a lower Active router may stay, and until when.
    fn tolerates_lower(&self, now: Instant, hold: Option<Instant>) -> (bool, Option<Instant>) {
        match self.config.preempt {
            //= R9568-6.1-09
            _ if self.priority().is_owner() => (false, None),
            Preempt::AtOnce => (false, None),
            //= R9568-6.1-08
            //= KA-PRE-01
            Preempt::Never => (true, None),
            //= KA-PRE-02
            Preempt::After(delay) => {
                let until = hold.unwrap_or(now + delay);
                (now < until, Some(until))
            }
        }
    }

    pub(super) fn timeout_in_backup(
        &mut self,
        now: Instant,
        backup: Backup,
        out: &mut impl Extend<Action>,
    ) {
        if now < backup.active_down {
            return;
        }
        let late = now.saturating_duration_since(backup.active_down);
        let interval = self.active_adver_interval.as_duration();
        if self.config.listen_after_stall && !backup.listened && late >= interval {
            // Whoever is Active will be heard within an interval of theirs.
            out.extend([Action::Report(Report::ListeningAgain { late })]);
            let active_down = now + interval + self.skew_time();
            self.state = State::Backup(Backup {
                active_down,
                listened: true,
                ..backup
            });
            return;
        }
        if backup.cause != Cause::Startup {
            out.extend([Action::Report(Report::ActiveDownTimeout)]);
        }
        self.become_active(now, backup.cause, out);
    }

    /// The sync group cannot follow yet.
    //= KA-STATE-05
    pub(super) fn hold(&mut self, now: Instant) {
        if let State::Backup(backup) = self.state {
            let active_down = now + self.active_down_interval();
            self.state = State::Backup(Backup {
                active_down,
                wants: true,
                ..backup
            });
        }
    }
}

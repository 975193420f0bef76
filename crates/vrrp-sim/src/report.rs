//! What a run has to tell to people: a timeline in words, and a summary.

use crate::plan::{Plan, Step};
use crate::scenario::{Event, Happened, Outcome};
use core::fmt::{self, Display, Formatter};
use core::time::Duration;
use vrrp_fsm::{Cause, FaultCause, Instant, Status};

/// A moment as hours, minutes, seconds, milliseconds.
pub(crate) struct Clock(pub(crate) Instant);

impl Display for Clock {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_nanos() / 1_000_000;
        let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
        write!(
            f,
            "{hours}:{minutes:02}:{:02}.{:03}",
            millis / 1000 % 60,
            millis % 1000
        )
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:>14}  ", Clock(self.at).to_string())?;
        match &self.what {
            Happened::Step(step) => write!(f, "  {step}"),
            Happened::Change(router, change) => {
                let (router, status) = (router + 1, words(change.status));
                let place = match change.segment {
                    0 => String::new(),
                    segment => format!(" on segment {segment}"),
                };
                write!(f, "r{router} is {status}{place}: {}", why(&change.cause))
            }
        }
    }
}

const fn words(status: Status) -> &'static str {
    match status {
        Status::Initialize => "Initialize",
        Status::Backup => "Backup",
        Status::Active => "Active",
        Status::Draining => "Active, handing over",
        Status::Drained => "drained",
        Status::Fault => "in fault",
        Status::Stopped => "stopped",
        Status::Removed => "removed",
    }
}

fn why(cause: &Cause) -> String {
    let words = match cause {
        Cause::Startup => "started",
        Cause::Shutdown => "told to stop",
        Cause::NoResponse => "the Active router is silent",
        Cause::Relinquished => "the Active router has left",
        Cause::Preempted => "the Active router has a lower priority",
        Cause::PreemptDelayOver => "the Active router has a lower priority, and the delay is over",
        Cause::Higher { source, priority } => {
            return format!("{source} serves, with priority {priority}");
        }
        Cause::Group(_) => "its sync group is",
        Cause::Fault(fault) => return wrong(*fault),
        Cause::Recovered(fault) => return format!("{} no more", wrong(*fault)),
        Cause::Stalled => "it stood still for too long",
        Cause::Drained(Some(taker)) => return format!("handed over to {taker}"),
        Cause::Drained(None) => "drained, and nobody came",
        Cause::Removed => "no longer configured",
        Cause::Resumed => "goes on where the process before it stopped",
    };
    words.to_owned()
}

/// A machine's interfaces are numbered like the segments on which they are.
fn wrong(fault: FaultCause) -> String {
    match fault {
        FaultCause::Interface(iface) => format!("the link on segment {iface} is down"),
        FaultCause::NoPrimary(iface) => format!("its address on segment {iface} is missing"),
        FaultCause::Tracker(track) => format!("tracker {track} is bad"),
        FaultCause::Group(_) => "another one of its group is in fault".to_owned(),
        FaultCause::Blocked => "it is kept from serving".to_owned(),
    }
}

/// The figures of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Virtual routers, each on one machine and segment.
    pub routers: usize,
    /// How long it was, in the world's time.
    pub length: Duration,
    /// How often a virtual router became Active.
    pub takeovers: usize,
    /// Pings that were answered.
    pub answered: u64,
    /// Pings that were not.
    pub lost: u64,
    /// The longest stretch of lost pings of any host while it could have been served, or not.
    pub worst_outage: Duration,
    /// How long more than one machine was Active on a segment.
    pub dual_active: Duration,
    /// Promises broken.
    pub violations: usize,
}

impl Summary {
    /// The figures of `outcome`, which came of `plan`.
    pub fn new(plan: &Plan, outcome: &Outcome) -> Self {
        let gaps = outcome
            .pings
            .iter()
            .map(|p| p.worst_gap(Instant::ZERO, plan.ping));
        Self {
            routers: plan.routers.len() * usize::from(plan.segments),
            length: outcome.end.saturating_duration_since(Instant::ZERO),
            takeovers: outcome.takeovers,
            answered: outcome.pings.iter().map(|p| p.answered).sum(),
            lost: outcome.pings.iter().map(|p| p.lost).sum(),
            worst_outage: gaps.max().unwrap_or_default(),
            dual_active: outcome.dual_active,
            violations: outcome.violations.len(),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let end = Instant::ZERO + self.length;
        writeln!(
            f,
            "virtual routers      {}, for {}",
            self.routers,
            Clock(end)
        )?;
        writeln!(f, "failovers            {}", self.takeovers)?;
        writeln!(
            f,
            "pings                {} answered, {} lost",
            self.answered, self.lost
        )?;
        writeln!(
            f,
            "worst outage         {:.3} s",
            self.worst_outage.as_secs_f64()
        )?;
        writeln!(
            f,
            "dual-Active time     {:.3} s",
            self.dual_active.as_secs_f64()
        )?;
        write!(f, "invariant violations {}", self.violations)
    }
}

/// The plan of `outcome` as far as `until`, to be pasted where a failure is looked into.
pub fn reduced(plan: &Plan, until: Instant) -> Plan {
    let mut at = Instant::ZERO;
    let mut shorter = plan.clone();
    shorter.steps.clear();
    for step in &plan.steps {
        if at > until {
            break;
        }
        if let Step::Run(length) = step {
            at += *length;
        }
        shorter.steps.push(step.clone());
    }
    shorter
}

#[cfg(test)]
mod tests;

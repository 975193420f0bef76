//! A failing plan, made as short as it can be while it still fails.

use crate::plan::{Plan, Step};
use crate::scenario;
use core::time::Duration;
use vrrp_fsm::Preempt;

/// Leaves out steps, hosts, and what is peculiar to routers, and rounds times, for as long as the
/// same promise is broken first. A plan that breaks none comes back as it is.
pub fn shrink(plan: &Plan) -> Plan {
    let broken = |plan: &Plan| scenario::run(plan).violations.first().map(|v| v.promise);
    let Some(promise) = broken(plan) else {
        return plan.clone();
    };
    let fails = |plan: &Plan| broken(plan) == Some(promise);
    let mut best = plan.clone();
    loop {
        let before = best.clone();
        drop_steps(&mut best, &fails);
        simplify(&mut best, &fails);
        if best == before {
            return best;
        }
    }
}

/// First in halves, then in ever smaller pieces.
fn drop_steps(best: &mut Plan, fails: &impl Fn(&Plan) -> bool) {
    let mut piece = best.steps.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < best.steps.len() {
            let end = (at + piece).min(best.steps.len());
            let shorter = attempt(best, fails, |plan| drop(plan.steps.drain(at..end)));
            at += if shorter { 0 } else { piece };
        }
        piece /= 2;
    }
}

fn simplify(best: &mut Plan, fails: &impl Fn(&Plan) -> bool) {
    attempt(best, fails, |plan| plan.hosts = 0);
    attempt(best, fails, |plan| plan.segments = 1);
    for at in 0..best.routers.len() {
        for change in [
            |router: &mut crate::RouterPlan| router.drift = 0,
            |router: &mut crate::RouterPlan| router.preempt = Preempt::AtOnce,
        ] {
            attempt(best, fails, |plan| {
                plan.routers.get_mut(at).into_iter().for_each(change)
            });
        }
    }
    for at in 0..best.steps.len() {
        for unit in [1_000_000_000, 100_000_000, 1_000_000] {
            let rounded = attempt(best, fails, |plan| {
                if let Some(Step::Run(length)) = plan.steps.get_mut(at) {
                    let nanos = u64::try_from(length.as_nanos()).unwrap_or(0);
                    *length = Duration::from_nanos(nanos.next_multiple_of(unit));
                }
            });
            if rounded {
                break;
            }
        }
    }
}

/// Keeps the change if the plan is another one and fails as before.
fn attempt(
    best: &mut Plan,
    fails: &impl Fn(&Plan) -> bool,
    change: impl FnOnce(&mut Plan),
) -> bool {
    let mut candidate = best.clone();
    change(&mut candidate);
    // What a smaller world no longer has cannot be named in it.
    let better = candidate != *best
        && candidate.to_string().parse().as_ref() == Ok(&candidate)
        && fails(&candidate);
    if better {
        *best = candidate;
    }
    better
}

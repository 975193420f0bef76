//! Scenarios with a story, and what is expected of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use vrrp_sim::{Outcome, Plan};

#[track_caller]
fn judge(text: &str) -> Outcome {
    let plan: Plan = text.parse().unwrap_or_else(|why| panic!("{why}"));
    let outcome = vrrp_sim::run(&plan);
    let violations: Vec<_> = outcome.violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{}\n\n{plan}", violations.join("\n"));
    outcome
}

/// 3 × 1 s and the Skew_Time of priority 100.
#[test]
fn a_crash_costs_the_active_down_interval() {
    judge(
        "
        router r1 priority 200
        router r2 priority 100
        start r1
        start r2
        run 10s
        expect active r1
        mark
        crash r1
        run 2600ms              # the last advert was up to a second before the crash
        expect active nobody
        run 1010ms
        expect active r2
        run 2s
        expect outage at least 2600ms
        expect outage at most 3800ms
    ",
    );
}

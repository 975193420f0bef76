//! Scenarios with a story, and what is expected of it. Every promise of `vrrp_sim::Checker` is
//! judged besides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod elections;
mod handover;
mod hosts;
mod promises;
mod restarts;

use vrrp_sim::{Outcome, Plan, run};

#[track_caller]
fn judge(text: &str) -> Outcome {
    let plan: Plan = text.parse().unwrap_or_else(|why| panic!("{why}"));
    let outcome = run(&plan);
    let violations: Vec<_> = outcome.violations.iter().map(ToString::to_string).collect();
    let events: Vec<_> = outcome.events.iter().map(ToString::to_string).collect();
    assert!(
        violations.is_empty(),
        "{}\n\n{}\n\n{plan}",
        violations.join("\n"),
        events.join("\n")
    );
    outcome
}

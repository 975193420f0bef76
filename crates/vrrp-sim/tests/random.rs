//! Random fault plans: every promise of `vrrp_sim::Checker`, after every step.
//!
//! `VRRP_SIM_PLANS` says how many instead of ten thousand. More of them, faster:
//! `cargo run --release -p vrrp-sim -- soak --count 1000000`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::sync::Mutex;
use vrrp_sim::random::{self, Bounds, Totals};
use vrrp_sim::{Outcome, Plan, Scenario, replay, run, shrink};

fn recorded(plan: &Plan) -> Outcome {
    let mut scenario = Scenario::new(plan.clone());
    scenario.record();
    scenario.run()
}

#[test]
fn ten_thousand_fault_plans_break_no_promise() {
    let count: u64 = std::env::var("VRRP_SIM_PLANS").map_or(10_000, |n| n.parse().unwrap());
    let broken = Mutex::new(Vec::new());
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (broken, totals) = (&broken, &totals);
            scope.spawn(move || {
                let mut mine = Totals::default();
                for seed in (half..count).step_by(2) {
                    let plan = random::plan(seed, Bounds::default());
                    let outcome = run(&plan);
                    if let Some(first) = outcome.violations.first() {
                        broken.lock().unwrap().push((seed, first.to_string()));
                    }
                    mine.add(&plan, &outcome);
                }
                totals.lock().unwrap().merge(&mine);
            });
        }
    });
    let totals = totals.into_inner().unwrap();
    println!("{totals}");
    let broken = broken.into_inner().unwrap();
    for (seed, what) in broken.iter().take(20) {
        println!("seed {seed}: {what}");
    }
    if let Some((seed, what)) = broken.first() {
        let plan = shrink(&random::plan(*seed, Bounds::default()));
        panic!(
            "{} of {count} plans, seed {seed}: {what}\n{plan}",
            broken.len()
        );
    }
    // Worlds in which nothing happens keep every promise.
    assert!(
        totals.takeovers > 2 * count && totals.pings > 50 * count,
        "{totals}"
    );
}

#[test]
fn a_plan_runs_twice_to_the_same_trace_and_replays_without_its_world() {
    for seed in 0..200 {
        let plan = random::plan(seed, Bounds::default());
        let first = recorded(&plan).trace.unwrap();
        let again = recorded(&plan.to_string().parse().unwrap()).trace.unwrap();
        assert!(first == again, "seed {seed}");
        let text = first.to_string();
        let parsed = text.parse().unwrap();
        assert_eq!(
            replay(&plan, &parsed),
            Ok(first.entries().len()),
            "seed {seed}"
        );
    }
}

#[test]
fn a_trace_of_another_world_does_not_replay() {
    let plan = random::plan(7, Bounds::default());
    let trace = recorded(&plan).trace.unwrap();
    let mut other = plan.clone();
    other.routers[0].priority ^= 1;
    assert!(trace.entries().len() > 100);
    replay(&other, &trace).unwrap_err();
}

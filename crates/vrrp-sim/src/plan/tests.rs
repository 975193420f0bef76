use crate::random::{self, Bounds};
use crate::{Expectation, Name, Order, Plan, RouterPlan, Step};
use core::time::Duration;

#[test]
fn a_plan_is_its_text() {
    for seed in 0..2000 {
        let plan = random::plan(seed, Bounds::default());
        let text = plan.to_string();
        assert_eq!(text.parse().as_ref(), Ok(&plan), "{text}");
        assert!(plan.routers.len() <= 5 && plan.steps.len() <= 40, "{text}");
    }
}

#[test]
fn every_step_is_its_text() {
    for line in [
        "start r1",
        "stop r1",
        "leave r1",
        "kill r1",
        "crash r1",
        "freeze r1",
        "suspend r1",
        "resume r1",
        "drain r1",
        "undrain r1",
        "priority r1 7",
        "plug r1 0",
        "unplug r1 1",
        "cut r1 h2",
        "deafen r1 h1",
        "heal",
        "weather all",
        "weather r1 loss 10% run 2",
        "weather h1 delay 3ms jitter 10us duplicate 1% reorder 2% corrupt 100%",
        "run 3609376us",
        "mark",
        "expect active nobody",
        "expect active r1 r2",
        "expect backup r3",
        "expect takeovers 0",
        "expect lost 2",
        "expect outage at most 1s",
        "expect outage at least 1ns",
    ] {
        let step: Step = line.parse().unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!(step.to_string(), line);
    }
}

#[test]
fn lines_mean_what_they_say() {
    let text = "
        world family v6 interval 250ms segments 2 hosts 1
        router r1 priority 200 preempt never drift -20ppm   # the best
        router r2
        cut r1 h2
        expect outage at most 700ms
        priority r2 9";
    let plan: Plan = text.parse().unwrap();
    assert_eq!(plan.interval.as_centis(), 25);
    assert_eq!(plan.routers[0].drift, -20);
    assert_eq!(plan.routers[1], RouterPlan::new(100));
    assert_eq!(
        plan.steps,
        [
            Step::Cut(vec![Name::Router(0), Name::Host(1)]),
            Step::Expect(Expectation::OutageAtMost(Duration::from_millis(700))),
            Step::Router(1, Order::Priority(9)),
        ]
    );
}

#[test]
fn what_is_no_plan_is_refused_with_its_line() {
    for (text, line, what) in [
        ("router r1\nstrat r1", 2, "`strat` is no step"),
        ("router r2", 1, "routers are named"),
        ("router r1\nstart r2", 2, "names what is not in this world"),
        ("router r1\nrun 5", 2, "no length of time"),
        ("router r1\nrun 99999999999h", 2, "too long"),
        ("router r1 priority 256", 1, "no number"),
        ("router r1\nstart r1 r1", 2, "too much"),
        ("router r1\nunplug r1 1", 2, "names what is not"),
        ("router r1\nweather all loss 101%", 2, "more than always"),
        ("world ping 0s\nrouter r1", 2, "stop time"),
        ("world interval 0s\nrouter r1", 1, "cannot be 0"),
        ("", 0, "1 to 50 routers"),
        ("router r1\nstart €1", 2, "is no machine"),
    ] {
        let error = text.parse::<Plan>().unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
    }
}

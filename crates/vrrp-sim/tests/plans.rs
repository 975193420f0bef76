//! Scenarios with a story, and what is expected of it. Every promise of `vrrp_sim::Checker` is
//! judged besides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

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

/// 3 × 1 s and the Skew_Time of priority 100, from the last advert on.
#[test]
fn a_crash_costs_the_active_down_interval() {
    judge(
        "world ping 10ms
         router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         expect active r1
         mark
         crash r1                # 781.25 ms after its last advert
         run 2828ms
         expect active nobody
         run 2ms
         expect active r2
         run 2s
         expect outage at least 2820ms
         expect outage at most 2840ms
         expect takeovers 1",
    );
}

/// Priority 0: the Skew_Time of priority 100 is 609.375 ms.
#[test]
fn a_stop_costs_the_skew_time() {
    judge(
        "world ping 10ms
         router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         mark
         stop r1
         run 609ms
         expect active nobody
         run 1ms
         expect active r2
         run 2s
         expect outage at least 600ms
         expect outage at most 620ms",
    );
}

/// The same move as a drain: serving at priority 1 until the other one is heard twice.
#[test]
fn a_drain_loses_no_ping() {
    for (family, version, interval) in [("v4", 3, "1s"), ("v4", 2, "1s"), ("v6", 3, "250ms")] {
        // The taker advertises before its kernel has the addresses: that is why the second advert
        // of it counts, and not the first.
        judge(&format!(
            "world family {family} version {version} interval {interval} hosts 3 ping 1ms install 40ms
             router r1 priority 200
             router r2 priority 100
             start r1
             start r2
             run 10s
             expect active r1
             mark
             drain r1
             run 3s
             run 3s
             expect active r2
             expect lost 0
             undrain r1              # and back by preemption, dark while the kernel is at work
             run 6s
             expect active r1
             expect lost 42
             expect takeovers 2"
        ));
    }
}

/// An owner drains too, and a sync group drains whole.
#[test]
fn owners_and_groups_drain_without_loss() {
    judge(
        "world segments 2 hosts 2 ping 5ms
         router r1 priority 255
         router r2 priority 90
         start r1
         start r2
         run 5s
         expect active r1
         mark
         drain r1
         run 8s
         expect active r2
         expect lost 0",
    );
}

/// Nobody preempts a draining router if it must not: it falls back to priority 0 after 4 s.
#[test]
fn a_drain_that_nobody_answers_falls_back_to_priority_0() {
    for preempt in ["never", "after 60s"] {
        judge(&format!(
            "world ping 10ms
             router r1 priority 200
             router r2 priority 100 preempt {preempt}
             start r1
             start r2
             run 10s
             mark
             drain r1
             run 3900ms
             expect active r1
             expect lost 0
             run 800ms
             expect active r2
             run 2s
             expect outage at most 630ms"
        ));
    }
}

/// A process that slept for minutes finds the peer's adverts in its socket and believes them.
#[test]
fn a_frozen_backup_claims_nothing_when_it_wakes() {
    judge(
        "router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         mark
         freeze r2
         run 100s
         resume r2
         run 10s
         expect active r1
         expect backup r2
         expect takeovers 0
         expect lost 0",
    );
}

/// A suspended Backup has not heard the adverts: it listens before it believes in the silence.
#[test]
fn a_suspended_backup_listens_before_it_claims() {
    judge(
        "router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         mark
         suspend r2
         run 100s
         resume r2
         run 10s
         expect takeovers 0
         expect lost 0",
    );
}

/// A frozen Active router was replaced. The hosts are told by whoever serves in the end, be it the
/// one that wakes (and wins) or the one that took over (and wins).
#[test]
fn a_frozen_active_router_wakes_to_a_world_that_has_moved_on() {
    judge(
        "world hosts 3
         router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         freeze r1
         run 30s
         expect active r2
         resume r1
         run 100ms
         expect active r1
         mark
         run 30s
         expect lost 0
         expect active r1",
    );
    judge(
        "world hosts 3
         router r1 priority 100
         router r2 priority 200 preempt never
         start r1
         run 5s
         start r2
         run 5s
         expect active r1
         freeze r1
         run 30s
         expect active r2
         resume r1
         run 100ms
         expect active r2
         mark
         run 30s
         expect lost 0
         expect backup r1",
    );
}

/// Two halves of a segment, each with its Active router. When the cut heals one of them stays, and
/// the hosts that believed in the other one hear of it at once.
#[test]
fn a_split_brain_heals_and_the_hosts_hear_of_it() {
    // The phase decides whose advert crosses first, and so who learns that there were two.
    for phase in 0..20 {
        judge(&format!(
            "world hosts 4 ping 10ms
             router r1 priority 200
             router r2 priority 100
             start r1
             start r2
             run 10s
             cut r2 h2 h3
             run 8s
             run {}ms
             expect active r1 r2
             heal
             run 1001ms               # the next advert of either
             expect active r1
             mark
             run 5s
             expect lost 0",
            phase * 50
        ));
    }
}

/// A new process goes on where the old one stopped: no Backup stirs, no host notices.
#[test]
fn a_warm_restart_goes_unnoticed() {
    judge(
        "world ping 10ms
         router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         mark
         leave r1
         run 2s                  # up to three intervals after the last advert
         start r1
         run 10s
         expect active r1
         expect takeovers 1      # its own, resumed
         expect lost 0
         leave r2
         run 500ms
         start r2
         run 10s
         expect backup r2",
    );
}

/// One that comes too late finds somebody else, and takes its old addresses away.
#[test]
fn a_warm_restart_that_took_too_long_claims_nothing_that_is_served() {
    judge(
        "router r1 priority 100
         router r2 priority 200 preempt never
         start r1
         run 5s
         start r2
         run 5s
         expect active r1
         leave r1
         run 60s
         expect active r2
         start r1
         run 10s
         expect active r2
         mark
         run 20s
         expect lost 0",
    );
}

/// SIGKILL leaves the addresses behind: the next process clears what it does not serve.
#[test]
fn a_killed_process_leaves_nothing_for_long() {
    judge(
        "router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         kill r1
         run 10s
         expect active r2
         start r1
         run 10s
         expect active r1
         mark
         run 20s
         expect lost 0",
    );
}

/// Fewer than three adverts lost in a row: nobody takes over, however bad the line is.
#[test]
fn two_adverts_lost_in_a_row_cause_no_takeover() {
    for seed in 0..40 {
        for (interval, version) in [("1s", 3), ("100ms", 3), ("1s", 2)] {
            judge(&format!(
                "world seed {seed} version {version} interval {interval} hosts 0
                 router r1 priority 200
                 router r2 priority 254 preempt never drift 200ppm
                 router r3 priority 1 drift -200ppm
                 start r1
                 run 5s
                 start r2
                 start r3
                 run 5s
                 expect active r1
                 weather all loss 95% run 2
                 mark
                 run 300s
                 expect takeovers 0
                 expect active r1"
            ));
        }
    }
}

/// And three lost in a row do: the bound is exact.
#[test]
fn three_adverts_lost_in_a_row_are_a_takeover() {
    let mut takeovers = 0;
    for seed in 0..40 {
        let outcome = judge(&format!(
            "world seed {seed} hosts 0
             router r1 priority 200
             router r2 priority 254 preempt never
             start r1
             run 5s
             start r2
             run 5s
             weather r2 loss 95% run 3
             run 60s"
        ));
        takeovers += usize::from(outcome.takeovers > 1);
    }
    assert!(takeovers > 35, "{takeovers} of 40");
}

/// HARD-FSM-05: exactly one Active router after four intervals, the one that should be it, for
/// every pair of priorities and addresses; with adverts lost and overtaking each other, too.
//= HARD-FSM-05 test
#[test]
fn two_routers_of_any_priorities_converge() {
    let priorities = [1, 2, 3, 50, 99, 100, 101, 127, 128, 200, 253, 254, 255];
    for a in priorities {
        for b in priorities {
            // Of two owners the one with the lower address gives way, or lowers itself.
            let winner = if a > b { "r1" } else { "r2" };
            for weather in ["", "loss 60% run 2", "delay 2ms jitter 5ms duplicate 30%"] {
                judge(&format!(
                    "world hosts 1
                     router r1 priority {a}
                     router r2 priority {b}
                     cut r2
                     start r1
                     start r2
                     run 5s
                     expect active r1 r2
                     weather all {weather}
                     heal
                     run 4s
                     expect active {winner}
                     weather all
                     run 4s
                     expect active {winner}"
                ));
            }
        }
    }
}

/// The same of three, started in any order, some of them late.
#[test]
fn three_routers_converge() {
    for seed in 0..200_u64 {
        let mut rng = vrrp_sim::Rng::new(seed);
        let priorities = [0, 1, 2].map(|_| rng.between(1, 254));
        if priorities[0] == priorities[1] || priorities[1] == priorities[2] {
            continue; // A Backup does not preempt its equal.
        }
        let best = (0..3).max_by_key(|at| (priorities[*at], *at)).unwrap();
        let waits = [0, 1, 2].map(|_| rng.below(6000));
        judge(&format!(
            "world seed {seed} hosts 1
             router r1 priority {}
             router r2 priority {}
             router r3 priority {}
             weather all loss 20% run 2 jitter 10ms
             start r{}
             run {}ms
             start r{}
             run {}ms
             start r{}
             run {}ms
             weather all
             run 5s
             expect active r{}",
            priorities[0],
            priorities[1],
            priorities[2],
            1 + seed % 3,
            waits[0],
            1 + (seed + 1) % 3,
            waits[1],
            1 + (seed + 2) % 3,
            waits[2],
            best + 1
        ));
    }
}

/// A lower router is tolerated for the delay, and for an Active_Down_Interval after it.
#[test]
fn a_preempt_delay_is_kept() {
    judge(
        "router r1 priority 100
         router r2 priority 200 preempt after 10s
         start r1
         run 5s
         start r2
         mark
         run 10s
         expect active r1
         run 5s
         expect active r2
         expect lost 0",
    );
}

/// A sync group moves whole when one of its links fails.
#[test]
fn a_sync_group_fails_over_whole() {
    judge(
        "world segments 3 hosts 1
         router r1 priority 200
         router r2 priority 100
         start r1
         start r2
         run 10s
         expect active r1
         unplug r1 1
         run 10s
         expect active r2
         plug r1 1
         run 10s
         expect active r1
         mark
         run 10s
         expect lost 0",
    );
}

#[test]
fn what_is_not_as_expected_is_told() {
    let plan: Plan = "router r1 priority 100
        start r1
        run 2s
        expect active r1
        expect backup r1
        run 2s
        expect takeovers 0
        expect lost 0"
        .parse()
        .unwrap();
    let told: Vec<_> = run(&plan)
        .violations
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "2.000000 expected: active r1; it is active nobody",
            "4.000000 expected: takeovers 0; it is takeovers 1",
            "4.000000 expected: lost 0; it is lost 31",
        ]
    );
}

/// Two routers take over from one that hands over, and do not hear each other: it leaves all the
/// same, at the second advert of either.
#[test]
fn takers_that_cannot_hear_each_other_end_a_drain() {
    judge(
        "world interval 250ms
         router r1 priority 250
         router r2 priority 209
         router r3 priority 250
         start r1
         start r3
         start r2
         deafen r1 r2
         run 1s
         deafen r2 r1
         drain r3
         run 2s
         expect active r1 r2",
    );
    // The better one has died after its first.
    judge(
        "world family v6 interval 250ms
         router r1 priority 221
         router r2 priority 181
         router r3 priority 255
         start r1
         start r2
         start r3
         drain r3
         run 400ms
         leave r2
         run 510ms
         suspend r1
         start r2
         run 1s
         expect active r2",
    );
}

/// A router hands over to one that was Active all along, behind a cut cable, or announces in the
/// moment in which the other one takes over: the one that stays hears of it, and so do the hosts.
#[test]
fn the_hosts_learn_of_a_taker_that_was_active_before() {
    judge(
        "world hosts 3 ping 10ms latency 900us
         router r1 priority 254
         router r2 priority 5
         start r1
         start r2
         cut r2 h1 h3
         run 8100ms
         expect active r1 r2
         drain r2
         heal
         run 3s
         expect active r1
         mark
         run 10s
         expect lost 0",
    );
    judge(
        "world family v6 latency 900us install 1us
         router r1 priority 100 drift -74ppm
         router r2 priority 100 drift -154ppm
         start r1
         start r2
         run 4s
         drain r2
         run 4500ms
         expect active r1
         mark
         run 10s
         expect lost 0",
    );
}

/// Who leaves with priority 0 was Active, and hosts may have been told so: by an owner that was
/// frozen while it stopped, by one whose other link is cut, by a taker that thinks better of it.
#[test]
fn the_hosts_learn_that_a_router_that_left_was_not_alone() {
    judge(
        "world hosts 2 ping 10ms
         router r1 priority 255
         router r2 priority 129
         start r2
         run 4s
         cut r1
         start r1
         stop r1
         heal
         run 1s
         mark
         run 3s
         expect lost 0",
    );
    judge(
        "world version 2 segments 2 install 20ms
         router r1 priority 1
         router r2 priority 255
         start r1
         start r2
         suspend r2
         run 2s
         unplug r2 0
         run 3s
         resume r2
         run 11s",
    );
    judge(
        "world interval 2s install 40ms
         router r1 priority 159
         router r2 priority 1
         start r2
         start r1
         run 20s
         suspend r1
         run 11s
         resume r1
         drain r2
         stop r1
         run 13s",
    );
}

/// Told to stay after all, when its taker is gone and has told the hosts that it serves.
#[test]
fn the_hosts_learn_that_a_drain_is_taken_back() {
    judge(
        "world hosts 2 ping 10ms
         router r1 priority 100
         router r2 priority 200
         start r1
         start r2
         run 5s
         suspend r2
         run 4s
         resume r2
         drain r1
         suspend r2
         run 500ms
         undrain r1
         run 1s
         mark
         run 3s
         expect active r1
         expect lost 0",
    );
}

/// A new process with a greater priority waits no longer than the greater priority says.
#[test]
fn a_warm_restart_does_not_keep_a_lower_priority_waiting() {
    judge(
        "world interval 5s
         router r1 priority 93
         start r1
         leave r1
         priority r1 185
         start r1
         run 16400ms
         expect active r1",
    );
}

/// Where nobody does wrong, and the promises were once too broad.
#[test]
fn nothing_is_promised_that_no_protocol_can_keep() {
    for plan in [
        // Equals with equal clocks are released at the same moment, and take over at the same.
        "world version 2 latency 10us install 1ms
         router r1 priority 255
         router r2 priority 200 drift -96ppm
         router r3 priority 200 drift -96ppm
         start r1
         start r2
         start r3
         run 16s
         stop r1
         run 5s",
        // The owner's last words were read, and it is gone.
        "world interval 100ms latency 200us install 100ns
         router r1 priority 255
         router r2 priority 100
         router r3 priority 207
         start r2
         start r3
         cut r1 r3
         run 1s
         start r1
         crash r1
         heal
         run 1s",
        // The best router is heard and crashes while a slow kernel keeps the others busy.
        "world seed 78533 interval 5s segments 2 hosts 0 latency 900us install 100ms
         router r1 priority 32
         router r2 priority 250 drift -184ppm
         router r3 priority 250 drift -143ppm
         router r4 priority 250 drift -146ppm
         start r2
         start r4
         start r3
         run 15300ms
         crash r4
         run 58s",
        // It announces once more, as scheduled, and dies before the next advert is due.
        "world version 2 interval 10s
         router r1 priority 255
         router r2 priority 254
         start r1
         start r2
         run 102s
         cut r2 h1
         run 30s
         heal
         run 7s
         crash r2
         run 38s",
        // The host is plugged in a moment after the announcement.
        "world interval 250ms latency 10us install 5ms
         router r1 priority 200
         router r2 priority 218
         start r2
         run 3s
         stop r2
         cut r2 h1
         start r1
         run 2s
         freeze r1
         run 3s
         resume r1
         heal
         run 1s",
        // An advert that was held up comes behind the priority 0.
        "world seed 568811 interval 500ms latency 900us install 500ns
         router r1 priority 1
         router r2 priority 46
         router r3 priority 255
         router r4 priority 159 drift -81ppm
         weather all delay 967278ns jitter 4976039ns reorder 7%
         start r4
         run 1234371505ns
         start r2
         run 993ms
         run 3965650549ns
         weather all
         stop r4
         run 3s",
        // Whoever takes over after the priority 0 is heard and cut off at once.
        "world interval 100ms latency 900us install 2ms
         router r1 priority 114
         router r2 priority 200
         router r3 priority 238
         start r2
         start r3
         run 1s
         start r1
         stop r3
         run 24ms
         unplug r2 0
         run 1s",
        // Told to stay after half a handover, with a taker that is not silent.
        "world version 2 interval 10s latency 50us install 10ms
         router r1 priority 100
         router r2 priority 255
         start r1
         start r2
         cut r1
         run 45s
         drain r1
         heal
         run 12s
         undrain r1
         run 12s
         expect active r2",
    ] {
        judge(plan);
    }
}

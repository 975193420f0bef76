//! Who is Active in the end, and how long it takes.

use super::judge;

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

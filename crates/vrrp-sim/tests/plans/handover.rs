//! Planned handover: nobody notices, whoever takes over.

use super::judge;

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

/// Three and more take over at the same moment, or by and by. All but the greatest give way to it,
/// whatever is heard of them before.
#[test]
fn the_greatest_of_many_takers_ends_a_drain() {
    // By and by.
    judge(
        "world version 2 hosts 0 latency 50us install 1ms
         router r1 priority 200
         router r2 priority 12
         router r3 priority 62 preempt after 500ms
         router r4 priority 200 preempt after 1500ms
         router r5 priority 200
         start r3
         start r4
         start r5
         start r2
         run 3600ms
         drain r5
         run 5300ms
         expect active r4",
    );
    // At the same moment.
    judge(
        "world family v6 interval 500ms hosts 0 latency 900us install 10ms
         router r1 priority 1
         router r2 priority 100
         router r3 priority 100
         router r4 priority 100
         router r5 priority 220
         start r2
         start r3
         start r4
         start r5
         run 3s
         drain r5
         run 1900ms
         expect active r4",
    );
}

/// It was frozen while two took over and then a lesser third, which is all that it can hear now. The
/// adverts that waited for it are as far apart as they arrived.
#[test]
fn a_drain_that_was_frozen_goes_by_when_adverts_arrived() {
    judge(
        "world hosts 0 latency 900us install 1us
         router r1 priority 176
         router r2 priority 244
         router r3 priority 200
         router r4 priority 200
         router r5 priority 112
         start r2
         start r3
         start r5
         start r4
         run 4s
         drain r2
         freeze r2
         run 8s
         cut r2 r5
         run 4s
         resume r2
         run 2ms
         expect active r4 r5",
    );
}

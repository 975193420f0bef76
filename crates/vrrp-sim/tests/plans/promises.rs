//! What the checker tells, and what it does not ask for.

use super::*;

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

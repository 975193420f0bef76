//! Two that were Active, or seemed to be: the hosts hear who it is.

use super::judge;

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

//! Processes and machines that stand still, die and come back.

use super::judge;

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

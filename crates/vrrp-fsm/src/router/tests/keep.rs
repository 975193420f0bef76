//! What outlives a configuration or a process.

use super::*;

fn reconfigured(router: &mut VirtualRouter, now: Instant, options: RouterOptions) -> Vec<Action> {
    let mut out = Vec::new();
    router.reconfigure(now, options.try_into().unwrap(), &mut out);
    out
}

#[test]
fn the_same_again_changes_nothing() {
    for mut router in [backup(options(100)), active_at(options(100)).0] {
        let before = router.clone();
        assert_eq!(reconfigured(&mut router, us(4_000_000), options(100)), []);
        assert_eq!(
            (router.state, router.deadline()),
            (before.state, before.deadline())
        );
    }
}

#[test]
fn another_interval_moves_the_next_advert_only_if_it_must() {
    let (mut router, at) = active_at(options(100));
    reconfigured(
        &mut router,
        at,
        RouterOptions {
            interval: centis(500),
            ..options(100)
        },
    );
    assert_eq!(router.adver_timer(), Some(at + Duration::from_secs(1)));
    reconfigured(
        &mut router,
        at,
        RouterOptions {
            interval: centis(10),
            ..options(100)
        },
    );
    assert_eq!(router.adver_timer(), Some(at + Duration::from_millis(100)));
}

#[test]
fn a_backup_keeps_what_it_has_learned() {
    let mut router = backup(options(100));
    let slow = RouterOptions {
        interval: centis(200),
        ..options(100)
    };
    reconfigured(&mut router, us(0), slow.clone());
    assert_eq!(
        router.active_down_timer(),
        Some(us(7_218_750)),
        "our own interval, nothing heard"
    );
    does(&mut router, us(1_000_000), heard(LESS, 200, centis(300)));
    let before = router.active_down_timer();
    reconfigured(&mut router, us(1_000_000), options(100));
    assert_eq!(
        router.active_down_timer(),
        before,
        "the Active router's interval counts"
    );
}

#[test]
fn a_role_is_resumed_with_its_deadline() {
    let config = || router(options(100));
    let (before, at) = active_at(options(100));
    let now = at + Duration::from_millis(400);
    let mut after = config();
    let mut out = Vec::new();
    after.resume(now, before.saved(), None, &mut out);
    let notify_resumed = notify(Role::Initialize, Role::Active, Cause::Resumed);
    assert_eq!(out, [Action::Install, notify_resumed]);
    assert_eq!(after.adver_timer(), before.adver_timer());
    assert_eq!(
        does(&mut after, at + Duration::from_secs(1), Event::Timeout),
        [advert(100)]
    );

    let mut before = backup(options(100));
    does(&mut before, us(1_000_000), heard(LESS, 200, centis(300)));
    let mut after = config();
    let mut out = Vec::new();
    after.resume(
        us(2_000_000),
        before.saved(),
        before.last_active(),
        &mut out,
    );
    assert_eq!(
        out,
        [notify(Role::Initialize, Role::Backup, Cause::Resumed)]
    );
    assert_eq!(after.active_down_timer(), before.active_down_timer());
    assert_eq!(after.active_adver_interval(), centis(300));
}

/// The configuration may have changed in between.
#[test]
fn a_resumed_backup_waits_no_longer_than_a_new_one() {
    let before = backup(options(100));
    for (priority, active_down) in [(200, 3_218_750), (50, 3_609_375)] {
        let mut after = router(options(priority));
        after.resume(us(0), before.saved(), None, &mut Vec::new());
        assert_eq!(
            after.active_down_timer(),
            Some(us(active_down)),
            "{priority}"
        );
    }
}

/// Three intervals after the last advert the first Backup may be Active.
#[test]
fn a_role_that_may_be_somebody_elses_is_not_resumed() {
    let (before, at) = active_at(options(100));
    let last_advert = at;
    for (silence, resumed) in [(2_999, true), (3_000, false), (60_000, false)] {
        let mut after = router(options(100));
        let mut out = Vec::new();
        let now = last_advert + Duration::from_millis(silence);
        after.resume(now, before.saved(), None, &mut out);
        let role = if resumed {
            Role::Active
        } else {
            Role::Initialize
        };
        assert_eq!(after.role(), role, "{silence} ms after the last advert");
    }
    let mut running = backup(options(100));
    let mut out = Vec::new();
    running.resume(us(1), SavedRole::Active { adver: us(2) }, None, &mut out);
    assert_eq!(
        (running.role(), out.len()),
        (Role::Backup, 0),
        "only out of Initialize"
    );
}

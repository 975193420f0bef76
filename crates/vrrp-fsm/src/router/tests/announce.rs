//! When addresses are announced.

use super::*;

/// Runs an Active router by its own deadlines for `length` and says when it announced how often,
/// in milliseconds since it became Active.
fn announcements(router: &mut VirtualRouter, from: Instant, length: Duration) -> Vec<(u128, u8)> {
    let mut seen = Vec::new();
    while let Some((due, _)) = router.deadline().filter(|(due, _)| *due <= from + length) {
        for action in does(router, due, Event::Timeout) {
            if let Action::Announce { rounds } = action {
                seen.push((due.saturating_duration_since(from).as_millis(), rounds));
            }
        }
    }
    seen
}

//= KA-GARP-01 test
#[test]
fn five_at_once_five_after_five_seconds_none_later() {
    let announce = AnnounceSchedule::KEEPALIVED;
    let mut router = backup(RouterOptions {
        announce,
        ..options(100)
    });
    let due = router.active_down_timer().unwrap();
    let actions = does(&mut router, due, Event::Timeout);
    assert_eq!(
        actions[..3],
        [advert(100), Action::Install, Action::Announce { rounds: 5 }]
    );
    assert_eq!(
        announcements(&mut router, due, Duration::from_secs(60)),
        [(5_000, 5)]
    );
}

#[test]
fn the_rfc_announces_once() {
    let (mut router, at) = active_at(options(100));
    assert_eq!(announcements(&mut router, at, Duration::from_secs(60)), []);
}

#[test]
fn refreshes_begin_after_the_second_burst() {
    let announce = AnnounceSchedule {
        refresh: Some(Duration::from_secs(10)),
        refresh_rounds: 2,
        ..AnnounceSchedule::KEEPALIVED
    };
    let (mut router, at) = active_at(RouterOptions {
        announce,
        ..options(100)
    });
    let seen = announcements(&mut router, at, Duration::from_secs(40));
    assert_eq!(seen, [(5_000, 5), (15_000, 2), (25_000, 2), (35_000, 2)]);
}

//= KA-GARP-01 test
#[test]
fn a_losing_advert_makes_the_hosts_hear_us_now_and_again() {
    let announce = AnnounceSchedule {
        lower_burst: 3,
        lower_again_after: Some(Duration::from_secs(2)),
        ..AnnounceSchedule::RFC
    };
    let (mut router, at) = active_at(RouterOptions {
        announce,
        ..options(100)
    });
    let lower = heard(GREATER, 50, SECOND);
    let burst = [advert(100), Action::Announce { rounds: 3 }];
    assert_eq!(does(&mut router, at, lower), burst);
    // A stream of them must not put the second burst off for ever.
    let later = at + Duration::from_millis(1_500);
    assert_eq!(does(&mut router, later, lower), burst);
    assert_eq!(
        announcements(&mut router, at, Duration::from_secs(60)),
        [(2_000, 3)]
    );
}

#[test]
fn leaving_active_ends_all_announcements() {
    let announce = AnnounceSchedule::KEEPALIVED;
    let (mut router, at) = active_at(RouterOptions {
        announce,
        ..options(100)
    });
    does(&mut router, at, heard(LESS, 200, SECOND));
    let (_, kind) = router.deadline().unwrap();
    assert_eq!(kind, TimerKind::ActiveDown);
}

/// A frozen process wakes up, somebody else took over meanwhile and told the hosts.
#[test]
fn an_active_router_that_stood_still_announces_again() {
    let announce = AnnounceSchedule::KEEPALIVED;
    let (mut router, at) = active_at(RouterOptions {
        announce,
        ..options(100)
    });
    announcements(&mut router, at, Duration::from_secs(10));
    let woken = at + Duration::from_secs(70);
    let actions = does(&mut router, woken, Event::Timeout);
    assert_eq!(actions, [advert(100), Action::Announce { rounds: 5 }]);
    assert_eq!(
        announcements(&mut router, woken, Duration::from_secs(30)),
        [(5_000, 5)]
    );
}

/// A flood of losing adverts does not become a flood of announcements, but there is one after the
/// last of them.
//= HARD-FSM-04 test
#[test]
fn bursts_for_losers_keep_their_distance() {
    let announce = AnnounceSchedule {
        lower_burst: 5,
        lower_again_after: None,
        ..AnnounceSchedule::RFC
    };
    let answer_spacing = Duration::from_millis(10);
    let options = RouterOptions {
        announce,
        answer_spacing,
        ..options(100)
    };
    let (mut router, at) = active_at(options);
    let mut bursts = Vec::new();
    let mut note = |now: Instant, actions: Vec<Action>| {
        let burst = |action: &Action| matches!(action, Action::Announce { .. });
        if actions.iter().any(burst) {
            bursts.push(now.saturating_duration_since(at).as_millis());
        }
    };
    for millis in 0..350 {
        let now = at + Duration::from_millis(millis);
        note(now, does(&mut router, now, Event::Timeout));
        note(now, does(&mut router, now, heard(LESS, 50, SECOND)));
    }
    while let Some((due, _)) = router
        .deadline()
        .filter(|(due, _)| *due < at + Duration::from_secs(3))
    {
        note(due, does(&mut router, due, Event::Timeout));
    }
    assert_eq!(bursts, [0, 100, 200, 300, 400]);
}

/// Only Active routers leave with priority 0: the hosts may have been told of the one that does.
#[test]
fn somebody_who_leaves_was_active() {
    let announce = AnnounceSchedule::KEEPALIVED;
    let (mut router, at) = active_at(RouterOptions {
        announce,
        ..options(100)
    });
    assert_eq!(
        does(&mut router, at, heard(GREATER, 0, SECOND)),
        [advert(100), Action::Announce { rounds: 5 }]
    );
    let (mut strict, at) = active_at(options(100));
    assert_eq!(
        does(&mut strict, at, heard(GREATER, 0, SECOND)),
        [advert(100)]
    );
}

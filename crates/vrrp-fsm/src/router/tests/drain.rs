//! Planned handover.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn draining(options: RouterOptions) -> (VirtualRouter, Instant) {
    let (mut router, at) = active_at(options);
    let at = at + Duration::from_millis(300);
    let out = all(&mut router, at, Event::Drain);
    assert_eq!(out, [Action::Report(Report::DrainStarted), advert(1)]);
    assert_eq!(
        (router.role(), router.priority()),
        (Role::Active, Priority::new(1))
    );
    (router, at)
}

/// Its first advert precedes its addresses, so they are served here until the second.
#[test]
fn the_second_advert_of_the_taker_ends_it_without_a_relinquish() {
    let (mut router, at) = draining(options(200));
    let second = Duration::from_secs(1);
    for tick in 1..=3 {
        assert_eq!(
            does(&mut router, at + second * tick, Event::Timeout),
            [advert(1)]
        );
    }
    let taken = at + Duration::from_micros(3_218_750);
    let priority = Priority::new(100);
    let said = says(&mut router, taken, heard(LESS, 100, SECOND));
    assert_eq!(
        said,
        [Report::DrainTaker {
            source: LESS,
            priority
        }]
    );
    assert_eq!(router.role(), Role::Active);
    // Silent meanwhile: whoever is Active would have to answer.
    let next = router.adver_timer().unwrap();
    assert_eq!(does(&mut router, next, Event::Timeout), []);
    // Another router's advert is not the taker's second.
    let half = Duration::from_millis(500);
    assert_eq!(
        does(&mut router, taken + half, heard(GREATER, 0, SECOND)),
        [advert(1)]
    );
    assert_eq!(router.role(), Role::Active);
    let cause = Cause::Drained(Some(LESS));
    assert_eq!(
        does(&mut router, taken + second, heard(LESS, 100, SECOND)),
        [
            Action::Withdraw,
            notify(Role::Active, Role::Initialize, cause)
        ]
    );
    assert_eq!(router.deadline(), None);
}

/// A peer that must not preempt, or only after a delay, never takes over from a router that speaks.
#[test]
fn priority_0_is_the_last_resort() {
    for (version, after) in [(Version::V3, 4_000), (Version::V2, 4_000)] {
        let (mut router, at) = draining(RouterOptions {
            version,
            ..options(200)
        });
        let fallback = at + Duration::from_millis(after);
        let mut out = Vec::new();
        while let Some((due, _)) = router.deadline().filter(|(due, _)| *due < fallback) {
            out.extend(does(&mut router, due, Event::Timeout));
        }
        assert_eq!(out, [advert(1), advert(1), advert(1)], "VRRPv{version}");
        let cause = Cause::Drained(None);
        assert_eq!(
            router.deadline(),
            Some((fallback, TimerKind::Adver)),
            "VRRPv{version}"
        );
        assert_eq!(
            does(&mut router, fallback, Event::Timeout),
            [
                advert(0),
                Action::Withdraw,
                notify(Role::Active, Role::Initialize, cause)
            ],
            "VRRPv{version}"
        );
    }
    // With an interval of 10 s the versions part: a second of skew at most in VRRPv2.
    for (version, after) in [(Version::V3, 40), (Version::V2, 31)] {
        let (router, at) = draining(RouterOptions {
            version,
            interval: centis(1_000),
            ..options(200)
        });
        let State::Active(Active {
            drain: Some(drain), ..
        }) = router.state
        else {
            panic!()
        };
        assert_eq!(
            drain.fallback,
            at + Duration::from_secs(after),
            "VRRPv{version}"
        );
    }
}

#[test]
fn a_taker_that_dies_after_its_first_advert_does_not_keep_us() {
    let (mut router, at) = draining(options(200));
    let taken = at + Duration::from_millis(3_500);
    does(&mut router, taken, heard(LESS, 100, SECOND));
    let mut out = Vec::new();
    while let Some((due, _)) = router.deadline() {
        assert!(due <= at + MINUTE);
        out.extend(does(&mut router, due, Event::Timeout));
    }
    let cause = Cause::Drained(None);
    assert_eq!(
        out,
        [
            advert(0),
            Action::Withdraw,
            notify(Role::Active, Role::Initialize, cause)
        ]
    );
}

/// Both win over priority 1 and go on: the first second advert counts.
#[test]
fn takers_that_cannot_hear_each_other_do_not_keep_us() {
    for (first, second) in [(LESS, GREATER), (GREATER, LESS)] {
        let (mut router, at) = draining(options(200));
        let step = Duration::from_millis(500);
        let mut now = at + Duration::from_millis(3_219);
        for source in [first, second, first, second] {
            if router.role() == Role::Active {
                does(&mut router, now, heard(source, 100, SECOND));
                now += step;
            }
        }
        assert_eq!(router.role(), Role::Initialize);
        assert_eq!(router.last_active(), Some(first));
    }
}

fn watchful(priority: u8) -> RouterOptions {
    RouterOptions {
        announce: AnnounceSchedule {
            refresh: Some(Duration::from_secs(10)),
            ..AnnounceSchedule::KEEPALIVED
        },
        answer_spacing: Duration::from_millis(10),
        ..options(priority)
    }
}

/// The taker may have been Active all along, behind a cut cable: it must hear that there were two.
#[test]
fn the_taker_hears_that_there_was_another() {
    let (mut router, at) = draining(watchful(200));
    let taken = at + Duration::from_millis(700);
    does(&mut router, taken, heard(LESS, 100, SECOND));
    let second = taken + Duration::from_secs(1);
    let cause = Cause::Drained(Some(LESS));
    assert_eq!(
        does(&mut router, second, heard(LESS, 100, SECOND)),
        [
            advert(1),
            Action::Withdraw,
            notify(Role::Active, Role::Initialize, cause)
        ]
    );
}

/// The hosts were told of a taker that has left since: they hear from us, and so does the next one.
#[test]
fn a_taker_that_leaves_leaves_the_hosts_to_us() {
    let (mut router, at) = draining(watchful(200));
    let taken = at + Duration::from_millis(700);
    does(&mut router, taken, heard(LESS, 100, SECOND));
    let left = taken + Duration::from_millis(100);
    assert_eq!(
        does(&mut router, left, heard(LESS, 0, SECOND)),
        [advert(1), Action::Announce { rounds: 5 }]
    );
    let next = left + Duration::from_secs(1);
    assert_eq!(router.adver_timer(), Some(next));
    assert!(does(&mut router, next, Event::Timeout).contains(&advert(1)));
}

/// What was to be announced was dropped for the taker. Nobody else would do it.
#[test]
fn an_undrain_with_a_taker_announces_again_and_goes_on_refreshing() {
    let (mut router, at) = draining(watchful(200));
    let taken = at + Duration::from_millis(700);
    does(&mut router, taken, heard(LESS, 100, SECOND));
    let now = taken + Duration::from_millis(100);
    assert_eq!(
        does(&mut router, now, Event::Undrain),
        [advert(200), Action::Announce { rounds: 5 }]
    );
    let mut announced = 0;
    while let Some((due, _)) = router.deadline().filter(|(due, _)| *due <= now + MINUTE) {
        let out = does(&mut router, due, Event::Timeout);
        announced += out
            .iter()
            .filter(|action| matches!(action, Action::Announce { .. }))
            .count();
    }
    assert_eq!(announced, 1 + 5, "after 5 s, then every 10 s");
}

#[test]
fn an_undrain_takes_the_role_back_at_once() {
    let (mut router, at) = draining(options(200));
    does(
        &mut router,
        at + Duration::from_secs(1),
        heard(LESS, 100, SECOND),
    );
    let now = at + Duration::from_millis(1_200);
    assert_eq!(does(&mut router, now, Event::Undrain), [advert(200)]);
    assert_eq!(router.adver_timer(), Some(now + Duration::from_secs(1)));
    assert_eq!(
        does(&mut router, now, heard(LESS, 100, SECOND)),
        [advert(200)]
    );
    assert_eq!(router.role(), Role::Active);
}

#[test]
fn an_owner_drains_too() {
    let (mut router, at) = draining(options(255));
    does(
        &mut router,
        at + Duration::from_secs(3),
        heard(LESS, 100, SECOND),
    );
    does(
        &mut router,
        at + Duration::from_secs(4),
        heard(LESS, 100, SECOND),
    );
    assert_eq!(router.role(), Role::Initialize);
}

#[test]
fn asking_twice_changes_nothing() {
    let (router, at) = draining(options(200));
    let mut twice = router.clone();
    assert_eq!(
        all(&mut twice, at + Duration::from_secs(2), Event::Drain),
        []
    );
    assert_eq!(twice.state, router.state);
}

/// Somebody whose adverts lose is answered as ever, at priority 1.
#[test]
fn a_loser_is_no_taker() {
    let (mut router, at) = draining(options(200));
    assert_eq!(does(&mut router, at, heard(LESS, 1, SECOND)), [advert(1)]);
    assert_eq!(says(&mut router, at, heard(GREATER, 1, SECOND)).len(), 1);
    assert_eq!(router.role(), Role::Active);
}

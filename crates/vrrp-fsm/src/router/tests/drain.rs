//! Planned handover.

use super::super::announce::Pending;
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

fn fallback(router: &VirtualRouter) -> Instant {
    let State::Active(Active {
        drain: Some(drain), ..
    }) = router.state
    else {
        panic!("not draining")
    };
    drain.fallback
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
            all(&mut router, fallback, Event::Timeout),
            [
                Action::Report(Report::DrainFallback),
                advert(0),
                Action::Report(Report::RelinquishSent),
                Action::Withdraw,
                notify(Role::Active, Role::Initialize, cause)
            ],
            "VRRPv{version}"
        );
    }
    // With an interval of 10 s the versions part: a second of skew at most in VRRPv2.
    for (version, after, timer) in [
        (Version::V3, 40, TimerKind::Adver),
        (Version::V2, 31, TimerKind::DrainFallback),
    ] {
        let (mut router, at) = draining(RouterOptions {
            version,
            interval: centis(1_000),
            ..options(200)
        });
        let due = at + Duration::from_secs(after);
        for _ in 1..=3 {
            let next = router.adver_timer().unwrap();
            does(&mut router, next, Event::Timeout);
        }
        assert_eq!(router.deadline(), Some((due, timer)), "VRRPv{version}");
        assert_eq!(fallback(&router), due, "VRRPv{version}");
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

/// They take over at the same moment, or one preempts the other; whoever hears a greater one gives
/// way to it and is not heard again.
#[test]
fn of_many_takers_the_two_greatest_count() {
    let ranked = [(90, 9), (100, 1), (100, 3), (110, 4)].map(|(p, last)| (p, addr(last)));
    for first in 0..ranked.len() {
        let (mut router, at) = draining(options(200));
        let mut takers = ranked;
        takers.rotate_left(first);
        let mut now = at + Duration::from_millis(3_219);
        for (priority, source) in takers {
            assert_eq!(does(&mut router, now, heard(source, priority, SECOND)), []);
            now += Duration::from_millis(200);
        }
        now += Duration::from_secs(1);
        for (rank, (priority, source)) in ranked.into_iter().enumerate() {
            let mut router = router.clone();
            does(&mut router, now, heard(source, priority, SECOND));
            let great = rank >= 2;
            assert_eq!(router.role() == Role::Initialize, great, "{rank} {first}");
        }
    }
}

/// It answers another one, or gives way to it.
#[test]
fn what_a_taker_says_within_half_its_interval_is_no_second_advert() {
    let (mut router, at) = draining(options(200));
    let taken = at + Duration::from_millis(3_219);
    let slow = centis(400);
    does(&mut router, taken, heard(LESS, 100, slow));
    for (after, role) in [
        (0, Role::Active),
        (1_999, Role::Active),
        (2_000, Role::Initialize),
    ] {
        let now = taken + Duration::from_millis(after);
        does(&mut router, now, heard(LESS, 100, slow));
        assert_eq!(router.role(), role, "{after} ms");
    }
}

/// Until the slowest has had the time of its second advert, and never less than without it.
#[test]
fn a_taker_puts_the_fallback_off() {
    let (mut router, at) = draining(options(200));
    does(&mut router, at, heard(LESS, 100, SECOND));
    assert_eq!(fallback(&router), at + Duration::from_secs(4));
    let taken = at + Duration::from_millis(3_500);
    let silence = |interval| active_down_interval(Version::V3, Priority::OWNER, interval, 3);
    does(&mut router, taken, heard(GREATER, 100, centis(400)));
    let due = taken + silence(centis(400));
    assert_eq!(fallback(&router), due);
    // Who is not remembered changes nothing.
    let later = taken + Duration::from_millis(100);
    does(&mut router, later, heard(addr(9), 90, centis(4_000)));
    assert_eq!(fallback(&router), due);
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
    // When it comes again, it has no addresses yet.
    does(&mut router, next, heard(LESS, 100, SECOND));
    assert_eq!(router.role(), Role::Active);
}

/// The other one goes on serving, and the hosts may know it. When both have left they hear from us,
/// and once more after the delay.
#[test]
fn while_another_taker_serves_the_hosts_are_left_to_it() {
    for (first, second) in [(LESS, GREATER), (GREATER, LESS)] {
        let (mut router, at) = draining(watchful(200));
        let now = at + Duration::from_millis(700);
        for source in [LESS, GREATER] {
            does(&mut router, now, heard(source, 100, SECOND));
        }
        for source in [addr(9), first] {
            let out = does(&mut router, now, heard(source, 0, SECOND));
            assert_eq!(out, [advert(1)], "{source}");
            assert_eq!(scheduled(&router), Pending::default(), "{source}");
        }
        let out = does(&mut router, now, heard(second, 0, SECOND));
        assert_eq!(out, [advert(1), Action::Announce { rounds: 5 }]);
        let again = now + Duration::from_secs(5);
        assert_eq!(scheduled(&router).deadline(), Some(again));
    }
}

/// Whatever asks for an advert or for announcements.
#[test]
fn nothing_is_said_while_a_taker_serves() {
    let (mut router, at) = draining(watchful(200));
    let taken = at + Duration::from_millis(700);
    does(&mut router, taken, heard(LESS, 100, centis(4_000)));
    let mut out = Vec::new();
    let next = router.adver_timer().unwrap();
    router.advertise_early(next, &mut out);
    router.announce_now(&mut out);
    router.announce_lower(next, &mut out);
    router.announce_again(next, &mut out);
    assert_eq!(out, []);
    // In time, late, and what was scheduled before there was a taker.
    let late = router.adver_timer().unwrap() + Duration::from_secs(2);
    assert_eq!(does(&mut router, late, Event::Timeout), []);
    while let Some((due, _)) = router
        .deadline()
        .filter(|(due, _)| *due < fallback(&router))
    {
        assert_eq!(does(&mut router, due, Event::Timeout), []);
    }
    assert_eq!(router.role(), Role::Active);
}

/// What was to be announced was dropped for the taker. Nobody else would do it.
#[test]
fn an_undrain_with_a_taker_goes_on_announcing() {
    for (after_trouble, at_once, later) in [
        (
            true,
            Some(Action::Announce { rounds: 5 }),
            "after 5 s, then every 10 s",
        ),
        (false, None, "every 10 s"),
    ] {
        let mut options = watchful(200);
        options.announce.after_trouble = after_trouble;
        let (mut router, at) = draining(options);
        let taken = at + Duration::from_millis(700);
        does(&mut router, taken, heard(LESS, 100, SECOND));
        let now = taken + Duration::from_millis(100);
        let expected: Vec<_> = [advert(200)].into_iter().chain(at_once).collect();
        assert_eq!(does(&mut router, now, Event::Undrain), expected);
        let mut announced = 0;
        while let Some((due, _)) = router.deadline().filter(|(due, _)| *due <= now + MINUTE) {
            let out = does(&mut router, due, Event::Timeout);
            announced += out
                .iter()
                .filter(|action| matches!(action, Action::Announce { .. }))
                .count();
        }
        assert_eq!(announced, 6, "{later}");
    }
}

fn scheduled(router: &VirtualRouter) -> Pending {
    let State::Active(active) = router.state else {
        panic!("not Active")
    };
    active.announce
}

/// The hosts know of nobody else, and what was to be announced is still to come.
#[test]
fn an_undrain_without_a_taker_announces_nothing_out_of_turn() {
    let (mut router, at) = draining(watchful(200));
    let before = scheduled(&router);
    assert_ne!(before, Pending::default());
    let now = at + Duration::from_millis(700);
    assert_eq!(does(&mut router, now, Event::Undrain), [advert(200)]);
    assert_eq!(scheduled(&router), before);
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

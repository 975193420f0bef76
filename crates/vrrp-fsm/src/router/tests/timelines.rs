//! Sequences worked out by hand, to the microsecond. What is shown is whole microseconds.

use super::*;

/// Runs a router by its own deadlines until `until` and says when it advertised, in microseconds.
fn adverts(router: &mut VirtualRouter, until: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some((due, _)) = router.deadline().filter(|(due, _)| *due <= us(until)) {
        let actions = does(router, due, Event::Timeout);
        if actions
            .iter()
            .any(|action| matches!(action, Action::Advertise(_)))
        {
            seen.push(due.as_nanos() / 1_000);
        }
    }
    seen
}

//= TIM-20 test
#[test]
fn alone() {
    let mut router = backup(options(100));
    assert_eq!(
        adverts(&mut router, 6_000_000),
        [3_609_375, 4_609_375, 5_609_375]
    );
}

//= TIM-21 test
#[test]
fn adverts_then_silence() {
    let mut router = backup(options(100));
    for at in [500_000, 1_500_000, 2_500_000] {
        assert!(adverts(&mut router, at).is_empty());
        does(&mut router, us(at), heard(GREATER, 200, SECOND));
    }
    assert_eq!(adverts(&mut router, 7_000_000), [6_109_375]);
}

//= TIM-22 test
#[test]
fn the_active_router_leaves() {
    let mut router = backup(options(100));
    does(&mut router, us(1_300_000), heard(GREATER, 0, SECOND));
    assert_eq!(adverts(&mut router, 2_000_000), [1_909_375]);
}

/// The one of 254 takes over, and its advert stops the others.
//= TIM-23 test
#[test]
fn three_backups_in_silence() {
    let mut routers = [254, 200, 100].map(|priority| backup(options(priority)));
    let due = routers
        .each_ref()
        .map(|router| router.active_down_timer().unwrap().as_nanos() / 1_000);
    assert_eq!(due, [3_007_812, 3_218_750, 3_609_375]);
    assert_eq!(adverts(&mut routers[0], 3_100_000), [3_007_812]);
    for router in &mut routers[1..] {
        does(router, us(3_007_812), heard(GREATER, 254, SECOND));
        assert!(adverts(router, 4_000_000).is_empty());
    }
}

//= TIM-24 test
#[test]
fn a_higher_one_starts_beside_an_active_router() {
    let mut higher = backup(options(200));
    let (mut lower, at) = active_at(options(100));
    for second in 0..4 {
        let now = us(second * 1_000_000);
        does(&mut higher, now, heard(LESS, 100, SECOND));
    }
    assert_eq!(adverts(&mut higher, 4_000_000), [3_218_750]);
    let now = at + Duration::from_secs(3);
    does(&mut lower, now, heard(GREATER, 200, SECOND));
    assert_eq!(
        lower.active_down_timer(),
        Some(now + Duration::from_micros(3_609_375))
    );
}

//= TIM-25 test
#[test]
fn a_slow_active_router_and_then_our_own_pace() {
    let mut router = backup(options(100));
    does(&mut router, us(100_000), heard(GREATER, 200, centis(300)));
    let expected = [10_928_125, 11_928_125, 12_928_125];
    assert_eq!(adverts(&mut router, 13_000_000), expected);
}

//= TIM-26 test
#[test]
fn ten_seconds_in_v2() {
    let slow = RouterOptions {
        version: Version::V2,
        interval: centis(1_000),
        ..options(100)
    };
    assert_eq!(adverts(&mut backup(slow), 40_000_000), [30_609_375]);
}

//= TIM-27 test
#[test]
fn ten_milliseconds() {
    let fast = RouterOptions {
        interval: centis(1),
        ..options(254)
    };
    assert_eq!(adverts(&mut backup(fast), 55_000), [30_078, 40_078, 50_078]);
}

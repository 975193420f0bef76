use super::*;

const fn centis(centis: u16) -> AdvertInterval {
    match AdvertInterval::from_centis(centis) {
        Ok(interval) => interval,
        Err(_) => panic!("an interval"),
    }
}

/// The tables of RFC 9568 §6.1 and RFC 3768 §6.1 worked out: priority, centiseconds, skew and
/// Active_Down_Interval in whole microseconds, rounded down.
const V3: [(u8, u16, u128, u128); 20] = [
    (1, 1, 9_960, 39_960),
    (1, 10, 99_609, 399_609),
    (1, 100, 996_093, 3_996_093),
    (1, 4095, 40_790_039, 163_640_039),
    (100, 1, 6_093, 36_093),
    (100, 10, 60_937, 360_937),
    (100, 100, 609_375, 3_609_375),
    (100, 4095, 24_953_906, 147_803_906),
    (200, 1, 2_187, 32_187),
    (200, 10, 21_875, 321_875),
    (200, 100, 218_750, 3_218_750),
    (200, 4095, 8_957_812, 131_807_812),
    (254, 1, 78, 30_078),
    (254, 10, 781, 300_781),
    (254, 100, 7_812, 3_007_812),
    (254, 4095, 319_921, 123_169_921),
    (255, 1, 39, 30_039),
    (255, 10, 390, 300_390),
    (255, 100, 3_906, 3_003_906),
    (255, 4095, 159_960, 123_009_960),
];
const V2: [(u8, u16, u128, u128); 15] = [
    (1, 100, 996_093, 3_996_093),
    (1, 1_000, 996_093, 30_996_093),
    (1, 25_500, 996_093, 765_996_093),
    (100, 100, 609_375, 3_609_375),
    (100, 1_000, 609_375, 30_609_375),
    (100, 25_500, 609_375, 765_609_375),
    (200, 100, 218_750, 3_218_750),
    (200, 1_000, 218_750, 30_218_750),
    (200, 25_500, 218_750, 765_218_750),
    (254, 100, 7_812, 3_007_812),
    (254, 1_000, 7_812, 30_007_812),
    (254, 25_500, 7_812, 765_007_812),
    (255, 100, 3_906, 3_003_906),
    (255, 1_000, 3_906, 30_003_906),
    (255, 25_500, 3_906, 765_003_906),
];

//= R9568-6.1-05 test
//= R9568-6.1-06 test
//= R3768-6.1-02 test
//= R3768-6.1-03 test
//= TIM-01 test
//= TIM-02 test
//= TIM-03 test
//= TIM-04 test
#[test]
fn skew_and_down_interval_to_the_microsecond() {
    for (version, table) in [(Version::V3, &V3[..]), (Version::V2, &V2[..])] {
        for &(priority, interval, skew, down) in table {
            let (priority, interval) = (Priority::new(priority), centis(interval));
            let got = (
                skew_time(version, priority, interval).as_micros(),
                active_down_interval(version, priority, interval, 3).as_micros(),
            );
            assert_eq!(
                got,
                (skew, down),
                "v{version} priority {priority} interval {interval}"
            );
        }
    }
}

//= TIM-05 test
//= TIM-06 test
#[test]
fn greater_priority_is_strictly_earlier_at_every_interval() {
    for interval in [1, 2, 3, 10, 100, 4095].map(centis) {
        for priority in 1..=255 {
            let at = |p| active_down_interval(Version::V3, Priority::new(p), interval, 3);
            let one = interval.as_duration();
            assert!(
                at(priority) > 3 * one && at(priority) < 4 * one,
                "{priority} at {interval}"
            );
            assert!(
                priority == 1 || at(priority) < at(priority - 1),
                "{priority} at {interval}"
            );
        }
    }
}

//= KA-ADV-05 test
#[test]
fn down_timer_adverts_replaces_the_three() {
    let down = active_down_interval(Version::V3, Priority::DEFAULT, AdvertInterval::DEFAULT, 5);
    assert_eq!(down.as_micros(), 5_609_375);
}

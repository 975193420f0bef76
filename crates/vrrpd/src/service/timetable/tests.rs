use jiff::civil::date;
use jiff::tz::{Offset, TimeZone};

use super::{Unusable, moment, words};

#[test]
fn moments_are_read_in_keepaliveds_forms_and_no_others() {
    let zone = TimeZone::fixed(Offset::constant(2));
    let now = date(2024, 2, 28).at(12, 0, 0, 0).to_zoned(zone).unwrap();
    let cases = [
        ("12:00:01", Ok("2024-02-28 12:00:01")),
        ("11:59:59", Ok("2024-02-29 11:59:59")),
        ("12:00:00", Ok("2024-02-29 12:00:00")),
        ("10:00:01Z", Ok("2024-02-28 10:00:01Z")),
        ("09:59:59Z", Ok("2024-02-29 09:59:59Z")),
        ("24-02-29 00:00:00", Ok("2024-02-29 00:00:00")),
        ("2031-12-31 23:59:59Z", Ok("2031-12-31 23:59:59Z")),
        ("68-12-31 23:59:59", Ok("2068-12-31 23:59:59")),
        ("69-12-31 23:59:59", Err(Unusable::Past)),
        ("2024-02-28 11:59:59", Err(Unusable::Past)),
        ("2024-02-28 10:00:00Z", Err(Unusable::Past)),
        ("24-02-30 00:00:00", Err(Unusable::Malformed)),
        ("26-13-01 00:00:00", Err(Unusable::Malformed)),
        ("24:00:00", Err(Unusable::Malformed)),
        ("12:60:00", Err(Unusable::Malformed)),
        ("1:00:00", Err(Unusable::Malformed)),
        ("12:00", Err(Unusable::Malformed)),
        ("12:00:00:00", Err(Unusable::Malformed)),
        (" 12:00:01", Err(Unusable::Malformed)),
        ("12:00:01 ", Err(Unusable::Malformed)),
        ("12:00:01 Z", Err(Unusable::Malformed)),
        ("24-02-29  00:00:00", Err(Unusable::Malformed)),
        ("024-02-29 00:00:00", Err(Unusable::Malformed)),
        ("2024-02-29T00:00:00", Err(Unusable::Malformed)),
        ("+1:00:00", Err(Unusable::Malformed)),
        ("é-02-29 00:00:00", Err(Unusable::Malformed)),
        ("Z", Err(Unusable::Malformed)),
    ];
    for (line, expected) in cases {
        let read = moment(line, &now).map(|due| words(&due));
        assert_eq!(read, expected.map(String::from), "{line:?}");
    }
}

/// Where the clock jumps over it, it is as long after midnight as it would be on another day.
#[test]
fn a_time_that_daylight_saving_leaves_out_comes_later() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let now = date(2024, 3, 31).at(1, 0, 0, 0).to_zoned(zone).unwrap();
    let due = moment("02:30:00", &now).unwrap();
    assert_eq!(words(&due), "2024-03-31 03:30:00");
}

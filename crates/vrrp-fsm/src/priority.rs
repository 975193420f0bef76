//! Tracking as arithmetic: what a tracked thing says about a router, and what all of them make of
//! its priority.

use vrrp_proto::Priority;

use crate::config::Tracked;

/// What is known of a tracked thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It was never looked at, and must be.
    Unknown,
    /// Nobody has said anything; nothing depends on it yet.
    Neutral,
    /// Good or bad.
    Good(bool),
    /// A number in a file; 0 is good.
    Value(i32),
}

/// What it means for one router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The router waits until it is known.
    Pending,
    /// The router cannot serve.
    Fault,
    /// Added to its priority.
    Weight(i32),
}

/// The least and the greatest that a file can add. At the least it is a fault.
const FILE: core::ops::RangeInclusive<i32> = -254..=253;

/// The rules of weights: 0 is all or nothing, above 0 counts while good, below while bad; a file's
/// value is multiplied.
pub(crate) fn judge(tracked: &Tracked, reading: Reading) -> Verdict {
    let Tracked {
        weight, reverse, ..
    } = *tracked;
    let weight = i32::from(weight);
    let signed = if reverse { -weight } else { weight };
    match (reading, weight) {
        (Reading::Unknown, 0) => Verdict::Pending,
        (Reading::Unknown | Reading::Neutral, _) => Verdict::Weight(0),
        (Reading::Good(good), 0) => fault_if(good == reverse),
        (Reading::Value(value), 0) => fault_if((value == 0) == reverse),
        (Reading::Good(good), _) => Verdict::Weight(if good == (weight > 0) { signed } else { 0 }),
        (Reading::Value(value), _) => {
            let sum = value
                .saturating_mul(signed)
                .clamp(*FILE.start(), *FILE.end());
            if sum == *FILE.start() {
                Verdict::Fault
            } else {
                Verdict::Weight(sum)
            }
        }
    }
}

const fn fault_if(bad: bool) -> Verdict {
    if bad {
        Verdict::Fault
    } else {
        Verdict::Weight(0)
    }
}

/// The priority that counts: an owner's stays, any other is kept within 1..=254. Only the result is
/// limited: `sum` keeps what is beyond.
//= KA-PRIO-01
//= R9568-5.2.4-02
pub(crate) fn effective(base: Priority, sum: i32) -> Priority {
    if base.is_owner() {
        return base;
    }
    let priority = (i32::from(base.get()) + sum).clamp(1, 254);
    Priority::new(u8::try_from(priority).unwrap_or_else(|_| base.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IfaceId, Trackee};

    /// keepalived's table of weights, row by row.
    //= KA-PRIO-01 test
    #[test]
    fn every_kind_of_weight() {
        use Verdict::{Fault, Pending, Weight};
        let good = Reading::Good(true);
        let bad = Reading::Good(false);
        let cases = [
            ("weight 0, good", 0, false, good, Weight(0)),
            ("weight 0, bad", 0, false, bad, Fault),
            ("weight 0 reverse, good", 0, true, good, Fault),
            ("weight 0 reverse, bad", 0, true, bad, Weight(0)),
            ("weight 0, never run", 0, false, Reading::Unknown, Pending),
            ("weight 0, not told", 0, false, Reading::Neutral, Weight(0)),
            (
                "weighted, never run",
                -20,
                false,
                Reading::Unknown,
                Weight(0),
            ),
            ("positive, good", 20, false, good, Weight(20)),
            ("positive, bad", 20, false, bad, Weight(0)),
            ("positive reverse, good", 20, true, good, Weight(-20)),
            ("positive reverse, bad", 20, true, bad, Weight(0)),
            ("negative, good", -20, false, good, Weight(0)),
            ("negative, bad", -20, false, bad, Weight(-20)),
            ("negative reverse, bad", -20, true, bad, Weight(20)),
            ("negative reverse, good", -20, true, good, Weight(0)),
            (
                "file of weight 0, zero",
                0,
                false,
                Reading::Value(0),
                Weight(0),
            ),
            (
                "file of weight 0, other",
                0,
                false,
                Reading::Value(-3),
                Fault,
            ),
            (
                "file of weight 0 reverse, zero",
                0,
                true,
                Reading::Value(0),
                Fault,
            ),
            (
                "file of weight 1",
                1,
                false,
                Reading::Value(-30),
                Weight(-30),
            ),
            (
                "file of weight 2",
                2,
                false,
                Reading::Value(-30),
                Weight(-60),
            ),
            (
                "file of weight 2 reverse",
                2,
                true,
                Reading::Value(-30),
                Weight(60),
            ),
            (
                "file, just no fault",
                1,
                false,
                Reading::Value(-253),
                Weight(-253),
            ),
            ("file, fault", 1, false, Reading::Value(-254), Fault),
            (
                "file, far too low",
                9,
                false,
                Reading::Value(i32::MIN),
                Fault,
            ),
            (
                "file, far too high",
                9,
                false,
                Reading::Value(i32::MAX),
                Weight(253),
            ),
        ];
        for (name, weight, reverse, reading, verdict) in cases {
            let tracked = Tracked {
                what: Trackee::Iface(IfaceId(1)),
                weight,
                reverse,
            };
            assert_eq!(judge(&tracked, reading), verdict, "{name}");
        }
    }

    //= KA-PRIO-01 test
    //= R9568-5.2.4-02 test
    #[test]
    fn priority_is_kept_within_its_range() {
        let cases = [
            (100, -300, 1),
            (100, 300, 254),
            (255, -50, 255),
            (255, 50, 255),
            (100, -20, 80),
            (1, -1, 1),
            (254, 1, 254),
        ];
        for (base, sum, priority) in cases {
            assert_eq!(
                effective(Priority::new(base), sum).get(),
                priority,
                "{base} {sum:+}"
            );
        }
    }
}

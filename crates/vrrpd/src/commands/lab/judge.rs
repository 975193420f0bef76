//! What the RFC expects, and whether it came so. The formulas stand here once more, apart from those that the
//! daemon uses: a judge does not ask the accused.

use core::fmt;
use core::time::Duration;

use vrrp_proto::{Priority, Version};

/// Skew_Time (RFC 9568 §6.1; RFC 3768 §6.1, where it does not depend on the interval).
pub(super) fn skew(version: Version, priority: Priority, interval: Duration) -> Duration {
    let unit = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => interval,
    };
    unit * (256 - u32::from(priority.get())) / 256
}

/// Active_Down_Interval: `missed` adverts (3 in the RFC) and the skew.
pub(super) fn down(
    version: Version,
    priority: Priority,
    interval: Duration,
    missed: u8,
) -> Duration {
    interval * u32::from(missed) + skew(version, priority, interval)
}

/// What is said of a time that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not early, and late by less than is allowed: an advertisement interval, and what the machine took itself.
    Right,
    /// Never right: somebody did not wait as long as the RFC says.
    Early,
    /// By that or more.
    Late,
}

/// Judges `measured` against `expected`.
pub(super) fn judge(expected: Duration, measured: Duration, allowed: Duration) -> Verdict {
    if measured < expected {
        Verdict::Early
    } else if measured >= expected + allowed {
        Verdict::Late
    } else {
        Verdict::Right
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub(super) fn median(values: &[Duration]) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort();
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some((*lower + *upper) / 2)
}

/// A duration as the table shows it: `3.609375 s`, to the microsecond.
pub(super) struct Seconds(pub Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.6} s", self.0.as_secs_f64()))
    }
}

/// How far a time is from the one expected, in milliseconds: `+0.062 ms`.
pub(super) struct Deviation {
    /// By the RFC.
    pub expected: Duration,
    /// By the capture.
    pub measured: Duration,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = (self.measured.as_secs_f64() - self.expected.as_secs_f64()) * 1e3;
        f.pad(&format!("{ms:+.3} ms"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Rows of the tables in the RFCs' own terms: priority, interval, Active_Down_Interval.
    #[test]
    fn down_intervals() {
        let cases = [
            (Version::V2, 100, SECOND, 3_609_375),
            (Version::V2, 90, SECOND, 3_648_437),
            (Version::V2, 100, 10 * SECOND, 30_609_375),
            (Version::V3, 100, SECOND / 10, 360_937),
            (Version::V3, 254, SECOND / 100, 30_078),
            (Version::V3, 255, SECOND, 3_003_906),
        ];
        for (version, priority, interval, micros) in cases {
            let down = down(version, Priority::new(priority), interval, 3);
            assert_eq!(
                down.as_micros(),
                micros,
                "{version} {priority} {interval:?}"
            );
        }
    }

    #[test]
    fn early_is_never_right() {
        let expected = 3 * SECOND;
        let ns = Duration::from_nanos(1);
        assert_eq!(judge(expected, expected - ns, SECOND), Verdict::Early);
        assert_eq!(judge(expected, expected, SECOND), Verdict::Right);
        assert_eq!(
            judge(expected, expected + SECOND - ns, SECOND),
            Verdict::Right
        );
        assert_eq!(judge(expected, expected + SECOND, SECOND), Verdict::Late);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3 * SECOND, SECOND, 2 * SECOND]), Some(2 * SECOND));
        assert_eq!(median(&[SECOND, 2 * SECOND]), Some(SECOND * 3 / 2));
    }
}

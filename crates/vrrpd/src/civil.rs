//! Seconds since 1970 as a date in UTC.

/// A moment, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    /// 1..=12.
    pub(crate) month: u64,
    /// 1..=31.
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    /// 0 is Sunday.
    pub(crate) weekday: u64,
}

impl Civil {
    /// Days are counted from 0000-03-01, so that the leap day is a year's last (Howard Hinnant's civil_from_days).
    pub(crate) const fn from_unix(seconds: u64) -> Self {
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let shifted = days + 719_468;
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        Self {
            year: year + era * 400 + carry,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: (days + 4) % 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        let date = |seconds| {
            let Civil {
                year,
                month,
                day,
                weekday,
                ..
            } = Civil::from_unix(seconds);
            (year, month, day, weekday)
        };
        assert_eq!(date(0), (1970, 1, 1, 4));
        assert_eq!(date(951_782_400), (2000, 2, 29, 2));
        assert_eq!(date(4_107_542_399), (2100, 2, 28, 0));
        assert_eq!(date(4_107_542_400), (2100, 3, 1, 1));
        let Civil {
            hour,
            minute,
            second,
            ..
        } = Civil::from_unix(1_709_210_096);
        assert_eq!((hour, minute, second), (12, 34, 56));
    }
}

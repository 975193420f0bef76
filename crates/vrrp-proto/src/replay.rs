//! `auth_hmac`: when a signature was made, and what is remembered against replays.
//!
//! No clock is read: the time (UTC, since 1970) is an argument. What is remembered is the caller's:
//! a [`Signer`] for sending, a slice of [`Mark`]s for receiving.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

/// Time of signing and a counter: 32 bits of seconds, 16 of fraction, 16 of counter.
///
/// Compared with serial-number arithmetic, so that it survives the year 2106.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sequence(u64);

impl Sequence {
    /// From the number.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The first of an instant, given as time since 1970 (UTC).
    pub const fn at(utc: Duration) -> Self {
        let fraction = ((utc.subsec_nanos() as u64) << 16) / 1_000_000_000;
        Self(utc.as_secs() << 32 | fraction << 16)
    }

    /// As a number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Seconds since 1970, modulo 2³².
    pub const fn seconds(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Unit: 1/65536 of a second.
    #[expect(clippy::cast_possible_truncation, reason = "16 bits of it")]
    pub const fn fraction(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Which of the signatures of one tick.
    #[expect(clippy::cast_possible_truncation, reason = "the lowest 16 bits")]
    pub const fn counter(self) -> u16 {
        self.0 as u16
    }

    /// Whether it comes after `other`.
    pub const fn is_after(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() > 0
    }

    /// Whole seconds from `other` to this, negative if it lies before.
    pub(crate) const fn seconds_since(self, other: Self) -> i32 {
        self.seconds().wrapping_sub(other.seconds()).cast_signed()
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:04x}:{}",
            self.seconds(),
            self.fraction(),
            self.counter()
        )
    }
}

/// keepalived's `anti_replay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AntiReplay {
    /// Clocks agree within a window, and sequences grow within it.
    Time {
        /// Unit: seconds. Range: 1..=300.
        window: u16,
    },
    /// Sequences grow; clocks need not agree.
    Monotonic,
}

/// The last sequence accepted from one source.
///
/// A receiver keeps a slice of them, the most recently used first: one for each unicast peer, or
/// four for a group, as keepalived does. A source that is not among them is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mark(Option<(IpAddr, Sequence)>);

impl Mark {
    /// Remembers that `sequence` was accepted from `source`, in the place of the least recently
    /// used if there is no other.
    pub fn record(marks: &mut [Self], source: IpAddr, sequence: Sequence) {
        let known = marks
            .iter()
            .position(|mark| mark.0.is_some_and(|(of, _)| of == source));
        let end = known.map_or(marks.len(), |at| at + 1);
        if let Some(marks) = marks.get_mut(..end) {
            marks.rotate_right(usize::from(end != 0));
            if let Some(first) = marks.first_mut() {
                *first = Self(Some((source, sequence)));
            }
        }
    }

    pub(crate) fn of(marks: &[Self], source: IpAddr) -> Option<Sequence> {
        marks
            .iter()
            .find_map(|mark| mark.0.filter(|(of, _)| *of == source).map(|(_, last)| last))
    }
}

/// The sending side of one virtual router: its sequence never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Signer {
    last: Option<Sequence>,
}

impl Signer {
    /// The sequence for the next advert: the clock, or one more than the last where the clock has
    /// not moved or was set back. In [`AntiReplay::Time`] it starts again from a clock that was set
    /// back by more than the window, since nobody would believe it otherwise.
    pub fn next(&mut self, anti_replay: AntiReplay, utc: Duration) -> Sequence {
        let clock = Sequence::at(utc);
        let next = match (self.last, anti_replay) {
            (None, _) => clock,
            (Some(last), _) if clock.is_after(last) => clock,
            (Some(last), AntiReplay::Time { window })
                if last.seconds_since(clock) > i32::from(window) =>
            {
                clock
            }
            (Some(last), AntiReplay::Time { .. } | AntiReplay::Monotonic) => {
                Sequence(last.0.wrapping_add(1))
            }
        };
        self.last = Some(next);
        next
    }
}

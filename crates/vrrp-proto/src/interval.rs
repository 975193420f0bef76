//! The advertisement interval, whose unit on the wire depends on the version.

use core::fmt;
use core::num::NonZeroU16;
use core::time::Duration;

/// Time between two advertisements: never zero.
///
/// Unit: centiseconds inside; on the wire centiseconds in VRRPv3, whole seconds in VRRPv2.
/// Range: 0.01 s..=255 s here; 0.01..=40.95 s fits VRRPv3, 1..=255 whole seconds fit VRRPv2.
/// Default: 1 s. RFC 9568 §5.2.7, §6.1; RFC 3768 §5.3.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AdvertInterval(
    #[cfg_attr(feature = "serde", serde(deserialize_with = "in_range"))] NonZeroU16,
);

/// What is read back must be what could have been made.
#[cfg(feature = "serde")]
fn in_range<'de, D: serde::Deserializer<'de>>(from: D) -> Result<NonZeroU16, D::Error> {
    let centis = serde::Deserialize::deserialize(from)?;
    let interval = AdvertInterval::from_centis(centis).map_err(serde::de::Error::custom)?;
    Ok(interval.0)
}

impl AdvertInterval {
    /// One second.
    pub const DEFAULT: Self = Self(NonZeroU16::new(100).unwrap());
    /// The greatest that VRRPv3 can say: 4095 centiseconds.
    pub const MAX_V3: Self = Self(NonZeroU16::new(4095).unwrap());
    /// The greatest that VRRPv2 can say: 255 seconds.
    pub const MAX_V2: Self = Self(NonZeroU16::new(25_500).unwrap());

    /// From centiseconds, 1..=25500.
    pub const fn from_centis(centis: u16) -> Result<Self, IntervalError> {
        match NonZeroU16::new(centis) {
            None => Err(IntervalError::Zero),
            Some(_) if centis > Self::MAX_V2.as_centis() => Err(IntervalError::TooLong { centis }),
            Some(v) => Ok(Self(v)),
        }
    }

    /// From whole seconds, 1..=255.
    pub const fn from_secs(secs: u8) -> Result<Self, IntervalError> {
        Self::from_centis(secs as u16 * 100)
    }

    /// In centiseconds.
    pub const fn as_centis(self) -> u16 {
        self.0.get()
    }

    /// What the 12 bits of VRRPv3 can hold: centiseconds, 1..=4095.
    pub const fn to_v3_centis(self) -> Option<u16> {
        if self.as_centis() <= Self::MAX_V3.as_centis() {
            Some(self.as_centis())
        } else {
            None
        }
    }

    /// What the octet of VRRPv2 can hold: whole seconds, 1..=255.
    #[allow(clippy::cast_possible_truncation, reason = "25500 / 100 is 255")]
    pub const fn to_v2_secs(self) -> Option<u8> {
        if self.as_centis().is_multiple_of(100) {
            Some((self.as_centis() / 100) as u8)
        } else {
            None
        }
    }

    /// As a length of time.
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.as_centis() as u64 * 10)
    }
}

impl Default for AdvertInterval {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for AdvertInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let centis = self.as_centis();
        match (centis / 100, centis % 100) {
            (secs, 0) => write!(f, "{secs} s"),
            (secs, rest) if rest % 10 == 0 => write!(f, "{secs}.{} s", rest / 10),
            (secs, rest) => write!(f, "{secs}.{rest:02} s"),
        }
    }
}

/// A number that is no advertisement interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// An interval of zero would make every Backup time out at once (erratum 8301).
    #[error("an advertisement interval cannot be 0")]
    Zero,
    /// Longer than either version can say.
    #[error("{centis} centiseconds is more than the 255 s that VRRPv2 can say")]
    TooLong {
        /// What was asked for.
        centis: u16,
    },
}

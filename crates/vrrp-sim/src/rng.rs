//! The one source of chance in a world: SplitMix64 (Steele, Lea, Flood 2014).
//!
//! The same seed gives the same numbers on every machine and in every version of this crate: a
//! failing seed in a bug report must stay the same world. So there is no generator from elsewhere.

use core::time::Duration;

/// A seeded generator. Not for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(u64);

impl Rng {
    /// A generator that will always give the same numbers for the same `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..bound`; 0 when `bound` is 0. The bias of 2⁻⁶⁴ × `bound` does not matter here.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the high word of a product is < bound"
    )]
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// One of `low..=high`.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Any moment of `[0, most]`.
    pub fn duration(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.below(nanos + 1))
    }

    /// True `chance.percent()` times out of a hundred.
    pub const fn happens(&mut self, chance: Chance) -> bool {
        chance.0 != 0 && self.below(100) < chance.0 as u64
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        #[expect(
            clippy::indexing_slicing,
            reason = "below(len) is an index, or the caller erred"
        )]
        choices[at]
    }
}

/// How often something goes wrong, in percent: 0..=100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chance(u8);

impl Chance {
    /// It never does.
    pub const NEVER: Self = Self(0);
    /// It always does.
    pub const ALWAYS: Self = Self(100);

    /// `None` above 100.
    pub const fn from_percent(percent: u8) -> Option<Self> {
        if percent <= 100 {
            Some(Self(percent))
        } else {
            None
        }
    }

    /// In percent.
    pub const fn percent(self) -> u8 {
        self.0
    }
}

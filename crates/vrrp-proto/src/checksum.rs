//! The Internet checksum (RFC 1071) as VRRP uses it.
//!
//! Nothing here can panic or allocate. A received checksum is judged by summing with the field in
//! place, never by recomputing and comparing: 0x0000 and 0xFFFF are the same number here, and the
//! field has no value that means "not computed".

use crate::Endpoints;

/// Which octets a checksum covers.
///
/// RFC 9568 §5.2.8 covers the VRRP message alone over IPv4 and adds the pseudo-header over IPv6.
/// RFC 5798 was read as adding it for both; keepalived and FRR do so by default. VRRPv2 never has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ChecksumCoverage {
    /// The VRRP message alone.
    Message,
    /// The message and a pseudo-header of source, destination, protocol and length.
    PseudoHeader,
}

/// What [`Packet::verify`](crate::Packet::verify) found: under which coverages the checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Covered {
    /// Right over the message alone.
    Message,
    /// Right with the pseudo-header.
    PseudoHeader,
    /// Right either way, because the pseudo-header happens to sum to zero. Says nothing about
    /// which form the sender uses.
    Both,
}

impl Covered {
    /// Whether the checksum is right under `coverage`.
    pub const fn includes(self, coverage: ChecksumCoverage) -> bool {
        matches!(
            (self, coverage),
            (Self::Both, _)
                | (Self::Message, ChecksumCoverage::Message)
                | (Self::PseudoHeader, ChecksumCoverage::PseudoHeader)
        )
    }

    /// The form the sender uses, if the packet tells: `None` when both are right.
    //= HARD-PROTO-06
    pub const fn only(self) -> Option<ChecksumCoverage> {
        match self {
            Self::Message => Some(ChecksumCoverage::Message),
            Self::PseudoHeader => Some(ChecksumCoverage::PseudoHeader),
            Self::Both => None,
        }
    }

    pub(crate) const fn new(message: bool, pseudo_header: bool) -> Option<Self> {
        match (message, pseudo_header) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::Message),
            (false, true) => Some(Self::PseudoHeader),
            (false, false) => None,
        }
    }
}

/// A running one's complement sum of 16-bit words in the machine's byte order, which RFC 1071 §2(B)
/// allows: swapping the octets of every word swaps those of the sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum(u64);

impl Sum {
    pub(crate) const ZERO: Self = Self(0);

    /// Adds `octets`, whose number is a multiple of four, as that of every part of VRRP is.
    #[inline]
    pub(crate) fn add(self, octets: &[u8]) -> Self {
        let (words, tail) = octets.as_chunks::<4>();
        debug_assert!(tail.is_empty(), "{} octets left over", tail.len());
        // 2^32 words would be needed to overflow.
        Self(words.iter().fold(self.0, |sum, word| {
            sum + u64::from(u32::from_ne_bytes(*word))
        }))
    }

    /// Adds one word given as a number.
    #[inline]
    pub(crate) const fn add_word(self, word: u16) -> Self {
        Self(self.0 + u16::from_ne_bytes(word.to_be_bytes()) as u64)
    }

    /// Adds the pseudo-header for a message of `len` octets: RFC 793 §3.1 for IPv4, RFC 8200 §8.1
    /// for IPv6.
    #[inline]
    pub(crate) fn add_pseudo_header(self, ends: &Endpoints, len: usize) -> Self {
        // A VRRP message has at most 8 + 255 * 16 + 28 octets.
        #[expect(clippy::cast_possible_truncation, reason = "at most 4116")]
        let sum = self.add_word(len as u16).add_word(crate::PROTOCOL as u16);
        match ends {
            Endpoints::V4 {
                source,
                destination,
            } => sum.add(&source.octets()).add(&destination.octets()),
            Endpoints::V6 {
                source,
                destination,
            } => sum.add(&source.octets()).add(&destination.octets()),
        }
    }

    /// The sum folded to 16 bits, in network byte order.
    #[inline]
    pub(crate) const fn fold(self) -> u16 {
        let mut sum = self.0;
        // 64 → 33 → 18 → 17 → 16 bits.
        sum = (sum >> 32) + (sum & 0xffff_ffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        #[expect(clippy::cast_possible_truncation, reason = "folded to 16 bits")]
        u16::from_be_bytes((sum as u16).to_ne_bytes())
    }

    /// What goes into the checksum field when the field was summed as zero.
    #[inline]
    pub(crate) const fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether data that includes its checksum is intact, that is, folds to 0xFFFF: folding keeps
    /// the remainder modulo 0xFFFF, and a test for a multiple is one multiplication.
    //= R9568-5.2.8-05
    #[inline]
    pub(crate) const fn is_intact(self) -> bool {
        self.0 != 0 && self.0.is_multiple_of(0xffff)
    }
}

/// The checksum after one 16-bit word under it has changed (RFC 1624, equation 3), the same as
/// recomputing it gives.
//= HARD-PROTO-05
pub(crate) const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    Sum::ZERO
        .add_word(!checksum)
        .add_word(!old)
        .add_word(new)
        .checksum()
}

//! `auth_hmac`: keepalived's signature after the message (2.4.2 on; draft-cassen-vrrp-auth-hmac).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Type = 1    |    Key ID     |         Reserved = 0          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                UTC seconds since 1970                         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Fraction, 1/65536 s         |           Counter             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |       First 16 octets of HMAC-SHA256                          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Nothing here can panic, allocate, or read a clock: the time (UTC, since 1970) is an argument.
//! What must be remembered between messages is the caller's: a [`Signer`] for sending, a slice of
//! [`Mark`]s for receiving.

use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU8;
use core::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::checksum::Sum;
use crate::discard::Reason;
use crate::{EmitError, Endpoints, Family, Header, Packet, ParseError, TRAILER_LEN};

/// Octets of the truncated HMAC.
pub const MAC_LEN: usize = 16;
/// The trailer's only type: HMAC-SHA256 truncated to 128 bits.
const HMAC_SHA256_128: u8 = 1;
/// Octets of the trailer before the HMAC.
const HEAD_LEN: usize = TRAILER_LEN - MAC_LEN;

/// A key with its number. Debug shows the number only.
#[derive(Clone)]
pub struct Key {
    id: NonZeroU8,
    /// Keyed once, so that a message costs no hashing of the key.
    mac: Hmac<Sha256>,
    secret: [u8; Self::MAX_LEN],
    len: usize,
}

impl Key {
    /// Shortest secret. Unit: octets.
    pub const MIN_LEN: usize = 32;
    /// Longest secret. Unit: octets.
    pub const MAX_LEN: usize = 64;

    /// A key from its number, 1..=255, and 32..=64 octets of secret.
    pub fn new(id: u8, secret: &[u8]) -> Result<Self, KeyError> {
        let id = NonZeroU8::new(id).ok_or(KeyError::Id)?;
        let len = secret.len();
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&len) {
            return Err(KeyError::Length { have: len });
        }
        let mac = Hmac::new_from_slice(secret).map_err(|_| KeyError::Length { have: len })?;
        let mut copy = [0; Self::MAX_LEN];
        for (to, from) in copy.iter_mut().zip(secret) {
            *to = *from;
        }
        Ok(Self {
            id,
            mac,
            secret: copy,
            len,
        })
    }

    /// Its number.
    pub const fn id(&self) -> u8 {
        self.id.get()
    }

    /// The HMAC of `message`, whose checksum octets are read as zero, sent from `source` with the
    /// trailer's `head`.
    fn mac(&self, source: IpAddr, message: &[u8], head: &[u8; HEAD_LEN]) -> [u8; MAC_LEN] {
        let mut prefix = [0; 20];
        if let ([ip, version, id, _, address @ ..], [first, vrid, ..]) = (&mut prefix, message) {
            (*version, *id) = (first >> 4, *vrid);
            match source {
                IpAddr::V4(source) => {
                    *ip = 4;
                    address
                        .iter_mut()
                        .zip(source.octets())
                        .for_each(|(to, from)| *to = from);
                }
                IpAddr::V6(source) => (*ip, *address) = (6, source.octets()),
            }
        }
        let mut mac = self.mac.clone();
        mac.update(&prefix);
        if let Some((fixed, rest)) = message.split_first_chunk::<8>() {
            let [fixed @ .., _, _] = fixed;
            mac.update(fixed);
            mac.update(&[0, 0]);
            mac.update(rest);
        }
        mac.update(head);
        mac.update(&[0; MAC_LEN]);
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        first
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.len == other.len && self.secret.ct_eq(&other.secret).into()
    }
}

impl Eq for Key {}

/// What cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The number 0 is none.
    #[error("key ID is not in 1..=255")]
    Id,
    /// Too short to be safe, or longer than the block of SHA-256.
    #[error("key has {have} octets, not 32..=64")]
    Length {
        /// Octets given.
        have: usize,
    },
}

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
    const fn seconds_since(self, other: Self) -> i32 {
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

/// keepalived's `mode`: the steps of introducing signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HmacMode {
    /// Signs, and refuses what is unsigned.
    #[default]
    Enforce,
    /// Signs, and accepts what is unsigned.
    Permissive,
    /// Does not sign, and accepts what is unsigned.
    ReceiveOnly,
}

impl HmacMode {
    /// Whether adverts are sent with a signature.
    pub const fn signs(self) -> bool {
        matches!(self, Self::Enforce | Self::Permissive)
    }

    /// Whether unsigned adverts are discarded.
    pub const fn requires(self) -> bool {
        matches!(self, Self::Enforce)
    }
}

/// How signatures are judged.
#[derive(Clone, Copy, Debug)]
pub struct HmacPolicy<'a> {
    /// Every key that verifies. With none at all nothing can be judged: what is signed is then
    /// accepted unjudged where no signature is required, which is what a sniffer wants.
    pub keys: &'a [Key],
    /// Whether a signature is required.
    pub mode: HmacMode,
    /// What is taken for a replay.
    pub anti_replay: AntiReplay,
    /// The time now: UTC, since 1970.
    pub utc: Duration,
    /// What was accepted before.
    pub marks: &'a [Mark],
}

/// A signature that was found good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that made it.
    pub key_id: u8,
    /// To be remembered with [`Mark::record`].
    pub sequence: Sequence,
    /// Our clock minus the sender's. Unit: seconds. Worth a remark above half the window.
    pub skew: i32,
}

impl HmacPolicy<'_> {
    /// Row 8a: `None` for an unsigned message that is accepted.
    //= KA-AUTH-08
    pub(crate) fn judge(
        &self,
        source: IpAddr,
        packet: &Packet<'_>,
    ) -> Result<Option<Signature>, Reason> {
        let Some(octets) = packet.trailer() else {
            return if self.mode.requires() {
                Err(Reason::AuthExtMissing)
            } else {
                Ok(None)
            };
        };
        let trailer = Trailer(*octets);
        let (kind, reserved) = (trailer.kind(), trailer.reserved());
        if kind != HMAC_SHA256_128 || reserved != 0 {
            return Err(Reason::AuthExtMalformed { kind, reserved });
        }
        if self.keys.is_empty() && !self.mode.requires() {
            return Ok(None);
        }
        let (now, sequence) = (Sequence::at(self.utc), trailer.sequence());
        let skew = now.seconds_since(sequence);
        if let AntiReplay::Time { window } = self.anti_replay
            && skew.unsigned_abs() > u32::from(window)
        {
            return Err(Reason::AuthExtStale { skew, window });
        }
        let id = trailer.key_id();
        let key = self.keys.iter().find(|key| key.id() == id);
        let key = key.ok_or(Reason::AuthExtUnknownKey { id })?;
        if !trailer.verify(key, source, packet.message()) {
            return Err(Reason::AuthExtInvalid);
        }
        match Mark::of(self.marks, source) {
            Some(last) if !self.is_forgotten(last, now) && !sequence.is_after(last) => {
                Err(Reason::AuthExtReplay)
            }
            Some(_) | None => Ok(Some(Signature {
                key_id: id,
                sequence,
                skew,
            })),
        }
    }

    /// A clock may be set back, ours or theirs: a mark out of the window binds nobody.
    fn is_forgotten(&self, mark: Sequence, now: Sequence) -> bool {
        match self.anti_replay {
            AntiReplay::Time { window } => {
                now.seconds_since(mark).unsigned_abs() > u32::from(window)
            }
            AntiReplay::Monotonic => false,
        }
    }
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

    fn of(marks: &[Self], source: IpAddr) -> Option<Sequence> {
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

/// A trailer, to be sent or looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trailer([u8; TRAILER_LEN]);

impl Trailer {
    /// Takes octets apart; anything is a trailer until it is verified.
    pub const fn new(octets: [u8; TRAILER_LEN]) -> Self {
        Self(octets)
    }

    /// Signs an emitted message. Copies for several unicast peers share one trailer, since the
    /// destination is not covered.
    pub fn sign(
        key: &Key,
        sequence: Sequence,
        source: IpAddr,
        message: &[u8],
    ) -> Result<Self, ParseError> {
        Header::peek(message)?;
        let mut octets = [0; TRAILER_LEN];
        if let Some((head, mac)) = octets.split_first_chunk_mut::<HEAD_LEN>() {
            let [kind, id, _, _, to @ ..] = head;
            (*kind, *id, *to) = (HMAC_SHA256_128, key.id(), sequence.get().to_be_bytes());
            mac.copy_from_slice(&key.mac(source, message, head));
        }
        Ok(Self(octets))
    }

    /// Whether `key` made it for `message` sent from `source`. Takes the same time for any HMAC.
    pub fn verify(&self, key: &Key, source: IpAddr, message: &[u8]) -> bool {
        let Some(head) = self.0.first_chunk() else {
            return false;
        };
        key.mac(source, message, head).ct_eq(&self.mac()).into()
    }

    /// Writes it after the `len` octets of an emitted message in `buf` and returns the new length.
    /// Over IPv6 the VRRP checksum covers it and is brought up to date; over IPv4 it does not.
    pub fn append(&self, ends: &Endpoints, buf: &mut [u8], len: usize) -> Result<usize, EmitError> {
        let (need, have) = (len + TRAILER_LEN, buf.len());
        let to = buf
            .get_mut(len..need)
            .ok_or(EmitError::BufferTooSmall { need, have })?;
        to.copy_from_slice(&self.0);
        if let (Family::V6, [_, _, _, _, _, _, high, low, ..]) = (ends.family(), buf) {
            #[expect(clippy::cast_possible_truncation, reason = "28")]
            const LEN: u16 = TRAILER_LEN as u16;
            let sum = !u16::from_be_bytes([*high, *low]);
            // The pseudo-header's length grows too.
            let sum = Sum::ZERO.add_word(sum).add_word(LEN).add(&self.0);
            [*high, *low] = sum.checksum().to_be_bytes();
        }
        Ok(need)
    }

    /// As on the wire.
    pub const fn octets(&self) -> &[u8; TRAILER_LEN] {
        &self.0
    }

    /// 1 in every trailer that is understood.
    pub const fn kind(&self) -> u8 {
        self.0[0]
    }

    /// The key said to have made it.
    pub const fn key_id(&self) -> u8 {
        self.0[1]
    }

    /// 0 in every trailer that is understood.
    pub const fn reserved(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// When it was made.
    pub const fn sequence(&self) -> Sequence {
        let [_, _, _, _, a, b, c, d, e, f, g, h, ..] = self.0;
        Sequence(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The truncated HMAC.
    pub const fn mac(&self) -> [u8; MAC_LEN] {
        let [_, _, _, _, _, _, _, _, _, _, _, _, mac @ ..] = self.0;
        mac
    }
}

impl fmt::Debug for Trailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trailer")
            .field("kind", &self.kind())
            .field("key_id", &self.key_id())
            .field("sequence", &self.sequence())
            .finish_non_exhaustive()
    }
}

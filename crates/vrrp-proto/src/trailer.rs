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
//! What must be remembered between messages is the caller's.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use subtle::ConstantTimeEq;

use crate::checksum::Sum;
use crate::discard::Reason;
use crate::{
    AntiReplay, EmitError, Endpoints, Family, Header, Key, Mark, Packet, ParseError, Sequence,
    TRAILER_LEN,
};

/// Octets of the truncated HMAC.
pub const MAC_LEN: usize = 16;
/// The trailer's only type: HMAC-SHA256 truncated to 128 bits.
const HMAC_SHA256_128: u8 = 1;
/// Octets of the trailer before the HMAC.
pub(crate) const HEAD_LEN: usize = TRAILER_LEN - MAC_LEN;

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
        Sequence::new(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
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

//! The IP Authentication Header (RFC 2402) before a VRRPv2 message, as keepalived speaks it.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Next = 112  |  Length = 4   |             Reserved          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |           SPI: with keepalived the source address             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                        Sequence Number                        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |       Integrity Check Value: HMAC-MD5-96, 12 octets           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! Nothing here can panic or allocate. Computing the value needs the feature `auth`.

use crate::PROTOCOL;
use crate::discard::Reason;

/// Octets of an Authentication Header with a 96-bit value.
pub const AH_LEN: usize = 24;
/// Octets of the value.
pub const ICV_LEN: usize = 12;

/// A borrowed Authentication Header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthHeader<'a> {
    octets: &'a [u8; AH_LEN],
}

impl<'a> AuthHeader<'a> {
    /// Splits the payload of an IP datagram of protocol 51 into the header and the VRRP message.
    //= KA-AUTH-06
    #[inline]
    pub fn split(payload: &'a [u8]) -> Result<(Self, &'a [u8]), Reason> {
        match payload {
            [PROTOCOL, ..] => {}
            [protocol, ..] => {
                return Err(Reason::NotVrrp {
                    protocol: *protocol,
                });
            }
            [] => return Err(Reason::ShortPacket { have: 0 }),
        }
        match payload.split_first_chunk() {
            Some((octets, message)) => Ok((Self { octets }, message)),
            None => Err(Reason::ShortPacket {
                have: payload.len(),
            }),
        }
    }

    /// Security Parameters Index; keepalived's is the source address.
    pub const fn spi(&self) -> u32 {
        let [_, _, _, _, a, b, c, d, ..] = *self.octets;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Sequence number, which grows.
    pub const fn sequence(&self) -> u32 {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.octets;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Integrity Check Value.
    pub const fn icv(&self) -> [u8; ICV_LEN] {
        let [_, _, _, _, _, _, _, _, _, _, _, _, icv @ ..] = *self.octets;
        icv
    }
}

#[cfg(feature = "auth")]
pub use keyed::{AhPolicy, AhTtl, auth_header};

#[cfg(feature = "auth")]
mod keyed {
    use core::net::IpAddr;

    use hmac::{Hmac, KeyInit, Mac};
    use md5::Md5;
    use subtle::ConstantTimeEq;

    use super::{AH_LEN, AuthHeader, ICV_LEN};
    use crate::discard::Reason;
    use crate::{Endpoints, PROTOCOL, Password};

    /// Whether the TTL is under the Integrity Check Value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum AhTtl {
        /// As it is, 255: keepalived, multicast.
        Keep,
        /// Read as zero, since it may change on the way: RFC 2402, and keepalived in unicast.
        Zero,
    }

    /// How Authentication Headers are judged.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AhPolicy {
        /// The key: keepalived's `auth_pass`, all eight octets of it.
        pub key: Password,
        /// Whether the TTL is covered.
        pub ttl: AhTtl,
        /// The highest sequence number accepted so far.
        pub last_sequence: Option<u32>,
    }

    impl AhPolicy {
        /// Judges SPI, value and sequence, in this order, and returns the sequence number.
        //= KA-AUTH-03
        //= KA-AUTH-04
        //= KA-AUTH-05
        pub(crate) fn judge(
            &self,
            ah: &AuthHeader<'_>,
            ends: &Endpoints,
            ip_header: &[u8],
            message: &[u8],
        ) -> Result<u32, Reason> {
            let spi = ah.spi();
            if ends.source() != IpAddr::V4(spi.into()) {
                return Err(Reason::AhSpiMismatch { spi });
            }
            let head = ah.head();
            let [_, length, ..] = head;
            let icv = icv(&self.key, self.ttl, ip_header, &head, message);
            let right = icv.is_some_and(|icv| bool::from(icv.ct_eq(&ah.icv())));
            if !right || length != PAYLOAD_LEN {
                return Err(Reason::AuthFailure);
            }
            let found = ah.sequence();
            match self.last_sequence {
                Some(last) if found <= last => Err(Reason::AhReplay { found, last }),
                Some(_) | None => Ok(found),
            }
        }
    }

    /// Length of the header in 32-bit words, less two.
    const PAYLOAD_LEN: u8 = 4;

    impl AuthHeader<'_> {
        fn head(&self) -> [u8; AH_LEN - ICV_LEN] {
            let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _] = *self.octets;
            head
        }
    }

    /// The Authentication Header to put between `ip_header` and `message`.
    ///
    /// The IP header must be as it will leave, its total length and identification included, since
    /// the value covers them. `None` if it is shorter than 20 octets.
    //= R2338-5.3.6-05
    //= KA-AUTH-03
    pub fn auth_header(
        key: &Password,
        ttl: AhTtl,
        sequence: u32,
        ip_header: &[u8],
        message: &[u8],
    ) -> Option<[u8; AH_LEN]> {
        let mut head = [PROTOCOL, PAYLOAD_LEN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let source = ip_header.get(12..16)?;
        let sequence = sequence.to_be_bytes();
        for (to, from) in head.iter_mut().skip(4).zip(source.iter().chain(&sequence)) {
            *to = *from;
        }
        let icv = icv(key, ttl, ip_header, &head, message)?;
        let mut octets = [0; AH_LEN];
        for (to, from) in octets.iter_mut().zip(head.iter().chain(&icv)) {
            *to = *from;
        }
        Some(octets)
    }

    /// HMAC-MD5-96 over the IP header with its mutable fields zeroed, the header with its value
    /// zeroed, and the message.
    fn icv(
        key: &Password,
        ttl: AhTtl,
        ip_header: &[u8],
        head: &[u8; AH_LEN - ICV_LEN],
        message: &[u8],
    ) -> Option<[u8; ICV_LEN]> {
        let (fixed, options) = ip_header.split_first_chunk::<20>()?;
        let mut fixed = *fixed;
        let [_, tos, _, _, _, _, flags, offset, time, _, sum0, sum1, ..] = &mut fixed;
        for field in [tos, flags, offset, sum0, sum1] {
            *field = 0;
        }
        if ttl == AhTtl::Zero {
            *time = 0;
        }
        let mut mac = Hmac::<Md5>::new_from_slice(key.octets()).ok()?;
        mac.update(&fixed);
        mac.update(options);
        mac.update(head);
        mac.update(&[0; ICV_LEN]);
        mac.update(message);
        let digest: [u8; 16] = mac.finalize().into_bytes().into();
        digest.first_chunk().copied()
    }
}

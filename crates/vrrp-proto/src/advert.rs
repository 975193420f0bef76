//! The owned side of the codec: an advertisement to be written.
//!
//! Emission writes into a buffer of the caller's and allocates nothing. What cannot be said on the
//! wire (an interval of 1.5 s in VRRPv2, 256 addresses) is an error before the first octet.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::checksum::{self, Sum};
use crate::packet::{ADVERTISEMENT, AUTH_DATA_LEN, HEADER_LEN};
use crate::{
    AdvertInterval, AuthType, ChecksumCoverage, EmitError, Endpoints, Family, Packet, ParseError,
    Password, Priority, Version, Vrid,
};

/// Virtual addresses of one family: a mixed list cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressList<'a> {
    /// IPv4.
    V4(&'a [Ipv4Addr]),
    /// IPv6; the first should be link-local (RFC 9568 §5.2.9).
    V6(&'a [Ipv6Addr]),
}

impl AddressList<'_> {
    /// How many there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::V4(list) => list.len(),
            Self::V6(list) => list.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of which family they are.
    pub const fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }
}

/// How VRRPv2 authenticates a message (RFC 2338). VRRPv3 has no such field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Authentication {
    /// Auth Type 0, the data zero.
    #[default]
    None,
    /// Auth Type 1: the password in clear.
    Simple(Password),
    /// Auth Type 2: an IP Authentication Header precedes the message; the data is zero.
    Ah,
}

impl Authentication {
    /// The octet that announces it.
    pub const fn auth_type(&self) -> AuthType {
        match self {
            Self::None => AuthType::NONE,
            Self::Simple(_) => AuthType::SIMPLE,
            Self::Ah => AuthType::AH,
        }
    }
}

/// An advertisement to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    /// VRRPv2 is IPv4 only.
    pub version: Version,
    /// The virtual router.
    pub vrid: Vrid,
    /// Priority of the sender.
    pub priority: Priority,
    /// Whole seconds up to 255 in VRRPv2, up to 40.95 s in VRRPv3.
    pub interval: AdvertInterval,
    /// At most 255; at least one in VRRPv3.
    pub addresses: AddressList<'a>,
    /// [`Authentication::None`] in VRRPv3.
    pub authentication: Authentication,
}

impl Advert<'_> {
    /// Octets of the message, without an `auth_hmac` trailer. At most 4088.
    pub const fn wire_len(&self) -> usize {
        let auth = match self.version {
            Version::V2 => AUTH_DATA_LEN,
            Version::V3 => 0,
        };
        HEADER_LEN + self.addresses.len() * self.addresses.family().addr_len() + auth
    }

    /// Writes the message with its checksum to the front of `buf` and returns its length.
    ///
    /// `coverage` decides for VRRPv3 over IPv4 only: VRRPv2 never has a pseudo-header, IPv6 always.
    /// The octets of `buf` after the message are not touched.
    ///
    /// # Errors
    /// When the message cannot be said in this version or does not fit; `buf` is then unchanged.
    pub fn emit(
        &self,
        ends: &Endpoints,
        coverage: ChecksumCoverage,
        buf: &mut [u8],
    ) -> Result<usize, EmitError> {
        let header = self.header(ends, coverage)?;
        let (need, have) = (self.wire_len(), buf.len());
        let too_small = EmitError::BufferTooSmall { need, have };
        let buf = buf.get_mut(..need).ok_or(too_small)?;
        let (head, rest) = buf.split_first_chunk_mut().ok_or(too_small)?;
        *head = header;
        //= R9568-5.2.9-01
        //= R3768-5.3-01
        //= HARD-PROTO-03
        let rest = match self.addresses {
            AddressList::V4(list) => write(list.iter().map(Ipv4Addr::octets), rest),
            AddressList::V6(list) => write(list.iter().map(Ipv6Addr::octets), rest),
        };
        // What is left is the authentication data of VRRPv2, or nothing.
        if let Some(data) = rest.first_chunk_mut() {
            *data = self.auth_data();
        }
        Ok(need)
    }

    /// Appends the message with its checksum to `buf` and returns its length; see [`Advert::emit`].
    #[cfg(feature = "bytes")]
    pub fn put(
        &self,
        ends: &Endpoints,
        coverage: ChecksumCoverage,
        buf: &mut impl bytes::BufMut,
    ) -> Result<usize, EmitError> {
        let header = self.header(ends, coverage)?;
        let (need, have) = (self.wire_len(), buf.remaining_mut());
        if have < need {
            return Err(EmitError::BufferTooSmall { need, have });
        }
        buf.put_slice(&header);
        match self.addresses {
            AddressList::V4(list) => list.iter().for_each(|a| buf.put_slice(&a.octets())),
            AddressList::V6(list) => list.iter().for_each(|a| buf.put_slice(&a.octets())),
        }
        if self.version == Version::V2 {
            buf.put_slice(&self.auth_data());
        }
        Ok(need)
    }

    /// The fixed part, its checksum computed over the rest without writing it.
    fn header(
        &self,
        ends: &Endpoints,
        coverage: ChecksumCoverage,
    ) -> Result<[u8; HEADER_LEN], EmitError> {
        let family = self.addresses.family();
        if ends.family() != family {
            return Err(EmitError::FamilyMismatch {
                addresses: family,
                datagram: ends.family(),
            });
        }
        //= R9568-5.2.5-01
        //= HARD-PROTO-04
        let count =
            u8::try_from(self.addresses.len()).map_err(|_| EmitError::TooManyAddresses {
                count: self.addresses.len(),
            })?;
        let interval = EmitError::Interval {
            version: self.version,
            interval: self.interval,
        };
        let [high, low] = match self.version {
            Version::V2 if family == Family::V6 => return Err(EmitError::V2OverIpv6),
            Version::V2 => {
                let secs = self.interval.to_v2_secs().ok_or(interval)?;
                [self.authentication.auth_type().get(), secs]
            }
            Version::V3 if count == 0 => return Err(EmitError::NoAddresses),
            Version::V3 if self.authentication != Authentication::None => {
                return Err(EmitError::AuthenticationInV3);
            }
            //= R9568-5.2.6-01
            //= R9568-5.2.7-01
            Version::V3 => self.interval.to_v3_centis().ok_or(interval)?.to_be_bytes(),
        };
        //= R9568-5.2.1-01
        let first = self.version.get() << 4 | ADVERTISEMENT;
        let mut header = [
            first,
            self.vrid.get(),
            self.priority.get(),
            count,
            high,
            low,
            0,
            0,
        ];
        let sum = Sum::ZERO.add(&header).add(&self.auth_data());
        let sum = match self.addresses {
            AddressList::V4(list) => list.iter().fold(sum, |sum, a| sum.add(&a.octets())),
            AddressList::V6(list) => list.iter().fold(sum, |sum, a| sum.add(&a.octets())),
        };
        let pseudo_header = match (self.version, family) {
            //= R3768-5.3.8-01
            (Version::V2, _) => false,
            //= R9568-5.2.8-01
            //= R9568-5.2.8-03
            //= KA-CSUM-01
            (Version::V3, Family::V4) => coverage == ChecksumCoverage::PseudoHeader,
            //= R9568-5.2.8-02
            (Version::V3, Family::V6) => true,
        };
        let sum = if pseudo_header {
            sum.add_pseudo_header(ends, self.wire_len())
        } else {
            sum
        };
        let [.., to_high, to_low] = &mut header;
        [*to_high, *to_low] = sum.checksum().to_be_bytes();
        Ok(header)
    }

    /// Zero unless there is a password.
    //= R3768-5.3.10-01
    //= R2338-5.3.6-05
    fn auth_data(&self) -> [u8; AUTH_DATA_LEN] {
        match self.authentication {
            Authentication::Simple(password) => *password.octets(),
            Authentication::None | Authentication::Ah => [0; AUTH_DATA_LEN],
        }
    }
}

/// Writes `addresses` to the front of `buf`, whose length has been checked, and returns the rest.
fn write<const N: usize>(
    addresses: impl ExactSizeIterator<Item = [u8; N]>,
    buf: &mut [u8],
) -> &mut [u8] {
    let (list, rest) = buf.split_at_mut(N * addresses.len());
    for (to, from) in list.as_chunks_mut().0.iter_mut().zip(addresses) {
        *to = from;
    }
    rest
}

/// Changes the priority of an emitted message in place and its checksum with it, without summing
/// the message again (RFC 1624). A message that is signed or under an AH must be signed again.
//= HARD-PROTO-05
pub fn set_priority(
    message: &mut [u8],
    family: Family,
    priority: Priority,
) -> Result<(), ParseError> {
    let packet = Packet::parse(message, family)?;
    let (checksum, old) = (packet.checksum(), packet.priority());
    if let [_, _, to, count, _, _, high, low, ..] = message {
        *to = priority.get();
        let word = |priority: Priority| u16::from_be_bytes([priority.get(), *count]);
        [*high, *low] = checksum::update(checksum, word(old), word(priority)).to_be_bytes();
    }
    Ok(())
}

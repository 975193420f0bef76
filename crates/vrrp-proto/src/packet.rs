//! The borrowed view of a message.
//!
//! [`Packet::parse`] is structural: version, type and length. Holding a [`Packet`] proves that the
//! header, every counted address and (VRRPv2) the authentication data are present, so no accessor
//! can fail, panic, copy or allocate. What only the checksum can vouch for (a VRID of 0, an
//! interval of 0, an empty list) is not judged here but by [`receive`](crate::receive()), in the
//! RFC's order.

use core::fmt;
use core::iter::FusedIterator;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::slice;

use crate::checksum::{Covered, Sum};
use crate::{
    AdvertInterval, ChecksumMismatch, Endpoints, Family, ParseError, Priority, Version, Vrid,
};

/// Octets of the fixed part of a message, in both versions.
pub const HEADER_LEN: usize = 8;
/// Octets of VRRPv2's Authentication Data, always present. RFC 3768 §5.3.10.
pub const AUTH_DATA_LEN: usize = 8;
/// Octets of the `auth_hmac` trailer that may follow a complete message.
pub const TRAILER_LEN: usize = 28;
/// The only packet type. RFC 9568 §5.2.2.
pub const ADVERTISEMENT: u8 = 1;

/// The first octets of a message, enough to find the virtual router it is for.
///
/// Nothing is vouched for: the checksum has not been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    octets: [u8; HEADER_LEN],
}

impl Header {
    /// Reads the fixed part; the message may be anything.
    #[inline]
    pub fn peek(message: &[u8]) -> Result<Self, ParseError> {
        match message.first_chunk() {
            Some(octets) => Ok(Self { octets: *octets }),
            None => Err(ParseError::ShortPacket {
                have: message.len(),
                vrid: message.get(1).copied(),
            }),
        }
    }

    /// The high four bits of the first octet: 2 or 3 in VRRP.
    pub const fn version(&self) -> u8 {
        self.octets[0] >> 4
    }

    /// The VRID octet, which may be 0.
    pub const fn vrid(&self) -> u8 {
        self.octets[1]
    }
}

/// A borrowed VRRP advertisement of either version (RFC 9568 §5.1, RFC 3768 §5.1).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Type  |     VRID      |   Priority    |  Addr Count   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | v3: Reserve(4), Max Adv. Int. | v3, v2:    Checksum           |
/// | v2: Auth Type  |  Adver Int   |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Addr Count addresses of 4 octets (IPv4) or 16 octets (IPv6)  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  v2 only: Authentication Data, 8 octets                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    /// Header, addresses and authentication data; without the trailer.
    message: &'a [u8],
    header: &'a [u8; HEADER_LEN],
    addresses: List<'a>,
    /// Present in VRRPv2, and only there.
    auth_data: Option<&'a [u8; AUTH_DATA_LEN]>,
    trailer: Option<&'a [u8; TRAILER_LEN]>,
}

/// What the two versions do not have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// RFC 3768 §5.3.6, §5.3.7, §5.3.10.
    V2 {
        /// How the message is authenticated.
        auth_type: AuthType,
        /// Advertisement interval. Unit: seconds. Wire range: 0..=255; 0 is never valid.
        adver_int: u8,
        /// The password of [`AuthType::SIMPLE`], padded with zeros; else zero.
        auth_data: &'a [u8; AUTH_DATA_LEN],
    },
    /// RFC 9568 §5.2.6, §5.2.7.
    V3 {
        /// Four bits that are sent as 0 and ignored.
        reserve: u8,
        /// Unit: centiseconds. Wire range: 0..=4095; 0 is never valid.
        max_advertise_interval: u16,
    },
}

/// VRRPv2's Auth Type (RFC 2338 §5.3.6; RFC 3768 keeps only 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AuthType(u8);

impl AuthType {
    /// No authentication.
    pub const NONE: Self = Self(0);
    /// A password in clear.
    pub const SIMPLE: Self = Self(1);
    /// An IP Authentication Header before the message.
    pub const AH: Self = Self(2);

    /// Any octet may arrive.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether RFC 2338 gives it a meaning.
    pub const fn is_known(self) -> bool {
        self.0 <= Self::AH.0
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => f.write_str("none"),
            Self::SIMPLE => f.write_str("simple password"),
            Self::AH => f.write_str("IP AH"),
            Self(other) => write!(f, "type {other}"),
        }
    }
}

impl<'a> Packet<'a> {
    /// Takes `message`, which starts at the VRRP header and ends where the IP payload ends, apart
    /// without copying it. Link padding must have been cut off by the IP length.
    ///
    /// # Errors
    /// In this order: shorter than the header, CARP, version (VRRPv2 over IPv6 included), type,
    /// length.
    #[inline]
    pub fn parse(message: &'a [u8], family: Family) -> Result<Self, ParseError> {
        match Self::split(message, family)? {
            (packet, []) => Ok(packet),
            //= HARD-PROTO-02
            (packet, rest) => Err(ParseError::TrailingBytes {
                vrid: packet.vrid_octet(),
                extra: rest.len(),
            }),
        }
    }

    /// As [`Packet::parse`], but the `auth_hmac` trailer may follow the message: exactly
    /// [`TRAILER_LEN`] octets, which are not judged.
    #[inline]
    pub fn parse_signed(message: &'a [u8], family: Family) -> Result<Self, ParseError> {
        let (packet, rest) = Self::split(message, family)?;
        match <&[u8; TRAILER_LEN]>::try_from(rest) {
            Ok(trailer) => Ok(Self {
                trailer: Some(trailer),
                ..packet
            }),
            Err(_) if rest.is_empty() => Ok(packet),
            Err(_) => Err(ParseError::TrailingBytes {
                vrid: packet.vrid_octet(),
                extra: rest.len(),
            }),
        }
    }

    /// The packet, and what follows the last field that its count calls for.
    #[inline]
    fn split(message: &'a [u8], family: Family) -> Result<(Self, &'a [u8]), ParseError> {
        let have = message.len();
        let Some((header, rest)) = message.split_first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::ShortPacket {
                have,
                vrid: message.get(1).copied(),
            });
        };
        let [first, vrid, _, count, ..] = *header;
        if is_carp(message) {
            return Err(ParseError::Carp { vhid: vrid });
        }
        //= R9568-7.1-03
        //= R3768-7.1-03
        //= R3768-5.3.1-01
        let auth_len = match (first >> 4, family) {
            (2, Family::V4) => AUTH_DATA_LEN,
            (3, Family::V4 | Family::V6) => 0,
            (version, _) => {
                return Err(ParseError::BadVersion {
                    vrid,
                    version,
                    family,
                });
            }
        };
        //= R9568-5.2.2-01
        //= R9568-7.1-04
        //= R3768-5.3.2-01
        if first & 0x0f != ADVERTISEMENT {
            return Err(ParseError::BadType {
                vrid,
                kind: first & 0x0f,
            });
        }
        //= R9568-7.1-05
        //= R3768-7.1-04
        //= HARD-PROTO-01
        let list_len = usize::from(count) * family.addr_len();
        let need = HEADER_LEN + list_len + auth_len;
        let truncated = ParseError::Truncated { vrid, need, have };
        let (list, rest) = rest.split_at_checked(list_len).ok_or(truncated)?;
        let (auth_data, rest) = if auth_len == 0 {
            (None, rest)
        } else {
            let (data, rest) = rest.split_first_chunk().ok_or(truncated)?;
            (Some(data), rest)
        };
        let (message, _) = message.split_at_checked(need).ok_or(truncated)?;
        // The remainder of `as_chunks` is empty: the length is a multiple.
        //= R9568-5.2.9-02
        let addresses = match family {
            Family::V4 => List::V4(list.as_chunks().0),
            Family::V6 => List::V6(list.as_chunks().0),
        };
        Ok((
            Self {
                message,
                header,
                addresses,
                auth_data,
                trailer: None,
            },
            rest,
        ))
    }

    /// Protocol version.
    pub const fn version(&self) -> Version {
        match self.auth_data {
            Some(_) => Version::V2,
            None => Version::V3,
        }
    }

    /// Address family, as told to [`Packet::parse`].
    pub const fn family(&self) -> Family {
        match self.addresses {
            List::V4(_) => Family::V4,
            List::V6(_) => Family::V6,
        }
    }

    /// Virtual Router Identifier; `None` if the octet is 0. RFC 9568 §5.2.3.
    //= R9568-5.2.3-01
    //= R3768-5.3.3-01
    pub const fn vrid(&self) -> Option<Vrid> {
        Vrid::new(self.vrid_octet())
    }

    /// The VRID octet as it stands, 0 included.
    pub const fn vrid_octet(&self) -> u8 {
        self.header[1]
    }

    /// Priority of the sender. RFC 9568 §5.2.4.
    //= R9568-5.2.4-03
    pub const fn priority(&self) -> Priority {
        Priority::new(self.header[2])
    }

    /// How many addresses follow. Range: 0..=255; 0 is valid in VRRPv2 only. RFC 9568 §5.2.5.
    pub const fn count(&self) -> u8 {
        self.header[3]
    }

    /// The fields that differ between the versions.
    #[inline]
    pub const fn body(&self) -> Body<'a> {
        let [.., high, low, _, _] = *self.header;
        match self.auth_data {
            Some(auth_data) => Body::V2 {
                auth_type: AuthType(high),
                adver_int: low,
                auth_data,
            },
            //= R9568-5.2.6-01
            //= R9568-5.2.7-01
            None => Body::V3 {
                reserve: high >> 4,
                max_advertise_interval: u16::from_be_bytes([high & 0x0f, low]),
            },
        }
    }

    /// The advertisement interval of either version; `None` if the field is 0.
    #[inline]
    pub const fn interval(&self) -> Option<AdvertInterval> {
        let interval = match self.body() {
            //= R3768-5.3.7-01
            Body::V2 { adver_int, .. } => AdvertInterval::from_secs(adver_int),
            Body::V3 {
                max_advertise_interval,
                ..
            } => AdvertInterval::from_centis(max_advertise_interval),
        };
        match interval {
            Ok(interval) => Some(interval),
            Err(_) => None,
        }
    }

    /// The checksum as it stands; [`Packet::verify`] judges it.
    pub const fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// The virtual addresses in the sender's order.
    pub fn addresses(&self) -> Addresses<'a> {
        Addresses(match self.addresses {
            List::V4(list) => Iter::V4(list.iter()),
            List::V6(list) => Iter::V6(list.iter()),
        })
    }

    /// The octets of the message, without trailer.
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The `auth_hmac` trailer, if [`Packet::parse_signed`] met one.
    pub const fn trailer(&self) -> Option<&'a [u8; TRAILER_LEN]> {
        self.trailer
    }

    /// Sums the message as it stands and says under which coverage its checksum is right.
    ///
    /// VRRPv2 has no pseudo-header, VRRPv3 over IPv6 always has one; over IPv4 both forms of VRRPv3
    /// exist and both are tried. Over IPv6 a trailer is covered too, over IPv4 it is not. Endpoints
    /// of the other family than the packet's never verify.
    #[inline]
    pub fn verify(&self, ends: &Endpoints) -> Result<Covered, ChecksumMismatch> {
        //= R9568-5.2.8-04
        //= R3768-5.3.8-01
        let sum = Sum::ZERO.add(self.message);
        let covered = match (self.version(), ends, self.addresses) {
            (Version::V2, Endpoints::V4 { .. }, List::V4(_)) => {
                Covered::new(sum.is_intact(), false)
            }
            //= R9568-5.2.8-01
            //= R9568-5.2.8-03
            (Version::V3, Endpoints::V4 { .. }, List::V4(_)) => Covered::new(
                sum.is_intact(),
                sum.add_pseudo_header(ends, self.message.len()).is_intact(),
            ),
            //= R9568-5.2.8-02
            (Version::V3, Endpoints::V6 { .. }, List::V6(_)) => {
                let trailer = self.trailer.map_or(&[][..], |trailer| trailer);
                let sum = sum.add(trailer);
                let len = self.message.len() + trailer.len();
                Covered::new(false, sum.add_pseudo_header(ends, len).is_intact())
            }
            (Version::V2 | Version::V3, _, _) => None,
        };
        covered.ok_or_else(|| ChecksumMismatch {
            found: self.checksum(),
        })
    }

    pub(crate) const fn list(&self) -> List<'a> {
        self.addresses
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("version", &self.version())
            .field("vrid", &self.vrid_octet())
            .field("priority", &self.priority())
            .field("body", &self.body())
            .field("checksum", &format_args!("{:#06x}", self.checksum()))
            .field("addresses", &self.addresses())
            .field("signed", &self.trailer.is_some())
            .finish()
    }
}

/// CARP shares protocol number 112, version nibble 2 and type 1 with VRRPv2; it has 36 octets, the
/// fourth of which is the length of its digest in words, 7.
pub(crate) fn is_carp(message: &[u8]) -> bool {
    message.len() == 36 && matches!(message, [0x21, _, _, 7, ..])
}

/// The addresses of a packet as they lie on the wire.
#[derive(Clone, Copy)]
pub(crate) enum List<'a> {
    V4(&'a [[u8; 4]]),
    V6(&'a [[u8; 16]]),
}

/// Iterator over the addresses of a [`Packet`].
#[derive(Clone)]
pub struct Addresses<'a>(Iter<'a>);

#[derive(Clone)]
enum Iter<'a> {
    V4(slice::Iter<'a, [u8; 4]>),
    V6(slice::Iter<'a, [u8; 16]>),
}

impl Iterator for Addresses<'_> {
    type Item = IpAddr;

    #[inline]
    fn next(&mut self) -> Option<IpAddr> {
        match &mut self.0 {
            Iter::V4(list) => list
                .next()
                .map(|octets| IpAddr::V4(Ipv4Addr::from(*octets))),
            Iter::V6(list) => list
                .next()
                .map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Iter::V4(list) => list.size_hint(),
            Iter::V6(list) => list.size_hint(),
        }
    }
}

impl ExactSizeIterator for Addresses<'_> {}
impl FusedIterator for Addresses<'_> {}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

//! VRRP packets (RFC 9568, RFC 3768) as bytes: parse, verify, emit.
//!
//! Parse a message that somebody else sent:
//!
//! ```
//! use vrrp_proto::{Covered, Endpoints, Family, Packet, Priority};
//!
//! let message = [0x31, 51, 100, 1, 0x00, 0x64, 0xa7, 0x68, 192, 0, 2, 254];
//! let ends = Endpoints::V4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: vrrp_proto::GROUP_V4,
//! };
//!
//! let packet = Packet::parse(&message, Family::V4)?;
//! assert_eq!(packet.priority(), Priority::DEFAULT);
//! assert!(packet.addresses().eq(["192.0.2.254".parse::<core::net::IpAddr>()?]));
//! // RFC 9568 sums the message alone, keepalived by default a pseudo-header too: this says which.
//! assert_eq!(packet.verify(&ends)?, Covered::Message);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Write one:
//!
//! ```
//! use vrrp_proto::{
//!     AddressList, AdvertInterval, Advert, Authentication, ChecksumCoverage, Endpoints, Priority,
//!     Version, Vrid,
//! };
//!
//! let advert = Advert {
//!     version: Version::V3,
//!     vrid: Vrid::new(51).ok_or("a VRID is 1..=255")?,
//!     priority: Priority::DEFAULT,
//!     interval: AdvertInterval::DEFAULT,
//!     addresses: AddressList::V4(&[[192, 0, 2, 254].into()]),
//!     authentication: Authentication::None,
//! };
//! let ends = Endpoints::V4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: vrrp_proto::GROUP_V4,
//! };
//! let mut buf = [0; 64];
//! let len = advert.emit(&ends, ChecksumCoverage::Message, &mut buf)?;
//! assert_eq!(buf[..len], [0x31, 51, 100, 1, 0x00, 0x64, 0xa7, 0x68, 192, 0, 2, 254]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

mod advert;
mod ah;
mod auth;
mod checksum;
mod datagram;
mod discard;
mod error;
#[cfg(feature = "auth")]
#[doc(hidden)]
pub mod fuzzing;
mod interval;
mod packet;
mod receive;
#[cfg(feature = "auth")]
mod trailer;
mod types;

pub use advert::{AddressList, Advert, Authentication, set_priority};
pub use ah::{AH_LEN, AuthHeader, ICV_LEN};
#[cfg(feature = "auth")]
pub use ah::{AhPolicy, AhTtl, auth_header};
pub use auth::Password;
pub use checksum::{ChecksumCoverage, Covered};
pub use datagram::{Datagram, PROTOCOL_AH};
pub use discard::{Counter, Discard, Reason, Warning, Warnings};
pub use error::{ChecksumMismatch, EmitError, ParseError};
pub use interval::{AdvertInterval, IntervalError};
pub use packet::{
    ADVERTISEMENT, AUTH_DATA_LEN, Addresses, AuthType, Body, HEADER_LEN, Header, Packet,
    TRAILER_LEN,
};
pub use receive::{
    AuthPolicy, ChecksumPolicy, Envelope, Expected, Mode, OwnerPolicy, Peer, Profile, Received,
    receive,
};
#[cfg(feature = "auth")]
pub use trailer::{
    AntiReplay, HmacMode, HmacPolicy, Key, KeyError, MAC_LEN, Mark, Sequence, Signature, Signer,
    Trailer,
};
pub use types::{Endpoints, Family, Priority, Version, VirtualMac, Vrid};

/// IP protocol number (IPv4) and next header (IPv6) of VRRP. RFC 9568 §5.1.1.4, §5.1.2.4.
pub const PROTOCOL: u8 = 112;
/// TTL (IPv4) and Hop Limit (IPv6) of every multicast advertisement. RFC 9568 §5.1.1.3, §5.1.2.3.
pub const HOP_LIMIT: u8 = 255;
/// The IPv4 group that VRRP routers listen to. RFC 9568 §5.1.1.2.
pub const GROUP_V4: core::net::Ipv4Addr = core::net::Ipv4Addr::new(224, 0, 0, 18);
/// The IPv6 group that VRRP routers listen to. RFC 9568 §5.1.2.2.
pub const GROUP_V6: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

//! VRRP packets as bytes: VRRPv3 over IPv4 and IPv6 (RFC 9568), VRRPv2 (RFC 3768) with the
//! authentication of RFC 2338, and keepalived's `auth_hmac`.
//!
//! For daemons, sniffers, firewalls and monitors alike: no sockets, no clocks, no configuration.
//! `no_std`, no allocation, no unsafe code. **Nothing here panics**, whatever octets come in: a
//! [`Packet`] that exists is proof that its fields are there, so its accessors return plain values.
//!
//! # Reading
//!
//! ```text
//! octets ─► Datagram ─► Envelope ─► receive(Expected) ─► Received (packet, warnings)
//!                          │            rows 3–18        or Discard (VRID, reason, counter)
//!                          └ vrid(): which virtual router?  unclaimed(): none
//! octets ─► Packet::parse ─► verify(Endpoints)            where only the message matters
//! ```
//!
//! Take a message apart that somebody else sent:
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
//! Judge one as a router must (RFC 9568 §7.1, in its order):
//!
//! ```
//! use vrrp_proto::{Datagram, Endpoints, Expected, Family, Mode, receive};
//!
//! let message = [0x31, 51, 100, 1, 0x00, 0x64, 0xa7, 0x68, 192, 0, 2, 254];
//! let ends = Endpoints::V4 {
//!     source: [192, 0, 2, 1].into(),
//!     destination: vrrp_proto::GROUP_V4,
//! };
//! // Whatever is `None` in `Expected` is not compared; a router fills it in.
//! let expected = Expected::anything(Mode::Multicast { group: Family::V4.group() });
//!
//! assert!(receive(&Datagram::new(ends, 255, &message), &expected).is_ok());
//! let discard = receive(&Datagram::new(ends, 254, &message), &expected).unwrap_err();
//! assert_eq!(discard.to_string(), "VRID 51: TTL or hop limit is 254, not 255");
//! assert_eq!(discard.reason.counter().map(|counter| counter.name()), Some("ip_ttl_errors"));
//! ```
//!
//! # Writing
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
//!
//! # Messages
//!
//! ```text
//! VRRPv3, RFC 9568 §5.1
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Vers. 3|Type 1 |     VRID      |   Priority    |IPvX Addr Count|
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Reserve| Max Advertise Int.cs  |           Checksum            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |          Addr Count × 4 (IPv4) or 16 (IPv6) octets            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!
//! VRRPv2, RFC 3768 §5.1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Vers. 2|Type 1 |     VRID      |   Priority    |  Addr Count   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   Auth Type   |  Adver Int s  |           Checksum            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                    Addr Count × 4 octets                      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |               Authentication Data, always 8 octets            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | nothing of its own: the `std` of the crates below |
//! | `auth` | no | IP AH and `auth_hmac`, with `hmac`, `md-5`, `sha2`, `subtle` |
//! | `bytes` | no | `Advert::put` into a `bytes::BufMut` |
//! | `serde` | no | serialization of the vocabulary types |
//!
//! # The public interface
//!
//! * Words: [`Vrid`], [`Priority`], [`AdvertInterval`], [`Version`], [`Family`], [`Endpoints`],
//!   [`VirtualMac`].
//! * Reading: [`Packet`], [`Body`], [`Addresses`], [`Header`], [`Covered`], [`ParseError`].
//! * Reception: [`Datagram`], [`Envelope`], [`Expected`], [`Received`], [`Discard`], [`Reason`],
//!   [`Counter`], [`Warnings`].
//! * Writing: [`Advert`], [`AddressList`], [`ChecksumCoverage`], [`set_priority`], [`EmitError`].
//! * Authentication: [`Password`], [`AuthHeader`]; with `auth` also `AhPolicy`, `auth_header`,
//!   `Key`, `Signer`, `Trailer`, `HmacPolicy`, `Mark`.
#![no_std]
#![forbid(unsafe_code)]

mod advert;
mod ah;
mod auth;
mod checksum;
mod datagram;
mod discard;
mod error;
mod expected;
#[cfg(feature = "auth")]
#[doc(hidden)]
pub mod fuzzing;
mod interval;
#[cfg(feature = "auth")]
mod key;
mod packet;
mod receive;
#[cfg(feature = "auth")]
mod replay;
#[cfg(feature = "auth")]
mod trailer;
mod types;
#[cfg(not(feature = "auth"))]
mod unkeyed;

pub use advert::{AddressList, Advert, Authentication, set_priority};
pub use ah::{AH_LEN, AuthHeader, ICV_LEN};
#[cfg(feature = "auth")]
pub use ah::{AhPolicy, AhTtl, auth_header};
pub use auth::Password;
pub use checksum::{ChecksumCoverage, Covered};
pub use datagram::{Datagram, PROTOCOL_AH};
pub use discard::{Counter, Discard, Reason, Warning, Warnings};
pub use error::{ChecksumMismatch, EmitError, ParseError};
pub use expected::{AuthPolicy, ChecksumPolicy, Expected, Mode, OwnerPolicy, Peer, Profile};
pub use interval::{AdvertInterval, IntervalError};
#[cfg(feature = "auth")]
pub use key::{Key, KeyError};
pub use packet::{
    ADVERTISEMENT, AUTH_DATA_LEN, Addresses, AuthType, Body, HEADER_LEN, Header, Packet,
    TRAILER_LEN,
};
pub use receive::{Envelope, Received, receive};
#[cfg(feature = "auth")]
pub use replay::{AntiReplay, Mark, Sequence, Signer};
#[cfg(feature = "auth")]
pub use trailer::{HmacMode, HmacPolicy, MAC_LEN, Signature, Trailer};
pub use types::{Endpoints, Family, Priority, Version, VirtualMac, Vrid};
#[cfg(not(feature = "auth"))]
pub use unkeyed::{AhPolicy, HmacPolicy, Signature};

/// IP protocol number (IPv4) and next header (IPv6) of VRRP. RFC 9568 §5.1.1.4, §5.1.2.4.
pub const PROTOCOL: u8 = 112;
/// TTL (IPv4) and Hop Limit (IPv6) of every multicast advertisement. RFC 9568 §5.1.1.3, §5.1.2.3.
pub const HOP_LIMIT: u8 = 255;
/// The IPv4 group that VRRP routers listen to. RFC 9568 §5.1.1.2.
pub const GROUP_V4: core::net::Ipv4Addr = core::net::Ipv4Addr::new(224, 0, 0, 18);
/// The IPv6 group that VRRP routers listen to. RFC 9568 §5.1.2.2.
pub const GROUP_V6: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

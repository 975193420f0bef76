//! VRRP packets (RFC 9568, RFC 3768) as bytes: parse, verify, emit.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

mod interval;
mod types;

pub use interval::{AdvertInterval, IntervalError};
pub use types::{Endpoints, Family, Priority, Version, VirtualMac, Vrid};

/// IP protocol number (IPv4) and next header (IPv6) of VRRP. RFC 9568 §5.1.1.4, §5.1.2.4.
pub const PROTOCOL: u8 = 112;
/// TTL (IPv4) and Hop Limit (IPv6) of every multicast advertisement. RFC 9568 §5.1.1.3, §5.1.2.3.
pub const HOP_LIMIT: u8 = 255;
/// The IPv4 group that VRRP routers listen to. RFC 9568 §5.1.1.2.
pub const GROUP_V4: core::net::Ipv4Addr = core::net::Ipv4Addr::new(224, 0, 0, 18);
/// The IPv6 group that VRRP routers listen to. RFC 9568 §5.1.2.2.
pub const GROUP_V6: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

//! What the network hands over: a datagram with the facts that reception needs.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::{Endpoints, PROTOCOL};

/// IP protocol number of the Authentication Header, which VRRPv2 may put before its message.
pub const PROTOCOL_AH: u8 = 51;

/// One received IP datagram, not yet known to hold VRRP.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Source and destination.
    pub ends: Endpoints,
    /// TTL or Hop Limit as received. Where it could not be learned, the datagram is not to be
    /// handed on: it is a local error, not 255.
    pub hop_limit: u8,
    /// IP protocol or next header: [`PROTOCOL`], or [`PROTOCOL_AH`].
    pub protocol: u8,
    /// The IPv4 header with its options; only an Authentication Header covers it, otherwise it may
    /// be empty.
    pub ip_header: &'a [u8],
    /// What follows the IP header, cut to the length that the header gives.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// A datagram of protocol [`PROTOCOL`].
    pub const fn new(ends: Endpoints, hop_limit: u8, payload: &'a [u8]) -> Self {
        Self {
            ends,
            hop_limit,
            protocol: PROTOCOL,
            ip_header: &[],
            payload,
        }
    }

    /// Takes apart what a raw IPv4 socket or a capture gives: an IPv4 packet, perhaps with link
    /// padding after it, which is cut off. `None` if it is no whole IPv4 packet, or a fragment.
    //= HARD-PROTO-02
    pub fn from_ipv4(packet: &'a [u8]) -> Option<Self> {
        let [
            first,
            _,
            l0,
            l1,
            _,
            _,
            f0,
            f1,
            ttl,
            protocol,
            _,
            _,
            addresses @ ..,
        ] = packet.first_chunk::<20>()?;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
        // More fragments, or an offset: never VRRP's.
        if first >> 4 != 4 || u16::from_be_bytes([*f0, *f1]) & 0x3fff != 0 {
            return None;
        }
        let packet = packet.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
        let (ip_header, payload) = packet.split_at_checked(usize::from(first & 0x0f) * 4)?;
        (ip_header.len() >= 20).then_some(Self {
            ends: Endpoints::V4 {
                source: Ipv4Addr::new(s0, s1, s2, s3),
                destination: Ipv4Addr::new(d0, d1, d2, d3),
            },
            hop_limit: *ttl,
            protocol: *protocol,
            ip_header,
            payload,
        })
    }

    /// The same for an IPv6 packet as a capture has it. Extension headers are not followed: VRRP
    /// has none.
    pub fn from_ipv6(packet: &'a [u8]) -> Option<Self> {
        let (header, rest) = packet.split_first_chunk::<40>()?;
        let [first, _, _, _, l0, l1, protocol, hop_limit, addresses @ ..] = header;
        let (source, destination) = addresses.split_first_chunk::<16>()?;
        let destination = <[u8; 16]>::try_from(destination).ok()?;
        if first >> 4 != 6 {
            return None;
        }
        Some(Self {
            ends: Endpoints::V6 {
                source: Ipv6Addr::from(*source),
                destination: Ipv6Addr::from(destination),
            },
            hop_limit: *hop_limit,
            protocol: *protocol,
            ip_header: &[],
            payload: rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?,
        })
    }
}

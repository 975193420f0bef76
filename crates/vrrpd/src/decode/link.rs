//! Link layers of captures: what is before the IP header.
//!
//! Nothing here can panic: whatever is too short or unknown is `None`.

use vrrp_proto::{Datagram, PROTOCOL, PROTOCOL_AH};

/// What a link layer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Source hardware address.
    pub source: Option<[u8; 6]>,
    /// Destination hardware address.
    pub destination: Option<[u8; 6]>,
    /// The innermost VLAN.
    pub vlan: Option<u16>,
}

/// The header types of <https://www.tcpdump.org/linktypes.html> that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// BSD loopback: four octets of address family.
    Null,
    /// Ethernet, with VLAN tags if there are any.
    Ethernet,
    /// An IP packet of either version.
    Raw,
    /// Linux "cooked" capture, version 1.
    Sll,
    /// Linux "cooked" capture, version 2.
    Sll2,
}

impl LinkType {
    /// From the number in a capture file.
    pub const fn new(number: i32) -> Option<Self> {
        match number {
            0 | 108 => Some(Self::Null),
            1 => Some(Self::Ethernet),
            12 | 101 | 228 | 229 => Some(Self::Raw),
            113 => Some(Self::Sll),
            276 => Some(Self::Sll2),
            _ => None,
        }
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// ARPHRD_ETHER, where cooked captures have hardware addresses.
const ETHER: [u8; 2] = [0, 1];

/// The IP packet of a captured packet, as far as it was captured; `None` if it holds none.
pub fn network(kind: LinkType, packet: &[u8]) -> Option<(Link, &[u8])> {
    match kind {
        LinkType::Null => Some((Link::default(), packet.get(4..)?)),
        LinkType::Raw => Some((Link::default(), packet)),
        LinkType::Ethernet => {
            let (destination, rest) = packet.split_first_chunk()?;
            let (source, rest) = rest.split_first_chunk()?;
            let link = Link {
                source: Some(*source),
                destination: Some(*destination),
                vlan: None,
            };
            tagged(link, rest)
        }
        LinkType::Sll => {
            let (header, rest) = packet.split_first_chunk::<14>()?;
            let [_, _, hardware @ .., _, _, a0, a1, a2, a3, a4, a5, _, _] = header;
            let ethernet = hardware.starts_with(&ETHER);
            let source = ethernet.then_some([*a0, *a1, *a2, *a3, *a4, *a5]);
            tagged(
                Link {
                    source,
                    ..Link::default()
                },
                rest,
            )
        }
        LinkType::Sll2 => {
            let (header, rest) = packet.split_first_chunk::<20>()?;
            let [
                p0,
                p1,
                _,
                _,
                _,
                _,
                _,
                _,
                h0,
                h1,
                _,
                _,
                a0,
                a1,
                a2,
                a3,
                a4,
                a5,
                _,
                _,
            ] = header;
            let source = ([*h0, *h1] == ETHER).then_some([*a0, *a1, *a2, *a3, *a4, *a5]);
            let link = Link {
                source,
                ..Link::default()
            };
            typed(link, u16::from_be_bytes([*p0, *p1]), rest)
        }
    }
}

/// From the EtherType on.
fn tagged(link: Link, rest: &[u8]) -> Option<(Link, &[u8])> {
    let (protocol, rest) = rest.split_first_chunk()?;
    typed(link, u16::from_be_bytes(*protocol), rest)
}

fn typed(link: Link, protocol: u16, rest: &[u8]) -> Option<(Link, &[u8])> {
    match protocol {
        IPV4 | IPV6 => Some((link, rest)),
        tag if VLAN.contains(&tag) => {
            let (control, rest) = rest.split_first_chunk()?;
            let vlan = Some(u16::from_be_bytes(*control) & 0x0fff);
            tagged(Link { vlan, ..link }, rest)
        }
        _ => None,
    }
}

/// Whether an IP packet, whole or not, says that VRRP follows; with an Authentication Header, if that does.
pub fn is_vrrp(packet: &[u8]) -> bool {
    match packet {
        [first, _, _, _, _, _, _, _, _, protocol, rest @ ..] if first >> 4 == 4 => {
            let payload = rest.get(
                usize::from(first & 0x0f)
                    .saturating_mul(4)
                    .saturating_sub(10)..,
            );
            match *protocol {
                PROTOCOL => true,
                PROTOCOL_AH => payload.and_then(<[u8]>::first) == Some(&PROTOCOL),
                _ => false,
            }
        }
        [first, _, _, _, _, _, protocol, ..] if first >> 4 == 6 => *protocol == PROTOCOL,
        _ => false,
    }
}

/// An IP packet of the version that it says; `None` if it is not whole.
pub fn ip(packet: &[u8]) -> Option<Datagram<'_>> {
    Datagram::from_ipv4(packet).or_else(|| Datagram::from_ipv6(packet))
}

//! From octets to [`Seen`]. Whatever the octets are, this does not panic.

use core::net::Ipv6Addr;
use std::fmt;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    Icmpv6Packet, IpProtocol, Ipv4Packet, Ipv6Packet, NdiscNeighborFlags, NdiscRepr,
    RawHardwareAddress,
};
use vrrp_proto::{Endpoints, PROTOCOL, Packet};

use super::{Advert, Seen};

const AH: u8 = 51;

pub(super) fn seen(frame: &[u8]) -> Seen {
    read(frame).unwrap_or(Seen::Other)
}

fn read(frame: &[u8]) -> Option<Seen> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let mac = frame.src_addr().0;
    match frame.ethertype() {
        EthernetProtocol::Arp => arp(frame.payload()),
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
            let ends = Endpoints::V4 {
                source: ip.src_addr(),
                destination: ip.dst_addr(),
            };
            vrrp(
                mac,
                ends,
                ip.hop_limit(),
                ip.next_header().into(),
                ip.payload(),
            )
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(frame.payload()).ok()?;
            if ip.next_header() == IpProtocol::Icmpv6 {
                return neighbor(ip.src_addr(), ip.payload());
            }
            let ends = Endpoints::V6 {
                source: ip.src_addr(),
                destination: ip.dst_addr(),
            };
            vrrp(
                mac,
                ends,
                ip.hop_limit(),
                ip.next_header().into(),
                ip.payload(),
            )
        }
        EthernetProtocol::Unknown(_) => None,
    }
}

fn vrrp(
    mac: [u8; 6],
    ends: Endpoints,
    hop_limit: u8,
    protocol: u8,
    payload: &[u8],
) -> Option<Seen> {
    let message = match protocol {
        PROTOCOL => payload,
        // RFC 4302: next header, then the header's length in words of four octets, less two.
        AH => {
            let [PROTOCOL, words, ..] = payload else {
                return None;
            };
            payload.get((usize::from(*words) + 2) * 4..)?
        }
        _ => return None,
    };
    let packet = Packet::parse_signed(message, ends.family()).ok()?;
    Some(Seen::Advert(Advert {
        mac,
        ends,
        hop_limit,
        version: packet.version(),
        vrid: packet.vrid_octet(),
        priority: packet.priority(),
        interval: packet.interval(),
        addresses: packet.addresses().collect(),
        covered: packet.verify(&ends).ok(),
    }))
}

fn arp(payload: &[u8]) -> Option<Seen> {
    let packet = ArpPacket::new_checked(payload).ok()?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr: sender,
        target_protocol_addr: target,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    Some(Seen::Arp {
        request: operation == ArpOperation::Request,
        mac: source_hardware_addr.0,
        sender,
        target,
        gratuitous: sender == target,
    })
}

fn neighbor(sender: Ipv6Addr, payload: &[u8]) -> Option<Seen> {
    let packet = Icmpv6Packet::new_checked(payload).ok()?;
    let mac = |raw: RawHardwareAddress| <[u8; 6]>::try_from(raw.as_bytes()).ok();
    match NdiscRepr::parse(&packet).ok()? {
        NdiscRepr::NeighborAdvert {
            flags,
            target_addr,
            lladdr,
        } => Some(Seen::NeighborAdvertisement {
            target: target_addr,
            mac: lladdr.and_then(mac),
            solicited: flags.contains(NdiscNeighborFlags::SOLICITED),
            overrides: flags.contains(NdiscNeighborFlags::OVERRIDE),
            router: flags.contains(NdiscNeighborFlags::ROUTER),
        }),
        NdiscRepr::NeighborSolicit {
            target_addr,
            lladdr,
        } => Some(Seen::NeighborSolicitation {
            sender,
            target: target_addr,
            mac: lladdr.and_then(mac),
        }),
        _ => None,
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advert(a) => write!(
                f,
                "VRRPv{} {} > {} ttl {} vrid {} priority {} interval {:?} {:?}",
                a.version,
                a.ends.source(),
                a.ends.destination(),
                a.hop_limit,
                a.vrid,
                a.priority,
                a.interval.map(|i| i.as_duration()),
                a.addresses
            ),
            Self::Arp {
                request,
                mac,
                sender,
                target,
                gratuitous,
            } => {
                let what = match (gratuitous, request) {
                    (true, _) => "gratuitous ARP",
                    (false, true) => "ARP request",
                    (false, false) => "ARP reply",
                };
                write!(
                    f,
                    "{what} {sender} is at {} (target {target})",
                    EthernetAddress(*mac)
                )
            }
            Self::NeighborAdvertisement {
                target,
                mac,
                solicited,
                ..
            } => {
                let mac = mac.map_or_else(|| "?".into(), |m| EthernetAddress(m).to_string());
                let how = if *solicited {
                    "solicited"
                } else {
                    "unsolicited"
                };
                write!(f, "{how} neighbour advertisement {target} is at {mac}")
            }
            Self::NeighborSolicitation { sender, target, .. } => {
                write!(f, "neighbour solicitation by {sender} for {target}")
            }
            Self::Other => f.write_str("something else"),
        }
    }
}

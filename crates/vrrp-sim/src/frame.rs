//! What simulated kernels and end hosts say to each other, as real bytes.
//!
//! [`Heard::parse`] takes a frame apart as far as a kernel does before it decides what to do with
//! it, and refuses what a kernel would drop in silence: cut short, bad header or ICMP checksum.
//! Nothing here panics on any bytes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Range;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Message, Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol,
    Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr, RawHardwareAddress,
};
use vrrp_net::Mac;
use vrrp_proto::Endpoints;

/// Octets of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Echo requests carry no data beyond this.
const ECHO_DATA: &[u8] = &[0xa5; 8];

/// A frame, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Who has `target`? Or, when `target` is `sender`: I have it now.
    ArpRequest {
        /// Hardware address of the sender.
        mac: Mac,
        /// Its protocol address.
        sender: Ipv4Addr,
        /// The address asked for.
        target: Ipv4Addr,
    },
    /// `sender` is at `mac`.
    ArpReply {
        /// Hardware address of the sender.
        mac: Mac,
        /// Its protocol address.
        sender: Ipv4Addr,
    },
    /// Who has `target`? IPv6's form.
    Solicitation {
        /// Source link-layer address.
        mac: Mac,
        /// Source of the packet.
        sender: Ipv6Addr,
        /// The address asked for.
        target: Ipv6Addr,
    },
    /// `target` is at `mac`.
    Advertisement {
        /// Target link-layer address.
        mac: Mac,
        /// The address.
        target: Ipv6Addr,
        /// An existing entry is to be replaced.
        overrides: bool,
    },
    /// Ping, or its answer.
    Echo {
        /// Which of the two.
        request: bool,
        /// From where to where.
        ends: Endpoints,
        /// Whose ping.
        ident: u16,
        /// Which one.
        sequence: u16,
    },
    /// Any other IP packet.
    Ip {
        /// From where to where.
        ends: Endpoints,
        /// TTL or hop limit.
        hop_limit: u8,
        /// Protocol or next header.
        protocol: u8,
        /// Where in the frame the IP header lies.
        header: Range<usize>,
        /// Where in the frame its payload lies; padding is behind.
        payload: Range<usize>,
    },
}

impl Heard {
    /// `None` for what a kernel drops without a word.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        match frame.get(12..ETHERNET)? {
            [0x08, 0x00] => Self::ipv4(frame),
            [0x08, 0x06] => Self::arp(frame.get(ETHERNET..)?),
            [0x86, 0xdd] => Self::ipv6(frame),
            _ => None,
        }
    }

    fn arp(payload: &[u8]) -> Option<Self> {
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: EthernetAddress(mac),
            source_protocol_addr: sender,
            target_protocol_addr: target,
            ..
        } = ArpRepr::parse(&ArpPacket::new_checked(payload).ok()?).ok()?
        else {
            return None;
        };
        let mac = Mac::new(mac);
        match operation {
            ArpOperation::Request => Some(Self::ArpRequest {
                mac,
                sender,
                target,
            }),
            ArpOperation::Reply => Some(Self::ArpReply { mac, sender }),
            ArpOperation::Unknown(_) => None,
        }
    }

    fn ipv4(frame: &[u8]) -> Option<Self> {
        let ip = Ipv4Packet::new_checked(frame.get(ETHERNET..)?).ok()?;
        if !ip.verify_checksum() {
            return None;
        }
        let ends = Endpoints::V4 {
            source: ip.src_addr(),
            destination: ip.dst_addr(),
        };
        if ip.next_header() == IpProtocol::Icmp {
            let icmp = Icmpv4Packet::new_checked(ip.payload()).ok()?;
            let request = match icmp.msg_type() {
                Icmpv4Message::EchoRequest => true,
                Icmpv4Message::EchoReply => false,
                _ => return None,
            };
            let (ident, sequence) = (icmp.echo_ident(), icmp.echo_seq_no());
            return icmp.verify_checksum().then_some(Self::Echo {
                request,
                ends,
                ident,
                sequence,
            });
        }
        let start = ETHERNET + usize::from(ip.header_len());
        Some(Self::Ip {
            ends,
            hop_limit: ip.hop_limit(),
            protocol: ip.next_header().into(),
            header: ETHERNET..start,
            payload: start..ETHERNET + usize::from(ip.total_len()),
        })
    }

    fn ipv6(frame: &[u8]) -> Option<Self> {
        let ip = Ipv6Packet::new_checked(frame.get(ETHERNET..)?).ok()?;
        let (source, destination) = (ip.src_addr(), ip.dst_addr());
        let ends = Endpoints::V6 {
            source,
            destination,
        };
        if ip.next_header() == IpProtocol::Icmpv6 {
            let icmp = Icmpv6Packet::new_checked(ip.payload()).ok()?;
            let caps = ChecksumCapabilities::default();
            return match Icmpv6Repr::parse(&source, &destination, &icmp, &caps).ok()? {
                Icmpv6Repr::EchoRequest {
                    ident,
                    seq_no: sequence,
                    ..
                } => Some(Self::Echo {
                    request: true,
                    ends,
                    ident,
                    sequence,
                }),
                Icmpv6Repr::EchoReply {
                    ident,
                    seq_no: sequence,
                    ..
                } => Some(Self::Echo {
                    request: false,
                    ends,
                    ident,
                    sequence,
                }),
                Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit {
                    target_addr,
                    lladdr,
                }) => {
                    let mac = ethernet(lladdr?)?;
                    Some(Self::Solicitation {
                        mac,
                        sender: source,
                        target: target_addr,
                    })
                }
                Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
                    flags,
                    target_addr,
                    lladdr,
                }) => {
                    let overrides = flags.contains(NdiscNeighborFlags::OVERRIDE);
                    let mac = ethernet(lladdr?)?;
                    Some(Self::Advertisement {
                        mac,
                        target: target_addr,
                        overrides,
                    })
                }
                _ => None,
            };
        }
        let start = ETHERNET + ip.header_len();
        Some(Self::Ip {
            ends,
            hop_limit: ip.hop_limit(),
            protocol: ip.next_header().into(),
            header: ETHERNET..start,
            payload: start..ETHERNET + ip.total_len(),
        })
    }
}

/// Asks everybody on the link for `target`.
pub fn who_has(from: Mac, sender: IpAddr, target: IpAddr) -> Option<Vec<u8>> {
    match (sender, target) {
        (IpAddr::V4(sender), IpAddr::V4(target)) => Some(arp(
            ArpOperation::Request,
            from,
            sender,
            Mac::BROADCAST,
            target,
        )),
        (IpAddr::V6(sender), IpAddr::V6(target)) => {
            let [.., a, b, c] = target.octets();
            let group = Ipv6Addr::from([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
            let icmp = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit {
                target_addr: target,
                lladdr: Some(EthernetAddress(from.octets()).into()),
            });
            Some(icmpv6(
                from,
                Mac::new([0x33, 0x33, 0xff, a, b, c]),
                sender,
                group,
                &icmp,
            ))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

/// Tells `to` that `address` is at `mac`.
pub fn is_at(address: IpAddr, mac: Mac, to: Mac, asker: IpAddr) -> Option<Vec<u8>> {
    match (address, asker) {
        (IpAddr::V4(address), IpAddr::V4(asker)) => {
            Some(arp(ArpOperation::Reply, mac, address, to, asker))
        }
        (IpAddr::V6(address), IpAddr::V6(asker)) => {
            let flags = NdiscNeighborFlags::ROUTER
                | NdiscNeighborFlags::SOLICITED
                | NdiscNeighborFlags::OVERRIDE;
            let icmp = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
                flags,
                target_addr: address,
                lladdr: Some(EthernetAddress(mac.octets()).into()),
            });
            Some(icmpv6(mac, to, address, asker, &icmp))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

/// A ping, or the answer to one.
pub fn echo(request: bool, from: Mac, to: Mac, ends: Endpoints, id: u16, seq: u16) -> Vec<u8> {
    match (ends, request) {
        (
            Endpoints::V4 {
                source,
                destination,
            },
            request,
        ) => {
            let icmp = if request {
                Icmpv4Repr::EchoRequest {
                    ident: id,
                    seq_no: seq,
                    data: ECHO_DATA,
                }
            } else {
                Icmpv4Repr::EchoReply {
                    ident: id,
                    seq_no: seq,
                    data: ECHO_DATA,
                }
            };
            let ip = Ipv4Repr {
                src_addr: source,
                dst_addr: destination,
                next_header: IpProtocol::Icmp,
                payload_len: icmp.buffer_len(),
                hop_limit: 64,
            };
            let caps = ChecksumCapabilities::default();
            let len = ip.buffer_len() + icmp.buffer_len();
            framed(from, to, EthernetProtocol::Ipv4, len, |payload| {
                let mut packet = Ipv4Packet::new_unchecked(payload);
                ip.emit(&mut packet, &caps);
                icmp.emit(
                    &mut Icmpv4Packet::new_unchecked(packet.payload_mut()),
                    &caps,
                );
            })
        }
        (
            Endpoints::V6 {
                source,
                destination,
            },
            true,
        ) => {
            let icmp = Icmpv6Repr::EchoRequest {
                ident: id,
                seq_no: seq,
                data: ECHO_DATA,
            };
            icmpv6(from, to, source, destination, &icmp)
        }
        (
            Endpoints::V6 {
                source,
                destination,
            },
            false,
        ) => {
            let icmp = Icmpv6Repr::EchoReply {
                ident: id,
                seq_no: seq,
                data: ECHO_DATA,
            };
            icmpv6(from, to, source, destination, &icmp)
        }
    }
}

/// Where a packet to `destination` goes on the link, if that is a group. RFC 1112 §6.4, RFC 2464 §7.
pub const fn group_mac(destination: IpAddr) -> Option<Mac> {
    match destination {
        IpAddr::V4(group) if group.is_multicast() => {
            let [_, a, b, c] = group.octets();
            Some(Mac::new([0x01, 0x00, 0x5e, a & 0x7f, b, c]))
        }
        IpAddr::V6(group) if group.is_multicast() => {
            let [.., a, b, c, d] = group.octets();
            Some(Mac::new([0x33, 0x33, a, b, c, d]))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

fn arp(op: ArpOperation, from: Mac, sender: Ipv4Addr, to: Mac, target: Ipv4Addr) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: op,
        source_hardware_addr: EthernetAddress(from.octets()),
        source_protocol_addr: sender,
        target_hardware_addr: EthernetAddress(to.octets()),
        target_protocol_addr: target,
    };
    framed(
        from,
        to,
        EthernetProtocol::Arp,
        arp.buffer_len(),
        |payload| {
            arp.emit(&mut ArpPacket::new_unchecked(payload));
        },
    )
}

fn icmpv6(
    from: Mac,
    to: Mac,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    icmp: &Icmpv6Repr<'_>,
) -> Vec<u8> {
    let ip = Ipv6Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.buffer_len(),
        hop_limit: 255,
    };
    let len = ip.buffer_len() + icmp.buffer_len();
    framed(from, to, EthernetProtocol::Ipv6, len, |payload| {
        let mut packet = Ipv6Packet::new_unchecked(payload);
        ip.emit(&mut packet);
        let mut message = Icmpv6Packet::new_unchecked(packet.payload_mut());
        icmp.emit(
            &source,
            &destination,
            &mut message,
            &ChecksumCapabilities::default(),
        );
    })
}

fn framed(
    from: Mac,
    to: Mac,
    ethertype: EthernetProtocol,
    len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut octets = vec![0; ETHERNET + len];
    let mut frame = EthernetFrame::new_unchecked(&mut octets);
    let header = EthernetRepr {
        src_addr: EthernetAddress(from.octets()),
        dst_addr: EthernetAddress(to.octets()),
        ethertype,
    };
    header.emit(&mut frame);
    emit(frame.payload_mut());
    octets
}

fn ethernet(address: RawHardwareAddress) -> Option<Mac> {
    address.as_bytes().try_into().ok().map(Mac::new)
}

#[cfg(test)]
mod tests;

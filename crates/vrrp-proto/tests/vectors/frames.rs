//! A whole Ethernet frame: understood, every member compared, and produced again byte for byte.

use core::net::IpAddr;

use serde_json::Value;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags,
    NdiscRepr,
};
use vrrp_proto::{
    AddressList, Advert, AuthType, Authentication, Body, ChecksumCoverage, Datagram, Envelope,
    Family, Packet, Password, Trailer,
};

use crate::object::{Findings, Object};

pub(crate) fn judge(value: &Value) -> Findings {
    let mut findings = Findings::default();
    let f = &mut findings;
    let mut vector = Object::open("", value, "?", f);
    let name = vector.text("name").unwrap_or("?");
    let _ = (vector.text("note"), vector.text("sender"));
    let Some(frame) = vector.hex("frame_hex") else {
        vector.missing("frame_hex");
        vector.finish(name, f);
        return findings;
    };
    if let Some(length) = vector.number("length") {
        f.compare(name, "length", &length, &frame.len());
    }
    let facts = match understand(&frame) {
        Ok(facts) => facts,
        Err(what) => {
            f.add(name, what);
            return findings;
        }
    };
    f.compare(name, "frame_hex, produced", &frame, &facts.again);
    // frames.json says what is worth naming in `expect`, peer-frames.json beside the frame.
    if let Some(expect) = vector.value("expect") {
        let mut expect = Object::open("expect.", expect, name, f);
        facts.compare(name, &mut expect, f);
        expect.finish(name, f);
    }
    if let Some(kind) = vector.text("kind") {
        f.compare(name, "kind", &kind, &facts.kind());
    }
    facts.compare(name, &mut vector, f);
    vector.finish(name, f);
    findings
}

/// What a frame says, and the frame made again from that.
struct Facts {
    eth_src: EthernetAddress,
    eth_dst: EthernetAddress,
    what: What,
    again: Vec<u8>,
}

enum What {
    Advert {
        ip_total_length: Option<u16>,
    },
    Arp {
        op: u16,
        sha: EthernetAddress,
        spa: IpAddr,
        tha: EthernetAddress,
        tpa: IpAddr,
    },
    Na {
        flags: NdiscNeighborFlags,
        target: [u8; 16],
        option: Vec<u8>,
        hop_limit: u8,
        group: bool,
    },
}

impl Facts {
    fn kind(&self) -> &'static str {
        match &self.what {
            What::Advert { .. } => "advert",
            What::Arp { spa, tpa, .. } if spa == tpa => "gratuitous_arp",
            What::Arp { .. } => "arp",
            What::Na {
                group: true, flags, ..
            } if !flags.contains(NdiscNeighborFlags::SOLICITED) => "unsolicited_na",
            What::Na { .. } => "solicited_na",
        }
    }

    /// Compares whatever `object` names.
    fn compare(&self, name: &str, object: &mut Object<'_>, f: &mut Findings) {
        let mut text = |member: &'static str, got: Option<String>| {
            if let Some(expected) = object.text(member) {
                f.compare(name, member, &Some(expected.to_owned()), &got);
            }
        };
        let (mut arp, mut na, mut length) = (None, None, None);
        match &self.what {
            What::Advert { ip_total_length } => length = *ip_total_length,
            What::Arp {
                op,
                sha,
                spa,
                tha,
                tpa,
            } => arp = Some((op, sha, spa, tha, tpa)),
            What::Na {
                flags,
                target,
                option,
                hop_limit,
                ..
            } => {
                na = Some((flags, target, option, hop_limit));
            }
        }
        text("eth_src", Some(self.eth_src.to_string().replace('-', ":")));
        text("eth_dst", Some(self.eth_dst.to_string().replace('-', ":")));
        let mac = |mac: &EthernetAddress| mac.to_string().replace('-', ":");
        text("sha", arp.map(|arp| mac(arp.1)));
        text("sender_mac", arp.map(|arp| mac(arp.1)));
        text("target_mac", arp.map(|arp| mac(arp.3)));
        text("spa", arp.map(|arp| arp.2.to_string()));
        text("address", arp.map(|arp| arp.2.to_string()));
        text("tpa", arp.map(|arp| arp.4.to_string()));
        text("target", na.map(|na| hex(na.1)));
        text("option", na.map(|na| hex(na.2)));
        // A target link-layer option has type 2 and a length of 1 (times 8 octets).
        let tll = na.and_then(|na| match na.2.as_slice() {
            [2, 1, mac @ ..] => Some(EthernetAddress::from_bytes(mac)),
            _ => None,
        });
        text("tll", tll.as_ref().map(mac));
        let mut number = |member: &'static str, got: Option<u64>| {
            if let Some(expected) = object.number::<u64>(member) {
                f.compare(name, member, &Some(expected), &got);
            }
        };
        number("op", arp.map(|arp| u64::from(*arp.0)));
        number("ip_total_length", length.map(u64::from));
        number("hop_limit", na.map(|na| u64::from(*na.3)));
        let bits = na.map(|na| u64::from(na.0.bits() >> 5));
        number("flags", bits);
        number("r", bits.map(|bits| bits >> 2));
        number("s", bits.map(|bits| bits >> 1 & 1));
        number("o", bits.map(|bits| bits & 1));
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn understand(octets: &[u8]) -> Result<Facts, String> {
    let frame = EthernetFrame::new_checked(octets).map_err(|e| format!("Ethernet: {e}"))?;
    let ethernet = EthernetRepr::parse(&frame).map_err(|e| format!("Ethernet: {e}"))?;
    let payload = frame.payload();
    let (what, body) = match ethernet.ethertype {
        EthernetProtocol::Arp => arp(payload)?,
        EthernetProtocol::Ipv4 => advert_v4(payload)?,
        EthernetProtocol::Ipv6 if payload.get(6) == Some(&vrrp_proto::PROTOCOL) => {
            advert_v6(payload)?
        }
        EthernetProtocol::Ipv6 => neighbor_advert(payload)?,
        other => return Err(format!("Ethernet: protocol {other}")),
    };
    let mut again = vec![0; ethernet.buffer_len() + body.len()];
    let mut frame = EthernetFrame::new_unchecked(&mut again);
    ethernet.emit(&mut frame);
    frame.payload_mut().copy_from_slice(&body);
    let EthernetRepr {
        src_addr: eth_src,
        dst_addr: eth_dst,
        ..
    } = ethernet;
    Ok(Facts {
        eth_src,
        eth_dst,
        what,
        again,
    })
}

fn arp(payload: &[u8]) -> Result<(What, Vec<u8>), String> {
    let packet = ArpPacket::new_checked(payload).map_err(|e| format!("ARP: {e}"))?;
    let repr = ArpRepr::parse(&packet).map_err(|e| format!("ARP: {e}"))?;
    let mut body = vec![0; repr.buffer_len()];
    repr.emit(&mut ArpPacket::new_unchecked(&mut body));
    match repr {
        ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: sha,
            source_protocol_addr: spa,
            target_hardware_addr: tha,
            target_protocol_addr: tpa,
        } => {
            let op = match operation {
                ArpOperation::Request => 1,
                ArpOperation::Reply => 2,
                ArpOperation::Unknown(op) => op,
            };
            Ok((
                What::Arp {
                    op,
                    sha,
                    spa: spa.into(),
                    tha,
                    tpa: tpa.into(),
                },
                body,
            ))
        }
        _ => Err("ARP: not Ethernet and IPv4".into()),
    }
}

/// Our own codec understands the message and writes it again; what is around it is copied.
fn advert(datagram: &Datagram<'_>) -> Result<Vec<u8>, String> {
    let envelope = Envelope::open(datagram).map_err(|discard| discard.to_string())?;
    let packet = Packet::parse_signed(envelope.message(), envelope.family())
        .map_err(|error| error.to_string())?;
    let covered = packet
        .verify(envelope.ends())
        .map_err(|error| error.to_string())?;
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in packet.addresses() {
        match address {
            IpAddr::V4(address) => v4.push(address),
            IpAddr::V6(address) => v6.push(address),
        }
    }
    let advert = Advert {
        version: packet.version(),
        vrid: packet.vrid().ok_or("VRID 0")?,
        priority: packet.priority(),
        interval: packet.interval().ok_or("interval 0")?,
        addresses: match packet.family() {
            Family::V4 => AddressList::V4(&v4),
            Family::V6 => AddressList::V6(&v6),
        },
        authentication: match packet.body() {
            Body::V2 {
                auth_type: AuthType::SIMPLE,
                auth_data,
                ..
            } => Authentication::Simple(Password::new(auth_data)),
            Body::V2 {
                auth_type: AuthType::AH,
                ..
            } => Authentication::Ah,
            Body::V2 { .. } | Body::V3 { .. } => Authentication::None,
        },
    };
    let before = datagram.payload.len() - envelope.message().len();
    let mut payload = datagram.payload.to_vec();
    let message = &mut payload[before..];
    message.fill(0xa5);
    let coverage = covered.only().unwrap_or(ChecksumCoverage::Message);
    let len = advert
        .emit(envelope.ends(), coverage, message)
        .map_err(|e| e.to_string())?;
    if let Some(trailer) = packet.trailer() {
        let trailer = Trailer::new(*trailer);
        trailer
            .append(envelope.ends(), message, len)
            .map_err(|e| e.to_string())?;
    }
    Ok(payload)
}

fn advert_v4(payload: &[u8]) -> Result<(What, Vec<u8>), String> {
    let datagram = Datagram::from_ipv4(payload).ok_or("no whole IPv4 packet")?;
    let length = datagram.ip_header.len() + datagram.payload.len();
    let padding = &payload[length..];
    let body = [datagram.ip_header, &advert(&datagram)?, padding].concat();
    Ok((
        What::Advert {
            ip_total_length: u16::try_from(length).ok(),
        },
        body,
    ))
}

fn advert_v6(payload: &[u8]) -> Result<(What, Vec<u8>), String> {
    let datagram = Datagram::from_ipv6(payload).ok_or("no whole IPv6 packet")?;
    let padding = &payload[40 + datagram.payload.len()..];
    let body = [&payload[..40], &advert(&datagram)?, padding].concat();
    Ok((
        What::Advert {
            ip_total_length: None,
        },
        body,
    ))
}

fn neighbor_advert(payload: &[u8]) -> Result<(What, Vec<u8>), String> {
    let error = |e| format!("neighbour advertisement: {e}");
    let packet = Ipv6Packet::new_checked(payload).map_err(error)?;
    let ip = Ipv6Repr::parse(&packet).map_err(error)?;
    if ip.next_header != IpProtocol::Icmpv6 {
        return Err(format!("IPv6: next header {}", ip.next_header));
    }
    let message = Icmpv6Packet::new_checked(packet.payload()).map_err(error)?;
    let caps = ChecksumCapabilities::default();
    let icmp = Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &message, &caps).map_err(error)?;
    let Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
        flags, target_addr, ..
    }) = icmp
    else {
        return Err("ICMPv6: no neighbour advertisement".into());
    };
    let mut body = vec![0; ip.buffer_len() + icmp.buffer_len()];
    let mut again = Ipv6Packet::new_unchecked(&mut body);
    ip.emit(&mut again);
    // smoltcp does not keep what routers do not use: traffic class and flow label.
    again.set_traffic_class(packet.traffic_class());
    again.set_flow_label(packet.flow_label());
    let mut to = Icmpv6Packet::new_unchecked(again.payload_mut());
    icmp.emit(&ip.src_addr, &ip.dst_addr, &mut to, &caps);
    let option = packet.payload().get(24..).unwrap_or_default().to_vec();
    let what = What::Na {
        flags,
        target: target_addr.octets(),
        option,
        hop_limit: ip.hop_limit,
        group: ip.dst_addr.is_multicast(),
    };
    Ok((what, body))
}

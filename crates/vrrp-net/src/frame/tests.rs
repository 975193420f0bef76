//! Every frame of the vectors, byte for byte: those we send are made, those we hear are understood.

use super::{DSCP_CS6, GratuitousArp, Ipv4Header, Ipv4Packet, UnsolicitedNa};
use crate::Mac;
use core::net::{Ipv4Addr, Ipv6Addr};
use serde_json::Value;

fn vectors(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn field<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name]
        .as_str()
        .unwrap_or_else(|| panic!("{vector}: no {name}"))
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn mac(text: &str) -> Mac {
    Mac::new(octets(&text.replace(':', "")).try_into().unwrap())
}

fn mac_at(frame: &[u8], at: usize) -> Mac {
    Mac::new(frame[at..at + 6].try_into().unwrap())
}

fn v6_at(frame: &[u8], at: usize) -> Ipv6Addr {
    Ipv6Addr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).unwrap())
}

//= R9568-6.4.1-02 test
//= R9568-6.4.1-03 test
//= HARD-PROTO-02 test
#[test]
fn our_frames() {
    let all = vectors(include_str!("../../tests/vectors/frames.json"));
    let mut judged = 0;
    for vector in &all {
        let (name, frame) = (field(vector, "name"), octets(field(vector, "frame_hex")));
        match name.split('_').next().unwrap() {
            "garp" => {
                let expect = &vector["expect"];
                let arp = GratuitousArp {
                    address: field(expect, "spa").parse().unwrap(),
                    mac: mac(field(expect, "sha")),
                    target: match name {
                        "garp_request_tha_ff" => Mac::BROADCAST,
                        "garp_request_tha_zero" => Mac::ZERO,
                        "garp_request_tha_vmac" => mac(field(expect, "sha")),
                        other => panic!("{other}: not known"),
                    },
                };
                assert_eq!(arp.emit().as_slice(), frame, "{name}");
            }
            "na" if name.starts_with("na_unsolicited") => {
                let na =
                    UnsolicitedNa::new(v6_at(&frame, 62), mac(field(&vector["expect"], "tll")));
                assert_eq!(na.emit().as_slice(), frame, "{name}");
            }
            // The kernel answers solicitations; see the lab tests.
            "na" => assert_eq!(name, "na_solicited_reply"),
            "advert" if name.contains("ipv4") => ipv4_advert(name, &frame),
            // The kernel makes the IPv6 header; see the lab tests.
            "advert" => assert_eq!(name, "advert_v3_ipv6"),
            other => panic!("{other}: not known"),
        }
        judged += 1;
    }
    assert_eq!(judged, 11);
}

/// The IPv4 header as it is sent when the Authentication Header needs it, and as it is read: link padding falls off.
fn ipv4_advert(name: &str, frame: &[u8]) {
    let packet = Ipv4Packet::parse(&frame[14..]).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(packet.payload.start, Ipv4Header::LEN, "{name}");
    assert_eq!(packet.source, Ipv4Addr::new(192, 0, 2, 1), "{name}");
    assert_eq!(packet.destination, vrrp_proto::GROUP_V4, "{name}");
    assert_eq!(packet.ttl, vrrp_proto::HOP_LIMIT, "{name}");
    let message = if name.contains("v2") { 20 } else { 12 };
    assert_eq!(packet.payload.len(), message, "{name}");
    let header = Ipv4Header {
        tos: DSCP_CS6,
        payload_len: u16::try_from(message).unwrap(),
        identification: 0,
        ttl: packet.ttl,
        protocol: vrrp_proto::PROTOCOL,
        source: packet.source,
        destination: packet.destination,
    };
    assert_eq!(header.emit().unwrap(), frame[14..34], "{name}");
}

#[test]
fn keepalived_frames() {
    let all = vectors(include_str!("../../tests/vectors/peer-frames.json"));
    let (mut arps, mut nas) = (0, 0);
    for vector in &all {
        let (name, frame) = (field(vector, "name"), octets(field(vector, "frame_hex")));
        match field(vector, "kind") {
            "gratuitous_arp" => {
                let arp = GratuitousArp::new(
                    field(vector, "address").parse().unwrap(),
                    mac(field(vector, "sender_mac")),
                );
                assert_eq!(arp.emit().as_slice(), frame, "{name}");
                arps += 1;
            }
            "unsolicited_na" => {
                let router = vector["flags"].as_u64().unwrap() & 4 != 0;
                let na = UnsolicitedNa {
                    address: v6_at(&frame, 62),
                    mac: mac_at(&frame, 6),
                    router,
                };
                assert_eq!(na.emit().as_slice(), frame, "{name}");
                nas += 1;
            }
            other => panic!("{other}: not known"),
        }
    }
    assert_eq!((arps, nas), (13, 4));
}

#[test]
fn a_header_that_is_not_whole_is_refused() {
    let sound = octets("45c0002000000000ff70189ac0000201e0000012313364010064a768c00002fe00000000");
    assert_eq!(Ipv4Packet::parse(&sound).unwrap().payload, 20..32);
    for len in 0..32 {
        assert_eq!(Ipv4Packet::parse(&sound[..len]), None, "{len} octets");
    }
    for (at, value, why) in [
        (0, 0x65, "version 6"),
        (0, 0x44, "header of 16"),
        (0, 0x49, "header of 36"),
        (3, 19, "ends in its header"),
    ] {
        let mut broken = sound.clone();
        broken[at] = value;
        assert_eq!(Ipv4Packet::parse(&broken), None, "{why}");
    }
    let mut options = sound;
    options[0] = 0x46;
    assert_eq!(Ipv4Packet::parse(&options).unwrap().payload, 24..32);
}

proptest::proptest! {
    #[test]
    fn parse_never_panics(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
        if let Some(packet) = Ipv4Packet::parse(&octets) {
            proptest::prop_assert!(octets.get(packet.payload).is_some());
        }
    }
}

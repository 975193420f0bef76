//! The message formats: RFC 9568 §5, RFC 3768 §5.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::{
    ENDS, ENDS_V6, GLOBAL, LINK_LOCAL, advert, advert_v6, emit, v2, v3, v6, with, with_v6,
};
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, AuthType, Authentication, Body, ChecksumCoverage, Covered,
    EmitError, Endpoints, Family, Packet, ParseError, Password, Priority, Version, VirtualMac,
    Vrid, set_priority,
};

fn parse(message: &[u8]) -> Packet<'_> {
    Packet::parse(message, Family::V4).unwrap()
}

//= R9568-5.2.1-01 test
//= R9568-5.2.2-01 test
#[test]
fn first_octet() {
    assert_eq!(v3()[0], 0x31);
    assert_eq!(v2()[0], 0x21);
    for kind in (0..16).filter(|kind| *kind != 1) {
        let message = with(v3(), |m| m[0] = 0x30 | kind);
        let error = Packet::parse(&message, Family::V4).unwrap_err();
        assert_eq!(error, ParseError::BadType { vrid: 51, kind });
    }
}

//= R9568-7.1-03 test
//= R3768-7.1-03 test
//= R3768-5.3.1-01 test
#[test]
fn versions() {
    for version in (0..16).filter(|version| ![2, 3].contains(version)) {
        let message = with(v3(), |m| m[0] = version << 4 | 1);
        let error = Packet::parse(&message, Family::V4).unwrap_err();
        assert_eq!(
            error,
            ParseError::BadVersion {
                vrid: 51,
                version,
                family: Family::V4
            }
        );
    }
    let error = Packet::parse(&v2(), Family::V6).unwrap_err();
    assert_eq!(
        error,
        ParseError::BadVersion {
            vrid: 51,
            version: 2,
            family: Family::V6
        }
    );
}

//= R3768-5.3.2-01 test
#[test]
fn v2_knows_one_type() {
    for kind in (0..16).filter(|kind| *kind != 1) {
        let message = with(v2(), |m| m[0] = 0x20 | kind);
        let error = Packet::parse(&message, Family::V4).unwrap_err();
        assert_eq!(error, ParseError::BadType { vrid: 51, kind });
    }
}

//= R9568-5.2.3-01 test
//= R3768-5.3.3-01 test
#[test]
fn vrid() {
    for make in [v2, v3] {
        for vrid in [1, 51, 255] {
            let message = with(make(), |m| m[1] = vrid);
            assert_eq!(parse(&message).vrid(), Vrid::new(vrid));
        }
        let message = with(make(), |m| m[1] = 0);
        assert_eq!(parse(&message).vrid(), None);
    }
}

//= R9568-5.2.4-03 test
#[test]
fn priority() {
    for (octet, owner, relinquish) in [(0, false, true), (100, false, false), (255, true, false)] {
        let message = with(v3(), |m| m[2] = octet);
        let priority = parse(&message).priority();
        let facts = (
            priority.get(),
            priority.is_owner(),
            priority.is_relinquish(),
        );
        assert_eq!(facts, (octet, owner, relinquish));
    }
}

//= R9568-5.2.5-01 test
//= HARD-PROTO-04 test
#[test]
fn address_count() {
    let many: Vec<Ipv4Addr> = (0..=255)
        .map(|host| Ipv4Addr::new(10, 0, 0, host))
        .collect();
    for version in [Version::V2, Version::V3] {
        for count in [1, 2, 20, 255] {
            let advert = Advert {
                addresses: AddressList::V4(&many[..count]),
                ..advert(version)
            };
            let message = emit(&advert, &ENDS, ChecksumCoverage::Message);
            let packet = parse(&message);
            assert_eq!(usize::from(packet.count()), count);
            assert!(
                packet
                    .addresses()
                    .eq(many[..count].iter().map(|a| IpAddr::V4(*a)))
            );
            assert_eq!(packet.addresses().len(), count);
        }
        let advert = Advert {
            addresses: AddressList::V4(&many),
            ..advert(version)
        };
        let error = advert.emit(&ENDS, ChecksumCoverage::Message, &mut [0; 2048]);
        assert_eq!(error, Err(EmitError::TooManyAddresses { count: 256 }));
    }
    let none = AddressList::V4(&[]);
    let v3 = Advert {
        addresses: none,
        ..advert(Version::V3)
    };
    assert_eq!(
        v3.emit(&ENDS, ChecksumCoverage::Message, &mut [0; 64]),
        Err(EmitError::NoAddresses)
    );
    // keepalived sends it, and RFC 3768 has nothing against it.
    let v2 = Advert {
        addresses: none,
        ..advert(Version::V2)
    };
    assert_eq!(
        parse(&emit(&v2, &ENDS, ChecksumCoverage::Message)).count(),
        0
    );
    let v6: Vec<Ipv6Addr> = (0..255)
        .map(|n| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, n))
        .collect();
    let advert = Advert {
        addresses: AddressList::V6(&v6),
        ..advert(Version::V3)
    };
    assert_eq!(advert.wire_len(), 4088);
    let message = emit(&advert, &ENDS_V6, ChecksumCoverage::PseudoHeader);
    let packet = Packet::parse(&message, Family::V6).unwrap();
    assert!(packet.addresses().eq(v6.into_iter().map(IpAddr::V6)));
}

//= R9568-5.2.6-01 test
//= R9568-5.2.7-01 test
#[test]
fn interval_and_reserve() {
    for centis in [1, 100, 4095] {
        let interval = AdvertInterval::from_centis(centis).unwrap();
        let message = emit(
            &Advert {
                interval,
                ..advert(Version::V3)
            },
            &ENDS,
            ChecksumCoverage::Message,
        );
        assert_eq!(message[4] >> 4, 0, "reserved bits are sent as zero");
        assert_eq!(message[4..6], centis.to_be_bytes());
        for reserve in [0, 5, 15] {
            let message = with(message.clone(), |m| m[4] |= reserve << 4);
            let body = Body::V3 {
                reserve,
                max_advertise_interval: centis,
            };
            assert_eq!(parse(&message).body(), body);
            assert_eq!(parse(&message).interval(), Some(interval));
        }
    }
    let interval = AdvertInterval::from_centis(4096).unwrap();
    let error = Advert {
        interval,
        ..advert(Version::V3)
    }
    .emit(&ENDS, ChecksumCoverage::Message, &mut [0; 64]);
    assert_eq!(
        error,
        Err(EmitError::Interval {
            version: Version::V3,
            interval
        })
    );
    assert_eq!(parse(&with(v3(), |m| m[4..6].fill(0))).interval(), None);
    assert_eq!(
        parse(&with(v3(), |m| (m[4], m[5]) = (0xf0, 0))).interval(),
        None
    );
}

//= R3768-5.3.7-01 test
#[test]
fn v2_interval() {
    for secs in [1, 2, 255] {
        let interval = AdvertInterval::from_secs(secs).unwrap();
        let message = emit(
            &Advert {
                interval,
                ..advert(Version::V2)
            },
            &ENDS,
            ChecksumCoverage::Message,
        );
        assert_eq!(message[5], secs);
        assert_eq!(parse(&message).interval(), Some(interval));
    }
    let interval = AdvertInterval::from_centis(150).unwrap();
    let error = Advert {
        interval,
        ..advert(Version::V2)
    }
    .emit(&ENDS, ChecksumCoverage::Message, &mut [0; 64]);
    assert_eq!(
        error,
        Err(EmitError::Interval {
            version: Version::V2,
            interval
        })
    );
}

//= R3768-5.3-01 test
//= R3768-5.3.10-01 test
//= HARD-PROTO-03 test
#[test]
fn v2_layout() {
    let expected = [
        0x21, 51, 100, 3, 0, 1, 0x6f, 0x3e, 192, 0, 2, 254, 192, 0, 2, 253, 198, 51, 100,
        7, //
        0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let message = v2();
    let checksum =
        common::naive_checksum(&expected, &ENDS, ChecksumCoverage::Message).to_be_bytes();
    assert_eq!(message[..6], expected[..6]);
    assert_eq!(message[6..8], checksum);
    assert_eq!(message[8..], expected[8..]);
    let body = Body::V2 {
        auth_type: AuthType::NONE,
        adver_int: 1,
        auth_data: &[0; 8],
    };
    assert_eq!(parse(&message).body(), body);
    let secret = Password::new(b"secret");
    let advert = Advert {
        authentication: Authentication::Simple(secret),
        ..advert(Version::V2)
    };
    let message = emit(&advert, &ENDS, ChecksumCoverage::Message);
    assert_eq!(message[4], 1);
    assert_eq!(message[20..], *b"secret\0\0");
}

//= R9568-5.2.8-01 test
//= R9568-5.2.8-02 test
//= R9568-5.2.8-03 test
//= R9568-5.2.8-04 test
//= R3768-5.3.8-01 test
//= KA-CSUM-03 test
#[test]
fn checksum_coverage() {
    use ChecksumCoverage::{Message, PseudoHeader};
    let unicast = Endpoints::V4 {
        source: common::SOURCE,
        destination: Ipv4Addr::new(192, 0, 2, 9),
    };
    // What is asked for, what it must be summed as, and what verification finds.
    let cases = [
        (
            advert(Version::V2),
            ENDS,
            Message,
            Message,
            Covered::Message,
        ),
        (
            advert(Version::V2),
            ENDS,
            PseudoHeader,
            Message,
            Covered::Message,
        ),
        (
            advert(Version::V3),
            ENDS,
            Message,
            Message,
            Covered::Message,
        ),
        (
            advert(Version::V3),
            ENDS,
            PseudoHeader,
            PseudoHeader,
            Covered::PseudoHeader,
        ),
        (
            advert(Version::V3),
            unicast,
            PseudoHeader,
            PseudoHeader,
            Covered::PseudoHeader,
        ),
        (
            advert_v6(),
            ENDS_V6,
            Message,
            PseudoHeader,
            Covered::PseudoHeader,
        ),
        (
            advert_v6(),
            ENDS_V6,
            PseudoHeader,
            PseudoHeader,
            Covered::PseudoHeader,
        ),
    ];
    for (advert, ends, asked, summed, found) in cases {
        let message = emit(&advert, &ends, asked);
        let packet = Packet::parse(&message, ends.family()).unwrap();
        assert_eq!(
            packet.checksum(),
            common::naive_checksum(&message, &ends, summed)
        );
        assert_eq!(packet.verify(&ends), Ok(found), "{advert:?} {asked:?}");
    }
    let message = emit(&advert(Version::V3), &unicast, PseudoHeader);
    assert!(
        parse(&message).verify(&ENDS).is_err(),
        "the real destination is summed"
    );
    assert!(
        parse(&message).verify(&ENDS_V6).is_err(),
        "another family never verifies"
    );
}

/// Every bit of every form.
#[test]
fn one_bit_errors_are_found() {
    use ChecksumCoverage::{Message, PseudoHeader};
    let forms = [
        (advert(Version::V2), ENDS, Message),
        (advert(Version::V3), ENDS, Message),
        (advert(Version::V3), ENDS, PseudoHeader),
        (advert_v6(), ENDS_V6, PseudoHeader),
    ];
    for (advert, ends, coverage) in forms {
        let message = emit(&advert, &ends, coverage);
        for bit in 0..message.len() * 8 {
            let mut message = message.clone();
            message[bit / 8] ^= 1 << (bit % 8);
            let intact = Packet::parse(&message, ends.family())
                .is_ok_and(|packet| packet.verify(&ends).is_ok_and(|c| c.includes(coverage)));
            assert!(!intact, "{advert:?} {coverage:?} bit {bit}");
        }
    }
}

//= R9568-5.2.8-05 test
#[test]
fn checksum_zero_is_ordinary() {
    // The last word is chosen so that the sum is 0xFFFF, the checksum 0x0000.
    let mut message = v3();
    message[6..8].fill(0);
    let sum = common::naive_sum(&message[..18]);
    message[18..20].copy_from_slice(&(!sum).to_be_bytes());
    assert_eq!(parse(&message).verify(&ENDS), Ok(Covered::Message));
    message[6..8].fill(0xff);
    assert_eq!(
        parse(&message).verify(&ENDS),
        Ok(Covered::Message),
        "the alias"
    );
    let mut message = v3();
    message[6..8].fill(0);
    assert!(
        parse(&message).verify(&ENDS).is_err(),
        "zero does not mean unchecked"
    );
}

//= HARD-PROTO-06 test
#[test]
fn a_packet_right_in_both_forms_tells_nothing() {
    // The pseudo-header 10.0.21.113, 224.0.0.18, 112, 20 sums to 0xFFFF less what the length adds.
    let ends = Endpoints::V4 {
        source: Ipv4Addr::new(10, 0, 21, 0x69),
        destination: vrrp_proto::GROUP_V4,
    };
    let message = v3();
    assert_eq!(
        common::naive_sum(&common::pseudo_header(&ends, message.len())),
        0xffff
    );
    let covered = parse(&message).verify(&ends).unwrap();
    assert_eq!((covered, covered.only()), (Covered::Both, None));
    assert_eq!(Covered::Message.only(), Some(ChecksumCoverage::Message));
    assert_eq!(
        Covered::PseudoHeader.only(),
        Some(ChecksumCoverage::PseudoHeader)
    );
}

//= R9568-5.2.9-01 test
//= R9568-5.2.9-02 test
#[test]
fn families_do_not_mix() {
    let message = v6();
    let packet = Packet::parse(&message, Family::V6).unwrap();
    let listed: Vec<IpAddr> = packet.addresses().collect();
    assert_eq!(
        listed,
        [IpAddr::V6(LINK_LOCAL), IpAddr::V6(GLOBAL)],
        "in the order given"
    );
    assert!(Packet::parse(&message, Family::V4).is_err());
    assert!(Packet::parse(&v3(), Family::V6).is_err());
    let error = advert_v6().emit(&ENDS, ChecksumCoverage::Message, &mut [0; 64]);
    let families = EmitError::FamilyMismatch {
        addresses: Family::V6,
        datagram: Family::V4,
    };
    assert_eq!(error, Err(families));
    let v2 = Advert {
        version: Version::V2,
        ..advert_v6()
    };
    let error = v2.emit(&ENDS_V6, ChecksumCoverage::Message, &mut [0; 64]);
    assert_eq!(error, Err(EmitError::V2OverIpv6));
}

//= R9568-7.1-05 test
//= R3768-7.1-04 test
//= HARD-PROTO-01 test
//= HARD-PROTO-02 test
#[test]
fn length_is_exact() {
    for (message, family) in [(v2(), Family::V4), (v3(), Family::V4), (v6(), Family::V6)] {
        for have in 0..message.len() {
            let error = Packet::parse(&message[..have], family).unwrap_err();
            let vrid = message[..have].get(1).copied();
            assert_eq!(error.vrid(), vrid);
            let expected = match vrid {
                Some(vrid) if have >= 8 => ParseError::Truncated {
                    vrid,
                    need: message.len(),
                    have,
                },
                vrid => ParseError::ShortPacket { have, vrid },
            };
            assert_eq!(error, expected);
        }
        for extra in 1..64 {
            let message = [&message[..], &vec![0; extra]].concat();
            let error = ParseError::TrailingBytes { vrid: 51, extra };
            assert_eq!(Packet::parse(&message, family).unwrap_err(), error);
            let signed = Packet::parse_signed(&message, family);
            assert_eq!(signed.is_ok(), extra == vrrp_proto::TRAILER_LEN);
        }
    }
    let full = with(v3(), |m| m[3] = 255);
    let error = ParseError::Truncated {
        vrid: 51,
        need: 1028,
        have: 20,
    };
    assert_eq!(Packet::parse(&full, Family::V4).unwrap_err(), error);
}

#[test]
fn a_short_buffer_is_not_touched() {
    let need = advert(Version::V3).wire_len();
    for have in 0..need {
        let mut buf = vec![0xa5; have];
        let error = advert(Version::V3).emit(&ENDS, ChecksumCoverage::Message, &mut buf);
        assert_eq!(error, Err(EmitError::BufferTooSmall { need, have }));
        assert!(buf.iter().all(|octet| *octet == 0xa5));
    }
    let mut buf = vec![0xa5; need + 9];
    let len = advert(Version::V3)
        .emit(&ENDS, ChecksumCoverage::Message, &mut buf)
        .unwrap();
    assert_eq!(buf[..len], v3());
    assert_eq!(buf[len..], [0xa5; 9]);
}

#[test]
fn buf_mut_takes_the_same_octets() {
    for (advert, ends) in [
        (advert(Version::V2), ENDS),
        (advert(Version::V3), ENDS),
        (advert_v6(), ENDS_V6),
    ] {
        let coverage = ChecksumCoverage::PseudoHeader;
        let mut buf = bytes::BytesMut::new();
        assert_eq!(advert.put(&ends, coverage, &mut buf), Ok(advert.wire_len()));
        assert_eq!(buf[..], emit(&advert, &ends, coverage));
        let mut short = &mut [0_u8; 8][..];
        assert!(advert.put(&ends, coverage, &mut short).is_err());
    }
}

//= HARD-PROTO-05 test
#[test]
fn a_new_priority_is_as_if_summed_anew() {
    let mut messages = vec![(v2(), ENDS), (v3(), ENDS), (v6(), ENDS_V6)];
    // Around 0x0000 and 0xFFFF: every value of a word under the sum.
    for word in 0..=u16::MAX {
        let message = with(v3(), |m| m[18..20].copy_from_slice(&word.to_be_bytes()));
        if [0x0000, 0x0001, 0xfffe, 0xffff].contains(&parse(&message).checksum()) {
            messages.push((message, ENDS));
        }
    }
    assert!(messages.len() > 5, "some are around zero");
    for (message, ends) in messages {
        for priority in 0..=255 {
            let mut changed = message.clone();
            set_priority(&mut changed, ends.family(), Priority::new(priority)).unwrap();
            let anew = match ends.family() {
                Family::V4 => with(message.clone(), |m| m[2] = priority),
                Family::V6 => with_v6(message.clone(), |m| m[2] = priority),
            };
            assert_eq!(changed, anew, "priority {priority}");
        }
    }
    let mut alias = v3();
    alias[6..8].fill(0xff);
    assert!(set_priority(&mut alias[..7], Family::V4, Priority::DEFAULT).is_err());
}

//= R9568-6.1-12 test
#[test]
fn virtual_mac() {
    let mac = |family, vrid| VirtualMac::new(family, Vrid::new(vrid).unwrap()).to_string();
    assert_eq!(mac(Family::V4, 51), "00:00:5e:00:01:33");
    assert_eq!(mac(Family::V6, 51), "00:00:5e:00:02:33");
    assert_eq!(mac(Family::V4, 1), "00:00:5e:00:01:01");
    assert_eq!(mac(Family::V6, 255), "00:00:5e:00:02:ff");
}

//= R9568-7.2-01 test
#[test]
fn an_advert_says_what_it_was_filled_with() {
    for priority in [1, 100, 254] {
        let advert = Advert {
            priority: Priority::new(priority),
            ..advert(Version::V3)
        };
        let message = emit(&advert, &ENDS, ChecksumCoverage::Message);
        assert_eq!(parse(&message).priority().get(), priority);
        assert!(parse(&message).verify(&ENDS).is_ok());
    }
}

#[test]
fn carp_is_named() {
    let mut message = [0; 36];
    message[..6].copy_from_slice(&[0x21, 5, 10, 7, 0, 1]);
    for family in [Family::V4, Family::V6] {
        let error = Packet::parse(&message, family).unwrap_err();
        assert_eq!(error, ParseError::Carp { vhid: 5 });
    }
    // A VRRPv2 advertisement of seven addresses has 44 octets, and is none.
    let addresses = [Ipv4Addr::new(192, 0, 2, 1); 7];
    let advert = Advert {
        addresses: AddressList::V4(&addresses),
        ..advert(Version::V2)
    };
    assert_eq!(
        parse(&emit(&advert, &ENDS, ChecksumCoverage::Message)).count(),
        7
    );
    message[3] = 6;
    assert_eq!(
        Packet::parse(&message, Family::V4).unwrap_err(),
        ParseError::Truncated {
            vrid: 5,
            need: 40,
            have: 36
        },
    );
}

//! Reception: rows 1 to 18, RFC 9568 §7.1 with its errata and RFC 3768 §7.1.
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
    ENDS, ENDS_V6, GLOBAL, LINK_LOCAL, MULTICAST, MULTICAST_V6, PRIMARY, SOURCE, VIPS, advert,
    advert_v6, emit, hear, router, v2, v3, v6, verdict, with, with_v6,
};
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, AntiReplay, AuthPolicy, ChecksumCoverage, ChecksumPolicy,
    Covered, Datagram, Endpoints, Envelope, Expected, Family, GROUP_V4, HmacMode, HmacPolicy, Mode,
    OwnerPolicy, Peer, Priority, Profile, Reason, Version, Warning, receive,
};

const V2: Version = Version::V2;
const V3: Version = Version::V3;

fn at(ends: Endpoints, hop_limit: u8, message: &[u8], expected: &Expected<'_>) -> &'static str {
    receive(&Datagram::new(ends, hop_limit, message), expected)
        .map_or_else(|discard| discard.reason.name(), |_| "accepted")
}

#[test]
fn what_is_right_is_accepted() {
    for (message, version) in [(v2(), V2), (v3(), V3)] {
        let received = hear(&message, &router(version)).unwrap();
        assert!(received.warnings.is_empty());
        assert_eq!(received.vrid.get(), 51);
        assert_eq!(received.interval, Some(AdvertInterval::DEFAULT));
        assert_eq!(received.covered, Covered::Message);
        assert_eq!((received.ah_sequence, received.signature), (None, None));
    }
}

//= R9568-5.1.1.3-02 test
//= R9568-5.1.2.3-02 test
//= R9568-7.1-02 test
//= R3768-7.1-02 test
#[test]
fn hop_limit_is_255() {
    for hop_limit in 0..255 {
        assert_eq!(at(ENDS, hop_limit, &v3(), &router(V3)), "BadTtl");
        assert_eq!(at(ENDS, hop_limit, &v2(), &router(V2)), "BadTtl");
        assert_eq!(
            at(ENDS_V6, hop_limit, &v6(), &Expected::anything(MULTICAST_V6)),
            "BadTtl"
        );
    }
}

//= IOP-03 test
//= KA-VER-01 test
#[test]
fn version_is_ours() {
    assert_eq!(verdict(&v2(), &router(V3)), "BadVersion");
    assert_eq!(verdict(&v3(), &router(V2)), "BadVersion");
    assert_eq!(verdict(&v3(), &Expected::anything(MULTICAST)), "accepted");
}

//= R9568-7.1-04 test
#[test]
fn type_is_advertisement() {
    for kind in (0..16).filter(|kind| *kind != 1) {
        assert_eq!(
            verdict(&with(v3(), |m| m[0] = 0x30 | kind), &router(V3)),
            "BadType"
        );
    }
}

//= R9568-7.1-06 test
//= R3768-7.1-05 test
//= KA-CSUM-01 test
//= KA-CSUM-02 test
#[test]
fn checksum() {
    let either = router(V3);
    let plain = Expected {
        checksum: ChecksumPolicy::Only(ChecksumCoverage::Message),
        ..router(V3)
    };
    let pseudo = Expected {
        checksum: ChecksumPolicy::Only(ChecksumCoverage::PseudoHeader),
        ..router(V3)
    };
    let with_pseudo_header = emit(&advert(V3), &ENDS, ChecksumCoverage::PseudoHeader);
    for (expected, message_only, pseudo_header) in [
        (either, "accepted", "accepted"),
        (plain, "accepted", "BadChecksum"),
        (pseudo, "BadChecksum", "accepted"),
    ] {
        assert_eq!(verdict(&v3(), &expected), message_only);
        assert_eq!(verdict(&with_pseudo_header, &expected), pseudo_header);
        let mut wrong = v3();
        wrong[7] ^= 1;
        assert_eq!(verdict(&wrong, &expected), "BadChecksum");
    }
    // The policy is about VRRPv3 over IPv4 alone.
    let pseudo_v2 = Expected {
        checksum: pseudo.checksum,
        ..router(V2)
    };
    assert_eq!(verdict(&v2(), &pseudo_v2), "accepted");
    let plain_v6 = Expected {
        checksum: plain.checksum,
        ..Expected::anything(MULTICAST_V6)
    };
    assert_eq!(verdict(&v6(), &plain_v6), "accepted");
}

//= KA-CSUM-04 test
#[test]
fn old_unicast_checksum_names_the_group() {
    let ends = Endpoints::V4 {
        source: SOURCE,
        destination: Ipv4Addr::new(192, 0, 2, 2),
    };
    let message = emit(&advert(V3), &ENDS, ChecksumCoverage::PseudoHeader);
    let mode = Mode::Unicast {
        peers: &[],
        check_source: false,
    };
    let expected = Expected::anything(mode);
    assert_eq!(at(ends, 64, &message, &expected), "BadChecksum");
    let old = Expected {
        checksum: ChecksumPolicy::OldUnicast,
        ..expected
    };
    assert_eq!(at(ends, 64, &message, &old), "accepted");
    let right = emit(&advert(V3), &ends, ChecksumCoverage::PseudoHeader);
    assert_eq!(at(ends, 64, &right, &old), "accepted");
}

#[test]
fn vrid_is_ours() {
    assert_eq!(verdict(&with(v3(), |m| m[1] = 0), &router(V3)), "BadVrid");
    assert_eq!(verdict(&with(v2(), |m| m[1] = 0), &router(V2)), "BadVrid");
    assert_eq!(
        verdict(&with(v3(), |m| m[1] = 52), &router(V3)),
        "UnknownVrid"
    );
}

//= R9568-7.1-07 test
#[test]
fn a_datagram_of_no_virtual_router() {
    let unclaimed = |ttl, message: &[u8]| {
        let discard = Envelope::open(&Datagram::new(ENDS, ttl, message))
            .unwrap()
            .unclaimed();
        assert_eq!(discard.vrid, Some(message[1]));
        discard.reason.name()
    };
    assert_eq!(unclaimed(255, &v3()), "UnknownVrid");
    assert_eq!(
        unclaimed(255, &[v3(), vec![0; 28]].concat()),
        "UnknownVrid",
        "signed, perhaps"
    );
    assert_eq!(unclaimed(254, &v3()), "BadTtl");
    assert_eq!(unclaimed(255, &with(v3(), |m| m[0] = 0x41)), "BadVersion");
    assert_eq!(unclaimed(255, &with(v3(), |m| m[1] = 0)), "BadVrid");
    assert_eq!(unclaimed(255, &with(v3(), |m| m[3] = 9)), "Truncated");
    let mut wrong = v3();
    wrong[7] ^= 1;
    assert_eq!(unclaimed(255, &wrong), "BadChecksum");
}

//= HARD-NET-01 test
//= KA-UNI-01 test
//= KA-UNI-02 test
#[test]
fn destination() {
    let to = |destination| Endpoints::V4 {
        source: SOURCE,
        destination,
    };
    let (ours, other) = (Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(224, 0, 0, 19));
    let unicast = Expected {
        mode: Mode::Unicast {
            peers: &[],
            check_source: false,
        },
        ..router(V3)
    };
    assert_eq!(at(to(ours), 255, &v3(), &router(V3)), "BadDestination");
    assert_eq!(at(to(other), 255, &v3(), &router(V3)), "BadDestination");
    assert_eq!(at(to(GROUP_V4), 255, &v3(), &unicast), "BadDestination");
    assert_eq!(
        at(to(ours), 64, &v3(), &unicast),
        "accepted",
        "no TTL check in unicast"
    );
}

//= KA-UNI-03 test
#[test]
fn unicast_peers_may_be_checked() {
    let peers = [Peer {
        address: IpAddr::V4(SOURCE),
        min_ttl: 250,
        max_ttl: 254,
    }];
    let to_us = |source| Endpoints::V4 {
        source,
        destination: Ipv4Addr::new(192, 0, 2, 2),
    };
    let expect = |check_source| Expected {
        mode: Mode::Unicast {
            peers: &peers,
            check_source,
        },
        ..router(V3)
    };
    let stranger = Ipv4Addr::new(192, 0, 2, 77);
    for (source, ttl, unchecked, checked) in [
        (SOURCE, 249, "accepted", "BadTtl"),
        (SOURCE, 250, "accepted", "accepted"),
        (SOURCE, 254, "accepted", "accepted"),
        (SOURCE, 255, "accepted", "BadTtl"),
        (stranger, 250, "accepted", "UnknownPeer"),
    ] {
        assert_eq!(at(to_us(source), ttl, &v3(), &expect(false)), unchecked);
        assert_eq!(at(to_us(source), ttl, &v3(), &expect(true)), checked);
    }
    // A signed message of a stranger is refused before its HMAC is looked at.
    let hmac = HmacPolicy {
        keys: &[],
        mode: HmacMode::Permissive,
        anti_replay: AntiReplay::Monotonic,
        utc: core::time::Duration::ZERO,
        marks: &[],
    };
    let signed = [v3(), vec![1; 28]].concat();
    let expected = Expected {
        hmac: Some(hmac),
        ..expect(false)
    };
    assert_eq!(at(to_us(stranger), 64, &signed, &expected), "UnknownPeer");
    assert_eq!(
        at(to_us(SOURCE), 64, &signed, &expected),
        "AuthExtMalformed"
    );
}

//= HARD-FSM-01 test
#[test]
fn our_own_packet() {
    let expected = Expected {
        primary: Some(IpAddr::V4(SOURCE)),
        ..router(V3)
    };
    assert_eq!(verdict(&v3(), &expected), "OwnPacket");
    assert_eq!(
        verdict(
            &v3(),
            &Expected {
                primary: Some(PRIMARY),
                ..expected
            }
        ),
        "accepted"
    );
}

//= R9568-7.1-08 test
//= R9568-7.1-09 test
//= KA-OWN-01 test
#[test]
fn owner() {
    let owner = Expected {
        priority: Some(Priority::OWNER),
        ..router(V3)
    };
    let received = hear(&v3(), &owner)
        .map(|received| received.warnings)
        .unwrap();
    assert!(received.iter().eq([Warning::LocalIsOwner]));
    let published = Expected {
        owner: OwnerPolicy::Discard,
        ..owner
    };
    assert_eq!(verdict(&v3(), &published), "LocalIsOwner");
    let backup = Expected {
        priority: Some(Priority::new(254)),
        ..published
    };
    assert_eq!(verdict(&v3(), &backup), "accepted");
}

//= R9568-7.1-10 test
//= R9568-7.1-11 test
#[test]
fn v3_fields() {
    let expected = Expected::anything(MULTICAST);
    let empty = |m: &mut Vec<u8>| {
        m[3] = 0;
        m.truncate(8);
    };
    assert_eq!(verdict(&with(v3(), empty), &expected), "ZeroAddrCount");
    let empty_v6 = with_v6(v6(), empty);
    assert_eq!(
        verdict(&empty_v6, &Expected::anything(MULTICAST_V6)),
        "ZeroAddrCount"
    );
    for reserve in [0x00, 0xf0] {
        let message = with(v3(), |m| (m[4], m[5]) = (reserve, 0));
        assert_eq!(verdict(&message, &expected), "ZeroInterval");
        assert_eq!(verdict(&message, &router(V3)), "ZeroInterval");
    }
}

//= R9568-7.1-14 test
//= KA-LIST-03 test
#[test]
fn first_v6_address_is_link_local() {
    let rfc = Expected::anything(MULTICAST_V6);
    let keepalived = Expected {
        profile: Profile::Keepalived,
        ..rfc
    };
    for (first, link_local) in [
        (LINK_LOCAL, true),
        (Ipv6Addr::new(0xfebf, 0xffff, 0, 0, 0, 0, 0, 1), true),
        (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 1), false),
        (Ipv6Addr::new(0xfe7f, 0, 0, 0, 0, 0, 0, 1), false),
        (GLOBAL, false),
    ] {
        let list = [first, GLOBAL];
        let advert = Advert {
            addresses: AddressList::V6(&list),
            ..advert_v6()
        };
        let message = emit(&advert, &ENDS_V6, ChecksumCoverage::PseudoHeader);
        let name = if link_local {
            "accepted"
        } else {
            "FirstNotLinkLocal"
        };
        assert_eq!(verdict(&message, &rfc), name, "{first}");
        let warnings = hear(&message, &keepalived).unwrap().warnings;
        assert_eq!(
            warnings.contains(Warning::FirstNotLinkLocal),
            !link_local,
            "{first}"
        );
    }
}

//= R9568-7.1-12 test
//= R3768-7.1-08 test
//= KA-LIST-01 test
#[test]
fn address_list() {
    let (a, b, c) = (VIPS[0], VIPS[1], VIPS[2]);
    // Ours against theirs, which are VIPS.
    let cases: [(&[Ipv4Addr], bool); 6] = [
        (&[a, b, c], true),
        (&[c, a, b], true),
        (&[a, b], false),
        (&[a, b, c, c], false),
        (&[a, b, b], false),
        (&[a, b, Ipv4Addr::new(192, 0, 2, 99)], false),
    ];
    for (ours, same) in cases {
        let expect = |version, profile| Expected {
            addresses: Some(AddressList::V4(ours)),
            profile,
            ..router(version)
        };
        for profile in [Profile::Rfc, Profile::Keepalived] {
            let message = v3();
            let warnings = hear(&message, &expect(V3, profile)).unwrap().warnings;
            assert_eq!(
                warnings.contains(Warning::AddressListMismatch),
                !same,
                "{ours:?}"
            );
        }
        let message = v2();
        let rfc = if same {
            "accepted"
        } else {
            "AddressListMismatch"
        };
        assert_eq!(
            verdict(&message, &expect(V2, Profile::Rfc)),
            rfc,
            "{ours:?}"
        );
        let warnings = hear(&message, &expect(V2, Profile::Keepalived))
            .unwrap()
            .warnings;
        assert_eq!(
            warnings.contains(Warning::AddressListMismatch),
            !same,
            "{ours:?}"
        );
        // An owner may say what it likes.
        let owner = with(v2(), |m| m[2] = 255);
        let warnings = hear(&owner, &expect(V2, Profile::Rfc)).unwrap().warnings;
        assert_eq!(
            warnings.contains(Warning::AddressListMismatch),
            !same,
            "{ours:?}"
        );
    }
    let v6 = Expected {
        addresses: Some(AddressList::V6(&[LINK_LOCAL])),
        ..router(V3)
    };
    let message = v3();
    let warnings = hear(&message, &v6).unwrap().warnings;
    assert!(warnings.contains(Warning::AddressListMismatch));
}

//= R9568-7.1-13 test
//= R3768-7.1-09 test
//= KA-ADV-02 test
#[test]
fn interval() {
    let ours = AdvertInterval::from_secs(3).unwrap();
    let message = v3();
    let received = hear(
        &message,
        &Expected {
            interval: Some(ours),
            ..router(V3)
        },
    )
    .unwrap();
    assert!(received.warnings.iter().eq([Warning::IntervalMismatch]));
    assert_eq!(
        received.interval,
        Some(AdvertInterval::DEFAULT),
        "theirs, to be learned"
    );
    let expected = Expected {
        interval: Some(ours),
        ..router(V2)
    };
    assert_eq!(verdict(&v2(), &expected), "IntervalMismatch");
    assert_eq!(
        verdict(&with(v2(), |m| m[5] = 0), &router(V2)),
        "IntervalMismatch"
    );
    assert_eq!(verdict(&with(v2(), |m| m[5] = 3), &expected), "accepted");
}

#[test]
fn other_protocols() {
    let message = v3();
    let mut datagram = Datagram::new(ENDS, 255, &message);
    datagram.protocol = 103;
    let discard = Envelope::open(&datagram).unwrap_err();
    assert_eq!(discard.reason, Reason::NotVrrp { protocol: 103 });
    assert_eq!((discard.vrid, discard.reason.counter()), (None, None));
}

//= R9568-7.1-01 test
//= R3768-7.1-01 test
#[test]
fn the_first_fault_in_the_order_of_the_rows_is_named() {
    // Faults of later rows are added one by one; the earliest row decides.
    let mut message = with(v2(), |m| m[5] = 9);
    assert_eq!(verdict(&message, &router(V2)), "IntervalMismatch");
    let mut expected = Expected {
        addresses: Some(AddressList::V4(&VIPS[..1])),
        ..router(V2)
    };
    assert_eq!(verdict(&message, &expected), "AddressListMismatch");
    expected.auth = AuthPolicy::None;
    message = with(message, |m| m[4] = 7);
    assert_eq!(verdict(&message, &expected), "UnknownAuthType");
    (expected.priority, expected.owner) = (Some(Priority::OWNER), OwnerPolicy::Discard);
    assert_eq!(verdict(&message, &expected), "LocalIsOwner");
    expected.primary = Some(IpAddr::V4(SOURCE));
    assert_eq!(verdict(&message, &expected), "OwnPacket");
    expected.mode = Mode::Multicast {
        group: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 99)),
    };
    assert_eq!(verdict(&message, &expected), "BadDestination");
    message = with(message, |m| m[1] = 0);
    assert_eq!(verdict(&message, &expected), "BadVrid");
    message[7] ^= 1;
    assert_eq!(verdict(&message, &expected), "BadChecksum");
    message.push(0);
    assert_eq!(verdict(&message, &expected), "TrailingBytes");
    message[0] = 0x2f;
    assert_eq!(verdict(&message, &expected), "BadType");
    message[0] = 0x3f;
    assert_eq!(verdict(&message, &expected), "BadVersion");
    assert_eq!(at(ENDS, 1, &message, &expected), "BadTtl");
    assert_eq!(at(ENDS, 1, &message[..7], &expected), "ShortPacket");
}

//= HARD-PROTO-02 test
#[test]
fn link_padding_is_cut_by_the_ip_length() {
    let mut packet = vec![
        0x45, 0xc0, 0, 40, 0, 0, 0x40, 0, 255, 112, 0, 0, 192, 0, 2, 1,
    ];
    packet.extend(GROUP_V4.octets());
    packet.extend(v3());
    packet.extend([0; 6]);
    let datagram = Datagram::from_ipv4(&packet).unwrap();
    assert_eq!((datagram.ends, datagram.hop_limit), (ENDS, 255));
    assert!(receive(&datagram, &router(V3)).is_ok());
    // Options, a fragment, a length that is not there, another version.
    let mut options = packet.clone();
    options[0] = 0x46;
    assert_eq!(Datagram::from_ipv4(&options).unwrap().payload.len(), 16);
    for (at, octet) in [(0, 0x44), (0, 0x65), (2, 1), (6, 0x20), (7, 1)] {
        let mut packet = packet.clone();
        packet[at] = octet;
        assert!(
            Datagram::from_ipv4(&packet).is_none(),
            "octet {at} = {octet}"
        );
    }
    assert!(Datagram::from_ipv4(&packet[..19]).is_none());

    let mut packet = vec![0x60, 0, 0, 0, 0, 40, 112, 255];
    for address in [ENDS_V6.source(), ENDS_V6.destination()] {
        let IpAddr::V6(address) = address else {
            unreachable!()
        };
        packet.extend(address.octets());
    }
    packet.extend(v6());
    packet.extend([0; 3]);
    let datagram = Datagram::from_ipv6(&packet).unwrap();
    assert_eq!(
        (datagram.ends, datagram.ends.family()),
        (ENDS_V6, Family::V6)
    );
    assert!(receive(&datagram, &Expected::anything(MULTICAST_V6)).is_ok());
    assert!(Datagram::from_ipv6(&packet[..70]).is_none());
    packet[0] = 0x45;
    assert!(Datagram::from_ipv6(&packet).is_none());
}

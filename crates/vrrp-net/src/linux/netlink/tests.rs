//! Messages byte for byte: what this machine's kernel may lack the driver for is checked here all the same.

use super::batch::{Request, messages, write};
use super::{add_address, create_link, set_ipv4};
use crate::linux::netlink::link::Ipv4Setting;
use crate::linux::netlink::{EncodeError, add_route};
use crate::{
    AddressSpec, Destination, Encap, IfIndex, IpvlanMode, Lifetime, Mac, NextHop, Route, Scope,
    VirtualLink, VirtualLinkKind,
};
use neli::{Size, ToBytes};
use std::io::Cursor;
use vrrp_proto::Family;

fn octets<P: Size + ToBytes>(request: Result<Request<P>, EncodeError>) -> Vec<u8> {
    let mut buffer = Cursor::new(Vec::new());
    write(&mut buffer, request.unwrap(), 0x0102_0304).unwrap();
    buffer.into_inner()
}

/// The parts of a message, numbers in the host's byte order.
enum Part<'a> {
    Long(u32),
    Short(u16),
    Octets(&'a [u8]),
}
use Part::{Long, Octets, Short};

fn message(parts: &[Part<'_>]) -> Vec<u8> {
    let each = parts.iter().map(|part| match part {
        Long(n) => n.to_ne_bytes().to_vec(),
        Short(n) => n.to_ne_bytes().to_vec(),
        Octets(octets) => octets.to_vec(),
    });
    each.collect::<Vec<_>>().concat()
}

fn virtual_link(kind: VirtualLinkKind, vrf: Option<u32>) -> VirtualLink {
    VirtualLink {
        name: "vrrp.51".to_owned(),
        parent: IfIndex::new(2).unwrap(),
        kind,
        family: Family::V4,
        group: None,
        vrf: vrf.and_then(IfIndex::new),
    }
}

/// RTM_NEWLINK; REQUEST, CREATE and EXCL; an ifinfomsg of zeros; IFLA_IFNAME and IFLA_LINK.
#[rustfmt::skip]
fn new_link(len: u32) -> Vec<u8> {
    message(&[
        Long(len), Short(16), Short(0x601), Long(0x0102_0304), Long(0), Octets(&[0; 16]),
        Short(12), Short(3), Octets(b"vrrp.51\0"), Short(8), Short(5), Long(2),
    ])
}

#[test]
#[rustfmt::skip]
fn macvlan() {
    let mac = Mac::new([0, 0, 0x5e, 0, 1, 51]);
    let request = create_link(&virtual_link(VirtualLinkKind::Macvlan(mac), None), 7);
    let rest = message(&[
        // IFLA_ADDRESS, IFLA_GROUP.
        Short(10), Short(1), Octets(&mac.octets()), Octets(&[0; 2]), Short(8), Short(27),
        Long(7),
        // IFLA_LINKINFO: IFLA_INFO_KIND; IFLA_INFO_DATA: IFLA_MACVLAN_MODE VEPA.
        Short(28), Short(18), Short(12), Short(1), Octets(b"macvlan\0"), Short(12),
        Short(2), Short(8), Short(1), Long(2),
    ]);
    assert_eq!(octets(request), [new_link(100), rest].concat());
}

#[test]
#[rustfmt::skip]
fn ipvlan_in_a_vrf() {
    let request = create_link(&virtual_link(VirtualLinkKind::Ipvlan(IpvlanMode::Bridge), Some(9)), 0);
    let rest = message(&[
        // IFLA_GROUP, IFLA_MASTER.
        Short(8), Short(27), Long(0), Short(8), Short(10), Long(9),
        // IFLA_LINKINFO: IFLA_INFO_KIND; IFLA_INFO_DATA: IFLA_IPVLAN_MODE L2.
        Short(28), Short(18), Short(11), Short(1), Octets(b"ipvlan\0"), Octets(&[0]),
        Short(12), Short(2), Short(6), Short(1), Short(0), Octets(&[0; 2]),
    ]);
    assert_eq!(octets(request), [new_link(96), rest].concat());
}

#[test]
#[rustfmt::skip]
fn a_private_ipvlan() {
    let request = create_link(&virtual_link(VirtualLinkKind::Ipvlan(IpvlanMode::Private), None), 7);
    let rest = message(&[
        // IFLA_GROUP.
        Short(8), Short(27), Long(7),
        // IFLA_LINKINFO: IFLA_INFO_KIND; IFLA_INFO_DATA: IFLA_IPVLAN_MODE L2, IFLA_IPVLAN_FLAGS private.
        Short(36), Short(18), Short(11), Short(1), Octets(b"ipvlan\0"), Octets(&[0]),
        Short(20), Short(2), Short(6), Short(1), Short(0), Octets(&[0; 2]),
        Short(6), Short(2), Short(1), Octets(&[0; 2]),
    ]);
    assert_eq!(octets(request), [new_link(96), rest].concat());
}

#[test]
#[rustfmt::skip]
fn ipv4_settings() {
    let settings = [(Ipv4Setting::ArpIgnore, 1), (Ipv4Setting::RpFilter, 0)];
    let want = message(&[
        Long(60), Short(19), Short(1), Long(0x0102_0304), Long(0), Octets(&[0; 4]), Long(5),
        Octets(&[0; 8]),
        // IFLA_AF_SPEC: AF_INET: IFLA_INET_CONF: one attribute for each setting.
        Short(28), Short(26), Short(24), Short(2), Short(20), Short(1), Short(8), Short(19),
        Long(1), Short(8), Short(8), Long(0),
    ]);
    assert_eq!(octets(set_ipv4(IfIndex::new(5).unwrap(), &settings)), want);
}

#[test]
#[rustfmt::skip]
fn address_with_every_attribute() {
    let spec = AddressSpec {
        prefix_len: 24,
        scope: Scope::LINK,
        label: Some("eth0:1".to_owned()),
        broadcast: Some([10, 0, 0, 255].into()),
        peer: Some([10, 0, 1, 1].into()),
        preferred: Lifetime::Seconds(0),
        ..AddressSpec::new([10, 0, 0, 70].into())
    };
    let want = message(&[
        // RTM_NEWADDR; REQUEST, CREATE and REPLACE; family, prefix, flags, scope, interface.
        Long(96), Short(20), Short(0x501), Long(0x0102_0304), Long(0),
        Octets(&[2, 24, 0, 253]), Long(5),
        // IFA_LOCAL, IFA_ADDRESS, IFA_LABEL, IFA_BROADCAST, IFA_FLAGS with NODAD.
        Short(8), Short(2), Octets(&[10, 0, 0, 70]), Short(8), Short(1),
        Octets(&[10, 0, 1, 1]), Short(11), Short(3), Octets(b"eth0:1\0\0"), Short(8),
        Short(4), Octets(&[10, 0, 0, 255]), Short(8), Short(8), Long(2),
        // IFA_CACHEINFO: preferred, valid; IFA_PROTO.
        Short(20), Short(6), Long(0), Long(u32::MAX), Long(0), Long(0), Short(5), Short(11),
        Octets(&[112, 0, 0, 0]),
    ]);
    assert_eq!(octets(add_address(IfIndex::new(5).unwrap(), &spec)), want);
}

#[test]
#[rustfmt::skip]
fn multipath_route() {
    let hop = |last, weight| NextHop {
        via: Some([10, 0, 0, last].into()),
        iface: IfIndex::new(5),
        weight,
        ..NextHop::default()
    };
    let route = Route {
        next_hops: vec![
            hop(1, Some(256)),
            NextHop {
                onlink: true,
                ..hop(2, None)
            },
        ],
        ..Route::new(
            Family::V4,
            Some(Destination {
                address: [192, 0, 2, 0].into(),
                prefix_len: 24,
            }),
        )
    };
    let want = message(&[
        Long(80), Short(24), Short(0x501), Long(0x0102_0304), Long(0),
        // struct rtmsg: main table, protocol 18, universe, unicast.
        Octets(&[2, 24, 0, 0, 254, 18, 0, 1]), Long(0), Short(8), Short(1),
        Octets(&[192, 0, 2, 0]), Short(8), Short(15), Long(254),
        // RTA_MULTIPATH: two of struct rtnexthop with RTA_GATEWAY.
        Short(36), Short(9), Short(16), Octets(&[0, 255]), Long(5), Short(8), Short(5),
        Octets(&[10, 0, 0, 1]), Short(16), Octets(&[4, 0]), Long(5), Short(8), Short(5),
        Octets(&[10, 0, 0, 2]),
    ]);
    assert_eq!(octets(add_route(&route)), want);
    let heavy = Route {
        next_hops: vec![hop(1, Some(257)), hop(2, None)],
        ..route
    };
    assert!(add_route(&heavy).is_err(), "a weight of 257");
}

/// As ip(8) encodes them: RTA_ENCAP_TYPE, and the attributes in RTA_ENCAP.
#[test]
#[rustfmt::skip]
fn encapsulations() {
    let v6 = |n: u8| [[0x20, 1, 0xd, 0xb8].as_slice(), &[0; 11], &[n]].concat();
    let ip = |family, destination: &str, source: &str| Encap::Ip {
        family,
        id: Some(42),
        destination: Some(destination.parse().unwrap()),
        source: Some(source.parse().unwrap()),
        ttl: Some(9),
        tos: Some(4),
        flags: None,
    };
    for (encap, want) in [
        (
            Encap::Mpls { labels: vec![100, 200], ttl: Some(7) },
            message(&[
                Short(6), Short(21), Short(1), Octets(&[0; 2]), Short(24), Short(22),
                Short(12), Short(1), Octets(&[0, 6, 0x40, 0, 0, 0xc, 0x81, 0]),
                Short(5), Short(2), Octets(&[7, 0, 0, 0]),
            ]),
        ),
        (
            ip(Family::V4, "192.0.2.2", "192.0.2.1"),
            message(&[
                Short(6), Short(21), Short(2), Octets(&[0; 2]), Short(48), Short(22),
                Short(12), Short(1), Octets(&[0, 0, 0, 0, 0, 0, 0, 42]), Short(8), Short(2), Octets(&[192, 0, 2, 2]),
                Short(8), Short(3), Octets(&[192, 0, 2, 1]), Short(5), Short(4), Octets(&[9, 0, 0, 0]),
                Short(5), Short(5), Octets(&[4, 0, 0, 0]),
            ]),
        ),
        (
            ip(Family::V6, "2001:db8::2", "2001:db8::1"),
            message(&[
                Short(6), Short(21), Short(4), Octets(&[0; 2]), Short(72), Short(22),
                Short(12), Short(1), Octets(&[0, 0, 0, 0, 0, 0, 0, 42]), Short(20), Short(2), Octets(&v6(2)),
                Short(20), Short(3), Octets(&v6(1)), Short(5), Short(4), Octets(&[9, 0, 0, 0]),
                Short(5), Short(5), Octets(&[4, 0, 0, 0]),
            ]),
        ),
        (
            Encap::Ila { locator: 0x0001_0002_0003_0004 },
            message(&[
                Short(6), Short(21), Short(3), Octets(&[0; 2]), Short(16), Short(22),
                Short(12), Short(1), Octets(&[0, 1, 0, 2, 0, 3, 0, 4]),
            ]),
        ),
    ] {
        let hop = NextHop { encap: Some(encap.clone()), ..NextHop::default() };
        let route = Route { next_hops: vec![hop], ..Route::new(Family::V4, None) };
        let sent = octets(add_route(&route));
        assert!(sent.windows(want.len()).any(|part| part == want), "{encap:?}: {sent:02x?}");
    }
    let hop = NextHop { encap: Some(ip(Family::V6, "192.0.2.2", "192.0.2.1")), ..NextHop::default() };
    let route = Route { next_hops: vec![hop], ..Route::new(Family::V4, None) };
    assert!(add_route(&route).is_err(), "ends of the other family");
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let long = VirtualLink {
        name: "a".repeat(16),
        ..virtual_link(VirtualLinkKind::Ipvlan(IpvlanMode::Bridge), None)
    };
    assert!(create_link(&long, 0).is_err());
    assert!(
        create_link(
            &VirtualLink {
                name: String::new(),
                ..long
            },
            0
        )
        .is_err()
    );
    let label = Some("a".repeat(16));
    let spec = AddressSpec {
        label,
        ..AddressSpec::new([10, 0, 0, 70].into())
    };
    assert!(add_address(IfIndex::new(5).unwrap(), &spec).is_err());
}

proptest::proptest! {
    /// Whatever is in a datagram, taking it apart and reading its messages ends well.
    #[test]
    fn reading_never_panics(
        head in proptest::array::uniform4(proptest::num::u8::ANY),
        octets in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        let len = u32::try_from(octets.len() + 4).unwrap_or(0);
        let whole = [&len.to_ne_bytes()[..], &octets].concat();
        for datagram in [[&head[..], &octets].concat(), whole] {
            for message in messages(&datagram) {
                let _ = super::link::read_link(message.payload);
                let _ = super::addr::read_address(message.payload);
            }
        }
    }
}

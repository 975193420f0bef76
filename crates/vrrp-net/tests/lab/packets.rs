//! Packets on the wire: what leaves, byte for byte where the kernel adds to it, and what comes in.

use crate::Case;
use crate::backend::{Node, lan, v4};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs;
use std::path::Path;
use std::time::SystemTime;
use vrrp_lab::{Capture, Frame, until};
use vrrp_net::frame::{DSCP_CS6, GratuitousArp, Ipv4Header, UnsolicitedNa};
use vrrp_net::{Listen, NetEvent, Op, OpErrorKind, Payload, Protocol, RxMeta, Transmit};
use vrrp_proto::{Endpoints, Family, GROUP_V4, GROUP_V6, Vrid};

pub(crate) const CASES: &[Case] = &[
    ("advert_v4_on_the_wire", advert_v4_on_the_wire),
    ("advert_v6_on_the_wire", advert_v6_on_the_wire),
    ("unicast_and_its_ttl", unicast_and_its_ttl),
    ("ah_is_sent_as_it_is_made", ah_is_sent_as_it_is_made),
    ("announcements_on_the_wire", announcements_on_the_wire),
    ("what_is_heard", what_is_heard),
    (
        "a_burst_of_255_is_heard_whole",
        a_burst_of_255_is_heard_whole,
    ),
    (
        "what_is_said_to_be_unreadable_is_read_next_time",
        what_is_said_to_be_unreadable_is_read_next_time,
    ),
    ("a_flood_is_filtered", a_flood_is_filtered),
    ("no_socket_is_inherited", no_socket_is_inherited),
    ("another_group", another_group),
];

const SOON: Duration = Duration::from_secs(5);
/// A VRRPv3 advertisement of virtual router 51 for 192.0.2.254, as frames.json has it.
const MESSAGE: [u8; 12] = [0x31, 0x33, 0x64, 1, 0, 100, 0xa7, 0x68, 192, 0, 2, 254];

fn send<'a>(
    node: &Node<'_>,
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    payload: Payload<'a>,
) -> Op<'a> {
    Op::SendAdvert(Transmit {
        iface: Some(node.eth0),
        ends: Endpoints::new(source, destination).unwrap(),
        hop_limit,
        payload,
    })
}

/// The one frame that `host` has sent and that `is` wanted.
fn seen(capture: &Capture, host: &str, is: impl Fn(&[u8]) -> bool) -> Frame {
    let found = until(SOON, || {
        capture
            .frames()
            .into_iter()
            .find(|frame| &*frame.host == host && is(&frame.bytes))
    });
    found.expect("the frame was not seen")
}

fn is_vrrp_v4(frame: &[u8]) -> bool {
    frame[12..14] == [8, 0] && matches!(frame[23], 112 | 51)
}

//= R9568-5.1.1.1-01 test
//= R9568-5.1.1.2-01 test
//= R9568-5.1.1.3-01 test
//= R9568-5.1.1.4-01 test
//= R9568-7.2-04 test
//= R3768-5.2-01 test
//= KA-VMAC-01 test
/// The VIP was there first, the TTL of multicast is 1 by default: neither shows. R9568-5.1.1.1-01, -5.1.1.2-01,
/// -5.1.1.3-01, -5.1.1.4-01.
fn advert_v4_on_the_wire() {
    let lab = lan(&["a"]);
    let capture = Capture::start(&lab).unwrap();
    let mut a = Node::open(&lab["a"]);
    let vip = v4(70);
    a.succeed(&[Op::AddAddress {
        iface: a.eth0,
        address: &vip,
    }]);
    let source = Ipv4Addr::new(10, 0, 0, 1);
    a.succeed(&[send(
        &a,
        source.into(),
        GROUP_V4.into(),
        255,
        Payload::Vrrp(&MESSAGE),
    )]);
    let frame = seen(&capture, "a", is_vrrp_v4).bytes;
    assert_eq!(frame[..6], [0x01, 0, 0x5e, 0, 0, 0x12], "destination MAC");
    assert_eq!(frame[6..12], a.mac.octets(), "source MAC");
    let header = Ipv4Header {
        tos: DSCP_CS6,
        payload_len: 12,
        identification: u16::from_be_bytes([frame[18], frame[19]]),
        ttl: 255,
        protocol: 112,
        source,
        destination: GROUP_V4,
    };
    assert_eq!(frame[14..34], header.emit().unwrap(), "IP header, DF clear");
    assert_eq!(frame[34..46], MESSAGE);
}

//= R9568-5.1.2.1-01 test
//= R9568-5.1.2.2-01 test
//= R9568-5.1.2.3-01 test
//= R9568-5.1.2.4-01 test
/// R9568-5.1.2.1-01, -5.1.2.2-01, -5.1.2.3-01, -5.1.2.4-01: as frames.json has it, but for the addresses.
fn advert_v6_on_the_wire() {
    let lab = lan(&["a"]);
    let capture = Capture::start(&lab).unwrap();
    let mut a = Node::open(&lab["a"]);
    let source = a.link_local();
    a.succeed(&[send(
        &a,
        source.into(),
        GROUP_V6.into(),
        255,
        Payload::Vrrp(&MESSAGE),
    )]);
    let frame = seen(&capture, "a", |f| f[12..14] == [0x86, 0xdd] && f[20] == 112).bytes;
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 0x12], "destination MAC");
    assert_eq!(
        frame[14..22],
        [0x6c, 0, 0, 0, 0, 12, 112, 255],
        "DSCP CS6, no flow label, hop limit 255"
    );
    assert_eq!(frame[22..38], source.octets());
    assert_eq!(frame[38..54], GROUP_V6.octets());
    assert_eq!(frame[54..], MESSAGE);
    let other = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x99);
    let failures = a.apply(&[send(
        &a,
        other.into(),
        GROUP_V6.into(),
        255,
        Payload::Vrrp(&MESSAGE),
    )]);
    assert_eq!(failures, [(0, OpErrorKind::NoSource)], "not our address");
}

//= KA-UNI-01 test
/// KA-UNI-01.
fn unicast_and_its_ttl() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let pairs: [(IpAddr, IpAddr); 2] = [
        ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()),
        (a.link_local().into(), b.link_local().into()),
    ];
    for (source, destination) in pairs {
        let family = Family::of(&source);
        b.succeed(&[Op::Listen(Listen {
            iface: Some(b.eth0),
            family,
            protocol: Protocol::Vrrp,
            group: None,
        })]);
        a.succeed(&[send(&a, source, destination, 64, Payload::Vrrp(&MESSAGE))]);
        let (meta, _, message) = b.packet();
        assert_eq!(
            (meta.ends.source(), meta.ends.destination()),
            (source, destination)
        );
        assert_eq!(meta.hop_limit, 64);
        assert_eq!(message, MESSAGE);
    }
    // Without an interface, the routes say where to.
    let (source, destination) = pairs[0];
    let anywhere = Transmit {
        iface: None,
        ends: Endpoints::new(source, destination).unwrap(),
        hop_limit: 255,
        payload: Payload::Vrrp(&MESSAGE),
    };
    a.succeed(&[Op::SendAdvert(anywhere)]);
    assert_eq!(b.packet().0.hop_limit, 255);
}

//= R2338-5.3.6-05 test
/// R2338-5.3.6-05: the ICV covers identification, length and TTL, so the kernel must not touch them.
fn ah_is_sent_as_it_is_made() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    b.succeed(&[Op::Listen(Listen {
        iface: Some(b.eth0),
        family: Family::V4,
        protocol: Protocol::Ah,
        group: Some(GROUP_V4.into()),
    })]);
    let source = Ipv4Addr::new(10, 0, 0, 1);
    let header = Ipv4Header {
        tos: DSCP_CS6,
        payload_len: 36,
        identification: 0x1234,
        ttl: 255,
        protocol: 51,
        source,
        destination: GROUP_V4,
    };
    let header = header.emit().unwrap();
    let payload: Vec<u8> = (0..36).collect();
    let whole = [header.as_slice(), &payload].concat();
    a.succeed(&[send(
        &a,
        source.into(),
        GROUP_V4.into(),
        255,
        Payload::Ipv4(&whole),
    )]);
    let (meta, heard, message) = b.packet();
    assert_eq!(meta.protocol, Protocol::Ah);
    assert_eq!(heard, header);
    assert_eq!(message, payload);
}

fn announcements_on_the_wire() {
    let lab = lan(&["a"]);
    let capture = Capture::start(&lab).unwrap();
    let mut a = Node::open(&lab["a"]);
    let (mac, iface) = (a.mac, a.eth0);
    let arp = GratuitousArp::new(Ipv4Addr::new(10, 0, 0, 70), mac);
    let na = UnsolicitedNa::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x70), mac);
    a.succeed(&[
        Op::GratuitousArp { iface, arp },
        Op::UnsolicitedNa { iface, na },
    ]);
    assert!(seen(&capture, "a", |f| f == arp.emit()).announces(arp.address.into()));
    assert!(seen(&capture, "a", |f| f == na.emit()).announces(na.address.into()));
}

//= HARD-NET-02 test
/// HARD-NET-02: bound to its interface, deaf to its own, and every fact about a packet is there.
fn what_is_heard() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let before = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    for node in [&mut a, &mut b] {
        let (eth0, lo) = (node.eth0, node.lo);
        for family in [Family::V4, Family::V6] {
            let listen = Listen {
                iface: Some(eth0),
                family,
                protocol: Protocol::Vrrp,
                group: Some(family.group()),
            };
            node.succeed(&[
                Op::Listen(listen),
                Op::Listen(Listen {
                    iface: Some(lo),
                    group: None,
                    ..listen
                }),
            ]);
        }
    }
    let sources: [IpAddr; 2] = [[10, 0, 0, 1].into(), a.link_local().into()];
    for source in sources {
        let group = Family::of(&source).group();
        a.succeed(&[send(&a, source, group, 255, Payload::Vrrp(&MESSAGE))]);
        let (meta, header, message) = b.packet();
        let arrived = meta.arrived.expect("the kernel stamps packets");
        assert!(arrived >= before, "{arrived:?} {before:?}");
        assert!(
            arrived
                <= SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap()
        );
        let want = RxMeta {
            iface: b.eth0,
            ends: Endpoints::new(source, group).unwrap(),
            hop_limit: 255,
            protocol: Protocol::Vrrp,
            arrived: meta.arrived,
        };
        assert_eq!(meta, want);
        assert_eq!(header.len(), if source.is_ipv4() { 20 } else { 0 });
        assert_eq!(message, MESSAGE);
    }
    // The other side answers; what was sent before that would have come back by now.
    let source = Ipv4Addr::new(10, 0, 0, 2);
    b.succeed(&[send(
        &b,
        source.into(),
        GROUP_V4.into(),
        255,
        Payload::Vrrp(&MESSAGE),
    )]);
    assert_eq!(
        a.packet().0.ends.source(),
        IpAddr::from(source),
        "our own is not read back"
    );
    assert_eq!(b.packets(), 0, "heard once, by one socket");
}

/// As many virtual routers as an interface can have, advertised in one batch and read in one turn.
fn a_burst_of_255_is_heard_whole() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    b.succeed(&[Op::Listen(Listen {
        iface: Some(b.eth0),
        family: Family::V4,
        protocol: Protocol::Vrrp,
        group: Some(GROUP_V4.into()),
    })]);
    let source = IpAddr::from([10, 0, 0, 1]);
    let messages: Vec<[u8; 12]> = (1..=255)
        .map(|vrid| {
            let mut message = MESSAGE;
            message[1] = vrid;
            message
        })
        .collect();
    let ops: Vec<_> = messages
        .iter()
        .map(|message| send(&a, source, GROUP_V4.into(), 255, Payload::Vrrp(message)))
        .collect();
    a.succeed(&ops);
    for message in &messages {
        assert_eq!(b.packet().2, message);
    }
}

/// The caller is believed once, and nothing is lost by it.
fn what_is_said_to_be_unreadable_is_read_next_time() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    b.succeed(&[Op::Listen(Listen {
        iface: Some(b.eth0),
        family: Family::V4,
        protocol: Protocol::Vrrp,
        group: Some(GROUP_V4.into()),
    })]);
    while b.next_packet().is_some() {}
    for _ in 0..3 {
        let op = send(
            &a,
            [10, 0, 0, 1].into(),
            GROUP_V4.into(),
            255,
            Payload::Vrrp(&MESSAGE),
        );
        a.succeed(&[op]);
        let mut fds = [PollFd::new(&b.linux, PollFlags::IN)];
        let longest = Timespec {
            tv_sec: 5,
            tv_nsec: 0,
        };
        assert_eq!(poll(&mut fds, Some(&longest)), Ok(1));
        b.linux.not_readable();
        assert_eq!(b.next_packet(), None);
        assert_eq!(b.packets(), 1);
    }
}

/// Bad packets are all heard until they are a flood; then good ones are, and a sample of the bad.
fn a_flood_is_filtered() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let sources: [IpAddr; 2] = [[10, 0, 0, 1].into(), a.link_local().into()];
    for source in sources {
        let family = Family::of(&source);
        let group = Some(family.group());
        let listen = Listen {
            iface: Some(b.eth0),
            family,
            protocol: Protocol::Vrrp,
            group,
        };
        let vrids = [51, 200].into_iter().filter_map(Vrid::new).collect();
        b.succeed(&[Op::Listen(listen), Op::Expect { listen, vrids }]);
        let with = |vrid: u8| {
            let mut message = MESSAGE;
            message[1] = vrid;
            message
        };
        let (good, other, bad) = (with(51), with(200), with(7));
        let few = vec![send(&a, source, family.group(), 255, Payload::Vrrp(&bad)); 150];
        let near = send(&a, source, family.group(), 254, Payload::Vrrp(&good));
        let good = send(&a, source, family.group(), 255, Payload::Vrrp(&good));
        let other = send(&a, source, family.group(), 255, Payload::Vrrp(&other));
        a.succeed(&few);
        assert_eq!(b.packets(), 150, "all are heard");
        let begins = NetEvent::Flood {
            iface: Some(b.eth0),
            family,
            filtered: true,
        };
        a.succeed(&few);
        assert_eq!(b.packets(), 150, "those that make it a flood are heard too");
        b.hears("the flood", |event| (*event == begins).then_some(()));
        // From now on a few of the bad get through, and all of the good.
        let mut many = vec![few[0].clone(); 2_000];
        many.extend(vec![near; 2_000]);
        many.extend([good, other]);
        a.succeed(&many);
        let heard: Vec<_> = core::iter::from_fn(|| b.next_packet()).collect();
        let is_good = |(meta, _, message): &&(RxMeta, Vec<u8>, Vec<u8>)| {
            meta.hop_limit == 255 && matches!(message[1], 51 | 200)
        };
        assert_eq!(heard.iter().filter(is_good).count(), 2);
        assert!(heard.len() < 100, "{} of 4,002 were heard", heard.len());
        // A virtual router that is new is known to the filter at once.
        let vrids = [51, 7].into_iter().filter_map(Vrid::new).collect();
        b.succeed(&[Op::Expect { listen, vrids }]);
        a.succeed(&few);
        assert_eq!(b.packets(), 150);
    }
}

/// Programs that are run, scripts above all, must not keep our sockets.
fn no_socket_is_inherited() {
    const CLOEXEC: u32 = 0o2_000_000;
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let source = a.link_local();
    let (iface, vip) = (a.eth0, v4(70));
    let arp = GratuitousArp::new(Ipv4Addr::new(10, 0, 0, 70), a.mac);
    let listen = |family: Family, protocol| {
        Op::Listen(Listen {
            iface: Some(iface),
            family,
            protocol,
            group: Some(family.group()),
        })
    };
    a.succeed(&[
        listen(Family::V4, Protocol::Vrrp),
        listen(Family::V4, Protocol::Ah),
        listen(Family::V6, Protocol::Vrrp),
        Op::AddAddress {
            iface,
            address: &vip,
        },
        Op::SetAccept {
            iface,
            address: vip.address,
            accept: false,
        },
        Op::GratuitousArp { iface, arp },
        send(
            &a,
            Ipv4Addr::new(10, 0, 0, 1).into(),
            GROUP_V4.into(),
            255,
            Payload::Vrrp(&MESSAGE),
        ),
        send(
            &a,
            source.into(),
            GROUP_V6.into(),
            255,
            Payload::Vrrp(&MESSAGE),
        ),
    ]);
    let mut judged = 0;
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let entry = entry.unwrap();
        // Other cases open and close theirs meanwhile.
        let Ok(target) = fs::read_link(entry.path()) else {
            continue;
        };
        let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
        let Ok(info) = fs::read_to_string(info) else {
            continue;
        };
        if target.to_string_lossy().starts_with("socket:") {
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .unwrap();
            let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
            assert_ne!(flags & CLOEXEC, 0, "{target:?} would be inherited");
            judged += 1;
        }
    }
    assert!(judged >= 10, "only {judged} sockets");
}

//= KA-CFG-05 test
/// `vrrp_mcast_group4`, `vrrp_mcast_group6`, `mcast_dst_ip`.
fn another_group() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let pairs: [(IpAddr, IpAddr); 2] = [
        ([10, 0, 0, 1].into(), [224, 0, 0, 99].into()),
        (
            a.link_local().into(),
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x99).into(),
        ),
    ];
    for (source, group) in pairs {
        let usual = Listen {
            iface: Some(b.eth0),
            family: Family::of(&source),
            protocol: Protocol::Vrrp,
            group: Some(Family::of(&source).group()),
        };
        let to = |group| send(&a, source, group, 255, Payload::Vrrp(&MESSAGE));
        let (to_other, to_usual) = (to(group), to(usual.group.unwrap()));
        b.succeed(&[Op::Listen(usual)]);
        a.succeed(&[to_other.clone(), to_usual.clone()]);
        assert_eq!(
            b.packet().0.ends.destination(),
            usual.group.unwrap(),
            "joined this one only"
        );
        b.succeed(&[
            Op::Listen(Listen {
                group: Some(group),
                ..usual
            }),
            Op::Unlisten(usual),
        ]);
        a.succeed(&[to_usual, to_other]);
        assert_eq!(
            b.packet().0.ends.destination(),
            group,
            "and then the other one"
        );
    }
}

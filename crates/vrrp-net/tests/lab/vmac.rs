//! Virtual MAC addresses: one for the VIP on the LAN, whoever is Active.

use crate::Case;
use crate::backend::{Node, SOON, lan};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::fs;
use std::time::SystemTime;
use vrrp_lab::{Capture, Cidr, Host, HostPlan, Plan, Probe, Seen, until};
use vrrp_net::frame::{GratuitousArp, UnsolicitedNa};
use vrrp_net::{
    AddressSpec, Backend, Destination, IfIndex, IpvlanMode, Mac, NetEvent, NextHop, Op,
    OpErrorKind, Payload, Route, Transmit, VirtualLink, VirtualLinkKind,
};
use vrrp_proto::{Endpoints, Family, GROUP_V4, VirtualMac, Vrid};

pub(crate) const CASES: &[Case] = &[
    (
        "vmac_moves_without_a_change_of_mac",
        vmac_moves_without_a_change_of_mac,
    ),
    (
        "vmac_answers_solicitations_as_a_router",
        vmac_answers_solicitations_as_a_router,
    ),
    ("vmac_settings_and_their_end", vmac_settings_and_their_end),
    ("vmac_that_exists", vmac_that_exists),
    (
        "vmac_forwards_while_active_alone",
        vmac_forwards_while_active_alone,
    ),
    ("ipvlan_is_refused_clearly", ipvlan_is_refused_clearly),
];

const VIP4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 70);
const VIP6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x70);

fn mac(family: Family) -> Mac {
    VirtualMac::new(family, Vrid::new(51).unwrap()).into()
}

fn wanted(node: &Node<'_>, family: Family) -> VirtualLink {
    VirtualLink {
        name: "vrrp.51".to_owned(),
        parent: node.eth0,
        kind: VirtualLinkKind::Macvlan(mac(family)),
        family,
        group: None,
        vrf: None,
    }
}

/// A router with its virtual interface, Backup so far.
struct Router<'a> {
    node: Node<'a>,
    vmac: IfIndex,
    family: Family,
}

impl<'a> Router<'a> {
    fn new(host: &'a Host, family: Family) -> Self {
        let mut node = Node::open(host);
        let link = wanted(&node, family);
        node.succeed(&[Op::CreateLink(&link)]);
        let vmac = node.hears("the new interface", |event| match event {
            NetEvent::Link(link) if link.name == "vrrp.51" => Some(link.clone()),
            _ => None,
        });
        assert_eq!(
            (vmac.mac, vmac.parent, vmac.up),
            (Some(mac(family)), Some(node.eth0), false)
        );
        Self {
            node,
            vmac: vmac.index,
            family,
        }
    }

    fn vip(&self) -> AddressSpec {
        AddressSpec::new(match self.family {
            Family::V4 => VIP4.into(),
            Family::V6 => VIP6.into(),
        })
    }

    fn announce(&self) -> Op<'static> {
        let (iface, mac) = (self.vmac, mac(self.family));
        match self.family {
            Family::V4 => Op::GratuitousArp {
                iface,
                arp: GratuitousArp::new(VIP4, mac),
            },
            Family::V6 => Op::UnsolicitedNa {
                iface,
                na: UnsolicitedNa::new(VIP6, mac),
            },
        }
    }

    fn become_active(&mut self) {
        let (iface, vip) = (self.vmac, self.vip());
        let announce = self.announce();
        self.node.succeed(&[
            Op::SetLink { iface, up: true },
            Op::AddAddress {
                iface,
                address: &vip,
            },
            announce,
        ]);
    }

    fn become_backup(&mut self) {
        let (iface, vip) = (self.vmac, self.vip());
        self.node.succeed(&[
            Op::RemoveAddress {
                iface,
                address: &vip,
            },
            Op::SetLink { iface, up: false },
        ]);
    }
}

//= R9568-6.4.2-01 test
//= R9568-6.4.3-01 test
//= R9568-7.2-02 test
//= R9568-8.1.2-01 test
//= R3768-7.2-01 test
/// R9568-6.4.2-01, -6.4.3-01, -7.2-02, -8.1.2-01: the Active answers with the virtual MAC alone, a Backup not at all.
fn vmac_moves_without_a_change_of_mac() {
    let lab = lan(&["r1", "r2", "client"]);
    let capture = Capture::start(&lab).unwrap();
    let mut r1 = Router::new(&lab["r1"], Family::V4);
    let mut r2 = Router::new(&lab["r2"], Family::V4);
    r1.become_active();
    // Not before: the announcement would answer the question that the client is to ask.
    let probe = Probe::start(&lab["client"], VIP4.into(), Duration::from_millis(10)).unwrap();
    until(SOON, || probe.answered().then_some(())).expect("no answer from the first router");
    // Adverts leave by the virtual interface, from the parent's address: source MAC and source IP of the RFC.
    let source = Ipv4Addr::new(10, 0, 0, 1);
    r1.node.succeed(&[Op::SendAdvert(Transmit {
        iface: Some(r1.vmac),
        ends: Endpoints::V4 {
            source,
            destination: GROUP_V4,
        },
        hop_limit: 255,
        payload: Payload::Vrrp(&[0x31, 51, 100, 1, 0, 100, 0, 0, 10, 0, 0, 70]),
    })]);
    let advert = capture
        .wait(SystemTime::UNIX_EPOCH, SOON, |f| f.advert().is_some())
        .unwrap();
    assert_eq!(advert.advert().unwrap().mac, mac(Family::V4).octets());
    assert_eq!(advert.advert().unwrap().ends.source(), IpAddr::from(source));

    r1.become_backup();
    r2.become_active();
    let moved = SystemTime::now();
    until(SOON, || {
        probe
            .pings()
            .iter()
            .any(|p| p.sent > moved && p.answered.is_some())
            .then_some(())
    })
    .expect("no answer from the second router");
    let answers: Vec<_> = capture
        .frames()
        .iter()
        .filter_map(|frame| match frame.seen {
            Seen::Arp {
                request: false,
                mac,
                sender,
                ..
            } if sender == VIP4 => Some((frame.host.to_string(), mac, frame.bytes[6..12].to_vec())),
            _ => None,
        })
        .collect();
    let claims: Vec<_> = capture
        .frames()
        .iter()
        .filter_map(|frame| match frame.seen {
            Seen::Arp { mac, sender, .. } if sender == VIP4 => Some(mac),
            _ => None,
        })
        .collect();
    assert!(
        claims
            .iter()
            .all(|claim| *claim == mac(Family::V4).octets()),
        "{claims:?}"
    );
    assert!(!answers.is_empty(), "nobody answered ARP for the VIP");
    for (host, sender, source) in &answers {
        assert_eq!(
            *sender,
            mac(Family::V4).octets(),
            "{host} answered with its own MAC"
        );
        assert_eq!(
            source,
            &mac(Family::V4).octets(),
            "{host} answered from its own MAC"
        );
    }
    let others = answers
        .iter()
        .filter(|(host, ..)| host == "r2" || host == "client")
        .count();
    assert_eq!(
        others, 0,
        "only r1 was asked: the client's cache stayed right: {answers:?}"
    );
}

//= R9568-6.4.3-03 test
//= R9568-6.4.3-02 test
//= R9568-7.4-01 test
//= R9568-8.2.2-01 test
//= R9568-6.4.2-02 test
/// R9568-6.4.3-03, -7.4-01.
fn vmac_answers_solicitations_as_a_router() {
    let lab = lan(&["r1", "r2", "client"]);
    let capture = Capture::start(&lab).unwrap();
    let mut r1 = Router::new(&lab["r1"], Family::V6);
    let _backup = Router::new(&lab["r2"], Family::V6);
    r1.become_active();
    let mut client = Node::open(&lab["client"]);
    client.link_local();
    // The kernel has to resolve the address before it can send: an echo request is not needed for that.
    let asked = until(SOON, || {
        let socket = lab["client"].run(|| {
            let socket = std::net::UdpSocket::bind("[::]:0")?;
            let to = core::net::SocketAddrV6::new(VIP6, 9, 0, client.eth0.get());
            socket.send_to(&[0], to)
        });
        socket.unwrap().ok()
    });
    asked.expect("cannot send");
    let answer = until(SOON, || {
        capture.frames().into_iter().find(|frame| {
            matches!(frame.seen, Seen::NeighborAdvertisement { target, solicited: true, .. } if target == VIP6)
        })
    })
    .expect("nobody answered the solicitation");
    assert_eq!(&*answer.host, "r1");
    assert_eq!(
        answer.bytes[6..12],
        mac(Family::V6).octets(),
        "from the virtual MAC"
    );
    assert_eq!(
        answer.bytes[58] & 0xe0,
        0xe0,
        "router, solicited, override: {:#x}",
        answer.bytes[58]
    );
    assert_eq!(
        answer.bytes[80..86],
        mac(Family::V6).octets(),
        "target link-layer address"
    );
    let made_up = r1
        .node
        .linux
        .links()
        .find(|link| link.name == "vrrp.51")
        .unwrap()
        .index;
    while r1.node.packets() > 0 {}
    let addresses: Vec<_> = r1
        .node
        .told
        .iter()
        .filter_map(|event| match event {
            NetEvent::AddressAdded { record, .. } if record.iface == made_up => {
                Some(record.address)
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        addresses,
        [IpAddr::from(VIP6)],
        "no address was made from the virtual MAC"
    );
}

fn setting(host: &Host, path: &str) -> String {
    let path = format!("/proc/sys/net/{path}");
    host.run(|| fs::read_to_string(path))
        .unwrap()
        .unwrap()
        .trim()
        .to_owned()
}

fn vmac_settings_and_their_end() {
    let lab = lan(&["r1"]);
    let host = &lab["r1"];
    host.run(|| {
        fs::write("/proc/sys/net/ipv4/conf/all/rp_filter", "1").unwrap();
        fs::write("/proc/sys/net/ipv4/conf/eth0/rp_filter", "0").unwrap();
    })
    .unwrap();
    let mut r1 = Router::new(host, Family::V4);
    let expected = [
        ("ipv4/conf/vrrp.51/arp_ignore", "1"),
        ("ipv4/conf/vrrp.51/accept_local", "1"),
        ("ipv4/conf/vrrp.51/rp_filter", "0"),
        ("ipv4/conf/vrrp.51/promote_secondaries", "1"),
        ("ipv6/conf/vrrp.51/disable_ipv6", "1"),
        ("ipv4/conf/eth0/arp_ignore", "1"),
        ("ipv4/conf/eth0/arp_filter", "1"),
        ("ipv4/conf/eth0/arp_announce", "2"),
        ("ipv4/conf/eth0/rp_filter", "1"),
        ("ipv4/conf/all/rp_filter", "0"),
    ];
    for (path, value) in expected {
        assert_eq!(setting(host, path), value, "{path}");
    }
    for _ in 0..2 {
        r1.node.succeed(&[Op::RemoveLink { iface: r1.vmac }]);
    }
    r1.node
        .hears("the end of the interface", |event| match event {
            NetEvent::LinkGone { name, .. } if name == "vrrp.51" => Some(()),
            _ => None,
        });
    let restored = [
        ("ipv4/conf/eth0/arp_ignore", "0"),
        ("ipv4/conf/eth0/arp_filter", "0"),
        ("ipv4/conf/eth0/arp_announce", "0"),
        ("ipv4/conf/eth0/rp_filter", "0"),
        ("ipv4/conf/all/rp_filter", "1"),
    ];
    for (path, value) in restored {
        assert_eq!(setting(host, path), value, "{path} afterwards");
    }
}

/// What is as wanted is kept, what is not is replaced, what is somebody else's is left alone.
fn vmac_that_exists() {
    let lab = lan(&["r1"]);
    let first = Router::new(&lab["r1"], Family::V4);
    let kept = first.vmac;
    drop(first);
    let mut second = Router::new(&lab["r1"], Family::V4);
    assert_eq!(second.vmac, kept, "a matching interface is used again");
    let other = VirtualLink {
        kind: VirtualLinkKind::Macvlan(Mac::new([2, 0, 0, 0, 0, 0x51])),
        ..wanted(&second.node, Family::V4)
    };
    second.node.succeed(&[Op::CreateLink(&other)]);
    second.node.hears("a new one instead", |event| match event {
        NetEvent::Link(link) if link.name == "vrrp.51" && link.index != kept => Some(()),
        _ => None,
    });
    let taken = VirtualLink {
        name: "eth0".to_owned(),
        ..wanted(&second.node, Family::V4)
    };
    assert_eq!(
        second.node.apply(&[Op::CreateLink(&taken)]),
        [(0, OpErrorKind::Exists)]
    );
    let long = VirtualLink {
        name: "a-name-of-20-octets!".to_owned(),
        ..taken
    };
    assert_eq!(
        second.node.apply(&[Op::CreateLink(&long)]),
        [(0, OpErrorKind::Invalid)]
    );
}

/// Kernels without ipvlan say so in the error; one that has it makes the interface.
fn ipvlan_is_refused_clearly() {
    let lab = lan(&["r1"]);
    let mut node = Node::open(&lab["r1"]);
    let link = VirtualLink {
        kind: VirtualLinkKind::Ipvlan(IpvlanMode::Bridge),
        ..wanted(&node, Family::V4)
    };
    let mut told = None;
    let linux = &mut node.linux;
    lab["r1"]
        .run(|| linux.apply_all(&[Op::CreateLink(&link)], &mut |_, error| told = Some(error)))
        .unwrap();
    if let Some(error) = told {
        assert_eq!(error.kind, OpErrorKind::NotSupported);
        assert!(
            error.to_string().starts_with("this kernel has no ipvlan"),
            "{error}"
        );
    }
}

//= R9568-6.4.2-04 test
//= R9568-6.4.2-05 test
//= R9568-6.4.3-06 test
/// A host goes on sending to the virtual MAC for a while, whoever listens.
fn vmac_forwards_while_active_alone() {
    let cidr = |text: &str| text.parse::<Cidr>().unwrap();
    let lab = Plan::new()
        .ipv6(true)
        .host(
            HostPlan::new("r1")
                .interface("eth0", "a", [cidr("10.0.0.1/24")])
                .interface("eth1", "b", [cidr("10.0.1.1/24")]),
        )
        .host(HostPlan::new("client").interface("eth0", "a", [cidr("10.0.0.3/24")]))
        .host(HostPlan::new("server").interface("eth0", "b", [cidr("10.0.1.3/24")]))
        .build()
        .unwrap();
    lab["r1"]
        .run(|| fs::write("/proc/sys/net/ipv4/ip_forward", "1"))
        .unwrap()
        .unwrap();
    let mut r1 = Router::new(&lab["r1"], Family::V4);
    let route = |third, via: [u8; 4]| Route {
        next_hops: vec![NextHop {
            via: Some(via.into()),
            ..NextHop::default()
        }],
        ..Route::new(
            Family::V4,
            Some(Destination {
                address: [10, 0, third, 0].into(),
                prefix_len: 24,
            }),
        )
    };
    Node::open(&lab["client"]).succeed(&[Op::AddRoute(&route(1, VIP4.octets()))]);
    Node::open(&lab["server"]).succeed(&[Op::AddRoute(&route(0, [10, 0, 1, 1]))]);
    let ping = |target: [u8; 4]| {
        Probe::start(&lab["client"], target.into(), Duration::from_millis(10)).unwrap()
    };
    let (through, to_vip) = (ping([10, 0, 1, 3]), ping(VIP4.octets()));
    let answered = |probe: &Probe, longest| {
        let since = SystemTime::now();
        let any = || {
            probe
                .pings()
                .iter()
                .any(|p| p.sent >= since && p.answered.is_some())
        };
        until(longest, || any().then_some(())).is_some()
    };
    let silence = Duration::from_millis(300);
    for _ in 0..2 {
        r1.become_active();
        assert!(answered(&through, SOON), "the Active forwards");
        assert!(answered(&to_vip, SOON), "the Active answers");
        r1.become_backup();
        assert!(!answered(&through, silence), "a Backup does not forward");
        assert!(!answered(&to_vip, silence), "a Backup does not answer");
    }
}

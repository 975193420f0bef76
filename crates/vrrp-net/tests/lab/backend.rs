//! The contract on Linux, and what only a real kernel can show of it.

use crate::Case;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::thread;
use vrrp_lab::{Host, HostPlan, Lab, Plan, Probe, until};
use vrrp_net::frame::GratuitousArp;
use vrrp_net::linux::Linux;
use vrrp_net::{
    AddressSpec, AddressState, Backend, IfIndex, Mac, NeighbourState, NetEvent, NextHop, Op,
    OpError, OpErrorKind, Route, RxMeta, RxRing,
};
use vrrp_proto::Family;

pub(crate) const CASES: &[Case] = &[
    ("conformance", conformance),
    ("marks_tell_ours_from_theirs", marks_tell_ours_from_theirs),
    (
        "a_lost_notification_is_made_good",
        a_lost_notification_is_made_good,
    ),
    ("neighbours_are_told", neighbours_are_told),
    (
        "a_refusal_has_the_kernels_words",
        a_refusal_has_the_kernels_words,
    ),
];

pub(crate) const SOON: Duration = Duration::from_secs(5);

/// A LAN of such hosts, 10.0.0.1/24 and so on, that speaks IPv6 too.
pub(crate) fn lan(names: &[&str]) -> Lab {
    let plan = names
        .iter()
        .zip(1..)
        .fold(Plan::new().ipv6(true), |plan, (name, last)| {
            let address = format!("10.0.0.{last}/24").parse().unwrap();
            plan.host(HostPlan::new(*name).interface("eth0", "lan", [address]))
        });
    plan.build().unwrap()
}

pub(crate) fn v4(last: u8) -> AddressSpec {
    AddressSpec::new(Ipv4Addr::new(10, 0, 0, last).into())
}

pub(crate) fn v6(last: u16) -> AddressSpec {
    AddressSpec::new(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into())
}

/// The backend at work in a host.
pub(crate) struct Node<'a> {
    pub(crate) linux: Linux,
    /// Sockets are opened when they are needed, so operations run in here.
    host: &'a Host,
    ring: RxRing,
    /// All that was told so far, packets aside.
    pub(crate) told: Vec<NetEvent<'static>>,
    pub(crate) eth0: IfIndex,
    pub(crate) lo: IfIndex,
    pub(crate) mac: Mac,
}

impl<'a> Node<'a> {
    pub(crate) fn open(host: &'a Host) -> Self {
        let linux = host.run(Linux::open).unwrap().unwrap();
        let link = |name| {
            linux
                .links()
                .find(|link| link.name == name)
                .unwrap()
                .clone()
        };
        let (eth0, lo) = (link("eth0"), link("lo"));
        let (ring, told) = (RxRing::new(), Vec::new());
        let mac = eth0.mac.unwrap();
        Self {
            host,
            ring,
            told,
            eth0: eth0.index,
            lo: lo.index,
            mac,
            linux,
        }
    }

    fn try_all(&mut self, ops: &[Op<'_>]) -> Vec<(usize, OpError)> {
        let Self { linux, host, .. } = self;
        let mut failures = Vec::new();
        host.run(|| linux.apply_all(ops, &mut |at, error| failures.push((at, error))))
            .unwrap();
        failures
    }

    pub(crate) fn apply(&mut self, ops: &[Op<'_>]) -> Vec<(usize, OpErrorKind)> {
        self.try_all(ops)
            .into_iter()
            .map(|(at, error)| (at, error.kind))
            .collect()
    }

    pub(crate) fn succeed(&mut self, ops: &[Op<'_>]) {
        if let Some((at, error)) = self.try_all(ops).first() {
            panic!("{:?}: {error}", ops[*at]);
        }
    }

    /// Takes in all there is, and answers the first packet.
    pub(crate) fn next_packet(&mut self) -> Option<(RxMeta, Vec<u8>, Vec<u8>)> {
        while let Some(event) = self.linux.poll_event(&mut self.ring).unwrap() {
            match event {
                NetEvent::Packet(packet) => {
                    return Some((packet.meta, packet.header.to_vec(), packet.message.to_vec()));
                }
                other => self.told.push(owned(other)),
            }
        }
        None
    }

    /// The next packet: what is known of it, its IP header, its message.
    pub(crate) fn packet(&mut self) -> (RxMeta, Vec<u8>, Vec<u8>) {
        until(SOON, || self.next_packet()).expect("no packet came")
    }

    /// How many packets are waiting.
    pub(crate) fn packets(&mut self) -> usize {
        core::iter::from_fn(|| self.next_packet()).count()
    }

    /// Waits for an event.
    pub(crate) fn hears<T>(&mut self, what: &str, is: impl Fn(&NetEvent<'_>) -> Option<T>) -> T {
        until(SOON, || {
            while self.next_packet().is_some() {}
            self.told.iter().find_map(&is)
        })
        .unwrap_or_else(|| panic!("{what} was not told; told: {:#?}", self.told))
    }

    /// The link-local address, when it may be used.
    pub(crate) fn link_local(&mut self) -> Ipv6Addr {
        let eth0 = self.eth0;
        self.hears("a link-local address", |event| match event {
            NetEvent::AddressAdded { record, .. }
                if record.iface == eth0 && record.state == AddressState::Usable =>
            {
                match record.address {
                    IpAddr::V6(address) if address.is_unicast_link_local() => Some(address),
                    _ => None,
                }
            }
            _ => None,
        })
    }
}

/// The event without the packets that it could be.
fn owned(event: NetEvent<'_>) -> NetEvent<'static> {
    match event {
        NetEvent::Packet(_) => unreachable!("taken apart before"),
        NetEvent::Unreadable { iface, why } => NetEvent::Unreadable { iface, why },
        NetEvent::Link(link) => NetEvent::Link(link),
        NetEvent::LinkGone { index, name } => NetEvent::LinkGone { index, name },
        NetEvent::AddressAdded { record, by } => NetEvent::AddressAdded { record, by },
        NetEvent::AddressRemoved { record, by } => NetEvent::AddressRemoved { record, by },
        NetEvent::RouteRemoved { route, by } => NetEvent::RouteRemoved { route, by },
        NetEvent::RuleRemoved { rule, by } => NetEvent::RuleRemoved { rule, by },
        NetEvent::Conflict {
            iface,
            address,
            mac,
        } => NetEvent::Conflict {
            iface,
            address,
            mac,
        },
        NetEvent::Flood {
            iface,
            family,
            filtered,
        } => NetEvent::Flood {
            iface,
            family,
            filtered,
        },
        NetEvent::Neighbour(neighbour) => NetEvent::Neighbour(neighbour),
        NetEvent::NeighbourGone(neighbour) => NetEvent::NeighbourGone(neighbour),
        NetEvent::Resync => NetEvent::Resync,
        NetEvent::Synced => NetEvent::Synced,
    }
}

//= R9568-8.2.2-04 test
fn conformance() {
    let lab = lan(&["a"]);
    let passed = lab["a"]
        .run(|| {
            let mut linux = Linux::open().unwrap();
            vrrp_net::conformance::check(&mut linux, "eth0", |_| {
                thread::sleep(Duration::from_millis(1));
            })
        })
        .unwrap();
    assert_eq!(passed, Ok(14));
}

/// A process that was killed leaves its addresses behind; the next one finds those, and only those.
fn marks_tell_ours_from_theirs() {
    assert!(
        Linux::marks_addresses(),
        "this kernel is too old for the test"
    );
    let lab = lan(&["a"]);
    let mut first = Node::open(&lab["a"]);
    let (iface, ours) = (first.eth0, [v4(70), v6(70)]);
    for address in &ours {
        first.succeed(&[Op::AddAddress { iface, address }]);
    }
    drop(first);
    let mut second = Node::open(&lab["a"]);
    second.hears("the end of the list", |event| {
        (*event == NetEvent::Synced).then_some(())
    });
    let marked = |told: &[NetEvent<'_>]| {
        let mut marked: Vec<_> = told
            .iter()
            .filter_map(|event| match event {
                NetEvent::AddressAdded { record, .. } if record.ours => Some(record.address),
                _ => None,
            })
            .collect();
        marked.sort();
        marked
    };
    assert_eq!(marked(&second.told), ours.map(|spec| spec.address));
    assert!(second.told.iter().any(|event| matches!(event,
        NetEvent::AddressAdded { record, .. } if record.address == IpAddr::from([10, 0, 0, 1]) && !record.ours)));
}

/// More changes than any receive buffer holds: the whole state is told once more, and it is right.
fn a_lost_notification_is_made_good() {
    let lab = lan(&["a"]);
    let mut watcher = Node::open(&lab["a"]);
    let mut busy = Node::open(&lab["a"]);
    watcher.link_local();
    watcher.told.clear();
    let (iface, last) = (busy.eth0, v4(251));
    let specs: Vec<_> = (100..250).map(v4).collect();
    let add: Vec<_> = specs
        .iter()
        .map(|address| Op::AddAddress { iface, address })
        .collect();
    let remove: Vec<_> = specs
        .iter()
        .map(|address| Op::RemoveAddress { iface, address })
        .collect();
    for _ in 0..60 {
        busy.succeed(&add);
        busy.succeed(&remove);
    }
    busy.succeed(&[Op::AddAddress {
        iface,
        address: &last,
    }]);
    watcher.hears("Resync", |event| (*event == NetEvent::Resync).then_some(()));
    watcher.hears("Synced", |event| (*event == NetEvent::Synced).then_some(()));
    until(SOON, || {
        while watcher.next_packet().is_some() {}
        let mut there: Vec<IpAddr> = Vec::new();
        for event in &watcher.told {
            match event {
                NetEvent::Resync => there.clear(),
                NetEvent::AddressAdded { record, .. } if record.iface == iface => {
                    there.retain(|address| *address != record.address);
                    there.push(record.address);
                }
                NetEvent::AddressRemoved { record, .. } => {
                    there.retain(|address| *address != record.address);
                }
                _ => {}
            }
        }
        there.retain(IpAddr::is_ipv4);
        there.sort();
        (there == [[10, 0, 0, 1].into(), last.address]).then_some(())
    })
    .expect("the picture is not right");
}

/// The table as it is, then what changes in it: an answer, another hardware address, an end.
fn neighbours_are_told() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let (address, iface, before) = (IpAddr::from([10, 0, 0, 2]), a.eth0, b.mac);
    let probe = Probe::start(&lab["a"], address, Duration::from_millis(20)).unwrap();
    let answered = || probe.pings().iter().any(|ping| ping.answered.is_some());
    until(SOON, || answered().then_some(())).expect("an answer");
    assert!(
        !a.told
            .iter()
            .any(|event| matches!(event, NetEvent::Neighbour(_)))
    );
    a.host.run(|| a.linux.watch_neighbours()).unwrap().unwrap();
    let at = |mac| {
        move |event: &NetEvent<'_>| match event {
            NetEvent::Neighbour(told) if told.iface == iface && told.address == address => {
                (told.mac == Some(mac)).then_some(told.state)
            }
            _ => None,
        }
    };
    let state = a.hears("the neighbour", at(before));
    assert_ne!(state, NeighbourState::Asked);

    // A gratuitous ARP of its new hardware address.
    let mac = Mac::new([2, 0, 0, 0, 0, 0x77]);
    let arp = GratuitousArp::new([10, 0, 0, 2].into(), mac);
    let iface = b.eth0;
    b.succeed(&[Op::SetMac { iface, mac }]);
    until(2 * SOON, || {
        b.succeed(&[Op::GratuitousArp { iface, arp }]);
        while a.next_packet().is_some() {}
        a.told.iter().find_map(at(mac))
    })
    .unwrap_or_else(|| panic!("told: {:#?}", a.told));

    drop(probe);
    a.succeed(&[Op::SetLink {
        iface: a.eth0,
        up: false,
    }]);
    a.hears("its end", |event| match event {
        NetEvent::NeighbourGone(told) if told.address == address => Some(()),
        _ => None,
    });
}

/// Each refusal says what the kernel says about it, and about its own request alone.
fn a_refusal_has_the_kernels_words() {
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let iface = a.eth0;
    let gateway = |via| Route {
        next_hops: vec![NextHop {
            iface: Some(iface),
            via: Some(via),
            ..NextHop::default()
        }],
        ..Route::new(Family::V4, None)
    };
    let (near, far) = (
        gateway([10, 0, 0, 9].into()),
        gateway([203, 0, 113, 1].into()),
    );
    let fine = v4(70);
    let failures = a.try_all(&[
        Op::AddRoute(&far),
        Op::AddAddress {
            iface,
            address: &fine,
        },
        Op::AddRoute(&near),
    ]);
    let [(0, error)] = failures.as_slice() else {
        panic!("{failures:?}")
    };
    assert!(
        error.to_string().contains("Nexthop has invalid gateway"),
        "{error}"
    );
}

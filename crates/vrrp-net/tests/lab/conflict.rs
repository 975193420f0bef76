//! Somebody else on the link has our address.

use crate::Case;
use crate::backend::{Node, lan, v4, v6};
use core::net::IpAddr;
use vrrp_net::frame::{GratuitousArp, UnsolicitedNa};
use vrrp_net::{AddressSpec, NetEvent, Op};

pub(crate) const CASES: &[Case] = &[("a_conflict_is_told", a_conflict_is_told)];

fn announcement(node: &Node<'_>, address: IpAddr) -> Op<'static> {
    let (iface, mac) = (node.eth0, node.mac);
    match address {
        IpAddr::V4(address) => Op::GratuitousArp {
            iface,
            arp: GratuitousArp::new(address, mac),
        },
        IpAddr::V6(address) => Op::UnsolicitedNa {
            iface,
            na: UnsolicitedNa::new(address, mac),
        },
    }
}

fn a_conflict_is_told() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    b.link_local();
    let iface = a.eth0;
    let claimed = |a: &mut Node<'_>, spec: &AddressSpec, mac| {
        let conflict = NetEvent::Conflict {
            iface,
            address: spec.address,
            mac,
        };
        a.hears("the conflict", |event| (*event == conflict).then_some(()));
    };
    for (mine, last) in [(v4(70), v4(71)), (v6(0x70), v6(0x71))] {
        for spec in [&mine, &last] {
            a.succeed(&[Op::AddAddress {
                iface,
                address: spec,
            }]);
        }
        // The filter is set when events are asked for.
        assert_eq!(a.packets(), 0);
        // What is announced of others, and by ourselves, is none; the last one is.
        a.succeed(&[announcement(&a, mine.address)]);
        b.succeed(&[
            announcement(&b, v4(99).address),
            announcement(&b, v6(99).address),
        ]);
        b.succeed(&[announcement(&b, last.address)]);
        claimed(&mut a, &last, b.mac);
        let told = a
            .told
            .iter()
            .filter(|event| matches!(event, NetEvent::Conflict { .. }));
        assert_eq!(told.count(), 1, "{:?}", a.told);
        a.told.clear();
        // Given up, it is no longer ours to quarrel about.
        a.succeed(&[Op::RemoveAddress {
            iface,
            address: &last,
        }]);
        assert_eq!(a.packets(), 0);
        b.succeed(&[
            announcement(&b, last.address),
            announcement(&b, mine.address),
        ]);
        claimed(&mut a, &mine, b.mac);
        let told = a
            .told
            .iter()
            .filter(|event| matches!(event, NetEvent::Conflict { .. }));
        assert_eq!(told.count(), 1, "{:?}", a.told);
        a.told.clear();
    }
}

//! Interfaces that come, go, flap and change their names, and addresses that go with them or are taken away.

use crate::Case;
use crate::backend::{Node, SOON, lan, v4, v6};
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;
use vrrp_lab::{Host, until};
use vrrp_net::{
    AddressSpec, Author, Destination, IfIndex, Listen, Mac, NetEvent, NextHop, Op, OpErrorKind,
    Payload, Protocol, Route, Transmit, VirtualLink, VirtualLinkKind,
};
use vrrp_proto::{Endpoints, Family};

pub(crate) const CASES: &[Case] = &[
    (
        "an_interface_made_again_is_a_new_one",
        an_interface_made_again_is_a_new_one,
    ),
    ("a_link_that_flaps", a_link_that_flaps),
    ("a_parent_that_flaps", a_parent_that_flaps),
    ("a_new_name_is_told", a_new_name_is_told),
    (
        "an_interface_moved_away_is_gone",
        an_interface_moved_away_is_gone,
    ),
    (
        "changes_of_others_do_not_hold_up_adverts",
        changes_of_others_do_not_hold_up_adverts,
    ),
    (
        "an_address_taken_by_others_is_told_at_once",
        an_address_taken_by_others_is_told_at_once,
    ),
];

/// Lines of a file of /proc/net in the host, but for its heading.
fn proc_net(host: &Host, file: &str) -> usize {
    let path = format!("/proc/thread-self/net/{file}");
    host.run(|| fs::read_to_string(path))
        .unwrap()
        .unwrap()
        .lines()
        .count()
        - 1
}

fn listens(iface: IfIndex) -> [Listen; 2] {
    [Family::V4, Family::V6].map(|family| Listen {
        iface: Some(iface),
        family,
        protocol: Protocol::Vrrp,
        group: Some(family.group()),
    })
}

/// An advertisement of `node` to the group.
fn advert(node: &Node<'_>, source: IpAddr) -> Op<'static> {
    Op::SendAdvert(Transmit {
        iface: Some(node.eth0),
        ends: Endpoints::new(source, Family::of(&source).group()).unwrap(),
        hop_limit: 255,
        payload: Payload::Vrrp(&[0x31, 51, 100, 1, 0, 100, 0, 0, 10, 0, 0, 70]),
    })
}

/// `b` advertises until `a` hears it by `iface`: a bridge's port forwards some time after it is up.
fn hears_adverts(a: &mut Node<'_>, iface: IfIndex, b: &mut Node<'_>) {
    let heard = until(SOON, || {
        b.succeed(&[advert(b, [10, 0, 0, 2].into())]);
        core::iter::from_fn(|| a.next_packet()).find(|(meta, ..)| meta.iface == iface)
    });
    heard.expect("no advert was heard");
}

fn up(node: &mut Node<'_>, name: &str, after: impl Fn(IfIndex) -> bool) -> IfIndex {
    node.hears("the interface", |event| match event {
        NetEvent::Link(link) if link.name == name && after(link.index) => Some(link.index),
        _ => None,
    })
}

/// Sockets and memberships end with the interface, and start again with the next of its name.
fn an_interface_made_again_is_a_new_one() {
    let lab = lan(&["a", "b"]);
    let host = &lab["a"];
    let mut a = Node::open(host);
    let mut b = Node::open(&lab["b"]);
    let link = VirtualLink {
        name: "m0".to_owned(),
        parent: a.eth0,
        kind: VirtualLinkKind::Macvlan(Mac::new([2, 0, 0, 0, 0, 0x51])),
        family: Family::V6,
        group: None,
        vrf: None,
    };
    let mut last = None;
    let mut sockets = None;
    for _ in 0..30 {
        a.told.clear();
        a.succeed(&[Op::CreateLink(&link)]);
        let iface = up(&mut a, "m0", |index| Some(index) != last);
        let vip = v4(70);
        let mut ops = vec![
            Op::SetLink { iface, up: true },
            Op::AddAddress {
                iface,
                address: &vip,
            },
        ];
        ops.extend(listens(iface).map(Op::Listen));
        a.succeed(&ops);
        hears_adverts(&mut a, iface, &mut b);
        let open = || ["raw", "raw6", "packet"].map(|file| proc_net(host, file));
        let first = *sockets.get_or_insert_with(open);
        // Another case's process may hold what it has inherited, until it runs its program.
        until(SOON, || (open() == first).then_some(())).expect("no socket stays behind");
        a.succeed(&[Op::RemoveLink { iface }]);
        a.hears("its end", |event| match event {
            NetEvent::LinkGone { index, name } if *index == iface && name == "m0" => Some(()),
            _ => None,
        });
        until(SOON, || (proc_net(host, "raw") == 1).then_some(()))
            .expect("its sockets are closed, but for the one that sends by all interfaces");
        let late = a.apply(&[
            Op::AddAddress {
                iface,
                address: &vip,
            },
            Op::RemoveAddress {
                iface,
                address: &vip,
            },
        ]);
        assert_eq!(late, [(0, OpErrorKind::NoInterface)]);
        last = Some(iface);
    }
}

fn count(node: &Node<'_>, spec: &AddressSpec) -> usize {
    let mut there = 0;
    for event in &node.told {
        match event {
            NetEvent::AddressAdded { record, .. } if record.address == spec.address => there = 1,
            NetEvent::AddressRemoved { record, .. } if record.address == spec.address => there = 0,
            _ => {}
        }
    }
    there
}

/// IPv4 addresses stay, IPv6 ones go and are put back; memberships stay.
fn a_link_that_flaps() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let mut other = Node::open(&lab["a"]);
    let iface = a.eth0;
    let (four, six) = (v4(70), v6(0x70));
    a.succeed(&listens(iface).map(Op::Listen));
    a.succeed(&[
        Op::AddAddress {
            iface,
            address: &four,
        },
        Op::AddAddress {
            iface,
            address: &six,
        },
    ]);
    let memberships = proc_net(&lab["a"], "igmp");
    for _ in 0..30 {
        until(SOON, || {
            a.packets();
            (count(&a, &four) + count(&a, &six) == 2).then_some(())
        })
        .expect("both addresses");
        a.told.clear();
        other.succeed(&[Op::SetLink { iface, up: false }]);
        let by = a.hears("the end of the IPv6 address", |event| match event {
            NetEvent::AddressRemoved { record, by } if record.address == six.address => Some(*by),
            _ => None,
        });
        assert_eq!(by, Author::Unknown);
        assert!(a.told.iter().all(|e| !matches!(e, NetEvent::AddressRemoved { record, .. } if record.address == four.address)));
        other.succeed(&[Op::SetLink { iface, up: true }]);
        let running = |event: &NetEvent<'_>| match event {
            NetEvent::Link(link) if link.index == iface && link.running && link.carrier => Some(()),
            _ => None,
        };
        a.hears("the link", running);
        a.succeed(&[
            Op::AddAddress {
                iface,
                address: &four,
            },
            Op::AddAddress {
                iface,
                address: &six,
            },
        ]);
        hears_adverts(&mut a, iface, &mut b);
        a.told.push(NetEvent::AddressAdded {
            record: vrrp_net::AddressRecord {
                iface,
                address: four.address,
                prefix_len: 32,
                peer: None,
                scope: vrrp_net::Scope::GLOBAL,
                label: None,
                secondary: true,
                state: vrrp_net::AddressState::Usable,
                ours: true,
            },
            by: Author::Us,
        });
    }
    assert_eq!(proc_net(&lab["a"], "igmp"), memberships);
    a.succeed(&[
        Op::RemoveAddress {
            iface,
            address: &four,
        },
        Op::RemoveAddress {
            iface,
            address: &six,
        },
    ]);
    for spec in [&four, &six] {
        a.hears("the end of the address", |event| match event {
            NetEvent::AddressRemoved {
                record,
                by: Author::Us,
            } if record.address == spec.address => Some(()),
            _ => None,
        });
    }
}

/// The virtual interface keeps its addresses and what it is joined to.
fn a_parent_that_flaps() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let eth0 = a.eth0;
    let link = VirtualLink {
        name: "vrrp.51".to_owned(),
        parent: eth0,
        kind: VirtualLinkKind::Macvlan(Mac::new([0, 0, 0x5e, 0, 1, 51])),
        family: Family::V4,
        group: None,
        vrf: None,
    };
    a.succeed(&[Op::CreateLink(&link)]);
    let iface = up(&mut a, "vrrp.51", |_| true);
    let vip = v4(70);
    a.succeed(&[
        Op::SetLink { iface, up: true },
        Op::AddAddress {
            iface,
            address: &vip,
        },
        Op::Listen(listens(iface)[0]),
    ]);
    for _ in 0..10 {
        a.told.clear();
        a.succeed(&[
            Op::SetLink {
                iface: eth0,
                up: false,
            },
            Op::SetLink {
                iface: eth0,
                up: true,
            },
        ]);
        until(SOON, || {
            a.packets();
            a.linux
                .links()
                .find(|link| link.index == iface)
                .filter(|link| link.running)
                .map(drop)
        })
        .expect("the virtual interface at work");
        assert!(a.told.iter().all(|event| !matches!(event, NetEvent::AddressRemoved { record, .. } if record.iface == iface)));
        hears_adverts(&mut a, iface, &mut b);
    }
}

fn a_new_name_is_told() {
    let lab = lan(&["a", "b"]);
    let host = &lab["a"];
    let mut a = Node::open(host);
    let mut b = Node::open(&lab["b"]);
    let iface = a.eth0;
    a.succeed(&listens(iface).map(Op::Listen));
    let renamed = host.output(Command::new("ip").args(["link", "set", "eth0", "name", "wan0"]));
    match renamed {
        Err(error) => return println!("lab: a_new_name_is_told: no ip(8): {error}"),
        // Kernels before 6.2 rename what is down only.
        Ok(done) if !done.status.success() => {
            return println!(
                "lab: a_new_name_is_told: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Ok(_) => {}
    }
    assert_eq!(up(&mut a, "wan0", |_| true), iface);
    hears_adverts(&mut a, iface, &mut b);
}

/// What keepalived loses its role over is put back before anybody has noticed.
fn an_address_taken_by_others_is_told_at_once() {
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let mut other = Node::open(&lab["a"]);
    let iface = a.eth0;
    let mut times = Vec::new();
    for spec in [v4(70), v6(0x70)] {
        for _ in 0..20 {
            a.succeed(&[Op::AddAddress {
                iface,
                address: &spec,
            }]);
            a.hears("the address", |event| match event {
                NetEvent::AddressAdded { record, .. } if record.address == spec.address => Some(()),
                _ => None,
            });
            a.told.clear();
            other.succeed(&[Op::RemoveAddress {
                iface,
                address: &spec,
            }]);
            let start = Instant::now();
            let by = a.hears("its end", |event| match event {
                NetEvent::AddressRemoved { record, by } if record.address == spec.address => {
                    Some(*by)
                }
                _ => None,
            });
            // The kernel says who it was for IPv4 only.
            assert_eq!(
                matches!(by, Author::Port(_)),
                spec.address.is_ipv4(),
                "{by:?}"
            );
            assert_ne!(by, Author::Us);
            a.succeed(&[Op::AddAddress {
                iface,
                address: &spec,
            }]);
            times.push(start.elapsed());
            a.told.clear();
            a.succeed(&[Op::RemoveAddress {
                iface,
                address: &spec,
            }]);
        }
    }
    times.sort();
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    println!("an address that was taken is back after {median:?} in the median, {most:?} at most");
}

/// Ten thousand changes that are none of our business, while adverts are due every 10 ms: the state is right
/// afterwards. How late an advert was is told, not judged: the machine runs other tests, too.
fn changes_of_others_do_not_hold_up_adverts() {
    const PERIOD: Duration = Duration::from_millis(10);
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let mut other = Node::open(&lab["a"]);
    let (iface, source) = (a.eth0, IpAddr::from([10, 0, 0, 1]));
    let vip = v4(70);
    a.succeed(&[Op::AddAddress {
        iface,
        address: &vip,
    }]);
    let specs: Vec<_> = (100..200).map(v4).collect();
    let hop = NextHop {
        iface: Some(other.lo),
        ..NextHop::default()
    };
    let routes: Vec<_> = (0..100)
        .map(|n| Route {
            next_hops: vec![hop.clone()],
            ..Route::new(
                Family::V4,
                Some(Destination {
                    address: [203, 0, 113, n].into(),
                    prefix_len: 32,
                }),
            )
        })
        .collect();
    let lo = other.lo;
    let busy = AtomicBool::new(true);
    let (mut late, mut sent) = (Duration::ZERO, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            other.succeed(&[Op::SetLink {
                iface: lo,
                up: true,
            }]);
            for _ in 0..25 {
                let add = specs
                    .iter()
                    .map(|address| Op::AddAddress { iface: lo, address });
                other.succeed(
                    &add.chain(routes.iter().map(Op::AddRoute))
                        .collect::<Vec<_>>(),
                );
                let remove = specs
                    .iter()
                    .map(|address| Op::RemoveAddress { iface: lo, address });
                other.succeed(
                    &remove
                        .chain(routes.iter().map(Op::RemoveRoute))
                        .collect::<Vec<_>>(),
                );
            }
            busy.store(false, Ordering::Release);
        });
        let mut due = Instant::now();
        while busy.load(Ordering::Acquire) {
            a.packets();
            a.told.clear();
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early.min(Duration::from_millis(1)));
                continue;
            }
            late = late.max(due.elapsed());
            let advert = advert(&a, source);
            a.succeed(&[advert]);
            due += PERIOD;
            sent += 1;
        }
    });
    println!("{sent} adverts during 10,000 changes of others, {late:?} late at most");
    // All that was taken away is gone, what is ours is there.
    let last = v4(71);
    a.succeed(&[Op::AddAddress {
        iface,
        address: &last,
    }]);
    a.hears("the address added last", |event| match event {
        NetEvent::AddressAdded { record, .. } if record.address == last.address => Some(()),
        _ => None,
    });
    drop(a);
    let mut again = Node::open(&lab["a"]);
    again.hears("the end of the list", |event| {
        (*event == NetEvent::Synced).then_some(())
    });
    let mut ours: Vec<_> = again
        .told
        .iter()
        .filter_map(|event| match event {
            NetEvent::AddressAdded { record, .. } if record.ours => Some(record.address),
            _ => None,
        })
        .collect();
    ours.sort();
    assert_eq!(ours, [vip.address, last.address]);
}

/// Into another network namespace: for this one it is deleted.
fn an_interface_moved_away_is_gone() {
    let lab = lan(&["a", "b"]);
    let mut a = Node::open(&lab["a"]);
    let mut b = Node::open(&lab["b"]);
    let link = VirtualLink {
        name: "m0".to_owned(),
        parent: a.eth0,
        kind: VirtualLinkKind::Macvlan(Mac::new([2, 0, 0, 0, 0, 0x51])),
        family: Family::V6,
        group: None,
        vrf: None,
    };
    a.succeed(&[Op::CreateLink(&link)]);
    let iface = up(&mut a, "m0", |_| true);
    a.succeed(&listens(iface).map(Op::Listen));
    let holder = lab["b"]
        .spawn("holder", Command::new("sleep").arg("60"))
        .unwrap();
    let pid = holder.pid().to_string();
    let moved = lab["a"].output(Command::new("ip").args(["link", "set", "m0", "netns", &pid]));
    match moved {
        Err(error) => return println!("lab: an_interface_moved_away_is_gone: no ip(8): {error}"),
        Ok(done) => assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        ),
    }
    a.hears("its end", |event| match event {
        NetEvent::LinkGone { index, name } if *index == iface && name == "m0" => Some(()),
        _ => None,
    });
    until(SOON, || (proc_net(&lab["a"], "raw") == 1).then_some(()))
        .expect("its sockets are closed, but for the one that sends by all interfaces");
    let there = b.hears("its arrival", |event| match event {
        NetEvent::Link(link) if link.name == "m0" => Some(link.clone()),
        _ => None,
    });
    assert_eq!(
        there.parent, None,
        "its parent is in another namespace, where numbers mean others"
    );
}

//! Accept_Mode false: a virtual address that routes and answers Neighbour Discovery, and takes nothing else.

use crate::Case;
use crate::backend::{Node, SOON, lan, v4, v6};
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use std::process::Command;
use std::time::SystemTime;
use vrrp_lab::{Host, Probe, until};
use vrrp_net::linux::Filter;
use vrrp_net::{AddressSpec, Op};

pub(crate) const CASES: &[Case] = &[
    (
        "accept_mode_false_takes_nothing",
        accept_mode_false_takes_nothing,
    ),
    ("accept_mode_for_a_thousand", accept_mode_for_a_thousand),
    ("accept_mode_as_nft_shows_it", accept_mode_as_nft_shows_it),
];

/// Whether `address` answers a ping from `host` within `longest`.
fn answers(host: &Host, address: IpAddr, longest: Duration) -> bool {
    let probe = Probe::start(host, address, Duration::from_millis(20)).unwrap();
    let since = SystemTime::now();
    let answered = || {
        probe
            .pings()
            .iter()
            .any(|ping| ping.sent >= since && ping.answered.is_some())
    };
    until(longest, || answered().then_some(())).is_some()
}

fn reached(host: &Host, address: IpAddr) -> bool {
    answers(host, address, SOON)
}

/// Silence can only be waited for; the router's own address is asked next, and answers.
fn silent(host: &Host, address: IpAddr) -> bool {
    !answers(host, address, Duration::from_millis(300))
}

//= R9568-6.1-11 test
//= R9568-6.4.3-05 test
//= R9568-6.4.3-13 test
//= R9568-6.4.3-14 test
//= R9568-8.3.1-01 test
//= R3768-6.4.3-03 test
/// R9568-6.1-11, -6.4.3-13, -6.4.3-14.
fn accept_mode_false_takes_nothing() {
    let lab = lan(&["router", "client"]);
    let mut router = Node::open(&lab["router"]);
    let mut client = Node::open(&lab["client"]);
    client.link_local();
    router.link_local();
    let iface = router.eth0;
    let on_link = AddressSpec {
        prefix_len: 64,
        ..v6(2)
    };
    client.succeed(&[Op::AddAddress {
        iface: client.eth0,
        address: &on_link,
    }]);
    let vips = [
        v4(70),
        AddressSpec {
            prefix_len: 64,
            ..v6(0x70)
        },
    ];
    let own = IpAddr::from([10, 0, 0, 1]);
    for vip in &vips {
        let address = vip.address;
        router.succeed(&[Op::AddAddress {
            iface,
            address: vip,
        }]);
        assert!(reached(&lab["client"], address), "{address} before");
        let refuse = Op::SetAccept {
            iface,
            address,
            accept: false,
        };
        router.succeed(&[refuse.clone(), refuse]);
        assert!(
            silent(&lab["client"], address),
            "{address} with Accept_Mode false"
        );
        assert!(reached(&lab["client"], own), "the router's own address");
        let known = lab["client"].output(Command::new("ip").args([
            "neigh",
            "show",
            "to",
            &address.to_string(),
        ]));
        if let Ok(known) = known {
            let known = String::from_utf8_lossy(&known.stdout).into_owned();
            assert!(
                known.contains(&router.mac.to_string()),
                "{address} is still resolved: {known}"
            );
        }
        let accept = Op::SetAccept {
            iface,
            address,
            accept: true,
        };
        router.succeed(&[accept.clone(), accept]);
        assert!(reached(&lab["client"], address), "{address} afterwards");
    }
    // Link-local virtual addresses are dropped on their interface.
    let address = IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x70));
    let vip = AddressSpec::new(address);
    router.succeed(&[
        Op::AddAddress {
            iface,
            address: &vip,
        },
        Op::SetAccept {
            iface: router.lo,
            address,
            accept: false,
        },
    ]);
    assert!(
        reached(&lab["client"], address),
        "dropped on another interface only"
    );
    router.succeed(&[Op::SetAccept {
        iface,
        address,
        accept: false,
    }]);
    assert!(
        silent(&lab["client"], address),
        "link-local with Accept_Mode false"
    );
    // With the program go its rules.
    drop(router);
    assert!(
        reached(&lab["client"], address),
        "after the end of the program"
    );
}

/// More than fits one attribute; and the change of many is one transaction.
fn accept_mode_for_a_thousand() {
    let lab = lan(&["router"]);
    let mut router = Node::open(&lab["router"]);
    let iface = router.eth0;
    let address = |n: u16| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n));
    let set = |accept| {
        let op = move |n| Op::SetAccept {
            iface,
            address: address(n),
            accept,
        };
        (0..3_000).map(op).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        router.succeed(&set(false));
        router.succeed(&set(true)[..2_999]);
        router.succeed(&set(true));
    }
}

/// What nft(8) makes of it, where there is one.
fn accept_mode_as_nft_shows_it() {
    let lab = lan(&["router"]);
    let nft = |arguments: &[&str]| {
        let shown = lab["router"]
            .output(Command::new("nft").args(arguments))
            .ok()?;
        Some(String::from_utf8_lossy(&shown.stdout).into_owned())
    };
    if nft(&["--version"]).is_none() {
        println!("lab: accept_mode_as_nft_shows_it: there is no nft(8) to ask");
        return;
    }
    let mut router = Node::open(&lab["router"]);
    let iface = router.eth0;
    let address = IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x70));
    router.succeed(&[
        Op::SetAccept {
            iface,
            address: [10, 0, 0, 70].into(),
            accept: false,
        },
        Op::SetAccept {
            iface,
            address,
            accept: false,
        },
    ]);
    let shown = nft(&["list", "ruleset"]).unwrap();
    // In this order: Neighbour Discovery first.
    let lines = [
        "table inet vrrpd {",
        "elements = { 10.0.0.70 }",
        "type ipv6_addr . iface_index",
        "elements = { fe80::70 . \"eth0\" }",
        "type filter hook input",
        "icmpv6 type",
        "accept",
        "ip daddr @v4 drop",
        "ip6 daddr @v6 drop",
        "ip6 daddr . iif @link_local drop",
    ];
    let mut rest = shown.as_str();
    for line in lines {
        let (_, after) = rest
            .split_once(line)
            .unwrap_or_else(|| panic!("no `{line}` in its place in:\n{shown}"));
        rest = after;
    }
    router.succeed(&[
        Op::SetAccept {
            iface,
            address: [10, 0, 0, 70].into(),
            accept: true,
        },
        Op::SetAccept {
            iface,
            address,
            accept: true,
        },
    ]);
    assert_eq!(nft(&["list", "ruleset"]).unwrap(), "");
    router.linux.filter_by(Filter {
        table: "other".to_owned(),
        priority: 7,
        counters: true,
    });
    let refuse = Op::SetAccept {
        iface,
        address,
        accept: false,
    };
    router.succeed(&[refuse]);
    let shown = nft(&["list", "ruleset"]).unwrap();
    for line in [
        "table inet other {",
        "type filter hook input priority filter + 7; policy accept;",
        "ip daddr @v4 counter packets 0 bytes 0 drop",
        "ip6 daddr . iif @link_local counter packets 0 bytes 0 drop",
    ] {
        assert!(shown.contains(line), "no `{line}` in:\n{shown}");
    }
}

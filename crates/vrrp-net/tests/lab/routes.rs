//! Routes and rules: every option reaches the kernel, and the loss of one is noticed.

use crate::Case;
use crate::backend::{Node, lan, v4};
use core::net::{IpAddr, Ipv6Addr};
use std::process::Command;
use vrrp_lab::Host;
use vrrp_net::{
    Author, Destination, Encap, LockedMetric, NetEvent, NextHop, Op, OpErrorKind, PortRange,
    Preference, Route, RouteKind, RouteMetrics, Rule, RuleAction, Scope,
};
use vrrp_proto::Family;

pub(crate) const CASES: &[Case] = &[
    (
        "route_options_reach_the_kernel",
        route_options_reach_the_kernel,
    ),
    (
        "rule_options_reach_the_kernel",
        rule_options_reach_the_kernel,
    ),
    (
        "a_route_taken_by_others_is_told",
        a_route_taken_by_others_is_told,
    ),
    (
        "a_route_lost_silently_is_told",
        a_route_lost_silently_is_told,
    ),
    (
        "a_rule_taken_by_others_is_told",
        a_rule_taken_by_others_is_told,
    ),
];

fn to(address: impl Into<IpAddr>, prefix_len: u8) -> Option<Destination> {
    Some(Destination {
        address: address.into(),
        prefix_len,
    })
}

fn v6(text: &str) -> IpAddr {
    text.parse::<Ipv6Addr>().unwrap().into()
}

/// The output of ip(8), where there is one.
fn ip(host: &Host, arguments: &str) -> Option<String> {
    let shown = host
        .output(Command::new("ip").args(arguments.split(' ')))
        .ok()?;
    assert!(
        shown.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&shown.stderr)
    );
    Some(String::from_utf8_lossy(&shown.stdout).into_owned())
}

/// Each of `wanted` is the words of one line, in whatever order this ip(8) shows them.
fn shows(host: &Host, arguments: &str, wanted: &[&str]) {
    let Some(shown) = ip(host, arguments) else {
        println!("lab: no ip(8): `ip {arguments}` is not compared");
        return;
    };
    for words in wanted {
        let all = |line: &str| {
            let line: Vec<_> = line.split_whitespace().collect();
            words.split_whitespace().all(|word| line.contains(&word))
        };
        assert!(
            shown.lines().any(all),
            "`{words}` is not in `ip {arguments}`:\n{shown}"
        );
    }
}

fn route_options_reach_the_kernel() {
    let lab = lan(&["a"]);
    let host = &lab["a"];
    let mut a = Node::open(host);
    a.link_local();
    let iface = Some(a.eth0);
    let hop = |last: u8| NextHop {
        via: Some([10, 0, 0, last].into()),
        iface,
        ..NextHop::default()
    };
    let locked = Some(LockedMetric {
        value: 1400,
        lock: true,
    });
    let routes = [
        Route {
            next_hops: vec![hop(2)],
            ..Route::new(Family::V4, None)
        },
        Route {
            next_hops: vec![NextHop {
                realms: Some(3 << 16 | 4),
                ..hop(2)
            }],
            tos: 0x10,
            table: 1_000,
            metric: Some(7),
            preferred_source: Some([10, 0, 0, 1].into()),
            metrics: RouteMetrics {
                mtu: locked,
                advmss: Some(LockedMetric::new(1_300)),
                rtt: Some(LockedMetric::new(800)),
                rttvar: Some(LockedMetric::new(400)),
                reordering: Some(LockedMetric::new(5)),
                cwnd: Some(LockedMetric::new(20)),
                ssthresh: Some(LockedMetric::new(30)),
                rto_min: Some(LockedMetric::new(250)),
                window: Some(40_000),
                hoplimit: Some(33),
                initcwnd: Some(11),
                initrwnd: Some(12),
                features: Some(1),
                quickack: Some(1),
                fastopen_no_cookie: Some(1),
                congctl: Some(("reno".to_owned(), true)),
            },
            ..Route::new(Family::V4, to([203, 0, 113, 0], 24))
        },
        Route {
            next_hops: vec![
                NextHop {
                    weight: Some(5),
                    ..hop(2)
                },
                NextHop {
                    via: Some([192, 0, 2, 99].into()),
                    onlink: true,
                    ..hop(0)
                },
            ],
            ..Route::new(Family::V4, to([203, 0, 114, 0], 24))
        },
        Route {
            kind: RouteKind::Blackhole,
            ..Route::new(Family::V4, to([203, 0, 115, 0], 24))
        },
        Route {
            kind: RouteKind::Prohibit,
            table: 7,
            ..Route::new(Family::V6, to(v6("2001:db8:7::"), 48))
        },
        Route {
            scope: Some(Scope::LINK),
            next_hops: vec![NextHop {
                iface,
                ..NextHop::default()
            }],
            ..Route::new(Family::V4, to([169, 254, 169, 254], 32))
        },
        Route {
            next_hops: vec![NextHop {
                via: Some(v6("fe80::2")),
                iface,
                ..NextHop::default()
            }],
            preference: Some(Preference::High),
            expires: Some(600),
            ..Route::new(Family::V6, None)
        },
        // An IPv4 route by an IPv6 gateway.
        Route {
            next_hops: vec![NextHop {
                via: Some(v6("fe80::2")),
                iface,
                ..NextHop::default()
            }],
            ..Route::new(Family::V4, to([203, 0, 116, 0], 24))
        },
        Route {
            from: to(v6("2001:db8:9::"), 48),
            next_hops: vec![NextHop {
                iface,
                ..NextHop::default()
            }],
            ..Route::new(Family::V6, to(v6("2001:db8:8::"), 48))
        },
    ];
    for _ in 0..2 {
        let add: Vec<_> = routes.iter().map(Op::AddRoute).collect();
        a.succeed(&add);
    }
    shows(
        host,
        "-4 route show table all proto keepalived",
        &[
            "default via 10.0.0.2 dev eth0",
            "203.0.113.0/24 tos via 10.0.0.2 dev eth0 table 1000 src 10.0.0.1 realms 3/4 metric 7",
            "mtu lock 1400",
            "advmss 1300",
            "rtt 100ms",
            "rttvar 100ms",
            "reordering 5",
            "cwnd 20",
            "ssthresh 30",
            "rto_min lock 250ms",
            "window 40000",
            "hoplimit 33",
            "initcwnd 11",
            "initrwnd 12",
            "features ecn",
            "quickack 1",
            "fastopen_no_cookie 1",
            "congctl lock reno",
            "nexthop via 10.0.0.2 dev eth0 weight 5",
            "nexthop via 192.0.2.99 dev eth0 weight 1 onlink",
            "blackhole 203.0.115.0/24",
            "169.254.169.254 dev eth0 scope link",
            "203.0.116.0/24 via inet6 fe80::2 dev eth0",
        ],
    );
    shows(
        host,
        "-6 route show table all proto keepalived",
        &[
            "prohibit 2001:db8:7::/48 dev lo table 7",
            "default via fe80::2 dev eth0",
            "pref high",
            "expires ",
            "2001:db8:8::/48 from 2001:db8:9::/48 dev eth0",
        ],
    );
    let remove: Vec<_> = routes.iter().map(Op::RemoveRoute).collect();
    for _ in 0..2 {
        a.succeed(&remove);
    }
    if let Some(shown) = ip(host, "-4 route show table all proto keepalived") {
        assert_eq!(shown, "");
    }
    // Tunnels are part of some kernels only.
    let encaps = [
        Encap::Ip {
            family: Family::V4,
            id: Some(5),
            destination: Some([192, 0, 2, 1].into()),
            source: Some([192, 0, 2, 2].into()),
            ttl: Some(9),
            tos: Some(8),
            flags: None,
        },
        Encap::Mpls {
            labels: vec![100, 200],
            ttl: Some(9),
        },
        Encap::Ila { locator: 1 },
    ];
    for encap in encaps {
        let route = Route {
            next_hops: vec![NextHop {
                encap: Some(encap.clone()),
                ..hop(2)
            }],
            ..Route::new(Family::V4, to([203, 0, 117, 0], 24))
        };
        match (a.apply(&[Op::AddRoute(&route)]).as_slice(), &encap) {
            ([], Encap::Ip { .. }) => shows(
                host,
                "route show 203.0.117.0/24",
                &["encap ip id 5 src 192.0.2.2 dst 192.0.2.1 ttl 9 tos 8"],
            ),
            ([], Encap::Mpls { .. }) => {
                shows(
                    host,
                    "route show 203.0.117.0/24",
                    &["encap mpls 100/200 ttl 9"],
                );
            }
            ([], Encap::Ila { .. })
            | ([(0, OpErrorKind::NotSupported | OpErrorKind::Invalid)], _) => {}
            (failures, _) => panic!("{encap:?}: {failures:?}"),
        }
        a.succeed(&[Op::RemoveRoute(&route)]);
    }
}

fn rule_options_reach_the_kernel() {
    let lab = lan(&["a"]);
    let host = &lab["a"];
    let mut a = Node::open(host);
    let rules = [
        Rule {
            invert: true,
            from: to([10, 1, 0, 0], 16),
            to: to([10, 2, 0, 0], 16),
            iif: Some("eth0".to_owned()),
            tos: Some(0x10),
            fwmark: Some((0x12, 0xff)),
            realms: Some(3 << 16 | 4),
            suppress_prefix_len: Some(8),
            suppress_group: Some(3),
            ..Rule::new(Family::V4, 100, RuleAction::Table(1_000))
        },
        Rule {
            oif: Some("not-there".to_owned()),
            // The only user that there is in a user namespace made by an ordinary one.
            uid_range: Some((0, 0)),
            ip_protocol: Some(17),
            source_port: Some(PortRange {
                first: 10,
                last: 20,
            }),
            destination_port: Some(PortRange {
                first: 30,
                last: 40,
            }),
            tunnel_id: Some(9),
            ..Rule::new(Family::V4, 101, RuleAction::Goto(200))
        },
        Rule::new(Family::V4, 102, RuleAction::Nop),
        Rule {
            from: to([10, 3, 0, 0], 16),
            ..Rule::new(Family::V4, 103, RuleAction::Blackhole)
        },
        Rule {
            from: to(v6("2001:db8::"), 32),
            ..Rule::new(Family::V6, 104, RuleAction::Unreachable)
        },
        Rule {
            from: to(v6("2001:db8::"), 32),
            ..Rule::new(Family::V6, 105, RuleAction::Prohibit)
        },
    ];
    for _ in 0..2 {
        let add: Vec<_> = rules.iter().map(Op::AddRule).collect();
        a.succeed(&add);
    }
    shows(
        host,
        "-4 rule show",
        &[
            "100: not from 10.1.0.0/16 to 10.2.0.0/16 tos fwmark 0x12/0xff iif eth0 lookup 1000 realms 3/4 suppress_prefixlength 8 suppress_ifgroup 3 proto keepalived",
            "101: from all oif not-there [detached] uidrange 0-0 ipproto udp sport 10-20 dport 30-40 tun_id 9 goto 200 [unresolved] proto keepalived",
            "102: from all nop proto keepalived",
            "103: from 10.3.0.0/16 blackhole proto keepalived",
        ],
    );
    shows(
        host,
        "-6 rule show",
        &[
            "104: from 2001:db8::/32 unreachable proto keepalived",
            "105: from 2001:db8::/32 prohibit proto keepalived",
        ],
    );
    let remove: Vec<_> = rules.iter().map(Op::RemoveRule).collect();
    for _ in 0..2 {
        a.succeed(&remove);
    }
    if let Some(shown) = ip(host, "rule show") {
        assert_eq!(shown.lines().count(), 3, "{shown}");
    }
}

fn route(a: &Node<'_>, preferred_source: Option<IpAddr>) -> Route {
    Route {
        next_hops: vec![NextHop {
            iface: Some(a.eth0),
            ..NextHop::default()
        }],
        preferred_source,
        ..Route::new(Family::V4, to([203, 0, 113, 0], 24))
    }
}

/// Waits for the loss of `route` to be told, and takes in that it was put back.
fn loss(a: &mut Node<'_>, route: &Route) -> Author {
    let by = a.hears("the loss of the route", |event| match event {
        NetEvent::RouteRemoved { route: lost, by } if lost == route => Some(*by),
        _ => None,
    });
    a.told.clear();
    a.succeed(&[Op::AddRoute(route)]);
    by
}

fn a_route_taken_by_others_is_told() {
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let mut other = Node::open(&lab["a"]);
    for route in [
        route(&a, None),
        Route {
            metric: Some(9),
            ..route(&a, None)
        },
        Route {
            destination: to(v6("2001:db8:1::"), 48),
            family: Family::V6,
            ..route(&a, None)
        },
        Route {
            destination: None,
            family: Family::V6,
            table: 999,
            ..route(&a, None)
        },
    ] {
        a.succeed(&[Op::AddRoute(&route)]);
        other.succeed(&[Op::RemoveRoute(&route)]);
        assert!(matches!(loss(&mut a, &route), Author::Port(_)), "{route:?}");
        other.succeed(&[Op::AddRoute(&Route {
            protocol: 4,
            ..route.clone()
        })]);
        assert!(
            matches!(loss(&mut a, &route), Author::Port(_)),
            "replaced: {route:?}"
        );
        // Ours to remove: nothing to tell.
        a.succeed(&[Op::RemoveRoute(&route)]);
        let last = v4(77);
        a.succeed(&[Op::AddAddress {
            iface: a.eth0,
            address: &last,
        }]);
        a.hears("the address that was added last", |event| match event {
            NetEvent::AddressAdded { record, .. } if record.address == last.address => Some(()),
            _ => None,
        });
        a.succeed(&[Op::RemoveAddress {
            iface: a.eth0,
            address: &last,
        }]);
        assert!(
            !a.told
                .iter()
                .any(|event| matches!(event, NetEvent::RouteRemoved { .. }))
        );
        a.told.clear();
    }
}

/// The kernel says nothing of IPv4 routes that go with a link or with their preferred source.
fn a_route_lost_silently_is_told() {
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let mut other = Node::open(&lab["a"]);
    let (iface, vip) = (a.eth0, v4(70));
    let by_link = route(&a, None);
    a.succeed(&[Op::AddRoute(&by_link)]);
    other.succeed(&[
        Op::SetLink { iface, up: false },
        Op::SetLink { iface, up: true },
    ]);
    assert_eq!(loss(&mut a, &by_link), Author::Unknown);
    a.succeed(&[Op::RemoveRoute(&by_link)]);

    let by_source = route(&a, Some(vip.address));
    a.succeed(&[
        Op::AddAddress {
            iface,
            address: &vip,
        },
        Op::AddRoute(&by_source),
    ]);
    other.succeed(&[Op::RemoveAddress {
        iface,
        address: &vip,
    }]);
    a.hears("the loss of the route", |event| match event {
        NetEvent::RouteRemoved { route, .. } if *route == by_source => Some(()),
        _ => None,
    });
}

fn a_rule_taken_by_others_is_told() {
    let lab = lan(&["a"]);
    let mut a = Node::open(&lab["a"]);
    let mut other = Node::open(&lab["a"]);
    let rules = [
        Rule {
            from: to([10, 1, 0, 0], 16),
            ..Rule::new(Family::V4, 100, RuleAction::Table(5))
        },
        Rule {
            iif: Some("eth0".to_owned()),
            ..Rule::new(Family::V6, 101, RuleAction::Table(1_005))
        },
        Rule {
            fwmark: Some((3, 0xff)),
            ..Rule::new(Family::V4, 102, RuleAction::Prohibit)
        },
    ];
    for rule in rules {
        for _ in 0..2 {
            a.succeed(&[Op::AddRule(&rule)]);
            other.succeed(&[Op::RemoveRule(&rule)]);
            let by = a.hears("the loss of the rule", |event| match event {
                NetEvent::RuleRemoved { rule: lost, by } if *lost == rule => Some(*by),
                _ => None,
            });
            assert!(matches!(by, Author::Port(_)));
            a.told.clear();
        }
    }
}

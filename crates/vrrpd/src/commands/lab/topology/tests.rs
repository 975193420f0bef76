use super::*;
use keepalived_conf::config::{Address, Peer, Unicast};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn router(interface: &str, vrid: u8, priority: u8, addresses: &[&str]) -> Instance {
    let addresses = addresses.iter().map(|text| {
        let cidr: Cidr = text.parse().unwrap();
        Address {
            prefix_len: cidr.prefix_len,
            ..Address::new(cidr.address)
        }
    });
    let addresses: Vec<_> = addresses.collect();
    let family = addresses
        .first()
        .map_or(Family::V4, |a| Family::of(&a.address));
    Instance {
        priority,
        addresses,
        family,
        ..Instance::new(format!("VI_{vrid}"), interface, vrid)
    }
}

fn deduce(files: Vec<(&str, Vec<Instance>)>) -> Topology {
    let config = |instances| Config {
        instances,
        ..Config::default()
    };
    Topology::deduce(
        files
            .into_iter()
            .map(|(f, i)| (PathBuf::from(f), config(i)))
            .collect(),
    )
}

/// Each interface as `node.interface@lan addresses`, the client's last.
fn shape(topology: &Topology) -> Vec<String> {
    let line = |host: &str, i: &Interface| {
        let addresses: Vec<_> = i.addresses.iter().map(ToString::to_string).collect();
        format!("{host}.{}@{} {}", i.name, i.lan, addresses.join(" "))
    };
    let nodes = topology
        .nodes
        .iter()
        .flat_map(|n| n.interfaces.iter().map(|i| line(&n.name, i)));
    nodes
        .chain(topology.client.iter().map(|i| line(CLIENT, i)))
        .collect()
}

#[test]
fn the_tutorial() {
    let node = |priority| vec![router("eth0", 51, priority, &["10.0.0.70"])];
    let topology = deduce(vec![
        ("a/node3.conf", node(80)),
        ("a/node1.conf", node(100)),
        ("a/node2.conf", node(90)),
    ]);
    assert_eq!(
        shape(&topology),
        [
            "node3.eth0@0 10.0.0.60/24",
            "node1.eth0@0 10.0.0.61/24",
            "node2.eth0@0 10.0.0.62/24",
            "client.eth0@0 10.0.0.63/24",
        ]
    );
    let [vi_1] = &topology.routers[..] else {
        panic!("{:?}", topology.routers)
    };
    assert_eq!((vi_1.vrid, vi_1.address), (51, Some(ip("10.0.0.70"))));
    let order: Vec<_> = vi_1
        .members
        .iter()
        .map(|m| topology.nodes[m.node].name.as_str())
        .collect();
    assert_eq!(
        order,
        ["node1", "node2", "node3"],
        "who should serve comes first"
    );
    assert!(!topology.ipv6);
}

/// The interfaces have other names on the other node, and even swapped ones.
#[test]
fn a_lan_is_where_the_virtual_router_is() {
    let topology = deduce(vec![
        (
            "a.conf",
            vec![
                router("eth0", 1, 100, &["192.168.1.250/24"]),
                router("eth1", 2, 100, &["10.9.0.1/16"]),
            ],
        ),
        (
            "b.conf",
            vec![
                router("eth1", 1, 90, &["192.168.1.250/24"]),
                router("eth0", 2, 90, &["10.9.0.1/16"]),
            ],
        ),
    ]);
    assert_eq!(
        shape(&topology),
        [
            "a.eth0@0 192.168.1.240/24",
            "a.eth1@1 10.9.0.2/16",
            "b.eth1@0 192.168.1.241/24",
            "b.eth0@1 10.9.0.3/16",
            "client.eth0@0 192.168.1.242/24",
            "client.eth1@1 10.9.0.4/16",
        ]
    );
    assert_eq!(topology.routers.len(), 2);
}

/// The same VRID on two LANs is two virtual routers; an interface that is only tracked exists too.
#[test]
fn what_is_alone_joins_its_namesake() {
    let tracked = |name: &str| keepalived_conf::config::Tracked {
        name: name.into(),
        origin: Default::default(),
        weight: 0,
        reverse: false,
    };
    let node = |priority| {
        let mut lan = router("lan", 7, priority, &["10.1.0.99"]);
        lan.track.interfaces.push(tracked("uplink"));
        vec![lan, router("dmz", 7, priority, &["10.2.0.99"])]
    };
    let topology = deduce(vec![("a.conf", node(100)), ("b.conf", node(90))]);
    assert_eq!(
        shape(&topology),
        [
            "a.lan@0 10.1.0.89/24",
            "a.uplink@1 ",
            "a.dmz@2 10.2.0.89/24",
            "b.lan@0 10.1.0.90/24",
            "b.uplink@1 ",
            "b.dmz@2 10.2.0.90/24",
            "client.eth0@0 10.1.0.91/24",
            "client.eth1@1 ",
            "client.eth2@2 10.2.0.91/24",
        ]
    );
    assert_eq!(topology.routers.len(), 2);
}

#[test]
fn unicast_peers_say_who_has_which_address() {
    let unicast = |priority, source: Option<&str>, peers: &[&str]| Instance {
        source: source.map(ip),
        unicast: Some(Unicast {
            peers: peers.iter().map(|p| Peer::new(ip(p))).collect(),
            ..Unicast::default()
        }),
        ..router("ens3", 10, priority, &["172.16.5.100/24"])
    };
    // Sources are written down in the first file only; the others follow from who sends to whom.
    let topology = deduce(vec![
        (
            "a.conf",
            vec![unicast(
                100,
                Some("172.16.5.11"),
                &["172.16.5.12", "172.16.5.13"],
            )],
        ),
        (
            "b.conf",
            vec![unicast(90, None, &["172.16.5.11", "172.16.5.13"])],
        ),
        (
            "c.conf",
            vec![unicast(80, None, &["172.16.5.11", "172.16.5.12"])],
        ),
    ]);
    assert_eq!(
        shape(&topology),
        [
            "a.ens3@0 172.16.5.11/24",
            "b.ens3@0 172.16.5.12/24",
            "c.ens3@0 172.16.5.13/24",
            "client.eth0@0 172.16.5.90/24",
        ]
    );
}

#[test]
fn ipv6_pings_the_address_that_is_not_link_local() {
    let node = |priority| {
        let mut instance = router("eth0", 6, priority, &["fe80::6/64", "2001:db8::6/64"]);
        instance.version = keepalived_conf::config::Version::V3;
        vec![instance]
    };
    let topology = deduce(vec![("a.conf", node(100)), ("b.conf", node(90))]);
    assert!(topology.ipv6);
    assert_eq!(topology.routers[0].address, Some(ip("2001:db8::6")));
    assert_eq!(
        shape(&topology),
        [
            "a.eth0@0 2001:db8::1/64",
            "b.eth0@0 2001:db8::2/64",
            "client.eth0@0 2001:db8::3/64",
        ]
    );
}

#[test]
fn every_machine_may_call_its_file_keepalived_conf() {
    let files = [
        "x/r1/keepalived.conf",
        "x/r2/keepalived.conf",
        "n.conf",
        "m/n.conf",
        "client.conf",
    ];
    let files: Vec<_> = files.map(PathBuf::from).into();
    assert_eq!(names(files.iter()), ["r1", "r2", "n", "n-2", "client-2"]);
}

//! The tutorial's four nodes in IPv6: a link-local and a global address, that move when a node dies.

use core::net::IpAddr;
use core::time::Duration;
use std::fs;
use std::process::Command;
use std::time::SystemTime;

use vrrp_lab::{Capture, Frame, Host, Lab, Probe, Process, Seen, until};
use vrrp_proto::{Covered, Family};

use crate::Case;
use crate::keepalived::{Start, no_complaints, ours, theirs};
use crate::scene::{SECOND, SOON, VIP, down, holders, ip, lan, serves, settled, v3};

pub(crate) const CASES: &[Case] = &[
    ("ipv6_dies_node_after_node", &["ip"], || {
        play([ours, ours, ours, ours], false)
    }),
    (
        "ipv6_dies_node_after_node_with_keepalived_second",
        &["ip", "keepalived"],
        || play([ours, theirs, ours, theirs], true),
    ),
    (
        "ipv6_dies_node_after_node_with_keepalived_first",
        &["ip", "keepalived"],
        || play([theirs, ours, theirs, ours], true),
    ),
    (
        "ipv6_addresses_survive_a_split",
        &["ip"],
        ipv6_addresses_survive_a_split,
    ),
];

const LINK_LOCAL: &str = "fe80::70";
const GLOBAL: &str = "2001:db8::70";
const VIPS: [&str; 2] = [LINK_LOCAL, GLOBAL];
/// Of ff02::1 and ff02::12.
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const GROUP_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 0x12];
const NODES: [&str; 4] = ["node1", "node2", "node3", "node4"];
/// The tutorial's.
const PRIORITIES: [u8; 4] = [100, 90, 80, 70];
const INTERVAL: Duration = Duration::from_millis(500);

fn conf(priority: u8) -> String {
    v3(priority, "0.5").replace(VIP, &format!("{LINK_LOCAL}\n    {GLOBAL}"))
}

/// Four nodes and a client. The lab's kernels skip Duplicate Address Detection where others do not: here they do it.
fn network(forward: bool) -> Lab {
    let lab = lan(5, true);
    for host in lab.hosts() {
        let set = |setting: &str, value: &str| {
            fs::write(format!("/proc/sys/net/ipv6/conf/{setting}"), value).unwrap();
        };
        host.run(|| {
            set("default/accept_dad", "1");
            set("eth0/accept_dad", "1");
            if forward && host.name() != "node5" {
                set("all/forwarding", "1");
            }
        })
        .unwrap();
    }
    lab
}

/// What becomes of the addresses of a host, as the kernel tells it.
fn monitor(host: &Host) -> Process {
    let mut command = Command::new("ip");
    let monitor = host
        .spawn("monitor", command.args(["-6", "-o", "monitor", "address"]))
        .unwrap();
    // It prints nothing until something happens.
    until(SOON, || {
        ip(host, "addr add 2001:db8::ffff/128 dev lo nodad");
        ip(host, "addr del 2001:db8::ffff/128 dev lo");
        monitor.log().contains("2001:db8::ffff").then_some(())
    })
    .expect("`ip monitor` says nothing");
    monitor
}

//= R9568-5.1.2.1-01 test
//= R9568-5.1.2.2-01 test
//= R9568-5.2.9-01 test
//= R9568-6.4.1-03 test
//= R9568-6.4.3-02 test
/// Each serves in its turn, says so to all hosts, and dies; the last one is left.
fn play(starts: [Start; 4], forward: bool) {
    let lab = network(forward);
    let capture = Capture::start(&lab).unwrap();
    let monitors = NODES.map(|name| monitor(&lab[name]));
    let mut processes = Vec::new();
    let began = SystemTime::now();
    for ((name, start), priority) in NODES.iter().zip(starts).zip(PRIORITIES) {
        processes.push(start(&lab[name], &conf(priority)));
    }
    settled(&capture, began, "node1", Family::V6);
    let probes =
        VIPS.map(|vip| Probe::start(&lab["node5"], vip.parse().unwrap(), SECOND / 20).unwrap());
    for (at, name) in NODES.into_iter().enumerate() {
        for (vip, probe) in VIPS.iter().zip(&probes) {
            announced(&lab[name], &capture, vip);
            until(SOON, || probe.answered().then_some(()))
                .unwrap_or_else(|| panic!("no answer from {vip} at {name}"));
        }
        assert_eq!(
            solicited_groups(&lab[name]),
            1,
            "{name} hears solicitations"
        );
        let Some(&heir) = NODES.get(at + 1) else {
            break;
        };
        assert_eq!(solicited_groups(&lab[heir]), 0, "{heir} does not");
        let last = crash(&lab[name], &capture);
        let first = capture
            .wait(last.at, 2 * SOON, serves(heir))
            .expect("nobody took over");
        let expected = down(INTERVAL, INTERVAL, PRIORITIES[at + 1].into());
        let took = first.at.duration_since(last.at).unwrap();
        assert!(took >= expected, "{heir}: {:?} too early", expected - took);
    }
    adverts(&lab, &capture);
    for monitor in &monitors {
        skipped_detection(monitor);
    }
    for process in &processes {
        no_complaints(&process.log());
    }
}

/// Behind a switch that fails both have the addresses; when it works again, the loser has to give up nothing but the
/// role: had it looked for duplicates, it would have found one.
fn ipv6_addresses_survive_a_split() {
    let lab = network(false);
    let capture = Capture::start(&lab).unwrap();
    let monitors = ["node1", "node2"].map(|name| monitor(&lab[name]));
    let began = SystemTime::now();
    let _nodes = [
        ours(&lab["node1"], &conf(PRIORITIES[0])),
        ours(&lab["node2"], &conf(PRIORITIES[1])),
    ];
    settled(&capture, began, "node1", Family::V6);
    lab["node1"].cut("eth0").unwrap();
    until(2 * SOON, || {
        (holders(&lab, GLOBAL).len() == 2).then_some(())
    })
    .expect("split brain");
    lab["node1"].restore("eth0").unwrap();
    for vip in VIPS {
        until(SOON, || (holders(&lab, vip) == ["node1"]).then_some(()))
            .expect("the greater priority serves");
    }
    let probe = Probe::start(&lab["node5"], GLOBAL.parse().unwrap(), SECOND / 20).unwrap();
    until(SOON, || probe.answered().then_some(())).expect("no answer");
    for monitor in &monitors {
        skipped_detection(monitor);
    }
}

/// The dead node's last advert.
fn crash(host: &Host, capture: &Capture) -> Frame {
    host.crash().unwrap();
    let frames = capture.frames();
    let mut mine = frames.into_iter().rev();
    mine.find(serves(host.name()))
        .expect("an advert of the dead")
}

/// Five times at once: at our own MAC, from it, to all hosts, to be believed (O), and from a router (R).
fn announced(host: &Host, capture: &Capture, vip: &str) {
    let address: IpAddr = vip.parse().unwrap();
    let mac = host.mac("eth0").unwrap();
    let told = || {
        let frames = capture.frames().into_iter();
        let mine = frames.filter(|f| &*f.host == host.name() && f.announces(address));
        Some(mine.collect::<Vec<_>>()).filter(|mine| mine.len() >= 5)
    };
    let told = until(SOON, told).unwrap_or_else(|| panic!("{} is silent", host.name()));
    for frame in told {
        let Seen::NeighborAdvertisement {
            target,
            mac: at,
            solicited,
            overrides,
            router,
        } = frame.seen
        else {
            panic!("{}", frame.seen);
        };
        assert_eq!(IpAddr::V6(target), address);
        assert_eq!(
            (at, frame.source()),
            (Some(mac), Some(mac)),
            "{}",
            host.name()
        );
        assert_eq!(frame.bytes[..6], ALL_NODES_MAC, "{}", host.name());
        assert_eq!(
            (solicited, overrides, router),
            (false, true, true),
            "{}",
            host.name()
        );
    }
}

/// How often the interface has joined the group of solicitations for the virtual addresses (both end alike).
fn solicited_groups(host: &Host) -> usize {
    let joined = host.run(|| fs::read_to_string("/proc/thread-self/net/igmp6"));
    let group = "ff0200000000000000000001ff000070";
    let joined = joined.unwrap().unwrap();
    joined.lines().filter(|line| line.contains(group)).count()
}

/// From the interface's link-local address to the group, the virtual link-local address first.
fn adverts(lab: &Lab, capture: &Capture) {
    let vips = VIPS.map(|vip| vip.parse::<IpAddr>().unwrap());
    for frame in capture.frames() {
        let Some(advert) = frame.advert() else {
            continue;
        };
        let own = lab[&*frame.host].addresses().unwrap();
        let source = own.iter().find(|a| a.cidr.address == advert.ends.source());
        assert_eq!(
            source.map(|a| a.scope),
            Some("link"),
            "{}: {}",
            frame.host,
            frame.seen
        );
        assert_ne!(advert.ends.source(), vips[0], "{}", frame.host);
        assert_eq!(advert.ends.destination(), Family::V6.group());
        assert_eq!(frame.bytes[..6], GROUP_MAC, "{}", frame.host);
        assert_eq!(
            (advert.hop_limit, &*advert.addresses),
            (255, vips.as_slice())
        );
        assert_eq!(
            advert.covered,
            Some(Covered::PseudoHeader),
            "{}",
            frame.host
        );
    }
}

/// No address of ours was ever tentative, let alone found to be a duplicate.
fn skipped_detection(monitor: &Process) {
    let log = monitor.log();
    for vip in VIPS {
        let told: Vec<_> = log
            .lines()
            .filter(|line| line.contains(&format!(" {vip}/")))
            .collect();
        assert!(!told.is_empty(), "{vip} was never there:\n{log}");
        for line in told {
            assert!(line.contains("nodad"), "{line}");
            assert!(
                !line.contains("tentative") && !line.contains("dadfailed"),
                "{line}"
            );
        }
    }
}

//! Interfaces that flap, vanish, come back and change their names under a daemon with virtual MACs: afterwards everything
//! is there exactly once, and nothing else is.

use core::fmt::Write as _;
use std::fs;
use std::time::SystemTime;

use vrrp_lab::{Capture, Host, Lab, Process, until};
use vrrp_proto::Family;

use crate::Case;
use crate::scene::{SOON, VIP, ip, lan, settled, vrrpd};

pub(crate) const CASES: &[Case] = &[
    ("vmac_parent_flaps", &["ip"], vmac_parent_flaps),
    (
        "vmac_parent_is_made_again",
        &["ip"],
        vmac_parent_is_made_again,
    ),
    ("vmac_parent_is_renamed", &["ip"], vmac_parent_is_renamed),
    ("vmac_is_taken_away", &["ip"], vmac_is_taken_away),
];

fn conf(parent: &str) -> String {
    let instance = |name: &str, addresses: &str, more: &str| {
        format!(
            "vrrp_instance {name} {{\n  version 3\n  interface {parent}\n  use_vmac\n  virtual_router_id 51\n  \
             priority 200\n  advert_int 0.1\n  virtual_ipaddress {{\n{addresses}  }}\n{more}}}\n"
        )
    };
    let route = format!("  virtual_routes {{\n    192.0.2.0/24 via 10.0.0.99 dev {parent}\n  }}\n");
    instance("VI_4", &format!("    {VIP}\n"), &route)
        + &instance("VI_6", "    fe80::70\n    2001:db8::70\n", "")
}

/// A host whose daemon serves, and what there was then.
struct Served {
    lab: Lab,
    daemon: Process,
    before: String,
}

impl Served {
    /// On the lab's own interface, which the capture hears.
    fn on_lan() -> Self {
        let lab = lan(1, true);
        // Else the kernel forgets the host's own IPv6 address with the first flap.
        let keep = "/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down";
        lab["node1"].run(|| fs::write(keep, "1")).unwrap().unwrap();
        let capture = Capture::start(&lab).unwrap();
        let began = SystemTime::now();
        let daemon = vrrpd(&lab["node1"], &conf("eth0"));
        for family in [Family::V4, Family::V6] {
            settled(&capture, began, "node1", family);
        }
        Self::new(lab, daemon)
    }

    /// On a cable within the host, which can be taken away and laid again.
    fn on_a_cable() -> Self {
        let lab = lan(1, true);
        lay(&lab["node1"]);
        let daemon = vrrpd(&lab["node1"], &conf("wan0"));
        Self::new(lab, daemon)
    }

    fn new(lab: Lab, daemon: Process) -> Self {
        let node = &lab["node1"];
        for vip in [VIP, "fe80::70", "2001:db8::70"] {
            until(2 * SOON, || {
                ip(node, "-o addr")
                    .contains(&format!(" {vip}/"))
                    .then_some(())
            })
            .unwrap_or_else(|| panic!("{vip} is not there:\n{}", daemon.log()));
        }
        until(SOON, || {
            ip(node, "route").contains("192.0.2.0/24").then_some(())
        })
        .expect("a route");
        // The kernel joins them by and by.
        let joined = || {
            let all = memberships(node);
            let solicited = all
                .iter()
                .filter(|line| line.starts_with("vrrp6.51 ff0200000000000000000001ff"));
            let solicited: Vec<_> = solicited.collect();
            // The subnet's routers, the link-local address, and both virtual addresses as one.
            (solicited.len() == 3 && solicited.iter().any(|line| line.ends_with("70 2")))
                .then_some(())
        };
        until(SOON, joined).expect("solicitations are heard");
        let before = picture(node, &daemon);
        Self {
            lab,
            daemon,
            before,
        }
    }

    fn node(&self) -> &Host {
        &self.lab["node1"]
    }

    /// Waits until all is as it was.
    fn is_as_before(&self, what: &str) {
        let same = || (picture(self.node(), &self.daemon) == self.before).then_some(());
        until(3 * SOON, same).unwrap_or_else(|| {
            let now = picture(self.node(), &self.daemon);
            panic!(
                "{what}: before\n{}\nand now\n{now}\n{}",
                self.before,
                self.daemon.log()
            )
        });
    }

    fn waits(&self) {
        let node = self.node();
        until(SOON, || {
            (!ip(node, "-o addr").contains(&format!(" {VIP}/"))).then_some(())
        })
        .unwrap_or_else(|| panic!("the address stays:\n{}", self.daemon.log()));
    }

    /// What was there is gone with the daemon.
    fn ends(mut self) {
        assert_eq!(
            self.daemon.stop(SOON).unwrap().code(),
            Some(0),
            "{}",
            self.daemon.log()
        );
        assert_eq!(ip(self.node(), "-o link show type macvlan"), "");
        assert!(!ip(self.node(), "-o addr").contains(VIP));
    }
}

/// A cable, both of whose ends are in the host.
fn lay(host: &Host) {
    ip(host, "link add wan0 type veth peer name wan1");
    for end in ["wan0", "wan1"] {
        ip(host, &format!("link set {end} addrgenmode none"));
        ip(host, &format!("link set {end} up"));
    }
    ip(host, "addr add 10.0.0.160/24 dev wan0");
    ip(host, "addr add fe80::160/64 dev wan0 nodad");
}

/// Addresses, routes, macvlans, group memberships with the number of their users, and the daemon's descriptors. No
/// numbers of interfaces: a new one has another.
fn picture(host: &Host, daemon: &Process) -> String {
    let mut text = String::new();
    let mut add = |what: &str, lines: Vec<String>| {
        let mut lines = lines;
        lines.sort();
        writeln!(text, "{what}:\n  {}", lines.join("\n  ")).unwrap();
    };
    let numbered = |output: String| {
        let lines = output.lines().filter_map(|line| line.split_once(": "));
        lines
            .map(|(_, rest)| rest.split(" \\").next().unwrap_or_default().into())
            .collect::<Vec<String>>()
    };
    let word = |n: usize| {
        move |line: String| {
            line.split_whitespace()
                .take(n)
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    add(
        "addresses",
        numbered(ip(host, "-o addr"))
            .into_iter()
            .map(word(3))
            .collect(),
    );
    add(
        "routes",
        ip(host, "route").lines().map(str::to_owned).collect(),
    );
    // Name and flags.
    add(
        "macvlans",
        numbered(ip(host, "-o link show type macvlan"))
            .into_iter()
            .map(word(2))
            .collect(),
    );
    add("groups", memberships(host));
    let open = fs::read_dir(format!("/proc/{}/fd", daemon.pid()))
        .unwrap()
        .count();
    add("descriptors", vec![open.to_string()]);
    text
}

fn memberships(host: &Host) -> Vec<String> {
    let read = |file: &str| {
        let path = format!("/proc/thread-self/net/{file}");
        host.run(|| fs::read_to_string(path)).unwrap().unwrap()
    };
    let mut device = String::new();
    let mut found = Vec::new();
    for line in read("igmp").lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            [group, users, ..] if line.starts_with('\t') => {
                found.push(format!("{device} {group} {users}"))
            }
            [_, name, ..] => name.clone_into(&mut device),
            _ => {}
        }
    }
    for line in read("igmp6").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        found.push(words[1..4].join(" "));
    }
    found
}

fn vmac_parent_flaps() {
    let served = Served::on_lan();
    let node = served.node();
    for round in 0..30 {
        ip(node, "link set eth0 down");
        // Sometimes the daemon sees the interface down, sometimes it is up again by then.
        if round % 5 == 0 {
            served.waits();
        }
        ip(node, "link set eth0 up");
        if round % 5 == 0 {
            served.is_as_before("while it flaps");
        }
    }
    served.is_as_before("after 30 flaps");
    served.ends();
}

fn vmac_parent_is_made_again() {
    let served = Served::on_a_cable();
    for round in 0..10 {
        ip(served.node(), "link del wan0");
        if round % 2 == 0 {
            served.waits();
        }
        lay(served.node());
        served.is_as_before("laid again");
    }
    let log = served.daemon.log();
    assert!(!log.contains("cannot set an interface"), "{log}");
    served.ends();
}

fn vmac_parent_is_renamed() {
    let served = Served::on_a_cable();
    let node = served.node();
    for _ in 0..5 {
        ip(node, "link set wan0 down");
        ip(node, "link set wan0 name other0");
        ip(node, "link set other0 up");
        served.waits();
        ip(node, "link set other0 down");
        ip(node, "link set other0 name wan0");
        ip(node, "addr flush dev wan0");
        ip(node, "addr add 10.0.0.160/24 dev wan0");
        ip(node, "link set wan0 up");
        ip(node, "addr add fe80::160/64 dev wan0");
        served.is_as_before("renamed back");
    }
    served.ends();
}

/// By somebody who does not know whose it is: removed, or set down. It is put back, and given up to who means it.
fn vmac_is_taken_away() {
    let served = Served::on_a_cable();
    let node = served.node();
    let entered = || served.daemon.log().matches("Entering ").count();
    let before = entered();
    for name in ["vrrp.51", "vrrp6.51"] {
        for deed in [format!("link del {name}"), format!("link set {name} down")] {
            ip(node, &deed);
            served.is_as_before(&deed);
        }
        let line = format!("{name} or its UP flag was removed");
        assert!(
            served.daemon.logs(&line, SOON),
            "{line}:\n{}",
            served.daemon.log()
        );
    }
    assert_eq!(entered(), before, "no transition:\n{}", served.daemon.log());

    let given_up =
        "vrrp.51 or its UP flag was removed by the kernel or an unknown program for the 20th time";
    let up = || ip(node, "-o link show vrrp.51").contains(",UP");
    until(6 * SOON, || {
        if up() {
            ip(node, "link set vrrp.51 down");
        }
        served.daemon.log().contains(given_up).then_some(())
    })
    .unwrap_or_else(|| panic!("it never gives up:\n{}", served.daemon.log()));
    served.waits();
    served.ends();
}

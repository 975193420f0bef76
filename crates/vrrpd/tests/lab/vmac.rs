//! `use_vmac`: one MAC for the virtual addresses, whoever serves them, and nobody else who answers for them.

use core::net::IpAddr;
use std::fs;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Frame, Host, Lab, Process, Seen, until};
use vrrp_proto::Family;

use crate::Case;
use crate::keepalived::{no_complaints, ours, theirs};
use crate::scene::{SOON, VIP, ip, lan, neighbour, of, resigns, serves, settled, virtual_mac};

const NEEDS: &[&str] = &["ip", "ping"];
const BOTH: &[&str] = &["ip", "ping", "keepalived"];

pub(crate) const CASES: &[Case] = &[
    ("vmac_keeps_one_mac_through_takeovers", NEEDS, || {
        play([Side::Ours, Side::Ours], Way::Virtual)
    }),
    ("vmac_keepalived_stands_by_for_us", BOTH, || {
        play([Side::Ours, Side::Theirs], Way::Virtual)
    }),
    ("vmac_keepalived_is_stood_by_by_us", BOTH, || {
        play([Side::Theirs, Side::Ours], Way::Virtual)
    }),
    ("vmac_adverts_of_the_parent", NEEDS, || {
        play([Side::Ours, Side::Ours], Way::Parent)
    }),
    ("vmac_keepalived_stands_by_for_our_parent", BOTH, || {
        play([Side::Ours, Side::Theirs], Way::Parent)
    }),
    ("vmac_keepalived_parent_is_stood_by_by_us", BOTH, || {
        play([Side::Theirs, Side::Ours], Way::Parent)
    }),
    ("vmac_without_accept_is_found_and_silent", NEEDS, no_accept),
];

const LINK_LOCAL: &str = "fe80::70";
const GLOBAL: &str = "2001:db8::70";
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
const HIGH: u8 = 200;
const LOW: u8 = 150;

/// How adverts leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the virtual MAC: RFC 9568.
    Virtual,
    /// From the parent's: `vmac_xmit_base`.
    Parent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

impl Side {
    /// What keepalived 2.2.7 leaves to its users. Its kernel asks for other hosts with a virtual address and the parent's
    /// MAC, and they believe it; and the interface for IPv6 answers for the addresses on the one for IPv4.
    fn prepare(self, host: &Host) {
        if self == Self::Theirs {
            for (setting, value) in [("arp_announce", "2"), ("arp_ignore", "1")] {
                let setting = format!("/proc/sys/net/ipv4/conf/all/{setting}");
                host.run(|| fs::write(setting, value)).unwrap().unwrap();
            }
        }
    }

    /// A router of ours that does not serve takes no frame for the virtual MAC: its interface is down.
    fn rests(self, host: &Host) {
        if self == Self::Ours {
            let up = ip(host, "-o link show up type macvlan");
            assert_eq!(up, "", "{}", host.name());
        }
    }

    fn start(self, host: &Host, conf: &str) -> Process {
        match self {
            Self::Ours => ours(host, conf),
            Self::Theirs => theirs(host, conf),
        }
    }
}

fn conf(priority: u8, more: &str) -> String {
    let instance = |name: &str, addresses: &str| {
        format!(
            "vrrp_instance {name} {{\n  version 3\n  interface eth0\n  use_vmac\n{more}  virtual_router_id 51\n  \
             priority {priority}\n  advert_int 0.5\n  virtual_ipaddress {{\n{addresses}  }}\n}}\n"
        )
    };
    instance("VI_4", &format!("    {VIP}\n"))
        + &instance("VI_6", "    fe80::70\n    2001:db8::70\n")
}

//= R9568-6.4.2-01 test
//= R9568-6.4.2-02 test
//= R9568-6.4.2-04 test
//= R9568-7.2-02 test
/// The first serves, is stopped, comes back, preempts, and dies; the second is there each time.
fn play([first, second]: [Side; 2], way: Way) {
    let lab = lan(4, true);
    let capture = Capture::start(&lab).unwrap();
    let [node1, node2, client] = ["node1", "node2", "node3"].map(|name| &lab[name]);
    let more = match way {
        Way::Virtual => "",
        Way::Parent => "  vmac_xmit_base\n",
    };
    let [high, low] = [HIGH, LOW].map(|priority| conf(priority, more));
    // keepalived puts no link-local prefix on an interface that sends no adverts: a virtual one has no way back there.
    let vips = match way {
        Way::Parent if [first, second].contains(&Side::Theirs) => [VIP, GLOBAL],
        _ => [VIP, LINK_LOCAL],
    };
    first.prepare(node1);
    second.prepare(node2);
    let neighbours = client
        .spawn(
            "monitor",
            Command::new("ip").args(["-o", "monitor", "neigh"]),
        )
        .unwrap();

    let began = SystemTime::now();
    let mut process = first.start(node1, &high);
    let backup = second.start(node2, &low);
    serves_alone(&capture, began, "node1");
    let pings = vips.map(|vip| ping(client, vip));
    let reached = |at: &str| {
        for (vip, ping) in vips.iter().zip(&pings) {
            answered(ping);
            assert_eq!(
                neighbour(client, vip),
                virtual_mac(vip).to_string(),
                "{vip} at {at}"
            );
        }
    };
    reached("node1");
    answers_alone(&lab, &capture, vips, "node1", "node2");
    second.rests(node2);

    let stopped = SystemTime::now();
    process.signal(Signal::SIGTERM).unwrap();
    for family in FAMILIES {
        let farewell = capture
            .wait(stopped, SOON, |f| of(family)(f) && resigns("node1")(f))
            .expect("priority 0");
        let heir = capture.wait(farewell.at, SOON, |f| of(family)(f) && serves("node2")(f));
        heir.expect("nobody took over");
    }
    assert_eq!(
        process.wait(SOON).unwrap().expect("an end").code(),
        Some(0),
        "{}",
        process.log()
    );
    serves_alone(&capture, stopped, "node2");
    reached("node2");
    answers_alone(&lab, &capture, vips, "node2", "node1");

    let back = SystemTime::now();
    let process = first.start(node1, &high);
    serves_alone(&capture, back, "node1");
    reached("node1 again");
    answers_alone(&lab, &capture, vips, "node1", "node2");
    second.rests(node2);

    node1.crash().unwrap();
    let dead = SystemTime::now();
    serves_alone(&capture, dead, "node2");
    reached("node2 in the end");

    for ping in pings {
        not_twice(ping);
    }
    one_mac(&capture, vips, &neighbours);
    left_by(&lab, &capture, way);
    for process in [&process, &backup] {
        no_complaints(&process.log());
    }
}

//= KA-ACC-01 test
/// `no_accept`: hosts find the virtual addresses at the virtual MAC, and nothing behind them; `accept`, which is the
/// default, is a reload away.
fn no_accept() {
    let lab = lan(2, true);
    let capture = Capture::start(&lab).unwrap();
    let [router, client] = ["node1", "node2"].map(|name| &lab[name]);
    let began = SystemTime::now();
    let process = ours(router, &conf(HIGH, "  no_accept\n"));
    serves_alone(&capture, began, "node1");
    let vips = [VIP, LINK_LOCAL, GLOBAL];
    for vip in vips {
        assert!(!pinged(client, vip), "{vip} answers:\n{}", process.log());
        assert_eq!(neighbour(client, vip), virtual_mac(vip).to_string());
    }
    router.write("vrrpd.conf", &conf(HIGH, "")).unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    for vip in vips {
        until(SOON, || pinged(client, vip).then_some(()))
            .unwrap_or_else(|| panic!("{vip} does not answer:\n{}", process.log()));
    }
    no_complaints(&process.log());
}

fn serves_alone(capture: &Capture, since: SystemTime, host: &str) {
    for family in FAMILIES {
        settled(capture, since, host, family);
    }
}

/// `ping`, twenty times a second until it is stopped.
fn ping(host: &Host, vip: &str) -> Process {
    let mut command = Command::new("ping");
    command.args(["-n", "-O", "-i", "0.05", "-I", "eth0", vip]);
    host.spawn(&format!("ping-{vip}"), &mut command).unwrap()
}

/// Waits for the next answer.
fn answered(ping: &Process) {
    let answers = || ping.log().matches("bytes from").count();
    let before = answers();
    until(SOON, || (answers() > before).then_some(())).unwrap_or_else(|| panic!("{}", ping.log()));
}

/// Judges a whole series: no question was answered by two.
fn not_twice(mut ping: Process) {
    ping.signal(Signal::SIGINT).unwrap();
    ping.wait(SOON).unwrap().expect("an end");
    let log = ping.log();
    assert!(log.contains("packets transmitted"), "{log}");
    assert!(
        !log.contains("DUP!") && !log.contains("duplicates"),
        "{log}"
    );
}

/// A host that asks everybody, or the virtual MAC, is answered by `active` alone; one that asks the MAC of a router's own
/// interface is answered by nobody, and what it sends there to the virtual address reaches nobody at a Backup.
fn answers_alone(lab: &Lab, capture: &Capture, vips: [&str; 2], active: &str, backup: &str) {
    let stranger = &lab["node4"];
    let asked = SystemTime::now();
    for vip in vips {
        let address: IpAddr = vip.parse().unwrap();
        let mac = virtual_mac(vip);
        let own = |router: &str| text(lab[router].mac("eth0").unwrap());
        // Afresh each time, so that the kernel asks at once.
        let forget = || ip(stranger, &format!("neigh flush to {vip} dev eth0 nud all"));
        let learn = |at: &str, state: &str| {
            forget();
            ip(
                stranger,
                &format!("neigh replace {vip} lladdr {at} nud {state} dev eth0"),
            );
        };
        for at in [own(active), own(backup), mac.to_string()] {
            let now = SystemTime::now();
            // The kernel asks there whether that is still true.
            learn(&at, "probe");
            capture
                .wait(now, SOON, |f| {
                    f.destination().map(text) == Some(at.clone()) && asks(f, address)
                })
                .expect("a question");
        }
        // The last of the questions; the others have had their time.
        let from_active = |f: &Frame| &*f.host == active && answers(f, address, stranger);
        capture
            .wait(asked, SOON, from_active)
            .unwrap_or_else(|| panic!("{active} does not answer for {vip}"));
        learn(&own(backup), "permanent");
        assert!(!pinged(stranger, vip), "{backup} takes packets to {vip}");
        forget();
        assert!(pinged(stranger, vip), "{active} does not serve {vip}");
        assert_eq!(neighbour(stranger, vip), mac.to_string());

        let told = capture
            .frames()
            .into_iter()
            .filter(|f| f.at > asked && f.places(address).is_some());
        let others: Vec<_> = told.filter(|f| &*f.host != active).collect();
        assert!(
            others.is_empty(),
            "somebody else speaks for {vip}: {others:?}"
        );
    }
}

/// Whether it is a question for the address.
fn asks(frame: &Frame, address: IpAddr) -> bool {
    match frame.seen {
        Seen::Arp {
            request,
            target,
            gratuitous,
            ..
        } => request && !gratuitous && IpAddr::V4(target) == address,
        Seen::NeighborSolicitation { target, .. } => IpAddr::V6(target) == address,
        _ => false,
    }
}

/// Whether it is an answer to such a question of `asker`.
fn answers(frame: &Frame, address: IpAddr, asker: &Host) -> bool {
    frame.places(address).is_some() && frame.destination() == asker.mac("eth0").ok()
}

/// Whether one of three questions is answered.
pub(crate) fn pinged(host: &Host, vip: &str) -> bool {
    let mut command = Command::new("ping");
    command.args(["-n", "-c", "3", "-i", "0.1", "-W", "1", "-I", "eth0", vip]);
    host.output(&mut command).unwrap().status.success()
}

fn text(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}

//= R9568-8.1.2-02 test
//= R9568-8.2.2-02 test
/// Whatever was said of where the virtual addresses are was the virtual MAC, in a frame from it; and the client never
/// believed anything else.
fn one_mac(capture: &Capture, vips: [&str; 2], neighbours: &Process) {
    for vip in vips {
        let address: IpAddr = vip.parse().unwrap();
        let mac = virtual_mac(vip);
        for frame in capture.frames() {
            let Some(at) = frame.places(address) else {
                continue;
            };
            let is = (at, frame.source());
            assert_eq!(
                is,
                (mac.octets(), Some(mac.octets())),
                "{}: {}",
                frame.host,
                frame.seen
            );
        }
        let log = neighbours.log();
        let of_vip = log
            .lines()
            .filter(|line| line.contains(&format!("{vip} ")) && line.contains("lladdr"));
        let known: Vec<_> = of_vip.collect();
        assert!(!known.is_empty(), "{vip} was never resolved:\n{log}");
        for line in known {
            assert!(line.contains(&mac.to_string()), "{line}");
        }
    }
}

/// Adverts come from the MAC that was asked for, and from an address of the router's own.
fn left_by(lab: &Lab, capture: &Capture, way: Way) {
    for frame in capture.frames() {
        let Some(advert) = frame.advert() else {
            continue;
        };
        let (vip, v4) = match advert.ends.family() {
            Family::V4 => (VIP, true),
            Family::V6 => (LINK_LOCAL, false),
        };
        let mac = match way {
            Way::Virtual => virtual_mac(vip).octets(),
            Way::Parent => lab[&*frame.host].mac("eth0").unwrap(),
        };
        assert_eq!(advert.mac, mac, "{}: {}", frame.host, frame.seen);
        let source = advert.ends.source().to_string();
        assert_eq!(
            source.starts_with("10.0.0.6"),
            v4,
            "{}: {}",
            frame.host,
            frame.seen
        );
        assert!(source != LINK_LOCAL, "{}: {}", frame.host, frame.seen);
    }
}

//! What others do to addresses, routes and rules of ours, and to the interface under them.

use core::net::IpAddr;
use core::time::Duration;
use std::fs;
use std::process::Command;
use std::time::{Instant, SystemTime};

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Host, Process, until};

use crate::Case;
use crate::features::ip;
use crate::scene::{SECOND, SOON, VIP, active, holders, lan, serves, v3, vrrpd};

pub(crate) const CASES: &[Case] = &[
    (
        "what_somebody_removes_is_back_at_once",
        &["ip"],
        what_somebody_removes_is_back_at_once,
    ),
    (
        "what_somebody_removes_for_ever_is_a_fault",
        &["ip"],
        what_somebody_removes_for_ever_is_a_fault,
    ),
    (
        "a_link_that_flaps_loses_nothing",
        &["ip"],
        a_link_that_flaps_loses_nothing,
    ),
    (
        "an_interface_made_again_loses_nothing",
        &["ip"],
        an_interface_made_again_loses_nothing,
    ),
    (
        "an_interface_with_another_name_keeps_nothing",
        &["ip"],
        an_interface_with_another_name_keeps_nothing,
    ),
];

/// `ip` with these arguments, whether it succeeds or not.
fn try_ip(host: &Host, arguments: &str) -> bool {
    let output = host.output(Command::new("ip").args(arguments.split(' ')));
    output.unwrap().status.success()
}

/// One virtual router with an address, a route and a rule on `iface`.
fn full(iface: &str, priority: u8) -> String {
    format!(
        "vrrp_instance VI_1 {{\n  version 3\n  interface {iface}\n  virtual_router_id 51\n  \
         priority {priority}\n  advert_int 0.2\n  virtual_ipaddress {{\n    {VIP}\n  }}\n  \
         virtual_routes {{\n    192.0.2.0/24 via 10.0.0.1 dev {iface}\n  }}\n  \
         virtual_rules {{\n    from 198.51.100.0/24 table 100 priority 400\n  }}\n}}\n"
    )
}

/// How often the address, the route and the rule are there.
fn there(host: &Host) -> [usize; 3] {
    let address: IpAddr = VIP.parse().unwrap();
    let addresses = host.addresses().unwrap();
    let addresses = addresses.iter().filter(|a| a.cidr.address == address);
    let lines = |arguments, text: &str| {
        let all = ip(host, arguments);
        all.lines().filter(|line| line.contains(text)).count()
    };
    [
        addresses.count(),
        lines("route show table all", "192.0.2.0/24"),
        lines("rule show", "198.51.100.0/24"),
    ]
}

fn whole(host: &Host, daemon: &Process) {
    until(2 * SOON, || (there(host) == [1; 3]).then_some(()))
        .unwrap_or_else(|| panic!("{:?}: {}", there(host), daemon.log()));
}

/// Lines of the log that say that something was taken away.
fn reports(daemon: &Process) -> usize {
    let log = daemon.log();
    log.lines()
        .filter(|line| line.contains("was removed by"))
        .count()
}

/// How long after each removal what was removed was there again, by the time stamps of `ip monitor`.
fn gaps(monitor: &Process, what: &str) -> Vec<f64> {
    let log = monitor.log();
    let (mut gaps, mut gone, mut at) = (Vec::new(), None, None);
    for line in log.lines() {
        if let Some(stamp) = line.strip_prefix('[') {
            let time = stamp.split(['T', ']']).nth(1).unwrap_or_default();
            let seconds = time.split(':').map(|n| n.parse::<f64>().unwrap());
            at = Some(seconds.fold(0.0, |all, n| all * 60.0 + n));
        }
        if !line.contains(what) {
            continue;
        }
        if line.contains("Deleted") {
            gone = at;
        } else if let (Some(gone), Some(at)) = (gone.take(), at) {
            gaps.push(at - gone);
        }
    }
    gaps
}

/// An address, a route, a rule: one line each, and nobody on the network notices.
fn what_somebody_removes_is_back_at_once() {
    let lab = lan(2, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let daemon = vrrpd(node, &full("eth0", 200));
    let second = vrrpd(&lab["node2"], &v3(100, "0.2"));
    active(&capture, "node1");
    whole(node, &daemon);
    assert!(
        second.logs("Entering BACKUP STATE", SOON),
        "{}",
        second.log()
    );
    let mut command = Command::new("ip");
    let monitor = node
        .spawn(
            "monitor",
            command.args(["-ts", "monitor", "address", "route", "rule"]),
        )
        .unwrap();
    let begun = SystemTime::now();
    let removals = [
        ("addr del 10.0.0.70/32 dev eth0", "10.0.0.70"),
        ("route del 192.0.2.0/24", "192.0.2.0/24"),
        ("rule del priority 400", "198.51.100.0/24"),
    ];
    let lines = ["10.0.0.70 was", "route 192.0.2.0/24 was", "rule 400 was"];
    // The monitor is at work when it has told of something.
    until(SOON, || {
        ip(node, "addr add 203.0.113.1/32 dev lo");
        ip(node, "addr del 203.0.113.1/32 dev lo");
        monitor.log().contains("203.0.113.1").then_some(())
    })
    .expect("a monitor");
    for ((remove, what), line) in removals.into_iter().zip(lines) {
        ip(node, remove);
        let gap = until(SOON, || gaps(&monitor, what).first().copied())
            .unwrap_or_else(|| panic!("{what} is not back: {}", monitor.log()));
        println!("{what} is back after {:.3} ms", gap * 1e3);
        whole(node, &daemon);
        let said = format!("(VI_1) {line} removed by the program with netlink port");
        assert!(daemon.logs(&said, SOON), "{}", daemon.log());
    }
    // Another advert, so that the peer has had its say.
    capture
        .wait(SystemTime::now(), SOON, serves("node1"))
        .expect("an advert");
    assert_eq!(reports(&daemon), 3, "{}", daemon.log());
    assert!(
        !capture
            .frames()
            .iter()
            .any(|frame| frame.at > begun && serves("node2")(frame)),
        "{capture}"
    );
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
}

/// Twenty times without a pause; until then there is a line a second at most. A reload tries again at once.
fn what_somebody_removes_for_ever_is_a_fault() {
    let lab = lan(2, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let daemon = vrrpd(node, &v3(200, "0.2"));
    active(&capture, "node1");
    let _second = vrrpd(&lab["node2"], &v3(100, "0.2"));
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(())).expect("node1 has the address");
    let begun = Instant::now();
    let mut removed = 0;
    until(12 * SOON, || {
        removed += usize::from(try_ip(node, "addr del 10.0.0.70/32 dev eth0"));
        std::thread::sleep(Duration::from_millis(100));
        daemon.log().contains("entering FAULT state").then_some(())
    })
    .unwrap_or_else(|| panic!("{}", daemon.log()));
    let took = begun.elapsed();
    let log = daemon.log();
    assert_eq!(removed, 20, "{log}");
    assert!(log.contains("for the 20th time"), "{log}");
    assert!(log.contains("more removals)"), "{log}");
    let lines = reports(&daemon);
    let most = usize::try_from(took.as_secs()).unwrap() + 3;
    println!("{removed} removals in {took:?}: {lines} lines, the last of them about the fault");
    assert!((2..=most).contains(&lines), "{log}");
    active(&capture, "node2");
    until(SOON, || (holders(&lab, VIP) == ["node2"]).then_some(())).expect("node2 has the address");

    daemon.signal(Signal::SIGHUP).unwrap();
    until(2 * SOON, || (holders(&lab, VIP) == ["node1"]).then_some(()))
        .unwrap_or_else(|| panic!("{}", daemon.log()));
}

/// Open files of the daemon, and how often its host is in the group of VRRP.
fn open(daemon: &Process) -> (usize, usize) {
    let files = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    let groups = fs::read_to_string(format!("/proc/{}/net/igmp", daemon.pid())).unwrap();
    (
        files.count(),
        groups
            .lines()
            .filter(|line| line.contains("120000E0"))
            .count(),
    )
}

/// A router alone on a pair of interfaces, whose other end is up.
fn pair(host: &Host) {
    ip(host, "link add w0 type veth peer name w1");
    ip(host, "link set w1 up");
    ip(host, "link set w0 up");
    ip(host, "addr add 10.0.0.2/24 dev w0");
}

/// Does it, in every third round while the daemon is frozen: then it finds beginning and end at once.
fn unseen(daemon: &Process, round: u32, work: impl FnOnce()) {
    let frozen = round.is_multiple_of(3);
    if frozen {
        daemon.signal(Signal::SIGSTOP).unwrap();
    }
    work();
    if frozen {
        daemon.signal(Signal::SIGCONT).unwrap();
    }
}

/// Thirty times in a row; nobody is accused of having removed anything.
fn a_link_that_flaps_loses_nothing() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    pair(node);
    let daemon = vrrpd(node, &full("w0", 200));
    whole(node, &daemon);
    let before = open(&daemon);
    for round in 0..30 {
        unseen(&daemon, round, || {
            ip(node, "link set w0 down");
            ip(node, "link set w0 up");
        });
        whole(node, &daemon);
    }
    let said = daemon.log();
    assert!(
        said.contains("an interface was down: putting back"),
        "{said}"
    );
    assert_eq!(reports(&daemon), 0, "{}", daemon.log());
    until(SOON, || (open(&daemon) == before).then_some(()))
        .unwrap_or_else(|| panic!("{before:?} became {:?}", open(&daemon)));
}

/// Deleted and made again, thirty times, with another number each time.
fn an_interface_made_again_loses_nothing() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    pair(node);
    let daemon = vrrpd(node, &full("w0", 200));
    whole(node, &daemon);
    let before = open(&daemon);
    for round in 0..30 {
        unseen(&daemon, round, || {
            ip(node, "link del w0");
            pair(node);
        });
        whole(node, &daemon);
    }
    assert_eq!(reports(&daemon), 0, "{}", daemon.log());
    until(SOON, || (open(&daemon) == before).then_some(()))
        .unwrap_or_else(|| panic!("{before:?} became {:?}", open(&daemon)));
}

/// By another name it is another interface: what we have put there goes, and comes back with the name.
fn an_interface_with_another_name_keeps_nothing() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    pair(node);
    let daemon = vrrpd(node, &full("w0", 200));
    whole(node, &daemon);
    let before = open(&daemon);
    for round in 0..6 {
        unseen(&daemon, round, || {
            ip(node, "link set w0 down");
            ip(node, "link set w0 name other");
            ip(node, "link set other up");
        });
        until(2 * SOON, || (there(node) == [0; 3]).then_some(()))
            .unwrap_or_else(|| panic!("{:?}: {}", there(node), daemon.log()));
        ip(node, "link set other down");
        ip(node, "link set other name w0");
        ip(node, "link set w0 up");
        whole(node, &daemon);
    }
    assert_eq!(reports(&daemon), 0, "{}", daemon.log());
    until(SECOND, || (open(&daemon) == before).then_some(()))
        .unwrap_or_else(|| panic!("{before:?} became {:?}", open(&daemon)));
}

//! What else happens on the host and the network: others with our addresses, changes by the thousand, a firewall of
//! ours among theirs.

use core::fmt::Write as _;
use core::time::Duration;

use std::fs;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Host, until};
use vrrp_net::frame::GratuitousArp;
use vrrp_net::linux::Linux;
use vrrp_net::{Backend as _, Mac, Op};

use crate::Case;
use crate::features::{ip, says};
use crate::scene::{SOON, VIP, active, holders, lan, serves, v3, vrrpd, wait_for};

pub(crate) const CASES: &[Case] = &[
    (
        "an_address_that_another_host_claims_is_one_line",
        &["ip"],
        an_address_that_another_host_claims_is_one_line,
    ),
    (
        "an_address_that_another_host_has_is_not_used",
        &["ip"],
        an_address_that_another_host_has_is_not_used,
    ),
    (
        "ten_thousand_changes_of_others_are_no_event",
        &["ip"],
        ten_thousand_changes_of_others_are_no_event,
    ),
    (
        "the_table_of_no_accept_is_as_it_was_asked_for",
        &["nft"],
        the_table_of_no_accept_is_as_it_was_asked_for,
    ),
];

/// Fifty gratuitous ARPs: one line, which says whose they are.
fn an_address_that_another_host_claims_is_one_line() {
    const CLAIM: &str = "(VI_1) 10.0.0.70 is claimed by";
    let lab = lan(2, false);
    let (node, other) = (&lab["node1"], &lab["node2"]);
    let daemon = vrrpd(node, &v3(200, "0.2"));
    wait_for("Active", &daemon, || holders(&lab, VIP) == ["node1"]);
    let mac = Mac::new(other.mac("eth0").unwrap());
    let claim = || {
        let mut linux = Linux::open().unwrap();
        let iface = linux.links().find(|link| link.name == "eth0").unwrap();
        let arp = GratuitousArp::new(VIP.parse().unwrap(), mac);
        let op = Op::GratuitousArp {
            iface: iface.index,
            arp,
        };
        linux.apply_all(&[op], &mut |_, error| panic!("{error}"));
    };
    until(SOON, || {
        other.run(claim).unwrap();
        daemon.log().contains(CLAIM).then_some(())
    })
    .unwrap_or_else(|| panic!("{}", daemon.log()));
    for _ in 0..50 {
        other.run(claim).unwrap();
    }
    // What comes after it is heard.
    ip(node, "addr del 10.0.0.70/32 dev eth0");
    says(&daemon, "10.0.0.70 was removed by");
    let log = daemon.log();
    let lines = log.lines().filter(|line| line.contains(CLAIM));
    assert_eq!(lines.count(), 1, "{log}");
    assert!(log.contains(&format!("{CLAIM} {mac} as well")), "{log}");
}

/// With `-nodad` (which asks for Duplicate Address Detection, in keepalived's language).
fn an_address_that_another_host_has_is_not_used() {
    let lab = lan(2, true);
    let (node, other) = (&lab["node1"], &lab["node2"]);
    let capture = Capture::start(&lab).unwrap();
    let detect = || {
        for of in ["all", "default", "eth0"] {
            fs::write(format!("/proc/sys/net/ipv6/conf/{of}/accept_dad"), "1").unwrap();
        }
    };
    node.run(detect).unwrap();
    ip(other, "addr add 2001:db8::70/64 dev eth0 nodad");
    let vips = "fe80::70\n    2001:db8::70/64 -nodad";
    let daemon = vrrpd(node, &v3(200, "0.2").replace(VIP, vips));
    active(&capture, "node1");
    says(
        &daemon,
        "(VI_1) 2001:db8::70 is on another host as well: duplicate address detection has failed on eth0",
    );
    let shown = ip(node, "-6 addr show dev eth0");
    assert!(shown.contains("dadfailed"), "{shown}");
    // The other address is served.
    capture
        .wait(SystemTime::now(), SOON, serves("node1"))
        .expect("an advert");
    assert!(shown.contains("fe80::70"), "{shown}");
    let log = daemon.log();
    assert_eq!(
        log.matches("duplicate address detection").count(),
        1,
        "{log}"
    );
}

/// 10,000 routes and links that come and go, as fast as the kernel takes them.
fn flood(host: &Host) {
    let mut batch = String::from("link add noise type veth peer name noisy\n");
    for n in 0..2_000 {
        let (high, low) = (n / 250, n % 250);
        writeln!(batch, "route add 172.16.{high}.{low}/32 dev lo table 77").unwrap();
        writeln!(batch, "link set noise mtu {}", 1_000 + n % 2).unwrap();
        writeln!(batch, "link set noise up").unwrap();
        writeln!(batch, "link set noise down").unwrap();
        writeln!(batch, "route del 172.16.{high}.{low}/32 dev lo table 77").unwrap();
    }
    batch.push_str("link del noise\n");
    let file = host.write("batch", &batch).unwrap();
    let done = host.output(Command::new("ip").arg("-batch").arg(file));
    let done = done.unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// At adverts every 10 ms, of which a peer misses nine before it takes over.
fn ten_thousand_changes_of_others_are_no_event() {
    let lab = lan(3, false);
    let (node, elsewhere) = (&lab["node1"], &lab["node3"]);
    let capture = Capture::start(&lab).unwrap();
    let conf = |priority| {
        let more = "advert_int 0.01\n  down_timer_adverts 10\n  virtual_routes {\n    192.0.2.0/24 dev eth0\n  }";
        v3(priority, "1").replace("advert_int 1", more)
    };
    let daemon = vrrpd(node, &conf(200));
    active(&capture, "node1");
    let peer = vrrpd(&lab["node2"], &conf(100));
    says(&peer, "Entering BACKUP STATE");
    // The same work on another host, which costs the machine as much, tells the kernel from the machine.
    let disturbs = |host: &Host| {
        let begin = SystemTime::now();
        flood(host);
        let end = SystemTime::now();
        capture
            .wait(end, SOON, serves("node1"))
            .expect("node1 still serves");
        let frames = capture.frames();
        frames
            .iter()
            .any(|frame| frame.at > begin && serves("node2")(frame))
    };
    let mut quiet = false;
    for _ in 0..3 {
        quiet = !disturbs(node);
        if quiet {
            break;
        }
        wait_for("order again", &daemon, || holders(&lab, VIP) == ["node1"]);
        thread::sleep(Duration::from_millis(500));
    }
    assert!(
        quiet || disturbs(elsewhere),
        "the peer took over: {}",
        peer.log()
    );
    // And what happens afterwards is noticed.
    wait_for("one holder", &daemon, || holders(&lab, VIP) == ["node1"]);
    ip(node, "addr del 10.0.0.70/32 dev eth0");
    ip(node, "route del 192.0.2.0/24");
    wait_for("both back", &daemon, || {
        holders(&lab, VIP) == ["node1"] && ip(node, "route").contains("192.0.2.0/24")
    });
    says(&daemon, "10.0.0.70 was removed by");
    assert!(!daemon.log().contains("FAULT"), "{}", daemon.log());
}

fn the_table_of_no_accept_is_as_it_was_asked_for() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let nft = || {
        let shown = node.output(Command::new("nft").args(["list", "ruleset"]));
        String::from_utf8(shown.unwrap().stdout).unwrap()
    };
    let globals = |table: &str| {
        format!(
            "global_defs {{\n  nftables {table}\n  nftables_priority 7\n  nftables_counters\n  vrrp_iptables\n}}\n{}",
            v3(200, "0.1").replace("advert_int", "no_accept\n  advert_int")
        )
    };
    let mut daemon = vrrpd(node, &globals("mine"));
    wait_for("a table", &daemon, || nft().contains("10.0.0.70"));
    let shown = nft();
    for line in [
        "table inet mine {",
        "hook input priority filter + 7",
        "ip daddr @v4 counter packets",
    ] {
        assert!(shown.contains(line), "no `{line}` in:\n{shown}");
    }
    assert!(
        !daemon.log().contains("not yet in effect"),
        "{}",
        daemon.log()
    );
    node.write("vrrpd.conf", &globals("other")).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    says(&daemon, "Cannot change nftables at a reload");
    assert!(nft().contains("table inet mine {"));
    daemon.stop(SOON).unwrap();
    assert_eq!(nft(), "");
}

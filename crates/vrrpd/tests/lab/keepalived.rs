//! keepalived, as Debian packs it, on the other side: both must see in each other nothing but a VRRP router.

use core::time::Duration;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Host, Process, until};

use crate::Case;
use crate::scene::{
    SECOND, SOON, TUTORIAL, active, down, holders, in_time, inherits_by, lan, resigns, run, serves,
    skew, v3,
};

pub(crate) const CASES: &[Case] = &[
    ("keepalived_v2_stands_by_for_us", &["keepalived"], || {
        play(&v2(), OURS_FIRST)
    }),
    ("keepalived_v2_is_stood_by_by_us", &["keepalived"], || {
        play(&v2(), THEIRS_FIRST)
    }),
    ("keepalived_v3_stands_by_for_us", &["keepalived"], || {
        play(&v3_ipv4(), OURS_FIRST)
    }),
    ("keepalived_v3_is_stood_by_by_us", &["keepalived"], || {
        play(&v3_ipv4(), THEIRS_FIRST)
    }),
    ("keepalived_ipv6_stands_by_for_us", &["keepalived"], || {
        play(&ipv6(), OURS_FIRST)
    }),
    ("keepalived_ipv6_is_stood_by_by_us", &["keepalived"], || {
        play(&ipv6(), THEIRS_FIRST)
    }),
    (
        "keepalived_unicast_stands_by_for_us",
        &["keepalived"],
        || play(&unicast(), OURS_FIRST),
    ),
    (
        "keepalived_unicast_is_stood_by_by_us",
        &["keepalived"],
        || play(&unicast(), THEIRS_FIRST),
    ),
    (
        "keepalived_unicast_v2_stands_by_for_us",
        &["keepalived"],
        || play(&unicast_v2(), OURS_FIRST),
    ),
    (
        "keepalived_unicast_v2_is_stood_by_by_us",
        &["keepalived"],
        || play(&unicast_v2(), THEIRS_FIRST),
    ),
    (
        "keepalived_unicast_ipv6_stands_by_for_us",
        &["keepalived"],
        || play(&unicast_ipv6(), OURS_FIRST),
    ),
    (
        "keepalived_unicast_ipv6_is_stood_by_by_us",
        &["keepalived"],
        || play(&unicast_ipv6(), THEIRS_FIRST),
    ),
    ("keepalived_ah_stands_by_for_us", &["keepalived"], || {
        play(&ah(), OURS_FIRST)
    }),
    ("keepalived_ah_is_stood_by_by_us", &["keepalived"], || {
        play(&ah(), THEIRS_FIRST)
    }),
];

/// Two configurations for one virtual router, and what follows from them.
struct Pair {
    confs: [String; 2],
    address: &'static str,
    interval: Duration,
    /// What 1 in the formula of Skew_Time is: a second in VRRPv2, the interval in VRRPv3.
    unit: Duration,
    priorities: [u32; 2],
}

fn v2() -> Pair {
    let confs = [TUTORIAL[0].into(), TUTORIAL[1].into()];
    Pair {
        confs,
        address: "10.0.0.70",
        interval: SECOND,
        unit: SECOND,
        priorities: [100, 90],
    }
}

fn v3_ipv4() -> Pair {
    let half = SECOND / 2;
    let confs = [v3(200, "0.5"), v3(150, "0.5")];
    Pair {
        confs,
        address: "10.0.0.70",
        interval: half,
        unit: half,
        priorities: [200, 150],
    }
}

fn ipv6() -> Pair {
    let to6 = |conf: String| conf.replace("10.0.0.70", "fe80::70\n    2001:db8::70");
    let pair = v3_ipv4();
    Pair {
        confs: pair.confs.map(to6),
        address: "2001:db8::70",
        ..pair
    }
}

/// The same pair, each told of the other's address.
fn by_unicast(pair: Pair, addresses: [&str; 2]) -> Pair {
    let [first, second] = addresses;
    let told = |conf: &String, own, other| {
        let lines = format!("\n  unicast_src_ip {own}\n  unicast_peer {{\n    {other}\n  }}\n");
        conf.replacen("interface eth0\n", &format!("interface eth0{lines}"), 1)
    };
    Pair {
        confs: [
            told(&pair.confs[0], first, second),
            told(&pair.confs[1], second, first),
        ],
        ..pair
    }
}

fn unicast() -> Pair {
    by_unicast(v3_ipv4(), ["10.0.0.60", "10.0.0.61"])
}

/// With the tutorial's password.
fn unicast_v2() -> Pair {
    by_unicast(v2(), ["10.0.0.60", "10.0.0.61"])
}

fn unicast_ipv6() -> Pair {
    by_unicast(ipv6(), ["2001:db8::60", "2001:db8::61"])
}

/// The authentication header, which nobody should use.
fn ah() -> Pair {
    let pair = v2();
    let ah = |conf: String| {
        let conf = conf.replace("auth_type PASS", "auth_type AH");
        conf.replace("state MASTER", "state BACKUP")
    };
    Pair {
        confs: pair.confs.map(ah),
        ..pair
    }
}

pub(crate) type Start = fn(&Host, &str) -> Process;
const OURS_FIRST: [Start; 2] = [ours, theirs];
const THEIRS_FIRST: [Start; 2] = [theirs, ours];

pub(crate) fn ours(host: &Host, conf: &str) -> Process {
    let file = host.write("vrrpd.conf", conf).unwrap();
    host.spawn("vrrpd", run(host).arg("-D").arg("-f").arg(file))
        .unwrap()
}

pub(crate) fn theirs(host: &Host, conf: &str) -> Process {
    let file = host.write("keepalived.conf", conf).unwrap();
    let mut command = Command::new("keepalived");
    command.args(["-n", "-l", "-D", "-G", "-P", "-f"]).arg(file);
    command.arg("-p").arg(host.dir().join("keepalived.pid"));
    command.arg("-r").arg(host.dir().join("vrrp.pid"));
    host.spawn("keepalived", &mut command).unwrap()
}

/// The first serves, is stopped, comes back, preempts, and dies; the second is there each time.
fn play(pair: &Pair, [first, second]: [Start; 2]) {
    let lab = lan(2, true);
    let capture = Capture::start(&lab).unwrap();
    let [high, low] = pair.priorities;
    let (node1, node2) = (&lab["node1"], &lab["node2"]);
    let mut process = first(node1, &pair.confs[0]);
    let backup = second(node2, &pair.confs[1]);
    active(&capture, "node1");
    let held_by = |name: &str| {
        until(SOON, || {
            (holders(&lab, pair.address) == [name]).then_some(())
        })
        .unwrap_or_else(|| panic!("{name} has not {}", pair.address));
    };
    held_by("node1");

    let stopped = SystemTime::now();
    process.signal(Signal::SIGTERM).unwrap();
    let farewell = capture
        .wait(stopped, SOON, resigns("node1"))
        .expect("priority 0");
    let heir = capture
        .wait(farewell.at, SOON, serves("node2"))
        .expect("nobody took over");
    in_time(&heir, farewell.at, skew(pair.unit, low), pair.interval);
    assert_eq!(
        process.wait(SOON).unwrap().expect("an end").code(),
        Some(0),
        "{}",
        process.log()
    );
    held_by("node2");

    let back = SystemTime::now();
    process = first(node1, &pair.confs[0]);
    let preempts = capture
        .wait(back, 2 * SOON, serves("node1"))
        .expect("no preemption");
    // Late by what the program needs to start, too.
    in_time(
        &preempts,
        back,
        down(pair.interval, pair.unit, high),
        pair.interval + SECOND,
    );
    held_by("node1");
    // The next that is due: its first may cross with one of the second's, be answered, and answered again.
    capture
        .wait(preempts.at + pair.interval / 2, SOON, serves("node1"))
        .expect("adverts");

    node1.crash().unwrap();
    let address = pair.address.parse().unwrap();
    inherits_by(
        &capture,
        "node1",
        |frame| serves("node2")(frame) || &*frame.host == "node2" && frame.announces(address),
        down(pair.interval, pair.unit, low),
        pair.interval,
    );
    // The dead node's kernel still has the address; nobody hears it.
    let served = || {
        lab["node2"]
            .addresses()
            .unwrap()
            .iter()
            .any(|a| a.cidr.address.to_string() == pair.address)
    };
    until(SOON, || served().then_some(())).expect("node2 has the address");

    no_complaints(&process.log());
    no_complaints(&backup.log());
}

/// Words of both programs when a packet displeases them, in any of their lines.
const COMPLAINTS: [&str; 16] = [
    "bogus",
    "bad ",
    "invalid",
    "incorrect",
    "wrong",
    "mismatch",
    "differ",
    "checksum",
    "drop",
    "discard",
    "not present",
    "expected",
    "unknown",
    "error",
    "warn",
    "failed",
];

pub(crate) fn no_complaints(log: &str) {
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| {
            let line = line.to_lowercase();
            COMPLAINTS.iter().any(|word| line.contains(word)) && !is_harmless(&line)
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// What is said of one's own file, and of a router that comes back while the other, lower one still serves.
fn is_harmless(line: &str) -> bool {
    line.contains("truncating auth_pass")
        || line.contains("received lower priority") && line.contains("discarding")
        // Where machines are slow, two of its adverts cross the first of ours. Who serves is seen on the wire.
        || line.contains("serves these addresses as well")
}

//! Habits of keepalived's users: scripts, FIFOs, trackers, dumps, virtual MAC addresses.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vrrp_lab::{Host, Probe, Process, until};

use crate::Case;
use crate::scene::{SOON, VIP, holders, lan, script, text, vrrpd, wait_for, with};

pub(crate) const CASES: &[Case] = &[
    (
        "notifications_keep_their_order_and_a_hung_one_holds_nobody_up",
        &[],
        notifications,
    ),
    (
        "a_failing_script_is_a_fault_and_its_last_words_are_logged",
        &[],
        tracked_script,
    ),
    ("a_tracked_file_and_processes_count", &[], tracked_things),
    (
        "json_has_the_keys_types_and_order_of_keepalived",
        &["keepalived"],
        json,
    ),
    ("a_virtual_mac_answers_while_active", &[], virtual_mac),
];

fn notifications() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let told = node.dir().join("told");
    let notify = script(
        node,
        "notify.sh",
        &format!("echo \"$@\" >> {}", told.display()),
    );
    let hung = script(node, "hung.sh", "sleep 3600");
    let fifo = node.dir().join("fifo");
    let lines = node.dir().join("lines");
    let reader = script(
        node,
        "reader.sh",
        &format!("exec cat \"$1\" > {}", lines.display()),
    );
    let head = format!(
        "global_defs {{\n  script_user root\n  vrrp_notify_fifo {}\n  vrrp_notify_fifo_script {reader}\n}}\n",
        fifo.display()
    );
    let first = with(&format!(
        "  notify_master \"{notify} master\"\n  notify {notify}\n  notify_stop \"{notify} stop\""
    ));
    let second = first
        .replace("VI_1", "VI_2")
        .replace("router_id 51", "router_id 52")
        .replace(VIP, "10.0.0.71");
    let second = second.replace(&format!("notify {notify}"), &format!("notify {hung}"));
    let mut process = vrrpd(node, &format!("{head}{first}{second}"));
    wait_for("both serve", &process, || {
        holders(&lab, VIP) == ["node1"] && holders(&lab, "10.0.0.71") == ["node1"]
    });
    wait_for("told", &process, || {
        text(&told).contains("INSTANCE VI_1 MASTER 200")
    });
    assert_eq!(
        process.stop(SOON).unwrap().code(),
        Some(0),
        "{}",
        process.log()
    );
    let told = text(&told);
    let of_first: Vec<&str> = told.lines().filter(|line| !line.contains("VI_2")).collect();
    let order = [
        "INSTANCE VI_1 BACKUP 200",
        "master",
        "INSTANCE VI_1 MASTER 200",
        "stop",
        "INSTANCE VI_1 STOP 200",
    ];
    let mut rest = of_first.iter();
    for line in order {
        assert!(
            rest.any(|have| *have == line),
            "{line} in its place: {of_first:?}"
        );
    }
    let lines = text(&lines);
    for line in ["BACKUP", "MASTER", "STOP"] {
        assert!(
            lines.contains(&format!("INSTANCE \"VI_1\" {line} 200\n")),
            "{lines}"
        );
    }
    assert!(!fifo.exists(), "made by the daemon, removed by it");
}

fn tracked_script() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let flag = node.write("well", "").unwrap();
    let check = script(
        node,
        "check.sh",
        &format!("test -e {} || {{ echo unwell; exit 3; }}", flag.display()),
    );
    let head = format!("vrrp_script chk {{\n  script {check}\n  interval 1\n  user root\n}}\n");
    let conf = format!("{head}{}", with("  track_script {\n    chk\n  }"));
    let process = vrrpd(node, &conf);
    wait_for("serves", &process, || holders(&lab, VIP) == ["node1"]);
    fs::remove_file(&flag).unwrap();
    wait_for("fault", &process, || holders(&lab, VIP).is_empty());
    for line in [
        "VRRP_Script(chk) failed (exited with status 3)",
        "(VI_1) Entering FAULT STATE",
        "Script `chk` said: unwell",
    ] {
        assert!(process.logs(line, SOON), "{line}:\n{}", process.log());
    }
    fs::write(&flag, "").unwrap();
    wait_for("serves again", &process, || holders(&lab, VIP) == ["node1"]);
}

fn tracked_things() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let number = node.write("number", "0\n").unwrap();
    let head = format!(
        "track_file tf {{\n  file {}\n  weight 1\n}}\nvrrp_track_process tp {{\n  process no-such-process\n  weight 7\n}}\n",
        number.display()
    );
    let conf = format!(
        "{head}{}",
        with("  track_file {\n    tf\n  }\n  track_process {\n    tp\n  }")
    );
    let process = vrrpd(node, &conf);
    wait_for("serves", &process, || holders(&lab, VIP) == ["node1"]);
    fs::write(&number, "-50\n").unwrap();
    let line = "(VI_1) Changing effective priority from 200 to 150";
    assert!(process.logs(line, SOON), "{}", process.log());
}

fn json() {
    let lab = lan(2, false);
    let conf = with(
        "  notify_master /bin/true\n  nopreempt\n  virtual_ipaddress_excluded {\n    10.0.0.72/24\n  }\n  \
         virtual_routes {\n    192.168.7.0/24 via 10.0.0.60 dev eth0\n  }",
    );
    // Each alone: both are to be Active.
    let dump = |node: &Host, process: &Process, file: &Path| -> Value {
        wait_for("serves", process, || {
            let vip: core::net::IpAddr = VIP.parse().unwrap();
            node.addresses()
                .unwrap()
                .iter()
                .any(|address| address.cidr.address == vip)
        });
        // The number is no `Signal` of nix, for it is a real-time one.
        let number = (libc::SIGRTMIN() + 2).to_string();
        let sent = Command::new("kill")
            .arg(format!("-{number}"))
            .arg(process.pid().to_string())
            .status();
        assert!(sent.unwrap().success());
        until(SOON, || serde_json::from_str(&text(file)).ok()).expect("a dump")
    };
    let (ours, theirs) = (&lab["node1"], &lab["node2"]);
    let mut process = vrrpd(ours, &conf);
    let our_dump = dump(ours, &process, &ours.dir().join("vrrpd/keepalived.json"));
    process.stop(SOON).unwrap();

    let file = theirs.write("keepalived.conf", &conf).unwrap();
    let mut command = Command::new("keepalived");
    command.args(["-n", "-l", "-G", "-P", "-f"]).arg(file);
    command.arg("-p").arg(theirs.dir().join("keepalived.pid"));
    command.arg("-r").arg(theirs.dir().join("vrrp.pid"));
    command.env("TMPDIR", theirs.dir());
    let mut process = theirs.spawn("keepalived", &mut command).unwrap();
    let their_dump = dump(theirs, &process, &theirs.dir().join("keepalived.json"));
    process.stop(SOON).unwrap();

    for part in ["data", "stats"] {
        let shape = |dump: &Value| -> Vec<(String, &'static str)> {
            let members = dump[0][part].as_object().unwrap();
            members
                .iter()
                .map(|(key, value)| (key.clone(), kind(value)))
                .collect()
        };
        assert_eq!(shape(&our_dump), shape(&their_dump), "{part}");
    }
    let (our_data, their_data) = (&our_dump[0]["data"], &their_dump[0]["data"]);
    for key in [
        "state",
        "vipset",
        "vips",
        "evips",
        "adver_int",
        "garp_delay",
        "effective_priority",
    ] {
        assert_eq!(our_data[key], their_data[key], "{key}");
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn virtual_mac() {
    let lab = lan(2, false);
    let (server, client) = (&lab["node1"], &lab["node2"]);
    let there = || {
        server
            .run(|| nix::net::if_::if_nametoindex("vrrp.51").is_ok())
            .unwrap()
    };
    let mut process = vrrpd(server, &with("  use_vmac"));
    wait_for("serves", &process, || holders(&lab, VIP) == ["node1"]);
    assert!(there());
    let probe = Probe::start(client, VIP.parse().unwrap(), SOON / 50).unwrap();
    wait_for("an answer", &process, || probe.answered());
    let neighbours = client
        .run(|| text(Path::new("/proc/thread-self/net/arp")))
        .unwrap();
    let entry = neighbours
        .lines()
        .find(|line| line.starts_with(VIP))
        .unwrap_or_default();
    assert!(entry.contains("00:00:5e:00:01:33"), "{neighbours}");
    assert_eq!(process.stop(SOON).unwrap().code(), Some(0));
    assert!(!there(), "the interface stayed");
}

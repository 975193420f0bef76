//! A stranger to both of us reads what we send.

use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Lab};

use crate::Case;
use crate::scene::{SOON, TUTORIAL, active, lan, resigns, v3, vrrpd};

pub(crate) const CASES: &[Case] = &[
    (
        "tshark_reads_v2_with_its_password",
        &["tshark"],
        tshark_reads_v2_with_its_password,
    ),
    (
        "tshark_reads_v3_in_both_checksum_forms",
        &["tshark"],
        tshark_reads_v3_in_both_checksum_forms,
    ),
    ("tshark_reads_ipv6", &["tshark"], tshark_reads_ipv6),
];

/// Starts a router, stops it once it serves, and gives all that it sent to tshark; the fields, a line per frame.
fn sent(lab: &Lab, conf: &str, filter: &str, preferences: &[&str], fields: &[&str]) -> Vec<String> {
    let capture = Capture::start(lab).unwrap();
    let mut node = vrrpd(&lab["node1"], conf);
    active(&capture, "node1");
    let stopped = SystemTime::now();
    node.signal(Signal::SIGTERM).unwrap();
    capture
        .wait(stopped, SOON, resigns("node1"))
        .expect("priority 0");
    assert_eq!(
        node.wait(SOON).unwrap().expect("an end").code(),
        Some(0),
        "{}",
        node.log()
    );
    let file = lab["node1"].dir().join("sent.pcap");
    capture.write_pcap(&file).unwrap();
    let mut tshark = Command::new("tshark");
    tshark
        .env("HOME", lab["node1"].dir())
        .arg("-n")
        .arg("-r")
        .arg(&file);
    tshark.args(["-T", "fields", "-E", "separator=|", "-Y", filter]);
    for preference in preferences {
        tshark.args(["-o", preference]);
    }
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// What tshark makes of a right checksum.
const GOOD: &str = "1";

fn tshark_reads_v2_with_its_password() {
    let fields = [
        "ip.src",
        "ip.dst",
        "ip.ttl",
        "vrrp.version",
        "vrrp.virt_rtr_id",
        "vrrp.prio",
        "vrrp.checksum.status",
        "vrrp.auth_type",
        "vrrp.auth_string",
        "vrrp.adver_int",
        "vrrp.ip_addr",
    ];
    let lines = sent(&lan(1, false), TUTORIAL[0], "vrrp", &[], &fields);
    let common = |priority| {
        format!("10.0.0.60|224.0.0.18|255|2|51|{priority}|{GOOD}|1|mypasswo|1|10.0.0.70")
    };
    let (last, before) = lines.split_last().expect("adverts");
    assert!(
        !before.is_empty() && before.iter().all(|l| *l == common(100)),
        "{lines:#?}"
    );
    assert_eq!(*last, common(0));

    let fields = [
        "eth.dst",
        "arp.isgratuitous",
        "arp.opcode",
        "arp.src.proto_ipv4",
        "arp.dst.proto_ipv4",
        "arp.src.hw_mac",
    ];
    let lines = sent(&lan(1, false), TUTORIAL[0], "arp", &[], &fields);
    assert_eq!(lines.len(), 5, "{lines:#?}");
    let gratuitous = "ff:ff:ff:ff:ff:ff|1|1|10.0.0.70|10.0.0.70|02:00:00:00:01:00";
    assert!(lines.iter().all(|l| *l == gratuitous), "{lines:#?}");
}

/// keepalived's default has the pseudo-header in the checksum; RFC 9568 has not.
fn tshark_reads_v3_in_both_checksum_forms() {
    let fields = [
        "vrrp.version",
        "vrrp.prio",
        "vrrp.checksum.status",
        "vrrp.short_adver_int",
        "vrrp.ip_addr",
    ];
    let conf = v3(200, "0.5");
    let plain = conf.replace("version 3", "version 3\n  v3_checksum_as_v2");
    for (conf, as_in_v2) in [(conf, "FALSE"), (plain, "TRUE")] {
        let preference = format!("vrrp.v3_checksum_as_in_v2:{as_in_v2}");
        let lines = sent(&lan(1, false), &conf, "vrrp", &[&preference], &fields);
        let line = |priority| format!("3|{priority}|{GOOD}|50|10.0.0.70");
        let (last, before) = lines.split_last().expect("adverts");
        assert!(
            !before.is_empty() && before.iter().all(|l| *l == line(200)),
            "{as_in_v2}: {lines:#?}"
        );
        assert_eq!(*last, line(0));
    }
}

fn tshark_reads_ipv6() {
    let conf = v3(200, "0.5").replace("10.0.0.70", "fe80::70\n    2001:db8::70");
    let fields = [
        "ipv6.dst",
        "ipv6.hlim",
        "vrrp.prio",
        "vrrp.checksum.status",
        "vrrp.ipv6_addr",
    ];
    let lines = sent(&lan(1, true), &conf, "vrrp", &[], &fields);
    let line = |priority| format!("ff02::12|255|{priority}|{GOOD}|fe80::70,2001:db8::70");
    let (last, before) = lines.split_last().expect("adverts");
    assert!(
        !before.is_empty() && before.iter().all(|l| *l == line(200)),
        "{lines:#?}"
    );
    assert_eq!(*last, line(0));
}

//! What a daemon leaves behind: nothing, when it is stopped; what it must, when it is killed, until the next start.

use std::fs;
use std::path::Path;
use std::process::Command;

use vrrp_lab::{Capture, Host, SCRATCH, until};

use crate::Case;
use crate::scene::{SOON, VIP, active, addresses, holders, lan, v3, vrrpd};

pub(crate) const CASES: &[Case] = &[
    (
        "a_killed_daemons_address_goes_at_the_next_start",
        &["ip"],
        a_killed_daemons_address_goes_at_the_next_start,
    ),
    (
        "ten_starts_and_stops_leave_nothing",
        &[],
        ten_starts_and_stops_leave_nothing,
    ),
];

/// Ours alone: an address that somebody else has put there stays, whatever it looks like.
fn a_killed_daemons_address_goes_at_the_next_start() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let node = &lab["node1"];
    let foreign = ["10.0.0.71/32", "192.0.2.1/32"];
    for address in foreign {
        let added = node
            .output(Command::new("ip").args(["addr", "add", address, "dev", "eth0"]))
            .unwrap();
        assert!(added.status.success());
    }
    let before = addresses(node);
    let mut first = vrrpd(node, &v3(200, "0.2"));
    active(&capture, "node1");
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(())).expect("node1 has the address");
    first.kill().unwrap();
    let _heir = vrrpd(&lab["node2"], &v3(250, "0.2"));
    active(&capture, "node2");
    until(SOON, || (holders(&lab, VIP).len() == 2).then_some(()))
        .expect("the dead one's address is still there");

    let again = vrrpd(node, &v3(200, "0.2"));
    assert!(again.logs("Entering BACKUP STATE", SOON), "{}", again.log());
    until(SOON, || (holders(&lab, VIP) == ["node2"]).then_some(())).expect("one holder");
    assert_eq!(addresses(node), before);
}

/// Four nodes each time: what is there afterwards is what was there before.
fn ten_starts_and_stops_leave_nothing() {
    let files = |host: &Host| {
        let mut found = Vec::new();
        let mut folders = vec![host.dir().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    found.push(path)
                }
            }
        }
        found.sort();
        found
    };
    for round in 0..10 {
        let lab = lan(4, false);
        let folders: Vec<_> = lab.hosts().iter().map(|h| h.dir().to_owned()).collect();
        let capture = Capture::start(&lab).unwrap();
        let before: Vec<_> = lab.hosts().iter().map(addresses).collect();
        let mut nodes: Vec<_> = lab
            .hosts()
            .iter()
            .zip([250, 200, 150, 100])
            .map(|(host, p)| vrrpd(host, &v3(p, "0.1")))
            .collect();
        // Every other time they are stopped as soon as they run.
        if round % 2 == 0 {
            active(&capture, "node1");
        }
        for (node, host) in nodes.iter_mut().zip(lab.hosts()) {
            assert!(node.logs("Startup complete", SOON), "{}", node.log());
            let status = node.stop(SOON).unwrap();
            assert_eq!(status.code(), Some(0), "{}: {}", host.name(), node.log());
        }
        for (host, before) in lab.hosts().iter().zip(before) {
            assert_eq!(addresses(host), before, "{}", host.name());
            assert!(host.processes().unwrap().is_empty(), "{}", host.name());
            let names: Vec<_> = files(host)
                .iter()
                .map(|p| p.file_name().unwrap().to_owned())
                .collect();
            assert_eq!(names, ["vrrpd.conf", "vrrpd.log"], "{}", host.name());
        }
        drop(capture);
        drop(lab);
        assert!(folders.iter().all(|f| !f.exists()) && Path::new(SCRATCH).exists());
    }
}

//! `vrrp_strict`: what a router that holds to the RFC refuses, by us and by keepalived.

use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Host};
use vrrp_proto::Family;

use crate::Case;
use crate::features::says;
use crate::keepalived::{Start, no_complaints, ours, theirs};
use crate::scene::{SOON, TUTORIAL, VIP, active, holders, lan, neighbour, settled, v3, wait_for};
use crate::vmac::pinged;

/// Where the message begins in a frame with an IPv4 header of the usual length.
const VRRP: usize = 14 + 20;
/// Where Auth Type is in a message of VRRPv2.
const AUTH_TYPE: usize = 4;
/// Where Authentication Data begin behind one address.
const AUTH_DATA: usize = 12;

const NEEDS: &[&str] = &["ip", "ping"];

pub(crate) const CASES: &[Case] = &[
    ("who_is_strict_answers_as_the_owner_only", NEEDS, || {
        answers(ours)
    }),
    (
        "keepalived_that_is_strict_answers_as_the_owner_only",
        &["ip", "ping", "keepalived"],
        || answers(theirs),
    ),
    (
        "who_is_strict_has_no_password_and_stands_by_for_keepalived",
        &["keepalived"],
        || unauthenticated([theirs, ours]),
    ),
    (
        "who_is_strict_has_no_password_and_is_stood_by_by_keepalived",
        &["keepalived"],
        || unauthenticated([ours, theirs]),
    ),
];

fn strict(conf: &str) -> String {
    format!("global_defs {{\n  vrrp_strict\n}}\n{conf}")
}

fn accepting(conf: &str) -> String {
    conf.replace("advert_int", "accept\n  advert_int")
}

//= KA-CFG-06 test
//= KA-ACC-01 test
/// The address is found, by a host that asks where it is; what is sent to it there is answered by its owner, and by
/// another router only in VRRPv3 and if that is asked for.
fn answers(start: Start) {
    let lab = lan(2, false);
    let [router, client] = ["node1", "node2"].map(|name| &lab[name]);
    let v2 = |priority: &str| {
        v3(200, "1")
            .replace("version 3", "version 2")
            .replace("priority 200", &format!("priority {priority}"))
    };
    let cases = [
        (v3(200, "0.1"), false),
        (v3(255, "0.1"), true),
        (accepting(&v3(200, "0.1")), true),
        (accepting(&v2("200")), false),
        (v2("255"), true),
    ];
    for (conf, answers) in cases {
        let capture = Capture::start(&lab).unwrap();
        let mut process = start(router, &strict(&conf));
        active(&capture, "node1");
        wait_for("the address", &process, || holders(&lab, VIP) == ["node1"]);
        if answers {
            wait_for("an answer", &process, || pinged(client, VIP));
        } else {
            assert!(!pinged(client, VIP), "{conf}\n{}", process.log());
            assert_eq!(neighbour(client, VIP), mac(router), "{conf}");
        }
        process.signal(Signal::SIGTERM).unwrap();
        process.wait(SOON).unwrap().expect("an end");
        wait_for("no address", &process, || holders(&lab, VIP).is_empty());
    }
}

fn mac(host: &Host) -> String {
    let octets = host.mac("eth0").unwrap();
    octets.map(|octet| format!("{octet:02x}")).join(":")
}

//= KA-AUTH-07 test
/// The tutorial's files, whose password a strict router drops, and says so: nobody misses it.
fn unauthenticated([first, second]: [Start; 2]) {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    // On its way the state must be that of a router that owns nothing.
    let [first, second] = [
        (first, "node1", TUTORIAL[0]),
        (second, "node2", TUTORIAL[1]),
    ]
    .map(|(start, name, conf)| {
        let process = start(
            &lab[name],
            &strict(&conf.replace("state MASTER", "state BACKUP")),
        );
        if name == "node1" {
            active(&capture, name);
        }
        process
    });
    let serving = SystemTime::now();
    settled(&capture, serving, "node1", Family::V4);
    for frame in capture.frames() {
        let Some(advert) = frame.advert() else {
            continue;
        };
        let message = &frame.bytes[VRRP..];
        assert_eq!(
            (message[0], message[AUTH_TYPE]),
            (0x21, 0),
            "{}",
            frame.host
        );
        assert!(
            message[AUTH_DATA..AUTH_DATA + 8]
                .iter()
                .all(|octet| *octet == 0),
            "{advert:?}"
        );
    }
    for process in [first, second] {
        says(&process, "authentication");
        let log = process.log();
        let own = ["strict", "firewall drop rule"];
        let of_others = log
            .lines()
            .filter(|line| !own.iter().any(|word| line.contains(word)));
        no_complaints(&of_others.collect::<Vec<_>>().join("\n"));
    }
}

//! `auth_hmac` on a live link: its octets computed once more from the draft's layout, and what is refused.

use core::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use socket2::{Domain, Socket, Type};
use vrrp_lab::{Capture, Frame, Host, Lab, Process, until};
use vrrp_proto::GROUP_V4;

use crate::Case;
use crate::scene::{SECOND, SOON, TUTORIAL, VIP, active, holders, lan, serves, v3};
use crate::twins::{Program, json};

pub(crate) const CASES: &[Case] = &[
    ("hmac_over_v3_is_that_of_the_draft", &[], || {
        octets(&v3(200, "0.5"), &v3(150, "0.5"), Ends::V4)
    }),
    ("hmac_over_v2_is_that_of_the_draft", &[], || {
        // The password would be dropped, with a word in the log.
        let conf = |n: usize| TUTORIAL[n].replace("auth_type PASS", "");
        octets(&conf(0), &conf(1), Ends::V4)
    }),
    ("hmac_over_ipv6_is_that_of_the_draft", &[], || {
        let to6 = |conf: String| conf.replace(VIP, "fe80::70");
        octets(&to6(v3(200, "0.5")), &to6(v3(150, "0.5")), Ends::V6)
    }),
    (
        "a_wrong_hmac_key_moves_nothing_and_is_counted",
        &[],
        wrong_key,
    ),
    (
        "a_replayed_advert_moves_nothing_and_is_counted",
        &[],
        replay,
    ),
];

const KEY: &[u8] = b"a key of thirty-two octets, or so";
const OTHER: &[u8] = b"another one, of as many octets...";
const KEY_ID: u8 = 7;
const TRAILER: usize = 28;

fn keyed(conf: &str, key: &[u8]) -> String {
    let key = str::from_utf8(key).unwrap();
    let block = format!(
        "  auth_hmac {{\n    key {KEY_ID} \"{key}\"\n    active_key {KEY_ID}\n  }}\n  interface eth0"
    );
    conf.replacen("  interface eth0", &block, 1)
}

fn start(host: &Host, conf: &str) -> Process {
    Program::Ours.start(host, &host.write("keepalived.conf", conf).unwrap())
}

/// A counter of the first instance.
fn counted(host: &Host, counter: &str) -> u64 {
    let dump = json(Program::Ours, host).expect("a dump");
    dump[0]["stats"][counter].as_u64().expect(counter)
}

/// RFC 2104, written out.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64, "a longer one would be hashed first");
    let pad =
        |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).unwrap_or(&0) ^ with).collect() };
    let inner = Sha256::digest([&pad(0x36), message].concat());
    Sha256::digest([&pad(0x5c), inner.as_slice()].concat()).to_vec()
}

#[derive(Clone, Copy)]
enum Ends {
    V4,
    V6,
}

/// The trailer of a captured advert, after its HMAC was computed anew.
fn verified(frame: &Frame, ends: Ends) -> Vec<u8> {
    let packet = &frame.bytes[14..];
    let (message, mut prefix) = match ends {
        Ends::V4 => {
            let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            let header = usize::from(packet[0] & 15) * 4;
            (
                &packet[header..total],
                [vec![4], packet[12..16].to_vec(), vec![0; 12]],
            )
        }
        Ends::V6 => {
            let length = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
            (
                &packet[40..40 + length],
                [vec![6], packet[8..24].to_vec(), Vec::new()],
            )
        }
    };
    let (pdu, trailer) = message.split_at(message.len() - TRAILER);
    // The family, the version and the VRID of the advert, a zero; then the source.
    prefix[0].extend([pdu[0] >> 4, pdu[1], 0]);
    let mut pdu = pdu.to_vec();
    pdu[6..8].fill(0);
    let signed = [prefix.concat(), pdu, trailer[..12].to_vec(), vec![0; 16]].concat();
    assert_eq!(trailer[12..], hmac(KEY, &signed)[..16], "the HMAC");
    assert_eq!(trailer[..4], [1, KEY_ID, 0, 0], "type, key, reserved");
    let seconds = u32::from_be_bytes(trailer[4..8].try_into().unwrap());
    let captured = frame.at.duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(captured.abs_diff(seconds.into()) <= 1, "the clock");
    trailer.to_vec()
}

/// Two nodes take turns; every advert of both is right, and each is later than the one before.
fn octets(first: &str, second: &str, ends: Ends) {
    let lab = lan(2, true);
    let capture = Capture::start(&lab).unwrap();
    let mut one = start(&lab["node1"], &keyed(first, KEY));
    let two = start(&lab["node2"], &keyed(second, KEY));
    active(&capture, "node1");
    let adverts = || {
        capture.look(|frames| {
            let adverts = frames.iter().filter(|frame| frame.advert().is_some());
            adverts.cloned().collect::<Vec<_>>()
        })
    };
    until(2 * SOON, || (adverts().len() >= 4).then_some(())).expect("adverts");
    one.stop(SOON).unwrap();
    active(&capture, "node2");
    let adverts = adverts();
    for node in ["node1", "node2"] {
        let own = adverts.iter().filter(|frame| &*frame.host == node);
        let trailers: Vec<_> = own.map(|frame| verified(frame, ends)).collect();
        assert!(!trailers.is_empty());
        let sequence = |trailer: &Vec<u8>| trailer[4..12].to_vec();
        assert!(
            trailers.is_sorted_by(|a, b| sequence(a) < sequence(b)),
            "{trailers:?}"
        );
    }
    assert!(counted(&lab["node2"], "advert_rcvd") > 0);
    for counter in [
        "missing",
        "malformed",
        "unknown_key",
        "invalid_hmac",
        "stale",
        "replay",
    ] {
        let count = counted(&lab["node2"], &format!("auth_ext_{counter}"));
        assert_eq!(count, 0, "{counter}\n{}", two.log());
    }
}

/// A node with a better priority and another key, and one without any.
fn wrong_key() {
    let lab = lan(4, false);
    let capture = Capture::start(&lab).unwrap();
    let nodes = ["node1", "node2"].map(|name| &lab[name]);
    let processes = [200, 150].map(|priority| keyed(&v3(priority, "0.5"), KEY));
    let processes: Vec<_> = nodes
        .iter()
        .zip(processes)
        .map(|(node, conf)| start(node, &conf))
        .collect();
    active(&capture, "node1");
    let _strangers = [
        start(&lab["node3"], &keyed(&v3(250, "0.5"), OTHER)),
        start(&lab["node4"], &v3(251, "0.5")),
    ];
    for (node, process) in nodes.iter().zip(&processes) {
        for counter in ["auth_ext_invalid_hmac", "auth_ext_missing"] {
            let often = until(4 * SOON, || (counted(node, counter) >= 5).then_some(()));
            assert!(
                often.is_some(),
                "{counter} of {}\n{}",
                node.name(),
                process.log()
            );
        }
        for line in [
            "(VI_1) invalid authentication HMAC from 10.0.0.62",
            "(VI_1) missing authentication trailer from 10.0.0.63",
        ] {
            assert!(process.logs(line, SOON), "{line}\n{}", process.log());
        }
    }
    assert!(
        holders(&lab, VIP).contains(&"node1".into()),
        "node1 gave way"
    );
    assert_eq!(
        counted(nodes[1], "become_master"),
        0,
        "{}",
        processes[1].log()
    );
}

/// Somebody sends an advert of the Active router once more, as it was: it does not keep anybody quiet.
fn replay() {
    let lab = lan(3, false);
    let capture = Capture::start(&lab).unwrap();
    let processes = [("node1", 200), ("node2", 150)]
        .map(|(name, priority)| start(&lab[name], &keyed(&v3(priority, "0.5"), KEY)));
    let old = active(&capture, "node1");
    let send = sender(&lab);
    let again = || {
        thread::sleep(SECOND / 10);
        send.send_to(&old.bytes[14..], &SocketAddr::from((GROUP_V4, 0)).into())
            .unwrap();
    };
    let node2 = &lab["node2"];
    let refused = until(4 * SOON, || {
        again();
        (counted(node2, "auth_ext_replay") >= 3).then_some(())
    });
    assert!(refused.is_some(), "{}", processes[1].log());
    let line = "(VI_1) replayed authentication trailer from 10.0.0.60";
    assert!(processes[1].logs(line, SOON), "{}", processes[1].log());
    let died = SystemTime::now();
    lab["node1"].crash().unwrap();
    let taken = until(2 * SOON, || {
        again();
        let after = |frame: &Frame| frame.at > died && serves("node2")(frame);
        capture.look(|frames| frames.iter().any(after).then_some(()))
    });
    assert!(taken.is_some(), "{}", processes[1].log());
}

/// Sends whole IPv4 packets from `node3`.
fn sender(lab: &Lab) -> Socket {
    let open = || {
        let raw = Some(libc::IPPROTO_RAW.into());
        let socket = Socket::new(Domain::IPV4, Type::RAW, raw).unwrap();
        socket.set_header_included_v4(true).unwrap();
        socket
            .set_multicast_if_v4(&Ipv4Addr::new(10, 0, 0, 62))
            .unwrap();
        socket
    };
    lab["node3"].run(open).unwrap()
}

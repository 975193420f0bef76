//! Packets that are not what they should be: each kind is logged once, and none of them moves a timer or a role.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::thread;
use std::time::SystemTime;

use socket2::{Domain, Protocol, Socket, Type};
use vrrp_lab::{Capture, Frame, Host};
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, Authentication, ChecksumCoverage, Endpoints, GROUP_V4,
    HOP_LIMIT, PROTOCOL, Password, Priority, Version, Vrid,
};

use crate::Case;
use crate::scene::{SECOND, SOON, TUTORIAL, down, holders, in_time, lan, serves, vrrpd};

pub(crate) const CASES: &[Case] = &[("bad_packets_move_nothing", &[], bad_packets_move_nothing)];

const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 61);
const BETTER: Priority = Priority::new(254);

/// A kind of packet, how it is spoilt, and what the log says of it.
struct Kind {
    name: &'static str,
    ttl: u8,
    message: Vec<u8>,
    logged: &'static str,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, message, logged| Kind {
        name,
        ttl: HOP_LIMIT,
        message,
        logged,
    };
    let mut unsummed = advert(BETTER, "mypassword", 1);
    unsummed[6] ^= 0x55;
    let mut unsigned = spoilt(4, 0);
    unsigned[12..].fill(0);
    sum(&mut unsigned);
    let mut cut = advert(BETTER, "mypassword", 1);
    cut.truncate(6);
    vec![
        Kind {
            ttl: 254,
            ..kind("ttl", advert(BETTER, "mypassword", 1), "Received 254")
        },
        kind("checksum", unsummed, "checksum"),
        kind("too short", cut, "6 octets"),
        kind(
            "more addresses counted than there are",
            spoilt(3, 9),
            "expect 52",
        ),
        kind("version", spoilt(0, 0x41), "VRRP version"),
        kind("type", spoilt(0, 0x22), "type 2"),
        kind("password", advert(BETTER, "anotherone", 1), "passwd"),
        kind("no authentication", unsigned, "a 0 auth"),
        kind(
            "interval",
            advert(BETTER, "mypassword", 2),
            "interval mismatch",
        ),
    ]
}

/// An octet is changed before the checksum is computed, so that it is the only thing wrong.
fn spoilt(at: usize, octet: u8) -> Vec<u8> {
    let mut message = advert(BETTER, "mypassword", 1);
    message[at] = octet;
    sum(&mut message);
    message
}

fn bad_packets_move_nothing() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let conf = TUTORIAL[1].replace("global_defs {", "global_defs {\n  log_unknown_vrids");
    let node = vrrpd(&lab["node1"], &conf);
    assert!(node.logs("Startup complete", SOON), "{}", node.log());
    let sender = open(&lab["node2"]);
    let good = advert(Priority::new(100), "mypassword", 1);
    let kinds = kinds();
    let unknown = Kind {
        name: "VRID",
        ttl: HOP_LIMIT,
        message: spoilt(1, 77),
        logged: "Unknown VRID(77)",
    };
    let send = |ttl: u8, message: &[u8]| {
        sender.set_multicast_ttl_v4(ttl.into()).unwrap();
        sender
            .send_to(message, &SocketAddr::from((GROUP_V4, 0)).into())
            .unwrap();
    };
    // A good one is heard, and starts the Active_Down_Timer again; then there are only bad ones.
    thread::sleep(SECOND);
    send(HOP_LIMIT, &good);
    let is_good = |f: &Frame| f.advert().is_some_and(|a| a.priority == Priority::new(100));
    let last = capture
        .wait(SystemTime::UNIX_EPOCH, SOON, is_good)
        .expect("the good advert");
    let taken = loop {
        for kind in kinds.iter().chain([&unknown]) {
            send(kind.ttl, &kind.message);
            thread::sleep(Duration::from_millis(5));
        }
        if let Some(first) = capture.frames().iter().find(|f| serves("node1")(f)) {
            break first.clone();
        }
        assert!(last.at.elapsed().unwrap() < 2 * SOON, "nobody took over");
    };
    in_time(&taken, last.at, down(SECOND, SECOND, 90), SECOND);

    // Nor does an Active router give way to a better priority in a bad packet.
    let since = SystemTime::now();
    while since.elapsed().unwrap() < 2 * SECOND {
        for kind in kinds.iter().chain([&unknown]) {
            send(kind.ttl, &kind.message);
            thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(holders(&lab, "10.0.0.70"), ["node1"]);
    let log = node.log();
    assert!(!log.contains("higher priority"), "{log}");
    // Who has it is not known, so no change of state makes it worth saying again.
    assert_eq!(log.matches(unknown.logged).count(), 1, "{log}");
    // Once for each kind and source; a change of state makes it worth saying again.
    let (backup, master) = log
        .split_once("Entering MASTER STATE")
        .expect("it became Active");
    for state in [backup, master] {
        for Kind { name, logged, .. } in &kinds {
            let told = |line: &&str| line.contains("10.0.0.61") && line.contains(logged);
            assert_eq!(
                state.lines().filter(told).count(),
                1,
                "{name} ({logged}) in\n{log}"
            );
        }
    }
}

/// A right advert of the tutorial's virtual router.
fn advert(priority: Priority, password: &str, interval: u8) -> Vec<u8> {
    let addresses = [Ipv4Addr::new(10, 0, 0, 70)];
    let advert = Advert {
        version: Version::V2,
        vrid: Vrid::new(51).unwrap(),
        priority,
        interval: AdvertInterval::from_secs(interval).unwrap(),
        addresses: AddressList::V4(&addresses),
        authentication: Authentication::Simple(Password::new(password.as_bytes())),
    };
    let mut message = vec![0; advert.wire_len()];
    let ends = Endpoints::V4 {
        source: STRANGER,
        destination: GROUP_V4,
    };
    advert
        .emit(&ends, ChecksumCoverage::Message, &mut message)
        .unwrap();
    message
}

/// The checksum of the whole message, as it is now (RFC 3768 §5.3.8).
fn sum(message: &mut [u8]) {
    message[6..8].fill(0);
    let words = message.chunks(2);
    let sum = words
        .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])))
        .sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    message[6..8].copy_from_slice(&(!(u16::try_from(folded).unwrap())).to_be_bytes());
}

fn open(host: &Host) -> Socket {
    host.run(|| {
        let socket = Socket::new(
            Domain::IPV4,
            Type::RAW,
            Some(Protocol::from(i32::from(PROTOCOL))),
        )
        .unwrap();
        socket.set_multicast_if_v4(&STRANGER).unwrap();
        socket
    })
    .unwrap()
}

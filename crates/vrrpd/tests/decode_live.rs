//! `vrrpd decode --interface` on a real interface, in a network namespace of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use core::time::Duration;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use vrrp_lab::{Lab, enter, required, until};

const SOON: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let reason = enter().err().map(|error| error.to_string());
    let skip = reason.is_some() && !required();
    let trial = Trial::test(
        "an_advert_is_heard_without_promiscuous_mode",
        move || match reason {
            Some(reason) => Err(reason.into()),
            None => {
                heard();
                Ok(())
            }
        },
    );
    libtest_mimic::run(&Arguments::from_args(), vec![trial.with_ignored_flag(skip)]).exit_code()
}

fn heard() {
    let lab = Lab::lan(["router", "sniffer"]).build().unwrap();
    let mut sniffer = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
    sniffer.args(["decode", "--interface", "eth0", "--count", "2", "--json"]);
    let mut sniffer = lab["sniffer"].spawn("decode", &mut sniffer).unwrap();
    let socket = lab["router"].run(sender).unwrap();
    let group = SockAddr::from(core::net::SocketAddrV4::new(vrrp_proto::GROUP_V4, 0));
    let advert = [0x31, 51, 100, 1, 0x00, 0x64, 0xa7, 0x68, 192, 0, 2, 254];

    let ended = until(SOON, || {
        socket.send_to(&advert, &group).unwrap();
        let promiscuous = lab["sniffer"]
            .output(Command::new("ip").args(["-d", "link", "show", "eth0"]))
            .unwrap();
        assert!(String::from_utf8_lossy(&promiscuous.stdout).contains("promiscuity 0"));
        sniffer.ended().unwrap()
    });
    assert!(
        ended.expect("it ends after two packets").success(),
        "{}",
        sniffer.log()
    );
    let log = sniffer.log();
    assert_eq!(log.lines().count(), 2, "{log}");
    for (line, number) in log.lines().zip(1..) {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["number"], number);
        assert_eq!(value["vrrp"]["addresses"][0], "192.0.2.254");
        assert_eq!(value["ip"]["hop_limit"], 255);
        assert_eq!(value["checksum"]["message"], true);
        assert_eq!(value["verdict"], "accepted");
        assert!(value["link"]["source"].is_string() && value["time"].is_string());
    }
}

/// A raw socket of the host that sends to the group with a TTL of 255.
fn sender() -> Socket {
    let socket = Socket::new(
        Domain::IPV4,
        Type::RAW,
        Some(Protocol::from(i32::from(vrrp_proto::PROTOCOL))),
    )
    .unwrap();
    socket.set_multicast_ttl_v4(255).unwrap();
    socket.bind_device(Some(b"eth0")).unwrap();
    socket
}

//! `vrrpd decode`: what goes in and comes out, and that tshark reads the same from the same packets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write,
    reason = "a test may panic"
)]

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

const ADVERT: &str = "313364010064a768c00002fe";
const FRAME: &str =
    "01005e00001200005e000133080045c0002000000000ff70189ac0000201e0000012313364010064a768c00002fe";

fn decode(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vrrpd"))
        .arg("decode")
        .args(args)
        .output()
        .unwrap()
}

/// The JSON lines of a run, and its exit status.
fn json_of(args: &[&str]) -> (Vec<Value>, i32) {
    let output = decode(&[&["--json"], args].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let values = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (values, output.status.code().unwrap())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// The vectors that `vrrp-proto` ships.
fn vectors() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vrrp-proto/tests/vectors");
    ["packets.json", "peers.json"]
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(directory.join(file)).unwrap();
            serde_json::from_str::<Vec<Value>>(&text).unwrap()
        })
        .collect()
}

/// The IP packet of a vector.
fn ip_packet(vector: &Value) -> Vec<u8> {
    let payload = hex(vector["payload_hex"].as_str().unwrap());
    let number = |member: &str| u8::try_from(vector[member].as_u64().unwrap()).unwrap();
    let address = |member: &str| -> IpAddr { vector[member].as_str().unwrap().parse().unwrap() };
    let (ttl, protocol) = (number("ttl"), number("proto"));
    match (address("src"), address("dst")) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            if let Some(header) = vector.get("ip_header_hex") {
                return [hex(header.as_str().unwrap()), payload].concat();
            }
            let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
            let mut packet = vec![
                0x45, 0xc0, length[0], length[1], 0, 0, 0, 0, ttl, protocol, 0, 0,
            ];
            packet.extend(source.octets());
            packet.extend(destination.octets());
            let sum = packet.chunks(2).fold(0, |sum, word| {
                sum + u32::from(word[0]) * 256 + u32::from(word[1])
            });
            let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            [packet, payload].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
            let head = [0x6c, 0, 0, 0, length[0], length[1], protocol, ttl];
            [&head[..], &source.octets(), &destination.octets(), &payload].concat()
        }
        _ => panic!("mixed families"),
    }
}

/// A classic capture file; one packet a second.
fn pcap(link_type: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for value in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, link_type] {
        file.extend(value.to_le_bytes());
    }
    for (at, packet) in (1_700_000_000..).zip(packets) {
        let length = u32::try_from(packet.len()).unwrap();
        for value in [at, 250_000, length, length] {
            file.extend(value.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// The same with a pcapng section of one interface, times in nanoseconds.
fn pcapng(link_type: u16, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let body = [body, &vec![0; body.len().wrapping_neg() % 4]].concat();
        let length = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
        file.extend([&kind.to_le_bytes()[..], &length, &body, &length].concat());
    };
    block(
        0x0a0d_0d0a,
        &[&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8]].concat(),
    );
    let resolution = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    block(
        1,
        &[&link_type.to_le_bytes()[..], &[0; 6], &resolution].concat(),
    );
    for (at, packet) in (1_700_000_000_u64..).zip(packets) {
        let ticks = at * 1_000_000_000 + 250_000_000;
        let high = u32::try_from(ticks >> 32).unwrap().to_le_bytes();
        let low = u32::try_from(ticks & 0xffff_ffff).unwrap().to_le_bytes();
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        block(
            6,
            &[&[0; 4][..], &high, &low, &length, &length, packet].concat(),
        );
    }
    file
}

fn write(directory: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_message_a_packet_and_a_frame_are_told_apart() {
    let bare = json!({"version": 3, "type": 1, "vrid": 51, "priority": 100, "addr_count": 1, "reserved": 0,
        "max_adver_int_cs": 100, "addresses": ["192.0.2.254"]});
    let spaced = "31 33 64 01:00-64 0xa7 0x68 c0 00 02 fe";
    for text in [ADVERT, spaced, &FRAME[28..], FRAME] {
        let (values, status) = json_of(&[text]);
        assert_eq!((values.len(), status), (1, 0), "{text}");
        assert_eq!(values[0]["vrrp"], bare, "{text}");
        assert_eq!(values[0]["checksum"]["message"], true);
        let known = text != ADVERT && text != spaced;
        assert_eq!(
            values[0]["checksum"]["pseudo_header"],
            if known { json!(false) } else { json!(null) }
        );
        assert_eq!(values[0].get("ip").is_some(), known);
        assert_eq!(values[0]["verdict"], "accepted");
    }
    let (values, _) = json_of(&[FRAME]);
    assert_eq!(values[0]["link"]["source"], "00:00:5e:00:01:33");
    assert_eq!(values[0]["ip"]["hop_limit"], 255);
    // The pseudo-header needs the source.
    let pseudo = "31336401006404d8c00002fe";
    let (values, _) = json_of(&["--source", "192.0.2.1", pseudo]);
    assert_eq!(
        values[0]["checksum"],
        json!({"value": "0x04d8", "message": false, "pseudo_header": true})
    );
    let (values, status) = json_of(&[pseudo]);
    assert_eq!(
        (values[0]["verdict"].as_str(), status),
        (Some("unknown"), 0)
    );
    let (values, status) = json_of(&["--source", "192.0.2.2", pseudo]);
    assert_eq!(
        (values[0]["reason"].as_str(), status),
        (Some("BadChecksum"), 1)
    );
}

#[test]
fn text_is_one_line_a_packet() {
    let output = decode(&[
        FRAME,
        "313364010064a7",
        "210500070000000000000000000000000000000000000000000000000000000000000000",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "192.0.2.1 > 224.0.0.18 ttl 255: VRRPv3 VRID 51 priority 100 interval 1 s addresses 192.0.2.254, \
             checksum 0xa768 right over the message",
            "discarded: ShortPacket: 7 octets are less than a VRRP header",
            "CARP VHID 5; discarded: Carp: this is CARP, not VRRP",
        ]
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn wrong_usage_is_told_from_bad_packets() {
    for args in [
        &["no-such-file"][..],
        &[],
        &["--interface", "eth0", ADVERT],
        &["--source", "192.0.2.1", "--destination", "::1", ADVERT],
        &[
            "--key",
            "0=text-that-is-long-enough-for-a-key-it-is",
            ADVERT,
        ],
        &["--key", "1=short", ADVERT],
        &["--key", "1=hex:zz", ADVERT],
        &["--interface", "no-such-link"],
    ] {
        let output = decode(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty(),
            "{args:?}"
        );
    }
}

#[test]
fn every_kind_of_capture_is_read() {
    let directory = TempDir::new().unwrap();
    let frame = hex(FRAME);
    let (macs, packet) = frame.split_at(14);
    let tagged = [&macs[..12], &[0x81, 0, 0x20, 7], &macs[12..], packet].concat();
    let sll = [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0], packet].concat();
    let sll2 = [
        &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0],
        packet,
    ]
    .concat();
    let null = [&[2, 0, 0, 0], packet].concat();
    let arp =
        hex("ffffffffffff00005e0001330806000108000604000100005e000133c00002fe00005e000133c00002fe");
    let gzip = |content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let ethernet = pcap(1, &[arp.clone(), frame.clone(), tagged.clone()]);
    let files = [
        ("ethernet.pcap", ethernet.clone(), vec![2, 3]),
        ("ethernet.pcap.gz", gzip(&ethernet), vec![2, 3]),
        (
            "ethernet.pcapng",
            pcapng(1, &[frame.clone(), arp, tagged]),
            vec![1, 3],
        ),
        ("sll.pcap", pcap(113, core::slice::from_ref(&sll)), vec![1]),
        ("sll2.pcapng", pcapng(276, &[sll2]), vec![1]),
        ("raw.pcap", pcap(101, &[packet.to_vec()]), vec![1]),
        ("null.pcap", pcap(0, &[null]), vec![1]),
        (
            "lines.hex",
            format!("# two of them\n{ADVERT}\n\n{FRAME} # a frame\n").into_bytes(),
            vec![1, 2],
        ),
    ];
    for (name, content, numbers) in files {
        let path = write(&directory, name, &content);
        let (values, status) = json_of(&[path.to_str().unwrap()]);
        let seen: Vec<_> = values
            .iter()
            .map(|value| value["number"].as_u64().unwrap())
            .collect();
        assert_eq!((seen, status), (numbers, 0), "{name}");
        for value in &values {
            assert_eq!(value["vrrp"]["vrid"], 51, "{name}");
            if !name.ends_with("hex") {
                let time = value["time"].as_str().unwrap();
                assert!(
                    time.starts_with("170000000") && time.ends_with(".250000000"),
                    "{name}: {time}"
                );
            }
        }
        if name.starts_with("sll") {
            assert_eq!(values[0]["link"]["source"], "02:00:00:00:00:09");
        }
        if name == "ethernet.pcap" {
            assert_eq!(values[1]["link"]["vlan"], 7);
        }
        // The same through standard input.
        let mut child = Command::new(env!("CARGO_BIN_EXE_vrrpd"))
            .args(["decode", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&content).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap().lines().count(),
            values.len(),
            "{name}"
        );
    }
    // What a snapshot length or a router has cut is not passed over, if VRRP was in it.
    let fragment = {
        let mut packet = packet.to_vec();
        packet[6] = 0x20;
        packet
    };
    let udp = {
        let mut packet = packet.to_vec();
        packet[9] = 17;
        packet
    };
    let path = write(
        &directory,
        "cut.raw.pcap",
        &pcap(101, &[packet[..24].to_vec(), fragment, udp]),
    );
    let (values, status) = json_of(&[path.to_str().unwrap()]);
    assert_eq!((values.len(), status), (2, 1));
    assert!(values.iter().all(|value| value["verdict"] == "unreadable"));
    // What is there is shown, and that it ends badly is said.
    let path = write(&directory, "cut.pcap", &ethernet[..ethernet.len() - 3]);
    let output = decode(&[path.to_str().unwrap()]);
    assert_eq!(
        (
            String::from_utf8(output.stdout).unwrap().lines().count(),
            output.status.code()
        ),
        (1, Some(1))
    );
    assert!(!output.stderr.is_empty());
    let path = write(&directory, "junk", b"this is no capture");
    assert_eq!(decode(&[path.to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn keys_judge_what_is_signed() {
    let vectors = vectors();
    let mut judged = 0;
    for vector in vectors.iter().filter(|vector| vector.get("hmac").is_some()) {
        let text: String = ip_packet(vector)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let hmac = &vector["hmac"];
        let key = format!(
            "{}=hex:{}",
            hmac["key_id"],
            hmac["key_hex"].as_str().unwrap()
        );
        let (values, status) = json_of(&["--key", &key, &text]);
        let shown = &values[0]["auth_hmac"];
        for (member, expected) in [
            ("key_id", "key_id"),
            ("seconds", "seconds"),
            ("fraction", "fraction"),
            ("counter", "counter"),
            ("hmac", "mac_hex"),
            ("right", "valid"),
        ] {
            assert_eq!(
                shown[member], hmac[expected],
                "{}: {member}",
                vector["name"]
            );
        }
        // Over IPv6 a changed trailer is a wrong checksum, too.
        assert_eq!(status == 0, hmac["valid"] == true, "{}", vector["name"]);
        let (values, _) = json_of(&[&text]);
        assert_eq!(values[0]["auth_hmac"]["right"], Value::Null);
        judged += 1;
    }
    assert!(judged > 10);
    let ah = vectors
        .iter()
        .find(|vector| vector["name"] == "v2_ah_keepalived_multicast")
        .unwrap();
    let text: String = ip_packet(ah)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let (values, status) = json_of(&["--auth-pass", "ahkey", &text]);
    assert_eq!(
        (&values[0]["ah"]["right"], &values[0]["ah"]["icv"], status),
        (&json!(true), &json!("04f187bfdfd19efaa55359be"), 0)
    );
    let (values, status) = json_of(&["--auth-pass", "other", &text]);
    assert_eq!(
        (&values[0]["ah"]["right"], &values[0]["reason"], status),
        (&json!(false), &json!("AuthFailure"), 1)
    );
}

/// Field by field, on a capture of every valid vector.
#[test]
fn tshark_reads_the_same() {
    if Command::new("tshark").arg("-v").output().is_err() {
        assert!(
            env::var_os("VRRP_LAB").is_none_or(|v| v != "required"),
            "tshark is required"
        );
        return writeln!(
            io::stderr(),
            "decode: tshark is not installed: 0 packets compared"
        )
        .unwrap();
    }
    let valid: Vec<Value> = vectors()
        .into_iter()
        .filter(|vector| vector.get("expect").is_some())
        .collect();
    let packets: Vec<Vec<u8>> = valid.iter().map(ip_packet).collect();
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "valid.pcap", &pcap(101, &packets));
    let (ours, _) = json_of(&[file.to_str().unwrap()]);
    assert_eq!(ours.len(), valid.len());
    // With the one preference it judges VRRPv3 over IPv4 with pseudo-header, with the other without.
    let (pseudo, plain) = (tshark(&file, "FALSE"), tshark(&file, "TRUE"));
    assert_eq!((pseudo.len(), plain.len()), (valid.len(), valid.len()));
    for (((vector, ours), pseudo), plain) in valid.iter().zip(&ours).zip(&pseudo).zip(&plain) {
        let name = vector["name"].as_str().unwrap();
        let compare = |field: &str, ours: &Value| {
            assert_eq!(pseudo[field], text(ours), "{name}: {field}");
        };
        let fields = &ours["vrrp"];
        compare("vrrp.version", &fields["version"]);
        compare("vrrp.type", &fields["type"]);
        compare("vrrp.virt_rtr_id", &fields["vrid"]);
        compare("vrrp.prio", &fields["priority"]);
        compare("vrrp.addr_count", &fields["addr_count"]);
        compare("vrrp.checksum", &ours["checksum"]["value"]);
        compare("vrrp.auth_type", &fields["auth_type"]);
        compare("vrrp.adver_int", &fields["adver_int_s"]);
        compare("vrrp.reserved_mbz", &fields["reserved"]);
        compare("vrrp.short_adver_int", &fields["max_adver_int_cs"]);
        let list = match ours["ip"]["family"].as_str().unwrap() {
            "IPv4" => "vrrp.ip_addr",
            _ => "vrrp.ipv6_addr",
        };
        compare(list, &fields["addresses"]);
        if fields["auth_type"] == 1 {
            let password = hex(fields["auth_data"].as_str().unwrap());
            let password = String::from_utf8(password).unwrap();
            compare("vrrp.auth_string", &json!(password.trim_end_matches('\0')));
        }
        // It does not know that over IPv4 a signature is not summed.
        if vector.get("hmac").is_none() {
            let checksum = &ours["checksum"];
            let right =
                |tshark: &BTreeMap<String, String>| json!(tshark["vrrp.checksum.status"] == "1");
            let v3_over_ipv4 = fields["version"] == 3 && list == "vrrp.ip_addr";
            let either = json!(checksum["message"] == true || checksum["pseudo_header"] == true);
            assert_eq!(
                right(pseudo),
                if v3_over_ipv4 {
                    checksum["pseudo_header"].clone()
                } else {
                    either.clone()
                },
                "{name}"
            );
            assert_eq!(
                right(plain),
                if v3_over_ipv4 {
                    checksum["message"].clone()
                } else {
                    either
                },
                "{name}"
            );
        }
    }
    writeln!(
        io::stderr(),
        "decode: {} packets compared with tshark",
        valid.len()
    )
    .unwrap();
}

/// As tshark writes it; a list is comma-separated.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

const FIELDS: [&str; 14] = [
    "vrrp.version",
    "vrrp.type",
    "vrrp.virt_rtr_id",
    "vrrp.prio",
    "vrrp.addr_count",
    "vrrp.checksum",
    "vrrp.checksum.status",
    "vrrp.auth_type",
    "vrrp.adver_int",
    "vrrp.reserved_mbz",
    "vrrp.short_adver_int",
    "vrrp.ip_addr",
    "vrrp.ipv6_addr",
    "vrrp.auth_string",
];

fn tshark(file: &Path, as_in_v2: &str) -> Vec<BTreeMap<String, String>> {
    let mut command = Command::new("tshark");
    command
        .arg("-r")
        .arg(file)
        .args(["-o", &format!("vrrp.v3_checksum_as_in_v2:{as_in_v2}")]);
    command.args([
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "occurrence=a",
        "-E",
        "aggregator=,",
    ]);
    FIELDS.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            FIELDS
                .iter()
                .map(|field| (*field).to_owned())
                .zip(line.split('\t').map(str::to_owned))
                .collect()
        })
        .collect()
}

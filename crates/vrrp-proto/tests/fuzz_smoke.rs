//! The fuzz targets' bodies on a stable toolchain: the shipped vectors, each prefix of them, the
//! corpus that `cargo fuzz` has left, if there is one, and random octets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write,
    reason = "a test may panic"
)]

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use vrrp_proto::fuzzing;

type Body = fn(&[u8]);

const BODIES: [(&str, Body); 4] = [
    ("parse", fuzzing::parse),
    ("round_trip", fuzzing::round_trip),
    ("receive", fuzzing::receive),
    ("hmac_verify", fuzzing::hmac_verify),
];

fn run(data: &[u8]) {
    for (_, body) in BODIES {
        body(data);
    }
}

fn vectors() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut payloads = Vec::new();
    for file in ["packets.json", "peers.json"] {
        let text = fs::read_to_string(directory.join(file)).unwrap();
        for vector in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
            let hex = vector["payload_hex"].as_str().unwrap();
            let octets = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
            payloads.push(octets.collect());
        }
    }
    payloads
}

//= HARD-PROTO-01 test
#[test]
fn every_prefix_of_every_vector() {
    let mut inputs = 0;
    for payload in vectors() {
        // Steps for the long ones: a prefix is cut in every field of the header, then now and then.
        for len in (0..=payload.len()).filter(|len| *len < 64 || len % 61 == 0) {
            run(&payload[..len]);
            for head in [
                [0, 51, 255, 0],
                [128, 51, 255, 0],
                [66, 51, 255, 51],
                [17, 51, 9, 0],
            ] {
                run(&[&head[..], &payload[..len]].concat());
                inputs += 1;
            }
        }
    }
    writeln!(io::stderr(), "fuzz_smoke: {inputs} prefixes").unwrap();
}

#[test]
fn random_octets() {
    // xorshift64: the same octets on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..20_000 {
        let len = next() % 96;
        let mut data: Vec<u8> = (0..len).map(|_| next().to_le_bytes()[3]).collect();
        // Half of them begin like VRRP, with a count that may fit.
        if let (0, [first, _, _, count, ..]) = (next() % 2, &mut data[..]) {
            *first = if next() % 2 == 0 { 0x21 } else { 0x31 };
            *count = u8::try_from(next() % 24).unwrap();
        }
        run(&data);
    }
}

#[test]
fn corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, body) in BODIES {
        let files = fs::read_dir(root.join(name)).into_iter().flatten();
        let count = files
            .map(|file| body(&fs::read(file.unwrap().path()).unwrap()))
            .count();
        writeln!(io::stderr(), "fuzz_smoke: {name}: {count} of the corpus").unwrap();
    }
}

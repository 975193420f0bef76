//! Any text is read, in bounded time, without a panic, and what is said of it points at text that exists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::time::Instant;

use keepalived_conf::keyword::Block;
use keepalived_conf::{Code, MemoryLoader, Options, fuzzing, load, parse};
use proptest::prelude::*;

/// Pieces that mean something to the reader, in any order.
fn piece() -> impl Strategy<Value = String> {
    let keywords: Vec<&str> = Block::ALL
        .iter()
        .flat_map(|block| block.keywords())
        .map(|keyword| keyword.name)
        .collect();
    let odd = [
        "{",
        "}",
        "\n",
        "\r\n",
        "\"",
        "'",
        "\\",
        "\\\n",
        "#",
        "!",
        "$",
        "${",
        "$A",
        "${A}",
        "$A=",
        "$A=x \\\n",
        "~SEQ(A,1,9) ",
        "~SEQ(A,3) ",
        "~LST(A,x,y) ",
        "~LST({A,B},{1,2}) ",
        "~SEQx(A,0x8,12) ",
        "@node ",
        "@^node ",
        "include 1\n",
        "include *\n",
        "includem 9\n",
        "\u{1e}",
        "\u{feff}",
        "\u{a0}",
        "\u{201c}",
        "\0",
        "ü",
        "10.0.0.1",
        "10.0.0.1/24",
        "2001:db8::1/64",
        "eth0",
        "51",
        "255",
        "256",
        "-1",
        "0.5",
        "1;",
        "5x",
        "true",
        "off",
        "MASTER",
        "PASS",
        "weight 5 reverse",
        "dev eth0",
        "via 10.0.0.9",
        "${_RANDOM 1 9}",
        "${_PWD}",
        "${_HASH}",
        "${_ENV X}",
    ];
    prop_oneof![
        3 => proptest::sample::select(keywords).prop_map(|word| format!("{word} ")),
        4 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
        2 => Just(" ".to_owned()),
        3 => Just("\n".to_owned()),
        2 => Just("{\n".to_owned()),
        2 => Just("\n}\n".to_owned()),
        1 => "[ -~]{0,12}",
        1 => "\\PC{0,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_of_pieces_is_read(pieces in proptest::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        fuzzing::lexer(text.as_bytes());
        fuzzing::expansion(text.as_bytes());
        fuzzing::whole(text.as_bytes());
    }

    #[test]
    fn bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::lexer(&bytes);
        fuzzing::expansion(&bytes);
        fuzzing::whole(&bytes);
    }
}

#[test]
fn the_corpus_is_read_whole_and_in_part() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let Ok(bytes) = std::fs::read(entry.path()) else {
            continue;
        };
        fuzzing::whole(&bytes);
        fuzzing::expansion(&bytes);
        for at in (0..bytes.len()).step_by(37) {
            fuzzing::whole(&bytes[..at]);
        }
    }
}

/// What could go on for ever ends soon, and is said.
#[test]
fn what_has_no_end_is_ended() {
    let seq = "~SEQ(A,1000000) ~SEQ(B,1000000) ~SEQ(C,1000000) x\n".to_owned();
    let long = format!("$A={}\n", "x".repeat(1_000_000));
    let doubling: String = (0..40)
        .map(|n| format!("$A{}=${{A{n}}}${{A{n}}}\n", n + 1))
        .collect();
    let nested = "~SEQ(A,9) ".repeat(100) + "x";
    let cases = [
        ("three nested sequences", seq, Code::ExpansionLimit),
        (
            "a definition of itself",
            "$A=$A\n$A\n".to_owned(),
            Code::ExpansionLimit,
        ),
        (
            "definitions of each other",
            "$A=${B}x\n$B=${A}y\n$A\n".to_owned(),
            Code::ExpansionLimit,
        ),
        (
            "doubling",
            format!("$A0=xx\n{doubling}$A40\n"),
            Code::ExpansionLimit,
        ),
        ("a line of 1 MB", long, Code::LineTooLong),
        ("sequences inside each other", nested, Code::ExpansionLimit),
    ];
    for (name, text, code) in cases {
        let begun = Instant::now();
        let loaded = parse(&text);
        assert!(
            loaded
                .diagnostics
                .iter()
                .any(|finding| finding.code == code),
            "{name}"
        );
        assert!(
            begun.elapsed().as_secs() < 20,
            "{name} takes {:?}",
            begun.elapsed()
        );
        assert!(loaded.diagnostics.len() <= 5001, "{name}");
    }
}

#[test]
fn a_file_that_includes_itself_is_ended() {
    let loader = MemoryLoader::default().file("a", "include a\ninclude a\n");
    let loaded = load(&loader, "a", &Options::default());
    assert!(
        loaded
            .diagnostics
            .iter()
            .any(|finding| matches!(finding.code, Code::IncludeSkipped | Code::ExpansionLimit))
    );
}

//! The tutorial's file with each of the common mistakes: one finding each, at the right place, and where the remedy is
//! exact, following it literally leaves nothing wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use keepalived_conf::{Code, Diagnostic, Loaded, MemoryLoader, Options, Severity, load};

struct Mistake {
    /// The file in tests/diagnostics.
    file: &'static str,
    code: Code,
    /// The line, from 1, and what is underlined.
    place: (u32, &'static str),
    /// Following the remedy must leave nothing.
    exact: bool,
}

const fn row(file: &'static str, code: Code, line: u32, text: &'static str) -> Mistake {
    Mistake {
        file,
        code,
        place: (line, text),
        exact: false,
    }
}

const fn cured(file: &'static str, code: Code, line: u32, text: &'static str) -> Mistake {
    Mistake {
        exact: true,
        ..row(file, code, line, text)
    }
}

const MISTAKES: &[Mistake] = &[
    cured("auth-pass-long", Code::AuthPassLong, 13, "mypassword"),
    cured(
        "auth-type-password",
        Code::AuthTypeUnknown,
        12,
        "Squad$Ops2023@",
    ),
    cured("auth-type-swapped", Code::AuthTypeUnknown, 12, "s3cret"),
    cured("auth-type-semicolon", Code::AuthTypeUnknown, 12, "PASS;"),
    row(
        "auth-no-password",
        Code::AuthPassMissing,
        11,
        "authentication",
    ),
    row("auth-no-type", Code::AuthTypeMissing, 11, "authentication"),
    cured("auth-version-3", Code::AuthVersion3, 12, "authentication"),
    cured("auth-comment", Code::CommentCutsWord, 13, "!"),
    cured("state-slave", Code::StateUnknown, 6, "SLAVE"),
    cured("state-lower-case", Code::StateUnknown, 6, "master"),
    cured("nopreempt-master", Code::NopreemptMaster, 7, "nopreempt"),
    cured("nopreempt-weight", Code::NopreemptWeight, 25, "chk_haproxy"),
    row("vrid-300", Code::NumberRange, 8, "300"),
    row("vrid-missing", Code::VridMissing, 5, "VI_1"),
    row("interface-missing", Code::InterfaceMissing, 5, "VI_1"),
    row("priority-256", Code::NumberRange, 9, "256"),
    row("priority-word", Code::NumberInvalid, 9, "high"),
    cured("priority-semicolon", Code::Semicolon, 9, "100;"),
    cured("priority-surplus", Code::WordsUnused, 9, "200 foo"),
    row(
        "priority-missing-argument",
        Code::ArgumentMissing,
        9,
        "priority",
    ),
    cured("keyword-misspelt", Code::UnknownKeyword, 9, "priorty"),
    cured(
        "block-misspelt",
        Code::UnknownKeyword,
        15,
        "virtual_ipadress",
    ),
    row(
        "keyword-wrong-block",
        Code::WrongBlock,
        3,
        "garp_master_delay",
    ),
    cured("byte-order-mark", Code::ByteOrderMark, 1, "\u{feff}"),
    cured("no-break-space", Code::BlankNotAscii, 9, "\u{a0}"),
    cured("smart-quotes", Code::QuoteNotAscii, 8, "“"),
    cured("nul", Code::NulByte, 6, "\0"),
    row("long-line", Code::LineTooLong, 10, ""),
    cured("brace-missing", Code::BraceUnclosed, 15, "{"),
    cured("brace-missing-inner", Code::BraceUnclosed, 11, "{"),
    cured("brace-missing-first", Code::BraceUnclosed, 1, "{"),
    cured("brace-extra", Code::BraceExtra, 18, "}"),
    cured(
        "quote-unclosed",
        Code::QuoteUnterminated,
        2,
        "\"DOCKER_INGRESS",
    ),
    cured("track-undefined", Code::TrackUndefined, 23, "chk_hapoxy"),
    row(
        "track-defined-below",
        Code::TrackUndefined,
        18,
        "chk_haproxy",
    ),
    cured(
        "script-no-security",
        Code::ScriptSecurity,
        6,
        "\"/usr/bin/pgrep haproxy\"",
    ),
    cured(
        "script-shell",
        Code::ShellOperator,
        8,
        "\"/usr/bin/pgrep haproxy && exit 0\"",
    ),
    cured("script-unquoted", Code::ScriptWordsLost, 8, "haproxy"),
    row(
        "script-path",
        Code::ScriptPathSearch,
        8,
        "\"killall -0 haproxy\"",
    ),
    row("script-unused", Code::ScriptUnused, 7, "chk_haproxy"),
    row("weight-300", Code::NumberRange, 10, "300"),
    cured("weight-equals", Code::OptionUnknown, 16, "weight=10"),
    row("address-network", Code::AddressIsNetwork, 16, "10.0.0.0/24"),
    row(
        "address-broadcast",
        Code::AddressIsNetwork,
        16,
        "10.0.0.255/24",
    ),
    row("address-brd", Code::AddressIsNetwork, 16, "10.0.0.70/24"),
    cured("address-prefix-33", Code::PrefixInvalid, 16, "10.0.0.70/33"),
    row("address-300", Code::AddressInvalid, 16, "10.0.0.300/24"),
    cured("address-twice", Code::AddressTwice, 18, "10.0.0.70/24"),
    row(
        "address-two-instances",
        Code::AddressTwoInstances,
        25,
        "10.0.0.70/24",
    ),
    row("address-none", Code::NoAddresses, 5, "VI_1"),
    cured(
        "address-two-families",
        Code::FamilyMixed,
        17,
        "2001:db8::70/64",
    ),
    cured(
        "address-label-long",
        Code::LabelLong,
        16,
        "eth0:virtual-address",
    ),
    row(
        "vrid-twice",
        Code::VridCollision,
        22,
        "virtual_router_id 51",
    ),
    row("name-twice", Code::NameTaken, 20, "VI_1"),
    cured("peer-is-self", Code::PeerIsSelf, 17, "10.0.0.5"),
    cured("peers-comma", Code::PeersComma, 17, "10.0.0.6,10.0.0.7"),
    cured("peers-none", Code::UnicastNoPeers, 15, "unicast_src_ip"),
    cured("peer-twice", Code::PeerTwice, 18, "10.0.0.6"),
    row("peer-is-address", Code::AddressIsNode, 20, "10.0.0.70/24"),
    cured("source-port", Code::WordsUnused, 15, "80"),
    cured(
        "advert-int-fraction",
        Code::AdvertIntRounded,
        10,
        "advert_int 0.4",
    ),
    row("advert-int-0", Code::NumberRange, 10, "0"),
    row("advert-int-300", Code::NumberRange, 10, "300"),
    cured(
        "preempt-delay-nopreempt",
        Code::PreemptDelayUseless,
        7,
        "preempt_delay 30",
    ),
    row(
        "include-nothing",
        Code::IncludeNothing,
        1,
        "/etc/keepalived/conf.d/*.conf",
    ),
    row(
        "include-required",
        Code::IncludeMissing,
        1,
        "/etc/keepalived/nodes.conf",
    ),
    row("definition-unknown", Code::NumberInvalid, 9, "$PRIORITY"),
    row("definition", Code::AddressInvalid, 1, "10.0.0.300/24"),
    row("empty", Code::FileEmpty, 1, ""),
    row("bfd", Code::KeywordRefused, 30, "B1"),
    cured("address-option-unknown", Code::OptionUnknown, 16, "lable"),
    row("group-weight", Code::GroupWeight, 24, "chk_haproxy"),
];

fn read(text: &str) -> Loaded {
    let loader = MemoryLoader::default().file("keepalived.conf", text);
    load(&loader, "keepalived.conf", &Options::default())
}

/// Errors and warnings.
fn wrong(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings = loaded.findings();
    findings.retain(|finding| finding.severity > Severity::Note);
    findings
}

#[test]
fn each_mistake_is_one_finding_at_its_place_and_its_remedy_works() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/diagnostics");
    let mut failures = Vec::new();
    for Mistake {
        file,
        code,
        place,
        exact,
    } in MISTAKES
    {
        let text = std::fs::read_to_string(format!("{directory}/{file}.conf")).unwrap();
        let loaded = read(&text);
        let findings = wrong(&loaded);
        let codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
        if codes != [*code] {
            failures.push(format!("{file}: {codes:?}, not {code:?}"));
            continue;
        }
        let finding = &findings[0];
        let span = finding.span.unwrap();
        let line = loaded.sources.locate(span).unwrap().line;
        let under = loaded.sources.text(span).unwrap();
        if (line, under) != *place {
            failures.push(format!("{file}: at {line} {under:?}, not {place:?}"));
        }
        if finding.help.is_empty() && finding.label.is_empty() {
            failures.push(format!("{file}: no advice"));
        }
        let remedies = || finding.help.iter().filter(|help| !help.edits.is_empty());
        if *exact != remedies().next().is_some() {
            failures.push(format!(
                "{file}: exact {exact}, but {} remedies",
                remedies().count()
            ));
        }
        for help in remedies() {
            let changed = help.apply(loaded.main.unwrap(), &text);
            let left: Vec<Code> = wrong(&read(&changed)).iter().map(|it| it.code).collect();
            if !left.is_empty() {
                failures.push(format!("{file}: {} leaves {left:?}\n{changed}", help.text));
            }
        }
    }
    assert!(MISTAKES.len() > 60);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

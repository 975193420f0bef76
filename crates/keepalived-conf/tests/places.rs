//! Findings point at the text that the user wrote, however it was included, expanded and repeated.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use keepalived_conf::{Code, Loaded, MemoryLoader, Options, load, parse};

/// File, line, column and text of the first finding with that code, and of its labels.
fn places(loaded: &Loaded, code: Code) -> Vec<(String, String)> {
    let finding = loaded
        .diagnostics
        .iter()
        .find(|finding| finding.code == code);
    let finding = finding.unwrap_or_else(|| panic!("no {code} among {:?}", loaded.diagnostics));
    let spans = finding
        .span
        .into_iter()
        .chain(finding.labels.iter().map(|label| label.span));
    spans
        .map(|span| {
            let place = loaded.sources.locate(span).unwrap().to_string();
            (place, loaded.sources.text(span).unwrap().to_owned())
        })
        .collect()
}

fn place(at: &str, text: &str) -> (String, String) {
    (at.to_owned(), text.to_owned())
}

fn instance(line: &str) -> String {
    format!(
        "vrrp_instance V {{\n interface eth0\n virtual_router_id 1\n {line}\n virtual_ipaddress {{\n 10.0.0.1\n }}\n}}\n"
    )
}

#[test]
fn a_definition_is_shown_with_its_use() {
    let loaded = parse(&format!("$P=${{Q}}\n$Q=300\n{}", instance("priority $P")));
    assert_eq!(
        places(&loaded, Code::NumberRange),
        [
            place("keepalived.conf:2:4", "300"),
            place("keepalived.conf:6:11", "$P")
        ]
    );
}

#[test]
fn a_word_of_several_places_is_that_of_the_line() {
    let loaded = parse(&format!("$N=999\n{}", instance("mcast_src_ip 10.0.${N}.1")));
    assert_eq!(
        places(&loaded, Code::AddressInvalid),
        [place("keepalived.conf:5:15", "10.0.${N}.1")]
    );
}

#[test]
fn a_line_of_a_definition_of_several_is_shown() {
    let text = "$I=vrrp_instance V { \\\n interface eth0 \\\n virtual_router_id 1 \\\n advert_int 999 \\\n}\n$I\n";
    assert_eq!(
        places(&parse(text), Code::NumberRange),
        [
            place("keepalived.conf:4:13", "999"),
            place("keepalived.conf:6:1", "$I")
        ]
    );
}

#[test]
fn a_repeated_line_is_said_once() {
    let loaded = parse(&instance("~SEQ(I, 3) nonsense $I"));
    assert_eq!(
        places(&loaded, Code::UnknownKeyword),
        [place("keepalived.conf:4:13", "nonsense")]
    );
    let times = loaded
        .diagnostics
        .iter()
        .filter(|finding| finding.code == Code::UnknownKeyword)
        .count();
    assert_eq!(times, 1);
}

#[test]
fn an_included_file_is_named() {
    let loader = MemoryLoader::default()
        .file("a/main.conf", "include b/*.conf\n")
        .file("a/b/one.conf", instance("priority 300"));
    let loaded = load(&loader, "a/main.conf", &Options::default());
    assert_eq!(
        places(&loaded, Code::NumberRange),
        [place("a/b/one.conf:4:11", "300")]
    );
}

#[test]
fn columns_count_characters() {
    let loaded = parse("vrrp_instance ÄÖÜ {\n interface eth0\n virtual_router_id 300\n}\n");
    assert_eq!(
        places(&loaded, Code::NumberRange),
        [place("keepalived.conf:3:20", "300")]
    );
    assert_eq!(
        places(&loaded, Code::VridMissing),
        [place("keepalived.conf:3:2", "virtual_router_id 300")]
    );
}

#[test]
fn what_nobody_sees_is_said() {
    let long = format!("priority 100 {}", "x".repeat(2000));
    let cases = [
        (
            "\u{feff}global_defs {\n}\n".to_owned(),
            Code::ByteOrderMark,
            "keepalived.conf:1:1",
        ),
        (
            instance("priority 100").replace('\n', "\r\n"),
            Code::CarriageReturn,
            "keepalived.conf:1:18",
        ),
        (
            instance("priority\u{a0}100"),
            Code::BlankNotAscii,
            "keepalived.conf:4:10",
        ),
        (
            instance("notify \u{201c}/bin/true\u{201d}"),
            Code::QuoteNotAscii,
            "keepalived.conf:4:9",
        ),
        (
            instance("priority 100\0 200"),
            Code::NulByte,
            "keepalived.conf:4:14",
        ),
        (instance(&long), Code::LineTooLong, "keepalived.conf:4:1023"),
        (
            instance("priority 100#x"),
            Code::CommentCutsWord,
            "keepalived.conf:4:14",
        ),
        (
            instance("notify \"/bin/true"),
            Code::QuoteUnterminated,
            "keepalived.conf:4:9",
        ),
    ];
    for (text, code, at) in cases {
        let loaded = parse(&text);
        assert_eq!(places(&loaded, code)[0].0, at, "{code}");
        let times = loaded
            .diagnostics
            .iter()
            .filter(|finding| finding.code == code);
        let most = if code == Code::QuoteNotAscii { 2 } else { 1 };
        assert!(times.count() <= most, "{code} is said more than once");
    }
    let bytes = b"vrrp_instance V\xe9 {\n interface eth0\n}\n".to_vec();
    let loader = MemoryLoader::default().file("f", bytes);
    let loaded = load(&loader, "f", &Options::default());
    assert_eq!(places(&loaded, Code::NotUtf8)[0].0, "f:1:16");
}

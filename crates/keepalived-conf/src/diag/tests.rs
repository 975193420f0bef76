//! How findings look.

use super::*;
use crate::span::SourceMap;

fn map(text: &str) -> (SourceMap, impl Fn(&str) -> Span) {
    let mut sources = SourceMap::default();
    let file = sources.add("keepalived.conf", text);
    let text = text.to_owned();
    let find = move |word: &str| {
        let start = u32::try_from(text.find(word).unwrap()).unwrap();
        Span {
            file,
            start,
            end: start + u32::try_from(word.len()).unwrap(),
        }
    };
    (sources, find)
}

#[test]
fn a_finding_looks_like_rustcs() {
    let (sources, at) = map("vrrp_instance VI_1 {\n  state SLAVE\n  priorty 150\n}\n");
    let findings = settle(vec![
        Diagnostic::new(
            Code::UnknownKeyword,
            at("priorty"),
            "there is no keyword `priorty`",
        )
        .label("not a keyword of vrrp_instance")
        .note("without it the priority is 100")
        .fix(at("priorty"), "priority", "did you mean `priority`?"),
        Diagnostic::new(Code::StateUnknown, at("SLAVE"), "`SLAVE` is no state")
            .also(at("VI_1"), "in this instance")
            .help("write BACKUP"),
    ]);
    let report = Report::new(&sources, &findings);
    assert_eq!(
        report.human(false),
        "\
warning[VRRP-W401]: `SLAVE` is no state
 --> keepalived.conf:2:9
  |
1 | vrrp_instance VI_1 {
  |               ---- in this instance
2 |   state SLAVE
  |         ^^^^^
  |
  = help: write BACKUP

error[VRRP-E201]: there is no keyword `priorty`
 --> keepalived.conf:3:3
  |
3 |   priorty 150
  |   ^^^^^^^ not a keyword of vrrp_instance
  |
  = note: without it the priority is 100
help: did you mean `priority`?
  |
3 |   priority 150
  |        +

"
    );
    assert_eq!(
        report.short(),
        "keepalived.conf:2:9: warning[VRRP-W401]: `SLAVE` is no state\n\
         keepalived.conf:3:3: error[VRRP-E201]: there is no keyword `priorty`\n"
    );
    assert_eq!(
        report.tally(),
        Tally {
            errors: 1,
            warnings: 1,
            notes: 0
        }
    );
    assert!(report.human(true).contains("\u{1b}["));
}

#[test]
fn a_line_of_a_megabyte_is_shown_in_part() {
    let text = format!("{}priorty{}\n", "x".repeat(500_000), "y".repeat(500_000));
    let (sources, at) = map(&text);
    let whole = Span {
        start: 0,
        end: 1_000_000,
        ..at("priorty")
    };
    for span in [at("priorty"), whole] {
        let findings = [Diagnostic::new(Code::LineTooLong, span, "long").fix(span, "", "shorter")];
        let human = Report::new(&sources, &findings).human(false);
        assert!(human.len() < 3000, "{}", human.len());
        assert!(human.contains("^^^"), "{human}");
    }
}

#[test]
fn what_could_drive_a_terminal_is_shown_as_an_escape() {
    let (sources, at) = map("x\u{1b}[31m\u{202e}\0 y\n");
    let findings = [Diagnostic::new(
        Code::NulByte,
        at("y"),
        "there is no `\u{1b}[31m\u{202e}`",
    )];
    let report = Report::new(&sources, &findings);
    for text in [report.human(false), report.short()] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\0']), "{text:?}");
    }
}

#[test]
fn one_place_is_reported_once() {
    let (sources, at) = map("~SEQ(i, 1, 3) vrrp_instance V$i { priorty 1 }\n");
    let finding = |name| {
        Diagnostic::new(
            Code::UnknownKeyword,
            at("priorty"),
            format!("{name}: no `priorty`"),
        )
    };
    let settled = settle(vec![
        finding("V1"),
        finding("V2"),
        finding("V3"),
        finding("V1"),
    ]);
    assert_eq!(settled.len(), 1);
    assert_eq!(
        settled[0].notes,
        ["found several times more where this text is used again"]
    );
    assert_eq!(Report::new(&sources, &settled).tally().errors, 1);
}

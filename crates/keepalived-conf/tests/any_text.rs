//! Whatever the text: it is read, judged, shown and mended without a panic, and every place is in it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use keepalived_conf::crossnode::{self, Node};
use keepalived_conf::diag::Report;
use keepalived_conf::{Limits, MemoryLoader, Options, load};
use proptest::prelude::*;

mod pieces;

fn check(text: &str) -> Result<(), TestCaseError> {
    let loader = MemoryLoader::default().file("keepalived.conf", text);
    let limits = Limits {
        lines: 5_000,
        ..Limits::default()
    };
    let loaded = load(
        &loader,
        "keepalived.conf",
        &Options {
            limits,
            ..Options::default()
        },
    );
    let findings = loaded.findings();
    let report = Report::new(&loaded.sources, &findings);
    let shown = (report.human(true), report.short(), report.json());
    prop_assert_eq!(shown.1.lines().count(), findings.len());
    for finding in &findings {
        if let Some(span) = finding.span {
            prop_assert!(loaded.sources.text(span).is_some(), "{:?}", finding);
        }
        for help in &finding.help {
            for edit in &help.edits {
                prop_assert!(loaded.sources.text(edit.span).is_some(), "{:?}", finding);
            }
            let changed = help.apply(loaded.main.unwrap(), text);
            prop_assert!(help.edits.is_empty() || changed != text, "{:?}", finding);
        }
    }
    let node = Node {
        name: "keepalived.conf",
        config: &loaded.config,
    };
    let both = [node, node];
    let findings = crossnode::check(&both);
    let _ = (
        Report::new(&loaded.sources, &findings).human(false),
        crossnode::table(&crossnode::routers(&both)),
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_configurations(text in pieces::text()) {
        check(&text)?;
    }

    #[test]
    fn any_characters(text in "\\PC*") {
        check(&text)?;
    }

    /// A real file with something cut out of it and something put in.
    #[test]
    fn damaged_files(
        at in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        piece in pieces::text(),
    ) {
        let text = include_str!("diagnostics/nodes-weight-nopreempt/node1.conf");
        let cut = |index: prop::sample::Index| index.index(text.len());
        let (from, to) = (cut(at).min(cut(to)), cut(at).max(cut(to)));
        check(&format!("{}{piece}{}", &text[..from], &text[to..]))?;
    }
}

//! All findings of one run, in order and each once, and what a person, a grep or a program reads of them.

use core::fmt::Write as _;

use super::{Diagnostic, Severity, human, json};
use crate::span::SourceMap;

/// Findings together with the texts that they point into.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    sources: &'a SourceMap,
    findings: &'a [Diagnostic],
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What `check` fails on.
    pub errors: usize,
    /// What `check --strict` fails on as well.
    pub warnings: usize,
    /// What nobody fails on.
    pub notes: usize,
}

impl Tally {
    /// Counts `findings`.
    #[must_use]
    pub fn of(findings: &[Diagnostic]) -> Self {
        let mut tally = Self::default();
        for finding in findings {
            match finding.severity {
                Severity::Refuse | Severity::Loud => tally.errors += 1,
                Severity::Warning => tally.warnings += 1,
                Severity::Note => tally.notes += 1,
            }
        }
        tally
    }
}

/// Puts findings in the order of the text, and what was found several times at one place (a repeated or twice
/// included line) once, with the number.
#[must_use]
pub fn settle(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.sort_by_key(|finding| (finding.span.is_none(), finding.span, finding.code));
    let mut settled: Vec<Diagnostic> = Vec::with_capacity(findings.len());
    let mut again = 0_usize;
    for finding in findings {
        if let Some(last) = settled.last_mut() {
            let same = (last.code, last.span) == (finding.code, finding.span);
            if same && (finding.span.is_some() || last.message == finding.message) {
                again += usize::from(last.message != finding.message);
                continue;
            }
            count_repeats(last, &mut again);
        }
        settled.push(finding);
    }
    if let Some(last) = settled.last_mut() {
        count_repeats(last, &mut again);
    }
    settled
}

fn count_repeats(finding: &mut Diagnostic, again: &mut usize) {
    if *again > 0 {
        let times = if *again == 1 { "once" } else { "several times" };
        finding
            .notes
            .push(format!("found {times} more where this text is used again"));
        *again = 0;
    }
}

impl<'a> Report<'a> {
    /// A report of `findings`, as they are; [`settle`] puts them in order first.
    #[must_use]
    pub const fn new(sources: &'a SourceMap, findings: &'a [Diagnostic]) -> Self {
        Self { sources, findings }
    }

    /// How many of each.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally::of(self.findings)
    }

    /// The way rustc says it: the place underlined, why, and what to write instead. With `colour`, ANSI escapes.
    #[must_use]
    pub fn human(&self, colour: bool) -> String {
        let mut text = String::new();
        for finding in self.findings {
            text.push_str(&human::render(self.sources, finding, colour));
            text.push_str("\n\n");
        }
        text
    }

    /// One line for each finding: `FILE:LINE:COLUMN: error[CODE]: MESSAGE`.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = String::new();
        for finding in self.findings {
            if let Some(place) = finding.span.and_then(|span| self.sources.locate(span)) {
                let _ = write!(text, "{place}: ");
            }
            let message = printable(&finding.message);
            let _ = writeln!(
                text,
                "{}[{}]: {message}",
                finding.severity.word(),
                finding.code
            );
        }
        text
    }

    /// The findings as a JSON array; docs/DIAGNOSTICS.md names the fields.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        self.findings
            .iter()
            .map(|finding| json::value(self.sources, finding))
            .collect()
    }
}

/// Text of the user's in a sentence of ours: control characters and what turns the direction of writing become
/// escapes, so that a terminal shows them instead of obeying.
pub(super) fn printable(text: &str) -> String {
    let harmless = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if harmless(c) {
            out.push(c)
        } else {
            out.extend(c.escape_unicode())
        }
    }
    out
}

//! What is said about a configuration: one [`Diagnostic`] each, with a stable code, a place, a reason and a remedy.

use crate::span::{FileId, Span};

mod human;
mod json;
mod report;

pub use report::{Report, Tally, settle};

use crate::codes::Code;

/// What `vrrpd run` does about it, which is also what decides `vrrpd check`: the two verdicts of one finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what was meant. `run` starts and logs a warning; `check` passes unless `--strict`.
    Warning,
    /// Something would silently not protect the address. `run` starts, with keepalived's meaning, and logs an
    /// error; `check` and `run --strict` fail.
    Loud,
    /// keepalived 2.2.7 does not run with this, and neither do we.
    Refuse,
}

impl Severity {
    /// What `vrrpd check` calls it: `error`, `warning` or `note`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refuse | Self::Loud => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What keepalived 2.2.7 makes of the same finding, for the exit status of `vrrpd -t` (keepalived's own ranks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// It says nothing: 0.
    Silent,
    /// It could not run: 4.
    Fatal,
    /// It reports something: 5.
    Reports,
    /// It reports a security violation: 6.
    Security,
    /// It stops reading at once, a parameter is missing: 2.
    Stops,
}

/// A second place that belongs to a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is to be seen there, a few words.
    pub text: String,
}

/// One change of the text. Edits of one [`Help`] belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes away; empty for a pure insertion.
    pub span: Span,
    /// What comes in its place; empty for a pure removal.
    pub text: String,
}

/// What to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// The advice, one sentence.
    pub text: String,
    /// The advice as changes of the text, if it is that exact: applied together they cure the finding and make no
    /// other. Empty where a person has to decide.
    pub edits: Vec<Edit>,
}

impl Help {
    /// `text`, the text of `file`, with all edits done that are in that file. Edits that overlap an earlier one, or
    /// that `text` is too short for, are left out.
    #[must_use]
    pub fn apply(&self, file: FileId, text: &str) -> String {
        let mut edits: Vec<&Edit> = self
            .edits
            .iter()
            .filter(|it| it.span.file == file)
            .collect();
        edits.sort_by_key(|edit| edit.span);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            if let (Some(kept), Some(_)) = (text.get(at..start), text.get(start..end)) {
                out.push_str(kept);
                out.push_str(&edit.text);
                at = end;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code; `vrrpd explain CODE` tells the longer story.
    pub code: Code,
    /// The verdict; the code's usual one unless this case differs.
    pub severity: Severity,
    /// What keepalived 2.2.7 makes of it; the code's usual one unless this case differs.
    pub peer: Peer,
    /// The place, if there is one (a missing file has none).
    pub span: Option<Span>,
    /// What is wrong, one sentence, without the place.
    pub message: String,
    /// The instance, group or script that it is about, if it is about one.
    pub subject: Option<String>,
    /// What to see at the place itself, a few words; empty for nothing.
    pub label: String,
    /// Other places that belong to it.
    pub labels: Vec<Label>,
    /// Why it matters, and what happens now.
    pub notes: Vec<String>,
    /// What to write instead.
    pub help: Vec<Help>,
}

impl Diagnostic {
    /// A finding with the usual verdict of its code.
    #[must_use]
    pub fn new(code: Code, span: impl Into<Option<Span>>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            peer: code.peer(),
            span: span.into(),
            message: message.into(),
            subject: None,
            label: String::new(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Another verdict than the code's usual one.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// keepalived makes something else of it than the code's usual.
    #[must_use]
    pub fn peer(self, peer: Peer) -> Self {
        Self { peer, ..self }
    }

    /// The instance, group or script that it is about.
    #[must_use]
    pub fn subject(self, name: impl Into<String>) -> Self {
        Self {
            subject: Some(name.into()),
            ..self
        }
    }

    /// What to see at the place itself.
    #[must_use]
    pub fn label(self, text: impl Into<String>) -> Self {
        Self {
            label: text.into(),
            ..self
        }
    }

    /// Another place; ignored without one.
    #[must_use]
    pub fn also(mut self, span: impl Into<Option<Span>>, text: impl Into<String>) -> Self {
        if let Some(span) = span.into() {
            self.labels.push(Label {
                span,
                text: text.into(),
            });
        }
        self
    }

    /// Why it matters, or what happens now.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(Help {
            text: text.into(),
            edits: Vec::new(),
        });
        self
    }

    /// What to write instead, as one exact change of the text.
    #[must_use]
    pub fn fix(self, span: Span, replacement: impl Into<String>, text: impl Into<String>) -> Self {
        self.fixes(
            vec![Edit {
                span,
                text: replacement.into(),
            }],
            text,
        )
    }

    /// What to write instead, as several changes that belong together.
    #[must_use]
    pub fn fixes(mut self, edits: Vec<Edit>, text: impl Into<String>) -> Self {
        self.help.push(Help {
            text: text.into(),
            edits,
        });
        self
    }
}

#[cfg(test)]
mod tests;

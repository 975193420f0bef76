//! Lines as the blocks see them: conditions, definitions, repetitions and includes are gone, and every brace
//! stands on a line of its own.
//!
//! Lines come one at a time, because what a line means depends on everything before it. Each physical line goes
//! through the same steps as in keepalived: comment, `@id`, `$NAME=`, `~SEQ`, `$NAME`, `include`, braces.
//! Whatever the text, there are at most [`Limits`] lines and files, and each line is at most [`MAX_LINE`] long.

mod define;
mod include;
mod odd;
mod repeat;

use std::collections::{BTreeMap, VecDeque};

use crate::codes::Code;
use crate::diag::Diagnostic;
use crate::lex;
use crate::loader::Loader;
use crate::span::{FileId, SourceMap, Span};
use crate::text::{BLANK, Place, Text};
use crate::{Limits, Options};

use define::{Definition, Random};
pub(crate) use include::IncludeCheck;
use repeat::Repeat;

/// keepalived reads lines in pieces of this many bytes, the newline not counted.
pub(crate) const MAX_LINE: usize = 1022;

/// A source of lines. The last one on the stack is read first.
enum Source {
    File(OpenFile),
    /// What is left of a line behind a brace, or of a definition of several lines.
    Lines(VecDeque<Text>),
    Repeat(Repeat),
}

struct OpenFile {
    id: FileId,
    directory: String,
    offset: usize,
    /// `include_check` holds to the end of the file that sets it.
    outer_check: IncludeCheck,
}

/// The expanded lines of a file and of everything it includes.
pub(crate) struct Lines<'a> {
    loader: &'a dyn Loader,
    options: &'a Options,
    limits: Limits,
    pub(crate) sources: SourceMap,
    pub(crate) findings: Vec<Diagnostic>,
    stack: Vec<Source>,
    definitions: BTreeMap<String, Definition>,
    /// A definition of several lines whose end has not come yet.
    defining: Option<(String, Vec<Text>)>,
    random: Random,
    pub(crate) include_check: IncludeCheck,
    expansions: usize,
    files: usize,
    bytes: usize,
    last_place: Option<Span>,
}

impl<'a> Lines<'a> {
    /// Lines of the file `path`; none if it cannot be read, which is a finding then.
    pub(crate) fn open(
        sources: SourceMap,
        loader: &'a dyn Loader,
        path: &str,
        options: &'a Options,
    ) -> Self {
        let mut lines = Self {
            loader,
            options,
            limits: options.limits,
            sources,
            findings: Vec::new(),
            stack: Vec::new(),
            definitions: BTreeMap::new(),
            defining: None,
            random: Random::new(options.seed),
            include_check: IncludeCheck::new(options.check_includes),
            expansions: 0,
            files: 0,
            bytes: 0,
            last_place: None,
        };
        lines.open_main(path);
        lines
    }

    /// The next line; never empty, without a comment, without blanks around it.
    pub(crate) fn next(&mut self) -> Option<Text> {
        while let Some(raw) = self.raw() {
            if let Some(line) = self.expand(raw) {
                return Some(line);
            }
        }
        None
    }

    /// The end of the last line that was read: where something that is missing at the end is missing.
    pub(crate) fn end(&self) -> Option<Span> {
        self.last_place.map(|span| Span {
            start: span.end,
            ..span
        })
    }

    pub(crate) fn report(&mut self, finding: Diagnostic) {
        report(&mut self.findings, finding);
    }

    /// Whether nothing more would be said.
    pub(crate) fn has_said_enough(&self) -> bool {
        self.findings.len() >= MOST_FINDINGS
    }

    /// A finding at `place`, with the line that used it if it stands in a definition.
    pub(crate) fn finding(code: Code, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, place.span, message).also(place.used, "used here")
    }

    /// The next line as it was written.
    fn raw(&mut self) -> Option<Text> {
        loop {
            let line = match self.stack.last_mut()? {
                Source::File(file) => {
                    let line = Self::physical(&self.sources, file);
                    if let Some((line, whole)) = &line {
                        self.last_place = Some(line.place(0..line.len()).span);
                        if !whole {
                            self.report_long(line);
                        }
                    }
                    line.map(|(line, _)| line)
                }
                Source::Lines(lines) => lines.pop_front(),
                Source::Repeat(repeat) => repeat.step(&mut self.definitions),
            };
            if let Some(line) = line {
                let made = !matches!(self.stack.last(), Some(Source::File(_)));
                if made && !self.spend(&line) {
                    return None;
                }
                return Some(line);
            }
            if let Some(Source::File(file)) = self.stack.pop() {
                self.include_check = file.outer_check;
                self.end_definition();
            }
        }
    }

    /// Counts one expansion. `false`: there have been too many, and nothing more is read.
    fn spend(&mut self, line: &Text) -> bool {
        // Long lines take longer.
        self.expansions += 1 + line.len() / 128;
        if self.expansions <= self.limits.lines {
            return true;
        }
        self.stack.clear();
        let finding = Self::finding(
            Code::ExpansionLimit,
            line.place(0..line.len()),
            format!(
                "the configuration makes more than {} lines",
                self.limits.lines
            ),
        )
        .note("nothing behind this line is read")
        .help("write smaller ~SEQ and ~LST ranges, and no include that includes itself");
        self.findings.push(finding);
        false
    }

    /// The next line of a file, at most [`MAX_LINE`] bytes of it, and whether that was all of it.
    fn physical(sources: &SourceMap, file: &mut OpenFile) -> Option<(Text, bool)> {
        let text = sources.file(file.id)?.text.get(file.offset..)?;
        if text.is_empty() {
            return None;
        }
        // No further than a line may be long: one of many megabytes is looked at once, not once for each piece.
        let near = text.as_bytes().get(..=MAX_LINE).unwrap_or(text.as_bytes());
        let (line, end) = match near.iter().position(|&byte| byte == b'\n') {
            Some(end) => (text.get(..end)?, end + 1),
            None => (text, text.len()),
        };
        let start = file.offset;
        if line.len() > MAX_LINE {
            let cut = (0..=MAX_LINE).rev().find(|&at| line.is_char_boundary(at))?;
            file.offset += cut;
            return Some((Text::source(file.id, start, line.get(..cut)?), false));
        }
        file.offset += end;
        Some((
            Text::source(file.id, start, line.trim_end_matches('\r')),
            true,
        ))
    }

    /// Takes one raw line through all steps. `None`: it gave no line for the blocks, or not yet.
    fn expand(&mut self, raw: Text) -> Option<Text> {
        let mut line = self.stripped(&raw);
        if self.define_more(&line) {
            return None;
        }
        line = self.condition(line)?;
        if self.define(&line) || self.repeat(&line) {
            return None;
        }
        let (replaced, rest) = self.replace(&line, true);
        if let Some(replaced) = replaced {
            line = self.stripped(&replaced);
            if !rest.is_empty() {
                self.push(Source::Lines(rest));
            }
            line = self.condition(line)?;
            // A definition may hold a ~SEQ of its own.
            if self.repeat(&line) {
                return None;
            }
        }
        line = self.marks(line);
        if self.include(&line) {
            return None;
        }
        self.split_braces(line)
    }

    /// Without the comment; says what is odd about the line.
    fn stripped(&mut self, line: &Text) -> Text {
        let stripped = lex::strip(line);
        if let Some(place) = stripped.open_quote {
            let finding = Self::finding(
                Code::QuoteUnterminated,
                place,
                "this quotation mark is never closed",
            )
            .note("a quotation ends with its line; the words from here on are not read");
            self.report(finding);
        }
        if let Some((place, mark)) = stripped.cut {
            self.report_cut(place, mark);
        }
        self.look_for_odd(&stripped.text);
        // To keepalived, which is written in C, a line ends with its first NUL.
        match stripped.text.as_str().find('\0') {
            Some(end) => stripped.text.slice(0..end).trimmed(),
            None => stripped.text,
        }
    }

    fn report_cut(&mut self, place: Place, mark: char) {
        self.report(
            Self::finding(
                Code::CommentCutsWord,
                place,
                format!("`{mark}` begins a comment here, in the middle of a word"),
            )
            .label("the rest of the line is not read")
            .help(format!(
                "write `\\{mark}` for the character itself, or put the word in double quotes"
            )),
        );
    }

    /// `@ID rest` and `@^ID rest`: the rest, if it is meant for us.
    fn condition(&mut self, line: Text) -> Option<Text> {
        let Some(condition) = line.as_str().strip_prefix('@') else {
            return (!line.is_empty()).then_some(line);
        };
        let (negated, id) = match condition.strip_prefix('^') {
            Some(id) => (true, id),
            None => (false, condition),
        };
        let Some(end) = id.find(BLANK) else {
            let place = line.place(0..line.len());
            self.report(
                Self::finding(
                    Code::ConditionEmpty,
                    place,
                    format!("nothing stands behind `{}`", line.as_str()),
                )
                .help("write the line that it is a condition for behind it, after a blank"),
            );
            return None;
        };
        let rest = line.len() - id.len() + end;
        let same = id.get(..end) == Some(self.options.config_id.as_str());
        (same != negated).then(|| line.from(rest).trimmed())
    }

    /// Gives the part up to the first brace, or the brace; what follows is read next.
    fn split_braces(&mut self, line: Text) -> Option<Text> {
        if line.is_empty() {
            return None;
        }
        let mut in_quotes = false;
        let brace = line.as_str().char_indices().find(|&(_, c)| {
            in_quotes ^= c == '"';
            !in_quotes && matches!(c, '{' | '}')
        });
        let Some((at, _)) = brace else {
            return Some(line);
        };
        let end = at.max(1);
        if end < line.len() {
            self.push(Source::Lines(VecDeque::from([line.from(end)])));
        }
        let line = line.slice(0..end).trimmed();
        (!line.is_empty()).then_some(line)
    }

    fn push(&mut self, source: Source) {
        // A line that ends with a brace leaves nothing: the depth of the stack is that of includes, definitions
        // and repetitions inside each other.
        while matches!(self.stack.last(), Some(Source::Lines(lines)) if lines.is_empty()) {
            self.stack.pop();
        }
        if self.stack.len() >= self.limits.depth {
            let line = match &source {
                Source::Lines(lines) => lines.front().cloned(),
                Source::Repeat(repeat) => Some(repeat.text.clone()),
                Source::File(_) => None,
            };
            let place = line
                .map(|line| line.place(0..line.len()))
                .unwrap_or_default();
            self.report(
                Self::finding(
                    Code::ExpansionLimit,
                    place,
                    "this is expanded inside itself too often",
                )
                .note(format!(
                    "more than {} levels of definitions, repetitions and includes",
                    self.limits.depth
                )),
            );
            return;
        }
        self.stack.push(source);
    }
}

/// Where there are so many findings, more would help nobody; what refuses is always said.
const MOST_FINDINGS: usize = 5000;

/// Adds a finding, if there are not too many.
pub(crate) fn report(findings: &mut Vec<Diagnostic>, finding: Diagnostic) {
    if findings.len() < MOST_FINDINGS || finding.severity == crate::Severity::Refuse {
        findings.push(finding);
    }
}

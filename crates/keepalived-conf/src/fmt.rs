//! One layout for every file: `vrrpd fmt`.
//!
//! The formatter works on the text of one file and knows no keyword. It indents by blocks, gives every `{` and `}` its
//! place, every word one blank, and keeps every comment. It never changes what a file means, for keepalived as for us:
//! a line that goes through definitions, conditions, repetitions, includes, escapes or single quotes is indented and
//! otherwise left alone, and a definition of several lines is not touched at all. Formatting twice is formatting once.

use crate::expand::MAX_LINE;
use crate::lex::strip;
use crate::span::FileId;
use crate::text::{BLANK, Text};

/// A byte order mark at the start of a file; elsewhere a part of a word.
const MARK: char = '\u{feff}';
const INDENT: &str = "    ";

/// The text in the one layout.
#[must_use]
pub fn format(text: &str) -> String {
    let text = text
        .strip_prefix(MARK)
        .filter(|rest| !rest.starts_with(MARK))
        .unwrap_or(text);
    let mut out = Output::default();
    let mut in_definition = false;
    for (number, line) in text.split('\n').enumerate() {
        let line = line.trim_end_matches('\r');
        let (code, comment) = split_comment(line);
        let code = code.trim_matches(BLANK);
        let verbatim = in_definition || is_definition(code);
        // One may also stand behind a brace, or come out of a repetition or of another definition.
        let all = if line.len() > MAX_LINE { line } else { code };
        in_definition = (verbatim || all.contains('$') && all.contains('=')) && goes_on(line);
        if verbatim
            || line.len() > MAX_LINE
            || code.matches('"').count() % 2 == 1
            || line.contains(['\0', '\r', MARK])
        {
            if number > 0 && out.text.is_empty() && line.starts_with(MARK) {
                // At the start of the file it would be another thing.
                out.text.push('\n');
            }
            out.verbatim(line);
        } else if code.contains(['$', '~', '@', '\\', '\'']) || code.contains("include") {
            out.special(code, comment);
        } else {
            out.plain(code, comment);
        }
    }
    out.finish()
}

/// Where the comment begins, as keepalived sees it: outside double quotes, unless a backslash stands in front.
pub(crate) fn split_comment(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' | '!' if !quoted && before != '\\' => {
                return line.split_at_checked(at).unwrap_or((line, ""));
            }
            _ => {}
        }
        before = c;
    }
    (line, "")
}

/// A comment without blanks at its end. They stay behind a backslash: as the last character it would be read.
fn trimmed(comment: &str) -> &str {
    let trimmed = comment.trim_end_matches(BLANK);
    if trimmed.ends_with('\\') {
        comment
    } else {
        trimmed
    }
}

/// `$NAME=`, perhaps behind an `@ID`.
fn is_definition(code: &str) -> bool {
    let code = match code.strip_prefix('@') {
        Some(rest) => rest
            .split_once(BLANK)
            .map_or("", |(_, rest)| rest.trim_start_matches(BLANK)),
        None => code,
    };
    let name = code.strip_prefix('$').and_then(|rest| rest.split_once('='));
    name.is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Whether a definition goes on behind this line, as the reader sees it: a comment does not hide the mark. The reader
/// cuts a line that is too long, and any of its parts may bear one.
fn goes_on(line: &str) -> bool {
    if line.len() > MAX_LINE {
        return line.contains('\\');
    }
    let read = strip(&Text::source(FileId::default(), 0, line)).text;
    let code = read.as_str().split('\0').next().unwrap_or_default();
    code.trim_end_matches(BLANK).ends_with('\\')
}

/// What the last line was.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Nothing,
    /// Words that a `{` on the next line may join.
    Words,
    Open,
    Close,
    /// A condition that opened a block: another one behind it is probably its alternative.
    ConditionalOpen,
    Other,
}

#[derive(Default)]
struct Output {
    text: String,
    depth: usize,
    last: Last,
    /// An empty line is due.
    gap: bool,
}

impl Output {
    fn finish(mut self) -> String {
        let end = self.text.trim_end_matches('\n').len();
        self.text.truncate(end);
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text
    }

    fn start(&mut self, depth: usize) {
        let first = matches!(
            self.last,
            Last::Nothing | Last::Open | Last::ConditionalOpen
        );
        if core::mem::take(&mut self.gap) && !first {
            self.text.push('\n');
        }
        self.text.push_str(&INDENT.repeat(depth));
    }

    fn end(&mut self, last: Last) {
        self.text.push('\n');
        self.last = last;
    }

    /// As it stands, empty lines and blanks at the end included.
    fn verbatim(&mut self, line: &str) {
        if core::mem::take(&mut self.gap) && self.last != Last::Nothing {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.end(Last::Other);
    }

    /// Indented, and otherwise as it stands.
    fn special(&mut self, code: &str, comment: &str) {
        let (opens, closes) = braces(code);
        let alternative =
            code.starts_with('@') && opens > closes && self.last == Last::ConditionalOpen;
        if alternative {
            self.depth = self.depth.saturating_sub(1);
        }
        let first = usize::from(code.starts_with('}'));
        self.start(self.depth.saturating_sub(first));
        self.text.push_str(code);
        self.comment(comment);
        self.depth = (self.depth + opens).saturating_sub(closes);
        let conditional = code.starts_with('@') && opens > closes;
        self.end(if conditional {
            Last::ConditionalOpen
        } else {
            Last::Other
        });
    }

    fn plain(&mut self, code: &str, comment: &str) {
        if code.is_empty() && comment.is_empty() {
            self.gap = true;
            return;
        }
        let pieces = pieces(code);
        if pieces.is_empty() {
            self.start(self.depth);
            self.text.push_str(trimmed(comment));
            self.end(Last::Other);
            return;
        }
        let count = pieces.len();
        for (at, piece) in pieces.into_iter().enumerate() {
            let comment = if at + 1 == count { comment } else { "" };
            match piece {
                Piece::Open => self.open(comment),
                Piece::Close => {
                    self.depth = self.depth.saturating_sub(1);
                    self.gap = false;
                    self.start(self.depth);
                    self.text.push('}');
                    self.comment(comment);
                    self.end(Last::Close);
                    self.gap = self.depth == 0;
                }
                Piece::Words(words) => {
                    self.start(self.depth);
                    self.words(&words);
                    self.comment(comment);
                    self.end(if comment.is_empty() {
                        Last::Words
                    } else {
                        Last::Other
                    });
                }
            }
        }
    }

    /// `{` joins the words before it.
    fn open(&mut self, comment: &str) {
        if self.last == Last::Words {
            self.gap = false;
            self.text.pop();
            self.text.push_str(" {");
        } else {
            self.start(self.depth);
            self.text.push('{');
        }
        self.depth += 1;
        self.comment(comment);
        self.end(Last::Open);
    }

    fn words(&mut self, words: &[&str]) {
        self.text.push_str(&words.join(" "));
    }

    fn comment(&mut self, comment: &str) {
        let comment = trimmed(comment);
        if !comment.is_empty() {
            self.text.push(' ');
            self.text.push_str(comment);
        }
    }
}

enum Piece<'a> {
    Open,
    Close,
    Words(Vec<&'a str>),
}

/// A line cut at its braces, and these pieces at their blanks, both outside double quotes.
fn pieces(code: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut words = Vec::new();
    let mut start = None;
    let mut quoted = false;
    let end = code.len();
    for (at, c) in code.char_indices().chain([(end, ' ')]) {
        quoted ^= c == '"';
        let brace = !quoted && matches!(c, '{' | '}');
        let blank = (!quoted || at == end) && BLANK.contains(&c);
        if brace || blank {
            words.extend(start.take().and_then(|start| code.get(start..at)));
        } else if start.is_none() {
            start = Some(at);
        }
        if (brace || at == end) && !words.is_empty() {
            pieces.push(Piece::Words(core::mem::take(&mut words)));
        }
        if brace {
            pieces.push(if c == '{' { Piece::Open } else { Piece::Close });
        }
    }
    pieces
}

/// How many blocks a line opens and closes; the braces of `${NAME}` are none.
fn braces(code: &str) -> (usize, usize) {
    let (mut opens, mut closes) = (0, 0);
    let (mut quoted, mut name, mut before) = (false, false, ' ');
    for c in code.chars() {
        match c {
            '"' => quoted = !quoted,
            '{' if before == '$' => name = true,
            '}' if name => name = false,
            '{' if !quoted => opens += 1,
            '}' if !quoted => closes += 1,
            _ => {}
        }
        before = c;
    }
    (opens, closes)
}

#[cfg(test)]
mod tests;

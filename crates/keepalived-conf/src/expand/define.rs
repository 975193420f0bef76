//! `$NAME=TEXT`, and `$NAME` and `${NAME}` in the lines behind it.

use std::collections::VecDeque;

use nom::branch::alt;
use nom::bytes::complete::take_while;
use nom::character::complete::{char, satisfy};
use nom::combinator::{map, peek, recognize};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

use super::{Lines, MAX_LINE};
use crate::codes::Code;
use crate::text::{BLANK, Place, Text};

/// One replacement may not cause more than this many others in the same line.
const MAX_REPLACEMENTS: usize = 1000;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// At least one line.
    pub(super) lines: Vec<Text>,
}

impl Definition {
    pub(super) fn line(text: Text) -> Self {
        Self { lines: vec![text] }
    }
}

/// Numbers for `${_RANDOM}`: xorshift64*, the same for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self, low: u32, high: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let spread = u64::from(high.saturating_sub(low)) + 1;
        let value = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % spread;
        low.saturating_add(u32::try_from(value).unwrap_or(0))
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(super) fn name(input: &str) -> IResult<&str, &str> {
    let first = satisfy(|c| c.is_ascii_alphabetic() || c == '_');
    recognize((
        first,
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '_'),
    ))
    .parse(input)
}

/// The name in a use at the start of `input`, with what follows it inside the braces.
fn usage(input: &str) -> IResult<&str, (&str, &str)> {
    let braced = delimited(
        char('{'),
        (name, take_while(|c| c != '}' && c != '{')),
        char('}'),
    );
    let ends = |rest| match rest {
        "" => Ok((rest, ())),
        _ => map(
            peek(satisfy(|c| matches!(c, ' ' | '\t' | ',' | ')'))),
            |_| (),
        )
        .parse(rest),
    };
    let bare = map(terminated(name, ends), |name| (name, ""));
    preceded(char('$'), alt((braced, bare))).parse(input)
}

/// `NAME=` at the start of a line, the dollar already taken.
fn assignment(input: &str) -> IResult<&str, &str> {
    delimited(
        char('$'),
        name,
        (char('='), take_while(|c| BLANK.contains(&c))),
    )
    .parse(input)
}

impl Lines<'_> {
    /// Makes a definition if the line is one.
    pub(super) fn define(&mut self, line: &Text) -> bool {
        let Ok((rest, name)) = assignment(line.as_str()) else {
            return false;
        };
        let text = line.from(line.len() - rest.len());
        let name = name.to_owned();
        match continued(&text) {
            Some(first) => self.defining = Some((name, vec![first])),
            None => drop(self.definitions.insert(name, Definition::line(text))),
        }
        true
    }

    /// Takes the line for the definition that is being made, if there is one.
    pub(super) fn define_more(&mut self, line: &Text) -> bool {
        let Some((_, lines)) = &mut self.defining else {
            return false;
        };
        match continued(line) {
            Some(text) => lines.push(text),
            None => {
                lines.push(line.clone());
                self.end_definition();
            }
        }
        true
    }

    pub(super) fn end_definition(&mut self) {
        if let Some((name, lines)) = self.defining.take() {
            self.definitions.insert(name, Definition { lines });
        }
    }

    /// Puts definitions in place. `None` if there was nothing to replace; the second part holds the further lines
    /// of a definition of several, which only may stand at the end of the line (and not where `lines` is false).
    pub(super) fn replace(&mut self, line: &Text, lines: bool) -> (Option<Text>, VecDeque<Text>) {
        let mut text = line.clone();
        let mut further = VecDeque::new();
        let mut changed = false;
        let mut at = 0;
        let mut count = 0;
        while let Some(found) = text.as_str().get(at..).and_then(|rest| rest.find('$')) {
            at += found;
            let Ok((rest, (name, arguments))) = usage(text.as_str().get(at..).unwrap_or("")) else {
                at += 1;
                continue;
            };
            let end = text.len() - rest.len();
            let place = text.place(at..end);
            let Some(mut definition) = self.lookup(name, arguments, place) else {
                at += 1;
                continue;
            };
            let several = definition.lines.len() > 1;
            if several && (!lines || !further.is_empty() || end != text.len()) {
                at += 1;
                continue;
            }
            let first = definition.lines.remove(0);
            count += 1;
            if !self.spend(&text) {
                return (None, VecDeque::new());
            }
            if text.len() - (end - at) + first.len() > MAX_LINE || count > MAX_REPLACEMENTS {
                self.report(
                    Self::finding(Code::ExpansionLimit, place, format!("`${name}` makes the line too long"))
                        .note(format!("an expanded line has at most {MAX_LINE} bytes; the line stays as it is"))
                        .help("a definition must not use itself, and long text belongs into several lines"),
                );
                return (None, VecDeque::new());
            }
            let mut next = text.slice(0..at);
            next.push(&first.used_at(place));
            next.push(&text.from(end));
            text = next;
            changed = true;
            if several {
                let used = |line: Text| line.used_at(place);
                further = definition.lines.into_iter().map(used).collect();
            }
        }
        (changed.then_some(text), further)
    }

    /// Puts `#` and `!` in place for `${_HASH}` and `${_BANG}`, which must not begin a comment.
    pub(super) fn marks(&self, mut line: Text) -> Text {
        for (name, mark) in [("_HASH", "#"), ("_BANG", "!")] {
            let usage = format!("${{{name}}}");
            while let Some(at) = line.as_str().find(&usage) {
                let end = at + usage.len();
                let mut marked = line.slice(0..at);
                marked.push(&Text::made(mark, line.place(at..end)));
                marked.push(&line.from(end));
                line = marked;
            }
        }
        line
    }

    /// What `name` stands for now.
    fn lookup(&mut self, name: &str, arguments: &str, place: Place) -> Option<Definition> {
        if let Some(definition) = self.definitions.get(name).filter(|_| arguments.is_empty()) {
            return Some(definition.clone());
        }
        let made = |text: &str| Some(Definition::line(Text::made(text, place)));
        match (name, arguments.trim_matches(BLANK)) {
            ("_PWD", "") => made(&self.directory()),
            ("_INSTANCE", "") => made(&self.options.config_id),
            ("_RANDOM", range) => {
                let value = self.random(range, place)?;
                made(&value.to_string())
            }
            ("_ENV", variable) if !variable.is_empty() => {
                let value = self.options.environment.get(variable);
                if value.is_none() {
                    let message = format!("the environment has no variable `{variable}`");
                    self.report(Self::finding(Code::DefinitionUnknown, place, message));
                }
                made(value.map_or("", String::as_str))
            }
            _ => None,
        }
    }

    fn random(&mut self, range: &str, place: Place) -> Option<u32> {
        let numbers: Result<Vec<u32>, _> = range.split_whitespace().map(str::parse).collect();
        match numbers.as_deref() {
            Ok([]) => Some(self.random.next(0, 32767)),
            Ok([low]) => Some(self.random.next(*low, (*low).max(32767))),
            Ok([low, high]) if low <= high => Some(self.random.next(*low, *high)),
            Ok([low, high]) => {
                let message = format!("no number lies between {low} and {high}");
                self.report(
                    Self::finding(Code::DefinitionInvalid, place, message)
                        .note(format!("{low} is used")),
                );
                Some(*low)
            }
            _ => {
                let message = "`${_RANDOM MIN MAX}` takes two numbers";
                self.report(Self::finding(Code::DefinitionInvalid, place, message));
                None
            }
        }
    }
}

/// The line without its `\` at the end, if it has one.
fn continued(line: &Text) -> Option<Text> {
    line.as_str()
        .strip_suffix('\\')
        .map(|text| line.slice(0..text.len()).trimmed())
}

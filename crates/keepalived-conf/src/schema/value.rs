//! The words behind a keyword as values, with keepalived's lenience: a number with something behind it is taken and
//! complained about, a number beyond its range is not taken.

use core::net::IpAddr;
use core::time::Duration;

use nom::Parser;
use nom::character::complete::{char, digit0, one_of};
use nom::combinator::{map, opt};
use nom::sequence::preceded;

use super::Reader;
use crate::codes::Code;
use crate::config::{Command, Origin, User};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::keyword::{Takes, decimal};
use crate::lex::{self, Word};
use crate::tree::Statement;

/// A number as it was written, the way strtoul reads it: without a digit it is 0.
struct Number<T> {
    value: T,
    negative: bool,
    /// Digits were rounded away.
    rounded: bool,
    /// Something stands behind it.
    junk: bool,
}

/// `[+-]N`; too large a number is the greatest one, which no range has.
fn integer(input: &str) -> Number<i64> {
    let (rest, (negative, digits)) = signed(input, digit0);
    let value = if digits.is_empty() {
        0
    } else {
        digits.parse().unwrap_or(i64::MAX)
    };
    Number {
        value: if negative { -value } else { value },
        negative,
        rounded: false,
        junk: !rest.is_empty(),
    }
}

/// `N`, `N.N` or `.N` in units of the last of `digits` digits.
///
/// keepalived forgets to scale a number that has something behind it: `2s` is two microseconds.
fn fixed(input: &str, digits: u32) -> Number<u64> {
    let number = (digit0, opt(preceded(char('.'), digit0)));
    let (rest, (negative, (whole, fraction))) = signed(input, number);
    let fraction: &str = fraction.unwrap_or("");
    let wanted = digits as usize;
    let junk = !rest.is_empty();
    let surplus = fraction.as_bytes().get(wanted).copied();
    let zeros = if junk {
        0
    } else {
        wanted.saturating_sub(fraction.len())
    };
    let text = format!("{whole}{fraction:.wanted$}{}", "0".repeat(zeros));
    let value: u64 = if text.is_empty() {
        0
    } else {
        text.parse().unwrap_or(u64::MAX)
    };
    Number {
        value: value.saturating_add(u64::from(surplus.is_some_and(|digit| digit >= b'5'))),
        negative,
        rounded: surplus.is_some(),
        junk,
    }
}

/// A number behind blanks and a sign.
fn signed<'a, T: Default>(
    input: &'a str,
    number: impl Parser<&'a str, Output = T, Error = nom::error::Error<&'a str>>,
) -> (&'a str, (bool, T)) {
    let input = input.trim_start_matches([' ', '\t']);
    let sign = map(opt(one_of("+-")), |sign| sign == Some('-'));
    (sign, number)
        .parse(input)
        .unwrap_or_else(|_| (input, (false, T::default())))
}

impl Reader<'_> {
    pub(super) fn report(&mut self, finding: Diagnostic) {
        let finding = match (&finding.subject, &self.subject) {
            (None, Some(subject)) => finding.subject(subject.clone()),
            _ => finding,
        };
        crate::expand::report(&mut self.findings, finding);
    }

    /// Word `index` of the line. Without it keepalived ends at once, and so does the reading.
    pub(super) fn word<'s>(&mut self, statement: &'s Statement, index: usize) -> Option<&'s Word> {
        let word = statement.words.get(index);
        if word.is_none() {
            self.missing(statement);
        }
        word
    }

    pub(super) fn missing(&mut self, statement: &Statement) {
        let Some(keyword) = statement.words.first() else {
            return;
        };
        self.stopped = true;
        let finding = Lines::finding(
            Code::ArgumentMissing,
            keyword.place(),
            format!("`{}` lacks its argument", keyword.text),
        )
        .note("keepalived ends at once with exit status 2")
        .help(format!("write `{}`", statement.keyword.syntax()));
        self.report(finding);
    }

    /// Says that words from `index` on are not read.
    pub(super) fn surplus(&mut self, statement: &Statement, index: usize) {
        let Some((first, rest)) = statement.words.get(index..).and_then(<[Word]>::split_first)
        else {
            return;
        };
        let last = rest.last().unwrap_or(first);
        let span = first.span.to(last.span);
        let words = if rest.is_empty() {
            "this word is"
        } else {
            "these words are"
        };
        let finding = Diagnostic::new(Code::WordsUnused, span, format!("{words} not read"))
            .note(format!("the syntax is `{}`", statement.keyword.syntax()))
            .fix(span, "", "remove them");
        self.report(finding);
    }

    /// The whole number of a keyword that takes one, if it is in range.
    pub(super) fn integer(&mut self, statement: &Statement) -> Option<i64> {
        let Takes::Integer { min, max } = statement.keyword.takes else {
            return None;
        };
        let word = self.word(statement, 1)?;
        self.surplus(statement, 2);
        if statement.keyword.strict {
            self.strict_integer_in(word, min, max)
        } else {
            self.integer_in(word, min, max)
        }
    }

    pub(super) fn integer_in(&mut self, word: &Word, min: i64, max: i64) -> Option<i64> {
        let number = integer(&word.text);
        if number.junk {
            let used = (min..=max)
                .contains(&number.value)
                .then(|| number.value.to_string());
            self.junk(word, used);
        }
        self.in_range(word, number, min, max)
    }

    /// The same, but nothing may stand behind the number.
    pub(super) fn strict_integer_in(&mut self, word: &Word, min: i64, max: i64) -> Option<i64> {
        let number = integer(&word.text);
        if number.junk {
            self.junk(word, None);
            return None;
        }
        self.in_range(word, number, min, max)
    }

    fn in_range(&mut self, word: &Word, number: Number<i64>, min: i64, max: i64) -> Option<i64> {
        let good = (min..=max).contains(&number.value) && !(number.negative && min >= 0);
        if !good && !number.junk {
            let range = if max >= i64::from(u32::MAX) {
                format!("at least {min}")
            } else {
                format!("{min} to {max}")
            };
            self.out_of_range(word, &range);
        }
        good.then_some(number.value)
    }

    /// The number of a keyword that takes a decimal one, in its smallest unit, if it is in range.
    pub(super) fn decimal(&mut self, statement: &Statement) -> Option<u64> {
        let Takes::Decimal { digits, min, max } = statement.keyword.takes else {
            return None;
        };
        let word = self.word(statement, 1)?;
        self.surplus(statement, 2);
        self.decimal_in(word, digits, min, max)
    }

    pub(super) fn decimal_in(
        &mut self,
        word: &Word,
        digits: u32,
        min: u64,
        max: u64,
    ) -> Option<u64> {
        let number = fixed(&word.text, digits);
        let good = (min..=max).contains(&number.value) && !number.negative;
        if number.junk {
            self.junk(word, good.then(|| decimal(number.value, digits)));
        } else if !good {
            let range = format!("{} to {}", decimal(min, digits), decimal(max, digits));
            self.out_of_range(word, &range);
        } else if number.rounded {
            let message = format!("only {digits} digits behind the point count");
            let finding = Lines::finding(Code::DecimalRounded, word.place(), message);
            self.report(finding.note(format!("{} is used", decimal(number.value, digits))));
        }
        good.then_some(number.value)
    }

    /// Seconds of a keyword that takes them with a resolution of microseconds.
    pub(super) fn micros(&mut self, statement: &Statement) -> Option<Duration> {
        self.decimal(statement).map(Duration::from_micros)
    }

    /// A whole number of seconds.
    pub(super) fn seconds(&mut self, statement: &Statement) -> Option<Duration> {
        self.integer(statement)
            .and_then(|value| u64::try_from(value).ok())
            .map(Duration::from_secs)
    }

    /// A whole number as the type that holds its range.
    pub(super) fn small<T: TryFrom<i64>>(&mut self, statement: &Statement) -> Option<T> {
        self.integer(statement)
            .and_then(|value| T::try_from(value).ok())
    }

    /// Says that a word is not only a number; `used` is the number that is used all the same.
    fn junk(&mut self, word: &Word, used: Option<String>) {
        let text = word.text.trim_end();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let now = match used {
            Some(used) => format!("{used} is used"),
            None => "the line is not used".to_owned(),
        };
        let finding = if text.ends_with(';') {
            let message = format!(
                "`{}` is not a number: there is no `;` in keepalived.conf",
                word.text
            );
            Lines::finding(Code::Semicolon, word.place(), message).fix(
                word.span,
                digits,
                "remove the `;`",
            )
        } else {
            let message = format!("`{}` is not a number", word.text);
            let finding = Lines::finding(Code::NumberInvalid, word.place(), message);
            if digits.is_empty() || digits.len() == text.len() {
                finding
            } else {
                finding.fix(word.span, digits, format!("write `{digits}`"))
            }
        };
        self.report(finding.note(now));
    }

    fn out_of_range(&mut self, word: &Word, range: &str) {
        let finding = Lines::finding(
            Code::NumberRange,
            word.place(),
            format!("`{}` is out of range", word.text),
        )
        .label(format!("must be {range}"))
        .note("the line is not used");
        self.report(finding);
    }

    /// The boolean of a keyword for which none means true.
    pub(super) fn boolean(&mut self, statement: &Statement) -> Option<bool> {
        let Some(word) = statement.words.get(1) else {
            return Some(true);
        };
        self.surplus(statement, 2);
        match word.text.as_str() {
            "true" | "on" | "yes" => Some(true),
            "false" | "off" | "no" => Some(false),
            _ => {
                let message = format!("`{}` is neither true nor false", word.text);
                let finding = Lines::finding(Code::BooleanInvalid, word.place(), message)
                    .note("the line is not used")
                    .help("write true, on, yes, false, off or no, in lower case");
                self.report(finding);
                None
            }
        }
    }

    /// The one word behind a keyword.
    pub(super) fn text(&mut self, statement: &Statement) -> Option<String> {
        let word = self.word(statement, 1)?;
        self.surplus(statement, 2);
        Some(word.text.clone())
    }

    /// An address that must stand there.
    pub(super) fn address(&mut self, statement: &Statement) -> Option<IpAddr> {
        let word = self.word(statement, 1)?;
        self.surplus(statement, 2);
        let address = word.text.parse().ok();
        if address.is_none() {
            self.not_an_address(word);
        }
        address
    }

    pub(super) fn not_an_address(&mut self, word: &Word) {
        let finding = Lines::finding(
            Code::AddressInvalid,
            word.place(),
            format!("`{}` is not an IP address", word.text),
        );
        self.report(finding.note("it is not used"));
    }

    /// A program, and who runs it.
    pub(super) fn command(&mut self, statement: &Statement) -> Option<Command> {
        let words = match lex::script_words(&statement.line) {
            Ok(words) => words,
            Err(place) => {
                let finding = Lines::finding(
                    Code::QuoteUnterminated,
                    place,
                    "this quotation mark is never closed",
                );
                self.report(finding.note("the program is not run"));
                return None;
            }
        };
        let Some(program) = words.get(1) else {
            self.missing(statement);
            return None;
        };
        let Some(argv) = lex::arguments(&program.text).filter(|argv| !argv.is_empty()) else {
            let finding = Lines::finding(
                Code::QuoteUnterminated,
                program.place(),
                format!("`{}` is not a program with arguments", program.text),
            );
            self.report(finding.note("the program is not run"));
            return None;
        };
        let user = self.user(words.get(2..).unwrap_or_default());
        let origin = Origin::at(program.span);
        Some(Command { argv, user, origin })
    }

    /// `USER [GROUP]`
    pub(super) fn user(&mut self, words: &[Word]) -> Option<User> {
        let user = words.first()?.text.clone();
        let group = words.get(1).map(|word| word.text.as_str());
        let (supplementary, group) = match group.map(|group| group.strip_prefix(':').ok_or(group)) {
            Some(Ok(group)) => (true, Some(group).filter(|group| !group.is_empty())),
            Some(Err(group)) => (false, Some(group)),
            None => (false, None),
        };
        Some(User {
            user,
            group: group.map(str::to_owned),
            supplementary,
        })
    }
}

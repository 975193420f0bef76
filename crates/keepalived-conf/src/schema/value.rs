//! The words behind a keyword as values, with keepalived's lenience: a number with something behind it is taken and
//! complained about, a number beyond its range is not taken.

use core::net::IpAddr;
use core::time::Duration;

use nom::character::complete::{char, digit0, digit1};
use nom::combinator::{map_opt, opt};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::Reader;
use crate::codes::Code;
use crate::config::{Command, Origin, User};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::keyword::{Takes, decimal};
use crate::lex::{self, Word};
use crate::tree::Statement;

/// A number as it was written.
enum Number<T> {
    /// All of the word is the number.
    Whole(T),
    /// Something stands behind it.
    Junk(T),
    /// It is none.
    None,
}

/// `[+-]N`; too large a number is the greatest one, which no range has.
fn integer(input: &str) -> IResult<&str, i64> {
    let digits = map_opt(digit1, |text: &str| Some(text.parse().unwrap_or(i64::MAX)));
    let (rest, (sign, value)) =
        (opt(nom::branch::alt((char('-'), char('+')))), digits).parse(input)?;
    Ok((rest, if sign == Some('-') { -value } else { value }))
}

/// `N`, `N.N` or `.N` in units of the last of `digits` digits; and whether it had to be rounded.
fn fixed(digits: u32) -> impl Fn(&str) -> IResult<&str, (u64, bool)> {
    move |input| {
        let number = (digit0, opt(preceded(char('.'), digit0)));
        map_opt(number, |(whole, fraction): (&str, Option<&str>)| {
            let fraction = fraction.unwrap_or("");
            if whole.is_empty() && fraction.is_empty() {
                return None;
            }
            let whole: u64 = if whole.is_empty() {
                0
            } else {
                whole.parse().unwrap_or(u64::MAX)
            };
            let wanted = digits as usize;
            let kept: String = fraction
                .chars()
                .chain("0".repeat(wanted).chars())
                .take(wanted)
                .collect();
            let mut value = whole
                .saturating_mul(10_u64.pow(digits))
                .saturating_add(kept.parse().unwrap_or(0));
            let surplus = fraction.as_bytes().get(wanted).copied();
            if surplus.is_some_and(|digit| digit >= b'5') {
                value = value.saturating_add(1);
            }
            Some((value, surplus.is_some()))
        })
        .parse(input)
    }
}

fn number<T>(text: &str, parser: impl Fn(&str) -> IResult<&str, T>) -> Number<T> {
    match parser(text.trim_start()) {
        Ok(("", value)) => Number::Whole(value),
        Ok((_, value)) => Number::Junk(value),
        Err(_) => Number::None,
    }
}

impl Reader<'_> {
    pub(super) fn report(&mut self, finding: Diagnostic) {
        let finding = match (&finding.subject, &self.subject) {
            (None, Some(subject)) => finding.subject(subject.clone()),
            _ => finding,
        };
        self.findings.push(finding);
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
        self.integer_in(word, min, max)
    }

    pub(super) fn integer_in(&mut self, word: &Word, min: i64, max: i64) -> Option<i64> {
        let value = match number(&word.text, integer) {
            Number::Whole(value) => value,
            Number::Junk(value) => {
                self.junk(word, &value.to_string());
                value
            }
            Number::None => {
                self.not_a_number(word);
                return None;
            }
        };
        if (min..=max).contains(&value) && !(min >= 0 && word.text.trim_start().starts_with('-')) {
            return Some(value);
        }
        let range = if max >= i64::from(u32::MAX) {
            format!("at least {min}")
        } else {
            format!("{min} to {max}")
        };
        self.out_of_range(word, &range);
        None
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
        let (value, rounded) = match number(&word.text, fixed(digits)) {
            Number::Whole(value) => value,
            Number::Junk(value) => {
                self.junk(word, &decimal(value.0, digits));
                value
            }
            Number::None => {
                self.not_a_number(word);
                return None;
            }
        };
        if rounded {
            let message = format!("only {digits} digits behind the point count");
            let finding = Lines::finding(Code::DecimalRounded, word.place(), message);
            self.report(finding.note(format!("{} is used", decimal(value, digits))));
        }
        if (min..=max).contains(&value) {
            return Some(value);
        }
        self.out_of_range(
            word,
            &format!("{} to {}", decimal(min, digits), decimal(max, digits)),
        );
        None
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

    fn junk(&mut self, word: &Word, used: &str) {
        if word.text.trim_end().ends_with(';') {
            let finding = Lines::finding(
                Code::Semicolon,
                word.place(),
                format!(
                    "`{}` is not a number: there is no `;` in keepalived.conf",
                    word.text
                ),
            )
            .note(format!("{used} is used"))
            .fix(word.span, used, "remove the `;`");
            self.report(finding);
            return;
        }
        let finding = Lines::finding(
            Code::NumberInvalid,
            word.place(),
            format!("`{}` is not a number", word.text),
        )
        .note(format!("the number that it begins with, {used}, is used"))
        .fix(word.span, used, format!("write `{used}`"));
        self.report(finding);
    }

    fn not_a_number(&mut self, word: &Word) {
        let finding = Lines::finding(
            Code::NumberInvalid,
            word.place(),
            format!("`{}` is not a number", word.text),
        );
        self.report(finding.note("the line is not used"));
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

//! `~SEQ(var, start, step, end) text` and `~LST(var, a, b) text`: a line that is read several times.

use std::collections::BTreeMap;

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag};
use nom::character::complete::{char, multispace0};
use nom::combinator::{map, opt, recognize};
use nom::multi::separated_list0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::define::{Definition, name};
use super::{Lines, Source};
use crate::codes::Code;
use crate::text::{Place, Text};

/// A line and what is still to be put in it.
pub(super) struct Repeat {
    pub(super) text: Text,
    place: Place,
    variables: Vec<String>,
    values: Values,
    /// What the variables stood for outside.
    outer: Option<Vec<Option<Definition>>>,
}

enum Values {
    Sequence {
        next: i64,
        step: i64,
        end: i64,
        hex: bool,
    },
    Rows(std::vec::IntoIter<Vec<String>>),
}

impl Values {
    fn next(&mut self) -> Option<Vec<String>> {
        match self {
            Self::Sequence {
                next,
                step,
                end,
                hex,
            } => {
                let value = *next;
                let more = if *step < 0 {
                    value >= *end
                } else {
                    value <= *end
                };
                *next = value.saturating_add(*step);
                more.then(|| {
                    vec![if *hex {
                        format!("{value:x}")
                    } else {
                        value.to_string()
                    }]
                })
            }
            Self::Rows(rows) => rows.next(),
        }
    }
}

impl Repeat {
    /// The line once more, with the variables set for it. After the last time they are what they were.
    pub(super) fn step(&mut self, definitions: &mut BTreeMap<String, Definition>) -> Option<Text> {
        if self.outer.is_none() {
            self.outer = Some(
                self.variables
                    .iter()
                    .map(|name| definitions.remove(name))
                    .collect(),
            );
        }
        let Some(row) = self.values.next() else {
            for (name, outer) in self
                .variables
                .iter()
                .zip(self.outer.take().unwrap_or_default())
            {
                match outer {
                    Some(outer) => definitions.insert(name.clone(), outer),
                    None => definitions.remove(name),
                };
            }
            return None;
        };
        for (name, value) in self.variables.iter().zip(row) {
            definitions.insert(
                name.clone(),
                Definition::line(Text::made(value, self.place)),
            );
        }
        Some(self.text.clone())
    }
}

/// An argument: a word, or a list in braces.
#[derive(Debug)]
enum Argument<'a> {
    Word(&'a str),
    List(Vec<&'a str>),
}

/// `KIND(argument, ...)`, the tilde already taken.
fn head(input: &str) -> IResult<&str, (&str, Vec<Argument<'_>>)> {
    fn comma(input: &str) -> IResult<&str, ()> {
        map((multispace0, char(','), multispace0), |_| ()).parse(input)
    }
    fn word<'a>(
        ends: &'static str,
    ) -> impl Parser<&'a str, Output = &'a str, Error = nom::error::Error<&'a str>> {
        map(opt(is_not(ends)), |text: Option<&str>| {
            text.unwrap_or("").trim()
        })
    }
    let list = delimited(
        (char('{'), multispace0),
        separated_list0(comma, word(",}")),
        (multispace0, char('}')),
    );
    let argument = alt((map(list, Argument::List), map(word(",){}"), Argument::Word)));
    let arguments = delimited(
        (char('('), multispace0),
        separated_list0(comma, argument),
        (multispace0, char(')')),
    );
    let kind = alt((tag("SEQx"), tag("SEQ"), tag("LST")));
    preceded(char('~'), (kind, arguments)).parse(input)
}

/// A number, `0x` allowed.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok().filter(|_| !digits.starts_with('+'))?,
    };
    Some(if negative { -value } else { value })
}

impl Lines<'_> {
    /// Begins to repeat the line if it is a `~SEQ` or `~LST`.
    pub(super) fn repeat(&mut self, line: &Text) -> bool {
        if !line.as_str().starts_with("~SEQ") && !line.as_str().starts_with("~LST") {
            return false;
        }
        // Numbers and lists may be definitions; the text behind keeps its own for later.
        let close = line.as_str().find(')').map_or(line.len(), |at| at + 1);
        let mut whole = self
            .replace(&line.slice(0..close), false)
            .0
            .unwrap_or_else(|| line.slice(0..close));
        whole.push(&line.from(close));
        let place = line.place(0..close);
        let parsed = head(whole.as_str()).ok().map(|(rest, (kind, arguments))| {
            let text = whole.from(whole.len() - rest.len()).trimmed();
            (text, repetition(kind, &arguments))
        });
        match parsed {
            Some((text, Ok((variables, values)))) => {
                let repeat = Repeat {
                    text,
                    place,
                    variables,
                    values,
                    outer: None,
                };
                self.push(Source::Repeat(repeat));
            }
            Some((_, Err(message))) => self.report_repeat(place, &message),
            None => self.report_repeat(place, "this cannot be read"),
        }
        true
    }

    fn report_repeat(&mut self, place: Place, message: &str) {
        let finding = Self::finding(Code::RepeatInvalid, place, message)
            .note("the line is not read")
            .help("write ~SEQ(VAR, START, STEP, END) TEXT, or ~LST(VAR, VALUE, VALUE) TEXT");
        self.report(finding);
    }
}

/// Variables and their values.
fn repetition(kind: &str, arguments: &[Argument<'_>]) -> Result<(Vec<String>, Values), String> {
    let [first, rest @ ..] = arguments else {
        return Err("the name of a variable is missing".to_owned());
    };
    let names = match first {
        Argument::Word(name) => vec![*name],
        Argument::List(names) => names.clone(),
    };
    let good = |text: &&str| {
        recognize(name)
            .parse(*text)
            .is_ok_and(|(rest, _): (&str, &str)| rest.is_empty())
    };
    if let Some(bad) = names.iter().find(|name| !good(name)) {
        return Err(format!("`{bad}` is not a name for a variable"));
    }
    let variables: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let values = if kind == "LST" {
        rows(variables.len(), first, rest)?
    } else {
        sequence(kind == "SEQx", rest)?
    };
    Ok((variables, values))
}

fn sequence(hex: bool, arguments: &[Argument<'_>]) -> Result<Values, String> {
    let mut numbers = Vec::new();
    for argument in arguments {
        let Argument::Word(word) = argument else {
            return Err("~SEQ takes numbers".to_owned());
        };
        numbers.push(number(word).ok_or_else(|| format!("`{word}` is not a number"))?);
    }
    let towards = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (next, step, end) = match *numbers {
        [end] => {
            let start = if end < 0 { -1 } else { 1 };
            (start, towards(start, end), end)
        }
        [start, end] => (start, towards(start, end), end),
        [start, step, end] => (start, step, end),
        _ => return Err("~SEQ takes one to three numbers".to_owned()),
    };
    if step == 0 || (step > 0 && end < next) || (step < 0 && end > next) {
        return Err(format!("steps of {step} do not lead from {next} to {end}"));
    }
    if hex && (next < 0 || end < 0) {
        return Err("~SEQx takes no negative numbers".to_owned());
    }
    Ok(Values::Sequence {
        next,
        step,
        end,
        hex,
    })
}

fn rows(
    columns: usize,
    first: &Argument<'_>,
    arguments: &[Argument<'_>],
) -> Result<Values, String> {
    let mut rows = Vec::new();
    for argument in arguments {
        let mut row: Vec<String> = match (first, argument) {
            (Argument::Word(_), Argument::Word(word)) => vec![(*word).to_owned()],
            (Argument::List(_), Argument::Word(word)) => vec![(*word).to_owned()],
            (_, Argument::List(words)) => words.iter().map(|&word| word.to_owned()).collect(),
        };
        if row.len() > columns {
            return Err(format!("{} values for {columns} variables", row.len()));
        }
        row.resize(columns, String::new());
        rows.push(row);
    }
    Ok(Values::Rows(rows.into_iter()))
}

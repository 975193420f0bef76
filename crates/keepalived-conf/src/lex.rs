//! Words, comments and quotes: what keepalived makes of one line of text.
//!
//! Every function here takes any text and takes time proportional to its length.

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_while, take_while_m_n, take_while1};
use nom::character::complete::{anychar, char, none_of};
use nom::combinator::{map, map_opt, opt, recognize, value, verify};
use nom::multi::{fold_many0, fold_many1};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use crate::span::Span;
use crate::text::{BLANK, Place, Text};

/// One word of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The word, without its quotes.
    pub text: String,
    /// Where it was written, with its quotes.
    pub span: Span,
    /// The line that used it, if it stands in a definition.
    pub used: Option<Span>,
    /// It was written in quotes.
    pub quoted: bool,
}

impl Word {
    pub(crate) fn place(&self) -> Place {
        Place {
            span: self.span,
            used: self.used,
        }
    }
}

fn blank(c: char) -> bool {
    BLANK.contains(&c)
}

/// A `"..."`; the second quotation mark may be missing.
fn quoted(input: &str) -> IResult<&str, &str> {
    delimited(char('"'), take_while(|c| c != '"'), opt(char('"'))).parse(input)
}

/// What is left of a line when its comment is gone, and whether a quote was left open.
pub(crate) struct Stripped {
    pub(crate) text: Text,
    pub(crate) open_quote: Option<Place>,
    /// The comment begins inside a word: `a!b`.
    pub(crate) cut: Option<(Place, char)>,
}

/// Takes the comment and the blanks around the line away. `\#` and `\!` outside quotes lose their backslash.
pub(crate) fn strip(line: &Text) -> Stripped {
    #[derive(Clone)]
    enum Part {
        Keep,
        Escape,
        Quote { closed: bool },
    }
    fn part(input: &str) -> IResult<&str, (usize, Part)> {
        let before = input.len();
        let (rest, part) = alt((
            value(Part::Escape, alt((tag("\\#"), tag("\\!")))),
            map(recognize(quoted), |text: &str| Part::Quote {
                closed: text.len() > 1 && text.ends_with('"'),
            }),
            value(Part::Keep, alt((is_not("#!\\\""), tag("\\")))),
        ))
        .parse(input)?;
        Ok((rest, (before - rest.len(), part)))
    }

    let source = line.as_str();
    let (mut rest, mut at) = (source, 0);
    let mut text = Text::default();
    let mut kept_from = 0;
    let mut open_quote = None;
    while let Ok((next, (len, part))) = part(rest) {
        match part {
            Part::Keep | Part::Quote { closed: true } => {}
            Part::Quote { closed: false } => open_quote = Some(line.place(at..at + len)),
            Part::Escape => {
                text.push(&line.slice(kept_from..at));
                kept_from = at + 1;
            }
        }
        at += len;
        rest = next;
    }
    let glued = source
        .get(..at)
        .and_then(|before| before.chars().next_back())
        .is_some_and(|c| !blank(c));
    let mark = rest.chars().next().filter(|_| glued);
    let cut = mark.map(|mark| (line.place(at..at + mark.len_utf8()), mark));
    if kept_from == 0 {
        text = line.slice(0..at);
    } else {
        text.push(&line.slice(kept_from..at));
    }
    // A comment does not hide the mark that a definition goes on.
    if !rest.is_empty() && rest.ends_with('\\') {
        text = text.trimmed();
        text.push(&line.slice(source.len() - 1..source.len()));
    }
    // What is left of CR LF when a comment stood between the word and the end.
    let mut text = text.trimmed();
    if let Some(before) = text.as_str().strip_suffix('\\') {
        // keepalived draws the mark to the word before it.
        let mark = text.slice(before.len()..text.len());
        text = text.slice(0..before.len()).trimmed();
        text.push(&mark);
    }
    let end = text.as_str().trim_end_matches('\r').len();
    let text = text.slice(0..end);
    Stripped {
        text: text.trimmed(),
        open_quote,
        cut,
    }
}

/// The plain tokeniser: words are split by blanks (a CR too, in the middle of a line); `"..."` is one word and may be empty; a quote ends a bare word.
/// A quote that is not closed takes the rest of the line with it.
pub(crate) fn words(line: &Text) -> Vec<Word> {
    fn word(input: &str) -> IResult<&str, (&str, bool)> {
        let closed = delimited(char('"'), take_while(|c| c != '"'), char('"'));
        let bare = take_while1(|c| !SPACE.contains(&c) && c != '"');
        alt((
            map(closed, |text| (text, true)),
            map(bare, |text| (text, false)),
        ))
        .parse(input)
    }
    let mut words = Vec::new();
    let mut rest = line.as_str().trim_start_matches(SPACE);
    while let Ok((next, (text, quoted))) = word(rest) {
        let (start, end) = (line.len() - rest.len(), line.len() - next.len());
        let Place { span, used } = line.place(start..end);
        words.push(Word {
            text: text.to_owned(),
            span,
            used,
            quoted,
        });
        rest = next.trim_start_matches(SPACE);
    }
    words
}

/// The script tokeniser: quotes of both kinds hold text together, pieces with and without quotes join into one
/// word, and escapes are read everywhere. `Err` is the place of a quote that is not closed.
///
/// keepalived runs it twice: over the line, and then over the one word that holds program and arguments.
pub(crate) fn script_words(line: &Text) -> Result<Vec<Word>, Place> {
    let source = line.as_str();
    let mut words = Vec::new();
    let mut rest = source.trim_start_matches(SPACE);
    while !rest.is_empty() {
        let start = source.len() - rest.len();
        let Ok((next, text)) = script_word(rest) else {
            return Err(line.place(start..source.len()));
        };
        let Place { span, used } = line.place(start..source.len() - next.len());
        words.push(Word {
            text,
            span,
            used,
            quoted: rest.starts_with(['"', '\'']),
        });
        rest = next.trim_start_matches(SPACE);
    }
    Ok(words)
}

/// Program and arguments out of the one word that holds them; `None` if a quote is not closed.
pub(crate) fn arguments(word: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut rest = word.trim_start_matches(SPACE);
    while !rest.is_empty() {
        let (next, text) = script_word(rest).ok()?;
        out.push(text);
        rest = next.trim_start_matches(SPACE);
    }
    Some(out)
}

/// What the tokenisers take for a blank. In the script tokeniser an escape in the first run can make one for the
/// second.
const SPACE: [char; 6] = [' ', '\x0c', '\n', '\r', '\t', '\x0b'];

/// One word up to a blank; an error if a quote is not closed.
fn script_word(input: &str) -> IResult<&str, String> {
    fn within<'a>(
        mark: char,
    ) -> impl Parser<&'a str, Output = String, Error = nom::error::Error<&'a str>> {
        let piece = alt((escape, verify(anychar, move |&c| c != mark)));
        let text = fold_many0(piece, String::new, append);
        delimited(char(mark), text, char(mark))
    }
    let bare = alt((escape, none_of(" \x0c\n\r\t\x0b\"'")));
    let piece = alt((within('"'), within('\''), map(bare, String::from)));
    let (rest, word) = fold_many1(piece, String::new, |word, piece| word + &piece).parse(input)?;
    // What stopped it is a blank, the end, or a quotation mark without its counterpart.
    if rest.starts_with(['"', '\'']) {
        return Err(nom::Err::Error(nom::error::Error::new(
            rest,
            nom::error::ErrorKind::Char,
        )));
    }
    Ok((rest, word))
}

fn append(mut text: String, c: char) -> String {
    text.push(c);
    text
}

/// `\n`, `\101`, `\x41`, `\cA`; any other `\c` is the character itself.
fn escape(input: &str) -> IResult<&str, char> {
    fn digits(radix: u32) -> impl Fn(&str) -> Option<char> {
        move |text| {
            u32::from_str_radix(text, radix)
                .ok()
                .and_then(char::from_u32)
        }
    }
    let octal = map_opt(take_while_m_n(1, 3, |c: char| c.is_digit(8)), digits(8));
    let hexes = take_while_m_n(1, 2, |c: char| c.is_ascii_hexdigit());
    let hex = preceded(char('x'), map_opt(hexes, digits(16)));
    let control = preceded(
        char('c'),
        map_opt(anychar, |c| char::from_u32(u32::from(c) & 0x1f)),
    );
    let named = map(anychar, |c| match c {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        other => other,
    });
    preceded(char('\\'), alt((octal, hex, control, named))).parse(input)
}

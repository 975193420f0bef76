//! Which brace is it? A missing `}` is noticed at the end of the file, far from where it is missing; the indentation
//! tells where it was meant.

use crate::fmt::split_comment;
use crate::span::{FileId, SourceMap, Span, to_u32};

/// A brace of a file with the indentation of its line.
#[derive(Clone, Copy, Debug)]
struct Brace {
    at: usize,
    opens: bool,
    indent: usize,
    line: usize,
}

/// What the indentation says is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// This `{` has no `}`, which should stand in front of `before`.
    Unclosed { open: Span, before: Span },
    /// This `}` closes nothing.
    Extra(Span),
}

/// Every brace of `text` outside comments, quotes and `${NAME}`, one line after the other.
fn braces(text: &str) -> impl Iterator<Item = Brace> {
    let lines = text.split_inclusive('\n').scan(0, |start, line| {
        let at = *start;
        *start += line.len();
        Some((at, line))
    });
    lines
        .enumerate()
        .flat_map(|(number, (start, line))| of_line(start, number, line))
}

fn of_line(start: usize, number: usize, line: &str) -> Vec<Brace> {
    let mut found = Vec::new();
    let (code, _) = split_comment(line.trim_end_matches(['\r', '\n']));
    let indent = code.len() - code.trim_start_matches([' ', '\t']).len();
    let (mut quoted, mut name, mut before) = (false, false, ' ');
    for (at, c) in code.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '{' if before == '$' => name = true,
            '}' if name => name = false,
            '{' | '}' if !quoted => {
                found.push(Brace {
                    at: start + at,
                    opens: c == '{',
                    indent,
                    line: number,
                });
            }
            _ => {}
        }
        before = c;
    }
    found
}

/// The first place of `file` where braces and indentation disagree, if they do.
pub(super) fn misfit(sources: &SourceMap, file: FileId) -> Option<Misfit> {
    let text = sources.file(file)?.text.as_str();
    let span = |at: usize, len: usize| Span {
        file,
        start: to_u32(at),
        end: to_u32(at + len),
    };
    let mut open: Vec<Brace> = Vec::new();
    for brace in braces(text) {
        if brace.opens {
            // A block that begins no deeper than the one around it is not inside it.
            if let Some(outer) = open
                .last()
                .filter(|outer| brace.line > outer.line && brace.indent <= outer.indent)
            {
                return Some(Misfit::Unclosed {
                    open: span(outer.at, 1),
                    before: line_at(text, file, brace.at),
                });
            }
            open.push(brace);
            continue;
        }
        let Some(partner) = open.pop() else {
            return Some(Misfit::Extra(span(brace.at, 1)));
        };
        if partner.line == brace.line || partner.indent == brace.indent {
            continue;
        }
        return Some(if brace.indent < partner.indent {
            Misfit::Unclosed {
                open: span(partner.at, 1),
                before: line_at(text, file, brace.at),
            }
        } else {
            Misfit::Extra(span(brace.at, 1))
        });
    }
    let last = open.pop()?;
    let end = text.len();
    Some(Misfit::Unclosed {
        open: span(last.at, 1),
        before: span(end, 0),
    })
}

/// The start of the line that holds `at`.
fn line_at(text: &str, file: FileId, at: usize) -> Span {
    let start = text
        .get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |newline| newline + 1);
    Span {
        file,
        start: to_u32(start),
        end: to_u32(start),
    }
}

/// From the keyword of a block to behind its `}`, with the rest of its lines.
pub(super) fn block(sources: &SourceMap, keyword: Span) -> Option<Span> {
    let text = sources.file(keyword.file)?.text.as_str();
    let from = keyword.end as usize;
    let mut depth = 0_usize;
    for brace in braces(text.get(from..)?) {
        if brace.opens {
            depth += 1;
            continue;
        }
        depth = depth.checked_sub(1)?;
        if depth == 0 {
            let whole = Span {
                end: to_u32(from + brace.at + 1),
                ..keyword
            };
            return Some(super::lines(sources, whole));
        }
    }
    None
}

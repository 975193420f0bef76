//! Text that remembers where each of its characters was written.
//!
//! Expansion cuts lines up, repeats them and puts other text in. A [`Text`] is the result of that together with
//! a list of pieces, each of which stands for a range of some file. No operation copies more than its result.

use core::ops::Range;

use crate::span::{FileId, Span, to_u32};

/// Where a part of a text was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The text itself.
    pub(crate) span: Span,
    /// The line that used it, if it stands in a definition.
    pub(crate) used: Option<Span>,
}

/// Characters from `at` on, up to the next piece.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    place: Place,
    /// Characters stand one for one for the bytes of the span; else all of them for all of it.
    exact: bool,
}

/// A line or a part of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    text: String,
    pieces: Vec<Piece>,
}

impl Text {
    /// `text` as it stands at `start` of `file`.
    pub(crate) fn source(file: FileId, start: usize, text: &str) -> Self {
        let span = Span {
            file,
            start: to_u32(start),
            end: to_u32(start + text.len()),
        };
        let piece = Piece {
            at: 0,
            place: Place { span, used: None },
            exact: true,
        };
        Self {
            text: text.to_owned(),
            pieces: vec![piece],
        }
    }

    /// Text that stands nowhere, in place of what stands at `place`.
    pub(crate) fn made(text: impl Into<String>, place: Place) -> Self {
        Self {
            text: text.into(),
            pieces: vec![Piece {
                at: 0,
                place,
                exact: false,
            }],
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// A part of it. A range that is not on character boundaries gives nothing.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let Some(text) = self.text.get(range.clone()) else {
            return Self::default();
        };
        let mut pieces = Vec::new();
        for (piece, end) in self.pieces_with_ends() {
            let (from, to) = (piece.at.max(range.start), end.min(range.end));
            if from < to {
                let place = piece.part(from..to);
                pieces.push(Piece {
                    at: from - range.start,
                    place,
                    exact: piece.exact,
                });
            }
        }
        Self {
            text: text.to_owned(),
            pieces,
        }
    }

    /// From `start` to the end.
    pub(crate) fn from(&self, start: usize) -> Self {
        self.slice(start..self.len())
    }

    /// Without blanks at both ends.
    pub(crate) fn trimmed(&self) -> Self {
        let start = self.len() - self.text.trim_start_matches(BLANK).len();
        let end = self.text.trim_end_matches(BLANK).len();
        if start == 0 && end == self.len() {
            self.clone()
        } else {
            self.slice(start..end.max(start))
        }
    }

    /// Adds `other` behind.
    pub(crate) fn push(&mut self, other: &Self) {
        let at = self.len();
        self.text.push_str(&other.text);
        self.pieces.extend(other.pieces.iter().map(|piece| Piece {
            at: at + piece.at,
            ..*piece
        }));
    }

    /// The same text, used by what stands at `place`.
    pub(crate) fn used_at(mut self, place: Place) -> Self {
        let used = Some(place.used.unwrap_or(place.span));
        self.pieces
            .iter_mut()
            .for_each(|piece| piece.place.used = used);
        self
    }

    /// Where a part was written. A part that was put together from several places is taken for the line that
    /// put it together.
    pub(crate) fn place(&self, range: Range<usize>) -> Place {
        let mut parts = self.pieces_with_ends().filter_map(|(piece, end)| {
            let (from, to) = (piece.at.max(range.start), end.min(range.end));
            let here =
                from < to || (range.is_empty() && piece.at <= range.start && range.start <= end);
            here.then(|| piece.part(from..to.max(from)))
        });
        let Some(first) = parts.next() else {
            return self
                .pieces
                .last()
                .map(|piece| piece.place)
                .unwrap_or_default();
        };
        let Some(second) = parts.next() else {
            return first;
        };
        let outer = |place: Place| place.used.unwrap_or(place.span);
        let span = parts
            .map(outer)
            .fold(outer(first).to(outer(second)), Span::to);
        Place { span, used: None }
    }

    fn pieces_with_ends(&self) -> impl Iterator<Item = (&Piece, usize)> {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.at);
        self.pieces.iter().zip(ends.chain([self.len()]))
    }
}

impl Piece {
    /// The place of the characters `range` of the text, which lie inside the piece.
    fn part(&self, range: Range<usize>) -> Place {
        if !self.exact {
            return self.place;
        }
        let start = self
            .place
            .span
            .start
            .saturating_add(to_u32(range.start - self.at));
        let end = start.saturating_add(to_u32(range.end - range.start));
        Place {
            span: Span {
                start,
                end,
                ..self.place.span
            },
            used: self.place.used,
        }
    }
}

/// The only blanks that keepalived knows.
pub(crate) const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u32, end: u32) -> Span {
        Span {
            start,
            end,
            ..Span::default()
        }
    }

    #[test]
    fn a_part_knows_its_place() {
        let line = Text::source(FileId::default(), 10, "  priority 100 ");
        let trimmed = line.trimmed();
        assert_eq!(trimmed.as_str(), "priority 100");
        assert_eq!(trimmed.place(9..12).span, span(21, 24));
        assert_eq!(trimmed.from(9).place(0..3).span, span(21, 24));
    }

    #[test]
    fn what_a_definition_gives_points_at_the_definition_and_at_its_use() {
        let definition = Text::source(FileId::default(), 100, "300");
        let line = Text::source(FileId::default(), 0, "priority $P");
        let mut text = line.slice(0..9);
        text.push(&definition.used_at(line.place(9..11)));
        let place = text.place(9..12);
        assert_eq!(
            (place.span, place.used),
            (span(100, 103), Some(span(9, 11)))
        );
        assert_eq!(text.place(0..12).span, span(0, 11));
    }
}

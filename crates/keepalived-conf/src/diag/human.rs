//! A finding as rustc would draw it.

use core::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};

use super::report::printable;
use super::{Diagnostic, Help, Severity};
use crate::span::{self, FileId, SourceFile, SourceMap, Span};

/// A line is shown up to this many bytes on either side of a place, so that one of a megabyte stays readable.
const REACH: usize = 120;

/// A place longer than this is shown by its beginning.
const LONGEST: u32 = 240;

fn visible(span: Span) -> Span {
    Span {
        end: span.end.min(span.start.saturating_add(LONGEST)),
        ..span
    }
}

pub(super) fn render(sources: &SourceMap, finding: &Diagnostic, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let level = match finding.severity {
        Severity::Refuse | Severity::Loud => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level
        .primary_title(printable(&finding.message))
        .id(finding.code.id());
    let mut group = Group::with_title(title).elements(places(sources, finding));
    for note in &finding.notes {
        group = group.element(Level::NOTE.message(printable(note)));
    }
    let mut groups = vec![group];
    for help in &finding.help {
        let snippets = patches(sources, help);
        if snippets.is_empty() {
            let message = Level::HELP.message(printable(&help.text));
            if let Some(first) = groups.pop() {
                groups.push(first.element(message));
            }
        } else {
            let title = Level::HELP.secondary_title(printable(&help.text));
            groups.push(Group::with_title(title).elements(snippets));
        }
    }
    renderer.render(&groups)
}

/// A piece of a file: whole lines where they are short, else what is around the places.
struct Piece<'a> {
    file: &'a SourceFile,
    text: &'a str,
    first_line: usize,
    start: usize,
}

impl<'a> Piece<'a> {
    /// The piece that holds all of `spans`, which are in `file`.
    fn around(file: &'a SourceFile, spans: impl Iterator<Item = Span> + Clone) -> Self {
        let text = file.text.as_str();
        let low = spans
            .clone()
            .map(|span| span.start as usize)
            .min()
            .unwrap_or(0)
            .min(text.len());
        let high = spans
            .map(|span| span.end as usize)
            .max()
            .unwrap_or(0)
            .clamp(low, text.len());
        let bytes = text.as_bytes();
        let head = bytes.get(..low).unwrap_or_default();
        let tail = bytes.get(high..).unwrap_or_default();
        let line_start = head
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line_end = high
            + tail
                .iter()
                .position(|&byte| byte == b'\n')
                .unwrap_or(tail.len());
        let start = boundary(text, line_start.max(low.saturating_sub(REACH)));
        let end = boundary(text, line_end.min(high.saturating_add(REACH)));
        let first_line = file.line_of(span::to_u32(low));
        Self {
            file,
            text: text.get(start..end).unwrap_or_default(),
            first_line,
            start,
        }
    }

    fn snippet<T: Clone>(&self) -> Snippet<'a, T> {
        Snippet::source(self.text)
            .line_start(self.first_line)
            .path(self.file.name.as_str())
    }

    /// `span` counted from the start of the piece.
    fn range(&self, span: Span) -> Range<usize> {
        let span = visible(span);
        let clamp = |at: u32| boundary(self.text, (at as usize).saturating_sub(self.start));
        clamp(span.start)..clamp(span.end)
    }
}

/// The nearest character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

/// The files of `spans`, each once, in the order in which they come.
fn files(spans: impl Iterator<Item = Span>) -> Vec<FileId> {
    let mut files = Vec::new();
    for span in spans {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    files
}

fn places<'a>(sources: &'a SourceMap, finding: &'a Diagnostic) -> Vec<Snippet<'a, Annotation<'a>>> {
    let spans = || {
        finding
            .span
            .into_iter()
            .chain(finding.labels.iter().map(|label| label.span))
    };
    let piece = |id: FileId| {
        let piece = Piece::around(
            sources.file(id)?,
            spans().filter(move |span| span.file == id),
        );
        let primary = finding
            .span
            .filter(|span| span.file == id)
            .map(|span| annotation(AnnotationKind::Primary, piece.range(span), &finding.label));
        let others = finding.labels.iter().filter(|label| label.span.file == id);
        let others = others.map(|label| {
            annotation(
                AnnotationKind::Context,
                piece.range(label.span),
                &label.text,
            )
        });
        Some(
            piece
                .snippet()
                .annotations(primary.into_iter().chain(others)),
        )
    };
    files(spans()).into_iter().filter_map(piece).collect()
}

fn annotation(kind: AnnotationKind, range: Range<usize>, text: &str) -> Annotation<'static> {
    let annotation = kind.span(range);
    if text.is_empty() {
        annotation
    } else {
        annotation.label(printable(text))
    }
}

fn patches<'a>(sources: &'a SourceMap, help: &'a Help) -> Vec<Snippet<'a, Patch<'a>>> {
    let spans = || help.edits.iter().map(|edit| visible(edit.span));
    let piece = |id: FileId| {
        let piece = Piece::around(
            sources.file(id)?,
            spans().filter(move |span| span.file == id),
        );
        let edits = help.edits.iter().filter(|edit| edit.span.file == id);
        let patches = edits.map(|edit| Patch::new(piece.range(edit.span), edit.text.as_str()));
        Some(piece.snippet().patches(patches))
    };
    files(spans()).into_iter().filter_map(piece).collect()
}

//! Where text stands. A [`Span`] always points at bytes that the user wrote, in a file or in the text of a
//! definition, however often that text was expanded, repeated or included afterwards.

use core::fmt;

/// A file of a [`SourceMap`]. Only the map that made it can resolve it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte; equal to `start` for a place between two bytes.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers both; `self` when they are in different files.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// One file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as the user gave it, or as the glob found it.
    pub name: String,
    /// The text. Bytes that are no UTF-8 were replaced by U+FFFD (and reported).
    pub text: String,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// The text of line `line` (from 1) without its end-of-line characters.
    #[must_use]
    pub fn line(&self, line: u32) -> Option<&str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *self.line_starts.get(index)? as usize;
        let end = self
            .line_starts
            .get(index + 1)
            .map_or(self.text.len(), |&next| next as usize);
        self.text
            .get(start..end)
            .map(|line| line.trim_end_matches(['\n', '\r']))
    }

    /// The line that holds the byte `offset`, from 1.
    pub(crate) fn line_of(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    fn position(&self, offset: u32) -> (u32, u32) {
        let index = self
            .line_starts
            .partition_point(|&start| start <= offset)
            .saturating_sub(1);
        let start = self.line_starts.get(index).copied().unwrap_or(0);
        let before = self.text.get(start as usize..offset as usize).unwrap_or("");
        (to_u32(index + 1), to_u32(before.chars().count() + 1))
    }
}

/// Line and column of a span, both from 1; the column counts characters, as editors do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location<'a> {
    /// The path as the user gave it, or as the glob found it.
    pub file: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// All files that one load read, in the order in which they were first opened.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and gives it an id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let newlines = text.match_indices('\n').map(|(at, _)| to_u32(at + 1));
        let line_starts = core::iter::once(0).chain(newlines).collect();
        let id = FileId(to_u32(self.files.len()));
        self.files.push(SourceFile {
            name: name.into(),
            text,
            line_starts,
        });
        id
    }

    /// The file behind an id of this map.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// All files with their ids.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .map(|(index, file)| (FileId(to_u32(index)), file))
    }

    /// Line and column of the start of `span`.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<Location<'_>> {
        let file = self.file(span.file)?;
        let (line, column) = file.position(span.start);
        Some(Location {
            file: &file.name,
            line,
            column,
        })
    }

    /// The text under `span`.
    #[must_use]
    pub fn text(&self, span: Span) -> Option<&str> {
        self.file(span.file)?
            .text
            .get(span.start as usize..span.end as usize)
    }
}

/// Offsets are 32 bit: the loader refuses files beyond its limit, which is far below.
pub(crate) fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

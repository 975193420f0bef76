//! What was written: keywords with their words, in blocks, in order.
//!
//! The tree has the shape that keepalived sees, not the one that was meant: where a block has an unknown name, its
//! `}` closes the block around it. Such a mistake is reported once, with all that follows from it.

use std::collections::VecDeque;

use crate::codes::Code;
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::keyword::{Block, Keyword, Takes};
use crate::lex::{self, Word};
use crate::lint;
use crate::span::Span;
use crate::text::Text;

/// A keyword with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What the table says of it.
    pub keyword: &'static Keyword,
    /// The words of its line, the keyword first.
    pub words: Vec<Word>,
    /// What stands in its block, if it has one.
    pub body: Body,
    /// The line, for those whose words follow other rules.
    pub(crate) line: Text,
}

/// What stands in a block.
#[derive(Clone, Debug)]
pub enum Body {
    /// There is no block.
    None,
    /// Keywords.
    Block(Vec<Statement>),
    /// Entries, each with its words.
    Entries(Vec<Vec<Word>>),
    /// Nothing that is looked at: a block of another subsystem, or a second one of the same name.
    Skipped,
}

/// All keywords of the top level.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In the order in which they are read; includes and definitions have taken place.
    pub statements: Vec<Statement>,
    /// keepalived sees an instance when it decides whether there is anything to run. A block above that is never
    /// closed hides it.
    pub(crate) runs: bool,
}

impl Statement {
    /// Where it stands: the words of its line.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let first = self.words.first()?.span;
        Some(self.words.last().map_or(first, |last| first.to(last.span)))
    }

    /// The word that names a block.
    #[must_use]
    pub fn name(&self) -> Option<&Word> {
        self.words.get(1)
    }
}

/// Reads all of `lines`.
pub(crate) fn read(lines: &mut Lines<'_>) -> Tree {
    let mut reader = Reader {
        lines,
        names: Vec::new(),
        stray: 0,
        stray_depth: 0,
        stopped: false,
        open: Vec::new(),
        ahead: None,
        captured: None,
        outline: Outline::default(),
    };
    let statements = reader.block(Block::Top, false, 0);
    reader.unclosed();
    // Where the reading has stopped, nothing hides what comes behind.
    let runs = reader.outline.instances || reader.stopped;
    Tree { statements, runs }
}

/// The file as the process sees it that decides what is to run: blocks passed over by their braces.
#[derive(Default)]
struct Outline {
    /// There is an instance.
    instances: bool,
    depth: usize,
    /// The brace of a block must come now.
    opening: bool,
}

impl Outline {
    fn line(&mut self, line: &Text) {
        let opening = core::mem::take(&mut self.opening);
        match line.as_str() {
            "{" if opening || self.depth > 0 => self.depth += 1,
            "}" => self.depth = self.depth.saturating_sub(1),
            _ if self.depth > 0 => {}
            _ => {
                let words = lex::words(line);
                let word = words
                    .first()
                    .map(|word| word.text.as_str())
                    .unwrap_or_default();
                let keyword = Block::Top.find(word);
                self.instances |= word == "vrrp_instance";
                self.opening = keyword.is_some_and(|keyword| {
                    matches!(
                        keyword.takes,
                        Takes::Block { .. }
                            | Takes::Lines { .. }
                            | Takes::List { .. }
                            | Takes::Skipped
                    )
                });
            }
        }
    }
}

struct Reader<'r, 'l> {
    lines: &'r mut Lines<'l>,
    /// Names of blocks that may not have the same.
    names: Vec<(&'static str, String, Span)>,
    /// Closing braces that will be too many because the opening one stood behind an unknown word.
    stray: usize,
    /// How deep that word stood.
    stray_depth: usize,
    stopped: bool,
    /// Keywords of the blocks that are open.
    open: Vec<Word>,
    ahead: Option<Text>,
    /// Lines of a block that has been read as a whole.
    captured: Option<VecDeque<Text>>,
    outline: Outline,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Option<(Text, Vec<Word>)> {
        loop {
            let line = match self.ahead.take() {
                Some(line) => line,
                None => self.next_line()?,
            };
            let words = lex::words(&line);
            if !words.is_empty() {
                return Some((line, words));
            }
        }
    }

    fn next_line(&mut self) -> Option<Text> {
        match &mut self.captured {
            Some(lines) => lines.pop_front(),
            None => {
                let line = self.lines.next()?;
                self.outline.line(&line);
                Some(line)
            }
        }
    }

    /// Whether the next line is an opening brace.
    fn brace_follows(&mut self) -> bool {
        if self.ahead.is_none() {
            self.ahead = self.next_line();
        }
        self.ahead.as_ref().is_some_and(|line| line.as_str() == "{")
    }

    /// The keywords of a block up to its end.
    fn block(&mut self, block: Block, mut brace: bool, depth: usize) -> Vec<Statement> {
        let mut statements = Vec::new();
        while !self.stopped {
            let Some((line, words)) = self.next() else {
                break;
            };
            let Some(first) = words.first() else { continue };
            let is = |text| first.text == text && !first.quoted;
            if core::mem::take(&mut brace) {
                if is("{") {
                    continue;
                }
                self.brace_missing();
            } else if is("{") {
                self.brace_unexpected();
                continue;
            }
            if is("}") {
                if depth > 0 {
                    self.open.pop();
                    return statements;
                }
                self.brace_extra(first);
                continue;
            }
            let Some(keyword) = block.find(&first.text) else {
                self.unknown(block, first, depth);
                continue;
            };
            self.include_check(block, keyword, &words);
            if let Some(statement) = self.statement(keyword, line, words, depth) {
                statements.push(statement);
            }
        }
        statements
    }

    fn statement(
        &mut self,
        keyword: &'static Keyword,
        line: Text,
        words: Vec<Word>,
        depth: usize,
    ) -> Option<Statement> {
        let body = match keyword.takes {
            Takes::Block {
                block,
                name,
                unique,
            } => {
                if block == Block::Globals {
                    self.open.extend(words.first().cloned());
                    let body = Body::Block(self.globals());
                    return Some(Statement {
                        keyword,
                        words,
                        body,
                        line,
                    });
                }
                if name.is_some() && words.len() < 2 && !one_name_only(keyword) {
                    // The reader of the tree says so, and stops.
                    self.stopped = true;
                    return Some(Statement {
                        keyword,
                        words,
                        body: Body::None,
                        line,
                    });
                }
                if self.misnamed(keyword, &words) || (unique && self.taken(keyword, &words)) {
                    self.skip();
                    Body::Skipped
                } else {
                    self.open.extend(words.first().cloned());
                    Body::Block(self.block(block, true, depth + 1))
                }
            }
            Takes::Lines { .. } | Takes::List { .. } => {
                self.words_before_brace(&words);
                self.open.extend(words.first().cloned());
                Body::Entries(self.entries())
            }
            Takes::Skipped => {
                self.skip();
                Body::Skipped
            }
            _ => Body::None,
        };
        Some(Statement {
            keyword,
            words,
            body,
            line,
        })
    }

    /// The keywords of `global_defs`.
    ///
    /// keepalived reads the file once for the settings of the process, and passes over every other block by its
    /// braces; and once for the rest, where it passes over this one by its braces. What has gone wrong inside does
    /// therefore not reach beyond the brace that closes it, however it was read.
    fn globals(&mut self) -> Vec<Statement> {
        let mut body = VecDeque::new();
        let mut depth = 0_usize;
        while let Some((line, _)) = self.next() {
            match line.as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            body.push_back(line);
            if depth == 0 {
                break;
            }
        }
        let outer = self.captured.replace(body);
        let (open, stray) = (self.open.len(), self.stray);
        let mut statements = self.block(Block::Globals, true, 1);
        while let Some((_, words)) = self.next() {
            match words.first().map(|word| word.text.as_str()) {
                Some("global_defs") => statements.extend(self.block(Block::Globals, true, 1)),
                Some("vrrp_instance") => self.outline.instances = true,
                _ => {}
            }
        }
        if self.open.len() >= open {
            self.unclosed();
            self.open.truncate(open.saturating_sub(1));
        }
        (self.captured, self.stray) = (outer, stray);
        statements
    }

    /// The entries of a value block up to its end.
    fn entries(&mut self) -> Vec<Vec<Word>> {
        let mut entries = Vec::new();
        let mut brace = true;
        while let Some((_, words)) = self.next() {
            let Some(first) = words.first() else { continue };
            if core::mem::take(&mut brace) {
                if first.text == "{" {
                    continue;
                }
                self.brace_missing();
            }
            if first.text == "}" {
                self.open.pop();
                break;
            }
            entries.push(words);
        }
        entries
    }

    /// Passes over a block.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some((_, words)) = self.next() {
            match words.first().map(|word| word.text.as_str()) {
                Some("{") => depth += 1,
                Some("}") => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                _ if depth == 0 => {
                    // There is no block at all: the line is an ordinary one.
                    break;
                }
                _ => {}
            }
        }
    }

    fn taken(&mut self, keyword: &'static Keyword, words: &[Word]) -> bool {
        let Some(name) = words.get(1) else {
            return false;
        };
        let same =
            |(kind, other, _): &&(&str, String, Span)| *kind == keyword.name && *other == name.text;
        if let Some((_, _, first)) = self.names.iter().find(same) {
            let finding = Lines::finding(
                Code::NameTaken,
                name.place(),
                format!("there is a {} `{}` already", keyword.name, name.text),
            )
            .label("this whole block is not read")
            .also(*first, "the first one")
            .help("give it another name, or put both blocks together");
            self.lines.report(finding);
            return true;
        }
        self.names
            .push((keyword.name, name.text.clone(), name.span));
        false
    }

    /// A block of these without a name, or with more words, is not read at all.
    fn misnamed(&mut self, keyword: &Keyword, words: &[Word]) -> bool {
        if !one_name_only(keyword) {
            return false;
        }
        let (name, extra) = match words {
            [_, name, extra, ..] => (name, extra),
            [word] => {
                let finding = Lines::finding(
                    Code::ArgumentMissing,
                    word.place(),
                    format!("`{}` lacks its name", word.text),
                );
                let finding = finding
                    .severity(crate::Severity::Loud)
                    .peer(crate::Peer::Reports)
                    .label("the whole block is not read")
                    .help(format!("write `{}`", keyword.syntax()));
                self.lines.report(finding);
                return true;
            }
            _ => return false,
        };
        let message = format!("`{}` takes one name", keyword.name);
        let finding = Lines::finding(Code::BlockWords, extra.place(), message)
            .severity(crate::Severity::Loud)
            .label("the whole block is not read")
            .fix(
                name.span.to(extra.span),
                format!("\"{} {}\"", name.text, extra.text),
                "put a name with a blank in quotes",
            );
        self.lines.report(finding);
        true
    }

    fn include_check(&mut self, block: Block, keyword: &Keyword, words: &[Word]) {
        if block == Block::Globals && keyword.name == "include_check" {
            let words: Vec<&str> = words
                .iter()
                .skip(1)
                .map(|word| word.text.as_str())
                .collect();
            self.lines.include_check.change(&words);
        }
    }

    fn unknown(&mut self, block: Block, word: &Word, depth: usize) {
        let opens = self.brace_follows();
        if self.lines.has_said_enough() {
            return;
        }
        if self.stray > 0 && depth <= self.stray_depth {
            return;
        }
        self.lines
            .report(unknown_keyword(block, word, opens, self.open.last()));
    }

    fn brace_unexpected(&mut self) {
        if self.stray == 0 {
            self.stray_depth = self.open.len();
        }
        self.stray += 1;
    }

    fn brace_extra(&mut self, brace: &Word) {
        if self.stray > 0 {
            self.stray -= 1;
            return;
        }
        let finding = Lines::finding(Code::BraceExtra, brace.place(), "this `}` closes nothing")
            .help("remove it, or look for a `{` that is missing above");
        self.lines.report(finding);
    }

    fn brace_missing(&mut self) {
        if let Some(keyword) = self.open.last() {
            let message = format!("the block of `{}` has no `{{`", keyword.text);
            let finding = Lines::finding(Code::BraceMissing, keyword.place(), message)
                .note("its lines are read as if it stood there")
                .help("write `{` at the end of this line".to_string());
            self.lines.report(finding);
        }
    }

    fn words_before_brace(&mut self, words: &[Word]) {
        if let [keyword, first, .., last] | [keyword, first @ last] = words {
            let finding = Diagnostic::new(
                Code::BlockWords,
                first.span.to(last.span),
                format!("`{}` takes no word before its `{{`", keyword.text),
            );
            self.lines.report(finding.label("not read"));
        }
    }

    fn unclosed(&mut self) {
        let Some(keyword) = self.open.last().cloned() else {
            return;
        };
        let end = self.lines.end();
        let finding = Lines::finding(
            Code::BraceUnclosed,
            keyword.place(),
            format!("the block of `{}` is never closed", keyword.text),
        )
        .also(end, "the file ends here")
        .help("write the missing `}`");
        self.lines.report(finding);
    }
}

/// Blocks that keepalived passes over if they have no name, or more than one.
fn one_name_only(keyword: &Keyword) -> bool {
    matches!(
        keyword.name,
        "vrrp_instance" | "vrrp_sync_group" | "track_group"
    )
}

fn unknown_keyword(block: Block, word: &Word, opens: bool, inside: Option<&Word>) -> Diagnostic {
    let text = &word.text;
    let elsewhere: Vec<Block> = Block::ALL
        .iter()
        .copied()
        .filter(|other| other.find(text).is_some())
        .collect();
    let mut finding = if elsewhere.is_empty() {
        let message = match block {
            Block::Top => format!("there is no keyword `{text}`"),
            _ => format!("`{block}` has no keyword `{text}`"),
        };
        Lines::finding(Code::UnknownKeyword, word.place(), message)
    } else {
        let places: Vec<&str> = elsewhere.iter().map(|block| block.as_str()).collect();
        let message = match block {
            Block::Top => format!("`{text}` does not stand at the top level"),
            _ => format!("`{text}` does not stand in `{block}`"),
        };
        let finding = Lines::finding(Code::WrongBlock, word.place(), message);
        finding.help(format!("it belongs into {}", places.join(" or ")))
    };
    finding = finding.label(if opens {
        "this block is not read"
    } else {
        "this line is not read"
    });
    if let Some(inside) = inside.filter(|_| opens) {
        finding = finding.note(format!(
            "the `}}` of this block ends `{}`: nothing behind it is read as a part of that any more",
            inside.text
        ));
    }
    let names = block.keywords().iter().map(|keyword| keyword.name);
    match lint::nearest(text, names).filter(|_| elsewhere.is_empty()) {
        Some(name) => finding.fix(word.span, name, format!("did you mean `{name}`?")),
        None => finding,
    }
}

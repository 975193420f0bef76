#![doc = include_str!("../README.md")]
//!
//! [`load`] never fails and never panics: whatever the text, there is a [`Config`] with keepalived's own forgiving
//! reading of it, and a list of [`Diagnostic`]s that says what was wrong and what to do about each.

#![forbid(unsafe_code)]
#![recursion_limit = "256"] // the object of an instance in json.rs

pub mod codes;
pub mod config;
pub mod crossnode;
pub mod diag;
mod expand;
pub mod fmt;
#[doc(hidden)]
pub mod fuzzing;
mod glob;
pub mod host;
pub mod keyword;
mod lex;
pub mod lint;
mod loader;
mod names;
mod schema;
pub mod span;
mod text;
mod tree;

pub use codes::Code;
pub use config::Config;
pub use diag::{Diagnostic, Edit, Help, Label, Peer, Severity};
pub use lex::Word;
pub use loader::{FileKind, FsLoader, Loader, MemoryLoader};
pub use span::{FileId, Location, SourceFile, SourceMap, Span};
pub use tree::{Body, Statement, Tree};

use std::collections::BTreeMap;

/// What a load depends on besides the files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The id that `@id` lines are compared with, and `${_INSTANCE}`. keepalived takes `--config-id`, or the name
    /// of the host up to its first dot.
    pub config_id: String,
    /// Variables for `${_ENV NAME}`.
    pub environment: BTreeMap<String, String>,
    /// Seed of `${_RANDOM}`.
    pub seed: u64,
    /// Every include that finds nothing is an error (`--all-config`).
    pub check_includes: bool,
    /// How much a configuration may be.
    pub limits: Limits,
}

/// How much a configuration may be, so that every text is read in bounded time and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines that do not stand in a file, and uses of definitions.
    pub lines: usize,
    /// Files, each as often as it is included.
    pub files: usize,
    /// Their size in all.
    pub bytes: usize,
    /// Includes, definitions and repetitions inside each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lines: 200_000,
            files: 4096,
            bytes: 64 << 20,
            depth: 64,
        }
    }
}

/// What a load gives.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// keepalived's own forgiving reading.
    pub config: Config,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub sources: SourceMap,
    /// What was written.
    pub tree: Tree,
    /// The file that was asked for, if it could be read.
    pub main: Option<FileId>,
    /// Every interface that is named and must be there; see [`Loaded::check_interfaces`].
    pub interfaces: Vec<host::NamedInterface>,
}

impl Loaded {
    /// Whether keepalived would refuse to run with it, and so do we.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|finding| finding.severity == Severity::Refuse)
    }

    /// Everything that is wrong: what the reading found and what the lints find in its result.
    #[must_use]
    pub fn findings(&self) -> Vec<Diagnostic> {
        let mut findings = self.diagnostics.clone();
        // Where keepalived stopped reading, the rest is unknown.
        if !findings.iter().any(|finding| finding.peer == Peer::Stops) {
            findings.extend(lint::check(&self.config, &self.sources, self.main));
        }
        diag::settle(lint::refine(findings, &self.config, &self.sources))
    }
}

/// Reads the configuration file `path` and everything it includes.
#[must_use]
pub fn load(loader: &dyn Loader, path: &str, options: &Options) -> Loaded {
    load_beside(SourceMap::default(), loader, path, options)
}

/// Reads `path` like [`load`] and adds its texts to those of other files, so that findings can point into both.
#[must_use]
pub fn load_beside(
    sources: SourceMap,
    loader: &dyn Loader,
    path: &str,
    options: &Options,
) -> Loaded {
    let before = sources.files().count();
    let mut lines = expand::Lines::open(sources, loader, path, options);
    let tree = tree::read(&mut lines);
    let expand::Lines {
        sources, findings, ..
    } = lines;
    let schema::Meaning {
        config,
        findings,
        interfaces,
    } = schema::read(&tree, findings, loader);
    let main = sources.files().nth(before).map(|(id, _)| id);
    Loaded {
        config,
        diagnostics: diag::settle(findings),
        main,
        sources,
        tree,
        interfaces,
    }
}

/// Reads `text` as a file without includes.
#[must_use]
pub fn parse(text: &str) -> Loaded {
    load(
        &MemoryLoader::default().file("keepalived.conf", text),
        "keepalived.conf",
        &Options::default(),
    )
}

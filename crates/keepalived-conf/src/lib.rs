//! Read keepalived.conf: the whole language, a typed configuration, and diagnostics that teach.
//!
//! [`load`] never fails and never panics: whatever the text, there is a [`Config`] with keepalived's own forgiving
//! reading of it, and a list of [`Diagnostic`]s that says what was wrong and what to do about each.
//! The crate reads no file and no environment by itself; files come through a [`Loader`].

#![forbid(unsafe_code)]

pub mod codes;
pub mod config;
pub mod crossnode;
pub mod diag;
mod glob;
pub mod lint;
mod loader;
pub mod span;

pub use codes::Code;
pub use config::Config;
pub use diag::{Diagnostic, Edit, Help, Label, Peer, Severity};
pub use loader::{FileKind, FsLoader, Loader, MemoryLoader};
pub use span::{FileId, Location, SourceFile, SourceMap, Span};

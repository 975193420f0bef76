//! keepalived-conf

pub mod codes;
pub mod diag;
pub mod span;

pub use codes::Code;
pub use diag::{Diagnostic, Edit, Help, Label, Peer, Severity};
pub use span::{FileId, Location, SourceFile, SourceMap, Span};

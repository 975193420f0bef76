//! What can go wrong, with whose fault it is in the type.

use core::fmt;

/// An operation that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpError {
    /// Sorted by what one can do about it.
    pub kind: OpErrorKind,
    /// The kernel's error number, if it was the kernel.
    pub errno: Option<i32>,
    /// What the kernel or the backend says about it, for people.
    pub detail: String,
}

impl OpError {
    /// An error of the backend's own.
    pub fn new(kind: OpErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            errno: None,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for OpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.detail.as_str(), self.errno) {
            ("", None) => self.kind.fmt(f),
            ("", Some(errno)) => write!(f, "{} (errno {errno})", self.kind),
            (detail, None) => f.write_str(detail),
            (detail, Some(errno)) => write!(f, "{detail} (errno {errno})"),
        }
    }
}

impl core::error::Error for OpError {}

/// What one can do about an [`OpError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OpErrorKind {
    /// The interface is gone: wait for it to come back.
    #[error("no such interface")]
    NoInterface,
    /// More privilege is needed.
    #[error("not permitted")]
    NotPermitted,
    /// This kernel, or this backend, cannot do it.
    #[error("not supported")]
    NotSupported,
    /// The operation makes no sense as it stands.
    #[error("not valid")]
    Invalid,
    /// The source is no address of this host, or not yet (duplicate address detection).
    #[error("the source address is not on this host")]
    NoSource,
    /// There is no way to the destination, or the interface is down.
    #[error("unreachable")]
    Unreachable,
    /// Another one is there that cannot be taken over.
    #[error("exists already")]
    Exists,
    /// No room at the moment: later it may work.
    #[error("no room")]
    NoRoom,
    /// It was done, but for something that belongs to it: the detail says what, and where the system refused it.
    #[error("done in part")]
    Incomplete,
    /// Anything else.
    #[error("failed")]
    Other,
}

/// The backend itself has failed: not an operation, but the way to the kernel.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct NetError {
    /// What was being done.
    pub what: &'static str,
    /// What the system said.
    pub source: std::io::Error,
}

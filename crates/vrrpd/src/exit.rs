//! How every command of `vrrpd` ends. Called as keepalived, its own statuses are used instead
//! ([`crate::keepalived`]).

use std::process::ExitCode;

/// Exit status, the same for all subcommands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Exit {
    /// 0: all was done.
    Fine,
    /// 1: something failed, or problems were found.
    Failed,
    /// 2: wrong usage, or a configuration that cannot run.
    Usage,
    /// 3: refused, by state or by policy (another daemon owns the runtime directory).
    Refused,
    /// 4: not enough privilege.
    Privilege,
    /// 5: no daemon to talk to.
    NoDaemon,
    /// What another program's command line asks for (keepalived's statuses).
    Other(u8),
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Privilege => 4,
            Self::NoDaemon => 5,
            Self::Other(status) => status,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

//! The directory that holds what the daemon writes on its own account: `control.sock`, `snapshot`, `pid`.

use std::path::PathBuf;

/// Root's runtime directory.
pub const DEFAULT: &str = "/run/vrrpd";

/// The option that every command takes that runs a daemon or speaks to one.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RuntimeDir {
    /// Directory for the socket, the snapshot and the pid file
    /// [default: /run/vrrpd; for an ordinary user $XDG_RUNTIME_DIR/vrrpd]
    #[arg(long, value_name = "DIR")]
    pub runtime_dir: Option<PathBuf>,
}

impl RuntimeDir {
    /// The directory asked for, or the default of this user.
    #[must_use]
    pub fn path(self) -> PathBuf {
        self.runtime_dir.unwrap_or_else(default_path)
    }
}

/// `/run/vrrpd`, or an ordinary user's `$XDG_RUNTIME_DIR/vrrpd`.
#[must_use]
pub fn default_path() -> PathBuf {
    let user_dir = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    match user_dir {
        Some(dir) if !nix::unistd::geteuid().is_root() => PathBuf::from(dir).join("vrrpd"),
        _ => PathBuf::from(DEFAULT),
    }
}

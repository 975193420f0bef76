//! What a command line asks of the daemon, whichever of the two command lines it was.

use std::path::PathBuf;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// keepalived's wording, for people and for their patterns.
    #[default]
    Human,
    /// One JSON object for each line, with the fields apart.
    Json,
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTo {
    /// Standard error.
    pub stderr: bool,
    /// The local syslog daemon, with this facility (3 is `daemon`).
    pub syslog: Option<u8>,
}

/// Everything that the daemon is told from outside of its configuration file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The main configuration file.
    pub file: PathBuf,
    /// What lines that begin with `@ID` are compared with; the node name up to the first dot if `None`.
    pub config_id: Option<String>,
    /// All include errors count (`-e`).
    pub all_config: bool,
    /// Whatever `vrrpd check` calls an error keeps the daemon from starting.
    pub strict: bool,
    /// Directory for the socket, the snapshot and the pid file.
    pub runtime_dir: PathBuf,
    /// It is an error if there can be none. keepalived needs none, and its pid files lock as well.
    pub must_have_runtime_dir: bool,
    /// keepalived's pid files, where it was called by that name: parent's and VRRP child's, both with our pid.
    pub pid_files: Vec<PathBuf>,
    /// How lines look.
    pub log_format: LogFormat,
    /// Where lines go.
    pub log_to: LogTo,
    /// keepalived's `-D`, counted: 1 adds details, 2 adds more.
    pub detail: u8,
    /// keepalived's `-a`: every address that comes or goes is reported.
    pub address_monitoring: bool,
    /// keepalived's `-V`: addresses stay when the daemon stops.
    pub keep_addresses: bool,
    /// A network namespace to enter, overriding the file's.
    pub net_namespace: Option<String>,
    /// Ctrl-C does not stop the daemon.
    pub ignore_sigint: bool,
    /// Mask for files that the daemon creates.
    pub umask: Option<u32>,
    /// Called by keepalived's name or with its options: exit statuses and file locations are keepalived's.
    pub as_keepalived: bool,
}

/// Where keepalived's configuration is expected.
pub const DEFAULT_FILE: &str = "/etc/keepalived/keepalived.conf";

//! What a command line asks of the daemon, whichever of the two command lines it was.

use std::path::{Path, PathBuf};

use keepalived_conf::config::Globals;

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
    /// keepalived's pid files, where it was called by that name.
    pub pid_files: Option<PidFiles>,
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

/// The pid files of keepalived's parent and VRRP child, both with our pid, as the command line names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PidFiles {
    /// `-p`.
    pub parent: Option<PathBuf>,
    /// `-r`.
    pub vrrp: Option<PathBuf>,
}

/// Where keepalived's pid files are.
const RUN: &str = "/run";

impl Settings {
    /// The network namespace to run in.
    #[must_use]
    pub fn namespace<'a>(&'a self, globals: &'a Globals) -> Option<&'a str> {
        let own = self.net_namespace.as_deref();
        own.or(globals.net_namespace.as_deref())
    }

    /// Where the pid files are, now that the configuration is known (`use_pid_dir`, `instance`, `net_namespace`).
    #[must_use]
    pub fn pid_paths(&self, globals: &Globals) -> Vec<PathBuf> {
        let Some(files) = &self.pid_files else {
            return Vec::new();
        };
        let mut dir = PathBuf::from(RUN);
        if globals.use_pid_dir || self.net_namespace.is_some() {
            dir.push("keepalived");
            dir.extend(self.namespace(globals));
        }
        let suffix = globals.instance.as_ref();
        let suffix = suffix.map_or_else(String::new, |name| format!("_{name}"));
        let place = |given: &Option<PathBuf>, name: &str| {
            let default = || dir.join(format!("{name}{suffix}.pid"));
            given.clone().unwrap_or_else(default)
        };
        let mut paths = vec![
            place(&files.parent, "keepalived"),
            place(&files.vrrp, "vrrp"),
        ];
        paths.dedup();
        paths
    }

    /// With a runtime directory of its own for each of several keepalived on one machine, which are told apart by their
    /// pid files.
    #[must_use]
    pub fn placed(&self, globals: &Globals) -> Self {
        let mut placed = self.clone();
        let first = self.pid_paths(globals).into_iter().next();
        let ordinary = Path::new(RUN).join("keepalived.pid");
        if let Some(pid) = first.filter(|pid| !self.must_have_runtime_dir && *pid != ordinary) {
            let pid = pid.to_string_lossy();
            placed
                .runtime_dir
                .push(pid.trim_start_matches('/').replace('/', "-"));
        }
        placed
    }
}

/// Where keepalived's configuration is expected.
pub const DEFAULT_FILE: &str = "/etc/keepalived/keepalived.conf";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn keepalived(pid_files: PidFiles) -> Settings {
        Settings {
            file: DEFAULT_FILE.into(),
            config_id: None,
            all_config: false,
            strict: false,
            runtime_dir: "/run/vrrpd".into(),
            must_have_runtime_dir: false,
            pid_files: Some(pid_files),
            log_format: LogFormat::Human,
            log_to: LogTo {
                stderr: true,
                syslog: None,
            },
            detail: 0,
            address_monitoring: false,
            keep_addresses: false,
            net_namespace: None,
            ignore_sigint: false,
            umask: None,
            as_keepalived: true,
        }
    }

    /// As keepalived 2.2.7 places them.
    #[test]
    fn pid_files_are_where_keepalived_has_them() {
        let globals = |instance: Option<&str>, namespace: Option<&str>| Globals {
            instance: instance.map(Into::into),
            net_namespace: namespace.map(Into::into),
            use_pid_dir: instance.is_some() || namespace.is_some(),
            ..Globals::default()
        };
        let settings = keepalived(PidFiles::default());
        let paths = |globals: &Globals| settings.pid_paths(globals);
        let ordinary = globals(None, None);
        assert_eq!(
            paths(&ordinary),
            [Path::new("/run/keepalived.pid"), Path::new("/run/vrrp.pid")]
        );
        assert_eq!(
            settings.placed(&ordinary).runtime_dir,
            Path::new("/run/vrrpd")
        );
        let foo = globals(Some("foo"), None);
        assert_eq!(
            paths(&foo),
            [
                Path::new("/run/keepalived/keepalived_foo.pid"),
                Path::new("/run/keepalived/vrrp_foo.pid")
            ]
        );
        assert_eq!(
            settings.placed(&foo).runtime_dir,
            Path::new("/run/vrrpd/run-keepalived-keepalived_foo.pid"),
            "two instances do not share one"
        );
        assert_eq!(
            paths(&globals(Some("foo"), Some("ns1"))),
            [
                Path::new("/run/keepalived/ns1/keepalived_foo.pid"),
                Path::new("/run/keepalived/ns1/vrrp_foo.pid")
            ]
        );
        let given = keepalived(PidFiles {
            parent: Some("/run/x/k.pid".into()),
            vrrp: None,
        });
        assert_eq!(
            given.pid_paths(&foo),
            [
                Path::new("/run/x/k.pid"),
                Path::new("/run/keepalived/vrrp_foo.pid")
            ]
        );
        let same = keepalived(PidFiles {
            parent: Some("/run/x.pid".into()),
            vrrp: Some("/run/x.pid".into()),
        });
        assert_eq!(same.pid_paths(&ordinary), [Path::new("/run/x.pid")]);
    }
}

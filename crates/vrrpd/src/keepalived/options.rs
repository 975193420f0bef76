//! keepalived's options as getopt_long(3) reads them: short ones may be bundled (`-nlDP`), a value may follow at once
//! (`-fFILE`) or as the next word, long ones may be shortened while they stay unambiguous.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use thiserror::Error;

/// `-t`, with the file that messages are appended to, if one was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigTest {
    /// Messages go here instead of standard error.
    pub log: Option<PathBuf>,
}

/// keepalived's command line. Options without meaning here are accepted and not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "named as keepalived(8) names them, and explained there"
)]
pub struct Options {
    pub use_file: Option<PathBuf>,
    pub vrrp: bool,
    pub check: bool,
    pub log_console: bool,
    pub log_detail: u8,
    pub log_facility: Option<u8>,
    pub no_syslog: bool,
    pub umask: Option<u32>,
    pub dont_release_vrrp: bool,
    pub dont_fork: bool,
    pub dump_conf: bool,
    pub pid: Option<PathBuf>,
    pub vrrp_pid: Option<PathBuf>,
    pub address_monitoring: bool,
    pub namespace: Option<String>,
    pub all_config: bool,
    pub config_id: Option<String>,
    pub ignore_sigint: bool,
    pub signum: Option<String>,
    pub config_test: Option<ConfigTest>,
    pub version: bool,
    pub help: bool,
    /// Ours: keepalived has no such option.
    pub runtime_dir: Option<PathBuf>,
}

/// Why a command line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OptionError {
    /// No such option.
    #[error("unrecognized option '{0}'")]
    Unknown(String),
    /// Shortened so far that it could be several.
    #[error("option '{0}' is ambiguous")]
    Ambiguous(String),
    /// The command line ends where a value is due.
    #[error("option '{0}' needs a value")]
    MissingValue(String),
    /// `--name=value` for an option without value.
    #[error("option '{0}' takes no value")]
    UnexpectedValue(String),
    /// A value of the wrong kind.
    #[error("'{value}' is no value for {option}")]
    BadValue {
        /// The option's long name.
        option: String,
        /// What was given.
        value: String,
    },
    /// keepalived takes options only.
    #[error("unexpected argument '{0}'")]
    Argument(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    Required,
    /// Only attached: `-tFILE`, `--config-test=FILE`.
    Optional,
}

/// Short name (`\0`: none), long name, and whether a value follows.
const TABLE: &[(char, &str, Value)] = &[
    ('f', "use-file", Value::Required),
    ('P', "vrrp", Value::None),
    ('C', "check", Value::None),
    ('B', "no_bfd", Value::None),
    ('\0', "all", Value::None),
    ('l', "log-console", Value::None),
    ('D', "log-detail", Value::None),
    ('S', "log-facility", Value::Required),
    ('g', "log-file", Value::Optional),
    ('\0', "flush-log-file", Value::None),
    ('G', "no-syslog", Value::None),
    ('u', "umask", Value::Required),
    ('X', "release-vips", Value::None),
    ('V', "dont-release-vrrp", Value::None),
    ('I', "dont-release-ipvs", Value::None),
    ('R', "dont-respawn", Value::None),
    ('n', "dont-fork", Value::None),
    ('d', "dump-conf", Value::None),
    ('p', "pid", Value::Required),
    ('r', "vrrp_pid", Value::Required),
    ('c', "checkers_pid", Value::Required),
    ('b', "bfd_pid", Value::Required),
    ('a', "address-monitoring", Value::None),
    ('x', "snmp", Value::None),
    ('A', "snmp-agent-socket", Value::Required),
    ('s', "namespace", Value::Required),
    ('m', "core-dump", Value::None),
    ('M', "core-dump-pattern", Value::Optional),
    ('e', "all-config", Value::None),
    ('i', "config-id", Value::Required),
    ('\0', "ignore-sigint", Value::None),
    ('\0', "signum", Value::Required),
    ('t', "config-test", Value::Optional),
    ('\0', "config-fd", Value::Required),
    ('\0', "perf", Value::Optional),
    ('\0', "debug", Value::Optional),
    ('v', "version", Value::None),
    ('h', "help", Value::None),
    ('\0', "runtime-dir", Value::Required),
];

/// Printed for `-h` and after a mistake.
pub(super) const USAGE: &str = "\
Usage: keepalived [OPTION...]        (vrrpd, called as keepalived)
  -f, --use-file=FILE          Configuration file [/etc/keepalived/keepalived.conf]
  -n, --dont-fork              Stay in the foreground
  -l, --log-console            Log to the console as well (with -n)
  -D, --log-detail             Log details too
  -G, --no-syslog              Do not log to syslog
  -S, --log-facility=F         Syslog facility: 0-7, local0-local7, user, daemon
  -P, --vrrp                   Only VRRP (there is nothing else here)
  -p, --pid=FILE               Pid file [/run/keepalived.pid]
  -r, --vrrp_pid=FILE          Second pid file [/run/vrrp.pid]
  -a, --address-monitoring     Log every address that comes or goes
  -V, --dont-release-vrrp      Leave addresses when stopping
  -s, --namespace=NAME         Run in this network namespace
  -e, --all-config             A configuration file that is missing is an error
  -i, --config-id=ID           What @ID lines are compared with [node name]
  -u, --umask=MASK             Mask for files that are created
      --ignore-sigint          Ctrl-C does not stop
      --signum=NAME            Print the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON
      --runtime-dir=DIR        Directory for vrrpd's own files [/run/vrrpd]
  -t, --config-test[=FILE]     Check the configuration, messages to FILE
  -v, --version                Version, to standard error
  -h, --help                   This text
Accepted without effect: -B -C with -P, --all, -g, --flush-log-file, -X -I -R -d -c -b -x -A -m -M, --perf, --debug
";

impl Options {
    /// Reads the words after the program name.
    ///
    /// # Errors
    /// The first word that keepalived would not take either; it exits with status 1 then.
    pub fn parse(args: &[OsString]) -> Result<Self, OptionError> {
        let mut options = Self::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let mut next = |name: &str| {
                words
                    .next()
                    .map(OsString::as_os_str)
                    .ok_or_else(|| OptionError::MissingValue(name.into()))
            };
            let bytes = word.as_bytes();
            if let Some(long) = bytes.strip_prefix(b"--") {
                options.long(long, &mut next)?;
            } else if let Some(bundle) =
                bytes.strip_prefix(b"-").filter(|bundle| !bundle.is_empty())
            {
                options.bundle(bundle, &mut next)?;
            } else {
                return Err(OptionError::Argument(word.to_string_lossy().into()));
            }
        }
        Ok(options)
    }

    /// Whether VRRP is among the halves that the command line asks for.
    #[must_use]
    pub const fn runs_vrrp(&self) -> bool {
        self.vrrp || !self.check
    }

    fn long<'a>(
        &mut self,
        text: &'a [u8],
        next: &mut impl FnMut(&str) -> Result<&'a OsStr, OptionError>,
    ) -> Result<(), OptionError> {
        let (given, attached) = match text.iter().position(|&byte| byte == b'=') {
            Some(at) => (text.get(..at), text.get(at + 1..).map(OsStr::from_bytes)),
            None => (Some(text), None),
        };
        let given = String::from_utf8_lossy(given.unwrap_or_default());
        let shown = || format!("--{given}");
        let exact = TABLE.iter().find(|(_, long, _)| *long == given);
        let mut candidates = TABLE
            .iter()
            .filter(|(_, long, _)| long.starts_with(given.as_ref()));
        let &(_, name, value) = match (exact, candidates.next(), candidates.next()) {
            (Some(row), _, _) | (None, Some(row), None) => row,
            (None, Some(_), Some(_)) => return Err(OptionError::Ambiguous(shown())),
            (None, None, _) => return Err(OptionError::Unknown(shown())),
        };
        match (value, attached) {
            (Value::None, Some(_)) => Err(OptionError::UnexpectedValue(shown())),
            (Value::Required, None) => {
                let value = next(&shown())?;
                self.set(name, Some(value))
            }
            (_, attached) => self.set(name, attached),
        }
    }

    fn bundle<'a>(
        &mut self,
        mut bundle: &'a [u8],
        next: &mut impl FnMut(&str) -> Result<&'a OsStr, OptionError>,
    ) -> Result<(), OptionError> {
        while let Some((&letter, rest)) = bundle.split_first() {
            let shown = || format!("-{}", char::from(letter));
            let row = TABLE
                .iter()
                .find(|(short, _, _)| letter != 0 && *short == char::from(letter));
            let &(_, name, value) = row.ok_or_else(|| OptionError::Unknown(shown()))?;
            let attached = (!rest.is_empty()).then(|| OsStr::from_bytes(rest));
            match value {
                Value::None => {
                    self.set(name, None)?;
                    bundle = rest;
                    continue;
                }
                Value::Required => {
                    let value = attached.map_or_else(|| next(&shown()), Ok)?;
                    self.set(name, Some(value))?;
                }
                Value::Optional => self.set(name, attached)?,
            }
            break;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: Option<&OsStr>) -> Result<(), OptionError> {
        let bad = || OptionError::BadValue {
            option: format!("--{name}"),
            value: value.unwrap_or_default().to_string_lossy().into(),
        };
        let path = || value.map(PathBuf::from);
        let text = || {
            value
                .and_then(OsStr::to_str)
                .map(String::from)
                .ok_or_else(bad)
        };
        match name {
            "use-file" => self.use_file = path(),
            "vrrp" => self.vrrp = true,
            "check" => self.check = true,
            "log-console" => self.log_console = true,
            "log-detail" => self.log_detail = self.log_detail.saturating_add(1),
            "log-facility" => self.log_facility = Some(facility(&text()?).ok_or_else(bad)?),
            "no-syslog" => self.no_syslog = true,
            "umask" => self.umask = Some(mask(&text()?).ok_or_else(bad)?),
            "dont-release-vrrp" => self.dont_release_vrrp = true,
            "dont-fork" => self.dont_fork = true,
            "dump-conf" => self.dump_conf = true,
            "pid" => self.pid = path(),
            "vrrp_pid" => self.vrrp_pid = path(),
            "address-monitoring" => self.address_monitoring = true,
            "namespace" => self.namespace = Some(text()?),
            "all-config" => self.all_config = true,
            "config-id" => self.config_id = Some(text()?),
            "ignore-sigint" => self.ignore_sigint = true,
            "signum" => self.signum = Some(text()?),
            "config-test" => self.config_test = Some(ConfigTest { log: path() }),
            "version" => self.version = true,
            "help" => self.help = true,
            "runtime-dir" => self.runtime_dir = path(),
            // The rows of the table that have no meaning without the other halves of keepalived.
            _ => {}
        }
        Ok(())
    }
}

/// Syslog's facility number: 1 is user, 3 daemon, 16 to 23 are local0 to local7.
fn facility(word: &str) -> Option<u8> {
    let local = |digits: &str| {
        digits
            .parse::<u8>()
            .ok()
            .filter(|&number| number <= 7)
            .map(|number| 16 + number)
    };
    match word {
        "user" => Some(1),
        "daemon" => Some(3),
        _ => local(word.strip_prefix("local").unwrap_or(word)),
    }
}

/// An octal, decimal or hexadecimal number as strtol(3) with base 0 reads it.
fn mask(word: &str) -> Option<u32> {
    let number = if let Some(hex) = word.strip_prefix("0x") {
        u32::from_str_radix(hex, 16)
    } else if word.len() > 1 && word.starts_with('0') {
        u32::from_str_radix(word, 8)
    } else {
        word.parse()
    };
    number.ok().filter(|&mask| mask <= 0o777)
}

//! keepalived's own command line, for `keepalived` as a link to this program.
//!
//! Every option of keepalived 2.2.7 and 2.4.3 is known; those of its other halves (LVS checkers, SNMP, BFD) are
//! accepted, so that unit files and containers need no change. Exit statuses are keepalived's.

mod config_test;
mod options;
mod version;

pub use options::{ConfigTest, OptionError, Options};

use std::ffi::OsString;
use std::path::PathBuf;

use crate::commands::{check, run};
use crate::exit::Exit;
use crate::netns;
use crate::runtime_dir;
use crate::settings::{DEFAULT_FILE, LogFormat, LogTo, PidFiles, Settings};

/// Syslog facility `daemon`.
const FACILITY_DAEMON: u8 = 3;

/// Runs keepalived's command line, without the program name.
pub fn main(args: &[OsString]) -> Exit {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("keepalived: {error}");
            eprint!("{}", options::USAGE);
            return Exit::Other(1);
        }
    };
    if options.help {
        eprint!("{}", options::USAGE);
        return Exit::Fine;
    }
    if options.version {
        eprint!("{}", version::text());
        return Exit::Fine;
    }
    if let Some(name) = &options.signum {
        return match signal_number(name) {
            Some(number) => {
                println!("{number}");
                Exit::Fine
            }
            None => {
                eprintln!("Unknown sigfunc {name}");
                Exit::Other(1)
            }
        };
    }
    if let Some(test) = &options.config_test {
        return config_test(&options, test);
    }
    if !options.runs_vrrp() {
        eprintln!(
            "keepalived: only the VRRP half of keepalived is here; -C (checkers alone) leaves nothing to run"
        );
        return Exit::Other(1);
    }
    if !options.dont_fork
        && let Err(error) = nix::unistd::daemon(true, false)
    {
        eprintln!("keepalived: cannot go to the background: {error}; use --dont-fork");
        return Exit::Other(1);
    }
    run::daemon(&settings(options))
}

/// `-t`, with keepalived's exit statuses.
fn config_test(options: &Options, test: &ConfigTest) -> Exit {
    if let Some(name) = &options.namespace
        && let Err(error) = netns::enter(name)
    {
        eprintln!("keepalived: network namespace {name}: {error}");
        return Exit::Other(1);
    }
    let file = options.use_file.as_deref();
    let file = file.map_or_else(|| DEFAULT_FILE.into(), |file| file.to_string_lossy());
    let reading = keepalived_conf::Options {
        check_includes: options.all_config,
        ..check::options(options.config_id.clone())
    };
    config_test::run(&file, &reading, test)
}

/// Appends what `-t` would say of the file of `settings` to `log`.
pub(crate) fn test_into(settings: &Settings, log: PathBuf) {
    let reading = keepalived_conf::Options {
        check_includes: settings.all_config,
        ..check::options(settings.config_id.clone())
    };
    let test = ConfigTest { log: Some(log) };
    // Its status is for scripts.
    let _ = config_test::run(&settings.file.to_string_lossy(), &reading, &test);
}

/// The number to send for an action: `kill -s $(keepalived --signum=JSON) PID`.
fn signal_number(name: &str) -> Option<i32> {
    Some(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => libc::SIGRTMAX() - 1,
        "JSON" => libc::SIGRTMIN() + 2,
        _ => return None,
    })
}

fn settings(options: Options) -> Settings {
    let console = options.log_console && options.dont_fork;
    Settings {
        file: options
            .use_file
            .unwrap_or_else(|| PathBuf::from(DEFAULT_FILE)),
        config_id: options.config_id,
        all_config: options.all_config,
        strict: false,
        must_have_runtime_dir: options.runtime_dir.is_some(),
        runtime_dir: options
            .runtime_dir
            .unwrap_or_else(runtime_dir::default_path),
        pid_files: Some(PidFiles {
            parent: options.pid,
            vrrp: options.vrrp_pid,
        }),
        log_format: LogFormat::Human,
        log_to: LogTo {
            stderr: console || (options.no_syslog && options.dont_fork),
            syslog: (!options.no_syslog).then_some(options.log_facility.unwrap_or(FACILITY_DAEMON)),
        },
        detail: options.log_detail,
        address_monitoring: options.address_monitoring,
        keep_addresses: options.dont_release_vrrp,
        net_namespace: options.namespace,
        ignore_sigint: options.ignore_sigint,
        umask: options.umask,
        as_keepalived: true,
    }
}

#[cfg(test)]
mod tests;

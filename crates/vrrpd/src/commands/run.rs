//! `vrrpd run`: the daemon in the foreground.

use std::path::PathBuf;

use crate::exit::Exit;
use crate::runtime_dir::RuntimeDir;
use crate::settings::{DEFAULT_FILE, LogFormat, LogTo, Settings};

/// Arguments of `vrrpd run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
    #[command(flatten)]
    runtime_dir: RuntimeDir,
    /// How log lines look
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    log_format: LogFormat,
    /// Log details too: timers, every gratuitous ARP; twice for more
    #[arg(short = 'D', long, action = clap::ArgAction::Count)]
    log_detail: u8,
    /// Keep configuration lines that begin with @ID [default: the node name]
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
    /// Enter this network namespace (a name under /run/netns) first
    #[arg(short = 's', long, value_name = "NAME")]
    namespace: Option<String>,
}

impl Args {
    fn settings(self) -> Settings {
        Settings {
            file: self.file,
            config_id: self.config_id,
            all_config: false,
            runtime_dir: self.runtime_dir.path(),
            pid_files: Vec::new(),
            log_format: self.log_format,
            log_to: LogTo {
                stderr: true,
                syslog: None,
            },
            detail: self.log_detail,
            address_monitoring: false,
            keep_addresses: false,
            net_namespace: self.namespace,
            ignore_sigint: false,
            umask: None,
            as_keepalived: false,
        }
    }
}

/// Runs until told to stop.
pub fn run(args: Args) -> Exit {
    daemon(&args.settings())
}

/// Runs the daemon for either command line.
pub fn daemon(settings: &Settings) -> Exit {
    eprintln!(
        "vrrpd: {}: this build has no daemon yet",
        settings.file.display()
    );
    Exit::Failed
}

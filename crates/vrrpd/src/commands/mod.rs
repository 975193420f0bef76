//! The command line: one module for each subcommand, each with its `Args` and a `run(Args) -> Exit`.
//!
//! A program name of `keepalived`, or a first argument that is an option of keepalived's, selects keepalived's own
//! command line instead ([`crate::keepalived`]).

pub mod check;
pub mod config;
pub mod decode;
pub mod explain;
pub mod fmt;
pub mod lab;
pub mod run;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::keepalived;

#[derive(Debug, Parser)]
#[command(
    name = "vrrpd",
    version,
    about = "A virtual IP address that survives its node: VRRP that reads keepalived.conf",
    after_help = "keepalived's own options work too: vrrpd -nlD -f FILE, or a link named keepalived.",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the virtual routers of a keepalived.conf, in the foreground
    Run(run::Args),
    /// Says what is wrong with configuration files, alone and together
    Check(check::Args),
    /// Prints what a configuration means, with every default filled in
    Config(config::Args),
    /// Takes VRRP packets apart and says what a receiver would do with them
    Decode(decode::Args),
    /// Tells the longer story of a diagnostic, or what a keyword does
    Explain(explain::Args),
    /// Gives configuration files their layout
    Fmt(fmt::Args),
    /// Shows a failover on this machine: hosts in namespaces, real daemons, measured; no root needed
    Lab(lab::Args),
}

impl Command {
    fn run(self) -> Exit {
        match self {
            Self::Run(args) => run::run(args),
            Self::Check(args) => check::run(&args),
            Self::Config(args) => config::run(&args),
            Self::Decode(args) => decode::run(&args),
            Self::Explain(args) => explain::run(&args),
            Self::Fmt(args) => fmt::run(&args),
            Self::Lab(args) => lab::run(&args),
        }
    }
}

/// Runs the command line `args`, program name first. Never panics on what a user types.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if is_keepalived(&args) {
        return keepalived::main(args.get(1..).unwrap_or_default()).into();
    }
    match Cli::try_parse_from(args) {
        Ok(cli) => cli.command.run().into(),
        Err(error) => {
            // Help and version are no errors, and go to stdout; nothing can be said if that is closed.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Fine
            }
            .into()
        }
    }
}

/// Whose command line this is. `-h`, `--help`, `--version`, and `-V` alone are ours.
fn is_keepalived(args: &[OsString]) -> bool {
    let name = args
        .first()
        .and_then(|program| Path::new(program).file_name());
    if name.is_some_and(|name| name == "keepalived") {
        return true;
    }
    let Some(first) = args.get(1).and_then(|first| first.to_str()) else {
        return false;
    };
    let ours = matches!(first, "-h" | "--help" | "--version") || (first == "-V" && args.len() == 2);
    first.len() > 1 && first.starts_with('-') && !ours
}

#[cfg(test)]
mod tests;

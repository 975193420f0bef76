//! `vrrpd config`: what a configuration means, with every default filled in.

use std::io::Write as _;
use std::path::PathBuf;

use keepalived_conf::config::Secrets;
use keepalived_conf::diag::Report;
use keepalived_conf::{Severity, load};

use crate::commands::check;
use crate::credentials::HostLoader;
use crate::exit::Exit;
use crate::settings::DEFAULT_FILE;

/// Arguments of `vrrpd config`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is printed is the forgiving reading, the one that `vrrpd run` uses; `vrrpd check` says what is wrong with it.
docs/CONFIG-JSON.md names the members of the JSON object.
Exit status: 0 printed; 1 the file cannot be read.")]
pub struct Args {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// One JSON object instead of keepalived.conf
    #[arg(long)]
    json: bool,
    /// Print passwords and keys (keepalived.conf only; the JSON never has them)
    #[arg(long, conflicts_with = "json")]
    show_secrets: bool,
    /// Keep configuration lines that begin with @ID [default: the node name]
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
}

/// Prints it.
pub fn run(args: &Args) -> Exit {
    let options = check::options(args.config_id.clone());
    let loaded = load(&HostLoader::new(), &args.file.to_string_lossy(), &options);
    let mut refusals = loaded.diagnostics.clone();
    refusals.retain(|finding| finding.severity == Severity::Refuse);
    eprint!("{}", Report::new(&loaded.sources, &refusals).short());
    if loaded.main.is_none() {
        return Exit::Failed;
    }
    let text = if args.json {
        let mut text = format!("{:#}", loaded.config.to_json());
        text.push('\n');
        text
    } else if args.show_secrets {
        loaded.config.to_text(Secrets::Shown)
    } else {
        loaded.config.to_text(Secrets::Masked)
    };
    // A reader that has gone away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Fine
}

//! Chores of this repository. Each prints what it looked at and fails on what it finds.

mod compliance;
mod sizes;
mod tree;
mod words;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Chores of this repository")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check the ledger of requirements against the markers in the sources
    Compliance {
        /// Only what falls to one crate: proto, fsm, net or daemon
        #[arg(long = "crate", value_name = "NAME")]
        only: Option<String>,
    },
    /// Check the arrows between crates against docs/ARCHITECTURE.md's list of what must never exist
    Tree,
    /// Report files that are longer than a reader likes
    Sizes,
    /// Check that the inner crates speak RFC 9568's words and build no second program for tests
    Words,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or_else(|| Path::new("."));
    let found = match Cli::parse().chore {
        Chore::Compliance { only } => compliance::check(root, only.as_deref()),
        Chore::Tree => tree::check(root),
        Chore::Sizes => sizes::report(root),
        Chore::Words => words::check(root),
    };
    match found {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::FAILURE
        }
    }
}

/// Every `.rs` file below `dir`, sorted, without what cargo builds.
fn sources(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

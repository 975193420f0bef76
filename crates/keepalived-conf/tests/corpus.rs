//! Judged by the original: each file is given to a keepalived 2.2.7 in a network namespace of its own, and what that
//! says in its state dump (SIGUSR1) is compared with what we read.
//!
//! The files are those of `tests/corpus` and, if `VRRP_CORPUS` names a directory, of that. Without keepalived, `ip`,
//! `unshare` or the rights to use them there is a skip, which is printed and counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod oracle;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    if let Err(reason) = oracle::available() {
        println!("SKIPPED corpus comparison: {reason}");
        libtest_mimic::run(&arguments, Vec::new()).exit();
    }
    let mut files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    match std::env::var_os("VRRP_CORPUS") {
        Some(directory) => files.extend(self::files(Path::new(&directory))),
        None => println!("SKIPPED the files of VRRP_CORPUS: it is not set"),
    }
    let trials = files.into_iter().map(|path| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Trial::test(name, move || compare(&path))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// Configuration files directly in `directory`, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "conf"))
        .collect();
    files.sort();
    files
}

// vrid-*.conf, same-vrid*.conf: what a number may be, and twice on one network.
//= KA-CFG-01 test
// number-*.conf: what keepalived takes instead of a priority that is none.
//= KA-CFG-02 test
// strict.conf, strict-false.conf, strict-unicast.conf, no-vip-strict.conf: what it overrules, and what it refuses.
//= KA-CFG-06 test
// auth-cases.conf: with VRRPv3, and AH with IPv6.
//= KA-AUTH-07 test
fn compare(path: &Path) -> Result<(), Failed> {
    let ours = oracle::ours(path);
    match oracle::theirs(&ours)? {
        None if ours.loaded.refused() => Ok(()),
        None => Err("keepalived refuses it, and we do not".into()),
        Some(_) if ours.loaded.refused() => {
            let reasons: Vec<_> = ours
                .loaded
                .diagnostics
                .iter()
                .filter(|finding| finding.severity == keepalived_conf::Severity::Refuse)
                .map(|finding| finding.message.clone())
                .collect();
            Err(format!(
                "keepalived runs with it, and we refuse: {}",
                reasons.join("; ")
            )
            .into())
        }
        Some(dump) => {
            let mut differences = Vec::new();
            let meant = oracle::facts_of(&ours.config);
            let keys: std::collections::BTreeSet<_> = meant.keys().chain(dump.keys()).collect();
            for key in keys {
                let (ours, theirs) = (meant.get(key), dump.get(key));
                if ours != theirs {
                    let show =
                        |value: Option<&String>| value.cloned().unwrap_or_else(|| "-".to_owned());
                    differences.push(format!(
                        "{key}: ours {}, keepalived {}",
                        show(ours),
                        show(theirs)
                    ));
                }
            }
            if differences.is_empty() {
                Ok(())
            } else {
                Err(differences.join("\n").into())
            }
        }
    }
}

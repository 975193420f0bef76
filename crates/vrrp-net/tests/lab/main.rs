//! The Linux backend on the real kernel, each case in hosts of its own. Needs neither root nor anything installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod accept;
mod backend;
mod batches;
mod conflict;
mod links;
mod packets;
mod routes;
mod vmac;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

type Case = (&'static str, fn());

fn main() -> ExitCode {
    if let Ok(v6) = std::env::var(batches::COUNTED) {
        return batches::counted(&v6);
    }
    let cases: Vec<Case> = [
        backend::CASES,
        packets::CASES,
        vmac::CASES,
        routes::CASES,
        conflict::CASES,
        links::CASES,
        batches::CASES,
        accept::CASES,
    ]
    .concat();
    // Before any thread.
    let reason = vrrp_lab::enter().err().map(|e| e.to_string());
    if let Some(reason) = &reason {
        println!("lab: {} cases cannot run: {reason}", cases.len());
    }
    let trials = cases.into_iter().map(|(name, case)| {
        let reason = reason.clone();
        let skip = reason.is_some() && !vrrp_lab::required();
        Trial::test(name, move || {
            if let Some(reason) = reason {
                return Err(reason.into());
            }
            case();
            Ok(())
        })
        .with_ignored_flag(skip)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

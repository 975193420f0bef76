//! The daemon on a real kernel, in the hosts of `vrrp-lab`: what a packet, an address and a ping show of it.
//!
//! A case that cannot run here (no namespaces, no keepalived, no tshark) is ignored and counted, with the reason;
//! `VRRP_LAB=required` makes it fail instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

#[path = "lab/bad_packets.rs"]
mod bad_packets;
#[path = "lab/command.rs"]
mod command;
#[path = "lab/drop_in.rs"]
mod drop_in;
#[path = "lab/failover.rs"]
mod failover;
#[path = "lab/keepalived.rs"]
mod keepalived;
#[path = "lab/leftovers.rs"]
mod leftovers;
#[path = "lab/scene.rs"]
mod scene;
#[path = "lab/start.rs"]
mod start;
#[path = "lab/tshark.rs"]
mod tshark;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use vrrp_lab::{enter, required};

/// A name, the programs that it needs besides ours, and what it does.
pub(crate) type Case = (&'static str, &'static [&'static str], fn());

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most of a case's time is waiting for timers of seconds.
    arguments.test_threads.get_or_insert(8);
    let entered = enter().err().map(|error| error.to_string());
    let mut skipped = BTreeMap::<String, usize>::new();
    let groups: [&[Case]; 8] = [
        keepalived::CASES,
        failover::CASES,
        bad_packets::CASES,
        command::CASES,
        drop_in::CASES,
        leftovers::CASES,
        start::CASES,
        tshark::CASES,
    ];
    let cases = groups.concat();
    let trials = cases.into_iter().map(|(name, needs, case)| {
        let missing = needs.iter().find(|program| !installed(program));
        let reason = entered
            .clone()
            .or_else(|| Some(format!("{} is not installed", missing?)));
        if let Some(reason) = &reason {
            *skipped.entry(reason.clone()).or_default() += 1;
        }
        let skip = reason.is_some() && !required();
        let run = move || match reason {
            Some(reason) => Err(reason.into()),
            None => {
                case();
                Ok(())
            }
        };
        Trial::test(name, run).with_ignored_flag(skip)
    });
    let trials = trials.collect();
    for (reason, count) in skipped {
        println!("lab: {count} cases cannot run: {reason}");
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .any(|folder| Path::new(folder).join(program).is_file())
}

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
#[path = "lab/corpus.rs"]
mod corpus;
#[path = "lab/delays.rs"]
mod delays;
#[path = "lab/drop_in.rs"]
mod drop_in;
#[path = "lab/duel.rs"]
mod duel;
#[path = "lab/dumps.rs"]
mod dumps;
#[path = "lab/exits.rs"]
mod exits;
#[path = "lab/failover.rs"]
mod failover;
#[path = "lab/features.rs"]
mod features;
#[path = "lab/frr.rs"]
mod frr;
#[path = "lab/hmac.rs"]
mod hmac;
#[path = "lab/init.rs"]
mod init;
#[path = "lab/ipv6.rs"]
mod ipv6;
#[path = "lab/keepalived.rs"]
mod keepalived;
#[path = "lab/keys.rs"]
mod keys;
#[path = "lab/leftovers.rs"]
mod leftovers;
#[path = "lab/logs.rs"]
mod logs;
#[path = "lab/noise.rs"]
mod noise;
#[path = "lab/notify.rs"]
mod notify;
#[path = "lab/obstacles.rs"]
mod obstacles;
#[path = "lab/reload.rs"]
mod reload;
#[path = "lab/scene.rs"]
mod scene;
#[path = "lab/scheduled.rs"]
mod scheduled;
#[path = "lab/smtp.rs"]
mod smtp;
#[path = "lab/start.rs"]
mod start;
#[path = "lab/strict.rs"]
mod strict;
#[path = "lab/taken.rs"]
mod taken;
#[path = "lab/tshark.rs"]
mod tshark;
#[path = "lab/twins.rs"]
mod twins;
#[path = "lab/users.rs"]
mod users;
#[path = "lab/vmac.rs"]
mod vmac;
#[path = "lab/vmac_flaps.rs"]
mod vmac_flaps;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use vrrp_lab::{enter, required};

/// A name, the programs that it needs besides ours (or [`ROOT`]), and what it does.
pub(crate) type Case = (&'static str, &'static [&'static str], fn());

/// A need that is no program: more users than one, which an ordinary user's namespace does not have.
pub(crate) const ROOT: &str = "root";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most of a case's time is waiting for timers of seconds.
    arguments.test_threads.get_or_insert(8);
    let entered = enter().err().map(|error| error.to_string());
    let mut skipped = BTreeMap::<String, usize>::new();
    let groups: &[&[Case]] = &[
        keepalived::CASES,
        duel::CASES,
        dumps::CASES,
        exits::CASES,
        hmac::CASES,
        failover::CASES,
        delays::CASES,
        features::CASES,
        frr::CASES,
        init::CASES,
        ipv6::CASES,
        bad_packets::CASES,
        command::CASES,
        drop_in::CASES,
        keys::CASES,
        leftovers::CASES,
        noise::CASES,
        logs::CASES,
        notify::CASES,
        obstacles::CASES,
        reload::CASES,
        scheduled::CASES,
        start::CASES,
        strict::CASES,
        taken::CASES,
        tshark::CASES,
        users::CASES,
        vmac::CASES,
        vmac_flaps::CASES,
    ];
    let mut cases: Vec<Prepared> = groups
        .concat()
        .into_iter()
        .map(|(name, needs, case)| Prepared {
            name: name.into(),
            lacks: entered.clone().or_else(|| lacking(needs)),
            required: required(),
            run: Box::new(case),
        })
        .collect();
    cases.extend(strangers(entered.as_deref()));
    let trials = cases.into_iter().map(|case| {
        let lacks = case.lacks;
        if let Some(reason) = &lacks {
            *skipped.entry(reason.clone()).or_default() += 1;
        }
        let skip = lacks.is_some() && !case.required;
        let run = move || match lacks {
            Some(reason) => Err(reason.into()),
            None => {
                (case.run)();
                Ok(())
            }
        };
        Trial::test(case.name, run).with_ignored_flag(skip)
    });
    let trials = trials.collect();
    for (reason, count) in skipped {
        println!("lab: {count} cases cannot run: {reason}");
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A case and whether it can run.
struct Prepared {
    name: String,
    lacks: Option<String>,
    /// Whether it is a failure that it cannot.
    required: bool,
    run: Box<dyn FnOnce() + Send>,
}

/// A case for each file of the corpus; without one, a case that is skipped, for nobody must have it.
fn strangers(entered: Option<&str>) -> Vec<Prepared> {
    let lacks = entered
        .map(String::from)
        .or_else(|| lacking(&["keepalived", "ip", "nft"]));
    let case = |name: String, lacks: Option<String>, required, run| Prepared {
        name,
        lacks,
        required,
        run,
    };
    match corpus::found() {
        Ok(files) => files
            .into_iter()
            .map(|file| {
                let name = file.file_stem().unwrap_or_default().display();
                let name = format!("a_strangers_file_means_what_keepalived_means::{name}");
                let run = Box::new(move || corpus::play(&file));
                case(name, lacks.clone(), required(), run as _)
            })
            .collect(),
        Err(reason) => {
            let name = "a_strangers_file_means_what_keepalived_means".into();
            vec![case(name, Some(reason.into()), false, Box::new(|| ()))]
        }
    }
}

fn lacking(needs: &[&str]) -> Option<String> {
    needs.iter().find_map(|need| match *need {
        ROOT if is_root() => None,
        ROOT => Some("it needs a root who can become another user".into()),
        program if installed(program) => None,
        program => Some(format!("{program} is not installed")),
    })
}

/// Whether this is root in a namespace that knows all users.
pub(crate) fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let ids: Vec<u64> = map
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    nix::unistd::geteuid().is_root() && ids.get(2).is_some_and(|count| *count > 1)
}

fn installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .any(|folder| Path::new(folder).join(program).is_file())
}

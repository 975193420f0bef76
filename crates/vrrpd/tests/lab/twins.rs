//! The same configuration under both programs, each in a host of its own, started with the same words: what can be seen
//! of the two must be the same.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vrrp_lab::{Cidr, Host, HostPlan, Lab, Plan, Process, until};

use crate::scene::SOON;

/// Both programs, in the order in which cases speak of them.
pub(crate) const PROGRAMS: [Program; 2] = [Program::Ours, Program::Theirs];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ours,
    Theirs,
}

impl Program {
    /// The host that it runs in.
    pub(crate) const fn host(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }

    /// The program under keepalived's name.
    pub(crate) fn command(self) -> Command {
        let mut command = match self {
            Self::Ours => Command::new(env!("CARGO_BIN_EXE_vrrpd")),
            Self::Theirs => Command::new("keepalived"),
        };
        command.arg0("keepalived");
        command
    }

    /// As a unit file or a container starts it, with files of the host's own. It has started or ended when this returns:
    /// before, a signal would kill it.
    pub(crate) fn start(self, host: &Host, conf: &Path) -> Process {
        let mut command = self.command();
        command
            .args(["-n", "-l", "-D", "-G", "-P", "-f"])
            .arg(conf)
            .arg("-p")
            .arg(host.dir().join("keepalived.pid"))
            .arg("-r")
            .arg(host.dir().join("vrrp.pid"))
            .env("TMPDIR", host.dir());
        let before = text(&host.dir().join("keepalived.log")).len();
        let mut process = host.spawn("keepalived", &mut command).unwrap();
        until(2 * SOON, || {
            let said = process.log();
            let started = said.get(before..)?.contains("Startup complete");
            (started || process.ended().unwrap().is_some()).then_some(())
        });
        process
    }
}

/// A host for each program, with the same interfaces and addresses, and nobody else on their LANs.
pub(crate) fn hosts(interfaces: &[(String, Vec<Cidr>)]) -> Lab {
    let plan = PROGRAMS
        .iter()
        .fold(Plan::new().ipv6(true), |plan, program| {
            let host = HostPlan::new(program.host());
            let host = interfaces.iter().fold(host, |host, (name, addresses)| {
                let lan = format!("{} {name}", program.host());
                host.interface(name, lan, addresses.iter().copied())
            });
            plan.host(host)
        });
    plan.build().unwrap()
}

/// Sends the signal that `keepalived --signum=NAME` names, as scripts do; it goes to the first pid file's process.
pub(crate) fn signal(program: Program, host: &Host, name: &str) {
    let asked = program.command().arg(format!("--signum={name}")).output();
    let number = String::from_utf8(asked.unwrap().stdout).unwrap();
    // It is there when the program has started, but a busy one says so first, or writes it in two steps.
    let file = host.dir().join("keepalived.pid");
    let pid = until(2 * SOON, || {
        Some(text(&file)).filter(|pid| pid.ends_with('\n'))
    })
    .unwrap_or_else(|| {
        panic!(
            "{program:?} has no pid file\n{}",
            text(&host.dir().join("keepalived.log"))
        )
    });
    let sent = Command::new("kill")
        .arg(format!("-{}", number.trim()))
        .arg(pid.trim())
        .status();
    assert!(sent.unwrap().success(), "{name}");
}

/// A dump as JSON, asked for now.
pub(crate) fn json(program: Program, host: &Host) -> Option<Value> {
    let file = host.dir().join("keepalived.json");
    let _ = fs::remove_file(&file);
    signal(program, host, "JSON");
    until(SOON, || serde_json::from_str(&text(&file)).ok())
}

pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What is left of a process when it has gone: addresses, routes, rules, links, tables of nftables, files.
pub(crate) fn remains(host: &Host) -> Vec<String> {
    let mut all = network(host);
    all.extend(shown(host, "nft", &["list", "tables"]));
    all.extend(files(Path::new("/run"), host));
    all.sort();
    all
}

/// Addresses, routes, rules and links, without what the kernel numbers or times.
pub(crate) fn network(host: &Host) -> Vec<String> {
    let mut all = Vec::new();
    for args in [
        &["-o", "address"][..],
        &["route", "show", "table", "all"],
        &["-6", "route", "show", "table", "all"],
        &["rule"],
        &["-6", "rule"],
    ] {
        all.extend(shown(host, "ip", args));
    }
    // Not with whom a link is paired, nor its hardware address.
    let links = shown(host, "ip", &["-br", "link"]);
    all.extend(links.iter().map(|line| {
        let mut words = line.split([' ', '@']);
        let name = words.next().unwrap_or_default();
        let up = if line.contains(" UP ") { "up" } else { "down" };
        format!("{name} {up}")
    }));
    all.sort();
    all.dedup();
    all
}

fn shown(host: &Host, program: &str, args: &[&str]) -> Vec<String> {
    let output = host.output(Command::new(program).args(args)).unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(tidy).collect()
}

/// Without the number of an interface, the mark of an address and blanks.
fn tidy(line: &str) -> String {
    let numbered = |word: &&str| {
        word.strip_suffix(':')
            .is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.get(1).is_some_and(|word| word.starts_with("eth"))
        && words.first().is_some_and(numbered)
    {
        words.remove(0);
    }
    words.retain(|word| *word != "tentative");
    let marked = words.windows(2).position(|w| w == ["proto", "112"]);
    if let Some(at) = marked {
        words.drain(at..at + 2);
    }
    words.join(" ")
}

fn files(dir: &Path, host: &Host) -> Vec<String> {
    let list = || -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let list = host.run(list).unwrap();
    list.iter().map(|path| path.display().to_string()).collect()
}

//! What monitoring reads of a running daemon, next to keepalived's for the same configuration.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use nix::sys::signal::Signal;
use serde_json::Value;
use vrrp_lab::{Lab, Process, until};

use crate::features::says;
use crate::keepalived::{Start, ours, theirs};
use crate::scene::{SOON, lan, v3, wait_for};
use crate::twins::{PROGRAMS, hosts, json, signal, text};
use crate::{Case, ROOT};

/// In an ordinary user's namespace nothing belongs to root, so neither program runs the scripts of RICH.
const NEEDS: &[&str] = &["keepalived", ROOT];

pub(crate) const CASES: &[Case] = &[
    ("dumps_are_keepaliveds_line_by_line", NEEDS, dumps),
    (
        "statistics_are_cleared_as_keepalived_clears_them",
        NEEDS,
        cleared,
    ),
    (
        "what_a_reload_changes_is_kept_where_that_is_asked_for",
        &[],
        || saved(ours, false),
    ),
    (
        "what_a_reload_of_keepalived_changes_is_kept_where_that_is_asked_for",
        &["keepalived"],
        || saved(theirs, true),
    ),
];

/// `config_save_dir`, which is made: the configurations, and the state before and after. Passwords are in those of
/// keepalived.
fn saved(start: Start, with_password: bool) {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let folder = node.dir().join("saved");
    let conf = |priority: u8| {
        let globals = format!(
            "global_defs {{\n  config_save_dir {}\n}}\n",
            folder.display()
        );
        let secret =
            "priority 1\n  authentication {\n    auth_type PASS\n    auth_pass mumswort\n  }";
        let v2 = v3(1, "1").replace("version 3", "version 2");
        globals
            + &v2
                .replace("priority 1", secret)
                .replace("priority 1", &format!("priority {priority}"))
    };
    // A name begins with whose file it is, and a process id; what follows says which it is.
    let kept = |begin: &str, end: &str| {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.path());
        names.find(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            let id = name
                .strip_prefix(begin)
                .and_then(|rest| rest.strip_suffix(end));
            id.is_some_and(|id| id.bytes().all(|octet| octet.is_ascii_digit()))
        })
    };
    let holds = |begin: &str, end: &str, content: &str| {
        kept(begin, end).is_some_and(|path| text(&path).contains(content))
    };
    let process = start(node, &conf(200));
    wait_for("the first", &process, || {
        holds("keepalived.conf.", ".0", "priority 200")
    });
    says(&process, "Startup complete");
    for name in ["vrrpd.conf", "keepalived.conf"] {
        node.write(name, &conf(150)).unwrap();
    }
    process.signal(Signal::SIGHUP).unwrap();
    wait_for("the state before", &process, || {
        holds("keepalived_vrrp.", ".1.pre", "Priority = 200\n")
    });
    wait_for("the state after", &process, || {
        holds("keepalived_vrrp.", ".1.post", "Priority = 150\n")
    });
    wait_for("the second", &process, || {
        holds("keepalived.conf.", ".1", "priority 150")
    });
    let path = kept("keepalived.conf.", ".1").unwrap();
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(text(&path).contains("mumswort"), with_password);
}

/// A bit of everything: both versions and families, a password, a group, scripts, files, unicast, a virtual MAC.
const RICH: &str = include_str!("../data/rich.conf");

/// Both programs with RICH, until every instance has settled.
fn run() -> (Lab, [Process; 2]) {
    let interface = |name: &str, cidrs: [&str; 2]| {
        let cidrs = cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect();
        (String::from(name), cidrs)
    };
    let lab = hosts(&[
        interface("eth0", ["10.0.0.60/24", "2001:db8::60/64"]),
        interface("eth1", ["10.1.0.60/24", "2001:db8:1::60/64"]),
    ]);
    let processes = PROGRAMS.map(|program| {
        let host = &lab[program.host()];
        host.run(|| fs::write("/run/tracked", "2\n"))
            .unwrap()
            .unwrap();
        program.start(host, &host.write("keepalived.conf", RICH).unwrap())
    });
    for program in PROGRAMS {
        let active = |instance: &Value| instance["data"]["state"] == 2;
        let settled = until(3 * SOON, || {
            let dump = json(program, &lab[program.host()])?;
            // Its checks have had their say, too.
            let checked = dump[0]["data"]["effective_priority"] == 86;
            (checked && dump.as_array()?.iter().all(active)).then_some(())
        });
        assert!(
            settled.is_some(),
            "{program:?} has not settled\n{}",
            lab.files()
        );
    }
    (lab, processes)
}

fn dumps() {
    let (lab, _processes) = run();
    let [ours, theirs] = PROGRAMS.map(|program| {
        let host = &lab[program.host()];
        signal(program, host, "DATA");
        signal(program, host, "STATS");
        // The signals are served in order: when this one has been, so have the others.
        let dump = json(program, host).expect("a dump");
        let file = |name: &str| text(&host.dir().join(name));
        (dump, file("keepalived.data"), file("keepalived.stats"))
    });
    assert_eq!(instances(&ours.0), instances(&theirs.0));
    assert_eq!(sections(&ours.1), sections(&theirs.1));
    assert_eq!(statistics(&ours.2), statistics(&theirs.2));
}

fn cleared() {
    let (lab, _processes) = run();
    let [ours, theirs] = PROGRAMS.map(|program| {
        let host = &lab[program.host()];
        let stats = |how: &str| {
            let file = host.dir().join("keepalived.stats");
            let _ = fs::remove_file(&file);
            signal(program, host, how);
            json(program, host).expect("a dump");
            statistics(&text(&file))
        };
        [stats("STATS_CLEAR"), stats("STATS")]
    });
    assert_eq!(ours, theirs);
    let [before, after] = ours;
    assert!(
        before.iter().any(|line| line == "  Became master: 1"),
        "{before:#?}"
    );
    assert!(
        !after.iter().any(|line| line == "  Became master: 1"),
        "{after:#?}"
    );
}

/// Each instance as its keys in their order and their values, but for times, secrets and what depends on the moment.
fn instances(dump: &Value) -> Vec<Vec<(String, Value)>> {
    let volatile = ["last_transition", "auth_data", "advert_sent"];
    let members = |part: &Value| -> Vec<_> {
        let members = part.as_object().unwrap().iter();
        let member = |(key, value): (&String, &Value)| {
            let value = if volatile.contains(&key.as_str()) {
                assert_eq!(value.is_string(), key == "auth_data");
                Value::Null
            } else {
                value.clone()
            };
            (key.clone(), value)
        };
        members.map(member).collect()
    };
    let instances = dump.as_array().unwrap().iter();
    let both =
        |instance: &Value| [members(&instance["data"]), members(&instance["stats"])].concat();
    instances.map(both).collect()
}

/// The sections that speak of VRRP, without numbers that the kernel gave and with times reduced to their names.
/// Sockets are not shown: ours are others.
fn sections(data: &str) -> Vec<String> {
    let wanted = ["VRRP Topology", "VRRP Sync groups", "VRRP Scripts"];
    let mut inside = false;
    let mut lines = Vec::new();
    for line in data.lines() {
        if line.starts_with("------<") {
            inside = wanted.iter().any(|section| line.contains(section));
        }
        let key = line.split(" = ").next().unwrap_or_default().trim_end();
        let skipped = ["fd_in", "Unicast checksum compatibility", "Result"];
        if !inside
            || skipped
                .iter()
                .any(|name| key.trim_start().starts_with(name))
        {
            continue;
        }
        let volatile = ["Last transition", "Read timeout", "Password"];
        let link_local = line.contains("src_ip = fe80:");
        let shown = if volatile.contains(&key.trim_start()) || link_local {
            key
        } else {
            line.split(", ifindex").next().unwrap_or_default()
        };
        lines.push(shown.to_owned());
    }
    lines
}

/// Without the number of adverts, which depends on the moment.
fn statistics(stats: &str) -> Vec<String> {
    let sent = "    Sent:";
    let lines = stats.lines();
    lines
        .map(|line| if line.starts_with(sent) { sent } else { line })
        .map(str::to_owned)
        .collect()
}

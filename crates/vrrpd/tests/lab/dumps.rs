//! What monitoring reads of a running daemon, next to keepalived's for the same configuration.

use std::fs;

use serde_json::Value;
use vrrp_lab::{Lab, Process, until};

use crate::Case;
use crate::scene::SOON;
use crate::twins::{PROGRAMS, hosts, json, signal, text};

pub(crate) const CASES: &[Case] = &[
    ("dumps_are_keepaliveds_line_by_line", &["keepalived"], dumps),
    (
        "statistics_are_cleared_as_keepalived_clears_them",
        &["keepalived"],
        cleared,
    ),
];

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

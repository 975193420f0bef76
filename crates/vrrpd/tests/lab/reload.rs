//! SIGHUP: what is the same goes on undisturbed, what is different changes, and what cannot run changes nothing.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vrrp_lab::{Capture, Frame, Host, Process, until};

use crate::Case;
use crate::scene::{SECOND, SOON, VIP, holders, lan, resigns, script, serves, starved, v3, vrrpd};

pub(crate) const CASES: &[Case] = &[
    (
        "a_reload_of_the_same_file_disturbs_nobody",
        &["ip"],
        the_same_file,
    ),
    (
        "a_reload_touches_what_is_different_and_nothing_else",
        &["ip"],
        a_different_file,
    ),
    (
        "a_reload_of_what_cannot_run_changes_nothing",
        &["ip"],
        a_broken_file,
    ),
    (
        "a_tracked_script_that_runs_outlives_a_reload_that_keeps_it",
        &[],
        a_running_script,
    ),
    (
        "the_last_of_reloads_in_quick_succession_counts",
        &[],
        in_quick_succession,
    ),
    (
        "a_reload_during_the_start_ends_nobody",
        &[],
        during_the_start,
    ),
];

const INTERVAL: Duration = Duration::from_millis(100);

/// Virtual routers `VI_1` and so on with VRIDs of the same numbers, ten adverts a second, and one round of
/// announcements only.
fn many(priority: u8, vrids: impl IntoIterator<Item = u8>) -> String {
    let head = "global_defs {\n  vrrp_garp_master_delay 0\n}\n";
    vrids.into_iter().fold(head.into(), |conf, vrid| {
        format!("{conf}{}", instance(priority, vrid, ""))
    })
}

fn instance(priority: u8, vrid: u8, more: &str) -> String {
    format!(
        "vrrp_instance VI_{vrid} {{\n  version 3\n  interface eth0\n  virtual_router_id {vrid}\n  priority {priority}\n  \
         advert_int 0.1\n  virtual_ipaddress {{\n    {}\n    {more}\n  }}\n}}\n",
        address(vrid)
    )
}

fn address(vrid: u8) -> String {
    format!("10.1.0.{vrid}")
}

/// Waits until each of `vrids` has been advertised by `host` so many times since then.
fn rounds(
    capture: &Capture,
    host: &str,
    since: SystemTime,
    vrids: impl Fn() -> Vec<u8>,
    times: usize,
) {
    let ready = || {
        let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
        capture.look(|frames| {
            for frame in frames.iter().filter(|f| f.at >= since && serves(host)(f)) {
                if let Some(advert) = frame.advert() {
                    *counts.entry(advert.vrid).or_default() += 1;
                }
            }
        });
        vrids()
            .iter()
            .all(|vrid| counts.get(vrid).is_some_and(|count| *count >= times))
            .then_some(())
    };
    until(4 * SOON, ready).unwrap_or_else(|| panic!("{host} does not advertise everything"));
}

/// The longest silence of one virtual router of `host` that ended between the two.
fn silence(capture: &Capture, host: &str, since: SystemTime, until: SystemTime) -> Duration {
    let mut last: BTreeMap<u8, SystemTime> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    capture.look(|frames| {
        for frame in frames.iter().filter(|f| serves(host)(f)) {
            let Some(advert) = frame.advert() else {
                continue;
            };
            let before = last.insert(advert.vrid, frame.at);
            if let Some(before) = before.filter(|_| (since..until).contains(&frame.at)) {
                longest = longest.max(frame.at.duration_since(before).unwrap_or_default());
            }
        }
    });
    longest
}

/// No virtual router of `process` was silent for longer between the second moment and the third than between the first
/// and the second, but for an interval, and for what it has waited for a processor since it had waited for `starving`.
fn on_time(capture: &Capture, process: &Process, starving: Duration, moments: [SystemTime; 3]) {
    let [quiet, hangup, end] = moments;
    let usual = silence(capture, "node1", quiet, hangup);
    let late = silence(capture, "node1", hangup, end);
    let starved = starved(process).saturating_sub(starving);
    assert!(
        late <= usual.max(INTERVAL) + INTERVAL + starved,
        "silent for {late:?} in a reload, {usual:?} before; the processors were busy for {starved:?}"
    );
}

/// Frames since then of which `wanted` is true.
fn count(capture: &Capture, since: SystemTime, wanted: impl Fn(&Frame) -> bool) -> usize {
    capture.look(|frames| frames.iter().filter(|f| f.at >= since && wanted(f)).count())
}

/// Whatever happens to the links, addresses and routes of a host, as the kernel tells it.
struct Changes<'a> {
    host: &'a Host,
    monitor: Process,
    seen: usize,
    marks: u8,
}

impl<'a> Changes<'a> {
    fn watch(host: &'a Host) -> Self {
        let mut command = Command::new("ip");
        let monitor = host
            .spawn(
                "monitor",
                command.args(["-o", "monitor", "address", "link", "route"]),
            )
            .unwrap();
        let mut changes = Self {
            host,
            monitor,
            seen: 0,
            marks: 0,
        };
        until(SOON, || {
            changes.mark(Duration::from_millis(200)).then_some(())
        })
        .expect("ip monitor tells what happens");
        changes.since_last();
        changes
    }

    /// Changes something, and waits until the monitor has told of it: then it has told of all that was before.
    fn mark(&mut self, longest: Duration) -> bool {
        self.marks += 1;
        let mark = format!("192.0.2.{}", self.marks);
        let mut command = Command::new("ip");
        let added = self
            .host
            .output(command.args(["address", "add", &format!("{mark}/32"), "dev", "lo"]))
            .unwrap();
        assert!(added.status.success());
        self.monitor.logs(&format!("{mark}/32"), longest)
    }

    /// What has happened since it was last asked.
    fn since_last(&mut self) -> Vec<String> {
        assert!(self.mark(SOON), "{}", self.monitor.log());
        let log = self.monitor.log();
        let lines: Vec<&str> = log.lines().collect();
        let new = lines.get(self.seen..).unwrap_or_default();
        self.seen = lines.len();
        let marks = |line: &&&str| line.contains("192.0.2.");
        new.iter()
            .filter(|line| !marks(line))
            .map(ToString::to_string)
            .collect()
    }
}

fn reloads(process: &Process) -> usize {
    process.log().matches("Reload complete").count()
}

/// Sends SIGHUP and waits until the new file is in effect.
fn reload(process: &Process) {
    let before = reloads(process);
    process.signal(Signal::SIGHUP).unwrap();
    until(SOON, || (reloads(process) > before).then_some(()))
        .unwrap_or_else(|| panic!("no reload:\n{}", process.log()));
}

/// 255 virtual routers, and their peer: no advert late, no address touched, nobody told, and no transition anywhere.
///
/// A busy machine delays adverts without a reload too: see [`on_time`].
fn the_same_file() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let all = || (1..=255).collect::<Vec<u8>>();
    let active = vrrpd(&lab["node1"], &many(200, all()));
    rounds(&capture, "node1", SystemTime::now(), all, 1);
    let backup = vrrpd(&lab["node2"], &many(100, all()));
    let is_backup = || backup.log().matches("Entering BACKUP STATE").count() == 255;
    until(SOON, || is_backup().then_some(())).expect("255 Backups");
    let mut changes = Changes::watch(&lab["node1"]);

    let quiet = SystemTime::now();
    rounds(&capture, "node1", quiet, all, 10);
    let (hangup, starving) = (SystemTime::now(), starved(&active));
    reload(&active);
    rounds(&capture, "node1", SystemTime::now(), all, 10);
    let end = SystemTime::now();

    assert_eq!(changes.since_last(), [""; 0], "{}", active.log());
    on_time(&capture, &active, starving, [quiet, hangup, end]);
    assert_eq!(count(&capture, hangup, resigns("node1")), 0);
    assert_eq!(
        count(&capture, hangup, serves("node2")),
        0,
        "{}",
        backup.log()
    );
    let announced = |f: &Frame| {
        all()
            .iter()
            .any(|vrid| f.announces(address(*vrid).parse().unwrap()))
    };
    assert_eq!(count(&capture, hangup, announced), 0, "{}", active.log());
    for process in [&active, &backup] {
        let log = process.log();
        let entered = |state: &str| log.matches(&format!("Entering {state} STATE")).count();
        let expected = if process.pid() == active.pid() {
            255
        } else {
            0
        };
        assert_eq!(
            (entered("BACKUP"), entered("MASTER"), entered("FAULT")),
            (255, expected, 0),
            "{log}"
        );
    }
}

/// One instance is new, one is gone, one has another address: the thirty others do not notice.
fn a_different_file() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let others = || (1..=30).collect::<Vec<u8>>();
    let (changed, gone, new, added) = (101, 102, 103, "10.1.0.201");
    let before = format!(
        "{}{}{}",
        many(200, others()),
        instance(200, changed, ""),
        instance(200, gone, "")
    );
    let after = format!(
        "{}{}{}",
        many(200, others()),
        instance(200, changed, added),
        instance(200, new, "")
    );
    let process = vrrpd(node, &before);
    let served = || [others(), vec![changed, gone]].concat();
    rounds(&capture, "node1", SystemTime::now(), served, 1);
    until(SOON, || {
        (holders(&lab, &address(gone)) == ["node1"]).then_some(())
    })
    .expect("served");
    let mut changes = Changes::watch(node);
    let quiet = SystemTime::now();
    rounds(&capture, "node1", quiet, served, 5);
    let told = process.log().len();
    let (hangup, starving) = (SystemTime::now(), starved(&process));
    node.write("vrrpd.conf", &after).unwrap();
    reload(&process);
    let complete = SystemTime::now();
    let served = || [others(), vec![changed, new]].concat();
    rounds(&capture, "node1", complete, served, 10);
    until(SOON, || {
        (holders(&lab, &address(new)) == ["node1"]).then_some(())
    })
    .expect("served");
    let end = SystemTime::now();

    let mine = [&address(gone), &address(new), added];
    let mut touched = changes.since_last();
    for address in mine {
        let lines = touched.len();
        touched.retain(|line| !line.contains(address));
        assert_ne!(touched.len(), lines, "{address} has not changed");
    }
    assert_eq!(touched, [""; 0], "{}", process.log());
    assert_eq!(holders(&lab, &address(gone)), [""; 0]);
    assert_eq!(holders(&lab, &address(changed)), ["node1"]);

    let vrid = |f: &Frame| f.advert().map(|advert| advert.vrid);
    let farewell = |f: &Frame| resigns("node1")(f) && vrid(f) == Some(gone);
    assert_eq!(count(&capture, hangup, farewell), 1);
    assert_eq!(
        count(&capture, hangup, resigns("node1")),
        1,
        "nobody else says farewell"
    );
    let of_gone = |f: &Frame| serves("node1")(f) && vrid(f) == Some(gone);
    assert_eq!(count(&capture, complete, of_gone), 0);
    for (address, announced) in [
        (address(changed), false),
        (address(1), false),
        (added.into(), true),
    ] {
        let announces = |f: &Frame| f.announces(address.parse().unwrap());
        assert_eq!(
            count(&capture, hangup, announces) > 0,
            announced,
            "{address}"
        );
    }
    on_time(&capture, &process, starving, [quiet, hangup, end]);
    let log = process.log();
    let log = log.get(told..).unwrap_or_default();
    for vrid in others() {
        assert!(!log.contains(&format!("(VI_{vrid})")), "{log}");
    }
}

/// A file that is refused as it is read, one that asks for what this host has not, and none: the log says why, and
/// nothing else happens.
fn a_broken_file() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let good = many(200, [1, 2, 3]);
    let process = vrrpd(node, &good);
    let all = || vec![1, 2, 3];
    rounds(&capture, "node1", SystemTime::now(), all, 1);
    until(SOON, || {
        (holders(&lab, &address(3)) == ["node1"]).then_some(())
    })
    .expect("served");
    let mut changes = Changes::watch(node);
    let quiet = SystemTime::now();
    rounds(&capture, "node1", quiet, all, 5);
    let (hangup, starving) = (SystemTime::now(), starved(&process));
    let broken = [
        // Every other line of it is new, and would be in effect if it were read line by line.
        (
            Some(many(90, [1, 2, 4]).replace("virtual_router_id 4", "virtual_router_id 0")),
            "vrrpd.conf: Line ",
        ),
        (
            Some(many(90, [1, 2, 4]).replacen("eth0", "nowhere0", 1)),
            "nowhere0",
        ),
        (None, "cannot read the configuration file"),
    ];
    for (n, (conf, says)) in broken.iter().enumerate() {
        match conf {
            Some(conf) => drop(node.write("vrrpd.conf", conf).unwrap()),
            None => fs::remove_file(node.dir().join("vrrpd.conf")).unwrap(),
        }
        process.signal(Signal::SIGHUP).unwrap();
        let refusals = || process.log().matches("the old one goes on").count();
        until(SOON, || (refusals() == n + 1).then_some(()))
            .unwrap_or_else(|| panic!("{says}:\n{}", process.log()));
        let log = process.log();
        let said = log.rsplit("Reloading ...").next().unwrap_or_default();
        assert!(said.contains(says), "{says}:\n{said}");
    }
    let told = SystemTime::now();
    rounds(&capture, "node1", told, all, 5);
    assert_eq!(reloads(&process), 0, "{}", process.log());
    assert_eq!(changes.since_last(), [""; 0], "{}", process.log());
    assert_eq!(count(&capture, hangup, resigns("node1")), 0);
    let other = |f: &Frame| {
        f.advert()
            .is_some_and(|advert| advert.vrid > 3 || advert.priority.get() != 200)
    };
    assert_eq!(count(&capture, hangup, other), 0);
    let end = SystemTime::now();
    on_time(&capture, &process, starving, [quiet, hangup, end]);
    node.write("vrrpd.conf", &good.replace("priority 200", "priority 190"))
        .unwrap();
    reload(&process);
    let lower = |f: &Frame| {
        f.advert()
            .is_some_and(|advert| advert.priority.get() == 190)
    };
    capture
        .wait(told, SOON, lower)
        .expect("a good file is read after bad ones");
}

/// Its run goes on, and so does what it last said; with its section it goes.
fn a_running_script() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let (ran, pids) = (node.dir().join("ran"), node.dir().join("pids"));
    let text = format!(
        "[ -e {ran} ] || {{ grep SigBlk /proc/self/status > {ran}; exit 0; }}\necho $$ >> {pids}\nexec sleep 3600",
        ran = ran.display(),
        pids = pids.display()
    );
    let check = script(node, "check.sh", &text);
    let head = format!(
        "vrrp_script chk {{\n  script {check}\n  interval 1\n  timeout 3000\n  user root\n}}\n"
    );
    let without = v3(200, "0.1");
    let with = without.replacen(
        "  version 3\n",
        "  version 3\n  track_script {\n    chk\n  }\n",
        1,
    );
    let process = vrrpd(node, &format!("{head}{with}"));
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(()))
        .unwrap_or_else(|| panic!("{}", process.log()));
    let pid = until(SOON, || {
        let pids = fs::read_to_string(&pids).ok()?;
        pids.ends_with('\n').then(|| pids.trim().parse::<i32>())
    });
    let pid = Pid::from_raw(pid.expect("a second run").expect("one run, so one number"));
    let blocked = fs::read_to_string(&ran).unwrap();
    let blocked = blocked.trim_start_matches("SigBlk:").trim();
    assert_eq!(
        u64::from_str_radix(blocked, 16),
        Ok(0),
        "signals that are held at the start are so no more"
    );

    for _ in 0..3 {
        reload(&process);
    }
    assert_eq!(kill(pid, None), Ok(()), "{}", process.log());
    assert_eq!(holders(&lab, VIP), ["node1"]);
    let runs = fs::read_to_string(&pids).unwrap().lines().count();
    assert_eq!(runs, 1, "not started again");
    let log = process.log();
    assert_eq!(
        log.matches("Entering ").count(),
        2,
        "BACKUP and MASTER, once:\n{log}"
    );

    node.write("vrrpd.conf", &without).unwrap();
    reload(&process);
    until(SOON, || kill(pid, None).is_err().then_some(()))
        .unwrap_or_else(|| panic!("what nobody tracks runs on:\n{}", process.log()));
    assert_eq!(holders(&lab, VIP), ["node1"]);
}

/// Signals that come while a reload is under way are not lost, though several may count as one.
fn in_quick_succession() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let process = vrrpd(node, &v3(200, "0.1"));
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(()))
        .unwrap_or_else(|| panic!("{}", process.log()));
    let extra = |n: u8| format!("10.0.0.{}", 170 + n);
    for n in 1..=20 {
        let conf = v3(200, "0.1").replace(VIP, &format!("{VIP}\n    {}", extra(n)));
        // In one step: a reload that is still under way must find a whole file.
        let new = node.write("new.conf", &conf).unwrap();
        fs::rename(new, node.dir().join("vrrpd.conf")).unwrap();
        process.signal(Signal::SIGHUP).unwrap();
    }
    until(SOON, || {
        (holders(&lab, &extra(20)) == ["node1"]).then_some(())
    })
    .unwrap_or_else(|| panic!("{}", process.log()));
    for n in 1..20 {
        assert_eq!(holders(&lab, &extra(n)), [""; 0], "{}", process.log());
    }
    let log = process.log();
    assert!((1..=20).contains(&reloads(&process)), "{log}");
    assert_eq!(
        log.matches("Entering ").count(),
        2,
        "BACKUP and MASTER, once:\n{log}"
    );
    assert!(!log.contains("the old one goes on"), "{log}");
}

/// From its first line on a daemon knows what SIGHUP means.
fn during_the_start() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let all = || (1..=100).collect::<Vec<u8>>();
    let mut process = vrrpd(node, &many(200, all()));
    until(SOON, || {
        process.log().contains("Starting vrrpd").then_some(())
    })
    .expect("a first line");
    until(2 * SOON, || {
        let gone = process.signal(Signal::SIGHUP).is_err() || process.ended().unwrap().is_some();
        assert!(!gone, "{}", process.log());
        process.log().contains("Startup complete").then_some(())
    })
    .unwrap_or_else(|| panic!("{}", process.log()));
    rounds(&capture, "node1", SystemTime::now(), all, 1);
    reload(&process);
    rounds(&capture, "node1", SystemTime::now() + SECOND / 10, all, 2);
    assert_eq!(process.ended().unwrap(), None, "{}", process.log());
    let log = process.log();
    assert_eq!(log.matches("Entering MASTER STATE").count(), 100, "{log}");
}

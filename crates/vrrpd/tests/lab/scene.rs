//! What the cases share: the tutorial's LAN, daemons on it, and the times that the RFC wants.

use core::net::IpAddr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use vrrp_lab::{Capture, Frame, Host, HostPlan, Lab, Plan, Process, until};
use vrrp_proto::{Family, VirtualMac, Vrid};

/// For what only takes as long as a busy machine makes it.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The tutorial's four files.
pub(crate) const TUTORIAL: [&str; 4] = [
    include_str!("../data/seed/node1.conf"),
    include_str!("../data/seed/node2.conf"),
    include_str!("../data/seed/node3.conf"),
    include_str!("../data/seed/node4.conf"),
];
/// Their virtual address.
pub(crate) const VIP: &str = "10.0.0.70";

/// Hosts `node1` and so on with 10.0.0.60/24 and so on, and with 2001:db8::60/64 and so on where IPv6 is on.
pub(crate) fn lan(nodes: usize, ipv6: bool) -> Lab {
    let plan = (0..nodes).fold(Plan::new().ipv6(ipv6), |plan, n| {
        let v4 = format!("10.0.0.{}/24", 60 + n).parse().unwrap();
        let v6 = ipv6.then(|| format!("2001:db8::{}/64", 60 + n).parse().unwrap());
        plan.host(HostPlan::new(format!("node{}", n + 1)).interface(
            "eth0",
            "lan",
            [v4].into_iter().chain(v6),
        ))
    });
    plan.build().unwrap()
}

/// Starts `vrrpd run` with `conf`.
pub(crate) fn vrrpd(host: &Host, conf: &str) -> Process {
    let file = host.write("vrrpd.conf", conf).unwrap();
    let mut command = run(host);
    host.spawn("vrrpd", command.arg("-f").arg(file)).unwrap()
}

/// Writes a shell script, and answers its path.
pub(crate) fn script(host: &Host, name: &str, text: &str) -> String {
    let path = host.write(name, &format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// `vrrpd run` with a runtime directory of the host's own, and without a file.
pub(crate) fn run(host: &Host) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
    command
        .arg("run")
        .arg("--runtime-dir")
        .arg(host.dir().join("vrrpd"));
    command
}

/// One virtual router of VRRPv3 with VRID 51 and the tutorial's address, faster than the tutorial.
pub(crate) fn v3(priority: u8, interval: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n  version 3\n  interface eth0\n  virtual_router_id 51\n  \
         priority {priority}\n  advert_int {interval}\n  virtual_ipaddress {{\n    {VIP}\n  }}\n}}\n"
    )
}

/// Skew_Time, counted apart from the daemon.
pub(crate) fn skew(unit: Duration, priority: u32) -> Duration {
    unit * (256 - priority) / 256
}

/// Active_Down_Interval.
pub(crate) fn down(interval: Duration, unit: Duration, priority: u32) -> Duration {
    interval * 3 + skew(unit, priority)
}

/// Whether the frame is an advert of `host`, of any priority but 0.
pub(crate) fn serves(host: &str) -> impl Fn(&Frame) -> bool {
    move |frame| &*frame.host == host && frame.advert().is_some_and(|a| !a.priority.is_relinquish())
}

/// Whether the frame is `host`'s farewell: an advert of priority 0.
pub(crate) fn resigns(host: &str) -> impl Fn(&Frame) -> bool {
    move |frame| &*frame.host == host && frame.advert().is_some_and(|a| a.priority.is_relinquish())
}

/// For how long the threads of a process have been ready to run and waited for a processor: what a busy machine has
/// delayed, and nobody else.
pub(crate) fn starved(process: &Process) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{}/task", process.pid())).unwrap();
    tasks
        // A thread may end at any moment.
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("schedstat")).ok())
        .filter_map(|numbers| numbers.split(' ').nth(1)?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

/// Waits until `host` is Active: its first advert from now on.
pub(crate) fn active(capture: &Capture, host: &str) -> Frame {
    capture
        .wait(SystemTime::now(), 2 * SOON, serves(host))
        .unwrap_or_else(|| panic!("{host} did not become Active"))
}

/// The first advert of `heir` after the last one of `dead`, which is known to send no more; judged.
pub(crate) fn inherits(
    capture: &Capture,
    dead: &str,
    heir: &str,
    expected: Duration,
    interval: Duration,
) -> Frame {
    inherits_by(capture, dead, serves(heir), expected, interval)
}

/// The same, with another `sign` that the heir serves: to a dead unicast peer not even an advert gets on its way.
pub(crate) fn inherits_by(
    capture: &Capture,
    dead: &str,
    sign: impl Fn(&Frame) -> bool,
    expected: Duration,
    interval: Duration,
) -> Frame {
    let frames = capture.frames();
    let last = frames
        .iter()
        .rev()
        .find(|f| serves(dead)(f))
        .expect("an advert of the dead");
    let first = capture
        .wait(last.at, expected + SOON, sign)
        .expect("nobody took over");
    in_time(&first, last.at, expected, interval);
    first
}

/// Never early; late only as a busy machine makes it, for which the interval is no measure. How late a takeover may be is
/// judged in virtual time (tests/sim.rs).
pub(crate) fn in_time(frame: &Frame, since: SystemTime, expected: Duration, interval: Duration) {
    let took = frame.at.duration_since(since).unwrap();
    assert!(
        took >= expected,
        "{} took over {:?} too early",
        frame.host,
        expected - took
    );
    assert!(
        took < expected + interval + SOON,
        "{} took over {:?} too late",
        frame.host,
        took - expected
    );
}

/// The nodes that have `address`, by name.
pub(crate) fn holders(lab: &Lab, address: &str) -> Vec<String> {
    let address: IpAddr = address.parse().unwrap();
    lab.holders(address)
        .unwrap()
        .iter()
        .map(|h| h.name().to_owned())
        .collect()
}

/// Runs `ip` in the host, which must succeed; what it prints.
pub(crate) fn ip(host: &Host, arguments: &str) -> String {
    let output = host
        .output(Command::new("ip").args(arguments.split_whitespace()))
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The virtual MAC of VRID 51, as `ip` writes it.
pub(crate) fn virtual_mac(address: &str) -> VirtualMac {
    let address: IpAddr = address.parse().unwrap();
    VirtualMac::new(Family::of(&address), Vrid::new(51).unwrap())
}

/// The hardware address at which `host` believes `address` to be.
pub(crate) fn neighbour(host: &Host, address: &str) -> String {
    let entry = ip(host, &format!("neigh show to {address} dev eth0"));
    let mut words = entry.split_whitespace();
    words.find(|word| *word == "lladdr");
    words.next().unwrap_or_default().to_owned()
}

/// Waits until `host` serves and nobody else does: the last three adverts of a family are its own.
pub(crate) fn settled(capture: &Capture, since: SystemTime, host: &str, family: Family) {
    let alone = || {
        capture.look(|frames| {
            let adverts = frames.iter().rev().filter(|f| f.at >= since);
            let last: Vec<_> = adverts
                .filter(|f| {
                    of(family)(f) && !f.advert().is_some_and(|a| a.priority.is_relinquish())
                })
                .take(3)
                .collect();
            (last.len() == 3 && last.iter().all(|f| &*f.host == host)).then_some(())
        })
    };
    until(4 * SOON, alone).unwrap_or_else(|| panic!("{host} alone does not serve"));
}

/// Whether the frame is an advert of the family.
pub(crate) fn of(family: Family) -> impl Fn(&Frame) -> bool {
    move |frame| frame.advert().is_some_and(|a| a.ends.family() == family)
}

/// Every address of a host as `ip a` shows it, sorted.
pub(crate) fn addresses(host: &Host) -> Vec<String> {
    let mut all: Vec<_> = host
        .addresses()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    all.sort();
    all
}

/// `v3` at 10 adverts a second, with more lines inside of the instance.
pub(crate) fn with(lines: &str) -> String {
    v3(200, "0.1").replacen("  version 3\n", &format!("  version 3\n{lines}\n"), 1)
}

/// What is in a file; nothing if there is none.
pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until `condition` is true; the log of `process` says why it never was.
pub(crate) fn wait_for(what: &str, process: &Process, mut condition: impl FnMut() -> bool) {
    until(SOON, || condition().then_some(()))
        .unwrap_or_else(|| panic!("{what}:\n{}", process.log()));
}

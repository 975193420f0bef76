//! The daemon as process 1 of a container without an init.

use std::fs;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Case;
use crate::scene::{SOON, VIP, holders, lan, run, script, text, wait_for, with};

pub(crate) const CASES: &[Case] = &[(
    "as_process_1_it_collects_what_scripts_leave_behind_and_stops_in_order",
    &["unshare"],
    process_one,
)];

/// Scripts that leave a process which outlives them: no zombie stays, and the scripts' own ends are still known.
fn process_one() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let told = node.write("told", "").unwrap();
    let leave = |name: &str, status: u8| {
        let orphan = format!("(sleep 0.1; echo {name} >> {}) &", told.display());
        script(node, name, &format!("{orphan}\nexit {status}"))
    };
    let (notify, check) = (leave("notify", 0), leave("check", 3));
    let head = format!("vrrp_script chk {{\n  script {check}\n  interval 1\n  weight -10\n}}\n");
    let lines =
        format!("  priority 200\n  notify_master {notify}\n  track_script {{\n    chk\n  }}");
    let conf = node
        .write("vrrpd.conf", &format!("{head}{}", with(&lines)))
        .unwrap();
    let daemon = run(node);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]);
    command.arg(daemon.get_program()).args(daemon.get_args());
    let mut process = node.spawn("vrrpd", command.arg("-f").arg(conf)).unwrap();
    let ran = |name| text(&told).lines().filter(|line| *line == name).count();
    wait_for("a notification and three checks", &process, || {
        ran("notify") == 1 && ran("check") >= 3
    });
    let log = process.log();
    assert!(log.contains("(pid 1)"), "{log}");
    assert!(log.contains("exited with status 3"), "{log}");

    let [(init, _)] = children(process.pid())[..] else {
        panic!("the daemon is the only child of unshare\n{}", process.log())
    };
    wait_for("no zombie", &process, || {
        children(init).iter().all(|(_, state)| state != "Z")
    });

    kill(init, Signal::SIGTERM).unwrap();
    let status = process.wait(SOON).unwrap().expect("it stops");
    assert_eq!(status.code(), Some(0), "{}", process.log());
    assert!(process.log().contains("Stopped"), "{}", process.log());
    assert!(holders(&lab, VIP).is_empty());
}

/// The children of a process, and in which state they are.
fn children(parent: Pid) -> Vec<(Pid, String)> {
    let stats = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut words = stat.rsplit_once(") ")?.1.split(' ');
            let (state, its) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
            (Pid::from_raw(its) == parent).then_some((Pid::from_raw(pid), state))
        });
    stats.collect()
}

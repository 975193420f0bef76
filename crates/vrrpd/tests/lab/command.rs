//! `vrrpd lab` from the user's chair: what it prints, how it ends, and that nothing of it stays.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vrrp_lab::until;

use crate::Case;
use crate::scene::{SOON, v3};

pub(crate) const CASES: &[Case] = &[
    (
        "lab_shows_the_tutorials_failover",
        &[],
        lab_shows_the_tutorials_failover,
    ),
    (
        "lab_plays_the_users_own_files",
        &[],
        lab_plays_the_users_own_files,
    ),
    ("lab_plays_a_single_file", &[], lab_plays_a_single_file),
    (
        "lab_lets_keepalived_play",
        &["keepalived"],
        lab_lets_keepalived_play,
    ),
    (
        "lab_finds_what_would_go_wrong",
        &[],
        lab_finds_what_would_go_wrong,
    ),
    (
        "lab_leaves_nothing_when_it_is_killed",
        &[],
        lab_leaves_nothing_when_it_is_killed,
    ),
    (
        "lab_says_what_it_cannot_play",
        &[],
        lab_says_what_it_cannot_play,
    ),
    (
        "lab_without_namespaces_says_what_to_do",
        &["unshare", "setpriv"],
        lab_without_namespaces_says_what_to_do,
    ),
];

fn lab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
    command.arg("lab").stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn lab_shows_the_tutorials_failover() {
    let output = lab().output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let rows: Vec<_> = text.lines().filter(|l| l.contains('→')).collect();
    let expected = [
        ("node1 starts → node1 Active", "3.609375 s"),
        ("node1's plug is pulled → node2 Active", "3.648438 s"),
        ("node2 is stopped → node3 Active", "0.687500 s"),
        ("node1 comes back → node1 Active", "3.609375 s"),
    ];
    assert_eq!(rows.len(), expected.len(), "{text}");
    for (row, (event, time)) in rows.iter().zip(expected) {
        assert!(row.starts_with(event) && row.contains(time), "{row}");
    }
    assert!(
        text.contains("node1 has inet 10.0.0.70/32 scope global eth0; no other node has it"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "a pipe is no terminal");
}

/// IPv6, VRRPv3, two virtual routers on two LANs, one of which does not preempt.
fn lab_plays_the_users_own_files() {
    let conf = |priority: u8, other: u8| {
        let six = v3(priority, "0.4").replace("10.0.0.70", "fe80::70\n    2001:db8::70/64");
        let four = v3(other, "0.4")
            .replace("VI_1", "VI_2")
            .replace("eth0", "lan1")
            .replace("51", "52");
        format!(
            "{six}{}",
            four.replace("version 3", "version 3\n  nopreempt")
        )
    };
    // Not under /run, which is another one in there.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let paths = [("a.conf", conf(200, 150)), ("b.conf", conf(100, 50))].map(|(name, text)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let output = lab().args(paths).output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for row in [
        "VI_1: a starts → a Active",
        "VI_2: a starts → a Active",
        "VI_1: a's plug is pulled → b Active",
        "VI_2: a's plug is pulled → b Active",
        "VI_1: a comes back → a Active",
        "VI_2: a comes back, stays Backup (nopreempt)",
        "VI_1: a is stopped → b Active",
    ] {
        assert!(text.lines().any(|l| l.starts_with(row)), "{row}: {text}");
    }
    assert!(
        text.contains("a has inet6 2001:db8::70/64 scope global; no other node has it"),
        "{text}"
    );
}

/// Nobody takes over from a lone node; it finds its address again when it comes back.
fn lab_plays_a_single_file() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("alone.conf");
    fs::write(&path, v3(100, "0.2")).unwrap();
    let output = lab().arg(path).output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let rows: Vec<_> = text.lines().filter(|l| l.contains('→')).collect();
    let events = [
        "alone starts → alone Active",
        "alone comes back → alone Active",
    ];
    assert_eq!(rows.len(), events.len(), "{text}");
    assert!(
        rows.iter()
            .zip(events)
            .all(|(row, event)| row.starts_with(event)),
        "{text}"
    );
    assert!(
        text.contains("no other node has this virtual router"),
        "{text}"
    );
}

fn lab_lets_keepalived_play() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let [ours, theirs] = [("ours.conf", 200), ("theirs.conf", 100)].map(|(name, priority)| {
        let path = folder.path().join(name);
        fs::write(&path, v3(priority, "0.3")).unwrap();
        path
    });
    let output = lab()
        .args(["--keepalived", "theirs"])
        .args([ours, theirs])
        .output()
        .unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("ours's plug is pulled → theirs Active"),
        "{text}"
    );
}

/// Two files that do not agree on the address: both daemons run, but the rehearsal shows what it leads to.
fn lab_finds_what_would_go_wrong() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let paths = [
        ("a.conf", v3(200, "0.3")),
        ("b.conf", v3(100, "0.3").replace("10.0.0.70", "10.0.0.71")),
    ];
    let paths = paths.map(|(name, text)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let output = lab().args(paths).output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("b is Active, but nobody has 10.0.0.70"),
        "{text}"
    );
    assert!(
        text.contains("--- b: daemon.log") && text.contains("--- capture"),
        "{text}"
    );
}

/// By its user (SIGINT to the launcher) and by anybody (SIGKILL).
fn lab_leaves_nothing_when_it_is_killed() {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut command = lab();
        // What is the lab's own can be told from what other cases do at the same time.
        command
            .env("VRRPD_LAB_MARK", format!("{signal}"))
            .stdout(Stdio::null());
        let mark = format!("VRRPD_LAB_MARK={signal}");
        let marked = || {
            let pids = fs::read_dir("/proc").unwrap().filter_map(|e| {
                let path = e.unwrap().path();
                let environment = fs::read(path.join("environ")).ok()?;
                environment
                    .windows(mark.len())
                    .any(|w| w == mark.as_bytes())
                    .then_some(path)
            });
            pids.collect::<Vec<_>>()
        };
        let mut child = command.spawn().unwrap();
        // Launcher, init, worker, four daemons.
        until(2 * SOON, || (marked().len() >= 7).then_some(())).expect("a lab at work");
        let spaces: BTreeSet<_> = marked()
            .iter()
            .filter_map(|p| fs::read_link(p.join("ns/net")).ok())
            .collect();
        assert!(spaces.len() >= 5, "{spaces:?}");
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(pid, signal).unwrap();
        child.wait().unwrap();
        until(SOON, || marked().is_empty().then_some(())).expect("no process is left");
        let left = || {
            let mut links = fs::read_dir("/proc")
                .unwrap()
                .filter_map(|e| fs::read_link(e.unwrap().path().join("ns/net")).ok());
            links.any(|l| spaces.contains(&l) && l != fs::read_link("/proc/self/ns/net").unwrap())
        };
        until(SOON, || (!left()).then_some(())).expect("no namespace is left");
    }
}

fn lab_says_what_it_cannot_play() {
    let wrong = |arguments: &[&str], says: &str| {
        let output = lab().args(arguments).output().unwrap();
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(says), "{says}: {text}");
    };
    wrong(&["/nonexistent/a.conf"], "/nonexistent/a.conf");
    wrong(&["/run/a.conf"], "elsewhere");
    wrong(&["--keepalived", "node9"], "node1, node2, node3, node4");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let empty = folder.path().join("empty.conf");
    fs::write(&empty, "global_defs {\n}\n").unwrap();
    wrong(&[empty.to_str().unwrap()], "vrrp_instance");
    wrong(&["--runs", "0"], "--runs");
}

/// A user who may have no user namespace, which is the only way to one.
fn lab_without_namespaces_says_what_to_do() {
    let mut command = Command::new("unshare");
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all \
                  --ambient-caps=-all \"$0\" lab";
    command.args([
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        script,
        env!("CARGO_BIN_EXE_vrrpd"),
    ]);
    let output = command.output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("user.max_user_namespaces"), "{text}");
}

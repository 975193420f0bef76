//! Whose scripts they are: they run as their user and no more, and root's must be root's alone.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use vrrp_lab::Process;

use crate::scene::{SOON, VIP, holders, lan, run, script, text, vrrpd, wait_for, with};
use crate::{Case, ROOT};

pub(crate) const CASES: &[Case] = &[
    ("scripts_run_as_their_users", &[ROOT, "id"], users),
    (
        "scripts_get_the_groups_of_their_users_where_that_is_asked_for",
        &[ROOT, "id", "unshare", "mount"],
        supplementary,
    ),
    (
        "a_script_that_others_can_change_does_not_run_as_root",
        &[ROOT],
        unsafe_path,
    ),
];

fn mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

/// `script_user`, and `user` of a script, with nothing left of root's groups.
fn users() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let told = node.write("told", "").unwrap();
    mode(&told, 0o666);
    let tell = |name: &str| {
        script(
            node,
            name,
            &format!(
                "echo {name} $(id -u) $(id -g) $(id -G) >> {}",
                told.display()
            ),
        )
    };
    let (notify, check) = (tell("notify"), tell("check"));
    let head = format!(
        "global_defs {{\n  enable_script_security\n  script_user 54321 54322\n}}\n\
         vrrp_script chk {{\n  script {check}\n  interval 1\n  user 54323\n}}\n"
    );
    let lines = format!("  notify_master {notify}\n  track_script {{\n    chk\n  }}");
    let process = vrrpd(node, &format!("{head}{}", with(&lines)));
    wait_for("both have run", &process, || {
        let told = text(&told);
        told.contains("notify 54321 54322 54322\n") && told.contains("check 54323 54323 54323\n")
    });
}

/// `set_supplementary_groups` for all scripts, a colon before the group for one.
fn supplementary() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let told = node.write("told", "").unwrap();
    mode(&told, 0o666);
    let tell = |name: &str| {
        script(
            node,
            name,
            &format!("echo {name} $(id -g) $(id -G) >> {}", told.display()),
        )
    };
    let (notify, check) = (tell("notify"), tell("check"));
    let accounts = "root:x:0:0::/:/bin/sh\nwatcher:x:54321:54322::/:/bin/sh\n";
    let passwd = node.write("passwd", accounts).unwrap();
    let group = node.write("group", "staff:x:54330:watcher\n").unwrap();
    let conf = |global: &str| {
        let head = format!(
            "global_defs {{\n  enable_script_security\n  script_user watcher\n{global}}}\n\
             vrrp_script chk {{\n  script {check}\n  interval 1\n  user watcher :54323\n}}\n"
        );
        let lines = format!("  notify_backup {notify}\n  track_script {{\n    chk\n  }}");
        format!("{head}{}", with(&lines))
    };
    // Accounts of the daemon's own, for as long as it runs.
    let start = |global: &str| {
        let file = node.write("vrrpd.conf", &conf(global)).unwrap();
        let mut command = Command::new("unshare");
        let words =
            "mount --bind \"$1\" /etc/passwd; mount --bind \"$2\" /etc/group; shift 2; exec \"$@\"";
        command.args(["-m", "sh", "-ec", words, "sh"]);
        command.arg(&passwd).arg(&group);
        let run = run(node);
        command.arg(run.get_program()).args(run.get_args());
        node.spawn("vrrpd", command.arg("-f").arg(file)).unwrap()
    };
    let ran = |process: &Process, lines: [&str; 2]| {
        wait_for("both have run", process, || {
            let told = text(&told);
            lines
                .iter()
                .all(|line| told.lines().any(|told| told == *line))
        });
    };
    let mut process = start("");
    let one = "check 54323 54323 54330";
    ran(&process, ["notify 54322 54322", one]);
    process.signal(Signal::SIGTERM).unwrap();
    process.wait(SOON).unwrap().expect("an end");
    fs::write(&told, "").unwrap();
    let process = start("  set_supplementary_groups\n");
    ran(&process, ["notify 54322 54322 54330", one]);
}

/// The message names the folder, its owner and mode, and what to do; that done, it runs.
fn unsafe_path() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let folder = node.dir().join("scripts");
    fs::create_dir(&folder).unwrap();
    mode(&folder, 0o777);
    let told = node.dir().join("told");
    let check = script(
        node,
        "scripts/check.sh",
        &format!("echo ran >> {}", told.display()),
    );
    let head = format!(
        "global_defs {{\n  enable_script_security\n  script_user root\n}}\n\
         vrrp_script chk {{\n  script {check}\n  interval 1\n}}\n"
    );
    let process = vrrpd(
        node,
        &format!("{head}{}", with("  track_script {\n    chk\n  }")),
    );
    wait_for("serves without it", &process, || {
        holders(&lab, VIP) == ["node1"]
    });
    let line = format!(
        "Unsafe permissions found for script '{check}': {0} is writable by others (owner 0:0, mode 0777). \
         Remedy: chmod go-w {0}",
        folder.display()
    );
    assert!(process.logs(&line, SOON), "{line}:\n{}", process.log());
    assert!(!told.exists());
    mode(&folder, 0o755);
    process.signal(Signal::SIGHUP).unwrap();
    wait_for("it runs", &process, || told.exists());
}

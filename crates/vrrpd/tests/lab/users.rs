//! Whose scripts they are: they run as their user and no more, and root's must be root's alone.

use std::fs;

use nix::sys::signal::Signal;

use crate::scene::{SOON, VIP, holders, lan, script, text, vrrpd, wait_for, with};
use crate::{Case, ROOT};

pub(crate) const CASES: &[Case] = &[
    ("scripts_run_as_their_users", &[ROOT, "id"], users),
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

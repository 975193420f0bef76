//! How commands end: every failure with its status and a message that says what to do. The real binary, no network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// An instance on an interface that no machine has; the loopback interface is refused.
const NOWHERE: &str = "vrrp_instance VI_1 {\n interface nowhere0\n virtual_router_id 51\n virtual_ipaddress {\n  10.0.0.70\n }\n}\n";

struct Case {
    dir: TempDir,
}

impl Case {
    /// A directory that an unprivileged daemon can read and write.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        open_to_all(dir.path());
        Self { dir }
    }

    fn file(&self, text: &str) -> String {
        let path = self.dir.path().join("test.conf");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().into()
    }

    fn run(&self, args: &[&str]) -> (i32, String) {
        let run_dir = self.dir.path().join("run");
        let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
        command.args(args);
        if args.first() == Some(&"run") {
            command.arg("--runtime-dir").arg(&run_dir);
        }
        let Output { status, stderr, .. } = unprivileged(&mut command).output().unwrap();
        (status.code().unwrap(), String::from_utf8(stderr).unwrap())
    }
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// Nobody, when the tests run as root.
fn unprivileged(command: &mut Command) -> &mut Command {
    if nix::unistd::geteuid().is_root() {
        command.uid(65534).gid(65534)
    } else {
        command
    }
}

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    let case = Case::new();
    assert_eq!(case.run(&["--help"]).0, 0);
    assert_eq!(case.run(&["--version"]).0, 0);
    assert_eq!(case.run(&[]).0, 2);
    assert_eq!(case.run(&["run", "--no-such-option"]).0, 2);
}

#[test]
fn a_file_that_does_not_exist_is_2() {
    let case = Case::new();
    let (status, said) = case.run(&["run", "-f", "/nonexistent/keepalived.conf"]);
    assert_eq!(status, 2, "{said}");
    assert!(
        said.contains("/nonexistent/keepalived.conf") && said.contains("-f FILE"),
        "{said}"
    );
}

#[test]
fn a_file_without_an_instance_is_2() {
    let case = Case::new();
    let file = case.file("global_defs {\n router_id x\n}\n");
    let (status, said) = case.run(&["run", "-f", &file]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("no vrrp_instance"), "{said}");
}

#[test]
fn an_interface_that_does_not_exist_is_2_and_names_those_that_do() {
    let case = Case::new();
    let file = case.file(NOWHERE);
    let (status, said) = case.run(&["run", "-f", &file]);
    assert_eq!(status, 2, "{said}");
    assert!(
        said.contains("there is no interface `nowhere0` on this host"),
        "{said}"
    );
    assert!(said.contains("this host has "), "{said}");
    assert!(
        said.contains("Non-existent interface specified in configuration"),
        "{said}"
    );
    assert!(!case.dir.path().join("run").exists(), "nothing was touched");
}

#[test]
fn no_privilege_is_4_and_says_how_to_get_it() {
    let case = Case::new();
    // One that is here, if any is; else one that may come later.
    let links = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten();
    let mut names = links.map(|link| link.file_name().into_string().unwrap());
    let here = names
        .find(|name| name != "lo")
        .unwrap_or_else(|| "nowhere0".into());
    let instance = NOWHERE.replace("nowhere0", &here);
    let file = case.file(&format!(
        "global_defs {{\n dynamic_interfaces\n}}\n{instance}"
    ));
    let (status, said) = case.run(&["run", "-f", &file]);
    assert_eq!(status, 4, "{said}");
    for word in [
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "sudo",
        "setcap",
        "vrrpd lab",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn keepaliveds_command_line_keeps_keepaliveds_statuses() {
    let case = Case::new();
    let out = Command::new(env!("CARGO_BIN_EXE_vrrpd"))
        .arg("--signum=JSON")
        .output()
        .unwrap();
    assert_eq!(
        (out.status.code(), out.stdout.as_slice()),
        (Some(0), format!("{}\n", libc::SIGRTMIN() + 2).as_bytes())
    );
    assert_eq!(
        case.run(&["--signum=NONSENSE"]),
        (1, "Unknown sigfunc NONSENSE\n".into())
    );
    assert_eq!(case.run(&["-n", "--no-such-option"]).0, 1);

    let link = case.dir.path().join("keepalived");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vrrpd"), &link).unwrap();
    let out = Command::new(&link).arg("--version").output().unwrap();
    assert!(out.status.success() && out.stdout.is_empty());
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(
        said.starts_with("Keepalived v") && said.contains("--enable-json"),
        "{said}"
    );
}

//! `vrrpd check`, `explain`, `fmt` and `-t` as a shell sees them: what is printed where, and the exit status.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const GOOD: &str = "vrrp_instance VI_1 {\n  interface nowhere0\n  virtual_router_id 51\n  priority 150\n  \
                    virtual_ipaddress {\n    192.0.2.10/24\n  }\n}\n";

struct Case {
    dir: TempDir,
}

struct Said {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Case {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs vrrpd in the directory of the case.
    fn run(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
        let output = command
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[test]
fn the_status_tells_errors_warnings_and_wrong_usage_apart() {
    let case = Case::new();
    case.file("good.conf", GOOD);
    case.file(
        "warning.conf",
        &GOOD.replace("priority 150", "priority 150 200"),
    );
    case.file("error.conf", &GOOD.replace("priority 150", "priorty 150"));
    let status = |args: &[&str]| case.run(&[&["check"], args].concat()).status;
    assert_eq!(status(&["good.conf"]), 0);
    assert_eq!(status(&["--strict", "good.conf"]), 0);
    assert_eq!(status(&["warning.conf"]), 0);
    assert_eq!(status(&["--strict", "warning.conf"]), 1);
    assert_eq!(status(&["error.conf"]), 1);
    assert_eq!(status(&["missing.conf"]), 2);
    assert_eq!(status(&["good.conf", "missing.conf"]), 2);
    assert_eq!(status(&["--no-such-option", "good.conf"]), 2);
}

#[test]
fn findings_go_to_stdout_in_three_formats() {
    let case = Case::new();
    case.file("x.conf", &GOOD.replace("priority 150", "priorty 150"));
    let human = case.run(&["check", "x.conf"]).stdout;
    assert!(
        human.contains("--> x.conf:4:3") && human.contains("did you mean `priority`?"),
        "{human}"
    );
    assert!(
        human.ends_with("x.conf: 1 error; `vrrpd explain VRRP-E201` tells more\n"),
        "{human}"
    );
    let short = case.run(&["check", "--format", "short", "x.conf"]).stdout;
    assert_eq!(
        short,
        "x.conf:4:3: error[VRRP-E201]: `vrrp_instance` has no keyword `priorty`\n"
    );
    let json = case.run(&["check", "--format", "json", "x.conf"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["errors"], &json["warnings"]), (&1.into(), &0.into()));
    let finding = &json["diagnostics"][0];
    assert_eq!(finding["code"], "VRRP-E201");
    assert_eq!(
        (&finding["place"]["line"], &finding["place"]["column"]),
        (&4.into(), &3.into())
    );
    assert_eq!(finding["help"][0]["edits"][0]["replacement"], "priority");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let case = Case::new();
    case.file("x.conf", &GOOD.replace("priority 150", "priorty 150"));
    assert!(!case.run(&["check", "x.conf"]).stdout.contains('\u{1b}'));
    assert!(
        case.run(&["check", "--color", "always", "x.conf"])
            .stdout
            .contains('\u{1b}')
    );
}

#[test]
fn several_files_are_compared() {
    let case = Case::new();
    case.file("a.conf", GOOD);
    case.file("b.conf", &GOOD.replace("priority 150", "priority 100"));
    let said = case.run(&["check", "a.conf", "b.conf"]);
    assert_eq!(said.status, 0, "{}", said.stdout);
    assert!(
        said.stdout
            .contains("  a.conf fails   b.conf is Active, priority 100\n"),
        "{}",
        said.stdout
    );
    case.file(
        "b.conf",
        &GOOD.replace("priority 150", "priority 100\n  advert_int 2"),
    );
    let said = case.run(&["check", "--format", "json", "a.conf", "b.conf"]);
    assert_eq!(said.status, 1);
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(json["diagnostics"][0]["code"], "VRRP-E802");
    let router = &json["routers"][0];
    assert_eq!(router["active"], "a.conf");
    assert_eq!(router["failures"][0]["active"], "b.conf");
}

#[test]
fn what_two_nodes_include_is_reported_once() {
    let case = Case::new();
    case.file("common.conf", "global_defs {\n  nonsense\n}\n");
    case.file("a.conf", &format!("include common.conf\n{GOOD}"));
    case.file(
        "b.conf",
        &format!(
            "include common.conf\n{}",
            GOOD.replace("priority 150", "priority 100")
        ),
    );
    let short = case
        .run(&["check", "--format", "short", "a.conf", "b.conf"])
        .stdout;
    assert_eq!(short.lines().count(), 1, "{short}");
}

#[test]
fn the_host_is_looked_at_only_when_asked() {
    let case = Case::new();
    case.file("x.conf", GOOD);
    assert_eq!(case.run(&["check", "x.conf"]).status, 0);
    let said = case.run(&["check", "--against-host", "x.conf"]);
    assert_eq!(said.status, 1, "{}", said.stdout);
    assert!(
        said.stdout
            .contains("error[VRRP-E901]: there is no interface `nowhere0`"),
        "{}",
        said.stdout
    );
}

#[test]
fn codes_and_keywords_are_explained() {
    let case = Case::new();
    assert!(
        case.run(&["explain", "w001"])
            .stdout
            .starts_with("VRRP-W001: ")
    );
    assert!(
        case.run(&["explain", "advert_int"])
            .stdout
            .contains("unit: s")
    );
    assert!(case.run(&["explain"]).stdout.contains("VRRP-E808"));
    let said = case.run(&["explain", "advert_nit"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""));
    assert!(
        said.stderr.contains("did you mean `advert_int`?"),
        "{}",
        said.stderr
    );
}

#[test]
fn fmt_prints_checks_and_writes() {
    let case = Case::new();
    let path = case.file("x.conf", "a {\nb  c # d\n}\n");
    let said = case.run(&["fmt", "x.conf"]);
    assert_eq!(
        (said.status, said.stdout.as_str()),
        (0, "a {\n    b c # d\n}\n")
    );
    let said = case.run(&["fmt", "--check", "x.conf"]);
    assert_eq!((said.status, said.stdout.as_str()), (1, "x.conf\n"));
    assert_eq!(case.run(&["fmt", "--write", "x.conf"]).status, 0);
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        "a {\n    b c # d\n}\n"
    );
    assert_eq!(case.run(&["fmt", "--check", "x.conf"]).status, 0);
    assert_eq!(case.run(&["fmt", "missing.conf"]).status, 1);
}

#[test]
fn run_strict_starts_with_no_error_of_check() {
    let case = Case::new();
    case.file("x.conf", &GOOD.replace("192.0.2.10/24", "192.0.2.0/24"));
    let run = case.dir.path().join("run");
    let said = case.run(&[
        "run",
        "--strict",
        "-f",
        "x.conf",
        "--runtime-dir",
        run.to_str().unwrap(),
    ]);
    assert_eq!(said.status, 2, "{}", said.stderr);
    assert!(said.stderr.contains("--strict"), "{}", said.stderr);
}

/// A real host, made for it: what is configured does not fit in nine ways.
#[test]
fn a_host_that_does_not_fit_is_told_so() {
    let case = Case::new();
    case.file("chk.sh", "#!/bin/sh\nsystemctl stop keepalived\n");
    let script = case.dir.path().join("chk.sh");
    let text = format!(
        "vrrp_script chk {{\n script \"{}\"\n}}\nvrrp_instance A {{\n interface eth0\n virtual_router_id 51\n \
         priority 100\n unicast_src_ip 10.0.0.9\n unicast_peer {{\n 10.0.0.5\n 10.0.0.6\n }}\n \
         virtual_ipaddress {{\n 10.0.0.5/24\n 10.9.9.9\n 10.0.0.255\n }}\n track_script {{\n chk\n }}\n \
         notify /nonexistent/notify\n}}\nvrrp_instance B {{\n interface ens33\n virtual_router_id 52\n \
         priority 255\n virtual_ipaddress {{\n 10.0.0.7/24\n }}\n}}\n",
        script.display()
    );
    case.file("x.conf", &text);
    let host = "set -e; ip link add eth0 type veth peer name p0; ip link set eth0 up; ip link set p0 up; \
                ip address add 10.0.0.5/24 dev eth0; nft add table inet f; \
                nft add chain inet f input '{ type filter hook input priority 0; policy drop; }'; \
                nft add rule inet f input ct state established accept; \
                \"$0\" check --against-host --format short x.conf || test $? = 1; echo done";
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "--",
            "sh",
            "-c",
            host,
            env!("CARGO_BIN_EXE_vrrpd"),
        ])
        .current_dir(case.dir.path())
        .stdin(Stdio::null())
        .output();
    let said = output
        .map(|output| String::from_utf8(output.stdout).unwrap())
        .unwrap_or_default();
    if !said.ends_with("done\n") {
        println!("SKIPPED: no namespace with ip and nft can be had here");
        assert_ne!(
            std::env::var("VRRP_LAB").as_deref(),
            Ok("required"),
            "{said}"
        );
        return;
    }
    for expected in [
        "[VRRP-W701]: 10.0.0.5 is this host's own address",
        "[VRRP-W903]: 10.0.0.5 is already on eth0",
        "[VRRP-W904]: priority 255",
        "[VRRP-N905]: 10.9.9.9 is in no subnet",
        "[VRRP-W906]: 10.0.0.9 is no address of this host",
        "[VRRP-E503]: 10.0.0.255 is the broadcast address",
        "[VRRP-E901]: there is no interface `ens33`",
        "[VRRP-E908]: `/nonexistent/notify` does not exist",
        "chk.sh` has no execute permission",
        "[VRRP-W912]: the firewall lets no advert arrive on `eth0`",
    ] {
        assert!(said.contains(expected), "{expected}:\n{said}");
    }
}

/// Exit status of `program -t -f FILE` in a network namespace that has only lo.
fn config_test(program: &str, file: &std::path::Path) -> Option<i32> {
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "--",
            program,
            "-t",
            "-f",
        ])
        .arg(file);
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.code()
}

/// keepalived's number for each kind of file; and keepalived itself, where it is installed, agrees.
#[test]
fn t_has_keepalived_s_status() {
    let case = Case::new();
    // An instance on an interface that may come later: no interface is needed.
    let good = format!("global_defs {{\n  dynamic_interfaces\n}}\n{GOOD}");
    let track = "priority 150\n  track_script {\n    chk\n  }";
    let script = |program: &str| {
        let script = format!("vrrp_script chk {{\n  script \"{program}\"\n}}\n");
        format!("{script}{}", good.replace("priority 150", track))
    };
    let files = [
        ("clean", good.clone(), 0),
        (
            "surplus",
            good.replace("priority 150", "priority 150 200"),
            0,
        ),
        (
            "address twice",
            good.replace("192.0.2.10/24\n", "192.0.2.10/24\n192.0.2.10/24\n"),
            0,
        ),
        ("misspelt", good.replace("priority 150", "priorty 150"), 5),
        ("no vrid", good.replace("virtual_router_id 51", ""), 5),
        ("no interface", GOOD.to_owned(), 5),
        (
            "missing argument",
            good.replace("priority 150", "priority"),
            2,
        ),
        ("script", script("/bin/true"), 6),
        ("script that is missing", script("/nonexistent/check"), 5),
        ("include", format!("includem /nonexistent.conf\n{good}"), 6),
        ("nothing", String::new(), 0),
    ];
    let keepalived =
        config_test("keepalived", &case.file("probe.conf", "")).is_some_and(|status| status == 0);
    if !keepalived {
        println!("SKIPPED the comparison with keepalived: it cannot be run here");
        assert_ne!(std::env::var("VRRP_LAB").as_deref(), Ok("required"));
    }
    for (name, text, expected) in files {
        let path = case.file("x.conf", &text);
        let said = case.run(&["-t", "-f", "x.conf"]);
        assert_eq!(
            (said.status, said.stdout.as_str()),
            (expected, ""),
            "{name}: {}",
            said.stderr
        );
        if keepalived {
            assert_eq!(
                config_test("keepalived", &path),
                Some(expected),
                "keepalived: {name}"
            );
        }
    }
    // The one number that is not keepalived's.
    assert_eq!(case.run(&["-t", "-f", "missing.conf"]).status, 4);
    let log = case.dir.path().join("log");
    case.file("x.conf", &good.replace("priority 150", "priorty 150"));
    let option = format!("--config-test={}", log.display());
    let said = case.run(&[&option, "-f", "x.conf"]);
    assert_eq!((said.status, said.stderr.as_str()), (5, ""));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.starts_with("(x.conf: Line 7) "), "{log}");
}

//! With what status a command line ends, next to keepalived's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use vrrp_lab::{Host, until};

use crate::Case;
use crate::scene::{SOON, v3};
use crate::twins::{PROGRAMS, Program, hosts, text};

pub(crate) const CASES: &[Case] = &[
    ("options_end_as_keepaliveds_end", &["keepalived"], options),
    ("files_end_as_keepaliveds_end", &["keepalived"], files),
    (
        "a_second_start_ends_as_keepaliveds_ends",
        &["keepalived"],
        second_start,
    ),
];

/// Both say one of these when they have started, the second one with a file in which nothing is to do.
const RUNS: [&str; 2] = ["Startup complete", "no configuration to run"];

/// The status of the program with these words, or that it runs.
fn status(program: Program, host: &Host, args: &[&str]) -> Option<i32> {
    let mut command = program.command();
    command.current_dir(host.dir()).env("TMPDIR", host.dir());
    let before = text(&host.dir().join("run.log")).len();
    let mut process = host.spawn("run", command.args(args)).unwrap();
    let end = until(2 * SOON, || {
        let log = process.log();
        let said = log.get(before..)?;
        let started = RUNS.iter().any(|words| said.contains(words));
        let end = process.ended().unwrap();
        (started || end.is_some()).then_some(end)
    });
    let end =
        end.unwrap_or_else(|| panic!("{args:?} neither started nor ended\n{}", process.log()));
    process.stop(SOON).unwrap();
    end.and_then(|status| status.code())
}

fn lab() -> vrrp_lab::Lab {
    let addresses = vec!["10.0.0.60/24".parse().unwrap()];
    hosts(&[("eth0".into(), addresses)])
}

/// In the foreground, with files of the host's own.
const RUN: [&str; 8] = [
    "-n",
    "-l",
    "-D",
    "-G",
    "-P",
    "-pkeepalived.pid",
    "-rvrrp.pid",
    "-f",
];

fn alike(lab: &vrrp_lab::Lab, args: &[&str]) -> Option<i32> {
    let [ours, theirs] = PROGRAMS.map(|program| status(program, &lab[program.host()], args));
    assert_eq!(ours, theirs, "{args:?}\n{}", lab.files());
    ours
}

fn options() {
    let lab = lab();
    for program in PROGRAMS {
        lab[program.host()]
            .write("good.conf", &v3(100, "1"))
            .unwrap();
    }
    for args in [
        &["-v"][..],
        &["--version"],
        &["-h"],
        &["--help"],
        &["--no-such-option"],
        &["-Z"],
        &["-f"],
        &["--vrrp=yes"],
        &["--signum=JSON"],
        &["--signum=NOTHING"],
        &["--signum"],
    ] {
        alike(&lab, args);
    }
    for name in ["STOP", "RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON"] {
        let [ours, theirs] = PROGRAMS.map(|program| {
            let output = program.command().arg(format!("--signum={name}")).output();
            output.unwrap().stdout
        });
        assert_eq!(ours, theirs, "{name}");
    }
    for more in [
        &["-d"][..],
        &["-R"],
        &["-x"],
        &["-m"],
        &["-a"],
        &["-V"],
        &["-X"],
        &["-I"],
        &["-B"],
        &["-e"],
        &["-i", "here"],
        &["-u", "027"],
        &["-S", "3"],
        &["-S", "local2"],
        &["--all"],
        &["--no_bfd"],
        &["--release-vips"],
        &["--dont-resp"],
        &["-c", "checkers.pid", "-b", "bfd.pid"],
    ] {
        let args = [&RUN[..], &["good.conf"], more].concat();
        assert_eq!(alike(&lab, &args), None, "{more:?}");
    }
}

fn files() {
    let lab = lab();
    let good = v3(100, "1");
    let broken = good.replace("virtual_router_id 51", "");
    let group = format!("{good}garp_group {{\n  garp_interval 1\n  interface nowhere0\n}}\n");
    let route = good.replace(
        "  virtual_ipaddress",
        "  virtual_routes {\n    192.168.1.0/24 dev nowhere0\n  }\n  virtual_ipaddress",
    );
    let files = [
        ("good", good.clone()),
        ("empty", String::new()),
        ("no-vrid", broken),
        ("no-argument", good.replace("router_id 51", "router_id")),
        ("no-interface", good.replace("eth0", "nowhere0")),
        ("no-interface-of-group", group),
        ("no-interface-of-route", route),
        ("loopback", good.replace("eth0", "lo")),
        ("include", format!("includem nothing.conf\n{good}")),
        ("unknown", format!("nonsense 1\n{good}")),
        ("warned", good.replace("version 3", "version 2\n  authentication {\n    auth_type PASS\n    auth_pass longerthaneight\n  }")),
    ];
    for (name, conf) in &files {
        let file = format!("{name}.conf");
        for program in PROGRAMS {
            lab[program.host()].write(&file, conf).unwrap();
        }
        alike(&lab, &[&RUN[..], &[&file]].concat());
        alike(&lab, &["-t", "-f", &file]);
        alike(&lab, &["--config-test=findings.log", "-l", "-f", &file]);
    }
    // A file that cannot be: only at the start, for -t differs on purpose.
    for program in PROGRAMS {
        let file = lab[program.host()].write("executable.conf", &good).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for file in ["missing.conf", ".", "executable.conf"] {
        alike(&lab, &[&RUN[..], &[file]].concat());
    }
}

fn second_start() {
    let lab = lab();
    let started = PROGRAMS.map(|program| {
        let host = &lab[program.host()];
        program.start(host, &host.write("keepalived.conf", &v3(100, "1")).unwrap())
    });
    let args = [
        "-n",
        "-l",
        "-G",
        "-P",
        "-pkeepalived.pid",
        "-rvrrp.pid",
        "-fkeepalived.conf",
    ];
    let status = alike(&lab, &args);
    assert!(status.is_some(), "two run\n{}", lab.files());
    for mut process in started {
        assert_eq!(process.ended().unwrap(), None, "the first one runs on");
    }
}

//! What waits on purpose: for a link to settle, for a start, for a lower peer, between announcements, for the results
//! of scripts.

use core::net::IpAddr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Host};

use crate::Case;
use crate::features::{ip, says};
use crate::scene::{SECOND, SOON, VIP, active, holders, lan, resigns, serves, v3, vrrpd, wait_for};

pub(crate) const CASES: &[Case] = &[
    (
        "a_link_that_flaps_within_its_delay_is_no_fault",
        &["ip"],
        link_delay,
    ),
    (
        "nothing_is_sent_before_the_startup_delay_is_over",
        &[],
        startup_delay,
    ),
    (
        "a_higher_router_leaves_a_lower_one_alone_for_the_preempt_delay",
        &[],
        preempt_delay,
    ),
    (
        "announcements_of_a_garp_group_keep_their_distance",
        &[],
        garp_group,
    ),
    ("scripts_rise_fall_weigh_and_time_out", &["sh"], scripts),
    (
        "a_reload_marks_itself_and_logs_what_it_refuses",
        &[],
        reload_files,
    ),
];

/// `conf` with more lines in its instance.
fn with(conf: &str, lines: &str) -> String {
    let body = conf.trim_end().trim_end_matches('}');
    format!("{body}{lines}\n}}\n")
}

fn link_delay() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    ip(node, "link add side0 type veth peer name side1");
    ip(node, "link set side1 up");
    ip(node, "link set side0 up");
    let conf = with(&v3(200, "1"), "  track_interface {\n    side0\n  }");
    let process = vrrpd(
        node,
        &format!("interface_up_down_delays {{\n  side0 1.5 0.5\n}}\n{conf}"),
    );
    active(&capture, "node1");
    ip(node, "link set side0 down");
    ip(node, "link set side0 up");
    // Longer than the delay, as the adverts count.
    let flapped = SystemTime::now();
    let mut at = flapped;
    for _ in 0..3 {
        at = capture
            .wait(at + Duration::from_millis(1), 2 * SOON, serves("node1"))
            .expect("adverts")
            .at;
    }
    assert!(!process.log().contains("FAULT"), "{}", process.log());

    let down = SystemTime::now();
    ip(node, "link set side0 down");
    let farewell = capture
        .wait(down, 2 * SOON, resigns("node1"))
        .unwrap_or_else(|| panic!("it stayed down: {}", process.log()));
    let took = farewell.at.duration_since(down).unwrap();
    assert!(took >= SECOND + SECOND / 2, "after {took:?}");
}

fn startup_delay() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let began = SystemTime::now();
    let conf = format!(
        "global_defs {{\n  vrrp_startup_delay 1.5\n}}\n{}",
        v3(255, "0.1").replace("  version 3", "  version 3\n  state MASTER")
    );
    let process = vrrpd(node, &conf);
    let first = capture
        .wait(began, 2 * SOON, serves("node1"))
        .unwrap_or_else(|| panic!("it never began: {}", process.log()));
    let took = first.at.duration_since(began).unwrap();
    assert!(took >= SECOND + SECOND / 2, "an owner waits, too: {took:?}");
    says(&process, "Delaying startup for 1.5");
    says(&process, "Delayed start completed");
}

fn preempt_delay() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let (node1, node2) = (&lab["node1"], &lab["node2"]);
    let _low = vrrpd(node1, &v3(100, "0.1"));
    active(&capture, "node1");
    let began = SystemTime::now();
    let high = vrrpd(node2, &with(&v3(200, "0.1"), "  preempt_delay 1"));
    let takes = capture
        .wait(began, 2 * SOON, serves("node2"))
        .unwrap_or_else(|| panic!("it never took over: {}", high.log()));
    let took = takes.at.duration_since(began).unwrap();
    assert!(took >= SECOND, "after {took:?}");
    wait_for("one holder", &high, || holders(&lab, VIP) == ["node2"]);
}

fn garp_group() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let more = format!("{VIP}\n    10.0.0.71\n    10.0.0.72");
    let conf = format!(
        "garp_group {{\n  garp_interval 0.2\n  interface eth0\n}}\nglobal_defs {{\n  vrrp_garp_master_repeat 2\n  \
         vrrp_garp_master_delay 0\n}}\n{}",
        v3(200, "0.1").replace(VIP, &more)
    );
    let process = vrrpd(node, &conf);
    let ours: [IpAddr; 3] = ["10.0.0.70", "10.0.0.71", "10.0.0.72"].map(|a| a.parse().unwrap());
    let times = || {
        capture.look(|frames| {
            let of_ours = frames
                .iter()
                .filter(|f| ours.iter().any(|a| f.announces(*a)));
            of_ours.map(|f| f.at).collect::<Vec<_>>()
        })
    };
    wait_for("two rounds of three", &process, || times().len() >= 6);
    for pair in times().windows(2) {
        let gap = pair[1].duration_since(pair[0]).unwrap();
        // Clocks of the capture and of the daemon are not the same.
        assert!(gap >= Duration::from_millis(190), "{gap:?}");
    }
}

fn script(host: &Host, name: &str, body: &str) -> String {
    let path = host.write(name, &format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn answer(path: &Path, code: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, code).unwrap();
    fs::rename(beside, path).unwrap();
}

fn scripts() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let code = node.write("code", "0").unwrap();
    let runs = node.dir().join("runs");
    let check = script(
        node,
        "check.sh",
        &format!(
            "read code < {code}; echo $code >> {runs}.$1; test $code = slow && sleep 60; exit $code",
            code = code.display(),
            runs = runs.display()
        ),
    );
    let block = |name: &str, lines: &str| {
        format!(
            "vrrp_script {name} {{\n  script \"{check} {name}\"\n  user root\n  interval 0.2\n{lines}}}\n"
        )
    };
    let conf = format!(
        "{}{}{}",
        block("plus", "  weight 20\n  rise 3\n  fall 2\n  init_fail\n"),
        block("minus", "  weight -30\n  timeout 1\n"),
        with(
            &v3(100, "0.1"),
            "  track_script {\n    plus\n    minus weight -7 reverse\n  }"
        ),
    );
    let process = vrrpd(node, &conf);
    // How many runs of `plus` in a row have ended like the last one.
    let streak = || {
        let text = fs::read_to_string(runs.with_extension("plus")).unwrap();
        let mut codes = text.lines().rev();
        let last = codes.next();
        1 + codes.take_while(|code| Some(*code) == last).count()
    };
    // The first result decides at once.
    says(&process, "Changing effective priority from 100 to 120");

    answer(&code, "4");
    says(&process, "VRRP_Script(plus) failed (exited with status 4)");
    assert!(streak() >= 2, "fall: {}", process.log());
    says(&process, "VRRP_Script(minus) failed (exited with status 4)");
    // The weight of a reversed one that is bad is added, one that adds while good adds nothing.
    says(&process, "to 107");
    answer(&code, "0");
    wait_for("a second success", &process, || {
        process.log().matches("VRRP_Script(plus) succeeded").count() == 2
    });
    assert!(streak() >= 3, "rise: {}", process.log());
    answer(&code, "slow");
    says(&process, "VRRP_Script(minus) timed_out");
    wait_for("it serves all along", &process, || {
        holders(&lab, VIP) == ["node1"]
    });
    assert!(!process.log().contains("FAULT"), "{}", process.log());
}

fn reload_files() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let mark = node
        .write("mark", "written by who changes the file")
        .unwrap();
    let log = node.dir().join("reload.log");
    let head = format!(
        "global_defs {{\n  reload_file {}\n  reload_check_config {}\n}}\n",
        mark.display(),
        log.display()
    );
    let process = vrrpd(node, &format!("{head}{}", v3(200, "0.1")));
    says(&process, "Startup complete");
    assert!(mark.exists(), "a start is no reload");
    process.signal(Signal::SIGHUP).unwrap();
    says(&process, "Reload complete");
    wait_for("read to the end", &process, || !mark.exists());
    assert!(!log.exists(), "nothing was wrong");

    let wrong = v3(200, "0.1").replace("51", "0");
    node.write("vrrpd.conf", &format!("{head}{wrong}")).unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    says(
        &process,
        "the new configuration cannot run; the old one goes on",
    );
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("`0` is out of range"), "{said}");
    assert!(!mark.exists());
}

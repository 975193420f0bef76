//! `reload_time_file`: a reload at a moment that stands in a file, by us and by keepalived.

use core::time::Duration;
use std::fs;
use std::time::SystemTime;

use jiff::Timestamp;
use vrrp_lab::{Capture, Frame};

use crate::Case;
use crate::features::says;
use crate::keepalived::{Start, ours, theirs};
use crate::scene::{SOON, active, lan, v3, wait_for};

pub(crate) const CASES: &[Case] = &[
    ("a_reload_comes_at_the_time_in_a_file", &[], || once(ours)),
    (
        "a_reload_of_keepalived_comes_at_the_time_in_a_file",
        &["keepalived"],
        || once(theirs),
    ),
    ("a_reload_comes_daily_where_that_is_asked_for", &[], || {
        daily(ours)
    }),
    (
        "a_reload_of_keepalived_comes_daily_where_that_is_asked_for",
        &["keepalived"],
        || daily(theirs),
    ),
];

/// Long enough for the slowest machine to read it before it has passed.
const AHEAD: Duration = Duration::from_secs(4);

/// So far from now, in UTC.
fn ahead(form: &str) -> String {
    let form = format!("{form}Z\n");
    (Timestamp::now() + AHEAD).strftime(&form).to_string()
}

fn conf(priority: u8, globals: &str) -> String {
    format!("global_defs {{\n{globals}}}\n{}", v3(priority, "0.1"))
}

fn of(priority: u8) -> impl Fn(&Frame) -> bool {
    move |frame| {
        frame
            .advert()
            .is_some_and(|advert| advert.priority.get() == priority)
    }
}

/// The new configuration is in force, the file is gone; another one is scheduled, cancelled, and not understood.
fn once(start: Start) {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let when = node.dir().join("when");
    let globals = format!("  reload_time_file {}\n", when.display());
    let process = start(node, &conf(200, &globals));
    active(&capture, "node1");
    for name in ["vrrpd.conf", "keepalived.conf"] {
        node.write(name, &conf(150, &globals)).unwrap();
    }
    let began = SystemTime::now();
    fs::write(&when, ahead("%Y-%m-%d %H:%M:%S")).unwrap();
    says(&process, "Scheduling reload for ");
    let reloaded = capture.wait(began, AHEAD + 2 * SOON, of(150));
    assert!(reloaded.is_some(), "{}", process.log());
    wait_for("it is removed", &process, || !when.exists());

    fs::write(&when, "2099-12-31 23:59:59\n").unwrap();
    says(&process, "Scheduling reload for 2099-12-31 23:59:59");
    fs::remove_file(&when).unwrap();
    says(
        &process,
        "Cancelling reload scheduled for 2099-12-31 23:59:59",
    );
    fs::write(&when, "tomorrow\n").unwrap();
    says(
        &process,
        "Invalid reload time 'tomorrow' specified - ignoring",
    );
    fs::write(&when, "2001-02-03 04:05:06Z\n").unwrap();
    says(
        &process,
        "Reload time 2001-02-03 04:05:06Z is in the past - ignoring",
    );
}

/// The file stays, and with it the time: the next reload is that of the next day.
fn daily(start: Start) {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let when = node.dir().join("when");
    let globals = format!("  reload_time_file {}\n  reload_repeat\n", when.display());
    let process = start(node, &conf(200, &globals));
    active(&capture, "node1");
    fs::write(&when, ahead("%H:%M:%S")).unwrap();
    says(&process, "Scheduling reload for ");
    wait_for("the next is scheduled", &process, || {
        process.log().matches("Scheduling reload for ").count() == 2
    });
    says(&process, "Reload complete");
    assert!(when.exists());
}

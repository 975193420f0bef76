//! The tutorial's nodes, as the RFC wants them: who serves when, and what the LAN sees of it.

use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, until};

use crate::Case;
use crate::scene::{
    SECOND, SOON, TUTORIAL, VIP, active, addresses, down, holders, in_time, inherits, lan, resigns,
    serves, skew, v3, vrrpd,
};

pub(crate) const CASES: &[Case] = &[
    (
        "a_dead_node_is_replaced_and_the_lan_is_told",
        &[],
        a_dead_node_is_replaced_and_the_lan_is_told,
    ),
    (
        "a_stop_hands_over_and_a_return_preempts",
        &[],
        a_stop_hands_over_and_a_return_preempts,
    ),
    (
        "a_cut_link_is_a_dead_router",
        &[],
        a_cut_link_is_a_dead_router,
    ),
    (
        "a_frozen_daemon_believes_its_peers_first",
        &[],
        a_frozen_daemon_believes_its_peers_first,
    ),
];

/// SIGKILL and a dead link; then five gratuitous ARPs at once, and five more after five seconds.
fn a_dead_node_is_replaced_and_the_lan_is_told() {
    let lab = lan(4, false);
    let capture = Capture::start(&lab).unwrap();
    let before: Vec<_> = lab.hosts().iter().map(addresses).collect();
    let started = SystemTime::now();
    let nodes: Vec<_> = lab
        .hosts()
        .iter()
        .zip(TUTORIAL)
        .map(|(host, conf)| vrrpd(host, conf))
        .collect();
    let first = active(&capture, "node1");
    in_time(&first, started, down(SECOND, SECOND, 100), SECOND);
    assert!(
        nodes[0].logs("(VI_1) Entering MASTER STATE", SOON),
        "{}",
        nodes[0].log()
    );
    assert!(
        nodes[1].log().contains("(VI_1) Entering BACKUP STATE"),
        "{}",
        nodes[1].log()
    );

    // As `ip a` shows it, here alone, and nothing else has changed anywhere.
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(())).expect("node1 has the address");
    let shown = lab["node1"]
        .output(Command::new("ip").args(["addr", "show", "dev", "eth0"]))
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("inet 10.0.0.70/32 scope global eth0\n"),
        "{shown}"
    );
    for (host, before) in lab.hosts().iter().zip(&before) {
        let now: Vec<_> = addresses(host)
            .into_iter()
            .filter(|a| !a.contains(VIP))
            .collect();
        assert_eq!(now, *before, "{}", host.name());
    }

    capture
        .wait(first.at, SOON, |f| f.at > first.at && serves("node1")(f))
        .expect("a second advert");
    lab["node1"].crash().unwrap();
    let heir = inherits(&capture, "node1", "node2", down(SECOND, SECOND, 90), SECOND);

    let vip = VIP.parse().unwrap();
    let announced = || {
        let frames = capture.frames();
        let mine = frames
            .iter()
            .filter(|f| &*f.host == "node2" && f.announces(vip));
        mine.map(|f| f.at.duration_since(heir.at).unwrap())
            .collect::<Vec<_>>()
    };
    let all = until(2 * SOON, || Some(announced()).filter(|all| all.len() >= 10))
        .expect("ten announcements");
    let (first, second) = all.split_at(5);
    let pause = second[0] - first[4];
    assert!(
        // Counted from the transition, which is a little before its advert.
        second[0] >= 5 * SECOND - SECOND / 10,
        "{all:?}"
    );
    let gaps = [first, second].map(|round| round[4] - round[0]);
    assert!(gaps.iter().all(|gap| *gap < pause), "{all:?}");
    assert_eq!(announced().len(), 10);
    // The others have said nothing, and sent nothing, all the time.
    assert!(
        capture
            .frames()
            .iter()
            .all(|f| !serves("node3")(f) && !serves("node4")(f)),
        "{capture}"
    );
}

/// SIGTERM: priority 0, the address gone, status 0; the heir waits its Skew_Time. What comes back preempts.
fn a_stop_hands_over_and_a_return_preempts() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let before = addresses(&lab["node1"]);
    let mut first = vrrpd(&lab["node1"], TUTORIAL[0]);
    let mut second = vrrpd(&lab["node2"], TUTORIAL[1]);
    active(&capture, "node1");
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(())).expect("node1 has the address");

    let stopped = SystemTime::now();
    first.signal(Signal::SIGTERM).unwrap();
    let farewell = capture
        .wait(stopped, SOON, resigns("node1"))
        .expect("priority 0");
    let status = first.wait(SOON).unwrap().expect("an end");
    assert_eq!(status.code(), Some(0), "{}", first.log());
    assert_eq!(addresses(&lab["node1"]), before);
    let heir = capture
        .wait(farewell.at, SOON, serves("node2"))
        .expect("nobody took over");
    in_time(&heir, farewell.at, skew(SECOND, 90), SECOND);

    let back = SystemTime::now();
    let _first = vrrpd(&lab["node1"], TUTORIAL[0]);
    let preempts = capture
        .wait(back, 2 * SOON, serves("node1"))
        .expect("no preemption");
    in_time(&preempts, back, down(SECOND, SECOND, 100), SECOND);
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(())).expect("node2 gives way");
    assert!(
        second.logs(
            "(VI_1) Master received advert from 10.0.0.60 with higher priority 100",
            SOON
        ),
        "{}",
        second.log()
    );
    assert_eq!(second.ended().unwrap(), None);
}

/// Behind a switch that fails silently both serve; as soon as they hear each other again, one does.
fn a_cut_link_is_a_dead_router() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let tenth = SECOND / 5;
    let _nodes = [
        vrrpd(&lab["node1"], &v3(200, "0.2")),
        vrrpd(&lab["node2"], &v3(100, "0.2")),
    ];
    active(&capture, "node1");
    lab["node1"].cut("eth0").unwrap();
    let cut = SystemTime::now();
    let heir = capture
        .wait(cut, SOON, serves("node2"))
        .expect("nobody took over");
    let frames = capture.frames();
    let last = frames
        .iter()
        .rev()
        .find(|f| f.at < cut && serves("node1")(f))
        .expect("the last heard");
    in_time(&heir, last.at, down(tenth, tenth, 100), tenth);
    until(SOON, || (holders(&lab, VIP).len() == 2).then_some(())).expect("split brain");
    lab["node1"].restore("eth0").unwrap();
    until(SOON, || (holders(&lab, VIP) == ["node1"]).then_some(()))
        .expect("the greater priority serves");
}

/// A Backup that was not scheduled for longer than its Active_Down_Interval finds adverts in its socket; it must
/// not take over.
fn a_frozen_daemon_believes_its_peers_first() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let _nodes = [
        vrrpd(&lab["node1"], &v3(200, "0.2")),
        vrrpd(&lab["node2"], &v3(100, "0.2")),
    ];
    active(&capture, "node1");
    let frozen = SystemTime::now();
    lab["node2"].freeze().unwrap();
    capture
        .wait(frozen + 2 * SECOND, SOON, serves("node1"))
        .expect("adverts go on");
    lab["node2"].thaw().unwrap();
    capture
        .wait(frozen + 3 * SECOND, SOON, serves("node1"))
        .expect("adverts go on");
    assert!(
        !capture.frames().iter().any(|f| serves("node2")(f)),
        "{capture}"
    );
}

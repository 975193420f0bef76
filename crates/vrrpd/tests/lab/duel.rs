//! The two programs as the nodes of one network, in both roles: what users make of their pairs.

use core::net::IpAddr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, HostPlan, Lab, Plan, Process, until};

use crate::scene::{SECOND, SOON, VIP, addresses, resigns, serves, v3};
use crate::twins::{Program, json};
use crate::{Case, ROOT};

const NEEDS: &[&str] = &["keepalived"];
/// keepalived runs no script where it cannot become the user of the script.
const THEIR_SCRIPTS: &[&str] = &["keepalived", ROOT];
const OURS: [Program; 2] = [Program::Ours, Program::Theirs];
const THEIRS: [Program; 2] = [Program::Theirs, Program::Ours];

pub(crate) const CASES: &[Case] = &[
    ("nopreempt_leaves_keepalived_alone", NEEDS, || {
        nopreempt(OURS)
    }),
    ("nopreempt_of_keepalived_leaves_us_alone", NEEDS, || {
        nopreempt(THEIRS)
    }),
    ("preempt_delay_gives_keepalived_its_time", NEEDS, || {
        preempt_delay(OURS)
    }),
    (
        "preempt_delay_of_keepalived_gives_us_our_time",
        NEEDS,
        || preempt_delay(THEIRS),
    ),
    ("a_sync_group_moves_to_keepalived_together", NEEDS, || {
        group_link(OURS)
    }),
    (
        "a_sync_group_of_keepalived_moves_to_us_together",
        NEEDS,
        || group_link(THEIRS),
    ),
    ("a_groups_script_moves_all_to_keepalived", NEEDS, || {
        group_script(OURS)
    }),
    (
        "a_groups_script_of_keepalived_moves_all_to_us",
        THEIR_SCRIPTS,
        || group_script(THEIRS),
    ),
    ("a_scripts_weight_hands_over_to_keepalived", NEEDS, || {
        script_weight(OURS)
    }),
    (
        "a_scripts_weight_of_keepalived_hands_over_to_us",
        THEIR_SCRIPTS,
        || script_weight(THEIRS),
    ),
    ("a_scripts_fault_hands_over_to_keepalived", NEEDS, || {
        script_fault(OURS)
    }),
    (
        "a_scripts_fault_of_keepalived_hands_over_to_us",
        THEIR_SCRIPTS,
        || script_fault(THEIRS),
    ),
    (
        "a_reload_moves_the_address_to_keepalived_and_back",
        NEEDS,
        || reload_priority(OURS),
    ),
    (
        "a_reload_of_keepalived_moves_the_address_to_us_and_back",
        NEEDS,
        || reload_priority(THEIRS),
    ),
    (
        "a_reload_of_both_adds_an_address_that_we_serve",
        NEEDS,
        || reload_addresses(OURS),
    ),
    (
        "a_reload_of_both_adds_an_address_that_keepalived_serves",
        NEEDS,
        || reload_addresses(THEIRS),
    ),
    (
        "announcements_are_refreshed_as_keepalived_does",
        NEEDS,
        refresh,
    ),
];

/// Two nodes on two LANs, `node1` with the first program and `node2` with the second.
struct Duel {
    lab: Lab,
    capture: Capture,
    programs: [Program; 2],
    processes: Vec<Option<Process>>,
}

impl Duel {
    fn new(programs: [Program; 2]) -> Self {
        let plan = (1..=2).fold(Plan::new().ipv6(true), |plan, n| {
            let cidr = |net: u8| [format!("10.{net}.0.6{n}/24").parse().unwrap()];
            plan.host(
                HostPlan::new(format!("node{n}"))
                    .interface("eth0", "front", cidr(0))
                    .interface("eth1", "back", cidr(1)),
            )
        });
        let lab = plan.build().unwrap();
        let capture = Capture::start(&lab).unwrap();
        Self {
            lab,
            capture,
            programs,
            processes: vec![None, None],
        }
    }

    /// Starts both, the first with the higher priority, and waits until it serves `addresses`.
    fn begin(programs: [Program; 2], confs: [&str; 2], addresses: &[&str]) -> Self {
        let mut duel = Self::new(programs);
        for (node, conf) in confs.iter().enumerate() {
            duel.start(node, conf);
        }
        duel.served(addresses, 0);
        duel
    }

    fn name(node: usize) -> String {
        format!("node{}", node + 1)
    }

    fn start(&mut self, node: usize, conf: &str) {
        let host = &self.lab[&*Self::name(node)];
        let conf = host.write("keepalived.conf", conf).unwrap();
        self.processes[node] = Some(self.programs[node].start(host, &conf));
    }

    fn process(&self, node: usize) -> &Process {
        self.processes[node].as_ref().expect("it was started")
    }

    fn stop(&mut self, node: usize) {
        let mut process = self.processes[node].take().expect("it was started");
        let status = process.stop(SOON).unwrap();
        assert_eq!(status.code(), Some(0), "{}", process.log());
    }

    fn reload(&self, node: usize, conf: &str) {
        let host = &self.lab[&*Self::name(node)];
        host.write("keepalived.conf", conf).unwrap();
        self.process(node).signal(Signal::SIGHUP).unwrap();
    }

    /// Waits until `node` has all of the addresses and the other one none.
    fn served(&self, addresses: &[&str], node: usize) {
        let found = until(3 * SOON, || {
            let holds = |holder: usize, address: &str| {
                let address: IpAddr = address.parse().unwrap();
                let all = self.lab[&*Self::name(holder)].addresses().unwrap();
                all.iter().any(|have| have.cidr.address == address)
            };
            let only = |address: &&str| holds(node, address) && !holds(1 - node, address);
            addresses.iter().all(only).then_some(())
        });
        let name = Self::name(node);
        assert!(
            found.is_some(),
            "{addresses:?} on {name} alone\n{}",
            self.report()
        );
    }

    fn data(&self, node: usize) -> serde_json::Value {
        let dump = json(self.programs[node], &self.lab[&*Self::name(node)]);
        dump.unwrap_or_else(|| panic!("no dump of {}\n{}", Self::name(node), self.report()))[0]
            .take()
    }

    /// Waits until `node` has stood by for that many more adverts of the other.
    fn stands_by(&self, node: usize, adverts: u64) {
        let heard = || self.data(node)["stats"]["advert_rcvd"].as_u64().unwrap();
        let first = heard();
        let enough = until(4 * SOON, || (heard() >= first + adverts).then_some(()));
        assert!(enough.is_some(), "adverts\n{}", self.report());
        assert_eq!(self.data(node)["data"]["state"], 1, "{}", self.report());
    }

    fn report(&self) -> String {
        let nodes = self.lab.hosts().iter();
        let have: Vec<_> = nodes.map(|host| (host.name(), addresses(host))).collect();
        format!("{have:#?}\n{}", self.lab.files())
    }
}

/// The tutorial's virtual router at two adverts a second, with more lines inside.
fn conf(priority: u8, lines: &str) -> String {
    v3(priority, "0.5").replacen("  version 3\n", &format!("  version 3\n{lines}\n"), 1)
}

fn nopreempt(programs: [Program; 2]) {
    let confs = [conf(200, "  nopreempt"), conf(150, "  nopreempt")];
    // Whoever is there first serves, whatever its priority.
    let mut duel = Duel::new(programs);
    duel.start(1, &confs[1]);
    duel.served(&[VIP], 1);
    let came = SystemTime::now();
    duel.start(0, &confs[0]);
    until(SOON, || {
        duel.process(0)
            .log()
            .contains("Entering BACKUP")
            .then_some(())
    })
    .unwrap_or_else(|| panic!("{}", duel.report()));
    duel.stands_by(0, 10);
    let claims = duel.capture.look(|frames| {
        frames
            .iter()
            .filter(|f| f.at >= came && serves("node1")(f))
            .count()
    });
    assert_eq!(claims, 0, "{}", duel.report());
    duel.stop(1);
    duel.served(&[VIP], 0);
    duel.start(1, &confs[1]);
    duel.stands_by(1, 10);
    duel.served(&[VIP], 0);
}

fn preempt_delay(programs: [Program; 2]) {
    let delay = 3 * SECOND;
    let confs = [conf(200, "  preempt_delay 3"), conf(150, "")];
    let mut duel = Duel::new(programs);
    duel.start(1, &confs[1]);
    duel.served(&[VIP], 1);
    let came = SystemTime::now();
    duel.start(0, &confs[0]);
    let claim = duel
        .capture
        .wait(came, delay + 2 * SOON, serves("node1"))
        .unwrap_or_else(|| panic!("no preemption\n{}", duel.report()));
    // What it heard first after its start began the delay; it cannot have heard anything before.
    let heard = duel.capture.wait(came, SOON, serves("node2")).unwrap();
    assert!(
        claim.at.duration_since(heard.at).unwrap() >= delay,
        "preempted too early\n{}",
        duel.report()
    );
    duel.served(&[VIP], 0);
}

const OTHER_VIP: &str = "10.1.0.70";

/// A virtual router on each LAN, both in a group with more lines.
fn group(priority: u8, lines: &str) -> String {
    let front = conf(priority, "");
    let back = front
        .replace("VI_1", "VI_2")
        .replace("eth0", "eth1")
        .replace("virtual_router_id 51", "virtual_router_id 52")
        .replace(VIP, OTHER_VIP);
    format!(
        "vrrp_sync_group G1 {{\n  group {{\n    VI_1\n    VI_2\n  }}\n{lines}\n}}\n{front}{back}"
    )
}

fn group_link(programs: [Program; 2]) {
    let both = [VIP, OTHER_VIP];
    let duel = Duel::begin(programs, [&group(200, ""), &group(150, "")], &both);
    let pulled = SystemTime::now();
    duel.lab["node1"].unplug("eth1").unwrap();
    // On the link that is whole it says farewell, so nobody waits for the silence to end.
    let farewell = duel.capture.wait(pulled, SOON, |f| {
        resigns("node1")(f) && f.interface == "eth0".into()
    });
    assert!(farewell.is_some(), "{}", duel.report());
    duel.served(&both, 1);
    duel.lab["node1"].replug("eth1").unwrap();
    duel.served(&both, 0);
}

/// A check of a file that a case removes and puts back; with the name of the file.
fn check(duel: &Duel, node: usize, lines: &str) -> (std::path::PathBuf, String) {
    let host = &duel.lab[&*Duel::name(node)];
    let flag = host.write("well", "").unwrap();
    let script = format!("#!/bin/sh\ntest -e {}\n", flag.display());
    let script = host.write("check.sh", &script).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let head = format!(
        "vrrp_script chk {{\n  script {}\n  interval 1\n  user root\n{lines}\n}}\n",
        script.display()
    );
    (flag, head)
}

fn tracked(programs: [Program; 2], lines: &str, conf: impl Fn(u8, &str) -> String, all: &[&str]) {
    let mut duel = Duel::new(programs);
    let (flag, head) = check(&duel, 0, lines);
    duel.start(
        0,
        &format!("{head}{}", conf(200, "  track_script {\n    chk\n  }")),
    );
    duel.start(1, &conf(150, ""));
    duel.served(all, 0);
    let weighted = lines.contains("weight");
    let fell = SystemTime::now();
    fs::remove_file(&flag).unwrap();
    duel.served(all, 1);
    let farewell = duel
        .capture
        .look(|frames| frames.iter().any(|f| f.at >= fell && resigns("node1")(f)));
    // A fault is told; a lower priority is found out in an election.
    assert_eq!(farewell, !weighted, "{}", duel.report());
    if weighted {
        duel.stands_by(0, 3);
    }
    fs::write(&flag, "").unwrap();
    duel.served(all, 0);
}

fn group_script(programs: [Program; 2]) {
    tracked(programs, "", group, &[VIP, OTHER_VIP]);
}

fn script_weight(programs: [Program; 2]) {
    tracked(programs, "  weight -100", conf, &[VIP]);
}

fn script_fault(programs: [Program; 2]) {
    tracked(programs, "", conf, &[VIP]);
}

fn reload_priority(programs: [Program; 2]) {
    let duel = Duel::begin(programs, [&conf(200, ""), &conf(150, "")], &[VIP]);
    duel.reload(0, &conf(100, ""));
    duel.served(&[VIP], 1);
    duel.reload(0, &conf(200, ""));
    duel.served(&[VIP], 0);
    duel.reload(1, &conf(250, ""));
    duel.served(&[VIP], 1);
}

fn reload_addresses(programs: [Program; 2]) {
    let duel = Duel::begin(programs, [&conf(200, ""), &conf(150, "")], &[VIP]);
    let more = |conf: String| conf.replace(VIP, "10.0.0.70\n    10.0.0.71");
    duel.reload(1, &more(conf(150, "")));
    duel.reload(0, &more(conf(200, "")));
    duel.served(&[VIP, "10.0.0.71"], 0);
    duel.stands_by(1, 5);
    // And back: what is gone from the file is gone from the host.
    duel.reload(1, &conf(150, ""));
    duel.reload(0, &conf(200, ""));
    duel.served(&[VIP], 0);
    let gone = || {
        let all = duel.lab.holders("10.0.0.71".parse().unwrap()).unwrap();
        all.is_empty().then_some(())
    };
    assert!(until(SOON, gone).is_some(), "{}", duel.report());
}

/// Each alone: five announcements and five more after the delay, and from then on one for each refresh.
fn refresh() {
    let lines = "  garp_master_delay 1\n  garp_master_refresh 2\n  garp_master_refresh_repeat 2";
    let vip: IpAddr = VIP.parse().unwrap();
    for node in 0..2 {
        let mut duel = Duel::new(OURS);
        duel.start(node, &conf(200, lines));
        let name = Duel::name(node);
        let announcements = || {
            duel.capture.look(|frames| {
                let of = frames
                    .iter()
                    .filter(|f| *f.host == *name && f.announces(vip));
                of.map(|f| f.at).collect::<Vec<_>>()
            })
        };
        let all = until(3 * SOON, || {
            Some(announcements()).filter(|all| all.len() >= 16)
        });
        let all = all.unwrap_or_else(|| panic!("{:?}\n{}", announcements(), duel.report()));
        let gaps: Vec<Duration> = all
            .windows(2)
            .map(|w| w[1].duration_since(w[0]).unwrap())
            .collect();
        let bursts: Vec<usize> = gaps
            .split(|gap| *gap > SECOND / 2)
            .map(|burst| burst.len() + 1)
            .collect();
        assert_eq!(
            bursts[..4],
            [5, 5, 2, 2],
            "{name}: {gaps:?}\n{}",
            duel.report()
        );
    }
}

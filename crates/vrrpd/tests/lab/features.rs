//! What a configuration can ask for besides addresses: things that are tied to each other, and hosts on which they
//! come and go.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Host, HostPlan, Lab, Plan, Process, until};

use crate::Case;
use crate::scene::{SECOND, SOON, VIP, active, holders, lan, resigns, serves, v3, vrrpd, wait_for};

pub(crate) const CASES: &[Case] = &[
    (
        "a_static_address_that_is_taken_is_put_back_and_its_interface_is_needed",
        &["ip"],
        ties_to_an_interface,
    ),
    (
        "who_is_tied_to_a_static_route_waits_until_it_can_be_there",
        &["ip"],
        ties_to_a_route,
    ),
    (
        "a_rule_needs_its_interface_and_comes_back",
        &["ip"],
        rules_need_their_interfaces,
    ),
    (
        "unicast_without_a_peer_is_a_fault_where_that_is_asked_for",
        &[],
        no_peers,
    ),
    (
        "an_interface_and_an_address_may_come_later",
        &["ip"],
        late_interface,
    ),
    (
        "addresses_elsewhere_get_the_virtual_mac_too",
        &["ip"],
        address_vmacs,
    ),
    (
        "without_its_ipvlan_an_instance_is_at_fault_and_says_so",
        &["ip"],
        ipvlan,
    ),
    (
        "addresses_that_fit_into_no_advert_are_served_all_the_same",
        &[],
        too_many,
    ),
    (
        "promote_secondaries_is_set_while_it_runs",
        &[],
        promote_secondaries,
    ),
    (
        "what_is_asked_of_the_process_is_given_and_taken_back",
        &[],
        process,
    ),
    (
        "a_late_timer_raises_the_priority_if_that_is_asked_for",
        &[],
        late_timer,
    ),
];

/// `ip WORDS` on the host; its output.
pub(crate) fn ip(host: &Host, words: &str) -> String {
    let output = host
        .output(Command::new("ip").args(words.split(' ')))
        .unwrap();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    assert!(
        output.status.success(),
        "ip {words}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

pub(crate) fn says(process: &Process, text: &str) {
    assert!(
        process.logs(text, 2 * SOON),
        "{text:?} is not in\n{}",
        process.log()
    );
}

/// One host with `eth0` on the LAN and `eth1`, which has no address, somewhere else.
fn two_links() -> Lab {
    let address = "10.0.0.60/24".parse().unwrap();
    let host = HostPlan::new("node1").interface("eth0", "lan", [address]);
    Plan::new()
        .host(host.interface("eth1", "side", []))
        .build()
        .unwrap()
}

fn ties_to_an_interface() {
    let lab = two_links();
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let conf = format!(
        "track_group G {{\n  group {{ VI_1 }}\n}}\n\
         static_ipaddress {{\n  192.0.2.1/24 dev eth1 track_group G\n}}\n\
         static_routes {{\n  198.51.100.0/24 via 192.0.2.7 dev eth1 track_group G\n}}\n{}",
        v3(200, "0.1")
    );
    let process = vrrpd(node, &conf);
    active(&capture, "node1");
    let has_address = || ip(node, "-4 addr show dev eth1").contains("192.0.2.1/24");
    let has_route = || ip(node, "route").contains("198.51.100.0/24 via 192.0.2.7");
    wait_for("static entries", &process, || has_address() && has_route());

    ip(node, "addr del 192.0.2.1/24 dev eth1");
    says(
        &process,
        "Restoring deleted static address 192.0.2.1/24 dev eth1",
    );
    wait_for("put back", &process, || has_address() && has_route());
    assert!(
        !process.log().contains("FAULT"),
        "a loss that is made good is none: {}",
        process.log()
    );

    let down = SystemTime::now();
    ip(node, "link set eth1 down");
    capture
        .wait(down, 2 * SOON, resigns("node1"))
        .expect("a farewell");
    says(&process, "entering FAULT state (interface eth1 down)");
    wait_for("given up", &process, || holders(&lab, VIP).is_empty());
    assert!(!has_route(), "the kernel took it with the link");

    ip(node, "link set eth1 up");
    let up = SystemTime::now();
    capture
        .wait(up, 2 * SOON, serves("node1"))
        .unwrap_or_else(|| panic!("it serves again: {}", process.log()));
    wait_for("all is back", &process, || has_address() && has_route());
}

fn ties_to_a_route() {
    let lab = two_links();
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    // Its gateway is on no network of this host, and no interface is named that could be looked at.
    let conf = format!(
        "track_group G {{\n  group {{ VI_1 }}\n}}\n\
         static_routes {{\n  198.51.100.0/24 via 192.0.2.7 track_group G\n}}\n{}",
        v3(200, "0.1")
    );
    let process = vrrpd(node, &conf);
    says(
        &process,
        "entering FAULT state (a static address, route or rule of its track_group is missing)",
    );
    assert_eq!(
        process.log().matches("cannot add route").count(),
        1,
        "said once: {}",
        process.log()
    );
    let since = SystemTime::now();
    ip(node, "addr add 192.0.2.1/24 dev eth1");
    capture
        .wait(since, 2 * SOON, serves("node1"))
        .unwrap_or_else(|| panic!("nothing is missing any more: {}", process.log()));
    assert!(ip(node, "route").contains("198.51.100.0/24 via 192.0.2.7"));
}

fn rules_need_their_interfaces() {
    let lab = two_links();
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let rules = "  virtual_rules {\n    from 198.51.100.0/24 iif eth1 table 77 priority 100\n    \
                 from 203.0.113.0/24 table 78 priority 101 no_track\n  }\n}\n";
    let conf = v3(200, "0.1").trim_end().trim_end_matches('}').to_owned() + rules;
    let process = vrrpd(node, &conf);
    active(&capture, "node1");
    let has = |rule: &str| ip(node, "rule").contains(rule);
    let (tracked, free) = ("iif eth1 lookup 77", "from 203.0.113.0/24 lookup 78");
    wait_for("rules", &process, || has(tracked) && has(free));

    // The one that nobody tracks goes first: when the other is back, this one would be, too.
    ip(node, "rule del priority 101");
    ip(node, "rule del priority 100");
    wait_for("put back", &process, || has(tracked));
    assert!(!has(free), "no_track: what is taken stays away");

    let down = SystemTime::now();
    ip(node, "link set eth1 down");
    capture
        .wait(down, 2 * SOON, resigns("node1"))
        .unwrap_or_else(|| panic!("a rule needs its interface: {}", process.log()));
    wait_for("rules go with the role", &process, || !has(tracked));
}

fn no_peers() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let alone = "  unicast_src_ip 10.0.0.60\n  unicast_fault_no_peer\n}\n";
    let body = v3(200, "0.1").trim_end().trim_end_matches('}').to_owned();
    let mut process = vrrpd(node, &format!("{body}{alone}"));
    says(&process, "entering FAULT state (unicast without any peers");
    process.signal(Signal::SIGUSR1).unwrap();
    let dump = node.dir().join("vrrpd/keepalived.data");
    wait_for("the data file", &process, || {
        let dump = fs::read_to_string(&dump).unwrap_or_default();
        dump.contains("   Wantstate = BACKUP\n   Number of config faults = 1\n")
    });
    assert_eq!(
        process.stop(SOON).unwrap().code(),
        Some(0),
        "{}",
        process.log()
    );

    // Without that word it uses multicast, as keepalived does, and says so.
    let capture = Capture::start(&lab).unwrap();
    let process = vrrpd(node, &format!("{body}  unicast_src_ip 10.0.0.60\n}}\n"));
    active(&capture, "node1");
    says(&process, "adverts go to the multicast group");
}

fn late_interface() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    ip(node, "addr flush dev eth0");
    let conf = v3(200, "0.1").replace(VIP, &format!("{VIP}\n    10.9.0.70 dev late0"));
    let process = vrrpd(
        node,
        &format!("global_defs {{\n  dynamic_interfaces\n}}\n{conf}"),
    );
    says(&process, "Interface late0 is not there yet; waiting for it");
    says(&process, "entering FAULT state (interface late0 down)");
    says(
        &process,
        "entering FAULT state (no IPv4 address for interface eth0)",
    );
    // What a DHCP client does.
    ip(node, "addr add 10.0.0.60/24 dev eth0");
    ip(node, "link add late0 type veth peer name late1");
    ip(node, "link set late1 up");
    let since = SystemTime::now();
    ip(node, "link set late0 up");
    capture
        .wait(since, 2 * SOON, serves("node1"))
        .unwrap_or_else(|| panic!("all is there now: {}", process.log()));
    wait_for("its address, too", &process, || {
        holders(&lab, "10.9.0.70") == ["node1"]
    });

    // It goes and comes back under another number.
    let gone = SystemTime::now();
    ip(node, "link del late0");
    capture
        .wait(gone, 2 * SOON, resigns("node1"))
        .unwrap_or_else(|| panic!("a farewell: {}", process.log()));
    ip(node, "link add late0 type veth peer name late1");
    ip(node, "link set late1 up");
    let since = SystemTime::now();
    ip(node, "link set late0 up");
    capture
        .wait(since, 2 * SOON, serves("node1"))
        .unwrap_or_else(|| panic!("it is back: {}", process.log()));
    wait_for("and its address", &process, || {
        holders(&lab, "10.9.0.70") == ["node1"]
    });
}

fn process() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let conf = |globals: &str| format!("global_defs {{\n{globals}}}\n{}", v3(200, "0.1"));
    let mut process = vrrpd(
        node,
        &conf(
            "  vrrp_process_name lab_vrrp\n  vrrp_priority 5\n  vrrp_rlimit_rttime 250000\n  \
               disable_local_igmp\n",
        ),
    );
    says(&process, "Entering MASTER STATE");
    let pid = process.pid();
    let of = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let limit = || {
        let limits = of("limits");
        let line = limits
            .lines()
            .find(|line| line.contains("realtime timeout"));
        line.unwrap().split_whitespace().nth(3).unwrap().to_owned()
    };
    let igmp = || {
        let file = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";
        let output = node.output(Command::new("cat").arg(file)).unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // Behind the name in brackets: state, 15 more fields, then the nice value.
    let nice = || {
        let stat = of("stat");
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        rest.split(' ').nth(16).unwrap().to_owned()
    };
    assert_eq!(of("comm").trim(), "lab_vrrp");
    assert_eq!((limit().as_str(), nice().as_str()), ("250000", "5"));
    assert_eq!(igmp(), "0");

    node.write(
        "vrrpd.conf",
        &conf("  process_names\n  disable_local_igmp\n"),
    )
    .unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    wait_for("another name", &process, || {
        of("comm").trim() == "keepalived_vrrp"
    });
    assert_eq!(limit(), "unlimited");

    // What cannot change while it runs is refused, and with it the whole file.
    node.write("vrrpd.conf", &conf("  process_name other\n"))
        .unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    says(&process, "Cannot change disable_local_igmp at a reload");
    says(
        &process,
        "the new configuration cannot run; the old one goes on",
    );
    let named = conf("  process_names\n  disable_local_igmp\n");
    node.write("vrrpd.conf", &format!("instance other\n{named}"))
        .unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    says(&process, "Cannot change instance at a reload");
    assert_eq!(of("comm").trim(), "keepalived_vrrp");
    assert_eq!(
        process.stop(SOON).unwrap().code(),
        Some(0),
        "{}",
        process.log()
    );
    assert_eq!(igmp(), "1", "as it was");
}

fn late_timer() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let globals = "global_defs {\n  max_auto_priority 3\n  min_auto_priority_delay 200000\n}\n";
    let process = vrrpd(node, &format!("{globals}{}", v3(200, "0.1")));
    active(&capture, "node1");
    node.freeze().unwrap();
    // Frozen for long enough when the last advert is so old.
    until(2 * SOON, || {
        let last = capture.look(|frames| {
            frames
                .iter()
                .rev()
                .find(|f| serves("node1")(f))
                .map(|f| f.at)
        });
        (last?.elapsed().ok()? > SECOND).then_some(())
    })
    .expect("silence");
    node.thaw().unwrap();
    // Root gets it; in a user namespace nobody does, and that is said.
    until(2 * SOON, || {
        let log = process.log();
        let raised = log.contains("s late: real-time priority 1 of at most 3 (max_auto_priority)");
        (raised || log.contains("max_auto_priority cannot be had")).then_some(())
    })
    .unwrap_or_else(|| panic!("not a word of it: {}", process.log()));
}

fn address_vmacs() {
    let lab = two_links();
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    // On the first address alone, and on whatever is elsewhere.
    let conf = "global_defs {\n  vmac_addr_prefix va\n  vrrp_garp_master_repeat 1\n}\n\
         vrrp_instance VI_1 {\n  version 3\n  interface eth0\n  virtual_router_id 51\n  advert_int 0.1\n  use_vmac\n  \
         virtual_ipaddress {\n    10.0.0.70\n    10.1.0.70 dev eth1 use_vmac\n    10.1.0.75 dev eth1\n  }\n}\n\
         vrrp_instance VI_2 {\n  version 3\n  interface eth0\n  virtual_router_id 52\n  advert_int 0.1\n  use_vmac_addr\n  \
         virtual_ipaddress {\n    10.0.0.71\n    10.1.0.71 dev eth1\n  }\n  \
         virtual_ipaddress_excluded {\n    10.1.0.72 dev eth1\n  }\n}\n";
    let mut process = vrrpd(node, conf);
    let on = |link: &str, address: &str| {
        ip(node, "-o -4 addr").lines().any(|line| {
            let mut words = line.split_whitespace().skip(1);
            words.next() == Some(link) && words.nth(1).is_some_and(|it| it.starts_with(address))
        })
    };
    wait_for("each in its place", &process, || {
        on("vrrp.51", "10.0.0.70/")
            && on("va.51", "10.1.0.70/")
            && on("eth1", "10.1.0.75/")
            && on("eth0", "10.0.0.71/")
            && on("va.52", "10.1.0.71/")
            && on("va.52", "10.1.0.72/")
    });
    let link = ip(node, "-d link show dev va.51");
    assert!(
        link.contains("va.51@eth1") && link.contains("00:00:5e:00:01:33"),
        "{link}"
    );
    let announced = |address: &str| {
        let address = address.parse().unwrap();
        capture
            .wait(SystemTime::UNIX_EPOCH, SOON, |frame| {
                frame.announces(address)
            })
            .unwrap_or_else(|| panic!("{address} is not announced: {}", process.log()))
    };
    assert_eq!(
        announced("10.1.0.70").source(),
        Some([0, 0, 0x5e, 0, 1, 51])
    );
    assert_eq!(
        announced("10.1.0.72").source(),
        Some([0, 0, 0x5e, 0, 1, 52])
    );
    assert_eq!(announced("10.1.0.75").source(), node.mac("eth1").ok());

    // The interface under them is needed, the ones that are made for them are not waited for.
    let down = SystemTime::now();
    ip(node, "link set eth1 down");
    capture
        .wait(down, 2 * SOON, resigns("node1"))
        .unwrap_or_else(|| panic!("a farewell: {}", process.log()));
    says(&process, "entering FAULT state (interface eth1 down)");
    ip(node, "link set eth1 up");
    wait_for("back", &process, || {
        on("va.51", "10.1.0.70/") && on("va.52", "10.1.0.72/")
    });
    assert_eq!(
        process.stop(SOON).unwrap().code(),
        Some(0),
        "{}",
        process.log()
    );
    let links = ip(node, "link");
    assert!(
        !links.contains("va.5") && !links.contains("vrrp.51"),
        "{links}"
    );
}

fn ipvlan() {
    let lab = two_links();
    let node = &lab["node1"];
    let capture = Capture::start(&lab).unwrap();
    let has_it = node
        .output(Command::new("ip").args(["link", "add", "try0", "link", "eth1", "type", "ipvlan"]))
        .unwrap()
        .status
        .success();
    let other = v3(200, "0.1")
        .replace("VI_1", "VI_2")
        .replace("51", "52")
        .replace(VIP, "10.0.0.71");
    let conf = v3(200, "0.1").replace(
        "  version 3",
        "  version 3\n  use_ipvlan ipv0 10.0.0.99/24 private",
    );
    let process = vrrpd(node, &format!("{conf}{other}"));
    active(&capture, "node1");
    if has_it {
        wait_for("both serve", &process, || holders(&lab, VIP) == ["node1"]);
        return;
    }
    says(&process, "this kernel has no ipvlan");
    says(
        &process,
        "(VI_1): entering FAULT state (an interface of its own cannot be made)",
    );
    wait_for("the other one serves", &process, || {
        holders(&lab, "10.0.0.71") == ["node1"]
    });
    assert!(holders(&lab, VIP).is_empty());
    // Each change of the host is a reason to try again, and none to complain again.
    ip(node, "addr add 192.0.2.1/24 dev eth1");
    ip(node, "addr del 192.0.2.1/24 dev eth1");
    assert_eq!(
        process.log().matches("this kernel has no ipvlan").count(),
        1,
        "{}",
        process.log()
    );
}

fn promote_secondaries() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let file = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries";
    let now = || {
        let output = node.output(Command::new("cat").arg(file)).unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(now(), "0");
    let conf = v3(200, "0.1");
    let asking = conf.replace("  version 3", "  version 3\n  promote_secondaries");
    let mut process = vrrpd(node, &asking);
    says(&process, "Entering MASTER STATE");
    wait_for("set", &process, || now() == "1");
    node.write("vrrpd.conf", &conf).unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    wait_for("as before", &process, || now() == "0");
    node.write("vrrpd.conf", &asking).unwrap();
    process.signal(Signal::SIGHUP).unwrap();
    wait_for("set again", &process, || now() == "1");
    assert_eq!(
        process.stop(SOON).unwrap().code(),
        Some(0),
        "{}",
        process.log()
    );
    assert_eq!(now(), "0");
}

/// 300 addresses and an excluded one: an advert has room for 255, all are there, and the hosts are told of all.
//= KA-CFG-03 test
//= KA-CFG-04 test
fn too_many() {
    let lab = lan(1, false);
    let address = |n: usize| format!("10.0.{}.{}", 1 + n / 200, 1 + n % 200);
    let all: Vec<String> = (0..300).map(address).collect();
    let lists = format!(
        "{}\n  }}\n  virtual_ipaddress_excluded {{\n    {}",
        all.join("\n    "),
        address(300)
    );
    let capture = Capture::start(&lab).unwrap();
    let process = vrrpd(&lab["node1"], &v3(200, "0.3").replacen(VIP, &lists, 1));
    let advert = active(&capture, "node1");
    let count = advert.advert().map(|advert| advert.addresses.len());
    assert_eq!(count, Some(255), "{}", process.log());
    wait_for("all are announced", &process, || {
        (0..=300).all(|n| {
            let address = address(n).parse().unwrap();
            capture.look(|frames| frames.iter().any(|frame| frame.announces(address)))
        })
    });
    for n in [0, 254, 255, 299, 300] {
        assert_eq!(holders(&lab, &address(n)), ["node1"], "{n}");
    }
    assert!(process.log().contains("do not fit into an advert"));
}

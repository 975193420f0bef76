//! The lab itself: are its hosts hosts, its cables cables, and does nothing of it stay.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use core::net::Ipv4Addr;
use core::time::Duration;
use std::net::UdpSocket;
use std::process::{Command, ExitCode};
use std::time::SystemTime;
use std::{env, fs};

use libtest_mimic::{Arguments, Trial};
use nix::unistd::getpid;
use vrrp_lab::{Capture, EnterError, HostPlan, Lab, Plan, Probe, Seen, enter, required, until};

const SOON: Duration = Duration::from_secs(5);

type Case = (&'static str, fn());

const CASES: [Case; 8] = [
    (
        "hosts_are_apart_and_reach_each_other",
        hosts_are_apart_and_reach_each_other,
    ),
    (
        "run_and_sys_are_the_hosts_own",
        run_and_sys_are_the_hosts_own,
    ),
    (
        "a_cut_link_is_silent_and_an_unplugged_one_is_down",
        a_cut_link_is_silent_and_an_unplugged_one_is_down,
    ),
    (
        "a_crash_kills_all_and_is_silent",
        a_crash_kills_all_and_is_silent,
    ),
    (
        "a_capture_knows_who_sent_what",
        a_capture_knows_who_sent_what,
    ),
    ("ipv6_and_several_lans", ipv6_and_several_lans),
    (
        "a_killed_worker_takes_everything_along",
        a_killed_worker_takes_everything_along,
    ),
    ("threads_are_refused", threads_are_refused),
];

fn main() -> ExitCode {
    if env::var_os("VRRP_LAB_HOLD").is_some() {
        return hold();
    }
    let entered = enter();
    let reason = entered.err().map(|e| e.to_string());
    if let Some(reason) = &reason {
        println!("lab: {} cases cannot run: {reason}", CASES.len());
    }
    let trials = CASES.map(|(name, case)| {
        let reason = reason.clone();
        let skip = reason.is_some() && !required();
        Trial::test(name, move || {
            if let Some(reason) = reason {
                return Err(reason.into());
            }
            case();
            Ok(())
        })
        .with_ignored_flag(skip)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn hosts_are_apart_and_reach_each_other() {
    let lab = Lab::lan(["a", "b"]).build().unwrap();
    let shown: Vec<_> = lab["b"]
        .addresses()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        [
            "inet 127.0.0.1/8 scope host lo",
            "inet 10.0.0.2/24 scope global eth0"
        ]
    );
    assert_eq!(
        lab.holders("10.0.0.2".parse().unwrap()).unwrap()[0].name(),
        "b"
    );

    let bind = |host: &str| {
        lab[host]
            .run(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 7777)).unwrap())
            .unwrap()
    };
    let (a, b) = (bind("a"), bind("b"));
    b.set_read_timeout(Some(SOON)).unwrap();
    a.send_to(b"hello", "10.0.0.2:7777").unwrap();
    let mut buffer = [0; 16];
    let (len, from) = b.recv_from(&mut buffer).unwrap();
    assert_eq!(
        (&buffer[..len], from.to_string().as_str()),
        (&b"hello"[..], "10.0.0.1:7777")
    );
}

fn run_and_sys_are_the_hosts_own() {
    let lab = Lab::lan(["a", "b"]).build().unwrap();
    let cwd = env::current_dir().unwrap();
    lab["a"]
        .run(|| fs::write("/run/mark", "a").unwrap())
        .unwrap();
    assert!(!lab["b"].run(|| fs::exists("/run/mark").unwrap()).unwrap());
    assert!(!fs::exists("/run/mark").unwrap());
    assert!(lab["a"].dir().join("run/mark").exists());

    let file = lab["a"].write("a.conf", "text").unwrap();
    let read = lab["a"]
        .run(|| {
            (
                fs::read_to_string(&file).unwrap(),
                env::current_dir().unwrap(),
            )
        })
        .unwrap();
    assert_eq!(read, ("text".into(), cwd.clone()));
    assert_eq!(env::current_dir().unwrap(), cwd);

    let output = lab["a"]
        .output(Command::new("ls").arg("/sys/class/net"))
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "eth0\nlo\n");
}

fn a_cut_link_is_silent_and_an_unplugged_one_is_down() {
    let lab = Lab::lan(["a", "b"]).build().unwrap();
    let pings = Probe::start(
        &lab["a"],
        "10.0.0.2".parse().unwrap(),
        Duration::from_millis(1),
    )
    .unwrap();
    let answered = || until(SOON, || pings.answered().then_some(())).unwrap();
    let dark = || until(SOON, || (!pings.answered()).then_some(())).unwrap();
    let carrier = || fs::read_to_string("/sys/class/net/eth0/carrier").unwrap();
    answered();
    let start = SystemTime::now();
    lab["b"].cut("eth0").unwrap();
    dark();
    assert_eq!(
        lab["b"].run(carrier).unwrap(),
        "1\n",
        "the host must not notice"
    );
    lab["b"].restore("eth0").unwrap();
    answered();
    lab["b"].unplug("eth0").unwrap();
    dark();
    assert_eq!(lab["b"].run(carrier).unwrap(), "0\n");
    lab["b"].replug("eth0").unwrap();
    answered();
    let outages = pings.outages(start);
    assert!(
        outages
            .iter()
            .any(|o| o.lasted() >= Duration::from_millis(250)),
        "{outages:?}"
    );
    assert!(
        outages.iter().map(|o| o.lost).sum::<usize>() >= 100,
        "{outages:?}"
    );
    assert!(lab["a"].cut("eth1").is_err());
}

fn a_crash_kills_all_and_is_silent() {
    let lab = Lab::lan(["a", "b"]).build().unwrap();
    // A grandchild in a session of its own is still the host's.
    let mut shell = lab["b"]
        .spawn(
            "shell",
            Command::new("sh")
                .arg("-c")
                .arg("echo started; setsid sleep 1000 & sleep 1000"),
        )
        .unwrap();
    assert!(shell.logs("started", SOON));
    until(SOON, || {
        (lab["b"].processes().unwrap().len() == 3).then_some(())
    })
    .unwrap();
    assert!(lab["a"].processes().unwrap().is_empty());
    lab["b"].crash().unwrap();
    until(SOON, || shell.ended().unwrap()).unwrap();
    until(SOON, || {
        lab["b"].processes().unwrap().is_empty().then_some(())
    })
    .unwrap();
    let pings = Probe::start(
        &lab["a"],
        "10.0.0.2".parse().unwrap(),
        Duration::from_millis(1),
    )
    .unwrap();
    until(SOON, || (pings.pings().len() > 100).then_some(())).unwrap();
    assert!(!pings.answered());
}

fn a_capture_knows_who_sent_what() {
    let lab = Lab::lan(["a", "b"]).build().unwrap();
    let capture = Capture::start(&lab).unwrap();
    let start = SystemTime::now();
    let pings = Probe::start(
        &lab["a"],
        "10.0.0.2".parse().unwrap(),
        Duration::from_millis(5),
    )
    .unwrap();
    let request = capture.wait(start, SOON, |f| &*f.host == "a").unwrap();
    let reply = capture.wait(request.at, SOON, |f| &*f.host == "b").unwrap();
    assert!(reply.at.duration_since(request.at).unwrap() < Duration::from_secs(1));
    let expected = Seen::Arp {
        request: false,
        mac: lab["b"].mac("eth0").unwrap(),
        sender: "10.0.0.2".parse().unwrap(),
        target: "10.0.0.1".parse().unwrap(),
        gratuitous: false,
    };
    assert_eq!(reply.seen, expected);
    until(SOON, || pings.answered().then_some(())).unwrap();
    assert!(
        capture
            .frames()
            .iter()
            .all(|f| matches!(f.seen, Seen::Arp { .. })),
        "{capture}"
    );

    // An advert from nowhere, through a raw socket: it is seen, decoded, and survives into the pcap file.
    let message = [0x31, 51, 100, 1, 0, 100, 0, 0, 10, 0, 0, 70];
    let sent = SystemTime::now();
    lab["b"]
        .run(|| {
            let raw = socket2::Socket::new(
                socket2::Domain::IPV4,
                socket2::Type::RAW,
                Some(socket2::Protocol::from(112)),
            )
            .unwrap();
            raw.set_multicast_if_v4(&"10.0.0.2".parse().unwrap())
                .unwrap();
            let group: core::net::SocketAddr = "224.0.0.18:0".parse().unwrap();
            raw.send_to(&message, &group.into()).unwrap();
        })
        .unwrap();
    let frame = capture.wait(sent, SOON, |f| f.advert().is_some()).unwrap();
    let advert = frame.advert().unwrap();
    assert_eq!(
        (&*frame.host, advert.vrid, advert.priority.get()),
        ("b", 51, 100)
    );
    assert_eq!(
        advert.addresses,
        ["10.0.0.70".parse::<core::net::IpAddr>().unwrap()]
    );
    let file = lab["a"].dir().join("all.pcap");
    capture.write_pcap(&file).unwrap();
    let pcap = fs::read(file).unwrap();
    assert!(pcap.windows(message.len()).any(|w| w == message));
}

fn ipv6_and_several_lans() {
    let cidr = |text: &str| text.parse().unwrap();
    let router = HostPlan::new("r")
        .interface("eth0", "left", [cidr("fd00::1/64")])
        .interface("eth1", "right", [cidr("10.1.0.1/24")]);
    let lab = Plan::new()
        .host(router)
        .host(HostPlan::new("l").interface("eth0", "left", [cidr("fd00::2/64")]))
        .host(HostPlan::new("w").interface("wan", "right", [cidr("10.1.0.2/24")]))
        .ipv6(true)
        .build()
        .unwrap();
    for (from, to) in [("l", "fd00::1"), ("w", "10.1.0.1")] {
        let pings =
            Probe::start(&lab[from], to.parse().unwrap(), Duration::from_millis(2)).unwrap();
        until(SOON, || pings.answered().then_some(())).unwrap_or_else(|| panic!("{from} to {to}"));
    }
    let pings = Probe::start(
        &lab["w"],
        "fd00::1".parse().unwrap(),
        Duration::from_millis(2),
    )
    .unwrap();
    until(SOON, || (pings.pings().len() > 50).then_some(())).unwrap();
    assert!(!pings.answered(), "the LANs must be apart");
}

/// Runs this program again, as a lab that never ends by itself, and kills it in both possible places.
fn a_killed_worker_takes_everything_along() {
    let spaces = || {
        let ps = fs::read_dir("/proc").unwrap().filter_map(|e| {
            let path = e.unwrap().path();
            path.file_name()?.to_str()?.parse::<u32>().ok()?;
            fs::read_link(path.join("ns/net")).ok()
        });
        ps.collect::<std::collections::BTreeSet<_>>()
    };
    let marks = || {
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|e| fs::read(e.unwrap().path().join("cmdline")).ok())
            .filter(|line| line.ends_with(b"98765.43\0"))
            .count()
    };
    for victim in ["launcher", "worker"] {
        let mut lab = Command::new("/proc/self/exe")
            .env("VRRP_LAB_HOLD", "1")
            .spawn()
            .unwrap();
        until(SOON, || (marks() == 2).then_some(())).expect("two sleepers");
        let before = spaces().len();
        let pid = if victim == "launcher" {
            lab.id()
        } else {
            child_of(child_of(lab.id()))
        };
        Command::new("kill")
            .arg("-9")
            .arg(pid.to_string())
            .status()
            .unwrap();
        lab.wait().unwrap();
        until(SOON, || (marks() == 0).then_some(()))
            .unwrap_or_else(|| panic!("{victim}: survivors"));
        assert!(spaces().len() < before, "{victim}");
    }
}

fn hold() -> ExitCode {
    enter().unwrap();
    assert!(u32::from_ne_bytes(getpid().as_raw().to_ne_bytes()) > 1);
    let lab = Lab::lan(["a"]).build().unwrap();
    let sleeper = Command::new("sh")
        .args(["-c", "setsid sleep 98765.43 & wait"])
        .spawn();
    let _inside = lab["a"]
        .spawn("sleep", Command::new("sleep").arg("98765.43"))
        .unwrap();
    let _ = sleeper.unwrap().wait();
    ExitCode::SUCCESS
}

fn child_of(pid: u32) -> u32 {
    let children = format!("/proc/{pid}/task/{pid}/children");
    until(SOON, || {
        fs::read_to_string(&children).unwrap().trim().parse().ok()
    })
    .expect("one child")
}

fn threads_are_refused() {
    assert!(matches!(enter(), Err(EnterError::Threads(n)) if n > 1));
}

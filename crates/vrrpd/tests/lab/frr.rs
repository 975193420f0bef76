//! FRR's vrrpd on the other side: VRRPv3 with the virtual MAC on both, IPv4 and IPv6 under one VRID, and either of the
//! two checksums that there are of VRRPv3 over IPv4.

use core::net::IpAddr;
use core::time::Duration;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use nix::mount::{MsFlags, mount};
use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Frame, Host, Probe, Process, until};
use vrrp_proto::{ChecksumCoverage, Family};

use crate::Case;
use crate::scene::{
    SECOND, SOON, VIP, down, ip, lan, neighbour, of, resigns, run, serves, settled, virtual_mac,
};

const NEEDS: &[&str] = &[ZEBRA, VRRPD, "ip"];
const ZEBRA: &str = "/usr/lib/frr/zebra";
const VRRPD: &str = "/usr/lib/frr/vrrpd";

pub(crate) const CASES: &[Case] = &[
    ("frr_stands_by_for_us", NEEDS, || {
        play(Form::Pseudo, OURS_FIRST)
    }),
    ("frr_is_stood_by_by_us", NEEDS, || {
        play(Form::Pseudo, THEIRS_FIRST)
    }),
    (
        "frr_and_the_checksum_without_pseudo_header",
        NEEDS,
        frr_and_the_checksum_without_pseudo_header,
    ),
    (
        "frr_is_heard_whichever_checksum_it_uses",
        NEEDS,
        frr_is_heard_whichever_checksum_it_uses,
    ),
];

const VIPS: [&str; 2] = [VIP, "fe80::70"];
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
const HIGH: u8 = 200;
const LOW: u8 = 150;
const INTERVAL: Duration = Duration::from_millis(500);

/// What the checksum of VRRPv3 over IPv4 covers.
#[derive(Clone, Copy)]
enum Form {
    /// A pseudo-header as well: the default of FRR, of keepalived, and ours.
    Pseudo,
    /// The message alone: RFC 9568.
    Plain,
}

/// Who plays a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

const OURS_FIRST: [Side; 2] = [Side::Ours, Side::Theirs];
const THEIRS_FIRST: [Side; 2] = [Side::Theirs, Side::Ours];

impl Side {
    fn prepare(self, host: &Host) -> Option<Process> {
        (self == Self::Theirs).then(|| furnish(host))
    }

    fn start(self, host: &Host, form: Form, priority: u8) -> Process {
        match self {
            Self::Ours => ours(host, form, priority),
            Self::Theirs => theirs(host, form, priority),
        }
    }
}

//= R9568-7.2-03 test
//= KA-CSUM-01 test
/// The first serves, is stopped, comes back, preempts, and dies; the second is there each time. The client sees one MAC.
fn play(form: Form, [first, second]: [Side; 2]) {
    let lab = lan(3, true);
    let capture = Capture::start(&lab).unwrap();
    let [node1, node2, client] = ["node1", "node2", "node3"].map(|name| &lab[name]);
    let _zebras = [first.prepare(node1), second.prepare(node2)];
    let began = SystemTime::now();
    let mut high = first.start(node1, form, HIGH);
    let low = second.start(node2, form, LOW);
    serves_alone(&capture, began, "node1");
    let probes = VIPS.map(|vip| Probe::start(client, vip.parse().unwrap(), SECOND / 20).unwrap());
    let reached = |at: &str| {
        for (vip, probe) in VIPS.iter().zip(&probes) {
            until(SOON, || probe.answered().then_some(()))
                .unwrap_or_else(|| panic!("no answer from {vip} at {at}\n{}", lab.files()));
            assert_eq!(
                neighbour(client, vip),
                virtual_mac(vip).to_string(),
                "{vip} at {at}"
            );
        }
    };
    reached("node1");

    let stopped = SystemTime::now();
    high.signal(Signal::SIGTERM).unwrap();
    for family in FAMILIES {
        let farewell = capture
            .wait(stopped, SOON, |f| of(family)(f) && resigns("node1")(f))
            .expect("priority 0");
        let heir = capture.wait(farewell.at, SOON, |f| of(family)(f) && serves("node2")(f));
        heir.expect("nobody took over");
    }
    // FRR takes three seconds for it.
    assert_eq!(
        high.wait(4 * SOON).unwrap().expect("an end").code(),
        Some(0),
        "{}",
        high.log()
    );
    serves_alone(&capture, stopped, "node2");
    reached("node2");

    let back = SystemTime::now();
    let high = first.start(node1, form, HIGH);
    serves_alone(&capture, back, "node1");
    reached("node1 again");

    node1.crash().unwrap();
    let dead = SystemTime::now();
    for family in FAMILIES {
        let last = capture
            .frames()
            .into_iter()
            .rfind(|f| of(family)(f) && serves("node1")(f))
            .expect("an advert of the dead");
        let heir = capture
            .wait(last.at, 2 * SOON, |f| of(family)(f) && serves("node2")(f))
            .expect("nobody took over");
        let expected = match second {
            Side::Ours => down(INTERVAL, INTERVAL, LOW.into()),
            // It counts in whole centiseconds.
            Side::Theirs => 3 * INTERVAL,
        };
        let took = heir.at.duration_since(last.at).unwrap();
        assert!(took >= expected, "{:?} too early", expected - took);
    }
    serves_alone(&capture, dead, "node2");
    reached("node2 in the end");

    one_mac(&capture);
    all_of(&capture, form);
    for process in [&high, &low] {
        no_complaints(process);
    }
}

//= KA-CSUM-02 test
/// FRR takes the form alone that it sends, and has a choice only since 8.5. Before, it throws away what RFC 9568 wants.
fn frr_and_the_checksum_without_pseudo_header() {
    if has_choice() {
        play(Form::Plain, OURS_FIRST);
        return play(Form::Plain, THEIRS_FIRST);
    }
    let lab = lan(2, true);
    let capture = Capture::start(&lab).unwrap();
    let _zebra = furnish(&lab["node2"]);
    let began = SystemTime::now();
    let high = ours(&lab["node1"], Form::Plain, HIGH);
    let _low = theirs(&lab["node2"], Form::Pseudo, LOW);
    // Over IPv6 there is one form.
    settled(&capture, began, "node1", Family::V6);
    let theirs = |f: &Frame| of(Family::V4)(f) && serves("node2")(f);
    let usurps = capture.wait(began, 2 * SOON, theirs).expect("it heard us");
    capture
        .wait(usurps.at, SOON, |f| of(Family::V4)(f) && serves("node1")(f))
        .expect("we give way to a lower priority");
    // It says nothing of it; ours says both which form the other has, and what comes of it.
    for line in [
        "10.0.0.61 computes checksums with the pseudo-header",
        "10.0.0.61 serves these addresses as well",
    ] {
        assert!(high.logs(line, SOON), "{line}:\n{}", high.log());
    }
}

//= KA-CSUM-05 test
/// Ours takes both forms, whichever it sends itself.
fn frr_is_heard_whichever_checksum_it_uses() {
    let forms = [(Form::Pseudo, Form::Plain), (Form::Plain, Form::Pseudo)];
    for (their_form, our_form) in forms.into_iter().take(1 + usize::from(has_choice())) {
        let lab = lan(2, true);
        let capture = Capture::start(&lab).unwrap();
        let _zebra = furnish(&lab["node1"]);
        let began = SystemTime::now();
        let _high = theirs(&lab["node1"], their_form, HIGH);
        let low = ours(&lab["node2"], our_form, LOW);
        serves_alone(&capture, began, "node1");
        // Longer than its Active_Down_Interval: what was heard was believed.
        let from = SystemTime::now();
        capture
            .wait(from + 3 * SECOND, 2 * SOON, serves("node1"))
            .expect("adverts");
        let frames = capture.frames();
        let usurped = frames.iter().any(|f| f.at > from && serves("node2")(f));
        assert!(!usurped, "{capture}");
        let line = "10.0.0.60 computes checksums";
        assert!(low.logs(line, SOON), "{line}:\n{}", low.log());
    }
}

fn has_choice() -> bool {
    let program = std::fs::read(VRRPD).unwrap();
    let keyword = b"checksum-with-ipv4-pseudoheader";
    program.windows(keyword.len()).any(|word| word == keyword)
}

fn serves_alone(capture: &Capture, since: SystemTime, host: &str) {
    for family in FAMILIES {
        settled(capture, since, host, family);
    }
}

/// Whatever anybody said of where the virtual addresses are: at the virtual MAC, and in a frame from it.
fn one_mac(capture: &Capture) {
    for vip in VIPS {
        let address: IpAddr = vip.parse().unwrap();
        let mac = virtual_mac(vip).octets();
        let frames = capture.frames();
        let told: Vec<_> = frames
            .iter()
            .filter_map(|f| Some((f, f.places(address)?)))
            .collect();
        assert!(!told.is_empty(), "nobody told of {vip}");
        for (frame, at) in told {
            assert_eq!(
                (at, frame.source()),
                (mac, Some(mac)),
                "{}: {}",
                frame.host,
                frame.seen
            );
        }
    }
}

/// The adverts of both sides have the form that was asked for, and leave from the virtual MAC.
fn all_of(capture: &Capture, form: Form) {
    for frame in capture.frames() {
        let Some(advert) = frame.advert() else {
            continue;
        };
        let source = advert.ends.source().to_string();
        assert!(!VIPS.contains(&&*source), "{}: {}", frame.host, frame.seen);
        let covers = match (advert.ends.family(), form) {
            (Family::V4, Form::Plain) => ChecksumCoverage::Message,
            (Family::V4, Form::Pseudo) | (Family::V6, _) => ChecksumCoverage::PseudoHeader,
        };
        let covered = advert
            .covered
            .is_some_and(|covered| covered.includes(covers));
        assert!(
            covered,
            "{}: {}, {:?}",
            frame.host, frame.seen, advert.covered
        );
        let vip = match advert.ends.family() {
            Family::V4 => VIPS[0],
            Family::V6 => VIPS[1],
        };
        assert_eq!(
            advert.mac,
            virtual_mac(vip).octets(),
            "{}: {}",
            frame.host,
            frame.seen
        );
    }
}

/// Neither found anything wrong with what it heard.
fn no_complaints(process: &Process) {
    let words = [
        "checksum", "invalid", "mismatch", "differ", "discard", "drop", "error", "unknown",
    ];
    let log = process.log();
    // On a slow machine two of the lower one's adverts cross the first of the higher one's.
    let words_of_preemption = ["received lower priority", "serves these addresses as well"];
    let harmless = |line: &str| words_of_preemption.iter().any(|words| line.contains(words));
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| {
            words.iter().any(|word| line.to_lowercase().contains(word)) && !harmless(line)
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

fn ours(host: &Host, form: Form, priority: u8) -> Process {
    let covers = match form {
        Form::Pseudo => "",
        Form::Plain => "  v3_checksum_as_v2\n",
    };
    let instance = |name: &str, more: &str, addresses: &str| {
        format!(
            "vrrp_instance {name} {{\n  version 3\n  interface eth0\n  use_vmac\n{more}  virtual_router_id 51\n  \
             priority {priority}\n  advert_int 0.5\n  virtual_ipaddress {{\n{addresses}  }}\n}}\n"
        )
    };
    let conf = instance("VI_4", covers, &format!("    {VIP}\n"))
        + &instance("VI_6", "", "    fe80::70\n    2001:db8::70\n");
    let file = host.write("vrrpd.conf", &conf).unwrap();
    host.spawn("vrrpd", run(host).arg("-f").arg(file)).unwrap()
}

fn theirs(host: &Host, form: Form, priority: u8) -> Process {
    let covers = match form {
        Form::Pseudo => "",
        Form::Plain => " no vrrp 51 checksum-with-ipv4-pseudoheader\n",
    };
    let conf = format!(
        "log stdout\ninterface eth0\n vrrp 51 version 3\n vrrp 51 priority {priority}\n \
         vrrp 51 advertisement-interval 500\n{covers} vrrp 51 ip {VIP}\n vrrp 51 ipv6 fe80::70\n \
         vrrp 51 ipv6 2001:db8::70\n"
    );
    frr(host, VRRPD, &conf)
}

/// One of FRR's daemons, with all that it leaves in the host's directory.
fn frr(host: &Host, program: &str, conf: &str) -> Process {
    let name = Path::new(program).file_name().unwrap().to_str().unwrap();
    let file = host.write(&format!("frr-{name}.conf"), conf).unwrap();
    let mut command = Command::new(program);
    command.arg("-f").arg(file);
    command
        .arg("-i")
        .arg(host.dir().join(format!("{name}.pid")));
    command.arg("-z").arg(host.dir().join("zserv"));
    command.arg("--vty_socket").arg(host.dir());
    command.args(["-A", "127.0.0.1", "-P", "0", "-u", "frr", "-g", "frr"]);
    host.spawn(&format!("frr-{name}"), &mut command).unwrap()
}

/// What FRR wants to find: a user and groups (here all of them root, who is the only one that an ordinary user's
/// namespaces have), a writable `/var/tmp`, a macvlan with each virtual MAC and the virtual addresses on it, and a zebra.
fn furnish(host: &Host) -> Process {
    let users = "root:x:0:0::/:/bin/false\nfrr:x:0:0::/:/bin/false\n";
    let groups = "root:x:0:\nfrr:x:0:\nfrrvty:x:0:root,frr\n";
    let files = [
        (host.write("users", users).unwrap(), "/etc/passwd"),
        (host.write("groups", groups).unwrap(), "/etc/group"),
        (host.dir().to_owned(), "/var/tmp"),
    ];
    host.run(|| {
        let none = None::<&str>;
        files
            .iter()
            .try_for_each(|(file, place)| mount(Some(file), *place, none, MsFlags::MS_BIND, none))
    })
    .unwrap()
    .unwrap();
    for (name, mac, addresses) in [
        ("vrrp4-51", "00:00:5e:00:01:33", ["10.0.0.70/32"].as_slice()),
        // The last is where its IPv6 adverts come from.
        (
            "vrrp6-51",
            "00:00:5e:00:02:33",
            &["2001:db8::70/64", "fe80::70/64", "fe80::f/64"],
        ),
    ] {
        ip(
            host,
            &format!("link add {name} link eth0 type macvlan mode bridge"),
        );
        ip(
            host,
            &format!("link set {name} addrgenmode none address {mac}"),
        );
        for address in addresses {
            ip(host, &format!("addr add {address} dev {name}"));
        }
        ip(host, &format!("link set {name} up"));
    }
    // It leaves the addresses there while it is Backup: the parent must not answer for them.
    host.run(|| {
        for (setting, value) in [
            ("arp_ignore", "1"),
            ("arp_announce", "2"),
            ("rp_filter", "0"),
        ] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/all/{setting}"), value).unwrap();
        }
    })
    .unwrap();
    let zebra = frr(host, ZEBRA, "");
    until(SOON, || host.dir().join("zserv").exists().then_some(())).expect("zebra");
    zebra
}

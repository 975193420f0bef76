//! How much one system call does. Counted by strace(1), where there is one.

use crate::Case;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{env, fs};
use vrrp_lab::{HostPlan, Lab, Plan, until};
use vrrp_net::linux::Linux;
use vrrp_net::{AddressSpec, Backend, IfIndex, Op};

pub(crate) const CASES: &[Case] = &[(
    "a_thousand_addresses_in_sixty_calls",
    a_thousand_addresses_in_sixty_calls,
)];

/// Set for the process that is counted: how many of its interfaces get IPv6 addresses.
pub(crate) const COUNTED: &str = "VRRP_NET_COUNTED";
const INTERFACES: usize = 4;
const EACH: u16 = 255;
/// System calls for all of them, to add and to remove.
const SIXTY: usize = 60;
/// No part took longer: then IPv6 goes in parts of 64, but for the first two.
const QUICK: Duration = Duration::from_millis(1);
const WAS_QUICK: &str = "the kernel was quick";
/// Under strace(1) a thousand requests of keepalived take their time.
const KEEPALIVED_NEEDS: Duration = Duration::from_secs(30);

fn lab() -> Lab {
    let host = (0..INTERFACES).fold(HostPlan::new("a"), |host, n| {
        host.interface(
            format!("eth{n}"),
            format!("lan{n}"),
            [format!("10.{n}.0.1/24").parse().unwrap()],
        )
    });
    Plan::new().ipv6(true).host(host).build().unwrap()
}

/// The process that is counted: its parent's number is asked for before, between and behind.
pub(crate) fn counted(v6: &str) -> ExitCode {
    let v6: usize = v6.parse().unwrap();
    let mut linux = Linux::open().unwrap();
    let ifaces: Vec<IfIndex> = linux
        .links()
        .filter(|link| link.name.starts_with("eth"))
        .map(|link| link.index)
        .collect();
    assert_eq!(ifaces.len(), INTERFACES);
    let spec = |v6: bool, n: u16| {
        let [high, low] = n.to_be_bytes();
        AddressSpec::new(if v6 {
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, n).into()
        } else {
            Ipv4Addr::new(192, 0, high + 2, low).into()
        })
    };
    let places: Vec<_> = ifaces
        .iter()
        .enumerate()
        .flat_map(|(at, iface)| (0..EACH).map(move |n| (*iface, spec(at < v6, n))))
        .collect();
    let add: Vec<_> = places
        .iter()
        .map(|(iface, address)| Op::AddAddress {
            iface: *iface,
            address,
        })
        .collect();
    let remove: Vec<_> = places
        .iter()
        .map(|(iface, address)| Op::RemoveAddress {
            iface: *iface,
            address,
        })
        .collect();
    for ops in [&add, &remove] {
        let _ = std::os::unix::process::parent_id();
        linux.apply_all(ops, &mut |at, error| panic!("{at}: {error}"));
    }
    let mut longest = Duration::ZERO;
    for ops in [add, remove] {
        let _ = std::os::unix::process::parent_id();
        let (mut done, mut parts) = (0, 0);
        let begin = Instant::now();
        while done < ops.len() {
            let part = Instant::now();
            done += linux.apply(&ops[done..], &mut |at, error| panic!("{at}: {error}"));
            longest = longest.max(part.elapsed());
            parts += 1;
        }
        let took = begin.elapsed();
        println!(
            "{} operations in {took:?}, {parts} parts, the longest until now {longest:?}",
            ops.len()
        );
    }
    let _ = std::os::unix::process::parent_id();
    if longest < QUICK {
        println!("{WAS_QUICK}");
    }
    ExitCode::SUCCESS
}

/// The system calls of each stretch between two marks.
fn stretches(trace: &str) -> Vec<usize> {
    let mut counts = vec![0];
    for line in trace.lines() {
        if line.contains("getppid(") {
            counts.push(0);
        } else if let Some(last) = counts.last_mut() {
            // What the process says about itself is not the backend's doing.
            *last += usize::from(!line.contains("write(1,"));
        }
    }
    counts
}

/// System calls to add and to remove in one go, of a process in a host of its own; `None` without strace(1).
fn ours(v6: usize) -> Option<[usize; 2]> {
    let lab = lab();
    let trace = lab["a"].dir().join("trace");
    let mut strace = Command::new("strace");
    strace
        .arg("-f")
        .arg("-o")
        .arg(&trace)
        .arg(env::current_exe().unwrap());
    let run = match lab["a"].output(strace.env(COUNTED, v6.to_string())) {
        Err(error) => {
            println!("lab: a_thousand_addresses: no strace(1): {error}");
            return None;
        }
        Ok(run) => run,
    };
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(
        run.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    let counts = stretches(&fs::read_to_string(&trace).unwrap());
    let [_, add_all, remove_all, add, remove, _] = counts[..] else {
        panic!("{counts:?}")
    };
    println!(
        "{v6} of 4 interfaces with IPv6: {add_all} system calls to add, {remove_all} to remove; with adverts due in \
         between {add} and {remove}\n{said}"
    );
    // Where adverts are due, IPv6 goes in smaller parts while the machine is busy: 16 at least, of which each costs
    // two calls.
    let most = if said.contains(WAS_QUICK) {
        SIXTY
    } else {
        SIXTY + v6 * usize::from(EACH) / 8
    };
    assert!(add <= most && remove <= most, "{counts:?}");
    Some([add_all, remove_all])
}

fn a_thousand_addresses_in_sixty_calls() {
    for v6 in [0, 2, INTERFACES] {
        let Some(counts) = ours(v6) else { return };
        assert!(counts.iter().all(|count| *count <= SIXTY), "{counts:?}");
        if matches!(v6, 0 | INTERFACES) {
            compare_with_keepalived(v6 > 0, counts);
        }
    }
}

/// What keepalived needs for the same, in the same run: it asks for each address by itself.
fn compare_with_keepalived(v6: bool, ours: [usize; 2]) {
    let lab = lab();
    let host = &lab["a"];
    let address = |n: usize, last: u16| {
        if v6 {
            format!("2001:db8::{}:{last:x}/64\n", n + 1)
        } else {
            format!("192.0.{}.{last}\n", n + 2)
        }
    };
    // An advert has room for an address of its own kind; the others are announced by nobody.
    let first = if v6 { "fe80::70\n" } else { "198.51.100.70\n" };
    let blocks: String = (0..INTERFACES)
        .map(|n| {
            let addresses: String = (0..EACH).map(|last| address(n, last)).collect();
            format!(
                "vrrp_instance V{n} {{\ninterface eth{n}\nvirtual_router_id 51\npriority 255\n\
                 state MASTER\nversion 3\nvirtual_ipaddress {{\n{first}}}\n\
                 virtual_ipaddress_excluded {{\n{addresses}}}\n}}\n"
            )
        })
        .collect();
    let conf = host.write("keepalived.conf", &blocks).unwrap();
    let trace = host.dir().join("keepalived.trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=network", "-o"]).arg(&trace);
    strace
        .args(["keepalived", "-G", "-n", "-l", "-P", "-f"])
        .arg(conf);
    strace
        .arg("-p")
        .arg(host.dir().join("k.pid"))
        .arg("-r")
        .arg(host.dir().join("v.pid"));
    let mut process = match host.spawn("keepalived", &mut strace) {
        Err(error) => return println!("lab: no keepalived to compare with: {error}"),
        Ok(process) => process,
    };
    let own = usize::from(EACH) * INTERFACES;
    let there = || {
        let there = host.addresses().unwrap();
        let wanted = |cidr: &vrrp_lab::Cidr| match cidr.address {
            IpAddr::V4(address) => address.octets()[0] == 192,
            IpAddr::V6(address) => address.segments()[0] == 0x2001,
        };
        there.iter().filter(|a| wanted(&a.cidr)).count()
    };
    let all = until(KEEPALIVED_NEEDS, || (there() == own).then_some(()));
    let Some(()) = all else {
        let _ = process.kill();
        return println!(
            "lab: keepalived did not add its addresses: {} of {own}: {}",
            there(),
            process.log()
        );
    };
    let pid = fs::read_to_string(host.dir().join("k.pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = process.wait(KEEPALIVED_NEEDS).unwrap();
    assert!(ended.is_some(), "keepalived does not end");
    let calls = fs::read_to_string(&trace).unwrap_or_default();
    let theirs = ["RTM_NEWADDR", "RTM_DELADDR"].map(|message| {
        let asked = |line: &&str| line.contains("send") && line.contains(message);
        calls.lines().filter(asked).count()
    });
    println!(
        "keepalived, for {own} addresses: {theirs:?} requests sent to add and to remove; vrrp-net: {ours:?} system calls"
    );
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!(theirs >= own && *ours < theirs / 10, "{ours} {theirs}");
    }
}

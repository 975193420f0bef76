//! Real hosts on real LANs on one machine, without root.
//!
//! A host is a network namespace, a LAN a bridge, a cable a veth pair; the kernel is the real one, and so are the
//! programs that run in the hosts. [`enter`] first, once, before any thread: from then on the process and all
//! that it starts live apart, and nothing of it outlives the process, whatever ends it.
//!
//! ```no_run
//! use std::process::Command;
//! use std::time::Duration;
//! use vrrp_lab::{Capture, Lab, Probe, until};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! vrrp_lab::enter()?;
//! let lab = Lab::lan(["r1", "r2", "client"]).build()?;
//! let capture = Capture::start(&lab)?;
//! let conf = lab["r1"].write("r1.conf", "...")?;
//! let router = lab["r1"].spawn("vrrpd", Command::new("vrrpd").arg("run").arg("-f").arg(conf))?;
//! let pings = Probe::start(&lab["client"], "10.0.0.70".parse()?, Duration::from_millis(2))?;
//! until(Duration::from_secs(5), || pings.answered().then_some(())).ok_or("no answer")?;
//! lab["r1"].crash()?;
//! # Ok(())
//! # }
//! ```
//!
//! * [`Plan`], [`HostPlan`]: which hosts, which interfaces, which LANs; [`Lab::lan`] is the usual one.
//! * [`Lab`], [`Host`], [`Process`]: closures and processes in a host, its addresses; cables cut and restored,
//!   machines frozen and crashed.
//! * [`Capture`]: what every host sends, with the kernel's time stamps, decoded; also as a pcap file.
//! * [`Probe`]: pings an address and knows to a fraction of a millisecond when it was dark.
//!
//! Tests: a target with `harness = false` that calls [`enter`] in `main` and runs its cases in threads, for
//! example with libtest-mimic (see this crate's `tests/lab.rs`). Each case builds labs of its own.

#[cfg(not(target_os = "linux"))]
compile_error!("network namespaces are Linux's");

mod capture;
mod enter;
mod host;
mod lab;
mod netlink;
mod plan;
mod probe;
mod process;

use core::time::Duration;
use std::thread;
use std::time::Instant;

pub use capture::{Advert, Capture, Frame, Seen};
pub use enter::{EnterError, SCRATCH, enter, entered, required};
pub use host::Host;
pub use lab::{BuildError, Lab};
pub use netlink::Address;
pub use plan::{Cidr, CidrError, HostPlan, Plan};
pub use probe::{Outage, Ping, Probe};
pub use process::Process;

/// Asks `condition` every millisecond or two until it answers, at most for `longest`.
pub fn until<T>(longest: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + longest;
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

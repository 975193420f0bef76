//! Scenarios as readable plans.
//!
//! A [`Plan`] is a value and a text, and one is made from the other: a plan that failed is printed,
//! pasted into a test or a file, and parsed back to the same plan. One line is one thing; `#`
//! begins a comment.
//!
//! ```
//! let plan: vrrp_sim::Plan = "
//!     world seed 1 family v4 version 3 interval 1s segments 1 hosts 1 ping 100ms latency 50us
//!     router r1 priority 200
//!     router r2 priority 100
//!     start r1
//!     start r2
//!     run 5s
//!     expect active r1
//!     crash r1
//!     run 3609376us          # 3 × 1 s + Skew_Time
//!     expect active r2
//! ".parse()?;
//! assert_eq!(plan.to_string().parse::<vrrp_sim::Plan>()?, plan);
//! # Ok::<(), vrrp_sim::PlanError>(())
//! ```
//!
//! | line | what happens |
//! |---|---|
//! | `world …` | any of `seed`, `family v4\|v6`, `version 2\|3`, `profile rfc\|keepalived`, `interval`, `segments`, `hosts`, `ping`, `latency`, `install`; the rest as [`Plan::default`] |
//! | `router rN priority P [preempt never \| preempt after D] [drift Xppm]` | one machine with a virtual router on each segment, a sync group if there are several |
//! | `start rN` | its process starts: anew, or from what `leave` left behind |
//! | `stop rN` | orderly: priority 0 |
//! | `leave rN` | the process ends for a successor: addresses stay, its memory is kept |
//! | `kill rN` | the process ends at once: addresses stay, nothing is kept |
//! | `crash rN` | the machine ends at once |
//! | `freeze rN`, `suspend rN`, `resume rN` | the process, or the whole machine, stands still; goes on |
//! | `drain rN`, `undrain rN` | a planned handover; back again |
//! | `priority rN P` | a reload with another priority |
//! | `unplug rN S`, `plug rN S` | the cable of its interface on segment S (from 0) |
//! | `cut X …` | those named (`r1`, `h1`) on one side, all others on the other |
//! | `deafen X Y` | Y no longer hears X |
//! | `heal` | undoes `cut` and `deafen` |
//! | `weather X …` | what happens to frames to X (or `all`): any of `loss P%`, `run N`, `delay D`, `jitter D`, `duplicate P%`, `reorder P%`, `corrupt P%`; nothing: a good cable |
//! | `run D` | time passes |
//! | `mark` | `takeovers`, `lost` and `outage` count from here |
//! | `expect active X … \| nobody` | exactly these are Active, on every segment |
//! | `expect backup rN` | this one is Backup on every segment |
//! | `expect takeovers N` | so many times did a virtual router become Active |
//! | `expect lost N` | so many pings at most were lost by any host |
//! | `expect outage at most D`, `at least D` | the longest stretch of lost pings |

mod text;

use crate::lan::Conditions;
use core::time::Duration;
use vrrp_fsm::Preempt;
use vrrp_proto::{AdvertInterval, Family, Profile, Version};

pub use text::PlanError;

/// A world and what happens in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Seed of the world's chance.
    pub seed: u64,
    /// IPv4 or IPv6 virtual routers.
    pub family: Family,
    /// Of the protocol.
    pub version: Version,
    /// Whose defaults the routers have.
    pub profile: Profile,
    /// Advertisement_Interval of every router.
    pub interval: AdvertInterval,
    /// Broadcast segments, 1..=8; segment *s* carries the virtual router with VRID *s* + 1.
    pub segments: u8,
    /// End hosts on each segment, 0..=50.
    pub hosts: u8,
    /// Time between two pings of a host.
    pub ping: Duration,
    /// From port to port on a good cable.
    pub latency: Duration,
    /// How long a kernel takes to add the addresses; a process that waits for it does nothing else.
    pub install: Duration,
    /// The routers, 1..=50.
    pub routers: Vec<RouterPlan>,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 0,
            family: Family::V4,
            version: Version::V3,
            profile: Profile::Keepalived,
            interval: AdvertInterval::DEFAULT,
            segments: 1,
            hosts: 1,
            ping: Duration::from_millis(100),
            latency: Duration::from_micros(50),
            install: Duration::ZERO,
            routers: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// A machine that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterPlan {
    /// Of all its virtual routers: 1..=255.
    pub priority: u8,
    /// Preempt_Mode.
    pub preempt: Preempt,
    /// How fast its clock is, in parts per million.
    pub drift: i32,
}

impl RouterPlan {
    /// A router that preempts, with a perfect clock.
    pub const fn new(priority: u8) -> Self {
        Self {
            priority,
            preempt: Preempt::AtOnce,
            drift: 0,
        }
    }
}

/// A machine's name in a plan: `r1` is router 0, `h1` is host 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// The router with this index in [`Plan::routers`].
    Router(usize),
    /// The host with this index: host *h* is on segment *h* modulo [`Plan::segments`].
    Host(usize),
}

/// One thing that happens. Routers are named by their index in [`Plan::routers`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something is done to one router.
    Router(usize, Order),
    /// The cable of a router's interface is pulled (false) or put back.
    Cable {
        /// Whose.
        router: usize,
        /// On which segment.
        segment: u8,
        /// In, or out.
        plugged: bool,
    },
    /// These on one side, all others on the other, on every segment.
    Cut(Vec<Name>),
    /// The second no longer hears the first.
    Deafen(Name, Name),
    /// Everybody hears everybody again.
    Heal,
    /// What happens to frames to this machine, or to all.
    Weather(Option<Name>, Conditions),
    /// Time passes.
    Run(Duration),
    /// Counting begins here.
    Mark,
    /// The world is so, or the run has failed.
    Expect(Expectation),
}

/// What can be done to a router's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Its process starts: anew, or from what [`Order::Leave`] left behind.
    Start,
    /// It stops in order: priority 0, addresses away.
    Stop,
    /// The process ends for a successor: addresses stay, its memory is kept.
    Leave,
    /// The process ends at once: addresses stay, nothing is kept.
    Kill,
    /// The machine ends at once.
    Crash,
    /// The process stands still; the kernel goes on.
    Freeze,
    /// The machine stands still; frames to it are lost.
    Suspend,
    /// What stood still goes on.
    Resume,
    /// Planned handover.
    Drain,
    /// The end of that.
    Undrain,
    /// A reload with this priority.
    Priority(u8),
}

/// How the world should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Exactly these routers are Active, on every segment.
    Active(Vec<usize>),
    /// This router is Backup on every segment.
    Backup(usize),
    /// So many times did a virtual router become Active since the mark.
    Takeovers(usize),
    /// No host lost more pings since the mark.
    Lost(u64),
    /// No stretch of lost pings since the mark was longer.
    OutageAtMost(Duration),
    /// Some stretch of lost pings since the mark was so long.
    OutageAtLeast(Duration),
}

#[cfg(test)]
mod tests;

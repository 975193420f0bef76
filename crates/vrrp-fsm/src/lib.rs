//! VRRP (RFC 9568, RFC 3768) as a pure state machine: bytes, time and configuration go in, an ordered
//! list of effects and one deadline come out. No socket, no clock, no thread.
//!
//! A daemon drives an [`Engine`] like this. Packets come before timers: who was not scheduled for four
//! seconds finds the peer's adverts in the socket and must read them before believing the silence.
//!
//! ```
//! use vrrp_fsm::{Command, Engine, EngineConfig, IfaceId, Input, Instant, RouterId, RouterOptions};
//! use vrrp_proto::{Family, Vrid};
//!
//! let (eth0, vrid) = (IfaceId(1), Vrid::new(51).ok_or("a VRID is 1..=255")?);
//! let router = RouterOptions::rfc(eth0, Family::V4, vrid).with_addresses(["192.0.2.254".parse()?]);
//! let routers = [(RouterId(1), router.try_into()?)].into();
//! let mut engine = Engine::new(EngineConfig { routers, ..EngineConfig::default() });
//!
//! let mut now = Instant::ZERO; // CLOCK_BOOTTIME in a daemon, anything that grows in a test
//! let address = Some("192.0.2.1".parse()?);
//! engine.handle(now, Input::Link { iface: eth0, up: true });
//! engine.handle(now, Input::Primary { iface: eth0, family: Family::V4, address });
//! engine.handle(now, Input::Startup);
//!
//! let mut done = Vec::new();
//! for _turn in 0..3 {
//!     // Whatever has arrived: `Input::Datagram`, `Input::Link`, `Input::ScriptExited` and so on.
//!     engine.handle(now, Input::Timeout);
//!     while let Some(command) = engine.poll_command() {
//!         match command {
//!             Command::Advertise(advert) => {
//!                 for to in engine.destinations(advert.router).collect::<Vec<_>>() {
//!                     let mut buf = [0; 1500];
//!                     let (ends, len) = engine.encode_advert(&advert, to, &mut buf)?;
//!                     done.push(format!("{now}: send {len} octets from {}", ends.source()));
//!                 }
//!             }
//!             Command::Install(_) => done.push(format!("{now}: add the addresses")),
//!             Command::Announce { rounds, .. } => done.push(format!("{now}: {rounds} rounds of ARP")),
//!             _ => {}
//!         }
//!     }
//!     now = engine.next_deadline().unwrap_or(now); // here a daemon waits
//! }
//! assert_eq!(done, [
//!     "3.609375: send 12 octets from 192.0.2.1",
//!     "3.609375: add the addresses",
//!     "3.609375: 1 rounds of ARP",
//!     "4.609375: send 12 octets from 192.0.2.1",
//! ]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core)]
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod action;
mod config;
mod engine;
mod event;
mod id;
mod priority;
mod report;
mod router;
mod saved;
mod snapshot;
mod stats;
mod time;
mod timing;

pub use action::{
    Action, ActiveReason, Cause, Deadline, LastEvent, Role, Status, TimerKind, Transition,
};
#[cfg(feature = "auth")]
pub use config::HmacOptions;
pub use config::{
    Addresses, AnnounceSchedule, Announced, Auth, Carrier, ConfigError, Destination, Elsewhere,
    EngineConfig, GroupConfig, LinkDelay, Pacing, Preempt, ProcessOptions, RouterConfig,
    RouterOptions, ScriptOptions, Tracked, Trackee, TrackerConfig,
};
pub use engine::{
    Advertisement, Announcement, Command, EncodeError, Engine, Input, Notice, Scope, Subject,
};
pub use event::{Event, Heard};
pub use id::{GroupId, IfaceId, RouterId, TrackId};
pub use report::{EngineReport, FaultCause, GroupReport, Report, ScriptOutcome, TrackReport};
pub use router::VirtualRouter;
pub use saved::{Saved, SavedRole, SavedRouter};
pub use snapshot::{Contribution, Differences, LearnedPeer, Snapshot, SplitBrain};
pub use stats::{EngineStats, ProtoError, Stats};
pub use time::Instant;
pub use timing::{active_down_interval, skew_time};

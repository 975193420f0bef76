//! VRRP (RFC 9568, RFC 3768) as a pure state machine: bytes, time and configuration go in, an ordered
//! list of effects and one deadline come out. No socket, no clock, no thread.
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

pub use action::{Action, ActiveReason, Cause, Deadline, Role, Status, TimerKind, Transition};
#[cfg(feature = "auth")]
pub use config::HmacOptions;
pub use config::{
    Addresses, AnnounceSchedule, Announced, Auth, ConfigError, Destination, EngineConfig,
    GroupConfig, Pacing, Preempt, ProcessOptions, RouterConfig, RouterOptions, ScriptOptions,
    Tracked, Trackee, TrackerConfig,
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

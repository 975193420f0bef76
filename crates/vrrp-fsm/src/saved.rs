//! Roles and deadlines taken out of an engine, so that a new process goes on where the old one
//! stopped before a Backup stirs.

use alloc::vec::Vec;
use core::net::IpAddr;

use vrrp_proto::AdvertInterval;

use crate::{Instant, RouterId, Stats};

/// What [`Engine::save`](crate::Engine::save) took out.
///
/// Moments are those of CLOCK_BOOTTIME, which outlives a process but no boot: whoever writes this to
/// a file writes the boot's id with it. Router ids are those of the configuration it was taken from;
/// whoever puts it back translates them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Saved {
    /// When it was taken.
    pub at: Instant,
    /// One for each router that was in Backup or Active, or drained.
    pub routers: Vec<SavedRouter>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SavedRouter {
    /// Which.
    pub router: RouterId,
    /// Its role and deadline.
    pub role: SavedRole,
    /// Whether it was drained, or being drained.
    pub drained: bool,
    /// The last Active router that it heard.
    pub last_active: Option<IpAddr>,
    /// The number of its last authenticated advert.
    pub sequence: u64,
    /// Its counters.
    pub stats: Stats,
}

/// A role, and what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SavedRole {
    /// Waits for its Startup.
    Initialize,
    /// Watches.
    Backup {
        /// Active_Down_Timer.
        active_down: Instant,
        /// Active_Adver_Interval.
        active_adver_interval: AdvertInterval,
    },
    /// Serves.
    Active {
        /// Adver_Timer.
        adver: Instant,
    },
}

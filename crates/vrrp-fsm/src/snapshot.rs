//! What operators are shown of a virtual router: its state, the timers derived from it, and why.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::BitOr;
use core::time::Duration;

use vrrp_proto::{AdvertInterval, ChecksumCoverage, Priority, Version};

use crate::action::{Cause, Deadline, Role, Status};
use crate::config::Trackee;
use crate::report::FaultCause;
use crate::{GroupId, Instant, RouterId, Stats};

/// A virtual router at one moment.
//= STA-23
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Snapshot {
    /// Which.
    pub router: RouterId,
    /// Its sync group.
    pub group: Option<GroupId>,
    /// The state of RFC 9568 §6.4.
    pub role: Role,
    /// The same for people.
    pub status: Status,
    /// When the status changed last, and why.
    pub changed: Option<(Instant, Cause)>,
    /// Why it does not serve.
    pub faults: Vec<FaultCause>,
    /// Whether it waits for the first result of a tracker.
    pub pending: bool,
    /// The priority that was configured.
    pub base_priority: Priority,
    /// The priority that counts.
    pub priority: Priority,
    /// What makes the difference of the two.
    pub contributions: Vec<Contribution>,
    /// The address that it sends from.
    pub primary: Option<IpAddr>,
    /// The last Active router that was heard, this one apart.
    pub last_active: Option<IpAddr>,
    /// Advertisement_Interval, its own.
    pub advert_interval: AdvertInterval,
    /// Active_Adver_Interval.
    pub active_adver_interval: AdvertInterval,
    /// Skew_Time.
    pub skew_time: Duration,
    /// Active_Down_Interval.
    pub active_down_interval: Duration,
    /// What is due next.
    pub deadline: Option<Deadline>,
    /// Whom it has heard, the last heard first.
    pub peers: Vec<LearnedPeer>,
    /// The last time that another router was Active too.
    pub split_brain: Option<SplitBrain>,
    /// Counters.
    pub stats: Stats,
}

/// What one tracked thing does to a router now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Contribution {
    /// What.
    pub what: Trackee,
    /// Added to the priority.
    pub weight: i32,
    /// Whether it is a cause of fault.
    pub fault: bool,
    /// Whether it is not known yet and waited for.
    pub pending: bool,
}

/// A router that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LearnedPeer {
    /// Its address.
    pub address: IpAddr,
    /// The priority it last said, 0 apart.
    pub priority: Priority,
    /// The interval it last said.
    pub interval: AdvertInterval,
    /// The version it speaks.
    pub version: Version,
    /// The form of its checksums, once one of them was right in one form only.
    pub checksum: Option<ChecksumCoverage>,
    /// Since when it is known.
    pub first: Instant,
    /// When it was last heard.
    pub last: Instant,
    /// How often.
    pub adverts: u64,
    /// Whether the last thing that it said was that it leaves.
    pub left: bool,
}

/// Another router that was Active while this one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SplitBrain {
    /// Its address.
    pub with: IpAddr,
    /// Its priority; what a refused packet said may be anything.
    pub priority: Priority,
    /// When its first advertisement came.
    pub since: Instant,
    /// When its last one came.
    pub last: Instant,
    /// How many came.
    pub adverts: u32,
    /// What the two do not agree on.
    pub differs: Differences,
    /// When it was over.
    pub healed: Option<Instant>,
}

/// What two routers of one virtual router do not agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "their names say it")]
pub struct Differences {
    pub interval: bool,
    pub addresses: bool,
    pub version: bool,
    pub authentication: bool,
    pub checksum: bool,
    /// Multicast and unicast, groups, or the list of peers.
    pub destination: bool,
}

impl BitOr for Differences {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            interval: self.interval | other.interval,
            addresses: self.addresses | other.addresses,
            version: self.version | other.version,
            authentication: self.authentication | other.authentication,
            checksum: self.checksum | other.checksum,
            destination: self.destination | other.destination,
        }
    }
}

//! What operators are shown of a virtual router.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{AdvertInterval, Priority};

use crate::action::{Cause, Deadline, Role, Status};
use crate::report::FaultCause;
use crate::{Instant, RouterId, Stats};

/// A virtual router at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Which.
    pub router: RouterId,
    /// The state of RFC 9568 §6.4.
    pub role: Role,
    /// The same for people.
    pub status: Status,
    /// Why it does not serve.
    pub faults: Vec<FaultCause>,
    /// The priority that was configured.
    pub base_priority: Priority,
    /// The priority that counts.
    pub priority: Priority,
    /// The address that it sends from.
    pub primary: Option<IpAddr>,
    /// The last Active router that was heard, this one apart.
    pub last_active: Option<IpAddr>,
    /// Active_Adver_Interval.
    pub active_adver_interval: AdvertInterval,
    /// Skew_Time.
    pub skew_time: Duration,
    /// Active_Down_Interval.
    pub active_down_interval: Duration,
    /// What is due next.
    pub deadline: Option<Deadline>,
    /// When the status changed last, and why.
    pub changed: Option<(Instant, Cause)>,
    /// Counters.
    pub stats: Stats,
}

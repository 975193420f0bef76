//! What is worth telling an operator: typed, with the numbers, without words.
//!
//! The core does not log. A daemon renders each report in the words that its users grep for.

use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{AdvertInterval, ChecksumCoverage, Family, Priority, Reason, Warning};

use crate::snapshot::Differences;
use crate::{GroupId, IfaceId, Role, Status, TrackId};

/// Why a virtual router cannot serve. A router with at least one of these is in Initialize, and its
/// [`Status`] is Fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FaultCause {
    /// An interface that it cannot do without is down; its own one, or a tracked one of weight 0.
    Interface(IfaceId),
    /// The interface has no address to send from.
    NoPrimary(IfaceId),
    /// A tracker of weight 0 is bad (a file: non-zero, or at most -254 once weighted).
    Tracker(TrackId),
    /// Another member of its sync group is in fault.
    Group(GroupId),
    /// The daemon cannot do what the configuration asks for ([`Input::Blocked`](crate::Input)).
    Blocked,
}

/// Something that happened to one virtual router, apart from its transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub enum Report {
    /// Nothing was heard for the Active_Down_Interval.
    ActiveDownTimeout,
    /// Backup: an advertisement with a lower priority was discarded, for we preempt.
    LowerDiscarded { source: IpAddr, priority: Priority },
    /// Active: an advertisement that loses against ours, and whether it was answered.
    LowerHeard {
        source: IpAddr,
        priority: Priority,
        ours: Priority,
        answered: bool,
    },
    /// Active: an advertisement with a higher priority.
    HigherHeard {
        source: IpAddr,
        priority: Priority,
        ours: Priority,
    },
    /// Active: an advertisement with our priority, from a greater address.
    TieLost { source: IpAddr, priority: Priority },
    /// An advertisement that claims to come from our own address.
    OwnAddressHeard { source: IpAddr, priority: Priority },
    /// We left with priority 0.
    RelinquishSent,
    /// A peer left with priority 0.
    RelinquishHeard { source: IpAddr, role: Role },
    /// Backup: the first accepted advertisement since we became Backup.
    ActiveKnown { source: IpAddr },
    /// Backup: the Active router is another one now.
    ActiveChanged { from: IpAddr, to: IpAddr },
    /// Backup: Active_Adver_Interval follows the Active router's.
    IntervalLearned {
        from: AdvertInterval,
        to: AdvertInterval,
    },
    /// Active: our own interval again.
    IntervalRestored {
        from: AdvertInterval,
        to: AdvertInterval,
    },
    /// A lower Active router was heard first; it is tolerated for this long.
    PreemptDelayStarted { delay: Duration },
    /// A router that outranks us was heard before the preempt delay ran out.
    PreemptDelayStopped,
    /// The effective priority changed.
    PriorityChanged { from: Priority, to: Priority },
    /// The priority fell, and yet no failover will follow: a peer was last heard with less.
    StillAbovePeer {
        priority: Priority,
        source: IpAddr,
        peer: Priority,
    },
    /// One cause of fault more.
    FaultRaised(FaultCause),
    /// One cause of fault less.
    FaultCleared(FaultCause),
    /// Both are address owners (erratum 8298): a mistake in the configuration.
    OwnerConflict { source: IpAddr },
    /// The other owner does not give way: we go down to this priority.
    OwnerLowered { source: IpAddr, to: Priority },
    /// The other owner is gone: 255 again.
    OwnerRestored,
    /// A timer was handled so late that the protocol noticed.
    Late { by: Duration },
    /// A Backup that stood still listens for one more interval before it believes the silence.
    ListeningAgain { late: Duration },
    /// A drain has begun: priority 1 is advertised.
    DrainStarted,
    /// The router that takes over was heard; its second advertisement ends the drain.
    DrainTaker { source: IpAddr, priority: Priority },
    /// Nobody took over in time: priority 0 ends the drain.
    DrainFallback,
    /// Two routers serve the addresses at once.
    SplitBrain {
        with: IpAddr,
        priority: Priority,
        differs: Differences,
    },
    /// One router serves again.
    SplitBrainHealed { with: IpAddr, lasted: Duration },
    /// A packet was refused. Said once for each reason and source until the status or the Active
    /// router changes, as are remarks.
    Refused { source: IpAddr, reason: Reason },
    /// A packet was accepted that is odd. `count` and `interval` are what it says.
    Remarked {
        source: IpAddr,
        warning: Warning,
        count: u8,
        interval: AdvertInterval,
    },
    /// A peer's checksums are right in one form only, and it is not ours.
    ChecksumForm {
        source: IpAddr,
        form: ChecksumCoverage,
    },
    /// A unicast peer sends the checksum of keepalived before 1.3.7; from now on it gets the same.
    OldChecksum { source: IpAddr },
}

/// Something that happened to a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub enum TrackReport {
    /// The script ended otherwise than the last time.
    Returned(ScriptOutcome),
    /// It counts as good from now on.
    Succeeded,
    /// It counts as bad from now on.
    Failed(ScriptOutcome),
    /// It was due again and still ran; told once for each run.
    StillRunning,
    /// It ran for longer than its timeout and is told to stop.
    TimedOut,
    /// Enough processes run (and not too many), or not.
    Quorum { held: bool, count: u32 },
}

/// How a run of a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ScriptOutcome {
    /// With this status; 0 is good.
    Exited(u8),
    /// By this signal.
    Signalled(u8),
    /// By us, because its time was over.
    TimedOut,
}

impl ScriptOutcome {
    /// Whether the checked thing is well.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

/// Something that happened to a sync group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupReport {
    /// All members are taken along.
    Syncing(Status),
}

/// Something that happened to the engine as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say what they are")]
pub enum EngineReport {
    /// Nothing starts before this much time has passed.
    DelayingStartup(Duration),
    /// The delay is over.
    DelayedStartCompleted,
    /// A delay of a link's changes is cut to what the routers there allow.
    LinkDelayLowered {
        iface: IfaceId,
        down: Duration,
        up: Duration,
    },
    /// A packet for a virtual router that is not configured there.
    UnknownVrid {
        iface: IfaceId,
        family: Family,
        vrid: u8,
        source: IpAddr,
    },
}

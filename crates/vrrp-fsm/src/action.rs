//! What a virtual router wants done, and why.

use core::net::IpAddr;

use vrrp_proto::Priority;

use crate::report::{FaultCause, Report};
use crate::{GroupId, Instant};

/// An effect. Effects must happen in the order in which they are appended: the advertisement that
/// claims the addresses, then the addresses, then their announcement, the notification last; and
/// priority 0 before the addresses go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send one advertisement with this priority (RFC 9568 §7.2).
    Advertise(Priority),
    /// Add the virtual addresses; answer and forward for the virtual MAC (RFC 9568 §6.4.3).
    Install,
    /// The reverse of [`Action::Install`].
    Withdraw,
    /// Announce every address by gratuitous ARP or unsolicited NA, all of them `rounds` times.
    Announce {
        /// At least 1.
        rounds: u8,
    },
    /// Announce the addresses on interfaces other than the router's own, one round.
    AnnounceElsewhere,
    /// The role has changed.
    Notify(Transition),
    /// Something worth a line in a log, and nothing else.
    Report(Report),
}

/// The state of RFC 9568 §6.4. FAULT is [`Role::Initialize`] with a cause: see [`Status`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// Waits for its Startup (§6.4.1).
    #[default]
    Initialize,
    /// Watches the Active router (§6.4.2).
    Backup,
    /// Serves the addresses (§6.4.3).
    Active,
}

/// What operators, scripts and FIFOs are told: the role, and why it is Initialize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Status {
    /// Not started yet, or waiting for the first result of a tracker.
    #[default]
    Initialize,
    /// RFC 9568 §6.4.2.
    Backup,
    /// RFC 9568 §6.4.3.
    Active,
    /// Active, but handing the role over: serves and advertises priority 1.
    Draining,
    /// Stands aside because an operator asked for it; not a fault.
    Drained,
    /// Initialize for at least one cause ([`Snapshot::faults`](crate::Snapshot)).
    Fault,
    /// Shut down.
    Stopped,
    /// No longer configured.
    Removed,
}

/// A change of role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Never equal to `to`.
    pub from: Role,
    /// The role from now on.
    pub to: Role,
    /// Why.
    pub cause: Cause,
}

/// Why a role changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Cause {
    /// Nothing stood in the way of serving. To Active: as the owner.
    Startup,
    /// An orderly stop.
    Shutdown,
    /// The Active router was silent for the Active_Down_Interval.
    NoResponse,
    /// The Active router left with priority 0, and nobody was faster.
    Relinquished,
    /// The Active router has a lower priority than we, and we preempt.
    Preempted,
    /// The same, once the preempt delay was over.
    PreemptDelayOver,
    /// An Active router with a higher priority, or the same and a greater address.
    Higher {
        /// Its address.
        source: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// The sync group went there.
    Group(GroupId),
    /// Something that this router needs is missing.
    Fault(FaultCause),
    /// What was missing last is there again.
    Recovered(FaultCause),
    /// The process stood still for so long that a peer must have taken over.
    Stalled,
    /// A drain: to whom the role went, or `None` when nobody came for it.
    Drained(Option<IpAddr>),
    /// Removed from the configuration.
    Removed,
    /// A predecessor's role was resumed.
    Resumed,
}

/// RFC 6527's `vrrpv3StatisticsNewMasterReason` and RFC 8347's `new-master-reason`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ActiveReason {
    /// Never became Active.
    #[default]
    NotActive,
    /// Owner at startup, or the Active router left.
    Priority,
    /// A lower Active router was preempted.
    Preempted,
    /// Silence.
    NoResponse,
}

impl Cause {
    /// Why this cause made a router Active.
    //= STA-N1
    //= STA-19
    pub const fn active_reason(self) -> ActiveReason {
        match self {
            Self::Startup | Self::Recovered(_) | Self::Relinquished => ActiveReason::Priority,
            Self::Preempted | Self::PreemptDelayOver => ActiveReason::Preempted,
            Self::NoResponse
            | Self::Shutdown
            | Self::Higher { .. }
            | Self::Group(_)
            | Self::Fault(_)
            | Self::Stalled
            | Self::Drained(_)
            | Self::Removed
            | Self::Resumed => ActiveReason::NoResponse,
        }
    }
}

/// RFC 8347's `last-event`, in RFC 9568's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names are those of RFC 8347")]
pub enum LastEvent {
    Startup,
    Shutdown,
    HigherPriorityBackup,
    ActiveTimeout,
    InterfaceUp,
    InterfaceDown,
    NoPrimaryIpAddress,
    PrimaryIpAddress,
    PreemptHoldTimeout,
    LowerPriorityActive,
    OwnerPreempt,
}

impl Cause {
    /// RFC 8347's name of a transition to `to`, where it has one.
    //= STA-N5
    pub const fn last_event(self, to: Role) -> Option<LastEvent> {
        use LastEvent as Event;
        Some(match (self, to) {
            (Self::Startup | Self::Recovered(_), Role::Active) => Event::OwnerPreempt,
            (Self::Startup, _) => Event::Startup,
            (Self::Shutdown | Self::Removed, _) => Event::Shutdown,
            (Self::NoResponse | Self::Relinquished, _) => Event::ActiveTimeout,
            (Self::Preempted, _) => Event::LowerPriorityActive,
            (Self::PreemptDelayOver, _) => Event::PreemptHoldTimeout,
            (Self::Higher { .. }, _) => Event::HigherPriorityBackup,
            (Self::Fault(FaultCause::Interface(_)), _) => Event::InterfaceDown,
            (Self::Fault(FaultCause::NoPrimary(_)), _) => Event::NoPrimaryIpAddress,
            (Self::Recovered(FaultCause::Interface(_)), _) => Event::InterfaceUp,
            (Self::Recovered(FaultCause::NoPrimary(_)), _) => Event::PrimaryIpAddress,
            (
                Self::Fault(FaultCause::Tracker(_) | FaultCause::Group(_) | FaultCause::Blocked)
                | Self::Recovered(
                    FaultCause::Tracker(_) | FaultCause::Group(_) | FaultCause::Blocked,
                )
                | Self::Group(_)
                | Self::Stalled
                | Self::Drained(_)
                | Self::Resumed,
                _,
            ) => return None,
        })
    }
}

/// What the next deadline of a virtual router is for. Named after what happens when it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TimerKind {
    /// When to take over: Active_Down_Timer (RFC 9568 §6.2), in Backup.
    ActiveDown,
    /// When to advertise: Adver_Timer (RFC 9568 §6.2), in Active.
    Adver,
    /// When to announce the addresses again, in Active.
    Announce,
    /// When to leave with priority 0 because nobody came for the role, in a drain.
    DrainFallback,
}

/// A deadline and what it is for.
pub type Deadline = (Instant, TimerKind);

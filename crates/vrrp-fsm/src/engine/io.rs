//! What an engine is told, and what it wants done.

use alloc::boxed::Box;
use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{Datagram, Family, Priority};

use crate::action::{Cause, Status};
use crate::config::{Announced, EngineConfig};
use crate::report::{EngineReport, GroupReport, Report, ScriptOutcome, TrackReport};
use crate::{GroupId, IfaceId, Instant, RouterId, TrackId};

/// An input to an [`Engine`](crate::Engine).
///
/// Links, addresses and trackers are told before [`Input::Startup`]; what was not told counts as
/// down, absent or neutral.
#[derive(Debug)]
pub enum Input<'a> {
    /// Begin: start every virtual router that nothing holds back, after the startup delay.
    Startup,
    /// Stop for good: priority 0 where Active, addresses away.
    Shutdown,
    /// Look what is due. Give all packets that have arrived first.
    Timeout,
    /// A datagram of protocol 112 (51 where AH is configured) that arrived on an interface.
    Datagram {
        /// Where it arrived.
        iface: IfaceId,
        /// When: at most `now`. Timers of Backups are counted from here.
        arrived: Instant,
        /// Its octets, not yet looked at.
        datagram: Datagram<'a>,
    },
    /// An interface is up (administratively and with carrier) or not.
    Link {
        /// Which.
        iface: IfaceId,
        /// Whether it can carry packets.
        up: bool,
    },
    /// The primary address of an interface (IPv4), or its link-local one (IPv6). Virtual addresses
    /// are none.
    Primary {
        /// Which interface.
        iface: IfaceId,
        /// Which family, should there be no address.
        family: Family,
        /// The address, or that there is none.
        address: Option<IpAddr>,
    },
    /// A script that was to be run has ended.
    ScriptExited {
        /// Which.
        track: TrackId,
        /// How.
        outcome: ScriptOutcome,
    },
    /// A plain tracker is up or down.
    TrackUp {
        /// Which.
        track: TrackId,
        /// Whether it is good.
        up: bool,
    },
    /// The number in a tracked file.
    TrackValue {
        /// Which.
        track: TrackId,
        /// 0 is good.
        value: i32,
    },
    /// How many of the tracked processes run.
    TrackCount {
        /// Which.
        track: TrackId,
        /// Their number.
        count: u32,
    },
    /// The daemon cannot do what a router needs (no socket, no macvlan, addresses that others keep
    /// removing), or can again: a fault.
    Blocked {
        /// Which.
        router: RouterId,
        /// Whether it cannot.
        blocked: bool,
    },
    /// An advert could not be sent. It is counted; the next one is due as ever.
    SendFailed(RouterId),
    /// Hand roles over without darkness.
    Drain(Scope),
    /// Take them back.
    Undrain(Scope),
    /// Announce the addresses of a router again, if it is Active.
    AnnounceNow(RouterId),
    /// The wall clock (UTC since 1970) at `now`, for `auth_hmac` alone.
    WallClock(Duration),
    /// A new configuration. What is the same goes on undisturbed.
    Reload(Box<EngineConfig>),
    /// Go on where a predecessor stopped, instead of [`Input::Startup`].
    Resume(&'a crate::Saved),
    /// Set the counters of a router, or of all and the engine, to zero.
    ClearStats(Option<RouterId>),
}

/// What a drain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every virtual router.
    All,
    /// A sync group.
    Group(GroupId),
    /// A virtual router, and its sync group with it.
    Router(RouterId),
}

/// Something to do. Commands must be done in the order in which they are polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send an advertisement: [`Engine::destinations`](crate::Engine::destinations) says where to,
    /// [`Engine::encode_advert`](crate::Engine::encode_advert) what.
    Advertise(Advertisement),
    /// Add everything that the router serves. What is there already is fine.
    Install(RouterId),
    /// Remove everything that the router serves. What is gone already is fine.
    Withdraw(RouterId),
    /// The configuration of an Active router has changed: apply the difference of what it serves.
    Update(RouterId),
    /// Announce addresses by gratuitous ARP or unsolicited NA.
    Announce {
        /// Whose.
        router: RouterId,
        /// Which.
        what: Announcement,
        /// How often each; one round over all addresses after the other.
        rounds: u8,
    },
    /// Start a tracked script.
    RunScript(TrackId),
    /// End a tracked script that runs for too long.
    StopScript {
        /// Which.
        track: TrackId,
        /// By force, for it did not end when it was asked to.
        force: bool,
    },
    /// The status of a router or a group has changed; for scripts, FIFOs and logs.
    Transition {
        /// Whose.
        subject: Subject,
        /// Before.
        from: Status,
        /// Now.
        to: Status,
        /// Why.
        cause: Cause,
        /// The effective priority of the router; 0 for a group.
        priority: Priority,
    },
    /// Something to log.
    Report(Notice),
}

/// One advertisement, and its number for authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Whose.
    pub router: RouterId,
    /// With which priority.
    pub priority: Priority,
    /// AH sequence number, or the sequence of `auth_hmac`; all copies share it. 0 without either.
    pub sequence: u64,
}

/// Which addresses are announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// All of [`RouterOptions::announced`](crate::RouterOptions).
    All,
    /// A single one: announcements on its interface are spaced.
    One(Announced),
    /// Some of them: those that a reload has added, or those that need no spacing among others.
    These(Box<[Announced]>),
}

/// Of whom a transition tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A virtual router.
    Router(RouterId),
    /// A sync group.
    Group(GroupId),
}

/// Something to log, and about what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A virtual router.
    Router(RouterId, Report),
    /// A sync group.
    Group(GroupId, GroupReport),
    /// A tracker.
    Track(TrackId, TrackReport),
    /// The engine.
    Engine(EngineReport),
}

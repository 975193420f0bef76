//! The door between two vocabularies: what happens inside in RFC 9568's words is said here in keepalived's, because
//! its users' scripts and patterns match on them.
//!
//! Everything here is a pure function of its arguments: a level and a text. Levels: what keepalived says only with
//! `-D` is [`Level::DEBUG`].

use core::fmt::Display;
use core::net::IpAddr;
use core::time::Duration;

use keepalived_conf::config;
use tracing::Level;
use vrrp_fsm::{
    Cause, EngineReport, FaultCause, GroupId, GroupReport, IfaceId, Report, Role, ScriptOutcome,
    Status, TrackId, TrackReport,
};
use vrrp_proto::{AdvertInterval, ChecksumCoverage, Family, Reason, Warning};

use crate::daemon::Change;
use crate::plan::{Plan, Router, Tracker};

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// In keepalived's wording, where keepalived has one.
    pub text: String,
    /// Who made it happen, if it was somebody on the network.
    pub source: Option<IpAddr>,
}

impl Line {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
            source: None,
        }
    }

    fn by(self, source: IpAddr) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }
}

/// The word for scripts, FIFOs and group lines.
#[must_use]
pub const fn state_word(status: Status) -> &'static str {
    match status {
        Status::Initialize => "INIT",
        Status::Backup | Status::Drained => "BACKUP",
        Status::Active | Status::Draining => "MASTER",
        Status::Fault => "FAULT",
        Status::Stopped => "STOP",
        Status::Removed => "DELETED",
    }
}

/// The number in JSON and data dumps.
#[must_use]
pub const fn state_number(status: Status) -> u8 {
    match status {
        Status::Initialize => 0,
        Status::Backup | Status::Drained => 1,
        Status::Active | Status::Draining => 2,
        Status::Fault => 3,
        Status::Removed => 97,
        Status::Stopped => 98,
    }
}

/// A change of status; `None` where keepalived says nothing.
#[must_use]
pub fn change(name: &str, change: &Change) -> Option<Line> {
    let init = if change.from == Status::Initialize {
        " (init)"
    } else {
        ""
    };
    let text = match change.to {
        Status::Active => format!("({name}) Entering MASTER STATE"),
        Status::Backup => format!("({name}) Entering BACKUP STATE{init}"),
        Status::Fault => format!("({name}) Entering FAULT STATE{init}"),
        Status::Drained => match change.cause {
            Cause::Drained(Some(to)) => format!("({name}) Drained: {to} serves the addresses now"),
            _ => format!("({name}) Drained: stands aside until it is told to come back"),
        },
        Status::Initialize | Status::Draining | Status::Stopped | Status::Removed => return None,
    };
    let line = Line::new(Level::INFO, text);
    Some(match change.cause {
        Cause::Higher { source, .. } => line.by(source),
        _ => line,
    })
}

/// What happened to a virtual router.
#[must_use]
pub fn report(plan: &Plan, router: &Router, report: &Report) -> Line {
    let i = &router.instance.name;
    let info = |text: String| Line::new(Level::INFO, text);
    let detail = |text: String| Line::new(Level::DEBUG, text);
    let warning = |text: String| Line::new(Level::WARN, text);
    match *report {
        Report::ActiveDownTimeout => detail(format!("({i}) Receive advertisement timeout")),
        Report::LowerDiscarded { source, priority } => {
            info(format!("({i}) received lower priority ({priority}) advert from {source} - discarding")).by(source)
        }
        Report::LowerHeard { source, priority, ours, answered } => {
            let election = if answered { ", forcing new election" } else { "" };
            info(format!("({i}) Received advert from {source} with lower priority {priority}, ours {ours}{election}"))
                .by(source)
        }
        Report::HigherHeard { source, priority, ours } => {
            info(format!("({i}) Master received advert from {source} with higher priority {priority}, ours {ours}"))
                .by(source)
        }
        Report::TieLost { source, priority } => info(format!(
            "({i}) Master received advert from {source} with same priority {priority} but higher IP address than ours"
        ))
        .by(source),
        Report::OwnAddressHeard { source, .. } => warning(format!(
            "({i}) WARNING - equal priority advert received from remote host with our IP address."
        ))
        .by(source),
        Report::RelinquishSent => detail(format!("({i}) sent 0 priority")),
        Report::RelinquishHeard { source, role: Role::Active } => {
            detail(format!("({i}) Master received priority 0 message")).by(source)
        }
        Report::RelinquishHeard { source, .. } => {
            detail(format!("({i}) Backup received priority 0 advertisement")).by(source)
        }
        Report::ActiveKnown { source } => detail(format!("({i}) master set to {source}")).by(source),
        Report::ActiveChanged { from, to } => detail(format!("({i}) master changed from {from} to {to}")).by(to),
        Report::IntervalLearned { from, to } => detail(format!(
            "({i}) advertisement interval updated from {}ms to {}ms by master",
            from.as_duration().as_millis(),
            to.as_duration().as_millis()
        )),
        Report::IntervalRestored { from, to } => detail(format!(
            "({i}) changing advert interval from {}ms to locally configured {}ms",
            from.as_duration().as_millis(),
            to.as_duration().as_millis()
        )),
        Report::PreemptDelayStarted { delay } => detail(format!("({i}) start preempt delay ({})", seconds(delay))),
        Report::PreemptDelayStopped => detail(format!("({i}) stop preempt delay")),
        Report::PriorityChanged { from, to } => info(format!("({i}) Changing effective priority from {from} to {to}")),
        Report::StillAbovePeer { priority, source, peer } => warning(format!(
            "({i}) priority is down to {priority}, but {source} has only {peer}: it will not take over. \
             Give the tracker a greater weight, or none at all"
        ))
        .by(source),
        Report::FaultRaised(cause) => info(fault(plan, router, cause)),
        Report::FaultCleared(cause) => detail(format!("({i}) no longer at fault: {}", fault_noun(plan, router, cause))),
        Report::OwnerConflict { source } => Line::new(
            Level::ERROR,
            format!(
                "({i}) CONFIGURATION ERROR: local instance and {source} are both configured as address owner, please resolve"
            ),
        )
        .by(source),
        Report::OwnerLowered { source, to } => Line::new(
            Level::ERROR,
            format!(
                "({i}) CONFIGURATION ERROR: {source} is still advertising as address owner, please resolve - \
                 reducing our priority to {to}"
            ),
        )
        .by(source),
        Report::OwnerRestored => info(format!("({i}) Restoring our priority to 255, the other address owner is gone")),
        Report::Late { by } => warning(format!("({i}) a timer was handled {} ms late: this process did not run", by.as_millis())),
        Report::ListeningAgain { late } => warning(format!(
            "({i}) did not run for {} ms, so the silence proves nothing: listening for one more interval",
            late.as_millis()
        )),
        Report::DrainStarted => info(format!("({i}) draining: advertising priority 1 until somebody takes over")),
        Report::DrainTaker { source, priority } => {
            info(format!("({i}) {source} takes over with priority {priority}")).by(source)
        }
        Report::DrainFallback => info(format!("({i}) nobody took over while draining")),
        Report::SplitBrain { with, priority, .. } => {
            // What a refused packet says of its sender is not vouched for.
            let how = if priority.is_relinquish() {
                "in packets that are refused".into()
            } else {
                format!("with priority {priority}")
            };
            let text = format!("({i}) {with} serves these addresses as well, {how}: two routers are MASTER");
            Line::new(Level::ERROR, text).by(with)
        }
        Report::SplitBrainHealed { with, lasted } => {
            info(format!("({i}) one MASTER again after {} s with {with}", seconds(lasted))).by(with)
        }
        Report::Refused { source, reason } => warning(refusal(router, source, &reason)).by(source),
        Report::Remarked {
            source,
            warning: remark,
            count,
            interval,
        } => warning(remark_on(router, source, remark, count, interval)).by(source),
        Report::OldChecksum { source } => {
            info(format!("({i}) Setting unicast VRRPv3 checksum to old version, as {source} has it"))
                .by(source)
        }
        Report::ChecksumForm { source, form } => {
            let form = match form {
                ChecksumCoverage::Message => "without the pseudo-header, as RFC 9568 has it",
                ChecksumCoverage::PseudoHeader => "with the pseudo-header, as keepalived has it by default",
            };
            info(format!("({i}) {source} computes checksums {form}")).by(source)
        }
    }
}

/// A packet that was refused, in the words that keepalived has for it.
fn refusal(router: &Router, source: IpAddr, reason: &Reason) -> String {
    let i = &router.instance.name;
    match *reason {
        Reason::AuthFailure if matches!(router.instance.auth, Some(config::Auth::Pass(_))) => {
            format!("({i}) received an invalid passwd from {source}!")
        }
        Reason::AuthTypeMismatch { found, expected } => format!(
            "({i}) received a {} auth from {source}, expecting {}!",
            found.get(),
            expected.get()
        ),
        Reason::UnknownAuthType { found } => {
            let ours = match &router.instance.auth {
                None => 0,
                Some(config::Auth::Pass(_)) => 1,
                Some(config::Auth::Ah(_)) => 2,
            };
            format!(
                "({i}) received a {} auth from {source}, expecting {ours}!",
                found.get()
            )
        }
        Reason::IntervalMismatch { found } => format!(
            "({i}) advertisement interval mismatch with {source} mine={} sec rcv'd={found} sec",
            router.instance.advert_int.as_secs()
        ),
        Reason::BadVersion { found } => format!(
            "({i}) wrong VRRP version from {source}. Received {found} and expect {}",
            router.version.get()
        ),
        Reason::BadTtl {
            found, min: 255, ..
        } => {
            format!("({i}) invalid TTL/HL from {source}. Received {found} and expect 255")
        }
        Reason::BadTtl { found, min, max } => {
            format!("({i}) TTL/HL {found} from {source} not in range [{min}, {max}]")
        }
        Reason::BadChecksum { .. } => {
            format!(
                "({i}) Invalid VRRPv{} checksum from {source}",
                router.version.get()
            )
        }
        Reason::Truncated { need, have } => {
            format!("({i}) vrrp packet from {source} too short, length {have} and expect {need}")
        }
        Reason::TrailingBytes { extra } => {
            format!("({i}) vrrp packet from {source} too long, by {extra} octets")
        }
        Reason::AddressListMismatch { count } => list_mismatch(router, source, count),
        Reason::UnknownPeer { found } => {
            format!("({i}) unicast source address {found} not a unicast peer")
        }
        Reason::BadDestination { .. } if router.multicast.is_some() => {
            format!("({i}) Expected multicast packet but received unicast packet from {source}")
        }
        Reason::BadDestination { .. } => {
            format!("({i}) Expected unicast packet but received multicast packet from {source}")
        }
        Reason::AuthExtMissing => format!("({i}) missing authentication trailer from {source}"),
        Reason::AuthExtMalformed { .. } => {
            format!("({i}) malformed authentication trailer from {source}")
        }
        Reason::AuthExtUnknownKey { id } => {
            format!("({i}) unknown authentication key id {id} from {source}")
        }
        Reason::AuthExtInvalid => format!("({i}) invalid authentication HMAC from {source}"),
        Reason::AuthExtStale { skew, window } => format!(
            "({i}) stale authentication trailer from {source}, clock skew {skew} sec exceeds window {window} sec"
        ),
        Reason::AuthExtReplay => format!("({i}) replayed authentication trailer from {source}"),
        ref other => format!("({i}) packet from {source} refused: {other}"),
    }
}

/// A packet that was accepted and is odd.
fn remark_on(
    router: &Router,
    source: IpAddr,
    remark: Warning,
    count: u8,
    interval: AdvertInterval,
) -> String {
    let i = &router.instance.name;
    match remark {
        Warning::IntervalMismatch => format!(
            "({i}) advertisement interval mismatch ours = {} centi-sec rcv'd={} centi-sec",
            router.instance.advert_int.as_millis() / 10,
            interval.as_centis()
        ),
        Warning::AddressListMismatch => list_mismatch(router, source, count),
        Warning::LocalIsOwner => {
            format!("({i}) advert from {source}, though we are the address owner")
        }
        Warning::FirstNotLinkLocal => {
            format!(
                "({i}) first address in the advert from {source} is not link-local (RFC 9568 section 5.2.9)"
            )
        }
    }
}

fn list_mismatch(router: &Router, source: IpAddr, count: u8) -> String {
    let (i, ours) = (&router.instance.name, router.instance.addresses.len());
    if ours == usize::from(count) {
        format!(
            "({i}) ip address associated with VRID {} not present in advert from {source}: its list of {count} is another one",
            router.vrid
        )
    } else {
        format!("({i}) expected {ours} VIPs but received {count} from {source}")
    }
}

fn fault(plan: &Plan, router: &Router, cause: FaultCause) -> String {
    let i = &router.instance.name;
    match cause {
        FaultCause::Interface(iface) => format!(
            "({i}): entering FAULT state (interface {} down)",
            iface_name(plan, iface)
        ),
        FaultCause::NoPrimary(iface) => format!(
            "({i}) entering FAULT state (no {} for interface {})",
            match router.family {
                Family::V4 => "IPv4 address",
                Family::V6 => "IPv6 link-local address",
            },
            iface_name(plan, iface)
        ),
        FaultCause::Tracker(track) => match plan.trackers.get(&track) {
            Some(Tracker::File(file)) => format!(
                "({i}): entering FAULT state (tracked file {} is bad)",
                file.name
            ),
            Some(Tracker::Process(process)) => {
                format!(
                    "({i}) entering FAULT state (tracked process {} quorum not achieved)",
                    process.name
                )
            }
            Some(Tracker::Script(_)) | None => {
                format!(
                    "({i}): entering FAULT state due to script {}",
                    track_name(plan, track)
                )
            }
        },
        FaultCause::Group(group) => format!(
            "({i}) entering FAULT state (sync group {})",
            group_name(plan, group)
        ),
        FaultCause::Blocked => format!("({i}): entering FAULT state (cannot be done here)"),
    }
}

fn fault_noun(plan: &Plan, router: &Router, cause: FaultCause) -> String {
    match cause {
        FaultCause::Interface(iface) => format!("interface {} is up", iface_name(plan, iface)),
        FaultCause::NoPrimary(iface) => format!(
            "interface {} has an {} address",
            iface_name(plan, iface),
            router.family
        ),
        FaultCause::Tracker(track) => format!("{} is good", track_name(plan, track)),
        FaultCause::Group(group) => format!("sync group {} is whole", group_name(plan, group)),
        FaultCause::Blocked => "nothing holds it back".into(),
    }
}

/// What happened to a tracker.
#[must_use]
pub fn track_report(tracker: &Tracker, report: &TrackReport) -> Line {
    let name = tracker.name();
    match *report {
        TrackReport::Returned(ScriptOutcome::Exited(code)) => {
            Line::new(Level::INFO, format!("Script `{name}` now returning {code}"))
        }
        TrackReport::Returned(ScriptOutcome::Signalled(signal)) => Line::new(
            Level::INFO,
            format!("Script `{name}` now ended by signal {signal}"),
        ),
        TrackReport::Returned(ScriptOutcome::TimedOut) => {
            Line::new(Level::INFO, format!("Script `{name}` now timing out"))
        }
        TrackReport::Succeeded => Line::new(Level::INFO, format!("VRRP_Script({name}) succeeded")),
        TrackReport::Failed(ScriptOutcome::Exited(code)) => Line::new(
            Level::INFO,
            format!("VRRP_Script({name}) failed (exited with status {code})"),
        ),
        TrackReport::Failed(ScriptOutcome::Signalled(signal)) => Line::new(
            Level::INFO,
            format!("VRRP_Script({name}) failed (due to signal {signal})"),
        ),
        TrackReport::Failed(ScriptOutcome::TimedOut) => {
            Line::new(Level::INFO, format!("VRRP_Script({name}) timed_out"))
        }
        // Of each run; what it changes is said above.
        TrackReport::TimedOut => Line::new(
            Level::DEBUG,
            format!("Track script {name} is being timed out"),
        ),
        TrackReport::StillRunning => Line::new(
            Level::WARN,
            format!("Track script {name} is already running, expect idle - skipping run"),
        ),
        TrackReport::Quorum { held: true, .. } => Line::new(
            Level::INFO,
            format!("Quorum gained for tracked process {name}"),
        ),
        TrackReport::Quorum { held: false, .. } => Line::new(
            Level::INFO,
            format!("Quorum lost for tracked process {name}"),
        ),
    }
}

/// What happened to a sync group.
#[must_use]
pub fn group_report(name: &str, report: &GroupReport) -> Line {
    match *report {
        GroupReport::Syncing(Status::Fault) => Line::new(
            Level::INFO,
            format!("VRRP_Group({name}) Syncing instances to FAULT"),
        ),
        GroupReport::Syncing(status) => Line::new(
            Level::INFO,
            format!(
                "VRRP_Group({name}) Syncing instances to {} state",
                state_word(status)
            ),
        ),
    }
}

/// What happened to the engine as a whole.
#[must_use]
pub fn engine_report(plan: &Plan, report: &EngineReport) -> Line {
    match *report {
        EngineReport::DelayingStartup(delay) => Line::new(
            Level::INFO,
            format!("Delaying startup for {} seconds", plain_seconds(delay)),
        ),
        EngineReport::DelayedStartCompleted => Line::new(Level::INFO, "Delayed start completed"),
        EngineReport::LinkDelayLowered { iface, down, up } => Line::new(
            Level::WARN,
            format!(
                "interface {}: delays lowered to {} s down, {} s up, so that no peer takes over meanwhile",
                iface_name(plan, iface),
                seconds(down),
                seconds(up)
            ),
        ),
        EngineReport::UnknownVrid {
            iface,
            vrid,
            source,
            ..
        } => Line::new(
            Level::INFO,
            format!(
                "Unknown VRID({vrid}) received on interface({}). ignoring...",
                iface_name(plan, iface)
            ),
        )
        .by(source),
    }
}

fn iface_name(plan: &Plan, iface: IfaceId) -> &str {
    plan.ifaces.get(&iface).map_or("?", String::as_str)
}

fn track_name(plan: &Plan, track: TrackId) -> &str {
    plan.trackers.get(&track).map_or("?", Tracker::name)
}

fn group_name(plan: &Plan, group: GroupId) -> &str {
    plan.groups
        .get(&group)
        .map_or("?", |group| group.config.name.as_str())
}

/// With six digits, as keepalived prints a timer.
fn seconds(time: Duration) -> impl Display {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

/// As short as it can be said.
fn plain_seconds(time: Duration) -> impl Display {
    format!("{}", time.as_secs_f64())
}

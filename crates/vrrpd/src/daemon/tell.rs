//! What leaves the protocol thread: log lines, and tasks for the service thread. Neither is ever waited for.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{Level, debug, error, info, warn};
use vrrp_fsm::{Announced, Cause, Instant, Notice, RouterId, Snapshot, Status, Subject, TrackId};
use vrrp_net::{AddressRecord, Author, OpError, Route};
use vrrp_proto::Family;

use super::Look;
use super::steps::Step;
use crate::compat::{self, Line};
use crate::host::Host;
use crate::plan::{Plan, Router};

/// Work for the service thread.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// From now on numbers mean what they mean here.
    Plan(PlanRef),
    /// Scripts, FIFOs and mail are told of it.
    Change(Change),
    /// An Active router heard a lower one: `notify_master_rx_lower_pri`.
    LowerHeard(RouterId),
    /// The effective priority of a router is now this one.
    Priority(RouterId, u8),
    /// Start a tracked script.
    RunScript(TrackId),
    /// End it.
    StopScript {
        /// Which.
        track: TrackId,
        /// By force.
        force: bool,
    },
    /// Write a file for people and exporters.
    Show(Box<View>),
}

/// A plan that is compared by identity.
#[derive(Clone, Debug)]
pub struct PlanRef(pub Arc<Plan>);

impl PartialEq for PlanRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub subject: Subject,
    /// Before.
    pub from: Status,
    /// Now.
    pub to: Status,
    /// Why.
    pub cause: Cause,
    /// The effective priority; 0 for a group.
    pub priority: u8,
}

/// All routers at one moment, for a dump.
#[derive(Clone, Debug)]
pub struct View {
    /// Which dump.
    pub look: Look,
    /// The protocol clock.
    pub at: Instant,
    /// The wall clock at the same moment.
    pub utc: Duration,
    /// By number.
    pub routers: BTreeMap<RouterId, Snapshot>,
    /// Whether the tracked scripts that have ended once are good.
    pub good: BTreeMap<TrackId, bool>,
    /// Tracked scripts that run.
    pub running: BTreeSet<TrackId>,
    /// Links and addresses.
    pub host: Host,
    /// What the numbers mean.
    pub plan: Arc<Plan>,
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        (self.look, self.at) == (other.look, other.at)
    }
}

/// The bounded queue to the service thread. A full one is counted, not waited for.
#[derive(Debug)]
pub struct Outbox {
    queue: mpsc::Sender<Task>,
    dropped: u64,
}

impl Outbox {
    /// Into this queue.
    #[must_use]
    pub const fn new(queue: mpsc::Sender<Task>) -> Self {
        Self { queue, dropped: 0 }
    }

    /// Puts it in, if there is room.
    pub fn submit(&mut self, task: Task) {
        if self.queue.try_send(task).is_err() {
            if self.dropped == 0 {
                error!("the service thread does not keep up: notifications are dropped");
            }
            self.dropped += 1;
        } else if self.dropped > 0 {
            error!(
                dropped = self.dropped,
                "{} notifications were dropped", self.dropped
            );
            self.dropped = 0;
        }
    }
}

/// Writes a line about a router.
fn say(router: &Router, plan: &Plan, line: &Line) {
    let instance = router.instance.name.as_str();
    let vrid = router.vrid.get();
    let iface = plan.ifaces.get(&router.iface).map_or("", String::as_str);
    let family = match router.family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let source = line.source.map(tracing::field::display);
    macro_rules! write {
        ($level:expr) => {
            tracing::event!(
                $level, instance, vrid, iface, family, source, "{}", line.text
            )
        };
    }
    match line.level {
        Level::ERROR => write!(Level::ERROR),
        Level::WARN => write!(Level::WARN),
        Level::INFO => write!(Level::INFO),
        Level::DEBUG => write!(Level::DEBUG),
        Level::TRACE => write!(Level::TRACE),
    }
}

/// Writes a line about nothing in particular.
fn say_plain(line: &Line) {
    let source = line.source.map(tracing::field::display);
    match line.level {
        Level::ERROR => error!(source, "{}", line.text),
        Level::WARN => warn!(source, "{}", line.text),
        Level::INFO => info!(source, "{}", line.text),
        Level::DEBUG | Level::TRACE => debug!(source, "{}", line.text),
    }
}

pub(super) fn change(plan: &Plan, change: &Change) {
    match change.subject {
        Subject::Router(id) => {
            let Some(router) = plan.routers.get(&id) else {
                return;
            };
            if let Some(line) = compat::change(&router.instance.name, change) {
                say(router, plan, &line);
            }
        }
        Subject::Group(_) => {}
    }
}

pub(super) fn notice(plan: &Plan, notice: &Notice) {
    match notice {
        Notice::Router(id, report) => {
            if let Some(router) = plan.routers.get(id) {
                say(router, plan, &compat::report(plan, router, report));
            }
        }
        Notice::Group(id, report) => {
            if let Some(group) = plan.groups.get(id) {
                say_plain(&compat::group_report(&group.config.name, report));
            }
        }
        Notice::Track(id, report) => {
            if let Some(tracker) = plan.trackers.get(id) {
                say_plain(&compat::track_report(tracker, report));
            }
        }
        Notice::Engine(report) => say_plain(&compat::engine_report(plan, report)),
    }
}

pub(super) fn announcement(plan: &Plan, router: RouterId, announced: &Announced) {
    let Some(router) = plan.routers.get(&router) else {
        return;
    };
    let dev = plan
        .ifaces
        .get(&announced.iface)
        .map_or("?", String::as_str);
    let what = match announced.address {
        core::net::IpAddr::V4(_) => "gratuitous ARP",
        core::net::IpAddr::V6(_) => "unsolicited Neighbour Advert",
    };
    debug!(
        instance = router.instance.name.as_str(),
        "Sending {what} on {dev} for {}", announced.address
    );
}

pub(super) fn advert_failed(plan: &Plan, router: RouterId, error: &OpError) {
    if let Some(router) = plan.routers.get(&router) {
        let text = format!(
            "({}): send advert error {} ({error})",
            router.instance.name,
            error.errno.unwrap_or_default()
        );
        say(
            router,
            plan,
            &Line {
                level: Level::ERROR,
                text,
                source: None,
            },
        );
    }
}

pub(super) fn advert_sent_again(plan: &Plan, router: RouterId) {
    if let Some(router) = plan.routers.get(&router) {
        let text = format!("({}) adverts can be sent again", router.instance.name);
        say(
            router,
            plan,
            &Line {
                level: Level::INFO,
                text,
                source: None,
            },
        );
    }
}

pub(super) fn step_failed(host: &Host, step: &Step<Task>, error: &OpError) {
    let name = |index| host.link_at(index).map_or("?", |link| link.name.as_str());
    match step {
        Step::Listen(listen) => {
            let on = listen.iface.map_or("any interface", name);
            error!("cannot listen for VRRP on {on}: {error}");
        }
        Step::Unlisten(_) => debug!("cannot stop listening: {error}"),
        Step::Expect(..) => debug!("cannot filter packets: {error}"),
        Step::Address { of, at, add } => {
            if let Some(placed) = of.addresses.get(*at) {
                let (what, address) = (if *add { "add" } else { "remove" }, placed.spec.address);
                error!(%address, "cannot {what} {address}/{}: {error}", placed.spec.prefix_len);
            }
        }
        Step::Leftover { iface, address } => {
            error!(address = %address.address, "cannot remove {} from {}: {error}", address.address, name(*iface));
        }
        Step::Route { route, add } => {
            error!(
                "cannot {} {}: {error}",
                if *add { "add" } else { "remove" },
                route_name(route)
            );
        }
        Step::Rule { of, at, add } => {
            let priority = of.rules.get(*at).map_or(0, |placed| placed.rule.priority);
            error!(
                "cannot {} rule {priority}: {error}",
                if *add { "add" } else { "remove" }
            );
        }
        Step::Accept {
            address,
            accept: false,
            ..
        } => {
            error!(%address, "cannot keep packets from {address}, it will answer: {error}");
        }
        Step::Accept { address, .. } => {
            error!(%address, "cannot let packets to {address} through again: {error}")
        }
        Step::MakeLink(link) => error!("cannot make interface {}: {error}", link.name),
        Step::RemoveLink { .. } => error!("cannot remove an interface with a virtual MAC: {error}"),
        Step::SetLink { up, .. } => {
            let way = if *up { "up" } else { "down" };
            error!("cannot set an interface with a virtual MAC {way}: {error}");
        }
        Step::Promote { iface, .. } => {
            error!(
                "cannot set promote_secondaries of {}: {error}",
                name(*iface)
            );
        }
        Step::Announce { address, .. } => warn!(%address, "cannot announce {address}: {error}"),
        Step::Tell(_) => {}
    }
}

/// What people call a route.
pub(super) fn route_name(route: &Route) -> String {
    let to = route.destination.map_or_else(
        || "default".into(),
        |to| format!("{}/{}", to.address, to.prefix_len),
    );
    match route.table {
        Route::TABLE_MAIN => format!("route {to}"),
        table => format!("route {to} in table {table}"),
    }
}

/// An address that came or went by another's hand.
pub(super) fn address(host: &Host, record: &AddressRecord, by: Author, added: bool, asked: bool) {
    if !host.is_synced() {
        return;
    }
    let name = host
        .link_at(record.iface)
        .map_or("?", |link| link.name.as_str());
    let (address, what) = (
        record.address,
        if added { "added to" } else { "removed from" },
    );
    if asked {
        info!(iface = name, %address, "Netlink reflector reports IP {address} {what} {name}");
    } else if by != Author::Us {
        debug!(iface = name, %address, "Netlink reflector reports IP {address} {what} {name}");
    }
}

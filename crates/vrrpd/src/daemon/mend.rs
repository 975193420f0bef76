//! What others take away from what is served: it is put back at once, said once a second at most, and given up when it
//! never ends.
//!
//! Looked at once a turn, after the engine has had its say: what went because a router is no longer Active is no loss.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{error, info, warn};
use vrrp_fsm::{IfaceId, Instant, RouterId};
use vrrp_net::{AddressRecord, AddressState, Author, Backend, IfIndex, Link, Mac, Route, Rule};

use super::holds::Hold;
use super::steps::Step;
use super::{Daemon, Task, tell};
use crate::clock::Clock;
use crate::plan::{Install, PlacedRule};

/// The same thing is put back one time less than this, unless there was a pause of [`CALM`]; then a router goes into
/// fault.
const PATIENCE: u32 = 20;
const CALM: Duration = Duration::from_secs(10);
/// So long a router that was robbed stays in fault, unless a reload ends it. A duplicate address is tried again as often.
const REST: Duration = Duration::from_secs(60);
/// Between two lines about the losses of one router.
const LINES: Duration = Duration::from_secs(1);
/// Between two lines about conflicts over one address.
const CONFLICTS: Duration = Duration::from_secs(60);

/// Whose something is: a router's, or nobody's (static).
type Owner = Option<RouterId>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Mending {
    losses: Vec<Loss>,
    /// Interfaces that were down since the last look.
    downs: BTreeSet<IfIndex>,
    watches: BTreeMap<Owner, Watch>,
    /// Routers that were robbed, and until when they rest.
    resting: BTreeMap<RouterId, Instant>,
    /// Addresses that failed duplicate address detection, and when they are tried again.
    duplicates: BTreeMap<(IfIndex, IpAddr), Instant>,
    /// Addresses that duplicate address detection is done with.
    judged: Vec<AddressRecord>,
    /// Who else said in this turn that an address of ours is theirs.
    claims: Vec<(IpAddr, Mac)>,
    /// When that was last said of an address, and how many claims there were since.
    conflicts: BTreeMap<IpAddr, (Instant, u32)>,
}

/// Something that may have been ours and is gone.
#[derive(Debug)]
struct Loss {
    what: Thing,
    by: Author,
    /// It went with its interface.
    fell: bool,
}

#[derive(Debug)]
enum Thing {
    /// An interface of a router with a virtual MAC, or that it is up.
    Link(RouterId, IfaceId),
    Address(IfIndex, IpAddr),
    Route(Box<Route>),
    Rule(Box<Rule>),
}

impl Thing {
    fn ifaces(&self) -> impl Iterator<Item = IfIndex> {
        let (one, hops) = match self {
            Self::Address(iface, _) => (Some(*iface), [].as_slice()),
            Self::Route(route) => (None, route.next_hops.as_slice()),
            Self::Link(..) | Self::Rule(_) => (None, [].as_slice()),
        };
        one.into_iter()
            .chain(hops.iter().filter_map(|hop| hop.iface))
    }

    /// An address needs its interface, and a route may need an address: they are not put back before.
    const fn rank(&self) -> u8 {
        match self {
            Self::Link(..) => 0,
            Self::Address(..) => 1,
            Self::Route(_) => 2,
            Self::Rule(_) => 3,
        }
    }
}

/// What was taken away from one owner.
#[derive(Debug, Default)]
struct Watch {
    /// How often each thing, without a pause.
    times: BTreeMap<String, u32>,
    last: Instant,
    told: Option<Instant>,
    untold: Option<Untold>,
}

#[derive(Debug)]
struct Untold {
    what: String,
    by: Author,
    more: u32,
}

impl Watch {
    /// Answers how often this has happened now.
    fn count(&mut self, now: Instant, what: &str, by: Author) -> u32 {
        if now.saturating_duration_since(self.last) > CALM {
            self.times.clear();
        }
        self.last = now;
        match &mut self.untold {
            // The first may be why the others went.
            Some(untold) => untold.more += 1,
            None => {
                self.untold = Some(Untold {
                    what: what.to_owned(),
                    by,
                    more: 0,
                });
            }
        }
        let times = self.times.entry(what.to_owned()).or_default();
        *times += 1;
        *times
    }

    /// When there is something to say.
    fn due(&self) -> Option<Instant> {
        self.untold.as_ref()?;
        Some(self.told.map_or(self.last, |told| told + LINES))
    }

    fn tell(&mut self, owner: Owner, now: Instant) -> Option<String> {
        let Untold { what, by, more } = self.untold.take_if(|_| {
            self.told
                .is_none_or(|told| now.saturating_duration_since(told) >= LINES)
        })?;
        self.told = Some(now);
        let more = match more {
            0 => String::new(),
            1 => " (and 1 more removal)".to_owned(),
            more => format!(" (and {more} more removals)"),
        };
        Some(match owner {
            Some(_) => format!("{what} was removed by {by}; putting it back{more}"),
            // keepalived's words.
            None => format!("Restoring deleted static {what} (removed by {by}){more}"),
        })
    }

    fn is_over(&self, now: Instant) -> bool {
        self.untold.is_none() && now.saturating_duration_since(self.last) > CALM
    }
}

impl Mending {
    pub(super) fn link(&mut self, link: &Link) {
        if !link.up {
            self.downs.insert(link.index);
        }
    }

    pub(super) fn link_gone(&mut self, index: IfIndex) {
        self.downs.insert(index);
    }

    /// An interface with a virtual MAC is down, and not by us.
    pub(super) fn fallen(&mut self, router: RouterId, iface: IfaceId) {
        self.lost(Thing::Link(router, iface), Author::Unknown);
    }

    pub(super) fn address(&mut self, record: &AddressRecord, by: Author) {
        self.lost(Thing::Address(record.iface, record.address), by);
    }

    pub(super) fn route(&mut self, route: &Route, by: Author) {
        self.lost(Thing::Route(Box::new(route.clone())), by);
    }

    pub(super) fn rule(&mut self, rule: &Rule, by: Author) {
        self.lost(Thing::Rule(Box::new(rule.clone())), by);
    }

    fn lost(&mut self, what: Thing, by: Author) {
        let fell = what.ifaces().any(|iface| self.downs.contains(&iface));
        self.losses.push(Loss { what, by, fell });
    }

    /// An address is there, in some state.
    pub(super) fn judged(&mut self, record: &AddressRecord) {
        let known = self
            .duplicates
            .contains_key(&(record.iface, record.address));
        if known || record.state == AddressState::Duplicate {
            self.judged.push(record.clone());
        }
    }

    pub(super) fn claim(&mut self, address: IpAddr, mac: Mac) {
        self.claims.push((address, mac));
    }

    /// The claims so far, for [`Daemon::contest`] after the next look.
    pub(super) fn take_claims(&mut self) -> Vec<(IpAddr, Mac)> {
        core::mem::take(&mut self.claims)
    }

    /// What an owner no longer has is not tried again.
    pub(super) fn withdrawn(&mut self, install: &Install) {
        self.duplicates.retain(|(_, address), _| {
            install
                .addresses
                .iter()
                .all(|placed| placed.spec.address != *address)
        });
    }

    /// When there is something to do though nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let lines = self.watches.values().filter_map(Watch::due);
        let ends = self.resting.values().chain(self.duplicates.values());
        lines.chain(ends.copied()).min()
    }
}

impl<B: Backend, C: Clock> Daemon<B, C> {
    /// Once a turn: puts back what is missing, and does what is due.
    pub(super) fn mend(&mut self) {
        self.end_rests();
        for record in core::mem::take(&mut self.mending.judged) {
            self.detected(&record);
        }
        self.try_duplicates();
        let mut losses = core::mem::take(&mut self.mending.losses);
        losses.sort_by_key(|loss| loss.what.rank());
        let (mut robbed, mut fallen) = (BTreeSet::new(), BTreeSet::new());
        for loss in losses {
            let Some((owner, steps)) = self.missing(&loss.what) else {
                continue;
            };
            let is_up = |iface| self.host.link_at(iface).is_some_and(|link| link.up);
            if owner.is_some() && !loss.what.ifaces().all(is_up) {
                // It cannot be put back before its interface is up again. Static entries are tried for others to know.
                self.mending.losses.push(Loss { fell: true, ..loss });
                continue;
            }
            if loss.fell {
                fallen.insert(owner);
            } else if loss.by != Author::Us {
                let what = self.name(owner, &loss.what);
                let watch = self.mending.watches.entry(owner).or_default();
                let times = watch.count(self.now, &what, loss.by);
                if let Some(id) = owner.filter(|_| times >= PATIENCE) {
                    if robbed.insert(id) {
                        self.give_up(id, &what, loss.by);
                    }
                    continue;
                }
            }
            if let Thing::Link(id, iface) = loss.what {
                self.put_up_again(id, iface);
            }
            for step in steps {
                self.steps.push(step);
            }
        }
        for owner in fallen {
            info!(
                "{}an interface was down: putting back what went with it",
                self.prefix(owner)
            );
        }
        self.tell_losses();
        self.mending.downs.clear();
    }

    /// Whose `what` is, and how it is put back; `None` where it is nobody's, not missing, or only just asked for.
    fn missing(&self, what: &Thing) -> Option<(Owner, Vec<Step<Task>>)> {
        match what {
            Thing::Address(iface, address) if self.host.has(*iface, *address) => return None,
            Thing::Link(id, _) => return self.served.get(id).map(|_| (Some(*id), Vec::new())),
            _ => {}
        }
        let served = self
            .served
            .iter()
            .filter(|(_, served)| served.installed != self.now)
            .map(|(id, served)| (Some(*id), &served.install));
        let mut owners = served.chain([(None, &self.plan.statics)]);
        owners.find_map(|(owner, install)| Some((owner, self.put_back(install, what)?)))
    }

    fn put_back(&self, install: &Arc<Install>, what: &Thing) -> Option<Vec<Step<Task>>> {
        let of = Arc::clone(install);
        Some(match what {
            Thing::Link(..) => return None,
            Thing::Address(index, address) => {
                let at = self.position(install, *index, *address)?;
                let placed = install.addresses.get(at).filter(|placed| placed.track)?;
                let (iface, address) = (placed.iface, *address);
                vec![
                    Step::Address { of, at, add: true },
                    Step::Announce { iface, address },
                ]
            }
            Thing::Route(route) => {
                let is_it = |iface| self.ifaces.index(iface);
                let mut tracked = install.routes.iter().filter(|placed| placed.track);
                tracked.find(|placed| placed.resolve(is_it).as_ref() == Some(&**route))?;
                let route = route.clone();
                vec![Step::Route { route, add: true }]
            }
            Thing::Rule(rule) => {
                let is_it = |placed: &PlacedRule| placed.track && placed.rule == **rule;
                let at = install.rules.iter().position(is_it)?;
                vec![Step::Rule { of, at, add: true }]
            }
        })
    }

    fn position(&self, install: &Install, index: IfIndex, address: IpAddr) -> Option<usize> {
        install.addresses.iter().position(|placed| {
            placed.spec.address == address && self.ifaces.index(placed.iface) == Some(index)
        })
    }

    fn give_up(&mut self, id: RouterId, what: &str, by: Author) {
        self.mending.watches.remove(&Some(id));
        error!(
            "{}{what} was removed by {by} for the {PATIENCE}th time without a pause of {} s: giving up for {} s, or \
             until a reload. Find the program that removes it (systemd-networkd and NetworkManager can be told to \
             leave foreign addresses and routes alone)",
            self.prefix(Some(id)),
            CALM.as_secs(),
            REST.as_secs()
        );
        self.mending.resting.insert(id, self.now + REST);
        self.hold(id, Hold::Robbed, true);
    }

    fn end_rests(&mut self) {
        let now = self.now;
        let resting = self
            .mending
            .resting
            .extract_if(.., |_, until| *until <= now);
        let over: Vec<RouterId> = resting.map(|(router, _)| router).collect();
        for router in over {
            self.hold(router, Hold::Robbed, false);
        }
    }

    /// After a reload everybody begins anew.
    pub(super) fn forgive(&mut self) {
        for until in self.mending.resting.values_mut() {
            *until = self.now;
        }
        self.end_rests();
        self.mending.watches.clear();
    }

    fn tell_losses(&mut self) {
        let now = self.now;
        let mut lines = Vec::new();
        for (owner, watch) in &mut self.mending.watches {
            lines.extend(watch.tell(*owner, now).map(|line| (*owner, line)));
        }
        self.mending.watches.retain(|_, watch| !watch.is_over(now));
        for (owner, line) in lines {
            match owner {
                Some(_) => warn!("{}{line}", self.prefix(owner)),
                None => info!("{line}"),
            }
        }
    }

    /// The kernel has told everything anew, since it dropped notifications: what is missing now was lost meanwhile.
    pub(super) fn verify(&mut self) {
        // What is still to be done explains what is missing.
        let by = if self.steps.is_empty() {
            Author::Unknown
        } else {
            Author::Us
        };
        let mut missing = Vec::new();
        for served in self.served.values() {
            for placed in &served.install.addresses {
                if let Some(index) = self.ifaces.index(placed.iface)
                    && !self.host.has(index, placed.spec.address)
                {
                    missing.push(Thing::Address(index, placed.spec.address));
                }
            }
        }
        for thing in missing {
            self.mending.lost(thing, by);
        }
    }

    /// Duplicate address detection is done with an address.
    fn detected(&mut self, record: &AddressRecord) {
        let key = (record.iface, record.address);
        let dev = || {
            let link = self.host.link_at(record.iface);
            link.map_or("?", |link| link.name.as_str())
        };
        match record.state {
            AddressState::Tentative => {}
            AddressState::Usable => {
                if self.mending.duplicates.remove(&key).is_some() {
                    info!(address = %record.address, "{} on {} is nobody else's any more", record.address, dev());
                }
            }
            AddressState::Duplicate => {
                let Some((owner, _)) = self.placed(key) else {
                    return;
                };
                if !self.mending.duplicates.contains_key(&key) {
                    error!(
                        address = %record.address,
                        "{}{} is on another host as well: duplicate address detection has failed on {}, and nothing \
                         is answered from here. It is tried again every {} s",
                        self.prefix(owner),
                        record.address,
                        dev(),
                        REST.as_secs()
                    );
                    self.mending.duplicates.insert(key, self.now + REST);
                }
            }
        }
    }

    /// Whose an address is, and which of theirs.
    fn placed(
        &self,
        (index, address): (IfIndex, IpAddr),
    ) -> Option<(Owner, (Arc<Install>, usize))> {
        let served = self.served.iter();
        let served = served.map(|(id, served)| (Some(*id), &served.install));
        let mut owners = served.chain([(None, &self.plan.statics)]);
        owners.find_map(|(owner, install)| {
            let at = self.position(install, index, address)?;
            Some((owner, (Arc::clone(install), at)))
        })
    }

    fn try_duplicates(&mut self) {
        let now = self.now;
        let due = self.mending.duplicates.iter();
        let due: Vec<_> = due
            .filter(|(_, at)| **at <= now)
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            let Some((_, (of, at))) = self.placed(key) else {
                self.mending.duplicates.remove(&key);
                continue;
            };
            self.mending.duplicates.insert(key, now + REST);
            for add in [false, true] {
                let of = Arc::clone(&of);
                self.steps.push(Step::Address { of, at, add });
            }
        }
    }

    /// Says who else claims what is still ours. The claims are a turn old: a router that takes over advertises and
    /// then announces, and the two come by different sockets.
    pub(super) fn contest(&mut self, claims: &[(IpAddr, Mac)]) {
        for (address, mac) in claims {
            let has = |install: &Install| {
                let mut all = install.addresses.iter();
                all.any(|placed| placed.spec.address == *address)
            };
            let served = self.served.iter().find(|(_, served)| has(&served.install));
            let owner = match served {
                Some((id, _)) => Some(*id),
                None if has(&self.plan.statics) => None,
                None => continue,
            };
            let before = self.mending.conflicts.get_mut(address);
            let more = match before {
                Some((told, more)) if self.now.saturating_duration_since(*told) < CONFLICTS => {
                    *more += 1;
                    continue;
                }
                Some((_, more)) => *more,
                None => 0,
            };
            self.mending.conflicts.insert(*address, (self.now, 0));
            let since = match more {
                0 => String::new(),
                more => format!(" ({more} more claims since this was last said)"),
            };
            warn!(
                %address,
                "{}{address} is claimed by {mac} as well: an address conflict on the link{since}",
                self.prefix(owner)
            );
        }
    }

    /// What people call it.
    fn name(&self, owner: Owner, what: &Thing) -> String {
        match what {
            Thing::Address(iface, address) if owner.is_none() => {
                let mut placed = self.plan.statics.addresses.iter();
                let len = placed.find(|placed| placed.spec.address == *address);
                let len = len.map_or(0, |placed| placed.spec.prefix_len);
                let dev = self.host.link_at(*iface);
                let dev = dev.map_or("?", |link| link.name.as_str());
                format!("address {address}/{len} dev {dev}")
            }
            Thing::Address(_, address) => address.to_string(),
            Thing::Link(_, iface) => {
                let name = self.plan.ifaces.get(iface).map_or("?", String::as_str);
                format!("{name} or its UP flag")
            }
            Thing::Route(route) => tell::route_name(route),
            Thing::Rule(rule) => format!("rule {}", rule.priority),
        }
    }

    /// How a line about what is somebody's begins.
    fn prefix(&self, owner: Owner) -> String {
        let router = owner.and_then(|id| self.plan.routers.get(&id));
        router.map_or_else(
            || "static: ".to_owned(),
            |router| format!("({}) ", router.instance.name),
        )
    }
}

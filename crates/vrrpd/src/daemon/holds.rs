//! Why a virtual router cannot run although its links are up and its trackers good: what the engine knows as blocked.

use core::fmt;
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::error;
use vrrp_fsm::{FaultCause, Input, RouterId};
use vrrp_net::{AddressState, Backend};
use vrrp_proto::Family;

use super::Daemon;
use crate::clock::Clock;
use crate::plan::{Made, Plan};

/// One reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// Its configured source address is on no interface.
    Source(IpAddr),
    /// It is to use unicast and has no peer (`unicast_fault_no_peer`).
    NoPeers,
    /// An interface cannot be made (`use_vmac`, `use_ipvlan`).
    Link,
    /// Its ipvlan has no address to send from.
    NoIpvlanAddress,
    /// A static entry that it is tied to cannot be put back.
    Statics,
    /// What it serves keeps being removed by somebody else.
    Robbed,
}

impl fmt::Display for Hold {
    /// What keepalived's users look for, and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(address) => write!(
                f,
                "src address not configured: no interface has {address}; waiting for it"
            ),
            Self::NoPeers => f.write_str(
                "unicast without any peers, and unicast_fault_no_peer is set; remedy: list the other nodes in unicast_peer",
            ),
            Self::Link => f.write_str("an interface of its own cannot be made"),
            Self::NoIpvlanAddress => {
                f.write_str("use_ipvlan has no address; remedy: write it behind use_ipvlan")
            }
            Self::Statics => {
                f.write_str("a static address, route or rule of its track_group is missing")
            }
            Self::Robbed => f.write_str("what it serves keeps being removed by somebody else"),
        }
    }
}

/// All reasons, by router; none has an empty set.
pub(super) type Holds = BTreeMap<RouterId, BTreeSet<Hold>>;

impl<B: Backend, C: Clock> Daemon<B, C> {
    /// Says whether `reason` holds `router` back now.
    pub(super) fn hold(&mut self, router: RouterId, reason: Hold, holds: bool) {
        let reasons = self.holds.entry(router).or_default();
        let was = !reasons.is_empty();
        let changed = if holds {
            reasons.insert(reason)
        } else {
            reasons.remove(&reason)
        };
        let blocked = !reasons.is_empty();
        if !blocked {
            self.holds.remove(&router);
        }
        if changed && was && holds {
            self.say_held(router);
        }
        if was != blocked {
            self.engine
                .handle(self.now, Input::Blocked { router, blocked });
        }
    }

    pub(super) fn is_held(&self, router: RouterId, reason: Hold) -> bool {
        let reasons = self.holds.get(&router);
        reasons.is_some_and(|reasons| reasons.contains(&reason))
    }

    /// Why a router has just come to be at fault, if that is for a reason of these.
    pub(super) fn held(&self, router: RouterId, cause: FaultCause) -> bool {
        let held = cause == FaultCause::Blocked && self.holds.contains_key(&router);
        if held {
            self.say_held(router);
        }
        held
    }

    fn say_held(&self, id: RouterId) {
        let Some(router) = self.plan.routers.get(&id) else {
            return;
        };
        let name = router.instance.name.as_str();
        for reason in self.holds.get(&id).into_iter().flatten() {
            error!(instance = name, "({name}): entering FAULT state ({reason})");
        }
    }

    /// What the plan and the host's addresses have to say. A configured source address that no interface has is a
    /// fault, and ends when one gets it.
    pub(super) fn refresh_holds(&mut self, plan: &Arc<Plan>) {
        for (id, router) in &plan.routers {
            self.hold(*id, Hold::NoPeers, router.lacks_peers());
            let ipvlan = router.instance.ipvlan.as_ref();
            let bare = ipvlan.is_some_and(|ipvlan| ipvlan.address.is_none());
            self.hold(
                *id,
                Hold::NoIpvlanAddress,
                bare && router.family == Family::V4,
            );
            let there = |made: &Made| self.host.link(&made.name).is_some();
            if router.links().all(there) {
                self.hold(*id, Hold::Link, false);
            }
            let Some(source) = router.instance.source else {
                continue;
            };
            let there = |record: &vrrp_net::AddressRecord| {
                record.address == source && record.state == AddressState::Usable
            };
            let absent = !self.host.addresses().any(there);
            self.hold(*id, Hold::Source(source), absent);
        }
    }

    /// After a reload: routers that are new have not heard of their reasons, and reasons that were of old plans go.
    pub(super) fn tell_holds(&mut self) {
        let plan = Arc::clone(&self.plan);
        for (id, reasons) in &mut self.holds {
            let source = plan.routers.get(id).map(|router| router.instance.source);
            reasons.retain(|reason| match reason {
                Hold::Source(address) => source == Some(Some(*address)),
                _ => source.is_some(),
            });
        }
        for (id, reasons) in &self.holds {
            let (router, blocked) = (*id, !reasons.is_empty());
            self.engine
                .handle(self.now, Input::Blocked { router, blocked });
        }
        self.holds.retain(|_, reasons| !reasons.is_empty());
    }
}

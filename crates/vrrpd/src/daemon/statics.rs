//! What is on the host as long as the daemon is: static addresses, routes and rules.
//!
//! What cannot be put there, or put back, is tried again with each change of the host, and who
//! is tied to it by a `track_group` is at fault until then.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::debug;
use vrrp_fsm::RouterId;
use vrrp_net::{Backend, OpError, Route};

use super::holds::Hold;
use super::steps::Step;
use super::{Daemon, Task};
use crate::clock::Clock;
use crate::plan::{Install, PlacedRoute};

/// One entry, by its place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Address(usize),
    Route(usize),
    Rule(usize),
}

/// What should be there and is not.
#[derive(Debug, Default)]
pub(super) struct Missing {
    entries: BTreeSet<Entry>,
    /// Of these, those that are being tried again.
    tried: BTreeSet<Entry>,
}

impl<B: Backend, C: Clock> Daemon<B, C> {
    pub(super) fn add_statics(&mut self) {
        self.change_statics(&Arc::default());
    }

    pub(super) fn remove_statics(&mut self) {
        let statics = Arc::clone(&self.plan.statics);
        self.remove(&statics, &Install::default());
    }

    /// From those of another plan to those of this one.
    pub(super) fn change_statics(&mut self, old: &Arc<Install>) {
        let new = Arc::clone(&self.plan.statics);
        self.remove(old, &new);
        self.add(&new, old);
        self.missing = Missing::default();
        for (at, route) in new.routes.iter().enumerate() {
            if self.resolve(route).is_none() {
                self.missing.entries.insert(Entry::Route(at));
            }
        }
    }

    /// Static addresses that are missing on an interface that is there, and all else that is missing.
    pub(super) fn restore_statics(&mut self) {
        let statics = Arc::clone(&self.plan.statics);
        let addresses = statics.addresses.iter().enumerate();
        for (at, placed) in addresses.filter(|(_, placed)| placed.track) {
            let Some(index) = self.ifaces.index(placed.iface) else {
                continue;
            };
            if self.host.has(index, placed.spec.address) {
                self.missing.entries.remove(&Entry::Address(at));
                continue;
            }
            self.steps.push(Step::<Task>::Address {
                of: Arc::clone(&statics),
                at,
                add: true,
            });
        }
        for entry in self.missing.entries.clone() {
            let step = match entry {
                Entry::Address(_) => None,
                Entry::Route(at) => statics
                    .routes
                    .get(at)
                    .and_then(|placed| self.resolve(placed))
                    .map(|route| Step::Route {
                        route: Box::new(route),
                        add: true,
                    }),
                Entry::Rule(at) => Some(Step::Rule {
                    of: Arc::clone(&statics),
                    at,
                    add: true,
                }),
            };
            if let Some(step) = step {
                self.missing.tried.insert(entry);
                self.steps.push(step);
            }
        }
    }

    fn resolve(&self, placed: &PlacedRoute) -> Option<Route> {
        placed.resolve(|iface| self.ifaces.index(iface))
    }

    /// A step failed. Answers whether that is a static entry's, and known already.
    pub(super) fn static_failed(&mut self, step: &Step<Task>, error: &OpError) -> bool {
        let statics = &self.plan.statics;
        let entry = match step {
            Step::Address { of, at, add: true } if Arc::ptr_eq(of, statics) => Entry::Address(*at),
            Step::Rule { of, at, add: true } if Arc::ptr_eq(of, statics) => Entry::Rule(*at),
            Step::Route { route, add: true } => {
                let is_it = |placed| self.resolve(placed).as_ref() == Some(&**route);
                let Some(at) = statics.routes.iter().position(is_it) else {
                    return false;
                };
                Entry::Route(at)
            }
            _ => return false,
        };
        self.missing.tried.remove(&entry);
        let known = !self.missing.entries.insert(entry);
        if known {
            debug!("a static entry is still missing: {error}");
        }
        known
    }

    /// When everything has been tried: who is tied to what is missing is at fault.
    pub(super) fn settle_statics(&mut self) {
        for entry in core::mem::take(&mut self.missing.tried) {
            self.missing.entries.remove(&entry);
        }
        let statics = Arc::clone(&self.plan.statics);
        let tied = |entry: &Entry| -> &[RouterId] {
            let tied = match entry {
                Entry::Address(at) => statics.addresses.get(*at).map(|it| &it.tied),
                Entry::Route(at) => statics.routes.get(*at).map(|it| &it.tied),
                Entry::Rule(at) => statics.rules.get(*at).map(|it| &it.tied),
            };
            tied.map(Vec::as_slice).unwrap_or_default()
        };
        let held: BTreeSet<RouterId> = self
            .missing
            .entries
            .iter()
            .flat_map(tied)
            .copied()
            .collect();
        let plan = Arc::clone(&self.plan);
        for router in plan.routers.keys() {
            self.hold(*router, Hold::Statics, held.contains(router));
        }
    }
}

//! Interfaces by the numbers of the configuration: what they are to the kernel now, and what the engine was told.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{debug, info};
use vrrp_fsm::{IfaceId, Input};
use vrrp_net::{Backend, IfIndex, Listen, Mac, VridSet};
use vrrp_proto::Family;

use super::Daemon;
use super::steps::{Resolve, Step};
use crate::clock::Clock;
use crate::host::Host;
use crate::plan::{Plan, Router};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ifaces {
    /// The kernel's numbers of this moment.
    indexes: BTreeMap<IfaceId, IfIndex>,
    /// The reverse.
    ids: BTreeMap<IfIndex, IfaceId>,
    /// Those that are there no more by the name that is asked for, but by another one: what we have put there is still
    /// there.
    renamed: BTreeMap<IfaceId, IfIndex>,
    up: BTreeMap<IfaceId, bool>,
    primaries: BTreeMap<(IfaceId, Family), Option<IpAddr>>,
    listening: BTreeSet<Listen>,
    /// On which `promote_secondaries` is asked for.
    promoting: BTreeSet<IfIndex>,
    /// What was said to be expected there.
    expected: BTreeMap<Listen, VridSet>,
}

impl Ifaces {
    /// Which of ours has this number now.
    pub(super) fn at(&self, index: IfIndex) -> Option<IfaceId> {
        self.ids.get(&index).copied()
    }

    /// The kernel's number of this moment.
    pub(super) fn index(&self, iface: IfaceId) -> Option<IfIndex> {
        self.indexes.get(&iface).copied()
    }

    /// The same, to take something away.
    pub(super) fn left(&self, iface: IfaceId) -> Option<IfIndex> {
        self.index(iface)
            .or_else(|| self.renamed.get(&iface).copied())
    }

    /// It failed: it is tried again with the next change of the host.
    pub(super) fn forget_listening(&mut self, listen: &Listen) {
        self.listening.remove(listen);
        self.expected.remove(listen);
    }
}

/// Interfaces as steps need them.
pub(super) struct Kernel<'a> {
    pub(super) ifaces: &'a Ifaces,
    pub(super) host: &'a Host,
}

impl Resolve for Kernel<'_> {
    fn index(&self, iface: IfaceId) -> Option<IfIndex> {
        self.ifaces.index(iface)
    }

    fn left(&self, iface: IfaceId) -> Option<IfIndex> {
        self.ifaces.left(iface)
    }

    fn mac(&self, iface: IfaceId) -> Option<Mac> {
        let link = self.host.link_at(self.ifaces.index(iface)?)?;
        link.mac.filter(|_| link.arp)
    }
}

impl<B: Backend, C: Clock> Daemon<B, C> {
    /// Tells the engine what is new about interfaces, and listens where packets are to be heard.
    ///
    /// Primary addresses are told before links: a router must not start and fall into a fault in one breath.
    pub(super) fn refresh(&mut self) {
        let plan = Arc::clone(&self.plan);
        let before = core::mem::take(&mut self.ifaces.indexes);
        let mut replaced = Vec::new();
        self.ifaces.ids.clear();
        for (id, name) in &plan.ifaces {
            if let Some(link) = self.host.link(name) {
                self.ifaces.indexes.insert(*id, link.index);
                self.ifaces.ids.insert(link.index, *id);
                if before.get(id).is_some_and(|index| *index != link.index) {
                    replaced.push(*id);
                }
            } else if let Some(index) = before.get(id) {
                self.ifaces.renamed.insert(*id, *index);
            }
        }
        let (ifaces, host) = (&mut self.ifaces, &self.host);
        ifaces
            .renamed
            .retain(|id, index| !ifaces.indexes.contains_key(id) && host.link_at(*index).is_some());
        // Removed and made again between two looks: what was on the old one is gone.
        for iface in replaced {
            if self.ifaces.up.insert(iface, false) == Some(true) {
                self.engine
                    .handle(self.now, Input::Link { iface, up: false });
            }
        }
        self.refresh_primaries(&plan);
        self.refresh_links(&plan);
        self.refresh_holds(&plan);
        self.refresh_listening(&plan);
        self.refresh_promoting(&plan);
        self.want_links();
        self.restore_statics();
    }

    fn refresh_primaries(&mut self, plan: &Plan) {
        let wanted: BTreeSet<(IfaceId, Family)> = plan
            .routers
            .values()
            .map(|router| (router.iface, router.family))
            .collect();
        for (iface, family) in wanted {
            let index = self.ifaces.index(iface);
            let address = index.and_then(|index| {
                self.host
                    .primary(index, family, |address| plan.is_virtual(address))
            });
            if self.ifaces.primaries.insert((iface, family), address) != Some(address) {
                self.engine.handle(
                    self.now,
                    Input::Primary {
                        iface,
                        family,
                        address,
                    },
                );
            }
        }
    }

    fn refresh_links(&mut self, plan: &Plan) {
        for (iface, name) in &plan.ifaces {
            let link = self.host.link(name);
            let up = link.is_some_and(|link| link.up && link.running);
            let told = self.ifaces.up.get(iface).copied();
            let made = plan.is_made(*iface);
            match told {
                Some(told) if told == up => continue,
                _ if made => {}
                None if link.is_none() => {
                    info!(
                        iface = name,
                        "Interface {name} is not there yet; waiting for it"
                    );
                }
                None => debug!(iface = name, "Interface {name} is {}", word(up)),
                Some(_) => info!(iface = name, "Netlink reports {name} {}", word(up)),
            }
            self.ifaces.up.insert(*iface, up);
            self.engine
                .handle(self.now, Input::Link { iface: *iface, up });
        }
    }

    /// Where `promote_secondaries` is wanted; an interface with a virtual MAC has it anyway.
    pub(super) fn refresh_promoting(&mut self, plan: &Plan) {
        let routers = plan.routers.values();
        let asking = routers.filter(|it| it.instance.promote_secondaries && it.vmac.is_none());
        let wanted: BTreeSet<IfIndex> = asking
            .filter_map(|router| self.ifaces.index(router.iface))
            .collect();
        let had = core::mem::replace(&mut self.ifaces.promoting, wanted.clone());
        for iface in had.symmetric_difference(&wanted).copied() {
            let on = wanted.contains(&iface);
            self.steps.push(Step::Promote { iface, on });
        }
    }

    fn refresh_listening(&mut self, plan: &Plan) {
        let wanted: BTreeSet<Listen> = plan
            .routers
            .values()
            .filter_map(|router| {
                let iface = Some(self.ifaces.index(router.iface)?);
                Some(Listen {
                    iface,
                    family: router.family,
                    protocol: router.protocol,
                    group: router.multicast,
                })
            })
            .collect();
        for listen in self.ifaces.listening.difference(&wanted) {
            self.steps.push(Step::Unlisten(*listen));
        }
        for listen in wanted.difference(&self.ifaces.listening) {
            self.steps.push(Step::Listen(*listen));
        }
        // One socket hears all virtual routers of its interface, family and protocol, whatever their groups.
        let expected = wanted.iter().map(|listen| {
            let hears = |router: &&Router| {
                listen.iface == self.ifaces.index(router.iface)
                    && (listen.family, listen.protocol) == (router.family, router.protocol)
            };
            let routers = plan.routers.values().filter(hears);
            let vrids = routers.map(|router| router.vrid).collect();
            (*listen, vrids)
        });
        let expected: BTreeMap<Listen, VridSet> = expected.collect();
        for (listen, vrids) in &expected {
            if self.ifaces.expected.get(listen) != Some(vrids) {
                self.steps.push(Step::Expect(*listen, *vrids));
            }
        }
        self.ifaces.expected = expected;
        self.ifaces.listening = wanted;
    }
}

const fn word(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

//! Interfaces with a virtual router's MAC address: there while the daemon runs, up while the router is Active.
//!
//! A Backup must not take frames for the virtual MAC (RFC 9568 §6.4.2), and the first advert of an Active router leaves
//! with it as source (§7.2), so the interface goes up before that advert and down after the addresses.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use vrrp_fsm::{IfaceId, RouterId};
use vrrp_net::{AddressSpec, Backend, NetError, VirtualLink};
use vrrp_proto::Family;

use super::Daemon;
use super::holds::Hold;
use super::steps::Step;
use crate::clock::Clock;
use crate::plan::{Install, Made, PlacedAddress, Plan, Router};

impl<B: Backend, C: Clock> Daemon<B, C> {
    /// Makes what is missing, and waits until the kernel has told of it.
    ///
    /// # Errors
    /// The way to the kernel is broken.
    pub(super) fn make_links(&mut self) -> Result<(), NetError> {
        self.want_links();
        if !self.steps.is_empty() {
            while !self.steps.is_empty() {
                self.run_steps();
            }
            self.receive()?;
        }
        Ok(())
    }

    /// Asks for interfaces that are missing and whose parents are there.
    pub(super) fn want_links(&mut self) {
        let plan = Arc::clone(&self.plan);
        for router in plan.routers.values() {
            for made in router.links() {
                let Some(parent) = self.ifaces.index(made.parent) else {
                    continue;
                };
                if self.made.insert(made.iface) {
                    self.steps.push(Step::MakeLink(Box::new(VirtualLink {
                        name: made.name.clone(),
                        parent,
                        kind: made.kind,
                        family: made.family,
                        group: made.group,
                        vrf: None,
                    })));
                }
                self.settle_ipvlan(made);
            }
        }
    }

    /// An ipvlan is up always, and has an address of its own to send from.
    fn settle_ipvlan(&mut self, made: &Made) {
        let Some(index) = self.ifaces.index(made.iface).filter(|_| !made.is_vmac()) else {
            return;
        };
        if self.host.link_at(index).is_some_and(|link| !link.up) {
            self.steps.push(Step::SetLink {
                iface: made.iface,
                up: true,
            });
        }
        let Some(spec) = &made.address else { return };
        let mut there = self.host.addresses_of(index).iter();
        if !there.any(|record| record.address == spec.address) {
            let of = Arc::new(alone(made.iface, spec.clone()));
            self.steps.push(Step::Address {
                of,
                at: 0,
                add: true,
            });
        }
    }

    /// An interface is gone: it is made with the next change of the host.
    pub(super) fn forget_link(&mut self, name: &str) {
        let links = self.plan.routers.values().flat_map(Router::links);
        for made in links.filter(|made| made.name == name) {
            self.made.remove(&made.iface);
        }
    }

    /// It could not be made: who needs it is at fault until it can. Answers whether that is known already.
    pub(super) fn lack_link(&mut self, name: &str) -> bool {
        self.forget_link(name);
        let plan = Arc::clone(&self.plan);
        let mut known = false;
        for (id, router) in &plan.routers {
            if router.links().any(|made| made.name == name) {
                known |= self.is_held(*id, Hold::Link);
                self.hold(*id, Hold::Link, true);
            }
        }
        known
    }

    /// Removes what was made and is not in `plan`.
    pub(super) fn remove_links(&mut self, plan: &Plan) {
        let kept: BTreeSet<IfaceId> = plan
            .routers
            .values()
            .flat_map(Router::links)
            .map(|made| made.iface)
            .collect();
        let gone: Vec<IfaceId> = self.made.difference(&kept).copied().collect();
        for iface in gone {
            self.made.remove(&iface);
            self.steps.push(Step::RemoveLink { iface });
        }
    }

    /// Before the first advert of a router that becomes Active.
    pub(super) fn raise(&mut self, id: RouterId) {
        if !self.served.contains_key(&id) {
            let plan = Arc::clone(&self.plan);
            if let Some(router) = plan.routers.get(&id) {
                self.set_up(router);
            }
        }
    }

    /// Before the adverts of this turn, for they leave by it.
    fn set_up(&mut self, router: &Router) {
        for made in router.links() {
            let iface = made.iface;
            let index = self.ifaces.index(iface);
            let link = index.and_then(|index| self.host.link_at(index));
            // Of one that is up the kernel tells nothing more.
            self.rising
                .extend(link.filter(|link| !link.up).map(|link| link.index));
            self.steps.prepare(Step::SetLink { iface, up: true });
        }
        let Some(vmac) = &router.vmac else { return };
        // The source of IPv6 adverts must be an address of the interface that they leave by.
        let index = self.ifaces.index(router.iface);
        let primary = index.and_then(|index| {
            self.host.primary(index, router.family, |address| {
                self.plan.is_virtual(address)
            })
        });
        if let (Family::V6, Some(address @ IpAddr::V6(_))) = (router.family, primary) {
            let spec = AddressSpec {
                prefix_len: 64,
                ..AddressSpec::new(address)
            };
            let of = Arc::new(alone(vmac.iface, spec));
            self.steps.prepare(Step::Address {
                of,
                at: 0,
                add: true,
            });
        }
    }

    /// Finds the interfaces of Active routers that somebody else has set down, or removed: those have been made again by
    /// now, and are down.
    pub(super) fn find_fallen(&mut self) {
        for id in self.served.keys() {
            let router = self.plan.routers.get(id);
            let links = router.into_iter().flat_map(Router::links);
            for made in links.filter(|made| made.is_vmac()) {
                let index = self.ifaces.index(made.iface);
                let link = index.and_then(|index| self.host.link_at(index));
                if link.is_some_and(|link| !link.up && !self.rising.contains(&link.index)) {
                    self.mending.fallen(*id, made.iface);
                }
            }
        }
    }

    /// An interface goes up again, and what was on it comes back.
    pub(super) fn put_up_again(&mut self, id: RouterId, iface: IfaceId) {
        let plan = Arc::clone(&self.plan);
        let (Some(router), Some(served)) = (plan.routers.get(&id), self.served.get(&id)) else {
            return;
        };
        let install = Arc::clone(&served.install);
        self.set_up(router);
        self.add(&install, &Install::default());
        for placed in install
            .addresses
            .iter()
            .filter(|placed| placed.iface == iface)
        {
            let address = placed.spec.address;
            self.steps.push(Step::Announce { iface, address });
        }
    }
}

/// One address that belongs to an interface, and not to a router.
fn alone(iface: IfaceId, spec: AddressSpec) -> Install {
    let address = PlacedAddress {
        iface,
        spec,
        track: false,
        tied: Vec::new(),
    };
    Install {
        addresses: vec![address],
        ..Install::default()
    }
}

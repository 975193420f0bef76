//! Interfaces with a virtual router's MAC address: there while the daemon runs, up while the router is Active.
//!
//! A Backup must not take frames for the virtual MAC (RFC 9568 §6.4.2), and the first advert of an Active router leaves
//! with it as source (§7.2), so the interface goes up before that advert and down after the addresses.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use vrrp_fsm::{IfaceId, RouterId};
use vrrp_net::{AddressSpec, Backend, NetError, VirtualLink, VirtualLinkKind};
use vrrp_proto::Family;

use super::Daemon;
use super::steps::Step;
use crate::clock::Clock;
use crate::plan::{Install, PlacedAddress, Plan};

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
            let (Some(vmac), Some(parent)) = (&router.vmac, self.ifaces.index(router.iface)) else {
                continue;
            };
            if !self.made.insert(vmac.iface) {
                continue;
            }
            self.steps.push(Step::MakeLink(Box::new(VirtualLink {
                name: vmac.name.clone(),
                parent,
                kind: VirtualLinkKind::Macvlan(vmac.mac),
                family: router.family,
                group: vmac.group,
                vrf: None,
            })));
        }
    }

    /// An interface is gone, or could not be made: it is made with the next change of the host.
    pub(super) fn forget_link(&mut self, name: &str) {
        let gone = self
            .plan
            .routers
            .values()
            .filter_map(|router| router.vmac.as_ref());
        for vmac in gone.filter(|vmac| vmac.name == name) {
            self.made.remove(&vmac.iface);
        }
    }

    /// Removes what was made and is not in `plan`.
    pub(super) fn remove_links(&mut self, plan: &Plan) {
        let kept: BTreeSet<IfaceId> = plan
            .routers
            .values()
            .filter_map(|router| Some(router.vmac.as_ref()?.iface))
            .collect();
        let gone: Vec<IfaceId> = self.made.difference(&kept).copied().collect();
        for iface in gone {
            self.made.remove(&iface);
            self.steps.push(Step::RemoveLink { iface });
        }
    }

    /// Before the first advert of a router that becomes Active.
    pub(super) fn raise(&mut self, id: RouterId) {
        let Some(router) = self
            .plan
            .routers
            .get(&id)
            .filter(|_| !self.served.contains_key(&id))
        else {
            return;
        };
        let Some(vmac) = &router.vmac else { return };
        self.steps.prepare(Step::SetLink {
            iface: vmac.iface,
            up: true,
        });
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
            let addresses = vec![PlacedAddress {
                iface: vmac.iface,
                spec,
                track: false,
                tied: Vec::new(),
            }];
            let of = Arc::new(Install {
                addresses,
                ..Install::default()
            });
            self.steps.prepare(Step::Address {
                of,
                at: 0,
                add: true,
            });
        }
    }
}

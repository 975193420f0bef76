//! What is on the host because a virtual router is Active.

use std::sync::Arc;

use tracing::info;
use vrrp_fsm::{IfaceId, Instant, RouterId};
use vrrp_net::{AddressRecord, AddressSpec, Backend, IfIndex};

use super::Daemon;
use super::steps::Step;
use crate::clock::Clock;
use crate::plan::{Install, PlacedAddress};

/// What an Active router has put on the host.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) install: Arc<Install>,
    /// The interfaces with the virtual MAC.
    vmacs: Vec<IfaceId>,
    /// When.
    pub(super) installed: Instant,
}

impl<B: Backend, C: Clock> Daemon<B, C> {
    pub(super) fn install(&mut self, id: RouterId) {
        let Some(router) = self.plan.routers.get(&id) else {
            return;
        };
        let install = Arc::clone(&router.install);
        let vmacs = router.links().filter(|made| made.is_vmac());
        let vmacs = vmacs.map(|made| made.iface).collect();
        self.add(&install, &Install::default());
        self.served.insert(
            id,
            Served {
                install,
                vmacs,
                installed: self.now,
            },
        );
    }

    pub(super) fn withdraw(&mut self, id: RouterId) {
        let Some(served) = self.served.remove(&id) else {
            return;
        };
        self.mending.withdrawn(&served.install);
        if !self.options.keep_addresses {
            self.remove(&served.install, &Install::default());
            for iface in served.vmacs {
                self.steps.push(Step::SetLink { iface, up: false });
            }
        }
    }

    /// Applies the difference; what is in both is not touched.
    pub(super) fn update(&mut self, id: RouterId) {
        let (Some(served), Some(router)) = (self.served.get_mut(&id), self.plan.routers.get(&id))
        else {
            return;
        };
        let new = Arc::clone(&router.install);
        let old = core::mem::replace(&mut served.install, Arc::clone(&new));
        for gone in old
            .addresses
            .iter()
            .filter(|address| !new.addresses.contains(address))
        {
            let name = &router.instance.name;
            let dev = self
                .plan
                .ifaces
                .get(&gone.iface)
                .map_or("?", String::as_str);
            info!(
                instance = name.as_str(),
                "({name}) ip address {}/{} dev {dev}, no longer exist",
                gone.spec.address,
                gone.spec.prefix_len
            );
        }
        self.remove(&old, &new);
        self.add(&new, &old);
    }

    /// What is in `install` and not in `there`: addresses, then routes, then rules.
    pub(super) fn add(&mut self, install: &Arc<Install>, there: &Install) {
        for (at, placed) in install.addresses.iter().enumerate() {
            let new = !there.addresses.contains(placed);
            if install.refuse && (new || !there.refuse) {
                self.accept(placed, false);
            } else if !install.refuse && there.refuse && !new {
                self.accept(placed, true);
            }
            if new {
                self.steps.push(Step::Address {
                    of: Arc::clone(install),
                    at,
                    add: true,
                });
            }
        }
        for route in install
            .routes
            .iter()
            .filter(|route| !there.routes.contains(route))
        {
            if let Some(route) = route.resolve(|iface| self.ifaces.index(iface)) {
                self.steps.push(Step::Route {
                    route: Box::new(route),
                    add: true,
                });
            }
        }
        for (at, rule) in install.rules.iter().enumerate() {
            if !there.rules.contains(rule) {
                self.steps.push(Step::Rule {
                    of: Arc::clone(install),
                    at,
                    add: true,
                });
            }
        }
    }

    /// What is in `install` and not in `stays`, in the reverse order.
    pub(super) fn remove(&mut self, install: &Arc<Install>, stays: &Install) {
        for (at, rule) in install.rules.iter().enumerate().rev() {
            if !stays.rules.contains(rule) {
                self.steps.push(Step::Rule {
                    of: Arc::clone(install),
                    at,
                    add: false,
                });
            }
        }
        for route in install
            .routes
            .iter()
            .rev()
            .filter(|route| !stays.routes.contains(route))
        {
            if let Some(route) = route.resolve(|iface| self.ifaces.left(iface)) {
                self.steps.push(Step::Route {
                    route: Box::new(route),
                    add: false,
                });
            }
        }
        for (at, placed) in install.addresses.iter().enumerate().rev() {
            if stays.addresses.contains(placed) {
                continue;
            }
            self.steps.push(Step::Address {
                of: Arc::clone(install),
                at,
                add: false,
            });
            if install.refuse {
                self.accept(placed, true);
            }
        }
    }

    fn accept(&mut self, placed: &PlacedAddress, accept: bool) {
        self.steps.push(Step::Accept {
            iface: placed.iface,
            address: placed.spec.address,
            accept,
        });
    }
}

/// What to ask the kernel to remove.
pub(super) fn spec_of(record: &AddressRecord) -> (IfIndex, AddressSpec) {
    let spec = AddressSpec {
        prefix_len: record.prefix_len,
        peer: record.peer,
        ..AddressSpec::new(record.address)
    };
    (record.iface, spec)
}

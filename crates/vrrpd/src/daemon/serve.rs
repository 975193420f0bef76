//! What is on the host because a virtual router is Active.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use tracing::{error, info, warn};
use vrrp_fsm::{IfaceId, Input, Instant, RouterId};
use vrrp_net::{AddressRecord, AddressSpec, Author, Backend, IfIndex, Mac};

use super::Daemon;
use super::steps::Step;
use crate::clock::Clock;
use crate::plan::{Install, PlacedAddress};

/// Addresses that are taken away so often within [`WINDOW`] are given up: somebody means it.
const PATIENCE: u32 = 3;
const WINDOW: Duration = Duration::from_secs(10);

/// What an Active router has put on the host.
#[derive(Debug)]
pub(super) struct Served {
    install: Arc<Install>,
    /// The interface with the virtual MAC.
    vmac: Option<IfaceId>,
    /// How often something was taken away since `since`.
    losses: u32,
    since: Instant,
}

impl<B: Backend, C: Clock> Daemon<B, C> {
    pub(super) fn install(&mut self, id: RouterId) {
        let Some(router) = self.plan.routers.get(&id) else {
            return;
        };
        let install = Arc::clone(&router.install);
        let vmac = router.vmac.as_ref().map(|vmac| vmac.iface);
        self.add(&install, &Install::default());
        self.served.insert(
            id,
            Served {
                install,
                vmac,
                losses: 0,
                since: self.now,
            },
        );
    }

    pub(super) fn withdraw(&mut self, id: RouterId) {
        let Some(served) = self.served.remove(&id) else {
            return;
        };
        if !self.options.keep_addresses {
            self.remove(&served.install, &Install::default());
            if let Some(iface) = served.vmac {
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
            if let Some(route) = route.resolve(|iface| self.ifaces.index(iface)) {
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

    /// Puts back what somebody else has taken away; gives the role up when that happens again and again.
    pub(super) fn mend(&mut self, lost: &[(IfIndex, IpAddr, Author)]) {
        self.miss_statics(lost);
        let mut given_up = Vec::new();
        for (id, served) in &mut self.served {
            for (at, placed) in served.install.addresses.iter().enumerate() {
                let Some(index) = self.ifaces.index(placed.iface) else {
                    continue;
                };
                let address = placed.spec.address;
                let taken = lost
                    .iter()
                    .find(|(on, which, _)| (*on, *which) == (index, address));
                let Some((_, _, by)) = taken.filter(|_| placed.track) else {
                    continue;
                };
                if self
                    .host
                    .addresses_of(index)
                    .iter()
                    .any(|record| record.address == address)
                {
                    continue;
                }
                if self.now.saturating_duration_since(served.since) > WINDOW {
                    (served.losses, served.since) = (0, self.now);
                }
                served.losses += 1;
                let name = self
                    .plan
                    .routers
                    .get(id)
                    .map_or("?", |router| router.instance.name.as_str());
                if served.losses > PATIENCE {
                    error!(
                        instance = name,
                        %address,
                        "({name}) {address} was removed by {by} for the {} time in {} s: giving the role up",
                        ordinal(served.losses),
                        WINDOW.as_secs()
                    );
                    given_up.push(*id);
                    break;
                }
                warn!(instance = name, %address, "({name}) {address} was removed by {by}; putting it back");
                self.steps.push(Step::Address {
                    of: Arc::clone(&served.install),
                    at,
                    add: true,
                });
                self.steps.push(Step::Announce {
                    iface: placed.iface,
                    address,
                });
            }
        }
        for id in given_up {
            self.engine.handle(self.now, Input::Lost(id));
        }
    }

    /// Says who else claims what is still ours. The claims are a turn old: a router that takes over advertises and
    /// then announces, and the two come by different sockets.
    pub(super) fn contest(&self, claims: &[(IpAddr, Mac)]) {
        for (address, mac) in claims {
            let has = |install: &Install| {
                install
                    .addresses
                    .iter()
                    .any(|placed| placed.spec.address == *address)
            };
            if has(&self.plan.statics) || self.served.values().any(|served| has(&served.install)) {
                warn!(%address, "{address} is claimed by {mac} as well: an address conflict on the link");
            }
        }
    }

    /// What Active routers have put on the host.
    pub(super) fn installs(&self) -> impl Iterator<Item = &Arc<Install>> {
        self.served.values().map(|served| &served.install)
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

fn ordinal(number: u32) -> String {
    match number {
        1 => "1st".into(),
        2 => "2nd".into(),
        3 => "3rd".into(),
        _ => format!("{number}th"),
    }
}

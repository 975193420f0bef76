//! What the kernel has told of interfaces and addresses, by the numbers and names of the moment.
//!
//! [`Host::apply`] takes every event that is no packet. Between [`NetEvent::Resync`] and [`NetEvent::Synced`] the old
//! picture stays in force, so nobody mistakes a retelling for a loss.

use core::net::IpAddr;
use std::collections::BTreeMap;

use vrrp_net::{AddressRecord, AddressState, IfIndex, Link, NetEvent};
use vrrp_proto::Family;

/// Interfaces and their addresses.
#[derive(Clone, Debug, Default)]
pub struct Host {
    now: Picture,
    /// Being told anew.
    next: Option<Picture>,
    /// Told once at least.
    synced: bool,
}

#[derive(Clone, Debug, Default)]
struct Picture {
    links: BTreeMap<IfIndex, Link>,
    /// In the order in which they came to the interface, which for the kernel is the order of preference.
    addresses: BTreeMap<IfIndex, Vec<AddressRecord>>,
}

impl Host {
    /// Takes a change in. Answers whether the picture in force is another one now.
    pub fn apply(&mut self, event: &NetEvent<'_>) -> bool {
        match event {
            NetEvent::Resync => {
                self.next = Some(Picture::default());
                false
            }
            NetEvent::Synced => {
                if let Some(next) = self.next.take() {
                    self.now = next;
                }
                self.synced = true;
                true
            }
            event => {
                let changed = self.next.as_mut().unwrap_or(&mut self.now).apply(event);
                changed && self.next.is_none()
            }
        }
    }

    /// Whether the picture is whole: false until the first [`NetEvent::Synced`].
    #[must_use]
    pub const fn is_synced(&self) -> bool {
        self.synced
    }

    /// Every interface.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.now.links.values()
    }

    /// The interface that has this name now.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links().find(|link| link.name == name)
    }

    /// The interface that has this number now.
    #[must_use]
    pub fn link_at(&self, index: IfIndex) -> Option<&Link> {
        self.now.links.get(&index)
    }

    /// Every address, with the number of its interface in it.
    pub fn addresses(&self) -> impl Iterator<Item = &AddressRecord> {
        self.now.addresses.values().flatten()
    }

    /// Every address of one interface.
    #[must_use]
    pub fn addresses_of(&self, index: IfIndex) -> &[AddressRecord] {
        self.now
            .addresses
            .get(&index)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Whether an interface has this address.
    #[must_use]
    pub fn has(&self, index: IfIndex, address: IpAddr) -> bool {
        let mut all = self.addresses_of(index).iter();
        all.any(|record| record.address == address)
    }

    /// The primary address of an interface: the first one that is nobody's virtual address, for IPv6 the first
    /// link-local one (RFC 9568 §5.1.1.1, §5.1.2.1). An address owner's own addresses are virtual ones too: they are
    /// taken when there are no others.
    pub fn primary(
        &self,
        index: IfIndex,
        family: Family,
        is_virtual: impl Fn(&IpAddr) -> bool,
    ) -> Option<IpAddr> {
        let fit = |record: &&AddressRecord| {
            let fits = match record.address {
                IpAddr::V4(_) => family == Family::V4,
                IpAddr::V6(address) => family == Family::V6 && address.is_unicast_link_local(),
            };
            fits && record.state == AddressState::Usable && !record.ours
        };
        let candidates = || self.addresses_of(index).iter().filter(fit);
        let real = candidates().find(|record| !is_virtual(&record.address));
        real.or_else(|| candidates().next())
            .map(|record| record.address)
    }
}

impl Picture {
    fn apply(&mut self, event: &NetEvent<'_>) -> bool {
        match event {
            NetEvent::Link(link) => {
                self.links.insert(link.index, link.clone()).as_ref() != Some(link)
            }
            NetEvent::LinkGone { index, .. } => {
                self.addresses.remove(index);
                self.links.remove(index).is_some()
            }
            NetEvent::AddressAdded { record, .. } => {
                let list = self.addresses.entry(record.iface).or_default();
                match list.iter_mut().find(|known| same(known, record)) {
                    Some(known) if known == record => return false,
                    Some(known) => *known = record.clone(),
                    None => list.push(record.clone()),
                }
                true
            }
            NetEvent::AddressRemoved { record, .. } => {
                let Some(list) = self.addresses.get_mut(&record.iface) else {
                    return false;
                };
                let before = list.len();
                list.retain(|known| !same(known, record));
                list.len() != before
            }
            NetEvent::Packet(_)
            | NetEvent::Unreadable { .. }
            | NetEvent::RouteRemoved { .. }
            | NetEvent::RuleRemoved { .. }
            | NetEvent::Conflict { .. }
            | NetEvent::Neighbour(_)
            | NetEvent::NeighbourGone(_)
            | NetEvent::Flood { .. }
            | NetEvent::Resync
            | NetEvent::Synced => false,
        }
    }
}

/// What the kernel tells addresses apart by.
fn same(a: &AddressRecord, b: &AddressRecord) -> bool {
    (a.address, a.prefix_len, a.peer) == (b.address, b.prefix_len, b.peer)
}

#[cfg(test)]
mod tests {
    use vrrp_net::{Author, Scope};

    use super::*;

    fn index() -> IfIndex {
        IfIndex::new(2).unwrap()
    }

    fn record(address: &str) -> AddressRecord {
        AddressRecord {
            iface: index(),
            address: address.parse().unwrap(),
            prefix_len: 24,
            peer: None,
            scope: Scope::GLOBAL,
            label: None,
            secondary: false,
            state: AddressState::Usable,
            ours: false,
        }
    }

    fn add(host: &mut Host, record: AddressRecord) -> bool {
        host.apply(&NetEvent::AddressAdded {
            record,
            by: Author::Unknown,
        })
    }

    #[test]
    fn the_primary_address_is_nobodys_virtual_one() {
        let mut host = Host::default();
        let vip: IpAddr = "10.0.0.70".parse().unwrap();
        add(
            &mut host,
            AddressRecord {
                ours: true,
                ..record("10.0.0.71")
            },
        );
        add(&mut host, record("10.0.0.70"));
        let primary =
            |host: &Host, family| host.primary(index(), family, |address| *address == vip);
        assert_eq!(
            primary(&host, Family::V4),
            Some(vip),
            "an owner has no other"
        );
        add(&mut host, record("10.0.0.60"));
        assert_eq!(primary(&host, Family::V4), "10.0.0.60".parse().ok());
        assert_eq!(primary(&host, Family::V6), None);
        add(&mut host, record("2001:db8::1"));
        add(
            &mut host,
            AddressRecord {
                state: AddressState::Tentative,
                ..record("fe80::1")
            },
        );
        assert_eq!(
            primary(&host, Family::V6),
            None,
            "global and tentative ones do not count"
        );
        assert!(add(&mut host, record("fe80::1")), "now it is usable");
        assert_eq!(primary(&host, Family::V6), "fe80::1".parse().ok());
        host.apply(&NetEvent::AddressRemoved {
            record: record("10.0.0.60"),
            by: Author::Unknown,
        });
        assert_eq!(primary(&host, Family::V4), Some(vip));
    }

    #[test]
    fn a_retelling_is_no_loss() {
        let mut host = Host::default();
        add(&mut host, record("10.0.0.60"));
        assert!(!host.apply(&NetEvent::Resync));
        assert_eq!(host.addresses().count(), 1);
        assert!(!add(&mut host, record("10.0.0.61")));
        assert!(host.apply(&NetEvent::Synced) && host.is_synced());
        assert!(
            host.addresses()
                .map(|record| record.address)
                .eq(["10.0.0.61".parse::<IpAddr>().unwrap()])
        );
    }
}

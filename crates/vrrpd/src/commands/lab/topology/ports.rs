//! Which interfaces there are, and which of them share a LAN.

use super::{Node, instances, interface};

/// Every interface of every node, and the LANs that they make.
pub(super) struct Ports {
    pub(super) list: Vec<Port>,
    /// For each port the LAN, numbered in order of appearance.
    lans: Vec<usize>,
}

#[derive(PartialEq)]
pub(super) struct Port {
    pub(super) node: usize,
    pub(super) interface: String,
}

impl Ports {
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut ports = Self {
            list: Vec::new(),
            lans: Vec::new(),
        };
        for (node, _, instance) in instances(nodes) {
            let named = instance
                .addresses
                .iter()
                .chain(&instance.excluded)
                .filter_map(|a| a.dev.as_deref());
            let tracked = instance.track.interfaces.iter().map(|t| t.name.as_str());
            for interface in core::iter::once(interface(instance))
                .chain(named)
                .chain(tracked)
            {
                let port = Port {
                    node,
                    interface: interface.into(),
                };
                if !ports.list.contains(&port) {
                    ports.lans.push(ports.list.len());
                    ports.list.push(port);
                }
            }
        }
        for (node, _, a) in instances(nodes) {
            for (other, _, b) in instances(nodes).filter(|(other, ..)| *other > node) {
                let common = a
                    .addresses
                    .iter()
                    .any(|x| b.addresses.iter().any(|y| x.address == y.address));
                let empty = a.addresses.is_empty() && b.addresses.is_empty();
                if (a.family, a.vrid) == (b.family, b.vrid) && (common || empty) {
                    ports.join(
                        ports.index(node, interface(a)),
                        ports.index(other, interface(b)),
                    );
                }
            }
        }
        for alone in 0..ports.list.len() {
            let namesake = |other: &usize| {
                *other != alone
                    && ports.list.get(*other).map(|p| &p.interface)
                        == ports.list.get(alone).map(|p| &p.interface)
            };
            let is_alone = ports
                .lans
                .iter()
                .filter(|l| **l == ports.lan_of(alone))
                .count()
                == 1;
            if is_alone && let Some(other) = (0..ports.list.len()).find(namesake) {
                ports.join(other, alone);
            }
        }
        ports.renumber();
        ports
    }

    fn index(&self, node: usize, interface: &str) -> usize {
        let is = |p: &Port| p.node == node && p.interface == interface;
        self.list.iter().position(is).unwrap_or_default()
    }

    pub(super) fn lan(&self, node: usize, interface: &str) -> usize {
        self.lan_of(self.index(node, interface))
    }

    pub(super) fn lan_of(&self, port: usize) -> usize {
        self.lans.get(port).copied().unwrap_or_default()
    }

    pub(super) fn lans(&self) -> usize {
        self.lans.iter().max().map_or(0, |last| last + 1)
    }

    fn join(&mut self, a: usize, b: usize) {
        let (keep, drop) = (self.lan_of(a), self.lan_of(b));
        self.lans
            .iter_mut()
            .filter(|l| **l == drop)
            .for_each(|l| *l = keep);
    }

    fn renumber(&mut self) {
        let mut seen: Vec<usize> = Vec::new();
        for lan in &mut self.lans {
            let number = seen.iter().position(|s| s == lan);
            *lan = number.unwrap_or_else(|| {
                seen.push(*lan);
                seen.len() - 1
            });
        }
    }
}

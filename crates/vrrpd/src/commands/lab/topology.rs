//! What the machines behind a set of configuration files must look like: which interfaces each has, which of
//! them share a LAN, which addresses they carry. A keepalived.conf says none of that; it implies it.
//!
//! * A file is a node, named after the file.
//! * Interfaces whose virtual routers are the same one (family, VRID, a common address) are on one LAN, whatever
//!   they are called; an interface left alone joins its namesakes.
//! * A node has the addresses that it sends from, those that its peers send to, and one in the subnet of each
//!   virtual address of its LANs: a virtual address without a mask counts as one of a /24 (IPv4) or /64 (IPv6).

mod ports;
mod subnet;

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeSet;
use std::path::PathBuf;

use keepalived_conf::Config;
use keepalived_conf::config::{Family, Instance};
use vrrp_lab::{Cidr, HostPlan, Plan};

use self::ports::{Port, Ports};
use self::subnet::Subnet;

/// The host that pings.
pub(super) const CLIENT: &str = "client";

/// Nodes, LANs, and the virtual routers that live on them.
#[derive(Debug)]
pub(super) struct Topology {
    /// In the order of the files.
    pub nodes: Vec<Node>,
    /// Every virtual router of every file, in the order in which they are first named.
    pub routers: Vec<Router>,
    /// The client's interfaces: one on each LAN.
    client: Vec<Interface>,
    ipv6: bool,
}

/// A machine that runs a daemon with one of the files.
#[derive(Debug)]
pub(super) struct Node {
    /// From the file's name; unique.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// What it says.
    pub config: Config,
    interfaces: Vec<Interface>,
}

#[derive(Debug)]
struct Interface {
    name: String,
    lan: usize,
    addresses: Vec<Cidr>,
}

/// A virtual router, as its LAN sees it: several nodes, one identity.
#[derive(Debug)]
pub(super) struct Router {
    /// The instance's name in the first file that has it.
    pub name: String,
    /// Address family.
    pub family: Family,
    /// Virtual Router ID.
    pub vrid: u8,
    /// The address to ping: the first that is not link-local.
    pub address: Option<IpAddr>,
    /// The nodes that take part; the one that should serve comes first.
    pub members: Vec<Member>,
}

/// A node's part in a virtual router.
#[derive(Debug)]
pub(super) struct Member {
    /// Index into [`Topology::nodes`].
    pub node: usize,
    /// Index into the instances of its configuration.
    instance: usize,
    /// The interface of its adverts.
    pub interface: String,
    lan: usize,
}

impl Topology {
    /// Deduces it from the files, each with what it says.
    pub(super) fn deduce(files: Vec<(PathBuf, Config)>) -> Self {
        let names = names(files.iter().map(|(file, _)| file));
        let nodes: Vec<_> = names
            .into_iter()
            .zip(files)
            .map(|(name, (file, config))| Node {
                name,
                file,
                config,
                interfaces: Vec::new(),
            })
            .collect();
        let ports = Ports::of(&nodes);
        let mut routers: Vec<Router> = Vec::new();
        for (node, instance, what) in instances(&nodes) {
            let interface = interface(what).to_owned();
            let lan = ports.lan(node, &interface);
            let member = Member {
                node,
                instance,
                interface,
                lan,
            };
            let same = |r: &&mut Router| {
                r.family == what.family
                    && r.vrid == what.vrid
                    && r.members.iter().any(|m| m.lan == lan)
            };
            match routers.iter_mut().find(same) {
                Some(router) => router.members.push(member),
                None => routers.push(Router {
                    name: what.name.clone(),
                    family: what.family,
                    vrid: what.vrid,
                    address: what
                        .addresses
                        .iter()
                        .map(|a| a.address)
                        .find(|a| !is_link_local(a)),
                    members: vec![member],
                }),
            }
        }
        let mut topology = Self {
            nodes,
            routers,
            client: Vec::new(),
            ipv6: false,
        };
        topology.ipv6 = instances(&topology.nodes)
            .flat_map(|(_, _, i)| i.addresses.iter().chain(&i.excluded))
            .any(|a| a.address.is_ipv6());
        topology.assign(&ports);
        for router in &mut topology.routers {
            // The greater priority serves; of two equal ones the greater address (RFC 9568 §6.4.3).
            router.members.sort_by_key(|member| {
                let node = topology.nodes.get(member.node);
                let own = node.and_then(|n| n.primary(member, router.family));
                let priority = node.and_then(|n| n.instance(member)).map(|i| i.priority);
                core::cmp::Reverse((priority, own))
            });
        }
        topology
    }

    /// The plan for a lab.
    pub(super) fn plan(&self) -> Plan {
        let host = |name: &str, interfaces: &[Interface]| {
            interfaces.iter().fold(HostPlan::new(name), |host, i| {
                host.interface(&i.name, i.lan.to_string(), i.addresses.iter().copied())
            })
        };
        self.nodes
            .iter()
            .fold(Plan::new(), |plan, node| {
                plan.host(host(&node.name, &node.interfaces))
            })
            .host(host(CLIENT, &self.client))
            .ipv6(self.ipv6)
    }

    /// The client's address on the LAN from which `router` is seen.
    pub(super) fn client_address(&self, router: &Router) -> Option<IpAddr> {
        let lan = router.members.first()?.lan;
        let client = self.client.iter().find(|i| i.lan == lan)?;
        client
            .addresses
            .iter()
            .map(|c| c.address)
            .find(|a| Family::of(a) == router.family)
    }

    /// The instance that a member of a router is.
    pub(super) fn instance(&self, member: &Member) -> Option<&Instance> {
        self.nodes.get(member.node)?.instance(member)
    }

    /// Gives every interface its addresses.
    fn assign(&mut self, ports: &Ports) {
        let mut taken = self.taken();
        for lan in 0..ports.lans() {
            let subnets = self.subnets(ports, lan);
            let mut allocate = |subnet: &Subnet| {
                let address = subnet.free(&taken)?;
                taken.insert(address);
                Some(Cidr {
                    address,
                    prefix_len: subnet.prefix_len,
                })
            };
            for (number, port) in ports.list.iter().enumerate() {
                if ports.lan_of(number) != lan {
                    continue;
                }
                let own = self.own_addresses(port, &subnets);
                let missing = subnets
                    .iter()
                    .filter(|s| !own.iter().any(|c| s.contains(c.address)));
                let more: Vec<_> = missing.filter_map(&mut allocate).collect();
                let addresses = own.into_iter().chain(more).collect();
                if let Some(node) = self.nodes.get_mut(port.node) {
                    node.interfaces.push(Interface {
                        name: port.interface.clone(),
                        lan,
                        addresses,
                    });
                }
            }
            let addresses = subnets.iter().filter_map(&mut allocate).collect();
            self.client.push(Interface {
                name: format!("eth{lan}"),
                lan,
                addresses,
            });
        }
    }

    /// Every address that a file names: none of them is free.
    fn taken(&self) -> BTreeSet<IpAddr> {
        let mut taken = BTreeSet::new();
        for (_, _, instance) in instances(&self.nodes) {
            taken.extend(
                instance
                    .addresses
                    .iter()
                    .chain(&instance.excluded)
                    .map(|a| a.address),
            );
            taken.extend(instance.source);
            taken.extend(
                instance
                    .unicast
                    .iter()
                    .flat_map(|u| &u.peers)
                    .map(|p| p.address),
            );
        }
        taken
    }

    /// The subnets of a LAN, in the order in which they are first named.
    fn subnets(&self, ports: &Ports, lan: usize) -> Vec<Subnet> {
        let mut subnets: Vec<Subnet> = Vec::new();
        let mut add = |new: Subnet| {
            if is_link_local(&new.near) {
                return;
            }
            match subnets
                .iter_mut()
                .find(|s| s.contains(new.near) || new.contains(s.near))
            {
                Some(known) => known.prefix_len = known.prefix_len.min(new.prefix_len),
                None => subnets.push(new),
            }
        };
        let mut v4 = false;
        for (node, _, instance) in instances(&self.nodes) {
            let own = interface(instance);
            for a in instance.addresses.iter().chain(&instance.excluded) {
                if ports.lan(node, a.dev.as_deref().unwrap_or(own)) == lan {
                    add(Subnet::around(a.address, a.prefix_len));
                }
            }
            if ports.lan(node, own) == lan {
                let peers = instance
                    .unicast
                    .iter()
                    .flat_map(|u| &u.peers)
                    .map(|p| p.address);
                peers
                    .chain(instance.source)
                    .for_each(|a| add(Subnet::around(a, u8::MAX)));
                v4 |= instance.family == Family::V4;
            }
        }
        if v4 && !subnets.iter().any(|s| s.near.is_ipv4()) {
            let third = u8::try_from(lan).unwrap_or(u8::MAX);
            subnets.push(Subnet::around(Ipv4Addr::new(10, 99, third, 11).into(), 24));
        }
        subnets
    }

    /// The addresses that the files say are this port's: where it sends from, and what its peers, but not
    /// itself, send to.
    fn own_addresses(&self, port: &Port, subnets: &[Subnet]) -> Vec<Cidr> {
        let mine = |(node, _, instance): &(usize, usize, &Instance)| {
            *node == port.node && interface(instance) == port.interface
        };
        let mut own: Vec<IpAddr> = Vec::new();
        for (_, _, instance) in instances(&self.nodes).filter(mine) {
            let Some(unicast) = &instance.unicast else {
                own.extend(instance.source);
                continue;
            };
            let mut candidates: BTreeSet<IpAddr> = BTreeSet::new();
            for (node, _, other) in instances(&self.nodes) {
                if node != port.node
                    && other.vrid == instance.vrid
                    && other.family == instance.family
                {
                    candidates.extend(
                        other
                            .unicast
                            .iter()
                            .flat_map(|u| &u.peers)
                            .map(|p| p.address),
                    );
                }
            }
            for (node, _, other) in instances(&self.nodes) {
                if node != port.node {
                    other.source.iter().for_each(|a| _ = candidates.remove(a));
                }
            }
            unicast
                .peers
                .iter()
                .for_each(|p| _ = candidates.remove(&p.address));
            own.extend(instance.source.or_else(|| candidates.into_iter().next()));
        }
        let mut cidrs: Vec<Cidr> = own
            .into_iter()
            .map(|address| Cidr {
                address,
                prefix_len: subnets
                    .iter()
                    .find(|s| s.contains(address))
                    .map_or(64, |s| s.prefix_len),
            })
            .collect();
        cidrs.dedup();
        cidrs
    }
}

impl Node {
    /// The instance that a member of a router is, if the member is this node's.
    fn instance(&self, member: &Member) -> Option<&Instance> {
        self.config.instances.get(member.instance)
    }

    /// The first address of a member's interface.
    pub(super) fn primary(&self, member: &Member, family: Family) -> Option<IpAddr> {
        let interface = self
            .interfaces
            .iter()
            .find(|i| i.name == member.interface)?;
        interface
            .addresses
            .iter()
            .map(|c| c.address)
            .find(|a| Family::of(a) == family)
    }
}

fn instances(nodes: &[Node]) -> impl Iterator<Item = (usize, usize, &Instance)> {
    nodes.iter().enumerate().flat_map(|(number, node)| {
        node.config
            .instances
            .iter()
            .enumerate()
            .map(move |(i, instance)| (number, i, instance))
    })
}

/// Unicast may do without an interface; its node needs one all the same.
fn interface(instance: &Instance) -> &str {
    instance.interface.as_deref().unwrap_or("eth0")
}

fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(a) if a.is_unicast_link_local())
}

/// `node1` of `configs/node1.conf`; the folder too where that is not enough, else a number.
fn names<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let folder = file
            .parent()
            .and_then(|p| p.file_name())
            .map(|f| f.to_string_lossy());
        // Every machine calls the file keepalived.conf: then the folder tells them apart.
        let base = match folder {
            Some(folder) if stem == "keepalived" => folder.into_owned(),
            _ => stem.into_owned(),
        };
        let base = if base.is_empty() || base.starts_with('.') {
            format!("node{base}")
        } else {
            base
        };
        let free = |name: &String| *name != CLIENT && !names.contains(name);
        let name = core::iter::once(base.clone())
            .chain((2..).map(|n| format!("{base}-{n}")))
            .find(free);
        names.extend(name);
    }
    names
}

#[cfg(test)]
mod tests;

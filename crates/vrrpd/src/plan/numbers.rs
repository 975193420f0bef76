//! Numbers for names. What means the same keeps its number over reloads: to the engine a reload is a difference by
//! number.

use core::net::IpAddr;
use std::collections::BTreeMap;

use keepalived_conf::config::{Family, Instance};
use vrrp_fsm::{GroupId, IfaceId, RouterId, TrackId};

/// Which of the interfaces that are made for a router: its own, or that for addresses of a family elsewhere.
pub(super) type Home = Option<(IfaceId, Family)>;

/// All numbers that were ever given.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    ifaces: BTreeMap<String, IfaceId>,
    routers: BTreeMap<RouterKey, RouterId>,
    groups: BTreeMap<String, GroupId>,
    tracks: BTreeMap<(TrackKind, String), TrackId>,
    /// Names of interfaces that are made, so that a reload does not rename them.
    made: BTreeMap<(RouterId, Home), String>,
}

/// What tells trackers of one name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TrackKind {
    Script,
    File,
    Process,
}

/// What makes an instance the same one after a reload: keepalived's rule, in which the name has no part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RouterKey {
    vrid: u8,
    family: Family,
    interface: Option<String>,
    vmac: bool,
    /// Of unicast: the source, and the peers where a source serves several instances of one VRID.
    unicast: Option<(Option<IpAddr>, Vec<IpAddr>)>,
    multicast: Option<IpAddr>,
    /// The name of an instance that shares all else with one above it.
    twin: Option<String>,
}

impl RouterKey {
    fn new(instance: &Instance) -> Self {
        let unicast = instance.unicast.as_ref();
        Self {
            vrid: instance.vrid,
            family: instance.family,
            interface: instance.interface.clone(),
            vmac: instance.vmac.is_some(),
            unicast: unicast.map(|unicast| {
                let peers = unicast.peers.iter().map(|peer| peer.address);
                (
                    instance.source,
                    if instance.interface.is_none() {
                        peers.collect()
                    } else {
                        Vec::new()
                    },
                )
            }),
            multicast: unicast.is_none().then_some(instance.group),
            twin: None,
        }
    }
}

impl Numbers {
    pub(super) fn iface(&mut self, name: &str) -> IfaceId {
        number(&mut self.ifaces, name.into(), IfaceId)
    }

    pub(super) fn group(&mut self, name: &str) -> GroupId {
        number(&mut self.groups, name.into(), GroupId)
    }

    pub(super) fn track(&mut self, kind: TrackKind, name: &str) -> TrackId {
        number(&mut self.tracks, (kind, name.into()), TrackId)
    }

    /// The numbers of `instances`, in their order.
    pub(super) fn routers(&mut self, instances: &[Instance]) -> Vec<RouterId> {
        let mut ids = Vec::new();
        for instance in instances {
            let mut key = RouterKey::new(instance);
            let mut id = number(&mut self.routers, key.clone(), RouterId);
            if ids.contains(&id) {
                // Same VRID, same source, other peers: the sender of a packet tells them apart.
                key.twin = Some(instance.name.clone());
                id = number(&mut self.routers, key, RouterId);
            }
            ids.push(id);
        }
        ids
    }

    /// The name of the interface that is made for `router`: what the configuration `said`, or `PREFIX.VRID`, or that
    /// with a number.
    pub(super) fn made_for(
        &mut self,
        (router, home): (RouterId, Home),
        said: Option<&str>,
        (prefix, family, vrid): (&str, Family, u8),
    ) -> String {
        if let Some(name) = said {
            self.made.insert((router, home), name.to_owned());
            return name.to_owned();
        }
        if let Some(name) = self.made.get(&(router, home)) {
            return name.clone();
        }
        let taken = |name: &String| {
            self.made.values().any(|made| made == name) || self.ifaces.contains_key(name)
        };
        let second = (family == Family::V6).then(|| format!("{prefix}6.{vrid}"));
        let mut names = [format!("{prefix}.{vrid}")]
            .into_iter()
            .chain(second)
            .chain((1_u32..).map(|n| format!("{prefix}{n}.{vrid}")));
        let name = names.find(|name| !taken(name)).unwrap_or_default();
        self.made.insert((router, home), name.clone());
        name
    }

    pub(super) fn ifaces(&self) -> impl Iterator<Item = (&str, IfaceId)> {
        self.ifaces.iter().map(|(name, id)| (name.as_str(), *id))
    }
}

/// The next number is the count so far: none is ever taken back.
fn number<K: Ord, V: Copy>(known: &mut BTreeMap<K, V>, key: K, make: fn(u32) -> V) -> V {
    let next = make(u32::try_from(known.len()).unwrap_or(u32::MAX));
    *known.entry(key).or_insert(next)
}

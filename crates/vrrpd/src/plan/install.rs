//! Addresses, routes and rules, as the kernel takes them. Interfaces stay numbers of ours until the moment of use.

use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use core::time::Duration;
use std::hash::DefaultHasher;
use std::io;

use keepalived_conf::config::{self, Config, Encapsulation, Insert, Instance, MetricKind};
use vrrp_fsm::{IfaceId, RouterId};
use vrrp_net::{
    AddressFlags, AddressSpec, Destination, Encap, IfIndex, Lifetime, LockedMetric, NextHop,
    PortRange, Preference, Route, RouteKind, RouteMetrics, Rule, RuleAction, Scope,
};

use super::{Install, Numbers, family};

/// Table of routes that name none.
const MAIN: u32 = Route::TABLE_MAIN;
/// First priority of rules without one; each further one is one less.
const RULE_PRIORITY: u32 = 16_384;
/// Where rules without an interface go that has a VRF.
const LOCAL_L3MDEV: u32 = 0;

/// An address and its interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlacedAddress {
    /// The interface.
    pub iface: IfaceId,
    /// The address.
    pub spec: AddressSpec,
    /// Its loss is noticed, and its interface is needed.
    pub track: bool,
    /// Who is at fault without it (`track_group`).
    pub tied: Vec<RouterId>,
}

/// A route whose interfaces are still numbers of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlacedRoute {
    route: Route,
    /// For each of its next hops.
    ifaces: Vec<Option<IfaceId>>,
    /// Its loss is noticed, and its interfaces are needed.
    pub track: bool,
    /// Who is at fault without it (`track_group`).
    pub tied: Vec<RouterId>,
}

/// A rule, and the interfaces that it names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlacedRule {
    /// The rule; interfaces are names to the kernel, too.
    pub rule: Rule,
    ifaces: Vec<IfaceId>,
    /// Its loss is noticed, and its interfaces are needed.
    pub track: bool,
    /// Who is at fault without it (`track_group`).
    pub tied: Vec<RouterId>,
}

impl PlacedRoute {
    /// The route with the kernel's numbers; `None` while one of its interfaces is missing.
    pub fn resolve(&self, index: impl Fn(IfaceId) -> Option<IfIndex>) -> Option<Route> {
        let mut route = self.route.clone();
        for (hop, iface) in route.next_hops.iter_mut().zip(&self.ifaces) {
            if let Some(iface) = iface {
                hop.iface = Some(index(*iface)?);
            }
        }
        Some(route)
    }
}

impl Install {
    /// `own` is the interface of the adverts; `home` says where an address goes.
    pub(super) fn of_instance(
        instance: &Instance,
        own: IfaceId,
        numbers: &mut Numbers,
        home: &mut impl FnMut(&config::Address, &mut Numbers) -> IfaceId,
    ) -> Self {
        let addresses = instance.addresses.iter().chain(&instance.excluded);
        let addresses = addresses.map(|address| PlacedAddress {
            iface: home(address, numbers),
            spec: address_spec(address),
            track: address.track,
            tied: Vec::new(),
        });
        let addresses = addresses.collect();
        let routes = instance
            .routes
            .iter()
            .map(|route| place_route(route, Some(own), numbers))
            .collect();
        Self {
            addresses,
            routes,
            rules: rules(&instance.rules, numbers),
            //= KA-ACC-01
            refuse: !instance.accept,
        }
    }

    /// Interfaces without which it cannot be.
    pub fn tracked_ifaces(&self) -> impl Iterator<Item = IfaceId> {
        let addresses = self
            .addresses
            .iter()
            .filter(|address| address.track)
            .map(|address| address.iface);
        let routes = self
            .routes
            .iter()
            .filter(|route| route.track)
            .flat_map(|route| &route.ifaces)
            .flatten();
        let rules = self
            .rules
            .iter()
            .filter(|rule| rule.track)
            .flat_map(|rule| &rule.ifaces);
        addresses.chain(routes.copied()).chain(rules.copied())
    }
}

/// `static_ipaddress`, `static_routes`, `static_rules`. Those with a `track_group` are tied to its members, which
/// `id` numbers.
pub(super) fn statics(
    config: &Config,
    numbers: &mut Numbers,
    id: impl Fn(&str) -> Option<RouterId>,
) -> Install {
    let tied = |group: &Option<String>| -> Vec<RouterId> {
        let group = Option::as_ref(group).and_then(|name| config.track_group(name));
        let members = group.map(|group| group.members.as_slice());
        let members = members.unwrap_or_default().iter();
        members.filter_map(|name| id(name)).collect()
    };
    let default = config
        .globals
        .default_interface
        .as_deref()
        .unwrap_or(config::Globals::DEFAULT_INTERFACE);
    let mut place = |address: &config::Address| PlacedAddress {
        iface: numbers.iface(address.dev.as_deref().unwrap_or(default)),
        spec: address_spec(address),
        track: address.track,
        tied: tied(&address.track_group),
    };
    let addresses = config.static_addresses.iter().map(&mut place).collect();
    let routes = config
        .static_routes
        .iter()
        .map(|route| PlacedRoute {
            tied: tied(&route.track_group),
            ..place_route(route, None, numbers)
        })
        .collect();
    let mut rules = rules(&config.static_rules, numbers);
    for (placed, rule) in rules.iter_mut().zip(&config.static_rules) {
        placed.tied = tied(&rule.track_group);
    }
    Install {
        addresses,
        routes,
        rules,
        refuse: false,
    }
}

/// The interfaces of static entries that `instance` is tied to.
pub(super) fn tied_ifaces(statics: &Install, router: RouterId) -> Vec<IfaceId> {
    let tied = |list: &[RouterId]| list.contains(&router);
    let addresses = statics.addresses.iter().filter(|it| tied(&it.tied));
    let routes = statics.routes.iter().filter(|it| tied(&it.tied));
    let rules = statics.rules.iter().filter(|it| tied(&it.tied));
    let mut ifaces: Vec<IfaceId> = addresses.map(|address| address.iface).collect();
    ifaces.extend(routes.flat_map(|route| &route.ifaces).flatten());
    ifaces.extend(rules.flat_map(|rule| &rule.ifaces));
    ifaces
}

fn address_spec(address: &config::Address) -> AddressSpec {
    let broadcast = match (address.broadcast, address.address) {
        (Some(broadcast), IpAddr::V4(v4)) => Some(broadcast.resolve(v4, address.prefix_len)),
        _ => None,
    };
    let lifetime =
        |time: Duration| Lifetime::Seconds(u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
    AddressSpec {
        prefix_len: address.prefix_len,
        scope: Scope(address.scope),
        label: address.label.clone(),
        broadcast,
        peer: address.peer,
        flags: AddressFlags {
            nodad: !address.dad,
            home: address.home,
            managed_temporary: address.manage_temporary,
            no_prefix_route: address.no_prefix_route,
            autojoin: address.autojoin,
        },
        preferred: address
            .preferred_lifetime
            .map_or(Lifetime::Forever, lifetime),
        ..AddressSpec::new(address.address)
    }
}

fn prefix(prefix: &config::Prefix) -> Destination {
    Destination {
        address: prefix.address,
        prefix_len: prefix.len,
    }
}

fn realms((from, to): (u16, u16)) -> u32 {
    u32::from(from) << 16 | u32::from(to)
}

/// A route with a gateway but without `dev` is left to the kernel's own search; a bare one leaves by `own`.
fn place_route(route: &config::Route, own: Option<IfaceId>, numbers: &mut Numbers) -> PlacedRoute {
    let mut hops = Vec::new();
    let mut ifaces = Vec::new();
    let mut add = |via: Option<IpAddr>,
                   dev: Option<&str>,
                   weight,
                   onlink,
                   hop_realms: Option<(u16, u16)>,
                   encapsulation| {
        let iface = dev.map(|dev| numbers.iface(dev));
        ifaces.push(iface.or_else(|| own.filter(|_| via.is_none())));
        let encap = Option::as_ref(encapsulation).map(encap);
        hops.push(NextHop {
            via,
            iface: None,
            weight,
            onlink,
            realms: hop_realms.map(realms),
            encap,
        });
    };
    let leads_somewhere = !matches!(
        route.kind,
        config::RouteKind::Blackhole
            | config::RouteKind::Unreachable
            | config::RouteKind::Prohibit
            | config::RouteKind::Throw
    );
    if route.next_hops.is_empty() && leads_somewhere {
        add(
            route.via,
            route.dev.as_deref(),
            None,
            route.onlink,
            route.realms,
            &route.encapsulation,
        );
    }
    for hop in &route.next_hops {
        add(
            hop.via,
            hop.dev.as_deref(),
            Some(hop.weight),
            hop.onlink,
            hop.realms,
            &hop.encapsulation,
        );
    }
    let route_out = Route {
        kind: route_kind(route.kind),
        from: route.from.as_ref().map(prefix),
        tos: route.tos.unwrap_or_default(),
        table: route.table.unwrap_or(MAIN),
        protocol: route.protocol.unwrap_or(Route::PROTOCOL),
        scope: route.scope.map(Scope),
        metric: route.metric,
        preferred_source: route.source,
        next_hops: hops,
        metrics: metrics(&route.metrics),
        expires: route
            .expires
            .map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX)),
        preference: route.preference.map(|preference| match preference {
            1 => Preference::High,
            3 => Preference::Low,
            _ => Preference::Medium,
        }),
        ttl_propagate: route.ttl_propagate,
        append: route.insert == Some(Insert::Append),
        ..Route::new(family(route.family), route.destination.as_ref().map(prefix))
    };
    PlacedRoute {
        route: route_out,
        ifaces,
        track: route.track,
        tied: Vec::new(),
    }
}

const fn route_kind(kind: config::RouteKind) -> RouteKind {
    match kind {
        config::RouteKind::Unicast => RouteKind::Unicast,
        config::RouteKind::Local => RouteKind::Local,
        config::RouteKind::Broadcast => RouteKind::Broadcast,
        config::RouteKind::Anycast => RouteKind::Anycast,
        config::RouteKind::Multicast => RouteKind::Multicast,
        config::RouteKind::Blackhole => RouteKind::Blackhole,
        config::RouteKind::Unreachable => RouteKind::Unreachable,
        config::RouteKind::Prohibit => RouteKind::Prohibit,
        config::RouteKind::Throw => RouteKind::Throw,
        config::RouteKind::Nat => RouteKind::Nat,
    }
}

fn metrics(list: &[config::RouteMetric]) -> RouteMetrics {
    let mut metrics = RouteMetrics::NONE;
    for metric in list {
        let locked = Some(LockedMetric {
            value: metric.value,
            lock: metric.lock,
        });
        let plain = Some(metric.value);
        match metric.kind {
            MetricKind::Mtu => metrics.mtu = locked,
            MetricKind::Window => metrics.window = plain,
            MetricKind::Rtt => metrics.rtt = locked,
            MetricKind::RttVar => metrics.rttvar = locked,
            MetricKind::Ssthresh => metrics.ssthresh = locked,
            MetricKind::Cwnd => metrics.cwnd = locked,
            MetricKind::Advmss => metrics.advmss = locked,
            MetricKind::Reordering => metrics.reordering = locked,
            MetricKind::Hoplimit => metrics.hoplimit = plain,
            MetricKind::Initcwnd => metrics.initcwnd = plain,
            MetricKind::Features => metrics.features = plain,
            MetricKind::RtoMin => metrics.rto_min = locked,
            MetricKind::Initrwnd => metrics.initrwnd = plain,
            MetricKind::Quickack => metrics.quickack = plain,
            MetricKind::CcAlgo => {
                metrics.congctl = metric.text.clone().map(|name| (name, metric.lock))
            }
            MetricKind::FastopenNoCookie => metrics.fastopen_no_cookie = plain,
        }
    }
    metrics
}

fn encap(encapsulation: &Encapsulation) -> Encap {
    match encapsulation {
        Encapsulation::Ip {
            id,
            destination,
            source,
            tos,
            ttl,
            flags,
            family: of,
        } => Encap::Ip {
            family: family(*of),
            id: *id,
            destination: *destination,
            source: *source,
            ttl: *ttl,
            tos: *tos,
            flags: *flags,
        },
        Encapsulation::Mpls(labels) => Encap::Mpls {
            labels: labels.clone(),
            ttl: None,
        },
        Encapsulation::Ila(locator) => Encap::Ila { locator: *locator },
    }
}

fn rules(list: &[config::Rule], numbers: &mut Numbers) -> Vec<PlacedRule> {
    let mut next = RULE_PRIORITY;
    let mut unnumbered = || {
        let priority = next;
        next -= 1;
        priority
    };
    let ports = |(first, last)| PortRange { first, last };
    let mut place = |rule: &config::Rule| {
        let named = rule.iif.iter().chain(&rule.oif);
        let rule_out = Rule {
            invert: rule.not,
            from: rule.from.as_ref().map(prefix),
            to: rule.to.as_ref().map(prefix),
            iif: rule.iif.clone(),
            oif: rule.oif.clone(),
            tos: rule.tos,
            fwmark: rule.fwmark,
            tunnel_id: rule.tunnel_id,
            uid_range: rule.uid_range,
            ip_protocol: rule.ip_protocol,
            source_port: rule.sport.map(ports),
            destination_port: rule.dport.map(ports),
            l3mdev: rule.l3mdev,
            realms: rule.realms.map(realms),
            suppress_prefix_len: rule.suppress_prefix_len,
            suppress_group: rule.suppress_group,
            protocol: rule.protocol.unwrap_or(Route::PROTOCOL),
            ..Rule::new(
                family(rule.family),
                rule.priority.unwrap_or_else(&mut unnumbered),
                match rule.action {
                    config::RuleAction::Table(table) => RuleAction::Table(table),
                    config::RuleAction::L3mdev => RuleAction::Table(LOCAL_L3MDEV),
                    config::RuleAction::Goto(target) => RuleAction::Goto(target),
                    config::RuleAction::Nop => RuleAction::Nop,
                    config::RuleAction::Blackhole => RuleAction::Blackhole,
                    config::RuleAction::Unreachable => RuleAction::Unreachable,
                    config::RuleAction::Prohibit => RuleAction::Prohibit,
                },
            )
        };
        PlacedRule {
            rule: rule_out,
            ifaces: named.map(|name| numbers.iface(name)).collect(),
            track: rule.track,
            tied: Vec::new(),
        }
    };
    list.iter().map(&mut place).collect()
}

/// A number that changes when the thing does. Compared within one process only.
pub(super) fn fingerprint(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// Longest key file that is read: 64 octets as `hex:` and a line break.
const KEY_FILE: u64 = 256;

/// A key, from its file if `text` is `file:PATH`.
pub(super) fn secret(text: &[u8]) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    use std::os::unix::ffi::OsStrExt as _;

    let Some(path) = text.strip_prefix(b"file:") else {
        return Ok(text.into());
    };
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
    let mut content = Vec::new();
    std::fs::File::open(path)?
        .take(KEY_FILE)
        .read_to_end(&mut content)?;
    let content = content.trim_ascii_end();
    let Some(hex) = content.strip_prefix(b"hex:") else {
        return Ok(content.into());
    };
    let digit = |octet: u8| {
        char::from(octet)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let bad = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "not hexadecimal digits in pairs",
        )
    };
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    hex.chunks(2)
        .map(|digits| pair(digits).ok_or_else(bad))
        .collect()
}

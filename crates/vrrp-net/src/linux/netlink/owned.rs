//! Routes and rules of ours, and how the loss of one is noticed.
//!
//! The kernel tells when somebody removes or replaces a route. It does not tell when IPv4 routes go with an interface
//! that is set down or with an address that they name; after such events, and after lost notifications, it is asked
//! which of ours are still there.

use super::batch::{Request, Requests, text};
use super::{EncodeError, family, rule};
use crate::{Author, Destination, NetEvent, Route, Rule};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use neli::FromBytesWithInput;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Frattr, RtAddrFamily, RtScope, RtTable, Rta, Rtm, Rtn, Rtprot};
use neli::rtnl::{Rtmsg, RtmsgBuilder};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Cursor};
use vrrp_proto::Family;

/// What we have put into tables and lists and not taken out again.
#[derive(Default)]
pub(super) struct Owned {
    routes: BTreeMap<RouteKey, Route>,
    rules: BTreeMap<RuleKey, Rule>,
    /// Told as lost, and not put back since.
    lost: BTreeSet<RouteKey>,
    lost_rules: BTreeSet<RuleKey>,
    /// Something has happened that may have cost routes silently.
    pub(super) doubtful: bool,
}

/// What the kernel tells routes apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RouteKey {
    table: u32,
    destination: (IpAddr, u8),
    from: (IpAddr, u8),
    tos: u8,
    metric: u32,
}

/// What we tell rules apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RuleKey {
    v6: bool,
    priority: u32,
    action: u8,
    table: u32,
    from: (IpAddr, u8),
    to: (IpAddr, u8),
    iif: String,
    oif: String,
    fwmark: u32,
}

const fn any(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

fn prefix(family: Family, destination: Option<Destination>) -> (IpAddr, u8) {
    destination.map_or_else(|| (any(family), 0), |d| (d.address, d.prefix_len))
}

impl RouteKey {
    fn of(route: &Route) -> Self {
        // IPv6 has no metric 0; the kernel takes this for none.
        let default = if route.family == Family::V6 { 1024 } else { 0 };
        Self {
            table: route.table,
            destination: prefix(route.family, route.destination),
            from: prefix(route.family, route.from),
            tos: route.tos,
            metric: route
                .metric
                .filter(|metric| *metric != 0)
                .unwrap_or(default),
        }
    }
}

impl RuleKey {
    fn of(rule: &Rule) -> Self {
        let (action, table) = rule::action(rule.action);
        Self {
            v6: rule.family == Family::V6,
            priority: rule.priority,
            action: action.into(),
            table: table.unwrap_or(0),
            from: prefix(rule.family, rule.from),
            to: prefix(rule.family, rule.to),
            iif: rule.iif.clone().unwrap_or_default(),
            oif: rule.oif.clone().unwrap_or_default(),
            fwmark: rule.fwmark.map_or(0, |(mark, _)| mark),
        }
    }
}

/// A message about a route or a rule, which have the same header.
struct Told {
    message: Rtmsg,
    family: Family,
}

impl Told {
    fn read(payload: &[u8]) -> Option<Self> {
        let message =
            Rtmsg::from_bytes_with_input(&mut Cursor::new(payload), payload.len()).ok()?;
        let family = match message.rtm_family() {
            RtAddrFamily::Inet => Family::V4,
            RtAddrFamily::Inet6 => Family::V6,
            _ => return None,
        };
        Some(Self { message, family })
    }

    fn octets(&self, kind: Rta) -> Option<Vec<u8>> {
        let handle = self.message.rtattrs().get_attr_handle();
        handle
            .get_attribute(kind)
            .map(|attr| attr.rta_payload().as_ref().to_vec())
    }

    fn number(&self, kind: Rta) -> Option<u32> {
        self.octets(kind)?
            .first_chunk()
            .map(|n| u32::from_ne_bytes(*n))
    }

    fn prefix(&self, kind: Rta, len: u8) -> (IpAddr, u8) {
        let octets = self.octets(kind).unwrap_or_default();
        let address = match self.family {
            Family::V4 => octets.first_chunk::<4>().map(|a| IpAddr::from(*a)),
            Family::V6 => octets.first_chunk::<16>().map(|a| IpAddr::from(*a)),
        };
        (address.unwrap_or_else(|| any(self.family)), len)
    }

    fn table(&self) -> u32 {
        self.number(Rta::Table)
            .unwrap_or_else(|| u8::from(*self.message.rtm_table()).into())
    }

    fn route(&self) -> RouteKey {
        RouteKey {
            table: self.table(),
            destination: self.prefix(Rta::Dst, *self.message.rtm_dst_len()),
            from: self.prefix(Rta::Src, *self.message.rtm_src_len()),
            tos: *self.message.rtm_tos(),
            metric: self.number(Rta::Priority).unwrap_or(0),
        }
    }

    fn rule(&self) -> RuleKey {
        let fra = |attr: Frattr| Rta::from(u16::from(attr));
        let name = |attr| {
            self.octets(fra(attr))
                .map(|name| text(&name))
                .unwrap_or_default()
        };
        let action = u8::from(*self.message.rtm_type());
        let looks_up = action == u8::from(neli::consts::rtnl::FrAct::FrActToTbl);
        RuleKey {
            v6: self.family == Family::V6,
            priority: self.number(fra(Frattr::Priority)).unwrap_or(0),
            action,
            table: if looks_up { self.table() } else { 0 },
            from: self.prefix(fra(Frattr::Src), *self.message.rtm_src_len()),
            to: self.prefix(fra(Frattr::Dst), *self.message.rtm_dst_len()),
            iif: name(Frattr::Iifname),
            oif: name(Frattr::Oifname),
            fwmark: self.number(fra(Frattr::Fwmark)).unwrap_or(0),
        }
    }
}

impl Owned {
    pub(super) fn added_route(&mut self, route: &Route) {
        let key = RouteKey::of(route);
        self.lost.remove(&key);
        self.routes.insert(key, route.clone());
    }

    pub(super) fn removed_route(&mut self, route: &Route) {
        let key = RouteKey::of(route);
        self.lost.remove(&key);
        self.routes.remove(&key);
    }

    pub(super) fn added_rule(&mut self, rule: &Rule) {
        let key = RuleKey::of(rule);
        self.lost_rules.remove(&key);
        self.rules.insert(key, rule.clone());
    }

    pub(super) fn removed_rule(&mut self, rule: &Rule) {
        let key = RuleKey::of(rule);
        self.lost_rules.remove(&key);
        self.rules.remove(&key);
    }

    /// What a notification says of ours: one is gone, or has been replaced.
    pub(super) fn event(
        &mut self,
        kind: Rtm,
        payload: &[u8],
        by: Author,
    ) -> Option<NetEvent<'static>> {
        if by == Author::Us {
            return None;
        }
        let told = Told::read(payload)?;
        match kind {
            Rtm::Delroute => self.lose_route(told.route(), by),
            Rtm::Newroute => {
                let key = told.route();
                let protocol = u8::from(*told.message.rtm_protocol());
                let replaced = self
                    .routes
                    .get(&key)
                    .is_some_and(|route| route.protocol != protocol);
                if replaced {
                    self.lose_route(key, by)
                } else {
                    None
                }
            }
            Rtm::Delrule => self.lose_rule(told.rule(), by),
            _ => None,
        }
    }

    fn lose_route(&mut self, key: RouteKey, by: Author) -> Option<NetEvent<'static>> {
        let route = self.routes.get(&key)?.clone();
        self.lost
            .insert(key)
            .then_some(NetEvent::RouteRemoved { route, by })
    }

    fn lose_rule(&mut self, key: RuleKey, by: Author) -> Option<NetEvent<'static>> {
        let rule = self.rules.get(&key)?.clone();
        self.lost_rules
            .insert(key)
            .then_some(NetEvent::RuleRemoved { rule, by })
    }

    /// Asks which of ours are still there, and tells of those that are not.
    pub(super) fn check(
        &mut self,
        requests: &mut Requests,
        events: &mut VecDeque<NetEvent<'static>>,
    ) -> io::Result<()> {
        self.doubtful = false;
        let asked: BTreeSet<_> = self
            .routes
            .values()
            .map(|route| (route.family == Family::V6, route.protocol))
            .collect();
        let mut routes: BTreeSet<_> = self.routes.keys().cloned().collect();
        for (v6, protocol) in asked {
            let of = if v6 { Family::V6 } else { Family::V4 };
            requests.dump(
                dump(Rtm::Getroute, of, protocol).map_err(io::Error::other)?,
                |message| {
                    if let Some(told) = Told::read(message.payload)
                        && u8::from(*told.message.rtm_protocol()) == protocol
                    {
                        routes.remove(&told.route());
                    }
                },
            )?;
        }
        let asked: BTreeSet<_> = self.rules.keys().map(|key| key.v6).collect();
        let mut rules: BTreeSet<_> = self.rules.keys().cloned().collect();
        for v6 in asked {
            let of = if v6 { Family::V6 } else { Family::V4 };
            requests.dump(
                dump(Rtm::Getrule, of, 0).map_err(io::Error::other)?,
                |message| {
                    if let Some(told) = Told::read(message.payload) {
                        rules.remove(&told.rule());
                    }
                },
            )?;
        }
        events.extend(
            routes
                .into_iter()
                .filter_map(|key| self.lose_route(key, Author::Unknown)),
        );
        events.extend(
            rules
                .into_iter()
                .filter_map(|key| self.lose_rule(key, Author::Unknown)),
        );
        Ok(())
    }
}

/// All routes or rules of a family; of routes those of one protocol, where the kernel can tell them apart (4.20).
fn dump(kind: Rtm, of: Family, protocol: u8) -> Result<Request<Rtmsg>, EncodeError> {
    let payload = RtmsgBuilder::default()
        .rtm_family(family(of))
        .rtm_dst_len(0)
        .rtm_src_len(0)
        .rtm_tos(0)
        .rtm_table(RtTable::Unspec)
        .rtm_protocol(Rtprot::from(protocol))
        .rtm_scope(RtScope::Universe)
        .rtm_type(Rtn::Unspec)
        .build()
        .map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind,
        flags: NlmF::DUMP,
        payload,
    })
}

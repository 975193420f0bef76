//! Routes to the kernel.

use super::batch::Request;
use super::{Attrs, EncodeError, attr, family, nested, octets};
use crate::{Encap, LockedMetric, NextHop, Preference, Route, RouteKind, RouteMetrics, Scope};
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{RtScope, RtTable, Rta, Rtm, RtmF, Rtn, Rtprot};
use neli::rtnl::{Rtattr, Rtmsg, RtmsgBuilder};
use neli::types::Buffer;
use vrrp_proto::Family;

/// `RTNH_F_ONLINK`; the same bit in a route's and in a next hop's flags.
const ONLINK: u8 = 4;

/// `RTM_NEWROUTE`. A route to the same destination with the same metric is replaced, unless `append` is set.
pub(in crate::linux) fn add_route(route: &Route) -> Result<Request<Rtmsg>, EncodeError> {
    let flags = if route.append {
        NlmF::APPEND
    } else {
        NlmF::REPLACE
    };
    request(Rtm::Newroute, NlmF::CREATE | flags, route)
}

/// `RTM_DELROUTE`.
pub(in crate::linux) fn remove_route(route: &Route) -> Result<Request<Rtmsg>, EncodeError> {
    request(Rtm::Delroute, NlmF::empty(), route)
}

fn request(kind: Rtm, flags: NlmF, route: &Route) -> Result<Request<Rtmsg>, EncodeError> {
    let single = match route.next_hops.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let mut attrs = Attrs::new()
        .maybe(Rta::Dst, route.destination.map(|d| octets(d.address)))?
        .maybe(Rta::Src, route.from.map(|d| octets(d.address)))?
        .with(Rta::Table, route.table)?
        .maybe(Rta::Priority, route.metric)?
        .maybe(Rta::Prefsrc, route.preferred_source.map(octets))?
        .maybe(Rta::Metrics, metrics(&route.metrics)?)?
        .maybe(Rta::Expires, route.expires)?
        .maybe(Rta::Pref, route.preference.map(preference))?
        .maybe(Rta::TtlPropagate, route.ttl_propagate.map(u8::from))?;
    if let Some(hop) = single {
        for attr in way(hop, route.family)? {
            attrs.0.push(attr);
        }
        attrs = attrs.maybe(Rta::Oif, hop.iface.map(crate::IfIndex::get))?;
    } else if !route.next_hops.is_empty() {
        attrs = attrs.with(Rta::Multipath, multipath(&route.next_hops, route.family)?)?;
    }
    let onlink = single.is_some_and(|hop| hop.onlink);
    let payload = RtmsgBuilder::default()
        .rtm_family(family(route.family))
        .rtm_dst_len(route.destination.map_or(0, |d| d.prefix_len))
        .rtm_src_len(route.from.map_or(0, |d| d.prefix_len))
        .rtm_tos(route.tos)
        // Tables above 255 are in the attribute alone.
        .rtm_table(u8::try_from(route.table).map_or(RtTable::Compat, RtTable::from))
        .rtm_protocol(Rtprot::from(route.protocol))
        .rtm_scope(RtScope::from(scope(kind, route).0))
        .rtm_type(route_kind(route.kind))
        .rtm_flags(RtmF::from_bits_retain(if onlink {
            u32::from(ONLINK)
        } else {
            0
        }))
        .rtattrs(attrs.0)
        .build()
        .map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind,
        flags,
        payload,
    })
}

/// What ip(8) assumes: what needs no gateway is on the link, what is local is on the host. A removal that does not
/// say matches any.
fn scope(message: Rtm, route: &Route) -> Scope {
    match (route.scope, route.family) {
        (Some(scope), _) => scope,
        (None, Family::V6) => Scope::GLOBAL,
        (None, Family::V4) if message == Rtm::Delroute => Scope::NOWHERE,
        (None, Family::V4) => match route.kind {
            RouteKind::Local | RouteKind::Nat => Scope::HOST,
            RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => Scope::LINK,
            RouteKind::Unicast
                if !route.next_hops.is_empty()
                    && route.next_hops.iter().all(|hop| hop.via.is_none()) =>
            {
                Scope::LINK
            }
            RouteKind::Unicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => Scope::GLOBAL,
        },
    }
}

const fn route_kind(kind: RouteKind) -> Rtn {
    match kind {
        RouteKind::Unicast => Rtn::Unicast,
        RouteKind::Local => Rtn::Local,
        RouteKind::Broadcast => Rtn::Broadcast,
        RouteKind::Anycast => Rtn::Anycast,
        RouteKind::Multicast => Rtn::Multicast,
        RouteKind::Blackhole => Rtn::Blackhole,
        RouteKind::Unreachable => Rtn::Unreachable,
        RouteKind::Prohibit => Rtn::Prohibit,
        RouteKind::Throw => Rtn::Throw,
        RouteKind::Nat => Rtn::Nat,
    }
}

/// `ICMPV6_ROUTER_PREF_*`.
const fn preference(preference: Preference) -> u8 {
    match preference {
        Preference::Low => 3,
        Preference::Medium => 0,
        Preference::High => 1,
    }
}

/// Gateway, realms and encapsulation of a next hop.
fn way(hop: &NextHop, family: Family) -> Result<Vec<Rtattr<Rta, Buffer>>, EncodeError> {
    let mut attrs = Vec::new();
    match hop.via {
        Some(via) if Family::of(&via) == family => attrs.push(attr(Rta::Gateway, octets(via))?),
        Some(via) => {
            // struct rtvia: the family, then the address.
            let af = if via.is_ipv4() {
                libc::AF_INET
            } else {
                libc::AF_INET6
            };
            let mut value = u16::try_from(af).unwrap_or(0).to_ne_bytes().to_vec();
            value.extend(octets(via));
            attrs.push(attr(Rta::Via, value)?);
        }
        None => {}
    }
    if let Some(realms) = hop.realms {
        attrs.push(attr(Rta::Flow, realms)?);
    }
    if let Some(encap) = &hop.encap {
        let (kind, value) = encapsulation(encap)?;
        attrs.push(attr(Rta::EncapType, kind)?);
        attrs.push(attr(Rta::Encap, value)?);
    }
    Ok(attrs)
}

/// `RTA_MULTIPATH`: a sequence of struct rtnexthop, each with attributes of its own.
fn multipath(hops: &[NextHop], family: Family) -> Result<Vec<u8>, EncodeError> {
    let mut all = Vec::new();
    for hop in hops {
        let weight = u8::try_from(hop.weight.unwrap_or(1).saturating_sub(1))
            .map_err(|_| EncodeError("a next hop's weight is above 256".to_owned()))?;
        let attrs = nested(&way(hop, family)?)?;
        let len = u16::try_from(8 + attrs.len())
            .map_err(|_| EncodeError("a next hop is too long".to_owned()))?;
        all.extend(len.to_ne_bytes());
        all.extend([if hop.onlink { ONLINK } else { 0 }, weight]);
        all.extend(hop.iface.map_or(0, crate::IfIndex::get).to_ne_bytes());
        all.extend(attrs);
    }
    Ok(all)
}

/// `LWTUNNEL_ENCAP_*` and the attributes of that encapsulation.
fn encapsulation(encap: &Encap) -> Result<(u16, Vec<u8>), EncodeError> {
    const MPLS: u16 = 1;
    const IP: u16 = 2;
    const ILA: u16 = 3;
    const IP6: u16 = 4;
    let number = |kind: u16| Rta::from(kind);
    let mut attrs = Vec::new();
    let kind = match encap {
        Encap::Ip {
            family,
            id,
            destination,
            source,
            ttl,
            tos,
            flags,
        } => {
            let ends = [*destination, *source];
            if ends.iter().flatten().any(|end| Family::of(end) != *family) {
                return Err(EncodeError(
                    "both ends of an encapsulation are of its family".to_owned(),
                ));
            }
            // The numbers are the same in LWTUNNEL_IP_* and LWTUNNEL_IP6_*, which says hop limit and traffic class.
            if let Some(id) = id {
                attrs.push(attr(number(1), id.to_be_bytes().to_vec())?);
            }
            if let Some(destination) = destination {
                attrs.push(attr(number(2), octets(*destination))?);
            }
            if let Some(source) = source {
                attrs.push(attr(number(3), octets(*source))?);
            }
            if let Some(ttl) = ttl {
                attrs.push(attr(number(4), *ttl)?);
            }
            if let Some(tos) = tos {
                attrs.push(attr(number(5), *tos)?);
            }
            if let Some(flags) = flags {
                attrs.push(attr(number(6), flags.to_be_bytes().to_vec())?);
            }
            match family {
                Family::V4 => IP,
                Family::V6 => IP6,
            }
        }
        Encap::Mpls { labels, ttl } => {
            let last = labels.len().saturating_sub(1);
            let stack: Vec<u8> = labels
                .iter()
                .enumerate()
                .flat_map(|(at, label)| {
                    let bottom = u32::from(at == last) << 8;
                    ((label << 12) | bottom).to_be_bytes()
                })
                .collect();
            attrs.push(attr(number(1), stack)?);
            if let Some(ttl) = ttl {
                attrs.push(attr(number(2), *ttl)?);
            }
            MPLS
        }
        Encap::Ila { locator } => {
            attrs.push(attr(number(1), locator.to_be_bytes().to_vec())?);
            ILA
        }
    };
    Ok((kind, nested(&attrs)?))
}

/// `RTA_METRICS`: nested `RTAX_*`, of which the first is the set of those that are locked.
fn metrics(metrics: &RouteMetrics) -> Result<Option<Vec<u8>>, EncodeError> {
    if *metrics == RouteMetrics::NONE {
        return Ok(None);
    }
    let free = |value: Option<u32>| value.map(LockedMetric::new);
    let numbers = [
        (2, metrics.mtu),
        (3, free(metrics.window)),
        (4, metrics.rtt),
        (5, metrics.rttvar),
        (6, metrics.ssthresh),
        (7, metrics.cwnd),
        (8, metrics.advmss),
        (9, metrics.reordering),
        (10, free(metrics.hoplimit)),
        (11, free(metrics.initcwnd)),
        (12, free(metrics.features)),
        (13, metrics.rto_min),
        (14, free(metrics.initrwnd)),
        (15, free(metrics.quickack)),
        (17, free(metrics.fastopen_no_cookie)),
    ];
    const LOCK: u16 = 1;
    const CONGESTION: u16 = 16;
    let mut locked = 0_u32;
    let mut attrs = Vec::new();
    for (number, metric) in numbers {
        if let Some(LockedMetric { value, lock }) = metric {
            locked |= u32::from(lock) << number;
            attrs.push(attr(Rta::from(number), value)?);
        }
    }
    if let Some((algorithm, lock)) = &metrics.congctl {
        locked |= u32::from(*lock) << CONGESTION;
        attrs.push(attr(Rta::from(CONGESTION), algorithm.as_str())?);
    }
    if locked != 0 {
        attrs.insert(0, attr(Rta::from(LOCK), locked)?);
    }
    nested(&attrs).map(Some)
}

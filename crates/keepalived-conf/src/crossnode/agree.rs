//! What two nodes of one virtual router must have alike, and what they must not.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::{Member, list};
use crate::codes::Code;
use crate::config::{Auth, Version};
use crate::diag::{Diagnostic, Severity};
use crate::span::Span;

const OWNER: u8 = 255;

pub(super) fn check(a: Member<'_>, b: Member<'_>, findings: &mut Vec<Diagnostic>) {
    findings.extend(version(a, b));
    findings.extend(interval(a, b));
    findings.extend(authentication(a, b));
    findings.extend(addresses(a, b));
    findings.extend(prefixes(a, b));
    findings.extend(priorities(a, b));
    findings.extend(preemption(a, b));
    findings.extend(transport(a, b));
    findings.extend(peers(a, b));
    findings.extend(peers(b, a));
    findings.extend(sources(a, b));
}

fn at(member: Member<'_>, keyword: &str) -> Option<Span> {
    member.instance.origin.keyword(keyword)
}

/// A finding at `keyword` of `b`, with the same keyword of `a` as the other place.
fn differ(
    code: Code,
    (a, b): (Member<'_>, Member<'_>),
    keyword: &str,
    what: &str,
    (value_a, value_b): (String, String),
) -> Diagnostic {
    let message = format!(
        "{what}: {} has {value_a}, {} has {value_b}",
        a.node.name, b.node.name
    );
    Diagnostic::new(code, at(b, keyword), message)
        .subject(&b.instance.name)
        .label(value_b)
        .also(at(a, keyword), value_a)
}

fn version(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let (va, vb) = (a.instance.version, b.instance.version);
    let name = |version: Version| format!("version {}", version.number());
    (va != vb).then(|| {
        differ(
            Code::NodeVersion,
            (a, b),
            "version",
            "the versions differ",
            (name(va), name(vb)),
        )
        .note("each discards the adverts of the other, and both become Active")
        .help("write the same `version` on both")
    })
}

fn interval(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let (ia, ib) = (a.instance.advert_int, b.instance.advert_int);
    if ia == ib || a.instance.version != b.instance.version {
        return None;
    }
    let seconds = |time: core::time::Duration| format!("{} s", time.as_secs_f64());
    let values = (seconds(ia), seconds(ib));
    let finding = differ(
        Code::NodeInterval,
        (a, b),
        "advert_int",
        "the intervals differ",
        values,
    );
    Some(match a.instance.version {
        Version::V2 => finding.note("VRRPv2 discards adverts of another interval, and both become Active"),
        Version::V3 => finding
            .severity(Severity::Warning)
            .note("VRRPv3 learns the interval of the Active router, so the time to notice a failure depends on who it is"),
    }
    .help("write the same `advert_int` on both"))
}

fn authentication(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let (auth_a, auth_b) = (&a.instance.auth, &b.instance.auth);
    let on_the_wire = |auth: &Option<Auth>| auth.as_ref().map(|it| (it.as_str(), it.data()));
    if on_the_wire(auth_a) == on_the_wire(auth_b) {
        return None;
    }
    let name = |auth: &Option<Auth>| match auth {
        Some(auth) => format!("auth_type {}", auth.as_str()),
        None => "none".to_owned(),
    };
    let mut values = (name(auth_a), name(auth_b));
    let keyword = if values.0 == values.1 {
        "auth_pass"
    } else {
        "auth_type"
    };
    if values.0 == values.1 {
        values = ("one password".to_owned(), "another one".to_owned());
    }
    let place = |member: Member<'_>| {
        let keywords = &member.instance.origin.keywords;
        let places = [keyword, "authentication"];
        places
            .into_iter()
            .find_map(|it| keywords.get(it).copied())
            .or(member.instance.origin.span)
    };
    let message = format!(
        "the authentication differs: {} has {}, {} has {}",
        a.node.name, values.0, b.node.name, values.1
    );
    let finding = Diagnostic::new(Code::NodeAuth, place(b), message)
        .subject(&b.instance.name)
        .label(values.1)
        .also(place(a), values.0)
        .note("each discards the adverts of the other, and both become Active");
    Some(finding.help("write the same `authentication` block on both, or none"))
}

fn addresses(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let ips = |member: Member<'_>| -> Vec<IpAddr> {
        member
            .instance
            .addresses
            .iter()
            .map(|address| address.address)
            .collect()
    };
    let (list_a, list_b) = (ips(a), ips(b));
    if list_a == list_b {
        return None;
    }
    let missing = |from: &[IpAddr], to: &[IpAddr]| from.iter().copied().find(|it| !to.contains(it));
    let (only_a, only_b) = (missing(&list_a, &list_b), missing(&list_b, &list_a));
    let span = |member: Member<'_>, ip: Option<IpAddr>| {
        let address = member
            .instance
            .addresses
            .iter()
            .find(|address| Some(address.address) == ip);
        address
            .and_then(|it| it.origin.span)
            .or_else(|| at(member, "virtual_ipaddress"))
    };
    if only_a.is_none() && only_b.is_none() && list_a.len() == list_b.len() {
        let values = (list(&a), list(&b));
        let what = "the addresses are in different orders";
        return Some(
            differ(
                Code::NodeAddressOrder,
                (a, b),
                "virtual_ipaddress",
                what,
                values,
            )
            .help("write them in the same order"),
        );
    }
    let say = |ip: Option<IpAddr>, member: Member<'_>, other: Member<'_>| match ip {
        Some(ip) => format!("{ip} is not on {}", other.node.name),
        None => format!("only {}", list(&member)),
    };
    let finding = Diagnostic::new(
        Code::NodeAddresses,
        span(b, only_b),
        format!(
            "{} and {} have different virtual addresses",
            a.node.name, b.node.name
        ),
    )
    .subject(&b.instance.name)
    .label(say(only_b, b, a))
    .also(span(a, only_a), say(only_a, a, b));
    let lenient = a.instance.skip_check_adv_addr && b.instance.skip_check_adv_addr;
    Some(if lenient {
        finding
            .severity(Severity::Warning)
            .help("write the same list on both")
    } else {
        finding
            .note("keepalived discards adverts whose addresses are not its own, and both become Active")
            .help("write the same list on both; if these are two groups, give one another virtual_router_id")
    })
}

fn prefixes(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let of_a: BTreeMap<IpAddr, _> = a
        .instance
        .addresses
        .iter()
        .map(|address| (address.address, address))
        .collect();
    let (first, second) = b.instance.addresses.iter().find_map(|second| {
        let first = of_a.get(&second.address)?;
        (first.prefix_len != second.prefix_len).then_some((*first, second))
    })?;
    let finding = Diagnostic::new(
        Code::NodePrefix,
        second.origin.span,
        format!(
            "{} is a /{} on {} and a /{} on {}",
            first.address, first.prefix_len, a.node.name, second.prefix_len, b.node.name
        ),
    )
    .subject(&b.instance.name)
    .also(first.origin.span, format!("/{} here", first.prefix_len));
    Some(finding.help("write the same prefix length on both"))
}

fn priorities(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let (pa, pb) = (a.instance.priority, b.instance.priority);
    if pa != pb {
        return None;
    }
    let (code, what) = if pa == OWNER {
        (Code::NodeOwners, "both claim to own the addresses")
    } else {
        (Code::NodePriorityEqual, "the priorities are equal")
    };
    let finding = differ(
        code,
        (a, b),
        "priority",
        what,
        (pa.to_string(), pb.to_string()),
    );
    Some(if pa == OWNER {
        finding
            .note("an owner is always Active: both will be, all the time")
            .help("priority 255 is for the one node whose own address it is; write 254 or less")
    } else {
        finding
            .note("when both start at once, the one with the greater source address becomes Active")
            .help("give the node that should be Active a higher priority")
    })
}

fn preemption(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    if a.instance.preempt == b.instance.preempt {
        return None;
    }
    let (with, without) = if a.instance.preempt { (b, a) } else { (a, b) };
    let finding = Diagnostic::new(
        Code::NodePreempt,
        at(with, "nopreempt"),
        format!(
            "{} has nopreempt and {} does not",
            with.node.name, without.node.name
        ),
    )
    .subject(&with.instance.name)
    .label("this node does not take the address back")
    .also(without.instance.origin.span, "this one does");
    Some(finding.help("write `nopreempt` on all nodes or on none"))
}

fn transport(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let way = |member: Member<'_>| match &member.instance.unicast {
        Some(_) => "unicast".to_owned(),
        None => format!("multicast to {}", member.instance.group),
    };
    let (way_a, way_b) = (way(a), way(b));
    if way_a == way_b {
        return None;
    }
    let place = |member: Member<'_>| match member.instance.unicast {
        Some(_) => at(member, "unicast_peer"),
        None => at(member, "mcast_dst_ip"),
    };
    let finding = Diagnostic::new(
        Code::NodeTransport,
        place(b),
        format!(
            "{} speaks {way_a}, {} speaks {way_b}",
            a.node.name, b.node.name
        ),
    )
    .subject(&b.instance.name)
    .label(way_b)
    .also(place(a), way_a)
    .note("they do not hear each other, and both become Active");
    Some(finding.help("use `unicast_peer` on all nodes or on none"))
}

/// `b` has a known source that `a` does not send to.
fn peers(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let (unicast, source) = (a.instance.unicast.as_ref()?, b.instance.source?);
    let listed = unicast.peers.iter().any(|peer| peer.address == source);
    if listed || b.instance.unicast.is_none() || a.instance.source == Some(source) {
        return None;
    }
    let finding = Diagnostic::new(
        Code::PeersOneWay,
        at(a, "unicast_peer"),
        format!(
            "{} does not list {} ({source}) as a peer",
            a.node.name, b.node.name
        ),
    )
    .subject(&a.instance.name)
    .label(format!("{source} is missing"))
    .also(
        at(b, "unicast_src_ip"),
        "it never gets an advert of that node",
    )
    .note("without adverts it becomes Active as well");
    Some(finding.help(format!("add {source} to unicast_peer of {}", a.node.name)))
}

fn sources(a: Member<'_>, b: Member<'_>) -> Option<Diagnostic> {
    let source = a
        .instance
        .source
        .filter(|source| b.instance.source == Some(*source))?;
    let place = |member: Member<'_>| {
        let keywords = &member.instance.origin.keywords;
        let names = ["unicast_src_ip", "mcast_src_ip"];
        names
            .into_iter()
            .find_map(|it| keywords.get(it).copied())
            .or(member.instance.origin.span)
    };
    let finding = Diagnostic::new(
        Code::NodeSource,
        place(b),
        format!(
            "{} and {} send from the same address, {source}",
            a.node.name, b.node.name
        ),
    )
    .subject(&b.instance.name)
    .also(place(a), "the same address")
    .note("a router takes adverts from its own address for its own");
    Some(finding.help("write each node's own address"))
}

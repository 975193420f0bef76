//! Virtual addresses: each once, each one that a host can have.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeMap;

use super::line;
use crate::codes::Code;
use crate::config::{Address, Config, Family, Instance};
use crate::diag::Diagnostic;
use crate::span::SourceMap;

const OWNER: u8 = 255;

pub(super) fn check(instance: &Instance, sources: &SourceMap, findings: &mut Vec<Diagnostic>) {
    let all = || instance.addresses.iter().chain(&instance.excluded);
    findings.extend(all().filter_map(unusable));
    findings.extend(all().filter_map(network_or_broadcast));
    findings.extend(twice(instance, sources));
    findings.extend(
        instance
            .addresses
            .iter()
            .filter_map(|address| of_a_node(instance, address)),
    );
    findings.extend(link_local_first(instance));
}

/// The same address in two instances, unless it is link-local and on two links.
pub(super) fn check_between(config: &Config, findings: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<(IpAddr, Option<&str>), (&Instance, &Address)> = BTreeMap::new();
    for instance in &config.instances {
        for address in instance.addresses.iter().chain(&instance.excluded) {
            let key = (address.address, scope(instance, address));
            let (first, at) = *seen.entry(key).or_insert((instance, address));
            if first.name == instance.name {
                continue;
            }
            findings.push(
                Diagnostic::new(
                    Code::AddressTwoInstances,
                    address.origin.span,
                    format!(
                        "{} belongs to {} and to {}",
                        address.address, first.name, instance.name
                    ),
                )
                .subject(&instance.name)
                .label(format!("again in {}", instance.name))
                .also(at.origin.span, format!("first in {}", first.name))
                .note("they can be Active on different nodes, and then two hosts answer for one address")
                .help("leave the address in one of them"),
            );
        }
    }
}

/// Link-local addresses are told apart by their link, others are not.
fn scope<'a>(instance: &'a Instance, address: &'a Address) -> Option<&'a str> {
    let link_local = match address.address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let dev = address.dev.as_deref().or(instance.interface.as_deref());
    dev.filter(|_| link_local)
}

fn unusable(address: &Address) -> Option<Diagnostic> {
    let ip = address.address;
    let kind = if ip.is_unspecified() {
        "the unspecified address"
    } else if ip.is_loopback() {
        "a loopback address"
    } else if ip.is_multicast() {
        "a multicast address"
    } else if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        "the broadcast address"
    } else {
        return None;
    };
    let finding = Diagnostic::new(
        Code::AddressUnusable,
        address.origin.span,
        format!("{ip} is {kind}, which cannot be a virtual address"),
    );
    Some(finding.help("use a free address of the network that the clients are on"))
}

fn network_or_broadcast(address: &Address) -> Option<Diagnostic> {
    let IpAddr::V4(ip) = address.address else {
        return None;
    };
    let broadcast = address
        .broadcast
        .map(|it| it.resolve(ip, address.prefix_len));
    let (what, free) = if let Some(what) = edge_of_subnet(ip, address.prefix_len) {
        (
            format!("the {what} address of {ip}/{}", address.prefix_len),
            true,
        )
    } else if broadcast == Some(ip) {
        ("its own broadcast address".to_owned(), false)
    } else {
        return None;
    };
    if ip.is_multicast() || ip.is_unspecified() || ip.is_broadcast() {
        return None; // said already
    }
    let finding = Diagnostic::new(
        Code::AddressIsNetwork,
        address.origin.span,
        format!("{ip} is {what}"),
    )
    .note("no host can have it, and no host will talk to it");
    Some(if free {
        finding.help("use an address between the first and the last one of the subnet")
    } else {
        finding.help("remove `brd`, or write the broadcast address of the subnet there")
    })
}

/// `network` or `broadcast` if `ip` is the first or the last address of its subnet.
#[must_use]
pub fn edge_of_subnet(ip: Ipv4Addr, prefix_len: u8) -> Option<&'static str> {
    if prefix_len == 0 || prefix_len > 30 {
        return None; // RFC 3021: both addresses of a /31 are hosts
    }
    let host = u32::MAX >> prefix_len;
    match ip.to_bits() & host {
        0 => Some("network"),
        bits if bits == host => Some("broadcast"),
        _ => None,
    }
}

/// Whether two addresses of one family have the first `prefix_len` bits in common.
#[must_use]
pub fn same_subnet(a: IpAddr, b: IpAddr, prefix_len: u8) -> bool {
    let len = u32::from(prefix_len);
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits())
                .checked_shr(32_u32.saturating_sub(len))
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits())
                .checked_shr(128_u32.saturating_sub(len))
                .unwrap_or(0)
                == 0
        }
        _ => false,
    }
}

fn twice(instance: &Instance, sources: &SourceMap) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<(IpAddr, Option<&str>), &Address> = BTreeMap::new();
    for address in instance.addresses.iter().chain(&instance.excluded) {
        let key = (address.address, scope(instance, address));
        let Some(first) = seen.insert(key, address) else {
            continue;
        };
        seen.insert(key, first);
        let finding = Diagnostic::new(
            Code::AddressTwice,
            address.origin.span,
            format!("{} is listed twice", address.address),
        )
        .subject(&instance.name)
        .label("again here")
        .also(first.origin.span, "first here")
        .note("it would be advertised twice, and peers that list it once discard the adverts");
        findings.push(match address.origin.span {
            Some(span) => finding.fix(line(sources, span), "", "remove one of them"),
            None => finding,
        });
    }
    findings
}

/// The address is where adverts come from or go to.
fn of_a_node(instance: &Instance, address: &Address) -> Option<Diagnostic> {
    let peers = instance.unicast.iter().flat_map(|unicast| &unicast.peers);
    let peer = peers
        .into_iter()
        .find(|peer| peer.address == address.address);
    let source = instance
        .source
        .filter(|source| *source == address.address && instance.priority != OWNER);
    let (span, role) = if let Some(peer) = peer {
        (peer.origin.span, "a peer")
    } else if source.is_some() {
        let keyword = ["unicast_src_ip", "mcast_src_ip"]
            .into_iter()
            .find_map(|keyword| instance.origin.keywords.get(keyword).copied());
        (
            keyword.or(instance.origin.span),
            "the source of the adverts",
        )
    } else {
        return None;
    };
    let finding = Diagnostic::new(
        Code::AddressIsNode,
        address.origin.span,
        format!("{} is a virtual address and {role}", address.address),
    )
    .subject(&instance.name)
    .label("it moves between nodes")
    .also(span, format!("{role} stays with its node"));
    Some(finding.help("give the nodes addresses of their own, and the service another one"))
}

fn link_local_first(instance: &Instance) -> Option<Diagnostic> {
    let first = instance.addresses.first()?;
    let IpAddr::V6(ip) = first.address else {
        return None;
    };
    if instance.family != Family::V6 || ip.is_unicast_link_local() {
        return None;
    }
    let finding = Diagnostic::new(
        Code::LinkLocalFirst,
        first.origin.span,
        format!("{ip}, the first address of an IPv6 router, is not link-local"),
    )
    .subject(&instance.name)
    .note("RFC 9568 section 5.2.9 puts the link-local address first, which hosts use as their gateway");
    Some(finding.help("if the address is a gateway, put a fe80:: address in front of it"))
}

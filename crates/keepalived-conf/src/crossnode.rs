//! Do the files of several nodes fit together? What must agree, what must differ, and who is Active when a node fails.
//!
//! The files are read into one [`SourceMap`](crate::SourceMap), so that a finding can name a place in each.

mod agree;
mod takeover;

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

pub use takeover::table;

use crate::codes::Code;
use crate::config::{Address, Config, Family, Instance};
use crate::diag::Diagnostic;

/// One node.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// What to call it: the name of its file.
    pub name: &'a str,
    /// What its file means.
    pub config: &'a Config,
}

/// An instance on its node.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The node.
    pub node: Node<'a>,
    /// The instance.
    pub instance: &'a Instance,
    /// Which of the nodes, from 0.
    index: usize,
}

/// The instances of all nodes that are one virtual router, in the order of the nodes. Never empty.
#[derive(Clone, Debug)]
pub struct Router<'a> {
    /// Virtual Router ID.
    pub vrid: u8,
    /// The family of the adverts.
    pub family: Family,
    /// The instances.
    pub members: Vec<Member<'a>>,
}

impl<'a> Router<'a> {
    /// The addresses of the first node.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let first = self
            .members
            .first()
            .map(|member| &member.instance.addresses);
        first.into_iter().flatten().map(|address| address.address)
    }

    /// Each two of them.
    fn pairs(&self) -> impl Iterator<Item = (Member<'a>, Member<'a>)> {
        let rest = |at: usize| self.members.iter().skip(at + 1).copied();
        let members = self.members.iter().copied().enumerate();
        members.flat_map(move |(at, first)| rest(at).map(move |second| (first, second)))
    }
}

/// The virtual routers that the nodes make up, by VRID.
#[must_use]
pub fn routers<'a>(nodes: &[Node<'a>]) -> Vec<Router<'a>> {
    let mut by_id: BTreeMap<(u8, Family), Vec<Router<'a>>> = BTreeMap::new();
    for (index, &node) in nodes.iter().enumerate() {
        for instance in &node.config.instances {
            let (vrid, family) = (instance.vrid, instance.family);
            let members = vec![Member {
                node,
                instance,
                index,
            }];
            by_id.entry((vrid, family)).or_default().push(Router {
                vrid,
                family,
                members,
            });
        }
    }
    let merged = by_id.into_values().map(|routers| {
        // A shared address joins; then an instance that is alone joins those of its name, because a list of
        // addresses that was mistyped is more likely than a second group.
        let by_address = join(routers, |a, b| !addresses(a).is_disjoint(&addresses(b)));
        join(by_address, |a, b| {
            (a.members.len() == 1 || b.members.len() == 1) && !names(a).is_disjoint(&names(b))
        })
    });
    merged.flatten().collect()
}

/// Joins routers that are `related` and have no node in common.
fn join<'a>(
    routers: Vec<Router<'a>>,
    related: impl Fn(&Router<'a>, &Router<'a>) -> bool,
) -> Vec<Router<'a>> {
    let mut joined: Vec<Router<'a>> = Vec::new();
    for router in routers {
        let fits = |other: &&mut Router<'a>| {
            nodes(other).is_disjoint(&nodes(&router)) && related(other, &router)
        };
        match joined.iter_mut().find(fits) {
            Some(other) => other.members.extend(router.members),
            None => joined.push(router),
        }
    }
    joined
}

fn nodes(router: &Router<'_>) -> BTreeSet<usize> {
    router.members.iter().map(|member| member.index).collect()
}

fn names<'a>(router: &Router<'a>) -> BTreeSet<&'a str> {
    router
        .members
        .iter()
        .map(|member| member.instance.name.as_str())
        .collect()
}

fn addresses(router: &Router<'_>) -> BTreeSet<IpAddr> {
    let members = router.members.iter();
    members
        .flat_map(|member| &member.instance.addresses)
        .map(|it: &Address| it.address)
        .collect()
}

/// All findings about `nodes` together.
#[must_use]
pub fn check(nodes: &[Node<'_>]) -> Vec<Diagnostic> {
    let routers = routers(nodes);
    let mut findings = Vec::new();
    for router in &routers {
        if router.members.len() == 1 {
            findings.extend(alone(router));
        }
        for (first, second) in router.pairs() {
            agree::check(first, second, &mut findings);
        }
        findings.extend(takeover::weights(router));
    }
    findings.extend(two_groups(&routers));
    findings.extend(takeover::groups(nodes, &routers));
    findings
}

fn alone(router: &Router<'_>) -> Option<Diagnostic> {
    let only = router.members.first()?;
    let finding = Diagnostic::new(
        Code::NodeAlone,
        only.instance.origin.span,
        format!(
            "virtual router {} is on {} only; when that fails, nobody takes over",
            router.vrid, only.node.name
        ),
    );
    Some(
        finding
            .subject(&only.instance.name)
            .help("add the instance to another node"),
    )
}

/// Several routers with one VRID, and no node that has both on different links.
fn two_groups(routers: &[Router<'_>]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (at, first) in routers.iter().enumerate() {
        let same = |other: &&Router<'_>| (other.vrid, other.family) == (first.vrid, first.family);
        for second in routers.iter().skip(at + 1).filter(same) {
            let (Some(a), Some(b)) = (first.members.first(), second.members.first()) else {
                continue;
            };
            if !nodes(first).is_disjoint(&nodes(second)) {
                continue;
            }
            let vrid = |member: &Member<'_>| member.instance.origin.keyword("virtual_router_id");
            findings.push(
                Diagnostic::new(
                    Code::VridTwoGroups,
                    vrid(b),
                    format!(
                        "{} and {} use VRID {} for different addresses",
                        a.node.name, b.node.name, first.vrid
                    ),
                )
                .label(format!("for {}", list(b)))
                .also(vrid(a), format!("for {}", list(a)))
                .note("on one network they take each other's adverts for their own")
                .help("give one of the groups another virtual_router_id, on all its nodes"),
            );
        }
    }
    findings
}

/// The addresses of an instance, in words.
fn list(member: &Member<'_>) -> String {
    let addresses = &member.instance.addresses;
    let mut words: Vec<String> = addresses
        .iter()
        .take(3)
        .map(|address| address.address.to_string())
        .collect();
    if addresses.len() > 3 {
        words.push(format!("and {} more", addresses.len() - 3));
    }
    if words.is_empty() {
        "no address".to_owned()
    } else {
        words.join(", ")
    }
}

#[cfg(test)]
mod tests;

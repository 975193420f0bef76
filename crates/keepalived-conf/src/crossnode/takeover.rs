//! Who is Active: when all is well, when a node is gone, and when a check fails.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use super::{Member, Node, Router};
use crate::codes::Code;
use crate::config::{Config, Instance, Tracked};
use crate::diag::Diagnostic;

const OWNER: u8 = 255;

/// A tracker that changes the priority by amounts that the file knows.
struct Weighted<'a> {
    kind: &'static str,
    tracked: &'a Tracked,
}

impl Weighted<'_> {
    /// What it adds while all is well, and while it fails.
    fn contributions(&self) -> (i32, i32) {
        let weight = i32::from(self.tracked.weight);
        let signed = if self.tracked.reverse {
            -weight
        } else {
            weight
        };
        if weight > 0 { (signed, 0) } else { (0, signed) }
    }
}

fn weighted<'a>(config: &'a Config, instance: &'a Instance) -> Vec<Weighted<'a>> {
    let group = config.group_of(&instance.name);
    let tracks = core::iter::once(&instance.track).chain(group.map(|group| &group.track));
    let kinds = tracks.flat_map(|track| {
        [
            ("interface", &track.interfaces),
            ("script", &track.scripts),
            ("process", &track.processes),
            ("BFD session", &track.bfds),
        ]
    });
    let all =
        kinds.flat_map(|(kind, list)| list.iter().map(move |tracked| Weighted { kind, tracked }));
    all.filter(|it| it.tracked.weight != 0).collect()
}

/// Effective priority with every tracker as `well` says: base and sum, clamped to 1..=254; an owner's never changes.
fn effective(member: Member<'_>, well: bool) -> i32 {
    let base = i32::from(member.instance.priority);
    if member.instance.priority == OWNER {
        return base;
    }
    let trackers = weighted(member.node.config, member.instance);
    let sum: i32 = trackers
        .iter()
        .map(|tracker| {
            if well {
                tracker.contributions().0
            } else {
                tracker.contributions().1
            }
        })
        .sum();
    base.saturating_add(sum).clamp(1, 254)
}

impl<'a> Router<'a> {
    /// Who becomes Active when the nodes other than `without` start together and all checks are good: the highest
    /// priority; among equal ones the greatest source address. `None` if the files do not decide it, or nobody is left.
    #[must_use]
    pub fn active(&self, without: Option<Member<'a>>) -> Option<Member<'a>> {
        let gone = without.map(|member| member.index);
        let left = || {
            self.members
                .iter()
                .copied()
                .filter(|member| Some(member.index) != gone)
        };
        let highest = left().map(|member| effective(member, true)).max()?;
        let mut best = left().filter(|member| effective(*member, true) == highest);
        let first = best.next()?;
        best.try_fold(first, |first, second| {
            match first.instance.source?.cmp(&second.instance.source?) {
                core::cmp::Ordering::Less => Some(second),
                core::cmp::Ordering::Greater => Some(first),
                core::cmp::Ordering::Equal => None,
            }
        })
    }
}

/// Who is Active when, as a table for people.
#[must_use]
pub fn table(routers: &[Router<'_>]) -> String {
    let mut text = String::new();
    for router in routers {
        let addresses: Vec<String> = router.addresses().map(|ip| ip.to_string()).collect();
        let _ = writeln!(
            text,
            "virtual router {} (IPv{}): {}",
            router.vrid,
            router.family.number(),
            addresses.join(", ")
        );
        let mut rows = vec![("all nodes run".to_owned(), router.active(None))];
        for &member in &router.members {
            rows.push((
                format!("{} fails", member.node.name),
                router.active(Some(member)),
            ));
        }
        let width = rows
            .iter()
            .map(|(when, _)| when.chars().count())
            .max()
            .unwrap_or(0);
        for (at, (when, active)) in rows.into_iter().enumerate() {
            let who = match active {
                Some(member) => format!(
                    "{} is Active, priority {}",
                    member.node.name,
                    effective(member, true)
                ),
                None if router.members.len() == 1 && at > 0 => "nobody".to_owned(),
                None => "not decided: equal priorities".to_owned(),
            };
            let _ = writeln!(text, "  {when:<width$}  {who}");
        }
        text.push('\n');
    }
    text
}

/// Checks whose failure never moves the address.
pub(super) fn weights(router: &Router<'_>) -> Vec<Diagnostic> {
    router
        .members
        .iter()
        .filter_map(|&member| never_switches(router, member))
        .collect()
}

fn never_switches(router: &Router<'_>, member: Member<'_>) -> Option<Diagnostic> {
    if member.instance.priority == OWNER {
        return None;
    }
    let trackers = weighted(member.node.config, member.instance);
    let strongest = trackers.iter().max_by_key(|tracker| {
        let (good, bad) = tracker.contributions();
        good.abs_diff(bad)
    })?;
    let (good, bad) = (effective(member, true), effective(member, false));
    let lower = || {
        let others = router
            .members
            .iter()
            .copied()
            .filter(|other| other.index != member.index);
        others.filter(move |other| effective(*other, true) <= good)
    };
    lower().next()?;
    let Weighted { kind, tracked } = strongest;
    let place = tracked.origin.span.or(member.instance.origin.span);
    let Some(next) = lower()
        .filter(|it| it.instance.preempt)
        .max_by_key(|it| effective(*it, true))
    else {
        let stuck = lower().next()?;
        let finding = Diagnostic::new(
            Code::WeightNeverSwitches,
            place,
            format!(
                "when {kind} `{}` fails on {}, nobody takes over: the others have nopreempt",
                tracked.name, member.node.name
            ),
        )
        .subject(&member.instance.name)
        .label("a failure lowers the priority only")
        .also(
            stuck.instance.origin.keyword("nopreempt"),
            "and this node takes nothing over",
        );
        return Some(finding.help("remove the weight: then a failure means FAULT"));
    };
    let peer = effective(next, true);
    if bad < peer {
        return None;
    }
    let all = if trackers.len() == 1 {
        format!("{kind} `{}`", tracked.name)
    } else {
        "every check".to_owned()
    };
    let finding = Diagnostic::new(
        Code::WeightNeverSwitches,
        place,
        format!(
            "even with {all} failing, {} has priority {bad}, and {} has {peer}",
            member.node.name, next.node.name
        ),
    )
    .subject(&member.instance.name)
    .label(format!("takes the priority from {good} to {bad}"))
    .also(
        next.instance.origin.keyword("priority"),
        format!("{} stays below", next.node.name),
    )
    .note("the address stays where the service has failed");
    Some(finding.help(format!(
        "use a weight of more than {}, or none, so that a failure means FAULT",
        good - peer
    )))
}

/// The members of a sync group are Active together, so that they should prefer the same node.
pub(super) fn groups(nodes: &[Node<'_>], routers: &[Router<'_>]) -> Vec<Diagnostic> {
    let preferred = |index: usize, name: &str| {
        let has = |router: &&Router<'_>| {
            router
                .members
                .iter()
                .any(|it| it.index == index && it.instance.name == name)
        };
        routers
            .iter()
            .find(has)
            .and_then(|router| router.active(None))
    };
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, node) in nodes.iter().enumerate() {
        for group in &node.config.sync_groups {
            if !seen.insert(&group.name) {
                continue;
            }
            let wanted = group
                .members
                .iter()
                .filter_map(|name| Some((name, preferred(index, name)?)));
            let mut wanted = wanted;
            let Some((first, at)) = wanted.next() else {
                continue;
            };
            let Some((second, other)) = wanted.find(|(_, it)| it.index != at.index) else {
                continue;
            };
            findings.push(
                Diagnostic::new(
                    Code::NodeGroup,
                    group.origin.span,
                    format!(
                        "group {}: {first} would be Active on {}, {second} on {}",
                        group.name, at.node.name, other.node.name
                    ),
                )
                .subject(&group.name)
                .note("a group becomes Active only when all its members win their elections")
                .help("give the members of a group the same order of priorities on all nodes"),
            );
        }
    }
    findings
}

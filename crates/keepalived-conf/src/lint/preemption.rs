//! Who may take over from whom: priorities, weights, nopreempt, strictness.

use super::{line, tracked};
use crate::codes::Code;
use crate::config::{Config, Instance, State};
use crate::diag::Diagnostic;
use crate::span::SourceMap;

pub(super) fn check(
    config: &Config,
    instance: &Instance,
    sources: &SourceMap,
    findings: &mut Vec<Diagnostic>,
) {
    findings.extend(nopreempt_and_weight(config, instance));
    findings.extend(priority_unset(instance));
    findings.extend(strict_drops_packets(config, instance, sources));
}

fn nopreempt_and_weight(config: &Config, instance: &Instance) -> Option<Diagnostic> {
    if instance.preempt {
        return None;
    }
    let (kind, weighted) = tracked(config, instance).find(|(_, tracked)| tracked.weight != 0)?;
    let finding = Diagnostic::new(
        Code::NopreemptWeight,
        weighted.origin.span,
        format!(
            "{kind} `{}` changes the priority by {}, but {} has nopreempt",
            weighted.name, weighted.weight, instance.name
        ),
    )
    .subject(&instance.name)
    .label("a failure lowers the priority only")
    .also(
        instance.origin.keyword("nopreempt"),
        "and such a node takes nothing over",
    )
    .also(
        config
            .script(&weighted.name)
            .and_then(|it| it.origin.keywords.get("weight").copied()),
        "the weight of the script",
    )
    .note("a peer with nopreempt does not take over from a node that still sends adverts")
    .help("remove the weight: then a failure means FAULT, and a peer takes over");
    Some(finding)
}

fn priority_unset(instance: &Instance) -> Option<Diagnostic> {
    let written = instance.origin.keywords.contains_key("priority");
    if written || instance.origin.span.is_none() {
        return None;
    }
    let finding = Diagnostic::new(
        Code::PriorityUnset,
        instance.origin.span,
        format!(
            "{} has no priority and gets {}",
            instance.name, instance.priority
        ),
    )
    .subject(&instance.name);
    Some(if instance.state == Some(State::Master) {
        finding
            .note("`state MASTER` without a priority makes the node the owner of the addresses")
            .help("write `priority 150`, and a lower number on the other nodes")
    } else {
        finding.help("write the priority, a different one on each node")
    })
}

fn strict_drops_packets(
    config: &Config,
    instance: &Instance,
    sources: &SourceMap,
) -> Option<Diagnostic> {
    if !instance.strict || instance.accept || instance.priority == u8::MAX {
        return None;
    }
    let own = instance.origin.keywords.get("strict_mode").copied();
    let span = own.or_else(|| config.globals.origin.keywords.get("vrrp_strict").copied());
    let finding = Diagnostic::new(
        Code::StrictNoPing,
        span.or(instance.origin.span),
        format!(
            "{}: the virtual addresses will drop all packets to themselves",
            instance.name
        ),
    )
    .subject(&instance.name)
    .label("no ping, no connection, only forwarding")
    .note("a strict router that does not own the address may not accept what is sent to it");
    Some(match span {
        Some(span) => finding.fix(
            line(sources, span),
            "",
            "remove it, unless the address is only a gateway",
        ),
        None => finding,
    })
}

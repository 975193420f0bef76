//! Keywords that need each other, and keywords that exclude each other.

use super::line;
use crate::codes::Code;
use crate::config::{Auth, Config, Instance, State};
use crate::diag::Diagnostic;
use crate::span::SourceMap;

const OWNER: u8 = 255;

pub(super) fn check(instance: &Instance, sources: &SourceMap, findings: &mut Vec<Diagnostic>) {
    findings.extend(useless(instance, sources));
    findings.extend(bfd(instance));
    findings.extend(authentication_and_state(instance));
    findings.extend(strict_and_unicast(instance));
}

/// Keywords whose companion is missing.
fn useless(instance: &Instance, sources: &SourceMap) -> Vec<Diagnostic> {
    let peers = instance.unicast.is_some();
    let vmac = instance.vmac.is_some() || instance.ipvlan.is_some();
    let needs = [
        ("unicast_ttl", peers, "unicast_peer"),
        ("check_unicast_src", peers, "unicast_peer"),
        ("old_unicast_checksum", peers, "unicast_peer"),
        ("vmac_xmit_base", vmac, "use_vmac"),
        (
            "track_src_ip",
            instance.source.is_some(),
            "unicast_src_ip or mcast_src_ip",
        ),
        ("timer_expired_backup", !instance.preempt, "nopreempt"),
    ];
    let mut findings = Vec::new();
    for (keyword, there, companion) in needs {
        let Some(&span) = instance.origin.keywords.get(keyword).filter(|_| !there) else {
            continue;
        };
        let finding = Diagnostic::new(
            Code::KeywordUseless,
            span,
            format!("`{keyword}` has no effect without {companion}"),
        );
        findings.push(
            finding
                .subject(&instance.name)
                .fix(line(sources, span), "", "remove it")
                .help(format!("or write {companion}")),
        );
    }
    findings
}

/// A session that nobody runs is never down.
fn bfd(instance: &Instance) -> Option<Diagnostic> {
    let tracked = instance.track.bfds.first()?;
    let finding = Diagnostic::new(
        Code::KeywordRefused,
        tracked.origin.span,
        format!(
            "the BFD session `{}` is tracked, and BFD is not implemented yet",
            tracked.name
        ),
    );
    Some(
        finding
            .subject(&instance.name)
            .note("its failure will not move the address")
            .help("track the neighbour with a vrrp_script that pings it"),
    )
}

fn authentication_and_state(instance: &Instance) -> Option<Diagnostic> {
    let ah = matches!(instance.auth, Some(Auth::Ah(_)));
    if !ah || instance.state != Some(State::Master) {
        return None;
    }
    let finding = Diagnostic::new(
        Code::AuthAhMaster,
        instance.origin.keyword("state"),
        "with auth_type AH an instance starts as BACKUP",
    );
    Some(finding.subject(&instance.name).help("write `state BACKUP`"))
}

fn strict_and_unicast(instance: &Instance) -> Option<Diagnostic> {
    if !instance.strict || instance.unicast.is_none() {
        return None;
    }
    let finding = Diagnostic::new(
        Code::StrictUnicast,
        instance.origin.keyword("unicast_peer"),
        "vrrp_strict holds to the RFC, which has no unicast",
    );
    Some(
        finding
            .subject(&instance.name)
            .note("keepalived 2.2.7 starts with both, newer versions do not")
            .help("remove vrrp_strict"),
    )
}

/// Groups that cannot hold together.
pub(super) fn groups(config: &Config) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for group in &config.sync_groups {
        let members = || {
            group
                .members
                .iter()
                .filter_map(|name| config.instance(name))
        };
        let owner = members().find(|member| member.priority == OWNER);
        let other = members().find(|member| member.priority != OWNER);
        let (Some(owner), Some(other)) = (owner, other) else {
            continue;
        };
        findings.push(
            Diagnostic::new(
                Code::GroupOwnerMixed,
                group.origin.span,
                format!(
                    "{} owns its addresses and {} does not",
                    owner.name, other.name
                ),
            )
            .subject(&group.name)
            .also(
                owner.origin.keyword("priority"),
                "an owner is always Active",
            )
            .note("the group cannot hold them in one state")
            .help("give the owner a priority of 254 or less"),
        );
    }
    findings
}

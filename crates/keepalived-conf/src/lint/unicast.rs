//! Peers: others, and each once.

use std::collections::BTreeMap;

use super::line;
use crate::codes::Code;
use crate::config::Instance;
use crate::diag::Diagnostic;
use crate::span::SourceMap;

pub(super) fn check(instance: &Instance, sources: &SourceMap, findings: &mut Vec<Diagnostic>) {
    let Some(unicast) = &instance.unicast else {
        return;
    };
    let mut seen = BTreeMap::new();
    for peer in &unicast.peers {
        let span = peer.origin.span;
        let finding = if instance.source == Some(peer.address) {
            Diagnostic::new(
                Code::PeerIsSelf,
                span,
                format!("{} is this node's own address", peer.address),
            )
            .label("a peer is another node")
            .also(
                instance.origin.keywords.get("unicast_src_ip").copied(),
                "the own address",
            )
        } else if let Some(first) = seen.insert(peer.address, span) {
            Diagnostic::new(
                Code::PeerTwice,
                span,
                format!("{} is listed twice", peer.address),
            )
            .label("again here")
            .also(first, "first here")
        } else {
            continue;
        };
        let finding = finding.subject(&instance.name);
        findings.push(match span {
            Some(span) => finding.fix(line(sources, span), "", "remove it"),
            None => finding,
        });
    }
}

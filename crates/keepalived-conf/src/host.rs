//! What only the host can say: whether the interfaces that a configuration names are there.

use core::fmt;
use core::net::IpAddr;

use crate::Loaded;
use crate::codes::Code;
use crate::config::{Config, DynamicInterfaces};
use crate::diag::{Diagnostic, Peer, Severity};
use crate::lint;
use crate::span::Span;

/// An interface as a configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInterface {
    /// Its name.
    pub name: String,
    /// The instance, group or script that names it, if one does.
    pub subject: Option<String>,
    /// Where it is named.
    pub span: Span,
    /// Nothing runs without it; else only the entry that names it is without effect.
    pub needed: bool,
}

/// An interface of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInterface {
    /// Its name.
    pub name: String,
    /// It is the loopback interface, on which VRRP does not run.
    pub loopback: bool,
    /// Its addresses with the lengths of their prefixes, as far as they are known: they help to recognise it.
    pub addresses: Vec<(IpAddr, u8)>,
}

impl Loaded {
    /// Findings about interfaces that are named and are not among `existing`, or cannot carry VRRP.
    ///
    /// keepalived does not start without one of them, and neither do we, unless `dynamic_interfaces` is given.
    /// Interfaces that the configuration makes itself (`use_vmac`, `use_ipvlan`) need not be there.
    #[must_use]
    pub fn check_interfaces(&self, existing: &[HostInterface]) -> Vec<Diagnostic> {
        check(&self.config, &self.interfaces, existing)
    }
}

/// [`Loaded::check_interfaces`], for who has kept these two of it.
#[must_use]
pub fn check(
    config: &Config,
    named: &[NamedInterface],
    existing: &[HostInterface],
) -> Vec<Diagnostic> {
    let dynamic = config.globals.dynamic_interfaces != DynamicInterfaces::No;
    let exists = |name: &str| existing.iter().any(|interface| interface.name == name);
    let absent = named
        .iter()
        .filter(|named| !exists(&named.name) && !makes(config, &named.name));
    let mut findings: Vec<Diagnostic> = absent
        .map(|named| absence(named, existing, dynamic))
        .collect();
    for instance in &config.instances {
        let Some(name) = &instance.interface else {
            continue;
        };
        if existing
            .iter()
            .any(|interface| interface.loopback && interface.name == *name)
        {
            let span = instance.origin.keyword("interface");
            let message = format!("`{name}` is the loopback interface");
            let finding = Diagnostic::new(Code::InterfaceLoopback, span, message)
                .help("use the interface of the network that the peers are on");
            findings.push(finding.subject(instance.name.clone()));
        }
    }
    findings
}

/// Whether an instance makes an interface of that name.
fn makes(config: &Config, name: &str) -> bool {
    let prefix = &config.globals.vmac_prefix;
    config.instances.iter().any(|instance| {
        let vmac = instance.vmac.as_ref().map(|vmac| &vmac.name);
        let ipvlan = instance.ipvlan.as_ref().map(|ipvlan| &ipvlan.name);
        vmac.or(ipvlan).is_some_and(|made| match made {
            Some(made) => made == name,
            None => format!("{prefix}.{}", instance.vrid) == name,
        })
    })
}

fn absence(named: &NamedInterface, existing: &[HostInterface], dynamic: bool) -> Diagnostic {
    let name = &named.name;
    let others: Vec<&HostInterface> = existing.iter().filter(|it| !it.loopback).collect();
    let list: Vec<String> = others
        .iter()
        .map(|interface| interface.to_string())
        .collect();
    let mut finding = Diagnostic::new(
        Code::InterfaceAbsent,
        named.span,
        format!("there is no interface `{name}` on this host"),
    )
    .note(match list.as_slice() {
        [] => "this host has no interface but lo".to_owned(),
        list => format!("this host has {}", list.join(", ")),
    });
    finding.subject.clone_from(&named.subject);
    let near = match others.as_slice() {
        [only] => Some(only.name.as_str()),
        _ => lint::nearest(name, others.iter().map(|it| it.name.as_str())),
    };
    if let Some(near) = near {
        finding = finding.fix(named.span, near, format!("did you mean `{near}`?"));
    }
    if dynamic {
        return finding
            .severity(Severity::Warning)
            .peer(Peer::Silent)
            .note("it may come later (dynamic_interfaces)");
    }
    if !named.needed {
        return finding
            .severity(Severity::Loud)
            .note("what is said of it is without effect until it is there");
    }
    finding.help("if it comes later, write `dynamic_interfaces` in global_defs")
}

impl fmt::Display for HostInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses.first() {
            Some((address, len)) => write!(f, "{} ({address}/{len})", self.name),
            None => write!(f, "{} (no address)", self.name),
        }
    }
}

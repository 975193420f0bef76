//! What only the host can say: whether the interfaces that a configuration names are there.

use crate::Loaded;
use crate::codes::Code;
use crate::config::DynamicInterfaces;
use crate::diag::{Diagnostic, Severity};
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
}

/// An interface of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInterface {
    /// Its name.
    pub name: String,
    /// It is the loopback interface, on which VRRP does not run.
    pub loopback: bool,
}

impl Loaded {
    /// Findings about interfaces that are named and are not among `existing`, or cannot carry VRRP.
    ///
    /// keepalived does not start without one of them, and neither do we, unless `dynamic_interfaces` is given.
    /// Interfaces that the configuration makes itself (`use_vmac`, `use_ipvlan`) need not be there.
    #[must_use]
    pub fn check_interfaces(&self, existing: &[HostInterface]) -> Vec<Diagnostic> {
        let dynamic = self.config.globals.dynamic_interfaces != DynamicInterfaces::No;
        let names: Vec<&str> = existing
            .iter()
            .map(|interface| interface.name.as_str())
            .collect();
        let absent = self
            .interfaces
            .iter()
            .filter(|named| !names.contains(&named.name.as_str()) && !self.makes(&named.name));
        let mut findings: Vec<Diagnostic> = absent
            .map(|named| absence(named, &names, dynamic))
            .collect();
        for instance in &self.config.instances {
            let Some(name) = &instance.interface else {
                continue;
            };
            if existing
                .iter()
                .any(|interface| interface.loopback && interface.name == *name)
            {
                let span = instance.origin.keyword("interface");
                let message = format!("`{name}` is the loopback interface");
                let finding = Diagnostic::new(Code::InterfaceLoopback, span, message);
                findings.push(finding.subject(instance.name.clone()));
            }
        }
        findings
    }

    /// Whether an instance makes an interface of that name.
    fn makes(&self, name: &str) -> bool {
        let prefix = &self.config.globals.vmac_prefix;
        self.config.instances.iter().any(|instance| {
            let vmac = instance.vmac.as_ref().map(|vmac| &vmac.name);
            let ipvlan = instance.ipvlan.as_ref().map(|ipvlan| &ipvlan.name);
            vmac.or(ipvlan).is_some_and(|made| match made {
                Some(made) => made == name,
                None => format!("{prefix}.{}", instance.vrid) == name,
            })
        })
    }
}

fn absence(named: &NamedInterface, existing: &[&str], dynamic: bool) -> Diagnostic {
    let name = &named.name;
    let mut finding = Diagnostic::new(
        Code::InterfaceAbsent,
        named.span,
        format!("there is no interface `{name}` on this host"),
    )
    .note(format!("there are: {}", existing.join(", ")));
    finding.subject.clone_from(&named.subject);
    let near = existing
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), other));
    let near = near
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    if let Some((_, near)) = near {
        finding = finding.fix(named.span, *near, format!("did you mean `{near}`?"));
    }
    if dynamic {
        return finding
            .severity(Severity::Warning)
            .note("it may come later (dynamic_interfaces)");
    }
    finding
        .severity(Severity::Refuse)
        .help("if it comes later, write `dynamic_interfaces` in global_defs")
}

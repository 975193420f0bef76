//! Reading a configuration and judging whether it can run here: at the start and for every reload the same way.

use std::collections::BTreeMap;
use std::sync::Arc;

use keepalived_conf::config::Globals;
use keepalived_conf::host::{self, HostInterface, NamedInterface};
use keepalived_conf::{Code, Config, Diagnostic, Severity, SourceMap};
use tracing::{error, info, warn};

use crate::credentials::HostLoader;
use crate::host::Host;
use crate::plan::{Numbers, Plan};
use crate::service::programs::Resolver;
use crate::settings::Settings;
use crate::unwired;

/// Not a configuration to run with; the reasons are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no file, or it cannot be read, or one that it must include.
    Unreadable,
    /// There is one.
    Unusable,
}

/// A configuration, and what a look at the host needs besides.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it means.
    pub config: Arc<Config>,
    /// What it names.
    pub named: Arc<Named>,
}

/// The interfaces that a configuration names, and where.
#[derive(Clone, Debug, Default)]
pub struct Named {
    interfaces: Vec<NamedInterface>,
    sources: SourceMap,
}

/// Reads the file of `settings`, and logs everything there is to say about it.
///
/// # Errors
/// keepalived would not run with it, and neither do we.
pub fn read(settings: &Settings) -> Result<Source, Refused> {
    let file = settings.file.to_string_lossy();
    info!("Configuration file {file}");
    if let Err(reason) = std::fs::File::open(&settings.file) {
        error!(
            "cannot read the configuration file {file}: {reason}. Give another one with -f FILE"
        );
        return Err(Refused::Unreadable);
    }
    let options = keepalived_conf::Options {
        config_id: settings.config_id.clone().unwrap_or_else(node_name),
        environment: environment(),
        seed: u64::from(std::process::id()),
        check_includes: settings.all_config,
        ..keepalived_conf::Options::default()
    };
    let loaded = keepalived_conf::load(&HostLoader::new(), &file, &options);
    let findings = loaded.findings();
    say(&findings, &loaded.sources);
    if loaded.refused() {
        error!("{file} cannot run as it is; `vrrpd check {file}` shows each error in its place");
        let unread = |finding: &Diagnostic| {
            matches!(finding.code, Code::FileUnreadable | Code::IncludeMissing)
        };
        return Err(if findings.iter().any(unread) {
            Refused::Unreadable
        } else {
            Refused::Unusable
        });
    }
    if settings.strict
        && findings
            .iter()
            .any(|finding| finding.severity >= Severity::Loud)
    {
        error!("{file} has errors, and --strict starts with none; `vrrpd check {file}` shows them");
        return Err(Refused::Unusable);
    }
    let config = loaded.config;
    if config.instances.is_empty() && settings.as_keepalived {
        warn!("Warning - keepalived has no configuration to run");
    } else if config.instances.is_empty() {
        error!(
            "{file} has no vrrp_instance, so there is nothing to run. The least is: vrrp_instance NAME {{ interface IF \
                virtual_router_id N virtual_ipaddress {{ ADDRESS }} }}"
        );
        return Err(Refused::Unusable);
    }
    Ok(Source {
        config: Arc::new(config),
        named: Arc::new(Named {
            interfaces: loaded.interfaces,
            sources: loaded.sources,
        }),
    })
}

/// Logs findings about what was read from `sources`.
fn say(findings: &[Diagnostic], sources: &SourceMap) {
    for finding in findings {
        let at = finding.span.and_then(|span| sources.locate(span));
        let (line, column) = at.as_ref().map(|at| (at.line, at.column)).unzip();
        let place = at.map_or_else(String::new, |at| {
            format!("({}: Line {}) ", at.file, at.line)
        });
        let help = finding
            .help
            .iter()
            .map(|help| format!("; remedy: {}", help.text))
            .collect::<String>();
        let notes = finding
            .notes
            .iter()
            .map(|note| format!("; {note}"))
            .collect::<String>();
        let (code, instance) = (finding.code.to_string(), finding.subject.as_deref());
        let message = wording(finding.code, &finding.message);
        match finding.severity {
            Severity::Refuse | Severity::Loud => {
                error!(
                    code,
                    line, column, instance, "{place}{message}{notes}{help}"
                )
            }
            Severity::Warning => warn!(
                code,
                line, column, instance, "{place}{message}{notes}{help}"
            ),
            Severity::Note => info!(
                code,
                line, column, instance, "{place}{message}{notes}{help}"
            ),
        }
    }
}

/// What `${_ENV NAME}` can name. A variable that is no UTF-8 cannot stand in a configuration.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// keepalived's own words stand first where its users look for them.
fn wording(code: Code, message: &str) -> String {
    if code == Code::AuthPassLong {
        format!("Truncating auth_pass to 8 characters: {message}")
    } else {
        message.into()
    }
}

/// Plans `config`, and logs what of it is not in effect.
///
/// # Errors
/// An instance cannot run.
pub fn plan(source: &Source, numbers: &mut Numbers) -> Result<Plan, Refused> {
    let Source { config, named } = source;
    let mut resolver = Resolver::new(&config.globals);
    let planned = Plan::new(config, numbers, &mut |command, what| {
        resolver.program(command, what)
    });
    unwired::report(config);
    let named = Arc::clone(named);
    let planned = planned.map(|plan| Plan { named, ..plan });
    planned.map_err(|errors| {
        for error in errors {
            error!("{error}");
        }
        Refused::Unusable
    })
}

/// Whether a reload changes nothing that cannot change while the daemon runs.
///
/// # Errors
/// It does; what, is in the log.
pub fn unchanged(settings: &Settings, now: &Globals, new: &Globals) -> Result<(), Refused> {
    let kept = [
        (
            settings.namespace(now) == settings.namespace(new),
            "net_namespace",
        ),
        (now.instance == new.instance, "instance"),
        (
            settings.pid_paths(now) == settings.pid_paths(new),
            "use_pid_dir",
        ),
        (
            now.disable_local_igmp == new.disable_local_igmp,
            "disable_local_igmp",
        ),
        (now.nftables == new.nftables, "nftables"),
    ];
    let changed: Vec<&str> = kept
        .into_iter()
        .filter(|(kept, _)| !kept)
        .map(|(_, keyword)| keyword)
        .collect();
    for keyword in &changed {
        error!("Cannot change {keyword} at a reload - please restart keepalived (or vrrpd)");
    }
    if changed.is_empty() {
        Ok(())
    } else {
        Err(Refused::Unusable)
    }
}

/// Whether `host` has the interfaces that the configuration names; without `dynamic_interfaces` keepalived runs with no
/// less.
///
/// # Errors
/// One is missing, or is the loopback interface.
pub fn interfaces(config: &Config, named: &Named, host: &Host) -> Result<(), Refused> {
    let existing: Vec<HostInterface> = host
        .links()
        .map(|link| HostInterface {
            name: link.name.clone(),
            loopback: link.loopback,
            addresses: host
                .addresses_of(link.index)
                .iter()
                .map(|record| (record.address, record.prefix_len))
                .collect(),
        })
        .collect();
    let mut findings = host::check(config, &named.interfaces, &existing);
    // What may come later is waited for, and the wait is in the log.
    findings.retain(|finding| finding.severity >= Severity::Loud);
    say(&findings, &named.sources);
    if findings
        .iter()
        .any(|finding| finding.severity == Severity::Refuse)
    {
        error!("Non-existent interface specified in configuration");
        return Err(Refused::Unusable);
    }
    Ok(())
}

/// The name of this host up to its first dot: what `@ID` lines are compared with.
fn node_name() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    name.split('.').next().unwrap_or_default().into()
}

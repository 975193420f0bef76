//! Reading a configuration and judging whether it can run here: at the start and for every reload the same way.

use std::collections::BTreeMap;
use std::sync::Arc;

use keepalived_conf::{Code, Config, FsLoader, Severity};
use tracing::{error, info, warn};

use crate::host::Host;
use crate::plan::{Numbers, Plan};
use crate::service::programs::Resolver;
use crate::settings::Settings;
use crate::{nearest, unwired};

/// Not a configuration to run with; the reasons are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no file, or it cannot be read.
    Unreadable,
    /// There is one.
    Unusable,
}

/// Reads the file of `settings`, and logs everything there is to say about it.
///
/// # Errors
/// keepalived would not run with it, and neither do we.
pub fn read(settings: &Settings) -> Result<Arc<Config>, Refused> {
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
    let loaded = keepalived_conf::load(&FsLoader, &file, &options);
    let findings = loaded.findings();
    for finding in &findings {
        let at = finding.span.and_then(|span| loaded.sources.locate(span));
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
    if loaded.refused() {
        error!("{file} cannot run as it is; `vrrpd check {file}` shows each error in its place");
        return Err(Refused::Unusable);
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
    Ok(Arc::new(config))
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
pub fn plan(config: &Arc<Config>, numbers: &mut Numbers) -> Result<Plan, Refused> {
    let mut resolver = Resolver::new(&config.globals);
    let planned = Plan::new(config, numbers, &mut |command, what| {
        resolver.program(command, what)
    });
    unwired::report(config);
    planned.map_err(|errors| {
        for error in errors {
            error!("{error}");
        }
        Refused::Unusable
    })
}

/// Whether every interface that `config` names is on `host`; without `dynamic_interfaces` keepalived runs with no
/// less.
///
/// # Errors
/// One is missing, or is the loopback interface.
pub fn interfaces(config: &Config, host: &Host) -> Result<(), Refused> {
    let dynamic =
        config.globals.dynamic_interfaces != keepalived_conf::config::DynamicInterfaces::No;
    let mut result = Ok(());
    for instance in &config.instances {
        let name = &instance.name;
        let tracked = instance
            .track
            .interfaces
            .iter()
            .map(|tracked| tracked.name.as_str());
        let devs = instance
            .addresses
            .iter()
            .chain(&instance.excluded)
            .filter_map(|address| address.dev.as_deref());
        let own = instance.interface.as_deref();
        let mut seen = Vec::new();
        for iface in own.into_iter().chain(devs).chain(tracked) {
            if seen.contains(&iface) {
                continue;
            }
            seen.push(iface);
            match host.link(iface) {
                Some(link) if link.loopback && Some(iface) == own => {
                    error!(
                        instance = name.as_str(),
                        iface,
                        "({name}) cannot run on the loopback interface {iface}: nobody \
                            else is on it"
                    );
                    result = Err(Refused::Unusable);
                }
                Some(_) => {}
                None if dynamic => {}
                None => {
                    error!(
                        instance = name.as_str(),
                        iface,
                        "WARNING - interface {iface} for vrrp_instance {name} doesn't exist. {}",
                        advice(iface, host)
                    );
                    result = Err(Refused::Unusable);
                }
            }
        }
    }
    if result.is_err() {
        error!("Non-existent interface specified in configuration");
    }
    result
}

/// Which interfaces there are, and which one was probably meant.
fn advice(missing: &str, host: &Host) -> String {
    let names: Vec<&str> = host
        .links()
        .filter(|link| !link.loopback)
        .map(|link| link.name.as_str())
        .collect();
    let here = if names.is_empty() {
        "none but loopback".into()
    } else {
        names.join(", ")
    };
    let meant = nearest::nearest(missing, names.iter().copied());
    let meant = meant
        .map(|name| format!(" Did you mean {name}?"))
        .unwrap_or_default();
    format!(
        "Interfaces here: {here}.{meant} If it comes later, put dynamic_interfaces into global_defs"
    )
}

/// The name of this host up to its first dot: what `@ID` lines are compared with.
fn node_name() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    name.split('.').next().unwrap_or_default().into()
}

//! `vrrpd check`: what is wrong with configuration files, each alone, all together, and on this host.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use keepalived_conf::crossnode::{self, Node, Router};
use keepalived_conf::diag::{Report, Tally, settle};
use keepalived_conf::{Code, Diagnostic, Loaded, Options, SourceMap, load_beside};
use serde_json::{Value, json};

use crate::credentials::HostLoader;
use crate::exit::Exit;
use crate::settings::DEFAULT_FILE;
use crate::survey;

/// Arguments of `vrrpd check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 nothing, or warnings and notes; 1 errors (--strict: or warnings); 2 wrong usage or unreadable file.
The codes are explained by `vrrpd explain CODE`.")]
pub struct Args {
    /// Configuration files; several are taken for the nodes of one network and compared
    #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
    files: Vec<PathBuf>,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
    /// Compare also with this host: interfaces, addresses, scripts, firewall, sysctls, other daemons
    #[arg(long)]
    against_host: bool,
    /// How findings are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    color: Colour,
    /// Keep configuration lines that begin with @ID [default: the node name]
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Format {
    /// With the text, as compilers do it
    #[default]
    Human,
    /// One line each
    Short,
    /// One JSON object
    Json,
}

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

impl Colour {
    fn wanted(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // https://no-color.org: present and not empty.
            Self::Auto => {
                let no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                std::io::stdout().is_terminal() && !no
            }
        }
    }
}

/// Everything that was found in some files.
struct Checked {
    sources: SourceMap,
    findings: Vec<Diagnostic>,
    files: Vec<Loaded>,
    names: Vec<String>,
}

impl Checked {
    fn new(args: &Args) -> Self {
        let options = options(args.config_id.clone());
        let mut checked = Self {
            sources: SourceMap::default(),
            findings: Vec::new(),
            files: Vec::new(),
            names: args
                .files
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        };
        for name in &checked.names {
            let sources = core::mem::take(&mut checked.sources);
            let mut loaded = load_beside(sources, &HostLoader::new(), name, &options);
            checked.findings.extend(loaded.findings());
            checked.sources = core::mem::take(&mut loaded.sources);
            checked.files.push(loaded);
        }
        if args.against_host {
            for loaded in &checked.files {
                let facts = survey::gather(&loaded.config);
                let found = survey::judge(loaded, &checked.sources, &facts);
                checked.findings.extend(found);
            }
        }
        let together = crossnode::check(&checked.nodes());
        if checked.files.len() > 1 {
            checked.findings.extend(together);
        }
        let mut findings = settle(core::mem::take(&mut checked.findings));
        let mut seen = BTreeSet::new();
        findings.retain(|finding| seen.insert(identity(finding, &checked.sources)));
        checked.findings = findings;
        checked
    }

    fn nodes(&self) -> Vec<Node<'_>> {
        let pairs = self.names.iter().zip(&self.files);
        pairs
            .map(|(name, loaded)| Node {
                name,
                config: &loaded.config,
            })
            .collect()
    }

    fn exit(&self, strict: bool) -> Exit {
        let tally = Tally::of(&self.findings);
        if self
            .findings
            .iter()
            .any(|finding| finding.code == Code::FileUnreadable)
        {
            Exit::Usage
        } else if tally.errors > 0 || (strict && tally.warnings > 0) {
            Exit::Failed
        } else {
            Exit::Fine
        }
    }
}

/// What tells two findings apart for a person: a file that two nodes include is one file.
fn identity(finding: &Diagnostic, sources: &SourceMap) -> (Code, String, String) {
    let place = finding.span.and_then(|span| sources.locate(span));
    let place = place.map(|place| place.to_string()).unwrap_or_default();
    (finding.code, place, finding.message.clone())
}

/// What a configuration is read with, here and wherever a running daemon is not concerned.
#[must_use]
pub fn options(config_id: Option<String>) -> Options {
    let node = || {
        let name = nix::unistd::gethostname().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        name.split('.').next().unwrap_or_default().to_owned()
    };
    Options {
        config_id: config_id.unwrap_or_else(node),
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        ..Options::default()
    }
}

/// Checks and prints.
pub fn run(args: &Args) -> Exit {
    let checked = Checked::new(args);
    let nodes = checked.nodes();
    let routers = if nodes.len() > 1 {
        crossnode::routers(&nodes)
    } else {
        Vec::new()
    };
    let report = Report::new(&checked.sources, &checked.findings);
    let text = match args.format {
        Format::Human => {
            let table = crossnode::table(&routers);
            format!(
                "{}{table}{}",
                report.human(args.color.wanted()),
                summary(&checked)
            )
        }
        Format::Short => report.short(),
        Format::Json => format!("{:#}\n", json(&checked, report, &routers)),
    };
    // Whoever closed the pipe has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    checked.exit(args.strict)
}

fn summary(checked: &Checked) -> String {
    let Tally {
        errors,
        warnings,
        notes,
    } = Tally::of(&checked.findings);
    let count = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {one}s")),
    };
    let counts = [
        count(errors, "error"),
        count(warnings, "warning"),
        count(notes, "note"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let files = match checked.names.as_slice() {
        [only] => only.clone(),
        names => format!("{} files", names.len()),
    };
    match checked.findings.first() {
        None => format!("{files}: nothing wrong\n"),
        Some(first) => format!(
            "{files}: {}; `vrrpd explain {}` tells more\n",
            counts.join(", "),
            first.code
        ),
    }
}

fn json(checked: &Checked, report: Report<'_>, routers: &[Router<'_>]) -> Value {
    let Tally {
        errors,
        warnings,
        notes,
    } = report.tally();
    let router = |router: &Router<'_>| {
        let active = |without| router.active(without).map(|member| member.node.name);
        let failures = router
            .members
            .iter()
            .map(|&member| json!({ "without": member.node.name, "active": active(Some(member)) }));
        let nodes = router.members.iter().map(|member| {
            json!({
                "file": member.node.name,
                "instance": member.instance.name,
                "interface": member.instance.interface,
                "priority": member.instance.priority,
            })
        });
        json!({
            "vrid": router.vrid,
            "family": router.family.number(),
            "addresses": router.addresses().collect::<Vec<_>>(),
            "nodes": nodes.collect::<Value>(),
            "active": active(None),
            "failures": failures.collect::<Value>(),
        })
    };
    json!({
        "files": checked.names,
        "errors": errors,
        "warnings": warnings,
        "notes": notes,
        "diagnostics": report.json(),
        "routers": routers.iter().map(router).collect::<Value>(),
    })
}

//! `vrrpd lab`: a failover on this machine, without root and without touching it. Real daemons in real hosts (the
//! crate `vrrp-lab`), the tutorial's four nodes or the user's own files, and a table of what came when.

mod judge;
mod play;
mod screen;
mod stage;
mod topology;

use core::time::Duration;
use std::io;
use std::path::PathBuf;

use keepalived_conf::diag::Report;
use keepalived_conf::{Config, FsLoader, Options};
use vrrp_lab::{BuildError, SCRATCH};

use self::judge::{Deviation, Seconds, median};
use self::play::{Play, Row};
use self::screen::Screen;
use self::stage::Stage;
use self::topology::Topology;
use crate::exit::Exit;

/// The tutorial's four nodes.
const TUTORIAL: [(&str, &str); 4] = [
    (
        "node1.conf",
        include_str!("../../../tests/data/seed/node1.conf"),
    ),
    (
        "node2.conf",
        include_str!("../../../tests/data/seed/node2.conf"),
    ),
    (
        "node3.conf",
        include_str!("../../../tests/data/seed/node3.conf"),
    ),
    (
        "node4.conf",
        include_str!("../../../tests/data/seed/node4.conf"),
    ),
];

/// Arguments of `vrrpd lab`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each file is played by a host of its own, in namespaces that vanish with this command; no root is needed, and \
nothing outside is touched. Interfaces and on-link addresses are deduced from the files. Their scripts do run, \
as the user who runs this command. Exit status: 0 all was as the RFC says, 1 it was not, 4 no namespaces here.")]
pub struct Args {
    /// Configurations, one for each node [default: the tutorial's four nodes, 10.0.0.60 to 63]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Pull the plug this often, and give the median
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Let keepalived, as installed here, play this node (named after its file); may be repeated
    #[arg(long, value_name = "NODE")]
    keepalived: Vec<String>,
}

/// Plays, and says whether all was as the RFC says.
pub fn run(args: &Args) -> Exit {
    // Every path is the same inside, but for those under /run, which is private there.
    let inside = vrrp_lab::enter().map_err(|e| Failure(Exit::Privilege, e.to_string()));
    inside
        .and_then(|()| play(args))
        .unwrap_or_else(|Failure(exit, message)| {
            eprintln!("vrrpd lab: {message}");
            exit
        })
}

/// What kept the lab from judging.
struct Failure(Exit, String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(Exit::Failed, error.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self(Exit::Failed, error.to_string())
    }
}

fn play(args: &Args) -> Result<Exit, Failure> {
    let topology = Topology::deduce(configurations(&args.files)?);
    let strangers = args
        .keepalived
        .iter()
        .find(|n| !topology.nodes.iter().any(|m| m.name == **n));
    if let Some(name) = strangers {
        let names: Vec<_> = topology.nodes.iter().map(|n| n.name.as_str()).collect();
        let known = names.join(", ");
        return Err(Failure(
            Exit::Usage,
            format!("--keepalived {name}: the nodes are {known}"),
        ));
    }
    let mut screen = Screen::new();
    for line in introduction(&topology) {
        screen.line(&line);
    }
    let mut play = Play::new(Stage::build(topology, &args.keepalived)?, screen);
    play.run(args.runs.into())?;
    for line in table(&play.rows) {
        println!("{line}");
    }
    if play.faults.is_empty() {
        println!("\nAll was as the RFC says.");
        return Ok(Exit::Fine);
    }
    eprint!("{}", play.stage.evidence());
    println!("\nNot as the RFC says:");
    for fault in &play.faults {
        println!("  * {fault}");
    }
    Ok(Exit::Failed)
}

/// Reads the files, or the tutorial's.
fn configurations(files: &[PathBuf]) -> Result<Vec<(PathBuf, Config)>, Failure> {
    let tutorial;
    let files = if files.is_empty() {
        tutorial = TUTORIAL.map(|(name, _)| PathBuf::from(SCRATCH).join(name));
        for ((_, text), path) in TUTORIAL.iter().zip(&tutorial) {
            std::fs::write(path, text)?;
        }
        &tutorial
    } else {
        files
    };
    let unusable =
        |file: &PathBuf, why: &str| Failure(Exit::Usage, format!("{}: {why}", file.display()));
    let mut read = Vec::new();
    for file in files {
        let path = std::path::absolute(file)?;
        std::fs::File::open(file).map_err(|e| {
            let hidden = path.starts_with("/run") && !path.starts_with(SCRATCH);
            let hint = if hidden {
                "; /run is another one in the lab: copy it elsewhere"
            } else {
                ""
            };
            unusable(file, &format!("{e}{hint}"))
        })?;
        let loaded = keepalived_conf::load(&FsLoader, &path.to_string_lossy(), &Options::default());
        if loaded.refused() {
            let report = Report::new(&loaded.sources, &loaded.diagnostics);
            eprint!("{}", report.human(false));
            return Err(unusable(file, "this configuration cannot run"));
        }
        if loaded.config.instances.is_empty() {
            return Err(unusable(file, "no vrrp_instance in it"));
        }
        read.push((path, loaded.config));
    }
    Ok(read)
}

/// Who plays, and in which virtual routers.
fn introduction(topology: &Topology) -> Vec<String> {
    let mut lines = Vec::new();
    for router in &topology.routers {
        let address = router
            .address
            .map_or_else(|| "no address to ping".into(), |a| a.to_string());
        lines.push(format!("{}: VRID {}, {address}", router.name, router.vrid));
        for member in &router.members {
            let (Some(node), Some(instance)) =
                (topology.nodes.get(member.node), topology.instance(member))
            else {
                continue;
            };
            let own = node
                .primary(member, router.family)
                .map_or_else(String::new, |a| a.to_string());
            let (name, interface, priority) = (&node.name, &member.interface, instance.priority);
            lines.push(format!(
                "  {name:<12} {interface:<8} {own:<16} priority {priority}"
            ));
        }
    }
    lines.push(String::new());
    lines
}

/// Event, expected and measured time, pings lost.
fn table(rows: &[Row]) -> Vec<String> {
    let width = rows
        .iter()
        .map(|r| r.event.chars().count())
        .max()
        .unwrap_or(0)
        .max(5);
    let line = |event: &str, [expected, measured, off, lost, dark]: [String; 5]| {
        format!(
            "{event:<width$}  {expected:>12}  {measured:>12}  {off:>12}  {lost:>10}  {dark:>10}"
        )
    };
    let head = ["by the RFC", "measured", "difference", "pings lost", "dark"].map(String::from);
    let mut lines = vec![String::new(), line("event", head)];
    for row in rows {
        let [expected, measured, off] = match row.times {
            Some((expected, measured)) => [
                Seconds(expected).to_string(),
                Seconds(measured).to_string(),
                Deviation { expected, measured }.to_string(),
            ],
            None => ["-"; 3].map(String::from),
        };
        let (lost, dark) = row.pings.map_or_else(
            || ("-".into(), "-".into()),
            |(lost, dark)| (lost.to_string(), format!("{:.3} s", dark.as_secs_f64())),
        );
        lines.push(line(&row.event, [expected, measured, off, lost, dark]));
    }
    let late: Vec<Duration> = rows
        .iter()
        .filter(|row| row.crash)
        .filter_map(|row| row.times)
        .map(|(expected, measured)| measured.saturating_sub(expected))
        .collect();
    if late.len() > 1
        && let (Some(middle), Some(least), Some(most)) =
            (median(&late), late.iter().min(), late.iter().max())
    {
        let ms = |d: Duration| format!("{:+.3} ms", d.as_secs_f64() * 1e3);
        lines.push(format!(
            "\n{} takeovers after a plug was pulled: {} from the time by the RFC in the median ({} to {})",
            late.len(),
            ms(middle),
            ms(*least),
            ms(*most)
        ));
    }
    lines
}

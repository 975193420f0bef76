//! `vrrp-sim`: hours of a network's life in a second, and whether VRRP kept its promises.
#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use vrrp_sim::random::{self, Bounds};
use vrrp_sim::report::{Summary, reduced};
use vrrp_sim::{Plan, Scenario, Trace, plot, replay, shrink};

/// Simulate VRRP routers: crashes, cut cables, frozen machines, handovers, in virtual time.
///
/// Without a plan, one is drawn from the seed: quiet hours with trouble in between. The same seed
/// is the same world. The exit status is 1 if a promise was broken.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    world: WorldArgs,
}

#[derive(Args)]
struct WorldArgs {
    /// What the plan is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Routers on the segment, 1 to 50.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    routers: u8,
    /// How long the world lasts, in its own time.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Take this plan (see the crate's documentation) instead of drawing one.
    #[arg(long, conflicts_with_all = ["seed", "routers", "hours"])]
    plan: Option<PathBuf>,
    /// Draw a timeline of roles and of lost pings.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write down what enters and leaves every machine, for `replay`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print the summary only.
    #[arg(long)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Carry out many random fault plans and judge each after every step.
    Soak {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// Most routers in a plan.
        #[arg(long, default_value_t = 5)]
        routers: u8,
        /// Most steps in a plan.
        #[arg(long, default_value_t = 40)]
        steps: usize,
        /// Threads; by default one for each processor.
        #[arg(long)]
        jobs: Option<usize>,
    },
    /// Print the plan that `soak` carries out for a seed.
    Show {
        /// The seed.
        seed: u64,
    },
    /// Print a plan that breaks a promise, made as short as possible.
    Shrink {
        /// The plan.
        file: PathBuf,
    },
    /// Feed a recorded run into new machines and compare what leaves them.
    Replay {
        /// What `--record` wrote.
        file: PathBuf,
    },
}

/// Between the plan and the trace in a recorded run.
const TRACE: &str = "# trace\n";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => simulate(&cli.world),
        Some(Command::Soak {
            from,
            count,
            routers,
            steps,
            jobs,
        }) => {
            let bounds = Bounds {
                routers: usize::from(routers),
                steps,
            };
            Ok(soak(from, count, bounds, jobs))
        }
        Some(Command::Show { seed }) => {
            print!("{}", random::plan(seed, Bounds::default()));
            Ok(true)
        }
        Some(Command::Shrink { file }) => read_plan(&file).map(|plan| {
            print!("{}", shrink(&plan));
            true
        }),
        Some(Command::Replay { file }) => replay_file(&file),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("vrrp-sim: {why}");
            ExitCode::from(2)
        }
    }
}

fn simulate(args: &WorldArgs) -> Result<bool, String> {
    let plan = match &args.plan {
        Some(file) => read_plan(file)?,
        None => {
            let length = Duration::try_from_secs_f64(args.hours * 3600.0)
                .map_err(|why| format!("--hours {}: {why}", args.hours))?;
            random::day(args.seed, usize::from(args.routers), length)
        }
    };
    let mut scenario = Scenario::new(plan.clone());
    if args.record.is_some() {
        scenario.record();
    }
    let outcome = scenario.run();
    if !args.quiet {
        outcome.events.iter().for_each(|event| println!("{event}"));
        println!();
    }
    println!("{}", Summary::new(&plan, &outcome));
    for violation in &outcome.violations {
        println!("  {violation}");
    }
    if let Some(first) = outcome.violations.first() {
        println!(
            "\nThe plan as far as the first of them:\n{}",
            reduced(&plan, first.at)
        );
    }
    if let Some(file) = &args.plot {
        write(file, &plot::svg(&plan, &outcome))?;
    }
    if let (Some(file), Some(trace)) = (&args.record, &outcome.trace) {
        write(file, &format!("{plan}{TRACE}{trace}"))?;
    }
    Ok(outcome.violations.is_empty())
}

fn soak(from: u64, count: u64, bounds: Bounds, jobs: Option<usize>) -> bool {
    let jobs = jobs.or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    let next = AtomicU64::new(from);
    let totals = Mutex::new(random::Totals::default());
    let end = from.saturating_add(count);
    std::thread::scope(|scope| {
        for _ in 0..jobs.unwrap_or(1).max(1) {
            scope.spawn(|| {
                let mut mine = random::Totals::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let plan = random::plan(seed, bounds);
                    let outcome = vrrp_sim::run(&plan);
                    if let Some(first) = outcome.violations.first() {
                        println!("seed {seed}: {first}\n{}", shrink(&plan));
                    }
                    mine.add(&plan, &outcome);
                }
                if let Ok(mut totals) = totals.lock() {
                    totals.merge(&mine);
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap_or_default();
    println!("seeds {from}..{end}: {totals}");
    totals.violations == 0
}

fn replay_file(file: &Path) -> Result<bool, String> {
    let text = read(file)?;
    let (plan, trace) = text
        .split_once(TRACE)
        .ok_or_else(|| format!("{}: no recorded run", file.display()))?;
    let plan: Plan = plan
        .parse()
        .map_err(|why| format!("{}: {why}", file.display()))?;
    let trace: Trace = trace
        .parse()
        .map_err(|why| format!("{}: {why}", file.display()))?;
    match replay(&plan, &trace) {
        Ok(entries) => {
            println!("{entries} entries, the same");
            Ok(true)
        }
        Err(difference) => {
            println!("{difference}");
            Ok(false)
        }
    }
}

fn read_plan(file: &Path) -> Result<Plan, String> {
    read(file)?
        .parse()
        .map_err(|why| format!("{}: {why}", file.display()))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|why| format!("{}: {why}", file.display()))
}

//! `vrrpd run`: the daemon in the foreground.

use core::time::Duration;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use keepalived_conf::config::Globals;
use nix::sys::stat::Mode;
use tracing::{debug, error, info, warn};
use vrrp_fsm::Instant;
use vrrp_net::linux::{Filter, Linux};

use crate::clock::{Clock as _, SystemClock};
use crate::daemon::{Daemon, Options, Outbox, Turn};
use crate::exit::Exit;
use crate::igmp::NoReports;
use crate::load::Refused;
use crate::plan::Numbers;
use crate::reactor::Reactor;
use crate::reloading::Reloading;
use crate::rt::Scheduling;
use crate::runtime_dir::{self, PidFile, PidFileError, RuntimeDir};
use crate::service::program::Program;
use crate::service::{self, Service, signals};
use crate::settings::{DEFAULT_FILE, LogFormat, LogTo, Settings};
use crate::{load, log, netns, privilege, systemd};

/// Arguments of `vrrpd run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// Start with nothing that `vrrpd check` calls an error
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    runtime_dir: RuntimeDir,
    /// How log lines look
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    log_format: LogFormat,
    /// Log details too: timers, every gratuitous ARP; twice for more
    #[arg(short = 'D', long, action = clap::ArgAction::Count)]
    log_detail: u8,
    /// Keep configuration lines that begin with @ID [default: the node name]
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
    /// Enter this network namespace (a name under /run/netns) first
    #[arg(short = 's', long, value_name = "NAME")]
    namespace: Option<String>,
}

impl Args {
    fn settings(self) -> Settings {
        Settings {
            file: self.file,
            config_id: self.config_id,
            all_config: false,
            strict: self.strict,
            runtime_dir: self.runtime_dir.path(),
            must_have_runtime_dir: true,
            pid_files: None,
            log_format: self.log_format,
            log_to: LogTo {
                stderr: true,
                syslog: None,
            },
            detail: self.log_detail,
            address_monitoring: false,
            keep_addresses: false,
            net_namespace: self.namespace,
            ignore_sigint: false,
            umask: None,
            as_keepalived: false,
        }
    }
}

/// Runs until told to stop.
pub fn run(args: Args) -> Exit {
    daemon(&args.settings())
}

/// Runs the daemon for either command line.
pub fn daemon(settings: &Settings) -> Exit {
    signals::hold();
    // The log is written to its end when the guard goes, after the last line of `supervise`.
    match log::start(settings) {
        Ok(_guard) => supervise(settings),
        Err(error) => {
            eprintln!("vrrpd: cannot start a thread: {error}");
            Exit::Failed
        }
    }
}

/// From the configuration to the end.
fn supervise(settings: &Settings) -> Exit {
    info!(
        "Starting vrrpd {} (pid {})",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    );
    let exit = match prepare(settings) {
        Ok((daemon, reactor, service, _held)) => protect(daemon, reactor, service),
        Err(exit) => exit,
    };
    info!("Stopped");
    match (exit, settings.as_keepalived) {
        (Exit::Refused, true) => Exit::Fine,
        (exit, _) => exit,
    }
}

/// keepalived's exit status for a file that it cannot read.
const UNREADABLE: u8 = 6;

type Running = (Daemon<Linux, SystemClock>, Reactor, Service, Held);

/// What shows others that we run, in the order in which it goes.
struct Held {
    _files: Vec<PidFile>,
    _dir: Option<runtime_dir::Made>,
}

/// Everything that can go wrong before the first packet: what the file says, whether its interfaces are here, whether
/// we may, whether somebody else does it already. Nothing is changed before all of it is known.
fn prepare(settings: &Settings) -> Result<Running, Exit> {
    let source = load::read(settings).map_err(|refused| match refused {
        Refused::Unreadable if settings.as_keepalived => Exit::Other(UNREADABLE),
        Refused::Unreadable | Refused::Unusable => Exit::Usage,
    })?;
    let config = &source.config;
    if let Some(mask) = settings.umask.or(config.globals.umask) {
        nix::sys::stat::umask(Mode::from_bits_truncate(mask));
    }
    let settings = &settings.placed(&config.globals);
    if let Some(name) = settings.namespace(&config.globals) {
        enter(name)?;
    }
    let reactor = Reactor::new().map_err(failed("epoll"))?;
    let mut backend = Linux::open().map_err(unusable)?;
    backend.filter_by(filter(&config.globals));
    reactor.watch(backend.as_fd()).map_err(failed("epoll"))?;
    let (inbox, tasks, service) = service::queues(reactor.bell());
    let options = Options {
        keep_addresses: settings.keep_addresses,
        address_monitoring: settings.address_monitoring,
    };
    let mut daemon = Daemon::new(backend, SystemClock, inbox, Outbox::new(tasks), options);
    while !daemon.look().map_err(unusable)? {}
    load::interfaces(config, &source.named, daemon.host()).map_err(|_refused| Exit::Usage)?;

    if let Err(missing) = privilege::check() {
        error!("{missing}");
        return Err(Exit::Privilege);
    }
    let held = hold(settings, &config.globals)?;
    let mut numbers = Numbers::default();
    let plan = load::plan(&source, &mut numbers).map_err(|_refused| Exit::Usage)?;
    let mut reloading = Reloading::new(settings, numbers, config);
    let service = service
        .start(settings, Box::new(move || reloading.plan()))
        .map_err(failed("the service thread"))?;
    signals::release();
    if let Some((program, limit)) = &plan.startup {
        hook("startup_script", program, *limit);
    }
    daemon.start(plan).map_err(unusable)?;
    Ok((daemon, reactor, service, held))
}

/// The table for `no_accept`. Without `nftables` it has a name that no keepalived beside us uses.
fn filter(globals: &Globals) -> Filter {
    let own = Filter::default();
    let asked = &globals.nftables;
    Filter {
        table: asked.table.clone().unwrap_or(own.table),
        priority: asked.priority,
        counters: asked.counters,
    }
}

fn enter(name: &str) -> Result<(), Exit> {
    netns::enter(name).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            error!("not allowed to enter network namespace {name}: CAP_SYS_ADMIN is needed");
            Exit::Privilege
        }
        _ => {
            error!("cannot enter network namespace {name}: {error}. `ip netns list` shows those that there are");
            Exit::Usage
        }
    })
}

/// The pid files: only one daemon for each.
fn hold(settings: &Settings, globals: &Globals) -> Result<Held, Exit> {
    let mut files = Vec::new();
    for path in &settings.pid_paths(globals) {
        if let Some(dir) = path.parent() {
            // What cannot be made shows with the file.
            let _ = std::fs::create_dir_all(dir);
        }
        files.push(PidFile::take(path).map_err(|error| not_held(&error, settings))?);
    }
    let own = runtime_dir::create(&settings.runtime_dir).and_then(|made| {
        let file = PidFile::take(&settings.runtime_dir.join("pid"))?;
        Ok((made, file))
    });
    let made = match own {
        Ok((made, own)) => {
            files.push(own);
            Some(made)
        }
        Err(error @ PidFileError::Io { .. }) if !settings.must_have_runtime_dir => {
            debug!("no runtime directory: {error}");
            None
        }
        Err(error) => return Err(not_held(&error, settings)),
    };
    Ok(Held {
        _files: files,
        _dir: made,
    })
}

fn not_held(error: &PidFileError, settings: &Settings) -> Exit {
    match error {
        PidFileError::Held { .. } if settings.as_keepalived => {
            error!("daemon is already running: {error}");
            Exit::Refused
        }
        PidFileError::Held { .. } => {
            error!(
                "{error}. Stop it, or give this one a directory of its own with --runtime-dir DIR"
            );
            Exit::Refused
        }
        PidFileError::Io { source, .. }
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            error!("{error}. Run as root, or choose another place with --runtime-dir DIR");
            Exit::Privilege
        }
        PidFileError::Io { .. } => {
            error!("{error}");
            Exit::Failed
        }
    }
}

/// The loop of the protocol thread.
fn protect(mut daemon: Daemon<Linux, SystemClock>, mut reactor: Reactor, service: Service) -> Exit {
    let mut said = false;
    let mut config = Arc::clone(&daemon.plan().config);
    let no_reports = config.globals.disable_local_igmp.then(NoReports::new);
    let mut scheduling = Scheduling::new();
    scheduling.apply(&config.globals);
    let exit = loop {
        match daemon.turn() {
            Ok(Turn::Again) => {}
            Ok(Turn::Ended) => break Exit::Fine,
            Ok(Turn::Wait(deadline)) => {
                if !core::mem::replace(&mut said, true) {
                    info!("Startup complete");
                    systemd::notify(systemd::State::Ready);
                }
                if !Arc::ptr_eq(&config, &daemon.plan().config) {
                    config = Arc::clone(&daemon.plan().config);
                    scheduling.apply(&config.globals);
                }
                match reactor.wait(deadline.map(Instant::as_nanos)) {
                    Ok(true) => {}
                    Ok(false) => daemon.backend_mut().not_readable(),
                    Err(error) => break failed("epoll")(error),
                }
                if let Some(deadline) = deadline {
                    scheduling.late(SystemClock.now().saturating_duration_since(deadline));
                }
            }
            Err(error) => break unusable(error),
        }
    };
    let shutdown = daemon.plan().shutdown.clone();
    // The service thread ends when its queue does.
    drop(daemon);
    drop(no_reports);
    service.join();
    if let Some((program, limit)) = shutdown {
        hook("shutdown_script", &program, limit);
    }
    exit
}

/// Runs a program that others wait for.
fn hook(what: &str, program: &Program, limit: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(async { program.run(tokio::time::sleep(limit)).await });
            if !outcome.end.is_success() {
                warn!(
                    "{what} {} {}: {}",
                    program.path.display(),
                    outcome.end,
                    outcome.tail.join(" | ")
                );
            }
        }
        Err(error) => error!("{what}: {error}"),
    }
}

fn failed(what: &str) -> impl Fn(std::io::Error) -> Exit {
    move |error| {
        error!("{what}: {error}");
        Exit::Failed
    }
}

fn unusable(error: vrrp_net::NetError) -> Exit {
    error!("{error}");
    match error.source.kind() {
        std::io::ErrorKind::PermissionDenied => Exit::Privilege,
        _ => Exit::Failed,
    }
}

//! The way in: a process that has called [`enter`] lives in namespaces of its own, and with it dies all that
//! it made there.
//!
//! ```text
//! launcher ── waits, passes the exit status on          (the caller's namespaces, but for the user's)
//!    └─ init ── pid 1 in there: reaps, and dies with the launcher, whatever kills that
//!         └─ worker ── returns from enter()
//! ```
//!
//! The kernel ends every process of a PID namespace with its init, so `kill -9` of any of the three leaves no
//! process, and with the last process go the network namespaces, the links in them, and the tmpfs on `/run`
//! where all files of the lab are.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid};

/// After [`enter`]: a directory for files that every host is to see under the same path, on a private tmpfs.
pub const SCRATCH: &str = "/run/vrrp-lab";

static ENTERED: OnceLock<()> = OnceLock::new();

/// Why there can be no lab here.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// Only a process with a single thread can enter a user namespace.
    #[error("the process has {0} threads already: call vrrp_lab::enter() first thing in main")]
    Threads(usize),
    /// The kernel, or a container around us, does not let an ordinary user have namespaces.
    #[error("no namespaces: {source}. {}", remedy())]
    Refused {
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespaces are there, what belongs in them could not be made.
    #[error("the namespaces cannot be furnished: {0}")]
    Setup(String),
    /// Something else went wrong on the way.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Enters new PID, mount, network and IPC namespaces, and, unless root, a user namespace in which the caller
/// is root.
///
/// Call it first thing in `main`, before any thread, and once. **It forks:** on success it returns in a new
/// process, while the one that called waits for it and exits with its status, without returning. On failure it
/// returns in the process that called.
///
/// After it, `/proc` shows only the lab's processes and `/run` is empty and private. All else in the file
/// system is as outside; nothing that happens here touches the initial namespaces, whoever runs it.
pub fn enter() -> Result<(), EnterError> {
    let threads = fs::read_dir("/proc/self/task")?.count();
    if threads != 1 {
        return Err(EnterError::Threads(threads));
    }
    io::stdout().flush()?;
    namespaces()?;
    let (mut report, ready) = io::pipe()?;
    match fork_alone()? {
        ForkResult::Parent { child } => {
            drop(ready);
            let mut failure = String::new();
            report.read_to_string(&mut failure)?;
            let status = wait(child).map_err(io::Error::from)?;
            if failure.is_empty() {
                process::exit(status)
            } else {
                Err(EnterError::Setup(failure))
            }
        }
        ForkResult::Child => {
            drop(report);
            init(ready)
        }
    }
}

/// Whether [`enter`] has returned in this process.
pub fn entered() -> bool {
    ENTERED.get().is_some()
}

/// Whether a test that finds no lab must fail instead of being skipped: `VRRP_LAB=required`.
pub fn required() -> bool {
    std::env::var_os("VRRP_LAB").is_some_and(|v| v == "required")
}

fn namespaces() -> Result<(), EnterError> {
    let flags = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    let (uid, gid) = (geteuid(), getegid());
    // Root of a container may lack CAP_SYS_ADMIN; it can have a user namespace like anybody else.
    if uid.is_root() && unshare(flags).is_ok() {
        return Ok(());
    }
    let refused = |source| EnterError::Refused { source };
    unshare(flags | CloneFlags::CLONE_NEWUSER).map_err(|e| refused(e.into()))?;
    fs::write("/proc/self/setgroups", "deny").map_err(refused)?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).map_err(refused)?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).map_err(refused)?;
    Ok(())
}

/// Pid 1: furnishes the namespaces, lets the worker go, reaps until it ends.
fn init(mut ready: io::PipeWriter) -> Result<(), EnterError> {
    let worker = set_pdeathsig(Signal::SIGKILL)
        .map_err(|e| format!("parent-death signal: {e}"))
        .and_then(|()| furnish())
        .and_then(|()| fork_alone().map_err(|e| format!("fork: {e}")));
    match worker {
        Err(failure) => {
            let _ = ready.write_all(failure.as_bytes());
            process::exit(1)
        }
        Ok(ForkResult::Child) => {
            drop(ready);
            let _ = ENTERED.set(());
            Ok(())
        }
        Ok(ForkResult::Parent { child }) => {
            if orphaned(&ready) {
                process::exit(1);
            }
            drop(ready);
            process::exit(wait(child).unwrap_or(1))
        }
    }
}

/// Whether the launcher, which reads from the pipe, was gone before [`set_pdeathsig`] could tell.
fn orphaned(ready: &io::PipeWriter) -> bool {
    let mut pipe = [PollFd::new(ready.as_fd(), PollFlags::empty())];
    poll(&mut pipe, PollTimeout::ZERO).is_err()
        || pipe
            .iter()
            .any(|p| p.revents().is_some_and(|e| e.contains(PollFlags::POLLERR)))
}

fn furnish() -> Result<(), String> {
    let none = None::<&str>;
    let at = |what: &'static str| move |e: Errno| format!("{what}: {e}");
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(at("making mounts private"))?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none)
        .map_err(at("mounting /proc"))?;
    mount(
        Some("tmpfs"),
        "/run",
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=755"),
    )
    .map_err(at("mounting a tmpfs on /run"))?;
    fs::create_dir(SCRATCH).map_err(|e| format!("{SCRATCH}: {e}"))
}

/// Waits for `child`, reaping whatever else ends meanwhile. The answer is what a shell would say: the exit
/// status, or 128 and the signal.
fn wait(child: Pid) -> Result<i32, Errno> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => return Ok(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(128 + signal as i32);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
}

#[expect(unsafe_code, reason = "fork is unsafe for processes with threads")]
fn fork_alone() -> Result<ForkResult, io::Error> {
    // SAFETY: this process has one thread, so the child finds no lock held by a thread that it does not have.
    Ok(unsafe { fork() }?)
}

/// What to do where namespaces are refused, as far as this machine tells why.
fn remedy() -> String {
    let reads = |path: &str, value: &str| {
        fs::read_to_string(Path::new("/proc/sys").join(path)).is_ok_and(|v| v.trim() == value)
    };
    let sysctl = if reads("kernel/unprivileged_userns_clone", "0") {
        "kernel.unprivileged_userns_clone=1"
    } else if reads("kernel/apparmor_restrict_unprivileged_userns", "1") {
        "kernel.apparmor_restrict_unprivileged_userns=0"
    } else if reads("user/max_user_namespaces", "0") {
        "user.max_user_namespaces=10000"
    } else {
        return "In a container, start it with `--privileged` or with a seccomp profile that allows \
                unshare(2); elsewhere, run this command as root"
            .into();
    };
    format!("Run this command as root, or let users have namespaces: `sudo sysctl -w {sysctl}`")
}

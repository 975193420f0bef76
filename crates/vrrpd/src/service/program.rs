//! One run of an external program: a tracking script, a notification.
//!
//! A program gets its own process group, no input, the standard descriptors and nothing else that is open here; it
//! is ended when this daemon dies, and after its time is up: SIGTERM to its group, SIGKILL two seconds later. What
//! it prints is read to the end, so that it never blocks on a full pipe, and the last lines are kept, so that a
//! failure can be explained.

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Gid, Pid, Uid, setgid, setgroups, setuid};
use std::os::unix::process::ExitStatusExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::orphans::{self, Own};

/// How long a program has to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is waited for after the program has ended: a child of its own may still hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How much of the output is kept.
const TAIL_LINES: usize = 5;
const TAIL_LINE_LEN: usize = 200;
/// A program that floods is slowed down: after so many octets its output rests for so long, and then it waits itself.
const BURST: usize = 64 * 1024;
const REST: Duration = Duration::from_millis(10);

/// What to run, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Absolute path.
    pub path: PathBuf,
    /// Arguments, without the name of the program itself.
    pub args: Vec<OsString>,
    /// `None`: as whom this daemon runs.
    pub user: Option<Identity>,
}

/// A user and a group to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// All supplementary groups; those of the daemon are dropped in any case.
    pub groups: Vec<Gid>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What became of it.
    pub end: End,
    /// The last lines that it printed on either stream, oldest first; long ones are cut.
    pub tail: Vec<String>,
}

/// What became of a run.
#[derive(Debug)]
pub enum End {
    /// It ended with this status.
    Exited(i32),
    /// It was ended by this signal, not by us.
    Signalled(i32),
    /// Its time was up; we ended it.
    TimedOut,
    /// It could not be started.
    NotStarted(io::Error),
}

impl End {
    /// Exit status 0.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for End {
    /// In keepalived's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with status {code}"),
            Self::Signalled(signal) => write!(f, "due to signal {signal}"),
            Self::TimedOut => f.write_str("timed_out"),
            Self::NotStarted(error) => write!(f, "not started: {error}"),
        }
    }
}

impl Program {
    /// Runs to the end, or until `limit` is over: mostly a sleep.
    pub async fn run(&self, limit: impl Future<Output = ()>) -> Outcome {
        let (mut child, _own) = match self.spawn() {
            Ok(started) => started,
            Err(error) => {
                return Outcome {
                    end: End::NotStarted(error),
                    tail: Vec::new(),
                };
            }
        };
        let group = group_of(&child);
        let mut abandoned = Abandoned(group);
        let mut stdout = Tail::new(child.stdout.take());
        let mut stderr = Tail::new(child.stderr.take());
        let ended = {
            // Output is read for as long as the program runs; only its end counts.
            let output = async { tokio::join!(stdout.read(), stderr.read()) };
            tokio::pin!(output, limit);
            let mut read = false;
            loop {
                tokio::select! {
                    status = child.wait() => break Some(status),
                    () = &mut limit => break None,
                    _ = &mut output, if !read => read = true,
                }
            }
        };
        let end = match ended {
            Some(Ok(status)) => End::from(status),
            Some(Err(error)) => End::NotStarted(error),
            None => {
                end_group(&mut child, group).await;
                End::TimedOut
            }
        };
        abandoned.0 = None;
        let _ = timeout(LAST_WORDS, async {
            tokio::join!(stdout.read(), stderr.read())
        })
        .await;
        let tail = stdout.lines().chain(stderr.lines()).collect();
        Outcome { end, tail }
    }

    fn spawn(&self) -> io::Result<(Child, Own)> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // As keepalived does: what a loader or a shell would obey.
            .env_remove("IFS")
            .env_remove("LD_PRELOAD")
            .env_remove("LD_LIBRARY_PATH")
            .process_group(0)
            .kill_on_drop(true);
        become_and_die_with_us(&mut command, self.user.clone());
        orphans::own(|| command.spawn())
    }
}

/// The program's own process group, which `spawn` made.
fn group_of(child: &Child) -> Option<Pid> {
    let id = child.id().and_then(|id| i32::try_from(id).ok())?;
    Some(Pid::from_raw(id))
}

/// Ends a program and all that it started in its group.
async fn end_group(child: &mut Child, group: Option<Pid>) {
    // An error of `killpg` says that there is nobody left.
    let Some(group) = group else { return };
    let _ = killpg(group, Signal::SIGTERM);
    let ended = timeout(GRACE, child.wait()).await;
    // What it started may have stayed.
    let _ = killpg(group, Signal::SIGKILL);
    if ended.is_err() {
        let _ = child.wait().await;
    }
}

/// A group whose run is given up in the middle, because the daemon ends: it goes with it.
struct Abandoned(Option<Pid>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// The program runs as `user`, and the kernel ends it when the thread that started it ends: the service thread lives as
/// long as the daemon. In this order: a change of the user makes the kernel forget the latter.
#[allow(
    unsafe_code,
    reason = "there is no other way to run code between fork and exec, nor one to set supplementary groups"
)]
fn become_and_die_with_us(command: &mut Command, user: Option<Identity>) {
    let set = move || {
        if let Some(Identity { uid, gid, groups }) = &user {
            match setgroups(groups) {
                // Who has no right to give groups up runs with them, as the standard library would have it.
                Err(Errno::EPERM) if groups.is_empty() => {}
                result => result?,
            }
            setgid(Gid::from_raw(*gid))?;
            setuid(Uid::from_raw(*uid))?;
        }
        Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?)
    };
    // SAFETY: the closure makes system calls, which are async-signal-safe, and allocates nothing.
    unsafe {
        command.pre_exec(set);
    }
}

/// The last lines of a stream of any length.
struct Tail<R> {
    stream: Option<R>,
    lines: VecDeque<Vec<u8>>,
    /// Octets read since the last rest.
    burst: usize,
}

impl<R: AsyncRead + Unpin> Tail<R> {
    fn new(stream: Option<R>) -> Self {
        Self {
            stream,
            lines: VecDeque::from([Vec::new()]),
            burst: 0,
        }
    }

    /// Reads to the end; may be dropped and called again.
    async fn read(&mut self) {
        let mut buf = [0; 1024];
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut buf).await {
                Ok(0) | Err(_) => self.stream = None,
                Ok(len) => {
                    self.take(buf.get(..len).unwrap_or_default());
                    self.burst += len;
                }
            }
            if self.burst >= BURST {
                self.burst = 0;
                sleep(REST).await;
            }
        }
    }

    fn take(&mut self, octets: &[u8]) {
        for &octet in octets {
            match self.lines.back_mut() {
                Some(line) if octet != b'\n' => {
                    if line.len() < TAIL_LINE_LEN {
                        line.push(octet);
                    }
                }
                Some(line) if line.is_empty() => {}
                _ => {
                    // One more than is kept: the last is the one being written.
                    if self.lines.len() > TAIL_LINES {
                        self.lines.pop_front();
                    }
                    self.lines.push_back(Vec::new());
                }
            }
        }
    }

    fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let full = self.lines.iter().filter(|line| !line.is_empty());
        let skip = full.clone().count().saturating_sub(TAIL_LINES);
        full.skip(skip)
            .map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests;

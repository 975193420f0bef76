//! A process in a host: its log, its signals, its end.

use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::until;

/// A process started by [`Host::spawn`](crate::Host::spawn). Dropping it kills it and its process group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: Pid,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    pub(crate) fn new(child: Child, log: PathBuf) -> Self {
        #[expect(
            clippy::cast_possible_wrap,
            reason = "the kernel's pid_t is signed, and never that large"
        )]
        let pid = Pid::from_raw(child.id() as i32);
        Self {
            child,
            pid,
            log,
            ended: None,
        }
    }

    /// Its process id, in the lab's PID namespace.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.ended.is_none() {
            kill(self.pid, signal)?;
        }
        Ok(())
    }

    /// Kills the process and its group, and reaps it.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        // The group may have ended before its leader was reaped.
        let _ = killpg(self.pid, Signal::SIGKILL);
        let status = self.child.wait()?;
        self.ended = Some(status);
        Ok(status)
    }

    /// The exit status, if it has ended.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    /// Waits for the end, at most that long.
    pub fn wait(&mut self, longest: Duration) -> io::Result<Option<ExitStatus>> {
        until(longest, || self.ended().transpose()).transpose()
    }

    /// Sends SIGTERM and waits for the end; what has not ended by then is killed.
    pub fn stop(&mut self, longest: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait(longest)?.map_or_else(|| self.kill(), Ok)
    }

    /// Everything that it has written so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// The file behind [`Process::log`].
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Waits until the log holds `text`, at most that long; says whether it does.
    pub fn logs(&self, text: &str, longest: Duration) -> bool {
        until(longest, || self.log().contains(text).then_some(())).is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

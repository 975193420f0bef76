//! What programs leave behind, where this daemon is process 1 (of a container): the kernel makes such processes its
//! children, and they stay zombies until it asks how they ended.
//!
//! tokio waits for the programs that were started here; their ends must not be taken from it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

use super::processes::pids;

/// The programs that somebody here waits for. Held while one is started, so that none ends unknown.
static OWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A program that is waited for, until this is dropped.
#[derive(Debug)]
pub(super) struct Own(Option<u32>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            with_own(|own| own.remove(&pid));
        }
    }
}

/// Starts a program that the caller waits for.
pub(super) fn own(start: impl FnOnce() -> io::Result<Child>) -> io::Result<(Child, Own)> {
    with_own(|own| {
        let child = start()?;
        let pid = child.id();
        own.extend(pid);
        Ok((child, Own(pid)))
    })
}

fn with_own<R>(work: impl FnOnce(&mut BTreeSet<u32>) -> R) -> R {
    work(&mut OWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether orphans become children of this process.
pub(super) fn are_ours() -> bool {
    std::process::id() == 1
}

/// Collects orphans as they end, if they are ours. On the service thread's runtime.
pub(super) async fn collect() {
    if !are_ours() {
        return;
    }
    match signal(SignalKind::child()) {
        Ok(mut ended) => {
            while ended.recv().await.is_some() {
                with_own(reap);
            }
        }
        Err(error) => warn!("processes that scripts leave behind are not collected: {error}"),
    }
}

/// Asks for the end of every process but `own`.
fn reap(own: &mut BTreeSet<u32>) {
    let others = pids().filter(|pid| !own.contains(pid));
    for pid in others.filter_map(|pid| Pid::from_raw(pid.try_into().ok()?)) {
        // It runs on, or it is no child: nothing to collect.
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

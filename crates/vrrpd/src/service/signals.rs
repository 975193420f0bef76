//! Signals, with keepalived's meaning.

use std::io;

use nix::sys::signal::{SigSet, Signal as Known};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::orphans;
use crate::daemon::Look;
use crate::settings::Settings;

/// Lets signals wait that would end a process which does not know them yet: all but those that are meant to end it.
/// Threads that are started later inherit it, and so do programs. Process 1 ends by none of them, and would lose them.
pub(crate) fn hold() {
    // Refused for nonsense only.
    let _ = waiting().thread_block();
}

/// Ends [`hold`] for the calling thread.
pub(crate) fn release() {
    let _ = waiting().thread_unblock();
}

fn waiting() -> SigSet {
    let mut waiting = SigSet::all();
    if orphans::are_ours() {
        return waiting;
    }
    for deadly in [
        Known::SIGTERM,
        Known::SIGINT,
        Known::SIGQUIT,
        Known::SIGTSTP,
    ] {
        waiting.remove(deadly);
    }
    waiting
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Stop,
    Reload,
    Look(Look),
}

/// All signals that mean something.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Option<Signal>,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    json: Signal,
    stats_clear: Signal,
}

impl Signals {
    /// From now on they no longer end the process.
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: (!settings.ignore_sigint).then_some(interrupt),
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            json: signal(SignalKind::from_raw(libc::SIGRTMIN() + 2))?,
            stats_clear: signal(SignalKind::from_raw(libc::SIGRTMAX() - 1))?,
        })
    }

    pub(super) async fn next(&mut self) -> Wish {
        let interrupted = async {
            match &mut self.interrupt {
                Some(interrupt) => interrupt.recv().await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = interrupted => Wish::Stop,
            _ = self.hangup.recv() => Wish::Reload,
            _ = self.user1.recv() => Wish::Look(Look::Data),
            _ = self.user2.recv() => Wish::Look(Look::Stats { clear: false }),
            _ = self.json.recv() => Wish::Look(Look::Json),
            _ = self.stats_clear.recv() => Wish::Look(Look::Stats { clear: true }),
        }
    }
}

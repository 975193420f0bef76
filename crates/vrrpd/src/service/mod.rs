//! What may wait: programs, pipes, files. All of it runs on the service thread, never on the protocol thread.
//!
//! One thread, one tokio runtime. [`Task`]s come in by a bounded queue that the protocol thread never waits for;
//! [`Message`]s go back by another one, with a [`Bell`].

mod dispatch;
mod dump;
pub mod fifo;
pub mod files;
mod mail;
mod orphans;
mod pipes;
pub mod processes;
pub mod program;
pub mod programs;
pub mod queue;
pub mod security;
pub(crate) mod signals;
mod timetable;

use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

use tokio::sync::mpsc;

use crate::daemon::{Message, Task};
use crate::reactor::Bell;
use crate::settings::Settings;

/// Tasks that may wait for the service thread: a change of 1,000 routers, four times over.
const TASKS: usize = 4096;
/// Messages that may wait for the protocol thread.
const MESSAGES: usize = 1024;
/// How long notifications of the end are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Loads the configuration anew; logs what is wrong with it and answers `None` then.
pub type Reload = Box<dyn FnMut() -> Option<crate::plan::Plan> + Send>;

/// The way to the protocol thread.
#[derive(Clone, Debug)]
pub struct News {
    sender: SyncSender<Message>,
    bell: Bell,
}

impl News {
    /// Puts `message` into the queue. Waits if it is full, which the protocol thread does not.
    pub fn send(&self, message: Message) {
        // Without a protocol thread there is nobody to tell.
        if self.sender.send(message).is_ok() {
            self.bell.ring();
        }
    }
}

/// The queues between the two threads, of which `bell` wakes the protocol thread: its ends, and what becomes the
/// service thread.
#[must_use]
pub fn queues(bell: Bell) -> (Receiver<Message>, mpsc::Sender<Task>, Idle) {
    let (sender, inbox) = sync_channel(MESSAGES);
    let (tasks, work) = mpsc::channel(TASKS);
    (
        inbox,
        tasks,
        Idle {
            news: News { sender, bell },
            work,
        },
    )
}

/// A service thread that has not begun.
#[derive(Debug)]
pub struct Idle {
    news: News,
    work: mpsc::Receiver<Task>,
}

impl Idle {
    /// Starts it: from now on signals are its own. It ends when all senders of tasks are dropped.
    ///
    /// # Errors
    /// No thread, no runtime, or a signal that cannot be caught.
    pub fn start(self, settings: &Settings, reload: Reload) -> io::Result<Service> {
        let settings = Arc::new(settings.clone());
        let (ready, started) = sync_channel(1);
        let (end, ended) = sync_channel(1);
        Builder::new()
            .name("service".into())
            .stack_size(512 * 1024)
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let result =
                    runtime.map(|runtime| runtime.block_on(self.serve(&ready, reload, settings)));
                // Nobody hears it when the start was a success.
                let _ = ready.try_send(result);
                let _ = end.try_send(());
            })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Service { ended })
    }

    async fn serve(
        self,
        ready: &SyncSender<io::Result<()>>,
        reload: Reload,
        settings: Arc<Settings>,
    ) {
        match signals::Signals::new(&settings) {
            Ok(signals) => {
                signals::release();
                tokio::spawn(orphans::collect());
                let _ = ready.try_send(Ok(()));
                dispatch::run(self.news, self.work, signals, reload, settings).await;
            }
            Err(error) => {
                let _ = ready.try_send(Err(error));
            }
        }
    }
}

/// The service thread.
#[derive(Debug)]
pub struct Service {
    ended: Receiver<()>,
}

impl Service {
    /// Waits until it has done its last work, for a bounded time. All senders of tasks must have been dropped.
    pub fn join(self) {
        let _ = self.ended.recv_timeout(LAST_WORDS + LAST_WORDS / 2);
    }
}

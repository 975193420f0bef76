//! Logging that cannot make an advertisement late.
//!
//! An event becomes a record and is put into a bounded queue without waiting; a thread of its own writes it to
//! standard error, journald or syslog, and may block there as long as it likes. What does not fit into the queue is
//! counted, and the count is written with the next line that gets through.
//!
//! Levels: `ERROR`, `WARN` and `INFO` are always written, `DEBUG` is what keepalived adds with `-D`, `TRACE` what it
//! adds with `-DD`.

mod record;
mod writer;

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::settings::Settings;
use record::Record;

/// Lines that may wait for a slow reader: at most about a megabyte.
const QUEUE: usize = 1024;

/// Longest wait at the end for lines that are still queued.
const LAST_LINES: Duration = Duration::from_millis(300);

/// Ends the log when dropped: what is queued is written, for a bounded time.
#[derive(Debug)]
pub struct Guard {
    sender: SyncSender<Message>,
    written: Receiver<()>,
}

enum Message {
    Line(Record),
    End,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.sender.try_send(Message::End).is_ok() {
            // Either way the process goes on to its end.
            let _: Result<(), RecvTimeoutError> = self.written.recv_timeout(LAST_LINES);
        }
    }
}

/// Starts the writer thread and makes it the destination of all events of this process.
///
/// Call it once, after entering a network namespace and before other threads; a second call changes nothing.
///
/// # Errors
/// The thread could not be started.
pub fn start(settings: &Settings) -> std::io::Result<Guard> {
    let (sender, receiver) = sync_channel(QUEUE);
    let (done, written) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    let mut writer = writer::Writer::new(settings);
    let lost = Arc::clone(&dropped);
    std::thread::Builder::new()
        .name("log".into())
        .stack_size(128 * 1024)
        .spawn(move || {
            while let Ok(Message::Line(record)) = receiver.recv() {
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    writer.write(&Record::dropped(lost));
                }
                writer.write(&record);
            }
            // The other side may have given up waiting.
            let _ = done.try_send(());
        })?;
    let level = match settings.detail {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let queue = Queue {
        sender: sender.clone(),
        dropped,
        level,
    };
    // Only a second daemon in one process (a test) finds a destination in place already.
    let _ = tracing::subscriber::set_global_default(queue);
    Ok(Guard { sender, written })
}

/// The destination of events: no spans, no formatting, no waiting.
struct Queue {
    sender: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    level: Level,
}

impl Subscriber for Queue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries may complain, but only we talk.
        *metadata.level()
            <= if metadata.target().starts_with("vrrp") {
                self.level
            } else {
                Level::WARN
            }
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.level.into())
    }

    fn event(&self, event: &Event<'_>) {
        if self
            .sender
            .try_send(Message::Line(Record::new(event)))
            .is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}
    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}
    fn enter(&self, _span: &span::Id) {}
    fn exit(&self, _span: &span::Id) {}
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(record) => f.write_str(&record.message),
            Self::End => f.write_str("end"),
        }
    }
}

#[cfg(test)]
mod tests;

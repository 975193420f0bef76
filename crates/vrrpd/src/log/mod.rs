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
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};

use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::settings::Settings;
use record::Record;

/// Lines that may wait for a slow reader: a change of 4,000 virtual routers, twice over; at most about 4 MB.
const QUEUE: usize = 8192;

/// Longest wait at the end for lines that are still queued.
const LAST_LINES: Duration = Duration::from_millis(300);

/// Ends the log when dropped: what is queued is written, for a bounded time.
#[derive(Debug)]
pub struct Guard {
    sender: Sender<Message>,
    written: Receiver<()>,
}

enum Message {
    Line(Record),
    End,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.sender.send(Message::End).is_ok() {
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
    let level = match settings.detail {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let (queue, receiver) = Queue::new(QUEUE, level);
    let (done, written) = sync_channel(1);
    let mut writer = writer::Writer::new(settings);
    let sender = queue.sender.clone();
    let counts = Arc::clone(&queue.counts);
    std::thread::Builder::new()
        .name("log".into())
        .stack_size(128 * 1024)
        .spawn(move || {
            while let Ok(Message::Line(record)) = receiver.recv() {
                counts.waiting.fetch_sub(1, Ordering::Relaxed);
                let lost = counts.dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    writer.write(&Record::dropped(lost));
                }
                writer.write(&record);
            }
            // The other side may have given up waiting.
            let _ = done.try_send(());
        })?;
    // Only a second daemon in one process (a test) finds a destination in place already.
    let _ = tracing::subscriber::set_global_default(queue);
    Ok(Guard { sender, written })
}

/// The destination of events: no spans, no formatting, no waiting.
///
/// The channel itself is without bound, because one with a bound takes all of its memory at once.
struct Queue {
    sender: Sender<Message>,
    counts: Arc<Counts>,
    most: usize,
    level: Level,
}

/// Lines that wait, and lines that were dropped because too many did.
#[derive(Default)]
struct Counts {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

impl Queue {
    fn new(most: usize, level: Level) -> (Self, Receiver<Message>) {
        let (sender, receiver) = channel();
        let queue = Self {
            sender,
            counts: Arc::default(),
            most,
            level,
        };
        (queue, receiver)
    }
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
        let Counts { waiting, dropped } = &*self.counts;
        if waiting.fetch_add(1, Ordering::Relaxed) >= self.most {
            waiting.fetch_sub(1, Ordering::Relaxed);
            dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // Without a writer the process is at its end.
        let _ = self.sender.send(Message::Line(Record::new(event)));
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

//! Notification programs, one at a time for each subject.
//!
//! keepalived starts them all at once, so that on two quick changes the script of the first may have the last word.
//! Here those of one instance or group run in the order of the events; different subjects do not wait for each other.
//! Nothing grows without bound: of too many that wait the oldest is dropped, and a program that others wait for is
//! ended after [`PATIENCE`].

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::sleep;

use super::program::{End, Outcome, Program};

/// How many may wait for one subject.
pub const WAITING: usize = 32;
/// How long a program may run while others of its subject wait. After this time it is also reported, once.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a program may run at all.
pub const LIMIT: Duration = Duration::from_secs(3600);

/// A program to run for a subject, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What is run.
    pub program: Program,
    /// The keyword that asked for it, for the log: `notify_master`.
    pub cause: &'static str,
}

/// The queues of all subjects. Clones share them.
#[derive(Clone, Debug)]
pub struct Queues {
    subjects: Arc<Mutex<BTreeMap<String, Queue>>>,
    patience: Duration,
}

impl Default for Queues {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Job>,
    dropped: u64,
    arrival: Arc<Notify>,
}

impl Queues {
    /// With `patience` in the place of [`PATIENCE`].
    pub fn new(patience: Duration) -> Self {
        Self {
            subjects: Arc::default(),
            patience,
        }
    }

    /// Queues `job` behind those of the same subject. To be called on the service thread's runtime.
    pub fn submit(&self, subject: &str, job: Job) {
        let mut queues = self.lock();
        if let Some(queue) = queues.get_mut(subject) {
            queue.push(subject, job);
            return;
        }
        let mut queue = Queue::default();
        queue.push(subject, job);
        queues.insert(subject.to_owned(), queue);
        drop(queues);
        tokio::spawn(self.clone().work(subject.to_owned()));
    }

    /// Whether anything runs or waits.
    pub fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// Runs what waits for `subject` until nothing does.
    async fn work(self, subject: String) {
        while let Some((job, arrival)) = self.next(&subject) {
            let outcome = job.program.run(self.limit(&subject, &job, &arrival)).await;
            report(&subject, &job, &outcome);
        }
    }

    /// The next to run; the subject is forgotten when there is none.
    fn next(&self, subject: &str) -> Option<(Job, Arc<Notify>)> {
        let mut queues = self.lock();
        let queue = queues.get_mut(subject)?;
        let Some(job) = queue.waiting.pop_front() else {
            queues.remove(subject);
            return None;
        };
        // A fresh one: arrivals before the start of this job say nothing about its run, but those that still wait do.
        queue.arrival = Arc::new(Notify::new());
        if !queue.waiting.is_empty() {
            queue.arrival.notify_one();
        }
        Some((job, Arc::clone(&queue.arrival)))
    }

    /// Over when a run has taken too long.
    async fn limit(&self, subject: &str, job: &Job, arrival: &Notify) {
        sleep(self.patience).await;
        tracing::warn!(
            instance = subject,
            "({subject}) {} {} still runs after {} s; it is ended when another notification waits for it",
            job.cause,
            job.program.path.display(),
            self.patience.as_secs()
        );
        tokio::select! {
            () = arrival.notified() => {}
            () = sleep(LIMIT.saturating_sub(self.patience)) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, subject: &str, job: Job) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                tracing::error!(
                    instance = subject,
                    dropped = self.dropped,
                    "({subject}) {} notifications wait for a program that does not end; dropped the oldest, {} in all",
                    WAITING,
                    self.dropped
                );
            }
        }
        self.waiting.push_back(job);
        self.arrival.notify_one();
    }
}

fn report(subject: &str, job: &Job, outcome: &Outcome) {
    let path = job.program.path.display();
    if outcome.end.is_success() {
        tracing::debug!(instance = subject, "({subject}) {} {path} done", job.cause);
        return;
    }
    let ended = match &outcome.end {
        End::TimedOut => "was ended because others waited for it".to_owned(),
        end => format!("failed ({end})"),
    };
    tracing::warn!(
        instance = subject,
        "({subject}) {} {path} {ended}{}",
        job.cause,
        Said(&outcome.tail)
    );
}

/// The last lines of a program, where it said any.
struct Said<'a>(&'a [String]);

impl core::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            [] => Ok(()),
            lines => write!(f, "; it said: {}", lines.join(" | ")),
        }
    }
}

#[cfg(test)]
mod tests;

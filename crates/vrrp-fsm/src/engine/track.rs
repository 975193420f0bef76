//! What is tracked besides interfaces: scripts that are run, files, processes, anything else.
//!
//! Rising and falling, intervals and timeouts are decided here; the daemon runs what it is told to
//! run and says how it ended.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::io::{Command, Notice};
use super::slot::Place;
use super::timers::TimerId;
use super::{Engine, Timer};
use crate::config::{ProcessOptions, ScriptOptions, TrackerConfig};
use crate::priority::Reading;
use crate::report::{ScriptOutcome, TrackReport};
use crate::{Instant, TrackId};

/// The least time between two runs, whatever is configured.
const LEAST: Duration = Duration::from_millis(10);
/// How long a script may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) struct Tracker {
    pub(super) config: TrackerConfig,
    state: State,
    pub(super) timer: TimerId,
    /// The routers for which it counts.
    pub(super) users: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Script(Script),
    File(i32),
    Process(Process),
    Plain(Option<bool>),
}

#[derive(Clone, Copy, Debug, Default)]
struct Script {
    /// What it counts as; `None` until the first result.
    good: Option<bool>,
    /// Results in a row that speak against `good`.
    streak: u32,
    /// How the last run ended.
    last: Option<ScriptOutcome>,
    /// When the next run is due; `None` before the first.
    next: Option<Instant>,
    run: Run,
    /// Whether it came with a reload: then nobody waits for its first result.
    reloaded: bool,
    /// Whether it was told of this run that it takes longer than the interval.
    behind: bool,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Run {
    #[default]
    Idle,
    /// Is to end by then.
    Running(Instant),
    /// Was asked to end, and is made to by then.
    Stopping(Instant),
    /// Was killed, and ends when the kernel says so.
    Killed,
}

#[derive(Clone, Copy, Debug, Default)]
struct Process {
    up: bool,
    count: u32,
    /// The state that will be believed then.
    next: Option<(Instant, bool)>,
}

impl Tracker {
    pub(super) fn new(config: TrackerConfig, timer: TimerId, reloaded: bool) -> Self {
        let state = match config {
            TrackerConfig::Script(options) => {
                let good = options.init_fail.then_some(false);
                State::Script(Script {
                    good,
                    reloaded,
                    ..Script::default()
                })
            }
            TrackerConfig::File => State::File(0),
            TrackerConfig::Process(options) => State::Process(Process {
                up: holds(&options, 0),
                ..Process::default()
            }),
            TrackerConfig::Plain { initially } => State::Plain(initially),
        };
        Self {
            config,
            state,
            timer,
            users: Vec::new(),
        }
    }

    pub(super) const fn reading(&self) -> Reading {
        match self.state {
            State::Script(Script {
                good: None,
                reloaded: false,
                ..
            }) => Reading::Unknown,
            State::Script(Script {
                good: None,
                reloaded: true,
                ..
            })
            | State::Plain(None) => Reading::Neutral,
            State::Script(Script {
                good: Some(good), ..
            })
            | State::Plain(Some(good))
            | State::Process(Process { up: good, .. }) => Reading::Good(good),
            State::File(value) => Reading::Value(value),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Script(Script { next, run, .. }) => {
                let end = match run {
                    Run::Idle | Run::Killed => None,
                    Run::Running(end) | Run::Stopping(end) => Some(end),
                };
                next.into_iter().chain(end).min()
            }
            State::Process(Process { next, .. }) => next.map(|(at, _)| at),
            State::File(_) | State::Plain(_) => None,
        }
    }

    pub(super) const fn is_running(&self) -> bool {
        match &self.state {
            State::Script(script) => !matches!(script.run, Run::Idle),
            State::File(_) | State::Process(_) | State::Plain(_) => false,
        }
    }

    /// Nobody waits for its first result.
    pub(super) const fn resume(&mut self) {
        if let State::Script(script) = &mut self.state {
            script.reloaded = true;
        }
    }

    /// Takes over what the same tracker knew before a reload; answers whether it still means that.
    pub(super) fn inherit(&mut self, old: &Self) -> bool {
        let same = match (self.config, old.config) {
            (TrackerConfig::Script(new), TrackerConfig::Script(old)) => {
                new.fingerprint == old.fingerprint
            }
            (TrackerConfig::File, TrackerConfig::File)
            | (TrackerConfig::Process(_), TrackerConfig::Process(_))
            | (TrackerConfig::Plain { .. }, TrackerConfig::Plain { .. }) => true,
            (
                TrackerConfig::Script(_)
                | TrackerConfig::File
                | TrackerConfig::Process(_)
                | TrackerConfig::Plain { .. },
                _,
            ) => false,
        };
        if same {
            self.state = old.state;
        }
        same
    }
}

fn holds(options: &ProcessOptions, count: u32) -> bool {
    count >= options.quorum && options.quorum_max.is_none_or(|max| count <= max)
}

impl Script {
    /// Counts one result; answers whether the script counts as something else now. The very first
    /// decides at once.
    fn result(&mut self, options: &ScriptOptions, good: bool) -> bool {
        let first = self.last.is_none();
        if self.good == Some(good) {
            self.streak = 0;
            return false;
        }
        self.streak += 1;
        let needed = if good { options.rise } else { options.fall };
        if first || self.streak >= needed {
            self.good = Some(good);
            self.streak = 0;
            return true;
        }
        false
    }
}

/// Where a tracker says what is to be done.
struct Out<'a> {
    track: TrackId,
    fifo: &'a mut VecDeque<Command>,
}

impl Out<'_> {
    fn tell(&mut self, report: TrackReport) {
        self.fifo
            .push_back(Command::Report(Notice::Track(self.track, report)));
    }
}

impl Script {
    fn timeout(&mut self, now: Instant, options: &ScriptOptions, out: &mut Out<'_>) -> bool {
        let mut changed = false;
        match self.run {
            Run::Running(end) if now >= end => {
                out.tell(TrackReport::TimedOut);
                out.fifo.push_back(Command::StopScript {
                    track: out.track,
                    force: false,
                });
                self.run = Run::Stopping(now + GRACE);
                // Counted now: a script that cannot even be killed must not pass for good.
                changed = self.ended(options, ScriptOutcome::TimedOut, out);
            }
            Run::Stopping(end) if now >= end => {
                out.fifo.push_back(Command::StopScript {
                    track: out.track,
                    force: true,
                });
                self.run = Run::Killed;
            }
            Run::Idle | Run::Running(_) | Run::Stopping(_) | Run::Killed => {}
        }
        let due = self.next.unwrap_or(now);
        if now >= due {
            let late = now.saturating_duration_since(due);
            let grid = if late < options.interval { due } else { now };
            self.next = Some(grid + options.interval.max(LEAST));
            if self.run == Run::Idle {
                self.run = Run::Running(now + options.timeout);
                self.behind = false;
                out.fifo.push_back(Command::RunScript(out.track));
            } else if !core::mem::replace(&mut self.behind, true) {
                out.tell(TrackReport::StillRunning);
            }
        }
        changed
    }

    fn ended(
        &mut self,
        options: &ScriptOptions,
        outcome: ScriptOutcome,
        out: &mut Out<'_>,
    ) -> bool {
        if self.last.is_some_and(|last| last != outcome) {
            out.tell(TrackReport::Returned(outcome));
        }
        let good = outcome.is_good();
        let changed = self.result(options, good);
        self.last = Some(outcome);
        if changed {
            out.tell(if good {
                TrackReport::Succeeded
            } else {
                TrackReport::Failed(outcome)
            });
        }
        changed
    }
}

impl Tracker {
    /// Does what is due, or begins. Answers, as all of these do, whether the reading is another.
    fn timeout(&mut self, now: Instant, out: &mut Out<'_>) -> bool {
        match (&mut self.state, &self.config) {
            (State::Script(script), TrackerConfig::Script(options)) => {
                script.timeout(now, options, out)
            }
            (State::Process(process), _) => match process.next.take_if(|(at, _)| now >= *at) {
                Some((_, up)) => {
                    process.up = up;
                    out.tell(TrackReport::Quorum {
                        held: up,
                        count: process.count,
                    });
                    true
                }
                None => false,
            },
            (State::Script(_) | State::File(_) | State::Plain(_), _) => false,
        }
    }

    fn exited(&mut self, outcome: ScriptOutcome, out: &mut Out<'_>) -> bool {
        match (&mut self.state, &self.config) {
            (State::Script(script), TrackerConfig::Script(options)) => {
                match core::mem::take(&mut script.run) {
                    Run::Running(_) => script.ended(options, outcome, out),
                    // Its timeout was its result.
                    Run::Stopping(_) | Run::Killed | Run::Idle => false,
                }
            }
            (State::Script(_) | State::File(_) | State::Process(_) | State::Plain(_), _) => false,
        }
    }

    fn up(&mut self, up: bool) -> bool {
        match &mut self.state {
            State::Plain(state) => state.replace(up) != Some(up),
            State::Script(_) | State::File(_) | State::Process(_) => false,
        }
    }

    fn value(&mut self, value: i32) -> bool {
        match &mut self.state {
            State::File(state) => core::mem::replace(state, value) != value,
            State::Script(_) | State::Process(_) | State::Plain(_) => false,
        }
    }

    /// A change of quorum is believed after a delay, unless it is taken back before.
    fn count(&mut self, now: Instant, count: u32, out: &mut Out<'_>) -> bool {
        if let (State::Process(process), TrackerConfig::Process(options)) =
            (&mut self.state, &self.config)
        {
            let more = count > core::mem::replace(&mut process.count, count);
            let up = holds(options, count);
            let delay = if more {
                options.fork_delay
            } else {
                options.terminate_delay
            };
            process.next = (up != process.up).then_some((now + delay, up));
        }
        self.timeout(now, out)
    }
}

impl Engine {
    /// Starts the first runs.
    pub(super) fn start_trackers(&mut self, now: Instant) {
        let tracks: Vec<TrackId> = self.trackers.keys().copied().collect();
        for track in tracks {
            self.track_timeout(now, track);
        }
    }

    pub(super) fn track_timeout(&mut self, now: Instant, track: TrackId) {
        self.with_tracker(now, track, |tracker, out| tracker.timeout(now, out));
    }

    pub(super) fn script_exited(&mut self, now: Instant, track: TrackId, outcome: ScriptOutcome) {
        self.with_tracker(now, track, |tracker, out| tracker.exited(outcome, out));
    }

    pub(super) fn track_up(&mut self, now: Instant, track: TrackId, up: bool) {
        self.with_tracker(now, track, |tracker, _| tracker.up(up));
    }

    pub(super) fn track_value(&mut self, now: Instant, track: TrackId, value: i32) {
        self.with_tracker(now, track, |tracker, _| tracker.value(value));
    }

    pub(super) fn track_count(&mut self, now: Instant, track: TrackId, count: u32) {
        self.with_tracker(now, track, |tracker, out| tracker.count(now, count, out));
    }

    fn with_tracker(
        &mut self,
        now: Instant,
        track: TrackId,
        change: impl FnOnce(&mut Tracker, &mut Out<'_>) -> bool,
    ) {
        let Some(tracker) = self.trackers.get_mut(&track) else {
            return;
        };
        let changed = change(
            tracker,
            &mut Out {
                track,
                fifo: &mut self.fifo,
            },
        );
        self.timers.set(tracker.timer, tracker.deadline());
        if changed {
            let users = tracker.users.clone();
            self.refresh(now, &users);
        }
    }

    pub(super) fn add_tracker(&mut self, id: TrackId, config: TrackerConfig, reloaded: bool) {
        let timer = self.timers.add(Timer::Track(id));
        self.trackers
            .insert(id, Tracker::new(config, timer, reloaded));
    }
}

#[cfg(test)]
mod tests;

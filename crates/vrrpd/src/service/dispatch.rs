//! The service thread's loop: signals and tasks in, programs, lines and files out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use vrrp_fsm::{RouterId, ScriptOutcome, Status, Subject, TrackId};

use super::files::{self, Files};
use super::pipes::Pipes;
use super::processes::{Kind, Processes};
use super::program::{End, Program};
use super::queue::{Job, Queues};
use super::signals::{Signals, Wish};
use super::{LAST_WORDS, News, Reload, dump};
use crate::compat;
use crate::daemon::{Change, Message, Task, View};
use crate::plan::{NotifyPrograms, Plan, Tracker};
use crate::settings::Settings;
use crate::systemd::{self, State};

/// Runs until the protocol thread hangs up.
pub(super) async fn run(
    news: News,
    mut work: mpsc::Receiver<Task>,
    mut signals: Signals,
    mut reload: Reload,
    settings: Arc<Settings>,
) {
    let mut desk = Desk::new(news, settings);
    loop {
        tokio::select! {
            biased;
            task = work.recv() => match task {
                Some(task) => desk.task(task),
                None => break,
            },
            wish = signals.next() => match wish {
                Wish::Stop => {
                    systemd::notify(State::Stopping);
                    desk.news.send(Message::Stop);
                }
                Wish::Reload => desk.reload(&mut reload),
                Wish::Look(look) => desk.news.send(Message::Look(look)),
            },
        }
    }
    let idle = async {
        while !desk.queues.is_idle() {
            sleep(LAST_WORDS / 100).await;
        }
    };
    if timeout(LAST_WORDS, idle).await.is_err() {
        warn!("stopping without waiting for notification programs any longer");
    }
}

/// See [`say`].
type Said = Arc<Mutex<BTreeMap<TrackId, Vec<String>>>>;

/// Logs what a failing script said, unless it said the same the last time.
fn say(said: &Said, track: TrackId, name: &str, tail: Vec<String>) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if !tail.is_empty() && said.get(&track) != Some(&tail) {
        info!("Script `{name}` said: {}", tail.join(" | "));
    }
    said.insert(track, tail);
}

/// Everything that the service thread knows.
struct Desk {
    news: News,
    settings: Arc<Settings>,
    plan: Arc<Plan>,
    queues: Queues,
    pipes: Pipes,
    /// Tracked scripts that run, and how to end them.
    running: BTreeMap<TrackId, Arc<Notify>>,
    /// The last words of tracked scripts that failed.
    said: Said,
    /// A plan has been adopted.
    adopted: bool,
    /// What each router and group was last said to be, and with which priority.
    states: BTreeMap<Subject, (Status, u8)>,
    /// The plan before this one: of routers that are gone.
    before: Arc<Plan>,
    /// What the plan tracks besides scripts.
    watches: (Option<Files>, Option<Processes>),
}

impl Desk {
    fn new(news: News, settings: Arc<Settings>) -> Self {
        Self {
            news,
            settings,
            plan: Arc::default(),
            queues: Queues::default(),
            pipes: Pipes::default(),
            said: Said::default(),
            adopted: false,
            running: BTreeMap::new(),
            states: BTreeMap::new(),
            before: Arc::default(),
            watches: (None, None),
        }
    }

    fn task(&mut self, task: Task) {
        match task {
            Task::Plan(plan) => self.adopt(plan.0),
            Task::Change(change) => self.change(&change),
            Task::LowerHeard(router) => self.lower_heard(router),
            Task::Priority(router, priority) => self.priority(router, priority),
            Task::RunScript(track) => self.run_script(track),
            Task::StopScript { track, .. } => {
                // The run itself makes sure that it ends.
                if let Some(stop) = self.running.get(&track) {
                    stop.notify_one();
                }
            }
            Task::Show(view) => self.show(&view),
        }
    }

    fn reload(&mut self, reload: &mut Reload) {
        info!("Reloading ...");
        let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = u64::try_from(monotonic.tv_sec).unwrap_or_default() * 1_000_000
            + u64::try_from(monotonic.tv_nsec).unwrap_or_default() / 1_000;
        systemd::notify(State::Reloading(micros));
        match reload() {
            Some(plan) => self.news.send(Message::Reload(Box::new(plan))),
            None => error!("the new configuration cannot run; the old one goes on"),
        }
        systemd::notify(State::Ready);
    }

    /// A new plan: what is the same stays open.
    fn adopt(&mut self, plan: Arc<Plan>) {
        self.before = core::mem::replace(&mut self.plan, plan);
        let first = !core::mem::replace(&mut self.adopted, true);
        self.watch(first);
        self.pipes.adopt(&self.plan);
        if !first && self.plan.config.globals.fifo_states_on_reload {
            self.states_again();
        }
    }

    /// Every status once more, for those who read FIFOs.
    fn states_again(&mut self) {
        let states: Vec<(Subject, (Status, u8))> = self
            .states
            .iter()
            .map(|(subject, state)| (*subject, *state))
            .collect();
        for (subject, (status, priority)) in states {
            let (kind, name) = match subject {
                Subject::Router(id) => (
                    "INSTANCE",
                    self.plan
                        .routers
                        .get(&id)
                        .map(|router| router.instance.name.clone()),
                ),
                Subject::Group(id) => (
                    "GROUP",
                    self.plan
                        .groups
                        .get(&id)
                        .map(|group| group.config.name.clone()),
                ),
            };
            if let Some(name) = name {
                self.pipes.write(&format!(
                    "{kind} \"{name}\" {} {priority}\n",
                    compat::state_word(status)
                ));
            }
        }
    }

    /// Files and processes are watched anew: each is told once more, which changes nothing that is the same.
    fn watch(&mut self, first: bool) {
        let (mut files, mut processes) = (Vec::new(), Vec::new());
        for (id, tracker) in &self.plan.trackers {
            match tracker {
                Tracker::Script(_) => {}
                Tracker::File(file) => {
                    if first {
                        files::init(file);
                    }
                    files.push((*id, PathBuf::from(&file.path)));
                }
                Tracker::Process(process) => processes.push((*id, Kind::from(&**process))),
            }
        }
        let (of_file, of_process) = (self.news.clone(), self.news.clone());
        self.watches = (
            Files::watch(files, move |track, value| {
                of_file.send(Message::TrackValue { track, value });
            }),
            Processes::watch(processes, move |track, count| {
                of_process.send(Message::TrackCount { track, count });
            }),
        );
    }

    fn change(&mut self, change: &Change) {
        self.states
            .insert(change.subject, (change.to, change.priority));
        let plans = [Arc::clone(&self.plan), Arc::clone(&self.before)];
        let found = match change.subject {
            Subject::Router(id) => plans
                .iter()
                .find_map(|plan| plan.routers.get(&id))
                .map(|router| ("INSTANCE", router.instance.name.as_str(), &router.notify)),
            Subject::Group(id) => plans
                .iter()
                .find_map(|plan| plan.groups.get(&id))
                .map(|group| ("GROUP", group.config.name.as_str(), &group.notify)),
        };
        let Some((kind, name, notify)) = found else {
            return;
        };
        // As keepalived: what is gone is at fault, unless it is asked to be told apart.
        let to = match change.to {
            Status::Removed if !notify.announce_deleted => Status::Fault,
            to => to,
        };
        let word = compat::state_word(to);
        let (program, cause): (&Option<Program>, _) = match to {
            Status::Active | Status::Draining => (&notify.master, "notify_master"),
            Status::Backup | Status::Drained => (&notify.backup, "notify_backup"),
            Status::Fault => (&notify.fault, "notify_fault"),
            Status::Stopped => (&notify.stop, "notify_stop"),
            Status::Removed => (&notify.deleted, "notify_deleted"),
            Status::Initialize => return,
        };
        self.submit(name, program.as_ref(), cause, &[]);
        let args = [kind, name, word, &change.priority.to_string()].map(OsString::from);
        self.submit(name, notify.any.as_ref(), "notify", &args);
        self.pipes
            .write(&format!("{kind} \"{name}\" {word} {}\n", change.priority));
    }

    fn lower_heard(&mut self, router: RouterId) {
        let plan = Arc::clone(&self.plan);
        let Some(router) = plan.routers.get(&router) else {
            return;
        };
        let (name, NotifyPrograms { lower_heard, .. }) = (&router.instance.name, &router.notify);
        self.submit(
            name,
            lower_heard.as_ref(),
            "notify_master_rx_lower_pri",
            &[],
        );
        self.pipes.write(&format!(
            "INSTANCE \"{name}\" MASTER_RX_LOWER_PRI {}\n",
            router.instance.priority
        ));
    }

    fn priority(&mut self, id: RouterId, priority: u8) {
        let plan = Arc::clone(&self.plan);
        let Some(router) = plan
            .routers
            .get(&id)
            .filter(|router| router.instance.notify_priority_changes)
        else {
            return;
        };
        let state = match self.states.get(&Subject::Router(id)) {
            Some((Status::Active, _)) => "MASTER_PRIORITY",
            Some((Status::Backup, _)) => "BACKUP_PRIORITY",
            _ => return,
        };
        self.pipes.write(&format!(
            "INSTANCE \"{}\" {state} {priority}\n",
            router.instance.name
        ));
    }

    fn submit(
        &self,
        subject: &str,
        program: Option<&Program>,
        cause: &'static str,
        args: &[OsString],
    ) {
        if let Some(program) = program {
            let mut program = program.clone();
            program.args.extend_from_slice(args);
            self.queues.submit(subject, Job { program, cause });
        }
    }

    fn run_script(&mut self, track: TrackId) {
        let Some(program) = self.plan.programs.get(&track).cloned() else {
            return;
        };
        let name = self
            .plan
            .trackers
            .get(&track)
            .map(|tracker| tracker.name().to_owned())
            .unwrap_or_default();
        let stop = Arc::new(Notify::new());
        self.running.insert(track, Arc::clone(&stop));
        let news = self.news.clone();
        let said = Arc::clone(&self.said);
        tokio::spawn(async move {
            let outcome = program.run(stop.notified()).await;
            let result = match &outcome.end {
                End::Exited(code) => ScriptOutcome::Exited(u8::try_from(*code).unwrap_or(u8::MAX)),
                End::Signalled(signal) => {
                    ScriptOutcome::Signalled(u8::try_from(*signal).unwrap_or(u8::MAX))
                }
                End::TimedOut => ScriptOutcome::TimedOut,
                // As keepalived: what cannot be run proves nothing. It is said each time.
                End::NotStarted(error) => {
                    error!("Script `{name}` cannot be run, and counts as good: {error}");
                    ScriptOutcome::Exited(0)
                }
            };
            if !result.is_good() {
                say(&said, track, &name, outcome.tail);
            }
            news.send(Message::ScriptExited {
                track,
                outcome: result,
            });
        });
    }

    fn show(&self, view: &View) {
        dump::write(view, &self.settings);
    }
}

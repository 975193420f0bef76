//! The service thread's loop: signals and tasks in, programs, lines and files out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use keepalived_conf::Config;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use vrrp_fsm::{RouterId, ScriptOutcome, Status, Subject, TrackId};

use super::files::{self, Files};
use super::mail::{self, Letter, Mailer, Post, Whose};
use super::pipes::Pipes;
use super::processes::{Kind, Processes};
use super::program::{End, Program};
use super::queue::{Job, Queues};
use super::signals::{Signals, Wish};
use super::timetable::Timetable;
use super::{LAST_WORDS, News, Reload, dump};
use crate::compat;
use crate::daemon::{Change, Look, Message, Task, View};
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
    let time_to_reload = Arc::clone(&desk.time_to_reload);
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
            () = time_to_reload.notified() => desk.reload(&mut reload),
        }
    }
    let idle = async {
        while !(desk.queues.is_idle() && desk.mailer.is_idle()) {
            sleep(LAST_WORDS / 100).await;
        }
    };
    if timeout(LAST_WORDS, idle).await.is_err() {
        warn!("stopping without waiting for notification programs and mails any longer");
    }
}

/// What was said of tracked scripts. Clones share it.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<BTreeMap<TrackId, Spoken>>>);

#[derive(Default)]
struct Spoken {
    /// The last words of the last run that failed.
    tail: Vec<String>,
    /// Why it cannot be started, and how often it was tried.
    unable: Option<(String, u64)>,
}

impl Said {
    /// Logs what a failing script said, unless it said the same the last time.
    fn failed(&self, track: TrackId, name: &str, tail: Vec<String>) {
        self.with(track, |spoken| {
            if !tail.is_empty() && spoken.tail != tail {
                info!("Script `{name}` said: {}", tail.join(" | "));
            }
            spoken.tail = tail;
        });
    }

    /// Logs why a script cannot be started, unless it is for the same reason as the last time.
    fn unable(&self, track: TrackId, name: &str, reason: String) {
        self.with(track, |spoken| match &mut spoken.unable {
            Some((known, times)) if *known == reason => *times += 1,
            unable => {
                error!(
                    "Script `{name}` cannot be run, and counts as good: {reason}. Nothing more is said until it can"
                );
                let times = unable.take().map_or(0, |(_, times)| times);
                *unable = Some((reason, times + 1));
            }
        });
    }

    fn able(&self, track: TrackId, name: &str) {
        self.with(track, |spoken| {
            if let Some((_, times)) = spoken.unable.take() {
                info!("Script `{name}` can be run again, after {times} attempts");
            }
        });
    }

    fn with(&self, track: TrackId, say: impl FnOnce(&mut Spoken)) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        say(said.entry(track).or_default());
    }
}

/// Everything that the service thread knows.
struct Desk {
    news: News,
    settings: Arc<Settings>,
    plan: Arc<Plan>,
    queues: Queues,
    pipes: Pipes,
    mailer: Mailer,
    /// Where mails go.
    post: Option<Arc<Post>>,
    /// Tracked scripts that run, and how to end them.
    running: BTreeMap<TrackId, Arc<Notify>>,
    said: Said,
    /// A plan has been adopted.
    adopted: bool,
    /// What each router and group was last said to be, and with which priority.
    states: BTreeMap<Subject, (Status, u8)>,
    /// The plan before this one: of routers that are gone.
    before: Arc<Plan>,
    /// What the plan tracks besides scripts.
    watches: (Option<Files>, Option<Processes>),
    /// `reload_time_file`, and what it rings.
    timetable: Option<Timetable>,
    time_to_reload: Arc<Notify>,
    /// How many there have been, with those that were refused.
    reloads: u32,
}

impl Desk {
    fn new(news: News, settings: Arc<Settings>) -> Self {
        Self {
            news,
            settings,
            plan: Arc::default(),
            queues: Queues::default(),
            pipes: Pipes::default(),
            mailer: Mailer::default(),
            post: None,
            said: Said::default(),
            adopted: false,
            running: BTreeMap::new(),
            states: BTreeMap::new(),
            before: Arc::default(),
            watches: (None, None),
            timetable: None,
            time_to_reload: Arc::default(),
            reloads: 0,
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
        self.reloads += 1;
        let number = self.reloads;
        self.look_for(
            &self.plan.config,
            Look::Reload {
                number,
                done: false,
            },
        );
        match reload() {
            Some(plan) => {
                let config = Arc::clone(&plan.config);
                dump::save_config(&config, number);
                self.news.send(Message::Reload(Box::new(plan)));
                self.look_for(&config, Look::Reload { number, done: true });
            }
            None => error!("the new configuration cannot run; the old one goes on"),
        }
        systemd::notify(State::Ready);
    }

    /// Has the state kept where `config` has a `config_save_dir`.
    fn look_for(&self, config: &Config, look: Look) {
        if config.globals.config_save_dir.is_some() {
            self.news.send(Message::Look(look));
        }
    }

    /// A new plan: what is the same stays open.
    fn adopt(&mut self, plan: Arc<Plan>) {
        self.before = core::mem::replace(&mut self.plan, plan);
        let first = !core::mem::replace(&mut self.adopted, true);
        if first {
            dump::save_config(&self.plan.config, 0);
        }
        self.watch(first);
        self.keep_time();
        self.pipes.adopt(&self.plan);
        self.post = Post::new(&self.plan.config.globals).map(Arc::new);
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

    /// The same file stays watched, and what it has scheduled.
    fn keep_time(&mut self) {
        let globals = &self.plan.config.globals;
        let (path, repeat) = (globals.reload_time_file.as_ref(), globals.reload_repeat);
        let kept = self.timetable.take();
        self.timetable = path.and_then(|path| {
            kept.filter(|timetable| timetable.is(path.as_ref(), repeat))
                .or_else(|| Timetable::watch(path.into(), repeat, Arc::clone(&self.time_to_reload)))
        });
    }

    fn change(&mut self, change: &Change) {
        self.states
            .insert(change.subject, (change.to, change.priority));
        let plans = [Arc::clone(&self.plan), Arc::clone(&self.before)];
        let found = match change.subject {
            Subject::Router(id) => {
                plans
                    .iter()
                    .find_map(|plan| plan.routers.get(&id))
                    .map(|router| {
                        let instance = &router.instance;
                        let alert = instance.smtp_alert.then_some(Whose::Instance);
                        ("INSTANCE", instance.name.as_str(), &router.notify, alert)
                    })
            }
            Subject::Group(id) => plans
                .iter()
                .find_map(|plan| plan.groups.get(&id))
                .map(|group| {
                    let alert = group.config.smtp_alert.then_some(Whose::Group);
                    ("GROUP", group.config.name.as_str(), &group.notify, alert)
                }),
        };
        let Some((kind, name, notify, alert)) = found else {
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
        if let Some(whose) = alert.filter(|_| word != compat::state_word(change.from)) {
            self.mail(whose, name, to);
        }
    }

    fn mail(&self, whose: Whose, name: &str, to: Status) {
        let Some(post) = &self.post else { return };
        if to == Status::Fault && self.plan.config.globals.mail.no_faults {
            return;
        }
        let Some((end, body)) = mail::wording(whose, to) else {
            return;
        };
        let what = match whose {
            Whose::Instance => "Instance",
            Whose::Group => "Group",
        };
        self.mailer.send(Letter {
            post: Arc::clone(post),
            at: SystemTime::now(),
            subject: format!("VRRP {what} {name} - {end}"),
            body,
        });
    }

    fn lower_heard(&mut self, id: RouterId) {
        let plan = Arc::clone(&self.plan);
        let Some(router) = plan.routers.get(&id) else {
            return;
        };
        let priority = self
            .states
            .get(&Subject::Router(id))
            .map_or(router.instance.priority, |(_, priority)| *priority);
        let (name, NotifyPrograms { lower_heard, .. }) = (&router.instance.name, &router.notify);
        self.submit(
            name,
            lower_heard.as_ref(),
            "notify_master_rx_lower_pri",
            &[],
        );
        self.pipes.write(&format!(
            "INSTANCE \"{name}\" MASTER_RX_LOWER_PRI {priority}\n"
        ));
    }

    fn priority(&mut self, id: RouterId, priority: u8) {
        if let Some(state) = self.states.get_mut(&Subject::Router(id)) {
            state.1 = priority;
        }
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
        let said = self.said.clone();
        tokio::spawn(async move {
            let outcome = program.run(stop.notified()).await;
            let result = match &outcome.end {
                End::Exited(code) => ScriptOutcome::Exited(u8::try_from(*code).unwrap_or(u8::MAX)),
                End::Signalled(signal) => {
                    ScriptOutcome::Signalled(u8::try_from(*signal).unwrap_or(u8::MAX))
                }
                End::TimedOut => ScriptOutcome::TimedOut,
                // As keepalived: what cannot be run proves nothing.
                End::NotStarted(_) => ScriptOutcome::Exited(0),
            };
            match outcome.end {
                End::NotStarted(reason) => said.unable(track, &name, reason.to_string()),
                _ => said.able(track, &name),
            }
            if !result.is_good() {
                said.failed(track, &name, outcome.tail);
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

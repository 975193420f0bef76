//! One virtual router inside the engine, with what surrounds it.

use alloc::collections::{BTreeSet, VecDeque};

use vrrp_proto::Priority;

use super::io::{Advertisement, Announcement, Command, Notice};
use super::timers::TimerId;
use crate::action::{Action, Cause, Role, Status, Transition};
use crate::report::FaultCause;
use crate::snapshot::Snapshot;
use crate::{GroupId, Instant, RouterId, Stats, VirtualRouter};

/// A router's place in the engine.
pub(super) type Place = usize;

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) id: RouterId,
    pub(super) router: VirtualRouter,
    pub(super) timer: TimerId,
    pub(super) group: Option<GroupId>,
    /// Why it cannot serve.
    pub(super) faults: BTreeSet<FaultCause>,
    /// An operator asked it to stand aside.
    pub(super) drained: bool,
    /// What was last told to the world; Draining counts as Active there.
    pub(super) told: Status,
    pub(super) changed: Option<(Instant, Cause)>,
    pub(super) stats: Stats,
    /// The number of the last authenticated advert.
    pub(super) sequence: u64,
}

impl Slot {
    pub(super) fn new(id: RouterId, router: VirtualRouter, timer: TimerId) -> Self {
        Self {
            id,
            router,
            timer,
            group: None,
            faults: BTreeSet::new(),
            drained: false,
            told: Status::Initialize,
            changed: None,
            stats: Stats::default(),
            sequence: 0,
        }
    }

    pub(super) fn status(&self, stopped: bool) -> Status {
        match self.router.role() {
            Role::Backup => Status::Backup,
            Role::Active if self.router.is_draining() => Status::Draining,
            Role::Active => Status::Active,
            Role::Initialize if stopped => Status::Stopped,
            Role::Initialize if !self.faults.is_empty() => Status::Fault,
            Role::Initialize if self.drained => Status::Drained,
            Role::Initialize => Status::Initialize,
        }
    }

    pub(super) fn snapshot(&self, stopped: bool) -> Snapshot {
        let router = &self.router;
        Snapshot {
            router: self.id,
            role: router.role(),
            status: self.status(stopped),
            faults: self.faults.iter().copied().collect(),
            base_priority: router.config().priority,
            priority: router.priority(),
            primary: router.primary(),
            last_active: router.last_active(),
            active_adver_interval: router.active_adver_interval(),
            skew_time: router.skew_time(),
            active_down_interval: router.active_down_interval(),
            deadline: router.deadline(),
            changed: self.changed,
            stats: self.stats,
        }
    }
}

/// Turns the actions of one router into commands, and counts them.
pub(super) struct Sink<'a> {
    pub(super) router: RouterId,
    pub(super) now: Instant,
    pub(super) fifo: &'a mut VecDeque<Command>,
    pub(super) stats: &'a mut Stats,
    pub(super) sequence: &'a mut u64,
    pub(super) transition: Option<Transition>,
}

impl Sink<'_> {
    fn advertise(&mut self, priority: Priority) {
        self.stats.adverts_sent += 1;
        if priority.is_relinquish() {
            self.stats.priority_zero_sent += 1;
        }
        let (router, sequence) = (self.router, *self.sequence);
        self.fifo.push_back(Command::Advertise(Advertisement {
            router,
            priority,
            sequence,
        }));
    }

    fn notify(&mut self, transition: Transition) {
        let Transition { from, to, cause } = transition;
        if to == Role::Active {
            self.stats.become_active += 1;
            self.stats.new_active_reason = cause.active_reason();
        }
        if from == Role::Active {
            self.stats.leave_active += 1;
        }
        if from == Role::Initialize {
            self.stats.up_since = Some(self.now);
        }
        if to == Role::Initialize {
            self.stats.up_since = None;
        }
        self.transition = Some(transition);
    }
}

impl Extend<Action> for Sink<'_> {
    fn extend<T: IntoIterator<Item = Action>>(&mut self, actions: T) {
        let router = self.router;
        for action in actions {
            match action {
                Action::Advertise(priority) => self.advertise(priority),
                Action::Install => self.fifo.push_back(Command::Install(router)),
                Action::Withdraw => self.fifo.push_back(Command::Withdraw(router)),
                Action::Announce { rounds } => {
                    self.stats.announcements += 1;
                    let what = Announcement::All;
                    self.fifo.push_back(Command::Announce {
                        router,
                        what,
                        rounds,
                    });
                }
                Action::Notify(transition) => self.notify(transition),
                Action::Report(report) => {
                    self.fifo
                        .push_back(Command::Report(Notice::Router(router, report)));
                }
            }
        }
    }
}

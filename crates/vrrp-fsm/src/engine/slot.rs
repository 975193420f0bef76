//! One virtual router inside the engine, with what surrounds it.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::Priority;
#[cfg(feature = "auth")]
use vrrp_proto::{AntiReplay, Mark, Signer};

use super::io::{Advertisement, Announcement, Command, Notice};
use super::split::Suspect;
use super::timers::TimerId;
use crate::action::{Action, Cause, Role, Status, Transition};
#[cfg(feature = "auth")]
use crate::config::Destination;
use crate::config::{Auth, RouterConfig, Tracked};
use crate::report::{FaultCause, Report};
use crate::snapshot::{LearnedPeer, SplitBrain};
use crate::{GroupId, Instant, RouterId, Stats, VirtualRouter};

/// A router's place in the engine.
pub(super) type Place = usize;

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) id: RouterId,
    pub(super) router: VirtualRouter,
    pub(super) timer: TimerId,
    pub(super) group: Option<GroupId>,
    /// What counts: its own, by the rules of its group, and the group's.
    pub(super) tracked: Vec<Tracked>,
    /// Why it cannot serve.
    pub(super) faults: BTreeSet<FaultCause>,
    /// The one that came last.
    pub(super) last_fault: Option<FaultCause>,
    /// The daemon cannot do what it needs.
    pub(super) blocked: bool,
    /// Something that it depends on is not known yet; or a member of its group waits for that.
    pub(super) pending: bool,
    pub(super) group_pending: bool,
    /// An operator asked it to stand aside.
    pub(super) drained: bool,
    /// Whether announcements on one of its interfaces are spaced.
    pub(super) paced: bool,
    /// What was last told to the world; Draining counts as Active there.
    pub(super) told: Status,
    pub(super) changed: Option<(Instant, Cause)>,
    /// When it was last given an event.
    pub(super) touched: Instant,
    pub(super) stats: Stats,
    /// What was reported since the status or the Active router changed.
    pub(super) said: Said,
    pub(super) peers: Vec<LearnedPeer>,
    pub(super) split: Option<SplitBrain>,
    pub(super) suspect: Option<Suspect>,
    pub(super) numbers: Numbers,
    /// A peer needs the checksum of old.
    pub(super) old_checksum: bool,
}

/// Reports are made once for each kind and source. Bounded: whoever forges ever new sources gets no
/// more lines than this.
#[derive(Clone, Debug, Default)]
pub(super) struct Said(BTreeSet<(&'static str, IpAddr)>);

impl Said {
    const MAX: usize = 64;

    /// Whether this is the first time.
    //= KA-LOG-01
    //= R9568-7.1-15
    pub(super) fn first(&mut self, kind: &'static str, source: IpAddr) -> bool {
        self.0.len() < Self::MAX && self.0.insert((kind, source))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Numbers that grow with every authenticated advert.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    kind: Numbering,
    /// Of Authentication Headers, sent and received: one for the virtual router, as keepalived has
    /// it, so that a new Active router goes on where the old one stopped.
    pub(super) ah: u32,
    #[cfg(feature = "auth")]
    signer: Signer,
    /// What was accepted from whom, for `auth_hmac`.
    #[cfg(feature = "auth")]
    pub(super) marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Numbering {
    #[default]
    None,
    #[cfg(feature = "auth")]
    Ah,
    #[cfg(feature = "auth")]
    Hmac(AntiReplay),
}

impl Numbers {
    /// Of a group, as many sources as keepalived remembers.
    #[cfg(feature = "auth")]
    const MARKS: usize = 4;

    /// What a configuration asks for; what was counted goes on.
    pub(super) fn configure(&mut self, config: &RouterConfig) {
        self.kind = match &config.auth {
            Auth::None | Auth::Simple(_) => Numbering::None,
            #[cfg(feature = "auth")]
            Auth::Ah(_) => Numbering::Ah,
            #[cfg(feature = "auth")]
            Auth::Hmac(hmac) if hmac.mode.signs() => Numbering::Hmac(hmac.anti_replay),
            #[cfg(feature = "auth")]
            Auth::Hmac(_) => Numbering::None,
        };
        #[cfg(feature = "auth")]
        self.marks.resize(
            match &config.destination {
                Destination::Multicast(_) => Self::MARKS,
                Destination::Unicast { peers, .. } => peers.len(),
            },
            Mark::default(),
        );
    }

    fn next(&mut self, clock: Clock) -> u64 {
        #[cfg(not(feature = "auth"))]
        let _ = clock;
        match self.kind {
            Numbering::None => 0,
            #[cfg(feature = "auth")]
            Numbering::Ah => {
                self.ah = self.ah.saturating_add(1);
                self.ah.into()
            }
            #[cfg(feature = "auth")]
            Numbering::Hmac(anti_replay) => self.signer.next(anti_replay, clock.utc).get(),
        }
    }
}

/// The two clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) now: Instant,
    /// Since 1970.
    #[cfg_attr(not(feature = "auth"), expect(dead_code, reason = "nothing is signed"))]
    pub(super) utc: Duration,
}

impl Slot {
    pub(super) fn new(id: RouterId, router: VirtualRouter, timer: TimerId) -> Self {
        let config = router.config();
        let mut numbers = Numbers::default();
        numbers.configure(config);
        Self {
            id,
            timer,
            group: None,
            tracked: Vec::new(),
            faults: BTreeSet::new(),
            last_fault: None,
            blocked: false,
            pending: false,
            group_pending: false,
            drained: false,
            paced: false,
            told: Status::Initialize,
            changed: None,
            touched: Instant::ZERO,
            stats: Stats::default(),
            said: Said::default(),
            peers: Vec::new(),
            split: None,
            suspect: None,
            numbers,
            old_checksum: config.old_unicast_checksum,
            router,
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

    /// The earliest of what is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let router = self.router.deadline().map(|(at, _)| at);
        router
            .into_iter()
            .chain(self.suspect.as_ref().map(Suspect::silent_at))
            .min()
    }
}

/// Turns the actions of one router into commands, and counts them.
pub(super) struct Sink<'a> {
    pub(super) id: RouterId,
    pub(super) clock: Clock,
    pub(super) fifo: &'a mut VecDeque<Command>,
    pub(super) stats: &'a mut Stats,
    pub(super) numbers: &'a mut Numbers,
    pub(super) said: &'a mut Said,
    pub(super) paced: bool,
    /// What the engine has to follow up.
    pub(super) after: After,
}

/// What follows from an event beyond its own effects.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct After {
    pub(super) transition: Option<Transition>,
    /// Rounds to be announced in the queue of their interfaces.
    pub(super) rounds: Option<u8>,
    /// Whether those on other interfaces are to be announced.
    pub(super) elsewhere: bool,
    /// Whether announcements that wait have become lies.
    pub(super) withdrawn: bool,
    /// Whether somebody else claimed the addresses and was told off.
    pub(super) lower_burst: bool,
}

impl Sink<'_> {
    //= STA-08
    //= STA-11
    fn advertise(&mut self, priority: Priority) {
        self.stats.adverts_sent += 1;
        if priority.is_relinquish() {
            self.stats.priority_zero_sent += 1;
        }
        let sequence = self.numbers.next(self.clock);
        let advertisement = Advertisement {
            router: self.id,
            priority,
            sequence,
        };
        self.fifo.push_back(Command::Advertise(advertisement));
    }

    fn announce(&mut self, rounds: u8) {
        self.stats.announcements += u64::from(rounds);
        if self.paced {
            self.after.rounds = Some(rounds);
        } else {
            let (router, what) = (self.id, Announcement::All);
            self.fifo.push_back(Command::Announce {
                router,
                what,
                rounds,
            });
        }
    }

    //= STA-05
    //= STA-06
    //= STA-19
    //= STA-22
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
            self.stats.up_since = Some(self.clock.now);
        }
        if to == Role::Initialize {
            self.stats.up_since = None;
        }
        self.after.transition = Some(transition);
    }

    fn report(&mut self, report: Report) {
        let said = match report {
            //= R9568-8.3.2-01
            Report::OwnerConflict { source } => !self.said.first("OwnerConflict", source),
            Report::ActiveKnown { .. } | Report::ActiveChanged { .. } => {
                self.said.clear();
                false
            }
            Report::LowerHeard { .. } => {
                self.after.lower_burst = true;
                false
            }
            Report::ActiveDownTimeout
            | Report::LowerDiscarded { .. }
            | Report::HigherHeard { .. }
            | Report::TieLost { .. }
            | Report::OwnAddressHeard { .. }
            | Report::RelinquishSent
            | Report::RelinquishHeard { .. }
            | Report::IntervalLearned { .. }
            | Report::IntervalRestored { .. }
            | Report::PreemptDelayStarted { .. }
            | Report::PreemptDelayStopped
            | Report::PriorityChanged { .. }
            | Report::StillAbovePeer { .. }
            | Report::FaultRaised(_)
            | Report::FaultCleared(_)
            | Report::OwnerLowered { .. }
            | Report::OwnerRestored
            | Report::Late { .. }
            | Report::ListeningAgain { .. }
            | Report::DrainStarted
            | Report::DrainTaker { .. }
            | Report::DrainFallback
            | Report::SplitBrain { .. }
            | Report::SplitBrainHealed { .. }
            | Report::Refused { .. }
            | Report::Remarked { .. }
            | Report::ChecksumForm { .. }
            | Report::OldChecksum { .. } => false,
        };
        if !said {
            self.fifo
                .push_back(Command::Report(Notice::Router(self.id, report)));
        }
    }
}

impl Extend<Action> for Sink<'_> {
    fn extend<T: IntoIterator<Item = Action>>(&mut self, actions: T) {
        for action in actions {
            match action {
                Action::Advertise(priority) => self.advertise(priority),
                Action::Install => self.fifo.push_back(Command::Install(self.id)),
                Action::Withdraw => {
                    self.after.withdrawn = true;
                    self.fifo.push_back(Command::Withdraw(self.id));
                }
                Action::Announce { rounds } => self.announce(rounds),
                Action::AnnounceElsewhere => {
                    self.stats.announcements += 1;
                    self.after.elsewhere = true;
                }
                Action::Notify(transition) => self.notify(transition),
                Action::Report(report) => self.report(report),
            }
        }
    }
}

//! The promises, judged after every step of a run.
//!
//! What can be promised depends on what the segment delivers, so each promise is about stretches
//! of time: it holds once two machines have heard each other, undisturbed, for so long. Nothing
//! here reads the protocol's messages; what is judged is who says Active, which kernel has the
//! addresses, and where the end hosts believe them to be.
//!
//! | promise | in detail |
//! |---|---|
//! | one Active | two routers that hear each other are both Active for at most an interval and the time of four frames; for two intervals if one of them hands over |
//! | some Active | a Backup that can hear no Active router is Active after its Active_Down_Interval; after its Skew_Time, if the Active router left with priority 0 over a good cable |
//! | no haste | a Backup that has followed an Active router is not Active before its Active_Down_Interval has passed since that one's last advert; after a priority 0, not before its Skew_Time |
//! | right one | a Backup that preempts and hears none but lower Active routers takes over in time; of two that are Active, the one with the greater priority stays, then the one with the greater address |
//! | right caches | hosts that heard the announcement of the only holder send to it from then on |
//! | announced | when another router that it hears has taken over or left, or two that were Active have become one, the one that goes on serving announces again |
//! | inside | each machine's own rules: see [`crate::EngineNode`] |
//!
//! In a sync group a member waits for the others, so its time may be spent twice. Routers are known
//! by their index; a greater one has greater addresses.

mod promises;
mod watch;

use crate::lan::{NodeId, SegmentId};
use crate::node::Subject;
use crate::plan::{Order, Plan};
use crate::scenario::Station;
use crate::world::World;
use core::fmt;
use core::time::Duration;
use vrrp_fsm::{Instant, Preempt};
use vrrp_proto::{Priority, Profile, Version};
use watch::{Owed, Release, Seeing, Watch};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was seen.
    pub at: Instant,
    /// What was promised.
    pub promise: Promise,
    /// Who broke it, and how.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.at, self.promise, self.what)
    }
}

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// At most one Active router among those who hear each other.
    OneActive,
    /// Some Active router, in time.
    SomeActive,
    /// No Active router before the time.
    NoHaste,
    /// The Active router is the one that should be.
    RightOne,
    /// End hosts send to the machine that serves.
    RightCaches,
    /// Addresses are announced when hosts may believe otherwise.
    Announced,
    /// What a machine promises about itself.
    Inside,
    /// What the plan expected.
    Expected,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneActive => "one Active",
            Self::SomeActive => "some Active",
            Self::NoHaste => "no haste",
            Self::RightOne => "right one",
            Self::RightCaches => "right caches",
            Self::Announced => "announced",
            Self::Inside => "inside",
            Self::Expected => "expected",
        })
    }
}

/// Watches a world.
#[derive(Debug)]
pub struct Checker {
    version: Version,
    interval: Duration,
    preempts: Vec<Preempt>,
    segments: usize,
    announces_again: bool,
    watches: Vec<Watch>,
    routers: Vec<NodeId>,
    hosts: Vec<NodeId>,
    epochs: Vec<u64>,
    install: Duration,
    /// The longest that a frame has taken so far, and may still take, and that a process that waits
    /// for its kernel may leave it unread.
    worst: Duration,
    /// The next moment at which a promise may be overdue.
    due: Option<Instant>,
    violations: Vec<Violation>,
}

impl Checker {
    /// Watches what will be made of `plan`.
    pub fn new(plan: &Plan, routers: &[NodeId], hosts: &[NodeId]) -> Self {
        let (count, hosts_each) = (routers.len(), usize::from(plan.hosts));
        Self {
            version: plan.version,
            interval: plan.interval.as_duration(),
            install: plan.install,
            preempts: plan.routers.iter().map(|router| router.preempt).collect(),
            segments: usize::from(plan.segments),
            announces_again: plan.profile == Profile::Keepalived,
            watches: (0..plan.segments)
                .map(|_| Watch::new(count, hosts_each))
                .collect(),
            routers: routers.to_vec(),
            hosts: hosts.to_vec(),
            epochs: vec![u64::MAX; count],
            worst: plan.latency + plan.install,
            due: None,
            violations: Vec::new(),
        }
    }

    /// The promises that were broken so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Adds one that was seen elsewhere.
    pub fn broken(&mut self, at: Instant, promise: Promise, what: String) {
        self.violations.push(Violation { at, promise, what });
    }

    /// To be told before something is done to a router: whether it leaves with or without a word
    /// decides how long the others wait.
    pub fn ordered(&mut self, now: Instant, router: usize, order: Order) {
        let (patience, worst) = (self.patience() * 2, self.worst);
        for watch in &mut self.watches {
            let vanishes = matches!(
                order,
                Order::Crash | Order::Kill | Order::Leave | Order::Freeze | Order::Suspend
            );
            let serves = watch.routers.get_mut(router).is_some_and(|seen| {
                seen.vanished = vanishes.then_some(now).or(seen.vanished);
                seen.active.is_some()
            });
            if order != Order::Stop {
                continue;
            }
            for (to, seen) in watch.routers.iter_mut().enumerate() {
                // Under worse weather than this, frames that are under way may come after it.
                let words = watch.words.get(to).and_then(|words| words.get(router));
                let good = words.and_then(|words| words.good);
                if !serves || to == router || good.is_none_or(|good| now <= good + worst) {
                    continue;
                }
                if seen.serves() {
                    let due = now + patience;
                    watch.owed.push(Owed {
                        by: to,
                        since: now,
                        due,
                    });
                }
                if seen.backup.is_some() {
                    seen.released = Some(Release {
                        at: now,
                        by: router,
                        left: false,
                        overtaken: None,
                    });
                }
            }
        }
    }

    /// Looks at the world after a step; `disturbed` if a plan has done something to it.
    pub fn look<S: Subject>(&mut self, world: &World<Station<S>>, disturbed: bool) {
        let now = world.now();
        let mut stirred = disturbed || self.due.is_some_and(|due| now >= due);
        for (id, known) in self.routers.iter().zip(&mut self.epochs) {
            if !disturbed && !world.turned().contains(id) {
                continue;
            }
            let subject = world.node(*id).and_then(Station::router);
            let epoch = subject.map_or(0, Subject::epoch);
            stirred |= core::mem::replace(known, epoch) != epoch;
        }
        if stirred {
            if disturbed {
                self.measure(world);
            }
            self.due = None;
            self.judge(world);
        }
    }

    /// What the longest way of a frame is now.
    fn measure<S: Subject>(&mut self, world: &World<Station<S>>) {
        let segments = (0..self.segments).filter_map(|at| world.segment(SegmentId(at)));
        let worst = segments
            .flat_map(|s| s.ports().map(|port| s.worst(port)))
            .max();
        self.worst = self.worst.max(worst.unwrap_or_default() + self.install);
    }

    fn judge<S: Subject>(&mut self, world: &World<Station<S>>) {
        let mut watches = core::mem::take(&mut self.watches);
        let routers = core::mem::take(&mut self.routers);
        for (segment, watch) in watches.iter_mut().enumerate() {
            let seeing = Seeing {
                world,
                segment,
                routers: &routers,
            };
            watch.see(
                &seeing,
                (self.slack(self.interval + self.worst * 2), self.worst),
                &self.preempts,
            );
            self.one_active(&seeing, watch);
            self.no_haste(&seeing, watch);
            self.right_caches(&seeing, watch);
        }
        self.routers = routers;
        self.in_time(world.now(), &mut watches);
        self.watches = watches;
    }

    /// Skew_Time, from the RFCs' formula and not from the code that is judged.
    fn skew_time(&self, priority: Priority) -> Duration {
        let unit = match self.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.interval,
        };
        unit * (256 - u32::from(priority.get())) / 256
    }

    fn active_down_interval(&self, priority: Priority) -> Duration {
        self.interval * 3 + self.skew_time(priority)
    }

    /// What clocks that run at different speeds may add.
    fn slack(&self, time: Duration) -> Duration {
        time + time / 1000 + Duration::from_micros(2)
    }

    /// How long two Active routers remain two, and one that heard the other takes to announce.
    fn patience(&self) -> Duration {
        self.slack(self.interval + self.worst * 4)
    }

    fn due_at(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }
}

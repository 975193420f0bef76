//! The promises, judged after every step of a run.
//!
//! What can be promised depends on what the segment delivers, so each promise is about stretches
//! of time: it holds once two machines have heard each other, undisturbed, for so long. Nothing
//! here looks at the protocol's messages; what is judged is who says Active, which kernel has the
//! addresses, and where the end hosts believe them to be.
//!
//! | promise | in detail |
//! |---|---|
//! | one Active | two routers that hear each other are both Active for at most an interval and the time of four frames |
//! | some Active | a Backup that can hear no Active router is Active after its Active_Down_Interval; after its Skew_Time, if the Active router left with priority 0 over a good cable |
//! | right caches | hosts that heard the announcement of the only holder send to it from then on |
//! | announced | addresses are announced on becoming Active, and by the winner when two Active routers have become one |
//! | inside | each machine's own rules: see [`crate::EngineNode`] |
//!
//! In a sync group a member waits for the others, so its time may be spent twice.

use crate::host::EndHost;
use crate::lan::{Conditions, NodeId, PortId, Segment, SegmentId};
use crate::node::{Subject, View};
use crate::plan::{Order, Plan};
use crate::scenario::Station;
use crate::world::{Power, World};
use core::fmt;
use core::time::Duration;
use vrrp_fsm::{Instant, Role, Status};
use vrrp_proto::Profile;

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
            Self::RightCaches => "right caches",
            Self::Announced => "announced",
            Self::Inside => "inside",
            Self::Expected => "expected",
        })
    }
}

/// Since when things are as they are, on one segment.
#[derive(Debug)]
struct Watch {
    /// By router.
    routers: Vec<Seen>,
    /// By router and router: since when each hears the other.
    pairs: Vec<Vec<Pair>>,
    /// Who is the only machine whose kernel answers for the addresses, and since when.
    holder: Option<(usize, Instant)>,
    /// By host and router: since when the host hears the router.
    hears: Vec<Vec<Option<Instant>>>,
    /// Who has won over another Active router that it hears since then, and must announce.
    owed: Vec<(usize, Instant)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    view: View,
    /// Since when it is Active and its process runs.
    active: Option<Instant>,
    /// Since when it is Backup and its process runs.
    backup: Option<Instant>,
    /// Since when it can hear no Active router, while Backup.
    alone: Option<Instant>,
    /// The last Active router said over a good cable that it leaves.
    released: Option<Release>,
    /// When it last announced its addresses.
    announced: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Release {
    at: Instant,
    by: usize,
    /// It has left: until its turn, at the same time, it is Active.
    left: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    /// Since when each hears all of the other.
    clear: Option<Instant>,
    /// Since when both are Active besides.
    both: Option<Instant>,
    /// Whether both had been Active before they could hear each other.
    healed: bool,
}

/// Watches a world.
#[derive(Debug)]
pub struct Checker {
    interval: Duration,
    segments: usize,
    group: bool,
    announces_again: bool,
    watches: Vec<Watch>,
    routers: Vec<NodeId>,
    hosts: Vec<NodeId>,
    epochs: Vec<u64>,
    /// The longest that a frame has taken so far, and may still take.
    worst: Duration,
    /// The next moment at which a promise may be overdue.
    due: Option<Instant>,
    violations: Vec<Violation>,
}

impl Checker {
    /// Watches what will be made of `plan`.
    pub fn new(plan: &Plan, routers: &[NodeId], hosts: &[NodeId]) -> Self {
        let count = routers.len();
        let per_segment = usize::from(plan.hosts);
        let watch = || Watch {
            routers: vec![Seen::default(); count],
            pairs: vec![vec![Pair::default(); count]; count],
            holder: None,
            hears: vec![vec![None; count]; per_segment],
            owed: Vec::new(),
        };
        Self {
            interval: plan.interval.as_duration(),
            segments: usize::from(plan.segments),
            group: plan.segments > 1,
            announces_again: plan.profile == Profile::Keepalived,
            watches: (0..plan.segments).map(|_| watch()).collect(),
            routers: routers.to_vec(),
            hosts: hosts.to_vec(),
            epochs: vec![u64::MAX; count],
            worst: plan.latency,
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

    /// Something was done to a router that is about to stop in order: whoever hears it has only its
    /// Skew_Time.
    pub fn ordered<S: Subject>(&mut self, world: &World<Station<S>>, router: usize, order: Order) {
        if order != Order::Stop || self.group {
            return;
        }
        let now = world.now();
        for (segment, watch) in self.watches.iter_mut().enumerate() {
            let seeing = Seeing {
                world,
                segment,
                routers: &self.routers,
            };
            let serves = watch
                .routers
                .get(router)
                .is_some_and(|seen| seen.active.is_some());
            for (to, seen) in watch.routers.iter_mut().enumerate() {
                if serves && seen.backup.is_some() && seeing.good_cable(router, to) {
                    seen.released = Some(Release {
                        at: now,
                        by: router,
                        left: false,
                    });
                }
            }
        }
    }

    /// Looks at the world after a step; `disturbed` if a plan has done something to it.
    pub fn look<S: Subject>(&mut self, world: &World<Station<S>>, disturbed: bool) {
        let now = world.now();
        let mut stirred = disturbed || self.due.is_some_and(|due| now >= due);
        for (at, id) in self.routers.iter().enumerate() {
            if !disturbed && !world.turned().contains(id) {
                continue;
            }
            let epoch = world
                .node(*id)
                .and_then(Station::router)
                .map_or(0, Subject::epoch);
            if let Some(known) = self.epochs.get_mut(at).filter(|known| **known != epoch) {
                *known = epoch;
                stirred = true;
            }
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
        for segment in 0..self.watches.len() {
            let Some(segment) = world.segment(SegmentId(segment)) else {
                continue;
            };
            for port in segment.ports() {
                self.worst = self.worst.max(segment.worst(port));
            }
        }
    }

    fn judge<S: Subject>(&mut self, world: &World<Station<S>>) {
        let mut watches = core::mem::take(&mut self.watches);
        let routers = core::mem::take(&mut self.routers);
        for (segment, watch) in watches.iter_mut().enumerate() {
            let view = Seeing {
                world,
                segment,
                routers: &routers,
            };
            see_routers(&view, watch);
            self.one_active(&view, watch);
            see_alone(&view, watch);
            self.right_caches(&view, watch);
        }
        self.routers = routers;
        self.some_active(world.now(), &mut watches);
        self.watches = watches;
    }

    fn one_active<S: Subject>(&mut self, seeing: &Seeing<'_, S>, watch: &mut Watch) {
        let now = seeing.world.now();
        let Watch {
            routers,
            pairs,
            owed,
            ..
        } = watch;
        for ((a, x), (b, y)) in couples(routers) {
            let clear = seeing.hears(a, b) && seeing.hears(b, a);
            let Some(pair) = pairs.get_mut(a).and_then(|row| row.get_mut(b)) else {
                continue;
            };
            since(&mut pair.clear, now, clear);
            let before = pair.both;
            since(
                &mut pair.both,
                now,
                clear && x.active.is_some() && y.active.is_some(),
            );
            match (before, pair.both, pair.clear) {
                (None, Some(_), Some(clear)) => {
                    let earlier = |seen: &Seen| seen.active.is_some_and(|active| active < clear);
                    pair.healed = earlier(x) && earlier(y);
                }
                (Some(_), None, Some(clear)) if pair.healed => {
                    let winner = match (x.active, y.active) {
                        (Some(_), None) if y.backup.is_some() => Some(a),
                        (None, Some(_)) if x.backup.is_some() => Some(b),
                        _ => None,
                    };
                    owed.extend(winner.map(|winner| (winner, clear)));
                }
                _ => {}
            }
            let Some(start) = pair.both else { continue };
            // A router that hands over waits for a second advert; two that do so, for their fallback.
            let intervals = match (x.view.status, y.view.status) {
                (Status::Draining, Status::Draining) => 5,
                (Status::Draining, _) | (_, Status::Draining) => 2,
                _ => 1,
            };
            let bound = self.slack(self.interval * intervals + self.worst * 4);
            if now > start + bound {
                let (a, b, s) = (a + 1, b + 1, seeing.segment);
                let what =
                    format!("r{a} and r{b} on segment {s} since {start}, and hear each other");
                pair.both = Some(now);
                self.broken(now, Promise::OneActive, what);
            } else {
                self.due_at(start + bound);
            }
        }
        if !self.announces_again {
            owed.clear();
        }
        let patience = self.slack(self.interval + self.worst * 4);
        owed.retain(|&(winner, clear)| {
            let Some(seen) = routers.get(winner).filter(|seen| seen.active.is_some()) else {
                return false;
            };
            let done = seen.announced.is_some_and(|at| at >= clear);
            let overdue = now > clear + patience * 2;
            if overdue && !done {
                let what = format!(
                    "r{} won at {now} over another Active router, heard since {clear}, and says nothing",
                    winner + 1
                );
                self.violations.push(Violation { at: now, promise: Promise::Announced, what });
            }
            !done && !overdue
        });
        if let Some((_, clear)) = owed.first() {
            let due = *clear + patience * 2;
            self.due_at(due);
        }
    }

    fn some_active(&mut self, now: Instant, watches: &mut [Watch]) {
        for b in 0..self.routers.len() {
            // A sync group goes when all its members want to.
            let mut from = Instant::ZERO;
            let mut waits = true;
            for watch in watches.iter() {
                let Some(seen) = watch.routers.get(b) else {
                    continue;
                };
                match seen.alone.zip(seen.backup) {
                    Some((alone, backup)) => from = from.max(alone).max(backup),
                    None => waits = false,
                }
            }
            if !waits {
                continue;
            }
            for (segment, watch) in watches.iter_mut().enumerate() {
                let Some(seen) = watch.routers.get_mut(b) else {
                    continue;
                };
                let mut patience = seen.view.active_down_interval;
                if self.group {
                    patience *= 2;
                }
                let mut due = from + self.slack(patience + self.worst);
                if let Some(Release { at, .. }) = seen.released.filter(|_| !self.group) {
                    due = due.min(at + self.slack(seen.view.skew_time + self.worst));
                }
                if now > due {
                    let what = format!(
                        "r{} on segment {segment} hears nobody since {from} and should be Active since {due}",
                        b + 1
                    );
                    seen.alone = Some(now);
                    self.broken(now, Promise::SomeActive, what);
                } else {
                    self.due_at(due);
                }
            }
        }
    }

    fn right_caches<S: Subject>(&mut self, seeing: &Seeing<'_, S>, watch: &mut Watch) {
        let (world, segment, now) = (seeing.world, seeing.segment, seeing.world.now());
        let mut holders = (0..seeing.routers.len()).filter(|&router| seeing.answers(router));
        let sole = holders.next().filter(|_| holders.next().is_none());
        watch.holder = match (sole, watch.holder) {
            (Some(at), Some((was, since))) if at == was => Some((at, since)),
            (Some(at), _) => Some((at, now)),
            (None, _) => None,
        };
        let hosts = self
            .hosts
            .iter()
            .enumerate()
            .filter(|(h, _)| h % self.segments == segment);
        let mut due = None;
        let mut wrong = Vec::new();
        for ((h, host), hears) in hosts.zip(&mut watch.hears) {
            for (router, hears) in hears.iter_mut().enumerate() {
                since(hears, now, seeing.host_hears(router, *host));
            }
            let Some((router, alone)) = watch.holder else {
                continue;
            };
            let serving = watch
                .routers
                .get(router)
                .filter(|seen| seen.active.is_some());
            let announced = serving.and_then(|seen| seen.announced);
            let hears = hears.get(router).copied().flatten();
            let (Some(announced), Some(hears)) = (announced, hears) else {
                continue;
            };
            // What the former holder still says may come behind the announcement.
            if alone + self.worst * 2 > announced || hears > announced {
                continue;
            }
            let heard = announced + self.slack(self.worst);
            let mac = seeing
                .subject(router)
                .and_then(|subject| subject.mac(segment));
            let believed = world
                .node(*host)
                .and_then(Station::host)
                .and_then(EndHost::neighbour);
            if now <= heard {
                due = Some(heard);
            } else if believed.is_some() && believed != mac {
                let (h, r) = (h + 1, router + 1);
                wrong.push(format!(
                    "h{h} sends elsewhere than to r{r}, which announced at {announced}"
                ));
            }
        }
        for what in wrong {
            self.broken(now, Promise::RightCaches, what);
        }
        if let Some(due) = due {
            self.due_at(due);
        }
    }

    /// What clocks that run at different speeds may add.
    fn slack(&self, time: Duration) -> Duration {
        time + time / 1000 + Duration::from_micros(2)
    }

    fn due_at(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }
}

/// A world, from one segment's point of view.
struct Seeing<'a, S> {
    world: &'a World<Station<S>>,
    segment: usize,
    routers: &'a [NodeId],
}

impl<S: Subject> Seeing<'_, S> {
    fn subject(&self, router: usize) -> Option<&S> {
        self.world.node(*self.routers.get(router)?)?.router()
    }

    fn power(&self, router: usize) -> Power {
        self.routers
            .get(router)
            .map_or(Power::Off, |id| self.world.power(*id))
    }

    /// The segment, and where a router and another machine are attached to it.
    fn ways(
        &self,
        router: usize,
        other: NodeId,
        iface: usize,
    ) -> Option<(&Segment, PortId, PortId)> {
        let (segment, from) = self.world.port(*self.routers.get(router)?, self.segment)?;
        let (_, to) = self.world.port(other, iface)?;
        Some((self.world.segment(segment)?, from, to))
    }

    /// Whether `b` hears all that `a` says.
    fn hears(&self, a: usize, b: usize) -> bool {
        let Some(other) = self.routers.get(b) else {
            return false;
        };
        let up = self.power(a) == Power::On && self.power(b) == Power::On;
        let ways = self.ways(a, *other, self.segment);
        up && ways.is_some_and(|(segment, from, to)| segment.path(from, to).is_some())
    }

    /// Whether `b` may hear anything that `a` says.
    fn may_hear(&self, a: usize, b: usize) -> bool {
        let Some(other) = self.routers.get(b) else {
            return false;
        };
        let ways = self.ways(a, *other, self.segment);
        ways.is_some_and(|(segment, from, to)| segment.connected(from, to))
    }

    /// Whether `b` hears all that `a` says, at once and in order.
    fn good_cable(&self, a: usize, b: usize) -> bool {
        let Some(other) = self.routers.get(b) else {
            return false;
        };
        let ways = self.ways(a, *other, self.segment);
        self.hears(a, b)
            && ways.is_some_and(|(segment, _, to)| segment.conditions(to) == Conditions::GOOD)
    }

    fn host_hears(&self, router: usize, host: NodeId) -> bool {
        let ways = self.ways(router, host, 0);
        ways.is_some_and(|(segment, from, to)| segment.path(from, to).is_some())
    }

    /// Whether the router's kernel answers for the addresses, whether or not a process runs.
    fn answers(&self, router: usize) -> bool {
        matches!(self.power(router), Power::On | Power::Frozen)
            && self
                .subject(router)
                .is_some_and(|subject| subject.has_addresses(self.segment))
    }
}

fn see_routers<S: Subject>(seeing: &Seeing<'_, S>, watch: &mut Watch) {
    let now = seeing.world.now();
    for (router, seen) in watch.routers.iter_mut().enumerate() {
        let views = seeing.subject(router).map_or(&[][..], Subject::views);
        let view = views.get(seeing.segment).copied().unwrap_or_default();
        if view.announced > seen.view.announced {
            seen.announced = Some(now);
        }
        let runs = seeing.power(router) == Power::On;
        since(&mut seen.active, now, runs && view.role == Role::Active);
        since(&mut seen.backup, now, runs && view.role == Role::Backup);
        seen.view = view;
    }
}

fn see_alone<S: Subject>(seeing: &Seeing<'_, S>, watch: &mut Watch) {
    let now = seeing.world.now();
    let active: Vec<_> = watch
        .routers
        .iter()
        .map(|seen| seen.active.is_some())
        .collect();
    for (b, seen) in watch.routers.iter_mut().enumerate() {
        let heard = |&(a, active): &(usize, &bool)| *active && a != b && seeing.may_hear(a, b);
        let heard: Vec<_> = active
            .iter()
            .enumerate()
            .filter(heard)
            .map(|(a, _)| a)
            .collect();
        since(
            &mut seen.alone,
            now,
            seen.backup.is_some() && heard.is_empty(),
        );
        if let Some(release) = &mut seen.released {
            release.left |= !heard.contains(&release.by);
            let others = heard.iter().any(|a| *a != release.by || release.left);
            if seen.backup.is_none() || others {
                seen.released = None;
            }
        }
    }
}

/// Sets `start` to `now` when something begins to hold, and clears it when it no longer does.
fn since(start: &mut Option<Instant>, now: Instant, holds: bool) {
    *start = if holds {
        Some(start.unwrap_or(now))
    } else {
        None
    };
}

/// Every pair of different routers, once.
fn couples(routers: &[Seen]) -> impl Iterator<Item = ((usize, &Seen), (usize, &Seen))> {
    routers.iter().enumerate().flat_map(|a| {
        routers
            .iter()
            .enumerate()
            .skip(a.0 + 1)
            .map(move |b| (a, b))
    })
}

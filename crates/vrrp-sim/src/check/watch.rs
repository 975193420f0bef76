//! Since when things are as they are, on one segment.

use crate::lan::{Conditions, NodeId, PortId, Segment};
use crate::node::{Subject, View};
use crate::scenario::Station;
use crate::world::{Power, World};
use core::time::Duration;
use vrrp_fsm::{Instant, Preempt, Role, Status};
use vrrp_proto::Priority;

/// What is remembered of a segment.
#[derive(Debug)]
pub(super) struct Watch {
    /// By router.
    pub(super) routers: Vec<Seen>,
    /// By router and router.
    pub(super) pairs: Vec<Vec<Pair>>,
    /// Who is the only machine whose kernel answers for the addresses, and since when.
    pub(super) holder: Option<(usize, Instant)>,
    /// By host and router: since when the host hears the router.
    pub(super) hears: Vec<Vec<Option<Instant>>>,
    /// By listener and speaker.
    pub(super) words: Vec<Vec<Words>>,
    /// Who goes on serving although hosts were told otherwise, and must announce.
    pub(super) owed: Vec<Owed>,
}

/// An announcement that is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    /// Whose.
    pub(super) by: usize,
    /// Not before then.
    pub(super) since: Instant,
    /// Not after.
    pub(super) due: Instant,
}

/// What a router may have heard of another one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Words {
    /// When it may have spoken as Active for the last time.
    pub(super) last: Option<Instant>,
    /// With which priority.
    pub(super) priority: Priority,
    /// Whether it may go on.
    still: bool,
    /// Since when everything of it is heard at once and in order.
    pub(super) good: Option<Instant>,
}

/// What is remembered of a router.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) view: View,
    /// Since when it has this priority.
    pub(super) ranked: Instant,
    /// When it was last told to stay after all, in the middle of a handover.
    pub(super) undrained: Instant,
    /// Since when it is Active and its process runs.
    pub(super) active: Option<Instant>,
    /// Since when it is Backup and its process runs.
    pub(super) backup: Option<Instant>,
    /// It was Backup a moment ago, and is Active now.
    pub(super) took_over: bool,
    /// Since when it can hear no Active router, while Backup.
    pub(super) alone: Option<Instant>,
    /// The only Active router that it can hear, while Backup, and since when.
    pub(super) leader: Option<(usize, Instant)>,
    /// Since when that one is lower and to be preempted, and surely heard.
    pub(super) outranks: Option<Instant>,
    /// It follows the leader: adverts come, each sets its timer anew.
    pub(super) follows: bool,
    /// Until when it did so, if it is only silence that has come since.
    pub(super) followed: Option<Instant>,
    /// The last Active router said over a good cable that it leaves.
    pub(super) released: Option<Release>,
    /// When its process last stopped without a word.
    pub(super) vanished: Option<Instant>,
    /// When it last announced its addresses.
    pub(super) announced: Option<Instant>,
}

/// An Active router has left with priority 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    pub(super) at: Instant,
    pub(super) by: usize,
    /// It has left: until its turn, at the same time, it is Active.
    pub(super) left: bool,
    /// When another one became Active. It may have been heard at once, or only after a frame's time:
    /// who was released at the same moment and is as fast takes over, too.
    pub(super) overtaken: Option<Instant>,
}

/// What is remembered of two routers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair {
    /// Since when each hears all of the other.
    pub(super) clear: Option<Instant>,
    /// Since when both are Active besides.
    pub(super) both: Option<Instant>,
    /// Whether both had been Active before they could hear each other.
    pub(super) healed: bool,
}

impl Watch {
    pub(super) fn new(routers: usize, hosts: usize) -> Self {
        Self {
            routers: vec![Seen::default(); routers],
            pairs: vec![vec![Pair::default(); routers]; routers],
            holder: None,
            hears: vec![vec![None; routers]; hosts],
            words: vec![vec![Words::default(); routers]; routers],
            owed: Vec::new(),
        }
    }

    /// What two routers know of each other.
    pub(super) fn pair(&mut self, a: usize, b: usize) -> Option<&mut Pair> {
        self.pairs.get_mut(a.min(b))?.get_mut(a.max(b))
    }

    /// Looks at every router. After `settled` without a change, an advert must have come; what was
    /// said less than `worst` ago may still be unread.
    pub(super) fn see<S: Subject>(
        &mut self,
        seeing: &Seeing<'_, S>,
        (settled, worst): (Duration, Duration),
        preempts: &[Preempt],
    ) {
        let now = seeing.world.now();
        for (router, seen) in self.routers.iter_mut().enumerate() {
            seen.see(now, seeing.power(router) == Power::On, seeing.view(router));
        }
        for a in 0..self.routers.len() {
            for b in a + 1..self.routers.len() {
                let clear = seeing.hears(a, b) && seeing.hears(b, a);
                if let Some(pair) = self.pair(a, b) {
                    since(&mut pair.clear, now, clear);
                }
            }
        }
        for (b, preempt) in preempts.iter().enumerate() {
            self.see_others(seeing, b, *preempt, (settled, worst));
        }
    }

    /// Whom router `b` can hear, and what follows from it.
    fn see_others<S: Subject>(
        &mut self,
        seeing: &Seeing<'_, S>,
        b: usize,
        preempt: Preempt,
        (settled, worst): (Duration, Duration),
    ) {
        let now = seeing.world.now();
        let others = self.routers.iter().enumerate().filter(|&(a, _)| a != b);
        let heard = others.filter(|(a, seen)| seen.active.is_some() && seeing.may_hear(*a, b));
        let heard: Vec<usize> = heard.map(|(a, _)| a).collect();
        for (a, words) in self.words.get_mut(b).into_iter().flatten().enumerate() {
            let speaks = heard.contains(&a);
            if speaks || words.still {
                words.last = Some(now);
            }
            if let Some(seen) = self.routers.get(a).filter(|_| speaks) {
                words.priority = seen.view.priority;
            }
            words.still = speaks;
            since(&mut words.good, now, seeing.good_cable(a, b));
        }
        let first = heard.first().filter(|_| heard.len() == 1).copied();
        let other = first.and_then(|a| self.routers.get(a).copied().map(|seen| (a, seen)));
        let clear = first.and_then(|a| self.pair(a, b).and_then(|pair| pair.clear));
        let last = self
            .routers
            .get(b)
            .and_then(|seen| seen.leader)
            .map(|(a, _)| a);
        let last = last.and_then(|a| self.routers.get(a)).copied();
        let by = self
            .routers
            .get(b)
            .and_then(|seen| seen.released)
            .map(|release| release.by);
        let silenced = by
            .and_then(|by| self.routers.get(by))
            .and_then(|seen| seen.vanished);
        let Some(seen) = self.routers.get_mut(b) else {
            return;
        };

        let followed = seen.follows;
        if followed {
            seen.followed = Some(now);
        }
        since(
            &mut seen.alone,
            now,
            seen.backup.is_some() && heard.is_empty(),
        );
        seen.leader = match (seen.backup, first, seen.leader) {
            (None, ..) | (_, None, _) => None,
            (Some(_), Some(a), Some((was, since))) if a == was => Some((a, since)),
            (Some(_), Some(a), _) => Some((a, now)),
        };
        if let Some(release) = &mut seen.released {
            let leaves = !release.left && !heard.contains(&release.by);
            if leaves {
                (release.left, release.at) = (true, now);
            }
            let others = heard.iter().any(|a| *a != release.by || release.left);
            if others {
                release.overtaken.get_or_insert(now);
            }
            let others = release.overtaken.is_some_and(|at| now > at + worst);
            let spoke = silenced != Some(now) && seeing.good_cable(release.by, b);
            if others || (leaves && !spoke) || (seen.backup.is_none() && !seen.took_over) {
                seen.released = None;
            }
        }
        let owner = seen.view.priority.is_owner();
        let (outranks, follows) = match (other, seen.leader, seen.backup, clear) {
            (Some((_, leader)), Some((_, since)), Some(backup), Some(clear)) => {
                let lower = leader.view.priority < seen.view.priority;
                let accepts = !lower || (preempt == Preempt::Never && !owner);
                let start = since
                    .max(backup)
                    .max(clear)
                    .max(leader.ranked)
                    .max(seen.ranked);
                let draining = leader.view.status == Status::Draining;
                (
                    (lower && !accepts).then_some(start),
                    accepts && !draining && now > start + settled,
                )
            }
            _ => (None, false),
        };
        seen.outranks = outranks;
        seen.follows = follows;
        // Only silence, or a priority 0 that is known of, may have come since it followed.
        let silent = last.is_some_and(|a| a.active.is_some() || a.vanished == Some(now));
        let known = seen.released.is_some_and(|release| release.at == now);
        let ended = followed && !follows && !silent && !known;
        let disturbed =
            !follows && !heard.is_empty() || seen.followed.is_some_and(|f| f < seen.ranked);
        if !seen.took_over && (seen.backup.is_none() || ended || disturbed) {
            seen.followed = None;
        }
    }
}

impl Seen {
    /// Whether it is Active and not on its way out.
    pub(super) fn serves(&self) -> bool {
        self.active.is_some() && self.view.status != Status::Draining
    }

    /// Whether it is no longer Active because it heard somebody else who is.
    pub(super) fn gave_way(&self) -> bool {
        self.backup.is_some() || self.view.status == Status::Drained
    }

    fn see(&mut self, now: Instant, runs: bool, view: View) {
        if view.announced > self.view.announced {
            self.announced = Some(now);
        }
        if view.priority != self.view.priority {
            self.ranked = now;
        }
        if (self.view.status, view.status) == (Status::Draining, Status::Active) {
            self.undrained = now;
        }
        let was_backup = self.backup.is_some();
        since(&mut self.active, now, runs && view.role == Role::Active);
        since(&mut self.backup, now, runs && view.role == Role::Backup);
        self.took_over = was_backup && self.active.is_some();
        self.view = view;
    }
}

/// A world, from one segment's point of view.
pub(super) struct Seeing<'a, S> {
    pub(super) world: &'a World<Station<S>>,
    pub(super) segment: usize,
    pub(super) routers: &'a [NodeId],
}

impl<S: Subject> Seeing<'_, S> {
    pub(super) fn subject(&self, router: usize) -> Option<&S> {
        self.world.node(*self.routers.get(router)?)?.router()
    }

    fn view(&self, router: usize) -> View {
        let views = self.subject(router).map_or(&[][..], Subject::views);
        views.get(self.segment).copied().unwrap_or_default()
    }

    fn power(&self, router: usize) -> Power {
        self.routers
            .get(router)
            .map_or(Power::Off, |id| self.world.power(*id))
    }

    /// The segment, and where a router and another machine are attached to it.
    fn ways(&self, router: usize, to: NodeId, iface: usize) -> Option<(&Segment, PortId, PortId)> {
        let (segment, from) = self.world.port(*self.routers.get(router)?, self.segment)?;
        let (_, to) = self.world.port(to, iface)?;
        Some((self.world.segment(segment)?, from, to))
    }

    fn between(&self, a: usize, b: usize) -> Option<(&Segment, PortId, PortId)> {
        self.ways(a, *self.routers.get(b)?, self.segment)
    }

    /// Whether `b` hears all that `a` says.
    fn hears(&self, a: usize, b: usize) -> bool {
        let up = self.power(a) == Power::On && self.power(b) == Power::On;
        up && self
            .between(a, b)
            .is_some_and(|(s, from, to)| s.path(from, to).is_some())
    }

    /// Whether `b` may hear anything that `a` says.
    fn may_hear(&self, a: usize, b: usize) -> bool {
        self.between(a, b)
            .is_some_and(|(s, from, to)| s.connected(from, to))
    }

    /// Whether `b` hears all that `a` says, at once and in order.
    pub(super) fn good_cable(&self, a: usize, b: usize) -> bool {
        let good = |(s, _, to): (&Segment, PortId, PortId)| s.conditions(to) == Conditions::GOOD;
        self.hears(a, b) && self.between(a, b).is_some_and(good)
    }

    pub(super) fn host_hears(&self, router: usize, host: NodeId) -> bool {
        let ways = self.ways(router, host, 0);
        ways.is_some_and(|(segment, from, to)| segment.path(from, to).is_some())
    }

    /// Whether the router's kernel answers for the addresses, whether or not a process runs.
    pub(super) fn answers(&self, router: usize) -> bool {
        matches!(self.power(router), Power::On | Power::Frozen)
            && self
                .subject(router)
                .is_some_and(|subject| subject.has_addresses(self.segment))
    }
}

/// Sets `start` to `now` when something begins to hold, and clears it when it no longer does.
pub(super) fn since(start: &mut Option<Instant>, now: Instant, holds: bool) {
    *start = if holds {
        Some(start.unwrap_or(now))
    } else {
        None
    };
}

//! What is demanded of what was seen.

use super::watch::{Owed, Pair, Release, Seeing, Seen, Watch, Words, since};
use super::{Checker, Promise};
use crate::host::EndHost;
use crate::node::Subject;
use crate::scenario::Station;
use core::time::Duration;
use vrrp_fsm::{Instant, Preempt, Status};

impl Checker {
    pub(super) fn one_active<S: Subject>(&mut self, seeing: &Seeing<'_, S>, watch: &mut Watch) {
        for a in 0..watch.routers.len() {
            for b in a + 1..watch.routers.len() {
                self.one_of_two(seeing, watch, a, b);
            }
        }
        self.announced(seeing.world.now(), watch);
    }

    /// Who serves and hears that another router has told the hosts that it does tells them again.
    ///
    /// Hearing is what counts: whoever announced before its adverts could be heard, and is silent
    /// when the next one is due, leaves nothing by which any protocol could know of it. A router
    /// that hands over leaves the hosts to its taker, and owes them nothing until it is told to stay.
    fn announced(&mut self, now: Instant, watch: &mut Watch) {
        let settled = self.slack(self.interval + self.worst * 2);
        let patience = self.patience() * 2;
        for b in 0..watch.routers.len() {
            let Some(active) = watch
                .routers
                .get(b)
                .filter(|seen| seen.announced == Some(now))
                .and_then(|seen| seen.active)
            else {
                continue;
            };
            for a in (0..watch.routers.len()).filter(|a| *a != b) {
                let serves = watch.routers.get(a).is_some_and(Seen::serves);
                let clear = watch.pair(a, b).and_then(|pair| pair.clear);
                // Its first advert was heard, or a later one.
                let heard =
                    clear.is_some_and(|clear| clear < active || now > clear.max(active) + settled);
                if serves && heard {
                    let due = now + patience;
                    watch.owed.push(Owed {
                        by: a,
                        since: now,
                        due,
                    });
                }
            }
        }
        if !self.announces_again {
            watch.owed.clear();
        }
        let mut owed = core::mem::take(&mut watch.owed);
        owed.retain_mut(|owed| {
            let Some(seen) = watch.routers.get(owed.by).filter(|s| s.active.is_some()) else {
                return false;
            };
            if seen.announced.is_some_and(|at| at >= owed.since) {
                return false;
            }
            if !seen.serves() {
                owed.due = owed.due.max(now + patience);
            }
            if now <= owed.due {
                self.due_at(owed.due);
                return true;
            }
            let (r, since) = (owed.by + 1, owed.since);
            let what = format!("r{r} serves, another one did at {since}, and r{r} is silent");
            self.broken(now, Promise::Announced, what);
            false
        });
        watch.owed = owed;
    }

    fn one_of_two<S: Subject>(
        &mut self,
        seeing: &Seeing<'_, S>,
        watch: &mut Watch,
        a: usize,
        b: usize,
    ) {
        let now = seeing.world.now();
        let (Some(&x), Some(&y)) = (watch.routers.get(a), watch.routers.get(b)) else {
            return;
        };
        let Some(pair) = watch.pair(a, b) else { return };
        let before = *pair;
        let both = pair.clear.is_some() && x.active.is_some() && y.active.is_some();
        since(&mut pair.both, now, both);
        match (before.both, pair.both, pair.clear) {
            (None, Some(_), Some(clear)) => {
                let earlier = |since: Option<Instant>| since.is_some_and(|active| active <= clear);
                pair.healed = earlier(x.active) && earlier(y.active);
            }
            (Some(start), None, Some(clear)) => {
                let (winner, loser, last) = match (x.active, y.active) {
                    (Some(_), None) if y.gave_way() => (a, b, y.announced),
                    (None, Some(_)) if x.gave_way() => (b, a, x.announced),
                    _ => return,
                };
                if core::mem::take(&mut pair.healed) {
                    // What the other one said to the hosts before it gave way counts, too.
                    let since = last.map_or(clear, |last| clear.max(last));
                    let due = now + self.patience();
                    let by = winner;
                    watch.owed.push(Owed { by, since, due });
                }
                self.greater_stays(now, watch, (winner, loser), start);
            }
            _ => {}
        }
        let Some(Pair {
            both: Some(start), ..
        }) = watch.pair(a, b).copied()
        else {
            return;
        };
        // A router that hands over waits for a second advert; two that do so, for their fallback.
        let intervals = match (x.view.status, y.view.status) {
            (Status::Draining, Status::Draining) => 5,
            (Status::Draining, _) | (_, Status::Draining) => 2,
            _ => 1,
        };
        let bound = self.slack(self.interval * intervals + self.worst * 4);
        let start = start.max(x.undrained).max(y.undrained);
        if now > start + bound {
            let (r, q, s) = (a + 1, b + 1, seeing.segment);
            let what = format!("r{r} and r{q} on segment {s} since {start}, and hear each other");
            if let Some(pair) = watch.pair(a, b) {
                pair.both = Some(now);
            }
            self.broken(now, Promise::OneActive, what);
        } else {
            self.due_at(start + bound);
        }
    }

    /// Of two Active routers the greater priority stays, then the greater address.
    fn greater_stays(
        &mut self,
        now: Instant,
        watch: &Watch,
        (winner, loser): (usize, usize),
        start: Instant,
    ) {
        let (Some(w), Some(l)) = (watch.routers.get(winner), watch.routers.get(loser)) else {
            return;
        };
        let settled = w.ranked.max(l.ranked) + self.worst * 2 < start && start < now;
        let only = l.leader.is_some_and(|(leader, _)| leader == winner);
        let rank = |seen: &Seen, at: usize| (seen.view.priority, at);
        let handover = w.view.status == Status::Draining;
        // Words of a third one, which is silent or cut off since, may have been read after that.
        let third = |c: usize, words: &Words| {
            let unread = words.last.is_some_and(|last| now <= last + self.worst * 2);
            c != winner && unread && (words.priority, c) > rank(l, loser)
        };
        let heard = watch.words.get(loser).into_iter().flatten().enumerate();
        let excused = { heard }.any(|(c, words)| third(c, words));
        if settled && only && !handover && !excused && rank(l, loser) > rank(w, winner) {
            let (w, l) = (winner + 1, loser + 1);
            self.broken(
                now,
                Promise::RightOne,
                format!("r{l} gives way to r{w}, which is lower"),
            );
        }
    }

    /// A Backup waits as long as it must, whatever it waits for.
    pub(super) fn no_haste<S: Subject>(&mut self, seeing: &Seeing<'_, S>, watch: &Watch) {
        let now = seeing.world.now();
        for (b, seen) in watch.routers.iter().enumerate() {
            let Some(followed) = seen.followed.filter(|_| seen.took_over) else {
                continue;
            };
            let priority = seen.view.priority;
            let (from, wait) = match seen.released {
                Some(Release { at, .. }) => (at, self.skew_time(priority)),
                None => (
                    followed,
                    self.active_down_interval(priority) - self.interval,
                ),
            };
            let wait = wait.saturating_sub(wait / 1000 + Duration::from_micros(2));
            if now < from + wait {
                let (r, s) = (b + 1, seeing.segment);
                let what = format!("r{r} on segment {s} followed until {from}, waits for {wait:?}");
                self.broken(now, Promise::NoHaste, what);
            }
        }
    }

    /// A Backup that hears no Active router, or one that it is to preempt, is Active in time.
    pub(super) fn in_time(&mut self, now: Instant, watches: &mut [Watch]) {
        let group = watches.len() > 1;
        for b in 0..self.routers.len() {
            // A sync group goes when all its members want to.
            let mut from = Instant::ZERO;
            let mut patience = Duration::ZERO;
            let mut released = None;
            let mut alone = true;
            let mut wants = true;
            for watch in watches.iter() {
                let Some(seen) = watch.routers.get(b) else {
                    continue;
                };
                let start = match (seen.alone, seen.outranks) {
                    (Some(alone), _) => alone.max(seen.backup.unwrap_or(alone)),
                    (None, Some(outranks)) => outranks,
                    (None, None) => {
                        wants = false;
                        break;
                    }
                };
                alone &= seen.alone.is_some();
                from = from.max(start);
                let priority = seen.view.priority;
                patience = patience.max(self.active_down_interval(priority));
                released = seen
                    .released
                    .filter(|r| r.overtaken.is_none())
                    .map(|r| (r.at, self.skew_time(priority)))
                    .filter(|_| !group);
            }
            if !wants {
                continue;
            }
            if group {
                patience *= 2;
            }
            if !alone {
                // The first lower advert may be an interval away, and a delay begins with it.
                patience += self.interval + self.worst * 2;
                if let Some(Preempt::After(delay)) = self.preempts.get(b) {
                    patience += *delay + self.interval;
                }
            }
            let mut due = from + self.slack(patience + self.worst);
            if let Some((at, skew)) = released.filter(|_| alone) {
                due = due.min(at + self.slack(skew + self.worst));
            }
            if now <= due {
                self.due_at(due);
                continue;
            }
            let (promise, why) = if alone {
                (Promise::SomeActive, "hears nobody")
            } else {
                (Promise::RightOne, "hears nobody but a lower router")
            };
            self.broken(
                now,
                promise,
                format!("r{} {why} since {from}, is due since {due}", b + 1),
            );
            for seen in watches
                .iter_mut()
                .filter_map(|watch| watch.routers.get_mut(b))
            {
                seen.backup = seen.backup.map(|_| now);
                seen.leader = seen.leader.map(|(leader, _)| (leader, now));
                seen.released = None;
            }
        }
    }

    pub(super) fn right_caches<S: Subject>(&mut self, seeing: &Seeing<'_, S>, watch: &mut Watch) {
        let (world, segment, now) = (seeing.world, seeing.segment, seeing.world.now());
        let mut holders = (0..seeing.routers.len()).filter(|&router| seeing.answers(router));
        let sole = holders.next().filter(|_| holders.next().is_none());
        watch.holder = match (sole, watch.holder) {
            (Some(at), Some((was, since))) if at == was => Some((at, since)),
            (Some(at), _) => Some((at, now)),
            (None, _) => None,
        };
        let hosts: Vec<_> = self.hosts.iter().copied().enumerate().collect();
        let here = hosts
            .into_iter()
            .filter(|(h, _)| h % self.segments.max(1) == segment);
        for ((h, host), hears) in here.collect::<Vec<_>>().into_iter().zip(&mut watch.hears) {
            for (router, hears) in hears.iter_mut().enumerate() {
                since(hears, now, seeing.host_hears(router, host));
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
            // What others still say may come behind the announcement.
            let others = watch
                .routers
                .iter()
                .enumerate()
                .filter(|(r, _)| *r != router);
            let others = others
                .filter_map(|(_, seen)| seen.announced)
                .max()
                .unwrap_or_default();
            if alone.max(others) + self.worst * 2 > announced || hears >= announced {
                continue;
            }
            let heard = announced + self.slack(self.worst);
            let mac = seeing
                .subject(router)
                .and_then(|subject| subject.mac(segment));
            let believed = world
                .node(host)
                .and_then(Station::host)
                .and_then(EndHost::neighbour);
            if now <= heard {
                self.due_at(heard);
            } else if believed.is_some() && believed != mac {
                let (h, r) = (h + 1, router + 1);
                let what =
                    format!("h{h} sends elsewhere than to r{r}, which announced at {announced}");
                self.broken(now, Promise::RightCaches, what);
            }
        }
    }
}

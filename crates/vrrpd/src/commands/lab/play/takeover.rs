//! A takeover: waited for, measured, judged.

use core::time::Duration;
use std::time::SystemTime;

use vrrp_proto::{AdvertInterval, Priority, Version};

use super::super::judge::{Deviation, Seconds, Verdict, down, judge, skew};
use super::super::stage::Sent;
use super::{PATIENCE, Play, Row, Since, longest};

impl Play {
    /// Waits for a new Active node, judges when it came and whether it does its work.
    pub(super) fn takeover(
        &mut self,
        router: usize,
        event: &str,
        from: SystemTime,
        since: Since,
        wanted: Option<usize>,
    ) {
        let Some(watched) = self.router(router) else {
            return;
        };
        let label = self.label(router, event);
        let old = match since {
            Since::LastAdvert { of } | Since::Farewell { of } => Some(of),
            Since::Program { .. } => None,
        };
        let heir = wanted.or_else(|| {
            let mut heirs = self.stage.running(watched);
            heirs
                .find(|m| Some(m.node) != old && !self.is_tracking(m))
                .map(|m| m.node)
        });
        let patience = longest(watched, &self.stage);
        if let (None, Some(old)) = (heir, old)
            && self.stage.running(watched).all(|m| m.node == old)
        {
            self.say(&format!("{label}: no other node has this virtual router"));
            return;
        }
        let found = self.watch(patience, |play| {
            let serves = |s: &Sent| Some(s.node) != old && !s.advert.priority.is_relinquish();
            let wanted = |s: &Sent| serves(s) && wanted.is_none_or(|w| w == s.node);
            let sent = play.stage.first(play.router(router)?, from, wanted);
            (sent.is_some() || play.bury()).then_some(sent)
        });
        let Some(sent) = found.flatten() else {
            self.faults.push(format!(
                "{label}: nobody took over within {}",
                Seconds(patience)
            ));
            return;
        };
        let name = self.name(sent.node);
        if let Some(heir) = heir
            && heir != sent.node
        {
            let heir = self.name(heir);
            self.faults
                .push(format!("{label}: {name} took over, and not {heir}"));
        }
        let times = self.times(router, since, from, &sent);
        let text = match times {
            Some((expected, measured, allowed)) => {
                // The advert before was perhaps heard late, and the timer too.
                let verdict = judge(expected, measured, allowed + 2 * self.stalled);
                let deviation = Deviation { expected, measured };
                if verdict != Verdict::Right {
                    let wrong = if verdict == Verdict::Early {
                        "too early"
                    } else {
                        "too late"
                    };
                    self.faults.push(format!(
                        "{label}: {name} took over {wrong}: after {}, {deviation} from the {} of the RFC",
                        Seconds(measured),
                        Seconds(expected),
                    ));
                }
                format!("{} after {} ({deviation})", took(since), Seconds(measured))
            }
            None => {
                if let Since::Farewell { .. } = since {
                    self.faults
                        .push(format!("{label}: no advert of priority 0 was seen"));
                }
                "took over".into()
            }
        };
        let line = self.label(router, &format!("{name} is Active: {text}"));
        self.say(&line);
        self.hold(router, sent.node);
        self.announced(router, sent.node, sent.at);
        // At the start the address has not been there before: nothing can be lost.
        let pings = self.pings(router, from).filter(|_| {
            !matches!(
                since,
                Since::Program {
                    preempts: false,
                    ..
                }
            )
        });
        self.rows.push(Row {
            event: format!("{label} → {name} Active"),
            times: times.map(|(expected, measured, _)| (expected, measured)),
            pings,
            crash: matches!(since, Since::LastAdvert { .. }),
        });
    }

    /// Expected and measured time, and the difference that makes it a late one.
    fn times(
        &self,
        router: usize,
        since: Since,
        from: SystemTime,
        sent: &Sent,
    ) -> Option<(Duration, Duration, Duration)> {
        let watched = self.router(router)?;
        let member = watched.members.iter().find(|m| m.node == sent.node)?;
        let instance = self.stage.topology.instance(member)?;
        let (version, priority) = (sent.advert.version, sent.advert.priority);
        let missed = instance.down_timer_adverts;
        let own = sent
            .advert
            .interval
            .map_or(instance.advert_int, AdvertInterval::as_duration);
        // VRRPv3 learns the interval from the Active router; VRRPv2 has its own.
        let learned = |old: &Sent| match version {
            Version::V2 => own,
            Version::V3 => old.advert.interval.map_or(own, AdvertInterval::as_duration),
        };
        let (expected, start, interval) = match since {
            Since::Program { at, preempts } => {
                let globals = self
                    .stage
                    .topology
                    .nodes
                    .get(sent.node)
                    .map(|n| &n.config.globals)?;
                let wait = globals.startup_delay
                    + if preempts {
                        instance.preempt_delay
                    } else {
                        Duration::ZERO
                    };
                let down = if priority == Priority::OWNER {
                    Duration::ZERO
                } else {
                    down(version, priority, own, missed)
                };
                (wait + down, at, own + PATIENCE)
            }
            Since::LastAdvert { of } => {
                let last = self
                    .stage
                    .last(watched, |s| s.node == of && s.at < sent.at)?;
                let interval = learned(&last);
                (down(version, priority, interval, missed), last.at, interval)
            }
            Since::Farewell { of } => {
                let resigned = |s: &Sent| s.node == of && s.advert.priority.is_relinquish();
                let farewell = self.stage.first(watched, from, resigned)?;
                let before = self
                    .stage
                    .last(watched, |s| s.node == of && s.at < farewell.at)?;
                let interval = learned(&before);
                (skew(version, priority, interval), farewell.at, interval)
            }
        };
        Some((
            expected,
            sent.at.duration_since(start).unwrap_or_default(),
            interval,
        ))
    }
}

fn took(since: Since) -> &'static str {
    match since {
        Since::Program { .. } => "it took over",
        Since::LastAdvert { .. } => "it waited out the Active_Down_Interval, and took over",
        Since::Farewell { .. } => "it heard priority 0, waited out its Skew_Time, and took over",
    }
}

//! The play: start, a plug pulled, a graceful stop, a return; each measured from captured packets and judged.

use core::time::Duration;
use std::io;
use std::time::{Instant, SystemTime};

use vrrp_proto::{AdvertInterval, Priority, Version};

use super::judge::{Deviation, Seconds, Verdict, down, judge, skew};
use super::screen::Screen;
use super::stage::{Condition, PING, Sent, Stage};
use super::topology::{Member, Router};

/// How often a terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(200);
/// What a program may need to start, to end, or to change an address, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// What happened, and to whom.
    pub event: String,
    /// By the RFC, and by the capture.
    pub times: Option<(Duration, Duration)>,
    /// Pings without an answer, from the event until the address answered again, and how long it was dark.
    pub pings: Option<(usize, Duration)>,
    /// A plug was pulled: these are what `--runs` makes a median of.
    pub crash: bool,
}

/// The play while it runs, and what came of it.
pub(super) struct Play {
    pub stage: Stage,
    pub rows: Vec<Row>,
    /// What was not as it should be.
    pub faults: Vec<String>,
    screen: Screen,
    begun: Instant,
    redrawn: Instant,
}

/// What a takeover is counted from.
#[derive(Clone, Copy)]
enum Since {
    /// The start of the new Active router's program, which finds nobody better.
    Program { at: SystemTime, returns: bool },
    /// The last advert of a router that died.
    LastAdvert { of: usize },
    /// The priority 0 of a router that was stopped.
    Farewell { of: usize },
}

impl Play {
    pub(super) fn new(stage: Stage, screen: Screen) -> Self {
        let now = Instant::now();
        Self {
            stage,
            rows: Vec::new(),
            faults: Vec::new(),
            screen,
            begun: now,
            redrawn: now,
        }
    }

    /// Plays it. An error is the lab's own; what the daemons do wrong goes to [`Play::faults`].
    pub(super) fn run(&mut self, runs: usize) -> io::Result<()> {
        self.start()?;
        for run in 0..runs {
            if !self.faults.is_empty() {
                break;
            }
            if let Some(node) = self.crash()? {
                // The last one of the dead returns after the graceful stop, if enough are left for that.
                let (last, spare) = (run + 1 == runs, self.alive() > 1);
                if last && spare {
                    self.stop()?;
                }
                self.come_back(node)?;
                if last && !spare {
                    self.stop()?;
                }
            }
        }
        self.end()
    }

    fn start(&mut self) -> io::Result<()> {
        let mut started = Vec::new();
        for node in 0..self.stage.topology.nodes.len() {
            started.push(self.stage.start(node)?);
        }
        self.say(&format!("{} daemons started", started.len()));
        for router in 0..self.stage.topology.routers.len() {
            let first = self
                .router(router)
                .and_then(|r| r.members.first())
                .map(|m| m.node);
            if let Some(node) = first
                && let Some(at) = started.get(node).copied()
            {
                let event = format!("{} starts", self.name(node));
                self.takeover(
                    router,
                    &event,
                    at,
                    Since::Program { at, returns: false },
                    Some(node),
                );
            }
        }
        Ok(())
    }

    /// Pulls the plug of the first router's Active node. The answer is that node, if there was one to lose.
    fn crash(&mut self) -> io::Result<Option<usize>> {
        let Some(node) = self.settled() else {
            return Ok(None);
        };
        let theirs = self.routers_of(node);
        let since = SystemTime::now();
        self.stage.crash(node)?;
        let event = format!("{}'s plug is pulled", self.name(node));
        self.say(&format!("{event}: its daemon killed, its links cut"));
        for router in theirs {
            self.takeover(router, &event, since, Since::LastAdvert { of: node }, None);
        }
        Ok(Some(node))
    }

    /// Stops the first router's Active node with SIGTERM.
    fn stop(&mut self) -> io::Result<()> {
        let Some(node) = self.settled() else {
            return Ok(());
        };
        let theirs = self.routers_of(node);
        let since = self.stage.terminate(node)?;
        let event = format!("{} is stopped", self.name(node));
        self.say(&format!("{event} (SIGTERM)"));
        for router in theirs {
            self.takeover(router, &event, since, Since::Farewell { of: node }, None);
        }
        self.check_end(node)
    }

    /// Brings a node back whose plug was pulled, with whatever its kernel still has.
    fn come_back(&mut self, node: usize) -> io::Result<()> {
        let at = self.stage.start(node)?;
        let event = format!("{} comes back", self.name(node));
        self.say(&event);
        for router in 0..self.stage.topology.routers.len() {
            let Some((priority, preempt, patience)) = self.router(router).and_then(|r| {
                let member = r.members.iter().find(|m| m.node == node)?;
                let instance = self.stage.topology.instance(member)?;
                Some((
                    instance.priority,
                    instance.preempt,
                    down_at_most(&self.stage, member)?,
                ))
            }) else {
                continue;
            };
            let rival = self.router(router).and_then(|r| self.stage.active(r));
            let lower = rival.is_none_or(|rival| self.priority(router, rival) < Some(priority));
            // What its kernel kept of the address must be gone before it serves again.
            if let Some(rival) = rival {
                self.hold(router, rival);
            }
            if lower && (preempt || rival.is_none()) {
                self.takeover(
                    router,
                    &event,
                    at,
                    Since::Program { at, returns: true },
                    Some(node),
                );
                continue;
            }
            // It must not take over. By then it would have.
            let why = if preempt {
                "its priority is lower"
            } else {
                "nopreempt"
            };
            let early = self.watch(patience, |play| {
                play.router(router)
                    .and_then(|r| play.stage.first(r, at, |s| s.node == node))
            });
            if early.is_some() {
                self.faults
                    .push(format!("{event} and takes over, although {why}"));
            }
            if let Some(rival) = rival {
                self.hold(router, rival);
            }
            let pings = self.pings(router, at);
            let event = self.label(router, &format!("{event}, stays Backup ({why})"));
            self.rows.push(Row {
                event,
                times: None,
                pings,
                crash: false,
            });
        }
        Ok(())
    }

    /// Stops what still runs: every daemon must end well, and leave nothing.
    fn end(&mut self) -> io::Result<()> {
        let up = |play: &Self, n: &usize| play.stage.condition(*n) == Condition::Up;
        let nodes: Vec<_> = (0..self.stage.topology.nodes.len())
            .filter(|n| up(self, n))
            .collect();
        for node in &nodes {
            self.stage.terminate(*node)?;
        }
        self.say("everything is stopped");
        for node in nodes {
            self.check_end(node)?;
        }
        for router in 0..self.stage.topology.routers.len() {
            let Some(address) = self.router(router).and_then(|r| r.address) else {
                continue;
            };
            let left = self.stage.holders(address)?;
            for (node, shown) in left {
                let name = self.name(node);
                self.faults.push(format!(
                    "{name} still has the address after its end: {shown}"
                ));
            }
        }
        self.screen.block(Vec::new());
        Ok(())
    }

    fn check_end(&mut self, node: usize) -> io::Result<()> {
        let status = self.watch(PATIENCE, |play| play.stage.ended(node));
        let name = self.name(node);
        match status {
            Some(0) => {}
            Some(status) => self
                .faults
                .push(format!("{name} ended with status {status} on SIGTERM")),
            None => self
                .faults
                .push(format!("{name} did not end within {PATIENCE:?} of SIGTERM")),
        }
        Ok(())
    }

    /// Waits for a new Active node, judges when it came and whether it does its work.
    fn takeover(
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
            Some((expected, measured, interval)) => {
                let verdict = judge(expected, measured, interval);
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
        let pings = self
            .pings(router, from)
            .filter(|_| !matches!(since, Since::Program { returns: false, .. }));
        self.rows.push(Row {
            event: format!("{label} → {name} Active"),
            times: times.map(|(expected, measured, _)| (expected, measured)),
            pings,
            crash: matches!(since, Since::LastAdvert { .. }),
        });
    }

    /// Expected and measured time, and the interval that makes the difference a late one.
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
            Since::Program { at, returns } => {
                let globals = self
                    .stage
                    .topology
                    .nodes
                    .get(sent.node)
                    .map(|n| &n.config.globals)?;
                let wait = globals.startup_delay
                    + if returns {
                        instance.preempt_delay
                    } else {
                        Duration::ZERO
                    };
                let down = if priority == Priority::OWNER {
                    Duration::ZERO
                } else {
                    down(version, priority, own, missed)
                };
                (wait + down, at, own)
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

    /// Checks that the address is where it belongs, and nowhere else.
    fn hold(&mut self, router: usize, node: usize) {
        let Some(address) = self.router(router).and_then(|r| r.address) else {
            return;
        };
        let right = self.watch(PATIENCE, |play| {
            let holders = play.stage.holders(address).ok()?;
            (holders.len() == 1 && holders.first()?.0 == node)
                .then(|| holders.first().map(|h| h.1.clone()))?
        });
        let name = self.name(node);
        match right {
            Some(shown) => self.say(&format!("{name} has {shown}; no other node has it")),
            None => {
                let holders = self.stage.holders(address).unwrap_or_default();
                let names: Vec<_> = holders.iter().map(|(n, _)| self.name(*n)).collect();
                let names = if names.is_empty() {
                    "nobody".into()
                } else {
                    names.join(" and ")
                };
                self.faults
                    .push(format!("{name} is Active, but {names} has {address}"));
            }
        }
    }

    /// Checks that the LAN was told where the address is now.
    fn announced(&mut self, router: usize, node: usize, since: SystemTime) {
        let told = self.watch(PATIENCE, |play| {
            play.stage
                .announced(play.router(router)?, node, since)
                .then_some(())
        });
        if told.is_none() {
            let name = self.name(node);
            self.faults.push(format!(
                "{name} took over without gratuitous ARP or neighbour advertisement"
            ));
        }
    }

    /// Pings lost since an event, and the longest time without an answer.
    fn pings(&mut self, router: usize, since: SystemTime) -> Option<(usize, Duration)> {
        self.stage.probe(router)?;
        let now = SystemTime::now();
        let answered = self.watch(PATIENCE, |play| {
            let pings = play.stage.probe(router)?.pings();
            pings
                .iter()
                .rev()
                .take_while(|p| p.sent > now)
                .any(|p| p.answered.is_some())
                .then_some(())
        });
        if answered.is_none() {
            let address = self.router(router).and_then(|r| r.address)?;
            self.faults
                .push(format!("{address} does not answer the client's pings"));
        }
        let outages = self.stage.probe(router)?.outages(since);
        let lost = outages.iter().map(|o| o.lost).sum();
        let dark = outages.iter().map(|o| o.lasted()).max().unwrap_or_default();
        if lost > 0 && !self.rows.is_empty() {
            self.say(&format!(
                "the client was without an answer for {}, {lost} pings lost",
                Seconds(dark)
            ));
        }
        Some((lost, dark))
    }

    /// Waits until somebody serves the first router and its peers have heard so twice from now on.
    fn settled(&mut self) -> Option<usize> {
        let since = SystemTime::now();
        let patience = longest(self.router(0)?, &self.stage);
        self.watch(patience, |play| {
            let router = play.router(0)?;
            let active = play.stage.active(router)?;
            let once = play.stage.first(router, since, |s| s.node == active)?;
            play.stage
                .first(router, once.at, |s| s.node == active && s.at > once.at)?;
            Some(active)
        })
    }

    /// The routers for which a node is Active and another could be.
    fn routers_of(&self, node: usize) -> Vec<usize> {
        let theirs = self.stage.topology.routers.iter().enumerate();
        theirs
            .filter(|(_, r)| self.stage.active(r) == Some(node))
            .map(|(number, _)| number)
            .collect()
    }

    fn router(&self, number: usize) -> Option<&Router> {
        self.stage.topology.routers.get(number)
    }

    fn name(&self, node: usize) -> String {
        self.stage.name(node).unwrap_or_default().to_owned()
    }

    fn alive(&self) -> usize {
        self.router(0).map_or(0, |r| self.stage.running(r).count())
    }

    /// `text`, and which virtual router it is about where there are several.
    fn label(&self, router: usize, text: &str) -> String {
        match self.router(router) {
            Some(router) if self.stage.topology.routers.len() > 1 => {
                format!("{}: {text}", router.name)
            }
            _ => text.to_owned(),
        }
    }

    /// The priority that a node is configured with.
    fn priority(&self, router: usize, node: usize) -> Option<u8> {
        let member = self
            .router(router)?
            .members
            .iter()
            .find(|m| m.node == node)?;
        Some(self.stage.topology.instance(member)?.priority)
    }

    /// Whether a member's priority may be another than the configured one.
    fn is_tracking(&self, member: &Member) -> bool {
        self.stage.topology.instance(member).is_some_and(|i| {
            let t = &i.track;
            [&t.interfaces, &t.scripts, &t.files, &t.processes, &t.bfds]
                .into_iter()
                .any(|l| !l.is_empty())
        })
    }

    /// Notes daemons that ended and should not have; says whether there was one.
    fn bury(&mut self) -> bool {
        let before = self.faults.len();
        for node in 0..self.stage.topology.nodes.len() {
            if self.stage.condition(node) == Condition::Up
                && let Some(status) = self.stage.ended(node)
            {
                self.stage.give_up(node);
                let log = self.stage.log(node);
                let last = log.lines().next_back().unwrap_or("without a word");
                let name = self.name(node);
                self.faults.push(format!(
                    "{name}'s daemon ended by itself, status {status}: {last}"
                ));
            }
        }
        self.faults.len() > before
    }

    /// Waits for a condition, and keeps the screen alive meanwhile.
    fn watch<T>(
        &mut self,
        longest: Duration,
        condition: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + longest;
        loop {
            if let Some(found) = condition(self) {
                return Some(found);
            }
            if Instant::now() >= end {
                return None;
            }
            if self.redrawn.elapsed() >= REDRAW {
                self.redrawn = Instant::now();
                let block = self.status();
                self.screen.block(block);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn say(&mut self, text: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        self.screen.line(&format!("{at:7.2} s  {text}"));
    }

    /// What a terminal shows at its bottom: every node, its role, the addresses that it has; the client.
    fn status(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        for (number, router) in self.stage.topology.routers.iter().enumerate() {
            let active = self.stage.active(router);
            let holders = router
                .address
                .and_then(|a| self.stage.holders(a).ok())
                .unwrap_or_default();
            lines.push(format!("  {} (VRID {})", router.name, router.vrid));
            for member in &router.members {
                let role = match self.stage.condition(member.node) {
                    Condition::Waiting => "",
                    Condition::Dead => "plug pulled",
                    Condition::Stopped => "stopped",
                    Condition::Up if active == Some(member.node) => "ACTIVE",
                    Condition::Up => "Backup",
                };
                let program = if self.stage.is_keepalived(member.node) {
                    "keepalived"
                } else {
                    ""
                };
                let shown = holders
                    .iter()
                    .find(|h| h.0 == member.node)
                    .map_or("", |h| h.1.as_str());
                let name = self.name(member.node);
                let priority = self.priority(number, member.node).unwrap_or_default();
                lines.push(format!(
                    "    {name:<12} {priority:>3}  {role:<12}{shown} {program}"
                ));
            }
            if let (Some(address), Some(probe)) = (router.address, self.stage.probe(number)) {
                let pings = probe.pings();
                let answered = pings.iter().filter(|p| p.answered.is_some()).count();
                let now = if probe.answered() {
                    "answers"
                } else {
                    "no answer"
                };
                let every = PING.as_millis();
                lines.push(format!(
                    "    client pings {address} every {every} ms: {now}; {answered} answers so far"
                ));
            }
        }
        lines
    }
}

/// As long as a takeover may take, whoever is to take over, on a busy machine.
fn longest(router: &Router, stage: &Stage) -> Duration {
    let all = router.members.iter().filter_map(|m| down_at_most(stage, m));
    all.max().unwrap_or_default() + PATIENCE
}

/// A bound for a member's Active_Down_Interval after its start, whatever its priority is by then.
fn down_at_most(stage: &Stage, member: &Member) -> Option<Duration> {
    let instance = stage.topology.instance(member)?;
    let globals = stage
        .topology
        .nodes
        .get(member.node)
        .map(|n| &n.config.globals)?;
    let adverts = instance.advert_int * (u32::from(instance.down_timer_adverts) + 1);
    // VRRPv2's skew is up to a second, whatever the interval.
    Some(globals.startup_delay + instance.preempt_delay + adverts + Duration::from_secs(1))
}

fn took(since: Since) -> &'static str {
    match since {
        Since::Program { .. } => "it took over",
        Since::LastAdvert { .. } => "it waited out the Active_Down_Interval, and took over",
        Since::Farewell { .. } => "it heard priority 0, waited out its Skew_Time, and took over",
    }
}

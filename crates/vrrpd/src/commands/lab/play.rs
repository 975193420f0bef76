//! The play: start, a plug pulled, a graceful stop, a return; each measured from captured packets and judged.

mod checks;
mod status;
mod takeover;

use core::time::Duration;
use std::io;
use std::time::{Instant, SystemTime};

use super::screen::Screen;
use super::stage::{Condition, Stage};
use super::topology::{Member, Router};

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
    /// By how much this process, which is no better off than the daemons, was woken too late at most.
    stalled: Duration,
}

/// What a takeover is counted from.
#[derive(Clone, Copy)]
enum Since {
    /// The start of the new Active router's program. Where it finds a lesser one that serves, it preempts.
    Program { at: SystemTime, preempts: bool },
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
            stalled: Duration::ZERO,
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
                    Since::Program {
                        at,
                        preempts: false,
                    },
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
        let routers = self.stage.topology.routers.iter();
        let rivals: Vec<_> = routers.map(|r| self.stage.active(r)).collect();
        let at = self.stage.start(node)?;
        let event = format!("{} comes back", self.name(node));
        self.say(&event);
        // What its kernel kept of the addresses must be gone before it serves again.
        for (router, rival) in rivals.iter().enumerate() {
            if let Some(rival) = rival {
                self.hold(router, *rival);
            }
        }
        for (router, rival) in rivals.into_iter().enumerate() {
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
            let lower = rival.is_none_or(|rival| self.priority(router, rival) < Some(priority));
            if lower && (preempt || rival.is_none()) {
                self.takeover(
                    router,
                    &event,
                    at,
                    Since::Program {
                        at,
                        preempts: rival.is_some(),
                    },
                    Some(node),
                );
                continue;
            }
            // It must not take over. By then it would have.
            let why = if preempt {
                "its priority is not higher"
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

//! What the user sees meanwhile.

use core::time::Duration;
use std::time::Instant;

use super::super::stage::{Condition, PING};
use super::Play;

/// How often a terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(200);
/// Time between two looks at a condition.
const NAP: Duration = Duration::from_millis(10);

impl Play {
    /// Waits for a condition, and keeps the screen alive meanwhile.
    pub(super) fn watch<T>(
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
            let asleep = Instant::now();
            std::thread::sleep(NAP);
            self.stalled = self.stalled.max(asleep.elapsed().saturating_sub(NAP));
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        let at = self.begun.elapsed().as_secs_f64();
        self.screen.line(&format!("{at:7.2} s  {text}"));
    }

    /// What a terminal shows at its bottom: every node, its role, the addresses that it has; the client.
    pub(super) fn status(&self) -> Vec<String> {
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

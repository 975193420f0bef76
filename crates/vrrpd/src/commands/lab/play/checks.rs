//! What must be so after an event: who has the address, what the LAN was told, whether the client is answered,
//! how daemons end.

use core::time::Duration;
use std::io;
use std::time::SystemTime;

use super::super::judge::Seconds;
use super::super::stage::Condition;
use super::{PATIENCE, Play};

impl Play {
    pub(super) fn check_end(&mut self, node: usize) -> io::Result<()> {
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

    /// Checks that the address is where it belongs, and nowhere else.
    pub(super) fn hold(&mut self, router: usize, node: usize) {
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
    pub(super) fn announced(&mut self, router: usize, node: usize, since: SystemTime) {
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
    pub(super) fn pings(&mut self, router: usize, since: SystemTime) -> Option<(usize, Duration)> {
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

    /// Notes daemons that ended and should not have; says whether there was one.
    pub(super) fn bury(&mut self) -> bool {
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
}

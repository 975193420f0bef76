//! An end host that pings a virtual address: the only judge that matters.
//!
//! It behaves as a Linux host does: it asks for a neighbour it does not know, an announcement
//! changes an entry that is there and makes none, and an entry behind which nobody has answered
//! for [`EndHost::UNREACHABLE`] is forgotten and asked for anew.

use crate::frame::{self, Heard};
use crate::world::{Node, Outbox};
use core::net::IpAddr;
use core::time::Duration;
use std::collections::VecDeque;
use vrrp_fsm::Instant;
use vrrp_net::Mac;
use vrrp_proto::Endpoints;

/// A host with a neighbour cache of one entry, which sends a ping each period.
#[derive(Clone, Debug)]
pub struct EndHost {
    mac: Mac,
    address: IpAddr,
    target: IpAddr,
    period: Duration,
    neighbour: Option<Mac>,
    /// Since when nobody answers behind the entry.
    silent_since: Option<Instant>,
    next: Instant,
    asked: Option<Instant>,
    sequence: u16,
    flying: VecDeque<Ping>,
    pings: Pings,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    sequence: u16,
    sent: Instant,
    answered: bool,
}

/// What became of the pings so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pings {
    /// Answered in time.
    pub answered: u64,
    /// Not answered within [`EndHost::PATIENCE`], or never sent for want of a neighbour.
    pub lost: u64,
    /// Stretches of lost pings: when the first and the last of them were due.
    pub gaps: Vec<Gap>,
}

/// Pings lost in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the first was due.
    pub first: Instant,
    /// When the last was due.
    pub last: Instant,
}

impl Pings {
    /// From the first lost ping to the next good one, at the longest, counting from `since`.
    pub fn worst_gap(&self, since: Instant, period: Duration) -> Duration {
        let gaps = self.gaps.iter().filter(|gap| gap.first >= since);
        gaps.map(|gap| gap.last.saturating_duration_since(gap.first) + period)
            .max()
            .unwrap_or(Duration::ZERO)
    }
}

impl EndHost {
    /// After so long a ping counts as lost, as `ping -W 1` has it.
    pub const PATIENCE: Duration = Duration::from_secs(1);
    /// A neighbour that has not answered for so long is forgotten: Linux waits 5 s
    /// (`delay_first_probe_time`) and asks three times, a second apart.
    pub const UNREACHABLE: Duration = Duration::from_secs(8);
    /// An unknown neighbour is asked for so often.
    const ASK: Duration = Duration::from_secs(1);

    /// A host that pings `target` from now on.
    pub const fn new(mac: Mac, address: IpAddr, target: IpAddr, period: Duration) -> Self {
        Self {
            mac,
            address,
            target,
            period,
            neighbour: None,
            silent_since: None,
            next: Instant::from_nanos(0),
            asked: None,
            sequence: 0,
            flying: VecDeque::new(),
            pings: Pings {
                answered: 0,
                lost: 0,
                gaps: Vec::new(),
            },
        }
    }

    /// Where the host believes the virtual address to be.
    pub const fn neighbour(&self) -> Option<Mac> {
        self.neighbour
    }

    /// What it pings.
    pub const fn target(&self) -> IpAddr {
        self.target
    }

    /// How often it does.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// What became of the pings that are older than [`EndHost::PATIENCE`], or answered.
    pub const fn pings(&self) -> &Pings {
        &self.pings
    }

    fn ping(&mut self, now: Instant, out: &mut Outbox) {
        self.sequence = self.sequence.wrapping_add(1);
        self.flying.push_back(Ping {
            sequence: self.sequence,
            sent: now,
            answered: false,
        });
        let silent = self
            .silent_since
            .map(|since| now.saturating_duration_since(since));
        if silent.is_some_and(|silent| silent >= Self::UNREACHABLE) {
            self.neighbour = None;
            self.silent_since = None;
        }
        if let Some(mac) = self.neighbour {
            if let Some(ends) = Endpoints::new(self.address, self.target) {
                out.send(0, &frame::echo(true, self.mac, mac, ends, 1, self.sequence));
            }
        } else {
            self.ask(now, out);
        }
    }

    fn ask(&mut self, now: Instant, out: &mut Outbox) {
        if self
            .asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < Self::ASK)
        {
            return;
        }
        self.asked = Some(now);
        if let Some(frame) = frame::who_has(self.mac, self.address, self.target) {
            out.send(0, &frame);
        }
    }

    fn learn(&mut self, mac: Mac, now: Instant, out: &mut Outbox) {
        let waiting = self.neighbour.is_none();
        if self.neighbour != Some(mac) {
            self.silent_since = None;
        }
        self.neighbour = Some(mac);
        // A kernel keeps the packet that made it ask, and sends it now.
        let newest = self.flying.back().filter(|ping| waiting && !ping.answered);
        let fresh = newest.filter(|p| now.saturating_duration_since(p.sent) < Self::PATIENCE);
        if let (Some(ping), Some(ends)) = (fresh, Endpoints::new(self.address, self.target)) {
            out.send(0, &frame::echo(true, self.mac, mac, ends, 1, ping.sequence));
        }
    }

    fn judge(&mut self, now: Instant) {
        while let Some(ping) = self.flying.front().copied() {
            if !ping.answered && now.saturating_duration_since(ping.sent) < Self::PATIENCE {
                break;
            }
            self.flying.pop_front();
            if ping.answered {
                self.pings.answered += 1;
                continue;
            }
            self.pings.lost += 1;
            if self.neighbour.is_some() {
                self.silent_since.get_or_insert(ping.sent);
            }
            match self.pings.gaps.last_mut() {
                Some(gap) if gap.last + self.period >= ping.sent => gap.last = ping.sent,
                Some(_) | None => {
                    self.pings.gaps.push(Gap {
                        first: ping.sent,
                        last: ping.sent,
                    });
                }
            }
        }
    }
}

impl Node for EndHost {
    fn deliver(&mut self, now: Instant, _iface: usize, frame: &[u8], out: &mut Outbox) {
        let to_us = frame.get(..6).is_some_and(|mac| {
            mac == self.mac.octets() || mac.first().is_some_and(|octet| octet & 1 == 1)
        });
        if !to_us {
            return;
        }
        let target = self.target;
        match Heard::parse(frame) {
            Some(Heard::ArpRequest { mac, sender, .. }) if IpAddr::V4(sender) == target => {
                if self.neighbour.is_some() {
                    self.learn(mac, now, out);
                }
            }
            Some(Heard::ArpReply { mac, sender }) if IpAddr::V4(sender) == target => {
                self.learn(mac, now, out);
            }
            Some(Heard::Advertisement {
                mac,
                target: address,
                overrides,
            }) if IpAddr::V6(address) == target => {
                // Solicited ones come to our own address and make an entry; others only change one.
                let solicited = frame.starts_with(&self.mac.octets());
                if solicited || (self.neighbour.is_some() && overrides) {
                    self.learn(mac, now, out);
                }
            }
            Some(Heard::Echo {
                request: false,
                ends,
                sequence,
                ..
            }) if ends.source() == target => {
                self.silent_since = None;
                if let Some(ping) = self
                    .flying
                    .iter_mut()
                    .find(|ping| ping.sequence == sequence)
                {
                    ping.answered = true;
                }
            }
            Some(_) | None => {}
        }
    }

    fn carrier(&mut self, _now: Instant, _iface: usize, _up: bool) {}

    fn turn(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        self.judge(now);
        if now >= self.next {
            self.ping(now, out);
            self.next = now + self.period;
        }
        Some(self.next)
    }
}

#[cfg(test)]
mod tests;

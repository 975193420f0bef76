//! A client that pings an address all the time, and knows when it was dark.

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use core::time::Duration;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime};

use nix::poll::{PollFd, PollFlags};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::Host;
use crate::host::lock;

/// An answer later than this counts as none: while the kernel looks for a neighbour that is gone it keeps
/// packets back, up to a second, and one that is answered then was in the dark all the same.
const LATEST: Duration = Duration::from_millis(200);

/// One echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// When it was sent. CLOCK_REALTIME, to be compared with a [`Frame`](crate::Frame)'s.
    pub sent: SystemTime,
    /// How long the answer took; `None`: there is none (yet).
    pub answered: Option<Duration>,
}

/// A time without answers, between two pings that were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The last ping before it was sent then.
    pub from: SystemTime,
    /// The first ping after it was sent then.
    pub until: SystemTime,
    /// How many pings between the two got no answer.
    pub lost: usize,
}

impl Outage {
    /// From the last ping that was answered to the next that was: at most one period too long at either end.
    pub fn lasted(&self) -> Duration {
        self.until.duration_since(self.from).unwrap_or_default()
    }
}

/// A running series of pings from a host to an address. Dropping it ends it.
#[derive(Debug)]
pub struct Probe {
    pings: Arc<Mutex<Vec<Ping>>>,
    stop: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
}

impl Probe {
    /// Starts to ping `target` from `host`, a ping every `period` (any from 0.1 ms on makes sense).
    pub fn start(host: &Host, target: IpAddr, period: Duration) -> io::Result<Self> {
        let mut echo = host.run(|| Echo::open(target))??;
        let pings = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let sender = {
            let (pings, stop) = (Arc::clone(&pings), Arc::clone(&stop));
            thread::Builder::new().name("probe".into()).spawn(move || {
                let mut due = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    echo.send(&pings);
                    // A probe that was not scheduled for a while does not make up for it in a burst.
                    due = (due + period).max(Instant::now());
                    echo.receive_until(due, &pings);
                }
            })?
        };
        Ok(Self {
            pings,
            stop,
            sender: Some(sender),
        })
    }

    /// Every ping so far, in order.
    pub fn pings(&self) -> Vec<Ping> {
        lock(&self.pings).clone()
    }

    /// Whether one of the last pings, those of the last quarter of a second, was answered.
    pub fn answered(&self) -> bool {
        let recent = SystemTime::now() - Duration::from_millis(250);
        lock(&self.pings)
            .iter()
            .rev()
            .take_while(|p| p.sent >= recent)
            .any(|p| p.answered.is_some())
    }

    /// Pings sent from `since` to `until` that got no answer.
    pub fn lost(&self, since: SystemTime, until: SystemTime) -> usize {
        let pings = lock(&self.pings);
        let sent = pings.iter().filter(|p| (since..until).contains(&p.sent));
        sent.filter(|p| p.answered.is_none()).count()
    }

    /// The outages that ended after `since`.
    pub fn outages(&self, since: SystemTime) -> Vec<Outage> {
        outages(&lock(&self.pings))
            .into_iter()
            .filter(|o| o.until > since)
            .collect()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            let _ = sender.join();
        }
    }
}

fn outages(pings: &[Ping]) -> Vec<Outage> {
    let mut found = Vec::new();
    let mut last: Option<(usize, &Ping)> = None;
    for (at, ping) in pings
        .iter()
        .enumerate()
        .filter(|(_, p)| p.answered.is_some())
    {
        if let Some((before, answered)) = last
            && at - before > 1
        {
            found.push(Outage {
                from: answered.sent,
                until: ping.sent,
                lost: at - before - 1,
            });
        }
        last = Some((at, ping));
    }
    found
}

/// A raw ICMP socket and the number of the next request.
struct Echo {
    socket: Socket,
    target: SockAddr,
    v4: bool,
    ident: u16,
    sequence: u16,
}

impl Echo {
    fn open(target: IpAddr) -> io::Result<Self> {
        // Raw sockets hear the answers to others in the same host too.
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let (domain, protocol) = match target {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        let target = SocketAddr::new(target, 0);
        let ident = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            socket,
            target: target.into(),
            v4: target.is_ipv4(),
            ident,
            sequence: 0,
        })
    }

    /// An echo request that cannot be sent (no route, no neighbour) is one without an answer.
    fn send(&mut self, pings: &Mutex<Vec<Ping>>) {
        let mut message = [0; 16];
        let [
            kind,
            _,
            sum_high,
            sum_low,
            id_high,
            id_low,
            seq_high,
            seq_low,
            ..,
        ] = &mut message;
        *kind = if self.v4 { 8 } else { 128 };
        [*id_high, *id_low] = self.ident.to_be_bytes();
        [*seq_high, *seq_low] = self.sequence.to_be_bytes();
        if self.v4 {
            // The payload is zero, so the sum has three words; the kernel does ICMPv6's.
            let sum = 0x0800 + u32::from(self.ident) + u32::from(self.sequence);
            let folded = (sum & 0xffff) + (sum >> 16);
            let folded = (folded & 0xffff) + (folded >> 16);
            let [.., high, low] = (!folded).to_be_bytes();
            [*sum_high, *sum_low] = [high, low];
        }
        self.sequence = self.sequence.wrapping_add(1);
        lock(pings).push(Ping {
            sent: SystemTime::now(),
            answered: None,
        });
        let _ = self.socket.send_to(&message, &self.target);
    }

    fn receive_until(&self, due: Instant, pings: &Mutex<Vec<Ping>>) {
        loop {
            while let Some(sequence) = self.receive() {
                self.note(sequence, &mut lock(pings));
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            // Woken by a signal or by an answer: both are seen above.
            let _ = nix::poll::ppoll(&mut ready, Some(TimeSpec::from(left)), None);
        }
    }

    /// The sequence number of an answer to one of ours.
    fn receive(&self) -> Option<u16> {
        let mut buffer = [0; 256];
        loop {
            let len = (&self.socket).read(&mut buffer).ok()?;
            let packet = buffer.get(..len)?;
            // IPv4 hands over its header too.
            let header = if self.v4 {
                usize::from(packet.first()? & 0x0f) * 4
            } else {
                0
            };
            let reply = if self.v4 { 0 } else { 129 };
            if let Some(&[kind, _, _, _, id_high, id_low, high, low, ..]) = packet.get(header..)
                && kind == reply
                && u16::from_be_bytes([id_high, id_low]) == self.ident
            {
                return Some(u16::from_be_bytes([high, low]));
            }
        }
    }

    fn note(&self, sequence: u16, pings: &mut [Ping]) {
        let back = usize::from(self.sequence.wrapping_sub(sequence));
        let Some(ping) = pings
            .len()
            .checked_sub(back)
            .and_then(|at| pings.get_mut(at))
        else {
            return;
        };
        let took = SystemTime::now()
            .duration_since(ping.sent)
            .unwrap_or_default();
        if took <= LATEST {
            ping.answered.get_or_insert(took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lies_between_two_answers() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let pings: Vec<_> = [
            (0, true),
            (2, false),
            (4, false),
            (6, true),
            (8, true),
            (10, false),
        ]
        .map(|(ms, yes)| Ping {
            sent: at(ms),
            answered: yes.then_some(Duration::ZERO),
        })
        .into();
        let found = outages(&pings);
        assert_eq!(
            found,
            [Outage {
                from: at(0),
                until: at(6),
                lost: 2
            }]
        );
        assert_eq!(found[0].lasted(), Duration::from_millis(6));
    }
}

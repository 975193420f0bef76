//! Broadcast segments: what one port sends, the others hear, if the segment's faults let them.
//!
//! A [`Segment`] decides the fate of a frame when it is sent (lost, late, twice, damaged), with the
//! world's one source of chance, in the order of its ports; whether the receiving port has carrier
//! is judged on arrival. It knows nothing of what is in a frame but for one thing: bounded loss
//! counts frames to a VRRP group apart from the others, since it is adverts in a row that a
//! protocol must survive losing.

use crate::rng::{Chance, Rng};
use core::time::Duration;
use std::collections::BTreeSet;

/// A machine of the world, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// A segment of the world, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub usize);

/// A place on a segment, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub usize);

/// What happens to frames on their way *to* a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Frames that do not arrive.
    pub loss: Chance,
    /// At most so many adverts in a row are lost, from each sender; 0 means without bound.
    pub loss_run: u8,
    /// Added to the segment's latency.
    pub delay: Duration,
    /// At most so much more, by chance. Alone it lets frames overtake each other.
    pub jitter: Duration,
    /// Frames that arrive twice, the second time later by up to `jitter`.
    pub duplicate: Chance,
    /// Frames that are held back by [`Segment::HELD_BACK`], so that others overtake them.
    pub reorder: Chance,
    /// Frames that arrive with one bit changed.
    pub corrupt: Chance,
}

impl Conditions {
    /// As a good cable does it.
    pub const GOOD: Self = Self {
        loss: Chance::NEVER,
        loss_run: 0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        duplicate: Chance::NEVER,
        reorder: Chance::NEVER,
        corrupt: Chance::NEVER,
    };

    /// Whether every frame arrives as it was sent, be it late or twice.
    pub const fn delivers(&self) -> bool {
        self.loss.percent() == 0 && self.corrupt.percent() == 0
    }
}

/// One frame's arrival at one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) port: PortId,
    /// After sending.
    pub(crate) after: Duration,
    /// The bit that is changed, counted from the start of the frame.
    pub(crate) damage: Option<u64>,
}

#[derive(Clone, Debug)]
struct Port {
    node: NodeId,
    iface: usize,
    carrier: bool,
    conditions: Conditions,
    /// Adverts lost in a row, by sending port.
    lost_run: Vec<u8>,
}

/// A broadcast segment.
#[derive(Clone, Debug)]
pub struct Segment {
    latency: Duration,
    ports: Vec<Port>,
    /// (from, to) pairs that do not hear each other.
    deaf: BTreeSet<(PortId, PortId)>,
    calm: bool,
}

impl Segment {
    /// How long a reordered frame is held back.
    pub const HELD_BACK: Duration = Duration::from_millis(2);

    /// An empty segment on which a frame takes `latency` from port to port.
    pub const fn new(latency: Duration) -> Self {
        Self {
            latency,
            ports: Vec::new(),
            deaf: BTreeSet::new(),
            calm: true,
        }
    }

    /// Gives `iface` of `node` a port with carrier.
    pub fn attach(&mut self, node: NodeId, iface: usize) -> PortId {
        self.ports.push(Port {
            node,
            iface,
            carrier: true,
            conditions: Conditions::GOOD,
            lost_run: Vec::new(),
        });
        let count = self.ports.len();
        for port in &mut self.ports {
            port.lost_run.resize(count, 0);
        }
        PortId(count - 1)
    }

    /// From one port to another on a calm segment.
    pub const fn latency(&self) -> Duration {
        self.latency
    }

    /// Every port.
    pub fn ports(&self) -> impl Iterator<Item = PortId> + use<> {
        (0..self.ports.len()).map(PortId)
    }

    /// Who is at `port`: the node and its interface number.
    pub fn at(&self, port: PortId) -> Option<(NodeId, usize)> {
        self.ports.get(port.0).map(|p| (p.node, p.iface))
    }

    /// Changes what happens to frames to `port`.
    pub fn set_conditions(&mut self, port: PortId, conditions: Conditions) {
        if let Some(p) = self.ports.get_mut(port.0) {
            p.conditions = conditions;
            p.lost_run.fill(0);
        }
        self.look();
    }

    /// What happens to frames to `port`.
    pub fn conditions(&self, port: PortId) -> Conditions {
        self.ports
            .get(port.0)
            .map_or(Conditions::GOOD, |p| p.conditions)
    }

    /// Pulls the cable of `port`, or puts it back.
    pub fn set_carrier(&mut self, port: PortId, carrier: bool) {
        if let Some(p) = self.ports.get_mut(port.0) {
            p.carrier = carrier;
        }
    }

    /// Whether `port` has carrier.
    pub fn carrier(&self, port: PortId) -> bool {
        self.ports.get(port.0).is_some_and(|p| p.carrier)
    }

    /// Frames of `from` no longer arrive at `to`; the other way stays as it is.
    pub fn deafen(&mut self, from: PortId, to: PortId) {
        self.deaf.insert((from, to));
        self.look();
    }

    /// Every port hears every other one again; losses and delays stay.
    pub fn heal(&mut self) {
        self.deaf.clear();
        self.look();
    }

    /// Whether every frame of `from` arrives at `to` undamaged, and within which time.
    pub fn path(&self, from: PortId, to: PortId) -> Option<Duration> {
        let open = self.connected(from, to) && self.conditions(to).delivers();
        open.then(|| self.worst(to))
    }

    /// Whether any frame of `from` can arrive at `to`.
    pub fn connected(&self, from: PortId, to: PortId) -> bool {
        self.carrier(from) && self.carrier(to) && !self.deaf.contains(&(from, to))
    }

    /// The longest that a frame to `port` can take.
    pub fn worst(&self, port: PortId) -> Duration {
        self.latency + self.conditions(port).worst()
    }

    /// Whether all ports hear all frames after the same time, so that one event will do for all.
    pub(crate) const fn is_calm(&self) -> bool {
        self.calm
    }

    /// Decides what becomes of `frame`, sent by `from`.
    pub(crate) fn send(
        &mut self,
        from: PortId,
        frame: &[u8],
        rng: &mut Rng,
        arrive: &mut dyn FnMut(Arrival),
    ) {
        let advert = is_advert(frame);
        for (at, port) in self.ports.iter_mut().enumerate() {
            let to = PortId(at);
            if to == from || self.deaf.contains(&(from, to)) {
                continue;
            }
            let c = port.conditions;
            let mut lost = rng.happens(c.loss);
            if let Some(run) = port
                .lost_run
                .get_mut(from.0)
                .filter(|_| advert && c.loss_run > 0)
            {
                lost &= *run < c.loss_run;
                *run = if lost { *run + 1 } else { 0 };
            }
            if lost {
                continue;
            }
            let mut after = self.latency + c.delay + rng.duration(c.jitter);
            if rng.happens(c.reorder) {
                after += Self::HELD_BACK;
            }
            let bits = frame.len() as u64 * 8;
            let damage = rng.happens(c.corrupt).then(|| rng.below(bits));
            arrive(Arrival {
                port: to,
                after,
                damage,
            });
            if rng.happens(c.duplicate) {
                arrive(Arrival {
                    port: to,
                    after: after + rng.duration(c.jitter),
                    damage: None,
                });
            }
        }
    }

    fn look(&mut self) {
        self.calm =
            self.deaf.is_empty() && self.ports.iter().all(|p| p.conditions == Conditions::GOOD);
    }
}

impl Conditions {
    /// The longest that a frame can be late.
    fn worst(&self) -> Duration {
        let twice = if self.duplicate == Chance::NEVER {
            1
        } else {
            2
        };
        let held = if self.reorder == Chance::NEVER {
            Duration::ZERO
        } else {
            Segment::HELD_BACK
        };
        self.delay + self.jitter * twice + held
    }
}

/// To 01-00-5E-00-00-12 or 33-33-00-00-00-12. RFC 9568 §5.1.1.2, §5.1.2.2.
fn is_advert(frame: &[u8]) -> bool {
    matches!(
        frame,
        [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, ..] | [0x33, 0x33, 0, 0, 0, 0x12, ..]
    )
}

#[cfg(test)]
mod tests;

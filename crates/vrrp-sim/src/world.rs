//! Virtual time: machines, the segments between them, and one queue of what happens next.
//!
//! A [`World`] moves frames and time and knows nothing about what its [`Node`]s do. Nothing in it
//! reads a clock or a source of chance other than its own, so a seed is a whole history.
//!
//! The hot path allocates nothing: frames live in a pool, a calm segment costs one queue entry for
//! all its ports, and a deadline that moves away leaves its old entry to be looked at again.

use crate::lan::{Arrival, NodeId, PortId, Segment, SegmentId};
use crate::rng::Rng;
use crate::trace::Trace;
use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BinaryHeap;
use vrrp_fsm::Instant;

/// A machine: a kernel that answers frames, and a process that is given turns.
pub trait Node {
    /// A frame arrived at interface `iface`. Called also while the process is frozen: a kernel
    /// answers ARP and ping without it. What the process shall see is kept until its turn.
    fn deliver(&mut self, now: Instant, iface: usize, frame: &[u8], out: &mut Outbox);

    /// The carrier of `iface` came or went. What the process shall see is kept until its turn.
    fn carrier(&mut self, now: Instant, iface: usize, up: bool);

    /// Lets the process read all that has arrived, then do all that is due; answers when it wants
    /// to run next. A turn for which there is no reason must do no harm.
    fn turn(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant>;
}

/// Frames on their way out of a node, in order. Reused for ever.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    octets: Vec<u8>,
    /// Interface, and where the frame ends.
    frames: Vec<(usize, usize)>,
}

impl Outbox {
    /// Sends `frame` by interface `iface`.
    pub fn send(&mut self, iface: usize, frame: &[u8]) {
        self.octets.extend_from_slice(frame);
        self.frames.push((iface, self.octets.len()));
    }

    /// Sends what `from` holds, and empties it.
    pub fn append(&mut self, from: &mut Self) {
        for (iface, frame) in from.iter() {
            self.send(iface, frame);
        }
        from.clear();
    }

    /// The frames in order, each with its interface.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut start = 0;
        self.frames.iter().filter_map(move |&(iface, end)| {
            let frame = self.octets.get(start..end)?;
            start = end;
            Some((iface, frame))
        })
    }

    /// Whether there is nothing to send.
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.frames.clear();
    }
}

/// A machine's own clock: it started at another time and runs at another speed.
///
/// Range of the drift: a real quartz is within ±100 ppm, a bad virtual machine within ±500 ppm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What it showed when the world began.
    pub offset: Duration,
    /// Parts per million that it is fast (or slow, when negative).
    pub ppm: i32,
}

impl Clock {
    /// What the clock shows at the world's time `at`.
    pub fn read(&self, at: Instant) -> Instant {
        Instant::from_nanos(self.scale(at.as_nanos())) + self.offset
    }

    /// The world's time at which the clock shows `local` for the first time.
    pub fn when(&self, local: Instant) -> Instant {
        let elapsed = u64::try_from(self.offset.as_nanos())
            .map_or(0, |offset| local.as_nanos().saturating_sub(offset));
        if self.ppm == 0 {
            return Instant::from_nanos(elapsed);
        }
        let rate = i128::from(self.ppm) + 1_000_000;
        let guess = i128::from(elapsed) * 1_000_000 / rate;
        let mut at = u64::try_from(guess).unwrap_or(u64::MAX - 1);
        while self.scale(at) < elapsed {
            at += 1;
        }
        Instant::from_nanos(at)
    }

    fn scale(&self, nanos: u64) -> u64 {
        if self.ppm == 0 {
            return nanos;
        }
        let fast = (i128::from(nanos) * i128::from(self.ppm)).div_euclid(1_000_000);
        u64::try_from(i128::from(nanos) + fast).unwrap_or(0)
    }
}

/// How much of a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// All of it.
    On,
    /// The kernel, not the process: SIGSTOP, or a scheduler that has better things to do.
    /// Frames are answered or kept by the kernel.
    Frozen,
    /// Nothing, but it will go on where it was: a suspended virtual machine. Frames are lost.
    Suspended,
    /// Nothing.
    Off,
}

struct Machine<N> {
    node: N,
    clock: Clock,
    power: Power,
    ports: Vec<(SegmentId, PortId)>,
    /// When the process wants to run, in the world's time.
    wake: Option<Instant>,
    /// The earliest entry for it in the queue.
    queued: Option<Instant>,
    dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    /// A frame arrives at every port of the segment but its sender's.
    Flood {
        segment: SegmentId,
        from: PortId,
        frame: usize,
    },
    /// A frame arrives at one port, perhaps with one bit changed.
    Arrive {
        segment: SegmentId,
        port: PortId,
        frame: usize,
        damage: Option<u64>,
    },
    /// A node may want its turn.
    Wake(NodeId),
}

/// Machines, segments, and what happens next.
pub struct World<N> {
    now: Instant,
    rng: Rng,
    machines: Vec<Machine<N>>,
    segments: Vec<Segment>,
    queue: BinaryHeap<Reverse<(Instant, u64, Happening)>>,
    sequence: u64,
    pool: Pool,
    outbox: Outbox,
    scratch: Vec<u8>,
    dirty: Vec<NodeId>,
    turned: Vec<NodeId>,
    trace: Option<Trace>,
}

impl<N: Node> World<N> {
    /// An empty world at time zero.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::from_nanos(0),
            rng: Rng::new(seed),
            machines: Vec::new(),
            segments: Vec::new(),
            queue: BinaryHeap::new(),
            sequence: 0,
            pool: Pool::default(),
            outbox: Outbox::default(),
            scratch: Vec::new(),
            dirty: Vec::new(),
            turned: Vec::new(),
            trace: None,
        }
    }

    /// A new segment.
    pub fn add_segment(&mut self, latency: Duration) -> SegmentId {
        self.segments.push(Segment::new(latency));
        SegmentId(self.segments.len() - 1)
    }

    /// A new machine, switched on; its interface *i* is attached to the *i*-th of `segments`.
    pub fn add_node(&mut self, node: N, clock: Clock, segments: &[SegmentId]) -> NodeId {
        let id = NodeId(self.machines.len());
        let ports = segments
            .iter()
            .enumerate()
            .filter_map(|(iface, &s)| Some((s, self.segments.get_mut(s.0)?.attach(id, iface))))
            .collect();
        let power = Power::On;
        let (wake, queued) = (None, None);
        self.machines.push(Machine {
            node,
            clock,
            power,
            ports,
            wake,
            queued,
            dirty: false,
        });
        self.mark(id);
        id
    }

    /// The world's time; no machine knows it.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The time that `id`'s clock shows.
    pub fn local_now(&self, id: NodeId) -> Instant {
        self.machines
            .get(id.0)
            .map_or(self.now, |m| m.clock.read(self.now))
    }

    /// `id`'s clock.
    pub fn clock(&self, id: NodeId) -> Clock {
        self.machines.get(id.0).map(|m| m.clock).unwrap_or_default()
    }

    /// The machine itself.
    pub fn node(&self, id: NodeId) -> Option<&N> {
        self.machines.get(id.0).map(|m| &m.node)
    }

    /// The machine itself, to be changed from outside the world's laws; it will have a turn.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut N> {
        self.mark(id);
        self.machines.get_mut(id.0).map(|m| &mut m.node)
    }

    /// The machine itself, for those who only take out what it has to tell: no turn follows.
    pub fn peek_mut(&mut self, id: NodeId) -> Option<&mut N> {
        self.machines.get_mut(id.0).map(|m| &mut m.node)
    }

    /// Every machine, in the order of their making.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &N)> {
        self.machines
            .iter()
            .enumerate()
            .map(|(id, m)| (NodeId(id), &m.node))
    }

    /// The machines that were looked at in the last step.
    pub fn turned(&self) -> &[NodeId] {
        &self.turned
    }

    /// The segment.
    pub fn segment(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(id.0)
    }

    /// The segment, to be disturbed.
    pub fn segment_mut(&mut self, id: SegmentId) -> Option<&mut Segment> {
        self.segments.get_mut(id.0)
    }

    /// Where interface `iface` of `id` is attached.
    pub fn port(&self, id: NodeId, iface: usize) -> Option<(SegmentId, PortId)> {
        self.machines.get(id.0)?.ports.get(iface).copied()
    }

    /// How much of `id` runs.
    pub fn power(&self, id: NodeId) -> Power {
        self.machines.get(id.0).map_or(Power::Off, |m| m.power)
    }

    /// Freezes, suspends, switches `id` off or on. A process that may run again has a turn.
    pub fn set_power(&mut self, id: NodeId, power: Power) {
        if let Some(machine) = self.machines.get_mut(id.0) {
            machine.power = power;
            self.mark(id);
        }
    }

    /// Pulls the cable of an interface, or puts it back; its kernel sees that.
    pub fn set_carrier(&mut self, id: NodeId, iface: usize, up: bool) {
        let Some((segment, port)) = self.port(id, iface) else {
            return;
        };
        let Some(segment) = self.segments.get_mut(segment.0) else {
            return;
        };
        segment.set_carrier(port, up);
        let Some(machine) = self.machines.get_mut(id.0) else {
            return;
        };
        if machine.power != Power::Off {
            machine
                .node
                .carrier(machine.clock.read(self.now), iface, up);
            if let Some(trace) = &mut self.trace {
                trace.carrier(self.now, id, iface, up);
            }
        }
        self.mark(id);
    }

    /// Writes down from now on all that enters and leaves the nodes.
    pub fn record(&mut self, trace: Trace) {
        self.trace = Some(trace);
    }

    /// What was written down, to be added to.
    pub const fn trace_mut(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    /// What was written down; recording ends.
    pub fn take_trace(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    /// Goes to the next moment, not after `until`, at which anything happens, lets all of it happen:
    /// first every arrival, then the turns. `None`: nothing up to `until`, which it is now.
    pub fn step(&mut self, until: Instant) -> Option<Instant> {
        if self.dirty.is_empty() {
            let next = self
                .queue
                .peek()
                .map(|Reverse((at, ..))| *at)
                .filter(|at| *at <= until);
            let Some(at) = next else {
                self.now = self.now.max(until);
                return None;
            };
            self.now = at;
            while let Some(Reverse((_, _, happening))) =
                self.queue.peek().filter(|Reverse((due, ..))| *due == at)
            {
                let happening = *happening;
                self.queue.pop();
                self.happen(happening);
            }
        }
        self.turns();
        Some(self.now)
    }

    /// Lets `length` pass.
    pub fn run(&mut self, length: Duration) {
        let until = self.now + length;
        while self.step(until).is_some() {}
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(id) => {
                let Some(machine) = self.machines.get_mut(id.0) else {
                    return;
                };
                if machine.queued == Some(self.now) {
                    machine.queued = None;
                }
                match machine.wake {
                    Some(wake) if wake <= self.now => self.mark(id),
                    Some(wake) => self.expect(id, wake),
                    None => {}
                }
            }
            Happening::Flood {
                segment,
                from,
                frame,
            } => {
                let octets = self.pool.take(frame);
                let ports = self
                    .segments
                    .get(segment.0)
                    .map_or(0, |s| s.ports().count());
                for port in (0..ports).map(PortId).filter(|port| *port != from) {
                    self.arrive(segment, port, &octets);
                }
                self.pool.put(frame, octets);
            }
            Happening::Arrive {
                segment,
                port,
                frame,
                damage,
            } => {
                let octets = self.pool.take(frame);
                if let Some(bit) = damage {
                    let mut damaged = core::mem::take(&mut self.scratch);
                    damaged.clear();
                    damaged.extend_from_slice(&octets);
                    let at = usize::try_from(bit / 8).unwrap_or(0);
                    if let Some(octet) = damaged.get_mut(at) {
                        *octet ^= 1 << (bit % 8);
                    }
                    self.arrive(segment, port, &damaged);
                    self.scratch = damaged;
                } else {
                    self.arrive(segment, port, &octets);
                }
                self.pool.put(frame, octets);
            }
        }
    }

    fn arrive(&mut self, segment: SegmentId, port: PortId, octets: &[u8]) {
        let Some(at) = self.segments.get(segment.0).filter(|s| s.carrier(port)) else {
            return;
        };
        let Some((id, iface)) = at.at(port) else {
            return;
        };
        let Some(machine) = self.machines.get_mut(id.0) else {
            return;
        };
        if matches!(machine.power, Power::Suspended | Power::Off) {
            return;
        }
        if let Some(trace) = &mut self.trace {
            trace.arrives(self.now, id, iface, octets);
        }
        let mut out = core::mem::take(&mut self.outbox);
        machine
            .node
            .deliver(machine.clock.read(self.now), iface, octets, &mut out);
        self.mark(id);
        self.transmit(id, out);
    }

    fn turns(&mut self) {
        self.turned.clear();
        core::mem::swap(&mut self.dirty, &mut self.turned);
        let dirty = core::mem::take(&mut self.turned);
        for &id in &dirty {
            let Some(machine) = self.machines.get_mut(id.0) else {
                continue;
            };
            machine.dirty = false;
            if machine.power != Power::On {
                continue;
            }
            if let Some(trace) = &mut self.trace {
                trace.turn(self.now, id);
            }
            let mut out = core::mem::take(&mut self.outbox);
            let wake = machine.node.turn(machine.clock.read(self.now), &mut out);
            // A deadline in the past would stop time: at the earliest, the next nanosecond.
            let soonest = self.now + Duration::from_nanos(1);
            machine.wake = wake.map(|local| machine.clock.when(local).max(soonest));
            if let Some(wake) = machine.wake {
                self.expect(id, wake);
            }
            self.transmit(id, out);
        }
        // What became dirty meanwhile has its turn in the next step, at the same time.
        self.turned = dirty;
    }

    fn transmit(&mut self, id: NodeId, mut out: Outbox) {
        for (iface, frame) in out.iter() {
            let Some((segment, from)) = self.port(id, iface) else {
                continue;
            };
            if let Some(trace) = &mut self.trace {
                trace.leaves(self.now, id, iface, frame);
            }
            let Some(lan) = self.segments.get_mut(segment.0).filter(|s| s.carrier(from)) else {
                continue;
            };
            let index = self.pool.add(frame);
            if lan.is_calm() {
                let at = self.now + lan.latency();
                self.pool.share(index, 1);
                self.push(
                    at,
                    Happening::Flood {
                        segment,
                        from,
                        frame: index,
                    },
                );
            } else {
                let (now, queue, sequence) = (self.now, &mut self.queue, &mut self.sequence);
                let mut copies = 0;
                lan.send(
                    from,
                    frame,
                    &mut self.rng,
                    &mut |Arrival {
                              port,
                              after,
                              damage,
                          }| {
                        let arrive = Happening::Arrive {
                            segment,
                            port,
                            frame: index,
                            damage,
                        };
                        queue.push(Reverse((now + after, *sequence, arrive)));
                        *sequence += 1;
                        copies += 1;
                    },
                );
                self.pool.share(index, copies);
            }
        }
        out.clear();
        self.outbox = out;
    }

    fn mark(&mut self, id: NodeId) {
        if let Some(machine) = self.machines.get_mut(id.0).filter(|m| !m.dirty) {
            machine.dirty = true;
            self.dirty.push(id);
        }
    }

    fn expect(&mut self, id: NodeId, wake: Instant) {
        let Some(machine) = self.machines.get_mut(id.0) else {
            return;
        };
        if machine.queued.is_none_or(|queued| wake < queued) {
            machine.queued = Some(wake);
            self.push(wake, Happening::Wake(id));
        }
    }

    fn push(&mut self, at: Instant, happening: Happening) {
        self.queue.push(Reverse((at, self.sequence, happening)));
        self.sequence += 1;
    }
}

/// Frames in flight, each with the number of arrivals it still has to make.
#[derive(Default)]
struct Pool {
    frames: Vec<(Vec<u8>, usize)>,
    free: Vec<usize>,
}

impl Pool {
    fn add(&mut self, octets: &[u8]) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.frames.push((Vec::new(), 0));
            self.frames.len() - 1
        });
        if let Some((frame, _)) = self.frames.get_mut(index) {
            frame.clear();
            frame.extend_from_slice(octets);
        }
        index
    }

    fn share(&mut self, index: usize, arrivals: usize) {
        match self.frames.get_mut(index) {
            Some((_, left)) if arrivals > 0 => *left = arrivals,
            Some(_) | None => self.free.push(index),
        }
    }

    /// Lends the octets out for one arrival; [`Pool::put`] takes them back.
    fn take(&mut self, index: usize) -> Vec<u8> {
        self.frames
            .get_mut(index)
            .map(|(frame, _)| core::mem::take(frame))
            .unwrap_or_default()
    }

    fn put(&mut self, index: usize, octets: Vec<u8>) {
        if let Some((frame, left)) = self.frames.get_mut(index) {
            *frame = octets;
            *left -= 1;
            if *left == 0 {
                self.free.push(index);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Small worlds, explored whole: every order in which adverts can arrive, be lost, timers run out
//! and routers start, stop, crash or drain, to a stated depth.
//!
//! Where [`crate::random`] asks many questions of large worlds, this asks all questions of small
//! ones. The routers are [`VirtualRouter`]s, the shipped code; a state is their whole state, the
//! adverts in the air and the faults still allowed. An advert arrives, or is lost, within
//! [`DELAY`] of its sending; time passes only to the next timer.
//!
//! Three things are judged:
//!
//! * in every state, a router serves the addresses if and only if it is Active;
//! * from every state, if nothing goes wrong any more, the world settles in [`Model::settled_after`]
//!   with exactly one Active router, the one with the greatest priority;
//! * if the model says that it must not happen, nobody takes over from the first one.

use crate::kernel::own_address;
use core::fmt::{self, Write};
use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;
use vrrp_fsm::{
    Action, Cause, Event, Heard, IfaceId, Instant, Role, RouterConfig, RouterOptions, VirtualRouter,
};
use vrrp_proto::{AdvertInterval, Family, Priority, Vrid};

/// Within which an advert arrives.
pub const DELAY: Duration = Duration::from_millis(5);

/// A small world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Priorities; the addresses grow with the index.
    pub routers: Vec<u8>,
    /// Begin with all routers running and settled; else with none running.
    pub settled: bool,
    /// Adverts that may be lost on the way to one router.
    pub losses: u8,
    /// Routers that may crash, stop in order, or be drained.
    pub crashes: u8,
    /// See `crashes`.
    pub stops: u8,
    /// See `crashes`.
    pub drains: u8,
    /// Whether any takeover is a failure.
    pub steady: bool,
    /// Moves from the first state.
    pub depth: usize,
}

/// One step of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A router starts.
    Start(usize),
    /// It stops in order.
    Stop(usize),
    /// It is gone.
    Crash(usize),
    /// It hands over.
    Drain(usize),
    /// Its timer runs out: time passes until then.
    Timer(usize),
    /// The advert in this place in the air arrives.
    Arrive(usize),
    /// The advert in this place in the air is lost.
    Lose(usize),
}

/// What exploring came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Moves between them.
    pub moves: usize,
    /// Longest sequence of moves; less than [`Model::depth`] if there were no more states.
    pub depth: usize,
    /// States in which two routers are Active.
    pub dual: usize,
    /// The first way to break a promise, and which.
    pub failure: Option<(Vec<Move>, String)>,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            states,
            moves,
            depth,
            dual,
            failure,
        } = self;
        write!(
            f,
            "{states} states, {moves} moves, depth {depth}, {dual} with two Active"
        )?;
        match failure {
            None => Ok(()),
            Some((moves, what)) => write!(f, "; {what} after {moves:?}"),
        }
    }
}

impl Model {
    /// A world of routers with these priorities, in which nothing goes wrong.
    pub fn new(routers: &[u8], depth: usize) -> Self {
        Self {
            routers: routers.to_vec(),
            settled: false,
            losses: 0,
            crashes: 0,
            stops: 0,
            drains: 0,
            steady: false,
            depth,
        }
    }

    /// An Active_Down_Interval is less than four intervals; then the winner is heard.
    pub fn settled_after(&self) -> Duration {
        AdvertInterval::DEFAULT.as_duration() * 5 + DELAY * 4
    }

    /// Explores every state within the depth, breadth first: the first failure is a shortest one.
    pub fn explore(&self) -> Explored {
        let mut explored = Explored {
            states: 0,
            moves: 0,
            depth: 0,
            dual: 0,
            failure: None,
        };
        let first = State::new(self);
        let mut known = BTreeSet::from([first.key()]);
        // Of each state how it was reached: from which, by which move.
        let mut ways: Vec<(usize, Option<Move>)> = vec![(0, None)];
        let mut level = vec![(0, first)];
        for depth in 0..=self.depth {
            let mut next = Vec::new();
            for (way, state) in &level {
                explored.states += 1;
                explored.dual += usize::from(state.active().count() > 1);
                if let Some(what) = state.broken(self) {
                    explored.failure = Some((path(&ways, *way), what));
                    return explored;
                }
                if depth == self.depth {
                    continue;
                }
                for step in state.moves(self) {
                    explored.moves += 1;
                    let mut after = state.clone();
                    after.take(step);
                    if known.insert(after.key()) {
                        ways.push((*way, Some(step)));
                        next.push((ways.len() - 1, after));
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            explored.depth = depth + 1;
            level = next;
        }
        explored
    }
}

fn path(ways: &[(usize, Option<Move>)], mut at: usize) -> Vec<Move> {
    let mut moves = Vec::new();
    while let Some((from, Some(step))) = ways.get(at) {
        moves.push(*step);
        at = *from;
    }
    moves.reverse();
    moves
}

#[derive(Clone, Debug)]
struct State {
    now: Instant,
    routers: Vec<Node>,
    air: Vec<Flight>,
    losses: u8,
    crashes: u8,
    stops: u8,
    drains: u8,
}

#[derive(Clone, Debug)]
struct Node {
    router: VirtualRouter,
    address: IpAddr,
    runs: bool,
    drained: bool,
    serves: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flight {
    to: usize,
    heard: Heard,
    until: Instant,
}

impl State {
    fn new(model: &Model) -> Self {
        let node = |(at, priority): (usize, &u8)| {
            let config = config(*priority)?;
            let number = 10 + u8::try_from(at).ok()?;
            Some(Node {
                router: VirtualRouter::new(config),
                address: own_address(Family::V4, 0, number),
                runs: false,
                drained: false,
                serves: false,
            })
        };
        let mut state = Self {
            now: Instant::ZERO,
            routers: model.routers.iter().enumerate().filter_map(node).collect(),
            air: Vec::new(),
            losses: model.losses,
            crashes: model.crashes,
            stops: model.stops,
            drains: model.drains,
        };
        if model.settled {
            (0..state.routers.len()).for_each(|at| state.take(Move::Start(at)));
            state.go_on(Duration::from_secs(20));
        }
        state
    }

    fn active(&self) -> impl Iterator<Item = usize> + '_ {
        let active = |(_, node): &(usize, &Node)| node.runs && node.router.role() == Role::Active;
        self.routers
            .iter()
            .enumerate()
            .filter(active)
            .map(|(at, _)| at)
    }

    /// When the next timer runs out, if the air lets time pass until then.
    fn next_timer(&self) -> Option<Instant> {
        let due = self.routers.iter().filter(|node| node.runs);
        let due = due
            .filter_map(|node| node.router.deadline())
            .map(|(at, _)| at)
            .min()?;
        self.air
            .iter()
            .all(|flight| due <= flight.until)
            .then_some(due)
    }

    fn moves(&self, model: &Model) -> Vec<Move> {
        let mut moves = Vec::new();
        for at in 0..self.air.len() {
            moves.push(Move::Arrive(at));
            if self.losses > 0 {
                moves.push(Move::Lose(at));
            }
        }
        let due = self.next_timer();
        for (at, node) in self.routers.iter().enumerate() {
            if !node.runs {
                if !model.settled {
                    moves.push(Move::Start(at));
                }
                continue;
            }
            let deadline = node.router.deadline().map(|(deadline, _)| deadline);
            if deadline.is_some() && deadline == due {
                moves.push(Move::Timer(at));
            }
            if self.crashes > 0 {
                moves.push(Move::Crash(at));
            }
            if self.stops > 0 {
                moves.push(Move::Stop(at));
            }
            if self.drains > 0 && !node.drained {
                moves.push(Move::Drain(at));
            }
        }
        moves
    }

    fn take(&mut self, step: Move) {
        match step {
            Move::Start(at) => {
                let Some(node) = self.routers.get_mut(at) else {
                    return;
                };
                let address = node.address;
                (node.runs, node.drained, node.serves) = (true, false, false);
                node.router = VirtualRouter::new(node.router.config().clone());
                self.tell(at, Event::Primary(address));
                self.tell(at, Event::Startup);
            }
            Move::Stop(at) => {
                self.stops -= 1;
                self.tell(at, Event::Shutdown(Cause::Shutdown));
                self.end(at);
            }
            Move::Crash(at) => {
                self.crashes -= 1;
                self.end(at);
                if let Some(node) = self.routers.get_mut(at) {
                    node.serves = false;
                }
            }
            Move::Drain(at) => {
                self.drains -= 1;
                if let Some(node) = self.routers.get_mut(at) {
                    node.drained = true;
                }
                self.tell(at, Event::Drain);
            }
            Move::Timer(at) => {
                let deadline = self.routers.get(at).and_then(|node| node.router.deadline());
                self.now = deadline.map_or(self.now, |(due, _)| self.now.max(due));
                self.tell(at, Event::Timeout);
            }
            Move::Arrive(at) => {
                let Flight { to, heard, .. } = self.air.remove(at);
                self.tell(to, Event::Advert(heard));
            }
            Move::Lose(at) => {
                self.losses -= 1;
                self.air.remove(at);
            }
        }
    }

    fn end(&mut self, at: usize) {
        if let Some(node) = self.routers.get_mut(at) {
            node.runs = false;
        }
        self.air.retain(|flight| flight.to != at);
    }

    fn tell(&mut self, at: usize, event: Event) {
        let Some(node) = self.routers.get_mut(at).filter(|node| node.runs) else {
            return;
        };
        let mut actions = Vec::new();
        node.router.handle(self.now, event, &mut actions);
        let source = node.address;
        for action in actions {
            match action {
                Action::Advertise(priority) => self.send(at, source, priority),
                Action::Install | Action::Withdraw => {
                    if let Some(node) = self.routers.get_mut(at) {
                        node.serves = action == Action::Install;
                    }
                }
                Action::Announce { .. }
                | Action::AnnounceElsewhere
                | Action::Notify(_)
                | Action::Report(_) => {}
            }
        }
    }

    fn send(&mut self, from: usize, source: IpAddr, priority: Priority) {
        let until = self.now + DELAY;
        let heard = Heard {
            source,
            priority,
            interval: AdvertInterval::DEFAULT,
        };
        let others = self
            .routers
            .iter()
            .enumerate()
            .filter(|(to, node)| *to != from && node.runs);
        self.air
            .extend(others.map(|(to, _)| Flight { to, heard, until }));
    }

    /// Lets `length` pass without any fault.
    fn go_on(&mut self, length: Duration) {
        let until = self.now + length;
        loop {
            if !self.air.is_empty() {
                self.take(Move::Arrive(0));
                continue;
            }
            let due = self.next_timer().filter(|due| *due <= until);
            let is_due = |node: &Node| {
                node.runs && node.router.deadline().map(|(deadline, _)| deadline) == due
            };
            match self
                .routers
                .iter()
                .position(is_due)
                .filter(|_| due.is_some())
            {
                Some(at) => self.take(Move::Timer(at)),
                None => break,
            }
        }
        self.now = until;
    }

    /// Which promise this state breaks.
    fn broken(&self, model: &Model) -> Option<String> {
        for (at, node) in self.routers.iter().enumerate() {
            let active = node.runs && node.router.role() == Role::Active;
            if node.serves != active {
                return Some(format!(
                    "router {at} is Active: {active}, serves: {}",
                    node.serves
                ));
            }
        }
        if model.steady
            && !self
                .active()
                .eq([best(model.routers.iter().map(|p| Some(*p)))?])
        {
            return Some(format!("{:?} Active", self.active().collect::<Vec<_>>()));
        }
        let mut later = self.clone();
        later.go_on(model.settled_after());
        let eligible = later
            .routers
            .iter()
            .map(|node| (node.runs && !node.drained).then(|| node.router.config().priority.get()));
        let wanted = best(eligible);
        let settled = later.active().collect::<Vec<_>>();
        // Of equals the one that came first stays.
        let right = match (wanted, settled.as_slice()) {
            (None, []) => true,
            (Some(wanted), [active]) => {
                let priority = |at: usize| model.routers.get(at).copied();
                let drained = later.routers.get(*active).is_none_or(|node| node.drained);
                priority(wanted) == priority(*active) && !drained
            }
            _ => false,
        };
        (!right).then(|| format!("{settled:?} Active in the end, not {wanted:?}"))
    }

    /// Two states with the same key are the same state (but for a chance of 2⁻¹²⁸).
    fn key(&self) -> u128 {
        let mut hash = Fnv(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        let mut air: Vec<_> = self
            .air
            .iter()
            .map(|flight| format!("{flight:?}"))
            .collect();
        air.sort_unstable();
        let budget = (self.losses, self.crashes, self.stops, self.drains);
        let _ = write!(hash, "{:?}{:?}{air:?}{budget:?}", self.now, self.routers);
        hash.0
    }
}

/// The greatest priority, and of equals the greatest address.
fn best(priorities: impl Iterator<Item = Option<u8>>) -> Option<usize> {
    let known = priorities
        .enumerate()
        .filter_map(|(at, priority)| Some((priority?, at)));
    known.max().map(|(_, at)| at)
}

fn config(priority: u8) -> Option<RouterConfig> {
    let options = RouterOptions::rfc(IfaceId(0), Family::V4, Vrid::new(1)?);
    let options = RouterOptions {
        priority: Priority::new(priority),
        ..options
    };
    options
        .with_addresses([own_address(Family::V4, 0, 1)])
        .try_into()
        .ok()
}

/// FNV-1a with 128 bits.
struct Fnv(u128);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            self.0 = (self.0 ^ u128::from(octet)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        }
        Ok(())
    }
}

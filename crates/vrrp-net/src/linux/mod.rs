//! The Linux backend: netlink, raw sockets and packet sockets behind one file descriptor to poll.
//!
//! It works in the network namespace of the thread that opens it. Nothing is opened before it is needed: a program
//! that only watches needs no privilege, the first [`Op::Listen`] or send says so when some is missing.

mod conflict;
mod flood;
mod netlink;
mod send;
mod socket;
mod sys;
mod vmac;

use crate::{Backend, IfIndex, Link, Listen, NetError, NetEvent, Op, OpError, OpErrorKind, RxRing};
use conflict::Conflicts;
use core::time::Duration;
use netlink::{Dropped, Monitor, Refusal, Requests, Table};
use rustix::event::epoll;
use rustix::io::retry_on_intr;
use send::Senders;
use socket::Receiver;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;
use vmac::Vmacs;
use vrrp_proto::Family;

/// How much netlink work one [`Backend::apply`] does: 64 messages, of which one about IPv6 counts for up to four.
const BUDGET: usize = 64;

/// What a message about IPv6 costs of the [`BUDGET`]: 1, 2 or 4.
///
/// IPv4 takes the kernel some ten microseconds an address. IPv6 takes from thirty to a thousand, depending on what else
/// is going on, and all of it inside our system call. So batches of 16, 32 or 64 are made, by what the last one showed
/// to be done in a few milliseconds: adverts are due in between.
struct Pace {
    v6: usize,
    /// Nobody waits: all batches are of 64.
    patient: bool,
}

impl Pace {
    /// What takes no longer may take twice as long and is still not [`Pace::SLOW`].
    const QUICK: Duration = Duration::from_millis(2);
    const SLOW: Duration = Duration::from_millis(4);

    const fn cost(&self, family: Option<Family>) -> usize {
        match family {
            Some(Family::V4) => 1,
            Some(Family::V6) if self.patient => 1,
            Some(Family::V6) => self.v6,
            // Links: rare, and slow.
            None => 4,
        }
    }

    fn learn(&mut self, spent: usize, took: Duration) {
        if took > Self::SLOW {
            self.v6 = 4;
        } else if took < Self::QUICK && spent > BUDGET / 2 {
            self.v6 = (self.v6 / 2).max(1);
        }
    }
}

/// Reads after which `poll_event` says that there is nothing more, though there may be: as much as full receive buffers
/// hold. Who floods us must not keep the caller from its timers; what is left makes the descriptor readable again.
const READS: u32 = 256;

/// The monitor's token in epoll; receivers count up from 1.
const MONITOR: u64 = 0;
/// The token of both sockets that hear conflicts.
const CONFLICTS: u64 = u64::MAX;

/// The nf_tables table by which [`Op::SetAccept`] is done. It is there while something is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its name. Two programs in one network namespace need two names.
    pub table: String,
    /// When its chain is asked, among others on the input hook: lower is earlier.
    pub priority: i32,
    /// Whether the rules that drop count what they drop.
    pub counters: bool,
}

impl Default for Filter {
    /// Named `vrrpd`, with priority -1 and without counters.
    fn default() -> Self {
        Self {
            table: "vrrpd".to_owned(),
            priority: -1,
            counters: false,
        }
    }
}

/// The kernel that this program runs on.
///
/// It can be polled: when its file descriptor is readable, [`Backend::poll_event`] has something to tell.
pub struct Linux {
    /// All that can become readable, behind one descriptor.
    epoll: OwnedFd,
    requests: Requests,
    monitor: Monitor,
    receivers: BTreeMap<u64, Receiver>,
    keys: BTreeMap<(Option<IfIndex>, Family, crate::Protocol), u64>,
    next_token: u64,
    senders: Senders,
    pace: Pace,
    vmacs: Vmacs,
    filter: Table,
    /// Opened with the first address of ours.
    conflicts: Option<Conflicts>,
    /// Told by the next calls of `poll_event`.
    events: VecDeque<NetEvent<'static>>,
    /// Found readable, not yet read.
    ready: Vec<u64>,
    /// Reads since there was last nothing to tell.
    reads: u32,
    /// Something that was found readable may have more.
    more: bool,
    /// Nothing is readable: what was has been read to its end, or the caller says so.
    idle: bool,
}

impl core::fmt::Debug for Linux {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Linux")
            .field("receivers", &self.receivers)
            .finish_non_exhaustive()
    }
}

impl AsFd for Linux {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Linux {
    /// The mark of our addresses (`IFA_PROTO`): `ip address show proto 112` lists them.
    pub const ADDRESS_PROTOCOL: u8 = netlink::OURS;

    /// Subscribes to changes and reads the state of this network namespace; the first events tell it.
    pub fn open() -> Result<Self, NetError> {
        let what = |what| move |source: io::Error| NetError { what, source };
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|e| what("creating an epoll instance")(e.into()))?;
        // First the subscription, then the state: what changes in between is told twice rather than never.
        let mut requests = Requests::open().map_err(what("opening netlink"))?;
        let mut monitor = Monitor::open(requests.port()).map_err(what("subscribing to netlink"))?;
        let data = epoll::EventData::new_u64(MONITOR);
        epoll::add(&epoll, &monitor, data, epoll::EventFlags::IN)
            .map_err(|e| what("polling netlink")(e.into()))?;
        let mut events = VecDeque::new();
        monitor
            .resync(&mut requests, &mut events)
            .map_err(what("reading links and addresses from netlink"))?;
        Ok(Self {
            epoll,
            requests,
            monitor,
            receivers: BTreeMap::new(),
            keys: BTreeMap::new(),
            next_token: MONITOR + 1,
            senders: Senders::default(),
            pace: Pace {
                v6: 4,
                patient: false,
            },
            vmacs: Vmacs::default(),
            filter: Table::new(Filter::default()),
            conflicts: None,
            events,
            ready: Vec::new(),
            reads: 0,
            more: false,
            idle: false,
        })
    }

    /// Says how [`Op::SetAccept`] is done. To be called before anything is dropped.
    pub fn filter_by(&mut self, filter: Filter) {
        self.filter = Table::new(filter);
    }

    /// Says that the descriptor was not readable a moment ago: the next [`Backend::poll_event`] does not ask the kernel
    /// again. For callers that wait for other things too, and were woken by those.
    pub const fn not_readable(&mut self) {
        self.idle = true;
    }

    /// Tells the neighbour table (who answered ARP or Neighbour Discovery, and how that stands) by
    /// [`NetEvent::Neighbour`], and its changes from now on. Not done unasked: on a busy link there are many.
    pub fn watch_neighbours(&mut self) -> Result<(), NetError> {
        self.monitor
            .hear_neighbours(&mut self.requests, &mut self.events)
            .map_err(|source| NetError {
                what: "watching neighbours",
                source,
            })
    }

    /// The interfaces there are, by their last notification.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.monitor.links().values()
    }

    /// Whether this kernel keeps the mark by which [`crate::AddressRecord::ours`] is known: Linux 5.18 and later.
    ///
    /// Where it does not, nothing else is written down anywhere: addresses that a killed process left are not told
    /// from those of others, and a program that cleans up after itself has to go by its configuration.
    pub fn marks_addresses() -> bool {
        let release = rustix::system::uname();
        let mut numbers = release
            .release()
            .to_str()
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_digit())
            .map_while(|number| number.parse::<u32>().ok());
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 18)
    }

    fn listen(&mut self, listen: &Listen) -> io::Result<()> {
        let key = (listen.iface, listen.family, listen.protocol);
        if let Some(receiver) = self
            .keys
            .get(&key)
            .and_then(|token| self.receivers.get_mut(token))
        {
            return receiver.join(listen.group);
        }
        let mut receiver = Receiver::open(listen)?;
        receiver.join(listen.group)?;
        self.senders.open(listen.family, listen.protocol);
        self.hear_conflicts();
        let token = self.next_token;
        let data = epoll::EventData::new_u64(token);
        epoll::add(&self.epoll, &receiver, data, epoll::EventFlags::IN)?;
        self.next_token += 1;
        self.keys.insert(key, token);
        self.receivers.insert(token, receiver);
        Ok(())
    }

    fn unlisten(&mut self, listen: &Listen) {
        let key = (listen.iface, listen.family, listen.protocol);
        let receiver = self
            .keys
            .get(&key)
            .and_then(|token| self.receivers.get_mut(token));
        if receiver.is_some_and(|receiver| !receiver.leave(listen.group))
            && let Some(token) = self.keys.remove(&key)
        {
            // Closing the socket takes it out of epoll.
            self.receivers.remove(&token);
        }
    }

    /// Closes the sockets of an interface that is gone: bound to its number, they would never hear anything again.
    fn forget(&mut self, iface: IfIndex) {
        self.vmacs.removed(iface, &mut self.requests);
        if let Some(conflicts) = &mut self.conflicts {
            conflicts.forget(iface);
        }
        self.receivers
            .retain(|_, receiver| receiver.iface() != Some(iface));
        self.keys.retain(|(of, ..), _| *of != Some(iface));
    }

    /// Applies the netlink operations that `ops` begins with, as far as the budget goes; answers how many.
    fn apply_netlink(
        &mut self,
        ops: &[Op<'_>],
        budget: &mut usize,
        failed: &mut dyn FnMut(usize, OpError),
    ) -> usize {
        let mut spent = 0;
        let mut taken = 0;
        // Told in order, though what cannot even be asked is known first.
        let mut failures = Vec::new();
        if ops.iter().any(|op| matches!(op, Op::AddAddress { .. })) {
            self.hear_conflicts();
        }
        let ours = |op: &Op<'_>| matches!(op, Op::AddRoute(_) | Op::AddRule(_));
        if let Some(first) = ops.iter().position(ours)
            && let Err(error) = self.monitor.hear_routes()
        {
            // It is made all the same; only its loss would go unnoticed.
            failures.push((first, system("watching routes", &error)));
        }
        for (at, op) in ops.iter().enumerate() {
            let Lane::Netlink(family) = lane(op) else {
                break;
            };
            let cost = self.pace.cost(family);
            if spent + cost > *budget {
                break;
            }
            spent += cost;
            taken = at + 1;
            let requests = &mut self.requests;
            let pushed = match *op {
                Op::AddAddress { iface, address } => {
                    netlink::add_address(iface, address).and_then(|r| requests.push(at, r))
                }
                Op::RemoveAddress { iface, address } => {
                    netlink::remove_address(iface, address).and_then(|r| requests.push(at, r))
                }
                Op::AddRoute(route) => netlink::add_route(route).and_then(|r| requests.push(at, r)),
                Op::RemoveRoute(route) => {
                    netlink::remove_route(route).and_then(|r| requests.push(at, r))
                }
                Op::AddRule(rule) => netlink::add_rule(rule).and_then(|r| requests.push(at, r)),
                Op::RemoveRule(rule) => {
                    netlink::remove_rule(rule).and_then(|r| requests.push(at, r))
                }
                Op::SetLink { iface, up } => {
                    netlink::set_link(iface, up).and_then(|r| requests.push(at, r))
                }
                Op::SetMac { iface, mac } => {
                    netlink::set_mac(iface, mac).and_then(|r| requests.push(at, r))
                }
                Op::Rename { iface, name } => {
                    netlink::rename(iface, name).and_then(|r| requests.push(at, r))
                }
                _ => Ok(()),
            };
            if let Err(error) = pushed {
                failures.push((at, OpError::new(OpErrorKind::Invalid, error.0)));
            }
        }
        let Self {
            monitor, conflicts, ..
        } = self;
        let begin = Instant::now();
        self.requests.commit(|at, outcome| {
            let Some(op) = ops.get(at) else { return };
            let changed = match outcome {
                Ok(()) => true,
                Err(refusal) if is_so_already(op, refusal.errno) => false,
                Err(refusal) => return failures.push((at, refused(refusal))),
            };
            monitor.done(op, changed);
            match (op, &mut *conflicts) {
                (Op::AddAddress { iface, address }, Some(conflicts)) => {
                    conflicts.hold(*iface, address.address);
                }
                (Op::RemoveAddress { iface, address }, Some(conflicts)) => {
                    conflicts.release(*iface, address.address);
                }
                _ => {}
            }
        });
        self.pace.learn(spent, begin.elapsed());
        failures.sort_by_key(|(at, _)| *at);
        failures.dedup_by_key(|(at, _)| *at);
        for (at, error) in failures {
            failed(at, error);
        }
        *budget -= spent;
        taken
    }

    /// Opens the sockets that hear conflicts. Without the privilege for them there is nothing to tell: then addresses
    /// cannot be added either.
    fn hear_conflicts(&mut self) {
        if self.conflicts.is_none()
            && let Ok(conflicts) = Conflicts::open()
        {
            let data = epoll::EventData::new_u64(CONFLICTS);
            let polled = conflicts
                .sockets()
                .all(|socket| epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN).is_ok());
            self.conflicts = polled.then_some(conflicts);
        }
    }

    fn alone(&mut self, op: &Op<'_>) -> Result<(), OpError> {
        match op {
            Op::Listen(listen) => self.listen(listen).map_err(|e| system("listening", &e)),
            Op::Unlisten(listen) => {
                self.unlisten(listen);
                Ok(())
            }
            Op::Expect { listen, vrids } => {
                let key = (listen.iface, listen.family, listen.protocol);
                let receiver = self
                    .keys
                    .get(&key)
                    .and_then(|token| self.receivers.get_mut(token));
                let expected = receiver.map_or(Ok(()), |receiver| receiver.expect(*vrids));
                expected.map_err(|e| system("filtering", &e))
            }
            Op::RemoveLink { iface } => {
                match self.requests.ask(netlink::remove_link(*iface)) {
                    Err(refusal) if !is_so_already(op, refusal.errno) => {
                        return Err(refused(refusal));
                    }
                    Err(_) | Ok(()) => {}
                }
                self.vmacs.removed(*iface, &mut self.requests);
                Ok(())
            }
            Op::Promote { iface, on } => {
                self.vmacs
                    .promote(*iface, *on, &mut self.requests, &self.monitor)
            }
            Op::CreateLink(link) => self.vmacs.create(link, &mut self.requests, &self.monitor),
            _ => Err(OpError::new(OpErrorKind::NotSupported, "")),
        }
    }

    /// Has packets dropped or not as the [`Op::SetAccept`]s say that `ops` begins with; answers how many. It is one
    /// transaction: all take effect, or all fail.
    fn apply_accept(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) -> usize {
        let changes: Vec<_> = ops
            .iter()
            .map_while(|op| match *op {
                Op::SetAccept {
                    iface,
                    address,
                    accept,
                } => Some((Dropped::new(iface, address), accept)),
                _ => None,
            })
            .collect();
        let count = changes.len();
        if let Err(refusal) = self.filter.set(changes.into_iter()) {
            let error = refused(refusal);
            (0..count).for_each(|at| failed(at, error.clone()));
        }
        count
    }

    /// Reads from one descriptor that has something, if there is one. What comes while others are read makes ours
    /// readable again, so that is not waited for.
    fn refill(&mut self, ring: &mut RxRing) -> io::Result<bool> {
        if self.ready.is_empty() {
            if let Some(conflicts) = &mut self.conflicts {
                conflicts.refresh()?;
            }
            for receiver in self.receivers.values_mut() {
                receiver.tick(&mut self.events)?;
            }
            if core::mem::take(&mut self.idle) {
                return Ok(!self.events.is_empty());
            }
            let none = epoll::EventData::new_u64(0);
            let mut found = [epoll::Event {
                flags: epoll::EventFlags::empty(),
                data: none,
            }; 64];
            let now = rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let count = retry_on_intr(|| epoll::wait(&self.epoll, &mut found, Some(&now)))?;
            self.ready
                .extend(found.iter().take(count).map(|event| event.data.u64()));
        }
        let more = match self.ready.pop() {
            None => return Ok(!self.events.is_empty()),
            Some(MONITOR) => self.monitor.read(&mut self.requests, &mut self.events)?,
            Some(CONFLICTS) => match &mut self.conflicts {
                Some(conflicts) => conflicts.read(self.monitor.links(), &mut self.events)?,
                None => false,
            },
            Some(token) => match self.receivers.get_mut(&token) {
                Some(receiver) => receiver.read(ring, &mut self.events)?,
                None => false,
            },
        };
        self.more |= more;
        if self.ready.is_empty() {
            self.idle = !core::mem::take(&mut self.more);
        }
        Ok(true)
    }
}

impl Backend for Linux {
    fn apply(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) -> usize {
        let mut done = 0;
        let mut budget = BUDGET;
        while let Some(rest) = ops.get(done..)
            && let Some(first) = rest.first()
        {
            let mut failed = |at: usize, error| failed(done + at, error);
            match lane(first) {
                Lane::Netlink(_) => {
                    match self.apply_netlink(rest, &mut budget, &mut failed) {
                        // The budget is spent: the caller comes back.
                        0 => return done,
                        taken => done += taken,
                    }
                }
                Lane::Accept => done += self.apply_accept(rest, &mut failed),
                Lane::Send => done += self.senders.send(rest, &mut failed),
                Lane::Alone => {
                    if let Err(error) = self.alone(first) {
                        failed(0, error);
                    }
                    done += 1;
                }
            }
        }
        done
    }

    fn apply_all(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) {
        self.pace.patient = true;
        let mut done = 0;
        while let Some(rest) = ops.get(done..).filter(|rest| !rest.is_empty()) {
            done += self.apply(rest, &mut |at, error| failed(done + at, error));
        }
        self.pace.patient = false;
    }

    fn poll_event<'b>(&mut self, ring: &'b mut RxRing) -> Result<Option<NetEvent<'b>>, NetError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                if let NetEvent::LinkGone { index, .. } = event {
                    self.forget(index);
                }
                return Ok(Some(event));
            }
            if !ring.is_empty() {
                return Ok(ring.pop().map(NetEvent::Packet));
            }
            self.reads += 1;
            let more = self.reads <= READS
                && self.refill(ring).map_err(|source| NetError {
                    what: "receiving",
                    source,
                })?;
            if !more {
                self.reads = 0;
                return Ok(None);
            }
        }
    }
}

/// How an operation is carried out, so that neighbours of a kind can share a system call.
enum Lane {
    /// As one message of a batch, about this family or about a link.
    Netlink(Option<Family>),
    /// As one packet of a `sendmmsg`.
    Send,
    /// As set elements of one transaction.
    Accept,
    /// By itself.
    Alone,
}

const fn lane(op: &Op<'_>) -> Lane {
    match op {
        Op::AddAddress { address, .. } | Op::RemoveAddress { address, .. } => {
            Lane::Netlink(Some(address.family()))
        }
        Op::AddRoute(route) | Op::RemoveRoute(route) => Lane::Netlink(Some(route.family)),
        Op::AddRule(rule) | Op::RemoveRule(rule) => Lane::Netlink(Some(rule.family)),
        Op::SetLink { .. } | Op::SetMac { .. } | Op::Rename { .. } => Lane::Netlink(None),
        Op::SendAdvert(_) | Op::GratuitousArp { .. } | Op::UnsolicitedNa { .. } => Lane::Send,
        Op::Listen(_)
        | Op::Unlisten(_)
        | Op::Expect { .. }
        | Op::CreateLink(_)
        | Op::Promote { .. }
        | Op::RemoveLink { .. } => Lane::Alone,
        Op::SetAccept { .. } => Lane::Accept,
    }
}

/// Whether the kernel refuses because the host is already as `op` says.
const fn is_so_already(op: &Op<'_>, errno: i32) -> bool {
    match op {
        Op::AddAddress { .. } | Op::AddRoute(_) | Op::AddRule(_) => errno == libc::EEXIST,
        // With its interface an address is gone, too.
        Op::RemoveAddress { .. } => matches!(errno, libc::EADDRNOTAVAIL | libc::ENODEV),
        // What the kernel does not know it cannot have.
        Op::RemoveRoute(_) => matches!(
            errno,
            libc::ESRCH | libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP
        ),
        Op::RemoveRule(_) => matches!(errno, libc::ENOENT | libc::ESRCH),
        Op::RemoveLink { .. } | Op::SetLink { up: false, .. } => errno == libc::ENODEV,
        _ => false,
    }
}

fn refused(refusal: Refusal) -> OpError {
    OpError {
        kind: kind(refusal.errno),
        errno: Some(refusal.errno),
        detail: refusal.text,
    }
}

fn system(what: &str, error: &io::Error) -> OpError {
    let errno = error.raw_os_error();
    OpError {
        kind: errno.map_or(OpErrorKind::Other, kind),
        errno,
        detail: format!("{what}: {error}"),
    }
}

const fn kind(errno: i32) -> OpErrorKind {
    match errno {
        libc::ENODEV | libc::ENXIO => OpErrorKind::NoInterface,
        libc::EPERM | libc::EACCES => OpErrorKind::NotPermitted,
        libc::EOPNOTSUPP | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ENOSYS => {
            OpErrorKind::NotSupported
        }
        libc::EINVAL | libc::ERANGE | libc::EMSGSIZE => OpErrorKind::Invalid,
        libc::EADDRNOTAVAIL => OpErrorKind::NoSource,
        libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN => OpErrorKind::Unreachable,
        libc::EEXIST => OpErrorKind::Exists,
        libc::ENOBUFS | libc::EAGAIN | libc::ENOMEM | libc::ENOSPC => OpErrorKind::NoRoom,
        _ => OpErrorKind::Other,
    }
}

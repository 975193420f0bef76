//! What is still to be done to the kernel, in order.
//!
//! Adverts overtake everything else: a thousand addresses are not added in one go, and whoever waits for an advert
//! does not care about them. Otherwise the order of the engine's commands is kept, notifications included: nobody is
//! told that an address is there before it is.

use core::net::IpAddr;
use std::collections::VecDeque;
use std::sync::Arc;

use vrrp_fsm::{Advertisement, EncodeError, Engine, IfaceId, RouterId};
use vrrp_net::frame::{DSCP_CS6, GratuitousArp, Ipv4Header, UnsolicitedNa};
use vrrp_net::{
    AddressSpec, IfIndex, Listen, Mac, Op, OpError, Payload, Protocol, Route, Transmit,
    VirtualLink, VridSet,
};
use vrrp_proto::{AH_LEN, Endpoints};

use crate::plan::Install;

/// Longest advert: 255 IPv6 addresses and a signature.
const LONGEST: usize = 4116;
/// What goes in front of an authenticated one: an IPv4 header and an Authentication Header.
const WRAPPING: usize = Ipv4Header::LEN + AH_LEN;
/// How many steps are offered to the kernel at once, at most.
const BATCH: usize = 1024;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step<T> {
    /// Hear packets.
    Listen(Listen),
    /// Hear them no more.
    Unlisten(Listen),
    /// Say which virtual routers are expected there.
    Expect(Listen, VridSet),
    /// Add (or remove) an address of an [`Install`].
    Address {
        of: Arc<Install>,
        at: usize,
        add: bool,
    },
    /// Remove an address that nobody planned.
    Leftover {
        iface: IfIndex,
        address: Box<AddressSpec>,
    },
    /// Add (or remove) a route; its interfaces were there when the step was made.
    Route { route: Box<Route>, add: bool },
    /// Add (or remove) a rule of an [`Install`].
    Rule {
        of: Arc<Install>,
        at: usize,
        add: bool,
    },
    /// Take packets to an address, or drop them.
    Accept {
        iface: IfaceId,
        address: IpAddr,
        accept: bool,
    },
    /// Make an interface; its parent was there when the step was made.
    MakeLink(Box<VirtualLink>),
    /// Remove an interface that was made.
    RemoveLink { iface: IfaceId },
    /// Set an interface up or down.
    SetLink { iface: IfaceId, up: bool },
    /// Keep the other addresses of a subnet when the first one goes, or as before.
    Promote { iface: IfIndex, on: bool },
    /// Announce an address once.
    Announce { iface: IfaceId, address: IpAddr },
    /// Nothing for the kernel: to be handed out when everything before it is done.
    Tell(T),
}

/// What the kernel calls an interface of ours, and its hardware address.
pub(super) trait Resolve {
    fn index(&self, iface: IfaceId) -> Option<IfIndex>;
    /// The same, to take something away: also if it has another name by now.
    fn left(&self, iface: IfaceId) -> Option<IfIndex>;
    fn mac(&self, iface: IfaceId) -> Option<Mac>;
}

/// Where adverts of a router go to and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) iface: IfaceId,
    /// The interface with the virtual MAC, by which they leave when it is there.
    pub(super) vmac: Option<IfaceId>,
    pub(super) hop_limit: u8,
    pub(super) protocol: Protocol,
}

/// A step or advert that did not succeed.
#[derive(Debug)]
pub(super) enum Failure<T> {
    Advert(RouterId, OpError),
    Step(Step<T>, OpError),
}

/// The queue.
#[derive(Debug)]
pub(super) struct Steps<T> {
    /// Without which an advert cannot leave.
    first: Vec<Step<T>>,
    adverts: Vec<Advertisement>,
    pending: VecDeque<Step<T>>,
    /// Octets of encoded adverts, one after the other, and of former ones behind them.
    octets: Vec<u8>,
    encoded: Vec<Encoded>,
    /// Of the last IPv4 header of ours; never 0 in one.
    identification: u16,
}

#[derive(Clone, Copy, Debug)]
struct Encoded {
    advert: usize,
    router: RouterId,
    way: Way,
    ends: Endpoints,
    start: usize,
    len: usize,
}

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            adverts: Vec::new(),
            pending: VecDeque::new(),
            octets: Vec::new(),
            encoded: Vec::new(),
            identification: 0,
        }
    }
}

impl<T> Steps<T> {
    pub(super) fn advertise(&mut self, advertisement: Advertisement) {
        self.adverts.push(advertisement);
    }

    /// Before the adverts of this turn.
    pub(super) fn prepare(&mut self, step: Step<T>) {
        self.first.push(step);
    }

    pub(super) fn push(&mut self, step: Step<T>) {
        self.pending.push_back(step);
    }

    pub(super) fn has_adverts(&self) -> bool {
        !self.adverts.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.adverts.is_empty() && self.pending.is_empty()
    }

    /// Does as much as `apply` is willing to; the rest stays. What is to be told and everything that failed is
    /// returned in order.
    pub(super) fn run(
        &mut self,
        engine: &Engine,
        ways: impl Fn(RouterId) -> Option<Way>,
        host: &impl Resolve,
        mut apply: impl FnMut(&[Op<'_>], &mut dyn FnMut(usize, OpError)) -> usize,
        told: &mut Vec<T>,
        failures: &mut Vec<Failure<T>>,
    ) {
        self.run_first(host, &mut apply, failures);
        self.encode(engine, ways);
        let mut ops: Vec<Op<'_>> =
            Vec::with_capacity(self.encoded.len() + self.pending.len().min(BATCH));
        for encoded in &self.encoded {
            let message = self
                .octets
                .get(encoded.start..encoded.start + encoded.len)
                .unwrap_or_default();
            ops.push(Op::SendAdvert(Transmit {
                iface: encoded
                    .way
                    .vmac
                    .and_then(|vmac| host.index(vmac))
                    .or_else(|| host.index(encoded.way.iface)),
                ends: encoded.ends,
                hop_limit: encoded.way.hop_limit,
                payload: match encoded.way.protocol {
                    Protocol::Vrrp => Payload::Vrrp(message),
                    Protocol::Ah => Payload::Ipv4(message),
                },
            }));
        }
        // For each pending step that is offered: whether the kernel has a part in it.
        let mut offered = Vec::with_capacity(self.pending.len().min(BATCH));
        for step in self.pending.iter().take(BATCH) {
            let op = step.op(host);
            offered.push(op.is_some());
            ops.extend(op);
        }
        let mut failed = Vec::new();
        let done = if ops.is_empty() {
            0
        } else {
            apply(&ops, &mut |at, error| failed.push((at, error)))
        };
        drop(ops);
        let mut failed = failed.into_iter().peekable();

        let sent = done.min(self.encoded.len());
        while let Some((at, error)) = failed.next_if(|(at, _)| *at < sent) {
            if let Some(encoded) = self.encoded.get(at) {
                failures.push(Failure::Advert(encoded.router, error));
            }
        }
        // An advert to several peers counts as sent with its last copy.
        let kept = self
            .encoded
            .get(sent)
            .map_or(self.adverts.len(), |encoded| encoded.advert);
        self.adverts.drain(..kept);

        let mut at = sent;
        for has_op in offered {
            if has_op && at >= done {
                break;
            }
            let Some(step) = self.pending.pop_front() else {
                break;
            };
            match step {
                Step::Tell(thing) => told.push(thing),
                step if has_op => {
                    if let Some((_, error)) = failed.next_if(|(failed, _)| *failed == at) {
                        failures.push(Failure::Step(step, error));
                    }
                    at += 1;
                }
                // Its interface is gone, and what was on it too.
                _ => {}
            }
        }
    }

    /// Few, and all of them: adverts wait for them.
    fn run_first(
        &mut self,
        host: &impl Resolve,
        apply: &mut impl FnMut(&[Op<'_>], &mut dyn FnMut(usize, OpError)) -> usize,
        failures: &mut Vec<Failure<T>>,
    ) {
        let mut failed = Vec::new();
        let ops: Vec<(usize, Op<'_>)> = self
            .first
            .iter()
            .enumerate()
            .filter_map(|(at, step)| Some((at, step.op(host)?)))
            .collect();
        for (at, op) in &ops {
            let _ = apply(core::slice::from_ref(op), &mut |_, error| {
                failed.push((*at, error))
            });
        }
        drop(ops);
        let mut failed = failed.into_iter().peekable();
        for (at, step) in self.first.drain(..).enumerate() {
            if let Some((_, error)) = failed.next_if(|(failed, _)| *failed == at) {
                failures.push(Failure::Step(step, error));
            }
        }
    }

    fn encode(&mut self, engine: &Engine, ways: impl Fn(RouterId) -> Option<Way>) {
        self.encoded.clear();
        let mut start = 0;
        for (advert, advertisement) in self.adverts.iter().enumerate() {
            let router = advertisement.router;
            let Some(way) = ways(router) else { continue };
            for destination in engine.destinations(router) {
                // Grown once and never cleared: each octet that is touched costs, above all after a long sleep.
                if self.octets.len() < start + WRAPPING + LONGEST {
                    self.octets.resize(start + WRAPPING + LONGEST, 0);
                }
                let buf = self.octets.get_mut(start..).unwrap_or_default();
                self.identification = self.identification.checked_add(1).unwrap_or(1);
                match write(
                    engine,
                    advertisement,
                    destination,
                    way,
                    self.identification,
                    buf,
                ) {
                    Ok((ends, len)) => {
                        self.encoded.push(Encoded {
                            advert,
                            router,
                            way,
                            ends,
                            start,
                            len,
                        });
                        start += len;
                    }
                    Err(error) => {
                        // Without an address to send from there is a fault that says so.
                        tracing::trace!(%error, "advert not encoded: {error}");
                    }
                }
            }
        }
    }
}

/// Writes one copy of an advert, inside of an Authentication Header where `way` asks for it: that covers the IP
/// header, so this is ours to make too.
fn write(
    engine: &Engine,
    advertisement: &Advertisement,
    destination: IpAddr,
    way: Way,
    identification: u16,
    buf: &mut [u8],
) -> Result<(Endpoints, usize), EncodeError> {
    if way.protocol == Protocol::Vrrp {
        return engine.encode_advert(advertisement, destination, buf);
    }
    let Some((wrapping, rest)) = buf.split_at_mut_checked(WRAPPING) else {
        return Err(EncodeError::Destination(destination));
    };
    let (ends, len) = engine.encode_advert(advertisement, destination, rest)?;
    let Endpoints::V4 {
        source,
        destination: to,
    } = ends
    else {
        return Err(EncodeError::Destination(destination));
    };
    let header = Ipv4Header {
        tos: DSCP_CS6,
        payload_len: u16::try_from(AH_LEN + len).unwrap_or(u16::MAX),
        identification,
        ttl: way.hop_limit,
        protocol: Protocol::Ah.number(),
        source,
        destination: to,
    };
    let message = rest.get(..len).unwrap_or_default();
    let header = header.emit().ok_or(EncodeError::Destination(destination))?;
    let wrapped = engine.auth_header(advertisement, &header, message);
    let auth = wrapped.ok_or(EncodeError::Destination(destination))?;
    for (to, from) in wrapping.iter_mut().zip(header.iter().chain(&auth)) {
        *to = *from;
    }
    Ok((ends, WRAPPING + len))
}

impl<T> Step<T> {
    fn op(&self, host: &impl Resolve) -> Option<Op<'_>> {
        Some(match self {
            Self::Listen(listen) => Op::Listen(*listen),
            Self::Unlisten(listen) => Op::Unlisten(*listen),
            Self::Expect(listen, vrids) => Op::Expect {
                listen: *listen,
                vrids: *vrids,
            },
            Self::Address { of, at, add } => {
                let placed = of.addresses.get(*at)?;
                let address = &placed.spec;
                if *add {
                    let iface = host.index(placed.iface)?;
                    Op::AddAddress { iface, address }
                } else {
                    let iface = host.left(placed.iface)?;
                    Op::RemoveAddress { iface, address }
                }
            }
            Self::Leftover { iface, address } => Op::RemoveAddress {
                iface: *iface,
                address,
            },
            Self::Route { route, add: true } => Op::AddRoute(route),
            Self::Route { route, add: false } => Op::RemoveRoute(route),
            Self::Rule { of, at, add: true } => Op::AddRule(&of.rules.get(*at)?.rule),
            Self::Rule { of, at, add: false } => Op::RemoveRule(&of.rules.get(*at)?.rule),
            Self::Accept {
                iface,
                address,
                accept,
            } => Op::SetAccept {
                iface: host.left(*iface)?,
                address: *address,
                accept: *accept,
            },
            Self::MakeLink(link) => Op::CreateLink(link),
            Self::RemoveLink { iface } => Op::RemoveLink {
                iface: host.left(*iface)?,
            },
            Self::SetLink { iface, up } => Op::SetLink {
                iface: host.index(*iface)?,
                up: *up,
            },
            Self::Promote { iface, on } => Op::Promote {
                iface: *iface,
                on: *on,
            },
            Self::Announce { iface, address } => {
                let (iface, mac) = (host.index(*iface)?, host.mac(*iface)?);
                match *address {
                    IpAddr::V4(address) => Op::GratuitousArp {
                        iface,
                        arp: GratuitousArp::new(address, mac),
                    },
                    IpAddr::V6(address) => Op::UnsolicitedNa {
                        iface,
                        na: UnsolicitedNa::new(address, mac),
                    },
                }
            }
            Self::Tell(_) => return None,
        })
    }
}

//! A simulated kernel: [`vrrp_net::Backend`] over a few lists.
//!
//! It does what Linux does with the operations and with frames, as far as another machine on the
//! link can tell: answers ARP, Neighbour Solicitations and pings for its addresses (also while the
//! process is frozen), keeps VRRP packets for groups that were joined, 256 at most, and sends from
//! an address only if it has it.
//!
//! It differs from Linux where that is of no consequence to the protocol: an answer goes to the
//! hardware address that asked, routes and rules are kept but forward nothing, no duplicate
//! address detection, and a virtual link is up or down but has no neighbours of its own.

mod ops;

use crate::frame::{self, Heard};
use crate::world::Outbox;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::{BTreeSet, VecDeque};
use vrrp_fsm::Instant;
use vrrp_net::{
    AddressRecord, AddressSpec, AddressState, Author, IfIndex, Link, Listen, Mac, NetEvent,
    Protocol, Route, Rule, RxMeta, Scope,
};
use vrrp_proto::{Endpoints, Family};

/// Packets that a socket keeps for a process that does not read: Linux' default buffer holds as
/// many adverts.
const BACKLOG: usize = 256;

/// A host's kernel.
#[derive(Debug, Default)]
pub struct SimKernel {
    ifaces: Vec<Iface>,
    listens: BTreeSet<Listen>,
    refused: BTreeSet<IpAddr>,
    /// On other hosts, as duplicate address detection will find.
    elsewhere: BTreeSet<IpAddr>,
    routes: Vec<Route>,
    rules: Vec<Rule>,
    events: VecDeque<NetEvent<'static>>,
    packets: VecDeque<Kept>,
    /// Buffers of packets that were read, to be used again.
    spare: Vec<Kept>,
    scratch: Vec<u8>,
    out: Outbox,
    now: Instant,
    dropped: u64,
}

#[derive(Debug)]
struct Iface {
    link: Link,
    /// Of the machine; the port that a virtual link shares with its parent.
    port: usize,
    mac: Mac,
    addresses: Vec<(AddressSpec, bool)>,
}

#[derive(Debug)]
struct Kept {
    meta: RxMeta,
    header: usize,
    octets: Vec<u8>,
}

impl SimKernel {
    /// A host with one interface for each of `ports`: its hardware address and its own addresses.
    /// They get the indexes 1, 2, … and the names `eth0`, `eth1`, ….
    pub fn new(ports: impl IntoIterator<Item = (Mac, Vec<AddressSpec>)>) -> Self {
        let mut kernel = Self::default();
        for (port, (mac, addresses)) in ports.into_iter().enumerate() {
            let name = format!("eth{port}");
            let addresses = addresses.into_iter().map(|spec| (spec, false)).collect();
            if let Some(link) = kernel.new_link(name, mac, None) {
                kernel.ifaces.push(Iface {
                    link,
                    port,
                    mac,
                    addresses,
                });
            }
        }
        kernel.dump();
        kernel
    }

    /// Sets the clock by which packets are stamped.
    pub const fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// What its clock shows.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Whether `address` is on any interface.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.ifaces.iter().any(|iface| iface.has(address))
    }

    /// Every address of every interface.
    pub fn addresses(&self) -> impl Iterator<Item = (IfIndex, &AddressSpec)> {
        self.ifaces
            .iter()
            .flat_map(|i| i.addresses.iter().map(|(spec, _)| (i.link.index, spec)))
    }

    /// The routes that were added and not removed, oldest first.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The rules that were added and not removed, oldest first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Packets that came while 256 others waited.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The frames that operations sent, to be taken away.
    pub const fn outbox(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// Tells every link and address again, as a new process would be told.
    pub fn dump(&mut self) {
        self.events.clear();
        self.events.push_back(NetEvent::Resync);
        for iface in &self.ifaces {
            self.events.push_back(NetEvent::Link(iface.link.clone()));
            for (spec, ours) in &iface.addresses {
                let record = record(iface.link.index, spec, *ours);
                self.events.push_back(NetEvent::AddressAdded {
                    record,
                    by: Author::Unknown,
                });
            }
        }
        self.events.push_back(NetEvent::Synced);
    }

    /// Another program removes an address, wherever it is.
    pub fn take_address(&mut self, address: IpAddr) {
        for iface in &mut self.ifaces {
            let taken = iface
                .addresses
                .extract_if(.., |(spec, _)| spec.address == address);
            for (spec, ours) in taken {
                self.events.push_back(NetEvent::AddressRemoved {
                    record: record(iface.link.index, &spec, ours),
                    by: Author::Port(1),
                });
            }
        }
    }

    /// Duplicate address detection will find `address` on another host, or not any more.
    pub fn set_elsewhere(&mut self, address: IpAddr, elsewhere: bool) {
        if elsewhere {
            self.elsewhere.insert(address);
        } else {
            self.elsewhere.remove(&address);
        }
    }

    /// Closes what a process that is gone had open, and forgets what it had not read. Addresses,
    /// routes and rules stay, as they do on Linux.
    pub fn process_gone(&mut self) {
        self.listens.clear();
        self.packets.clear();
        self.dump();
    }

    /// The machine was switched off and on: what it was given at its making is all that is left.
    pub fn reboot(&mut self) {
        self.ifaces.retain(|iface| iface.link.parent.is_none());
        for iface in &mut self.ifaces {
            iface.addresses.retain(|(_, ours)| !ours);
        }
        self.refused.clear();
        self.routes.clear();
        self.rules.clear();
        self.out.clear();
        self.process_gone();
    }

    /// The carrier of the machine's port came or went.
    pub fn carrier(&mut self, port: usize, up: bool) {
        for iface in self.ifaces.iter_mut().filter(|iface| iface.port == port) {
            iface.link.carrier = up;
            iface.link.running = up && iface.link.up;
            self.events.push_back(NetEvent::Link(iface.link.clone()));
        }
    }

    /// Takes a frame from the machine's port; answers into `out`.
    pub fn receive(&mut self, port: usize, frame: &[u8], out: &mut Outbox) {
        let Some(&to) = frame.first_chunk::<6>() else {
            return;
        };
        let group = to.first().is_some_and(|octet| octet & 1 == 1);
        let takes = |iface: &Iface| {
            iface.port == port && iface.link.running && (group || iface.mac.octets() == to)
        };
        if !self.ifaces.iter().any(takes) {
            return;
        }
        match Heard::parse(frame) {
            Some(Heard::ArpRequest {
                mac,
                sender,
                target,
            }) => {
                self.claimed(port, sender.into(), mac);
                self.answer(port, target.into(), mac, sender.into(), out);
            }
            Some(Heard::ArpReply { mac, sender }) => self.claimed(port, sender.into(), mac),
            Some(Heard::Advertisement { mac, target, .. }) => {
                self.claimed(port, target.into(), mac);
            }
            Some(Heard::Solicitation {
                mac,
                sender,
                target,
            }) => {
                self.answer(port, target.into(), mac, sender.into(), out);
            }
            Some(Heard::Echo {
                request: true,
                ends,
                ident,
                sequence,
            }) => {
                self.pong(port, frame, ends, (ident, sequence), out);
            }
            Some(Heard::Echo { request: false, .. }) | None => {}
            Some(Heard::Ip {
                ends,
                hop_limit,
                protocol,
                header,
                payload,
            }) => {
                let header = if ends.family() == Family::V4 {
                    header
                } else {
                    0..0
                };
                let (Some(header), Some(message)) = (frame.get(header), frame.get(payload)) else {
                    return;
                };
                self.keep(port, ends, hop_limit, protocol, header, message);
            }
        }
    }

    /// Somebody says that it has `address`.
    fn claimed(&mut self, port: usize, address: IpAddr, mac: Mac) {
        let ours = |iface: &&Iface| iface.port == port && iface.has(address);
        if let Some(iface) = self
            .ifaces
            .iter()
            .find(ours)
            .filter(|iface| iface.mac != mac)
        {
            let iface = iface.link.index;
            self.events.push_back(NetEvent::Conflict {
                iface,
                address,
                mac,
            });
        }
    }

    /// Says where `address` is, if it is here.
    fn answer(&self, port: usize, address: IpAddr, to: Mac, asker: IpAddr, out: &mut Outbox) {
        let here = |i: &&Iface| i.port == port && i.link.running && i.has(address);
        if let Some(iface) = self.ifaces.iter().find(here)
            && let Some(frame) = frame::is_at(address, iface.mac, to, asker)
        {
            out.send(port, &frame);
        }
    }

    fn pong(&self, port: usize, ping: &[u8], ends: Endpoints, id: (u16, u16), out: &mut Outbox) {
        let (asker, address) = (ends.source(), ends.destination());
        let here = |i: &&Iface| i.port == port && i.link.running && i.has(address);
        let Some(iface) = self.ifaces.iter().find(here) else {
            return;
        };
        if self.refused.contains(&address) {
            return;
        }
        let to = ping
            .get(6..12)
            .and_then(|mac| <[u8; 6]>::try_from(mac).ok())
            .map(Mac::new);
        if let (Some(to), Some(back)) = (to, Endpoints::new(address, asker)) {
            out.send(port, &frame::echo(false, iface.mac, to, back, id.0, id.1));
        }
    }

    fn keep(
        &mut self,
        port: usize,
        ends: Endpoints,
        hop_limit: u8,
        number: u8,
        header: &[u8],
        message: &[u8],
    ) {
        let Some(protocol) = [Protocol::Vrrp, Protocol::Ah]
            .into_iter()
            .find(|p| p.number() == number)
        else {
            return;
        };
        let Some(iface) = self
            .ifaces
            .iter()
            .find(|i| i.port == port && i.link.running)
        else {
            return;
        };
        let (index, to) = (iface.link.index, ends.destination());
        let wanted = |listen: &Listen| {
            listen.family == ends.family()
                && listen.protocol == protocol
                && listen.iface.is_none_or(|only| only == index)
                && (listen.group == Some(to) || iface.has(to))
        };
        if !self.listens.iter().any(wanted) {
            return;
        }
        if self.packets.len() == BACKLOG {
            self.dropped += 1;
            return;
        }
        let arrived = Some(self.now.saturating_duration_since(Instant::ZERO));
        let meta = RxMeta {
            iface: index,
            ends,
            hop_limit,
            protocol,
            arrived,
        };
        let mut kept = self.spare.pop().unwrap_or_else(|| Kept {
            meta,
            header: 0,
            octets: Vec::new(),
        });
        kept.meta = meta;
        kept.header = header.len();
        kept.octets.clear();
        kept.octets.extend_from_slice(header);
        kept.octets.extend_from_slice(message);
        self.packets.push_back(kept);
    }
}

impl Iface {
    fn has(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(spec, _)| spec.address == address)
    }
}

fn record(iface: IfIndex, spec: &AddressSpec, ours: bool) -> AddressRecord {
    AddressRecord {
        iface,
        address: spec.address,
        prefix_len: spec.prefix_len,
        peer: spec.peer,
        scope: Scope::GLOBAL,
        label: spec.label.clone(),
        secondary: false,
        state: AddressState::Usable,
        ours,
    }
}

/// An address of a simulated machine: the `n`-th on segment `segment`.
pub fn own_address(family: Family, segment: u8, n: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, segment, n).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, u16::from(segment), u16::from(n)).into(),
    }
}

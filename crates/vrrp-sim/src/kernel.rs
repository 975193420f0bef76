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

use crate::frame::{self, ETHERNET, Heard};
use crate::world::Outbox;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::{BTreeSet, VecDeque};
use vrrp_fsm::Instant;
use vrrp_net::frame::{DSCP_CS6, Ipv4Header};
use vrrp_net::{
    AddressRecord, AddressSpec, AddressState, Author, Backend, IfIndex, Link, Listen, Mac,
    NetError, NetEvent, Op, OpError, OpErrorKind, Payload, Protocol, Route, Rule, RxMeta, RxRing,
    Scope, Transmit, VirtualLink, VirtualLinkKind,
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

    fn iface(&mut self, index: IfIndex) -> Result<&mut Iface, OpError> {
        let found = self
            .ifaces
            .iter_mut()
            .find(|iface| iface.link.index == index);
        found.ok_or_else(|| OpError::new(OpErrorKind::NoInterface, format!("no link {index}")))
    }

    fn transmit(&mut self, transmit: &Transmit<'_>) -> Result<(), OpError> {
        let refuse = |kind, why: &str| Err(OpError::new(kind, why));
        let (source, destination) = (transmit.ends.source(), transmit.ends.destination());
        let home = match transmit.iface {
            Some(index) => self.ifaces.iter().find(|iface| iface.link.index == index),
            None => self.ifaces.iter().find(|iface| iface.has(source)),
        };
        let Some(iface) = home else {
            return refuse(OpErrorKind::NoInterface, "no such link");
        };
        if !iface.link.running {
            return refuse(OpErrorKind::Unreachable, "the link is down");
        }
        if !self
            .ifaces
            .iter()
            .any(|i| i.port == iface.port && i.has(source))
        {
            return refuse(OpErrorKind::NoSource, "the source is not on this host");
        }
        // Unicast goes to everybody: there are no neighbour caches for routers in this world.
        let to = frame::group_mac(destination).unwrap_or(Mac::BROADCAST);
        let (mac, port) = (iface.mac, iface.port);
        let mut frame = core::mem::take(&mut self.scratch);
        frame.clear();
        frame.extend_from_slice(&to.octets());
        frame.extend_from_slice(&mac.octets());
        let whole = match (transmit.payload, transmit.ends) {
            (Payload::Ipv4(packet), Endpoints::V4 { .. }) => {
                frame.extend_from_slice(&[0x08, 0x00]);
                frame.extend_from_slice(packet);
                seal_ipv4(&mut frame)
            }
            (
                Payload::Vrrp(message),
                Endpoints::V4 {
                    source,
                    destination,
                },
            ) => {
                frame.extend_from_slice(&[0x08, 0x00]);
                let header = u16::try_from(message.len()).ok().and_then(|payload_len| {
                    Ipv4Header {
                        tos: DSCP_CS6,
                        payload_len,
                        identification: 0,
                        ttl: transmit.hop_limit,
                        protocol: vrrp_proto::PROTOCOL,
                        source,
                        destination,
                    }
                    .emit()
                });
                header.map(|header| {
                    frame.extend_from_slice(&header);
                    frame.extend_from_slice(message);
                })
            }
            (
                Payload::Vrrp(message),
                Endpoints::V6 {
                    source,
                    destination,
                },
            ) => {
                frame.extend_from_slice(&[0x86, 0xdd]);
                u16::try_from(message.len()).ok().map(|len| {
                    // Version 6, traffic class CS6, flow label 0.
                    frame.extend_from_slice(&[0x6c, 0, 0, 0]);
                    frame.extend_from_slice(&len.to_be_bytes());
                    frame.extend_from_slice(&[vrrp_proto::PROTOCOL, transmit.hop_limit]);
                    frame.extend_from_slice(&source.octets());
                    frame.extend_from_slice(&destination.octets());
                    frame.extend_from_slice(message);
                })
            }
            (Payload::Ipv4(_), Endpoints::V6 { .. }) => None,
        };
        if whole.is_some() {
            self.out.send(port, &frame);
        }
        self.scratch = frame;
        whole.ok_or_else(|| OpError::new(OpErrorKind::Invalid, "no packet"))
    }

    fn add_address(&mut self, index: IfIndex, spec: &AddressSpec) -> Result<(), OpError> {
        let iface = self.iface(index)?;
        if usize::from(spec.prefix_len) > spec.family().addr_len() * 8 {
            return Err(OpError::new(OpErrorKind::Invalid, "no such prefix length"));
        }
        match iface
            .addresses
            .iter_mut()
            .find(|(have, _)| same_address(have, spec))
        {
            Some(have) if have.0 == *spec && have.1 => return Ok(()),
            Some(have) => *have = (spec.clone(), true),
            None => iface.addresses.push((spec.clone(), true)),
        }
        let event = NetEvent::AddressAdded {
            record: record(index, spec, true),
            by: Author::Us,
        };
        self.events.push_back(event);
        Ok(())
    }

    fn remove_address(&mut self, index: IfIndex, spec: &AddressSpec) {
        let Ok(iface) = self.iface(index) else { return };
        let Some(at) = iface
            .addresses
            .iter()
            .position(|(have, _)| same_address(have, spec))
        else {
            return;
        };
        let (gone, ours) = iface.addresses.remove(at);
        let event = NetEvent::AddressRemoved {
            record: record(index, &gone, ours),
            by: Author::Us,
        };
        self.events.push_back(event);
    }

    fn new_link(&self, name: String, mac: Mac, parent: Option<IfIndex>) -> Option<Link> {
        let last = self
            .ifaces
            .iter()
            .map(|iface| iface.link.index.get())
            .max()
            .unwrap_or(0);
        Some(Link {
            index: IfIndex::new(last + 1)?,
            name,
            mac: Some(mac),
            mtu: 1500,
            up: parent.is_none(),
            running: parent.is_none(),
            carrier: true,
            multicast: true,
            arp: true,
            loopback: false,
            point_to_point: false,
            kind: parent.map(|_| "macvlan".to_owned()),
            parent,
            controller: None,
        })
    }

    fn create_link(&mut self, wanted: &VirtualLink) -> Result<(), OpError> {
        let parent = self.iface(wanted.parent)?;
        let (port, carrier) = (parent.port, parent.link.carrier);
        let mac = match wanted.kind {
            VirtualLinkKind::Macvlan(mac) => mac,
            VirtualLinkKind::Ipvlan => parent.mac,
        };
        if let Some(have) = self
            .ifaces
            .iter()
            .find(|iface| iface.link.name == wanted.name)
        {
            if have.link.parent.is_none() {
                return Err(OpError::new(OpErrorKind::Exists, "a link of another kind"));
            }
            if have.mac == mac && have.link.parent == Some(wanted.parent) {
                self.events.push_back(NetEvent::Link(have.link.clone()));
                return Ok(());
            }
            self.remove_link(have.link.index);
        }
        let link = self.new_link(wanted.name.clone(), mac, Some(wanted.parent));
        let mut link = link.ok_or_else(|| OpError::new(OpErrorKind::NoRoom, "no more links"))?;
        link.carrier = carrier;
        self.events.push_back(NetEvent::Link(link.clone()));
        self.ifaces.push(Iface {
            link,
            port,
            mac,
            addresses: Vec::new(),
        });
        Ok(())
    }

    fn remove_link(&mut self, index: IfIndex) {
        let virtual_one = |i: &Iface| i.link.index == index && i.link.parent.is_some();
        if let Some(at) = self.ifaces.iter().position(virtual_one) {
            let gone = self.ifaces.remove(at);
            for (spec, ours) in &gone.addresses {
                let record = record(index, spec, *ours);
                self.events.push_back(NetEvent::AddressRemoved {
                    record,
                    by: Author::Unknown,
                });
            }
            self.events.push_back(NetEvent::LinkGone {
                index,
                name: gone.link.name,
            });
        }
    }

    fn set_link(&mut self, index: IfIndex, up: bool) -> Result<(), OpError> {
        let iface = self.iface(index)?;
        if iface.link.up != up {
            iface.link.up = up;
            iface.link.running = up && iface.link.carrier;
            let link = iface.link.clone();
            self.events.push_back(NetEvent::Link(link));
        }
        Ok(())
    }

    fn announce(&mut self, index: IfIndex, frame: &[u8]) -> Result<(), OpError> {
        let iface = self.iface(index)?;
        if !iface.link.running {
            return Err(OpError::new(OpErrorKind::Unreachable, "the link is down"));
        }
        let port = iface.port;
        self.out.send(port, frame);
        Ok(())
    }

    fn do_one(&mut self, op: &Op<'_>) -> Result<(), OpError> {
        match op {
            Op::Listen(listen) => {
                if let Some(index) = listen.iface {
                    self.iface(index)?;
                }
                self.listens.insert(*listen);
            }
            Op::Unlisten(listen) => {
                self.listens.remove(listen);
            }
            // Nothing floods a simulated kernel.
            Op::Expect { .. } => {}
            Op::SendAdvert(transmit) => self.transmit(transmit)?,
            Op::GratuitousArp { iface, arp } => self.announce(*iface, &arp.emit())?,
            Op::UnsolicitedNa { iface, na } => self.announce(*iface, &na.emit())?,
            Op::AddAddress { iface, address } => self.add_address(*iface, address)?,
            Op::RemoveAddress { iface, address } => self.remove_address(*iface, address),
            Op::AddRoute(route) => {
                for iface in route.next_hops.iter().filter_map(|hop| hop.iface) {
                    self.iface(iface)?;
                }
                add(&mut self.routes, route);
            }
            Op::RemoveRoute(route) => self.routes.retain(|have| have != *route),
            Op::AddRule(rule) => add(&mut self.rules, rule),
            Op::RemoveRule(rule) => self.rules.retain(|have| have != *rule),
            Op::CreateLink(link) => self.create_link(link)?,
            Op::RemoveLink { iface } => self.remove_link(*iface),
            Op::SetLink { iface, up } => self.set_link(*iface, *up)?,
            Op::SetAccept {
                iface,
                address,
                accept,
            } => {
                self.iface(*iface)?;
                if *accept {
                    self.refused.remove(address);
                } else {
                    self.refused.insert(*address);
                }
            }
        }
        Ok(())
    }
}

impl Backend for SimKernel {
    fn apply(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) -> usize {
        for (at, op) in ops.iter().enumerate() {
            if let Err(error) = self.do_one(op) {
                failed(at, error);
            }
        }
        ops.len()
    }

    fn poll_event<'b>(&mut self, ring: &'b mut RxRing) -> Result<Option<NetEvent<'b>>, NetError> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        if ring.is_empty() {
            while let Some(kept) = self.packets.pop_front() {
                let (header, message) = kept
                    .octets
                    .split_at_checked(kept.header)
                    .unwrap_or_default();
                let fits = ring.push(kept.meta, header, message);
                if !fits {
                    self.packets.push_front(kept);
                    break;
                }
                self.spare.push(kept);
            }
        }
        Ok(ring.pop().map(NetEvent::Packet))
    }
}

impl Iface {
    fn has(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(spec, _)| spec.address == address)
    }
}

/// A kernel knows an address by these three.
fn same_address(a: &AddressSpec, b: &AddressSpec) -> bool {
    (a.address, a.prefix_len, a.peer) == (b.address, b.prefix_len, b.peer)
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
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

/// Writes the header checksum of the IPv4 packet behind the Ethernet header, as the kernel does.
fn seal_ipv4(frame: &mut [u8]) -> Option<()> {
    let packet = frame.get_mut(ETHERNET..)?;
    smoltcp::wire::Ipv4Packet::new_checked(packet)
        .ok()?
        .fill_checksum();
    Some(())
}

/// An address of a simulated machine: the `n`-th on segment `segment`.
pub fn own_address(family: Family, segment: u8, n: u8) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, segment, n).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, u16::from(segment), u16::from(n)).into(),
    }
}

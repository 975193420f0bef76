//! What operations do to a simulated kernel.

use super::{Iface, SimKernel, record};
use crate::frame::{self, ETHERNET};
use vrrp_net::frame::{DSCP_CS6, Ipv4Header};
use vrrp_net::{
    AddressSpec, AddressState, Author, Backend, IfIndex, Link, Mac, NetError, NetEvent, Op,
    OpError, OpErrorKind, Payload, RxRing, Transmit, VirtualLink, VirtualLinkKind,
};
use vrrp_proto::Endpoints;

impl SimKernel {
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
        let mut record = record(index, spec, true);
        if self.elsewhere.contains(&spec.address) {
            record.state = AddressState::Duplicate;
        }
        let by = Author::Us;
        self.events.push_back(NetEvent::AddressAdded { record, by });
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

    pub(super) fn new_link(&self, name: String, mac: Mac, parent: Option<IfIndex>) -> Option<Link> {
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
            VirtualLinkKind::Ipvlan(_) => parent.mac,
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
        let iface = match self.iface(index) {
            Err(_) if !up => return Ok(()),
            iface => iface?,
        };
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
                for index in route.next_hops.iter().filter_map(|hop| hop.iface) {
                    self.iface(index)?;
                }
                add(&mut self.routes, route);
            }
            Op::RemoveRoute(route) => self.routes.retain(|have| have != *route),
            Op::AddRule(rule) => add(&mut self.rules, rule),
            Op::RemoveRule(rule) => self.rules.retain(|have| have != *rule),
            Op::CreateLink(link) => self.create_link(link)?,
            Op::RemoveLink { iface } => self.remove_link(*iface),
            Op::SetLink { iface, up } => self.set_link(*iface, *up)?,
            // This kernel has no primary and secondary addresses.
            Op::Promote { iface, .. } => {
                self.iface(*iface)?;
            }
            Op::SetMac { iface, mac } => {
                let iface = self.iface(*iface)?;
                (iface.mac, iface.link.mac) = (*mac, Some(*mac));
                let link = iface.link.clone();
                self.events.push_back(NetEvent::Link(link));
            }
            Op::Rename { name, .. } if !(1..=15).contains(&name.len()) => {
                return Err(OpError::new(OpErrorKind::Invalid, "no name"));
            }
            Op::Rename { iface, name } => {
                let iface = self.iface(*iface)?;
                iface.link.name = (*name).to_owned();
                let link = iface.link.clone();
                self.events.push_back(NetEvent::Link(link));
            }
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

/// A kernel knows an address by these three.
fn same_address(a: &AddressSpec, b: &AddressSpec) -> bool {
    (a.address, a.prefix_len, a.peer) == (b.address, b.prefix_len, b.peer)
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
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

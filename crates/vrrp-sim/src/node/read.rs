//! What the kernel has for the process goes into the engine.

use super::{EngineNode, iface_of};
use core::net::IpAddr;
use vrrp_fsm::{Input, Instant};
use vrrp_net::{Backend, Link, NetEvent};
use vrrp_proto::{Datagram, Family};

impl EngineNode {
    /// Everything that has arrived goes into the engine.
    pub(super) fn read(&mut self, now: Instant) {
        let Some(process) = &mut self.process else {
            return;
        };
        let engine = &mut process.engine;
        let virtual_one = |address: IpAddr| {
            self.serves
                .values()
                .flatten()
                .any(|(_, spec)| spec.address == address)
        };
        loop {
            let event = match self.kernel.poll_event(&mut self.ring) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    self.complaints.push(error.to_string());
                    break;
                }
            };
            match event {
                NetEvent::Packet(packet) => {
                    let arrived = packet.meta.arrived.map_or(now, |at| Instant::ZERO + at);
                    let datagram = Datagram {
                        ends: packet.meta.ends,
                        hop_limit: packet.meta.hop_limit,
                        protocol: packet.meta.protocol.number(),
                        ip_header: packet.header,
                        payload: packet.message,
                    };
                    let iface = iface_of(packet.meta.iface);
                    engine.handle(
                        now,
                        Input::Datagram {
                            iface,
                            arrived,
                            datagram,
                        },
                    );
                }
                NetEvent::Link(Link { index, running, .. }) => {
                    engine.handle(
                        now,
                        Input::Link {
                            iface: iface_of(index),
                            up: running,
                        },
                    );
                }
                NetEvent::AddressAdded { record, .. } if !virtual_one(record.address) => {
                    let (iface, address) = (iface_of(record.iface), record.address);
                    let family = Family::of(&address);
                    engine.handle(
                        now,
                        Input::Primary {
                            iface,
                            family,
                            address: Some(address),
                        },
                    );
                }
                NetEvent::Synced if !process.begun => {
                    process.begun = true;
                    match self.left.take() {
                        Some(saved) => engine.handle(now, Input::Resume(&saved)),
                        None => engine.handle(now, Input::Startup),
                    }
                }
                // Nobody but this process changes anything here.
                NetEvent::AddressAdded { .. }
                | NetEvent::AddressRemoved { .. }
                | NetEvent::Unreadable { .. }
                | NetEvent::LinkGone { .. }
                | NetEvent::RouteRemoved { .. }
                | NetEvent::RuleRemoved { .. }
                | NetEvent::Conflict { .. }
                | NetEvent::Neighbour(_)
                | NetEvent::NeighbourGone(_)
                | NetEvent::Flood { .. }
                | NetEvent::Resync
                | NetEvent::Synced => {}
            }
        }
    }
}

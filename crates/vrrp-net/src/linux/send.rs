//! Adverts and announcements on their way out, many in one `sendmmsg`.

use super::socket::Sender;
use super::sys::{self, Control, Name, Outgoing};
use super::system;
use crate::{IfIndex, Op, OpError, OpErrorKind, Payload, Protocol, Transmit};
use core::net::{IpAddr, SocketAddrV6};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use vrrp_proto::{Endpoints, Family};

/// The sockets that packets leave by, each opened when it is first needed or expected to be.
#[derive(Debug, Default)]
pub(super) struct Senders {
    vrrp_v4: Option<Sender>,
    vrrp_v6: Option<Sender>,
    ipv4: Option<Sender>,
    frames: Option<Sender>,
}

/// Which of them an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Vrrp(Family),
    Ipv4,
    Frames,
}

impl Senders {
    /// Sends what `ops` begins with, as far as it leaves by one socket; answers how many operations that were.
    pub(super) fn send(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) -> usize {
        let Some(way) = ops.first().and_then(way) else {
            return 0;
        };
        let run = ops
            .iter()
            .take(sys::BATCH)
            .take_while(|op| self::way(op) == Some(way));
        let frames: Vec<Frame> = run.map(Frame::of).collect();
        let sender = match self.sender(way) {
            Ok(sender) => sender,
            Err(error) => {
                (0..frames.len()).for_each(|at| failed(at, system("opening a socket", &error)));
                return frames.len();
            }
        };
        let messages: Vec<Outgoing<'_>> = frames
            .iter()
            .zip(ops)
            .map(|(frame, op)| outgoing(op, frame))
            .collect();
        let mut sent = 0;
        while let Some(rest) = messages.get(sent..).filter(|rest| !rest.is_empty()) {
            match sys::send_many(sender.as_fd(), rest) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if let Some(op) = ops.get(sent) {
                        failed(sent, unsent(op, &error));
                    }
                    sent += 1;
                }
            }
        }
        frames.len()
    }

    /// Opens what a virtual router needs that listens like this. When it takes over, it has no time for that; what
    /// cannot be opened is told by the first packet that should leave by it.
    pub(super) fn open(&mut self, family: Family, protocol: Protocol) {
        let adverts = match protocol {
            Protocol::Vrrp => Way::Vrrp(family),
            Protocol::Ah => Way::Ipv4,
        };
        for way in [adverts, Way::Frames] {
            let _ = self.sender(way);
        }
    }

    fn sender(&mut self, way: Way) -> io::Result<&Sender> {
        let (slot, open): (_, fn() -> io::Result<Sender>) = match way {
            Way::Vrrp(Family::V4) => (&mut self.vrrp_v4, || Sender::vrrp(Family::V4)),
            Way::Vrrp(Family::V6) => (&mut self.vrrp_v6, || Sender::vrrp(Family::V6)),
            Way::Ipv4 => (&mut self.ipv4, Sender::ipv4),
            Way::Frames => (&mut self.frames, Sender::frames),
        };
        match slot {
            Some(sender) => Ok(sender),
            None => open().map(|sender| &*slot.insert(sender)),
        }
    }
}

fn way(op: &Op<'_>) -> Option<Way> {
    match op {
        Op::SendAdvert(Transmit {
            payload: Payload::Ipv4(_),
            ..
        }) => Some(Way::Ipv4),
        Op::SendAdvert(Transmit {
            ends,
            payload: Payload::Vrrp(_),
            ..
        }) => Some(Way::Vrrp(ends.family())),
        Op::GratuitousArp { .. } | Op::UnsolicitedNa { .. } => Some(Way::Frames),
        _ => None,
    }
}

/// Octets that are made here rather than lent by the caller.
enum Frame {
    Arp([u8; crate::frame::GratuitousArp::LEN]),
    Na([u8; crate::frame::UnsolicitedNa::LEN]),
    None,
}

impl Frame {
    fn of(op: &Op<'_>) -> Self {
        match op {
            Op::GratuitousArp { arp, .. } => Self::Arp(arp.emit()),
            Op::UnsolicitedNa { na, .. } => Self::Na(na.emit()),
            _ => Self::None,
        }
    }

    const fn octets(&self) -> &[u8] {
        match self {
            Self::Arp(octets) => octets,
            Self::Na(octets) => octets,
            Self::None => &[],
        }
    }
}

//= R9568-5.1.1.1-01
//= R9568-5.1.1.3-01
//= R9568-5.1.2.1-01
//= R9568-5.1.2.3-01
//= R9568-7.2-02
//= R3768-5.2-01
//= R3768-7.2-01
//= KA-VMAC-01
//= KA-UNI-01
//= R2338-5.3.6-05
fn outgoing<'a>(op: &Op<'a>, frame: &'a Frame) -> Outgoing<'a> {
    match *op {
        Op::SendAdvert(Transmit {
            iface,
            ends,
            hop_limit,
            payload,
        }) => {
            let (octets, header) = match payload {
                Payload::Vrrp(octets) => (octets, false),
                Payload::Ipv4(octets) => (octets, true),
            };
            match ends {
                Endpoints::V4 {
                    source,
                    destination,
                } => {
                    let control = Control::NONE.source_v4(iface, source);
                    let control = if header {
                        control
                    } else {
                        control.ttl_v4(hop_limit)
                    };
                    Outgoing {
                        name: Name::v4(destination),
                        control,
                        octets,
                    }
                }
                Endpoints::V6 {
                    source,
                    destination,
                } => {
                    let scoped = destination.is_multicast() || destination.is_unicast_link_local();
                    let name = Name::v6(destination, iface.filter(|_| scoped));
                    let control = Control::NONE
                        .source_v6(iface, source)
                        .hop_limit_v6(hop_limit);
                    Outgoing {
                        name,
                        control,
                        octets,
                    }
                }
            }
        }
        Op::GratuitousArp { iface, .. } | Op::UnsolicitedNa { iface, .. } => Outgoing {
            name: Name::link(iface),
            control: Control::NONE,
            octets: frame.octets(),
        },
        // `way` lets nothing else through.
        _ => Outgoing {
            name: Name::NONE,
            control: Control::NONE,
            octets: &[],
        },
    }
}

/// Says why a packet was not sent. The kernel has several numbers for a source that is not its own, and gives them
/// for other reasons too; so the source is asked for by itself.
fn unsent(op: &Op<'_>, error: &io::Error) -> OpError {
    let Op::SendAdvert(Transmit { ends, iface, .. }) = op else {
        return system("sending a frame", error);
    };
    if !is_local(ends.source(), *iface) {
        OpError {
            kind: OpErrorKind::NoSource,
            errno: error.raw_os_error(),
            detail: format!("{} is not an address of this host (yet)", ends.source()),
        }
    } else {
        system("sending an advertisement", error)
    }
}

/// Whether a socket could be bound to `source`: it is there, and past duplicate address detection.
fn is_local(source: IpAddr, iface: Option<IfIndex>) -> bool {
    let socket = match source {
        IpAddr::V4(source) => UdpSocket::bind((source, 0)),
        IpAddr::V6(source) => UdpSocket::bind(SocketAddrV6::new(
            source,
            0,
            0,
            iface.map_or(0, IfIndex::get),
        )),
    };
    socket.map_or_else(|e| e.kind() != io::ErrorKind::AddrNotAvailable, |_| true)
}

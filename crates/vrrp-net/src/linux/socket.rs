//! Raw sockets for VRRP and packet sockets for frames.
//!
//! Receiving: one socket for an interface, family and protocol, bound to the interface. Sending: one socket for a
//! family and protocol for all interfaces, which says interface, source and TTL with every packet; so the adverts of
//! a whole host leave with one `sendmmsg`. A raw socket would also receive, so those that send have a filter that
//! drops everything; packet sockets are opened with protocol 0, which receives nothing.

use super::flood::{self, Change, Guard};
use super::sys::{self, set_option};
use crate::frame::{DSCP_CS6, Ipv4Packet};
use crate::{IfIndex, Listen, NetEvent, Protocol, RxMeta, RxRing, Unreadable, VridSet};
use core::net::IpAddr;
use socket2::{Domain, InterfaceIndexOrAddress, SockFilter, Socket, Type};
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;
use vrrp_proto::{Endpoints, Family};

/// Receive buffer of a socket that VRRP packets come in by. Unit: octets. The kernel's default holds 256 packets: one
/// burst of a neighbour that serves 255 virtual routers.
const RECEIVE_BUFFER: usize = 4 << 20;

/// `SO_BINDTOIFINDEX` (Linux 5.0): by number, so that a rename in between does no harm.
const SO_BINDTOIFINDEX: i32 = 62;
/// Not in every libc crate's version: `IPV6_MULTICAST_ALL`, `IPV6_AUTOFLOWLABEL`.
const IPV6_MULTICAST_ALL: i32 = 29;
const IPV6_AUTOFLOWLABEL: i32 = 70;

/// As large a receive buffer as we may have. The forced size needs CAP_NET_ADMIN in the initial user namespace;
/// without it the kernel caps what is asked for at `net.core.rmem_max`.
pub(super) fn enlarge(socket: BorrowedFd<'_>) {
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER).is_err() {
        // Capped, never refused; and a smaller buffer is no reason to stop.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER);
    }
}

fn raw(family: Family, protocol: u8) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new_raw(
        domain,
        Type::RAW.nonblocking().cloexec(),
        Some(i32::from(protocol).into()),
    )?;
    // From the first moment: until the socket is bound, packets of every interface would come in.
    socket.attach_filter(&[DROP])?;
    Ok(socket)
}

/// `ret -1`.
pub(super) const ACCEPT: SockFilter = SockFilter::new(0x06, 0, 0, u32::MAX);
/// `ret 0`.
pub(super) const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);

/// A socket that adverts leave by.
#[derive(Debug)]
pub(super) struct Sender(Socket);

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Sender {
    /// For VRRP messages; the kernel makes the header.
    pub(super) fn vrrp(family: Family) -> io::Result<Self> {
        //= R9568-5.1.1.4-01
        //= R9568-5.1.2.4-01
        let socket = raw(family, vrrp_proto::PROTOCOL)?;
        let fd = socket.as_fd();
        match family {
            Family::V4 => {
                //= HARD-NET-02
                socket.set_multicast_loop_v4(false)?;
                socket.set_tos_v4(u32::from(DSCP_CS6))?;
                // Without path MTU discovery DF is clear and the identification counts up, as RFC 791 has it.
                set_option(
                    fd,
                    libc::IPPROTO_IP,
                    libc::IP_MTU_DISCOVER,
                    libc::IP_PMTUDISC_DONT,
                )?;
            }
            Family::V6 => {
                socket.set_multicast_loop_v6(false)?;
                set_option(
                    fd,
                    libc::IPPROTO_IPV6,
                    libc::IPV6_TCLASS,
                    i32::from(DSCP_CS6),
                )?;
                set_option(fd, libc::IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0)?;
            }
        }
        Ok(Self(socket))
    }

    /// For whole IPv4 packets.
    pub(super) fn ipv4() -> io::Result<Self> {
        // IPPROTO_RAW: the header is ours, and nothing is ever received.
        let protocol = Some(libc::IPPROTO_RAW.into());
        let socket = Socket::new_raw(Domain::IPV4, Type::RAW.nonblocking().cloexec(), protocol)?;
        socket.set_header_included_v4(true)?;
        socket.set_multicast_loop_v4(false)?;
        Ok(Self(socket))
    }

    /// For whole Ethernet frames.
    pub(super) fn frames() -> io::Result<Self> {
        Socket::new_raw(
            Domain::PACKET,
            Type::RAW.nonblocking().cloexec(),
            Some(0.into()),
        )
        .map(Self)
    }
}

/// A socket that packets come in by.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: Socket,
    family: Family,
    protocol: Protocol,
    iface: Option<IfIndex>,
    /// The [`Listen::group`]s it is open for.
    uses: BTreeSet<Option<IpAddr>>,
    guard: Guard,
    /// How many packets the next read asks for: few, unless the last one got as many.
    ask: usize,
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Receiver {
    /// Opens the socket for `listen`; nothing is joined yet.
    pub(super) fn open(listen: &Listen) -> io::Result<Self> {
        let socket = raw(listen.family, listen.protocol.number())?;
        let fd = socket.as_fd();
        if let Some(iface) = listen.iface {
            let index = i32::try_from(iface.get()).map_err(io::Error::other)?;
            set_option(fd, libc::SOL_SOCKET, SO_BINDTOIFINDEX, index)?;
        }
        enlarge(fd);
        set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        // Groups that somebody else on this host has joined are none of ours.
        match listen.family {
            Family::V4 => {
                set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0)?;
                set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
            }
            Family::V6 => {
                set_option(fd, libc::IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)?;
                set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
                set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
            }
        }
        socket.detach_filter()?;
        let Listen {
            iface,
            family,
            protocol,
            group: _,
        } = *listen;
        Ok(Self {
            socket,
            family,
            protocol,
            iface,
            uses: BTreeSet::new(),
            guard: Guard::default(),
            ask: sys::FEW,
        })
    }

    /// By which interface alone it receives.
    pub(super) const fn iface(&self) -> Option<IfIndex> {
        self.iface
    }

    //= R9568-5.1.1.2-01
    //= R9568-5.1.2.2-01
    //= R9568-7.2-04
    //= KA-CFG-05
    /// Adds a use: joins the group, if it is one.
    pub(super) fn join(&mut self, group: Option<IpAddr>) -> io::Result<()> {
        if self.uses.contains(&group) {
            return Ok(());
        }
        let index = self.iface.map_or(0, IfIndex::get);
        match group {
            Some(IpAddr::V4(group)) => self
                .socket
                .join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))?,
            Some(IpAddr::V6(group)) => self.socket.join_multicast_v6(&group, index)?,
            None => {}
        }
        self.uses.insert(group);
        Ok(())
    }

    /// Ends a use, and answers whether the socket has another one.
    pub(super) fn leave(&mut self, group: Option<IpAddr>) -> bool {
        if self.uses.remove(&group) {
            let index = self.iface.map_or(0, IfIndex::get);
            // The interface may be gone, and the membership with it.
            let _ = match group {
                Some(IpAddr::V4(group)) => self
                    .socket
                    .leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)),
                Some(IpAddr::V6(group)) => self.socket.leave_multicast_v6(&group, index),
                None => Ok(()),
            };
        }
        !self.uses.is_empty()
    }

    /// Which virtual routers there are.
    pub(super) fn expect(&mut self, vrids: VridSet) -> io::Result<()> {
        let change = self.guard.expect(vrids);
        self.filter(change).map(drop)
    }

    /// Takes the filter against a flood off when its time is over.
    pub(super) fn tick(&mut self, events: &mut VecDeque<NetEvent<'static>>) -> io::Result<()> {
        if self.guard.is_armed() {
            let change = self.guard.tick(Instant::now());
            events.extend(self.filter(change)?);
        }
        Ok(())
    }

    fn filter(&self, change: Change) -> io::Result<Option<NetEvent<'static>>> {
        let filtered = match change {
            Change::None => return Ok(None),
            Change::Arm(vrids) => {
                self.socket
                    .attach_filter(&flood::program(self.family, self.protocol, vrids))?;
                true
            }
            Change::Disarm => {
                self.socket.detach_filter()?;
                false
            }
        };
        Ok(Some(NetEvent::Flood {
            iface: self.iface,
            family: self.family,
            filtered,
        }))
    }

    /// Reads once into the empty `ring`, and answers whether there may be more. What cannot be judged becomes an event.
    pub(super) fn read(
        &mut self,
        ring: &mut RxRing,
        events: &mut VecDeque<NetEvent<'static>>,
    ) -> io::Result<bool> {
        let Self {
            socket,
            family,
            protocol,
            iface,
            guard,
            ask,
            ..
        } = self;
        let mut change = Change::None;
        let now = Instant::now();
        let read = ring.fill(|buffers, keep| {
            let few = buffers.len().min(*ask);
            let buffers = buffers.get_mut(..few).unwrap_or_default();
            sys::recv_many(socket.as_fd(), buffers, |at, received, octets| {
                let packet = octets.get(..received.len).unwrap_or_default();
                match judge(*family, *protocol, &received, packet) {
                    Ok((meta, header, end)) => {
                        let ah = if *protocol == Protocol::Ah { 24 } else { 0 };
                        let vrid = packet.get(header + ah + 1).copied();
                        let to_group = meta.ends.destination().is_multicast();
                        let wrong_ttl = to_group && meta.hop_limit != vrrp_proto::HOP_LIMIT;
                        match guard.packet(now, vrid, wrong_ttl) {
                            Change::None => {}
                            some => change = some,
                        }
                        keep(at, meta, header, end);
                    }
                    Err(why) => events.push_back(NetEvent::Unreadable {
                        iface: iface.or_else(|| received.control.iface_v4()),
                        why,
                    }),
                }
            })
        });
        match read {
            // The network's errors (an interface went down, a peer is not there) are told once and are over with it;
            // the socket goes on.
            Err(error) if !sys::is_ours(&error) => Ok(true),
            Err(error) => Err(error),
            Ok(read) => {
                let full = read == self.ask;
                self.ask = if full { sys::BATCH } else { sys::FEW };
                events.extend(self.filter(change)?);
                Ok(full)
            }
        }
    }
}

/// What is known of a packet, where its IP header ends, and where it ends.
fn judge(
    family: Family,
    protocol: Protocol,
    received: &sys::Received,
    packet: &[u8],
) -> Result<(RxMeta, usize, usize), Unreadable> {
    if received.truncated {
        return Err(Unreadable::Truncated);
    }
    let control = &received.control;
    let (iface, ends, hop_limit, header, end) = match family {
        // A raw IPv4 socket is given the header too.
        Family::V4 => {
            let ip = Ipv4Packet::parse(packet).ok_or(Unreadable::Ipv4Header)?;
            let iface = control.iface_v4().ok_or(Unreadable::NoDestination)?;
            let ends = Endpoints::V4 {
                source: ip.source,
                destination: ip.destination,
            };
            (iface, ends, ip.ttl, ip.payload.start, ip.payload.end)
        }
        Family::V6 => {
            let (destination, iface) = control.destination_v6().ok_or(Unreadable::NoDestination)?;
            let source = received.name.as_v6().ok_or(Unreadable::NoDestination)?;
            //= R9568-5.1.2.3-02
            let hop_limit = control.arrived_hop_limit().ok_or(Unreadable::NoHopLimit)?;
            (
                iface,
                Endpoints::V6 {
                    source,
                    destination,
                },
                hop_limit,
                0,
                packet.len(),
            )
        }
    };
    let arrived = control.arrived();
    Ok((
        RxMeta {
            iface,
            ends,
            hop_limit,
            protocol,
            arrived,
        },
        header,
        end,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv6Addr;

    /// What the kernel did not tell is not made up.
    //= R9568-5.1.2.3-02 test
    #[test]
    fn a_packet_without_its_facts_is_not_judged() {
        let (source, destination) = (Ipv6Addr::LOCALHOST, vrrp_proto::GROUP_V6);
        let iface = IfIndex::new(3);
        let judged = |name, control, truncated| {
            let received = sys::Received {
                len: 12,
                truncated,
                name,
                control,
            };
            judge(Family::V6, Protocol::Vrrp, &received, &[0; 12]).map(|(meta, ..)| meta.hop_limit)
        };
        let name = sys::Name::v6(source, None);
        let there = sys::Control::NONE.source_v6(iface, destination);
        let whole = there.hop_limit_v6(254);
        assert_eq!(judged(name, whole, false), Ok(254));
        assert_eq!(judged(name, there, false), Err(Unreadable::NoHopLimit));
        assert_eq!(
            judged(name, sys::Control::NONE.hop_limit_v6(255), false),
            Err(Unreadable::NoDestination)
        );
        assert_eq!(
            judged(sys::Name::NONE, whole, false),
            Err(Unreadable::NoDestination)
        );
        assert_eq!(judged(name, whole, true), Err(Unreadable::Truncated));
    }
}

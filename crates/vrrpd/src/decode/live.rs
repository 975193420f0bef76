//! Listening to an interface: a cooked packet socket with a filter, not promiscuous.
//!
//! The groups are joined as a host joins them, so that the hardware lets them through and switches that snoop send
//! them here. What this host sends is heard too.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd as _;
use std::time::SystemTime;

use nix::net::if_::if_nametoindex;
use nix::sys::socket::{LinkAddr, MsgFlags, recvmsg};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockFilter, Socket, Type};
use vrrp_proto::{GROUP_V4, GROUP_V6, PROTOCOL, PROTOCOL_AH};

use super::link::{self, Link};
use super::{Frame, Payload};

/// An interface that is listened to.
#[derive(Debug)]
pub struct Listener {
    packets: Socket,
    /// Kept for their group memberships.
    _groups: Vec<Socket>,
    index: u32,
    number: u64,
}

impl Listener {
    /// Listens to the interface called `name`.
    ///
    /// # Errors
    /// `NotFound` if there is none, `PermissionDenied` without CAP_NET_RAW.
    pub fn open(name: &str) -> io::Result<Self> {
        let index = if_nametoindex(name).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        // Every protocol, in network byte order: outgoing packets are given to nobody else.
        let every = i32::from(u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be());
        let packets = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(every)))?;
        packets.attach_filter(&filter(index))?;
        Ok(Self {
            packets,
            _groups: groups(index),
            index,
            number: 0,
        })
    }

    /// Waits for a VRRP packet and hands it to `each`.
    ///
    /// # Errors
    /// The socket's; an interface that went down is none.
    pub fn next<T>(&mut self, each: impl FnOnce(Frame<'_>) -> T) -> io::Result<T> {
        let mut buffer = [0; 0x1_0000];
        loop {
            let mut room = [IoSliceMut::new(&mut buffer)];
            let message = match recvmsg::<LinkAddr>(
                self.packets.as_raw_fd(),
                &mut room,
                None,
                MsgFlags::empty(),
            ) {
                Ok(message) => message,
                Err(nix::Error::EINTR | nix::Error::ENETDOWN) => continue,
                Err(error) => return Err(error.into()),
            };
            let (len, address) = (message.bytes, message.address);
            // Before the filter was there, anything could come in.
            let here = address.filter(|address| u32::try_from(address.ifindex()) == Ok(self.index));
            let packet = buffer.get(..len).filter(|packet| link::is_vrrp(packet));
            if let (Some(address), Some(packet)) = (here, packet) {
                self.number += 1;
                let link = Link {
                    source: address.addr(),
                    ..Link::default()
                };
                let time = SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .ok();
                let payload = link::ip(packet).map_or(Payload::Cut, Payload::Ip);
                return Ok(each(Frame {
                    number: self.number,
                    time,
                    link,
                    payload,
                }));
            }
        }
    }
}

/// Memberships of both groups; a host without one of the families does without.
fn groups(index: u32) -> Vec<Socket> {
    let v4 = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(index))?;
        io::Result::Ok(socket)
    };
    let v6 = || {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        socket.join_multicast_v6(&GROUP_V6, index)?;
        io::Result::Ok(socket)
    };
    [v4(), v6()].into_iter().flatten().collect()
}

/// VRRP and AH over IPv4, VRRP over IPv6, of one interface: classic BPF; the data begins at the IP header.
fn filter(index: u32) -> [SockFilter; 12] {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_OCTET: u16 = 0x30;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// What is not in the packet: protocol, and interface (SKF_AD_OFF).
    const PROTOCOL_OF: u32 = 0xffff_f000;
    const INTERFACE_OF: u32 = 0xffff_f000 + 8;
    let load = |code, from| SockFilter::new(code, 0, 0, from);
    let equal = |value, then, otherwise| SockFilter::new(IF_EQUAL, then, otherwise, value);
    [
        load(LOAD_WORD, INTERFACE_OF),
        equal(index, 0, 9),
        load(LOAD_WORD, PROTOCOL_OF),
        equal(0x0800, 0, 3),
        load(LOAD_OCTET, 9),
        equal(PROTOCOL.into(), 4, 0),
        equal(PROTOCOL_AH.into(), 3, 4),
        equal(0x86dd, 0, 3),
        load(LOAD_OCTET, 6),
        equal(PROTOCOL.into(), 0, 1),
        load(RETURN, u32::MAX),
        load(RETURN, 0),
    ]
}

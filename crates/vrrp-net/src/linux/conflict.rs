//! Listening for others who claim an address that we have put on an interface.
//!
//! ARP comes by a packet socket, filtered in the kernel to the addresses concerned; Neighbour Advertisements by a raw
//! ICMPv6 socket that is given nothing else, since a packet socket would be shown every IPv6 packet that is routed.

use super::socket::{ACCEPT, DROP};
use super::sys::{self, set_octets, set_option};
use crate::{IfIndex, Link, Mac, NetEvent};
use core::net::IpAddr;
use smoltcp::wire::{ArpPacket, ArpRepr, EthernetAddress, Icmpv6Packet, NdiscRepr};
use socket2::{Domain, SockFilter, Socket, Type};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Octets of a packet that are read: an ARP packet has 28, an advertisement 24 and its options.
const SLOT: usize = 128;
/// `ETH_P_ARP`.
const ARP: u16 = 0x0806;
/// Addresses that fit a filter program of 4096 instructions.
const MOST_FILTERED: usize = 2_000;

/// The two sockets.
pub(super) struct Conflicts {
    arp: Socket,
    nd: Option<Socket>,
    /// What we have put where.
    held: BTreeMap<IpAddr, BTreeSet<IfIndex>>,
    /// The filter is older than `held`.
    stale: bool,
    inbox: Box<[[u8; SLOT]; sys::BATCH]>,
}

impl Conflicts {
    pub(super) fn open() -> io::Result<Self> {
        let arp = Socket::new_raw(
            Domain::PACKET,
            Type::DGRAM.nonblocking().cloexec(),
            Some(0.into()),
        )?;
        arp.attach_filter(&[DROP])?;
        sys::bind_packets(arp.as_fd(), ARP)?;
        Ok(Self {
            arp,
            // A host without IPv6 has none to conflict.
            nd: advertisements().ok(),
            held: BTreeMap::new(),
            stale: false,
            inbox: Box::new([[0; SLOT]; sys::BATCH]),
        })
    }

    /// What becomes readable.
    pub(super) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        core::iter::once(self.arp.as_fd()).chain(self.nd.iter().map(AsFd::as_fd))
    }

    pub(super) fn hold(&mut self, iface: IfIndex, address: IpAddr) {
        self.stale |= self.held.entry(address).or_default().insert(iface);
    }

    pub(super) fn release(&mut self, iface: IfIndex, address: IpAddr) {
        if let Some(on) = self.held.get_mut(&address) {
            self.stale |= on.remove(&iface);
            if on.is_empty() {
                self.held.remove(&address);
            }
        }
    }

    /// Releases all that was on an interface that is gone.
    pub(super) fn forget(&mut self, iface: IfIndex) {
        self.held.retain(|_, on| {
            self.stale |= on.remove(&iface);
            !on.is_empty()
        });
    }

    /// Brings the filter up to date, if it is not: once for any number of changes.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        if core::mem::take(&mut self.stale) {
            self.arp.attach_filter(&senders(&self.held))?;
        }
        Ok(())
    }

    /// Reads once from each and tells what is claimed by a hardware address that is none of `links`. Answers whether
    /// there may be more.
    pub(super) fn read(
        &mut self,
        links: &BTreeMap<IfIndex, Link>,
        events: &mut VecDeque<NetEvent<'static>>,
    ) -> io::Result<bool> {
        let Self {
            arp,
            nd,
            held,
            inbox,
            ..
        } = self;
        let mut claim = |iface: IfIndex, address: IpAddr, mac: Mac| {
            let here = held.get(&address).is_some_and(|on| on.contains(&iface));
            let foreign = links.values().all(|link| link.mac != Some(mac));
            let event = NetEvent::Conflict {
                iface,
                address,
                mac,
            };
            if here && foreign && !events.contains(&event) {
                events.push_back(event);
            }
        };
        let arp = sys::recv_many(arp.as_fd(), inbox.as_mut_slice(), |_, received, octets| {
            let packet = octets.get(..received.len).unwrap_or_default();
            if let (Some(iface), Some((address, mac))) = (received.name.as_link(), sender(packet)) {
                claim(iface, address, mac);
            }
        });
        let nd = nd.as_ref().map_or(Ok(0), |nd| {
            sys::recv_many(nd.as_fd(), inbox.as_mut_slice(), |_, received, octets| {
                let packet = octets.get(..received.len).unwrap_or_default();
                let control = &received.control;
                if let (Some((_, iface)), Some((address, mac)), Some(255)) = (
                    control.destination_v6(),
                    advertised(packet),
                    control.arrived_hop_limit(),
                ) {
                    claim(iface, address, mac);
                }
            })
        });
        match (arp, nd) {
            (Err(error), _) | (_, Err(error)) if sys::is_ours(&error) => Err(error),
            (Ok(arp), Ok(nd)) => Ok(arp.max(nd) == sys::BATCH),
            _ => Ok(true),
        }
    }
}

/// A raw ICMPv6 socket that gets Neighbour Advertisements alone.
fn advertisements() -> io::Result<Socket> {
    const ICMP6_FILTER: i32 = 1;
    const NEIGHBOR_ADVERTISEMENT: usize = 136;
    let socket = Socket::new_raw(
        Domain::IPV6,
        Type::RAW.nonblocking().cloexec(),
        Some(libc::IPPROTO_ICMPV6.into()),
    )?;
    // A set bit blocks its type.
    let mut blocked = [u32::MAX; 8];
    if let Some(word) = blocked.get_mut(NEIGHBOR_ADVERTISEMENT / 32) {
        *word &= !(1 << (NEIGHBOR_ADVERTISEMENT % 32));
    }
    let blocked: Vec<u8> = blocked.iter().flat_map(|word| word.to_ne_bytes()).collect();
    set_octets(socket.as_fd(), libc::IPPROTO_ICMPV6, ICMP6_FILTER, &blocked)?;
    set_option(
        socket.as_fd(),
        libc::IPPROTO_IPV6,
        libc::IPV6_RECVPKTINFO,
        1,
    )?;
    set_option(
        socket.as_fd(),
        libc::IPPROTO_IPV6,
        libc::IPV6_RECVHOPLIMIT,
        1,
    )?;
    Ok(socket)
}

/// Accepts ARP whose sender address is one of ours; all of it, if there are too many to list.
fn senders(held: &BTreeMap<IpAddr, BTreeSet<IfIndex>>) -> Vec<SockFilter> {
    const SENDER: u32 = 14;
    let instruction = SockFilter::new;
    let addresses = held.keys().filter_map(|address| match address {
        IpAddr::V4(address) => Some(address.to_bits()),
        IpAddr::V6(_) => None,
    });
    let mut program = vec![instruction(0x20, 0, 0, SENDER)];
    for address in addresses.clone().take(MOST_FILTERED) {
        program.extend([instruction(0x15, 0, 1, address), ACCEPT]);
    }
    let all = addresses.count() > MOST_FILTERED;
    program.push(if all { ACCEPT } else { DROP });
    program
}

/// Whose address an ARP packet says is where.
fn sender(packet: &[u8]) -> Option<(IpAddr, Mac)> {
    let ArpRepr::EthernetIpv4 {
        source_hardware_addr,
        source_protocol_addr,
        ..
    } = ArpRepr::parse(&ArpPacket::new_checked(packet).ok()?).ok()?
    else {
        return None;
    };
    Some((
        source_protocol_addr.into(),
        Mac::new(source_hardware_addr.0),
    ))
}

/// Whose address an advertisement says is where.
fn advertised(packet: &[u8]) -> Option<(IpAddr, Mac)> {
    match NdiscRepr::parse(&Icmpv6Packet::new_checked(packet).ok()?).ok()? {
        NdiscRepr::NeighborAdvert {
            target_addr,
            lladdr: Some(lladdr),
            ..
        } => {
            let mac = EthernetAddress::from_bytes(lladdr.as_bytes().get(..6)?);
            Some((target_addr.into(), Mac::new(mac.0)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{GratuitousArp, UnsolicitedNa};
    use core::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn announcements_are_claims() {
        let mac = Mac::new([2, 0, 0, 0, 0, 9]);
        let arp = GratuitousArp::new(Ipv4Addr::new(10, 0, 0, 70), mac);
        assert_eq!(sender(&arp.emit()[14..]), Some((arp.address.into(), mac)));
        let na = UnsolicitedNa::new(Ipv6Addr::LOCALHOST, mac);
        assert_eq!(advertised(&na.emit()[54..]), Some((na.address.into(), mac)));
    }

    #[test]
    fn a_filter_fits_whatever_is_held() {
        let held = |count: u32| {
            let one = BTreeSet::from_iter(IfIndex::new(1));
            (0..count)
                .map(|n| (Ipv4Addr::from_bits(n).into(), one.clone()))
                .collect()
        };
        assert_eq!(senders(&held(0)).len(), 2);
        assert_eq!(senders(&held(3)).len(), 8);
        assert!(senders(&held(5_000)).len() <= 4096);
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..SLOT)) {
            let _ = (sender(&octets), advertised(&octets));
        }
    }
}

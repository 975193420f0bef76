//! What the kernel tells unasked: links, addresses, and routes and rules once some are ours.

use super::addr::{dump_addresses, read_address};
use super::batch::{DATAGRAM, Message, Requests, messages};
use super::link::{dump_links, read_link};
use super::neighbour::{dump_neighbours, read_neighbour};
use super::owned::Owned;
use crate::linux::sys;
use crate::{AddressRecord, Author, IfIndex, Link, NetEvent, Op};
use core::net::IpAddr;
use neli::consts::rtnl::Rtm;
use neli::consts::socket::NlFamily;
use neli::socket::NlSocket;
use neli::utils::Groups;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use vrrp_proto::Family;

/// `RTNLGRP_LINK`, `RTNLGRP_IPV4_IFADDR`, `RTNLGRP_IPV6_IFADDR`.
const GROUPS: [u32; 3] = [1, 5, 9];
/// `RTNLGRP_IPV4_ROUTE`, `RTNLGRP_IPV6_ROUTE`, `RTNLGRP_IPV4_RULE`, `RTNLGRP_IPV6_RULE`: joined with the first route or
/// rule of ours, since a router with a full table has thousands of changes that are none of our business.
const LATER_GROUPS: [u32; 4] = [7, 11, 8, 19];

/// `RTNLGRP_NEIGH`: joined when it is asked for.
const NEIGHBOURS: u32 = 3;

/// The socket that listens.
pub(in crate::linux) struct Monitor {
    socket: NlSocket,
    inbox: Box<[[u8; DATAGRAM]]>,
    known: Known,
    owned: Owned,
    /// Whether [`LATER_GROUPS`] are joined.
    hears_routes: bool,
    /// Whether [`NEIGHBOURS`] is joined.
    hears_neighbours: bool,
}

/// What is needed to make events of what is heard.
#[derive(Default)]
struct Known {
    /// The port of our requests.
    port: u32,
    /// Every interface as it was last told: most notifications change nothing that we tell on.
    links: BTreeMap<IfIndex, Link>,
    /// Their groups, which a new interface inherits.
    groups: BTreeMap<IfIndex, u32>,
    /// IPv6 addresses that we have removed and whose notification is still to come, and how many times: the kernel
    /// tells of IPv6 addresses without saying who asked for it.
    removed: BTreeMap<(IfIndex, IpAddr, u8), u32>,
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        sys::borrow(&self.socket)
    }
}

impl Monitor {
    pub(in crate::linux) fn open(port: u32) -> io::Result<Self> {
        Ok(Self {
            socket: super::open(NlFamily::Route, &GROUPS)?,
            inbox: vec![[0; DATAGRAM]; 16].into_boxed_slice(),
            known: Known {
                port,
                ..Known::default()
            },
            owned: Owned::default(),
            hears_routes: false,
            hears_neighbours: false,
        })
    }

    /// The interfaces there are.
    pub(in crate::linux) const fn links(&self) -> &BTreeMap<IfIndex, Link> {
        &self.known.links
    }

    /// The group of an interface; 0 is the default group.
    pub(in crate::linux) fn group(&self, iface: IfIndex) -> u32 {
        self.known.groups.get(&iface).copied().unwrap_or(0)
    }

    /// Remembers of an operation that was carried out what its notifications will be judged by; `changed` is whether
    /// there will be any.
    pub(in crate::linux) fn done(&mut self, op: &Op<'_>, changed: bool) {
        match *op {
            Op::RemoveAddress { iface, address } if changed && address.family() == Family::V6 => {
                let key = (iface, address.address, address.prefix_len);
                *self.known.removed.entry(key).or_default() += 1;
            }
            Op::AddRoute(route) => self.owned.added_route(route),
            Op::RemoveRoute(route) => self.owned.removed_route(route),
            Op::AddRule(rule) => self.owned.added_rule(rule),
            Op::RemoveRule(rule) => self.owned.removed_rule(rule),
            _ => {}
        }
    }

    /// Listens for changes of routes and rules from now on, before there is one of ours to lose.
    pub(in crate::linux) fn hear_routes(&mut self) -> io::Result<()> {
        if !self.hears_routes {
            self.socket
                .add_mcast_membership(Groups::new_groups(&LATER_GROUPS))?;
            self.hears_routes = true;
        }
        Ok(())
    }

    /// Tells the neighbour table, and its changes from now on.
    pub(in crate::linux) fn hear_neighbours(
        &mut self,
        requests: &mut Requests,
        events: &mut VecDeque<NetEvent<'static>>,
    ) -> io::Result<()> {
        if !self.hears_neighbours {
            self.socket
                .add_mcast_membership(Groups::new_groups(&[NEIGHBOURS]))?;
            self.hears_neighbours = true;
        }
        requests.dump(
            dump_neighbours().map_err(|e| io::Error::other(e.0))?,
            |message| events.extend(read_neighbour(message.payload).map(NetEvent::Neighbour)),
        )
    }

    /// Tells all there is: at the start, and when the kernel has dropped notifications.
    pub(in crate::linux) fn resync(
        &mut self,
        requests: &mut Requests,
        events: &mut VecDeque<NetEvent<'static>>,
    ) -> io::Result<()> {
        events.push_back(NetEvent::Resync);
        self.known = Known {
            port: self.known.port,
            ..Known::default()
        };
        let encode = |e: super::EncodeError| io::Error::other(e.0);
        requests.dump(dump_links().map_err(encode)?, |message| {
            events.extend(self.known.event(message, &mut self.owned));
        })?;
        requests.dump(dump_addresses().map_err(encode)?, |message| {
            if let Some(record) = read_address(message.payload) {
                events.push_back(NetEvent::AddressAdded {
                    record,
                    by: Author::Unknown,
                });
            }
        })?;
        self.owned.check(requests, events)?;
        if self.hears_neighbours {
            self.hear_neighbours(requests, events)?;
        }
        events.push_back(NetEvent::Synced);
        Ok(())
    }

    /// Throws away what is still in the buffer. It is older than what was dropped, so told after the whole state it
    /// would bring back what has gone since.
    fn discard(&mut self) -> io::Result<()> {
        loop {
            match sys::recv_many(sys::borrow(&self.socket), &mut self.inbox, |_, _, _| {}) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads once and makes events of it. Answers whether there may be more.
    pub(in crate::linux) fn read(
        &mut self,
        requests: &mut Requests,
        events: &mut VecDeque<NetEvent<'static>>,
    ) -> io::Result<bool> {
        let Self {
            socket,
            inbox,
            known,
            owned,
            ..
        } = self;
        let mut cut = false;
        let read = sys::recv_many(sys::borrow(socket), inbox, |_, received, datagram| {
            cut |= received.truncated;
            if received.name.netlink_port() == Some(0) {
                let datagram = datagram.get(..received.len).unwrap_or_default();
                events.extend(messages(datagram).filter_map(|message| known.event(message, owned)));
            }
        });
        let full = self.inbox.len();
        match read {
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                self.discard()?;
                self.resync(requests, events)?;
                Ok(true)
            }
            Err(error) => Err(error),
            Ok(read) => {
                // A notification longer than a buffer is as good as dropped.
                if cut {
                    self.resync(requests, events)?;
                } else if self.owned.doubtful {
                    self.owned.check(requests, events)?;
                }
                Ok(read == full)
            }
        }
    }
}

impl Known {
    fn event(&mut self, message: Message<'_>, owned: &mut Owned) -> Option<NetEvent<'static>> {
        let by = match message.port {
            0 => Author::Unknown,
            own if own == self.port => Author::Us,
            other => Author::Port(other),
        };
        match Rtm::from(message.kind) {
            Rtm::Newlink => {
                let (link, group) = read_link(message.payload)?;
                self.groups.insert(link.index, group);
                let before = self.links.insert(link.index, link.clone());
                owned.doubtful |= !link.up;
                (before.as_ref() != Some(&link)).then_some(NetEvent::Link(link))
            }
            Rtm::Dellink => {
                let (link, _) = read_link(message.payload)?;
                self.groups.remove(&link.index);
                owned.doubtful = true;
                self.links.remove(&link.index);
                Some(NetEvent::LinkGone {
                    index: link.index,
                    name: link.name,
                })
            }
            Rtm::Newaddr => Some(NetEvent::AddressAdded {
                record: read_address(message.payload)?,
                by,
            }),
            Rtm::Deladdr => {
                let record = read_address(message.payload)?;
                owned.doubtful = true;
                let ours = by == Author::Unknown && self.forget(&record);
                let by = if ours { Author::Us } else { by };
                Some(NetEvent::AddressRemoved { record, by })
            }
            Rtm::Newneigh => read_neighbour(message.payload).map(NetEvent::Neighbour),
            Rtm::Delneigh => read_neighbour(message.payload).map(NetEvent::NeighbourGone),
            kind @ (Rtm::Newroute | Rtm::Delroute | Rtm::Delrule) => {
                owned.event(kind, message.payload, by)
            }
            _ => None,
        }
    }

    fn forget(&mut self, record: &AddressRecord) -> bool {
        let key = (record.iface, record.address, record.prefix_len);
        let Some(times) = self.removed.get_mut(&key) else {
            return false;
        };
        *times -= 1;
        if *times == 0 {
            self.removed.remove(&key);
        }
        true
    }
}

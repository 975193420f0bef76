//! What happened on the host.

use crate::{AddressRecord, IfIndex, Link, Mac, Neighbour, Route, Rule, RxPacket};
use core::fmt;
use core::net::IpAddr;
use vrrp_proto::Family;

/// Something that happened, in the order in which the kernel told it (packets and changes are two orders).
///
/// A backend begins with [`NetEvent::Resync`], tells every link and every address there is, then
/// [`NetEvent::Synced`]: the state at start comes through the same door as its changes.
#[derive(Clone, Debug, PartialEq)]
pub enum NetEvent<'b> {
    /// A packet of protocol 112 (or 51) came in on a socket that [`crate::Op::Listen`] opened.
    Packet(RxPacket<'b>),
    /// A packet came in that cannot be judged: a fault of this host, not of the sender. To be counted.
    Unreadable {
        /// Where, if that is known.
        iface: Option<IfIndex>,
        /// What is wrong.
        why: Unreadable,
    },
    /// An interface is new or has changed (name, state, address, MTU).
    Link(Link),
    /// An interface is gone: deleted, or moved to another network namespace. Its addresses, routes and sockets went
    /// with it: when one of its name comes back, [`crate::Op::Listen`] and the rest have to be said again.
    LinkGone {
        /// Its number, which may be given again.
        index: IfIndex,
        /// The name it had.
        name: String,
    },
    /// An address is new or has changed.
    AddressAdded {
        /// The address as it is now.
        record: AddressRecord,
        /// By whom.
        by: Author,
    },
    /// An address is gone.
    AddressRemoved {
        /// The address as it was.
        record: AddressRecord,
        /// By whom.
        by: Author,
    },
    /// A route that [`crate::Op::AddRoute`] made is gone, and not by [`crate::Op::RemoveRoute`]. Only routes of ours
    /// are told.
    RouteRemoved {
        /// The route as it was asked for.
        route: Route,
        /// By whom.
        by: Author,
    },
    /// A rule that [`crate::Op::AddRule`] made is gone, and not by [`crate::Op::RemoveRule`].
    RuleRemoved {
        /// The rule as it was asked for.
        rule: Rule,
        /// By whom.
        by: Author,
    },
    /// Somebody else on the link claims an address that is on this host (ARP or Neighbour Advertisement).
    Conflict {
        /// Where.
        iface: IfIndex,
        /// Which.
        address: IpAddr,
        /// Whose hardware address it is said to be.
        mac: Mac,
    },
    /// An entry of the neighbour table is new or has changed. Told after `linux::Linux::watch_neighbours` alone.
    Neighbour(Neighbour),
    /// An entry of the neighbour table is gone.
    NeighbourGone(Neighbour),
    /// Packets that cannot be for us (another VRID than [`crate::Op::Expect`] says, or a TTL below 255 to a group) come
    /// faster than can be told: from now on only one in 256 of them is. Or that has ended.
    Flood {
        /// Where; `None`: on the socket for all interfaces.
        iface: Option<IfIndex>,
        /// In packets of which family.
        family: Family,
        /// It begins, or it has ended.
        filtered: bool,
    },
    /// The kernel dropped notifications (or it is the start): forget what you know, all of it follows.
    Resync,
    /// All that there is has been told.
    Synced,
}

/// Who changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Author {
    /// This backend, by an [`crate::Op`].
    Us,
    /// Another program; the number is its netlink port, as a rule its process id.
    Port(u32),
    /// The kernel itself, or the kernel does not tell (it never does for IPv6 addresses).
    Unknown,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Us => f.write_str("this program"),
            Self::Port(port) => write!(f, "the program with netlink port {port}"),
            Self::Unknown => f.write_str("the kernel or an unknown program"),
        }
    }
}

/// Why a packet could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unreadable {
    /// The kernel did not say with which hop limit it came. RFC 9568 §5.1.2.3: it is not taken for 255.
    #[error("the kernel did not tell the hop limit")]
    NoHopLimit,
    /// The kernel did not say where it went to or where it came in.
    #[error("the kernel did not tell interface and destination")]
    NoDestination,
    /// Longer than any VRRP packet can be; the rest is lost.
    #[error("the packet is longer than the buffer")]
    Truncated,
    /// No whole IPv4 header in front of it.
    #[error("the IPv4 header is not whole")]
    Ipv4Header,
}

//! One change to the host, as a value.

use crate::frame::{GratuitousArp, UnsolicitedNa};
use crate::{AddressSpec, IfIndex, Mac, Route, Rule, VirtualLink, VridSet};
use core::net::IpAddr;
use vrrp_proto::{Endpoints, Family};

/// One change to the host, as a value: it can be compared, printed, recorded and replayed.
///
/// All are idempotent, but for the three that send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op<'a> {
    /// Receive VRRP packets: opens a socket where there is none yet, joins the group where there is one to join.
    Listen(Listen),
    /// The opposite: leaves the group, and closes the socket with the last use of it.
    Unlisten(Listen),
    /// Say which virtual routers the packets of a [`Listen`] are for (its group does not matter). Packets for others are
    /// told all the same, unless they come in floods: see [`crate::NetEvent::Flood`].
    Expect {
        /// Which socket.
        listen: Listen,
        /// All that there are.
        vrids: VridSet,
    },
    /// Send one advertisement. Not repeated when it fails: the next one is due soon.
    SendAdvert(Transmit<'a>),
    /// Tell the hosts on the link of an IPv4 address that moved. RFC 9568 §8.1.2.
    GratuitousArp {
        /// Where.
        iface: IfIndex,
        /// What.
        arp: GratuitousArp,
    },
    /// Tell the hosts on the link of an IPv6 address that moved. RFC 9568 §8.2.2.
    UnsolicitedNa {
        /// Where.
        iface: IfIndex,
        /// What.
        na: UnsolicitedNa,
    },
    /// Put an address on an interface, marked as ours. An address that is there already is taken over.
    AddAddress {
        /// Where.
        iface: IfIndex,
        /// What.
        address: &'a AddressSpec,
    },
    /// Take it away; found by address, prefix length and peer, whoever put it there.
    RemoveAddress {
        /// Where.
        iface: IfIndex,
        /// What.
        address: &'a AddressSpec,
    },
    /// Put a route into its table.
    AddRoute(&'a Route),
    /// Take it out.
    RemoveRoute(&'a Route),
    /// Put a rule into the list.
    AddRule(&'a Rule),
    /// Take it out.
    RemoveRule(&'a Rule),
    /// Make an interface (macvlan, ipvlan), configured for a virtual router, and left down. Its number comes with
    /// [`crate::NetEvent::Link`]. One of that name that is as wanted is kept, another one is replaced.
    CreateLink(&'a VirtualLink),
    /// Remove an interface that [`Op::CreateLink`] made, and undo what was set on its parent for its sake.
    RemoveLink {
        /// Which.
        iface: IfIndex,
    },
    /// Set an interface up or down. A virtual router's macvlan is up only while it is Active: RFC 9568 §6.4.2 forbids
    /// a Backup to take frames for the virtual MAC. One that is gone is down.
    SetLink {
        /// Which.
        iface: IfIndex,
        /// Up, or down.
        up: bool,
    },
    /// Whether the kernel keeps the other addresses of a subnet on an interface when the first of them goes
    /// (`promote_secondaries`). Off means: as it was before it was switched on here.
    Promote {
        /// Where.
        iface: IfIndex,
        /// Keep them, or as before.
        on: bool,
    },
    /// Give an interface another hardware address. Some drivers want it down.
    SetMac {
        /// Which.
        iface: IfIndex,
        /// The address.
        mac: Mac,
    },
    /// Give an interface another name. Before Linux 6.2 it must be down.
    Rename {
        /// Which.
        iface: IfIndex,
        /// The name: 1 to 15 octets.
        name: &'a str,
    },
    /// Accept_Mode (RFC 9568 §6.1): with `accept` false packets to `address` are dropped, Neighbour Discovery aside.
    /// The default of a host is true.
    SetAccept {
        /// Restricts it to this interface when `address` is link-local.
        iface: IfIndex,
        /// Whose packets.
        address: IpAddr,
        /// Whether the host takes them.
        accept: bool,
    },
}

/// A wish to hear VRRP packets. Several may share an interface and family; each counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listen {
    /// Only what comes in here. `None`: anywhere, for unicast without an interface.
    pub iface: Option<IfIndex>,
    /// IPv4 or IPv6.
    pub family: Family,
    /// VRRP itself, or wrapped in an Authentication Header.
    pub protocol: Protocol,
    /// The group to join, as [`Family::group`]; `None` to hear unicast alone. Needs `iface`.
    pub group: Option<IpAddr>,
}

/// What is in the IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Protocol 112.
    Vrrp,
    /// Protocol 51: VRRPv2 with an Authentication Header (RFC 2338 §5.3.6.3), IPv4 only.
    Ah,
}

impl Protocol {
    /// The number in the IP header.
    pub const fn number(self) -> u8 {
        match self {
            Self::Vrrp => vrrp_proto::PROTOCOL,
            Self::Ah => 51,
        }
    }
}

/// One advertisement on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// By this interface. A group needs one, and so does a link-local destination; `None`: as the routes say.
    pub iface: Option<IfIndex>,
    /// From where to where. The source is always said, so that a virtual address can never become one
    /// (RFC 9568 §5.1.1.1); it must be an address of this host.
    pub ends: Endpoints,
    /// TTL or hop limit: 255 to a group (RFC 9568 §5.1.1.3), as configured to a peer.
    pub hop_limit: u8,
    /// The octets.
    pub payload: Payload<'a>,
}

/// The octets of a [`Transmit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A VRRP message with its checksum; the kernel makes the IP header, with DSCP CS6.
    Vrrp(&'a [u8]),
    /// A whole IPv4 packet, as [`crate::frame::Ipv4Header`] makes it: for the Authentication Header, which covers the
    /// IP header too. The kernel writes the header checksum and nothing else, provided that identification and
    /// source are not 0.
    Ipv4(&'a [u8]),
}

//! Interfaces: their numbers, hardware addresses and what the kernel says about them.

use core::fmt;
use core::num::NonZeroU32;
use vrrp_proto::{Family, VirtualMac};

/// The kernel's number of an interface: never 0, and not stable. An interface that is deleted and made again
/// has another one; who needs a stable name keeps the interface's name and watches [`crate::NetEvent::Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(NonZeroU32);

impl IfIndex {
    /// `None` for 0, which the kernel uses for "no interface".
    pub const fn new(index: u32) -> Option<Self> {
        match NonZeroU32::new(index) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A 48-bit hardware address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Every station on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No station: the target of an ARP announcement by RFC 5227.
    pub const ZERO: Self = Self([0; 6]);

    /// From the octets in transmission order.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The octets in transmission order.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl From<VirtualMac> for Mac {
    fn from(mac: VirtualMac) -> Self {
        Self(mac.octets())
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the kernel says about an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: IfIndex,
    /// Its name of the moment, below 16 octets. An interface can be renamed while it is in use.
    pub name: String,
    /// Its hardware address, where it has one of 48 bits.
    pub mac: Option<Mac>,
    /// Largest datagram it carries whole. Unit: octets.
    pub mtu: u32,
    /// Somebody has set it up (`IFF_UP`).
    pub up: bool,
    /// It can carry packets (`IFF_RUNNING`): operational state up or unknown.
    pub running: bool,
    /// The medium is there (`IFF_LOWER_UP`).
    pub carrier: bool,
    /// It can send to groups (`IFF_MULTICAST`).
    pub multicast: bool,
    /// It resolves neighbours (no `IFF_NOARP`).
    pub arp: bool,
    /// It is the loopback interface.
    pub loopback: bool,
    /// Exactly one station is at the other end.
    pub point_to_point: bool,
    /// What the kernel calls its kind: `veth`, `macvlan`, `bridge`; `None` for hardware.
    pub kind: Option<String>,
    /// The interface it is stacked on (`IFLA_LINK`), when that is in the same network namespace.
    pub parent: Option<IfIndex>,
    /// The bridge, bond or VRF it is enslaved to.
    pub controller: Option<IfIndex>,
}

/// An interface to be made on top of another one: what `use_vmac` and `use_ipvlan` ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VirtualLink {
    /// Name to give it, 1..=15 octets.
    pub name: String,
    /// The interface it sits on.
    pub parent: IfIndex,
    /// macvlan with a MAC address of its own, or ipvlan that shares the parent's.
    pub kind: VirtualLinkKind,
    /// The family that the virtual router speaks; the other one is kept silent on it.
    pub family: Family,
    /// Interface group (`group`); default: the parent's.
    pub group: Option<u32>,
    /// VRF to enslave it to (`vrf`).
    pub vrf: Option<IfIndex>,
}

/// The kinds of [`VirtualLink`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VirtualLinkKind {
    /// A macvlan in VEPA mode with this address, the virtual MAC as a rule. RFC 9568 §7.3.
    Macvlan(Mac),
    /// An ipvlan in L2 mode.
    Ipvlan(IpvlanMode),
}

/// Whom an ipvlan may talk to among those of its parent, which all have the same mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IpvlanMode {
    /// Everybody, directly.
    #[default]
    Bridge,
    /// Nobody.
    Private,
    /// Everybody, by way of the switch.
    Vepa,
}

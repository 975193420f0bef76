//! The words of the protocol: a value of one of these types has been checked.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU8;

/// Virtual Router Identifier: with interface and address family it names a virtual router.
///
/// Range: 1..=255. No default. RFC 9568 §5.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// `None` for 0, which is no virtual router.
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(v) => Some(Self(v)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Priority of a VRRP router for one virtual router; the greater one serves.
///
/// Range: 0..=255, where 0 and 255 have meanings of their own. Default: 100. RFC 9568 §5.2.4, §6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Priority(u8);

impl Priority {
    /// "I stop being Active"; on the wire only, never configured.
    pub const RELINQUISH: Self = Self(0);
    /// What a router has that was not told otherwise.
    pub const DEFAULT: Self = Self(100);
    /// The router whose own addresses the virtual addresses are.
    pub const OWNER: Self = Self(255);

    /// Any octet is a priority on the wire.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number on the wire.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether this is [`Priority::OWNER`].
    pub const fn is_owner(self) -> bool {
        self.0 == Self::OWNER.0
    }

    /// Whether this is [`Priority::RELINQUISH`].
    pub const fn is_relinquish(self) -> bool {
        self.0 == Self::RELINQUISH.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Protocol version: the high nibble of the first octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds, authentication data.
    V2,
    /// RFC 9568: IPv4 and IPv6, centiseconds.
    V3,
}

impl Version {
    /// The number on the wire.
    pub const fn get(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Address family of a virtual router; its addresses and its adverts are of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Octets of one address: 4 or 16.
    pub const fn addr_len(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// The family of `address`.
    pub const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The group to which adverts of this family are sent unless configured otherwise.
    pub const fn group(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(crate::GROUP_V4),
            Self::V6 => IpAddr::V6(crate::GROUP_V6),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Source and destination of a datagram: what the pseudo-header of the checksum needs.
/// Two families cannot be mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "source and destination say it all")]
pub enum Endpoints {
    /// IPv4.
    V4 {
        source: Ipv4Addr,
        destination: Ipv4Addr,
    },
    /// IPv6.
    V6 {
        source: Ipv6Addr,
        destination: Ipv6Addr,
    },
}

impl Endpoints {
    /// `None` when the two are of different families.
    pub const fn new(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::V4 {
                source,
                destination,
            }),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::V6 {
                source,
                destination,
            }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// The family of both.
    pub const fn family(&self) -> Family {
        match self {
            Self::V4 { .. } => Family::V4,
            Self::V6 { .. } => Family::V6,
        }
    }

    /// Where the datagram comes from.
    pub const fn source(&self) -> IpAddr {
        match *self {
            Self::V4 { source, .. } => IpAddr::V4(source),
            Self::V6 { source, .. } => IpAddr::V6(source),
        }
    }

    /// Where the datagram goes to.
    pub const fn destination(&self) -> IpAddr {
        match *self {
            Self::V4 { destination, .. } => IpAddr::V4(destination),
            Self::V6 { destination, .. } => IpAddr::V6(destination),
        }
    }
}

/// Virtual router MAC address: `00-00-5E-00-01-{VRID}` (IPv4), `00-00-5E-00-02-{VRID}` (IPv6).
/// RFC 9568 §7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualMac([u8; 6]);

impl VirtualMac {
    /// The address of virtual router `vrid` of `family`.
    //= R9568-6.1-12
    pub const fn new(family: Family, vrid: Vrid) -> Self {
        let block = match family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        Self([0x00, 0x00, 0x5e, 0x00, block, vrid.get()])
    }

    /// The six octets in transmission order.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for VirtualMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

//! IP addresses as an administrator writes them, and as the kernel reports them.

use crate::IfIndex;
use core::net::{IpAddr, Ipv4Addr};
use vrrp_proto::Family;

/// An address to put on an interface, with every option that keepalived's `virtual_ipaddress` knows.
///
/// The kernel knows an address by interface, address, prefix length and (IPv4) peer; the rest are attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressSpec {
    /// The address.
    pub address: IpAddr,
    /// Range: 0..=32 or 0..=128. Default: 32, 128.
    pub prefix_len: u8,
    /// How far the address means something. IPv6 derives it from the address and ignores this.
    pub scope: Scope,
    /// IPv4 alias such as `eth0:1`, below 16 octets.
    pub label: Option<String>,
    /// IPv4 broadcast address. Default: none is set.
    pub broadcast: Option<Ipv4Addr>,
    /// The station at the other end of a point-to-point link; `prefix_len` is then the peer's.
    pub peer: Option<IpAddr>,
    /// See there.
    pub flags: AddressFlags,
    /// How long it may be a source address. `Seconds(0)`: deprecated from the start, never chosen as a source.
    pub preferred: Lifetime,
    /// How long it stays.
    pub valid: Lifetime,
}

impl AddressSpec {
    /// `address` alone (`/32`, `/128`), global, for ever, without duplicate address detection.
    pub const fn new(address: IpAddr) -> Self {
        let prefix_len = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        Self {
            address,
            prefix_len,
            scope: Scope::GLOBAL,
            label: None,
            broadcast: None,
            peer: None,
            flags: AddressFlags {
                nodad: true,
                home: false,
                managed_temporary: false,
                no_prefix_route: false,
                autojoin: false,
            },
            preferred: Lifetime::Forever,
            valid: Lifetime::Forever,
        }
    }

    /// The family of the address.
    pub const fn family(&self) -> Family {
        Family::of(&self.address)
    }
}

/// What the kernel shall do, or not do, with an address (`IFA_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddressFlags {
    /// IPv6: usable at once, no duplicate address detection. [`AddressSpec::new`] sets it: a Backup that takes over
    /// must not find its own addresses tentative for a second. RFC 9568 §8.2.2.
    pub nodad: bool,
    /// IPv6: home address of a mobile node.
    pub home: bool,
    /// IPv6: template for temporary addresses (`mngtmpaddr`).
    pub managed_temporary: bool,
    /// Do not make a route for the prefix (`noprefixroute`).
    pub no_prefix_route: bool,
    /// Join the multicast group that the address is (`autojoin`).
    pub autojoin: bool,
}

/// How far an address or route means something. Range: 0..=255, as in `/etc/iproute2/rt_scopes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub u8);

impl Scope {
    /// Everywhere. The default.
    pub const GLOBAL: Self = Self(0);
    /// Within the site (deprecated).
    pub const SITE: Self = Self(200);
    /// On the link.
    pub const LINK: Self = Self(253);
    /// On this host.
    pub const HOST: Self = Self(254);
    /// Nowhere.
    pub const NOWHERE: Self = Self(255);
}

/// A lifetime as the kernel keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifetime {
    /// So many seconds; 4294967295 means for ever.
    Seconds(u32),
    /// No end.
    Forever,
}

impl Lifetime {
    /// The number that the kernel wants.
    pub const fn as_secs(self) -> u32 {
        match self {
            Self::Seconds(secs) => secs,
            Self::Forever => u32::MAX,
        }
    }
}

/// An address that the kernel has (or had, in the event that tells of its end).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressRecord {
    /// On which interface.
    pub iface: IfIndex,
    /// The address (the local one of a point-to-point link).
    pub address: IpAddr,
    /// Of the prefix; of the peer's prefix if there is a peer.
    pub prefix_len: u8,
    /// The station at the other end, where there is one.
    pub peer: Option<IpAddr>,
    /// See [`Scope`].
    pub scope: Scope,
    /// IPv4 label; the kernel gives the interface's name to those that have none.
    pub label: Option<String>,
    /// IPv4: not the first of its prefix on this interface. A secondary address is never a primary one (RFC 9568
    /// §5.1.1.1) and goes with its primary unless `promote_secondaries` is set.
    pub secondary: bool,
    /// Whether it can be used.
    pub state: AddressState,
    /// It carries our mark (`IFA_PROTO`): this program put it there, in this run or in one that was killed.
    /// Kernels before 5.18 keep no mark, see `Linux::marks_addresses`.
    pub ours: bool,
}

/// What duplicate address detection has to say (IPv6; IPv4 addresses are always `Usable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressState {
    /// In use.
    Usable,
    /// Detection is running: not a source address yet.
    Tentative,
    /// Another station has it.
    Duplicate,
}

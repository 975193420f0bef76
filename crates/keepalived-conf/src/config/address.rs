//! Addresses and peers.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use super::{Family, Origin};

/// An entry of `virtual_ipaddress`, `virtual_ipaddress_excluded` or `static_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Range: 0..=32 or 0..=128. Default: 32 or 128.
    pub prefix_len: u8,
    /// Where it was written.
    pub origin: Origin,
    /// The interface. Default: that of the instance.
    pub dev: Option<String>,
    /// `scope`: rtnetlink's number (0 global, 253 link, 254 host). IPv4 only.
    pub scope: u8,
    /// `brd`.
    pub broadcast: Option<Broadcast>,
    /// `label`. At most 15 bytes; IPv4 only.
    pub label: Option<String>,
    /// `peer`: the other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// `home`: a mobile home address (IPv6).
    pub home: bool,
    /// `-nodad`: perform duplicate address detection (IPv6), which is otherwise off.
    pub dad: bool,
    /// `mngtmpaddr` (IPv6).
    pub manage_temporary: bool,
    /// `noprefixroute`.
    pub no_prefix_route: bool,
    /// `autojoin`.
    pub autojoin: bool,
    /// `preferred_lft`. `None` is for ever. Default: 0 for an IPv6 /128, so that it is not used as a source,
    /// else for ever.
    pub preferred_lifetime: Option<Duration>,
    /// Its interface and its deletion are watched. Default: yes; no with `no_track`.
    pub track: bool,
    /// `track_group`, of a static address.
    pub track_group: Option<String>,
    /// `use_vmac`: on a macvlan of its interface.
    pub use_vmac: bool,
}

impl Address {
    /// An address with every default.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        let family = Family::of(&address);
        Self {
            address,
            prefix_len: family.bits(),
            origin: Origin::default(),
            dev: None,
            scope: 0,
            broadcast: None,
            label: None,
            peer: None,
            home: false,
            dad: false,
            manage_temporary: false,
            no_prefix_route: false,
            autojoin: false,
            preferred_lifetime: (family == Family::V6).then_some(Duration::ZERO),
            track: true,
            track_group: None,
            use_vmac: false,
        }
    }
}

/// `brd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broadcast {
    /// `+`: host bits 1.
    Ones,
    /// `-`: host bits 0.
    Zeros,
    /// An address.
    Address(Ipv4Addr),
}

impl Broadcast {
    /// The broadcast address for `address/prefix_len`.
    #[must_use]
    pub fn resolve(self, address: Ipv4Addr, prefix_len: u8) -> Ipv4Addr {
        let host = u32::MAX.checked_shr(u32::from(prefix_len)).unwrap_or(0);
        match self {
            Self::Ones => Ipv4Addr::from_bits(address.to_bits() | host),
            Self::Zeros => Ipv4Addr::from_bits(address.to_bits() & !host),
            Self::Address(broadcast) => broadcast,
        }
    }
}

/// An entry of `unicast_peer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where adverts go.
    pub address: IpAddr,
    /// Where it was written.
    pub origin: Origin,
    /// Adverts that arrive with less are dropped. Default: 0.
    pub min_ttl: u8,
    /// Adverts that arrive with more are dropped. Default: 255.
    pub max_ttl: u8,
}

impl Peer {
    /// A peer with every default.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            origin: Origin::default(),
            min_ttl: 0,
            max_ttl: 255,
        }
    }
}

//! What a virtual router knows about itself and wants of others: plain data to judge packets by.

use core::net::IpAddr;

use crate::{
    AddressList, AdvertInterval, AhPolicy, ChecksumCoverage, HmacPolicy, Password, Priority,
    Version, Vrid,
};

/// What a virtual router knows about itself, to judge what it receives. `None` is not compared.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The version it speaks; there is no dual mode.
    pub version: Option<Version>,
    /// Its VRID.
    pub vrid: Option<Vrid>,
    /// Its own priority as configured: only whether it is 255 matters.
    pub priority: Option<Priority>,
    /// The address it sends from.
    pub primary: Option<IpAddr>,
    /// Its virtual addresses, in any order.
    pub addresses: Option<AddressList<'a>>,
    /// Its own advertisement interval.
    pub interval: Option<AdvertInterval>,
    /// Whom it listens to.
    pub mode: Mode<'a>,
    /// Which checksums of VRRPv3 over IPv4 it accepts.
    pub checksum: ChecksumPolicy,
    /// How VRRPv2 authenticates.
    pub auth: AuthPolicy,
    /// What it does as the address owner.
    pub owner: OwnerPolicy,
    /// Whom it follows where the RFC and the field disagree.
    pub profile: Profile,
    /// `auth_hmac`: how signatures are judged; `None` refuses signed messages as too long.
    pub hmac: Option<HmacPolicy<'a>>,
}

impl Expected<'_> {
    /// Compares nothing that depends on a virtual router: what a sniffer uses.
    pub const fn anything(mode: Mode<'_>) -> Expected<'_> {
        Expected {
            version: None,
            vrid: None,
            priority: None,
            primary: None,
            addresses: None,
            interval: None,
            mode,
            checksum: ChecksumPolicy::Either,
            auth: AuthPolicy::Any,
            owner: OwnerPolicy::Process,
            profile: Profile::Rfc,
            hmac: None,
        }
    }
}

/// Whom a virtual router listens to.
#[derive(Clone, Copy, Debug)]
pub enum Mode<'a> {
    /// Everybody in the group; the TTL or Hop Limit must be 255.
    Multicast {
        /// [`Family::group`](crate::Family::group) unless configured otherwise.
        group: IpAddr,
    },
    /// keepalived's `unicast_peer`: the destination must be no group; the TTL is not looked at
    /// unless the peers are checked.
    Unicast {
        /// The peers: looked at if `check_source`, and when a message is signed.
        peers: &'a [Peer],
        /// `check_unicast_src`: the source must be a peer, its TTL within that peer's bounds.
        check_source: bool,
    },
}

/// A unicast peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its source address.
    pub address: IpAddr,
    /// Least TTL. Default: 0.
    pub min_ttl: u8,
    /// Greatest TTL. Default: 255.
    pub max_ttl: u8,
}

/// Which checksum form of VRRPv3 over IPv4 is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ChecksumPolicy {
    /// Both: RFC 9568's and that of keepalived and FRR.
    #[default]
    Either,
    /// One of them.
    Only(ChecksumCoverage),
    /// Both, and the pseudo-header that keepalived before 1.3.7 used for unicast, which names the
    /// group (`old_unicast_checksum`).
    OldUnicast,
}

/// How VRRPv2 messages must be authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AuthPolicy {
    /// Not looked at.
    #[default]
    Any,
    /// Auth Type 0.
    None,
    /// Auth Type 1 with this password.
    Simple(Password),
    /// Auth Type 2 with an Authentication Header.
    Ah(AhPolicy),
}

/// What an address owner (priority 255) does with what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OwnerPolicy {
    /// Accepts with a [`Warning::LocalIsOwner`](crate::Warning::LocalIsOwner), so that one of two owners gives way (erratum 8298).
    #[default]
    Process,
    /// Discards, as RFC 9568 was published (keepalived's `owner_ignore_adverts`).
    Discard,
}

/// Whom to follow where the RFC and the field disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// RFC 9568 with its verified errata, RFC 3768.
    #[default]
    Rfc,
    /// keepalived: a list that is not ours or does not begin link-local is only remarked.
    Keepalived,
}

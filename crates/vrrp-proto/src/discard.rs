//! Why a datagram is discarded, or is accepted with a remark, and which counter that moves.

use core::fmt;
use core::net::IpAddr;

use crate::{AuthType, ParseError};

/// A datagram that is not to be acted upon (RFC 9568 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discard {
    /// The VRID octet, where it could be read; not vouched for by anything before the checksum.
    pub vrid: Option<u8>,
    /// The first check that failed.
    pub reason: Reason,
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vrid {
            Some(vrid) => write!(f, "VRID {vrid}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl core::error::Error for Discard {}

impl From<ParseError> for Discard {
    fn from(error: ParseError) -> Self {
        Self {
            vrid: error.vrid(),
            reason: error.into(),
        }
    }
}

/// The checks of reception, each by what it finds; in their order but for `Carp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the messages say")]
pub enum Reason {
    /// Another IP protocol; not counted.
    #[error("IP protocol {protocol} is not VRRP")]
    NotVrrp { protocol: u8 },
    /// Shorter than the fixed part.
    #[error("{have} octets are less than a VRRP header")]
    ShortPacket { have: usize },
    /// The TTL or Hop Limit is not 255, or outside the bounds set for the unicast peer.
    #[error("TTL or hop limit is {found}, not {}", Bounds(*min, *max))]
    BadTtl { found: u8, min: u8, max: u8 },
    /// CARP, which shares VRRP's protocol number.
    #[error("this is CARP, not VRRP")]
    Carp,
    /// No version of VRRP, not that of the virtual router, or VRRPv2 over IPv6.
    #[error("version {found} is not expected")]
    BadVersion { found: u8 },
    /// Not an advertisement.
    #[error("type {found} is not ADVERTISEMENT")]
    BadType { found: u8 },
    /// The counted addresses or the authentication data are missing.
    #[error("{have} octets, but the address count asks for {need}")]
    Truncated { need: usize, have: usize },
    /// Something follows the last field.
    #[error("{extra} octets after the last field")]
    TrailingBytes { extra: usize },
    /// Right under no coverage that is accepted.
    #[error("checksum {found:#06x} is wrong")]
    BadChecksum { found: u16 },
    /// `auth_hmac`: unsigned, but a signature is required.
    #[error("authentication trailer is missing")]
    AuthExtMissing,
    /// `auth_hmac`: a trailer of another type, or with reserved bits set.
    #[error("authentication trailer is malformed (type {kind}, reserved {reserved:#06x})")]
    AuthExtMalformed { kind: u8, reserved: u16 },
    /// `auth_hmac`: signed too long ago, or in the future. Unit: seconds, ours minus theirs.
    #[error("authentication trailer is stale: clock skew {skew} s exceeds {window} s")]
    AuthExtStale { skew: i32, window: u16 },
    /// `auth_hmac`: no such key.
    #[error("authentication key {id} is unknown")]
    AuthExtUnknownKey { id: u8 },
    /// `auth_hmac`: the HMAC is not that of the message.
    #[error("authentication HMAC is wrong")]
    AuthExtInvalid,
    /// `auth_hmac`: not later than what was accepted before.
    #[error("authentication trailer was replayed")]
    AuthExtReplay,
    /// The VRID is 0.
    #[error("VRID 0 is not valid")]
    BadVrid,
    /// No virtual router of this VRID is here.
    #[error("VRID is not configured here")]
    UnknownVrid,
    /// Multicast where unicast is expected, the reverse, or another group.
    #[error("destination {found} is not expected")]
    BadDestination { found: IpAddr },
    /// Not one of the unicast peers, where that is asked for.
    #[error("source {found} is not a unicast peer")]
    UnknownPeer { found: IpAddr },
    /// Our own advertisement came back.
    #[error("source is our own address")]
    OwnPacket,
    /// We own the addresses and were told to listen to nobody.
    #[error("an address owner listens to nobody")]
    LocalIsOwner,
    /// VRRPv3 needs an address.
    #[error("no addresses")]
    ZeroAddrCount,
    /// VRRPv3 over IPv6 lists a link-local address first.
    #[error("first address {found} is not link-local")]
    FirstNotLinkLocal { found: IpAddr },
    /// VRRPv3: the Active_Down_Interval would be zero.
    #[error("advertisement interval is 0")]
    ZeroInterval,
    /// VRRPv2: an Auth Type that RFC 2338 does not know.
    #[error("Auth Type {} is unknown", found.get())]
    UnknownAuthType { found: AuthType },
    /// VRRPv2: another Auth Type than ours, or an Authentication Header where none is expected.
    #[error("authentication by {found}, expected {expected}")]
    AuthTypeMismatch { found: AuthType, expected: AuthType },
    /// VRRPv2: the Authentication Header is missing.
    #[error("IP Authentication Header is missing")]
    MissingAh,
    /// VRRPv2: another password, or a wrong integrity check value.
    #[error("authentication failed")]
    AuthFailure,
    /// VRRPv2: keepalived's SPI is the source address.
    #[error("SPI {spi:#010x} is not the source address")]
    AhSpiMismatch { spi: u32 },
    /// VRRPv2: the sequence number did not grow.
    #[error("AH sequence {found} is not after {last}")]
    AhReplay { found: u32, last: u32 },
    /// VRRPv2: another set of addresses than ours.
    #[error("the {count} addresses are not ours")]
    AddressListMismatch { count: u8 },
    /// VRRPv2: another interval than ours; wire value in seconds.
    #[error("interval of {found} s is not ours")]
    IntervalMismatch { found: u8 },
}

/// How an octet's bounds read.
struct Bounds(u8, u8);

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(min, max) if min == max => min.fmt(f),
            Self(min, max) => write!(f, "in {min}..={max}"),
        }
    }
}

impl From<ParseError> for Reason {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::ShortPacket { have, .. } => Self::ShortPacket { have },
            ParseError::Carp { .. } => Self::Carp,
            ParseError::BadVersion { version, .. } => Self::BadVersion { found: version },
            ParseError::BadType { kind, .. } => Self::BadType { found: kind },
            ParseError::Truncated { need, have, .. } => Self::Truncated { need, have },
            ParseError::TrailingBytes { extra, .. } => Self::TrailingBytes { extra },
        }
    }
}

impl Reason {
    /// The name of the variant.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotVrrp { .. } => "NotVrrp",
            Self::ShortPacket { .. } => "ShortPacket",
            Self::BadTtl { .. } => "BadTtl",
            Self::Carp => "Carp",
            Self::BadVersion { .. } => "BadVersion",
            Self::BadType { .. } => "BadType",
            Self::Truncated { .. } => "Truncated",
            Self::TrailingBytes { .. } => "TrailingBytes",
            Self::BadChecksum { .. } => "BadChecksum",
            Self::AuthExtMissing => "AuthExtMissing",
            Self::AuthExtMalformed { .. } => "AuthExtMalformed",
            Self::AuthExtStale { .. } => "AuthExtStale",
            Self::AuthExtUnknownKey { .. } => "AuthExtUnknownKey",
            Self::AuthExtInvalid => "AuthExtInvalid",
            Self::AuthExtReplay => "AuthExtReplay",
            Self::BadVrid => "BadVrid",
            Self::UnknownVrid => "UnknownVrid",
            Self::BadDestination { .. } => "BadDestination",
            Self::UnknownPeer { .. } => "UnknownPeer",
            Self::OwnPacket => "OwnPacket",
            Self::LocalIsOwner => "LocalIsOwner",
            Self::ZeroAddrCount => "ZeroAddrCount",
            Self::FirstNotLinkLocal { .. } => "FirstNotLinkLocal",
            Self::ZeroInterval => "ZeroInterval",
            Self::UnknownAuthType { .. } => "UnknownAuthType",
            Self::AuthTypeMismatch { .. } => "AuthTypeMismatch",
            Self::MissingAh => "MissingAh",
            Self::AuthFailure => "AuthFailure",
            Self::AhSpiMismatch { .. } => "AhSpiMismatch",
            Self::AhReplay { .. } => "AhReplay",
            Self::AddressListMismatch { .. } => "AddressListMismatch",
            Self::IntervalMismatch { .. } => "IntervalMismatch",
        }
    }

    /// The counter that it moves; `None` for what is none of VRRP's business.
    pub const fn counter(&self) -> Option<Counter> {
        Some(match self {
            Self::NotVrrp { .. } => return None,
            Self::ShortPacket { .. } | Self::Truncated { .. } | Self::TrailingBytes { .. } => {
                Counter::PacketLengthErrors
            }
            Self::BadTtl { .. } => Counter::IpTtlErrors,
            Self::Carp => Counter::CarpRcvd,
            Self::BadVersion { .. } => Counter::VersionErrors,
            Self::BadType { .. } => Counter::InvalidTypeRcvd,
            Self::BadChecksum { .. } => Counter::ChecksumErrors,
            Self::AuthExtMissing => Counter::AuthExtMissing,
            Self::AuthExtMalformed { .. } => Counter::AuthExtMalformed,
            Self::AuthExtStale { .. } => Counter::AuthExtStale,
            Self::AuthExtUnknownKey { .. } => Counter::AuthExtUnknownKey,
            Self::AuthExtInvalid => Counter::AuthExtInvalidHmac,
            Self::AuthExtReplay => Counter::AuthExtReplay,
            Self::BadVrid | Self::UnknownVrid => Counter::VridErrors,
            Self::BadDestination { .. } => Counter::BadDestination,
            Self::UnknownPeer { .. } => Counter::UnknownPeers,
            Self::OwnPacket => Counter::OwnPackets,
            Self::LocalIsOwner => Counter::OwnerConflicts,
            Self::ZeroAddrCount
            | Self::FirstNotLinkLocal { .. }
            | Self::AddressListMismatch { .. } => Counter::AddressListErrors,
            Self::ZeroInterval | Self::IntervalMismatch { .. } => Counter::AdvIntervalErrors,
            Self::UnknownAuthType { .. } => Counter::InvalidAuthType,
            Self::AuthTypeMismatch { .. } | Self::MissingAh => Counter::AuthTypeMismatch,
            Self::AuthFailure | Self::AhSpiMismatch { .. } | Self::AhReplay { .. } => {
                Counter::AuthFailures
            }
        })
    }
}

/// What reception counts (RFC 6527, RFC 8347 and our own).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "the MIB's names; Reason::counter and Warning::counter say when"
)]
pub enum Counter {
    PacketLengthErrors,
    IpTtlErrors,
    VersionErrors,
    InvalidTypeRcvd,
    ChecksumErrors,
    VridErrors,
    AddressListErrors,
    AdvIntervalErrors,
    InvalidAuthType,
    AuthTypeMismatch,
    AuthFailures,
    AuthExtMissing,
    AuthExtMalformed,
    AuthExtStale,
    AuthExtUnknownKey,
    AuthExtInvalidHmac,
    AuthExtReplay,
    BadDestination,
    UnknownPeers,
    OwnPackets,
    OwnerConflicts,
    CarpRcvd,
}

impl Counter {
    /// Its name in snake case, as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PacketLengthErrors => "packet_length_errors",
            Self::IpTtlErrors => "ip_ttl_errors",
            Self::VersionErrors => "version_errors",
            Self::InvalidTypeRcvd => "invalid_type_rcvd",
            Self::ChecksumErrors => "checksum_errors",
            Self::VridErrors => "vrid_errors",
            Self::AddressListErrors => "address_list_errors",
            Self::AdvIntervalErrors => "adv_interval_errors",
            Self::InvalidAuthType => "invalid_auth_type",
            Self::AuthTypeMismatch => "auth_type_mismatch",
            Self::AuthFailures => "auth_failures",
            Self::AuthExtMissing => "auth_ext_missing",
            Self::AuthExtMalformed => "auth_ext_malformed",
            Self::AuthExtStale => "auth_ext_stale",
            Self::AuthExtUnknownKey => "auth_ext_unknown_key",
            Self::AuthExtInvalidHmac => "auth_ext_invalid_hmac",
            Self::AuthExtReplay => "auth_ext_replay",
            Self::BadDestination => "bad_destination",
            Self::UnknownPeers => "unknown_peers",
            Self::OwnPackets => "own_packets",
            Self::OwnerConflicts => "owner_conflicts",
            Self::CarpRcvd => "carp_rcvd",
        }
    }

    /// Whether the MIB counts it once for the whole router instead of for each virtual router.
    pub const fn is_router_wide(self) -> bool {
        matches!(
            self,
            Self::ChecksumErrors | Self::VersionErrors | Self::VridErrors
        )
    }
}

/// What is remarked about an advertisement that is accepted all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Warning {
    /// We own the addresses, and so does the sender, it seems (erratum 8298).
    LocalIsOwner = 1,
    /// VRRPv3 over IPv6: the first address is not link-local (erratum 8300).
    FirstNotLinkLocal = 2,
    /// Another set of addresses than ours.
    AddressListMismatch = 4,
    /// Another interval than ours.
    IntervalMismatch = 8,
}

impl Warning {
    const ALL: [Self; 4] = [
        Self::LocalIsOwner,
        Self::FirstNotLinkLocal,
        Self::AddressListMismatch,
        Self::IntervalMismatch,
    ];

    /// The name of the variant.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LocalIsOwner => "LocalIsOwner",
            Self::FirstNotLinkLocal => "FirstNotLinkLocal",
            Self::AddressListMismatch => "AddressListMismatch",
            Self::IntervalMismatch => "IntervalMismatch",
        }
    }

    /// The counter that it moves.
    pub const fn counter(self) -> Counter {
        match self {
            Self::LocalIsOwner => Counter::OwnerConflicts,
            Self::FirstNotLinkLocal | Self::AddressListMismatch => Counter::AddressListErrors,
            Self::IntervalMismatch => Counter::AdvIntervalErrors,
        }
    }
}

/// A set of [`Warning`]s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Warnings(u8);

impl Warnings {
    /// Whether there is nothing to remark.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `warning` is among them.
    pub const fn contains(self, warning: Warning) -> bool {
        self.0 & warning as u8 != 0
    }

    /// Each of them, in the order of the checks.
    pub fn iter(self) -> impl Iterator<Item = Warning> {
        Warning::ALL
            .into_iter()
            .filter(move |warning| self.contains(*warning))
    }

    pub(crate) const fn add(&mut self, warning: Warning) {
        self.0 |= warning as u8;
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

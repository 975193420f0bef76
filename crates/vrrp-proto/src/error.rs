//! What can be wrong with a message, with the numbers and, where it could be read, the VRID.

use crate::{AdvertInterval, Family, Version};

/// Why octets are no VRRP message. Names and order are those of the reception pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the messages say")]
pub enum ParseError {
    /// Shorter than the fixed part.
    #[error("{have} octets are less than a VRRP header")]
    ShortPacket { have: usize, vrid: Option<u8> },
    /// CARP, which shares VRRP's protocol number.
    #[error("this is CARP (VHID {vhid}), not VRRP")]
    Carp { vhid: u8 },
    /// Neither VRRPv2 over IPv4 nor VRRPv3.
    #[error("version {version} over {family} is not VRRP")]
    BadVersion {
        vrid: u8,
        version: u8,
        family: Family,
    },
    /// Not an advertisement.
    #[error("type {kind} is not ADVERTISEMENT")]
    BadType { vrid: u8, kind: u8 },
    /// The counted addresses or the authentication data are missing.
    #[error("{have} octets, but the address count asks for {need}")]
    Truncated { vrid: u8, need: usize, have: usize },
    /// Something follows the last field.
    #[error("{extra} octets after the last field")]
    TrailingBytes { vrid: u8, extra: usize },
}

impl ParseError {
    /// The VRID octet, where there was one.
    pub const fn vrid(&self) -> Option<u8> {
        match *self {
            Self::ShortPacket { vrid, .. } => vrid,
            Self::Carp { .. } => None,
            Self::BadVersion { vrid, .. }
            | Self::BadType { vrid, .. }
            | Self::Truncated { vrid, .. }
            | Self::TrailingBytes { vrid, .. } => Some(vrid),
        }
    }
}

/// The checksum is right under no coverage that the version and the family allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("checksum {found:#06x} is wrong")]
pub struct ChecksumMismatch {
    /// What stands in the field.
    pub found: u16,
}

/// Why an advertisement cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the messages say")]
pub enum EmitError {
    /// The buffer ends before the message does.
    #[error("the message has {need} octets, the buffer {have}")]
    BufferTooSmall { need: usize, have: usize },
    /// VRRPv3 needs an address (RFC 9568 §5.2.5).
    #[error("an advertisement without addresses")]
    NoAddresses,
    /// The count is one octet.
    #[error("{count} addresses are more than 255")]
    TooManyAddresses { count: usize },
    /// VRRPv2 counts whole seconds up to 255, VRRPv3 centiseconds up to 4095.
    #[error("VRRPv{version} cannot say an interval of {interval}")]
    Interval {
        version: Version,
        interval: AdvertInterval,
    },
    /// The datagram is of another family than the addresses in it.
    #[error("{addresses} addresses in an {datagram} datagram")]
    FamilyMismatch { addresses: Family, datagram: Family },
    /// RFC 3768 knows IPv4 only.
    #[error("VRRPv2 has no IPv6")]
    V2OverIpv6,
    /// VRRPv3 has no Auth Type.
    #[error("VRRPv3 has no authentication data")]
    AuthenticationInV3,
}

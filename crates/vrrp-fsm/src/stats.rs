//! Counters of one virtual router and of all of them, named as in spec and MIBs.
//!
//! Counters never fall; only [`Input::ClearStats`](crate::Input) sets them to zero.

use vrrp_proto::Counter;

use crate::Instant;
use crate::action::ActiveReason;

/// Counters of one virtual router (RFC 6527, RFC 2787, RFC 8347).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(
    missing_docs,
    reason = "the names are those of RFC 6527 and of keepalived"
)]
pub struct Stats {
    pub become_active: u64,
    pub leave_active: u64,
    /// Adverts that passed every check.
    pub adverts_rcvd: u64,
    /// One per advert, however many unicast peers there are; priority 0 included.
    pub adverts_sent: u64,
    pub priority_zero_rcvd: u64,
    pub priority_zero_sent: u64,
    pub checksum_errors: u64,
    pub version_errors: u64,
    pub vrid_errors: u64,
    pub ip_ttl_errors: u64,
    pub invalid_type_rcvd: u64,
    pub packet_length_errors: u64,
    pub address_list_errors: u64,
    pub adv_interval_errors: u64,
    pub invalid_auth_type: u64,
    pub auth_type_mismatch: u64,
    pub auth_failures: u64,
    pub auth_ext_missing: u64,
    pub auth_ext_malformed: u64,
    pub auth_ext_unknown_key: u64,
    pub auth_ext_invalid_hmac: u64,
    pub auth_ext_stale: u64,
    pub auth_ext_replay: u64,
    pub bad_destination: u64,
    pub unknown_peers: u64,
    pub own_packets: u64,
    pub owner_conflicts: u64,
    /// CARP, which shares the protocol number.
    pub carp_rcvd: u64,
    /// Adverts that could not be sent ([`Input::SendFailed`](crate::Input)).
    pub tx_errors: u64,
    /// Rounds in which the addresses were announced.
    pub announcements: u64,
    /// How often another router was Active at the same time.
    pub split_brains: u64,
    /// The latest that a timer was handled. Unit: microseconds.
    pub late_timer_max_us: u64,
    /// Why it last became Active.
    pub new_active_reason: ActiveReason,
    /// When it last left Initialize.
    pub up_since: Option<Instant>,
    /// When the counters were last set to zero.
    pub discontinuity: Instant,
}

/// Counters of the engine: what cannot be put down to one virtual router, and what RFC 6527 counts
/// for the whole router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names are those of RFC 6527")]
pub struct EngineStats {
    pub checksum_errors: u64,
    pub version_errors: u64,
    pub vrid_errors: u64,
    /// Packets whose VRID could not be read.
    pub packet_length_errors: u64,
    pub carp_rcvd: u64,
    pub proto_err_reason: ProtoError,
    pub discontinuity: Instant,
}

/// The last protocol error (RFC 6527 `vrrpv3RouterProtoErrReason`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names are those of RFC 6527")]
pub enum ProtoError {
    #[default]
    None,
    IpTtl,
    Version,
    Checksum,
    VrId,
}

impl Stats {
    //= STA-04
    //= STA-09
    //= STA-12
    //= STA-13
    //= STA-14
    //= STA-15
    //= STA-16
    //= STA-17
    //= STA-24
    //= STA-25
    pub(crate) const fn count(&mut self, counter: Counter) {
        *match counter {
            Counter::PacketLengthErrors => &mut self.packet_length_errors,
            Counter::IpTtlErrors => &mut self.ip_ttl_errors,
            Counter::VersionErrors => &mut self.version_errors,
            Counter::InvalidTypeRcvd => &mut self.invalid_type_rcvd,
            Counter::ChecksumErrors => &mut self.checksum_errors,
            Counter::VridErrors => &mut self.vrid_errors,
            Counter::AddressListErrors => &mut self.address_list_errors,
            Counter::AdvIntervalErrors => &mut self.adv_interval_errors,
            Counter::InvalidAuthType => &mut self.invalid_auth_type,
            Counter::AuthTypeMismatch => &mut self.auth_type_mismatch,
            Counter::AuthFailures => &mut self.auth_failures,
            Counter::AuthExtMissing => &mut self.auth_ext_missing,
            Counter::AuthExtMalformed => &mut self.auth_ext_malformed,
            Counter::AuthExtStale => &mut self.auth_ext_stale,
            Counter::AuthExtUnknownKey => &mut self.auth_ext_unknown_key,
            Counter::AuthExtInvalidHmac => &mut self.auth_ext_invalid_hmac,
            Counter::AuthExtReplay => &mut self.auth_ext_replay,
            Counter::BadDestination => &mut self.bad_destination,
            Counter::UnknownPeers => &mut self.unknown_peers,
            Counter::OwnPackets => &mut self.own_packets,
            Counter::OwnerConflicts => &mut self.owner_conflicts,
            Counter::CarpRcvd => &mut self.carp_rcvd,
        } += 1;
    }
}

impl EngineStats {
    /// What the MIBs count for the whole router.
    //= STA-01
    //= STA-02
    //= STA-03
    //= STA-18
    pub(crate) const fn count(&mut self, counter: Counter) {
        match counter {
            Counter::ChecksumErrors => {
                self.checksum_errors += 1;
                self.proto_err_reason = ProtoError::Checksum;
            }
            Counter::VersionErrors => {
                self.version_errors += 1;
                self.proto_err_reason = ProtoError::Version;
            }
            Counter::VridErrors => {
                self.vrid_errors += 1;
                self.proto_err_reason = ProtoError::VrId;
            }
            Counter::IpTtlErrors => self.proto_err_reason = ProtoError::IpTtl,
            Counter::PacketLengthErrors
            | Counter::InvalidTypeRcvd
            | Counter::AddressListErrors
            | Counter::AdvIntervalErrors
            | Counter::InvalidAuthType
            | Counter::AuthTypeMismatch
            | Counter::AuthFailures
            | Counter::AuthExtMissing
            | Counter::AuthExtMalformed
            | Counter::AuthExtStale
            | Counter::AuthExtUnknownKey
            | Counter::AuthExtInvalidHmac
            | Counter::AuthExtReplay
            | Counter::BadDestination
            | Counter::UnknownPeers
            | Counter::OwnPackets
            | Counter::OwnerConflicts
            | Counter::CarpRcvd => {}
        }
    }

    /// What nobody else can count, since there is no virtual router for it.
    pub(crate) const fn count_unclaimed(&mut self, counter: Counter) {
        self.count(counter);
        match counter {
            Counter::PacketLengthErrors => self.packet_length_errors += 1,
            Counter::CarpRcvd => self.carp_rcvd += 1,
            Counter::IpTtlErrors
            | Counter::InvalidTypeRcvd
            | Counter::ChecksumErrors
            | Counter::VersionErrors
            | Counter::VridErrors
            | Counter::AddressListErrors
            | Counter::AdvIntervalErrors
            | Counter::InvalidAuthType
            | Counter::AuthTypeMismatch
            | Counter::AuthFailures
            | Counter::AuthExtMissing
            | Counter::AuthExtMalformed
            | Counter::AuthExtStale
            | Counter::AuthExtUnknownKey
            | Counter::AuthExtInvalidHmac
            | Counter::AuthExtReplay
            | Counter::BadDestination
            | Counter::UnknownPeers
            | Counter::OwnPackets
            | Counter::OwnerConflicts => {}
        }
    }
}

//! Every reason to discard has its name, its counter and a sentence.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use core::net::IpAddr;

use vrrp_proto::{AuthType, Counter, Discard, ParseError, Reason, Warning};

const FOUND: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 9));

/// spec: section 1, the counter of each row; section 11, STA-01 to STA-25.
#[test]
fn each_reason_moves_its_counter() {
    let rows: [(Reason, &str, &str); 31] = [
        (
            Reason::ShortPacket { have: 7 },
            "ShortPacket",
            "packet_length_errors",
        ),
        (
            Reason::BadTtl {
                found: 9,
                min: 255,
                max: 255,
            },
            "BadTtl",
            "ip_ttl_errors",
        ),
        (Reason::Carp, "Carp", "carp_rcvd"),
        (
            Reason::BadVersion { found: 4 },
            "BadVersion",
            "version_errors",
        ),
        (Reason::BadType { found: 2 }, "BadType", "invalid_type_rcvd"),
        (
            Reason::Truncated { need: 12, have: 8 },
            "Truncated",
            "packet_length_errors",
        ),
        (
            Reason::TrailingBytes { extra: 4 },
            "TrailingBytes",
            "packet_length_errors",
        ),
        (
            Reason::BadChecksum { found: 0xabcd },
            "BadChecksum",
            "checksum_errors",
        ),
        (Reason::AuthExtMissing, "AuthExtMissing", "auth_ext_missing"),
        (
            Reason::AuthExtMalformed {
                kind: 2,
                reserved: 1,
            },
            "AuthExtMalformed",
            "auth_ext_malformed",
        ),
        (
            Reason::AuthExtStale {
                skew: -9,
                window: 5,
            },
            "AuthExtStale",
            "auth_ext_stale",
        ),
        (
            Reason::AuthExtUnknownKey { id: 9 },
            "AuthExtUnknownKey",
            "auth_ext_unknown_key",
        ),
        (
            Reason::AuthExtInvalid,
            "AuthExtInvalid",
            "auth_ext_invalid_hmac",
        ),
        (Reason::AuthExtReplay, "AuthExtReplay", "auth_ext_replay"),
        (Reason::BadVrid, "BadVrid", "vrid_errors"),
        (Reason::UnknownVrid, "UnknownVrid", "vrid_errors"),
        (
            Reason::BadDestination { found: FOUND },
            "BadDestination",
            "bad_destination",
        ),
        (
            Reason::UnknownPeer { found: FOUND },
            "UnknownPeer",
            "unknown_peers",
        ),
        (Reason::OwnPacket, "OwnPacket", "own_packets"),
        (Reason::LocalIsOwner, "LocalIsOwner", "owner_conflicts"),
        (
            Reason::ZeroAddrCount,
            "ZeroAddrCount",
            "address_list_errors",
        ),
        (
            Reason::FirstNotLinkLocal { found: FOUND },
            "FirstNotLinkLocal",
            "address_list_errors",
        ),
        (Reason::ZeroInterval, "ZeroInterval", "adv_interval_errors"),
        (
            Reason::UnknownAuthType {
                found: AuthType::new(9),
            },
            "UnknownAuthType",
            "invalid_auth_type",
        ),
        (
            Reason::AuthTypeMismatch {
                found: AuthType::AH,
                expected: AuthType::NONE,
            },
            "AuthTypeMismatch",
            "auth_type_mismatch",
        ),
        (Reason::MissingAh, "MissingAh", "auth_type_mismatch"),
        (Reason::AuthFailure, "AuthFailure", "auth_failures"),
        (
            Reason::AhSpiMismatch { spi: 9 },
            "AhSpiMismatch",
            "auth_failures",
        ),
        (
            Reason::AhReplay { found: 9, last: 9 },
            "AhReplay",
            "auth_failures",
        ),
        (
            Reason::AddressListMismatch { count: 9 },
            "AddressListMismatch",
            "address_list_errors",
        ),
        (
            Reason::IntervalMismatch { found: 9 },
            "IntervalMismatch",
            "adv_interval_errors",
        ),
    ];
    for (reason, name, counter) in rows {
        assert_eq!(reason.name(), name);
        assert_eq!(reason.counter().map(Counter::name), Some(counter), "{name}");
        // Debug begins with the variant's own name: nobody can rename one and forget the other.
        assert!(format!("{reason:?}").starts_with(name), "{name}");
        let discard = Discard {
            vrid: Some(51),
            reason,
        };
        assert_eq!(discard.to_string(), format!("VRID 51: {reason}"));
        let router = ["checksum_errors", "version_errors", "vrid_errors"].contains(&counter);
        assert_eq!(
            reason.counter().is_some_and(Counter::is_router_wide),
            router,
            "{name}"
        );
    }
    let foreign = Reason::NotVrrp { protocol: 103 };
    assert_eq!((foreign.name(), foreign.counter()), ("NotVrrp", None));
}

#[test]
fn each_warning_moves_its_counter() {
    for (warning, name, counter) in [
        (Warning::LocalIsOwner, "LocalIsOwner", "owner_conflicts"),
        (
            Warning::FirstNotLinkLocal,
            "FirstNotLinkLocal",
            "address_list_errors",
        ),
        (
            Warning::AddressListMismatch,
            "AddressListMismatch",
            "address_list_errors",
        ),
        (
            Warning::IntervalMismatch,
            "IntervalMismatch",
            "adv_interval_errors",
        ),
    ] {
        assert_eq!((warning.name(), warning.counter().name()), (name, counter));
        assert_eq!(format!("{warning:?}"), name);
    }
}

/// A parse error keeps its name, its numbers and its VRID when it becomes a reason.
#[test]
fn parse_errors_become_reasons() {
    let family = vrrp_proto::Family::V6;
    for (error, reason, vrid) in [
        (
            ParseError::ShortPacket {
                have: 7,
                vrid: Some(9),
            },
            Reason::ShortPacket { have: 7 },
            Some(9),
        ),
        (
            ParseError::ShortPacket {
                have: 1,
                vrid: None,
            },
            Reason::ShortPacket { have: 1 },
            None,
        ),
        (ParseError::Carp { vhid: 9 }, Reason::Carp, None),
        (
            ParseError::BadVersion {
                vrid: 9,
                version: 2,
                family,
            },
            Reason::BadVersion { found: 2 },
            Some(9),
        ),
        (
            ParseError::BadType { vrid: 9, kind: 2 },
            Reason::BadType { found: 2 },
            Some(9),
        ),
        (
            ParseError::Truncated {
                vrid: 9,
                need: 12,
                have: 8,
            },
            Reason::Truncated { need: 12, have: 8 },
            Some(9),
        ),
        (
            ParseError::TrailingBytes { vrid: 9, extra: 4 },
            Reason::TrailingBytes { extra: 4 },
            Some(9),
        ),
    ] {
        assert_eq!(Discard::from(error), Discard { vrid, reason });
        assert_eq!(error.vrid(), vrid);
        assert!(!error.to_string().is_empty());
    }
}

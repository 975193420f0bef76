//! VRRPv2's password and Authentication Header (RFC 2338), and `auth_hmac`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use core::net::IpAddr;
use core::time::Duration;

use common::{
    ENDS, ENDS_V6, MULTICAST_V6, SOURCE, advert, emit, hear, router, v2, v3, v6, verdict,
};
use vrrp_proto::{
    AH_LEN, Advert, AhPolicy, AhTtl, AntiReplay, AuthPolicy, Authentication, ChecksumCoverage,
    Covered, Datagram, Endpoints, Expected, HmacMode, HmacPolicy, Key, KeyError, Mark, PROTOCOL_AH,
    Packet, Password, Reason, Sequence, Signer, TRAILER_LEN, Trailer, Version, auth_header,
    receive,
};

const V2: Version = Version::V2;

fn with_password(text: &[u8]) -> Vec<u8> {
    let authentication = Authentication::Simple(Password::new(text));
    let advert = Advert {
        authentication,
        ..advert(V2)
    };
    emit(&advert, &ENDS, ChecksumCoverage::Message)
}

//= R2338-5.3.6-01 test
//= R2338-5.3.6-02 test
//= R2338-5.3.6-03 test
//= R3768-5.3.6-01 test
//= R3768-7.1-07 test
#[test]
fn auth_type() {
    let none = Expected {
        auth: AuthPolicy::None,
        ..router(V2)
    };
    let simple = AuthPolicy::Simple(Password::new(b"secret"));
    let simple = Expected {
        auth: simple,
        ..router(V2)
    };
    for (message, unauthenticated, authenticated) in [
        (v2(), "accepted", "AuthTypeMismatch"),
        (with_password(b"secret"), "AuthTypeMismatch", "accepted"),
        (with_password(b"Secret"), "AuthTypeMismatch", "AuthFailure"),
        (
            common::with(v2(), |m| m[4] = 2),
            "AuthTypeMismatch",
            "AuthTypeMismatch",
        ),
        (
            common::with(v2(), |m| m[4] = 3),
            "UnknownAuthType",
            "UnknownAuthType",
        ),
        (
            common::with(v2(), |m| m[4] = 254),
            "UnknownAuthType",
            "UnknownAuthType",
        ),
        // The data of type 0 is ignored.
        (
            common::with(v2(), |m| m[20..].fill(7)),
            "accepted",
            "AuthTypeMismatch",
        ),
    ] {
        assert_eq!(verdict(&message, &none), unauthenticated);
        assert_eq!(verdict(&message, &simple), authenticated);
        assert_eq!(
            verdict(&message, &router(V2)),
            "accepted",
            "where it is not looked at"
        );
    }
    // VRRPv3 has no authentication; a password is not asked of it.
    let v3_router = Expected {
        auth: simple.auth,
        ..router(Version::V3)
    };
    assert_eq!(verdict(&v3(), &v3_router), "accepted");
    let advert = Advert {
        version: Version::V3,
        ..advert(V2)
    };
    let authentication = Authentication::Ah;
    assert!(
        Advert {
            authentication,
            ..advert
        }
        .emit(&ENDS, ChecksumCoverage::Message, &mut [0; 64])
        .is_err()
    );
}

//= R2338-5.3.10-01 test
//= R2338-5.3.10-02 test
//= KA-AUTH-01 test
#[test]
fn all_eight_octets_of_a_password_count() {
    assert_eq!(*Password::new(b"secret").octets(), *b"secret\0\0");
    assert_eq!(*Password::new(b"longer than eight").octets(), *b"longer t");
    let password = Password::new(b"password");
    for bit in 0..64 {
        let mut other = *b"password";
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!password.matches(&other), "bit {bit}");
    }
    assert!(password.matches(b"password"));
    assert!(!Password::new(b"secre").matches(b"secret\0\0"), "a prefix");
    assert!(!Password::new(b"secret").matches(b"secret\0x"), "padding");
    assert!(!format!("{password:?}").contains("pass"), "not shown");
}

/// An IPv4 header as keepalived writes it, for a payload of `len` octets.
fn ip_header(len: usize, ttl: u8) -> Vec<u8> {
    let total = u16::try_from(20 + len).unwrap().to_be_bytes();
    let mut header = vec![
        0x45, 0xc0, total[0], total[1], 0, 9, 0x40, 0, ttl, 51, 0xab, 0xcd,
    ];
    header.extend(SOURCE.octets());
    header.extend(vrrp_proto::GROUP_V4.octets());
    header
}

fn ah_policy(ttl: AhTtl) -> AhPolicy {
    AhPolicy {
        key: Password::new(b"ahkey"),
        ttl,
        last_sequence: None,
    }
}

/// The payload and its IP header.
fn ah_datagram(ttl: AhTtl, sequence: u32) -> (Vec<u8>, Vec<u8>) {
    let advert = Advert {
        authentication: Authentication::Ah,
        ..advert(V2)
    };
    let message = emit(&advert, &ENDS, ChecksumCoverage::Message);
    assert_eq!(message[4], 2);
    assert_eq!(message[20..], [0; 8], "the data stays zero");
    let header = ip_header(AH_LEN + message.len(), 255);
    let ah = auth_header(&ah_policy(ttl).key, ttl, sequence, &header, &message).unwrap();
    (header, [&ah[..], &message].concat())
}

fn hear_ah(header: &[u8], payload: &[u8], policy: AhPolicy) -> Result<Option<u32>, Reason> {
    let datagram = Datagram {
        protocol: PROTOCOL_AH,
        ip_header: header,
        ..Datagram::new(ENDS, 255, payload)
    };
    let expected = Expected {
        auth: AuthPolicy::Ah(policy),
        ..router(V2)
    };
    receive(&datagram, &expected)
        .map(|received| received.ah_sequence)
        .map_err(|discard| discard.reason)
}

//= R2338-5.3.6-05 test
//= R2338-5.3.6-06 test
//= KA-AUTH-02 test
//= KA-AUTH-03 test
//= KA-AUTH-04 test
//= KA-AUTH-05 test
//= KA-AUTH-06 test
#[test]
fn authentication_header() {
    for ttl in [AhTtl::Keep, AhTtl::Zero] {
        let policy = ah_policy(ttl);
        let (header, payload) = ah_datagram(ttl, 6);
        assert_eq!(payload[..4], [112, 4, 0, 0]);
        assert_eq!(payload[4..8], SOURCE.octets(), "the SPI");
        assert_eq!(hear_ah(&header, &payload, policy), Ok(Some(6)));

        // Every octet under the value, and the value.
        for at in (4..AH_LEN).chain([AH_LEN + 1, AH_LEN + 2, payload.len() - 1]) {
            let mut payload = payload.clone();
            payload[at] ^= 1;
            if at > AH_LEN {
                // Its own checksum is no obstacle.
                let message = common::with(payload[AH_LEN..].to_vec(), |_| {});
                payload[AH_LEN..].copy_from_slice(&message);
            }
            let reason = hear_ah(&header, &payload, policy).unwrap_err().name();
            let expected = match at {
                4..8 => "AhSpiMismatch",
                n if n == AH_LEN + 1 => "UnknownVrid",
                _ => "AuthFailure",
            };
            assert_eq!(reason, expected, "octet {at}");
        }
        // The IP header: mutable fields are not covered, the others are.
        for (at, covered) in [
            (1, false),
            (3, true),
            (5, true),
            (6, false),
            (7, false),
            (8, ttl == AhTtl::Keep),
            (9, true),
            (10, false),
            (11, false),
            (12, true),
            (19, true),
        ] {
            let mut header = header.clone();
            header[at] ^= 1;
            assert_eq!(
                hear_ah(&header, &payload, policy).is_err(),
                covered,
                "IP octet {at}"
            );
        }
        assert_eq!(
            hear_ah(&[], &payload, policy),
            Err(Reason::AuthFailure),
            "no IP header"
        );
        let key = Password::new(b"ahkez");
        let other = AhPolicy { key, ..policy };
        assert_eq!(hear_ah(&header, &payload, other), Err(Reason::AuthFailure));
        for (last, verdict) in [
            (5, Ok(Some(6))),
            (6, Err(Reason::AhReplay { found: 6, last: 6 })),
            (7, Err(Reason::AhReplay { found: 6, last: 7 })),
        ] {
            let policy = AhPolicy {
                last_sequence: Some(last),
                ..policy
            };
            assert_eq!(hear_ah(&header, &payload, policy), verdict);
        }
    }
}

#[test]
fn authentication_header_where_none_is_expected_and_the_reverse() {
    let (header, payload) = ah_datagram(AhTtl::Keep, 1);
    let datagram = Datagram {
        protocol: PROTOCOL_AH,
        ip_header: &header,
        ..Datagram::new(ENDS, 255, &payload)
    };
    let reason = |datagram: &Datagram<'_>, auth| {
        let expected = Expected { auth, ..router(V2) };
        receive(datagram, &expected).map_or_else(|d| d.reason.name(), |_| "accepted")
    };
    let simple = AuthPolicy::Simple(Password::new(b"ahkey"));
    let ah = AuthPolicy::Ah(ah_policy(AhTtl::Keep));
    assert_eq!(reason(&datagram, AuthPolicy::None), "AuthTypeMismatch");
    assert_eq!(reason(&datagram, simple), "AuthTypeMismatch");
    assert_eq!(reason(&datagram, AuthPolicy::Any), "accepted");
    let bare = Datagram::new(ENDS, 255, &payload[AH_LEN..]);
    assert_eq!(reason(&bare, ah), "MissingAh");
    assert_eq!(
        reason(&Datagram::new(ENDS, 255, &v2()), ah),
        "AuthTypeMismatch"
    );
    // A message of type 0 behind a header.
    let smuggled = [&payload[..AH_LEN], &v2()].concat();
    let smuggled = Datagram {
        payload: &smuggled,
        ..datagram
    };
    assert_eq!(reason(&smuggled, AuthPolicy::None), "AuthTypeMismatch");
    // Not VRRP's, and too short.
    let udp = [&[17][..], &payload[1..]].concat();
    assert_eq!(
        reason(
            &Datagram {
                payload: &udp,
                ..datagram
            },
            ah
        ),
        "NotVrrp"
    );
    for len in 0..AH_LEN + 8 {
        let short = Datagram {
            payload: &payload[..len],
            ..datagram
        };
        assert_eq!(reason(&short, ah), "ShortPacket", "{len} octets");
    }
    // VRRPv3 knows none.
    let message = [&payload[..AH_LEN], &v3()].concat();
    let expected = Expected {
        auth: AuthPolicy::None,
        ..router(Version::V3)
    };
    let datagram = Datagram {
        payload: &message,
        ..datagram
    };
    let discard = receive(&datagram, &expected).unwrap_err();
    assert_eq!(discard.reason.name(), "AuthTypeMismatch");
    assert!(auth_header(&Password::new(b"x"), AhTtl::Keep, 1, &header[..19], &v2()).is_none());
}

const UTC: Duration = Duration::new(1_778_587_601, 500_000_000);
const TIME: AntiReplay = AntiReplay::Time { window: 5 };

fn key(id: u8) -> Key {
    Key::new(id, &[id; 32]).unwrap()
}

fn signed(message: &[u8], ends: &Endpoints, key: &Key, sequence: Sequence) -> Vec<u8> {
    let trailer = Trailer::sign(key, sequence, ends.source(), message).unwrap();
    let mut buf = message.to_vec();
    buf.extend([0; TRAILER_LEN]);
    assert_eq!(trailer.append(ends, &mut buf, message.len()), Ok(buf.len()));
    buf
}

fn policy<'a>(keys: &'a [Key], marks: &'a [Mark]) -> HmacPolicy<'a> {
    HmacPolicy {
        keys,
        mode: HmacMode::Enforce,
        anti_replay: TIME,
        utc: UTC,
        marks,
    }
}

fn secure(policy: HmacPolicy<'_>) -> Expected<'_> {
    Expected {
        hmac: Some(policy),
        ..router(Version::V3)
    }
}

//= KA-AUTH-08 test
#[test]
fn signatures() {
    let keys = [key(1), key(7)];
    let now = Sequence::at(UTC);
    let good = signed(&v3(), &ENDS, &keys[1], now);
    assert_eq!(good.len(), v3().len() + TRAILER_LEN);
    let received = hear(&good, &secure(policy(&keys, &[]))).unwrap();
    let signature = received.signature.unwrap();
    assert_eq!(
        (signature.key_id, signature.sequence, signature.skew),
        (7, now, 0)
    );
    assert_eq!(
        received.covered,
        Covered::Message,
        "over IPv4 the trailer is not summed"
    );

    // Over IPv6 it is.
    let good_v6 = signed(&v6(), &ENDS_V6, &keys[0], now);
    let expected = Expected {
        hmac: Some(policy(&keys, &[])),
        ..Expected::anything(MULTICAST_V6)
    };
    assert!(hear(&good_v6, &expected).unwrap().signature.is_some());
    let unsummed = [&v6()[..], &good_v6[v6().len()..]].concat();
    assert_eq!(verdict(&unsummed, &expected), "BadChecksum");

    // VRRPv2: the trailer follows the authentication data.
    let expected = Expected {
        hmac: Some(policy(&keys, &[])),
        ..router(V2)
    };
    assert_eq!(
        verdict(&signed(&v2(), &ENDS, &keys[0], now), &expected),
        "accepted"
    );

    // Each bit of message and trailer but those of the checksum is covered.
    let expected = secure(policy(&keys, &[]));
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if bit / 8 < v3().len() {
            let len = v3().len();
            bad = [&common::with(bad[..len].to_vec(), |_| {})[..], &bad[len..]].concat();
        }
        if bit / 8 != 6 && bit / 8 != 7 {
            assert_ne!(verdict(&bad, &expected), "accepted", "bit {bit}");
        }
    }
    // The sender's address is covered, the destination is not.
    let elsewhere = Endpoints::V4 {
        source: [192, 0, 2, 3].into(),
        destination: vrrp_proto::GROUP_V4,
    };
    let discard = receive(&Datagram::new(elsewhere, 255, &good), &expected).unwrap_err();
    assert_eq!(discard.reason, Reason::AuthExtInvalid);
    // Where no signature is expected, it is too much.
    assert_eq!(verdict(&good, &router(Version::V3)), "TrailingBytes");
    // Any other surplus is no trailer.
    for extra in [1, 27, 29, 56] {
        let message = [v3(), vec![0; extra]].concat();
        assert_eq!(verdict(&message, &expected), "TrailingBytes");
    }
}

#[test]
fn signature_checks_in_their_order() {
    let keys = [key(7)];
    let now = Sequence::at(UTC);
    let mut marks = [Mark::default(); 4];
    Mark::record(&mut marks, IpAddr::V4(SOURCE), now);
    let expected = secure(policy(&keys, &marks));
    let mut message = signed(&v3(), &ENDS, &keys[0], now);
    let trailer = v3().len();
    assert_eq!(verdict(&message, &expected), "AuthExtReplay");
    message[trailer + 27] ^= 1;
    assert_eq!(verdict(&message, &expected), "AuthExtInvalid");
    message[trailer + 1] = 8;
    assert_eq!(verdict(&message, &expected), "AuthExtUnknownKey");
    message[trailer + 4] ^= 1;
    assert_eq!(verdict(&message, &expected), "AuthExtStale");
    message[trailer + 3] = 1;
    assert_eq!(verdict(&message, &expected), "AuthExtMalformed");
    message[trailer] = 2;
    assert_eq!(verdict(&message, &expected), "AuthExtMalformed");
    message[7] ^= 1;
    assert_eq!(verdict(&message, &expected), "BadChecksum");
    assert_eq!(verdict(&v3(), &expected), "AuthExtMissing");
}

#[test]
fn modes() {
    let keys = [key(7)];
    let mut bad = signed(&v3(), &ENDS, &keys[0], Sequence::at(UTC));
    *bad.last_mut().unwrap() ^= 1;
    for (mode, signs, unsigned) in [
        (HmacMode::Enforce, true, "AuthExtMissing"),
        (HmacMode::Permissive, true, "accepted"),
        (HmacMode::ReceiveOnly, false, "accepted"),
    ] {
        assert_eq!(mode.signs(), signs);
        let expected = secure(HmacPolicy {
            mode,
            ..policy(&keys, &[])
        });
        assert_eq!(verdict(&v3(), &expected), unsigned);
        assert_eq!(verdict(&bad, &expected), "AuthExtInvalid", "in every mode");
        // A sniffer has no key, and cannot judge.
        let expected = secure(HmacPolicy {
            mode,
            ..policy(&[], &[])
        });
        let without = if mode.requires() {
            "AuthExtUnknownKey"
        } else {
            "accepted"
        };
        assert_eq!(verdict(&bad, &expected), without);
    }
}

#[test]
fn time_window() {
    let keys = [key(7)];
    let expected = secure(policy(&keys, &[]));
    for (seconds, verdict_in_time) in [
        (-6, "AuthExtStale"),
        (-5, "accepted"),
        (0, "accepted"),
        (5, "accepted"),
        (6, "AuthExtStale"),
    ] {
        let at = UTC.as_secs().checked_add_signed(seconds).unwrap();
        let sequence = Sequence::at(Duration::from_secs(at));
        let message = signed(&v3(), &ENDS, &keys[0], sequence);
        assert_eq!(verdict(&message, &expected), verdict_in_time, "{seconds} s");
        let monotonic = HmacPolicy {
            anti_replay: AntiReplay::Monotonic,
            ..policy(&keys, &[])
        };
        let monotonic = secure(monotonic);
        let received = hear(&message, &monotonic).unwrap();
        assert_eq!(i64::from(received.signature.unwrap().skew), -seconds);
    }
}

#[test]
fn replays() {
    let keys = [key(7)];
    let source = IpAddr::V4(SOURCE);
    let now = Sequence::at(UTC);
    let verdict_of = |sequence, last, anti_replay| {
        let mut marks = [Mark::default(); 4];
        Mark::record(&mut marks, source, last);
        let policy = HmacPolicy {
            anti_replay,
            ..policy(&keys, &marks)
        };
        verdict(&signed(&v3(), &ENDS, &keys[0], sequence), &secure(policy))
    };
    let after = Sequence::new(now.get() + 1);
    let seconds = |n: i64| Sequence::new(now.get().wrapping_add_signed(n << 32));
    for anti_replay in [TIME, AntiReplay::Monotonic] {
        assert_eq!(verdict_of(after, now, anti_replay), "accepted");
        assert_eq!(verdict_of(now, now, anti_replay), "AuthExtReplay");
        assert_eq!(verdict_of(now, after, anti_replay), "AuthExtReplay");
        assert_eq!(verdict_of(now, seconds(-100), anti_replay), "accepted");
        assert_eq!(verdict_of(now, seconds(5), anti_replay), "AuthExtReplay");
    }
    // A clock was set back: the mark from the future binds nobody in time mode.
    assert_eq!(verdict_of(now, seconds(6), TIME), "accepted");
    assert_eq!(
        verdict_of(now, seconds(6), AntiReplay::Monotonic),
        "AuthExtReplay"
    );
}

#[test]
fn the_four_most_recently_used_sources_are_remembered() {
    let source = |n| IpAddr::from([10, 0, 0, n]);
    let (keys, now) = ([key(7)], Sequence::at(UTC));
    let mut marks = [Mark::default(); 4];
    for n in 1..=4 {
        Mark::record(&mut marks, source(n), now);
    }
    Mark::record(&mut marks, source(1), now);
    Mark::record(&mut marks, source(5), now);
    let replayed = |n| {
        let IpAddr::V4(source) = source(n) else {
            unreachable!()
        };
        let ends = Endpoints::V4 {
            source,
            destination: vrrp_proto::GROUP_V4,
        };
        let message = signed(&v3(), &ends, &keys[0], now);
        receive(
            &Datagram::new(ends, 255, &message),
            &secure(policy(&keys, &marks)),
        )
        .is_err()
    };
    assert_eq!(
        [1, 2, 3, 4, 5, 6].map(replayed),
        [true, false, true, true, true, false]
    );
    Mark::record(&mut [], source(1), now);
}

#[test]
fn a_sender_never_goes_back() {
    let mut signer = Signer::default();
    let mut next = |anti_replay, utc| signer.next(anti_replay, utc).get();
    let at = |utc| Sequence::at(utc).get();
    let second = Duration::from_secs(1);
    assert_eq!(next(TIME, UTC), at(UTC));
    assert_eq!(next(TIME, UTC), at(UTC) + 1, "twice in one tick");
    assert_eq!(next(TIME, UTC + second), at(UTC + second));
    assert_eq!(
        next(TIME, UTC),
        at(UTC + second) + 1,
        "the clock was set back a little"
    );
    assert_eq!(next(TIME, UTC - 4 * second), at(UTC + second) + 2);
    assert_eq!(
        next(TIME, UTC - 5 * second),
        at(UTC - 5 * second),
        "by more than the window"
    );
    assert_eq!(
        next(AntiReplay::Monotonic, UTC - 999 * second),
        at(UTC - 5 * second) + 1
    );
    // The year 2106.
    let wrap = Duration::from_secs(1 << 32);
    let mut signer = Signer::default();
    let last = signer.next(TIME, wrap - second);
    let first = signer.next(TIME, wrap);
    assert_eq!(first.seconds(), 0);
    assert!(first.is_after(last));
    let sequence = Sequence::at(Duration::new(9, 999_999_999));
    assert_eq!(
        (sequence.seconds(), sequence.fraction(), sequence.counter()),
        (9, 65_535, 0)
    );
}

#[test]
fn keys() {
    assert_eq!(Key::new(0, &[1; 32]), Err(KeyError::Id));
    for have in [0, 31, 65] {
        assert_eq!(Key::new(1, &vec![1; have]), Err(KeyError::Length { have }));
    }
    for have in [32, 64] {
        assert_eq!(Key::new(255, &vec![1; have]).unwrap().id(), 255);
    }
    assert_ne!(key(1), key(2));
    assert_ne!(Key::new(1, &[0; 32]), Key::new(1, &[0; 33]));
    assert_eq!(format!("{:?}", key(1)), "Key { id: 1, .. }");
    // A message that has no header cannot be signed; a buffer may be too short.
    let (key, now) = (key(1), Sequence::at(UTC));
    assert!(Trailer::sign(&key, now, IpAddr::V4(SOURCE), &[0; 7]).is_err());
    let trailer = Trailer::sign(&key, now, IpAddr::V4(SOURCE), &v3()).unwrap();
    assert!(trailer.append(&ENDS, &mut [0; 40], v3().len()).is_err());
    let bytes = signed(&v3(), &ENDS, &key, now);
    let packet = Packet::parse_signed(&bytes, ENDS.family()).unwrap();
    assert_eq!(Trailer::new(*packet.trailer().unwrap()), trailer);
    assert_eq!(packet.message(), v3());
}

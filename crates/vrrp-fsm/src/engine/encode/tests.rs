use alloc::vec::Vec;

use super::*;
use crate::config::RouterOptions;
use crate::engine::tests::{message, *};
use crate::{Command, Input, Instant, Role};
use vrrp_proto::{
    AntiReplay, ChecksumPolicy, Datagram, HmacMode, Key, PROTOCOL, PROTOCOL_AH, Password, Peer,
    Priority, Reason, TRAILER_LEN, Trailer, Version,
};

const fn any(address: IpAddr) -> Peer {
    Peer {
        address,
        min_ttl: 0,
        max_ttl: 255,
    }
}

fn v2(auth: Auth) -> RouterOptions {
    RouterOptions {
        version: Version::V2,
        auth,
        ..options(1)
    }
}

fn hmac(mode: HmacMode) -> Auth {
    Auth::Hmac(alloc::boxed::Box::new(crate::HmacOptions {
        keys: [Key::new(3, &[7; 32]).unwrap()].into(),
        active_key: 3,
        mode,
        anti_replay: AntiReplay::Time { window: 5 },
    }))
}

/// The last advert that an engine wants sent.
fn last_advert(commands: &[Command]) -> Advertisement {
    let mut adverts = commands.iter().filter_map(|command| match command {
        Command::Advertise(advertisement) => Some(*advertisement),
        _ => None,
    });
    adverts.next_back().unwrap()
}

/// An engine that was Active for a while, and its last advert.
fn sender(options: RouterOptions) -> (Engine, Advertisement) {
    let mut engine = ready(config([(R1, options)]));
    engine.handle(
        ms(0),
        Input::WallClock(core::time::Duration::from_secs(1_700_000_000)),
    );
    engine.handle(ms(0), Input::Startup);
    commands(&mut engine);
    let seen: Vec<_> = run(&mut engine, ms(6_000))
        .into_iter()
        .map(|(_, command)| command)
        .collect();
    let advertisement = last_advert(&seen);
    (engine, advertisement)
}

fn encoded(engine: &Engine, advertisement: &Advertisement, to: IpAddr) -> (Endpoints, Vec<u8>) {
    let mut buf = [0xa5; 512];
    let (ends, len) = engine.encode_advert(advertisement, to, &mut buf).unwrap();
    assert!(
        buf[len..].iter().all(|octet| *octet == 0xa5),
        "not a octet more"
    );
    (ends, buf[..len].into())
}

/// Gives an encoded advert, as `from` sends it, to another engine of the same configuration.
fn deliver(
    to: &mut Engine,
    now: Instant,
    ends: Endpoints,
    protocol: u8,
    ip: &[u8],
    payload: &[u8],
) {
    let datagram = Datagram {
        ends,
        hop_limit: 255,
        protocol,
        ip_header: ip,
        payload,
    };
    to.handle(
        now,
        Input::Datagram {
            iface: ETH0,
            arrived: now,
            datagram,
        },
    );
}

/// The same configuration at another address.
fn receiver(options: RouterOptions) -> Engine {
    let mut engine = ready(config([(
        R1,
        RouterOptions {
            source: Some(PEER),
            ..options
        },
    )]));
    engine.handle(
        ms(0),
        Input::WallClock(core::time::Duration::from_secs(1_700_000_000)),
    );
    engine.handle(ms(0), Input::Startup);
    engine
}

fn heard(engine: &Engine) -> u64 {
    engine.snapshot(R1).unwrap().stats.adverts_rcvd
}

//= R3768-5.3.7-01 test
#[test]
fn simple_password_and_none_in_v2() {
    for auth in [Auth::None, Auth::Simple(Password::new(b"secret"))] {
        let (engine, advertisement) = sender(v2(auth.clone()));
        let group = engine.destinations(R1).next().unwrap();
        let (ends, octets) = encoded(&engine, &advertisement, group);
        assert_eq!((octets.len(), octets[0], octets[5]), (20, 0x21, 1));
        let mut other = receiver(v2(auth));
        deliver(&mut other, ms(6_000), ends, PROTOCOL, &[], &octets);
        assert_eq!(heard(&other), 1);
    }
}

/// Both forms; in unicast the real destination is under the checksum, copy by copy.
//= KA-CSUM-03 test
//= KA-UNI-01 test
//= R9568-5.2.8-01 test
//= R9568-5.2.8-03 test
#[test]
fn both_checksum_forms_and_a_copy_for_each_peer() {
    let peers = [PEER, addr(4)].map(any);
    let destination = Destination::Unicast {
        peers: peers.into(),
        check_source: false,
    };
    for checksum in [ChecksumCoverage::Message, ChecksumCoverage::PseudoHeader] {
        let destination = destination.clone();
        let (engine, advertisement) = sender(RouterOptions {
            checksum,
            destination,
            ..options(1)
        });
        let copies: Vec<_> = engine
            .destinations(R1)
            .map(|to| encoded(&engine, &advertisement, to))
            .inspect(|(ends, octets)| {
                let packet = vrrp_proto::Packet::parse(octets, ends.family()).unwrap();
                assert_eq!(packet.verify(ends).unwrap().only(), Some(checksum));
            })
            .collect();
        assert_eq!(copies.len(), 2);
        let same = copies[0].1 == copies[1].1;
        assert_eq!(same, checksum == ChecksumCoverage::Message);
    }
}

//= KA-CSUM-04 test
#[test]
fn a_peer_of_old_is_found_out_and_spoken_to_in_its_way() {
    let unicast = |peer| Destination::Unicast {
        peers: [any(peer)].into(),
        check_source: false,
    };
    let old = RouterOptions {
        checksum: ChecksumCoverage::PseudoHeader,
        old_unicast_checksum: true,
        destination: unicast(PEER),
        ..options(1)
    };
    let (engine, advertisement) = sender(old.clone());
    let (ends, octets) = encoded(&engine, &advertisement, PEER);
    let modern = RouterOptions {
        old_unicast_checksum: false,
        destination: unicast(OURS),
        accepted_checksum: ChecksumPolicy::OldUnicast,
        ..old
    };
    let mut other = receiver(modern.clone());
    deliver(&mut other, ms(1), ends, PROTOCOL, &[], &octets);
    let report = crate::Report::OldChecksum { source: OURS };
    assert!(said(&mut other).contains(&report));
    let seen = run(&mut other, ms(9_000))
        .into_iter()
        .map(|(_, command)| command);
    let answer = last_advert(&seen.collect::<Vec<_>>());
    let (ends, octets) = encoded(&other, &answer, OURS);
    let packet = vrrp_proto::Packet::parse(&octets, ends.family()).unwrap();
    let group = Endpoints::new(PEER, GROUP_V4.into()).unwrap();
    assert!(packet.verify(&ends).is_err() && packet.verify(&group).is_ok());
    // `never`: such a packet is wrong.
    let mut never = receiver(RouterOptions {
        accepted_checksum: ChecksumPolicy::Either,
        ..modern
    });
    let (ends, octets) = encoded(&engine, &advertisement, PEER);
    deliver(&mut never, ms(1), ends, PROTOCOL, &[], &octets);
    assert_eq!((heard(&never), never.stats().checksum_errors), (0, 1));
}

fn ip_header(ends: &Endpoints, total: usize, protocol: u8) -> [u8; 20] {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (ends.source(), ends.destination()) else {
        panic!()
    };
    let [s0, s1, s2, s3] = source.octets();
    let [d0, d1, d2, d3] = destination.octets();
    let [l0, l1] = u16::try_from(total).unwrap().to_be_bytes();
    [
        0x45, 0xc0, l0, l1, 0x12, 0x34, 0, 0, 255, protocol, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3,
    ]
}

/// One counter per virtual router: who takes over goes on where the other stopped.
//= KA-AUTH-05 test
//= KA-AUTH-02 test
//= R2338-5.3.6-05 test
#[test]
fn authentication_headers_count_across_a_takeover() {
    let key = Password::new(b"ahkey");
    let (engine, advertisement) = sender(v2(Auth::Ah(key)));
    assert_eq!(
        advertisement.sequence, 3,
        "on becoming Active, at 4.6 s and at 5.6 s"
    );
    let (ends, message) = encoded(&engine, &advertisement, GROUP_V4.into());
    let ip = ip_header(&ends, 20 + 24 + message.len(), PROTOCOL_AH);
    let ah = engine.auth_header(&advertisement, &ip, &message).unwrap();
    let payload = [&ah[..], &message].concat();

    let mut other = receiver(v2(Auth::Ah(key)));
    deliver(&mut other, ms(1), ends, PROTOCOL_AH, &ip, &payload);
    deliver(&mut other, ms(2), ends, PROTOCOL_AH, &ip, &payload);
    let stats = other.snapshot(R1).unwrap().stats;
    assert_eq!(
        (stats.adverts_rcvd, stats.auth_failures),
        (1, 1),
        "the second is a replay"
    );
    let seen = run(&mut other, ms(9_000))
        .into_iter()
        .map(|(_, command)| command);
    let commands: Vec<_> = seen.collect();
    let first = commands.iter().find_map(|command| match command {
        Command::Advertise(advertisement) => Some(advertisement.sequence),
        _ => None,
    });
    assert_eq!(first, Some(4));
    let (plain, advertisement) = sender(v2(Auth::None));
    assert_eq!(plain.auth_header(&advertisement, &ip, &message), None);
}

//= KA-AUTH-08 test
//= STA-25 test
#[test]
fn signed_adverts_verify_and_bind_the_clock_and_the_sequence() {
    let signed = |mode| RouterOptions {
        auth: hmac(mode),
        ..options(1)
    };
    let (engine, advertisement) = sender(signed(HmacMode::Enforce));
    let (ends, octets) = encoded(&engine, &advertisement, GROUP_V4.into());
    assert_eq!(octets.len(), 12 + TRAILER_LEN);
    let mut other = receiver(signed(HmacMode::Enforce));
    let now = ms(6_000);
    let mut give = |octets: &[u8], now| {
        deliver(&mut other, now, ends, PROTOCOL, &[], octets);
        other.snapshot(R1).unwrap().stats
    };
    assert_eq!(give(&octets, now).adverts_rcvd, 1);
    assert_eq!(give(&octets, now).auth_ext_replay, 1);
    let mut forged = octets.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(give(&forged, now).auth_ext_invalid_hmac, 1);
    let mut kind = octets.clone();
    kind[12] = 2;
    assert_eq!(give(&kind, now).auth_ext_malformed, 1);
    let mut key = octets.clone();
    key[13] = 9;
    assert_eq!(give(&key, now).auth_ext_unknown_key, 1);
    assert_eq!(give(&octets[..12], now).auth_ext_missing, 1);
    let stats = give(&octets, ms(60_000));
    assert_eq!((stats.auth_ext_stale, stats.adverts_rcvd), (1, 1));
    assert_eq!(other.snapshot(R1).unwrap().role, Role::Backup);
}

/// The order of introduction: nobody signs, all sign, all must.
//= KA-AUTH-08 test
#[test]
fn modes_of_introduction() {
    let router = |auth| RouterOptions { auth, ..options(1) };
    let cases = [
        (HmacMode::ReceiveOnly, false, true),
        (HmacMode::Permissive, true, true),
        (HmacMode::Enforce, true, false),
    ];
    let (plain, advertisement) = sender(router(Auth::None));
    let (ends, unsigned) = encoded(&plain, &advertisement, GROUP_V4.into());
    for (mode, signs, accepts) in cases {
        let (engine, advertisement) = sender(router(hmac(mode)));
        let (_, octets) = encoded(&engine, &advertisement, GROUP_V4.into());
        assert_eq!(octets.len() > 12, signs, "{mode:?}");
        let mut other = receiver(router(hmac(mode)));
        deliver(&mut other, ms(6_000), ends, PROTOCOL, &[], &unsigned);
        assert_eq!(heard(&other) == 1, accepts, "{mode:?}");
    }
    // Without `auth_hmac`, a signature is too much.
    let (engine, advertisement) = sender(router(hmac(HmacMode::Enforce)));
    let (_, octets) = encoded(&engine, &advertisement, GROUP_V4.into());
    let mut other = receiver(router(Auth::None));
    deliver(&mut other, ms(6_000), ends, PROTOCOL, &[], &octets);
    let reason = Reason::TrailingBytes { extra: TRAILER_LEN };
    assert!(said(&mut other).contains(&crate::Report::Refused {
        source: OURS,
        reason
    }));
    assert!(Trailer::new([0; TRAILER_LEN]).kind() == 0);
}

/// Two adverts of one moment have two numbers: a relinquish is never a replay.
#[test]
fn every_advert_has_its_own_number() {
    let signed = RouterOptions {
        auth: hmac(HmacMode::Enforce),
        ..options(1)
    };
    let (mut engine, before) = sender(signed);
    engine.handle(ms(6_000), Input::Drain(crate::Scope::All));
    engine.handle(ms(6_000), Input::Shutdown);
    let numbers: Vec<_> = commands(&mut engine)
        .into_iter()
        .filter_map(|command| match command {
            Command::Advertise(Advertisement {
                priority, sequence, ..
            }) => Some((priority, sequence)),
            _ => None,
        })
        .collect();
    assert_eq!(numbers[0].0, Priority::new(1));
    assert_eq!(numbers[1].0, Priority::RELINQUISH);
    assert!(before.sequence < numbers[0].1 && numbers[0].1 < numbers[1].1);
}

//= R9568-7.2-01 test
//= R9568-7.2-03 test
#[test]
fn the_configuration_and_the_address_of_the_moment_count() {
    let (mut engine, advertisement) = sender(options(1));
    let address = Some(addr(77));
    let primary = Input::Primary {
        iface: ETH0,
        family: vrrp_proto::Family::V4,
        address,
    };
    engine.handle(ms(6_000), primary);
    let (ends, _) = encoded(&engine, &advertisement, GROUP_V4.into());
    assert_eq!(ends.source(), addr(77));
    // So does the next comparison: 78 beats 77, 76 does not.
    hear(&mut engine, ms(6_000), addr(76), &message(1, 100));
    assert_eq!(role(&engine, R1), Role::Active);
    hear(&mut engine, ms(6_000), addr(78), &message(1, 100));
    assert_eq!(role(&engine, R1), Role::Backup);
    let unknown = Advertisement {
        router: R2,
        ..advertisement
    };
    let error = engine.encode_advert(&unknown, PEER, &mut [0; 64]);
    assert_eq!(error, Err(EncodeError::UnknownRouter(R2)));
    let six = "ff02::12".parse().unwrap();
    let error = engine.encode_advert(&advertisement, six, &mut [0; 64]);
    assert_eq!(error, Err(EncodeError::Destination(six)));
}

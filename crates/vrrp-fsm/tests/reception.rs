//! Whole datagrams into an engine: what is counted, what is reported, and that nothing else moves.
//!
//! The vectors are vrrp-proto's, which lie beside this crate in the repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write,
    reason = "a test may panic"
)]

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::{fs, io};

use serde_json::Value;
use vrrp_fsm::{
    Auth, Command, Destination, Engine, EngineConfig, EngineReport, IfaceId, Input, Instant,
    Notice, Report, Role, RouterId, RouterOptions, Saved, SavedRole, SavedRouter, Snapshot, Stats,
};
use vrrp_proto::{
    AdvertInterval, ChecksumCoverage, ChecksumPolicy, Datagram, Endpoints, Family, OwnerPolicy,
    PROTOCOL_AH, Password, Peer, Priority, Profile, Reason, Version, Vrid,
};

const ETH0: IfaceId = IfaceId(1);
const R: RouterId = RouterId(1);

fn hex(text: &str) -> Vec<u8> {
    let nibble = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(nibble).collect()
}

fn ip(value: &Value) -> IpAddr {
    value.as_str().unwrap().parse().unwrap()
}

/// One packet of the vectors.
struct Packet {
    name: String,
    value: Value,
    ends: Endpoints,
    hop_limit: u8,
    protocol: u8,
    ip_header: Vec<u8>,
    payload: Vec<u8>,
}

impl Packet {
    fn read(value: &Value) -> Self {
        let number = |member: &str| u8::try_from(value[member].as_u64().unwrap()).unwrap();
        Self {
            name: value["name"].as_str().unwrap().into(),
            ends: Endpoints::new(ip(&value["src"]), ip(&value["dst"])).unwrap(),
            hop_limit: number("ttl"),
            protocol: number("proto"),
            ip_header: value["ip_header_hex"].as_str().map(hex).unwrap_or_default(),
            payload: hex(value["payload_hex"].as_str().unwrap()),
            value: value.clone(),
        }
    }

    fn datagram(&self) -> Datagram<'_> {
        Datagram {
            ends: self.ends,
            hop_limit: self.hop_limit,
            protocol: self.protocol,
            ip_header: &self.ip_header,
            payload: &self.payload,
        }
    }

    /// A virtual router for which this packet is judged as the vector says.
    fn router(&self) -> RouterOptions {
        let (config, expect) = (&self.value["config"], &self.value["expect"]);
        let family = self.ends.family();
        let message = match self.protocol {
            PROTOCOL_AH => self.payload.get(24..).unwrap_or_default(),
            _ => &self.payload,
        };
        let said = message.first().map_or(3, |first| u64::from(first >> 4));
        let version = match config["version"].as_u64().unwrap_or(said) {
            2 if family == Family::V4 => Version::V2,
            _ => Version::V3,
        };
        let vrid = config["vrid"]
            .as_u64()
            .or_else(|| expect["vrid"].as_u64())
            .unwrap_or(51);
        let vrid = Vrid::new(u8::try_from(vrid).unwrap()).unwrap();
        let seconds = expect["adver_int_s"].as_u64().map(|secs| secs * 100);
        let centis = match (config["interval"].as_u64(), version) {
            (Some(secs), Version::V2) => secs * 100,
            (Some(centis), Version::V3) => centis,
            (None, _) => expect["max_adver_int_cs"]
                .as_u64()
                .or(seconds)
                .unwrap_or(100),
        };
        let interval = AdvertInterval::from_centis(u16::try_from(centis).unwrap()).unwrap();
        let addresses = config["addresses"]
            .as_array()
            .or_else(|| expect["addresses"].as_array());
        let addresses: Vec<IpAddr> = match (addresses, family) {
            (Some(list), _) => list.iter().map(ip).collect(),
            (None, Family::V4) => vec!["192.0.2.254".parse().unwrap()],
            (None, Family::V6) => vec!["fe80::100".parse().unwrap()],
        };
        let password = Password::new(&hex(config["auth_data_hex"].as_str().unwrap_or_default()));
        let primary = match family {
            Family::V4 => "192.0.2.2".parse().unwrap(),
            Family::V6 => "fe80::2".parse().unwrap(),
        };
        let primary = config["primary"]
            .as_str()
            .map_or(primary, |text| text.parse().unwrap());
        RouterOptions {
            version,
            interval,
            profile: Profile::Rfc,
            priority: Priority::new(
                u8::try_from(config["priority"].as_u64().unwrap_or(100)).unwrap(),
            ),
            owner_waits: true,
            source: Some(primary),
            destination: match config["mode"].as_str() {
                Some("unicast") => Destination::Unicast {
                    peers: vec![Peer {
                        address: self.ends.source(),
                        min_ttl: 0,
                        max_ttl: 255,
                    }],
                    check_source: false,
                },
                _ => Destination::Multicast(family.group()),
            },
            accepted_checksum: match config["ipv4_checksum"].as_str() {
                Some("pseudo") => ChecksumPolicy::Only(ChecksumCoverage::PseudoHeader),
                Some("plain") => ChecksumPolicy::Only(ChecksumCoverage::Message),
                _ => ChecksumPolicy::Either,
            },
            auth: match config["auth_type"].as_u64() {
                Some(1) => Auth::Simple(password),
                Some(2) => Auth::Ah(password),
                _ => Auth::None,
            },
            owner_policy: match config["owner_policy"].as_str() {
                Some("published") => OwnerPolicy::Discard,
                _ => OwnerPolicy::Process,
            },
            ..RouterOptions::rfc(ETH0, family, vrid)
        }
        .with_addresses(addresses)
    }

    /// An engine with that router, Backup or Active.
    fn engine(&self, role: Role) -> Engine {
        let router = self.router();
        let config = EngineConfig {
            routers: [(R, router.clone().try_into().unwrap())].into(),
            ..EngineConfig::default()
        };
        let mut engine = Engine::new(config);
        engine.handle(
            Instant::ZERO,
            Input::Link {
                iface: ETH0,
                up: true,
            },
        );
        let later = Instant::from_nanos(1_000_000_000);
        let saved = SavedRouter {
            router: R,
            role: match role {
                Role::Active => SavedRole::Active { adver: later },
                Role::Backup | Role::Initialize => SavedRole::Backup {
                    active_down: later,
                    active_adver_interval: router.interval,
                },
            },
            drained: false,
            last_active: None,
            sequence: self.value["config"]["ah_last_seq"].as_u64().unwrap_or(0),
            stats: Stats::default(),
        };
        let saved = Saved {
            at: Instant::ZERO,
            routers: vec![saved],
        };
        engine.handle(Instant::ZERO, Input::Resume(&saved));
        while engine.poll_command().is_some() {}
        assert_eq!(engine.snapshot(R).unwrap().role, role, "{}", self.name);
        engine
    }

    fn arrive(&self, engine: &mut Engine) {
        let arrived = Instant::from_nanos(1_000);
        engine.handle(
            arrived,
            Input::Datagram {
                iface: ETH0,
                arrived,
                datagram: self.datagram(),
            },
        );
    }
}

/// Every counter by its name: those of the router, and those that only the engine has moved.
fn counters(engine: &Engine) -> BTreeMap<String, u64> {
    let of = |value: Value| {
        let members = value.as_object().unwrap().clone();
        members
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_u64()?)))
    };
    let stats = engine.snapshot(R).unwrap().stats;
    let mut all: BTreeMap<_, _> = of(serde_json::to_value(stats).unwrap()).collect();
    for (name, value) in of(serde_json::to_value(engine.stats()).unwrap()) {
        let counter = all.entry(name).or_default();
        *counter = (*counter).max(value);
    }
    all
}

/// Which counters moved, and by how much.
fn moved(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let change = |(name, value): (&String, &u64)| {
        let by = value - before.get(name).copied().unwrap_or_default();
        (by > 0).then(|| (name.clone(), by))
    };
    after.iter().filter_map(change).collect()
}

/// A snapshot without its counters.
fn rest(engine: &Engine) -> Snapshot {
    Snapshot {
        stats: Stats::default(),
        ..engine.snapshot(R).unwrap()
    }
}

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../vrrp-proto/tests/vectors/packets.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn say(line: &str) {
    writeln!(io::stderr(), "reception: {line}").unwrap();
}

/// Each refused packet moves its own counter and nothing else: no role, no timer, no learned value.
//= STA-N6 test
//= R9568-7.1-01 test
//= R3768-7.1-01 test
//= R9568-7.1-07 test
//= R3768-7.1-06 test
//= STA-01 test
//= STA-02 test
//= STA-03 test
//= STA-04 test
//= STA-09 test
//= STA-12 test
//= STA-13 test
//= STA-14 test
//= STA-15 test
//= STA-16 test
//= STA-17 test
#[test]
fn every_refused_packet_moves_exactly_its_counter() {
    let mut judged = 0;
    for value in vectors()
        .iter()
        .filter(|value| value.get("error").is_some())
    {
        let packet = Packet::read(value);
        for role in [Role::Backup, Role::Active] {
            let mut engine = packet.engine(role);
            let (before, untouched) = (counters(&engine), rest(&engine));
            packet.arrive(&mut engine);
            let expected: BTreeMap<String, u64> = value["counter"]
                .as_str()
                .map(|name| (name.into(), 1))
                .into_iter()
                .collect();
            let got = moved(&before, &counters(&engine));
            assert_eq!(got, expected, "{} in {role:?}", packet.name);
            assert_eq!(rest(&engine), untouched, "{} in {role:?}", packet.name);
            judged += 1;
        }
    }
    say(&format!("{judged} refusals judged"));
    assert!(judged > 100);
}

/// Each accepted packet is counted once, its oddities by their own counters.
//= STA-N6 test
//= STA-07 test
//= STA-10 test
//= R9568-7.1-12 test
//= R9568-7.1-13 test
#[test]
fn every_accepted_packet_is_counted_with_its_oddities() {
    let mut judged = 0;
    for value in vectors()
        .iter()
        .filter(|value| value.get("error").is_none())
    {
        let packet = Packet::read(value);
        let expect = &value["expect"];
        // What parses, but is refused afterwards, or what is said of a router without addresses.
        let refused = expect["checksum_modes"]
            .as_array()
            .is_some_and(Vec::is_empty)
            || value["hmac"]["valid"] == false
            || packet.router().addresses.as_list().is_empty();
        // A TTL that the digest leaves out is not keepalived's way in multicast: not to be had here.
        let ttl = value["config"]["ah_icv_ttl"] == "zero";
        if refused || ttl || value.get("hmac").is_some() {
            continue;
        }
        let mut engine = packet.engine(Role::Backup);
        let before = counters(&engine);
        packet.arrive(&mut engine);
        let mut expected = BTreeMap::from([("adverts_rcvd".to_owned(), 1)]);
        if expect["priority"] == 0 {
            expected.insert("priority_zero_rcvd".into(), 1);
        }
        for warning in expect["warnings"].as_array().into_iter().flatten() {
            let counter = match warning.as_str().unwrap() {
                "AddressListMismatch" => "address_list_errors",
                "IntervalMismatch" => "adv_interval_errors",
                "LocalIsOwner" => "owner_conflicts",
                other => panic!("{}: {other}", packet.name),
            };
            expected.insert(counter.into(), 1);
        }
        assert_eq!(
            moved(&before, &counters(&engine)),
            expected,
            "{}",
            packet.name
        );
        judged += 1;
    }
    say(&format!("{judged} adverts judged"));
    assert!(judged >= 30);
}

fn vector(name: &str) -> Packet {
    let all = vectors();
    Packet::read(all.iter().find(|value| value["name"] == name).unwrap())
}

fn refusals(engine: &mut Engine) -> Vec<Reason> {
    let reports =
        core::iter::from_fn(|| engine.poll_command()).filter_map(|command| match command {
            Command::Report(Notice::Router(_, Report::Refused { reason, .. })) => Some(reason),
            _ => None,
        });
    reports.collect()
}

/// One line for each kind and source, until the state or the Active router changes.
//= KA-LOG-01 test
//= R9568-7.1-15 test
//= STA-N2 test
//= STA-N3 test
//= STA-N4 test
//= R9568-7.1-16 test
#[test]
fn a_refusal_is_reported_once_until_something_changes() {
    let bad = vector("bad_checksum_plus1");
    let mut engine = bad.engine(Role::Backup);
    for _ in 0..1_000 {
        bad.arrive(&mut engine);
    }
    let first = refusals(&mut engine);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(counters(&engine)["checksum_errors"], 1_000);
    bad.engine(Role::Backup);
    let ttl = Packet {
        hop_limit: 1,
        ..vector("bad_checksum_plus1")
    };
    ttl.arrive(&mut engine);
    assert_eq!(
        refusals(&mut engine).len(),
        1,
        "another kind is another line"
    );
    let other = Endpoints::new("192.0.2.77".parse().unwrap(), bad.ends.destination()).unwrap();
    let other = Packet {
        ends: other,
        ..vector("bad_checksum_plus1")
    };
    other.arrive(&mut engine);
    assert_eq!(refusals(&mut engine).len(), 1, "so is another source");

    // Another Active router is heard.
    vector("v3_v4_plain_1addr").arrive(&mut engine);
    bad.arrive(&mut engine);
    assert_eq!(refusals(&mut engine).len(), 1);
    // The state changes.
    engine.handle(Instant::from_nanos(9_000_000_000), Input::Timeout);
    assert_eq!(engine.snapshot(R).unwrap().role, Role::Active);
    bad.arrive(&mut engine);
    assert_eq!(refusals(&mut engine).len(), 1);
}

/// However many sources somebody forges, there are so many lines and no more.
#[test]
fn forged_sources_do_not_fill_the_log() {
    let bad = vector("bad_checksum_plus1");
    let mut engine = bad.engine(Role::Backup);
    for last in 0..=255_u8 {
        for net in 0..4_u8 {
            let source = IpAddr::from([192, 0, net, last]);
            let ends = Endpoints::new(source, bad.ends.destination()).unwrap();
            Packet {
                ends,
                ..vector_like(&bad)
            }
            .arrive(&mut engine);
        }
    }
    assert_eq!(refusals(&mut engine).len(), 64);
}

fn vector_like(packet: &Packet) -> Packet {
    Packet {
        name: packet.name.clone(),
        value: packet.value.clone(),
        ip_header: packet.ip_header.clone(),
        payload: packet.payload.clone(),
        ..*packet
    }
}

/// A VRID that is not configured here: counted for the engine, told of on demand.
//= R9568-7.1-07 test
#[test]
fn an_unknown_vrid_is_counted_and_told_of_on_demand() {
    let packet = vector("v3_v4_plain_1addr");
    for report_unknown_vrids in [false, true] {
        let config = EngineConfig {
            report_unknown_vrids,
            ..EngineConfig::default()
        };
        let mut engine = Engine::new(config);
        engine.handle(Instant::ZERO, Input::Startup);
        packet.arrive(&mut engine);
        packet.arrive(&mut engine);
        assert_eq!(engine.stats().vrid_errors, 2);
        let told: Vec<_> = core::iter::from_fn(|| engine.poll_command()).collect();
        let (family, source) = (Family::V4, packet.ends.source());
        let report = EngineReport::UnknownVrid {
            iface: ETH0,
            family,
            vrid: 51,
            source,
        };
        let expected: &[_] = if report_unknown_vrids {
            &[Command::Report(Notice::Engine(report))]
        } else {
            &[]
        };
        assert_eq!(told, expected);
    }
}

/// Several unicast routers of one VRID: the sender tells them apart.
#[test]
fn unicast_routers_that_share_a_vrid_are_told_apart_by_their_peers() {
    let ends = Endpoints::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    let packet = Packet {
        ends,
        hop_limit: 64,
        ..vector("v3_v4_plain_1addr")
    };
    let of = |peer: &str| {
        let peers = vec![Peer {
            address: peer.parse().unwrap(),
            min_ttl: 0,
            max_ttl: 255,
        }];
        let destination = Destination::Unicast {
            peers,
            check_source: true,
        };
        let source = Some(packet.ends.destination());
        RouterOptions {
            destination,
            source,
            ..packet.router()
        }
        .try_into()
        .unwrap()
    };
    let source = packet.ends.source().to_string();
    let routers = [(R, of("192.0.2.99")), (RouterId(2), of(&source))].into();
    let mut engine = Engine::new(EngineConfig {
        routers,
        ..EngineConfig::default()
    });
    engine.handle(
        Instant::ZERO,
        Input::Link {
            iface: ETH0,
            up: true,
        },
    );
    engine.handle(Instant::ZERO, Input::Startup);
    packet.arrive(&mut engine);
    let counts = [R, RouterId(2)].map(|id| engine.snapshot(id).unwrap().stats.adverts_rcvd);
    assert_eq!(counts, [0, 1]);
    //= KA-UNI-03 test
    let stranger = Endpoints::new("192.0.2.77".parse().unwrap(), packet.ends.destination());
    Packet {
        ends: stranger.unwrap(),
        ..vector_like(&packet)
    }
    .arrive(&mut engine);
    let total: u64 = engine
        .snapshots()
        .map(|shown| shown.stats.adverts_rcvd)
        .sum();
    assert_eq!(total, 1);
}

/// What was heard from whom is remembered, for a bounded number of peers.
#[test]
fn peers_are_learned_and_the_longest_silent_is_forgotten() {
    let packet = vector("v3_v4_plain_1addr");
    let mut engine = packet.engine(Role::Backup);
    for last in [1, 10, 11, 12, 13, 14, 15, 10, 16, 17] {
        let source = IpAddr::from([192, 0, 2, last]);
        let ends = Endpoints::new(source, packet.ends.destination()).unwrap();
        Packet {
            ends,
            ..vector_like(&packet)
        }
        .arrive(&mut engine);
    }
    let peers = engine.snapshot(R).unwrap().peers;
    let order: Vec<u8> = peers
        .iter()
        .map(|peer| match peer.address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        })
        .collect();
    assert_eq!(order, [17, 16, 10, 15, 14, 13, 12, 11]);
    assert_eq!(
        (peers[2].adverts, peers[2].priority),
        (2, Priority::DEFAULT)
    );
}

/// HARD-PROTO-06: a packet that is right in both forms says nothing about its sender.
//= KA-CSUM-05 test
//= HARD-PROTO-06 test
#[test]
fn the_form_of_checksums_is_learned_from_those_that_are_right_in_one() {
    let told = |name: &str| {
        let packet = vector(name);
        let mut engine = packet.engine(Role::Backup);
        packet.arrive(&mut engine);
        packet.arrive(&mut engine);
        let reports = core::iter::from_fn(|| engine.poll_command());
        let forms = reports.filter(|command| {
            let form = |report: &Report| matches!(report, Report::ChecksumForm { .. });
            matches!(command, Command::Report(Notice::Router(_, report)) if form(report))
        });
        (engine_form(&packet), forms.count())
    };
    assert_eq!(told("v3_v4_both_modes_valid"), (None, 0));
    assert_eq!(
        told("v3_v4_plain_1addr"),
        (Some(ChecksumCoverage::Message), 0),
        "as ours"
    );
    assert_eq!(
        told("v3_v4_pseudo_1addr"),
        (Some(ChecksumCoverage::PseudoHeader), 1),
        "once"
    );
}

fn engine_form(packet: &Packet) -> Option<ChecksumCoverage> {
    let mut engine = packet.engine(Role::Backup);
    packet.arrive(&mut engine);
    engine.snapshot(R).unwrap().peers[0].checksum
}

/// KA-LIST-02: compared only when the sender changed, but always while Active.
//= KA-LIST-02 test
#[test]
fn the_list_may_be_compared_only_when_the_sender_changed() {
    let packet = vector("v3_v4_plain_addrlist_mismatch");
    for (role, skip_list_check, expected) in [
        (Role::Backup, false, 3),
        (Role::Backup, true, 1),
        (Role::Active, true, 1),
    ] {
        let mut engine = packet.engine(role);
        let router = RouterOptions {
            skip_list_check,
            ..packet.router()
        };
        let routers = [(R, router.try_into().unwrap())].into();
        let config = EngineConfig {
            routers,
            ..EngineConfig::default()
        };
        engine.handle(Instant::ZERO, Input::Reload(config.into()));
        for _ in 0..3 {
            packet.arrive(&mut engine);
        }
        let errors = engine.snapshot(R).unwrap().stats.address_list_errors;
        let active = engine.snapshot(R).unwrap().role == Role::Active;
        assert_eq!(
            errors,
            if active { 3 } else { expected },
            "{role:?} skip {skip_list_check}"
        );
    }
}

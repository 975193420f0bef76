//! A packet: parsed, verified and received as `config` says, and every member compared.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use core::time::Duration;

use serde_json::{Map, Value};
use vrrp_proto::{
    AddressList, AdvertInterval, AhPolicy, AhTtl, AntiReplay, AuthPolicy, Body, ChecksumCoverage,
    ChecksumPolicy, Counter, Covered, Datagram, Discard, Endpoints, Envelope, Expected, Family,
    HmacMode, HmacPolicy, Key, Mode, OwnerPolicy, Packet, Password, Priority, Profile, Received,
    Trailer, Version, Vrid,
};

use crate::object::{Findings, Object};

/// Every `error` of the format.
const ERRORS: [&str; 24] = [
    "NotVrrp",
    "ShortPacket",
    "BadTtl",
    "BadVersion",
    "BadType",
    "Truncated",
    "TrailingBytes",
    "BadChecksum",
    "BadVrid",
    "UnknownVrid",
    "BadDestination",
    "OwnPacket",
    "LocalIsOwner",
    "ZeroAddrCount",
    "FirstNotLinkLocal",
    "ZeroInterval",
    "UnknownAuthType",
    "AuthTypeMismatch",
    "MissingAh",
    "AuthFailure",
    "AhSpiMismatch",
    "AhReplay",
    "AddressListMismatch",
    "IntervalMismatch",
];

pub(crate) fn judge(value: &Value) -> Findings {
    let mut findings = Findings::default();
    let f = &mut findings;
    let mut vector = Object::open("", value, "?", f);
    let name = vector.text("name").unwrap_or("?");
    // For readers.
    let _ = (
        vector.text("sender"),
        vector.text("note"),
        vector.text("reason"),
    );
    let _ = vector.texts("requirements");
    let _ = vector.one_of("layer", &[("codec", ()), ("rx", ()), ("instance", ())]);
    let counter = vector.value("counter");
    let ignore = vector.one_of("action", &[("discard", false), ("ignore", true)]);

    let ip_version: Option<u8> = vector.number("ip_version");
    let (source, destination) = (vector.address("src"), vector.address("dst"));
    let (hop_limit, protocol) = (vector.number("ttl"), vector.number("proto"));
    let payload = vector.hex("payload_hex");
    let ip_header = vector.hex("ip_header_hex").unwrap_or_default();
    let error = vector.text("error");
    let (expect, profile) = (vector.value("expect"), vector.value("keepalived_profile"));
    let (config, hmac) = (vector.value("config"), vector.value("hmac"));
    let (Some(source), Some(destination), Some(hop_limit), Some(protocol), Some(payload)) =
        (source, destination, hop_limit, protocol, payload)
    else {
        vector.missing("src, dst, ttl, proto or payload_hex");
        vector.finish(name, f);
        return findings;
    };
    vector.finish(name, f);
    let Some(ends) = Endpoints::new(source, destination) else {
        f.add(name, "src, dst: of different families");
        return findings;
    };
    let family: u8 = if ends.family() == Family::V4 { 4 } else { 6 };
    f.compare(name, "ip_version", &ip_version, &Some(family));

    let datagram = Datagram {
        ends,
        hop_limit,
        protocol,
        ip_header: &ip_header,
        payload: &payload,
    };
    let envelope = Envelope::open(&datagram);
    let default = Value::Object(Map::new());
    let config = Config::read(
        name,
        config.unwrap_or(&default),
        &envelope,
        ends.family(),
        f,
    );
    let signed = hmac.map(|hmac| Hmac::read(name, hmac, f));
    let keys = signed
        .iter()
        .flat_map(|hmac| hmac.key.clone())
        .collect::<Vec<_>>();
    let mut expected = config.expected();
    if signed.is_some() {
        expected.hmac = Some(HmacPolicy {
            keys: &keys,
            mode: HmacMode::Enforce,
            anti_replay: AntiReplay::Monotonic,
            utc: Duration::ZERO,
            marks: &[],
        });
    }

    let verdict = envelope.and_then(|envelope| envelope.receive(&expected));
    match (expect, error) {
        (Some(expect), None) => {
            let accepted = expect_fields(name, expect, &envelope, &verdict, signed.as_ref(), f);
            if let (Err(discard), true) = (&verdict, accepted) {
                f.add(name, format!("expect: discarded: {discard}"));
            }
            if let (Ok(_), false) = (&verdict, accepted) {
                f.add(
                    name,
                    "expect: accepted, although checksum or signature is wrong",
                );
            }
        }
        (None, Some(error)) => {
            if !ERRORS.contains(&error) {
                f.add(name, format!("error: unknown value {error:?}"));
            }
            let got = verdict
                .as_ref()
                .map_or_else(|d| d.reason.name(), |_| "accepted");
            f.compare(name, "error", &error, &got);
            if signed.is_some() {
                f.add(
                    name,
                    "hmac: with error, nothing is said about what it means",
                );
            }
        }
        _ => f.add(name, "expect, error: exactly one is needed"),
    }
    compare_counter(name, counter, &verdict, f);
    if let (Some(ignore), Err(discard)) = (ignore, &verdict) {
        let ignored = discard
            .reason
            .counter()
            .is_none_or(|counter| counter == Counter::OwnPackets);
        f.compare(name, "action: ignore", &ignore, &ignored);
    } else if ignore.is_some() {
        f.add(name, "action: the packet was accepted");
    }
    if let Some(profile) = profile {
        expected.profile = Profile::Keepalived;
        keepalived_profile(
            name,
            profile,
            &envelope.and_then(|e| e.receive(&expected)),
            f,
        );
    }
    findings
}

/// The counter of the discard, or of the first warning.
fn compare_counter(
    name: &str,
    expected: Option<&Value>,
    verdict: &Result<Received<'_>, Discard>,
    f: &mut Findings,
) {
    let Some(expected) = expected else { return };
    let got = match verdict {
        Err(discard) => discard.reason.counter(),
        Ok(received) => received
            .warnings
            .iter()
            .next()
            .map(|warning| warning.counter()),
    };
    let got = got.map_or(Value::Null, |counter| Value::from(counter.name()));
    f.compare(name, "counter", expected, &got);
}

fn keepalived_profile(
    name: &str,
    value: &Value,
    verdict: &Result<Received<'_>, Discard>,
    f: &mut Findings,
) {
    let mut profile = Object::open("keepalived_profile.", value, name, f);
    let _ = profile.text("why");
    match profile.flag("accept") {
        Some(accept) => {
            f.compare(name, "keepalived_profile.accept", &accept, &verdict.is_ok());
        }
        None => profile.missing("accept"),
    }
    let warnings = profile.texts("warnings").unwrap_or_default();
    f.compare(
        name,
        "keepalived_profile.warnings",
        &warnings,
        &warnings_of(verdict),
    );
    profile.finish(name, f);
}

fn warnings_of(verdict: &Result<Received<'_>, Discard>) -> Vec<&'static str> {
    verdict
        .iter()
        .flat_map(|received| received.warnings.iter())
        .map(|w| w.name())
        .collect()
}

/// Compares what the packet parses to. Returns whether it must be accepted, too.
fn expect_fields(
    name: &str,
    value: &Value,
    envelope: &Result<Envelope<'_>, Discard>,
    verdict: &Result<Received<'_>, Discard>,
    hmac: Option<&Hmac>,
    f: &mut Findings,
) -> bool {
    let mut expect = Object::open("expect.", value, name, f);
    let envelope = match envelope {
        Ok(envelope) => envelope,
        Err(discard) => {
            f.add(name, format!("expect: no VRRP header: {discard}"));
            return true;
        }
    };
    let parse = if hmac.is_some() {
        Packet::parse_signed
    } else {
        Packet::parse
    };
    let packet = match parse(envelope.message(), envelope.family()) {
        Ok(packet) => packet,
        Err(error) => {
            f.add(name, format!("expect: does not parse: {error}"));
            return true;
        }
    };
    let covered = match packet.verify(envelope.ends()) {
        Ok(Covered::Message) => vec!["plain"],
        Ok(Covered::PseudoHeader) => vec!["pseudo"],
        Ok(Covered::Both) => vec!["plain", "pseudo"],
        Err(_) => vec![],
    };
    macro_rules! compare {
        ($read:ident, $member:literal, $got:expr) => {
            match expect.$read($member) {
                Some(expected) => f.compare(name, concat!("expect.", $member), &expected, &$got),
                None => expect.missing($member),
            }
        };
    }
    compare!(number, "version", packet.version().get());
    compare!(number, "type", envelope.message()[0] & 0x0f);
    compare!(number, "vrid", packet.vrid_octet());
    compare!(number, "priority", packet.priority().get());
    compare!(number, "addr_count", packet.count());
    compare!(number, "checksum", packet.checksum());
    compare!(texts, "checksum_modes", covered);
    compare!(
        addresses,
        "addresses",
        packet.addresses().collect::<Vec<_>>()
    );
    match packet.body() {
        Body::V2 {
            auth_type,
            adver_int,
            auth_data,
        } => {
            compare!(number, "auth_type", auth_type.get());
            compare!(number, "adver_int_s", adver_int);
            compare!(hex, "auth_data_hex", auth_data.to_vec());
        }
        Body::V3 {
            reserve,
            max_advertise_interval,
        } => {
            compare!(number, "reserved", reserve);
            compare!(number, "max_adver_int_cs", max_advertise_interval);
        }
    }
    match (expect.value("ah"), envelope.auth_header()) {
        (None, None) => {}
        (Some(expected), Some(ah)) => {
            let mut expected = Object::open("expect.ah.", expected, name, f);
            f.compare(
                name,
                "expect.ah.spi",
                &expected.number("spi"),
                &Some(ah.spi()),
            );
            f.compare(
                name,
                "expect.ah.seq",
                &expected.number("seq"),
                &Some(ah.sequence()),
            );
            f.compare(
                name,
                "expect.ah.icv",
                &expected.hex("icv"),
                &Some(ah.icv().to_vec()),
            );
            expected.finish(name, f);
        }
        _ => f.add(
            name,
            "expect.ah: in the packet and not expected, or the reverse",
        ),
    }
    let valid = hmac.is_none_or(|hmac| hmac.compare(name, &packet, envelope.ends().source(), f));
    let warnings = expect.texts("warnings").unwrap_or_default();
    f.compare(name, "expect.warnings", &warnings, &warnings_of(verdict));
    expect.finish(name, f);
    !covered.is_empty() && valid
}

/// The `hmac` member.
struct Hmac {
    key: Option<Key>,
    key_id: u8,
    seconds: u32,
    fraction: u16,
    counter: u16,
    mac: Vec<u8>,
    valid: bool,
}

impl Hmac {
    fn read(name: &str, value: &Value, f: &mut Findings) -> Self {
        let mut hmac = Object::open("hmac.", value, name, f);
        let key_id = hmac.number("key_id").unwrap_or_default();
        let secret = hmac.hex("key_hex").unwrap_or_default();
        let key = Key::new(key_id, &secret);
        if let Err(error) = key {
            f.add(name, format!("hmac.key_hex: {error}"));
        }
        let read = Self {
            key: key.ok(),
            key_id,
            seconds: hmac.number("seconds").unwrap_or_default(),
            fraction: hmac.number("fraction").unwrap_or_default(),
            counter: hmac.number("counter").unwrap_or_default(),
            mac: hmac.hex("mac_hex").unwrap_or_default(),
            valid: hmac.flag("valid").unwrap_or_default(),
        };
        hmac.finish(name, f);
        read
    }

    fn compare(&self, name: &str, packet: &Packet<'_>, source: IpAddr, f: &mut Findings) -> bool {
        let Some(octets) = packet.trailer() else {
            f.add(name, "hmac: the packet has no trailer");
            return self.valid;
        };
        let trailer = Trailer::new(*octets);
        let sequence = trailer.sequence();
        f.compare(name, "hmac.key_id", &self.key_id, &trailer.key_id());
        f.compare(name, "hmac.seconds", &self.seconds, &sequence.seconds());
        f.compare(name, "hmac.fraction", &self.fraction, &sequence.fraction());
        f.compare(name, "hmac.counter", &self.counter, &sequence.counter());
        f.compare(name, "hmac.mac_hex", &self.mac, &trailer.mac().to_vec());
        let valid = self
            .key
            .as_ref()
            .is_some_and(|key| trailer.verify(key, source, packet.message()));
        f.compare(name, "hmac.valid", &self.valid, &valid);
        self.valid
    }
}

/// The `config` member: what the virtual router knows.
struct Config {
    version: Option<Version>,
    vrid: Option<Vrid>,
    priority: Option<Priority>,
    primary: Option<IpAddr>,
    addresses: Option<Addresses>,
    interval: Option<AdvertInterval>,
    unicast: bool,
    checksum: ChecksumPolicy,
    auth: AuthPolicy,
    owner: OwnerPolicy,
    family: Family,
}

enum Addresses {
    V4(Vec<Ipv4Addr>),
    V6(Vec<Ipv6Addr>),
}

impl Config {
    fn read(
        name: &str,
        value: &Value,
        envelope: &Result<Envelope<'_>, Discard>,
        family: Family,
        f: &mut Findings,
    ) -> Self {
        let mut config = Object::open("config.", value, name, f);
        let version = config.read("version", |value| match value.as_u64()? {
            2 => Some(Version::V2),
            3 => Some(Version::V3),
            _ => None,
        });
        let unicast = config
            .one_of("mode", &[("multicast", false), ("unicast", true)])
            .unwrap_or(false);
        // Centiseconds in VRRPv3, seconds in VRRPv2.
        let on_wire = envelope.as_ref().map_or(3, |envelope| envelope.version());
        let interval = config.read("interval", |value| {
            let interval = value.as_u64()?;
            match version.map_or(on_wire, Version::get) {
                2 => AdvertInterval::from_secs(interval.try_into().ok()?).ok(),
                _ => AdvertInterval::from_centis(interval.try_into().ok()?).ok(),
            }
        });
        let password = config.hex("auth_data_hex");
        let ttl = config
            .one_of(
                "ah_icv_ttl",
                &[("keep", AhTtl::Keep), ("zero", AhTtl::Zero)],
            )
            .unwrap_or(if unicast { AhTtl::Zero } else { AhTtl::Keep });
        let last_sequence = config.number("ah_last_seq");
        let key = Password::new(password.as_deref().unwrap_or_default());
        let unsaid = if version.is_some() {
            AuthPolicy::None
        } else {
            AuthPolicy::Any
        };
        let auth = config.read("auth_type", |value| match value.as_u64()? {
            0 => Some(AuthPolicy::None),
            1 => Some(AuthPolicy::Simple(key)),
            2 => Some(AuthPolicy::Ah(AhPolicy {
                key,
                ttl,
                last_sequence,
            })),
            _ => None,
        });
        let addresses = config.read("addresses", |value| {
            let texts = value.as_array()?.iter().map(Value::as_str);
            let texts: Vec<&str> = texts.collect::<Option<_>>()?;
            Some(match family {
                Family::V4 => Addresses::V4(parse_all(&texts)?),
                Family::V6 => Addresses::V6(parse_all(&texts)?),
            })
        });
        let read = Self {
            version,
            vrid: config
                .number("vrid")
                .map(|vrid| Vrid::new(vrid).expect("config.vrid")),
            priority: config.number("priority").map(Priority::new),
            primary: config.address("primary"),
            addresses,
            interval,
            unicast,
            checksum: config
                .one_of(
                    "ipv4_checksum",
                    &[
                        ("either", ChecksumPolicy::Either),
                        ("plain", ChecksumPolicy::Only(ChecksumCoverage::Message)),
                        (
                            "pseudo",
                            ChecksumPolicy::Only(ChecksumCoverage::PseudoHeader),
                        ),
                    ],
                )
                .unwrap_or_default(),
            auth: auth.unwrap_or(unsaid),
            owner: config
                .one_of("owner_policy", &[("published", OwnerPolicy::Discard)])
                .unwrap_or_default(),
            family,
        };
        config.finish(name, f);
        read
    }

    fn expected(&self) -> Expected<'_> {
        let mode = if self.unicast {
            Mode::Unicast {
                peers: &[],
                check_source: false,
            }
        } else {
            Mode::Multicast {
                group: self.family.group(),
            }
        };
        Expected {
            version: self.version,
            vrid: self.vrid,
            priority: self.priority,
            primary: self.primary,
            addresses: self.addresses.as_ref().map(|list| match list {
                Addresses::V4(list) => AddressList::V4(list),
                Addresses::V6(list) => AddressList::V6(list),
            }),
            interval: self.interval,
            checksum: self.checksum,
            auth: self.auth,
            owner: self.owner,
            ..Expected::anything(mode)
        }
    }
}

fn parse_all<T: FromStr>(texts: &[&str]) -> Option<Vec<T>> {
    texts.iter().map(|text| text.parse().ok()).collect()
}

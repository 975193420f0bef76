//! Third-party captures: other projects' packets, and what a decoder must make of them.

use core::net::IpAddr;

use serde_json::Value;
use vrrp_proto::{
    AdvertInterval, AuthPolicy, Body, ChecksumCoverage, Covered, Datagram, Endpoints, Expected,
    Family, Mode, Packet, ParseError, Profile, receive,
};

use crate::object::{Findings, hex};

pub(crate) fn judge(vector: &Value) -> Findings {
    let mut findings = Findings::default();
    let f = &mut findings;
    let name = vector["name"].as_str().unwrap();
    let payload = hex(vector["hex_of_vrrp_payload"].as_str().unwrap()).unwrap();
    let family = if vector["family"] == "ipv4" {
        Family::V4
    } else {
        Family::V6
    };
    let fields = &vector["fields"];
    let valid = vector["valid"].as_bool();
    let parsed = Packet::parse(&payload, family);
    if let Ok(packet) = &parsed {
        compare_fields(name, fields, packet, f);
    } else if valid == Some(true) {
        f.add(name, format!("does not parse: {parsed:?}"));
    }
    if name.contains("carp") && !matches!(parsed, Err(ParseError::Carp { .. })) {
        f.add(name, format!("CARP is not recognised: {parsed:?}"));
    }
    let address = |member: &str| vector[member].as_str().and_then(|text| text.parse().ok());
    let (Some(source), Some(destination), Some(ttl)) =
        (address("src"), address("dst"), vector["ttl"].as_u64())
    else {
        return findings;
    };
    let ends = Endpoints::new(source, destination).expect("one family");
    if let Ok(packet) = &parsed {
        let covered = packet.verify(&ends);
        for (member, coverage, may) in [
            (
                "checksum_ok_message_only",
                ChecksumCoverage::Message,
                family == Family::V4,
            ),
            (
                "checksum_ok_with_pseudo_header",
                ChecksumCoverage::PseudoHeader,
                !matches!(packet.body(), Body::V2 { .. }),
            ),
        ] {
            let expected = may && fields[member].as_bool().unwrap();
            let got = covered.is_ok_and(|covered: Covered| covered.includes(coverage));
            f.compare(name, member, &expected, &got);
        }
    }
    // `valid: true` is acceptable under at least one RFC, by a router that is configured for it;
    // `false` also where it takes a router with a policy to refuse it.
    let group = Mode::Multicast { group: destination };
    let expected = match valid {
        Some(true) if !destination.is_multicast() => Expected {
            profile: Profile::Keepalived,
            ..Expected::anything(Mode::Unicast {
                peers: &[],
                check_source: false,
            })
        },
        Some(true) => Expected {
            profile: Profile::Keepalived,
            ..Expected::anything(group)
        },
        Some(false) | None => Expected {
            auth: AuthPolicy::None,
            interval: Some(AdvertInterval::DEFAULT),
            ..Expected::anything(group)
        },
    };
    let ttl = u8::try_from(ttl).unwrap();
    let verdict = receive(&Datagram::new(ends, ttl, &payload), &expected);
    match (valid, verdict) {
        (Some(true), Err(discard)) => f.add(name, format!("valid, but: {discard}")),
        (Some(false), Ok(_)) => f.add(name, format!("accepted: {}", vector["reason"])),
        _ => {}
    }
    findings
}

fn compare_fields(name: &str, fields: &Value, packet: &Packet<'_>, f: &mut Findings) {
    let mut number = |member: &str, got: u64| {
        f.compare(name, member, &fields[member].as_u64(), &Some(got));
    };
    number("version", packet.version().get().into());
    number("type", 1);
    number("vrid", packet.vrid_octet().into());
    number("priority", packet.priority().get().into());
    number("count", packet.count().into());
    match packet.body() {
        Body::V2 {
            auth_type,
            adver_int,
            ..
        } => {
            number("auth_type", auth_type.get().into());
            number("adver_int_s", adver_int.into());
        }
        Body::V3 {
            reserve,
            max_advertise_interval,
        } => {
            number("reserved", reserve.into());
            number("max_adver_int_cs", max_advertise_interval.into());
        }
    }
    let checksum = format!("{:#06x}", packet.checksum());
    f.compare(
        name,
        "checksum",
        &fields["checksum"].as_str(),
        &Some(&checksum),
    );
    let addresses: Vec<Option<IpAddr>> = fields["addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|address| address.as_str().unwrap().parse().ok())
        .collect();
    f.compare(
        name,
        "addresses",
        &addresses,
        &packet.addresses().map(Some).collect(),
    );
}

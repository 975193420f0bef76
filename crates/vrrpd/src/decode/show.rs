//! The ways out: one line of text, or one of JSON, for each packet.

use std::fmt;

use serde_json::{Map, Value, json};
use vrrp_proto::{AuthType, Body, Datagram, Packet, Reason};

use super::{Decoded, Judged, Payload, Verdict};

impl fmt::Display for Decoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(time) = self.frame.time {
            write!(f, "{}.{:06} ", time.as_secs(), time.subsec_micros())?;
        }
        if let Some(vlan) = self.frame.link.vlan {
            write!(f, "vlan {vlan} ")?;
        }
        if let Some(ends) = self.ends {
            write!(f, "{} > {}", ends.source(), ends.destination())?;
            if let Payload::Ip(Datagram { hop_limit, .. }) = self.frame.payload {
                write!(f, " ttl {hop_limit}")?;
            }
            f.write_str(": ")?;
        }
        if let Some((ah, judged)) = &self.ah {
            write!(
                f,
                "AH spi {:#010x} sequence {} ({}) ",
                ah.spi(),
                ah.sequence(),
                said(*judged)
            )?;
        }
        if let Some(packet) = &self.packet {
            message(f, packet, self.checksum)?;
            if let Some((trailer, judged)) = &self.trailer {
                write!(
                    f,
                    ", signed by key {} ({})",
                    trailer.key_id(),
                    said(*judged)
                )?;
            }
        } else if matches!(&self.verdict, Verdict::Discarded(discard) if discard.reason == Reason::Carp)
        {
            write!(
                f,
                "CARP VHID {}",
                self.header.map_or(0, |header| header.vrid())
            )?;
        } else if let Some(header) = self.header {
            write!(f, "version {} VRID {}", header.version(), header.vrid())?;
        }
        match &self.verdict {
            Verdict::Accepted(warnings) => warnings
                .iter()
                .try_for_each(|warning| write!(f, ", {}", warning.name())),
            Verdict::Discarded(discard) => {
                let shown = self.header.is_some() || self.ends.is_some();
                let and = if shown { "; " } else { "" };
                let (name, why) = (discard.reason.name(), discard.reason);
                write!(f, "{and}discarded: {name}: {why}")
            }
            Verdict::Cut => f.write_str(CUT),
            Verdict::NoSource => Ok(()),
        }
    }
}

const CUT: &str = "a fragment, or cut when it was captured";

fn message(
    f: &mut fmt::Formatter<'_>,
    packet: &Packet<'_>,
    checksum: (Judged, Judged),
) -> fmt::Result {
    write!(
        f,
        "VRRPv{} VRID {} priority {}",
        packet.version(),
        packet.vrid_octet(),
        packet.priority()
    )?;
    match packet.interval() {
        Some(interval) => write!(f, " interval {interval}")?,
        None => f.write_str(" interval 0")?,
    }
    match packet.body() {
        Body::V2 {
            auth_type: AuthType::NONE,
            ..
        }
        | Body::V3 { reserve: 0, .. } => {}
        Body::V2 {
            auth_type: AuthType::SIMPLE,
            auth_data,
            ..
        } => {
            write!(
                f,
                " password {:?}",
                String::from_utf8_lossy(auth_data).trim_end_matches('\0')
            )?;
        }
        Body::V2 { auth_type, .. } => write!(f, " authentication {auth_type}")?,
        Body::V3 { reserve, .. } => write!(f, " reserved {reserve:#x}")?,
    }
    f.write_str(" addresses")?;
    packet
        .addresses()
        .try_for_each(|address| write!(f, " {address}"))?;
    let how = match checksum {
        (Some(true), Some(true)) => "right in both forms",
        (Some(true), _) => "right over the message",
        (_, Some(true)) => "right with pseudo-header",
        (Some(false), None) => {
            "not right over the message, and no --source to try the pseudo-header with"
        }
        (_, _) => "wrong",
    };
    write!(f, ", checksum {:#06x} {how}", packet.checksum())
}

fn said(judged: Judged) -> &'static str {
    match judged {
        Some(true) => "right",
        Some(false) => "wrong",
        None => "no key to judge it with",
    }
}

impl Decoded<'_> {
    /// Everything, by name. What is not there has no member; what is not known is null.
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        let mut put = |member: &str, value: Value| {
            all.insert(member.into(), value);
        };
        put("number", json!(self.frame.number));
        if let Some(time) = self.frame.time {
            put(
                "time",
                json!(format!("{}.{:09}", time.as_secs(), time.subsec_nanos())),
            );
        }
        let link = self.frame.link;
        if link != super::link::Link::default() {
            let mac = |mac: Option<[u8; 6]>| {
                mac.map(|mac| mac.map(|octet| format!("{octet:02x}")).join(":"))
            };
            put(
                "link",
                json!({ "source": mac(link.source), "destination": mac(link.destination), "vlan": link.vlan }),
            );
        }
        if let (Payload::Ip(datagram), Some(ends)) = (self.frame.payload, self.ends) {
            put(
                "ip",
                json!({
                    "family": ends.family().to_string(),
                    "source": ends.source(),
                    "destination": ends.destination(),
                    "hop_limit": datagram.hop_limit,
                    "protocol": datagram.protocol,
                }),
            );
        }
        if let Some((ah, judged)) = &self.ah {
            put(
                "ah",
                json!({ "spi": ah.spi(), "sequence": ah.sequence(), "icv": hex(&ah.icv()), "right": judged }),
            );
        }
        if let Some(packet) = &self.packet {
            put("vrrp", vrrp(packet));
            put(
                "checksum",
                json!({
                    "value": format!("{:#06x}", packet.checksum()),
                    "message": self.checksum.0,
                    "pseudo_header": self.checksum.1,
                }),
            );
        } else if let Some(header) = self.header {
            put(
                "header",
                json!({ "version": header.version(), "vrid": header.vrid() }),
            );
        }
        if let Some((trailer, judged)) = &self.trailer {
            let sequence = trailer.sequence();
            put(
                "auth_hmac",
                json!({
                    "type": trailer.kind(),
                    "key_id": trailer.key_id(),
                    "reserved": trailer.reserved(),
                    "seconds": sequence.seconds(),
                    "fraction": sequence.fraction(),
                    "counter": sequence.counter(),
                    "hmac": hex(&trailer.mac()),
                    "right": judged,
                }),
            );
        }
        match &self.verdict {
            Verdict::Accepted(warnings) => {
                put("verdict", json!("accepted"));
                put(
                    "warnings",
                    warnings.iter().map(|warning| warning.name()).collect(),
                );
            }
            Verdict::Discarded(discard) => {
                put("verdict", json!("discarded"));
                put("reason", json!(discard.reason.name()));
                put("why", json!(discard.reason.to_string()));
                put(
                    "counter",
                    json!(discard.reason.counter().map(|counter| counter.name())),
                );
            }
            Verdict::Cut => {
                put("verdict", json!("unreadable"));
                put("why", json!(CUT));
            }
            Verdict::NoSource => {
                put("verdict", json!("unknown"));
                put(
                    "why",
                    json!("the checksum's pseudo-header needs the source: --source"),
                );
            }
        }
        Value::Object(all)
    }
}

fn vrrp(packet: &Packet<'_>) -> Value {
    let mut fields = json!({
        "version": packet.version().get(),
        "type": vrrp_proto::ADVERTISEMENT,
        "vrid": packet.vrid_octet(),
        "priority": packet.priority().get(),
        "addr_count": packet.count(),
    });
    let more = match packet.body() {
        Body::V2 {
            auth_type,
            adver_int,
            auth_data,
        } => json!({
            "auth_type": auth_type.get(),
            "adver_int_s": adver_int,
            "auth_data": hex(auth_data),
        }),
        Body::V3 {
            reserve,
            max_advertise_interval,
        } => json!({
            "reserved": reserve,
            "max_adver_int_cs": max_advertise_interval,
        }),
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
        fields.insert(
            "addresses".into(),
            packet
                .addresses()
                .map(|address| address.to_string())
                .collect(),
        );
    }
    fields
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

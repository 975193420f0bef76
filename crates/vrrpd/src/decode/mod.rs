//! What is in a packet, and what a receiver would do with it: `vrrpd decode`.
//!
//! All judging is [`vrrp_proto`]'s; here are the ways in (hexadecimal, captures, an interface), the link layers and
//! the ways out (a line, JSON). A sniffer has no configuration, so what is compared with one (VRID, list, interval,
//! version, password unless given) is not judged.

pub mod input;
pub mod link;
pub mod live;
mod show;

use core::time::Duration;

use vrrp_proto::{
    AhPolicy, AhTtl, AntiReplay, AuthHeader, AuthPolicy, Body, ChecksumPolicy, Datagram, Discard,
    Endpoints, Envelope, Expected, Family, Header, HmacMode, HmacPolicy, Key, Mode, Packet,
    Password, Profile, Reason, Trailer, Version, Warnings,
};

use self::link::Link;

/// What the user knows beyond the packets.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Keys of `auth_hmac`.
    pub keys: Vec<Key>,
    /// keepalived's `auth_pass`, for VRRPv2's password and Authentication Header.
    pub password: Option<Password>,
}

/// A packet with what came before it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number in the input, from 1.
    pub number: u64,
    /// When it was captured: UTC, since 1970.
    pub time: Option<Duration>,
    /// The link layer, where there was one.
    pub link: Link,
    /// The rest.
    pub payload: Payload<'a>,
}

/// What the link layer carries.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A datagram.
    Ip(Datagram<'a>),
    /// A fragment of one, or one that was cut when it was captured.
    Cut,
    /// A VRRP message without IP header; the endpoints where the user gave them.
    Message(&'a [u8], Option<Endpoints>),
}

/// One packet, taken apart and judged.
#[derive(Debug)]
pub struct Decoded<'a> {
    frame: Frame<'a>,
    ends: Option<Endpoints>,
    /// The VRRP header, if there is one.
    header: Option<Header>,
    ah: Option<(AuthHeader<'a>, Judged)>,
    packet: Option<Packet<'a>>,
    /// Under which coverages the checksum is right; `None` is not known.
    checksum: (Option<bool>, Option<bool>),
    trailer: Option<(Trailer, Judged)>,
    verdict: Verdict,
}

/// What a receiver would do.
#[derive(Debug)]
enum Verdict {
    Accepted(Warnings),
    Discarded(Discard),
    /// Not all of it is there.
    Cut,
    /// The pseudo-header needs the source, which nobody told.
    NoSource,
}

/// Whether a key was at hand, and what it said.
type Judged = Option<bool>;

impl Decoded<'_> {
    /// Whether a receiver would discard it, or could not even read it.
    pub const fn is_problem(&self) -> bool {
        matches!(self.verdict, Verdict::Discarded(_) | Verdict::Cut)
    }
}

/// Takes `frame` apart.
pub fn decode<'a>(frame: Frame<'a>, secrets: &Secrets) -> Decoded<'a> {
    let mut decoded = Decoded {
        frame,
        ends: None,
        header: None,
        ah: None,
        packet: None,
        checksum: (None, None),
        trailer: None,
        verdict: Verdict::Cut,
    };
    let datagram = match frame.payload {
        Payload::Cut => return decoded,
        Payload::Ip(datagram) => {
            decoded.ends = Some(datagram.ends);
            datagram
        }
        Payload::Message(message, ends) => {
            decoded.ends = ends;
            Datagram::new(
                ends.unwrap_or_else(|| guess(message)),
                vrrp_proto::HOP_LIMIT,
                message,
            )
        }
    };
    let envelope = match Envelope::open(&datagram) {
        Ok(envelope) => envelope,
        Err(discard) => {
            decoded.verdict = Verdict::Discarded(discard);
            return decoded;
        }
    };
    decoded.header = Header::peek(envelope.message()).ok();
    let packet = Packet::parse_signed(envelope.message(), envelope.family()).ok();
    if let Some(packet) = &packet {
        decoded.checksum = checksums(packet, &datagram.ends, decoded.ends.is_some());
        decoded.trailer = packet.trailer().map(|octets| {
            let trailer = Trailer::new(*octets);
            let key = secrets.keys.iter().find(|key| key.id() == trailer.key_id());
            (
                trailer,
                key.map(|key| trailer.verify(key, datagram.ends.source(), packet.message())),
            )
        });
    }
    decoded.packet = packet;
    let verdict = envelope.receive(&expected(&datagram, packet.as_ref(), secrets));
    decoded.ah = envelope.auth_header().map(|ah| {
        let judged = match &verdict {
            Ok(received) => received.ah_sequence.map(|_| true),
            Err(Discard {
                reason: Reason::AuthFailure | Reason::AhSpiMismatch { .. },
                ..
            }) => Some(false),
            // It failed before its turn came.
            Err(_) => None,
        };
        (*ah, judged)
    });
    decoded.verdict = match verdict {
        Ok(received) => Verdict::Accepted(received.warnings),
        Err(Discard {
            reason: Reason::BadChecksum { .. },
            ..
        }) if decoded.checksum.1.is_none() => Verdict::NoSource,
        Err(discard) => Verdict::Discarded(discard),
    };
    decoded
}

/// The checksum's verdicts, message alone and with pseudo-header; `None` is not known.
fn checksums(packet: &Packet<'_>, ends: &Endpoints, known: bool) -> (Option<bool>, Option<bool>) {
    use vrrp_proto::ChecksumCoverage::{Message, PseudoHeader};
    let covered = packet.verify(ends);
    let is = |coverage| covered.is_ok_and(|covered| covered.includes(coverage));
    let pseudo = (known || packet.version() == Version::V2).then(|| is(PseudoHeader));
    (Some(is(Message)), pseudo)
}

/// Endpoints for a message that came without: only their family matters.
fn guess(message: &[u8]) -> Endpoints {
    let v4 = Endpoints::V4 {
        source: [0; 4].into(),
        destination: vrrp_proto::GROUP_V4,
    };
    let v6 = Endpoints::V6 {
        source: [0; 16].into(),
        destination: vrrp_proto::GROUP_V6,
    };
    let fits = |family| Packet::parse_signed(message, family).is_ok();
    if !fits(Family::V4) && fits(Family::V6) {
        v6
    } else {
        v4
    }
}

/// What can be expected of a packet without knowing the virtual router.
fn expected<'a>(
    datagram: &Datagram<'_>,
    packet: Option<&Packet<'_>>,
    secrets: &'a Secrets,
) -> Expected<'a> {
    let destination = datagram.ends.destination();
    let multicast = destination.is_multicast();
    let mode = if multicast {
        Mode::Multicast {
            group: datagram.ends.family().group(),
        }
    } else {
        Mode::Unicast {
            peers: &[],
            check_source: false,
        }
    };
    // An unsigned message is not too long for want of a policy, nor a signed one for want of a key.
    let signed = packet.is_some_and(|packet| packet.trailer().is_some());
    let hmac = HmacPolicy {
        keys: &secrets.keys,
        mode: HmacMode::ReceiveOnly,
        anti_replay: AntiReplay::Monotonic,
        utc: Duration::ZERO,
        marks: &[],
    };
    Expected {
        checksum: ChecksumPolicy::OldUnicast,
        auth: auth(packet, secrets.password, multicast),
        profile: Profile::Keepalived,
        hmac: signed.then_some(hmac),
        ..Expected::anything(mode)
    }
}

/// With a password, whatever the packet says it is authenticated by is judged.
fn auth(packet: Option<&Packet<'_>>, password: Option<Password>, multicast: bool) -> AuthPolicy {
    use vrrp_proto::AuthType;
    match (packet.map(Packet::body), password) {
        (
            Some(Body::V2 {
                auth_type: AuthType::SIMPLE,
                ..
            }),
            Some(password),
        ) => AuthPolicy::Simple(password),
        (
            Some(Body::V2 {
                auth_type: AuthType::AH,
                ..
            }),
            Some(key),
        ) => AuthPolicy::Ah(AhPolicy {
            key,
            ttl: if multicast { AhTtl::Keep } else { AhTtl::Zero },
            last_sequence: None,
        }),
        (Some(Body::V2 { auth_type, .. }), _) if !auth_type.is_known() => AuthPolicy::None,
        _ => AuthPolicy::Any,
    }
}

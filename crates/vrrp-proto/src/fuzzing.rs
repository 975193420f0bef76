//! What the fuzz targets run, and `tests/fuzz_smoke.rs` on a stable toolchain: any octets may come
//! in, and what is asserted must hold.

use core::fmt::{self, Write};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::*;

/// Room for the longest message with a trailer.
const ROOM: usize = HEADER_LEN + 255 * 16 + TRAILER_LEN;

/// Takes what is formatted and keeps none of it.
struct Sink;

impl Write for Sink {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

fn ends(family: Family) -> Endpoints {
    match family {
        Family::V4 => Endpoints::V4 {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: GROUP_V4,
        },
        Family::V6 => Endpoints::V6 {
            source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
            destination: GROUP_V6,
        },
    }
}

/// Parsing accepts exactly the length that the count asks for, and no accessor fails.
pub fn parse(data: &[u8]) {
    for family in [Family::V4, Family::V6] {
        let _ = (Datagram::from_ipv4(data), Datagram::from_ipv6(data));
        let signed = Packet::parse_signed(data, family);
        match Packet::parse(data, family) {
            Ok(packet) => {
                let auth = if packet.version() == Version::V2 {
                    AUTH_DATA_LEN
                } else {
                    0
                };
                let list = usize::from(packet.count()) * family.addr_len();
                assert_eq!(data.len(), HEADER_LEN + list + auth);
                assert_eq!(packet.addresses().len(), usize::from(packet.count()));
                assert!(
                    packet
                        .addresses()
                        .all(|address| Family::of(&address) == family)
                );
                assert_eq!(packet.message(), data);
                assert!(packet.trailer().is_none() && signed.is_ok());
                let covered = packet.verify(&ends(family));
                let _ = write!(Sink, "{packet:?} {covered:?} {:?}", packet.interval());
            }
            Err(ParseError::TrailingBytes { extra, .. }) => {
                assert_eq!(signed.is_ok(), extra == TRAILER_LEN);
            }
            Err(error) => {
                assert!(signed.is_err());
                let _ = write!(Sink, "{error}");
            }
        }
    }
}

/// What parses and could have been emitted is emitted again as the same octets.
pub fn round_trip(data: &[u8]) {
    for family in [Family::V4, Family::V6] {
        let Ok(packet) = Packet::parse(data, family) else {
            continue;
        };
        let (Some(vrid), Some(interval)) = (packet.vrid(), packet.interval()) else {
            continue;
        };
        let (mut v4, mut v6) = ([Ipv4Addr::UNSPECIFIED; 255], [Ipv6Addr::UNSPECIFIED; 255]);
        for ((address, v4), v6) in packet.addresses().zip(&mut v4).zip(&mut v6) {
            match address {
                IpAddr::V4(address) => *v4 = address,
                IpAddr::V6(address) => *v6 = address,
            }
        }
        let count = usize::from(packet.count());
        let lists = (v4.get(..count), v6.get(..count));
        let (Some(v4), Some(v6)) = lists else {
            continue;
        };
        let authentication = match packet.body() {
            Body::V2 {
                auth_type: AuthType::SIMPLE,
                auth_data,
                ..
            } => Authentication::Simple(Password::new(auth_data)),
            Body::V2 {
                auth_type: AuthType::AH,
                auth_data: [0, 0, 0, 0, 0, 0, 0, 0],
                ..
            } => Authentication::Ah,
            Body::V2 {
                auth_type: AuthType::NONE,
                auth_data: [0, 0, 0, 0, 0, 0, 0, 0],
                ..
            }
            | Body::V3 { reserve: 0, .. } => Authentication::None,
            Body::V2 { .. } | Body::V3 { .. } => continue,
        };
        let advert = Advert {
            version: packet.version(),
            vrid,
            priority: packet.priority(),
            interval,
            addresses: match family {
                Family::V4 => AddressList::V4(v4),
                Family::V6 => AddressList::V6(v6),
            },
            authentication,
        };
        let mut room = [0xa5; ROOM];
        for coverage in [ChecksumCoverage::Message, ChecksumCoverage::PseudoHeader] {
            let ends = ends(family);
            let len = match advert.emit(&ends, coverage, &mut room) {
                Ok(len) => len,
                Err(error) => {
                    assert!(
                        packet.count() == 0 && packet.version() == Version::V3,
                        "{error}"
                    );
                    continue;
                }
            };
            assert_eq!(len, data.len());
            let emitted = room.get(..len).unwrap_or_default();
            let same = |(at, pair): (usize, (&u8, &u8))| at == 6 || at == 7 || pair.0 == pair.1;
            assert!(data.iter().zip(emitted).enumerate().all(same));
            let again = Packet::parse(emitted, family);
            let covered = again.map(|again| again.verify(&ends));
            let right = matches!(covered, Ok(Ok(covered)) if covered.only().is_none()
                || packet.version() == Version::V2
                || family == Family::V6
                || covered.includes(coverage));
            assert!(right, "{covered:?}");
        }
    }
}

/// The first octets say what is expected, the others arrive.
pub fn receive(data: &[u8]) {
    let Some((&[flags, secret, hop_limit, protocol], payload)) = data.split_first_chunk() else {
        return;
    };
    let family = if flags & 1 == 0 {
        Family::V4
    } else {
        Family::V6
    };
    let version = if flags & 2 == 0 {
        Version::V3
    } else {
        Version::V2
    };
    let ours = [Ipv4Addr::new(192, 0, 2, 254)];
    let peers = [Peer {
        address: ends(family).source(),
        min_ttl: 1,
        max_ttl: 254,
    }];
    let key = Password::new(&[secret]);
    let keys = Key::new(secret.max(1), &[secret; 32]);
    let expected = Expected {
        version: (flags & 4 == 0).then_some(version),
        vrid: Vrid::new(secret),
        priority: Some(Priority::new(secret)),
        primary: (flags & 8 == 0).then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        addresses: Some(AddressList::V4(&ours)),
        interval: Some(AdvertInterval::DEFAULT),
        mode: if flags & 16 == 0 {
            Mode::Multicast {
                group: family.group(),
            }
        } else {
            Mode::Unicast {
                peers: &peers,
                check_source: flags & 32 == 0,
            }
        },
        checksum: ChecksumPolicy::OldUnicast,
        auth: match secret & 3 {
            0 => AuthPolicy::Any,
            1 => AuthPolicy::None,
            2 => AuthPolicy::Simple(key),
            _ => AuthPolicy::Ah(AhPolicy {
                key,
                ttl: AhTtl::Zero,
                last_sequence: Some(1),
            }),
        },
        owner: OwnerPolicy::Process,
        profile: if flags & 64 == 0 {
            Profile::Rfc
        } else {
            Profile::Keepalived
        },
        hmac: keys
            .iter()
            .next()
            .filter(|_| flags & 128 != 0)
            .map(|key| HmacPolicy {
                keys: core::slice::from_ref(key),
                mode: HmacMode::Permissive,
                anti_replay: AntiReplay::Monotonic,
                utc: core::time::Duration::ZERO,
                marks: &[],
            }),
    };
    let header = [hop_limit; 20];
    let datagram = Datagram {
        protocol: if protocol & 1 == 0 {
            PROTOCOL
        } else {
            protocol
        },
        ip_header: &header,
        ..Datagram::new(ends(family), hop_limit, payload)
    };
    match crate::receive(&datagram, &expected) {
        Ok(received) => {
            assert_eq!(received.vrid.get(), received.packet.vrid_octet());
            assert!(expected.vrid.is_none_or(|vrid| vrid == received.vrid));
            assert!(
                expected
                    .version
                    .is_none_or(|v| v == received.packet.version())
            );
            assert!(received.packet.version() == Version::V2 || received.interval.is_some());
            assert_eq!(
                received.signature.is_some(),
                received.packet.trailer().is_some()
            );
            let _ = write!(Sink, "{received:?}");
        }
        Err(discard) => {
            assert!(!discard.reason.name().is_empty());
            let _ = write!(Sink, "{discard} {:?}", discard.reason.counter());
        }
    }
    if let Ok(envelope) = Envelope::open(&datagram) {
        let _ = write!(Sink, "{}", envelope.unclaimed());
    }
}

/// What is signed verifies; with one bit changed, the checksum's aside, it does not.
pub fn hmac_verify(data: &[u8]) {
    let Some((&[id, bit, high, low], message)) = data.split_first_chunk() else {
        return;
    };
    let Ok(key) = Key::new(id.max(1), &[high; 32]) else {
        return;
    };
    let source = ends(Family::V4).source();
    let sequence = Sequence::new(u64::from_be_bytes([id, bit, high, low, id, bit, high, low]));
    // Nobody guesses an HMAC.
    if let Some((message, trailer)) = message.split_last_chunk() {
        assert!(!Trailer::new(*trailer).verify(&key, source, message));
    }
    let message = message
        .get(..message.len().min(ROOM - TRAILER_LEN))
        .unwrap_or_default();
    let Ok(trailer) = Trailer::sign(&key, sequence, source, message) else {
        return;
    };
    assert_eq!(
        (trailer.kind(), trailer.key_id(), trailer.reserved()),
        (1, key.id(), 0)
    );
    assert_eq!(trailer.sequence(), sequence);
    assert!(trailer.verify(&key, source, message));
    let mut changed = [0; ROOM];
    let Some(changed) = changed.get_mut(..message.len()) else {
        return;
    };
    changed.copy_from_slice(message);
    let at = usize::from(u16::from_be_bytes([high, low])) % changed.len();
    if let Some(octet) = changed.get_mut(at) {
        *octet ^= 1 << (bit % 8);
    }
    assert_eq!(trailer.verify(&key, source, changed), at == 6 || at == 7);
}

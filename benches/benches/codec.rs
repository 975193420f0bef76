//! The codec beside what one would take instead: see docs/performance.md.
//!
//! `naive` is the decoder that implementations of VRRP tend to have: it copies the message, collects
//! the addresses in a `Vec`, and sums a buffer put together for the checksum. `etherparse` takes the
//! IP header apart. `sum` is the bare checksum over the same octets: what no decoder can be under.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may panic"
)]

use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, AntiReplay, Authentication, ChecksumCoverage, Datagram,
    Endpoints, Envelope, Expected, Family, HmacMode, HmacPolicy, Key, Mode, Packet, Priority,
    Sequence, Trailer, Version, Vrid, set_priority,
};

/// One kind of advertisement.
struct Case {
    name: &'static str,
    version: Version,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    ends: Endpoints,
}

impl Case {
    fn v4(name: &'static str, version: Version, count: u8) -> Self {
        let ends = Endpoints::V4 {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: vrrp_proto::GROUP_V4,
        };
        let v4 = (0..count)
            .map(|host| Ipv4Addr::new(198, 51, 100, host))
            .collect();
        Self {
            name,
            version,
            v4,
            v6: Vec::new(),
            ends,
        }
    }

    fn v6(name: &'static str, count: u16) -> Self {
        let ends = Endpoints::V6 {
            source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
            destination: vrrp_proto::GROUP_V6,
        };
        let v6 = (0..count)
            .map(|host| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, host))
            .collect();
        Self {
            name,
            version: Version::V3,
            v4: Vec::new(),
            v6,
            ends,
        }
    }

    fn all() -> [Self; 5] {
        [
            Self::v4("v2-1", Version::V2, 1),
            Self::v4("v3-ipv4-1", Version::V3, 1),
            Self::v4("v3-ipv4-20", Version::V3, 20),
            Self::v4("v3-ipv4-255", Version::V3, 255),
            Self::v6("v3-ipv6-2", 2),
        ]
    }

    fn list(&self) -> AddressList<'_> {
        match self.ends.family() {
            Family::V4 => AddressList::V4(&self.v4),
            Family::V6 => AddressList::V6(&self.v6),
        }
    }

    fn advert(&self) -> Advert<'_> {
        Advert {
            version: self.version,
            vrid: Vrid::new(51).unwrap(),
            priority: Priority::DEFAULT,
            interval: AdvertInterval::DEFAULT,
            addresses: self.list(),
            authentication: Authentication::None,
        }
    }

    /// As RFC 9568 has it.
    fn message(&self) -> Vec<u8> {
        let mut message = vec![0; self.advert().wire_len()];
        self.advert()
            .emit(&self.ends, ChecksumCoverage::Message, &mut message)
            .unwrap();
        message
    }
}

fn parse(c: &mut Criterion) {
    for case in Case::all() {
        let message = case.message();
        let mut group = c.benchmark_group(format!("parse/{}", case.name));
        group.throughput(Throughput::Bytes(message.len() as u64));
        let family = case.ends.family();
        group.bench_function("vrrp-proto", |b| {
            b.iter(|| {
                Packet::parse(black_box(&message), family)
                    .unwrap()
                    .priority()
            });
        });
        group.bench_function("naive", |b| {
            b.iter(|| naive::parse(black_box(&message), family).unwrap());
        });
        group.finish();
    }
}

fn parse_verify(c: &mut Criterion) {
    for case in Case::all() {
        let message = case.message();
        let mut group = c.benchmark_group(format!("parse+verify/{}", case.name));
        group.throughput(Throughput::Bytes(message.len() as u64));
        let (ends, family) = (case.ends, case.ends.family());
        group.bench_function("vrrp-proto", |b| {
            b.iter(|| {
                let packet = Packet::parse(black_box(&message), family).unwrap();
                packet.verify(black_box(&ends)).unwrap()
            });
        });
        group.bench_function("naive", |b| {
            b.iter(|| {
                let packet = naive::parse(black_box(&message), family).unwrap();
                assert!(packet.verify(black_box(&message), black_box(&ends)));
                packet
            });
        });
        group.bench_function("sum", |b| b.iter(|| naive::sum(black_box(&message))));
        group.finish();
    }
}

/// All that a router does with a datagram, from the IP header on.
fn receive(c: &mut Criterion) {
    for case in Case::all() {
        let message = case.message();
        let expected = Expected {
            version: Some(case.version),
            vrid: Vrid::new(51),
            priority: Some(Priority::DEFAULT),
            primary: Some(match case.ends.family() {
                Family::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
                Family::V6 => IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)),
            }),
            addresses: Some(case.list()),
            interval: Some(AdvertInterval::DEFAULT),
            ..Expected::anything(Mode::Multicast {
                group: case.ends.family().group(),
            })
        };
        let mut group = c.benchmark_group(format!("receive/{}", case.name));
        group.throughput(Throughput::Bytes(message.len() as u64));
        if case.ends.family() == Family::V4 {
            let packet = ipv4(&case.ends, &message);
            group.bench_function("vrrp-proto", |b| {
                b.iter(|| {
                    let datagram = Datagram::from_ipv4(black_box(&packet)).unwrap();
                    Envelope::open(&datagram)
                        .unwrap()
                        .receive(black_box(&expected))
                        .unwrap()
                });
            });
            group.bench_function("etherparse+naive", |b| {
                b.iter(|| {
                    let (ip, message) = etherparse::Ipv4HeaderSlice::from_slice(black_box(&packet))
                        .map(|ip| (ip, &packet[ip.slice().len()..ip.total_len().into()]))
                        .unwrap();
                    let ends = Endpoints::V4 {
                        source: ip.source_addr(),
                        destination: ip.destination_addr(),
                    };
                    let packet = naive::parse(message, Family::V4).unwrap();
                    assert!(ip.ttl() == 255 && packet.verify(message, &ends));
                    assert!(packet.addresses.iter().eq(&case.v4));
                    packet
                });
            });
        } else {
            let datagram = Datagram::new(case.ends, 255, &message);
            group.bench_function("vrrp-proto", |b| {
                b.iter(|| {
                    let envelope = Envelope::open(black_box(&datagram)).unwrap();
                    envelope.receive(black_box(&expected)).unwrap()
                });
            });
        }
        group.finish();
    }
}

fn emit(c: &mut Criterion) {
    for case in Case::all() {
        let advert = case.advert();
        let mut buf = vec![0; advert.wire_len()];
        let mut group = c.benchmark_group(format!("emit/{}", case.name));
        group.throughput(Throughput::Bytes(buf.len() as u64));
        group.bench_function("vrrp-proto", |b| {
            b.iter(|| {
                let ends = black_box(&case.ends);
                black_box(&advert)
                    .emit(ends, ChecksumCoverage::Message, &mut buf)
                    .unwrap()
            });
        });
        group.bench_function("naive", |b| {
            b.iter(|| naive::build(black_box(&advert), black_box(&case.ends)));
        });
        group.finish();
    }
    let mut message = Case::v4("", Version::V3, 255).message();
    c.bench_function("set_priority/v3-ipv4-255", |b| {
        b.iter(|| set_priority(black_box(&mut message), Family::V4, Priority::DEFAULT).unwrap());
    });
}

fn hmac(c: &mut Criterion) {
    let case = Case::v4("v3-ipv4-1", Version::V3, 1);
    let (mut message, source) = (case.message(), case.ends.source());
    let keys = [Key::new(7, &[0x42; 32]).unwrap()];
    let utc = Duration::from_secs(1_700_000_000);
    let trailer = Trailer::sign(&keys[0], Sequence::at(utc), source, &message).unwrap();
    let mut group = c.benchmark_group("hmac/v3-ipv4-1");
    group.bench_function("sign", |b| {
        b.iter(|| Trailer::sign(&keys[0], Sequence::at(utc), source, black_box(&message)).unwrap());
    });
    group.bench_function("sign, naive", |b| {
        b.iter(|| naive::hmac(black_box(&[0x42; 32]), &message, &trailer.octets()[..12]));
    });
    message.extend(trailer.octets());
    let datagram = Datagram::new(case.ends, 255, &message);
    let expected = Expected {
        hmac: Some(HmacPolicy {
            keys: &keys,
            mode: HmacMode::Enforce,
            anti_replay: AntiReplay::Time { window: 5 },
            utc,
            marks: &[],
        }),
        ..Expected::anything(Mode::Multicast {
            group: Family::V4.group(),
        })
    };
    group.bench_function("receive", |b| {
        b.iter(|| vrrp_proto::receive(black_box(&datagram), &expected).unwrap());
    });
    group.bench_function("receive, naive", |b| {
        b.iter(|| {
            let (message, trailer) = black_box(&message[..]).split_at(12);
            let packet = naive::parse(message, Family::V4).unwrap();
            assert!(packet.verify(message, &case.ends));
            assert_eq!(
                naive::hmac(&[0x42; 32], message, &trailer[..12]),
                trailer[12..]
            );
            packet
        });
    });
    group.finish();
}

fn ipv4(ends: &Endpoints, message: &[u8]) -> Vec<u8> {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (ends.source(), ends.destination()) else {
        panic!("IPv4 only");
    };
    let len = u16::try_from(20 + message.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0xc0, len[0], len[1], 0, 0, 0, 0, 255, 112, 0, 0];
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(message);
    packet
}

/// A decoder and encoder as they are usually written.
mod naive {
    use ::hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;

    #[derive(Debug)]
    #[allow(dead_code, reason = "what a decoder keeps")]
    pub(super) struct Packet {
        pub(super) version: u8,
        pub(super) vrid: u8,
        pub(super) priority: u8,
        pub(super) interval: u16,
        pub(super) checksum: u16,
        pub(super) addresses: Vec<IpAddr>,
        pub(super) auth_data: Vec<u8>,
    }

    pub(super) fn parse(message: &[u8], family: Family) -> Option<Packet> {
        // Its own copy, as a decoder on a reference-counted buffer makes it.
        let data = message.to_vec();
        if data.len() < 8 {
            return None;
        }
        let (version, count) = (data[0] >> 4, usize::from(data[3]));
        let (size, auth) = (family.addr_len(), if version == 2 { 8 } else { 0 });
        if data[0] & 15 != 1 || data.len() != 8 + count * size + auth {
            return None;
        }
        let mut addresses = Vec::new();
        for n in 0..count {
            let octets = &data[8 + n * size..8 + (n + 1) * size];
            addresses.push(match family {
                Family::V4 => IpAddr::from(<[u8; 4]>::try_from(octets).unwrap()),
                Family::V6 => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap()),
            });
        }
        Some(Packet {
            version,
            vrid: data[1],
            priority: data[2],
            interval: u16::from_be_bytes([data[4], data[5]]),
            checksum: u16::from_be_bytes([data[6], data[7]]),
            addresses,
            auth_data: data[8 + count * size..].to_vec(),
        })
    }

    impl Packet {
        /// Recomputes: once as RFC 9568 says, once more with the pseudo-header if that fails.
        pub(super) fn verify(&self, message: &[u8], ends: &Endpoints) -> bool {
            let mut data = message.to_vec();
            data[6] = 0;
            data[7] = 0;
            let plain = ends.family() == Family::V4 && !sum(&data) == self.checksum;
            plain || !sum(&[pseudo_header(ends, data.len()), data].concat()) == self.checksum
        }
    }

    pub(super) fn build(advert: &Advert<'_>, ends: &Endpoints) -> Vec<u8> {
        let mut data = vec![
            advert.version.get() << 4 | 1,
            advert.vrid.get(),
            advert.priority.get(),
            u8::try_from(advert.addresses.len()).unwrap(),
        ];
        match advert.version {
            Version::V2 => data.extend([0, advert.interval.to_v2_secs().unwrap()]),
            Version::V3 => data.extend(advert.interval.to_v3_centis().unwrap().to_be_bytes()),
        }
        data.extend([0, 0]);
        match advert.addresses {
            AddressList::V4(list) => list.iter().for_each(|a| data.extend(a.octets())),
            AddressList::V6(list) => list.iter().for_each(|a| data.extend(a.octets())),
        }
        if advert.version == Version::V2 {
            data.extend([0; 8]);
        }
        let checksum = match ends.family() {
            Family::V4 => !sum(&data),
            Family::V6 => !sum(&[pseudo_header(ends, data.len()), data.clone()].concat()),
        };
        data[6..8].copy_from_slice(&checksum.to_be_bytes());
        data
    }

    /// The message put together again, and a key hashed for every message.
    pub(super) fn hmac(key: &[u8], message: &[u8], head: &[u8]) -> Vec<u8> {
        let mut data = vec![4, message[0] >> 4, message[1], 0, 192, 0, 2, 1];
        data.extend([0; 12]);
        data.extend(message);
        data[26..28].fill(0);
        data.extend(head);
        data.extend([0; 16]);
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(&data);
        mac.finalize().into_bytes()[..16].to_vec()
    }

    fn pseudo_header(ends: &Endpoints, len: usize) -> Vec<u8> {
        let mut pseudo = Vec::new();
        match ends {
            Endpoints::V4 {
                source,
                destination,
            } => {
                pseudo.extend(source.octets());
                pseudo.extend(destination.octets());
                pseudo.extend([0, 112]);
                pseudo.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
            Endpoints::V6 {
                source,
                destination,
            } => {
                pseudo.extend(source.octets());
                pseudo.extend(destination.octets());
                pseudo.extend(u32::try_from(len).unwrap().to_be_bytes());
                pseudo.extend([0, 0, 0, 112]);
            }
        }
        pseudo
    }

    /// RFC 1071's sum, word by word.
    pub(super) fn sum(data: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for word in data.chunks(2) {
            sum += u32::from(u16::from_be_bytes([
                word[0],
                word.get(1).copied().unwrap_or(0),
            ]));
        }
        while sum >> 16 != 0 {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        u16::try_from(sum).unwrap()
    }
}

criterion_group!(benches, parse, parse_verify, receive, emit, hmac);
criterion_main!(benches);

//! Properties of the codec over adverts and octets of every kind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::{naive_checksum, pseudo_header};
use proptest::collection::vec;
use proptest::prelude::*;
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, Authentication, Body, ChecksumCoverage, Endpoints, Family,
    Packet, Password, Priority, Version, Vrid, fuzzing, set_priority,
};

/// An advert with what it borrows.
#[derive(Clone, Debug)]
struct Owned {
    version: Version,
    vrid: u8,
    priority: u8,
    interval: AdvertInterval,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    password: Option<[u8; 8]>,
    ends: Endpoints,
    coverage: ChecksumCoverage,
}

impl Owned {
    fn advert(&self) -> Advert<'_> {
        Advert {
            version: self.version,
            vrid: Vrid::new(self.vrid).unwrap(),
            priority: Priority::new(self.priority),
            interval: self.interval,
            addresses: match self.ends.family() {
                Family::V4 => AddressList::V4(&self.v4),
                Family::V6 => AddressList::V6(&self.v6),
            },
            authentication: match self.password {
                Some(password) => Authentication::Simple(Password::new(&password)),
                None => Authentication::None,
            },
        }
    }

    fn emit(&self) -> Vec<u8> {
        common::emit(&self.advert(), &self.ends, self.coverage)
    }
}

fn endpoints(family: Family) -> BoxedStrategy<Endpoints> {
    match family {
        Family::V4 => any::<(Ipv4Addr, Ipv4Addr)>()
            .prop_map(|(source, destination)| Endpoints::V4 {
                source,
                destination,
            })
            .boxed(),
        Family::V6 => any::<(Ipv6Addr, Ipv6Addr)>()
            .prop_map(|(source, destination)| Endpoints::V6 {
                source,
                destination,
            })
            .boxed(),
    }
}

fn coverage() -> impl Strategy<Value = ChecksumCoverage> {
    prop_oneof![
        Just(ChecksumCoverage::Message),
        Just(ChecksumCoverage::PseudoHeader)
    ]
}

fn owned() -> impl Strategy<Value = Owned> {
    let kinds = prop_oneof![
        Just((Version::V2, Family::V4)),
        Just((Version::V3, Family::V4)),
        Just((Version::V3, Family::V6)),
    ];
    kinds.prop_flat_map(|(version, family)| {
        let interval = match version {
            Version::V2 => (1..=255_u16).prop_map(|secs| secs * 100).boxed(),
            Version::V3 => (1..=4095_u16).boxed(),
        };
        let password = match version {
            Version::V2 => any::<Option<[u8; 8]>>().boxed(),
            Version::V3 => Just(None).boxed(),
        };
        let head = (1..=255_u8, any::<u8>(), interval, password);
        let list = (
            vec(any::<Ipv4Addr>(), 1..=255),
            vec(any::<Ipv6Addr>(), 1..=255),
        );
        (head, list, endpoints(family), coverage()).prop_map(
            move |((vrid, priority, interval, password), (v4, v6), ends, coverage)| Owned {
                version,
                vrid,
                priority,
                interval: AdvertInterval::from_centis(interval).unwrap(),
                v4,
                v6,
                password,
                ends,
                coverage,
            },
        )
    })
}

proptest! {
    //= HARD-PROTO-03 test
    //= R3768-5.3-01 test
    #[test]
    fn parse_takes_apart_what_emit_put_together(owned in owned()) {
        let message = owned.emit();
        let packet = Packet::parse(&message, owned.ends.family()).unwrap();
        let advert = owned.advert();
        prop_assert_eq!(packet.version(), advert.version);
        prop_assert_eq!(packet.vrid(), Some(advert.vrid));
        prop_assert_eq!(packet.priority(), advert.priority);
        prop_assert_eq!(packet.interval(), Some(advert.interval));
        let addresses: Vec<IpAddr> = match advert.addresses {
            AddressList::V4(list) => list.iter().map(|a| IpAddr::V4(*a)).collect(),
            AddressList::V6(list) => list.iter().map(|a| IpAddr::V6(*a)).collect(),
        };
        prop_assert!(packet.addresses().eq(addresses));
        match packet.body() {
            Body::V2 { auth_type, auth_data, .. } => {
                prop_assert_eq!(auth_type, advert.authentication.auth_type());
                prop_assert_eq!(*auth_data, owned.password.unwrap_or_default());
            }
            Body::V3 { reserve, .. } => prop_assert_eq!(reserve, 0),
        }
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1071(owned in owned()) {
        let message = owned.emit();
        let packet = Packet::parse(&message, owned.ends.family()).unwrap();
        let plain = naive_checksum(&message, &owned.ends, ChecksumCoverage::Message);
        let pseudo = naive_checksum(&message, &owned.ends, ChecksumCoverage::PseudoHeader);
        // Zero has two representations.
        let same = |sum: u16| sum % 0xffff == packet.checksum() % 0xffff;
        let (may_plain, may_pseudo) = match (owned.version, owned.ends.family()) {
            (Version::V2, _) => (true, false),
            (Version::V3, Family::V4) => (true, true),
            (Version::V3, Family::V6) => (false, true),
        };
        let covered = packet.verify(&owned.ends).unwrap();
        prop_assert_eq!(covered.includes(ChecksumCoverage::Message), may_plain && same(plain));
        prop_assert_eq!(
            covered.includes(ChecksumCoverage::PseudoHeader),
            may_pseudo && same(pseudo)
        );
        prop_assert!(!pseudo_header(&owned.ends, message.len()).is_empty());
    }

    //= R9568-5.2.8-04 test
    #[test]
    fn one_bit_errors_are_found(owned in owned(), bit in any::<prop::sample::Index>()) {
        let mut message = owned.emit();
        let family = owned.ends.family();
        // In the form it was sent in.
        let sent = match (owned.version, family) {
            (Version::V2, _) => ChecksumCoverage::Message,
            (Version::V3, Family::V4) => owned.coverage,
            (Version::V3, Family::V6) => ChecksumCoverage::PseudoHeader,
        };
        let bit = bit.index(message.len() * 8);
        message[bit / 8] ^= 1 << (bit % 8);
        let intact = Packet::parse(&message, family)
            .is_ok_and(|packet| packet.verify(&owned.ends).is_ok_and(|c| c.includes(sent)));
        prop_assert!(!intact);
    }

    //= HARD-PROTO-05 test
    #[test]
    fn a_changed_priority_is_as_if_emitted_with_it(mut owned in owned(), priority: u8) {
        let mut message = owned.emit();
        let new = Priority::new(priority);
        prop_assert!(set_priority(&mut message, owned.ends.family(), new).is_ok());
        owned.priority = priority;
        prop_assert_eq!(message, owned.emit());
    }

    //= HARD-PROTO-01 test
    #[test]
    fn any_octets_do(data in vec(any::<u8>(), 0..600)) {
        fuzzing::parse(&data);
        fuzzing::round_trip(&data);
        fuzzing::receive(&data);
        fuzzing::hmac_verify(&data);
    }

    /// Octets that look like VRRP at the front get further.
    #[test]
    fn nearly_right_octets_do(
        owned in owned(),
        cut in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        more in vec(any::<u8>(), 0..40),
        head in any::<[u8; 4]>(),
    ) {
        let mut data = owned.emit();
        for (at, octet) in changes {
            let at = at.index(data.len());
            data[at] = octet;
        }
        data.truncate(data.len() - cut.index(data.len()) / 8);
        data.extend(more);
        fuzzing::parse(&data);
        fuzzing::round_trip(&data);
        let data = [&head[..], &data].concat();
        fuzzing::receive(&data);
        fuzzing::hmac_verify(&data);
    }
}

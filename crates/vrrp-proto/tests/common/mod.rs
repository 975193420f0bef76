//! Adverts to test with, and a checksum written independently of the crate's.
#![allow(dead_code, reason = "each test uses some of it")]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use vrrp_proto::{
    AddressList, Advert, AdvertInterval, Authentication, ChecksumCoverage, Datagram, Discard,
    Endpoints, Expected, Family, GROUP_V4, GROUP_V6, Mode, Priority, Received, Version, Vrid,
    receive,
};

pub(crate) const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const PRIMARY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
pub(crate) const VIPS: [Ipv4Addr; 3] = [
    Ipv4Addr::new(192, 0, 2, 254),
    Ipv4Addr::new(192, 0, 2, 253),
    Ipv4Addr::new(198, 51, 100, 7),
];
pub(crate) const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100);
pub(crate) const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
pub(crate) const MULTICAST: Mode<'_> = Mode::Multicast {
    group: IpAddr::V4(GROUP_V4),
};
pub(crate) const MULTICAST_V6: Mode<'_> = Mode::Multicast {
    group: IpAddr::V6(GROUP_V6),
};

pub(crate) const ENDS: Endpoints = Endpoints::V4 {
    source: SOURCE,
    destination: GROUP_V4,
};
pub(crate) const ENDS_V6: Endpoints = Endpoints::V6 {
    source: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
    destination: GROUP_V6,
};

pub(crate) fn advert(version: Version) -> Advert<'static> {
    Advert {
        version,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority::DEFAULT,
        interval: AdvertInterval::DEFAULT,
        addresses: AddressList::V4(&VIPS),
        authentication: Authentication::None,
    }
}

pub(crate) fn advert_v6() -> Advert<'static> {
    Advert {
        addresses: AddressList::V6(&[LINK_LOCAL, GLOBAL]),
        ..advert(Version::V3)
    }
}

pub(crate) fn emit(advert: &Advert<'_>, ends: &Endpoints, coverage: ChecksumCoverage) -> Vec<u8> {
    let mut message = vec![0xa5; advert.wire_len()];
    assert_eq!(advert.emit(ends, coverage, &mut message), Ok(message.len()));
    message
}

pub(crate) fn v2() -> Vec<u8> {
    emit(&advert(Version::V2), &ENDS, ChecksumCoverage::Message)
}

pub(crate) fn v3() -> Vec<u8> {
    emit(&advert(Version::V3), &ENDS, ChecksumCoverage::Message)
}

pub(crate) fn v6() -> Vec<u8> {
    emit(&advert_v6(), &ENDS_V6, ChecksumCoverage::PseudoHeader)
}

/// RFC 1071 as it stands there, word by word.
pub(crate) fn naive_sum(octets: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for word in octets.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    u16::try_from(sum).unwrap()
}

pub(crate) fn pseudo_header(ends: &Endpoints, len: usize) -> Vec<u8> {
    let len = u16::try_from(len).unwrap().to_be_bytes();
    match ends {
        Endpoints::V4 {
            source,
            destination,
        } => [&source.octets()[..], &destination.octets(), &[0, 112], &len].concat(),
        Endpoints::V6 {
            source,
            destination,
        } => [
            &source.octets()[..],
            &destination.octets(),
            &[0, 0],
            &len,
            &[0, 0, 0, 112],
        ]
        .concat(),
    }
}

/// The checksum that belongs into the message.
pub(crate) fn naive_checksum(message: &[u8], ends: &Endpoints, coverage: ChecksumCoverage) -> u16 {
    let mut all = match coverage {
        ChecksumCoverage::Message => Vec::new(),
        ChecksumCoverage::PseudoHeader => pseudo_header(ends, message.len()),
    };
    let start = all.len();
    all.extend(message);
    all[start + 6..start + 8].fill(0);
    !naive_sum(&all)
}

/// `message` with `change` made to it and its checksum right again.
pub(crate) fn with(mut message: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut message);
    let checksum = naive_checksum(&message, &ENDS, ChecksumCoverage::Message);
    message[6..8].copy_from_slice(&checksum.to_be_bytes());
    message
}

pub(crate) fn with_v6(mut message: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut message);
    let checksum = naive_checksum(&message, &ENDS_V6, ChecksumCoverage::PseudoHeader);
    message[6..8].copy_from_slice(&checksum.to_be_bytes());
    message
}

/// A router with the same configuration as the sender of [`advert`].
pub(crate) fn router(version: Version) -> Expected<'static> {
    Expected {
        version: Some(version),
        vrid: Vrid::new(51),
        priority: Some(Priority::DEFAULT),
        primary: Some(PRIMARY),
        addresses: Some(AddressList::V4(&VIPS)),
        interval: Some(AdvertInterval::DEFAULT),
        ..Expected::anything(MULTICAST)
    }
}

pub(crate) fn hear<'a>(
    message: &'a [u8],
    expected: &Expected<'_>,
) -> Result<Received<'a>, Discard> {
    let ends = match expected.mode {
        Mode::Multicast { group } if Family::of(&group) == Family::V6 => ENDS_V6,
        Mode::Multicast { .. } | Mode::Unicast { .. } => ENDS,
    };
    receive(&Datagram::new(ends, 255, message), expected)
}

/// The name of the reason, or "accepted".
pub(crate) fn verdict(message: &[u8], expected: &Expected<'_>) -> &'static str {
    hear(message, expected).map_or_else(|discard| discard.reason.name(), |_| "accepted")
}

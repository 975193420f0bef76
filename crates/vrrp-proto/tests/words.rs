//! The vocabulary: what each type lets in, and how it reads.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{
    AdvertInterval, Endpoints, Family, IntervalError, Priority, Version, VirtualMac, Vrid,
};

#[test]
fn intervals() {
    assert_eq!(AdvertInterval::from_centis(0), Err(IntervalError::Zero));
    assert_eq!(AdvertInterval::from_secs(0), Err(IntervalError::Zero));
    let too_long = IntervalError::TooLong { centis: 25_501 };
    assert_eq!(AdvertInterval::from_centis(25_501), Err(too_long));
    assert_eq!(AdvertInterval::from_secs(255), Ok(AdvertInterval::MAX_V2));
    assert_eq!(
        AdvertInterval::default(),
        AdvertInterval::from_secs(1).unwrap()
    );
    // Centiseconds, what either version can say, and how it reads.
    for (centis, v2, v3, text) in [
        (1, None, Some(1), "0.01 s"),
        (50, None, Some(50), "0.5 s"),
        (93, None, Some(93), "0.93 s"),
        (100, Some(1), Some(100), "1 s"),
        (4095, None, Some(4095), "40.95 s"),
        (4096, None, None, "40.96 s"),
        (25_500, Some(255), None, "255 s"),
    ] {
        let interval = AdvertInterval::from_centis(centis).unwrap();
        assert_eq!(
            (interval.to_v2_secs(), interval.to_v3_centis()),
            (v2, v3),
            "{text}"
        );
        assert_eq!(interval.to_string(), text);
        assert_eq!(
            interval.as_duration(),
            Duration::from_millis(u64::from(centis) * 10)
        );
    }
}

#[test]
fn identifiers_and_priorities() {
    assert_eq!(Vrid::new(0), None);
    assert_eq!(Vrid::new(255).unwrap().get(), 255);
    assert_eq!(Priority::default(), Priority::new(100));
    assert!(Priority::OWNER > Priority::DEFAULT && Priority::DEFAULT > Priority::RELINQUISH);
    assert_eq!(
        (Version::V2.to_string(), Version::V3.get()),
        ("2".into(), 3)
    );
    let mac = VirtualMac::new(Family::V6, Vrid::new(7).unwrap());
    assert_eq!(mac.octets(), [0, 0, 0x5e, 0, 2, 7]);
}

#[test]
fn endpoints_are_of_one_family() {
    let (v4, v6): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "fe80::1".parse().unwrap());
    for (source, destination, family) in [
        (v4, v4, Some(Family::V4)),
        (v6, v6, Some(Family::V6)),
        (v4, v6, None),
        (v6, v4, None),
    ] {
        let ends = Endpoints::new(source, destination);
        assert_eq!(ends.map(|ends| ends.family()), family);
        if let Some(ends) = ends {
            assert_eq!((ends.source(), ends.destination()), (source, destination));
            assert_eq!(Family::of(&source), ends.family());
            assert!(ends.family().group().is_multicast());
        }
    }
}

/// What a snapshot holds comes back as it was, and nothing that could not be made comes in.
#[test]
fn serde_keeps_the_words() {
    fn back<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + core::fmt::Debug>(
        value: T,
    ) {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }
    back(Vrid::new(51).unwrap());
    back(AdvertInterval::MAX_V3);
    back(Priority::OWNER);
    back(Endpoints::new("fe80::1".parse().unwrap(), "ff02::12".parse().unwrap()).unwrap());
    let source = "192.0.2.1".parse().unwrap();
    let mut marks = [vrrp_proto::Mark::default(); 2];
    vrrp_proto::Mark::record(&mut marks, source, vrrp_proto::Sequence::new(u64::MAX));
    back(marks);
    assert!(serde_json::from_str::<Vrid>("0").is_err());
    assert!(serde_json::from_str::<AdvertInterval>("0").is_err());
    assert!(serde_json::from_str::<AdvertInterval>("25501").is_err());
}

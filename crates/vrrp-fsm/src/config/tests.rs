use super::*;

fn options() -> RouterOptions {
    let vrid = Vrid::new(51).unwrap();
    RouterOptions::rfc(IfaceId(1), Family::V4, vrid).with_addresses([[192, 0, 2, 254].into()])
}

const SIX: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A configuration that exists can run; each of these cannot.
//= R9568-5.2.4-03 test
//= R9568-6.1-03 test
//= R9568-6.1-04 test
//= R9568-5.2.9-02 test
#[test]
fn what_cannot_run_cannot_be_made() {
    let interval = |centis| AdvertInterval::from_centis(centis).unwrap();
    let unicast = |peers: &[Peer]| Destination::Unicast {
        peers: peers.to_vec(),
        check_source: false,
    };
    let (v2, v3) = (Version::V2, Version::V3);
    let family = Family::V4;
    let cases = [
        (
            RouterOptions {
                family: Family::V6,
                version: v2,
                ..options()
            },
            ConfigError::V2OverIpv6,
        ),
        (
            RouterOptions {
                priority: Priority::RELINQUISH,
                ..options()
            },
            ConfigError::Priority,
        ),
        (
            RouterOptions {
                interval: interval(4096),
                ..options()
            },
            ConfigError::Interval {
                version: v3,
                interval: interval(4096),
            },
        ),
        (
            RouterOptions {
                version: v2,
                interval: interval(150),
                ..options()
            },
            ConfigError::Interval {
                version: v2,
                interval: interval(150),
            },
        ),
        (options().with_addresses([]), ConfigError::NoAddresses),
        (
            options().with_addresses((0..=255).map(|last| [10, 0, 0, last].into())),
            ConfigError::TooManyAddresses { count: 256 },
        ),
        (
            RouterOptions {
                addresses: Addresses::empty(Family::V6),
                ..options()
            },
            ConfigError::Family { family },
        ),
        (
            RouterOptions {
                source: Some(SIX),
                ..options()
            },
            ConfigError::Family { family },
        ),
        (
            RouterOptions {
                destination: Destination::Multicast(SIX),
                ..options()
            },
            ConfigError::Family { family },
        ),
        (
            RouterOptions {
                destination: unicast(&[]),
                ..options()
            },
            ConfigError::NoPeers,
        ),
        (
            RouterOptions {
                down_timer_adverts: 0,
                ..options()
            },
            ConfigError::DownTimerAdverts { adverts: 0 },
        ),
        (
            RouterOptions {
                auth: Auth::Simple(Password::new(b"x")),
                ..options()
            },
            ConfigError::AuthInV3,
        ),
    ];
    for (options, error) in cases {
        assert_eq!(RouterConfig::try_from(options), Err(error));
    }
    //= KA-CFG-07 test
    let none = RouterOptions {
        version: v2,
        ..options().with_addresses([])
    };
    assert!(
        RouterConfig::try_from(none).is_ok(),
        "VRRPv2 may have no address, as in keepalived"
    );
}

/// RFC 9568 §6.1, RFC 3768 §6.1.
//= R9568-6.1-02 test
//= R9568-6.1-04 test
//= R3768-6.1-01 test
//= R3768-5.3.4-02 test
#[test]
fn defaults_are_those_of_the_texts() {
    let RouterOptions {
        priority,
        interval,
        preempt,
        down_timer_adverts,
        ..
    } = options();
    assert_eq!(
        (priority.get(), interval.as_centis(), down_timer_adverts),
        (100, 100, 3)
    );
    assert_eq!(preempt, Preempt::AtOnce);
    let vrid = Vrid::new(1).unwrap();
    let of = |family| RouterOptions::keepalived(IfaceId(1), family, vrid);
    assert_eq!(of(Family::V4).version, Version::V2);
    assert_eq!(of(Family::V6).version, Version::V3);
}

/// A bound for any peer's TTL means that the source is checked; a period of zero is none.
//= KA-UNI-03 test
#[test]
fn what_follows_from_what_was_written() {
    let bounded = Peer {
        address: [192, 0, 2, 3].into(),
        min_ttl: 250,
        max_ttl: 255,
    };
    let destination = Destination::Unicast {
        peers: [bounded].into(),
        check_source: false,
    };
    let announce = AnnounceSchedule {
        refresh: Some(Duration::ZERO),
        ..AnnounceSchedule::KEEPALIVED
    };
    let config = RouterConfig::try_from(RouterOptions {
        destination,
        announce,
        ..options()
    });
    let config = config.unwrap();
    assert!(matches!(
        config.destination,
        Destination::Unicast {
            check_source: true,
            ..
        }
    ));
    assert_eq!(config.announce.refresh, None);
}

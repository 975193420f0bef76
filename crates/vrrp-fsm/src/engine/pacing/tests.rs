use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::config::{AnnounceSchedule, EngineConfig, RouterOptions};
use crate::engine::tests::*;
use crate::{Carrier, IfaceId, Input, Role};

/// Two routers of two addresses each, the second's second one on another interface; eth0 keeps 100
/// ms between gratuitous ARPs.
fn paced(group_of_eth1: Option<u32>) -> EngineConfig {
    let announce = AnnounceSchedule {
        burst: 2,
        ..AnnounceSchedule::RFC
    };
    let of = |vrid, addresses: [IpAddr; 2]| RouterOptions {
        announce,
        priority: vrrp_proto::Priority::OWNER,
        ..options(vrid).with_addresses(addresses)
    };
    let mut second = of(2, [addr(102), addr(202)]);
    second.announced[1].iface = ETH1;
    let pace = |group| Pacing {
        group,
        arp: Some(Duration::from_millis(100)),
        na: None,
    };
    let mut pacing: alloc::collections::BTreeMap<_, _> = [(ETH0, pace(0))].into();
    pacing.extend(group_of_eth1.map(|group| (ETH1, pace(group))));
    EngineConfig {
        pacing,
        ..config([(R1, of(1, [addr(101), addr(201)])), (R2, second)])
    }
}

/// When which address was announced, and how often at once.
fn frames(commands: &[(Instant, Command)]) -> Vec<(u64, IpAddr, u8)> {
    let mut frames = Vec::new();
    for (at, command) in commands {
        if let Command::Announce { what, rounds, .. } = command {
            let millis = at.as_nanos() / 1_000_000;
            match what {
                Announcement::One(one) => frames.push((millis, one.address, *rounds)),
                Announcement::These(these) => {
                    frames.extend(these.iter().map(|one| (millis, one.address, *rounds)));
                }
                Announcement::All => panic!("an interface with a distance to keep"),
            }
        }
    }
    frames
}

fn startup(engine: &mut Engine) -> Vec<(Instant, Command)> {
    engine.handle(ms(0), Input::Startup);
    let mut all: Vec<_> = commands(engine)
        .into_iter()
        .map(|command| (ms(0), command))
        .collect();
    all.extend(run(engine, ms(900)));
    all
}

#[test]
fn one_at_a_time_and_the_others_at_once() {
    let mut engine = ready(paced(None));
    let all = startup(&mut engine);
    assert_eq!(
        frames(&all),
        [
            (0, addr(101), 1),
            (0, addr(202), 2),
            (100, addr(201), 1),
            (200, addr(101), 1),
            (300, addr(201), 1),
            (400, addr(102), 1),
            (500, addr(102), 1),
        ]
    );
}

#[test]
fn interfaces_share_a_queue_or_have_their_own() {
    let mut shared = ready(paced(Some(0)));
    let times: Vec<_> = frames(&startup(&mut shared))
        .iter()
        .map(|frame| frame.0)
        .collect();
    assert_eq!(times, [0, 100, 200, 300, 400, 500, 600, 700]);
    let mut apart = ready(paced(Some(1)));
    let eth1 = frames(&startup(&mut apart))
        .into_iter()
        .filter(|frame| frame.1 == addr(202));
    assert_eq!(
        eth1.collect::<Vec<_>>(),
        [(0, addr(202), 1), (100, addr(202), 1)]
    );
}

#[test]
fn who_is_not_active_any_more_announces_nothing() {
    let mut engine = ready(paced(None));
    engine.handle(ms(0), Input::Startup);
    run(&mut engine, ms(100));
    commands(&mut engine);
    engine.handle(
        ms(150),
        Input::Blocked {
            router: R1,
            blocked: true,
        },
    );
    assert_eq!(role(&engine, R1), Role::Initialize);
    let frames = frames(&run(&mut engine, ms(900)));
    assert_eq!(frames, [(200, addr(102), 1), (300, addr(102), 1)]);
}

/// A new burst takes the place of what is left of the old one: the queue does not grow.
#[test]
fn bursts_do_not_pile_up() {
    let mut engine = ready(paced(None));
    startup(&mut engine);
    for _ in 0..100 {
        engine.handle(ms(900), Input::AnnounceNow(R1));
    }
    commands(&mut engine);
    assert!(engine.paces[&0].queue.len() <= 4);
}

/// keepalived's `garp_extra_if`: bridges on other interfaces learn where the virtual MAC is, from one address on each.
#[test]
fn other_interfaces_hear_from_us_at_intervals() {
    let (b, c, d, e) = (addr(202), addr(203), addr(204), addr(205));
    for (all, expected) in [(false, [d].as_slice()), (true, &[b, d])] {
        let every = Duration::from_secs(10);
        let elsewhere = Some(crate::Elsewhere { every, all });
        let announce = AnnounceSchedule {
            elsewhere,
            ..AnnounceSchedule::RFC
        };
        let mut router = RouterOptions {
            announce,
            ..options(1).with_addresses([addr(101), addr(102), b, c, d, e])
        };
        // Its own interface with a virtual MAC.
        router.announced[1].iface = IfaceId(4);
        for announced in &mut router.announced[2..4] {
            (announced.iface, announced.carrier) = (ETH1, Carrier::Plain);
        }
        for announced in &mut router.announced[4..] {
            (announced.iface, announced.carrier) = (IfaceId(3), Carrier::Made);
        }
        let mut engine = started(config([(R1, router)]));
        let commands = run(&mut engine, ms(34_000));
        let mut times = Vec::new();
        for (at, command) in commands {
            if let Command::Announce {
                what: Announcement::These(these),
                rounds: 1,
                ..
            } = command
            {
                times.push(at.as_nanos() / 1_000_000);
                assert_eq!(
                    these.iter().map(|one| one.address).collect::<Vec<_>>(),
                    expected
                );
            }
        }
        assert_eq!(times, [13_609, 23_609, 33_609]);
    }
}

use alloc::vec::Vec;

use super::*;
use crate::config::{AnnounceSchedule, RouterOptions};
use crate::engine::tests::*;
use crate::{Command, Input};

fn watchful() -> RouterOptions {
    let announce = AnnounceSchedule {
        after_trouble: true,
        ..AnnounceSchedule::RFC
    };
    RouterOptions {
        announce,
        ..options(1)
    }
}

fn active() -> Engine {
    let mut engine = started(config([(R1, watchful())]));
    run(&mut engine, ms(5_000));
    engine
}

/// Two Actives for two seconds: who, how long, and that it is over when the other one is silent.
#[test]
fn the_second_losing_advert_is_a_split_brain_and_silence_heals_it() {
    let mut engine = active();
    let peer = priority(50);
    for millis in [5_100, 6_100, 7_100] {
        run(&mut engine, ms(millis));
        hear(&mut engine, ms(millis), PEER, &message(1, 50));
        let told = said(&mut engine);
        let differs = Differences::default();
        let split = Report::SplitBrain {
            with: PEER,
            priority: peer,
            differs,
        };
        assert_eq!(told.contains(&split), millis == 6_100, "once: {told:?}");
    }
    let shown = engine.snapshot(R1).unwrap();
    let split = shown.split_brain.unwrap();
    assert_eq!((split.with, split.adverts, split.healed), (PEER, 3, None));
    assert_eq!((split.since, split.last), (ms(5_100), ms(7_100)));
    assert_eq!(shown.stats.split_brains, 1);

    // Three of its intervals and its skew after the last one, the hosts hear from us again.
    let commands = run(&mut engine, ms(12_000));
    let silent = ms(7_100) + Duration::from_nanos(3_804_687_500);
    let lasted = Duration::from_secs(2);
    let healed = Report::SplitBrainHealed { with: PEER, lasted };
    let after: Vec<_> = commands
        .into_iter()
        .filter(|(at, _)| *at == silent)
        .map(|(_, command)| command)
        .collect();
    assert_eq!(
        after,
        [Command::Report(Notice::Router(R1, healed)), announce(R1, 1)]
    );
    let split = engine.snapshot(R1).unwrap().split_brain.unwrap();
    assert_eq!(split.healed, Some(silent), "remembered");
}

#[test]
fn a_relinquish_heals_at_once_and_so_does_giving_way() {
    let mut engine = active();
    for millis in [5_100, 6_100] {
        hear(&mut engine, ms(millis), PEER, &message(1, 50));
    }
    hear(&mut engine, ms(6_200), PEER, &message(1, 0));
    assert_eq!(
        engine.snapshot(R1).unwrap().split_brain.unwrap().healed,
        Some(ms(6_200))
    );
    assert!(done(&mut engine).contains(&announce(R1, 1)));

    let mut engine = active();
    for millis in [5_100, 6_100] {
        hear(&mut engine, ms(millis), PEER, &message(1, 50));
    }
    done(&mut engine);
    hear(&mut engine, ms(6_200), addr(9), &message(1, 200));
    assert_eq!(
        engine.snapshot(R1).unwrap().split_brain.unwrap().healed,
        Some(ms(6_200))
    );
    assert!(
        !done(&mut engine).contains(&announce(R1, 1)),
        "they are not ours to announce"
    );
}

/// An advert that crossed ours on the way is no split brain, but the hosts may have heard its sender.
#[test]
fn one_advert_is_none() {
    let mut engine = active();
    hear(&mut engine, ms(5_100), PEER, &message(1, 50));
    let commands = run(&mut engine, ms(20_000));
    assert_eq!(engine.snapshot(R1).unwrap().split_brain, None);
    let announced = commands
        .iter()
        .filter(|(_, command)| *command == announce(R1, 1));
    assert_eq!(announced.count(), 1);
}

/// What is refused counts too: it is why both serve.
#[test]
fn a_refused_packet_tells_what_differs() {
    let mut engine = active();
    let mut v2 = message(1, 50);
    v2[0] = 0x21;
    for millis in [5_100, 6_100] {
        hear(&mut engine, ms(millis), PEER, &v2);
    }
    let split = engine.snapshot(R1).unwrap().split_brain.unwrap();
    let differs = Differences {
        version: true,
        ..Differences::default()
    };
    assert_eq!((split.with, split.differs), (PEER, differs));
}

#[test]
fn a_handover_is_no_split_brain() {
    let mut engine = active();
    engine.handle(ms(5_000), Input::Drain(crate::Scope::All));
    for millis in [5_100, 6_100] {
        hear(&mut engine, ms(millis), PEER, &message(1, 50));
    }
    assert_eq!(engine.snapshot(R1).unwrap().split_brain, None);
}

/// Each reason says at most one thing about its sender, and all that say something show an Active
/// router.
#[test]
fn reasons_and_differences_agree() {
    let found = PEER;
    let auth = Differences {
        authentication: true,
        ..Differences::default()
    };
    let cases = [
        (Reason::AuthFailure, auth),
        (Reason::AuthExtMissing, auth),
        (Reason::TrailingBytes { extra: 28 }, auth),
        (
            Reason::ZeroInterval,
            Differences {
                interval: true,
                ..Differences::default()
            },
        ),
        (
            Reason::AddressListMismatch { count: 2 },
            Differences {
                addresses: true,
                ..Differences::default()
            },
        ),
        (
            Reason::BadChecksum { found: 1 },
            Differences {
                checksum: true,
                ..Differences::default()
            },
        ),
        (
            Reason::BadDestination { found },
            Differences {
                destination: true,
                ..Differences::default()
            },
        ),
        (Reason::OwnPacket, Differences::default()),
        (
            Reason::BadTtl {
                found: 1,
                min: 255,
                max: 255,
            },
            Differences::default(),
        ),
    ];
    for (reason, differs) in cases {
        assert_eq!(
            differences(Some(&reason), Warnings::default()),
            differs,
            "{reason:?}"
        );
        assert_eq!(
            shows_active(&reason),
            differs != Differences::default(),
            "{reason:?}"
        );
    }
}

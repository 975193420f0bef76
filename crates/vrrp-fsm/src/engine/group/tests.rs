use alloc::vec::Vec;

use super::*;
use crate::config::{AnnounceSchedule, EngineConfig, RouterOptions};
use crate::engine::tests::*;
use crate::report::FaultCause;
use crate::{Input, Scope, TrackId};

const G: GroupId = GroupId(1);
const T: TrackId = TrackId(7);

fn group() -> GroupConfig {
    GroupConfig {
        members: [R1, R2].into(),
        ..GroupConfig::default()
    }
}

/// Two members; the first takes over 0.39 s earlier than the second.
fn grouped() -> EngineConfig {
    let first = RouterOptions {
        priority: priority(200),
        ..options(1)
    };
    EngineConfig {
        groups: [(G, group())].into(),
        ..config([(R1, first), (R2, options(2))])
    }
}

fn group_transition(from: Status, to: Status, cause: Cause) -> Command {
    let (subject, priority) = (Subject::Group(G), Priority::RELINQUISH);
    Command::Transition {
        subject,
        from,
        to,
        cause,
        priority,
    }
}

/// KA-STATE-05: a member goes Active only when all want to.
//= KA-STATE-05 test
#[test]
fn all_go_active_when_the_last_one_wants_to() {
    let mut engine = started(grouped());
    run(&mut engine, ms(3_300));
    assert_eq!(
        role(&engine, R1),
        Role::Backup,
        "its timer has run out, alone"
    );
    let due = engine.snapshot(R1).unwrap().deadline.unwrap().0;
    assert_eq!(
        due,
        ms(0) + core::time::Duration::from_micros(3_218_750 * 2),
        "armed again"
    );
    engine.handle(ms(3_610), Input::Timeout);
    let follows = |router, cause, priority| {
        transition(router, Status::Backup, Status::Active, cause, priority)
    };
    assert_eq!(
        done(&mut engine),
        [
            advertise(R2, 100),
            Command::Install(R2),
            announce(R2, 1),
            follows(R2, Cause::NoResponse, 100),
            advertise(R1, 200),
            Command::Install(R1),
            announce(R1, 1),
            follows(R1, Cause::Group(G), 200),
            group_transition(Status::Backup, Status::Active, Cause::NoResponse),
        ]
    );
}

//= KA-STATE-05 test
#[test]
fn a_member_that_hears_somebody_keeps_all_in_backup() {
    let mut engine = started(grouped());
    for second in 0..10 {
        hear(&mut engine, ms(second * 1_000), PEER, &message(2, 150));
        run(&mut engine, ms(second * 1_000 + 999));
    }
    assert_eq!([R1, R2].map(|id| role(&engine, id)), [Role::Backup; 2]);
}

//= KA-STATE-05 test
#[test]
fn one_that_falls_back_takes_the_others_along() {
    let mut engine = started(grouped());
    run(&mut engine, ms(5_000));
    hear(&mut engine, ms(5_000), PEER, &message(2, 150));
    let higher = Cause::Higher {
        source: PEER,
        priority: priority(150),
    };
    let back = |router, cause, priority| {
        transition(router, Status::Active, Status::Backup, cause, priority)
    };
    assert_eq!(
        done(&mut engine),
        [
            Command::Withdraw(R2),
            back(R2, higher, 100),
            Command::Withdraw(R1),
            back(R1, Cause::Group(G), 200),
            group_transition(Status::Active, Status::Backup, higher),
        ],
        "and none of them says priority 0"
    );
}

#[test]
fn a_fault_of_one_is_a_fault_of_all_until_the_last_is_gone() {
    let mut config = grouped();
    config.groups.clear();
    let other = RouterOptions {
        iface: ETH1,
        ..options(2)
    };
    config.routers.insert(R2, other.try_into().unwrap());
    config.groups.insert(G, group());
    let mut engine = started(config);
    run(&mut engine, ms(5_000));
    engine.handle(
        ms(5_000),
        Input::Link {
            iface: ETH1,
            up: false,
        },
    );
    let fault = |router, cause, priority| {
        transition(router, Status::Active, Status::Fault, cause, priority)
    };
    let down = Cause::Fault(FaultCause::Interface(ETH1));
    assert_eq!(
        done(&mut engine),
        [
            advertise(R1, 0),
            Command::Withdraw(R1),
            fault(R1, Cause::Group(G), 200),
            advertise(R2, 0),
            Command::Withdraw(R2),
            fault(R2, down, 100),
            group_transition(Status::Active, Status::Fault, down),
        ]
    );
    engine.handle(
        ms(6_000),
        Input::Link {
            iface: ETH0,
            up: false,
        },
    );
    engine.handle(
        ms(7_000),
        Input::Link {
            iface: ETH1,
            up: true,
        },
    );
    assert_eq!([R1, R2].map(|id| status(&engine, id)), [Status::Fault; 2]);
    engine.handle(
        ms(8_000),
        Input::Link {
            iface: ETH0,
            up: true,
        },
    );
    assert_eq!([R1, R2].map(|id| status(&engine, id)), [Status::Backup; 2]);
    assert_eq!(engine.snapshot(R1).unwrap().faults, []);
}

/// Owners go at once, together.
#[test]
fn a_group_of_owners_is_active_at_once_and_a_mixed_one_waits() {
    let owner = |vrid| RouterOptions {
        priority: Priority::OWNER,
        ..options(vrid)
    };
    let groups = [(G, group())];
    let both = EngineConfig {
        groups: groups.clone().into(),
        ..config([(R1, owner(1)), (R2, owner(2))])
    };
    let mut engine = started(both);
    engine.handle(ms(0), Input::Timeout);
    assert_eq!([R1, R2].map(|id| role(&engine, id)), [Role::Active; 2]);
    let mixed = EngineConfig {
        groups: groups.into(),
        ..config([(R1, owner(1)), (R2, options(2))])
    };
    let mut engine = started(mixed);
    run(&mut engine, ms(3_600));
    assert_eq!([R1, R2].map(|id| role(&engine, id)), [Role::Backup; 2]);
    run(&mut engine, ms(3_610));
    assert_eq!([R1, R2].map(|id| role(&engine, id)), [Role::Active; 2]);
}

#[test]
fn a_group_drains_whole() {
    let mut engine = started(grouped());
    run(&mut engine, ms(5_000));
    engine.handle(ms(5_000), Input::Drain(Scope::Router(R1)));
    assert_eq!(done(&mut engine), [advertise(R1, 1), advertise(R2, 1)]);
    // Each is relieved by its own taker; the other goes on serving.
    hear(&mut engine, ms(8_300), PEER, &message(1, 90));
    hear(&mut engine, ms(8_400), PEER, &message(2, 90));
    hear(&mut engine, ms(9_300), PEER, &message(1, 90));
    assert_eq!(
        [R1, R2].map(|id| status(&engine, id)),
        [Status::Drained, Status::Draining]
    );
    hear(&mut engine, ms(9_400), PEER, &message(2, 90));
    let told = done(&mut engine);
    let cause = Cause::Drained(Some(PEER));
    let drained = group_transition(Status::Active, Status::Drained, cause);
    assert_eq!(told.last(), Some(&drained));
    engine.handle(ms(20_000), Input::Undrain(Scope::Group(G)));
    assert_eq!([R1, R2].map(|id| status(&engine, id)), [Status::Backup; 2]);
}

#[test]
fn the_group_announces_again_together() {
    let announce = AnnounceSchedule {
        lower_burst: 2,
        ..AnnounceSchedule::RFC
    };
    let of = |vrid| RouterOptions {
        announce,
        ..options(vrid)
    };
    let groups = [(G, group())].into();
    let mut engine = started(EngineConfig {
        groups,
        ..config([(R1, of(1)), (R2, of(2))])
    });
    run(&mut engine, ms(5_000));
    hear(&mut engine, ms(5_000), PEER, &message(1, 50));
    let both = |router| super::super::tests::announce(router, 2);
    assert_eq!(done(&mut engine), [advertise(R1, 100), both(R1), both(R2)]);
}

/// Without `sync_group_tracking_weight` a member's weights do not make it differ from the others.
#[test]
fn weights_of_members_and_of_the_group() {
    let script = TrackId(8);
    let of = |what, weight| Tracked {
        what,
        weight,
        reverse: false,
    };
    let iface = Trackee::Iface(ETH1);
    let cases = [
        ("interface", iface, -10, false, Some(0)),
        ("file of weight 1", Trackee::Track(T), 1, false, Some(0)),
        ("file of weight 2", Trackee::Track(T), 2, false, None),
        ("weighted script", Trackee::Track(script), 5, false, None),
        (
            "script of weight 0",
            Trackee::Track(script),
            0,
            false,
            Some(0),
        ),
        ("kept on demand", Trackee::Track(script), 5, true, Some(5)),
    ];
    let trackers = [
        (T, TrackerConfig::File),
        (script, TrackerConfig::Script(Default::default())),
    ];
    let engine = Engine::new(EngineConfig {
        trackers: trackers.into(),
        ..grouped()
    });
    for (name, what, weight, member_weights, expected) in cases {
        let group = GroupConfig {
            member_weights,
            ..group()
        };
        let got: Vec<_> = engine.tracked_in_group(&[of(what, weight)], &group);
        let expected: Vec<_> = expected
            .map(|weight| of(what, weight))
            .into_iter()
            .collect();
        assert_eq!(got, expected, "{name}");
    }
    let group = GroupConfig {
        tracked: [of(iface, 30)].into(),
        member_weights: true,
        ..group()
    };
    assert_eq!(engine.tracked_in_group(&[], &group), [of(iface, 30)]);
    assert_eq!(
        engine.tracked_in_group(&[of(iface, 9)], &group),
        [of(iface, 30)]
    );
    assert_eq!(
        engine.tracked_in_group(&[of(iface, 0)], &group),
        [of(iface, 0)]
    );
}

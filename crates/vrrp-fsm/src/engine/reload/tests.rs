use alloc::vec::Vec;

use super::*;
use crate::config::{Pacing, RouterOptions, ScriptOptions, Tracked};
use crate::engine::tests::*;
use crate::{IfaceId, Input, ScriptOutcome};
use vrrp_proto::AdvertInterval;

/// A reload in mid-flight; what it makes the daemon do.
fn reload(engine: &mut Engine, now: Instant, config: EngineConfig) -> Vec<Command> {
    engine.handle(now, Input::Reload(config.into()));
    done(engine)
}

#[test]
fn the_same_again_is_no_event() {
    let both = || config([(R1, options(1)), (R2, options(2))]);
    let mut engine = started(both());
    run(&mut engine, ms(5_000));
    let before: Vec<_> = engine.snapshots().collect();
    engine.handle(ms(5_100), Input::Reload(both().into()));
    assert_eq!(commands(&mut engine), []);
    assert_eq!(engine.snapshots().collect::<Vec<_>>(), before);
}

#[test]
fn what_is_gone_leaves_in_order_and_can_still_be_encoded() {
    let mut engine = started(config([(R1, options(1)), (R2, options(2))]));
    run(&mut engine, ms(5_000));
    let removed = Cause::Removed;
    let told = reload(&mut engine, ms(5_000), config([(R2, options(2))]));
    assert_eq!(
        told,
        [
            advertise(R1, 0),
            Command::Withdraw(R1),
            transition(R1, Status::Active, Status::Removed, removed, 100),
        ]
    );
    let Command::Advertise(advertisement) = &told[0] else {
        panic!()
    };
    // The caller may have other things to do first.
    engine.handle(ms(5_001), Input::Timeout);
    let destination = engine.destinations(R1).next().unwrap();
    let mut buf = [0; 64];
    let (_, len) = engine
        .encode_advert(advertisement, destination, &mut buf)
        .unwrap();
    assert_eq!((len, buf[2]), (12, 0));
    assert_eq!(
        (engine.snapshot(R1), role(&engine, R2)),
        (None, Role::Active)
    );
    let _ = reload(&mut engine, ms(5_001), config([(R2, options(2))]));
    assert_eq!(
        engine.destinations(R1).count(),
        0,
        "forgotten with the next"
    );
    // Nobody hears for it any more.
    hear(&mut engine, ms(5_002), PEER, &message(1, 200));
    assert_eq!(engine.stats().vrid_errors, 1);
}

#[test]
fn what_is_new_starts_as_at_the_beginning() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(5_000));
    let told = reload(
        &mut engine,
        ms(5_000),
        config([(R1, options(1)), (R2, options(2))]),
    );
    let started = transition(R2, Status::Initialize, Status::Backup, Cause::Startup, 100);
    assert_eq!(told, [started]);
    assert_eq!(role(&engine, R1), Role::Active);
}

/// Another VRID under the same number is another router.
#[test]
fn identity_is_interface_family_and_vrid() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(5_000));
    let told = reload(&mut engine, ms(5_000), config([(R1, options(9))]));
    assert_eq!(told[..2], [advertise(R1, 0), Command::Withdraw(R1)]);
    assert_eq!(status(&engine, R1), Status::Backup);
}

//= R9568-8.1.2-03 test
#[test]
fn added_addresses_are_installed_and_announced_alone() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(5_000));
    let more = || options(1).with_addresses([addr(101), addr(102)]);
    let told = reload(&mut engine, ms(5_000), config([(R1, more())]));
    let new = Announced {
        address: addr(102),
        iface: ETH0,
        carrier: crate::Carrier::Own,
    };
    let what = Announcement::These([new].into());
    assert_eq!(
        told,
        [
            Command::Update(R1),
            Command::Announce {
                router: R1,
                what,
                rounds: 1
            }
        ]
    );
    // One less: nothing to announce. A changed prefix, route or rule: the same.
    assert_eq!(
        reload(&mut engine, ms(5_100), config([(R1, options(1))])),
        [Command::Update(R1)]
    );
    let other = RouterOptions {
        fingerprint: 5,
        ..options(1)
    };
    assert_eq!(
        reload(&mut engine, ms(5_200), config([(R1, other)])),
        [Command::Update(R1)]
    );
    // A Backup has nothing installed.
    let mut engine = started(config([(R1, options(1))]));
    assert_eq!(reload(&mut engine, ms(100), config([(R1, more())])), []);
}

#[test]
fn priority_and_interval_change_in_place() {
    let mut engine = started(config([(R1, options(1)), (R2, options(2))]));
    hear(&mut engine, ms(100), PEER, &message(2, 200));
    run(&mut engine, ms(3_620));
    let deadline = |engine: &Engine, id| engine.snapshot(id).unwrap().deadline.unwrap().0;
    let (active, backup) = (deadline(&engine, R1), deadline(&engine, R2));
    let higher = |vrid| RouterOptions {
        priority: priority(200),
        ..options(vrid)
    };
    let told = reload(
        &mut engine,
        ms(3_650),
        config([(R1, higher(1)), (R2, higher(2))]),
    );
    assert_eq!(told, []);
    assert_eq!(deadline(&engine, R1), active);
    //= KA-PRIO-02 test
    let nearer = core::time::Duration::from_micros(609_375 - 218_750);
    assert_eq!(deadline(&engine, R2), backup.saturating_sub(nearer));
    let next = run(&mut engine, active);
    assert!(
        next.iter()
            .any(|(_, command)| *command == advertise(R1, 200))
    );

    let interval = AdvertInterval::from_centis(10).unwrap();
    let fast = RouterOptions {
        interval,
        ..higher(1)
    };
    reload(&mut engine, active, config([(R1, fast)]));
    assert_eq!(
        deadline(&engine, R1),
        active + core::time::Duration::from_millis(100)
    );
}

#[test]
fn a_tracker_keeps_its_state_while_it_is_the_same() {
    let track = TrackId(7);
    let script = |fingerprint| {
        let tracked = Tracked {
            what: Trackee::Track(track),
            weight: 0,
            reverse: false,
        };
        let options = RouterOptions {
            tracked: [tracked].into(),
            ..options(1)
        };
        let script = ScriptOptions {
            fingerprint,
            ..ScriptOptions::default()
        };
        let trackers = [(track, TrackerConfig::Script(script))].into();
        EngineConfig {
            trackers,
            ..config([(R1, options)])
        }
    };
    let mut engine = started(script(1));
    let outcome = ScriptOutcome::Exited(1);
    engine.handle(ms(100), Input::ScriptExited { track, outcome });
    assert_eq!(status(&engine, R1), Status::Fault);
    done(&mut engine);
    assert_eq!(reload(&mut engine, ms(200), script(1)), []);
    assert_eq!(
        status(&engine, R1),
        Status::Fault,
        "considered unsuccessful"
    );
    let told = reload(&mut engine, ms(300), script(2));
    assert!(told.contains(&Command::RunScript(track)), "{told:?}");
    assert_eq!(
        status(&engine, R1),
        Status::Backup,
        "neutral without a fault"
    );
    let told = reload(&mut engine, ms(400), config([(R1, options(1))]));
    assert_eq!(
        told,
        [Command::StopScript {
            track,
            force: false
        }]
    );
    assert_eq!(run(&mut engine, ms(3_000)), [], "no run of what is gone");
}

#[test]
fn a_router_changes_its_group() {
    let group = |members: &[RouterId]| {
        let group = GroupConfig {
            members: members.to_vec(),
            ..GroupConfig::default()
        };
        [(GroupId(1), group)].into()
    };
    let three = || config([(R1, options(1)), (R2, options(2)), (R3, options(3))]);
    let mut engine = started(EngineConfig {
        groups: group(&[R1, R2]),
        ..three()
    });
    run(&mut engine, ms(10_000));
    reload(
        &mut engine,
        ms(10_000),
        EngineConfig {
            groups: group(&[R1, R3]),
            ..three()
        },
    );
    hear(&mut engine, ms(10_100), PEER, &message(3, 200));
    let roles = [R1, R2, R3].map(|id| role(&engine, id));
    assert_eq!(roles, [Role::Backup, Role::Active, Role::Backup]);
}

#[test]
fn a_removed_member_takes_nobody_along() {
    let members: Vec<_> = [R1, R2].into();
    let groups: BTreeMap<_, _> = [(
        GroupId(1),
        GroupConfig {
            members,
            ..GroupConfig::default()
        },
    )]
    .into();
    let both = config([(R1, options(1)), (R2, options(2))]);
    let mut engine = started(EngineConfig {
        groups: groups.clone(),
        ..both
    });
    run(&mut engine, ms(10_000));
    let one = config([(R2, options(2))]);
    reload(&mut engine, ms(10_000), EngineConfig { groups, ..one });
    assert_eq!(role(&engine, R2), Role::Active);
}

#[test]
fn pacing_can_be_switched_on() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(5_000));
    let pace = Pacing {
        group: 0,
        arp: Some(core::time::Duration::from_millis(50)),
        na: None,
    };
    let pacing: BTreeMap<IfaceId, _> = [(ETH0, pace)].into();
    reload(
        &mut engine,
        ms(5_000),
        EngineConfig {
            pacing,
            ..config([(R1, options(1))])
        },
    );
    engine.handle(ms(5_000), Input::AnnounceNow(R1));
    let one = Announced {
        address: addr(101),
        iface: ETH0,
        carrier: crate::Carrier::Own,
    };
    let what = Announcement::One(one);
    assert_eq!(
        done(&mut engine),
        [Command::Announce {
            router: R1,
            what,
            rounds: 1
        }]
    );
}

use core::time::Duration;

use super::*;
use crate::action::Status;
use crate::config::{RouterOptions, ScriptOptions, Tracked, Trackee, TrackerConfig};
use crate::engine::tests::*;
use crate::{Command, EngineConfig, Input, TrackId};

fn both() -> EngineConfig {
    config([(R1, options(1)), (R2, options(2))])
}

/// R1 Active since 3.6 s, R2 Backup of a peer.
fn before() -> Engine {
    let mut engine = started(both());
    for second in 0..5 {
        run(&mut engine, ms(second * 1_000));
        hear(&mut engine, ms(second * 1_000), PEER, &message(2, 200));
    }
    run(&mut engine, ms(4_700));
    engine
}

#[test]
fn a_new_process_goes_on_where_the_old_one_stopped() {
    let old = before();
    let saved = old.save(ms(4_700));
    let mut engine = ready(both());
    engine.handle(ms(5_100), Input::Resume(&saved));
    let resumed =
        |router, to| transition(router, Status::Initialize, to, crate::Cause::Resumed, 100);
    assert_eq!(
        done(&mut engine),
        [
            Command::Install(R1),
            resumed(R1, Status::Active),
            resumed(R2, Status::Backup),
        ],
        "no advert of priority 0, no announcement"
    );
    for id in [R1, R2] {
        let (old, new) = (old.snapshot(id).unwrap(), engine.snapshot(id).unwrap());
        assert_eq!((new.deadline, new.stats), (old.deadline, old.stats));
        assert_eq!((new.last_active, new.role), (old.last_active, old.role));
    }
    let next = run(&mut engine, ms(5_700));
    assert_eq!(next[0].1, advertise(R1, 100));
}

/// Too late, or told by the clock of another boot: what the old process left is taken away.
#[test]
fn what_may_be_somebody_elses_is_withdrawn_and_started_anew() {
    let old = before();
    let mut other_boot = old.save(ms(4_700));
    other_boot.at = ms(900_000);
    for (now, saved) in [(60_000, old.save(ms(4_700))), (5_000, other_boot)] {
        let mut engine = ready(both());
        engine.handle(ms(now), Input::Resume(&saved));
        let told = done(&mut engine);
        assert_eq!(told[0], Command::Withdraw(R1));
        assert_eq!(status(&engine, R1), Status::Backup);
        let due = engine.snapshot(R1).unwrap().deadline.unwrap().0;
        assert_eq!(due, ms(now) + Duration::from_micros(3_609_375));
    }
}

#[test]
fn what_is_in_fault_now_is_not_resumed() {
    let saved = before().save(ms(4_700));
    let mut engine = ready(both());
    engine.handle(
        ms(4_800),
        Input::Link {
            iface: ETH0,
            up: false,
        },
    );
    engine.handle(ms(4_900), Input::Resume(&saved));
    assert_eq!(done(&mut engine)[0], Command::Withdraw(R1));
    assert_eq!([R1, R2].map(|id| status(&engine, id)), [Status::Fault; 2]);
}

#[test]
fn a_drain_goes_on_and_a_script_keeps_nobody_waiting() {
    let mut old = before();
    old.handle(ms(4_700), Input::Drain(crate::Scope::Router(R1)));
    let saved = old.save(ms(4_800));
    let track = TrackId(1);
    let tracked = Tracked {
        what: Trackee::Track(track),
        weight: 0,
        reverse: false,
    };
    let checked = RouterOptions {
        tracked: [tracked].into(),
        ..options(1)
    };
    let trackers = [(track, TrackerConfig::Script(ScriptOptions::default()))].into();
    let mut engine = ready(EngineConfig {
        trackers,
        ..config([(R1, checked)])
    });
    engine.handle(ms(4_900), Input::Resume(&saved));
    assert_eq!(status(&engine, R1), Status::Draining);
}

#[test]
fn what_is_saved_survives_as_text() {
    let saved = before().save(ms(4_700));
    let text = serde_json::to_string(&saved).unwrap();
    assert_eq!(serde_json::from_str::<Saved>(&text).unwrap(), saved);
}

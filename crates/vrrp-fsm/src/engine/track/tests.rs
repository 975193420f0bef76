use alloc::vec::Vec;

use super::*;
use crate::action::{Cause, Role, Status};
use crate::config::{EngineConfig, RouterOptions, Tracked, Trackee};
use crate::engine::tests::*;
use crate::report::{FaultCause, Report};
use crate::{Input, Notice};

const T: TrackId = TrackId(7);
const BAD: ScriptOutcome = ScriptOutcome::Exited(1);
const GOOD: ScriptOutcome = ScriptOutcome::Exited(0);

fn tracked(weight: i16) -> Tracked {
    Tracked {
        what: Trackee::Track(T),
        weight,
        reverse: false,
    }
}

fn tracking(tracker: TrackerConfig, weight: i16) -> EngineConfig {
    let options = RouterOptions {
        tracked: [tracked(weight)].into(),
        ..options(1)
    };
    EngineConfig {
        trackers: [(T, tracker)].into(),
        ..config([(R1, options)])
    }
}

fn script(options: ScriptOptions, weight: i16) -> EngineConfig {
    tracking(TrackerConfig::Script(options), weight)
}

fn exited(engine: &mut Engine, now: Instant, outcome: ScriptOutcome) -> Vec<TrackReport> {
    engine.handle(now, Input::ScriptExited { track: T, outcome });
    let reports = commands(engine)
        .into_iter()
        .filter_map(|command| match command {
            Command::Report(Notice::Track(_, report)) => Some(report),
            _ => None,
        });
    reports.collect()
}

/// Weight 0 and never run: nothing is said and nothing is done until the first result.
#[test]
fn a_router_waits_in_silence_for_its_first_result() {
    let mut engine = ready(script(ScriptOptions::default(), 0));
    engine.handle(ms(0), Input::Startup);
    assert_eq!(commands(&mut engine), [Command::RunScript(T)]);
    let shown = engine.snapshot(R1).unwrap();
    assert_eq!((shown.status, shown.pending), (Status::Initialize, true));
    assert_eq!(exited(&mut engine, ms(300), GOOD), [TrackReport::Succeeded]);
    assert_eq!(status(&engine, R1), Status::Backup);

    let mut engine = started(script(ScriptOptions::default(), 0));
    assert_eq!(
        exited(&mut engine, ms(300), BAD),
        [TrackReport::Failed(BAD)]
    );
    assert_eq!(
        engine.snapshot(R1).unwrap().faults,
        [FaultCause::Tracker(T)]
    );

    let init_fail = ScriptOptions {
        init_fail: true,
        ..ScriptOptions::default()
    };
    let engine = started(script(init_fail, 0));
    assert_eq!(status(&engine, R1), Status::Fault);
    let engine = started(script(ScriptOptions::default(), -20));
    assert_eq!(
        status(&engine, R1),
        Status::Backup,
        "a weighted one keeps nobody waiting"
    );
}

/// Good after `rise` in a row, bad after `fall` in a row; the very first decides at once.
#[test]
fn rise_and_fall_count_results_in_a_row() {
    let options = ScriptOptions {
        rise: 2,
        fall: 3,
        ..ScriptOptions::default()
    };
    let mut engine = started(script(options, -20));
    let mut now = ms(0);
    let mut result = |outcome| {
        let changed = exited(&mut engine, now, outcome)
            .into_iter()
            .any(|report| matches!(report, TrackReport::Succeeded | TrackReport::Failed(_)));
        now += Duration::from_secs(1);
        run(&mut engine, now);
        (changed, engine.snapshot(R1).unwrap().priority.get())
    };
    assert_eq!(result(GOOD), (true, 100));
    assert_eq!(result(BAD), (false, 100));
    assert_eq!(result(BAD), (false, 100));
    assert_eq!(result(GOOD), (false, 100), "the row is broken");
    assert_eq!(result(BAD), (false, 100));
    assert_eq!(result(BAD), (false, 100));
    assert_eq!(result(ScriptOutcome::Signalled(9)), (true, 80));
    assert_eq!(result(GOOD), (false, 80));
    assert_eq!(result(BAD), (false, 80));
    assert_eq!(result(GOOD), (false, 80));
    assert_eq!(result(GOOD), (true, 100));
}

/// A run that lasts too long is asked to end, then made to; it counts at once, and once.
#[test]
fn a_script_that_hangs_is_bad_when_its_time_is_over() {
    let options = ScriptOptions {
        timeout: Duration::from_millis(1_500),
        ..ScriptOptions::default()
    };
    let mut engine = started(script(options, 0));
    exited(&mut engine, ms(100), GOOD);
    let seen: Vec<_> = run(&mut engine, ms(5_500))
        .into_iter()
        .filter(|(_, command)| {
            matches!(
                command,
                Command::RunScript(_)
                    | Command::StopScript { .. }
                    | Command::Report(Notice::Track(..))
            )
        })
        .collect();
    let tell = |report| Command::Report(Notice::Track(T, report));
    let timed_out = ScriptOutcome::TimedOut;
    assert_eq!(
        seen,
        [
            (ms(1_000), Command::RunScript(T)),
            (ms(2_000), tell(TrackReport::StillRunning)),
            (ms(2_500), tell(TrackReport::TimedOut)),
            (
                ms(2_500),
                Command::StopScript {
                    track: T,
                    force: false
                }
            ),
            (ms(2_500), tell(TrackReport::Returned(timed_out))),
            (ms(2_500), tell(TrackReport::Failed(timed_out))),
            (
                ms(4_500),
                Command::StopScript {
                    track: T,
                    force: true
                }
            ),
        ]
    );
    assert_eq!(status(&engine, R1), Status::Fault);
    let killed = ScriptOutcome::Signalled(9);
    assert_eq!(
        exited(&mut engine, ms(5_600), killed),
        [],
        "its timeout was its result"
    );
    let next = run(&mut engine, ms(6_000));
    assert!(next.contains(&(ms(6_000), Command::RunScript(T))));
}

/// Three failures in six seconds make the address move: a simulated test, done in no time.
#[test]
fn three_failures_make_the_priority_fall_below_the_peers() {
    let options = ScriptOptions {
        interval: Duration::from_secs(2),
        fall: 3,
        ..ScriptOptions::default()
    };
    let mut engine = started(script(options, -20));
    exited(&mut engine, ms(50), GOOD);
    for second in [4, 6, 8] {
        run(&mut engine, ms(second * 1_000));
        exited(&mut engine, ms(second * 1_000 + 50), BAD);
    }
    let shown = engine.snapshot(R1).unwrap();
    assert_eq!((shown.role, shown.priority), (Role::Active, priority(80)));
    assert_eq!(shown.contributions[0].weight, -20);
    // R9568-7.2-01: the next advert carries it.
    let next = run(&mut engine, ms(9_000));
    assert!(
        next.iter()
            .any(|(_, command)| *command == advertise(R1, 80)),
        "{next:?}"
    );
    hear(&mut engine, ms(9_000), PEER, &message(1, 90));
    assert_eq!(role(&engine, R1), Role::Backup);
}

//= KA-PRIO-01 test
//= R9568-7.2-01 test
#[test]
fn all_checks_failed_and_yet_nothing_will_move() {
    let mut engine = started(tracking(
        TrackerConfig::Plain {
            initially: Some(true),
        },
        -2,
    ));
    hear(&mut engine, ms(100), PEER, &message(1, 90));
    run(&mut engine, ms(8_000));
    engine.handle(
        ms(8_000),
        Input::TrackUp {
            track: T,
            up: false,
        },
    );
    let (from, to) = (priority(100), priority(98));
    assert_eq!(
        said(&mut engine),
        [
            Report::PriorityChanged { from, to },
            Report::StillAbovePeer {
                priority: to,
                source: PEER,
                peer: priority(90)
            },
        ]
    );
}

#[test]
fn a_file_adds_its_value_and_can_be_a_fault() {
    let mut engine = started(tracking(TrackerConfig::File, 2));
    let mut set = |value| {
        engine.handle(ms(10), Input::TrackValue { track: T, value });
        let shown = engine.snapshot(R1).unwrap();
        (shown.priority.get(), shown.status)
    };
    assert_eq!(set(10), (120, Status::Backup));
    assert_eq!(set(-10), (80, Status::Backup));
    assert_eq!(set(-127), (100, Status::Fault));
    assert_eq!(set(0), (100, Status::Backup));
}

#[test]
fn processes_have_a_quorum_and_patience() {
    let options = ProcessOptions {
        quorum: 2,
        quorum_max: Some(3),
        fork_delay: Duration::from_secs(1),
        terminate_delay: Duration::from_secs(2),
    };
    let mut engine = ready(tracking(TrackerConfig::Process(options), 0));
    engine.handle(ms(0), Input::TrackCount { track: T, count: 2 });
    engine.handle(ms(0), Input::Startup);
    assert_eq!(status(&engine, R1), Status::Fault, "not believed yet");
    run(&mut engine, ms(1_000));
    assert_eq!(status(&engine, R1), Status::Backup);
    engine.handle(ms(1_100), Input::TrackCount { track: T, count: 1 });
    engine.handle(ms(2_000), Input::TrackCount { track: T, count: 2 });
    run(&mut engine, ms(4_000));
    assert_eq!(status(&engine, R1), Status::Backup, "taken back in time");
    engine.handle(ms(5_000), Input::TrackCount { track: T, count: 4 });
    run(&mut engine, ms(6_000));
    assert_eq!(status(&engine, R1), Status::Fault, "too many");
    let none = ProcessOptions {
        quorum: 0,
        quorum_max: Some(0),
        ..ProcessOptions::default()
    };
    let mut engine = started(tracking(TrackerConfig::Process(none), 0));
    assert_eq!(
        status(&engine, R1),
        Status::Backup,
        "must not run, and does not"
    );
    engine.handle(ms(1), Input::TrackCount { track: T, count: 1 });
    assert_eq!(status(&engine, R1), Status::Fault);
}

#[test]
fn an_owner_knows_no_weights_but_faults() {
    let plain = TrackerConfig::Plain {
        initially: Some(true),
    };
    for (weight, expected) in [(-50, Status::Active), (0, Status::Fault)] {
        let mut config = tracking(plain, weight);
        let options = RouterOptions {
            priority: vrrp_proto::Priority::OWNER,
            tracked: [tracked(weight)].into(),
            ..options(1)
        };
        config.routers = [(R1, options.try_into().unwrap())].into();
        let mut engine = started(config);
        engine.handle(
            ms(1),
            Input::TrackUp {
                track: T,
                up: false,
            },
        );
        let shown = engine.snapshot(R1).unwrap();
        assert_eq!((shown.status, shown.priority.get()), (expected, 255));
    }
}

#[test]
fn another_interface_counts_by_weight_or_is_a_fault() {
    let track = |weight| Tracked {
        what: Trackee::Iface(ETH1),
        weight,
        reverse: false,
    };
    for (weight, status, priority) in [(0, Status::Fault, 100), (-30, Status::Backup, 70)] {
        let options = RouterOptions {
            tracked: [track(weight)].into(),
            ..options(1)
        };
        let mut engine = started(config([(R1, options)]));
        engine.handle(
            ms(1),
            Input::Link {
                iface: ETH1,
                up: false,
            },
        );
        let shown = engine.snapshot(R1).unwrap();
        assert_eq!(
            (shown.status, shown.priority.get()),
            (status, priority),
            "weight {weight}"
        );
        let cause = Cause::Fault(FaultCause::Interface(ETH1));
        let told = done(&mut engine);
        let fault = transition(R1, Status::Backup, Status::Fault, cause, 100);
        assert_eq!(told.contains(&fault), weight == 0);
    }
}

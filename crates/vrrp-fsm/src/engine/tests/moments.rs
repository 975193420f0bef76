//! When things happen: delays at the start, the time of arrival, adverts that leave early.

use super::*;

#[test]
fn startup_delay_holds_owners_too_and_hears_nothing() {
    let owner = RouterOptions {
        priority: Priority::OWNER,
        ..options(1)
    };
    let startup_delay = Duration::from_secs(10);
    let mut engine = ready(EngineConfig {
        startup_delay,
        ..config([(R1, owner)])
    });
    engine.handle(ms(500), Input::Startup);
    let delaying = EngineReport::DelayingStartup(startup_delay);
    assert_eq!(
        commands(&mut engine),
        [Command::Report(Notice::Engine(delaying))]
    );
    hear(&mut engine, ms(600), PEER, &message(1, 200));
    assert_eq!(engine.snapshot(R1).unwrap().stats.adverts_rcvd, 0);
    assert_eq!(engine.next_deadline(), Some(ms(10_500)));
    engine.handle(ms(10_500), Input::Timeout);
    let all = commands(&mut engine);
    assert_eq!(
        all[0],
        Command::Report(Notice::Engine(EngineReport::DelayedStartCompleted))
    );
    assert_eq!(role(&engine, R1), Role::Active);
}

/// The clock counts from boot: what is left of the delay is waited for, and the longer one counts.
#[test]
fn the_longer_delay_counts_and_a_reload_recomputes_it() {
    let delays = |startup, boot| EngineConfig {
        startup_delay: Duration::from_secs(startup),
        delay_after_boot: Duration::from_secs(boot),
        ..config([(R1, options(1))])
    };
    let mut engine = ready(delays(3, 60));
    engine.handle(ms(50_000), Input::Startup);
    assert_eq!(engine.next_deadline(), Some(ms(60_000)));
    let further = EngineReport::DelayingStartup(Duration::from_secs(4));
    commands(&mut engine);
    engine.handle(ms(51_000), Input::Reload(delays(5, 0).into()));
    assert_eq!(
        commands(&mut engine),
        [Command::Report(Notice::Engine(further))]
    );
    assert_eq!(engine.next_deadline(), Some(ms(55_000)));
    engine.handle(ms(52_000), Input::Reload(delays(0, 0).into()));
    assert_eq!(role(&engine, R1), Role::Backup);
}

/// VRRP's packets come before its timers; and if they did not, the time of arrival tells.
#[test]
fn silence_counts_from_the_arrival_of_the_last_advert() {
    let mut engine = started(config([(R1, options(1))]));
    let datagram = Datagram::new(from(PEER), 255, &[]);
    let octets = message(1, 200);
    let datagram = Datagram {
        payload: &octets,
        ..datagram
    };
    // Read at 3 s, it arrived at 1 s.
    engine.handle(
        ms(3_000),
        Input::Datagram {
            iface: ETH0,
            arrived: ms(1_000),
            datagram,
        },
    );
    let due = ms(1_000) + Duration::from_micros(3_609_375);
    assert_eq!(engine.next_deadline(), Some(due));
    // No clock is believed that says it arrived later than now, or before what happened already.
    engine.handle(
        ms(3_100),
        Input::Datagram {
            iface: ETH0,
            arrived: ms(9_000),
            datagram,
        },
    );
    assert_eq!(
        engine.next_deadline(),
        Some(ms(3_100) + Duration::from_micros(3_609_375))
    );
    engine.handle(
        ms(3_200),
        Input::Datagram {
            iface: ETH0,
            arrived: ms(2),
            datagram,
        },
    );
    assert_eq!(
        engine.next_deadline(),
        Some(ms(3_100) + Duration::from_micros(3_609_375))
    );
}

#[test]
fn slack_lets_neighbouring_adverts_leave_together_without_moving_their_grids() {
    let fast = RouterOptions {
        priority: priority(101),
        ..options(2)
    };
    let slack = Duration::from_millis(20);
    let mut engine = started(EngineConfig {
        slack,
        ..config([(R1, options(1)), (R2, fast)])
    });
    run(&mut engine, ms(4_000));
    let grids =
        |engine: &Engine| [R1, R2].map(|id| engine.snapshot(id).unwrap().deadline.unwrap().0);
    let before = grids(&engine);
    assert!(
        before[1] < before[0] && before[0] < before[1] + slack,
        "neighbours: {before:?}"
    );
    engine.handle(before[1], Input::Timeout);
    assert_eq!(done(&mut engine), [advertise(R2, 101), advertise(R1, 100)]);
    let second = Duration::from_secs(1);
    assert_eq!(grids(&engine), before.map(|due| due + second));
}

/// Everything else waits for its own moment.
#[test]
fn slack_is_for_adverts_alone() {
    let slack = Duration::from_secs(1);
    let mut engine = started(EngineConfig {
        slack,
        ..config([(R1, options(1))])
    });
    engine.handle(ms(3_609), Input::Timeout);
    assert_eq!(role(&engine, R1), Role::Backup);
}

/// The wall clock is for signatures alone: a step of it moves nothing.
//= TIM-08 test
#[test]
fn a_step_of_the_wall_clock_moves_nothing() {
    let mut engine = started(config([(R1, options(1))]));
    let before = (engine.next_deadline(), engine.snapshot(R1));
    for utc in [0, 2_000_000_000, 1] {
        engine.handle(ms(1), Input::WallClock(Duration::from_secs(utc)));
    }
    assert_eq!(commands(&mut engine), []);
    assert_eq!((engine.next_deadline(), engine.snapshot(R1)), before);
}

use super::*;
use crate::action::{Role, Status};
use crate::config::{EngineConfig, RouterOptions};
use crate::engine::tests::*;
use crate::{Command, Input, Notice};

fn delayed(down: u64, up: u64) -> EngineConfig {
    let (down, up) = (Duration::from_millis(down), Duration::from_millis(up));
    let link_delays = [(ETH0, LinkDelay { down, up })].into();
    EngineConfig {
        link_delays,
        ..config([(R1, options(1))])
    }
}

fn link(engine: &mut Engine, now: Instant, up: bool) {
    engine.handle(now, Input::Link { iface: ETH0, up });
}

#[test]
fn a_short_flap_is_none() {
    let mut engine = started(delayed(1_500, 500));
    run(&mut engine, ms(5_000));
    link(&mut engine, ms(5_000), false);
    run(&mut engine, ms(6_400));
    link(&mut engine, ms(6_400), true);
    run(&mut engine, ms(9_000));
    assert_eq!(engine.snapshot(R1).unwrap().stats.leave_active, 0);
    link(&mut engine, ms(9_000), false);
    run(&mut engine, ms(10_499));
    assert_eq!(role(&engine, R1), Role::Active);
    run(&mut engine, ms(10_500));
    assert_eq!(status(&engine, R1), Status::Fault);
    link(&mut engine, ms(11_000), true);
    run(&mut engine, ms(11_499));
    assert_eq!(status(&engine, R1), Status::Fault);
    run(&mut engine, ms(11_500));
    assert_eq!(status(&engine, R1), Status::Backup);
}

#[test]
fn what_was_never_up_is_not_waited_for() {
    let mut engine = Engine::new(delayed(1_500, 500));
    let primary = Input::Primary {
        iface: ETH0,
        family: Family::V4,
        address: Some(OURS),
    };
    engine.handle(ms(0), primary);
    engine.handle(ms(0), Input::Startup);
    link(&mut engine, ms(10), true);
    assert_eq!(status(&engine, R1), Status::Backup);
}

/// A peer must not take over from a router that still takes its dead link for a flap.
#[test]
fn a_delay_is_no_longer_than_peers_are_patient() {
    let second = |adverts| RouterOptions {
        down_timer_adverts: adverts,
        ..options(1)
    };
    for (adverts, lowered) in [(3, Some(1_996_093_750)), (1, Some(0)), (100, None)] {
        let routers = config([(R1, second(adverts))]).routers;
        let mut engine = started(delayed(5_000, 0));
        engine.handle(
            ms(0),
            Input::Reload(
                EngineConfig {
                    routers,
                    ..delayed(5_000, 0)
                }
                .into(),
            ),
        );
        let told = commands(&mut engine)
            .into_iter()
            .find_map(|command| match command {
                Command::Report(Notice::Engine(EngineReport::LinkDelayLowered {
                    down, ..
                })) => Some(down),
                _ => None,
            });
        assert_eq!(told, lowered.map(Duration::from_nanos), "{adverts} adverts");
    }
}

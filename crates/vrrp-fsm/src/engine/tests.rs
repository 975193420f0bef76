use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{Family, Priority, Vrid};

use super::*;
use crate::{Cause, FaultCause, Report, RouterOptions, Status};

const IFACE: IfaceId = IfaceId(1);
const R1: RouterId = RouterId(1);

fn options() -> RouterOptions {
    let vip: IpAddr = [192, 0, 2, 254].into();
    RouterOptions::rfc(IFACE, Family::V4, Vrid::new(51).unwrap()).with_addresses([vip])
}

fn config(options: RouterOptions) -> EngineConfig {
    let routers = [(R1, options.try_into().unwrap())].into();
    EngineConfig {
        routers,
        ..EngineConfig::default()
    }
}

fn commands(engine: &mut Engine) -> Vec<Command> {
    core::iter::from_fn(|| engine.poll_command()).collect()
}

#[test]
fn starts_when_the_link_is_up_and_takes_over_after_silence() {
    let mut engine = Engine::new(config(options()));
    let t0 = Instant::from_nanos(7);
    engine.handle(t0, Input::Startup);
    let transition = |from, to, cause| Command::Transition {
        subject: Subject::Router(R1),
        from,
        to,
        cause,
        priority: Priority::DEFAULT,
    };
    let down = Cause::Fault(FaultCause::Interface(IFACE));
    assert!(matches!(
        commands(&mut engine).last(),
        Some(Command::Transition {
            from: Status::Initialize,
            to: Status::Fault,
            ..
        })
    ));
    let address = Some([192, 0, 2, 1].into());
    engine.handle(
        t0,
        Input::Primary {
            iface: IFACE,
            family: Family::V4,
            address,
        },
    );
    engine.handle(
        t0,
        Input::Link {
            iface: IFACE,
            up: true,
        },
    );
    let backup = transition(
        Status::Fault,
        Status::Backup,
        Cause::Recovered(FaultCause::Interface(IFACE)),
    );
    assert_eq!(commands(&mut engine).last(), Some(&backup));

    let due = t0 + Duration::from_nanos(3_609_375_000);
    assert_eq!(engine.next_deadline(), Some(due));
    engine.handle(due, Input::Timeout);
    let advert = Advertisement {
        router: R1,
        priority: Priority::DEFAULT,
        sequence: 0,
    };
    assert_eq!(
        commands(&mut engine),
        [
            Command::Report(Notice::Router(R1, Report::ActiveDownTimeout)),
            Command::Advertise(advert),
            Command::Install(R1),
            Command::Announce {
                router: R1,
                what: Announcement::All,
                rounds: 1
            },
            transition(Status::Backup, Status::Active, Cause::NoResponse),
        ]
    );
    let mut buf = [0; 64];
    let destination = engine.destinations(R1).next().unwrap();
    let (_, len) = engine
        .encode_advert(&advert, destination, &mut buf)
        .unwrap();
    assert_eq!(
        buf[..len],
        [0x31, 51, 100, 1, 0x00, 0x64, 0xa7, 0x68, 192, 0, 2, 254]
    );

    engine.handle(
        due,
        Input::Link {
            iface: IFACE,
            up: false,
        },
    );
    let out = commands(&mut engine);
    assert!(out.contains(&Command::Withdraw(R1)), "{out:?}");
    assert_eq!(
        out.last(),
        Some(&transition(Status::Active, Status::Fault, down))
    );
}

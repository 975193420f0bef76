//! The engine as a whole, and what the tests of its parts share.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use vrrp_proto::{
    AddressList, Advert, AdvertInterval, Authentication, ChecksumCoverage, Datagram, Endpoints,
    GROUP_V4, Priority,
};

use super::*;
use crate::action::{Cause, Status};
use crate::config::{RouterConfig, RouterOptions};
use crate::report::{FaultCause, Report};

mod drain;
mod moments;
mod told;

pub(super) const ETH0: IfaceId = IfaceId(1);
pub(super) const ETH1: IfaceId = IfaceId(2);
pub(super) const R1: RouterId = RouterId(1);
pub(super) const R2: RouterId = RouterId(2);
pub(super) const R3: RouterId = RouterId(3);
pub(super) const OURS: IpAddr = addr(2);
pub(super) const PEER: IpAddr = addr(3);

pub(super) const fn addr(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// Milliseconds after the origin.
pub(super) const fn ms(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

pub(super) const fn priority(value: u8) -> Priority {
    Priority::new(value)
}

/// A router on eth0 whose only address ends in 100 + VRID.
pub(super) fn options(vrid: u8) -> RouterOptions {
    let vrid = Vrid::new(vrid).unwrap();
    RouterOptions::rfc(ETH0, Family::V4, vrid).with_addresses([addr(100 + vrid.get())])
}

pub(super) fn config<const N: usize>(routers: [(RouterId, RouterOptions); N]) -> EngineConfig {
    let routers = routers.map(|(id, options)| (id, RouterConfig::try_from(options).unwrap()));
    EngineConfig {
        routers: routers.into(),
        ..EngineConfig::default()
    }
}

/// An engine whose links are up and have addresses, not started.
pub(super) fn ready(config: EngineConfig) -> Engine {
    let mut engine = Engine::new(config);
    for iface in [ETH0, ETH1] {
        engine.handle(ms(0), Input::Link { iface, up: true });
        let (family, address) = (Family::V4, Some(OURS));
        engine.handle(
            ms(0),
            Input::Primary {
                iface,
                family,
                address,
            },
        );
    }
    engine
}

pub(super) fn started(config: EngineConfig) -> Engine {
    let mut engine = ready(config);
    engine.handle(ms(0), Input::Startup);
    commands(&mut engine);
    engine
}

pub(super) fn commands(engine: &mut Engine) -> Vec<Command> {
    core::iter::from_fn(|| engine.poll_command()).collect()
}

/// Commands, reports apart.
pub(super) fn done(engine: &mut Engine) -> Vec<Command> {
    let mut all = commands(engine);
    all.retain(|command| !matches!(command, Command::Report(_)));
    all
}

/// Reports about routers alone.
pub(super) fn said(engine: &mut Engine) -> Vec<Report> {
    let reports = commands(engine)
        .into_iter()
        .filter_map(|command| match command {
            Command::Report(Notice::Router(_, report)) => Some(report),
            _ => None,
        });
    reports.collect()
}

/// Lets time pass: everything is done when it is due, until `until`.
pub(super) fn run(engine: &mut Engine, until: Instant) -> Vec<(Instant, Command)> {
    let mut all = Vec::new();
    while let Some(due) = engine.next_deadline().filter(|due| *due <= until) {
        engine.handle(due, Input::Timeout);
        all.extend(commands(engine).into_iter().map(|command| (due, command)));
    }
    all
}

pub(super) fn role(engine: &Engine, router: RouterId) -> Role {
    engine.snapshot(router).unwrap().role
}

pub(super) fn status(engine: &Engine, router: RouterId) -> Status {
    engine.snapshot(router).unwrap().status
}

/// The octets of an advert of `PEER` for a router made by [`options`].
pub(super) fn message(vrid: u8, priority: u8) -> Vec<u8> {
    let advert = Advert {
        version: vrrp_proto::Version::V3,
        vrid: Vrid::new(vrid).unwrap(),
        priority: Priority::new(priority),
        interval: AdvertInterval::DEFAULT,
        addresses: AddressList::V4(&[Ipv4Addr::new(192, 0, 2, 100 + vrid)]),
        authentication: Authentication::None,
    };
    let mut buf = [0; 64];
    let len = advert
        .emit(&from(PEER), ChecksumCoverage::Message, &mut buf)
        .unwrap();
    buf[..len].into()
}

pub(super) fn from(source: IpAddr) -> Endpoints {
    Endpoints::new(source, GROUP_V4.into()).unwrap()
}

/// An advert arrives at `now` on eth0.
pub(super) fn hear(engine: &mut Engine, now: Instant, source: IpAddr, message: &[u8]) {
    let datagram = Datagram::new(from(source), 255, message);
    engine.handle(
        now,
        Input::Datagram {
            iface: ETH0,
            arrived: now,
            datagram,
        },
    );
}

pub(super) const fn transition(
    router: RouterId,
    from: Status,
    to: Status,
    cause: Cause,
    priority: u8,
) -> Command {
    let (subject, priority) = (Subject::Router(router), Priority::new(priority));
    Command::Transition {
        subject,
        from,
        to,
        cause,
        priority,
    }
}

pub(super) const fn advertise(router: RouterId, priority: u8) -> Command {
    let priority = Priority::new(priority);
    Command::Advertise(Advertisement {
        router,
        priority,
        sequence: 0,
    })
}

pub(super) const fn announce(router: RouterId, rounds: u8) -> Command {
    Command::Announce {
        router,
        what: Announcement::All,
        rounds,
    }
}

#[test]
fn starts_when_the_link_is_up_and_takes_over_after_silence() {
    let mut engine = Engine::new(config([(R1, options(1))]));
    engine.handle(ms(7), Input::Startup);
    let down = FaultCause::Interface(ETH0);
    let fault = transition(
        R1,
        Status::Initialize,
        Status::Fault,
        Cause::Fault(down),
        100,
    );
    assert_eq!(done(&mut engine), [fault]);
    let address = Some(OURS);
    let primary = Input::Primary {
        iface: ETH0,
        family: Family::V4,
        address,
    };
    engine.handle(ms(7), primary);
    engine.handle(
        ms(7),
        Input::Link {
            iface: ETH0,
            up: true,
        },
    );
    let backup = transition(
        R1,
        Status::Fault,
        Status::Backup,
        Cause::Recovered(down),
        100,
    );
    assert_eq!(done(&mut engine), [backup]);

    let due = ms(7) + Duration::from_micros(3_609_375);
    assert_eq!(engine.next_deadline(), Some(due));
    engine.handle(due, Input::Timeout);
    let to_active = transition(R1, Status::Backup, Status::Active, Cause::NoResponse, 100);
    assert_eq!(
        commands(&mut engine),
        [
            Command::Report(Notice::Router(R1, Report::ActiveDownTimeout)),
            advertise(R1, 100),
            Command::Install(R1),
            announce(R1, 1),
            to_active,
        ]
    );
    engine.handle(
        due,
        Input::Link {
            iface: ETH0,
            up: false,
        },
    );
    let fault = transition(R1, Status::Active, Status::Fault, Cause::Fault(down), 100);
    assert_eq!(
        done(&mut engine),
        [advertise(R1, 0), Command::Withdraw(R1), fault]
    );
}

/// Without an address to send from there is nothing to say; a link that is not tracked may be down.
#[test]
fn an_address_is_needed_and_a_link_unless_told_otherwise() {
    let untracked = RouterOptions {
        track_own_iface: false,
        ..options(1)
    };
    let mut engine = Engine::new(config([(R1, untracked)]));
    engine.handle(ms(0), Input::Startup);
    assert_eq!(
        engine.snapshot(R1).unwrap().faults,
        [FaultCause::NoPrimary(ETH0)]
    );
    let primary = Input::Primary {
        iface: ETH0,
        family: Family::V4,
        address: Some(OURS),
    };
    engine.handle(ms(0), primary);
    assert_eq!(status(&engine, R1), Status::Backup);
    let mut engine = started(config([(
        R1,
        RouterOptions {
            source: Some(addr(9)),
            ..options(1)
        },
    )]));
    let none = Input::Primary {
        iface: ETH0,
        family: Family::V4,
        address: None,
    };
    engine.handle(ms(1), none);
    assert_eq!(
        status(&engine, R1),
        Status::Backup,
        "a configured source needs no other"
    );
    engine.handle(
        ms(1),
        Input::Blocked {
            router: R1,
            blocked: true,
        },
    );
    assert_eq!(engine.snapshot(R1).unwrap().faults, [FaultCause::Blocked]);
    engine.handle(
        ms(1),
        Input::Blocked {
            router: R1,
            blocked: false,
        },
    );
    assert_eq!(status(&engine, R1), Status::Backup);
}

#[test]
fn a_stop_leaves_in_order_and_for_good() {
    let mut engine = started(config([(R1, options(1)), (R2, options(2))]));
    run(&mut engine, ms(4_000));
    engine.handle(ms(4_000), Input::Shutdown);
    let stop = |router| {
        transition(
            router,
            Status::Active,
            Status::Stopped,
            Cause::Shutdown,
            100,
        )
    };
    assert_eq!(
        done(&mut engine),
        [
            advertise(R1, 0),
            Command::Withdraw(R1),
            stop(R1),
            advertise(R2, 0),
            Command::Withdraw(R2),
            stop(R2),
        ]
    );
    assert_eq!(engine.next_deadline(), None);
    engine.handle(
        ms(5_000),
        Input::Link {
            iface: ETH0,
            up: false,
        },
    );
    engine.handle(
        ms(5_000),
        Input::Link {
            iface: ETH0,
            up: true,
        },
    );
    assert_eq!(
        (role(&engine, R1), done(&mut engine)),
        (Role::Initialize, Vec::new())
    );
}

/// Same VRID on two interfaces and in two families: three routers that know nothing of each other.
//= R9568-5.2.3-01 test
#[test]
fn interface_family_and_vrid_name_a_router() {
    let other = RouterOptions {
        iface: ETH1,
        ..options(1)
    };
    let six: IpAddr = "fe80::101".parse().unwrap();
    let v6 = RouterOptions::rfc(ETH0, Family::V6, Vrid::new(1).unwrap()).with_addresses([six]);
    let mut engine = ready(config([(R1, options(1)), (R2, other), (R3, v6)]));
    let address = Some("fe80::2".parse().unwrap());
    engine.handle(
        ms(0),
        Input::Primary {
            iface: ETH0,
            family: Family::V6,
            address,
        },
    );
    engine.handle(ms(0), Input::Startup);
    hear(&mut engine, ms(1_000), PEER, &message(1, 200));
    let counts = [R1, R2, R3].map(|id| engine.snapshot(id).unwrap().stats.adverts_rcvd);
    assert_eq!(counts, [1, 0, 0]);
}

/// Ten thousand routers, each of which is found, timed and stopped.
#[test]
fn ten_thousand_routers_are_ordinary() {
    const MANY: u32 = 10_000;
    let router = |number: u32| {
        let vrid = u8::try_from(number % 250 + 1).unwrap();
        let iface = IfaceId(number / 250);
        let options = RouterOptions {
            iface,
            ..options(1)
        };
        let options = RouterOptions {
            vrid: Vrid::new(vrid).unwrap(),
            ..options
        };
        (RouterId(number), RouterConfig::try_from(options).unwrap())
    };
    let routers = (0..MANY).map(router).collect();
    let mut engine = Engine::new(EngineConfig {
        routers,
        ..EngineConfig::default()
    });
    for iface in (0..MANY / 250).map(IfaceId) {
        engine.handle(ms(0), Input::Link { iface, up: true });
        let address = Some(OURS);
        engine.handle(
            ms(0),
            Input::Primary {
                iface,
                family: Family::V4,
                address,
            },
        );
    }
    engine.handle(ms(0), Input::Startup);
    let commands = run(&mut engine, ms(10_000));
    let adverts = |command: &&(Instant, Command)| matches!(command.1, Command::Advertise(_));
    assert_eq!(commands.iter().filter(adverts).count(), 7 * MANY as usize);
    assert!(commands.is_sorted_by_key(|(at, _)| *at));
    engine.handle(ms(10_000), Input::Shutdown);
    assert_eq!(done(&mut engine).len(), 3 * MANY as usize);
}

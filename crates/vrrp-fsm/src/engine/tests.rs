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

#[test]
fn lost_addresses_move_the_role_away_for_a_skew_time() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(4_000));
    engine.handle(ms(4_000), Input::Lost(R1));
    let backup = transition(R1, Status::Active, Status::Backup, Cause::Lost, 100);
    assert_eq!(
        done(&mut engine),
        [advertise(R1, 0), Command::Withdraw(R1), backup]
    );
    assert_eq!(
        engine.next_deadline(),
        Some(ms(4_000) + Duration::from_micros(609_375))
    );
}

#[test]
fn a_drained_router_stands_aside_until_it_is_told_to_come_back() {
    let mut engine = started(config([(R1, options(1)), (R2, options(2))]));
    run(&mut engine, ms(4_000));
    engine.handle(ms(4_000), Input::Drain(Scope::Router(R1)));
    assert_eq!(done(&mut engine), [advertise(R1, 1)]);
    assert_eq!(
        (status(&engine, R1), status(&engine, R2)),
        (Status::Draining, Status::Active)
    );
    hear(&mut engine, ms(7_000), PEER, &message(1, 90));
    hear(&mut engine, ms(8_000), PEER, &message(1, 90));
    let cause = Cause::Drained(Some(PEER));
    let drained = transition(R1, Status::Active, Status::Drained, cause, 100);
    assert_eq!(done(&mut engine), [Command::Withdraw(R1), drained]);
    // A link that flaps is no reason to come back.
    engine.handle(
        ms(9_000),
        Input::Link {
            iface: ETH0,
            up: false,
        },
    );
    assert_eq!(status(&engine, R1), Status::Fault);
    engine.handle(
        ms(9_000),
        Input::Link {
            iface: ETH0,
            up: true,
        },
    );
    assert_eq!(status(&engine, R1), Status::Drained);
    engine.handle(ms(10_000), Input::Undrain(Scope::All));
    assert_eq!(status(&engine, R1), Status::Backup);
}

#[test]
fn a_backup_drains_at_once() {
    let mut engine = started(config([(R1, options(1))]));
    engine.handle(ms(100), Input::Drain(Scope::All));
    let cause = Cause::Drained(None);
    let drained = transition(R1, Status::Backup, Status::Drained, cause, 100);
    assert_eq!(done(&mut engine), [drained]);
    assert_eq!(run(&mut engine, ms(60_000)), []);
}

//= STA-05 test
//= STA-06 test
//= STA-08 test
//= STA-11 test
//= STA-20 test
//= STA-21 test
//= STA-22 test
//= STA-23 test
//= STA-24 test
#[test]
fn what_is_done_is_counted() {
    let mut engine = started(config([(R1, options(1))]));
    let stats = |engine: &Engine| engine.snapshot(R1).unwrap().stats;
    assert_eq!(stats(&engine).up_since, Some(ms(0)));
    run(&mut engine, ms(6_000));
    engine.handle(ms(6_000), Input::SendFailed(R1));
    engine.handle(ms(7_700), Input::Timeout);
    engine.handle(ms(7_700), Input::Shutdown);
    let got = stats(&engine);
    // On becoming Active, at 4.6 s and 5.6 s, late at 7.7 s, and the last one.
    assert_eq!((got.adverts_sent, got.priority_zero_sent), (5, 1));
    assert_eq!((got.become_active, got.leave_active), (1, 1));
    assert_eq!(
        (got.tx_errors, got.announcements, got.up_since),
        (1, 1, None)
    );
    assert_eq!(got.late_timer_max_us, 1_090_625);
    assert_eq!(got.new_active_reason, crate::ActiveReason::NoResponse);
    assert_eq!(got.discontinuity, ms(0), "errors are no discontinuity");
    engine.handle(ms(9_000), Input::ClearStats(None));
    assert_eq!(
        (stats(&engine).adverts_sent, stats(&engine).discontinuity),
        (0, ms(9_000))
    );
    assert_eq!(engine.stats().discontinuity, ms(9_000));
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

/// Two owners: one line for each other owner. The same priority: a line that says so.
//= R9568-8.3.2-01 test
#[test]
fn another_owner_is_told_of_once() {
    let owner = RouterOptions {
        priority: Priority::OWNER,
        ..options(1)
    };
    let mut engine = started(config([(R1, owner)]));
    for millis in [10, 20, 30] {
        hear(&mut engine, ms(millis), addr(1), &message(1, 255));
    }
    let conflict = Report::OwnerConflict { source: addr(1) };
    assert_eq!(
        said(&mut engine)
            .iter()
            .filter(|report| **report == conflict)
            .count(),
        1
    );
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(4_000));
    hear(&mut engine, ms(4_000), PEER, &message(1, 100));
    let tie = Report::TieLost {
        source: PEER,
        priority: priority(100),
    };
    assert!(said(&mut engine).contains(&tie));
}

/// The last of the four errors of RFC 6527.
//= STA-18 test
#[test]
fn the_last_protocol_error_is_remembered() {
    use crate::ProtoError::{Checksum, IpTtl, Version, VrId};
    let mut engine = started(config([(R1, options(1))]));
    let mut wrong = message(1, 200);
    wrong[6] ^= 1;
    hear(&mut engine, ms(1), PEER, &wrong);
    assert_eq!(engine.stats().proto_err_reason, Checksum);
    hear(&mut engine, ms(1), PEER, &message(9, 200));
    assert_eq!(engine.stats().proto_err_reason, VrId);
    wrong[0] = 0x21;
    hear(&mut engine, ms(1), PEER, &wrong);
    assert_eq!(engine.stats().proto_err_reason, Version);
    let octets = message(1, 200);
    let datagram = Datagram::new(from(PEER), 254, &octets);
    engine.handle(
        ms(1),
        Input::Datagram {
            iface: ETH0,
            arrived: ms(1),
            datagram,
        },
    );
    assert_eq!(engine.stats().proto_err_reason, IpTtl);
}

/// However it loses the role while it is drained, it does not wait for it.
#[test]
fn a_drained_router_that_loses_its_addresses_stands_aside() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(4_000));
    engine.handle(ms(4_000), Input::Drain(Scope::All));
    engine.handle(ms(4_100), Input::Lost(R1));
    assert_eq!(status(&engine, R1), Status::Drained);
    assert_eq!(engine.next_deadline(), None);
}

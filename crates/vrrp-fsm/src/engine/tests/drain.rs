//! Planned handover, of routers and of what stands around them.

use super::*;

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

/// However it loses the role while it is drained, it does not wait for it.
#[test]
fn a_drained_router_that_loses_its_addresses_stands_aside() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(4_000));
    engine.handle(ms(4_000), Input::Drain(Scope::All));
    let blocked = |blocked| Input::Blocked {
        router: R1,
        blocked,
    };
    engine.handle(ms(4_100), blocked(true));
    engine.handle(ms(4_200), blocked(false));
    assert_eq!(status(&engine, R1), Status::Drained);
    assert_eq!(engine.next_deadline(), None);
}

/// A process that slept reads two adverts at once. They are two all the same: the taker may be
/// silent by now, and nobody else be known.
#[test]
fn a_drain_that_slept_ends_at_the_second_advert_that_waited() {
    let mut engine = started(config([(R1, options(1))]));
    run(&mut engine, ms(4_000));
    engine.handle(ms(4_000), Input::Drain(Scope::All));
    done(&mut engine);
    let (now, octets) = (ms(16_000), message(1, 90));
    let mut wait_for = |arrived| {
        let datagram = Datagram::new(from(PEER), 255, &octets);
        engine.handle(
            now,
            Input::Datagram {
                iface: ETH0,
                arrived,
                datagram,
            },
        );
        done(&mut engine)
    };
    assert_eq!(wait_for(ms(7_000)), []);
    let cause = Cause::Drained(Some(PEER));
    let drained = transition(R1, Status::Active, Status::Drained, cause, 100);
    assert_eq!(wait_for(ms(8_000)), [Command::Withdraw(R1), drained]);
}

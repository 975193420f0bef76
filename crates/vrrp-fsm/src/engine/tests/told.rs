//! What is counted, and what is worth a line.

use super::*;

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

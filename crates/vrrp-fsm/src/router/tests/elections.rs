//! Who gives way to whom, and when.

use super::*;

//= KA-PRE-02 test
//= KA-PRE-01 test
#[test]
fn preempt_delay_runs_before_the_down_timer() {
    let preempt = Preempt::After(Duration::from_secs(2));
    let mut router = backup(RouterOptions {
        preempt,
        ..options(200)
    });
    let lower = heard(LESS, 100, SECOND);
    let second = 1_000_000;
    let delay = Duration::from_secs(2);
    assert_eq!(
        says(&mut router, us(0), lower),
        [
            Report::PreemptDelayStarted { delay },
            Report::ActiveKnown { source: LESS },
        ]
    );
    assert_eq!(says(&mut router, us(second), lower), []);
    assert_eq!(router.active_down_timer(), Some(us(second + 3_218_750)));
    for at in [2 * second, 3 * second, 4 * second] {
        let priority = Priority::new(100);
        let discarded = Report::LowerDiscarded {
            source: LESS,
            priority,
        };
        assert_eq!(says(&mut router, us(at), lower), [discarded]);
    }
    let due = us(second + 3_218_750);
    assert_eq!(router.active_down_timer(), Some(due));
    let actions = does(&mut router, due, Event::Timeout);
    let cause = Cause::PreemptDelayOver;
    assert_eq!(
        actions.last(),
        Some(&notify(Role::Backup, Role::Active, cause))
    );
    assert_eq!(cause.active_reason(), crate::ActiveReason::Preempted);
}

//= KA-PRE-02 test
#[test]
fn an_equal_advert_stops_the_preempt_delay() {
    let preempt = Preempt::After(Duration::from_secs(2));
    let mut router = backup(RouterOptions {
        preempt,
        ..options(200)
    });
    says(&mut router, us(0), heard(LESS, 100, SECOND));
    let stopped = says(&mut router, us(1_000_000), heard(GREATER, 200, SECOND));
    assert_eq!(stopped.first(), Some(&Report::PreemptDelayStopped));
    let again = says(&mut router, us(5_000_000), heard(LESS, 100, SECOND));
    let delay = Duration::from_secs(2);
    assert_eq!(again.first(), Some(&Report::PreemptDelayStarted { delay }));
}

//= KA-PRIO-02 test
#[test]
fn a_priority_change_moves_the_running_deadline() {
    let mut router = backup(options(100));
    assert_eq!(router.active_down_timer(), Some(us(3_609_375)));
    let event = Event::Priority(Priority::new(200));
    let (from, to) = (Priority::new(100), Priority::new(200));
    assert_eq!(
        says(&mut router, us(1_000_000), event),
        [Report::PriorityChanged { from, to }]
    );
    assert_eq!(router.active_down_timer(), Some(us(3_218_750)));
}

//= R9568-6.4.3-11 test
//= R9568-6.1-07 test
//= TIM-09 test
#[test]
fn intervals_are_learned_in_v3_only_and_forgotten_when_active() {
    for (version, learned) in [(Version::V3, 300), (Version::V2, 100)] {
        let mut router = backup(RouterOptions {
            version,
            ..options(100)
        });
        does(&mut router, us(100_000), heard(LESS, 200, centis(300)));
        assert_eq!(
            router.active_adver_interval(),
            centis(learned),
            "VRRPv{version}"
        );
        let due = router.active_down_timer().unwrap();
        does(&mut router, due, Event::Timeout);
        assert_eq!(
            router.adver_timer(),
            Some(due + Duration::from_secs(1)),
            "our own counts"
        );
        assert_eq!(router.active_adver_interval(), SECOND);
    }
}

//= KA-ADV-03 test
#[test]
fn answering_can_be_switched_off_and_on_in_both_versions() {
    for version in [Version::V2, Version::V3] {
        for answer_lower in [false, true] {
            let (mut router, at) = active_at(RouterOptions {
                version,
                answer_lower,
                ..options(100)
            });
            let actions = does(&mut router, at, heard(GREATER, 99, SECOND));
            let expected: &[Action] = if answer_lower { &[advert(100)] } else { &[] };
            assert_eq!(actions, expected, "VRRPv{version}");
        }
    }
}

//= KA-ADV-04 test
#[test]
fn one_more_advert_before_yielding() {
    let options = RouterOptions {
        advertise_before_yielding: true,
        ..options(100)
    };
    let (mut router, at) = active_at(options);
    let (source, priority) = (LESS, Priority::new(200));
    let cause = Cause::Higher { source, priority };
    assert_eq!(
        does(&mut router, at, heard(source, 200, SECOND)),
        [
            advert(100),
            Action::Withdraw,
            notify(Role::Active, Role::Backup, cause)
        ]
    );
}

/// KA-ADV-06: the answer does not move the grid of the adverts.
//= KA-ADV-06 test
#[test]
fn an_answer_leaves_the_adver_timer_alone() {
    let (mut router, at) = active_at(options(100));
    does(
        &mut router,
        at + Duration::from_millis(700),
        heard(GREATER, 99, SECOND),
    );
    assert_eq!(router.adver_timer(), Some(at + Duration::from_secs(1)));
}

//= TIM-07 test
//= HARD-FSM-03 test
//= R9568-2.5-01 test
#[test]
fn the_grid_is_kept_unless_an_interval_was_missed() {
    let (mut router, at) = active_at(options(100));
    let second = Duration::from_secs(1);
    let late = at + second + Duration::from_millis(999);
    assert_eq!(does(&mut router, late, Event::Timeout), [advert(100)]);
    assert_eq!(
        router.adver_timer(),
        Some(at + second * 2),
        "nothing drifts"
    );
    let very_late = at + second * 7;
    assert_eq!(
        all(&mut router, very_late, Event::Timeout),
        [advert(100), Action::Report(Report::Late { by: second * 5 }),]
    );
    assert_eq!(
        router.adver_timer(),
        Some(very_late + second),
        "one advert, no burst"
    );
}

//= HARD-FSM-04 test
#[test]
fn answers_are_bounded() {
    let answer_spacing = Duration::from_millis(10);
    let (mut router, at) = active_at(RouterOptions {
        answer_spacing,
        ..options(100)
    });
    let mut answers = 0;
    for micros in (0..10_000).step_by(10) {
        let now = at + Duration::from_micros(micros);
        answers += does(&mut router, now, heard(LESS, 50, SECOND)).len();
    }
    assert_eq!(answers, 1, "1000 lower adverts of one peer in 10 ms");
    let mut answers = 0;
    let now = at + Duration::from_millis(20);
    for last in 10..110 {
        answers += does(&mut router, now, heard(addr(last), 50, SECOND)).len();
    }
    assert_eq!(answers, 4, "forged sources get no further");
    let later = now + answer_spacing;
    assert_eq!(
        does(&mut router, later, heard(LESS, 50, SECOND)),
        [advert(100)]
    );
}

//= R9568-7.1-09 test
//= KA-OWN-02 test
#[test]
fn of_two_owners_the_lesser_address_gives_way() {
    let (mut router, at) = active_at(options(255));
    let priority = Priority::OWNER;
    let cause = Cause::Higher {
        source: GREATER,
        priority,
    };
    assert_eq!(
        does(&mut router, at, heard(GREATER, 255, SECOND)),
        [Action::Withdraw, notify(Role::Active, Role::Backup, cause)]
    );
}

/// The greater address stays, unless the other one does too: two adverts and 1.2 × the longer
/// interval are long enough to know.
//= KA-OWN-02 test
#[test]
fn of_two_stubborn_owners_the_greater_address_goes_down_to_254() {
    let (mut router, at) = active_at(options(255));
    let other = heard(LESS, 255, SECOND);
    for half_seconds in 0..7 {
        let now = at + Duration::from_millis(half_seconds * 500);
        assert_eq!(
            does(&mut router, now, other),
            [advert(255)],
            "{half_seconds} halves"
        );
    }
    let now = at + Duration::from_millis(3200);
    let out = all(&mut router, now, other);
    assert_eq!(
        out[1],
        Action::Report(Report::OwnerLowered {
            source: LESS,
            to: LOWERED_OWNER
        })
    );
    assert_eq!(
        (router.role(), router.priority()),
        (Role::Backup, LOWERED_OWNER)
    );
    let due = router.active_down_timer().unwrap();
    assert_eq!(
        due.saturating_duration_since(now).as_micros(),
        3_003_906,
        "the skew of 255"
    );

    // The other one stays: so do we. It goes: 255 again.
    let mut stays = router.clone();
    assert_eq!(does(&mut stays, now + Duration::from_secs(1), other), []);
    assert_eq!(stays.priority(), LOWERED_OWNER);
    let actions = does(&mut router, due, Event::Timeout);
    assert_eq!(actions.first(), Some(&advert(255)));
    // Or it becomes reasonable.
    let now = now + Duration::from_secs(1);
    assert!(says(&mut stays, now, heard(LESS, 200, SECOND)).contains(&Report::OwnerRestored));
    assert_eq!(stays.priority(), Priority::OWNER);
}

/// R9568-6.4.2-09 again, after a stall: silence that nobody listened to proves nothing.
#[test]
fn a_backup_that_stood_still_listens_once_more() {
    let options = RouterOptions {
        listen_after_stall: true,
        ..options(100)
    };
    let mut slightly_late = backup(options);
    let mut router = slightly_late.clone();
    let due = router.active_down_timer().unwrap();
    let almost = due + Duration::from_millis(999);
    does(&mut slightly_late, almost, Event::Timeout);
    assert_eq!(slightly_late.role(), Role::Active);

    let late = Duration::from_secs(60);
    let woken = due + late;
    let heard_again = says(&mut router, woken, Event::Timeout);
    assert_eq!(heard_again, [Report::ListeningAgain { late }]);
    let until = router.active_down_timer().unwrap();
    assert_eq!(
        until.saturating_duration_since(woken).as_micros(),
        1_609_375
    );
    // Once: a machine that is always late must still take over.
    does(&mut router, until + late, Event::Timeout);
    assert_eq!(router.role(), Role::Active);
}

#[test]
fn timer_expired_backup_steps_back_instead_of_advertising() {
    let options = RouterOptions {
        preempt: Preempt::Never,
        stalled_to_backup: Some(Priority::new(254)),
        ..options(100)
    };
    let (router, at) = active_at(options);
    // A peer of priority 254 takes over 3.007812 s after the last advert, which left at `at`.
    let mut in_time = router.clone();
    let now = at + Duration::from_micros(3_007_000);
    assert_eq!(does(&mut in_time, now, Event::Timeout), [advert(100)]);
    let mut stalled = router;
    let now = at + Duration::from_micros(3_008_000);
    assert_eq!(
        does(&mut stalled, now, Event::Timeout),
        [
            Action::Withdraw,
            notify(Role::Active, Role::Backup, Cause::Stalled)
        ]
    );
}

//= KA-STATE-05 test
#[test]
fn a_held_member_wants_to_be_active_until_it_hears_somebody() {
    let mut router = backup(options(100));
    assert!(!router.wants_active());
    let due = router.active_down_timer().unwrap();
    does(&mut router, due, Event::Hold);
    assert!(router.wants_active());
    assert_eq!(
        router.active_down_timer(),
        Some(due + router.active_down_interval())
    );
    does(&mut router, due, heard(LESS, 200, SECOND));
    assert!(!router.wants_active());
}

/// STA-N1, and RFC 8347's names of what happened.
//= STA-N1 test
//= STA-N5 test
//= STA-19 test
#[test]
fn reasons_have_their_names() {
    use crate::ActiveReason::{NoResponse, Preempted, Priority as ByPriority};
    use crate::LastEvent;
    let iface = FaultCause::Interface(IfaceId(1));
    let primary = FaultCause::NoPrimary(IfaceId(1));
    let higher = Cause::Higher {
        source: LESS,
        priority: Priority::OWNER,
    };
    let active = [
        (Cause::Startup, ByPriority, Some(LastEvent::OwnerPreempt)),
        (
            Cause::Relinquished,
            ByPriority,
            Some(LastEvent::ActiveTimeout),
        ),
        (
            Cause::NoResponse,
            NoResponse,
            Some(LastEvent::ActiveTimeout),
        ),
        (
            Cause::Preempted,
            Preempted,
            Some(LastEvent::LowerPriorityActive),
        ),
        (
            Cause::PreemptDelayOver,
            Preempted,
            Some(LastEvent::PreemptHoldTimeout),
        ),
        (
            Cause::Recovered(iface),
            ByPriority,
            Some(LastEvent::OwnerPreempt),
        ),
        (GROUP, NoResponse, None),
    ];
    for (cause, reason, event) in active {
        assert_eq!(cause.active_reason(), reason, "{cause:?}");
        assert_eq!(cause.last_event(Role::Active), event, "{cause:?}");
    }
    let others = [
        (Cause::Startup, Role::Backup, Some(LastEvent::Startup)),
        (Cause::Shutdown, Role::Initialize, Some(LastEvent::Shutdown)),
        (higher, Role::Backup, Some(LastEvent::HigherPriorityBackup)),
        (
            Cause::Fault(iface),
            Role::Initialize,
            Some(LastEvent::InterfaceDown),
        ),
        (
            Cause::Fault(primary),
            Role::Initialize,
            Some(LastEvent::NoPrimaryIpAddress),
        ),
        (
            Cause::Recovered(iface),
            Role::Backup,
            Some(LastEvent::InterfaceUp),
        ),
        (
            Cause::Recovered(primary),
            Role::Backup,
            Some(LastEvent::PrimaryIpAddress),
        ),
    ];
    for (cause, to, event) in others {
        assert_eq!(cause.last_event(to), event, "{cause:?}");
    }
}

const GROUP: Cause = Cause::Group(crate::GroupId(1));

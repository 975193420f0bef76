//! The whole table: every event in every state, in both versions. Each row says what is done, the
//! state afterwards, and both timers.

use super::*;

/// A moment in the middle of everything, at which no timer is due.
const NOW: Instant = us(10_000_000);
const TIMERS: [(Version, u64, u64); 2] =
    // Version, Active_Down_Interval and Skew_Time of priority 100 at 1 s, which are the same in both.
    [
        (Version::V3, 3_609_375, 609_375),
        (Version::V2, 3_609_375, 609_375),
    ];

struct Row {
    name: &'static str,
    event: Event,
    actions: Vec<Action>,
    /// Role, Adver_Timer and Active_Down_Timer in microseconds after `NOW`.
    after: (Role, Option<u64>, Option<u64>),
}

fn row(
    name: &'static str,
    event: Event,
    actions: impl Into<Vec<Action>>,
    after: (Role, Option<u64>, Option<u64>),
) -> Row {
    Row {
        name,
        event,
        actions: actions.into(),
        after,
    }
}

/// Every event there is, by an exhaustive match: a new one must not go without rows.
const fn number(event: Event) -> usize {
    match event {
        Event::Startup => 0,
        Event::StartupInGroup => 1,
        Event::Shutdown(_) => 2,
        Event::Advert(_) => 3,
        Event::Timeout => 4,
        Event::Priority(_) => 5,
        Event::Primary(_) => 6,
        Event::Demand(..) => 7,
        Event::Hold => 8,
        Event::Drain => 9,
        Event::Undrain => 10,
    }
}

fn judge(state: &str, version: Version, router: &VirtualRouter, rows: Vec<Row>) {
    let mut seen = [false; 11];
    for Row {
        name,
        event,
        actions,
        after,
    } in rows
    {
        let mut router = router.clone();
        let got = does(&mut router, NOW, event);
        assert_eq!(
            got, actions,
            "VRRPv{version} {state}, {name}: actions, in order"
        );
        let since = |at: Option<Instant>| {
            at.map(|at| u64::try_from(at.saturating_duration_since(NOW).as_micros()).unwrap())
        };
        let timers = (
            since(router.adver_timer()),
            since(router.active_down_timer()),
        );
        let got = (router.role(), timers.0, timers.1);
        assert_eq!(
            got, after,
            "VRRPv{version} {state}, {name}: role and timers"
        );
        seen[number(event)] = true;
    }
    assert_eq!(
        seen, [true; 11],
        "VRRPv{version} {state}: an event without a row"
    );
}

const GROUP: Cause = Cause::Group(crate::GroupId(1));
const DOWN: Event = Event::Shutdown(Cause::Shutdown);

fn of(version: Version, priority: u8) -> RouterOptions {
    RouterOptions {
        version,
        answer_lower: version == Version::V3,
        ..options(priority)
    }
}

fn becomes_active(from: Role, priority: u8, cause: Cause) -> Vec<Action> {
    Vec::from([
        advert(priority),
        Action::Install,
        Action::Announce { rounds: 1 },
        notify(from, Role::Active, cause),
    ])
}

//= R9568-6.4.1-01 test
//= R9568-6.4.1-04 test
//= R9568-6.4.1-05 test
//= R3768-6.4.1-01 test
#[test]
fn initialize() {
    let is = (Role::Initialize, None, None);
    for (version, down, _) in TIMERS {
        let idle = router(of(version, 100));
        let to_backup = [notify(Role::Initialize, Role::Backup, Cause::Startup)];
        let backup = (Role::Backup, None, Some(down));
        let rows = Vec::from([
            row("startup", Event::Startup, to_backup.clone(), backup),
            row(
                "startup in a group",
                Event::StartupInGroup,
                to_backup,
                backup,
            ),
            row("shutdown", DOWN, [], is),
            row("timer", Event::Timeout, [], is),
            row("priority 0", heard(GREATER, 0, SECOND), [], is),
            row("higher", heard(GREATER, 200, SECOND), [], is),
            row("lower", heard(GREATER, 50, SECOND), [], is),
            row("own address", heard(OURS, 100, SECOND), [], is),
            row(
                "another priority",
                Event::Priority(Priority::new(200)),
                [],
                is,
            ),
            row("another address", Event::Primary(GREATER), [], is),
            row(
                "the group is Active",
                Event::Demand(Role::Active, GROUP),
                [],
                is,
            ),
            row(
                "the group is Backup",
                Event::Demand(Role::Backup, GROUP),
                [],
                is,
            ),
            row("the group waits", Event::Hold, [], is),
            row("drain", Event::Drain, [], is),
            row("undrain", Event::Undrain, [], is),
        ]);
        judge("Initialize", version, &idle, rows);
    }
}

//= R9568-6.4.1-01 test
//= R9568-6.1-09 test
//= KA-STATE-01 test
//= R9568-5.2.4-01 test
//= R3768-5.3.4-01 test
//= R9568-6.4.3-02 test
#[test]
fn initialize_as_the_owner() {
    for (version, ..) in TIMERS {
        let is = (Role::Initialize, None, None);
        let active = (Role::Active, Some(1_000_000), None);
        let to_active = becomes_active(Role::Initialize, 255, Cause::Startup);
        let to_backup = [notify(Role::Initialize, Role::Backup, Cause::Startup)];
        for preempt in [Preempt::AtOnce, Preempt::Never] {
            let idle = router(RouterOptions {
                preempt,
                ..of(version, 255)
            });
            let due = (Role::Backup, None, Some(0));
            let rows = Vec::from([
                row("startup", Event::Startup, to_active.clone(), active),
                row(
                    "startup in a group",
                    Event::StartupInGroup,
                    to_backup.clone(),
                    due,
                ),
                row("shutdown", DOWN, [], is),
                row("timer", Event::Timeout, [], is),
                row("advert", heard(GREATER, 255, SECOND), [], is),
                row(
                    "another priority",
                    Event::Priority(Priority::new(200)),
                    [],
                    is,
                ),
                row("another address", Event::Primary(GREATER), [], is),
                row(
                    "the group is Active",
                    Event::Demand(Role::Active, GROUP),
                    [],
                    is,
                ),
                row("the group waits", Event::Hold, [], is),
                row("drain", Event::Drain, [], is),
                row("undrain", Event::Undrain, [], is),
            ]);
            judge("Initialize, owner", version, &idle, rows);
        }
        // keepalived's `state BACKUP` with priority 255.
        let mut waits = router(RouterOptions {
            owner_waits: true,
            ..of(version, 255)
        });
        assert_eq!(does(&mut waits, NOW, Event::Startup), to_backup);
        let down = waits
            .active_down_timer()
            .unwrap()
            .saturating_duration_since(NOW);
        assert_eq!(down.as_micros(), 3_003_906);
    }
}

/// A Backup that became one 0.5 s before `NOW`, with whatever preempt mode.
fn waiting(version: Version, preempt: Preempt) -> VirtualRouter {
    let mut router = router(RouterOptions {
        preempt,
        ..of(version, 100)
    });
    does(&mut router, us(9_500_000), Event::Startup);
    router
}

//= R9568-6.4.2-06 test
//= R9568-6.4.2-07 test
//= R9568-6.4.2-08 test
//= R9568-6.4.2-09 test
//= R9568-6.4.2-10 test
//= R3768-6.4.2-06 test
//= R3768-6.4.2-07 test
//= HARD-FSM-02 test
#[test]
fn backup_at_every_event() {
    for (version, down, skew) in TIMERS {
        for (preempt, lower) in [(Preempt::AtOnce, down - 500_000), (Preempt::Never, down)] {
            let router = waiting(version, preempt);
            let (is, gone) = ((Role::Backup, None, Some(down - 500_000)), Role::Initialize);
            let reset = (Role::Backup, None, Some(down));
            let left = (Role::Initialize, None, None);
            let active = (Role::Active, Some(1_000_000), None);
            let to = |cause| [notify(Role::Backup, gone, cause)];
            let follows = becomes_active(Role::Backup, 100, GROUP);
            let rows = Vec::from([
                row("startup", Event::Startup, [], is),
                row("startup in a group", Event::StartupInGroup, [], is),
                row("shutdown", DOWN, to(Cause::Shutdown), left),
                row("timer, not due", Event::Timeout, [], is),
                row(
                    "priority 0",
                    heard(GREATER, 0, SECOND),
                    [],
                    (Role::Backup, None, Some(skew)),
                ),
                row("higher", heard(LESS, 101, SECOND), [], reset),
                row(
                    "the same, greater address",
                    heard(GREATER, 100, SECOND),
                    [],
                    reset,
                ),
                row(
                    "the same, lesser address",
                    heard(LESS, 100, SECOND),
                    [],
                    reset,
                ),
                row("own address", heard(OURS, 100, SECOND), [], is),
                row(
                    "lower",
                    heard(GREATER, 99, SECOND),
                    [],
                    (Role::Backup, None, Some(lower)),
                ),
                row(
                    "another priority",
                    Event::Priority(Priority::new(200)),
                    [],
                    (Role::Backup, None, Some(3_218_750 - 500_000)),
                ),
                row("another address", Event::Primary(GREATER), [], is),
                row(
                    "the group is Active",
                    Event::Demand(Role::Active, GROUP),
                    follows,
                    active,
                ),
                row(
                    "the group is Backup",
                    Event::Demand(Role::Backup, GROUP),
                    [],
                    is,
                ),
                row("the group waits", Event::Hold, [], reset),
                row("drain", Event::Drain, to(Cause::Drained(None)), left),
                row("undrain", Event::Undrain, [], is),
            ]);
            judge("Backup", version, &router, rows);

            // The timer itself: nothing a nanosecond early, everything on time.
            let due = router.active_down_timer().unwrap();
            let mut early = router.clone();
            let before = Instant::from_nanos(due.as_nanos() - 1);
            assert!(does(&mut early, before, Event::Timeout).is_empty());
            assert_eq!(early.role(), Role::Backup);
            let mut timely = router.clone();
            let actions = becomes_active(Role::Backup, 100, Cause::NoResponse);
            assert_eq!(does(&mut timely, due, Event::Timeout), actions);
            assert_eq!(timely.adver_timer(), Some(due + Duration::from_secs(1)));
        }
    }
}

//= R9568-6.4.3-07 test
//= R9568-6.4.3-08 test
//= R9568-6.4.3-09 test
//= R9568-6.4.3-10 test
//= R9568-6.4.3-12 test
//= R3768-6.4.3-06 test
//= R3768-6.4.3-07 test
//= R3768-6.4.3-08 test
//= R3768-5.3.4-03 test
//= HARD-FSM-02 test
#[test]
fn active_at_every_event() {
    for (version, down, _) in TIMERS {
        let mut router = router(of(version, 100));
        does(&mut router, us(0), Event::Startup);
        does(&mut router, us(9_500_000), Event::Timeout);
        let is = (Role::Active, Some(500_000), None);
        let backup = (Role::Backup, None, Some(down));
        let gone = (Role::Initialize, None, None);
        let yields = |source, priority| {
            let cause = Cause::Higher {
                source,
                priority: Priority::new(priority),
            };
            [Action::Withdraw, notify(Role::Active, Role::Backup, cause)]
        };
        let answer = || match version {
            Version::V2 => Vec::new(),
            Version::V3 => Vec::from([advert(100)]),
        };
        let leaves = |to, cause| [advert(0), Action::Withdraw, notify(Role::Active, to, cause)];
        let follows = [Action::Withdraw, notify(Role::Active, Role::Backup, GROUP)];
        let rearmed = (Role::Active, Some(1_000_000), None);
        let rows = Vec::from([
            row("startup", Event::Startup, [], is),
            row("startup in a group", Event::StartupInGroup, [], is),
            row(
                "shutdown",
                DOWN,
                leaves(Role::Initialize, Cause::Shutdown),
                gone,
            ),
            row("timer, not due", Event::Timeout, [], is),
            row(
                "priority 0",
                heard(GREATER, 0, SECOND),
                [advert(100)],
                rearmed,
            ),
            row(
                "higher",
                heard(LESS, 101, SECOND),
                yields(LESS, 101),
                backup,
            ),
            row(
                "same, greater address",
                heard(GREATER, 100, SECOND),
                yields(GREATER, 100),
                backup,
            ),
            row(
                "same, lesser address",
                heard(LESS, 100, SECOND),
                answer(),
                is,
            ),
            row("own address", heard(OURS, 100, SECOND), [], is),
            row("lower", heard(GREATER, 99, SECOND), answer(), is),
            row(
                "another priority",
                Event::Priority(Priority::new(200)),
                [],
                is,
            ),
            row("another address", Event::Primary(GREATER), [], is),
            row(
                "the group is Active",
                Event::Demand(Role::Active, GROUP),
                [],
                is,
            ),
            row(
                "the group is Backup",
                Event::Demand(Role::Backup, GROUP),
                follows,
                backup,
            ),
            row(
                "the group is gone",
                Event::Demand(Role::Initialize, GROUP),
                [],
                is,
            ),
            row("the group waits", Event::Hold, [], is),
            row("drain", Event::Drain, [advert(1)], rearmed),
            row("undrain", Event::Undrain, [], is),
        ]);
        judge("Active", version, &router, rows);

        let due = us(10_500_000);
        let mut early = router.clone();
        assert!(does(&mut early, us(10_499_999), Event::Timeout).is_empty());
        assert_eq!(does(&mut router, due, Event::Timeout), [advert(100)]);
        assert_eq!(router.adver_timer(), Some(due + Duration::from_secs(1)));
    }
}

/// KA-STATE-03: a fault is a shutdown with a cause.
//= KA-STATE-03 test
#[test]
fn a_fault_leaves_active_with_one_relinquish() {
    let (mut router, at) = active_at(options(100));
    let cause = Cause::Fault(FaultCause::Interface(IfaceId(1)));
    assert_eq!(
        does(&mut router, at, Event::Shutdown(cause)),
        [
            advert(0),
            Action::Withdraw,
            notify(Role::Active, Role::Initialize, cause)
        ]
    );
}

//! Random sequences of events: what must hold after each of them, whatever came before.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use core::net::IpAddr;
use core::time::Duration;

use proptest::prelude::*;
use vrrp_fsm::{
    Action, AnnounceSchedule, Cause, Command, Engine, EngineConfig, Event, FaultCause, GroupConfig,
    GroupId, Heard, IfaceId, Input, Instant, Preempt, Role, RouterConfig, RouterId, RouterOptions,
    Scope, ScriptOptions, ScriptOutcome, Stats, Subject, TrackId, Tracked, Trackee, TrackerConfig,
    VirtualRouter,
};
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, Authentication, ChecksumCoverage, Datagram, Endpoints,
    Family, GROUP_V4, Priority, Version, Vrid,
};

const ETH: [IfaceId; 2] = [IfaceId(1), IfaceId(2)];
const TRACK: TrackId = TrackId(1);

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(number: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(number),
    }
}

fn addr(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn options() -> impl Strategy<Value = RouterOptions> {
    let preempt = prop_oneof![
        Just(Preempt::AtOnce),
        Just(Preempt::Never),
        (0..5_000_u64).prop_map(|millis| Preempt::After(Duration::from_millis(millis))),
    ];
    let version = prop_oneof![Just(Version::V2), Just(Version::V3)];
    let schedule = prop_oneof![
        Just(AnnounceSchedule::RFC),
        Just(AnnounceSchedule::KEEPALIVED)
    ];
    let priority = prop_oneof![4 => 1..=254_u8, 1 => Just(255)];
    let stalled = prop::option::of(Just(Priority::new(254)));
    (
        preempt,
        version,
        schedule,
        priority,
        any::<[bool; 4]>(),
        stalled,
    )
        .prop_map(
            |(preempt, version, announce, priority, flags, stalled_to_backup)| RouterOptions {
                preempt,
                version,
                announce,
                stalled_to_backup,
                priority: Priority::new(priority),
                owner_waits: flags[0],
                answer_lower: flags[1],
                advertise_before_yielding: flags[2],
                listen_after_stall: flags[3],
                source: Some(addr(2)),
                ..RouterOptions::rfc(ETH[0], Family::V4, Vrid::new(51).unwrap())
                    .with_addresses([addr(254)])
            },
        )
}

fn heard() -> impl Strategy<Value = Heard> {
    (1..5_u8, any::<u8>(), 1..300_u16).prop_map(|(source, priority, centis)| Heard {
        source: addr(source),
        priority: Priority::new(priority),
        interval: AdvertInterval::from_centis(centis).unwrap(),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let group = Cause::Group(GroupId(1));
    let role = prop_oneof![
        Just(Role::Initialize),
        Just(Role::Backup),
        Just(Role::Active)
    ];
    prop_oneof![
        3 => Just(Event::Startup),
        1 => Just(Event::StartupInGroup),
        1 => Just(Event::Shutdown(Cause::Fault(FaultCause::Blocked))),
        12 => heard().prop_map(Event::Advert),
        12 => Just(Event::Timeout),
        2 => (1..=254_u8).prop_map(|priority| Event::Priority(Priority::new(priority))),
        1 => (1..5_u8).prop_map(|last| Event::Primary(addr(last))),
        2 => role.prop_map(move |role| Event::Demand(role, group)),
        1 => Just(Event::Hold),
        2 => Just(Event::Drain),
        1 => Just(Event::Undrain),
    ]
}

/// When an event comes: so many milliseconds later, or exactly when the next deadline is.
fn later() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![1 => Just(None), 2 => (0..2_500_u64).prop_map(Some)]
}

fn handle(router: &mut VirtualRouter, now: Instant, event: Event) -> Vec<Action> {
    let mut out = Vec::new();
    router.handle(now, event, &mut out);
    out.retain(|action| !matches!(action, Action::Report(_)));
    out
}

proptest! {
    #![proptest_config(cases(256))]

    /// Backup ⇔ only the down timer, Active ⇔ only the advert timer, Initialize ⇔ none; addresses are
    /// installed if and only if Active; nothing happens before its deadline; every deadline moves on.
    //= HARD-FSM-02 test
    //= R9568-6.4.1-05 test
    #[test]
    fn a_router_is_always_in_one_state(
        options in options(),
        events in prop::collection::vec((later(), event()), 1..120),
    ) {
        let mut router = VirtualRouter::new(options.try_into().unwrap());
        let (mut now, mut installed) = (Instant::ZERO, false);
        for (step, event) in events {
            let due = router.deadline().map(|(due, _)| due.max(now));
            now = match step {
                Some(millis) => now + Duration::from_millis(millis),
                None => due.unwrap_or(now),
            };
            if let Some(due) = due.filter(|due| now < *due) {
                let before = format!("{router:?}");
                let early = Instant::from_nanos(due.as_nanos() - 1).max(now);
                prop_assert_eq!(handle(&mut router, early, Event::Timeout), []);
                prop_assert_eq!(before, format!("{router:?}"), "before its deadline");
            }
            let from = router.role();
            let actions = handle(&mut router, now, event);
            let to = router.role();

            let timers = (router.active_down_timer().is_some(), router.adver_timer().is_some());
            prop_assert_eq!(timers, match to {
                Role::Initialize => (false, false),
                Role::Backup => (true, false),
                Role::Active => (false, true),
            });
            prop_assert_eq!(router.deadline().is_some(), to != Role::Initialize);
            for (number, action) in actions.iter().enumerate() {
                match action {
                    Action::Install => {
                        prop_assert!(!installed);
                        installed = true;
                    }
                    Action::Withdraw => {
                        prop_assert!(installed);
                        installed = false;
                    }
                    Action::Announce { rounds } => prop_assert!(installed && *rounds > 0),
                    Action::Advertise(priority) => {
                        // Priority 0 goes before the addresses do; any other is an Active router's.
                        prop_assert!(installed || number == 0);
                        let last = actions.iter().rev().nth(1) == Some(&Action::Withdraw);
                        prop_assert!(!priority.is_relinquish() || last);
                    }
                    Action::Notify(transition) => {
                        prop_assert_eq!((transition.from, transition.to), (from, to));
                        prop_assert!(from != to && number == actions.len() - 1);
                    }
                    Action::AnnounceElsewhere | Action::Report(_) => {}
                }
            }
            prop_assert_eq!(installed, to == Role::Active);
            let told = matches!(actions.last(), Some(Action::Notify(_)));
            prop_assert_eq!(told, from != to);
            if event == Event::Timeout {
                prop_assert!(router.deadline().is_none_or(|(due, _)| due > now));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Wait(u64),
    Next,
    Hear {
        vrid: u8,
        source: u8,
        priority: u8,
        spoilt: Option<usize>,
    },
    Link(usize, bool),
    Primary(bool),
    Script(bool),
    Blocked(u32, bool),
    Drain(u32),
    Undrain,
    Reload(usize),
}

fn op(drains: bool) -> impl Strategy<Value = Op> {
    let router = || 1..5_u32;
    prop_oneof![
        6 => (0..3_000_u64).prop_map(Op::Wait),
        8 => Just(Op::Next),
        8 => (1..5_u8, 1..5_u8, any::<u8>(), prop::option::weighted(0.2, 0..20_usize)).prop_map(
            |(vrid, source, priority, spoilt)| Op::Hear { vrid, source, priority, spoilt },
        ),
        2 => (0..2_usize, any::<bool>()).prop_map(|(iface, up)| Op::Link(iface, up)),
        1 => any::<bool>().prop_map(Op::Primary),
        2 => any::<bool>().prop_map(Op::Script),
        1 => (router(), any::<bool>()).prop_map(|(router, on)| Op::Blocked(router, on)),
        1 => router().prop_map(move |router| if drains { Op::Drain(router) } else { Op::Next }),
        1 => Just(if drains { Op::Undrain } else { Op::Next }),
        1 => (0..3_usize).prop_map(Op::Reload),
    ]
}

/// Four routers on two interfaces, three of them in a group, one of those with a script. Three
/// variants, to be reloaded from one to the other.
fn config(variant: usize) -> EngineConfig {
    let tracked = [Tracked {
        what: Trackee::Track(TRACK),
        weight: 0,
        reverse: false,
    }];
    let router = |number: u8| {
        let vrid = Vrid::new(number).unwrap();
        let options = RouterOptions {
            priority: Priority::new(if variant == 1 { 60 } else { 90 } + number * 10),
            tracked: if number == 2 {
                tracked.to_vec()
            } else {
                Vec::new()
            },
            announce: AnnounceSchedule::KEEPALIVED,
            ..RouterOptions::rfc(ETH[usize::from(number % 2)], Family::V4, vrid)
        };
        let options = options.with_addresses([addr(100 + number)]);
        (
            RouterId(number.into()),
            RouterConfig::try_from(options).unwrap(),
        )
    };
    let routers = (1..=if variant == 2 { 3 } else { 4 }).map(router).collect();
    let members = vec![RouterId(1), RouterId(2), RouterId(3)];
    EngineConfig {
        routers,
        groups: [(
            GroupId(1),
            GroupConfig {
                members,
                ..GroupConfig::default()
            },
        )]
        .into(),
        trackers: [(TRACK, TrackerConfig::Script(ScriptOptions::default()))].into(),
        ..EngineConfig::default()
    }
}

fn message(vrid: u8, priority: u8, spoilt: Option<usize>) -> Vec<u8> {
    let [_, _, _, last] = [192, 0, 2, 100 + vrid];
    let advert = Advert {
        version: Version::V3,
        vrid: Vrid::new(vrid).unwrap(),
        priority: Priority::new(priority),
        interval: AdvertInterval::DEFAULT,
        addresses: AddressList::V4(&[[192, 0, 2, last].into()]),
        authentication: Authentication::None,
    };
    let ends = Endpoints::V4 {
        source: [192, 0, 2, 3].into(),
        destination: GROUP_V4,
    };
    let mut buf = [0; 32];
    let len = advert
        .emit(&ends, ChecksumCoverage::Message, &mut buf)
        .unwrap();
    let mut octets = buf[..len].to_vec();
    if let Some(octet) = spoilt.and_then(|at| octets.get_mut(at)) {
        *octet ^= 0x55;
    }
    octets
}

/// What an engine must keep, whatever happens.
struct Watch {
    engine: Engine,
    now: Instant,
    installed: Vec<RouterId>,
    stats: Vec<(RouterId, Stats)>,
    drains: bool,
}

impl Watch {
    fn apply(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Wait(millis) => {
                let until = self.now + Duration::from_millis(millis);
                // A daemon that is always in time.
                while let Some(due) = self.engine.next_deadline().filter(|due| *due <= until) {
                    self.now = self.now.max(due);
                    self.input(Input::Timeout)?;
                }
                self.now = until;
                self.idle()
            }
            Op::Next => {
                self.now = self
                    .engine
                    .next_deadline()
                    .map_or(self.now, |due| due.max(self.now));
                self.input(Input::Timeout)
            }
            Op::Hear {
                vrid,
                source,
                priority,
                spoilt,
            } => {
                let octets = message(vrid, priority, spoilt);
                let ends = Endpoints::new(addr(source), GROUP_V4.into()).unwrap();
                let datagram = Datagram::new(ends, 255, &octets);
                let (iface, arrived) = (ETH[usize::from(vrid % 2)], self.now);
                self.input(Input::Datagram {
                    iface,
                    arrived,
                    datagram,
                })
            }
            Op::Link(iface, up) => self.input(Input::Link {
                iface: ETH[iface],
                up,
            }),
            Op::Primary(there) => {
                let (iface, family) = (ETH[0], Family::V4);
                let address = there.then(|| addr(2));
                self.input(Input::Primary {
                    iface,
                    family,
                    address,
                })
            }
            Op::Script(good) => {
                let outcome = ScriptOutcome::Exited(u8::from(!good));
                self.input(Input::ScriptExited {
                    track: TRACK,
                    outcome,
                })
            }
            Op::Blocked(router, blocked) => self.input(Input::Blocked {
                router: RouterId(router),
                blocked,
            }),
            Op::Drain(router) => self.input(Input::Drain(Scope::Router(RouterId(router)))),
            Op::Undrain => self.input(Input::Undrain(Scope::All)),
            Op::Reload(variant) => self.input(Input::Reload(config(variant).into())),
        }
    }

    /// Nothing is due: nothing happens.
    fn idle(&mut self) -> Result<(), TestCaseError> {
        if self.engine.next_deadline().is_none_or(|due| due > self.now) {
            let before: Vec<_> = self.engine.snapshots().collect();
            self.engine.handle(self.now, Input::Timeout);
            prop_assert_eq!(self.engine.poll_command(), None);
            prop_assert_eq!(self.engine.snapshots().collect::<Vec<_>>(), before);
        }
        Ok(())
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), TestCaseError> {
        let timeout = matches!(input, Input::Timeout);
        let stops = matches!(input, Input::Reload(_));
        self.engine.handle(self.now, input);
        let mut moves = 0;
        while let Some(command) = self.engine.poll_command() {
            match command {
                Command::Install(router) => {
                    prop_assert!(!self.installed.contains(&router));
                    self.installed.push(router);
                }
                Command::Withdraw(router) => {
                    let at = self
                        .installed
                        .iter()
                        .position(|installed| *installed == router);
                    prop_assert!(at.is_some(), "{router} withdraws what it does not have");
                    self.installed.remove(at.unwrap());
                }
                Command::Announce { router, .. } | Command::Update(router) => {
                    prop_assert!(self.installed.contains(&router));
                }
                Command::Advertise(advertisement) => {
                    let id = advertisement.router;
                    let to = self.engine.destinations(id).next().unwrap();
                    let mut buf = [0; 64];
                    let encoded = self.engine.encode_advert(&advertisement, to, &mut buf);
                    prop_assert!(encoded.is_ok(), "{:?}", encoded);
                }
                Command::Transition {
                    subject: Subject::Router(_),
                    from,
                    to,
                    ..
                } => {
                    prop_assert_ne!(from, to);
                    moves += 1;
                }
                Command::Transition {
                    subject: Subject::Group(_),
                    ..
                }
                | Command::RunScript(_)
                | Command::StopScript { .. }
                | Command::Report(_) => {}
            }
        }
        // Cascades end: each router moves at most twice for one input (a stop and a start anew).
        prop_assert!(moves <= 2 * 4, "{moves} transitions");
        let shown: Vec<_> = self.engine.snapshots().collect();
        for router in &shown {
            let installed = self.installed.contains(&router.router);
            prop_assert_eq!(installed, router.role == Role::Active, "{:?}", router);
            if let Some((_, before)) = self.stats.iter().find(|(id, _)| *id == router.router) {
                prop_assert!(stops || never_fell(before, &router.stats), "{:?}", router);
            }
        }
        self.stats = shown
            .iter()
            .map(|router| (router.router, router.stats))
            .collect();
        if timeout {
            prop_assert!(self.engine.next_deadline().is_none_or(|due| due > self.now));
        }
        // All members serve, or none.
        if !self.drains {
            let active = |router: &&vrrp_fsm::Snapshot| router.role == Role::Active;
            let members = || shown.iter().filter(|router| router.group.is_some());
            let serving = members().filter(active).count();
            prop_assert!(serving == 0 || serving == members().count(), "{:#?}", shown);
        }
        Ok(())
    }
}

/// Every number in the counters, but for the moments among them.
fn never_fell(before: &Stats, after: &Stats) -> bool {
    let numbers = |stats: &Stats| {
        let mut stats = *stats;
        stats.up_since = None;
        let value = serde_json::to_value(stats).unwrap();
        let members = value.as_object().unwrap().clone();
        members
            .into_values()
            .filter_map(|value| value.as_u64())
            .collect::<Vec<_>>()
    };
    numbers(before)
        .iter()
        .zip(numbers(after))
        .all(|(before, after)| *before <= after)
}

fn watched(drains: bool, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut engine = Engine::new(config(0));
    for iface in ETH {
        engine.handle(Instant::ZERO, Input::Link { iface, up: true });
        let (family, address) = (Family::V4, Some(addr(2)));
        engine.handle(
            Instant::ZERO,
            Input::Primary {
                iface,
                family,
                address,
            },
        );
    }
    let (now, installed, stats) = (Instant::ZERO, Vec::new(), Vec::new());
    let mut watch = Watch {
        engine,
        now,
        installed,
        stats,
        drains,
    };
    watch.input(Input::Startup)?;
    for op in ops {
        watch.apply(op)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    /// Addresses are installed if and only if Active; nothing before its deadline; counters never
    /// fall; sync groups end, all Active or none.
    //= KA-STATE-05 test
    //= HARD-FSM-02 test
    #[test]
    fn an_engine_keeps_its_promises(ops in prop::collection::vec(op(false), 1..150)) {
        watched(false, ops)?;
    }

    #[test]
    fn an_engine_that_drains_keeps_them_too(ops in prop::collection::vec(op(true), 1..150)) {
        watched(true, ops)?;
    }
}

/// Two routers and what is on its way between them.
struct Lan {
    routers: [VirtualRouter; 2],
    flying: Vec<(Instant, usize, Heard)>,
    now: Instant,
}

impl Lan {
    fn act(&mut self, at: usize, event: Event, delay: Option<Duration>) {
        let mut out = Vec::new();
        let router = &mut self.routers[at];
        router.handle(self.now, event, &mut out);
        let (source, interval) = (router.primary().unwrap(), router.config().interval);
        for action in out {
            if let (Action::Advertise(priority), Some(delay)) = (action, delay) {
                let heard = Heard {
                    source,
                    priority,
                    interval,
                };
                self.flying.push((self.now + delay, 1 - at, heard));
            }
        }
    }

    /// The next thing that happens, until `until`. `delay` answers how long an advert travels, if it
    /// arrives at all.
    fn run(&mut self, until: Instant, mut delay: impl FnMut() -> Option<Duration>) {
        loop {
            let arrival = self.flying.iter().map(|flying| flying.0).min();
            let timers = [0, 1].map(|at| self.routers[at].deadline().map(|(due, _)| due));
            let next = arrival
                .into_iter()
                .chain(timers.into_iter().flatten())
                .min();
            let Some(next) = next.filter(|next| *next <= until) else {
                break;
            };
            self.now = self.now.max(next);
            if let Some(at) = self.flying.iter().position(|flying| flying.0 == next) {
                let (_, to, heard) = self.flying.swap_remove(at);
                self.act(to, Event::Advert(heard), delay());
            } else {
                for at in [0, 1] {
                    if timers[at] == Some(next) {
                        self.act(at, Event::Timeout, delay());
                    }
                }
            }
        }
        self.now = until;
    }
}

proptest! {
    #![proptest_config(cases(512))]

    /// For every pair of priorities and addresses there is exactly one Active, 4 × the longer
    /// interval after the segment is whole; before that, adverts are lost and overtake each other.
    //= HARD-FSM-05 test
    #[test]
    fn two_routers_agree(
        priorities in [1..=255_u8, 1..=255_u8],
        centis in [1..300_u16, 1..300_u16],
        preempt in any::<[bool; 2]>(),
        start in 0..10_000_u64,
        trouble in prop::collection::vec(prop::option::of(0..100_u64), 0..60),
    ) {
        let router = |at: usize| {
            let options = RouterOptions {
                priority: Priority::new(priorities[at]),
                interval: AdvertInterval::from_centis(centis[at]).unwrap(),
                preempt: if preempt[at] { Preempt::AtOnce } else { Preempt::Never },
                source: Some(addr(u8::try_from(at).unwrap() + 1)),
                ..RouterOptions::rfc(ETH[0], Family::V4, Vrid::new(51).unwrap())
            };
            VirtualRouter::new(options.with_addresses([addr(254)]).try_into().unwrap())
        };
        let mut lan = Lan { routers: [router(0), router(1)], flying: vec![], now: Instant::ZERO };
        let longest = Duration::from_millis(10 * u64::from(centis[0].max(centis[1])));
        let mut percents = trouble.into_iter();
        let delay = |percent: u64| longest / 100 * u32::try_from(percent).unwrap();
        lan.act(0, Event::Startup, None);
        let begin = lan.now + delay(start / 100);
        lan.run(begin, || percents.next().flatten().map(delay));
        lan.act(1, Event::Startup, None);
        let mut steps = 0;
        while percents.len() > 0 && steps < 1_000 {
            steps += 1;
            let until = lan.now + longest / 10;
            lan.run(until, || percents.next().flatten().map(delay));
        }
        // From here on the segment is whole: what is late arrives, then nothing is.
        let whole = lan.now + longest + longest * 4;
        lan.run(whole, || Some(Duration::from_micros(50)));
        let roles = [0, 1].map(|at| lan.routers[at].role());
        let active = roles.iter().filter(|role| **role == Role::Active).count();
        prop_assert_eq!(active, 1, "{:?} with {:?} at {:?}", roles, priorities, centis);
    }
}

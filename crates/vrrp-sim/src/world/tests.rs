use super::*;

const MS: Duration = Duration::from_millis(1);

/// Sends its number each `period`, writes down what it hears and when it ran.
struct Beacon {
    number: u8,
    period: Duration,
    next: Instant,
    heard: Vec<(Instant, u8)>,
    turns: Vec<Instant>,
}

impl Beacon {
    const fn new(number: u8, period: Duration) -> Self {
        Self {
            number,
            period,
            next: Instant::ZERO,
            heard: Vec::new(),
            turns: Vec::new(),
        }
    }
}

impl Node for Beacon {
    fn deliver(&mut self, now: Instant, _iface: usize, frame: &[u8], _out: &mut Outbox) {
        self.heard.push((now, frame[0]));
    }

    fn carrier(&mut self, _now: Instant, _iface: usize, _up: bool) {}

    fn turn(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        self.turns.push(now);
        if now >= self.next {
            out.send(0, &[self.number; 60]);
            self.next = now + self.period;
        }
        Some(self.next)
    }
}

fn at(ms: u32) -> Instant {
    Instant::ZERO + MS * ms
}

#[test]
fn frames_take_their_time_and_a_turn_follows() {
    let mut world = World::new(1);
    let lan = world.add_segment(MS);
    let [a, b] = [(1, MS * 10), (2, MS * 1000)]
        .map(|(n, period)| world.add_node(Beacon::new(n, period), Clock::default(), &[lan]));
    world.run(MS * 25);
    let (a, b) = (world.node(a).unwrap(), world.node(b).unwrap());
    assert_eq!(b.heard, [(at(1), 1), (at(11), 1), (at(21), 1)]);
    assert_eq!(a.heard, [(at(1), 2)]);
    assert_eq!(b.turns, [at(0), at(1), at(11), at(21)]);
    assert_eq!(world.now(), at(25));
}

#[test]
fn power_decides_who_hears_and_who_acts() {
    for (power, heard, turns) in [
        (Power::Frozen, 3, 1),
        (Power::Suspended, 1, 1),
        (Power::Off, 1, 1),
    ] {
        let mut world = World::new(1);
        let lan = world.add_segment(MS);
        world.add_node(Beacon::new(1, MS * 10), Clock::default(), &[lan]);
        let b = world.add_node(Beacon::new(2, MS * 1000), Clock::default(), &[lan]);
        world.run(MS * 5);
        world.set_power(b, power);
        world.run(MS * 20);
        let beacon = world.node(b).unwrap();
        assert_eq!(
            (beacon.heard.len(), beacon.turns.len()),
            (heard, turns + 1),
            "{power:?}"
        );
        world.set_power(b, Power::On);
        world.run(MS);
        assert_eq!(
            world.node(b).unwrap().turns.last(),
            Some(&at(25)),
            "{power:?}"
        );
    }
}

#[test]
fn a_pulled_cable_carries_nothing_in_flight() {
    let mut world = World::new(1);
    let lan = world.add_segment(MS);
    world.add_node(Beacon::new(1, MS * 10), Clock::default(), &[lan]);
    let b = world.add_node(Beacon::new(2, MS * 10), Clock::default(), &[lan]);
    world.run(MS / 2);
    world.set_carrier(b, 0, false);
    world.run(MS * 100);
    for (_, node) in world.nodes() {
        assert!(node.heard.len() <= 1, "{:?}", node.heard);
    }
    assert_eq!(world.node(b).unwrap().heard, []);
}

#[test]
fn a_clock_that_is_fast_wakes_early_and_never_before_its_time() {
    for ppm in [-500, -1, 0, 1, 77, 500] {
        let clock = Clock {
            offset: Duration::from_nanos(12_345),
            ppm,
        };
        for local in [
            12_345,
            12_346,
            1_000_000_007,
            3_609_375_000,
            86_400_000_000_001,
        ] {
            let local = Instant::from_nanos(local);
            let world = clock.when(local);
            assert!(clock.read(world) >= local, "{ppm} ppm, {local}");
            let before = world.as_nanos().checked_sub(1).map(Instant::from_nanos);
            assert!(
                before.is_none_or(|b| clock.read(b) < local),
                "{ppm} ppm, {local}"
            );
        }
    }
    let day = Instant::from_nanos(86_400_000_000_000);
    let fast = Clock {
        offset: Duration::ZERO,
        ppm: 100,
    };
    assert_eq!(fast.read(day).saturating_duration_since(day), MS * 8640);
}

#[test]
fn the_same_seed_is_the_same_history() {
    let history = |seed| {
        let mut world = World::new(seed);
        let lan = world.add_segment(MS);
        for n in 1..4 {
            let clock = Clock {
                offset: MS * u32::from(n),
                ppm: i32::from(n) * 100,
            };
            world.add_node(Beacon::new(n, MS * 7), clock, &[lan]);
        }
        let loss = crate::Chance::from_percent(30).unwrap();
        let rough = crate::lan::Conditions {
            loss,
            jitter: MS,
            corrupt: loss,
            ..Default::default()
        };
        for port in 0..3 {
            world
                .segment_mut(lan)
                .unwrap()
                .set_conditions(PortId(port), rough);
        }
        world.record(Trace::default());
        world.run(MS * 500);
        world.take_trace().unwrap()
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
}

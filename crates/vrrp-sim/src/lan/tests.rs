use super::*;
use core::time::Duration;

const ADVERT: &[u8] = &[0x01, 0x00, 0x5e, 0x00, 0x00, 0x12, 1, 2, 3];

fn segment(ports: usize) -> Segment {
    let mut segment = Segment::new(Duration::from_micros(50));
    for at in 0..ports {
        assert_eq!(segment.attach(NodeId(at), 0), PortId(at));
    }
    segment
}

fn send(segment: &mut Segment, rng: &mut Rng, from: usize) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    segment.send(PortId(from), ADVERT, rng, &mut |arrival| {
        arrivals.push(arrival)
    });
    arrivals
}

fn percent(percent: u8) -> Chance {
    Chance::from_percent(percent).unwrap()
}

#[test]
fn a_good_cable_delivers_to_all_others_once() {
    let mut segment = segment(3);
    assert!(segment.is_calm());
    let after = Duration::from_micros(50);
    let expected = [0, 2].map(|at| Arrival {
        port: PortId(at),
        after,
        damage: None,
    });
    assert_eq!(send(&mut segment, &mut Rng::new(1), 1), expected);
}

#[test]
fn deafness_has_a_direction_and_an_end() {
    let mut segment = segment(2);
    segment.deafen(PortId(0), PortId(1));
    assert!(!segment.is_calm());
    assert_eq!(segment.path(PortId(0), PortId(1)), None);
    assert_eq!(segment.path(PortId(1), PortId(0)), Some(segment.latency()));
    assert_eq!(send(&mut segment, &mut Rng::new(1), 0), []);
    assert_eq!(send(&mut segment, &mut Rng::new(1), 1).len(), 1);
    segment.heal();
    assert_eq!(send(&mut segment, &mut Rng::new(1), 0).len(), 1);
}

#[test]
fn losses_are_as_frequent_as_asked_and_as_long_as_allowed() {
    let mut rng = Rng::new(2);
    for (loss, run, least, most) in [
        (30, 0, 2700, 3300),
        (90, 2, 6200, 6420),
        (100, 2, 6666, 6667),
    ] {
        let mut segment = segment(2);
        let good = Conditions::GOOD;
        segment.set_conditions(
            PortId(1),
            Conditions {
                loss: percent(loss),
                loss_run: run,
                ..good
            },
        );
        let (mut lost, mut in_a_row) = (0, 0);
        for _ in 0..10_000 {
            if send(&mut segment, &mut rng, 0).is_empty() {
                lost += 1;
                in_a_row += 1;
                assert!(run == 0 || in_a_row <= run);
            } else {
                in_a_row = 0;
            }
        }
        assert!(
            (least..=most).contains(&lost),
            "{loss}% at most {run} in a row: {lost}"
        );
    }
}

#[test]
fn nothing_is_later_than_the_path_says() {
    let mut segment = segment(2);
    let stormy = Conditions {
        delay: Duration::from_millis(1),
        jitter: Duration::from_millis(3),
        duplicate: percent(50),
        reorder: percent(30),
        ..Conditions::GOOD
    };
    segment.set_conditions(PortId(1), stormy);
    let bound = segment.path(PortId(0), PortId(1)).unwrap();
    let mut rng = Rng::new(3);
    let all: Vec<_> = (0..5000)
        .flat_map(|_| send(&mut segment, &mut rng, 0))
        .collect();
    assert!((7000..8000).contains(&all.len()), "{} arrivals", all.len());
    assert!(
        all.iter()
            .all(|arrival| arrival.after <= bound && arrival.damage.is_none())
    );
    let late = all.iter().map(|arrival| arrival.after).max().unwrap();
    assert!(late > bound * 9 / 10, "{late:?} of {bound:?}");
}

#[test]
fn corruption_changes_one_bit_of_the_frame() {
    let mut segment = segment(2);
    segment.set_conditions(
        PortId(1),
        Conditions {
            corrupt: Chance::ALWAYS,
            ..Conditions::GOOD
        },
    );
    let mut rng = Rng::new(4);
    let bits: BTreeSet<_> = (0..2000)
        .flat_map(|_| send(&mut segment, &mut rng, 0))
        .filter_map(|a| a.damage)
        .collect();
    assert_eq!(bits, (0..ADVERT.len() as u64 * 8).collect());
    assert_eq!(segment.path(PortId(0), PortId(1)), None);
}

#[test]
fn the_same_seed_is_the_same_world() {
    let golden = [
        0xe220_a839_7b1d_cdaf,
        0x6e78_9e6a_a1b9_65f4,
        0x06c4_5d18_8009_454f,
        0xf88b_b8a8_724c_81ec,
    ];
    let mut rng = Rng::new(0);
    assert_eq!(
        [(); 4].map(|()| rng.bits()),
        golden,
        "SplitMix64's published numbers"
    );
}

//! Small worlds, explored whole. The number of states is printed: `cargo test -- --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use vrrp_sim::model::{Explored, Model};

#[track_caller]
fn explore(name: &str, model: &Model) -> Explored {
    let explored = model.explore();
    println!("{name}: routers {:?}: {explored}", model.routers);
    assert_eq!(explored.failure, None, "{name}: {model:?}");
    explored
}

#[test]
fn two_routers_settle_from_every_state() {
    for routers in [[100, 100], [100, 200], [255, 100], [1, 254]] {
        let model = Model {
            losses: 3,
            crashes: 1,
            stops: 1,
            ..Model::new(&routers, 14)
        };
        let explored = explore("cold start", &model);
        assert!(explored.states > 10_000 && explored.dual > 10, "{explored}");
    }
}

#[test]
fn three_routers_settle_from_every_state() {
    for routers in [[100, 150, 200], [200, 100, 100]] {
        let model = Model {
            losses: 2,
            crashes: 1,
            stops: 1,
            ..Model::new(&routers, 10)
        };
        let explored = explore("cold start", &model);
        assert!(explored.states > 10_000 && explored.dual > 10, "{explored}");
    }
}

#[test]
fn a_drain_settles_from_every_state() {
    for routers in [&[200, 100][..], &[200, 100, 50]] {
        let depth = 20 - 4 * routers.len();
        let model = Model {
            settled: true,
            losses: 2,
            drains: 1,
            crashes: 1,
            ..Model::new(routers, depth)
        };
        explore("drain", &model);
    }
}

#[test]
fn two_adverts_lost_are_no_takeover_and_three_are() {
    let two = Model {
        settled: true,
        losses: 2,
        steady: true,
        ..Model::new(&[200, 100], 30)
    };
    explore("two lost", &two);
    let three = Model { losses: 3, ..two };
    let (moves, what) = three.explore().failure.unwrap();
    assert_eq!(what, "[0, 1] Active", "{moves:?}");
}

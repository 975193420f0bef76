//! Simulated router-seconds per second: a quiet segment, nobody pings, adverts each second.
//!
//! Criterion prints the rate as elements per second: the element is one virtual router for one
//! second.

use core::time::Duration;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use vrrp_sim::{EngineNode, Order, Plan, RouterPlan, Scenario, Step};

fn settled(routers: u8) -> Scenario<EngineNode> {
    let routers = (0..routers).map(|at| RouterPlan::new(200 - at)).collect();
    let mut scenario = Scenario::new(Plan {
        routers,
        hosts: 0,
        ..Plan::default()
    });
    let count = scenario.plan().routers.len();
    (0..count).for_each(|at| scenario.step(&Step::Router(at, Order::Start)));
    scenario.step(&Step::Run(Duration::from_secs(10)));
    scenario
}

fn quiet_segment(c: &mut Criterion) {
    let mut group = c.benchmark_group("simulation");
    for routers in [3, 5, 50] {
        let seconds = 1000;
        group.throughput(Throughput::Elements(u64::from(routers) * seconds));
        group.bench_function(format!("router-seconds/{routers}"), |b| {
            let mut scenario = settled(routers);
            b.iter(|| scenario.step(&Step::Run(Duration::from_secs(seconds))));
            assert_eq!(scenario.finish().takeovers, 1);
        });
    }
    group.finish();
}

fn random_plans(c: &mut Criterion) {
    let mut group = c.benchmark_group("simulation");
    let mut seed = 0;
    group.throughput(Throughput::Elements(1));
    group.bench_function("random plans", |b| {
        b.iter_batched(
            || {
                seed += 1;
                vrrp_sim::random::plan(seed, vrrp_sim::random::Bounds::default())
            },
            |plan| vrrp_sim::run(&plan).takeovers,
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, quiet_segment, random_plans);
criterion_main!(benches);

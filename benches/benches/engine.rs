//! The state machine: a step in each state, an engine of 1, 100 and 10,000 virtual routers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench may panic"
)]

use core::hint::black_box;
use core::net::IpAddr;
use core::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vrrp_fsm::{
    Action, Cause, Command, Engine, EngineConfig, Event, Heard, IfaceId, Input, Instant,
    RouterConfig, RouterId, RouterOptions, VirtualRouter,
};
use vrrp_proto::{
    AddressList, Advert, AdvertInterval, Authentication, ChecksumCoverage, Datagram, Endpoints,
    Family, GROUP_V4, Priority, Version, Vrid,
};

const SECOND: Duration = Duration::from_secs(1);

fn options(number: u32) -> RouterOptions {
    // 250 virtual routers on each interface.
    let vrid = Vrid::new(u8::try_from(number % 250 + 1).unwrap()).unwrap();
    let iface = IfaceId(number / 250);
    let address = IpAddr::from([10, 1, 0, vrid.get()]);
    RouterOptions::rfc(iface, Family::V4, vrid).with_addresses([address])
}

fn config(number: u32) -> RouterConfig {
    options(number).try_into().unwrap()
}

/// Counts what it is lent, as cheap as can be.
#[derive(Default)]
struct Count(usize);

impl Extend<Action> for Count {
    fn extend<T: IntoIterator<Item = Action>>(&mut self, actions: T) {
        self.0 += actions.into_iter().count();
    }
}

fn router(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router");
    let source = IpAddr::from([10, 0, 0, 2]);
    let interval = AdvertInterval::DEFAULT;
    let heard = |priority| {
        let priority = Priority::new(priority);
        Event::Advert(Heard {
            source,
            priority,
            interval,
        })
    };
    let initialize = VirtualRouter::new(config(0));
    let mut out = Count::default();
    let mut backup = initialize.clone();
    backup.handle(Instant::ZERO, Event::Startup, &mut out);
    let mut active = backup.clone();
    let (due, _) = backup.deadline().unwrap();
    active.handle(due, Event::Timeout, &mut out);

    // One event again and again: the state stays what it is.
    let mut step = |name: &str, router: &VirtualRouter, event: Event| {
        let mut router = router.clone();
        let mut now = due;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                now += SECOND;
                router.handle(now, black_box(event), &mut out);
            });
        });
    };
    step("initialize/advert", &initialize, heard(200));
    step("backup/advert", &backup, heard(200));
    step("backup/lower advert discarded", &backup, heard(50));
    step("active/lower advert answered", &active, heard(50));
    step("active/advert due", &active, Event::Timeout);
    group.bench_function("takeover and back", |bencher| {
        let mut router = backup.clone();
        let mut now = due;
        bencher.iter(|| {
            router.handle(
                now,
                Event::Demand(vrrp_fsm::Role::Active, Cause::NoResponse),
                &mut out,
            );
            router.handle(now, heard(200), &mut out);
            now += SECOND;
        });
    });
    group.finish();
    black_box(out.0);
}

/// An engine of `count` routers that are all Active (or, given a peer, all Backup), in steady state.
fn engine(count: u32) -> Engine {
    let routers = (0..count)
        .map(|number| (RouterId(number), config(number)))
        .collect();
    let mut engine = Engine::new(EngineConfig {
        routers,
        ..EngineConfig::default()
    });
    for iface in (0..count.div_ceil(250)).map(IfaceId) {
        engine.handle(Instant::ZERO, Input::Link { iface, up: true });
        let (family, address) = (Family::V4, Some([10, 0, 0, 1].into()));
        engine.handle(
            Instant::ZERO,
            Input::Primary {
                iface,
                family,
                address,
            },
        );
    }
    engine.handle(Instant::ZERO, Input::Startup);
    while engine.poll_command().is_some() {}
    engine
}

/// One advert of the next router whose turn it is, encoded.
fn advertise(engine: &mut Engine, buf: &mut [u8]) -> usize {
    let now = engine.next_deadline().unwrap();
    engine.handle(now, Input::Timeout);
    let mut octets = 0;
    while let Some(command) = engine.poll_command() {
        if let Command::Advertise(advertisement) = command {
            let (_, len) = engine
                .encode_advert(&advertisement, GROUP_V4.into(), buf)
                .unwrap();
            octets += len;
        }
    }
    octets
}

fn many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    for count in [1, 100, 10_000] {
        // One after the other, as on a real machine, and not all at the same nanosecond.
        let mut active = engine(count);
        let mut now = Instant::ZERO + 4 * SECOND;
        active.handle(now, Input::Timeout);
        while active.poll_command().is_some() {}
        for number in 0..count {
            now += SECOND / 20_000;
            let router = RouterId(number);
            active.handle(
                now,
                Input::Blocked {
                    router,
                    blocked: true,
                },
            );
            active.handle(
                now,
                Input::Blocked {
                    router,
                    blocked: false,
                },
            );
        }
        for _ in 0..2 * count {
            advertise(&mut active, &mut [0; 64]);
        }
        group.throughput(Throughput::Elements(1));
        let mut buf = [0; 64];
        group.bench_function(BenchmarkId::new("advert due, encoded", count), |bencher| {
            bencher.iter(|| black_box(advertise(&mut active, &mut buf)));
        });

        let mut backup = engine(count);
        let number = count / 2;
        let config = config(number);
        let ends = Endpoints::V4 {
            source: [10, 0, 0, 2].into(),
            destination: GROUP_V4,
        };
        let AddressList::V4(addresses) = config.addresses.as_list() else {
            return;
        };
        let advert = Advert {
            version: Version::V3,
            vrid: config.vrid,
            priority: Priority::new(200),
            interval: AdvertInterval::DEFAULT,
            addresses: AddressList::V4(addresses),
            authentication: Authentication::None,
        };
        let len = advert
            .emit(&ends, ChecksumCoverage::Message, &mut buf)
            .unwrap();
        let mut now = Instant::ZERO;
        group.bench_function(
            BenchmarkId::new("datagram heard in Backup", count),
            |bencher| {
                bencher.iter(|| {
                    now += Duration::from_nanos(1);
                    let datagram = Datagram::new(ends, 255, black_box(&buf[..len]));
                    backup.handle(
                        now,
                        Input::Datagram {
                            iface: config.iface,
                            arrived: now,
                            datagram,
                        },
                    );
                    while backup.poll_command().is_some() {}
                });
            },
        );
    }
    group.throughput(Throughput::Elements(10_000));
    group.sample_size(10);
    group.bench_function("10,000 routers take over at once", |bencher| {
        let fresh = engine(10_000);
        let due = fresh.next_deadline().unwrap();
        bencher.iter_batched_ref(
            || fresh.clone(),
            |engine| {
                engine.handle(due, Input::Timeout);
                while let Some(command) = engine.poll_command() {
                    black_box(command);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, router, many);
criterion_main!(benches);

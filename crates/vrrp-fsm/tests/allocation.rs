//! An advert of steady state allocates nothing: sent, encoded, or heard.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic, and only an allocator can count allocations"
)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::net::IpAddr;
use std::alloc::System;

use vrrp_fsm::{
    Command, Engine, EngineConfig, IfaceId, Input, Instant, Role, RouterConfig, RouterId,
    RouterOptions,
};
use vrrp_proto::{Datagram, Endpoints, Family, Priority, Vrid};

/// The system's allocator, which counts for each thread.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ETH0: IfaceId = IfaceId(1);
const GROUP: IpAddr = IpAddr::V4(vrrp_proto::GROUP_V4);

/// 250 routers that are Active.
fn engine(priority: u8, address: [u8; 4]) -> Engine {
    let router = |vrid: u8| {
        let options = RouterOptions {
            priority: Priority::new(priority),
            ..RouterOptions::rfc(ETH0, Family::V4, Vrid::new(vrid).unwrap())
        };
        let options = options.with_addresses([IpAddr::from([10, 1, 0, vrid])]);
        (
            RouterId(vrid.into()),
            RouterConfig::try_from(options).unwrap(),
        )
    };
    let routers = (1..=250).map(router).collect();
    let mut engine = Engine::new(EngineConfig {
        routers,
        ..EngineConfig::default()
    });
    engine.handle(
        Instant::ZERO,
        Input::Link {
            iface: ETH0,
            up: true,
        },
    );
    let (family, address) = (Family::V4, Some(address.into()));
    engine.handle(
        Instant::ZERO,
        Input::Primary {
            iface: ETH0,
            family,
            address,
        },
    );
    engine.handle(Instant::ZERO, Input::Startup);
    engine
}

#[test]
fn steady_state_allocates_nothing() {
    let mut active = engine(200, [10, 0, 0, 1]);
    let mut backup = engine(100, [10, 0, 0, 2]);
    let mut buf = [0; 128];
    let mut adverts = 0_u64;
    let mut before = 0;
    while adverts < 250 * 60 {
        // The first seconds fill the queues and learn the peer.
        if adverts == 250 * 10 {
            before = COUNT.get();
        }
        let now = active.next_deadline().unwrap();
        active.handle(now, Input::Timeout);
        while let Some(command) = active.poll_command() {
            let Command::Advertise(advertisement) = command else {
                continue;
            };
            let to = active.destinations(advertisement.router).next().unwrap();
            assert_eq!(to, GROUP);
            let (ends, len) = active.encode_advert(&advertisement, to, &mut buf).unwrap();
            let datagram = Datagram::new(ends, 255, &buf[..len]);
            backup.handle(
                now,
                Input::Datagram {
                    iface: ETH0,
                    arrived: now,
                    datagram,
                },
            );
            backup.handle(now, Input::Timeout);
            while backup.poll_command().is_some() {}
            adverts += 1;
        }
    }
    let allocations = COUNT.get() - before;
    assert_eq!(allocations, 0, "in {} adverts", adverts - 250 * 10);
    assert!(active.snapshots().all(|shown| shown.role == Role::Active));
    assert!(
        backup
            .snapshots()
            .all(|shown| shown.stats.adverts_rcvd > 50)
    );
    assert_ne!(COUNT.get(), before, "the counter counts");
    let _ = Endpoints::new(GROUP, GROUP);
}

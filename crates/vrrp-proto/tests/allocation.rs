//! Parsing, verifying, receiving, signing and emitting allocate nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unsafe_code,
    reason = "a test may panic; an allocator that counts cannot be written without unsafe"
)]

mod common;

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

use common::{ENDS, ENDS_V6, MULTICAST_V6, advert, advert_v6, router};
use core::time::Duration;
use vrrp_proto::{
    AhPolicy, AhTtl, AntiReplay, AuthPolicy, ChecksumCoverage, Datagram, Expected, Family,
    HmacMode, HmacPolicy, Key, Mark, Packet, Password, Priority, Signer, Trailer, Version,
    auth_header, receive, set_priority,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(core::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn the_codec_allocates_nothing() {
    let key = Key::new(7, &[7; 32]).unwrap();
    let utc = Duration::from_secs(1_700_000_000);
    let mut signer = Signer::default();
    let mut marks = [Mark::default(); 4];
    let mut buf = [0; 2048];
    let count = allocations(|| {
        for (advert, ends, family) in [
            (advert(Version::V2), ENDS, Family::V4),
            (advert(Version::V3), ENDS, Family::V4),
            (advert_v6(), ENDS_V6, Family::V6),
        ] {
            let len = advert
                .emit(&ends, ChecksumCoverage::PseudoHeader, &mut buf)
                .unwrap();
            set_priority(&mut buf[..len], family, Priority::RELINQUISH).unwrap();
            let packet = Packet::parse(&buf[..len], family).unwrap();
            packet.verify(&ends).unwrap();
            assert!(packet.addresses().len() > 1);
            let sequence = signer.next(AntiReplay::Monotonic, utc);
            let trailer = Trailer::sign(&key, sequence, ends.source(), &buf[..len]).unwrap();
            let len = trailer.append(&ends, &mut buf, len).unwrap();
            let hmac = HmacPolicy {
                keys: core::slice::from_ref(&key),
                mode: HmacMode::Enforce,
                anti_replay: AntiReplay::Time { window: 5 },
                utc,
                marks: &marks,
            };
            let expected = match family {
                Family::V4 => router(advert.version),
                Family::V6 => Expected::anything(MULTICAST_V6),
            };
            let expected = Expected {
                hmac: Some(hmac),
                ..expected
            };
            let received = receive(&Datagram::new(ends, 255, &buf[..len]), &expected).unwrap();
            let signature = received.signature.unwrap();
            // Whatever is discarded, and why.
            let unsigned = Expected {
                hmac: None,
                ..expected
            };
            for len in 0..len {
                let datagram = Datagram::new(ends, 255, &buf[..len]);
                core::hint::black_box(receive(&datagram, &unsigned).is_ok());
            }
            Mark::record(&mut marks, ends.source(), signature.sequence);
        }
    });
    assert_eq!(count, 0);

    let policy = AhPolicy {
        key: Password::new(b"x"),
        ttl: AhTtl::Keep,
        last_sequence: None,
    };
    let expected = Expected {
        auth: AuthPolicy::Ah(policy),
        ..router(Version::V2)
    };
    let header = [0x45; 20];
    let count = allocations(|| {
        let len = advert(Version::V2)
            .emit(&ENDS, ChecksumCoverage::Message, &mut buf)
            .unwrap();
        auth_header(&policy.key, AhTtl::Keep, 1, &header, &buf[..len]).unwrap();
        receive(&Datagram::new(ENDS, 255, &buf[..len]), &expected).unwrap_err();
    });
    assert_eq!(count, 0);
}

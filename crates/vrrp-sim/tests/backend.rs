//! The simulated kernel keeps the contract that Linux keeps: the same suite runs on both.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use vrrp_net::{AddressSpec, Mac};
use vrrp_sim::SimKernel;

#[test]
fn conformance() {
    let own = AddressSpec {
        prefix_len: 24,
        ..AddressSpec::new([10, 0, 0, 1].into())
    };
    let mut kernel = SimKernel::new([(Mac::new([2, 0, 0, 0, 0, 1]), vec![own])]);
    let passed = vrrp_net::conformance::check(&mut kernel, "eth0", |_| {});
    assert_eq!(passed, Ok(14));
}

//! The contract on Linux, and what only a real kernel can show of it.

use crate::Case;
use core::time::Duration;
use std::thread;
use vrrp_lab::{Lab, Plan};
use vrrp_net::linux::Linux;

pub(crate) const CASES: &[Case] = &[("conformance", conformance)];

/// A LAN of such hosts that speaks IPv6 too.
pub(crate) fn lan(names: &[&str]) -> Lab {
    let plan = names
        .iter()
        .zip(1..)
        .fold(Plan::new().ipv6(true), |plan, (name, last)| {
            let address = format!("10.0.0.{last}/24").parse().unwrap();
            plan.host(vrrp_lab::HostPlan::new(*name).interface("eth0", "lan", [address]))
        });
    plan.build().unwrap()
}

fn conformance() {
    let lab = lan(&["a"]);
    let passed = lab["a"]
        .run(|| {
            let mut linux = Linux::open().unwrap();
            vrrp_net::conformance::check(&mut linux, "eth0", |_| {
                thread::sleep(Duration::from_millis(1));
            })
        })
        .unwrap();
    assert_eq!(passed, Ok(13));
}

//! Puts an address on an interface, tells the LAN, and takes it away again when Enter is pressed.
//!
//! ```text
//! sudo cargo run -p vrrp-net --example announce -- eth0 192.0.2.70/32
//! ```
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use core::error::Error;
use core::net::IpAddr;
use std::{env, io};
use vrrp_net::frame::{GratuitousArp, UnsolicitedNa};
use vrrp_net::linux::Linux;
use vrrp_net::{AddressSpec, Backend, Op};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, address] = arguments.as_slice() else {
        return Err("usage: announce INTERFACE ADDRESS[/LENGTH]".into());
    };
    let spec = match address.split_once('/') {
        None => AddressSpec::new(address.parse()?),
        Some((address, len)) => AddressSpec {
            prefix_len: len.parse()?,
            ..AddressSpec::new(address.parse()?)
        },
    };

    let mut linux = Linux::open()?;
    let link = linux
        .links()
        .find(|link| link.name == *name)
        .ok_or("no such interface")?;
    let (iface, mac) = (
        link.index,
        link.mac.ok_or("the interface has no hardware address")?,
    );

    let announce = match spec.address {
        IpAddr::V4(address) => Op::GratuitousArp {
            iface,
            arp: GratuitousArp::new(address, mac),
        },
        IpAddr::V6(address) => Op::UnsolicitedNa {
            iface,
            na: UnsolicitedNa {
                router: false,
                ..UnsolicitedNa::new(address, mac)
            },
        },
    };
    apply(
        &mut linux,
        &[
            Op::AddAddress {
                iface,
                address: &spec,
            },
            announce,
        ],
    )?;
    println!(
        "{} is on {name} ({mac}), and the LAN knows. Enter takes it away.",
        spec.address
    );

    io::stdin().read_line(&mut String::new())?;
    apply(
        &mut linux,
        &[Op::RemoveAddress {
            iface,
            address: &spec,
        }],
    )
}

fn apply(linux: &mut Linux, ops: &[Op<'_>]) -> Result<(), Box<dyn Error>> {
    let mut failure = None;
    linux.apply_all(ops, &mut |_, error| failure = Some(error));
    failure.map_or(Ok(()), |error| Err(error.into()))
}

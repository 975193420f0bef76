//! Watches interfaces and addresses, and says who changes them. Needs no privilege.
//!
//! ```text
//! cargo run -p vrrp-net --example watch
//! ```
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use core::error::Error;
use rustix::event::{PollFd, PollFlags, poll};
use vrrp_net::linux::Linux;
use vrrp_net::{Backend, NetEvent, RxRing};

fn main() -> Result<(), Box<dyn Error>> {
    let mut linux = Linux::open()?;
    let mut ring = RxRing::new();
    loop {
        while let Some(event) = linux.poll_event(&mut ring)? {
            match event {
                NetEvent::Link(link) => {
                    let state = if link.running {
                        "running"
                    } else {
                        "not running"
                    };
                    println!("{}: {} is {state}", link.index, link.name);
                }
                NetEvent::LinkGone { index, name } => println!("{index}: {name} is gone"),
                NetEvent::AddressAdded { record, by } => {
                    let ours = if record.ours { ", ours" } else { "" };
                    let (address, len) = (record.address, record.prefix_len);
                    println!(
                        "{}: {address}/{len} {:?}{ours} (by {by})",
                        record.iface, record.state
                    );
                }
                NetEvent::AddressRemoved { record, by } => {
                    println!("{}: {} removed by {by}", record.iface, record.address);
                }
                NetEvent::Resync => println!("all there is:"),
                NetEvent::Synced => println!("and from now on, what changes:"),
                other => println!("{other:?}"),
            }
        }
        poll(&mut [PollFd::new(&linux, PollFlags::IN)], None)?;
    }
}

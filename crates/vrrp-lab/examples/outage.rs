//! Two hosts, a cable that is cut for half a second, and how long a ping saw it. No root needed:
//! `cargo run -p vrrp-lab --example outage`

use core::error::Error;
use core::time::Duration;
use std::thread;
use std::time::SystemTime;

use vrrp_lab::{Lab, Probe, until};

fn main() -> Result<(), Box<dyn Error>> {
    vrrp_lab::enter()?;
    let lab = Lab::lan(["client", "server"]).build()?;
    let address = "10.0.0.2".parse()?;
    let pings = Probe::start(&lab["client"], address, Duration::from_millis(1))?;
    let answered = || pings.answered().then_some(());
    until(Duration::from_secs(5), answered).ok_or("no answer")?;

    let cut = SystemTime::now();
    lab["server"].cut("eth0")?;
    thread::sleep(Duration::from_millis(500));
    lab["server"].restore("eth0")?;

    let outage = until(Duration::from_secs(5), || pings.outages(cut).pop()).ok_or("no outage")?;
    println!("dark for {:?}, {} pings lost", outage.lasted(), outage.lost);
    Ok(())
}

//! The hosts and the bridges between them.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::ops::Index;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::Signal;

use crate::enter::SCRATCH;
use crate::host::{Host, Interface, lock, new_switch};
use crate::netlink::Netlink;
use crate::{Plan, entered, until};

/// How long links may take to come up. The kernel batches such news, up to a second.
const LINKS_UP: Duration = Duration::from_secs(10);

/// Hosts on LANs, made by [`Plan::build`]; dropping it kills all that runs in them and removes them.
///
/// Any number may live side by side in one process: each has namespaces of its own, so their addresses may
/// be the same.
#[derive(Debug)]
pub struct Lab {
    hosts: Vec<Host>,
    dir: PathBuf,
    pub(crate) switch: OwnedFd,
}

/// Why a lab could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Outside, a lab would change the machine that it runs on.
    #[error("vrrp_lab::enter() has not been called in this process")]
    NotEntered,
    /// A host has nothing else in its name than what a file name may have.
    #[error("{0:?} is no name for a host")]
    Name(String),
    /// The kernel refused a step.
    #[error("{step}: {source}")]
    Kernel {
        /// What was being made.
        step: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A link did not come up.
    #[error("the links of {0} did not come up within {LINKS_UP:?}")]
    LinksDown(String),
}

impl Plan {
    /// Makes the hosts, and waits until their links are up.
    pub fn build(self) -> Result<Lab, BuildError> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        if !entered() {
            return Err(BuildError::NotEntered);
        }
        let dir = Path::new(SCRATCH).join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let step = |what: String| move |source| BuildError::Kernel { step: what, source };
        let (switch, bridges) = new_switch().map_err(step("the switch".into()))?;
        let bridges = Arc::new(Mutex::new(bridges));
        let mut lab = Lab {
            hosts: Vec::new(),
            dir,
            switch,
        };
        let mut lans = BTreeMap::new();
        for (number, plan) in (1u8..).zip(&self.hosts) {
            if plan.name.is_empty() || plan.name.contains('/') || plan.name.starts_with('.') {
                return Err(BuildError::Name(plan.name.clone()));
            }
            let dir = lab.dir.join(&plan.name);
            let mut host = Host::new(&plan.name, &dir, self.ipv6)
                .map_err(step(format!("host {}", plan.name)))?;
            for (order, interface) in (0u8..).zip(&plan.interfaces) {
                let failed = |e| step(format!("{} of {}", interface.name, plan.name))(e);
                let switch = lock(&bridges);
                let bridge = match lans.get(&interface.lan) {
                    Some(index) => *index,
                    None => {
                        let name = format!("lan{}", lans.len());
                        switch.add_bridge(&name).map_err(failed)?;
                        let index = index_of(&switch, &name).map_err(failed)?;
                        lans.insert(interface.lan.clone(), index);
                        index
                    }
                };
                let port = format!("p{number}.{order}");
                // Locally administered, and easy to tell apart in a capture.
                let mac = [0x02, 0, 0, 0, number, order];
                switch
                    .add_veth(&port, bridge, &interface.name, mac, host.net_fd().as_fd())
                    .map_err(failed)?;
                let port = index_of(&switch, &port).map_err(failed)?;
                drop(switch);
                furnish(&host, interface).map_err(failed)?;
                let switch = Arc::clone(&bridges);
                host.interfaces.push(Interface {
                    name: interface.name.clone(),
                    mac,
                    port,
                    switch,
                });
            }
            lab.hosts.push(host);
        }
        lab.wait_for_links()?;
        Ok(lab)
    }
}

fn furnish(host: &Host, plan: &crate::plan::InterfacePlan) -> io::Result<()> {
    let netlink = host.netlink();
    netlink.set_up(index_of(&netlink, "lo")?, true)?;
    let index = index_of(&netlink, &plan.name)?;
    netlink.set_up(index, true)?;
    for cidr in &plan.addresses {
        netlink.add_address(index.cast_unsigned(), *cidr)?;
    }
    Ok(())
}

fn index_of(netlink: &Netlink, name: &str) -> io::Result<i32> {
    let links = netlink.links()?;
    let link = links.iter().find(|l| l.name == name);
    Ok(link.ok_or(io::ErrorKind::NotFound)?.index)
}

impl Lab {
    /// The plan of one LAN: an `eth0` for each name, with 10.0.0.1/24, 10.0.0.2/24 and so on.
    pub fn lan<'a>(names: impl IntoIterator<Item = &'a str>) -> Plan {
        Plan::lan(names)
    }

    /// The hosts, in the plan's order.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The host of that name, if the plan had one.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|h| h.name() == name)
    }

    /// The hosts that have `address` on an interface.
    pub fn holders(&self, address: IpAddr) -> io::Result<Vec<&Host>> {
        let mut found = Vec::new();
        for host in &self.hosts {
            if host.addresses()?.iter().any(|a| a.cidr.address == address) {
                found.push(host);
            }
        }
        Ok(found)
    }

    /// For people: every configuration and log in the hosts' directories.
    pub fn files(&self) -> String {
        let mut text = String::new();
        for host in &self.hosts {
            let Ok(entries) = fs::read_dir(host.dir()) else {
                continue;
            };
            let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
            paths.retain(|p| p.extension().is_some_and(|e| e == "conf" || e == "log"));
            paths.sort();
            for path in paths {
                let content = fs::read(&path).unwrap_or_default();
                let name = path.file_name().unwrap_or_default().display();
                let _ = writeln!(
                    text,
                    "--- {}: {name}\n{}",
                    host.name(),
                    String::from_utf8_lossy(&content)
                );
            }
        }
        text
    }

    fn wait_for_links(&self) -> Result<(), BuildError> {
        let up = |host: &Host| {
            let links = host.netlink().links().unwrap_or_default();
            host.interfaces
                .iter()
                .all(|i| links.iter().any(|l| l.up && l.name == i.name))
        };
        until(LINKS_UP, || self.hosts.iter().all(up).then_some(())).ok_or_else(|| {
            let down = self.hosts.iter().filter(|h| !up(h)).map(Host::name);
            BuildError::LinksDown(down.collect::<Vec<_>>().join(", "))
        })
    }
}

/// `lab["r1"]`, for tests.
///
/// # Panics
/// If the plan had no such host.
impl Index<&str> for Lab {
    type Output = Host;

    #[expect(clippy::panic, reason = "as indexing does")]
    fn index(&self, name: &str) -> &Host {
        self.host(name)
            .unwrap_or_else(|| panic!("the lab has no host {name}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            eprint!("{}", self.files());
        }
        for host in &self.hosts {
            let _ = host.freeze();
            let _ = host.signal(Signal::SIGKILL);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

//! The lab while it plays: nodes with their daemons, what they send, and the client that pings.

use core::net::IpAddr;
use core::time::Duration;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Advert, BuildError, Capture, Host, Lab, Probe, Process};

use super::topology::{CLIENT, Member, Router, Topology};

/// How often the client pings.
pub(super) const PING: Duration = Duration::from_millis(5);

/// Hosts, daemons, and everything that watches them.
pub(super) struct Stage {
    pub topology: Topology,
    lab: Lab,
    capture: Capture,
    probes: Vec<Option<Probe>>,
    nodes: Vec<Actor>,
}

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Not started yet.
    Waiting,
    /// Its daemon runs.
    Up,
    /// Its plug was pulled.
    Dead,
    /// Its daemon was stopped.
    Stopped,
}

struct Actor {
    keepalived: bool,
    condition: Condition,
    process: Option<Process>,
}

/// An advertisement, when and from which node.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub at: SystemTime,
    pub node: usize,
    pub advert: Advert,
}

impl Stage {
    /// Builds the hosts and starts to watch. `keepalived` names the nodes that run keepalived instead.
    pub(super) fn build(topology: Topology, keepalived: &[String]) -> Result<Self, BuildError> {
        let failed = |what: &str| {
            let step = what.to_owned();
            move |source| BuildError::Kernel { step, source }
        };
        let lab = topology.plan().build()?;
        let capture = Capture::start(&lab).map_err(failed("capture"))?;
        let mut probes = Vec::new();
        for router in &topology.routers {
            let target = router
                .address
                .filter(|_| topology.client_address(router).is_some());
            let client = lab.host(CLIENT);
            let probe = target
                .zip(client)
                .map(|(target, client)| Probe::start(client, target, PING));
            probes.push(probe.transpose().map_err(failed("pings"))?);
        }
        let nodes = topology
            .nodes
            .iter()
            .map(|node| Actor {
                keepalived: keepalived.contains(&node.name),
                condition: Condition::Waiting,
                process: None,
            })
            .collect();
        Ok(Self {
            topology,
            lab,
            capture,
            probes,
            nodes,
        })
    }

    /// Starts the daemon of a node, its links restored. The answer is the moment before.
    pub(super) fn start(&mut self, node: usize) -> io::Result<SystemTime> {
        let (host, file) = self.host(node)?;
        host.reconnect()?;
        let actor = self.nodes.get(node).ok_or(io::ErrorKind::NotFound)?;
        let mut command = if actor.keepalived {
            keepalived(host, file)
        } else {
            ourselves(host, file)
        };
        let now = SystemTime::now();
        let process = host.spawn("daemon", &mut command)?;
        if let Some(actor) = self.nodes.get_mut(node) {
            actor.process = Some(process);
            actor.condition = Condition::Up;
        }
        Ok(now)
    }

    /// Pulls the plug of a node.
    pub(super) fn crash(&mut self, node: usize) -> io::Result<()> {
        self.host(node)?.0.crash()?;
        if let Some(actor) = self.nodes.get_mut(node) {
            actor.condition = Condition::Dead;
            actor.process = None;
        }
        Ok(())
    }

    /// Asks the daemon of a node to end (SIGTERM). The answer is the moment before.
    pub(super) fn terminate(&mut self, node: usize) -> io::Result<SystemTime> {
        let now = SystemTime::now();
        if let Some(actor) = self.nodes.get_mut(node) {
            actor.condition = Condition::Stopped;
            if let Some(process) = &actor.process {
                process.signal(Signal::SIGTERM)?;
            }
        }
        Ok(now)
    }

    /// Counts a node as stopped whose daemon has ended by itself.
    pub(super) fn give_up(&mut self, node: usize) {
        if let Some(actor) = self.nodes.get_mut(node) {
            actor.condition = Condition::Stopped;
        }
    }

    /// The exit status of a node's daemon, once it has ended: the shell's number.
    pub(super) fn ended(&mut self, node: usize) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.nodes.get_mut(node)?.process.as_mut()?.ended().ok()??;
        status.code().or_else(|| Some(128 + status.signal()?))
    }

    /// What a node's daemon has written.
    pub(super) fn log(&self, node: usize) -> String {
        let actor = self.nodes.get(node);
        actor
            .and_then(|a| a.process.as_ref())
            .map(Process::log)
            .unwrap_or_default()
    }

    pub(super) fn condition(&self, node: usize) -> Condition {
        self.nodes
            .get(node)
            .map_or(Condition::Waiting, |a| a.condition)
    }

    pub(super) fn is_keepalived(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|a| a.keepalived)
    }

    /// The members of a router whose daemons run, the one that should serve first.
    pub(super) fn running<'a>(&'a self, router: &'a Router) -> impl Iterator<Item = &'a Member> {
        router
            .members
            .iter()
            .filter(|m| self.condition(m.node) == Condition::Up)
    }

    /// The last advertisement of a router for which `wanted` is true.
    pub(super) fn last(&self, router: &Router, wanted: impl Fn(&Sent) -> bool) -> Option<Sent> {
        self.sent(router, SystemTime::UNIX_EPOCH)
            .into_iter()
            .rev()
            .find(wanted)
    }

    /// The first such advertisement from `since` on.
    pub(super) fn first(
        &self,
        router: &Router,
        since: SystemTime,
        wanted: impl Fn(&Sent) -> bool,
    ) -> Option<Sent> {
        self.sent(router, since).into_iter().find(wanted)
    }

    /// The node that is Active for a router: it sent the last advertisement, and did not resign with it.
    pub(super) fn active(&self, router: &Router) -> Option<usize> {
        let last = self.last(router, |_| true)?;
        let serves =
            !last.advert.priority.is_relinquish() && self.condition(last.node) == Condition::Up;
        serves.then_some(last.node)
    }

    /// Whether a node has told its LAN, since then, where a router's address is.
    pub(super) fn announced(&self, router: &Router, node: usize, since: SystemTime) -> bool {
        let Some((name, address)) = self.name(node).zip(router.address) else {
            return true;
        };
        self.capture.look(|frames| {
            frames
                .iter()
                .rev()
                .take_while(|f| f.at >= since)
                .any(|f| &*f.host == name && f.announces(address))
        })
    }

    /// Nodes that are not dead and have the address on an interface; each as `ip a` would show it.
    pub(super) fn holders(&self, address: IpAddr) -> io::Result<Vec<(usize, String)>> {
        let mut found = Vec::new();
        for (number, node) in self.topology.nodes.iter().enumerate() {
            let Some(host) = self.lab.host(&node.name) else {
                continue;
            };
            if self.condition(number) == Condition::Dead {
                continue;
            }
            let addresses = host.addresses()?;
            found.extend(
                addresses
                    .iter()
                    .find(|a| a.cidr.address == address)
                    .map(|a| (number, a.to_string())),
            );
        }
        Ok(found)
    }

    /// The client's pings to the address of a router.
    pub(super) fn probe(&self, router: usize) -> Option<&Probe> {
        self.probes.get(router)?.as_ref()
    }

    pub(super) fn name(&self, node: usize) -> Option<&str> {
        self.topology.nodes.get(node).map(|n| n.name.as_str())
    }

    /// The capture and the daemons' logs, for one who must find out what went wrong.
    pub(super) fn evidence(&self) -> String {
        format!("{}--- capture\n{}", self.lab.files(), self.capture)
    }

    fn sent(&self, router: &Router, since: SystemTime) -> Vec<Sent> {
        let member = |host: &str, interface: &str| {
            let is = |m: &&Member| m.interface == interface && self.name(m.node) == Some(host);
            router.members.iter().find(is).map(|m| m.node)
        };
        self.capture.look(|frames| {
            let recent = frames.iter().filter(|f| f.at >= since);
            recent
                .filter_map(|frame| {
                    let advert = frame.advert()?;
                    let ours = advert.vrid == router.vrid
                        && (advert.ends.family() == vrrp_proto::Family::V4)
                            == (router.family == keepalived_conf::config::Family::V4);
                    let node = member(&frame.host, &frame.interface).filter(|_| ours)?;
                    Some(Sent {
                        at: frame.at,
                        node,
                        advert: advert.clone(),
                    })
                })
                .collect()
        })
    }

    fn host(&self, node: usize) -> io::Result<(&Host, &Path)> {
        let node = self
            .topology
            .nodes
            .get(node)
            .ok_or(io::ErrorKind::NotFound)?;
        let host = self.lab.host(&node.name).ok_or(io::ErrorKind::NotFound)?;
        Ok((host, &node.file))
    }
}

fn ourselves(host: &Host, file: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("vrrpd").arg("run").arg("-f").arg(file);
    command.arg("--runtime-dir").arg(host.dir().join("vrrpd"));
    command
}

fn keepalived(host: &Host, file: &Path) -> Command {
    let mut command = Command::new("keepalived");
    command.args(["-n", "-l", "-G", "-P", "-f"]).arg(file);
    command.arg("-p").arg(host.dir().join("keepalived.pid"));
    command.arg("-r").arg(host.dir().join("vrrp.pid"));
    command
}

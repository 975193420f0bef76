//! Interfaces for virtual routers: made on a parent, configured so that the virtual MAC is theirs alone, removed.
//!
//! The settings are those of RFC 9568 §8.1.2 and §8.2.2 (the parent must not answer for the virtual addresses, and its
//! MAC must not appear for them), as keepalived sets them too. Those of IPv4 go by netlink, which works where
//! `/proc/sys` may not be written; for the others each file that could not be written is named.

use super::netlink::{self, Ipv4Setting, Monitor, Refusal, Requests};
use super::{kind, refused};
use crate::{IfIndex, Link, OpError, OpErrorKind, VirtualLink, VirtualLinkKind};
use std::collections::{BTreeMap, BTreeSet};
use std::{fs, io};
use vrrp_proto::Family;

/// What was changed outside the interfaces made, to be undone with the last of them.
#[derive(Debug, Default)]
pub(super) struct Vmacs {
    /// By parent: which interfaces were made on it, and the settings that it had before. A program that is killed
    /// takes this knowledge with it: then the parent's settings stay as they are.
    parents: BTreeMap<IfIndex, Parent>,
    /// Interfaces that keep secondary addresses for our sake, and did not before.
    promoting: BTreeSet<IfIndex>,
    /// Reverse path filters as they were.
    rp_filter: Option<ReversePath>,
}

#[derive(Debug)]
struct Parent {
    name: String,
    children: BTreeSet<IfIndex>,
    settings: Vec<Changed>,
}

#[derive(Clone, Copy, Debug)]
struct Changed {
    setting: Ipv4Setting,
    before: u32,
    now: u32,
}

/// `net.ipv4.conf.all.rp_filter` is a lower bound for all interfaces, so it must be 0 for any one to be 0. Others that
/// relied on it are given its value for their own.
#[derive(Debug)]
struct ReversePath {
    all: u32,
    others: Vec<(IfIndex, u32)>,
}

/// `/proc/sys/net/ipv4/conf/all/rp_filter`.
const ALL_RP_FILTER: &str = "ipv4/conf/all/rp_filter";

impl Vmacs {
    /// Carries out [`crate::Op::CreateLink`].
    pub(super) fn create(
        &mut self,
        wanted: &VirtualLink,
        requests: &mut Requests,
        monitor: &Monitor,
    ) -> Result<(), OpError> {
        let parent = monitor.links().get(&wanted.parent).ok_or_else(|| {
            OpError::new(
                OpErrorKind::NoInterface,
                format!("no interface {}", wanted.parent),
            )
        })?;
        let there = monitor
            .links()
            .values()
            .find(|link| link.name == wanted.name);
        let reuse = there.is_some_and(|link| is_as_wanted(link, wanted));
        if !reuse {
            if let Some(other) = there {
                replace(other, requests)?;
            }
            let group = wanted.group.unwrap_or_else(|| monitor.group(wanted.parent));
            requests
                .ask(netlink::create_link(wanted, group))
                .map_err(|refusal| cannot_make(wanted, refusal))?;
        }
        let iface =
            number(&wanted.name).map_err(|e| super::system("looking up the interface made", &e))?;
        let mut trouble = Trouble::default();
        self.configure(wanted, iface, requests, &mut trouble);
        self.configure_parent(parent, iface, requests, &mut trouble);
        if wanted.family == Family::V4 {
            self.relax_reverse_path(iface, requests, monitor, &mut trouble);
        }
        trouble.told(&wanted.name)
    }

    fn configure(
        &self,
        wanted: &VirtualLink,
        iface: IfIndex,
        requests: &mut Requests,
        trouble: &mut Trouble,
    ) {
        let settings = [
            // Answer for the addresses on this interface only.
            (Ipv4Setting::ArpIgnore, 1),
            // Hosts of the LAN are reached by the parent: what comes in here has no route back.
            (Ipv4Setting::RpFilter, 0),
            // The parent's own packets may come back in here.
            (Ipv4Setting::AcceptLocal, 1),
            (Ipv4Setting::PromoteSecondaries, 1),
        ];
        trouble.note(
            "IPv4 settings",
            requests.ask(netlink::set_ipv4(iface, &settings)),
        );
        let v6 = requests.ask(netlink::no_generated_addresses(iface));
        match wanted.family {
            // A host without IPv6 needs nothing of it.
            Family::V4 => {
                write(
                    &format!("ipv6/conf/{}/disable_ipv6", wanted.name),
                    1,
                    trouble,
                );
            }
            Family::V6 => {
                trouble.note("addr_gen_mode", v6);
                //= R9568-6.4.3-03
                // The router flag of solicited advertisements follows this setting: RFC 9568 §6.4.3.
                write(&format!("ipv6/conf/{}/forwarding", wanted.name), 1, trouble);
            }
        }
    }

    //= R9568-6.4.3-01
    //= R9568-8.1.2-01
    //= R9568-8.1.2-02
    //= R9568-8.2.2-01
    /// The parent keeps silent about addresses that are on its child: it does not answer for them, and when it asks
    /// for a host it does so by its own address, which else would show the host the parent's MAC for a virtual one.
    fn configure_parent(
        &mut self,
        parent: &Link,
        child: IfIndex,
        requests: &mut Requests,
        trouble: &mut Trouble,
    ) {
        let entry = self.parents.entry(parent.index).or_insert_with(|| {
            let least = |(setting, name, least)| {
                let before = read(&format!("ipv4/conf/{}/{name}", parent.name)).unwrap_or(0);
                (before < least).then_some(Changed {
                    setting,
                    before,
                    now: least,
                })
            };
            let settings = [
                (Ipv4Setting::ArpIgnore, "arp_ignore", 1),
                (Ipv4Setting::ArpFilter, "arp_filter", 1),
                (Ipv4Setting::ArpAnnounce, "arp_announce", 2),
            ];
            Parent {
                name: parent.name.clone(),
                children: BTreeSet::new(),
                settings: settings.into_iter().filter_map(least).collect(),
            }
        });
        entry.children.insert(child);
        let settings: Vec<_> = entry.settings.iter().map(|s| (s.setting, s.now)).collect();
        if !settings.is_empty() {
            let set = requests.ask(netlink::set_ipv4(parent.index, &settings));
            trouble.note(&format!("ARP settings of {}", entry.name), set);
        }
    }

    fn relax_reverse_path(
        &mut self,
        made: IfIndex,
        requests: &mut Requests,
        monitor: &Monitor,
        trouble: &mut Trouble,
    ) {
        let all = match read(ALL_RP_FILTER) {
            Ok(0) | Err(_) => return,
            Ok(all) => all,
        };
        let others = monitor
            .links()
            .values()
            .filter(|link| link.index != made && !self.made(link.index))
            .filter_map(|link| {
                let own = read(&format!("ipv4/conf/{}/rp_filter", link.name)).ok()?;
                (own < all).then_some((link.index, own))
            });
        let others: Vec<_> = others.collect();
        for (iface, _) in &others {
            let set = requests.ask(netlink::set_ipv4(*iface, &[(Ipv4Setting::RpFilter, all)]));
            trouble.note("rp_filter of another interface", set);
        }
        if write(ALL_RP_FILTER, 0, trouble) {
            self.rp_filter = Some(ReversePath { all, others });
        }
    }

    /// Carries out [`crate::Op::Promote`].
    pub(super) fn promote(
        &mut self,
        iface: IfIndex,
        on: bool,
        requests: &mut Requests,
        monitor: &Monitor,
    ) -> Result<(), OpError> {
        let set = |value, requests: &mut Requests| {
            let setting = [(Ipv4Setting::PromoteSecondaries, value)];
            requests.ask(netlink::set_ipv4(iface, &setting))
        };
        if !on {
            // The interface may be gone, and the setting with it.
            if self.promoting.remove(&iface) && monitor.links().contains_key(&iface) {
                return set(0, requests).map_err(refused);
            }
            return Ok(());
        }
        let link = monitor.links().get(&iface).ok_or_else(|| {
            OpError::new(OpErrorKind::NoInterface, format!("no interface {iface}"))
        })?;
        let name = format!("ipv4/conf/{}/promote_secondaries", link.name);
        if read(&name).is_ok_and(|now| now != 0) {
            return Ok(());
        }
        set(1, requests).map_err(refused)?;
        self.promoting.insert(iface);
        Ok(())
    }

    fn made(&self, iface: IfIndex) -> bool {
        self.parents
            .values()
            .any(|parent| parent.children.contains(&iface))
    }

    /// Undoes what was set for the sake of `iface`, which is gone, or of its children if it was a parent.
    pub(super) fn removed(&mut self, iface: IfIndex, requests: &mut Requests) {
        self.parents.remove(&iface);
        self.parents.retain(|index, parent| {
            parent.children.remove(&iface);
            if !parent.children.is_empty() {
                return true;
            }
            if !parent.settings.is_empty() {
                let before: Vec<_> = parent
                    .settings
                    .iter()
                    .map(|s| (s.setting, s.before))
                    .collect();
                // It may be gone too.
                let _ = requests.ask(netlink::set_ipv4(*index, &before));
            }
            false
        });
        if self.parents.is_empty()
            && let Some(before) = self.rp_filter.take()
        {
            write(ALL_RP_FILTER, before.all, &mut Trouble::default());
            for (iface, own) in before.others {
                let _ = requests.ask(netlink::set_ipv4(iface, &[(Ipv4Setting::RpFilter, own)]));
            }
        }
    }
}

fn is_as_wanted(link: &Link, wanted: &VirtualLink) -> bool {
    let kind = link.kind.as_deref();
    link.parent == Some(wanted.parent)
        && match wanted.kind {
            VirtualLinkKind::Macvlan(mac) => kind == Some("macvlan") && link.mac == Some(mac),
            VirtualLinkKind::Ipvlan(_) => kind == Some("ipvlan"),
        }
}

/// Removes an interface that has the name wanted, if it is of a kind that is made here.
fn replace(other: &Link, requests: &mut Requests) -> Result<(), OpError> {
    match other.kind.as_deref() {
        Some("macvlan" | "ipvlan") => requests
            .ask(netlink::remove_link(other.index))
            .map_err(refused),
        _ => Err(OpError::new(
            OpErrorKind::Exists,
            format!("{} exists and is neither macvlan nor ipvlan", other.name),
        )),
    }
}

fn cannot_make(wanted: &VirtualLink, refusal: Refusal) -> OpError {
    let what = match wanted.kind {
        VirtualLinkKind::Macvlan(_) => "macvlan",
        VirtualLinkKind::Ipvlan(_) => "ipvlan",
    };
    let mut error = refused(refusal);
    error.detail = match error.kind {
        OpErrorKind::NotSupported => format!("this kernel has no {what} ({})", error.detail),
        _ => format!("making {what} {}: {}", wanted.name, error.detail),
    };
    error
}

fn number(name: &str) -> io::Result<IfIndex> {
    use rustix::net::{
        AddressFamily, SocketFlags, SocketType, netdevice::name_to_index, socket_with,
    };
    let any = socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    IfIndex::new(name_to_index(&any, name)?).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// What could not be set, with the reason of each.
#[derive(Debug, Default)]
struct Trouble(Vec<String>);

impl Trouble {
    fn note(&mut self, what: &str, outcome: Result<(), Refusal>) {
        if let Err(refusal) = outcome {
            self.0.push(format!(
                "{what}: {} ({})",
                refusal.text,
                kind(refusal.errno)
            ));
        }
    }

    fn told(self, name: &str) -> Result<(), OpError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let detail = format!(
            "{name} is made, but could not be configured: {}",
            self.0.join("; ")
        );
        Err(OpError::new(OpErrorKind::Incomplete, detail))
    }
}

fn path(setting: &str) -> String {
    format!("/proc/sys/net/{setting}")
}

fn read(setting: &str) -> io::Result<u32> {
    fs::read_to_string(path(setting))?
        .trim()
        .parse()
        .map_err(io::Error::other)
}

/// Writes a setting unless it is so already. What does not exist is not missing: a host without IPv6 has no IPv6
/// settings.
fn write(setting: &str, value: u32, trouble: &mut Trouble) -> bool {
    match read(setting) {
        Ok(now) if now == value => return true,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return true,
        Ok(_) | Err(_) => {}
    }
    let written = fs::write(path(setting), value.to_string());
    if let Err(error) = &written {
        trouble.0.push(format!(
            "{} cannot be set to {value}: {error}",
            path(setting)
        ));
    }
    written.is_ok()
}

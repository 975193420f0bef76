//! What a configuration *means*: plain data after defaults, clamps and references have been worked out.
//!
//! Everything here can be built in code by a program that has no file: every type has public fields, and
//! [`Default`] or a `new` that takes what has no default. Reading a file gives the same types with
//! [`Origin`]s that say where each thing was written.

mod address;
mod globals;
mod instance;
mod json;
mod print;
mod route;
mod track;

use std::collections::BTreeMap;

pub use address::{Address, Broadcast, Peer};
pub use globals::{
    DynamicInterfaces, Fifo, Globals, Mail, Nftables, ReceiveBuffers, ReceivePolicy,
};
pub use print::Secrets;

pub use instance::{
    AntiReplay, Auth, Garp, Hmac, HmacKey, HmacMode, Instance, Ipvlan, IpvlanMode, Notify,
    OldChecksum, Secret, State, Unicast, Vmac,
};
pub use route::{
    Encapsulation, Insert, MetricKind, NextHop, Prefix, Route, RouteKind, RouteMetric, Rule,
    RuleAction,
};
pub use track::{
    Bfd, Command, GarpGroup, InitFile, InterfaceDelay, LinkBeat, LinkMethod, ParamMatch, Script,
    SyncGroup, Track, TrackFile, TrackGroup, TrackProcess, Tracked, User,
};

use crate::span::Span;

/// Where a thing was written. Two origins are always equal: the place is no part of the meaning.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The word that names it; `None` when no file says so.
    pub span: Option<Span>,
    /// The lines inside it, by keyword (the last one where a keyword is repeated).
    pub keywords: BTreeMap<&'static str, Span>,
}

impl Origin {
    /// An origin at one place.
    #[must_use]
    pub fn at(span: Span) -> Self {
        Self {
            span: Some(span),
            keywords: BTreeMap::new(),
        }
    }

    /// Where `keyword` stands inside; else the thing's own name.
    #[must_use]
    pub fn keyword(&self, keyword: &str) -> Option<Span> {
        self.keywords.get(keyword).copied().or(self.span)
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

/// An IP version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: &core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(_) => Self::V4,
            core::net::IpAddr::V6(_) => Self::V6,
        }
    }

    /// Bits of an address: 32 or 128.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// `4` or `6`.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }
}

/// A VRRP version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// VRRPv2, RFC 3768.
    #[default]
    V2,
    /// VRRPv3, RFC 9568.
    V3,
}

impl Version {
    /// `2` or `3`.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What holds for the whole process.
    pub globals: Globals,
    /// `vrrp_instance`, in order.
    pub instances: Vec<Instance>,
    /// `vrrp_sync_group`, in order; each has at least one member and no member is in two.
    pub sync_groups: Vec<SyncGroup>,
    /// `vrrp_script`, in order, used or not; those without a `script` line are gone.
    pub scripts: Vec<Script>,
    /// `track_file`, in order.
    pub track_files: Vec<TrackFile>,
    /// `vrrp_track_process`, in order.
    pub track_processes: Vec<TrackProcess>,
    /// `bfd_instance`, in order.
    pub bfd_instances: Vec<Bfd>,
    /// `static_ipaddress`: there while the process runs.
    pub static_addresses: Vec<Address>,
    /// `static_routes`.
    pub static_routes: Vec<Route>,
    /// `static_rules`.
    pub static_rules: Vec<Rule>,
    /// `track_group`: which instances static entries are tied to.
    pub track_groups: Vec<TrackGroup>,
    /// `garp_group`: spacing of announcements shared by interfaces.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays`.
    pub interface_delays: Vec<InterfaceDelay>,
    /// `linkbeat_interfaces`.
    pub linkbeats: Vec<LinkBeat>,
}

impl Config {
    /// The instance of that name.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.name == name)
    }

    /// The script of that name; the first of several, as keepalived finds it.
    #[must_use]
    pub fn script(&self, name: &str) -> Option<&Script> {
        self.scripts.iter().find(|script| script.name == name)
    }

    /// The track group of that name.
    #[must_use]
    pub fn track_group(&self, name: &str) -> Option<&TrackGroup> {
        self.track_groups.iter().find(|group| group.name == name)
    }

    /// The sync group that `instance` belongs to.
    #[must_use]
    pub fn group_of(&self, instance: &str) -> Option<&SyncGroup> {
        self.sync_groups
            .iter()
            .find(|group| group.members.iter().any(|member| member == instance))
    }
}

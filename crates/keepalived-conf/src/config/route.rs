//! Routes and rules, as iproute2 writes them. Names of tables, protocols, scopes and realms are numbers here.

use core::net::IpAddr;
use core::time::Duration;

use super::{Family, Origin};

/// A network: an address with host bits as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// Range: 0..=32 or 0..=128.
    pub len: u8,
}

/// An entry of `virtual_routes` or `static_routes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Family of the destination.
    pub family: Family,
    /// Where it was written.
    pub origin: Origin,
    /// Default: unicast.
    pub kind: RouteKind,
    /// `None`: the default route.
    pub destination: Option<Prefix>,
    /// `src`: preferred source address.
    pub source: Option<IpAddr>,
    /// `via`.
    pub via: Option<IpAddr>,
    /// `from`: source prefix (IPv6).
    pub from: Option<Prefix>,
    /// `tos`.
    pub tos: Option<u8>,
    /// `table`. Default: 254, main.
    pub table: Option<u32>,
    /// `protocol`. Default: 18, keepalived.
    pub protocol: Option<u8>,
    /// `scope`. Default: what the kernel wants for the kind.
    pub scope: Option<u8>,
    /// `metric`.
    pub metric: Option<u32>,
    /// `dev`.
    pub dev: Option<String>,
    /// `onlink`.
    pub onlink: bool,
    /// `encap`.
    pub encapsulation: Option<Encapsulation>,
    /// `expires` (IPv6).
    pub expires: Option<Duration>,
    /// `mtu`, `window`, ...: `RTA_METRICS`, in order.
    pub metrics: Vec<RouteMetric>,
    /// `realms`: from (0 for none) and to.
    pub realms: Option<(u16, u16)>,
    /// `pref` (IPv6): 1 high, 0 medium, 3 low, as RFC 4191 has it.
    pub preference: Option<u8>,
    /// `ttl-propagate`.
    pub ttl_propagate: Option<bool>,
    /// `add`, `prepend` or `append`. Default: replace what is there.
    pub insert: Option<Insert>,
    /// `nexthop`, in order.
    pub next_hops: Vec<NextHop>,
    /// Its interface and its deletion are watched. Default: yes; no with `no_track`.
    pub track: bool,
    /// `track_group`, of a static route.
    pub track_group: Option<String>,
}

impl Route {
    /// A route of `family` to `destination` with every default.
    #[must_use]
    pub fn new(family: Family, destination: Option<Prefix>) -> Self {
        Self {
            family,
            origin: Origin::default(),
            kind: RouteKind::Unicast,
            destination,
            source: None,
            via: None,
            from: None,
            tos: None,
            table: None,
            protocol: None,
            scope: None,
            metric: None,
            dev: None,
            onlink: false,
            encapsulation: None,
            expires: None,
            metrics: Vec::new(),
            realms: None,
            preference: None,
            ttl_propagate: None,
            insert: None,
            next_hops: Vec::new(),
            track: true,
            track_group: None,
        }
    }
}

/// `RTN_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its keyword")]
pub enum RouteKind {
    #[default]
    Unicast,
    Local,
    Broadcast,
    Anycast,
    Multicast,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
    Nat,
}

/// How a route joins others to the same destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insert {
    /// Only if there is none.
    Add,
    /// Before them.
    Prepend,
    /// Behind them.
    Append,
}

/// One of `RTA_METRICS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMetric {
    /// Which; its `RTAX_*` number follows from it.
    pub kind: MetricKind,
    /// The value. Times are in ms, as the kernel takes them (`rtt` × 8, `rttvar` × 4 already done).
    pub value: u32,
    /// `lock`: the kernel may not change it.
    pub lock: bool,
    /// `congctl` has a name instead of a number.
    pub text: Option<String>,
}

/// `RTAX_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its keyword")]
pub enum MetricKind {
    Mtu,
    Window,
    Rtt,
    RttVar,
    Ssthresh,
    Cwnd,
    Advmss,
    Reordering,
    Hoplimit,
    Initcwnd,
    Features,
    RtoMin,
    Initrwnd,
    Quickack,
    CcAlgo,
    FastopenNoCookie,
}

/// `encap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// `encap ip` or `encap ip6`.
    Ip {
        /// Tunnel id.
        id: Option<u64>,
        /// Outer destination.
        destination: Option<IpAddr>,
        /// Outer source.
        source: Option<IpAddr>,
        /// TOS or traffic class.
        tos: Option<u8>,
        /// TTL or hop limit.
        ttl: Option<u8>,
        /// Flags.
        flags: Option<u16>,
        /// Family of the outer header.
        family: Family,
    },
    /// `encap mpls`: labels, outermost first.
    Mpls(Vec<u32>),
    /// `encap ila`: locator.
    Ila(u64),
}

/// `nexthop`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// `via`.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub dev: Option<String>,
    /// `weight`. Range: 1..=256. Default: 1.
    pub weight: u16,
    /// `onlink`.
    pub onlink: bool,
    /// `encap`.
    pub encapsulation: Option<Encapsulation>,
    /// `realms`.
    pub realms: Option<(u16, u16)>,
}

/// An entry of `virtual_rules` or `static_rules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Family.
    pub family: Family,
    /// Where it was written.
    pub origin: Origin,
    /// `not`: for everything that does not match.
    pub not: bool,
    /// `from`.
    pub from: Option<Prefix>,
    /// `to`.
    pub to: Option<Prefix>,
    /// `iif`.
    pub iif: Option<String>,
    /// `oif`.
    pub oif: Option<String>,
    /// `tos`.
    pub tos: Option<u8>,
    /// `fwmark`: value and mask.
    pub fwmark: Option<(u32, u32)>,
    /// `priority`. Default: 16384, one less for each rule without.
    pub priority: Option<u32>,
    /// `realms`: from (0 for none) and to.
    pub realms: Option<(u16, u16)>,
    /// `suppress_prefixlength`.
    pub suppress_prefix_len: Option<u32>,
    /// `suppress_ifgroup`.
    pub suppress_group: Option<u32>,
    /// `tunnel-id`.
    pub tunnel_id: Option<u64>,
    /// `uidrange`.
    pub uid_range: Option<(u32, u32)>,
    /// `l3mdev`.
    pub l3mdev: bool,
    /// `protocol`. Default: 18, keepalived.
    pub protocol: Option<u8>,
    /// `ipproto`.
    pub ip_protocol: Option<u8>,
    /// `sport`.
    pub sport: Option<(u16, u16)>,
    /// `dport`.
    pub dport: Option<(u16, u16)>,
    /// What happens to a packet that matches.
    pub action: RuleAction,
    /// Its interface and its deletion are watched. Default: yes; no with `no_track`.
    pub track: bool,
    /// `track_group`, of a static rule.
    pub track_group: Option<String>,
}

impl Rule {
    /// A rule with every default.
    #[must_use]
    pub fn new(family: Family, action: RuleAction) -> Self {
        Self {
            family,
            origin: Origin::default(),
            not: false,
            from: None,
            to: None,
            iif: None,
            oif: None,
            tos: None,
            fwmark: None,
            priority: None,
            realms: None,
            suppress_prefix_len: None,
            suppress_group: None,
            tunnel_id: None,
            uid_range: None,
            l3mdev: false,
            protocol: None,
            ip_protocol: None,
            sport: None,
            dport: None,
            action,
            track: true,
            track_group: None,
        }
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// `table N`.
    Table(u32),
    /// `l3mdev` without a table.
    L3mdev,
    /// `goto N`.
    Goto(u32),
    /// `nop`.
    Nop,
    /// `blackhole`.
    Blackhole,
    /// `unreachable`.
    Unreachable,
    /// `prohibit`.
    Prohibit,
}

//! Routes: what `virtual_routes` can say.

use crate::{IfIndex, Scope};
use core::net::IpAddr;
use vrrp_proto::Family;

/// A route, with every option that keepalived's `virtual_routes` knows. `None`: the kernel's default.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Whose table it is in: a default route has no address that could tell.
    pub family: Family,
    /// Where to; `None` is the default route.
    pub destination: Option<Destination>,
    /// What kind of route.
    pub kind: RouteKind,
    /// IPv6: only for packets from this prefix.
    pub from: Option<Destination>,
    /// Type of service. Default: 0.
    pub tos: u8,
    /// Routing table. Default: 254, main.
    pub table: u32,
    /// Who made it, as in `/etc/iproute2/rt_protos`. Default: [`Route::PROTOCOL`].
    pub protocol: u8,
    /// How far away. Default: by kind and next hop, as ip(8) does it.
    pub scope: Option<Scope>,
    /// Lower is better (`metric`).
    pub metric: Option<u32>,
    /// Source address for what this host sends by it (`src`).
    pub preferred_source: Option<IpAddr>,
    /// One next hop, several (multipath), or none (`blackhole` and its like).
    pub next_hops: Vec<NextHop>,
    /// Transport parameters for connections by this route.
    pub metrics: RouteMetrics,
    /// IPv6: seconds until it goes.
    pub expires: Option<u32>,
    /// IPv6 router preference.
    pub preference: Option<Preference>,
    /// MPLS: whether the TTL is copied (`ttl-propagate`).
    pub ttl_propagate: Option<bool>,
    /// Whether to stand before or behind routes of the same destination instead of replacing them.
    pub append: bool,
}

impl Route {
    /// The mark of our routes and rules: 18 is assigned to keepalived in `rtnetlink.h`, and configurations that
    /// match on it (`ip route show proto keepalived`) must go on working.
    pub const PROTOCOL: u8 = 18;
    /// The main table.
    pub const TABLE_MAIN: u32 = 254;

    /// A unicast route to `destination` in the main table, without next hop yet.
    pub const fn new(family: Family, destination: Option<Destination>) -> Self {
        Self {
            family,
            destination,
            kind: RouteKind::Unicast,
            from: None,
            tos: 0,
            table: Self::TABLE_MAIN,
            protocol: Self::PROTOCOL,
            scope: None,
            metric: None,
            preferred_source: None,
            next_hops: Vec::new(),
            metrics: RouteMetrics::NONE,
            expires: None,
            preference: None,
            ttl_propagate: None,
            append: false,
        }
    }
}

/// A prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// Its first address.
    pub address: IpAddr,
    /// Range: 0..=32 or 0..=128.
    pub prefix_len: u8,
}

/// Route types (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "the names are the kernel's and the administrator's"
)]
pub enum RouteKind {
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

/// One way out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// The gateway, of either family: IPv4 routes may have IPv6 gateways.
    pub via: Option<IpAddr>,
    /// The interface; the kernel finds it by the gateway otherwise.
    pub iface: Option<IfIndex>,
    /// Share of the traffic among several. Range: 1..=256; default 1.
    pub weight: Option<u16>,
    /// The gateway is on the link although no prefix says so.
    pub onlink: bool,
    /// Realms, source in the upper and destination in the lower half.
    pub realms: Option<u32>,
    /// Encapsulation.
    pub encap: Option<Encap>,
}

/// Lightweight tunnels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Encap {
    /// In IP, of either family.
    Ip {
        /// Of the outer header, and of its addresses.
        family: Family,
        /// Tunnel id.
        id: Option<u64>,
        /// Outer destination.
        destination: Option<IpAddr>,
        /// Outer source.
        source: Option<IpAddr>,
        /// Outer TTL or hop limit.
        ttl: Option<u8>,
        /// Outer type of service or traffic class.
        tos: Option<u8>,
        /// Tunnel flags.
        flags: Option<u16>,
    },
    /// MPLS labels, outermost first. Range of a label: 0..=1048575.
    Mpls {
        /// The labels.
        labels: Vec<u32>,
        /// TTL of the pushed labels.
        ttl: Option<u8>,
    },
    /// Identifier-locator addressing.
    Ila {
        /// The locator.
        locator: u64,
    },
}

/// IPv6 router preference (RFC 4191).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "low, medium, high")]
pub enum Preference {
    Low,
    Medium,
    High,
}

/// A metric that path discovery may not change when it is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LockedMetric {
    /// The value, in the kernel's unit.
    pub value: u32,
    /// `lock`.
    pub lock: bool,
}

impl LockedMetric {
    /// A value that may change.
    pub const fn new(value: u32) -> Self {
        Self { value, lock: false }
    }
}

/// `RTAX_*`: what transport protocols shall assume about the path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RouteMetrics {
    /// Unit: octets.
    pub mtu: Option<LockedMetric>,
    /// Greatest segment to announce. Unit: octets.
    pub advmss: Option<LockedMetric>,
    /// Round trip time. Unit: 1/8 ms.
    pub rtt: Option<LockedMetric>,
    /// Its variance. Unit: 1/4 ms.
    pub rttvar: Option<LockedMetric>,
    /// Initial reordering. Unit: segments.
    pub reordering: Option<LockedMetric>,
    /// Clamp of the congestion window. Unit: segments.
    pub cwnd: Option<LockedMetric>,
    /// Slow start threshold. Unit: segments.
    pub ssthresh: Option<LockedMetric>,
    /// Least retransmission timeout. Unit: ms.
    pub rto_min: Option<LockedMetric>,
    /// Greatest window to announce. Unit: octets.
    pub window: Option<u32>,
    /// Hop limit.
    pub hoplimit: Option<u32>,
    /// Initial congestion window. Unit: segments.
    pub initcwnd: Option<u32>,
    /// Initial receive window. Unit: segments.
    pub initrwnd: Option<u32>,
    /// Feature bits; 1 is ECN.
    pub features: Option<u32>,
    /// Acknowledge at once.
    pub quickack: Option<u32>,
    /// TCP Fast Open without a cookie.
    pub fastopen_no_cookie: Option<u32>,
    /// Congestion control algorithm, and whether it is locked.
    pub congctl: Option<(String, bool)>,
}

impl RouteMetrics {
    /// All left to the kernel.
    pub const NONE: Self = Self {
        mtu: None,
        advmss: None,
        rtt: None,
        rttvar: None,
        reordering: None,
        cwnd: None,
        ssthresh: None,
        rto_min: None,
        window: None,
        hoplimit: None,
        initcwnd: None,
        initrwnd: None,
        features: None,
        quickack: None,
        fastopen_no_cookie: None,
        congctl: None,
    };
}

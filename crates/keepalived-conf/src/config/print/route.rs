//! Routes and rules.

use core::fmt::{Display, Write as _};
use core::net::IpAddr;

use super::word;
use crate::config::{
    Encapsulation, Family, Insert, MetricKind, NextHop, Prefix, Route, RouteKind, RouteMetric,
    Rule, RuleAction,
};

/// Words of one entry.
struct Entry(String);

impl Entry {
    fn word(&mut self, word: impl Display) {
        let blank = if self.0.is_empty() { "" } else { " " };
        let _ = write!(self.0, "{blank}{word}");
    }

    fn maybe(&mut self, keyword: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.word(format_args!("{keyword} {value}"));
        }
    }

    fn flag(&mut self, keyword: &str, set: bool) {
        if set {
            self.word(keyword);
        }
    }

    fn via(&mut self, via: Option<IpAddr>) {
        self.maybe("via", via);
    }
}

fn prefix(prefix: Prefix) -> String {
    format!("{}/{}", prefix.address, prefix.len)
}

fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

fn realms(realms: (u16, u16)) -> String {
    match realms {
        (0, to) => to.to_string(),
        (from, to) => format!("{from}/{to}"),
    }
}

pub(super) fn route(route: &Route) -> String {
    let mut entry = Entry(family(route.family).to_owned());
    entry.word(match route.kind {
        RouteKind::Unicast => "unicast",
        RouteKind::Local => "local",
        RouteKind::Broadcast => "broadcast",
        RouteKind::Anycast => "anycast",
        RouteKind::Multicast => "multicast",
        RouteKind::Blackhole => "blackhole",
        RouteKind::Unreachable => "unreachable",
        RouteKind::Prohibit => "prohibit",
        RouteKind::Throw => "throw",
        RouteKind::Nat => "nat",
    });
    entry.word(
        route
            .destination
            .map_or_else(|| "default".to_owned(), prefix),
    );
    entry.maybe("src", route.source);
    entry.via(route.via);
    entry.maybe("from", route.from.map(prefix));
    entry.maybe("tos", route.tos.map(|tos| format!("0x{tos:02x}")));
    entry.maybe("table", route.table);
    entry.maybe("protocol", route.protocol);
    entry.maybe("scope", route.scope);
    entry.maybe("metric", route.metric);
    entry.maybe("dev", route.dev.as_ref().map(|dev| word(dev)));
    entry.flag("onlink", route.onlink);
    encapsulation(&mut entry, route.encapsulation.as_ref());
    entry.maybe("expires", route.expires.map(|time| time.as_secs()));
    for value in &route.metrics {
        metric(&mut entry, value);
    }
    entry.maybe("realms", route.realms.map(realms));
    entry.maybe(
        "pref",
        route.preference.map(|preference| match preference {
            1 => "high",
            3 => "low",
            _ => "medium",
        }),
    );
    entry.maybe(
        "ttl-propagate",
        route
            .ttl_propagate
            .map(|on| if on { "enabled" } else { "disabled" }),
    );
    match route.insert {
        None => {}
        Some(Insert::Add) => entry.word("add"),
        Some(Insert::Prepend) => entry.word("prepend"),
        Some(Insert::Append) => entry.word("append"),
    }
    for hop in &route.next_hops {
        next_hop(&mut entry, hop);
    }
    entry.flag("no_track", !route.track);
    entry.maybe(
        "track_group",
        route.track_group.as_ref().map(|group| word(group)),
    );
    entry.0
}

fn next_hop(entry: &mut Entry, hop: &NextHop) {
    entry.word("nexthop");
    entry.via(hop.via);
    entry.maybe("dev", hop.dev.as_ref().map(|dev| word(dev)));
    entry.maybe("weight", Some(hop.weight));
    entry.flag("onlink", hop.onlink);
    encapsulation(entry, hop.encapsulation.as_ref());
    entry.maybe("realms", hop.realms.map(realms));
}

fn metric(entry: &mut Entry, metric: &RouteMetric) {
    let (keyword, value) = match metric.kind {
        MetricKind::Mtu => ("mtu", metric.value),
        MetricKind::Window => ("window", metric.value),
        MetricKind::Rtt => ("rtt", metric.value / 8),
        MetricKind::RttVar => ("rttvar", metric.value / 4),
        MetricKind::Ssthresh => ("ssthresh", metric.value),
        MetricKind::Cwnd => ("cwnd", metric.value),
        MetricKind::Advmss => ("advmss", metric.value),
        MetricKind::Reordering => ("reordering", metric.value),
        MetricKind::Hoplimit => ("hoplimit", metric.value),
        MetricKind::Initcwnd => ("initcwnd", metric.value),
        MetricKind::Features => ("features", metric.value),
        MetricKind::RtoMin => ("rto_min", metric.value),
        MetricKind::Initrwnd => ("initrwnd", metric.value),
        MetricKind::Quickack => ("quickack", metric.value),
        MetricKind::CcAlgo => ("congctl", metric.value),
        MetricKind::FastopenNoCookie => ("fastopen_no_cookie", metric.value),
    };
    entry.word(keyword);
    entry.flag("lock", metric.lock);
    match (&metric.text, metric.kind) {
        (Some(text), _) => entry.word(word(text)),
        (None, MetricKind::Features) => entry.word("ecn"),
        (None, _) => entry.word(value),
    }
}

fn encapsulation(entry: &mut Entry, encapsulation: Option<&Encapsulation>) {
    match encapsulation {
        None => {}
        Some(Encapsulation::Ip {
            id,
            destination,
            source,
            tos,
            ttl,
            flags,
            family,
        }) => {
            entry.word(if *family == Family::V4 {
                "encap ip"
            } else {
                "encap ip6"
            });
            entry.maybe("id", *id);
            entry.maybe("dst", *destination);
            entry.maybe("src", *source);
            entry.maybe("tos", *tos);
            entry.maybe("ttl", *ttl);
            entry.maybe("flags", *flags);
        }
        Some(Encapsulation::Mpls(labels)) => {
            let labels: Vec<String> = labels.iter().map(u32::to_string).collect();
            entry.word(format_args!("encap mpls {}", labels.join("/")));
        }
        Some(Encapsulation::Ila(locator)) => {
            let part = |shift: u32| (locator >> shift) & 0xffff;
            entry.word(format_args!(
                "encap ila {:x}:{:x}:{:x}:{:x}",
                part(48),
                part(32),
                part(16),
                part(0)
            ));
        }
    }
}

pub(super) fn rule(rule: &Rule) -> String {
    let mut entry = Entry(family(rule.family).to_owned());
    entry.flag("not", rule.not);
    entry.maybe("from", rule.from.map(prefix));
    entry.maybe("to", rule.to.map(prefix));
    entry.maybe("iif", rule.iif.as_ref().map(|name| word(name)));
    entry.maybe("oif", rule.oif.as_ref().map(|name| word(name)));
    entry.maybe("tos", rule.tos.map(|tos| format!("0x{tos:02x}")));
    entry.maybe(
        "fwmark",
        rule.fwmark
            .map(|(mark, mask)| format!("0x{mark:x}/0x{mask:x}")),
    );
    entry.maybe("priority", rule.priority);
    entry.maybe("realms", rule.realms.map(realms));
    entry.maybe("suppress_prefixlength", rule.suppress_prefix_len);
    entry.maybe("suppress_ifgroup", rule.suppress_group);
    entry.maybe("tunnel-id", rule.tunnel_id);
    entry.maybe(
        "uidrange",
        rule.uid_range.map(|(low, high)| format!("{low}-{high}")),
    );
    entry.flag("l3mdev", rule.l3mdev);
    entry.maybe("protocol", rule.protocol);
    entry.maybe("ipproto", rule.ip_protocol);
    entry.maybe(
        "sport",
        rule.sport.map(|(low, high)| format!("{low}-{high}")),
    );
    entry.maybe(
        "dport",
        rule.dport.map(|(low, high)| format!("{low}-{high}")),
    );
    match rule.action {
        RuleAction::Table(table) => entry.word(format_args!("table {table}")),
        RuleAction::L3mdev => {}
        RuleAction::Goto(target) => entry.word(format_args!("goto {target}")),
        RuleAction::Nop => entry.word("nop"),
        RuleAction::Blackhole => entry.word("blackhole"),
        RuleAction::Unreachable => entry.word("unreachable"),
        RuleAction::Prohibit => entry.word("prohibit"),
    }
    entry.flag("no_track", !rule.track);
    entry.maybe(
        "track_group",
        rule.track_group.as_ref().map(|group| word(group)),
    );
    entry.0
}

//! Pieces of text that several dumps share, in keepalived's wording.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::time::Duration;

use keepalived_conf::config::{
    self, Address, Insert, NextHop, Prefix, Route, RouteKind, Rule, RuleAction, State,
};
use vrrp_fsm::{Role, Snapshot, Status};

use crate::civil::Civil;
use crate::daemon::View;
use crate::plan::Router;
use crate::service::program::Program;

/// When the status changed last, since 1970.
pub(super) fn last_transition(view: &View, snapshot: &Snapshot) -> Duration {
    let ago = snapshot
        .changed
        .map(|(at, _)| view.at.saturating_duration_since(at));
    ago.map_or(Duration::ZERO, |ago| view.utc.saturating_sub(ago))
}

/// As ctime(3) has it, with microseconds; in UTC.
pub(super) fn ctime(time: Duration) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        weekday,
    } = Civil::from_unix(time.as_secs());
    let name = |names: &[&'static str], at: u64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| names.get(at).copied())
            .unwrap_or_default()
    };
    format!(
        "{} {} {day:2} {hour:02}:{minute:02}:{second:02}.{:06} {year}",
        name(&DAYS, weekday),
        name(&MONTHS, month - 1),
        time.subsec_micros()
    )
}

/// Whether its addresses are on the host.
pub(super) const fn is_set(snapshot: &Snapshot) -> bool {
    matches!(snapshot.role, Role::Active)
}

/// keepalived's `wantstate`: the state, but what was written of an instance that its configuration keeps from running.
pub(super) fn wanted(router: &Router, snapshot: &Snapshot) -> Status {
    match (router.lacks_peers(), router.instance.state) {
        (false, _) => snapshot.status,
        (true, Some(State::Master)) => Status::Active,
        (true, _) => Status::Backup,
    }
}

/// The priority of the Active router, if that is another one.
pub(super) fn master_priority(snapshot: &Snapshot) -> u8 {
    if snapshot.status != Status::Backup {
        return 0;
    }
    let peer = snapshot
        .peers
        .iter()
        .find(|peer| Some(peer.address) == snapshot.last_active);
    peer.map_or(0, |peer| peer.priority.get())
}

/// `ADDRESS[/LEN] [brd B] dev IF scope S [label L] [peer P] [flags] [lifetime] [set]`; exporters split it at its blanks.
pub(super) fn address(address: &Address, router: &Router, set: bool) -> String {
    let mut text = address.address.to_string();
    if address.prefix_len != bare(address.address) {
        let _ = write!(text, "/{}", address.prefix_len);
    }
    if let (Some(broadcast), IpAddr::V4(v4)) = (address.broadcast, address.address) {
        let _ = write!(text, " brd {}", broadcast.resolve(v4, address.prefix_len));
    }
    let dev = address.dev.clone().unwrap_or_else(|| home(router));
    let _ = write!(text, " dev {dev} scope {}", scope(address.scope));
    if let Some(label) = &address.label {
        let _ = write!(text, " label {label}");
    }
    if let Some(peer) = address.peer {
        let _ = write!(text, " peer {peer}/{}", bare(peer));
    }
    let lifetime = match (address.address, address.preferred_lifetime) {
        (IpAddr::V4(_), _) => None,
        (IpAddr::V6(_), Some(Duration::ZERO)) => Some("deprecated".into()),
        (IpAddr::V6(_), Some(time)) => Some(format!("preferred_lft {}", time.as_secs())),
        (IpAddr::V6(_), None) => Some("preferred_lft forever".into()),
    };
    let filtered = set && !router.instance.accept && router.instance.priority < 255;
    let words = [
        (address.home, "home"),
        (address.dad, "-nodad"),
        (address.manage_temporary, "mngtmpaddr"),
        (address.no_prefix_route, "noprefixroute"),
        (address.autojoin, "autojoin"),
        (lifetime.is_some(), lifetime.as_deref().unwrap_or_default()),
        (!address.track, "no_track"),
        (set, "set"),
        (filtered, "nftable_set"),
    ];
    for (_, word) in words.iter().filter(|(said, _)| *said) {
        let _ = write!(text, " {word}");
    }
    text
}

/// The interface that a router works on; a virtual MAC address has one of its own.
pub(super) fn interface(router: &Router) -> &str {
    let own = router.instance.interface.as_deref().unwrap_or_default();
    router.vmac.as_ref().map_or(own, |vmac| vmac.name.as_str())
}

/// The interface that a router's addresses go to: the one with the virtual MAC is named with its parent.
fn home(router: &Router) -> String {
    let own = router.instance.interface.as_deref().unwrap_or("none");
    match &router.vmac {
        Some(vmac) => format!("{}@{own}", vmac.name),
        None => own.into(),
    }
}

const fn bare(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn scope(scope: u8) -> String {
    match scope {
        0 => "global".into(),
        200 => "site".into(),
        253 => "link".into(),
        254 => "host".into(),
        255 => "nowhere".into(),
        other => other.to_string(),
    }
}

fn prefix(prefix: &Prefix) -> String {
    if prefix.len == bare(prefix.address) {
        prefix.address.to_string()
    } else {
        format!("{}/{}", prefix.address, prefix.len)
    }
}

/// What tells a route from others, and its scope; the rest of its metrics is left out.
pub(super) fn route(route: &Route) -> String {
    let mut words = Vec::new();
    words.push(match (route.insert, route.kind) {
        (Some(Insert::Append), _) => "append".into(),
        (Some(Insert::Prepend), _) | (None, RouteKind::Unicast) => "prepend".into(),
        (Some(Insert::Add), _) | (None, _) => "add".into(),
    });
    if route.kind != RouteKind::Unicast {
        words.push(format!("{:?}", route.kind).to_lowercase());
    }
    let everything = match route.family {
        config::Family::V4 => "0.0.0.0/0",
        config::Family::V6 => "::/0",
    };
    words.push(
        route
            .destination
            .as_ref()
            .map_or_else(|| everything.into(), prefix),
    );
    let mut word = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name} {value}")))
    };
    word("src", route.source.map(|source| source.to_string()));
    word("via", route.via.map(gateway));
    word("dev", route.dev.clone());
    let table = route.table.filter(|table| *table != MAIN);
    word("table", table.map(|table| table.to_string()));
    word(
        "proto",
        Some(route.protocol.unwrap_or(KEEPALIVED).to_string()),
    );
    word("scope", route.scope.map(|scope| scope.to_string()));
    word("metric", route.metric.map(|metric| metric.to_string()));
    words.extend(route.next_hops.iter().map(next_hop));
    if !route.track {
        words.push("no_track".into());
    }
    words.join(" ")
}

fn next_hop(hop: &NextHop) -> String {
    let mut text = String::from("nexthop");
    if let Some(via) = hop.via {
        let _ = write!(text, " via {}", gateway(via));
    }
    if let Some(dev) = &hop.dev {
        let _ = write!(text, " dev {dev}");
    }
    if hop.weight > 1 {
        let _ = write!(text, " weight {}", hop.weight);
    }
    text
}

fn gateway(address: IpAddr) -> String {
    let family = if address.is_ipv6() { "inet6" } else { "inet" };
    format!("{family} {address}")
}

/// rtnetlink's numbers.
const MAIN: u32 = 254;
const KEEPALIVED: u8 = 18;

/// What tells a rule from others.
pub(super) fn rule(rule: &Rule) -> String {
    let mut words = Vec::new();
    let mut word = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name} {value}")))
    };
    let range = |(first, last): (u16, u16)| format!("{first}-{last}");
    word(
        "from",
        Some(rule.from.as_ref().map_or_else(|| "all".into(), prefix)),
    );
    word("to", rule.to.as_ref().map(prefix));
    word(
        "priority",
        rule.priority.map(|priority| priority.to_string()),
    );
    word("tos", Some(format!("{:#x}", rule.tos.unwrap_or_default())));
    word(
        "fwmark",
        rule.fwmark
            .map(|(mark, mask)| format!("{mark:#x}/{mask:#x}")),
    );
    word("iif", rule.iif.clone());
    word("oif", rule.oif.clone());
    word(
        "uidrange",
        rule.uid_range
            .map(|(first, last)| format!("{first}-{last}")),
    );
    word(
        "protocol",
        Some(rule.protocol.unwrap_or(KEEPALIVED).to_string()),
    );
    word("ipproto", rule.ip_protocol.map(|number| number.to_string()));
    word("sport", rule.sport.map(range));
    word("dport", rule.dport.map(range));
    words.push(match rule.action {
        RuleAction::Table(table) => format!("lookup {table}"),
        RuleAction::Goto(target) => format!("goto {target}"),
        RuleAction::L3mdev => "lookup [l3mdev-table]".into(),
        RuleAction::Nop => "nop".into(),
        RuleAction::Blackhole => "type blackhole".into(),
        RuleAction::Unreachable => "type unreachable".into(),
        RuleAction::Prohibit => "type prohibit".into(),
    });
    let not = if rule.not { "not " } else { "" };
    format!("{not}{}", words.join(" "))
}

/// A command line, each word in single quotes.
pub(super) fn program(program: &Program) -> String {
    let mut text = format!("'{}'", program.path.display());
    for arg in &program.args {
        let _ = write!(text, " '{}'", arg.to_string_lossy());
    }
    text
}

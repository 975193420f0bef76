//! Pieces of text that several dumps share, in keepalived's wording.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::time::Duration;

use keepalived_conf::config::{Address, Instance, Prefix, Route, Rule, RuleAction};
use vrrp_fsm::{Role, Snapshot, Status};

use crate::civil::Civil;
use crate::daemon::View;
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

/// `ADDRESS[/LEN] [brd B] dev IF scope S [label L] [lifetime] [set]`; exporters split it at its blanks.
pub(super) fn address(address: &Address, instance: &Instance, set: bool) -> String {
    let mut text = address.address.to_string();
    let bare = match address.address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    // Writing to a string does not fail.
    let _ = (|| {
        if address.prefix_len != bare {
            write!(text, "/{}", address.prefix_len)?;
        }
        if let Some(peer) = address.peer {
            write!(text, " peer {peer}")?;
        }
        if let (Some(broadcast), IpAddr::V4(v4)) = (address.broadcast, address.address) {
            write!(text, " brd {}", broadcast.resolve(v4, address.prefix_len))?;
        }
        let dev = address
            .dev
            .as_deref()
            .or(instance.interface.as_deref())
            .unwrap_or("none");
        write!(text, " dev {dev} scope {}", scope(address.scope))?;
        if let Some(label) = &address.label {
            write!(text, " label {label}")?;
        }
        match (address.address, address.preferred_lifetime) {
            (IpAddr::V4(_), _) => {}
            (IpAddr::V6(_), Some(Duration::ZERO)) => text.push_str(" deprecated"),
            (IpAddr::V6(_), Some(time)) => write!(text, " preferred_lft {}", time.as_secs())?,
            (IpAddr::V6(_), None) => text.push_str(" preferred_lft forever"),
        }
        if !address.track {
            text.push_str(" no_track");
        }
        if set {
            text.push_str(" set");
        }
        core::fmt::Result::Ok(())
    })();
    text
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
    let bare = match prefix.address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    if prefix.len == bare {
        prefix.address.to_string()
    } else {
        format!("{}/{}", prefix.address, prefix.len)
    }
}

/// What tells a route from others; its metrics are left out.
pub(super) fn route(route: &Route) -> String {
    let mut text = route
        .destination
        .as_ref()
        .map_or_else(|| "default".into(), prefix);
    let _ = (|| {
        if let Some(via) = route.via {
            write!(
                text,
                " via inet{} {via}",
                if via.is_ipv6() { "6" } else { "" }
            )?;
        }
        if let Some(dev) = &route.dev {
            write!(text, " dev {dev}")?;
        }
        if let Some(table) = route.table.filter(|table| *table != 254) {
            write!(text, " table {table}")?;
        }
        write!(text, " proto {}", route.protocol.unwrap_or(18))?;
        if let Some(source) = route.source {
            write!(text, " src {source}")?;
        }
        if let Some(metric) = route.metric {
            write!(text, " metric {metric}")?;
        }
        for hop in &route.next_hops {
            text.push_str(" nexthop");
            if let Some(via) = hop.via {
                write!(
                    text,
                    " via inet{} {via}",
                    if via.is_ipv6() { "6" } else { "" }
                )?;
            }
            if let Some(dev) = &hop.dev {
                write!(text, " dev {dev}")?;
            }
        }
        core::fmt::Result::Ok(())
    })();
    text
}

/// What tells a rule from others.
pub(super) fn rule(rule: &Rule) -> String {
    let mut words = Vec::new();
    let mut word = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name} {value}")))
    };
    word("from", rule.from.as_ref().map(prefix));
    word("to", rule.to.as_ref().map(prefix));
    word(
        "priority",
        rule.priority.map(|priority| priority.to_string()),
    );
    word(
        "fwmark",
        rule.fwmark
            .map(|(mark, mask)| format!("{mark:#x}/{mask:#x}")),
    );
    word("iif", rule.iif.clone());
    word("oif", rule.oif.clone());
    word("tos", Some(format!("{:#x}", rule.tos.unwrap_or_default())));
    word("protocol", Some(rule.protocol.unwrap_or(18).to_string()));
    words.push(match rule.action {
        RuleAction::Table(table) => format!("lookup {table}"),
        RuleAction::Goto(target) => format!("goto {target}"),
        RuleAction::L3mdev => "lookup [l3mdev-table]".into(),
        RuleAction::Nop => "nop".into(),
        RuleAction::Blackhole => "blackhole".into(),
        RuleAction::Unreachable => "unreachable".into(),
        RuleAction::Prohibit => "prohibit".into(),
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

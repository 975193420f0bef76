//! `keepalived.data`: what is configured and what has become of it, in keepalived's layout as far as exporters and
//! people read it.

use core::fmt::{self, Write as _};

use keepalived_conf::config::{Auth, Tracked, Version};
use vrrp_fsm::{Snapshot, Status, TrackId, Trackee, TrackerConfig};
use vrrp_proto::Family;

use super::text;
use crate::compat;
use crate::daemon::View;
use crate::plan::{NotifyPrograms, Router, Tracker};
use crate::service::program::Program;

pub(super) fn text(view: &View) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = globals(&mut out, view)
        .and_then(|()| topology(&mut out, view))
        .and_then(|()| groups(&mut out, view))
        .and_then(|()| trackers(&mut out, view))
        .and_then(|()| interfaces(&mut out, view));
    out
}

fn globals(out: &mut String, view: &View) -> fmt::Result {
    let globals = &view.plan.config.globals;
    writeln!(out, "------< Global definitions >------")?;
    writeln!(
        out,
        " Network namespace = {}",
        globals.net_namespace.as_deref().unwrap_or("(default)")
    )?;
    if let Some(id) = &globals.router_id {
        writeln!(out, " Router ID = {id}")?;
    }
    let dynamic = globals.dynamic_interfaces != keepalived_conf::config::DynamicInterfaces::No;
    writeln!(out, " Dynamic interfaces = {dynamic}")?;
    writeln!(out, " VRRP IPv4 mcast group = {}", globals.group_v4)?;
    writeln!(out, " VRRP IPv6 mcast group = {}", globals.group_v6)?;
    writeln!(
        out,
        " Num adverts before down = {}",
        globals.down_timer_adverts
    )?;
    writeln!(
        out,
        " VRRP default protocol version = {}",
        globals.version.number()
    )?;
    writeln!(out, " VRRP strict mode = {}", globals.strict)?;
    let security = if globals.script_security {
        "enabled"
    } else {
        "disabled"
    };
    writeln!(out, " Script security {security}")
}

fn topology(out: &mut String, view: &View) -> fmt::Result {
    writeln!(out, "------< VRRP Topology >------")?;
    for instance in &view.plan.config.instances {
        let mut routers = view.plan.routers.iter();
        let Some((id, router)) = routers.find(|(_, router)| router.instance.name == instance.name)
        else {
            continue;
        };
        let Some(snapshot) = view.routers.get(id) else {
            continue;
        };
        self::instance(out, view, router, snapshot)?;
    }
    Ok(())
}

fn instance(out: &mut String, view: &View, router: &Router, snapshot: &Snapshot) -> fmt::Result {
    let instance = &*router.instance;
    let state = compat::state_word(snapshot.status);
    let yes = |on: bool| if on { "yes" } else { "no" };
    let enabled = |on: bool| if on { "enabled" } else { "disabled" };
    writeln!(out, " VRRP Instance = {}", instance.name)?;
    writeln!(out, "   VRRP Version = {}", instance.version.number())?;
    if let Some(group) = router.group.and_then(|group| view.plan.groups.get(&group)) {
        writeln!(out, "   Sync group = {}", group.config.name)?;
    }
    if router.family == Family::V6 {
        writeln!(out, "   Using Native IPv6")?;
    }
    writeln!(out, "   State = {state}")?;
    if instance.unicast.is_some() {
        writeln!(out, "   Flags:\n     Using unicast")?;
    } else if router.vmac.is_some() {
        writeln!(out, "   Flags:")?;
    } else {
        writeln!(out, "   Flags: none")?;
    }
    let wanted = compat::state_word(text::wanted(router, snapshot));
    writeln!(out, "   Wantstate = {wanted}")?;
    writeln!(
        out,
        "   Number of config faults = {}",
        u8::from(router.lacks_peers())
    )?;
    writeln!(
        out,
        "   Number of interface and track script faults = {}",
        snapshot.faults.len()
    )?;
    writeln!(
        out,
        "   Number of track scripts init = {}",
        u8::from(snapshot.pending)
    )?;
    let last = text::last_transition(view, snapshot);
    writeln!(
        out,
        "   Last transition = {}.{:06} ({})",
        last.as_secs(),
        last.subsec_micros(),
        text::ctime(last)
    )?;
    match snapshot.deadline {
        Some((at, _)) => {
            let due = view.utc + at.saturating_duration_since(view.at);
            writeln!(
                out,
                "   Read timeout = {}.{:06} ({})",
                due.as_secs(),
                due.subsec_micros(),
                text::ctime(due)
            )?;
        }
        None => writeln!(out, "   Read timeout = DISABLED")?,
    }
    writeln!(
        out,
        "   Master down timer = {} usecs",
        snapshot.active_down_interval.as_micros()
    )?;
    interface(out, view, router)?;
    if let Some(primary) = snapshot.primary {
        let from = if instance.source.is_some() {
            " (from configuration)"
        } else {
            ""
        };
        writeln!(out, "   Using src_ip = {primary}{from}")?;
    }
    if instance.unicast.is_none() {
        let index = view.host.link(text::interface(router));
        match index.filter(|_| router.family == Family::V6) {
            Some(link) => writeln!(
                out,
                "   Multicast address {}, ifindex {}",
                instance.group, link.index
            )?,
            None => writeln!(out, "   Multicast address {}", instance.group)?,
        }
    }
    let garp = &instance.garp;
    writeln!(out, "   Gratuitous ARP delay = {}", garp.delay.as_secs())?;
    writeln!(out, "   Gratuitous ARP repeat = {}", garp.repeat)?;
    writeln!(
        out,
        "   Gratuitous ARP refresh = {}",
        garp.refresh.as_secs()
    )?;
    writeln!(
        out,
        "   Gratuitous ARP refresh repeat = {}",
        garp.refresh_repeat
    )?;
    writeln!(
        out,
        "   Gratuitous ARP lower priority delay = {}",
        garp.lower_prio_delay.as_secs()
    )?;
    writeln!(
        out,
        "   Gratuitous ARP lower priority repeat = {}",
        garp.lower_prio_repeat
    )?;
    writeln!(
        out,
        "   Down timer adverts = {}",
        instance.down_timer_adverts
    )?;
    writeln!(
        out,
        "   Send advert after receive lower priority advert = {}",
        !instance.lower_prio_no_advert
    )?;
    writeln!(
        out,
        "   Send advert after receive higher priority advert = {}",
        instance.higher_prio_send_advert
    )?;
    writeln!(out, "   Virtual Router ID = {}", instance.vrid)?;
    writeln!(out, "   Priority = {}", snapshot.base_priority)?;
    writeln!(out, "   Effective priority = {}", snapshot.priority)?;
    let sum: i32 = snapshot
        .contributions
        .iter()
        .map(|contribution| contribution.weight)
        .sum();
    writeln!(
        out,
        "   Total priority = {}",
        i32::from(snapshot.base_priority.get()) + sum
    )?;
    match instance.version {
        Version::V2 => writeln!(
            out,
            "   Advert interval = {} sec",
            instance.advert_int.as_secs()
        )?,
        Version::V3 => writeln!(
            out,
            "   Advert interval = {} milli-sec",
            instance.advert_int.as_millis()
        )?,
    }
    writeln!(out, "   Accept = {}", enabled(instance.accept))?;
    writeln!(out, "   Preempt = {}", enabled(instance.preempt))?;
    if !instance.preempt_delay.is_zero() {
        writeln!(
            out,
            "   Preempt delay = {} secs",
            instance.preempt_delay.as_secs_f64()
        )?;
    }
    writeln!(
        out,
        "   Promote_secondaries = {}",
        enabled(instance.promote_secondaries)
    )?;
    match &instance.auth {
        None if instance.version == Version::V3 => {}
        None => writeln!(out, "   Authentication type = none")?,
        Some(Auth::Pass(_)) => writeln!(
            out,
            "   Authentication type = SIMPLE_PASSWORD\n   Password = ********"
        )?,
        Some(Auth::Ah(_)) => writeln!(
            out,
            "   Authentication type = IPSEC_AH\n   Password = ********"
        )?,
    }
    addresses(out, router, text::is_set(snapshot))?;
    if let Some(unicast) = &instance.unicast {
        writeln!(
            out,
            "   Unicast TTL = {}\n   Check unicast src : {}",
            router.hop_limit,
            yes(unicast.check_source)
        )?;
        let peers = unicast.peers.iter();
        let peers = peers.map(|peer| {
            format!(
                "{} min_ttl {} max_ttl {}",
                peer.address, peer.min_ttl, peer.max_ttl
            )
        });
        list(out, "Unicast Peer", peers)?;
    }
    list(
        out,
        "Virtual Routes",
        instance.routes.iter().map(text::route),
    )?;
    list(out, "Virtual Rules", instance.rules.iter().map(text::rule))?;
    let weighted = |tracked: &Tracked| format!("{} weight {}", tracked.name, tracked.weight);
    list(
        out,
        "Tracked interfaces",
        instance.track.interfaces.iter().map(weighted),
    )?;
    list(
        out,
        "Tracked scripts",
        instance.track.scripts.iter().map(weighted),
    )?;
    let weighted = |tracked: &Tracked| format!("{}, weight {}", tracked.name, tracked.weight);
    list(
        out,
        "Tracked processes",
        instance.track.processes.iter().map(weighted),
    )?;
    list(
        out,
        "Tracked files",
        instance.track.files.iter().map(weighted),
    )?;
    writeln!(
        out,
        "   Using smtp notification = {}",
        yes(instance.smtp_alert)
    )?;
    let deleted = instance.notify.announce_deleted || instance.notify.deleted.is_some();
    writeln!(
        out,
        "   Notify deleted = {}",
        if deleted { "Deleted" } else { "Fault" }
    )?;
    scripts(out, &router.notify)?;
    writeln!(
        out,
        "   Notify priority changes = {}",
        instance.notify_priority_changes
    )
}

/// A virtual MAC address has an interface of its own.
fn interface(out: &mut String, view: &View, router: &Router) -> fmt::Result {
    let instance = &*router.instance;
    let own = instance.interface.as_deref().unwrap_or("none");
    let Some(vmac) = &router.vmac else {
        return writeln!(out, "   Interface = {own}");
    };
    let up = view.host.link(&vmac.name).is_some_and(|link| link.up);
    let base = instance.vmac_xmit_base;
    writeln!(
        out,
        "   Use VMAC, i/f name {}, is_up = {up}, xmit_base = {base}",
        vmac.name
    )?;
    let base = if base { ", xmit base i/f" } else { "" };
    writeln!(out, "   Interface = {}, vmac on {own}{base}", vmac.name)
}

fn addresses(out: &mut String, router: &Router, set: bool) -> fmt::Result {
    let instance = &*router.instance;
    writeln!(out, "   Virtual IP ({}):", instance.addresses.len())?;
    for address in &instance.addresses {
        writeln!(out, "     {}", text::address(address, router, set))?;
    }
    list(
        out,
        "Virtual IP Excluded",
        instance
            .excluded
            .iter()
            .map(|address| text::address(address, router, set)),
    )
}

fn scripts(out: &mut String, notify: &NotifyPrograms) -> fmt::Result {
    let mut script = |what: &str, program: &Option<Program>| match program {
        Some(program) => writeln!(
            out,
            "   {what} state transition script = {}{}",
            text::program(program),
            as_user(program)
        ),
        None => Ok(()),
    };
    script("Backup", &notify.backup)?;
    script("Master", &notify.master)?;
    script("Fault", &notify.fault)?;
    script("Stop", &notify.stop)?;
    script("Deleted", &notify.deleted)?;
    script("Generic", &notify.any)?;
    script("Master rx lower pri", &notify.lower_heard)
}

fn as_user(program: &Program) -> String {
    let (uid, gid) = program.user.as_ref().map_or_else(
        || {
            (
                nix::unistd::geteuid().as_raw(),
                nix::unistd::getegid().as_raw(),
            )
        },
        |user| (user.uid, user.gid),
    );
    format!(", uid:gid {uid}:{gid}")
}

/// A heading and its items, if there are any.
fn list(
    out: &mut String,
    heading: &str,
    items: impl ExactSizeIterator<Item = String>,
) -> fmt::Result {
    if items.len() > 0 {
        writeln!(out, "   {heading} :")?;
    }
    for item in items {
        writeln!(out, "     {item}")?;
    }
    Ok(())
}

fn groups(out: &mut String, view: &View) -> fmt::Result {
    if view.plan.groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "------< VRRP Sync groups >------")?;
    for (id, group) in &view.plan.groups {
        let members = view
            .plan
            .engine
            .groups
            .get(id)
            .map(|group| group.members.as_slice())
            .unwrap_or_default();
        let status = members
            .first()
            .and_then(|member| view.routers.get(member))
            .map(|member| member.status);
        writeln!(
            out,
            " VRRP Sync Group = {}, {}",
            group.config.name,
            compat::state_word(status.unwrap_or_default())
        )?;
        let faults = members.iter().filter(|member| {
            view.routers
                .get(member)
                .is_some_and(|member| member.status == Status::Fault)
        });
        writeln!(
            out,
            "   Num member fault {}, num member init 0",
            faults.count()
        )?;
        list(
            out,
            "VRRP member instances",
            group.config.members.iter().cloned(),
        )?;
        if group.config.tracking_weight {
            writeln!(out, "   sync group tracking weight set")?;
        }
        let mails = if group.config.smtp_alert { "yes" } else { "no" };
        writeln!(out, "   Using smtp notification = {mails}")?;
        let weighted = |tracked: &Tracked| format!("{} weight {}", tracked.name, tracked.weight);
        list(
            out,
            "Tracked scripts",
            group.config.track.scripts.iter().map(weighted),
        )?;
        scripts(out, &group.notify)?;
    }
    Ok(())
}

fn trackers(out: &mut String, view: &View) -> fmt::Result {
    let mut headed = false;
    for (id, tracker) in &view.plan.trackers {
        let (Tracker::Script(script), Some(TrackerConfig::Script(options))) =
            (tracker, view.plan.engine.trackers.get(id))
        else {
            continue;
        };
        if !core::mem::replace(&mut headed, true) {
            writeln!(out, "------< VRRP Scripts >------")?;
        }
        writeln!(out, " VRRP Script = {}", script.name)?;
        if let Some(program) = view.plan.programs.get(id) {
            writeln!(out, "   Command = {}", text::program(program))?;
        }
        writeln!(out, "   Interval = {} sec", options.interval.as_secs_f64())?;
        let timeout = script.timeout.unwrap_or_default();
        writeln!(out, "   Timeout = {} sec", timeout.as_secs_f64())?;
        writeln!(out, "   Weight = {}", script.weight)?;
        writeln!(
            out,
            "   Rise = {}\n   Fall = {}",
            options.rise, options.fall
        )?;
        let good = view.good.get(id);
        let init = if good.is_some() { "unknown" } else { "INIT" };
        writeln!(out, "   Insecure = no\n   Init state = {init}")?;
        let status = if good == Some(&true) { "GOOD" } else { "BAD" };
        writeln!(out, "   Status = {status}")?;
        if let Some(program) = view.plan.programs.get(id) {
            writeln!(
                out,
                "   Script{}",
                as_user(program).replace(", uid:gid ", " uid:gid = ")
            )?;
        }
        writeln!(out, "   VRRP instances :\n   Tracking instances :")?;
        for (name, weight) in trackers_of(view, *id) {
            writeln!(out, "     {name}, weight {weight}")?;
        }
        writeln!(
            out,
            "   State = {}",
            if view.running.contains(id) {
                "running"
            } else {
                "idle"
            }
        )?;
    }
    Ok(())
}

/// Who follows a tracker, in the order of the file, and with what weight.
fn trackers_of(view: &View, track: TrackId) -> Vec<(&str, i16)> {
    let mut found = Vec::new();
    for instance in &view.plan.config.instances {
        let mut routers = view.plan.routers.iter();
        let id = routers.find(|(_, router)| router.instance.name == instance.name);
        let config = id.and_then(|(id, _)| view.plan.engine.routers.get(id));
        let own = config.map(|config| config.tracked.as_slice());
        let groups = view.plan.engine.groups.values();
        let mut groups =
            groups.filter(|group| id.is_some_and(|(id, _)| group.members.contains(id)));
        let shared = groups.next().map(|group| group.tracked.as_slice());
        let tracked = own.into_iter().chain(shared).flatten();
        let mut tracked = tracked.filter(|tracked| tracked.what == Trackee::Track(track));
        found.extend(
            tracked
                .next()
                .map(|tracked| (instance.name.as_str(), tracked.weight)),
        );
    }
    found
}

fn interfaces(out: &mut String, view: &View) -> fmt::Result {
    writeln!(out, "------< Interfaces >------")?;
    for link in view.host.links() {
        writeln!(out, " Name = {}\n   index = {}", link.name, link.index)?;
        let addresses = view.host.addresses_of(link.index);
        let first = |v6: bool| {
            let found = addresses
                .iter()
                .find(|record| record.address.is_ipv6() == v6);
            found.map_or_else(|| "(none)".into(), |record| record.address.to_string())
        };
        writeln!(
            out,
            "   IPv4 address = {}\n   IPv6 address = {}",
            first(false),
            first(true)
        )?;
        if let Some(mac) = link.mac.filter(|_| !link.loopback) {
            writeln!(out, "   MAC = {mac}")?;
        }
        let state = [
            (link.up, "UP"),
            (link.running, "RUNNING"),
            (link.loopback, "loopback"),
        ];
        let state: Vec<&str> = state
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, word)| *word)
            .collect();
        writeln!(
            out,
            "   State = {}\n   MTU = {}",
            if state.is_empty() {
                "DOWN".into()
            } else {
                state.join(", ")
            },
            link.mtu
        )?;
    }
    Ok(())
}

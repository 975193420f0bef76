//! The configuration as JSON, for programs. docs/CONFIG-JSON.md names every member; members are added, never
//! changed or taken away.

use core::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    Address, Auth, Broadcast, Command, Config, DynamicInterfaces, Family, Fifo, Globals, Hmac,
    HmacMode, Instance, Notify, OldChecksum, Peer, Script, SyncGroup, Tracked, User,
};

/// What stands for a secret.
pub(super) const MASK: &str = "********";

impl Config {
    /// One object with `instances`, `sync_groups`, `scripts` and `globals`, after all defaults and clamps.
    /// Secrets are masked.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "instances": list(&self.instances, |instance| self.instance_json(instance)),
            "sync_groups": list(&self.sync_groups, group),
            "scripts": list(&self.scripts, script),
            "track_files": list(&self.track_files, |file| json!({
                "name": file.name,
                "path": file.path,
                "weight": file.weight,
                "reverse": file.reverse,
                "init": file.init.map(|init| json!({"value": init.value, "overwrite": init.overwrite})),
            })),
            "track_processes": list(&self.track_processes, |process| json!({
                "name": process.name,
                "argv": process.argv,
                "full_command": process.full_command,
                "weight": process.weight,
                "reverse": process.reverse,
                "quorum": process.quorum,
                "quorum_max": process.quorum_max,
                "terminate_delay_ms": ms(process.terminate_delay),
                "fork_delay_ms": ms(process.fork_delay),
            })),
            "globals": globals(&self.globals),
        })
    }

    fn instance_json(&self, instance: &Instance) -> Value {
        let interface = instance.interface.as_deref();
        let addresses = |addresses: &[Address]| list(addresses, |entry| address(entry, interface));
        let unicast = instance.unicast.as_ref();
        json!({
            "name": instance.name,
            "interface": instance.interface,
            "family": instance.family.number(),
            "version": instance.version.number(),
            "virtual_router_id": instance.vrid,
            "priority": instance.priority,
            "advert_int_ms": ms(instance.advert_int),
            "state": instance.state.map(super::State::as_str),
            "preempt": instance.preempt,
            "preempt_delay_ms": ms(instance.preempt_delay),
            "virtual_addresses": addresses(&instance.addresses),
            "excluded_addresses": addresses(&instance.excluded),
            "source": instance.source,
            "unicast_src": unicast.and(instance.source),
            "unicast_peers": list(unicast.map_or(&[], |unicast| &unicast.peers), peer),
            "unicast_ttl": unicast.and_then(|unicast| unicast.ttl),
            "check_unicast_src": unicast.is_some_and(|unicast| unicast.check_source),
            "unicast_fault_no_peer": unicast.is_some_and(|unicast| unicast.fault_without_peers),
            "old_unicast_checksum": unicast.map(|unicast| match unicast.old_checksum {
                OldChecksum::Detect => "detect",
                OldChecksum::Always => "always",
                OldChecksum::Never => "never",
            }),
            "multicast_group": if unicast.is_some() { None } else { Some(instance.group) },
            "auth_type": match (&instance.hmac, &instance.auth) {
                (Some(_), _) => Some("HMAC"),
                (None, auth) => auth.as_ref().map(Auth::as_str),
            },
            "auth_pass": instance.auth.as_ref().map(|_| MASK),
            "auth_hmac": instance.hmac.as_ref().map(hmac),
            "track_scripts": list(&instance.track.scripts, tracked),
            "track_interfaces": list(&instance.track.interfaces, tracked),
            "track_files": list(&instance.track.files, tracked),
            "track_processes": list(&instance.track.processes, tracked),
            "track_bfds": list(&instance.track.bfds, tracked),
            "track_primary": instance.track_primary,
            "track_src_ip": instance.track_source,
            "notify": notify(&instance.notify),
            "notify_priority_changes": instance.notify_priority_changes,
            "smtp_alert": instance.smtp_alert,
            "routes": instance.routes.len(),
            "rules": instance.rules.len(),
            "garp": json!({
                "delay_ms": ms(instance.garp.delay),
                "repeat": instance.garp.repeat,
                "refresh_ms": ms(instance.garp.refresh),
                "refresh_repeat": instance.garp.refresh_repeat,
                "lower_prio_delay_ms": ms(instance.garp.lower_prio_delay),
                "lower_prio_repeat": instance.garp.lower_prio_repeat,
                "extra_if_ms": instance.garp.extra_interfaces.map(ms),
            }),
            "down_timer_adverts": instance.down_timer_adverts,
            "lower_prio_no_advert": instance.lower_prio_no_advert,
            "higher_prio_send_advert": instance.higher_prio_send_advert,
            "owner_ignore_adverts": instance.owner_ignore_adverts,
            "timer_expired_backup": instance.timer_expired_backup,
            "skip_check_adv_addr": instance.skip_check_adv_addr,
            "strict": instance.strict,
            "v3_checksum_as_v2": instance.v3_checksum_as_v2,
            "accept": instance.accept,
            "promote_secondaries": instance.promote_secondaries,
            "vmac": instance.vmac.as_ref().map(|vmac| json!({
                "name": vmac.name,
                "mac": vmac.mac.map(|mac| mac.map(|octet| format!("{octet:02x}")).join(":")),
                "xmit_base": instance.vmac_xmit_base,
            })),
            "ipvlan": instance.ipvlan.as_ref().map(|ipvlan| json!({"name": ipvlan.name})),
            "vrf": instance.vrf,
            "sync_group": self.group_of(&instance.name).map(|group| &group.name),
        })
    }
}

fn list<T>(items: &[T], json: impl Fn(&T) -> Value) -> Value {
    items.iter().map(json).collect()
}

/// Milliseconds; a fraction only where there is one.
fn ms(time: Duration) -> Value {
    let micros = time.as_micros();
    match u64::try_from(micros) {
        Ok(micros) if micros.is_multiple_of(1000) => json!(micros / 1000),
        _ => json!(time.as_secs_f64() * 1000.0),
    }
}

fn address(entry: &Address, interface: Option<&str>) -> Value {
    let broadcast = match (entry.broadcast, entry.address) {
        (Some(broadcast), core::net::IpAddr::V4(ip)) => {
            Some(Broadcast::resolve(broadcast, ip, entry.prefix_len))
        }
        _ => None,
    };
    json!({
        "address": entry.address,
        "prefix_len": entry.prefix_len,
        "dev": entry.dev.as_deref().or(interface),
        "scope": match (Family::of(&entry.address), entry.scope) {
            (Family::V6, _) | (Family::V4, 0) => json!("global"),
            (_, 200) => json!("site"),
            (_, 253) => json!("link"),
            (_, 254) => json!("host"),
            (_, 255) => json!("nowhere"),
            (_, number) => json!(number),
        },
        "broadcast": broadcast,
        "label": entry.label,
        "peer": entry.peer,
        "track": entry.track,
        "use_vmac": entry.use_vmac,
    })
}

fn peer(peer: &Peer) -> Value {
    json!({"address": peer.address, "min_ttl": peer.min_ttl, "max_ttl": peer.max_ttl})
}

fn hmac(hmac: &Hmac) -> Value {
    json!({
        "keys": list(&hmac.keys, |key| json!({"id": key.id, "key": MASK})),
        "active_key": hmac.active_key,
        "anti_replay": match hmac.anti_replay {
            super::AntiReplay::Time => "time",
            super::AntiReplay::Monotonic => "monotonic",
        },
        "time_window_ms": ms(hmac.time_window),
        "mode": match hmac.mode {
            HmacMode::Enforce => "enforce",
            HmacMode::Permissive => "permissive",
            HmacMode::ReceiveOnly => "receive-only",
        },
    })
}

fn tracked(tracked: &Tracked) -> Value {
    json!({"name": tracked.name, "weight": tracked.weight, "reverse": tracked.reverse})
}

fn notify(notify: &Notify) -> Value {
    let command = |command: &Option<Command>| command.as_ref().map(Command::line);
    json!({
        "master": command(&notify.master),
        "backup": command(&notify.backup),
        "fault": command(&notify.fault),
        "stop": command(&notify.stop),
        "deleted": command(&notify.deleted),
        "master_rx_lower_pri": command(&notify.master_rx_lower_pri),
        "any": command(&notify.any),
    })
}

fn group(group: &SyncGroup) -> Value {
    json!({
        "name": group.name,
        "members": group.members,
        "track_scripts": list(&group.track.scripts, tracked),
        "track_interfaces": list(&group.track.interfaces, tracked),
        "track_files": list(&group.track.files, tracked),
        "track_processes": list(&group.track.processes, tracked),
        "track_bfds": list(&group.track.bfds, tracked),
        "tracking_weight": group.tracking_weight,
        "notify": notify(&group.notify),
        "notify_priority_changes": group.notify_priority_changes,
        "smtp_alert": group.smtp_alert,
    })
}

fn script(script: &Script) -> Value {
    json!({
        "name": script.name,
        "command": script.command.line(),
        "argv": script.command.argv,
        "user": script.command.user.as_ref().map(user),
        "interval_ms": ms(script.interval),
        "timeout_ms": ms(script.timeout.unwrap_or(script.interval)),
        "weight": script.weight,
        "reverse": script.reverse,
        "rise": script.rise,
        "fall": script.fall,
        "init_fail": script.init_fail,
    })
}

fn user(user: &User) -> Value {
    json!({"user": user.user, "group": user.group})
}

fn globals(globals: &Globals) -> Value {
    let fifo = |fifo: &Option<Fifo>| {
        fifo.as_ref().map(|fifo| {
            json!({
                "path": fifo.path,
                "owner": fifo.owner.as_ref().map(user),
                "script": fifo.script.as_ref().map(Command::line),
            })
        })
    };
    let command = |command: &Option<Command>| command.as_ref().map(Command::line);
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("router_id", json!(globals.router_id));
    put("notification_email", json!(globals.mail.to));
    put("notification_email_from", json!(globals.mail.from));
    let server = globals.mail.server.as_ref();
    put(
        "smtp_server",
        json!(server.map(|(host, port)| json!({"host": host, "port": port}))),
    );
    put("smtp_helo_name", json!(globals.mail.helo));
    put("smtp_connect_timeout_ms", ms(globals.mail.timeout));
    put("smtp_alert", json!(globals.mail.alert));
    put("vrrp_version", json!(globals.version.number()));
    put("vrrp_strict", json!(globals.strict));
    put(
        "vrrp_skip_check_adv_addr",
        json!(globals.skip_check_adv_addr),
    );
    put(
        "vrrp_check_unicast_src",
        json!(globals.check_unicast_source),
    );
    put("vrrp_mcast_group4", json!(globals.group_v4));
    put("vrrp_mcast_group6", json!(globals.group_v6));
    put("default_interface", json!(globals.default_interface));
    put(
        "dynamic_interfaces",
        json!(globals.dynamic_interfaces != DynamicInterfaces::No),
    );
    put(
        "vrrp_garp_interval_ms",
        json!(globals.garp_interval.map(ms)),
    );
    put("vrrp_gna_interval_ms", json!(globals.gna_interval.map(ms)));
    put("vrrp_startup_delay_ms", ms(globals.startup_delay));
    put("vrrp_delay_after_boot_ms", ms(globals.delay_after_boot));
    put(
        "vrrp_notify_priority_changes",
        json!(globals.notify_priority_changes),
    );
    put("log_unknown_vrids", json!(globals.log_unknown_vrids));
    put("script_user", json!(globals.script_user.as_ref().map(user)));
    put("enable_script_security", json!(globals.script_security));
    put("notify_fifo", json!(fifo(&globals.notify_fifo)));
    put("vrrp_notify_fifo", json!(fifo(&globals.vrrp_notify_fifo)));
    put("startup_script", json!(command(&globals.startup_script)));
    put("shutdown_script", json!(command(&globals.shutdown_script)));
    put("vrrp_priority", json!(globals.nice));
    put("vrrp_no_swap", json!(globals.no_swap));
    put("vrrp_rt_priority", json!(globals.rt_priority));
    put("max_auto_priority", json!(globals.max_auto_priority));
    put("net_namespace", json!(globals.net_namespace));
    put("instance", json!(globals.instance));
    put("use_pid_dir", json!(globals.use_pid_dir));
    put("child_wait_time_ms", ms(globals.child_wait_time));
    Value::Object(out)
}

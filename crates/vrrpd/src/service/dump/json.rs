//! `keepalived.json`: keys, types and order of keepalived 2.2.7.

use core::time::Duration;

use serde_json::{Map, Number, Value, json};
use vrrp_fsm::{Snapshot, TrackId, Trackee};

use super::text;
use crate::compat;
use crate::daemon::View;
use crate::plan::{NotifyPrograms, Router};
use crate::service::program::Program;

/// One object for each instance, in the order of the file: an array in version 1, a member `vrrp` in version 2.
pub(super) fn text(view: &View) -> String {
    let instances = view.plan.config.instances.iter().filter_map(|instance| {
        let (id, router) = view
            .plan
            .routers
            .iter()
            .find(|(_, router)| router.instance.name == instance.name)?;
        let snapshot = view.routers.get(id)?;
        Some(json!({ "data": data(view, router, snapshot), "stats": stats(router, snapshot) }))
    });
    let instances = Value::Array(instances.collect());
    match view.plan.config.globals.json_version {
        2 => json!({ "vrrp": instances }).to_string(),
        _ => instances.to_string(),
    }
}

fn data(view: &View, router: &Router, snapshot: &Snapshot) -> Value {
    let instance = &*router.instance;
    let set = text::is_set(snapshot);
    let state = compat::state_number(snapshot.status);
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| {
        data.insert(key.into(), value);
    };
    let flag = |on: bool| Value::from(u8::from(on));
    put("iname", instance.name.as_str().into());
    put("dont_track_primary", flag(!instance.track_primary));
    put("skip_check_adv_addr", flag(instance.skip_check_adv_addr));
    put("strict_mode", flag(instance.strict));
    put(
        "vmac_ifname",
        router
            .vmac
            .as_ref()
            .map_or("", |vmac| vmac.name.as_str())
            .into(),
    );
    put("ifp_ifname", text::interface(router).into());
    put("master_priority", text::master_priority(snapshot).into());
    put(
        "last_transition",
        float(text::last_transition(view, snapshot).as_secs_f64()),
    );
    put("garp_delay", seconds(instance.garp.delay));
    put("garp_refresh", seconds(instance.garp.refresh));
    put("garp_rep", instance.garp.repeat.into());
    put("garp_refresh_rep", instance.garp.refresh_repeat.into());
    put(
        "garp_lower_prio_delay",
        seconds(instance.garp.lower_prio_delay),
    );
    put(
        "garp_lower_prio_rep",
        instance.garp.lower_prio_repeat.into(),
    );
    put("lower_prio_no_advert", flag(instance.lower_prio_no_advert));
    put(
        "higher_prio_send_advert",
        flag(instance.higher_prio_send_advert),
    );
    put("vrid", instance.vrid.into());
    put("base_priority", snapshot.base_priority.get().into());
    put("effective_priority", snapshot.priority.get().into());
    put("vipset", set.into());
    put("promote_secondaries", instance.promote_secondaries.into());
    put("adver_int", seconds(instance.advert_int));
    put(
        "master_adver_int",
        seconds(snapshot.active_adver_interval.as_duration()),
    );
    put("accept", flag(instance.accept));
    put("nopreempt", (!instance.preempt).into());
    put("preempt_delay", instance.preempt_delay.as_secs().into());
    put("state", state.into());
    put(
        "wantstate",
        compat::state_number(text::wanted(router, snapshot)).into(),
    );
    put("version", instance.version.number().into());
    put("smtp_alert", instance.smtp_alert.into());
    put(
        "notify_deleted",
        (instance.notify.announce_deleted || instance.notify.deleted.is_some()).into(),
    );
    for (key, program) in scripts(&router.notify) {
        if let Some(program) = program {
            put(key, text::program(program).into());
        }
    }
    let mut list = |key: &str, items: Vec<Value>| {
        if !items.is_empty() {
            data.insert(key.into(), items.into());
        }
    };
    let address = |address| Value::from(text::address(address, router, set));
    list("vips", instance.addresses.iter().map(address).collect());
    list("evips", instance.excluded.iter().map(address).collect());
    list(
        "vroutes",
        instance
            .routes
            .iter()
            .map(|route| text::route(route).into())
            .collect(),
    );
    list(
        "vrules",
        instance
            .rules
            .iter()
            .map(|rule| text::rule(rule).into())
            .collect(),
    );
    list(
        "track_ifp",
        instance
            .track
            .interfaces
            .iter()
            .map(|tracked| tracked.name.as_str().into())
            .collect(),
    );
    let scripts = tracked(view, router).filter_map(|track| view.plan.programs.get(&track));
    list(
        "track_script",
        scripts
            .map(|program| text::program(program).into())
            .collect(),
    );
    list(
        "track_process",
        instance
            .track
            .processes
            .iter()
            .map(|tracked| tracked.name.as_str().into())
            .collect(),
    );
    let (kind, secret) = match &instance.auth {
        None => (0, None),
        Some(auth @ keepalived_conf::config::Auth::Pass(_)) => (1, Some(auth)),
        Some(auth @ keepalived_conf::config::Auth::Ah(_)) => (2, Some(auth)),
    };
    data.insert("auth_type".into(), kind.into());
    if secret.is_some() {
        // keepalived 2.2.7 writes the password here; 2.4 masks it, and so do we.
        data.insert("auth_data".into(), "********".into());
    }
    Value::Object(data)
}

/// What a router tracks that is no interface.
fn tracked(view: &View, router: &Router) -> impl Iterator<Item = TrackId> {
    let config = view.plan.engine.routers.iter().find(|(_, config)| {
        (config.iface, config.vrid, config.family) == (router.iface, router.vrid, router.family)
    });
    let tracked = config
        .map(|(_, config)| config.tracked.as_slice())
        .unwrap_or_default();
    tracked.iter().filter_map(|tracked| match tracked.what {
        Trackee::Track(track) => Some(track),
        Trackee::Iface(_) => None,
    })
}

fn scripts(notify: &NotifyPrograms) -> [(&'static str, Option<&Program>); 7] {
    [
        ("script_backup", notify.backup.as_ref()),
        ("script_master", notify.master.as_ref()),
        ("script_fault", notify.fault.as_ref()),
        ("script_stop", notify.stop.as_ref()),
        ("script_deleted", notify.deleted.as_ref()),
        ("script", notify.any.as_ref()),
        ("script_master_rx_lower_pri", notify.lower_heard.as_ref()),
    ]
}

fn stats(router: &Router, snapshot: &Snapshot) -> Value {
    let stats = &snapshot.stats;
    let mut counters = Map::new();
    let mut put = |key: &str, count: u64| {
        counters.insert(key.into(), count.into());
    };
    put("advert_rcvd", stats.adverts_rcvd);
    put("advert_sent", stats.adverts_sent);
    put("become_master", stats.become_active);
    put("release_master", stats.leave_active);
    put("packet_len_err", stats.packet_length_errors);
    put("advert_interval_err", stats.adv_interval_errors);
    put("ip_ttl_err", stats.ip_ttl_errors);
    put("invalid_type_rcvd", stats.invalid_type_rcvd);
    put("addr_list_err", stats.address_list_errors);
    put("invalid_authtype", stats.invalid_auth_type);
    put("authtype_mismatch", stats.auth_type_mismatch);
    put("auth_failure", stats.auth_failures);
    if router.instance.hmac.is_some() {
        // As keepalived 2.4 has it, which came with the extension.
        put("auth_ext_missing", stats.auth_ext_missing);
        put("auth_ext_malformed", stats.auth_ext_malformed);
        put("auth_ext_unknown_key", stats.auth_ext_unknown_key);
        put("auth_ext_invalid_hmac", stats.auth_ext_invalid_hmac);
        put("auth_ext_stale", stats.auth_ext_stale);
        put("auth_ext_replay", stats.auth_ext_replay);
    }
    put("pri_zero_rcvd", stats.priority_zero_rcvd);
    put("pri_zero_sent", stats.priority_zero_sent);
    Value::Object(counters)
}

/// A whole number as `1`, another as `0.5`: exporters decode the former as integers.
fn seconds(time: Duration) -> Value {
    if time.subsec_nanos() == 0 {
        time.as_secs().into()
    } else {
        float(time.as_secs_f64())
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

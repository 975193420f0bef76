use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use keepalived_conf::config::{Address, Auth, Command, Config, Instance, Secret};
use serde_json::Value;
use vrrp_fsm::{Engine, Input, Instant};
use vrrp_proto::Family;

use super::*;
use crate::host::Host;
use crate::plan::{Numbers, Plan};
use crate::service::program::Program;
use crate::settings::PidFiles;
use crate::settings::tests::keepalived;

/// One instance that is Active, with everything optional that keepalived's dump can show.
fn view(look: Look) -> View {
    let mut instance = Instance {
        addresses: vec![
            Address::new("10.0.0.70".parse().unwrap()),
            Address {
                prefix_len: 24,
                dev: Some("eth1".into()),
                label: Some("eth1:v".into()),
                ..Address::new("10.0.0.71".parse().unwrap())
            },
        ],
        excluded: vec![Address::new("10.0.0.72".parse().unwrap())],
        auth: Some(Auth::Pass(Secret::new(*b"mypasswo"))),
        ..Instance::new("VI_1", "eth0", 51)
    };
    instance.notify.master = Some(Command::new("/bin/true"));
    instance.notify.any = Some(Command::new("/bin/true"));
    let config = Arc::new(Config {
        instances: vec![instance],
        ..Config::default()
    });
    let mut resolve = |command: &Command, _: &str| {
        Some(Program {
            path: command.argv.first()?.into(),
            args: vec!["a b".into()],
            user: None,
        })
    };
    let plan = Plan::new(&config, &mut Numbers::default(), &mut resolve).unwrap();
    let mut engine = Engine::new(plan.engine.clone());
    let start = Instant::ZERO;
    for iface in plan.ifaces.keys().copied() {
        let address = "10.0.0.60".parse().ok();
        let family = Family::V4;
        engine.handle(
            start,
            Input::Primary {
                iface,
                family,
                address,
            },
        );
        engine.handle(start, Input::Link { iface, up: true });
    }
    engine.handle(start, Input::Startup);
    let active = start + Duration::from_millis(3_610);
    engine.handle(active, Input::Timeout);
    while engine.poll_command().is_some() {}
    View {
        look,
        at: active + Duration::from_secs(1),
        utc: Duration::from_secs(1_700_000_001),
        routers: engine
            .snapshots()
            .map(|snapshot| (snapshot.router, snapshot))
            .collect(),
        good: BTreeMap::new(),
        running: BTreeSet::new(),
        host: Host::default(),
        plan: Arc::new(plan),
    }
}

type Is = fn(&Value) -> bool;

/// The keys of keepalived 2.2.7 in its order, each with the type that a parser meets.
const DATA: &[(&str, Is)] = &[
    ("iname", Value::is_string),
    ("dont_track_primary", Value::is_u64),
    ("skip_check_adv_addr", Value::is_u64),
    ("strict_mode", Value::is_u64),
    ("vmac_ifname", Value::is_string),
    ("ifp_ifname", Value::is_string),
    ("master_priority", Value::is_u64),
    ("last_transition", Value::is_f64),
    ("garp_delay", Value::is_u64),
    ("garp_refresh", Value::is_u64),
    ("garp_rep", Value::is_u64),
    ("garp_refresh_rep", Value::is_u64),
    ("garp_lower_prio_delay", Value::is_u64),
    ("garp_lower_prio_rep", Value::is_u64),
    ("lower_prio_no_advert", Value::is_u64),
    ("higher_prio_send_advert", Value::is_u64),
    ("vrid", Value::is_u64),
    ("base_priority", Value::is_u64),
    ("effective_priority", Value::is_u64),
    ("vipset", Value::is_boolean),
    ("promote_secondaries", Value::is_boolean),
    ("adver_int", Value::is_u64),
    ("master_adver_int", Value::is_u64),
    ("accept", Value::is_u64),
    ("nopreempt", Value::is_boolean),
    ("preempt_delay", Value::is_u64),
    ("state", Value::is_u64),
    ("wantstate", Value::is_u64),
    ("version", Value::is_u64),
    ("smtp_alert", Value::is_boolean),
    ("notify_deleted", Value::is_boolean),
    ("script_master", Value::is_string),
    ("script", Value::is_string),
    ("vips", Value::is_array),
    ("evips", Value::is_array),
    ("auth_type", Value::is_u64),
    ("auth_data", Value::is_string),
];

#[test]
fn json_has_keepaliveds_keys_types_and_order() {
    let json: Value = serde_json::from_str(&json::text(&view(Look::Json))).unwrap();
    let data = json[0]["data"].as_object().unwrap();
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    let expected: Vec<&str> = DATA.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, expected);
    for (key, is_right) in DATA {
        assert!(is_right(&data[*key]), "{key}: {}", data[*key]);
    }
    assert_eq!((&data["state"], &data["vipset"]), (&2.into(), &true.into()));
    let vips = [
        "10.0.0.70 dev eth0 scope global set",
        "10.0.0.71/24 dev eth1 scope global label eth1:v set",
    ];
    assert_eq!(data["vips"], serde_json::json!(vips));
    assert_eq!(data["script_master"], "'/bin/true' 'a b'");
    assert_eq!(data["auth_data"], "********", "secrets are masked");
    let stats: Vec<&str> = json[0]["stats"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(stats.first().copied(), Some("advert_rcvd"));
    assert_eq!(stats.len(), 14);
}

#[test]
fn stats_have_keepaliveds_layout() {
    let text = stats::text(&view(Look::Stats { clear: false }));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "VRRP Instance: VI_1",
            "  Advertisements:",
            "    Received: 0",
            "    Sent: 1"
        ]
    );
    assert_eq!(lines[4..6], ["  Became master: 1", "  Released master: 0"]);
    assert_eq!(lines.last(), Some(&"    Sent: 0"));
    assert_eq!(lines.len(), 19);
}

/// What mehdy's exporter looks for.
#[test]
fn data_has_what_exporters_match() {
    let text = data::text(&view(Look::Data));
    for line in [
        "------< VRRP Topology >------",
        " VRRP Instance = VI_1",
        "   State = MASTER",
        "   Wantstate = MASTER",
        "   Interface = eth0",
        "   Virtual Router ID = 51",
        "   Gratuitous ARP delay = 5",
        "   Virtual IP (2):",
        "     10.0.0.70 dev eth0 scope global set",
        "   Last transition = 1700000000.000000 (Tue Nov 14 22:13:20.000000 2023)",
    ] {
        assert!(text.lines().any(|have| have == line), "{line}\n{text}");
    }
    assert!(!text.contains("mypasswo"));
}

#[test]
fn a_file_is_replaced_whole_and_private_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keepalived.json");
    let target = dir.path().join("precious");
    std::fs::write(&target, "precious").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    for content in ["one", "two"] {
        replace(&path, content.as_bytes()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    let about = std::fs::symlink_metadata(&path).unwrap();
    assert!(about.is_file());
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        2,
        "no debris"
    );
    assert!(replace(&dir.path().join("no/such/dir"), b"").is_err());
}

#[test]
fn the_data_file_tells_instances_apart_where_that_is_asked_for() {
    let settings = keepalived(PidFiles::default());
    let globals = |asked, namespace: Option<&str>| Globals {
        data_use_instance: asked,
        instance: Some("foo".into()),
        net_namespace: namespace.map(Into::into),
        ..Globals::default()
    };
    let name = |globals: &Globals| data_name(globals, &settings);
    assert_eq!(name(&globals(false, Some("ns1"))), "keepalived.data");
    assert_eq!(name(&globals(true, None)), "keepalived.foo.data");
    assert_eq!(name(&globals(true, Some("ns1"))), "keepalived.ns1_foo.data");
    assert_eq!(
        name(&Globals {
            data_use_instance: true,
            ..Globals::default()
        }),
        "keepalived.data"
    );
}

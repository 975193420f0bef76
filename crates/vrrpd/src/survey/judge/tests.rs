//! Configurations against hosts that do not exist.

use std::collections::BTreeMap;

use keepalived_conf::config::{Address, Command, Script, Tracked, Unicast};
use keepalived_conf::config::{Origin, Peer};

use keepalived_conf::host::NamedInterface;

use super::*;
use crate::survey::{Process, Ruleset};

fn eth0() -> Interface {
    Interface {
        name: "eth0".to_owned(),
        up: true,
        addresses: vec![("10.0.0.5".parse().unwrap(), 24)],
        ..Interface::default()
    }
}

fn host() -> Facts {
    let lo = Interface {
        name: "lo".to_owned(),
        up: true,
        loopback: true,
        addresses: vec![("127.0.0.1".parse().unwrap(), 8)],
        ..Interface::default()
    };
    Facts {
        interfaces: vec![lo, eth0()],
        ..Facts::default()
    }
}

fn config(address: &str) -> Config {
    let mut instance = Instance::new("VI_1", "eth0", 51);
    instance
        .addresses
        .push(Address::new(address.parse().unwrap()));
    Config {
        instances: vec![instance],
        ..Config::default()
    }
}

/// As the reader gives it: with the interfaces that are named.
fn loaded(config: &Config) -> Loaded {
    let instances = config.instances.iter();
    let named = instances.filter_map(|instance| {
        Some(NamedInterface {
            name: instance.interface.clone()?,
            subject: Some(instance.name.clone()),
            span: Span::default(),
            needed: true,
        })
    });
    Loaded {
        interfaces: named.collect(),
        config: config.clone(),
        ..Loaded::default()
    }
}

fn codes(config: &Config, facts: &Facts) -> Vec<Code> {
    judge(&loaded(config), &SourceMap::default(), facts)
        .into_iter()
        .map(|finding| finding.code)
        .collect()
}

#[test]
fn a_host_that_fits_gives_nothing() {
    assert_eq!(codes(&config("10.0.0.70"), &host()), []);
}

#[test]
fn each_misfit_has_its_code() {
    type Change = fn(&mut Config, &mut Facts);
    let cases: Vec<(Code, Change)> = vec![
        (Code::InterfaceAbsent, |config, _| {
            config.instances[0].interface = Some("ens33".to_owned());
        }),
        (Code::InterfaceLoopback, |config, _| {
            config.instances[0].interface = Some("lo".to_owned());
            config.instances[0].addresses[0].dev = Some("eth0".to_owned());
        }),
        (Code::InterfaceDown, |_, facts| {
            facts.interfaces[1].up = false
        }),
        (Code::InterfaceNoAddress, |_, facts| {
            facts.interfaces[1].addresses.clear()
        }),
        (Code::LinkManager, |_, facts| {
            facts.interfaces[1].manager = Some(Manager::Networkd("/etc/x.network".to_owned()));
        }),
        (Code::AddressIsOwn, |_, facts| {
            facts.interfaces[1]
                .addresses
                .push(("10.0.0.70".parse().unwrap(), 24));
        }),
        (Code::OwnerWithoutAddress, |config, _| {
            config.instances[0].priority = 255
        }),
        (Code::AddressOffSubnet, |config, _| {
            config.instances[0].addresses[0].address = "10.9.9.9".parse().unwrap();
        }),
        (Code::AddressIsNetwork, |config, _| {
            config.instances[0].addresses[0].address = "10.0.0.255".parse().unwrap();
        }),
        (Code::SourceNotLocal, |config, _| {
            config.instances[0].source = Some("10.0.0.6".parse().unwrap());
        }),
        (Code::PeerIsSelf, |config, _| {
            config.instances[0].unicast = Some(Unicast {
                peers: vec![Peer::new("10.0.0.5".parse().unwrap())],
                ..Unicast::default()
            });
        }),
        (Code::DaemonRunning, |_, facts| {
            facts.daemons.push(Process {
                pid: 7,
                name: "keepalived".to_owned(),
            });
        }),
        (Code::NonlocalBind, |_, facts| {
            facts
                .sysctls
                .insert("net.ipv4.ip_nonlocal_bind", "0".to_owned());
        }),
        (Code::ReversePath, |config, facts| {
            config.instances[0].vmac = Some(keepalived_conf::config::Vmac::default());
            facts
                .sysctls
                .insert("net.ipv4.conf.all.rp_filter", "1".to_owned());
        }),
        (Code::FirewallDrops, |_, facts| {
            let chain = serde_json::json!({"nftables": [{"chain": {"family": "ip", "table": "filter",
                "name": "INPUT", "type": "filter", "hook": "input", "policy": "drop"}}]});
            facts.firewall = Ruleset::parse(chain.to_string().as_bytes());
        }),
        (Code::UserUnknown, |config, facts| {
            config.globals.script_user = Some(keepalived_conf::config::User {
                user: "nobody-at-all".to_owned(),
                ..keepalived_conf::config::User::default()
            });
            facts.accounts.insert("nobody-at-all".to_owned(), false);
        }),
    ];
    for (code, change) in cases {
        let (mut config, mut facts) = (config("10.0.0.70"), host());
        change(&mut config, &mut facts);
        assert_eq!(codes(&config, &facts), [code]);
    }
}

#[test]
fn each_trouble_with_a_program_has_its_code() {
    let check = |program: Program| {
        let mut config = config("10.0.0.70");
        config
            .scripts
            .push(Script::new("chk", Command::new("/x/chk")));
        config.instances[0].track.scripts.push(Tracked {
            name: "chk".to_owned(),
            origin: Origin::default(),
            weight: 0,
            reverse: false,
        });
        let programs = BTreeMap::from([("/x/chk".to_owned(), program)]);
        codes(&config, &Facts { programs, ..host() })
    };
    let trouble = |trouble| Program {
        trouble: Some(trouble),
        ..Program::default()
    };
    assert_eq!(check(Program::default()), []);
    assert_eq!(check(trouble(Trouble::Missing)), [Code::ScriptAbsent]);
    assert_eq!(
        check(trouble(Trouble::NotExecutable)),
        [Code::ScriptNotExecutable]
    );
    assert_eq!(
        check(trouble(Trouble::Interpreter("/x".to_owned()))),
        [Code::ScriptNotExecutable]
    );
    let stops = Program {
        stops_daemon: Some("systemctl stop keepalived".into()),
        ..Program::default()
    };
    assert_eq!(check(stops), [Code::ScriptStopsDaemon]);
    let others = Program {
        unsafe_path: Some("/x is writable".to_owned()),
        ..Program::default()
    };
    assert_eq!(check(others), [Code::ScriptUnsafe]);
}

#[test]
fn a_missing_notify_script_is_told_from_a_missing_check() {
    let mut config = config("10.0.0.70");
    config.instances[0].notify.master = Some(Command::new("/x/notify"));
    let missing = Program {
        trouble: Some(Trouble::Missing),
        ..Program::default()
    };
    let programs = BTreeMap::from([("/x/notify".to_owned(), missing)]);
    assert_eq!(
        codes(&config, &Facts { programs, ..host() }),
        [Code::NotifyAbsent]
    );
}

#[test]
fn the_only_other_interface_is_named() {
    let mut config = config("10.0.0.70");
    config.instances[0].interface = Some("ens33".to_owned());
    let finding = &judge(&loaded(&config), &SourceMap::default(), &host())[0];
    assert_eq!(finding.notes, ["this host has eth0 (10.0.0.5/24)"]);
}

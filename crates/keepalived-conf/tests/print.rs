//! What is written out means what was read: text of a configuration gives the same configuration again, for every
//! file of the corpus.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::path::{Path, PathBuf};

use keepalived_conf::config::Secrets;
use keepalived_conf::{Config, FsLoader, Options, load, parse};

fn corpus() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let more = std::env::var_os("VRRP_CORPUS").map(PathBuf::from);
    let directories = [Some(own), more].into_iter().flatten();
    let files = directories.flat_map(|directory| std::fs::read_dir(directory).unwrap().flatten());
    let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "conf")
    });
    files.sort();
    files
}

fn read(path: &Path) -> Config {
    let options = Options {
        config_id: "node".to_owned(),
        ..Options::default()
    };
    load(&FsLoader, &path.to_string_lossy(), &options).config
}

#[test]
fn the_text_of_a_configuration_means_the_same() {
    let mut bad = Vec::new();
    for path in corpus() {
        let config = read(&path);
        // Without a VRID or an interface nothing runs, and nothing needs to be written.
        if config.instances.iter().any(|instance| instance.vrid == 0) {
            continue;
        }
        let text = config.to_text(Secrets::Shown);
        let again = parse(&text);
        if again.config != config {
            let (one, two) = (format!("{config:#?}"), format!("{:#?}", again.config));
            let difference = one
                .lines()
                .zip(two.lines())
                .find(|(a, b)| a != b && !a.contains("origin"));
            bad.push(format!("{}: {difference:?}\n{text}", path.display()));
        }
    }
    assert!(bad.is_empty(), "{} files\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn secrets_are_masked_unless_asked_for() {
    let text = "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n authentication {\n auth_type PASS\n auth_pass hush\n }\n \
                auth_hmac {\n key 1 ascii-key-of-at-least-32-bytes-length\n active_key 1\n }\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n";
    let config = parse(text).config;
    let masked =
        config.to_text(Secrets::Masked) + &config.to_json().to_string() + &format!("{config:?}");
    assert!(
        !masked.contains("hush") && !masked.contains("ascii-key") && !masked.contains("6173636969")
    );
    assert!(config.to_text(Secrets::Shown).contains("hush"));
}

#[test]
fn the_json_has_the_members_that_programs_rely_on() {
    let config = parse("vrrp_instance A {\n state MASTER\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 10.0.0.70\n }\n}\n").config;
    let json = config.to_json();
    let instance = &json["instances"][0];
    let expected = serde_json::json!({
        "name": "A", "interface": "eth0", "family": 4, "version": 2, "virtual_router_id": 51, "priority": 255,
        "advert_int_ms": 1000, "state": "MASTER", "preempt": true, "preempt_delay_ms": 0, "excluded_addresses": [],
        "unicast_src": null, "unicast_peers": [], "auth_type": null, "track_scripts": [], "track_interfaces": [],
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&instance[member], value, "{member}");
    }
    assert_eq!(instance["virtual_addresses"][0]["address"], "10.0.0.70");
    assert_eq!(instance["virtual_addresses"][0]["prefix_len"], 32);
    assert_eq!(instance["virtual_addresses"][0]["dev"], "eth0");
    for member in ["master", "backup", "fault", "stop", "any"] {
        assert!(
            instance["notify"].as_object().unwrap().contains_key(member),
            "{member}"
        );
    }
    for member in ["instances", "sync_groups", "scripts", "globals"] {
        assert!(json.as_object().unwrap().contains_key(member), "{member}");
    }
}

//! Keys of `auth_hmac` that are in files: of the service manager's, in a place of their own, and changed while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::Signal;
use vrrp_lab::{Capture, Frame, Host, Process, until};

use crate::Case;
use crate::scene::{SOON, VIP, active, holders, lan, run, serves, v3, wait_for};

pub(crate) const CASES: &[Case] = &[
    ("keys_change_while_the_router_serves", &[], rotation),
    ("a_key_that_cannot_be_used_says_what_to_do", &[], unusable),
];

/// `node1` has its keys from systemd, under their names; `node2` in a folder.
fn conf(host: &Host, priority: u8, keys: &str, active: u8) -> String {
    let at = |name: &str| match host.name() {
        "node1" => name.to_owned(),
        _ => host
            .dir()
            .join("credentials")
            .join(name)
            .display()
            .to_string(),
    };
    let lines: String = keys
        .split(' ')
        .map(|n| format!("    key {n} file:{}\n", at(&format!("key{n}"))))
        .collect();
    v3(priority, "0.3").replace(
        "  version 3\n",
        &format!("  version 3\n  auth_hmac {{\n{lines}    active_key {active}\n  }}\n"),
    )
}

fn key(host: &Host, number: u8, mode: u32) {
    let folder = host.dir().join("credentials");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("key{number}"));
    fs::write(
        &path,
        format!("hex:{}\n", format!("{number:02x}").repeat(32)),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

fn command(host: &Host, conf: &str) -> Command {
    let file = host.write("vrrpd.conf", conf).unwrap();
    let mut command = run(host);
    command.arg("-f").arg(file);
    if host.name() == "node1" {
        command.env("CREDENTIALS_DIRECTORY", host.dir().join("credentials"));
    }
    command
}

/// The number of the key that signed an advert: its trailer has 28 octets.
fn signed_by(frame: &Frame) -> Option<u8> {
    let trailer = frame.bytes.len().checked_sub(28)?;
    match frame.bytes.get(trailer..)? {
        [1, key, 0, 0, ..] => Some(*key),
        _ => None,
    }
}

fn reload(host: &Host, daemon: &Process, conf: &str) {
    let before = daemon.log().matches("Reload complete").count();
    host.write("vrrpd.conf", conf).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    wait_for("reloaded", daemon, || {
        daemon.log().matches("Reload complete").count() > before
    });
}

/// The new key goes to all, then it signs everywhere, then the old one goes: nobody misses an advert.
fn rotation() {
    let lab = lan(2, false);
    let capture = Capture::start(&lab).unwrap();
    let nodes = [(&lab["node1"], 200), (&lab["node2"], 100)];
    for (host, _) in nodes {
        key(host, 1, 0o600);
    }
    let daemons = nodes.map(|(host, priority)| {
        let conf = conf(host, priority, "1", 1);
        host.spawn("vrrpd", &mut command(host, &conf)).unwrap()
    });
    wait_for("node1 serves", &daemons[0], || {
        holders(&lab, VIP) == ["node1"]
    });
    let since = active(&capture, "node1").at;
    for (host, _) in nodes {
        key(host, 2, 0o600);
    }
    for (keys, active) in [("1 2", 1), ("1 2", 2), ("2", 2)] {
        for ((host, priority), daemon) in nodes.iter().zip(&daemons) {
            reload(host, daemon, &conf(host, *priority, keys, active));
        }
        let signed = |f: &Frame| serves("node1")(f) && signed_by(f) == Some(active);
        assert!(
            capture.wait(SystemTime::now(), SOON, signed).is_some(),
            "key {active}"
        );
    }
    let frames = capture.frames();
    let adverts: Vec<_> = frames
        .iter()
        .filter(|f| f.at >= since && f.advert().is_some())
        .collect();
    assert!(
        adverts.iter().all(|f| &*f.host == "node1"),
        "nobody else served"
    );
    assert!(
        adverts.iter().all(|f| signed_by(f).is_some()),
        "all are signed"
    );
    for daemon in &daemons {
        assert!(!daemon.log().contains("HMAC"), "{}", daemon.log());
    }
}

fn unusable() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let refused = |says: &[&str]| {
        let output = node
            .output(&mut command(node, &conf(node, 200, "1", 1)))
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for word in says {
            assert!(said.contains(word), "{word} is not in {said}");
        }
    };
    refused(&[
        "cannot read the key file `key1`",
        "LoadCredential=",
        "Line 5",
    ]);
    key(node, 1, 0o600);
    fs::write(node.dir().join("credentials/key1"), "short\n").unwrap();
    refused(&["the key has 5 bytes", "hex:"]);

    key(node, 1, 0o644);
    let mut daemon = node
        .spawn("vrrpd", &mut command(node, &conf(node, 200, "1", 1)))
        .unwrap();
    wait_for("serves", &daemon, || holders(&lab, VIP) == ["node1"]);
    for line in [
        "others can read the key file `key1` (mode 0644)",
        "chmod 0600",
    ] {
        assert!(daemon.logs(line, SOON), "{line}:\n{}", daemon.log());
    }
    // A reload without the file keeps the keys that there are.
    let capture = Capture::start(&lab).unwrap();
    fs::remove_file(node.dir().join("credentials/key1")).unwrap();
    daemon.signal(Signal::SIGHUP).unwrap();
    assert!(daemon.logs("the old one goes on", SOON), "{}", daemon.log());
    let signed = |f: &Frame| serves("node1")(f) && signed_by(f) == Some(1);
    let still = until(SOON, || {
        capture.look(|all| all.iter().any(signed).then_some(()))
    });
    assert!(
        still.is_some()
            && capture
                .frames()
                .iter()
                .filter(|f| f.advert().is_some())
                .all(signed)
    );
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

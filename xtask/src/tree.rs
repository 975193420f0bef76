//! The arrows between our crates: an allow-list, so that a new arrow needs a decision.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Normal dependencies among our own crates.
const ARROWS: &[(&str, &[&str])] = &[
    ("vrrp-proto", &[]),
    ("vrrp-fsm", &["vrrp-proto"]),
    ("vrrp-net", &["vrrp-proto"]),
    ("keepalived-conf", &[]),
    ("vrrp-sim", &["vrrp-fsm", "vrrp-net", "vrrp-proto"]),
    ("vrrp-lab", &["vrrp-proto"]),
    (
        "vrrpd",
        &[
            "keepalived-conf",
            "vrrp-fsm",
            "vrrp-lab",
            "vrrp-net",
            "vrrp-proto",
        ],
    ),
    (
        "vrrp-bench",
        &[
            "keepalived-conf",
            "vrrp-fsm",
            "vrrp-net",
            "vrrp-proto",
            "vrrp-sim",
            "vrrpd",
        ],
    ),
    ("xtask", &["keepalived-conf"]),
];

/// Dev-dependencies among our own crates. `vrrp-fsm` may not have `vrrp-sim`: the core would be compiled twice.
const DEV_ARROWS: &[(&str, &[&str])] = &[
    ("vrrp-net", &["vrrp-lab"]),
    ("vrrpd", &["vrrp-sim", "vrrp-lab"]),
];

/// What the pure crates may take from outside.
const PURE: &[(&str, &[&str])] = &[
    (
        "vrrp-proto",
        &[
            "bytes",
            "hmac",
            "md-5",
            "serde",
            "sha2",
            "subtle",
            "thiserror",
        ],
    ),
    ("vrrp-fsm", &["serde", "thiserror"]),
];

pub(crate) fn check(root: &Path) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = member(&metadata, "packages")
        .as_array()
        .cloned()
        .unwrap_or_default();
    let ours: Vec<&str> = packages
        .iter()
        .filter_map(|p| member(p, "name").as_str())
        .collect();
    let mut problems = String::new();
    let mut arrows = 0;
    for package in &packages {
        let name = member(package, "name").as_str().unwrap_or_default();
        if !ARROWS.iter().any(|(n, _)| *n == name) {
            problems += &format!("{name} is not in xtask's list of crates\n");
        }
        for dependency in member(package, "dependencies")
            .as_array()
            .into_iter()
            .flatten()
        {
            let to = member(dependency, "name").as_str().unwrap_or_default();
            let dev = member(dependency, "kind") == "dev";
            if ours.contains(&to) {
                arrows += 1;
                // A crate may ask for its own features where its tests need them.
                let known = allowed(ARROWS, name).contains(&to)
                    || dev && (to == name || allowed(DEV_ARROWS, name).contains(&to));
                if !known {
                    problems += &format!("{name} must not depend on {to}\n");
                }
            } else if !dev && PURE.iter().any(|(n, _)| *n == name) {
                arrows += 1;
                if !allowed(PURE, name).contains(&to) {
                    problems += &format!("{name} is pure and must not depend on {to}\n");
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(format!(
            "tree: {} crates, {arrows} arrows, all allowed",
            ours.len()
        ))
    } else {
        Err(problems)
    }
}

fn allowed<'a>(list: &[(&str, &'a [&'a str])], name: &str) -> &'a [&'a str] {
    list.iter()
        .find(|(n, _)| *n == name)
        .map_or(&[], |(_, to)| to)
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

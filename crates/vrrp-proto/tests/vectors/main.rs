//! Judges the shared vectors: those copied here, and every `*.json` in the directory that
//! `VRRP_VECTORS` names. An unknown member or value is a failure, as is any difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write,
    reason = "a test may panic"
)]

mod captures;
mod frames;
mod object;
mod packets;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::Value;

use crate::object::Findings;

/// What a file holds, told by its first object.
fn judge_file(path: &Path) -> (usize, Vec<String>) {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let values: Vec<Value> =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let first = values.first().and_then(Value::as_object);
    let has = |member: &str| first.is_some_and(|first| first.contains_key(member));
    let judge: fn(&Value) -> Findings = if has("payload_hex") {
        packets::judge
    } else if has("frame_hex") {
        frames::judge
    } else {
        say(&format!(
            "{}: neither packets nor frames, skipped",
            path.display()
        ));
        return (0, Vec::new());
    };
    let findings: Vec<String> = values.iter().flat_map(|value| judge(value).0).collect();
    say(&format!(
        "{}: {} judged, {} findings",
        path.display(),
        values.len(),
        findings.len()
    ));
    (values.len(), findings)
}

fn judge_directory(directory: &Path) {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no *.json", directory.display());
    let (mut judged, mut findings) = (0, Vec::new());
    for file in files {
        let (count, found) = judge_file(&file);
        judged += count;
        findings.extend(found);
    }
    say(&format!("{}: {judged} judged in all", directory.display()));
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Past libtest's capture: how much was judged is to be seen when all is well, too.
fn say(line: &str) {
    writeln!(io::stderr(), "vectors: {line}").unwrap();
}

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn shipped() {
    judge_directory(&manifest().join("tests/vectors"));
}

#[test]
fn given() {
    match env::var_os("VRRP_VECTORS") {
        None => say("VRRP_VECTORS is not set: only the shipped ones"),
        // Relative to the root of the workspace.
        Some(directory) => judge_directory(&manifest().join("../..").join(directory)),
    }
}

/// Third-party captures may not be shipped; they are read where they lie beside the repository.
#[test]
fn shared_captures() {
    let file = manifest()
        .ancestors()
        .map(|a| a.join("shared/vectors/captures.json"));
    let Some(file) = file.into_iter().find(|file| file.exists()) else {
        return say("captures.json is not beside the repository: 0 judged");
    };
    let values: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(file).unwrap()).expect("captures.json");
    let findings: Vec<String> = values.iter().flat_map(|v| captures::judge(v).0).collect();
    say(&format!(
        "captures.json: {} judged, {} findings",
        values.len(),
        findings.len()
    ));
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// A judge that accepts everything is none: each number changed, each member added or misspelt in
/// each shipped vector must be found.
#[test]
fn the_judge_is_strict() {
    let mut changes = 0;
    for file in [
        "packets.json",
        "peers.json",
        "frames.json",
        "peer-frames.json",
    ] {
        let text = fs::read_to_string(manifest().join("tests/vectors").join(file)).unwrap();
        let judge = if file.contains("frames") {
            frames::judge
        } else {
            packets::judge
        };
        for value in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
            for (path, changed) in spoil(&value) {
                changes += 1;
                assert!(
                    !judge(&changed).0.is_empty(),
                    "{}: {path} changed: not seen",
                    value["name"]
                );
            }
        }
    }
    say(&format!("{changes} spoilt vectors refused"));
}

/// `value` with one thing wrong in it, once for each thing that is judged.
fn spoil(value: &Value) -> Vec<(String, Value)> {
    // For readers only, or inputs whose change need not change the outcome.
    const FREE: [&str; 9] = [
        "name",
        "note",
        "sender",
        "requirements",
        "reason",
        "why",
        "layer",
        "config",
        "length",
    ];
    const INPUTS: [&str; 8] = [
        "ip_version",
        "src",
        "dst",
        "ttl",
        "proto",
        "payload_hex",
        "ip_header_hex",
        "key_hex",
    ];
    let mut spoilt = Vec::new();
    let object = value.as_object().unwrap();
    let mut unknown = object.clone();
    unknown.insert("unheard_of".into(), Value::Null);
    spoilt.push(("unheard_of".into(), Value::Object(unknown)));
    for (member, inner) in object {
        if FREE.contains(&member.as_str()) || INPUTS.contains(&member.as_str()) {
            continue;
        }
        let wrong = match inner {
            Value::Object(_) => {
                spoilt.extend(spoil(inner).into_iter().map(|(path, inner)| {
                    let mut object = object.clone();
                    object.insert(member.clone(), inner);
                    (format!("{member}.{path}"), Value::Object(object))
                }));
                continue;
            }
            Value::Number(number) => Value::from(number.as_u64().unwrap() ^ 1),
            Value::Bool(flag) => Value::Bool(!flag),
            Value::String(_) | Value::Null => Value::from("no-such-value"),
            Value::Array(list) if list.is_empty() => Value::from(vec!["192.0.2.200"]),
            Value::Array(_) => Value::from(Vec::<Value>::new()),
        };
        let mut object = object.clone();
        object.insert(member.clone(), wrong);
        spoilt.push((member.clone(), Value::Object(object)));
    }
    spoilt
}

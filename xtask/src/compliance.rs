//! `cargo xtask compliance`: the ledger of requirements against the markers in the sources.
//!
//! `docs/compliance/requirements.json` holds each requirement once. A line `//= ID` stands before
//! the code that meets it, `//= ID test` before the test that proves it. A marker of no known
//! requirement is a failure, and so is a requirement called met without either marker.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where a requirement is said to be met, and where that is proved.
#[derive(Default)]
struct Marks {
    code: Vec<PathBuf>,
    test: Vec<PathBuf>,
}

/// Lists the requirements that lack a marker, all or those that fall to one crate.
pub(crate) fn check(root: &Path, only: Option<&str>) -> Result<String, String> {
    let ledger = root.join("docs/compliance/requirements.json");
    let text = fs::read_to_string(&ledger).map_err(|e| format!("{}: {e}", ledger.display()))?;
    let rows: Vec<Value> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", ledger.display()))?;
    let marks = scan(&root.join("crates"))?;

    let (mut faults, mut lacking, mut counts) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut known = Vec::new();
    for row in &rows {
        let text = |member: &str| row.get(member).and_then(Value::as_str).unwrap_or_default();
        let (id, status) = (text("id"), text("status"));
        let has = marks.get(id);
        let code = has.is_some_and(|marks| !marks.code.is_empty());
        let test = has.is_some_and(|marks| !marks.test.is_empty());
        match status {
            "met" if !code => faults.push(format!("{id}: met, but no code says so")),
            "met" if !test => faults.push(format!("{id}: met, but no test says so")),
            "exception" if text("reason").is_empty() => {
                faults.push(format!("{id}: an exception needs a reason"));
            }
            "met" | "exception" | "open" => {}
            other => faults.push(format!("{id}: status {other:?} is none")),
        }
        if known.contains(&id) {
            faults.push(format!("{id}: twice in the ledger"));
        }
        known.push(id);
        let crates: Vec<&str> = row
            .get("crates")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if only.is_none_or(|only| crates.contains(&only)) {
            *counts.entry(status.to_owned()).or_insert(0_u32) += 1;
            if status != "exception" {
                let missing = match (code, test) {
                    (true, true) => continue,
                    (true, false) => "no test",
                    (false, true) => "no code",
                    (false, false) => "neither code nor test",
                };
                lacking.push(format!(
                    "{id} ({}): {missing}: {}",
                    crates.join(", "),
                    text("text")
                ));
            }
        }
    }
    faults.extend(
        marks
            .iter()
            .filter(|(id, _)| !known.contains(&id.as_str()))
            .map(|(id, marks)| {
                let place = marks.code.iter().chain(&marks.test).next();
                let place = place.map(|path| path.strip_prefix(root).unwrap_or(path));
                format!(
                    "{id}: unknown, in {}",
                    place.unwrap_or_else(|| Path::new("?")).display()
                )
            }),
    );

    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(status, n)| format!("{n} {status}"))
        .collect();
    lacking.push(format!(
        "compliance: {}; {} without marker",
        counts.join(", "),
        lacking.len()
    ));
    Ok(lacking.join("\n"))
}

/// Collects the markers of every source of ours.
fn scan(directory: &Path) -> Result<BTreeMap<String, Marks>, String> {
    let mut marks = BTreeMap::<String, Marks>::new();
    for path in crate::sources(directory) {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        for marker in text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("//= "))
        {
            let (id, test) = match marker.strip_suffix(" test") {
                Some(id) => (id, true),
                None => (marker, false),
            };
            let marks = marks.entry(id.trim().to_owned()).or_default();
            let places = if test {
                &mut marks.test
            } else {
                &mut marks.code
            };
            places.push(path.clone());
        }
    }
    Ok(marks)
}

//! What is said about each file of tests/diagnostics, as people and programs read it, compared with what stands beside
//! it. A directory is a group of nodes. `BLESS=1 cargo test -p keepalived-conf --test snapshots` writes the expectations.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use keepalived_conf::crossnode::{self, Node};
use keepalived_conf::diag::{Report, settle};
use keepalived_conf::{MemoryLoader, Options, SourceMap, load_beside};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.is_dir() || path.extension().is_some_and(|it| it == "conf"));
    paths.sort();
    let trials = paths.into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Trial::test(name, move || compare(&path))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn compare(path: &Path) -> Result<(), Failed> {
    let mut files = if path.is_dir() {
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_, std::io::Error>>()?
    } else {
        vec![path.to_owned()]
    };
    files.sort();
    let (human, json) = check(&files)?;
    expect(&path.with_extension("human"), &human)?;
    expect(&path.with_extension("json"), &json)
}

fn expect(path: &Path, text: &str) -> Result<(), Failed> {
    if std::env::var_os("BLESS").is_some() {
        return Ok(fs::write(path, text)?);
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if text == expected {
        return Ok(());
    }
    Err(format!("{} differs:\n{text}", path.display()).into())
}

fn check(files: &[PathBuf]) -> Result<(String, String), Failed> {
    let mut sources = SourceMap::default();
    let mut findings = Vec::new();
    let mut loaded = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let loader = MemoryLoader::default().file(name.as_str(), fs::read(path)?);
        let mut file = load_beside(sources, &loader, &name, &Options::default());
        findings.extend(file.findings());
        sources = core::mem::take(&mut file.sources);
        loaded.push((name, file));
    }
    let nodes: Vec<Node<'_>> = loaded
        .iter()
        .map(|(name, file)| Node {
            name,
            config: &file.config,
        })
        .collect();
    let mut table = String::new();
    if nodes.len() > 1 {
        findings.extend(crossnode::check(&nodes));
        table = crossnode::table(&crossnode::routers(&nodes));
    }
    let findings = settle(findings);
    let report = Report::new(&sources, &findings);
    Ok((
        report.human(false) + &table,
        format!("{:#}\n", report.json()),
    ))
}

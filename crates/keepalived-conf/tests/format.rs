//! Formatting changes how a file looks and nothing else: same meaning, same findings, and nothing left to format.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use keepalived_conf::fmt::format;
use keepalived_conf::{Code, Limits, Loaded, MemoryLoader, Options, load};
use proptest::prelude::*;

mod pieces;

fn read(text: &str) -> Loaded {
    let loader = MemoryLoader::default().file("keepalived.conf", text);
    let limits = Limits {
        lines: 5_000,
        ..Limits::default()
    };
    let options = Options {
        config_id: "one".to_owned(),
        limits,
        ..Options::default()
    };
    load(&loader, "keepalived.conf", &options)
}

/// What was found, without what only the layout can show.
fn codes(loaded: &Loaded) -> BTreeMap<Code, usize> {
    let layout = [
        Code::ByteOrderMark,
        Code::CarriageReturn,
        Code::CommentCutsWord,
    ];
    let mut count = BTreeMap::new();
    for finding in loaded
        .diagnostics
        .iter()
        .filter(|it| !layout.contains(&it.code))
    {
        *count.entry(finding.code).or_default() += 1;
    }
    count
}

fn check(text: &str) -> Result<(), String> {
    let formatted = format(text);
    if format(&formatted) != formatted {
        return Err(format!(
            "not stable:\n{formatted}---\n{}",
            format(&formatted)
        ));
    }
    let (before, after) = (read(text), read(&formatted));
    if before.config != after.config {
        return Err(format!(
            "another meaning:\n{text:?}\n{formatted:?}\n{:#?}\n{:#?}",
            before.config.instances, after.config.instances
        ));
    }
    // Where the reader stops, it depends on the layout how much of the rest it has looked at.
    let stops = |codes: &BTreeMap<Code, usize>| codes.contains_key(&Code::ArgumentMissing);
    if stops(&codes(&before)) && stops(&codes(&after)) {
        return Ok(());
    }
    if codes(&before) != codes(&after) {
        return Err(format!(
            "{:?} became {:?}:\n{text:?}\n{formatted:?}",
            codes(&before),
            codes(&after)
        ));
    }
    Ok(())
}

/// Every file below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Our own files, the tutorial's, and real ones where they are present.
#[test]
fn no_file_changes_its_meaning() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut paths = files(&tests.join("diagnostics"));
    paths.extend(files(&tests.join("corpus")));
    match std::env::var_os("VRRP_CORPUS") {
        Some(directory) => paths.extend(files(Path::new(&directory))),
        None => println!("SKIPPED the files of VRRP_CORPUS: it is not set"),
    }
    let mut count = 0;
    let mut failures = Vec::new();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "conf"))
    {
        let Ok(text) = String::from_utf8(fs::read(path).unwrap()) else {
            continue;
        };
        count += 1;
        if let Err(failure) = check(&text) {
            failures.push(format!("{}: {failure}", path.display()));
        }
    }
    println!("{count} files formatted");
    assert!(count > 150, "{count}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Texts that once did.
#[test]
fn no_known_text_changes_its_meaning() {
    for text in [
        "\n$B=\\\n# \\\n{global_defs ",
        "$A=# \\\n\n}",
        "#\\  ",
        "x # a comment \\  \n",
        "}$A= \\\n{global_defs",
        "}#$A= \\\n{",
        "~SEQ(i, 1, 3) $A= \\\n{global_defs",
        "priority 5\r \n",
        "priority \\\r \n100",
        "\n\u{feff}\u{feff}",
    ] {
        check(text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_its_meaning(text in pieces::text()) {
        check(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn any_bytes_are_formatted_once(text in "\\PC*") {
        let formatted = format(&text);
        prop_assert_eq!(format(&formatted), formatted);
    }
}

//! The table's own promises.

use std::collections::BTreeSet;

use super::*;

#[test]
fn numbers_are_unique_and_in_order() {
    let numbers: Vec<&str> = Code::ALL.iter().map(|code| &code.id()[6..]).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let unique: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(unique.len(), numbers.len());
}

#[test]
fn the_letter_is_the_verdict_of_check() {
    for code in Code::ALL {
        let letter = match code.severity() {
            Severity::Note => 'N',
            Severity::Warning => 'W',
            Severity::Loud | Severity::Refuse => 'E',
        };
        assert_eq!(code.id().chars().nth(5), Some(letter), "{code}");
    }
}

#[test]
fn a_code_is_read_back_in_all_its_spellings() {
    for code in Code::ALL {
        for word in [
            code.id().to_owned(),
            code.id().to_lowercase(),
            code.id()[5..].to_owned(),
            code.id()[6..].to_owned(),
        ] {
            assert_eq!(word.parse(), Ok(*code), "{word}");
        }
    }
    for word in ["", "W", "VRRP-", "VRRP-E001", "priority"] {
        assert_eq!(word.parse::<Code>(), Err(NotACode), "{word}");
    }
}

#[test]
fn every_code_has_its_story_in_the_order_of_the_numbers() {
    for code in Code::ALL {
        let story = code.story();
        assert!(story.len() > 40, "{code}: {story:?}");
        assert!(!story.contains("## VRRP"), "{code}");
    }
    let headings: Vec<&str> = CHAPTERS
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
    assert_eq!(headings, codes);
}

/// `BLESS=1` writes it anew.
#[test]
fn the_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DIAGNOSTICS.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    // A published crate has no docs directory beside it.
    let Ok(written) = std::fs::read_to_string(path) else {
        println!("skipped: no {path}");
        return;
    };
    assert!(
        written == document(),
        "docs/DIAGNOSTICS.md is stale: run the tests with BLESS=1"
    );
}

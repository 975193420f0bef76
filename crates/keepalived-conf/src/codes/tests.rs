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

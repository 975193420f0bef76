//! Words and habits that must not enter the inner crates.

use std::path::Path;

struct Rule {
    word: &'static str,
    crates: &'static [&'static str],
    /// A line that holds one of these may hold the word.
    unless: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        word: "master",
        crates: &["vrrp-proto/src", "vrrp-fsm/src", "vrrp-net/src"],
        unless: &[
            "RFC 3768",
            "RFC 6527",
            "RFC 2787",
            "RFC 8347",
            "keepalived",
            "Ifla::Master",
            "IFLA_MASTER",
            "l3mdev",
        ],
        why: "RFC 9568 says Active; keepalived's word belongs to keepalived-conf and vrrpd/compat",
    },
    Rule {
        word: "cfg(test)] fn",
        crates: &[
            "vrrp-proto/src",
            "vrrp-fsm/src",
            "vrrp-net/src",
            "vrrpd/src",
        ],
        unless: &[],
        why: "production code that is different under test is another program",
    },
    Rule {
        word: "feature = \"testing\"",
        crates: &[
            "vrrp-proto",
            "vrrp-fsm",
            "vrrp-net",
            "keepalived-conf",
            "vrrpd",
        ],
        unless: &[],
        why: "production code that is different under test is another program",
    },
    Rule {
        word: "std::time",
        crates: &["vrrp-proto/src", "vrrp-fsm/src", "vrrp-sim/src"],
        unless: &["vrrp-sim/src/main.rs"],
        why: "time is passed in",
    },
    Rule {
        word: "hashmap",
        crates: &["vrrp-fsm/src", "vrrp-sim/src"],
        unless: &[],
        why: "the order of iteration must be the same in every run",
    },
];

pub(crate) fn check(root: &Path) -> Result<String, String> {
    let mut problems = String::new();
    let mut lines = 0;
    for rule in RULES {
        for folder in rule.crates {
            for path in crate::sources(&root.join("crates").join(folder)) {
                let shown = path
                    .strip_prefix(root)
                    .unwrap_or(&path)
                    .display()
                    .to_string();
                let text = std::fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
                for (number, line) in (1..).zip(text.lines()) {
                    lines += 1;
                    let excused = rule
                        .unless
                        .iter()
                        .any(|u| line.contains(u) || shown.contains(u));
                    if line.to_lowercase().contains(rule.word) && !excused {
                        problems += &format!("{shown}:{number}: `{}`: {}\n", rule.word, rule.why);
                    }
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(format!(
            "words: {} rules, {lines} lines looked at",
            RULES.len()
        ))
    } else {
        Err(problems)
    }
}

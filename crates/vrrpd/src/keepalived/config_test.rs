//! `keepalived -t`: a configuration is read, compared with this host, and judged by one number.
//!
//! Scripts of distributions and configuration managers decide by that number, so it is keepalived 2.2.7's: 0 nothing
//! to say, 2 an argument is missing, 5 something was reported, 6 a security violation or a missing include. Only a main
//! file that cannot be read is 4 here and 0 there. What we find and keepalived does not is printed and changes no
//! number. docs/KEEPALIVED.md lists the differences.

use std::fs::OpenOptions;
use std::io::{self, Write};

use keepalived_conf::{Code, Config, Diagnostic, Options, Peer, Severity, SourceMap, lint, load};

use super::ConfigTest;
use crate::credentials::HostLoader;
use crate::exit::Exit;
use crate::survey::{self, Facts};

/// Tests the configuration file `path`.
pub(super) fn run(path: &str, options: &Options, test: &ConfigTest) -> Exit {
    let loaded = load(&HostLoader::new(), path, options);
    let facts = survey::gather(&loaded.config);
    let mut findings = loaded.findings();
    findings.extend(survey::judge(&loaded, &loaded.sources, &facts));
    if let Err(error) = print(&loaded.sources, &findings, test) {
        eprintln!("keepalived: {error}");
        return Exit::Other(1);
    }
    Exit::Other(status(&findings, runs(&loaded.config, &facts)))
}

/// Whether any program of `config` would run: one that would not violates nothing.
fn runs(config: &Config, facts: &Facts) -> bool {
    let mut commands = lint::commands(config).into_iter();
    commands.any(|(_, command)| {
        let program = command
            .argv
            .first()
            .and_then(|name| facts.programs.get(name));
        let user = command
            .user
            .as_ref()
            .and_then(|user| facts.accounts.get(&user.user));
        program.is_some_and(|program| program.trouble.is_none()) && user != Some(&false)
    })
}

/// keepalived's number for `findings`; `runs`: some program would run.
fn status(findings: &[Diagnostic], runs: bool) -> u8 {
    let any = |peer: Peer| findings.iter().any(|finding| finding.peer == peer);
    let code = |code: Code| findings.iter().any(|finding| finding.code == code);
    if any(Peer::Stops) {
        2
    } else if code(Code::FileUnreadable) {
        4
    } else if code(Code::IncludeMissing) || (any(Peer::Security) && runs) {
        6
    } else if any(Peer::Reports) || any(Peer::Fatal) {
        5
    } else {
        0
    }
}

/// In keepalived's manner, `(FILE: Line N) TEXT`, with our code behind it.
fn print(sources: &SourceMap, findings: &[Diagnostic], test: &ConfigTest) -> io::Result<()> {
    let mut out: Box<dyn Write> = match &test.log {
        Some(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
        None => Box::new(io::stderr()),
    };
    for finding in findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note || finding.peer > Peer::Silent)
    {
        if let Some(place) = finding.span.and_then(|span| sources.locate(span)) {
            write!(out, "({}: Line {}) ", place.file, place.line)?;
        }
        if let Some(subject) = &finding.subject {
            write!(out, "({subject}) ")?;
        }
        writeln!(out, "{} [{}]", finding.message.escape_debug(), finding.code)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let cases: &[(&[Code], u8)] = &[
            (&[], 0),
            (&[Code::WordsUnused, Code::NotifyAbsent], 0),
            (&[Code::AuthPassLong], 5),
            (&[Code::VridMissing], 5),
            (&[Code::AuthPassLong, Code::ScriptSecurity], 6),
            (&[Code::IncludeMissing], 6),
            (&[Code::ScriptSecurity, Code::ArgumentMissing], 2),
            (&[Code::FileUnreadable], 4),
        ];
        for (codes, expected) in cases {
            let findings: Vec<Diagnostic> = codes
                .iter()
                .map(|&code| Diagnostic::new(code, None, ""))
                .collect();
            assert_eq!(status(&findings, true), *expected, "{codes:?}");
        }
        let security = [Diagnostic::new(Code::ScriptSecurity, None, "")];
        assert_eq!(status(&security, false), 0);
    }
}

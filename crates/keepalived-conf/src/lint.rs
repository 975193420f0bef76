//! What is wrong with a configuration that can be read: mistakes of meaning that keepalived accepts in silence.
//!
//! The reader reports what it could not read, replaced or left out; the lints look at what is left, so that nothing
//! is said twice. They know the text and nothing of the host.

mod addresses;
mod braces;
mod consequences;
mod preemption;
mod remedies;
mod scripts;
mod together;
mod unicast;

pub use addresses::{edge_of_subnet, same_subnet};
pub use scripts::commands;

use crate::codes::Code;
use crate::config::{Config, Instance, SyncGroup, Tracked};
use crate::diag::Diagnostic;
use crate::span::{FileId, SourceMap, Span};

/// All findings about the meaning of `config`, which was read from `sources`, its main file first.
#[must_use]
pub fn check(config: &Config, sources: &SourceMap, main: Option<FileId>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for instance in &config.instances {
        addresses::check(instance, sources, &mut findings);
        preemption::check(config, instance, sources, &mut findings);
        unicast::check(instance, sources, &mut findings);
        together::check(instance, sources, &mut findings);
    }
    findings.extend(together::groups(config));
    addresses::check_between(config, &mut findings);
    scripts::check(config, sources, &mut findings);
    findings.extend(empty(config, sources, main));
    findings
}

fn empty(config: &Config, sources: &SourceMap, main: Option<FileId>) -> Option<Diagnostic> {
    let file = main?;
    let source = sources.file(file)?;
    if !config.instances.is_empty() {
        return None;
    }
    let finding = Diagnostic::new(
        Code::FileEmpty,
        Span {
            file,
            start: 0,
            end: 0,
        },
        format!("{} defines no vrrp_instance", source.name),
    );
    Some(finding.note("a daemon with it protects nothing").help(
        "the least is: vrrp_instance NAME { interface IF  virtual_router_id N  virtual_ipaddress { ADDRESS/LEN } }",
    ))
}

/// Every mistake once: what only follows from another finding is left out, a finding that was made at the wrong place
/// is moved, and where a remedy is exact, it gets its changes of the text.
pub(crate) fn refine(
    findings: Vec<Diagnostic>,
    config: &Config,
    sources: &SourceMap,
) -> Vec<Diagnostic> {
    let mut findings = consequences::prune(findings, config, sources);
    findings
        .iter_mut()
        .for_each(|finding| remedies::attach(finding, config, sources));
    findings
}

/// The line of `span`, to be removed: with its end, if nothing but the entry stands on it; else the entry alone.
#[must_use]
pub fn line(sources: &SourceMap, span: Span) -> Span {
    let behind = sources
        .file(span.file)
        .and_then(|file| file.text.get(span.end as usize..));
    let tail = behind
        .and_then(|text| text.lines().next())
        .unwrap_or_default();
    if tail.contains(['{', '}']) {
        span
    } else {
        lines(sources, span)
    }
}

/// `span` with all of its lines, if nothing stands before it.
fn lines(sources: &SourceMap, span: Span) -> Span {
    let Some(text) = sources.file(span.file).map(|file| file.text.as_str()) else {
        return span;
    };
    let (Some(before), Some(after)) = (
        text.get(..span.start as usize),
        text.get(span.end as usize..),
    ) else {
        return span;
    };
    let head = before.rsplit('\n').next().unwrap_or_default();
    let tail = after.split_inclusive('\n').next().unwrap_or_default();
    if !head.trim().is_empty() {
        return span;
    }
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(0);
    Span {
        start: span.start - length(head),
        end: span.end + length(tail),
        ..span
    }
}

/// Where `word` stands inside `span`.
#[must_use]
pub fn word(sources: &SourceMap, span: Span, word: &str) -> Option<Span> {
    let at = sources.text(span)?.find(word)?;
    let start = span.start + u32::try_from(at).ok()?;
    Some(Span {
        start,
        end: start + u32::try_from(word.len()).ok()?,
        ..span
    })
}

/// The one of `names` that was probably meant.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a keyword into a line of a megabyte.
    if word.len() > 64 {
        return None;
    }
    let close = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(word, name), name));
    let best = close
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, name)| name)
}

/// The group of `instance` and what it tracks itself and through the group, with a name for the kind.
fn tracked<'a>(
    config: &'a Config,
    instance: &'a Instance,
) -> impl Iterator<Item = (&'static str, &'a Tracked)> {
    let group: Option<&SyncGroup> = config.group_of(&instance.name);
    let tracks = core::iter::once(&instance.track).chain(group.map(|group| &group.track));
    tracks.flat_map(|track| {
        let kinds = [
            ("interface", &track.interfaces),
            ("script", &track.scripts),
            ("file", &track.files),
            ("process", &track.processes),
            ("BFD session", &track.bfds),
        ];
        kinds
            .into_iter()
            .flat_map(|(kind, list)| list.iter().map(move |tracked| (kind, tracked)))
    })
}

#[cfg(test)]
mod tests;

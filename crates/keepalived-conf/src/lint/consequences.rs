//! One mistake, one finding. The reader reports each thing that it stumbles over, and a mistake makes it stumble more
//! than once: a misspelt `priority` leaves an unknown keyword and an instance without a priority. Here the cause stays,
//! takes over the verdict of what followed from it, and the rest goes.

use std::collections::BTreeMap;

use super::braces::{self, Misfit};
use crate::codes::Code;
use crate::config::Config;
use crate::diag::{Diagnostic, Edit, Peer};
use crate::span::{FileId, SourceMap, Span};

/// Something is not there, which is so because something else is wrong.
const ABSENCES: [Code; 9] = [
    Code::VridMissing,
    Code::InterfaceMissing,
    Code::NoAddresses,
    Code::PriorityUnset,
    Code::UnicastNoPeers,
    Code::ScriptEmpty,
    Code::ScriptUnused,
    Code::TrackUndefined,
    Code::FileEmpty,
];
/// What a brace too few or too many makes of the words behind it.
const STRUCTURE: [Code; 6] = [
    Code::BraceUnclosed,
    Code::BraceExtra,
    Code::BraceMissing,
    Code::BraceUnexpected,
    Code::WrongBlock,
    Code::UnknownKeyword,
];
/// Entries and lines that were left out.
const LEFT_OUT: [Code; 8] = [
    Code::UnknownKeyword,
    Code::WrongBlock,
    Code::AddressInvalid,
    Code::LabelLong,
    Code::AddressOption,
    Code::FamilyMixed,
    Code::PeersComma,
    Code::PeerFamily,
];

pub(super) fn prune(
    findings: Vec<Diagnostic>,
    config: &Config,
    sources: &SourceMap,
) -> Vec<Diagnostic> {
    let findings = odd_lines(findings, sources);
    let mut findings = structure(findings, sources);
    // Behind an option that is none, its value is none either.
    let mut at = None;
    findings.retain(|finding| {
        if finding.code != Code::OptionUnknown {
            return true;
        }
        let line = finding
            .span
            .and_then(|span| Some((span.file, sources.locate(span)?.line)));
        core::mem::replace(&mut at, line) != line || line.is_none()
    });
    let refused = findings
        .iter()
        .any(|finding| finding.code == Code::KeywordRefused);
    let stops = findings.iter().any(|finding| finding.peer == Peer::Stops);
    if refused {
        // Said already, and more gravely.
        findings.retain(|finding| {
            finding.code != Code::KeywordNoEffect || !finding.message.contains("`track_bfd`")
        });
    }
    if stops {
        findings.retain(|finding| !ABSENCES.contains(&finding.code));
    }
    let blocks = Blocks::new(config, &findings);
    let (absent, mut causes): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| is_consequence(finding.code));
    let by_block = blocks.index(&causes);
    let mut kept = Vec::new();
    for finding in absent {
        let near = blocks
            .of(finding.span)
            .and_then(|block| by_block.get(&block));
        let near = near.map(Vec::as_slice).unwrap_or_default();
        let cause = match finding.code {
            Code::FileEmpty => causes.iter().position(|cause| explains(cause, &finding)),
            _ => near.iter().copied().find(|&at| {
                causes
                    .get(at)
                    .is_some_and(|cause| explains(cause, &finding))
            }),
        };
        match cause.and_then(|at| causes.get_mut(at)) {
            Some(cause) => absorb(cause, finding),
            None => kept.push(finding),
        }
    }
    // What is unused only because its user was not understood.
    let (absent, mut rest): (Vec<_>, Vec<_>) = kept
        .into_iter()
        .partition(|finding| matches!(finding.code, Code::ScriptUnused | Code::TrackUndefined));
    let orphaning = causes
        .iter()
        .chain(&rest)
        .chain(&absent)
        .filter(|it| is_orphaning(it.code));
    let orphaning: Vec<Diagnostic> = orphaning.cloned().collect();
    rest.extend(
        absent
            .into_iter()
            .filter(|finding| !orphaning.iter().any(|cause| orphans(cause, finding))),
    );
    causes.extend(rest);
    causes
}

const fn is_consequence(code: Code) -> bool {
    matches!(
        code,
        Code::VridMissing
            | Code::InterfaceMissing
            | Code::NoAddresses
            | Code::PriorityUnset
            | Code::UnicastNoPeers
            | Code::ScriptEmpty
            | Code::ScriptUnused
            | Code::TrackUndefined
            | Code::FileEmpty
            | Code::AuthTypeMissing
    )
}

const fn is_orphaning(code: Code) -> bool {
    matches!(
        code,
        Code::TrackUndefined
            | Code::GroupWeight
            | Code::OwnerTracker
            | Code::ScriptEmpty
            | Code::TrackerIncomplete
            | Code::QuoteUnterminated
    )
}

/// Where blocks begin, so that two findings can be told to be in the same one.
struct Blocks {
    starts: BTreeMap<FileId, Vec<u32>>,
}

impl Blocks {
    fn new(config: &Config, findings: &[Diagnostic]) -> Self {
        let instances = config.instances.iter().map(|it| &it.origin);
        let scripts = config.scripts.iter().map(|it| &it.origin);
        let groups = config.sync_groups.iter().map(|it| &it.origin);
        let known = instances
            .chain(scripts)
            .chain(groups)
            .filter_map(|origin| origin.span);
        let gone = [Code::ScriptEmpty, Code::ScriptUnused, Code::NameTaken];
        let gone = findings
            .iter()
            .filter(|it| gone.contains(&it.code))
            .filter_map(|it| it.span);
        let mut starts: BTreeMap<FileId, Vec<u32>> = BTreeMap::new();
        for span in known.chain(gone) {
            starts.entry(span.file).or_default().push(span.start);
        }
        starts.values_mut().for_each(|list| list.sort_unstable());
        Self { starts }
    }

    /// Which findings are in which block, or are used in it.
    fn index(&self, findings: &[Diagnostic]) -> BTreeMap<(FileId, usize), Vec<usize>> {
        let mut index: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, finding) in findings.iter().enumerate() {
            let used = finding.labels.iter().map(|label| Some(label.span));
            for block in used
                .chain([finding.span])
                .filter_map(|place| self.of(place))
            {
                let list = index.entry(block).or_default();
                if list.last() != Some(&at) {
                    list.push(at);
                }
            }
        }
        index
    }

    /// The file, and which of its blocks.
    fn of(&self, span: Option<Span>) -> Option<(FileId, usize)> {
        let span = span?;
        let starts = self.starts.get(&span.file)?;
        Some((
            span.file,
            starts.partition_point(|&start| start <= span.start),
        ))
    }
}

/// Whether `finding` is only so because of `cause`, which is in the same block (for an empty file: anywhere).
fn explains(cause: &Diagnostic, finding: &Diagnostic) -> bool {
    let within = || match (cause.span, finding.span) {
        (Some(a), Some(b)) => a.file == b.file && b.start <= a.start && a.end <= b.end,
        _ => false,
    };
    // The name of a misspelt keyword stands in the remedy.
    let misspelt = |name: &str| {
        let mut edits = cause.help.iter().flat_map(|help| &help.edits);
        cause.code == Code::UnknownKeyword && edits.any(|edit| edit.text == name)
    };
    let odd = matches!(
        cause.code,
        Code::BlankNotAscii | Code::QuoteNotAscii | Code::QuoteUnterminated
    );
    match finding.code {
        Code::VridMissing => odd || within() || misspelt("virtual_router_id"),
        Code::InterfaceMissing => odd || misspelt("interface"),
        Code::PriorityUnset => odd || misspelt("priority"),
        Code::NoAddresses => {
            let word = matches!(cause.code, Code::UnknownKeyword | Code::WrongBlock);
            let block = misspelt("virtual_ipaddress") || cause.label.contains("block");
            odd || (LEFT_OUT.contains(&cause.code) && (block || !word))
        }
        Code::UnicastNoPeers => {
            let peers = [Code::PeersComma, Code::PeerFamily, Code::AddressInvalid];
            odd || peers.contains(&cause.code) || misspelt("unicast_peer")
        }
        Code::ScriptEmpty => odd || misspelt("script"),
        Code::AuthTypeMissing => cause.code == Code::AuthTypeUnknown,
        Code::FileEmpty => {
            let same_file = cause.span.map(|span| span.file) == finding.span.map(|span| span.file);
            let lost = STRUCTURE.contains(&cause.code) || cause.code == Code::NameTaken || odd;
            same_file && lost
        }
        _ => false,
    }
}

/// Whether `finding`, about something unused or undefined, is about the same name as `cause`.
fn orphans(cause: &Diagnostic, finding: &Diagnostic) -> bool {
    let named = |finding: &Diagnostic, name: &str| finding.message.contains(&format!("`{name}`"));
    let Some(subject) = &cause.subject else {
        return false;
    };
    match finding.code {
        Code::ScriptUnused => {
            let Some(script) = &finding.subject else {
                return false;
            };
            let tracking = matches!(
                cause.code,
                Code::TrackUndefined | Code::GroupWeight | Code::OwnerTracker
            );
            let mut edits = cause.help.iter().flat_map(|help| &help.edits);
            tracking && (named(cause, script) || edits.any(|edit| edit.text == *script))
        }
        Code::TrackUndefined => {
            let gone = matches!(
                cause.code,
                Code::ScriptEmpty | Code::TrackerIncomplete | Code::QuoteUnterminated
            );
            gone && named(finding, subject)
        }
        _ => false,
    }
}

/// The cause is as grave as what follows from it.
fn absorb(cause: &mut Diagnostic, finding: Diagnostic) {
    cause.severity = cause.severity.max(finding.severity);
    cause.peer = cause.peer.max(finding.peer);
    if matches!(finding.code, Code::PriorityUnset | Code::AuthTypeMissing) {
        return;
    }
    let name = finding.subject.as_deref().unwrap_or("the instance");
    let what = format!("so {}", finding.message.replace("the instance", name));
    if !cause.notes.contains(&what) {
        cause.notes.push(what);
    }
}

/// A line with a character that only looks like another one, with half a quotation or of too great length is wrong for
/// that reason and no other; and a file that was copied from a web page has many such lines.
fn odd_lines(findings: Vec<Diagnostic>, sources: &SourceMap) -> Vec<Diagnostic> {
    let odd = |code| {
        matches!(
            code,
            Code::BlankNotAscii | Code::QuoteNotAscii | Code::QuoteUnterminated | Code::LineTooLong
        )
    };
    if !findings.iter().any(|finding| odd(finding.code)) {
        return findings;
    }
    let (causes, others): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| odd(finding.code));
    let mut by_line: BTreeMap<_, usize> = BTreeMap::new();
    let mut kept: Vec<Diagnostic> = Vec::new();
    for finding in causes {
        let at = line(&finding, sources);
        let same = |first: &Diagnostic| {
            let file = |it: &Diagnostic| it.span.map(|span| span.file);
            first.code == finding.code && file(first) == file(&finding)
        };
        let index = match kept.iter().position(same) {
            Some(index) => {
                if let Some(first) = kept.get_mut(index) {
                    again(first, finding);
                }
                index
            }
            None => {
                kept.push(finding);
                kept.len() - 1
            }
        };
        by_line.entry(at).or_insert(index);
    }
    for finding in others {
        let cause = by_line.get(&line(&finding, sources)).copied();
        match cause.and_then(|index| kept.get_mut(index)) {
            Some(cause) => {
                cause.severity = cause.severity.max(finding.severity);
                cause.peer = cause.peer.max(finding.peer);
            }
            None => kept.push(finding),
        }
    }
    kept
}

/// The file and the line where a finding begins.
fn line(finding: &Diagnostic, sources: &SourceMap) -> Option<(FileId, usize)> {
    let span = finding.span?;
    Some((span.file, sources.file(span.file)?.line_of(span.start)))
}

/// One more of the same kind in the same file: its remedy joins the first one's.
fn again(first: &mut Diagnostic, finding: Diagnostic) {
    const MORE: &str = "there are more of them in this file";
    let edits: Vec<Edit> = finding
        .help
        .into_iter()
        .flat_map(|help| help.edits)
        .collect();
    if let Some(help) = first.help.iter_mut().find(|help| !help.edits.is_empty()) {
        help.edits.extend(edits);
    }
    if !first.notes.iter().any(|note| note == MORE) {
        first.notes.push(MORE.to_owned());
    }
}

/// Where braces do not match, the indentation tells which one is meant; all that the reader says behind that place about
/// words in wrong blocks and things that are not there follows from it.
fn structure(findings: Vec<Diagnostic>, sources: &SourceMap) -> Vec<Diagnostic> {
    let braces = |code| {
        matches!(
            code,
            Code::BraceUnclosed | Code::BraceExtra | Code::WrongBlock | Code::BraceUnexpected
        )
    };
    let mut files: Vec<FileId> = Vec::new();
    for span in findings
        .iter()
        .filter(|it| braces(it.code))
        .filter_map(|it| it.span)
    {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    let mut findings = findings;
    for file in files {
        let Some(misfit) = braces::misfit(sources, file) else {
            continue;
        };
        let (at, finding) = match misfit {
            Misfit::Unclosed { open, before } => (open, unclosed(sources, open, before)),
            Misfit::Extra(brace) => (brace, extra(sources, brace)),
        };
        let follows = |finding: &Diagnostic| {
            let Some(span) = finding.span.filter(|span| span.file == file) else {
                return false;
            };
            let behind = STRUCTURE.contains(&finding.code) && span.end >= at.start;
            behind
                || matches!(finding.code, Code::BraceUnclosed | Code::BraceExtra)
                || ABSENCES.contains(&finding.code)
        };
        let gone: Vec<Diagnostic> = findings.iter().filter(|it| follows(it)).cloned().collect();
        findings.retain(|finding| !follows(finding));
        let mut finding = finding;
        for gone in gone {
            finding.severity = finding.severity.max(gone.severity);
            finding.peer = finding.peer.max(gone.peer);
        }
        findings.push(finding);
    }
    findings
}

fn unclosed(sources: &SourceMap, open: Span, before: Span) -> Diagnostic {
    let text = sources
        .file(open.file)
        .map_or("", |file| file.text.as_str());
    let head = text.get(..open.start as usize).unwrap_or_default();
    let line = head.rsplit('\n').next().unwrap_or_default();
    let indent = line
        .get(..line.len() - line.trim_start().len())
        .unwrap_or_default();
    let end = text.get(..before.start as usize).unwrap_or_default();
    let newline = if end.ends_with('\n') || end.is_empty() {
        ""
    } else {
        "\n"
    };
    let name = line.split_whitespace().next().unwrap_or("this block");
    Diagnostic::new(
        Code::BraceUnclosed,
        open,
        format!("the block of `{name}` is not closed"),
    )
    .label("this brace has no counterpart")
    .also(before, "by the indentation, it should end before this")
    .note("what follows was read as a part of the block")
    .fix(
        before,
        format!("{newline}{indent}}}\n"),
        "write the missing `}`",
    )
}

fn extra(sources: &SourceMap, brace: Span) -> Diagnostic {
    Diagnostic::new(
        Code::BraceExtra,
        brace,
        "this `}` closes nothing, or the wrong block",
    )
    .note("by the indentation, it is one too many")
    .fix(super::lines(sources, brace), "", "remove it")
}

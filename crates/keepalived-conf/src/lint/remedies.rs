//! Exact changes of the text for findings whose advice can be followed by a program.

use super::{braces, line, word};
use crate::codes::Code;
use crate::config::Config;
use crate::diag::{Diagnostic, Edit, Help};
use crate::span::{SourceMap, Span, to_u32};

/// Options of addresses and of tracked things.
const OPTIONS: [&str; 15] = [
    "autojoin",
    "brd",
    "broadcast",
    "dev",
    "home",
    "label",
    "max_ttl",
    "min_ttl",
    "no_track",
    "noprefixroute",
    "preferred_lft",
    "reverse",
    "scope",
    "use_vmac",
    "weight",
];

/// Gives the advice of `finding` its edits, where they are certain and it has none.
pub(super) fn attach(finding: &mut Diagnostic, config: &Config, sources: &SourceMap) {
    undefined(finding, sources);
    swapped(finding, sources);
    each_on_its_line(finding, sources);
    if finding.help.iter().any(|help| !help.edits.is_empty()) {
        return;
    }
    let Some(span) = finding.span else { return };
    if finding.help.is_empty()
        && finding.label.is_empty()
        && let Some(text) = advice(finding.code, span, sources)
    {
        finding.help.push(Help {
            text,
            edits: Vec::new(),
        });
    }
    if finding.code == Code::GroupMemberUnknown {
        let names = config
            .instances
            .iter()
            .map(|instance| instance.name.as_str());
        let near = sources
            .text(span)
            .and_then(|word| super::nearest(word, names));
        if let Some(near) = near {
            let edits = vec![Edit {
                span,
                text: near.to_owned(),
            }];
            finding.help = vec![Help {
                text: format!("did you mean `{near}`?"),
                edits,
            }];
            return;
        }
    }
    let Some((edits, text)) = remedy(finding, span, sources) else {
        return;
    };
    match finding.help.first_mut() {
        Some(help) if text.is_empty() => help.edits = edits,
        _ => {
            let text = if text.is_empty() {
                "change it like this"
            } else {
                text
            };
            finding.help.insert(
                0,
                Help {
                    text: text.to_owned(),
                    edits,
                },
            );
        }
    }
}

/// General advice for findings that have none.
fn advice(code: Code, span: Span, sources: &SourceMap) -> Option<String> {
    let text = match code {
        Code::NumberInvalid => {
            let text = &sources.file(span.file)?.text;
            let line = text.get(..span.start as usize)?.rsplit('\n').next()?;
            let keyword = line.split_whitespace().next()?;
            return Some(format!(
                "write a number; `vrrpd explain {keyword}` has its range"
            ));
        }
        Code::AddressInvalid => "write an address such as 192.0.2.10 or 2001:db8::10",
        Code::IncludeNothing | Code::IncludeMissing | Code::IncludeSkipped => {
            "create the file, or correct the path"
        }
        Code::GroupWeight => {
            "track it in the group, give it no weight, or write `sync_group_tracking_weight` in the group"
        }
        Code::OwnerTracker => "give the node a priority of 254 or less, or the entry no weight",
        Code::GroupSingle => "name the other members, or remove the group",
        Code::GroupMemberUnknown => "write the name of an instance",
        Code::BlockEmpty => "fill it, or remove it",
        Code::OptionUnknown => "remove it; `vrrpd explain` says what the block takes",
        Code::AddressOption => "remove the option",
        Code::TrackTwice | Code::NotifyRepeated | Code::KeywordRepeated => "leave one of them",
        Code::NameTooLong => "use a name of at most 15 bytes",
        Code::DecimalRounded => "write fewer digits",
        Code::BlockWords => "remove them",
        Code::PeerFamily => "write a second instance for the other address family",
        Code::VersionConflict => "write the version once, above the addresses",
        Code::RouteInvalid | Code::RuleInvalid => "write it as `ip route` or `ip rule` takes it",
        Code::FileUnreadable => "check the path and the permissions",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Edits, and advice if the finding's own does not fit.
fn remedy(
    finding: &Diagnostic,
    span: Span,
    sources: &SourceMap,
) -> Option<(Vec<Edit>, &'static str)> {
    let one = |span: Span, text: &str, advice| {
        Some((
            vec![Edit {
                span,
                text: text.to_owned(),
            }],
            advice,
        ))
    };
    let other = |n: usize| finding.labels.get(n).map(|label| label.span);
    match finding.code {
        Code::NopreemptMaster => one(word(sources, other(0)?, "MASTER")?, "BACKUP", ""),
        Code::NopreemptWeight => weight(finding, span, sources),
        Code::PreemptDelayUseless => one(line(sources, span), "", "remove the line"),
        Code::AuthVersion3 | Code::AuthStrict | Code::AuthAhIpv6 => {
            one(braces::block(sources, span)?, "", "remove the block")
        }
        Code::AuthAhMaster => one(word(sources, span, "MASTER")?, "BACKUP", ""),
        Code::AdvertIntRounded => {
            let seconds = finding.message.rsplit(": ").next()?.split(' ').next()?;
            let text = sources.text(span)?;
            let value = text.rsplit([' ', '\t']).next()?;
            one(
                word(sources, span, value)?,
                seconds,
                "write what is used anyway",
            )
        }
        Code::UnicastNoPeers => {
            (sources.text(span)? == "unicast_src_ip").then_some(())?;
            one(span, "mcast_src_ip", "if multicast is meant, say so")
        }
        Code::ScriptWordsLost => quoted(span, sources),
        Code::QuoteUnterminated => one(
            Span {
                start: span.end,
                ..span
            },
            "\"",
            "close it, where the text in quotes ends",
        ),
        Code::CommentCutsWord => protected(span, sources),
        Code::OptionUnknown => {
            let option = sources.text(span)?;
            // `weight=10`
            if let Some((name, value)) = option.split_once('=') {
                (OPTIONS.contains(&name) && !value.is_empty()).then_some(())?;
                let advice = "separate the option and its value by a blank";
                return one(span, &format!("{name} {value}"), advice);
            }
            let near = super::nearest(option, OPTIONS).filter(|near| *near != option)?;
            one(span, near, "did you mean this?")
        }
        Code::PrefixInvalid => {
            let (address, _) = sources.text(span)?.split_once('/')?;
            let bits = if address.contains(':') { "128" } else { "32" };
            one(
                span,
                &format!("{address}/{bits}"),
                "write the length of the subnet; this is what is used now",
            )
        }
        Code::LabelLong => {
            let text = &sources.file(span.file)?.text;
            let head = text.get(..span.start as usize)?;
            let start = head
                .rfind("label")
                .filter(|at| head.get(at + 5..).is_some_and(|gap| gap.trim().is_empty()))?;
            let start = head.get(..start)?.trim_end_matches([' ', '\t']).len();
            let span = Span {
                start: u32::try_from(start).ok()?,
                ..span
            };
            one(span, "", "remove the label")
        }
        Code::TrackOwnInterface => one(line(sources, span), "", "remove the entry"),
        Code::FamilyMixed => moved(span, sources),
        Code::BooleanInvalid => {
            let lower = sources.text(span)?.to_ascii_lowercase();
            matches!(
                lower.as_str(),
                "true" | "on" | "yes" | "false" | "off" | "no"
            )
            .then_some(())?;
            one(span, &lower, "write it in lower case")
        }
        Code::BraceExtra => one(super::lines(sources, span), "", ""),
        _ => None,
    }
}

/// `auth_type SECRET` with `auth_pass PASS`: the two change places.
fn swapped(finding: &mut Diagnostic, sources: &SourceMap) {
    let Some(kind) = finding
        .span
        .filter(|_| finding.code == Code::AuthTypeUnknown)
    else {
        return;
    };
    let Some(file) = sources.file(kind.file) else {
        return;
    };
    let behind = file.text.get(kind.end as usize..).unwrap_or_default();
    let block = Span {
        start: kind.end,
        end: kind.end + to_u32(behind.find('}').unwrap_or(0)),
        ..kind
    };
    let Some(keyword) = word(sources, block, "auth_pass") else {
        return;
    };
    let rest = Span {
        start: keyword.end,
        ..block
    };
    let line = sources
        .text(rest)
        .and_then(|text| text.lines().next())
        .unwrap_or_default()
        .trim();
    if !matches!(line, "PASS" | "AH") {
        return;
    }
    let (Some(pass), Some(secret)) = (word(sources, rest, line), sources.text(kind)) else {
        return;
    };
    let edits = vec![
        Edit {
            span: kind,
            text: line.to_owned(),
        },
        Edit {
            span: pass,
            text: secret.to_owned(),
        },
    ];
    finding.help = vec![Help {
        text: "type and password are swapped".to_owned(),
        edits,
    }];
}

/// `A, B,C`: the whole list, one on each line, indented as it was.
fn each_on_its_line(finding: &mut Diagnostic, sources: &SourceMap) {
    let Some(span) = finding.span.filter(|_| finding.code == Code::PeersComma) else {
        return;
    };
    let Some(text) = sources.file(span.file).map(|file| file.text.as_str()) else {
        return;
    };
    let (Some(before), Some(behind)) = (
        text.get(..span.start as usize),
        text.get(span.start as usize..),
    ) else {
        return;
    };
    let head = before.rsplit('\n').next().unwrap_or_default();
    let tail = behind.lines().next().unwrap_or_default();
    let tail = tail
        .split(['#', '!', '{', '}'])
        .next()
        .unwrap_or_default()
        .trim_end();
    if !head.trim().is_empty() {
        return;
    }
    let peers: Vec<&str> = tail
        .split([',', ' ', '\t'])
        .filter(|peer| !peer.is_empty())
        .collect();
    let end = span.start + to_u32(tail.len());
    let edits = vec![Edit {
        span: Span { end, ..span },
        text: peers.join(&format!("\n{head}")),
    }];
    finding.help = vec![Help {
        text: "write each on a line of its own".to_owned(),
        edits,
    }];
}

/// The `weight` of the entry, or of the script if there is only one.
fn weight(
    finding: &Diagnostic,
    span: Span,
    sources: &SourceMap,
) -> Option<(Vec<Edit>, &'static str)> {
    let text = &sources.file(span.file)?.text;
    let entry = text.get(span.end as usize..)?.lines().next()?;
    if let Some(at) = entry.find("weight") {
        let end = entry.find(['#', '!']).unwrap_or(entry.len());
        let gap = entry.get(..at)?;
        let start = span.end + u32::try_from(gap.trim_end().len()).ok()?;
        let end = span.end + u32::try_from(entry.get(..end)?.trim_end().len()).ok()?;
        return Some((
            vec![Edit {
                span: Span { start, end, ..span },
                text: String::new(),
            }],
            "",
        ));
    }
    // The reader keeps the place of the script's own line.
    let label = finding
        .labels
        .iter()
        .find(|label| label.text.contains("weight"))?;
    Some((
        vec![Edit {
            span: line(sources, label.span),
            text: String::new(),
        }],
        "",
    ))
}

/// `script PROGRAM ARGUMENTS`: one pair of quotes around all of it.
fn quoted(span: Span, sources: &SourceMap) -> Option<(Vec<Edit>, &'static str)> {
    let text = &sources.file(span.file)?.text;
    let head = text.get(..span.start as usize)?;
    let line = head.rsplit('\n').next()?;
    let keyword = line.trim_start().split([' ', '\t']).next()?;
    let at = line.find(keyword)? + keyword.len();
    let gap = line.get(at..)?;
    let program = at + gap.len() - gap.trim_start().len();
    let start = span.start - u32::try_from(line.len() - program).ok()?;
    let whole = Span { start, ..span };
    let command = sources.text(whole)?;
    if command.contains(['"', '\'', '\\', '#', '!']) {
        return None;
    }
    Some((
        vec![Edit {
            span: whole,
            text: format!("\"{command}\""),
        }],
        "",
    ))
}

/// `a!b`: the word in double quotes. A `{` or a quote in it is for a person to look at.
fn protected(span: Span, sources: &SourceMap) -> Option<(Vec<Edit>, &'static str)> {
    let text = &sources.file(span.file)?.text;
    let head = text.get(..span.start as usize)?;
    let tail = text.get(span.start as usize..)?;
    let start = head.rfind([' ', '\t', '\n']).map_or(0, |at| at + 1);
    let end = span.start as usize + tail.find([' ', '\t', '\r', '\n']).unwrap_or(tail.len());
    let word = text.get(start..end)?;
    if word.contains(['"', '\'', '{', '}', '$', ';']) {
        return None;
    }
    let span = Span {
        start: u32::try_from(start).ok()?,
        end: u32::try_from(end).ok()?,
        ..span
    };
    Some((
        vec![Edit {
            span,
            text: format!("\"{word}\""),
        }],
        "put the word in double quotes, if no comment is meant",
    ))
}

/// An address of the other family goes into `virtual_ipaddress_excluded`.
fn moved(span: Span, sources: &SourceMap) -> Option<(Vec<Edit>, &'static str)> {
    let text = &sources.file(span.file)?.text;
    let head = text.get(..span.start as usize)?;
    let entry = line(sources, span);
    if entry == span {
        return None;
    }
    // Behind the block that the entry is in.
    let close = entry.end as usize + text.get(entry.end as usize..)?.find('}')?;
    let newline = close + text.get(close..)?.find('\n')? + 1;
    let behind = u32::try_from(newline).ok()?;
    let block = head.rfind("virtual_ipaddress")?;
    let indent = head.get(..block)?.rsplit('\n').next()?;
    (indent.trim().is_empty() && head.get(block..)?.starts_with("virtual_ipaddress "))
        .then_some(())?;
    let line = sources.text(entry)?;
    let added = format!("{indent}virtual_ipaddress_excluded {{\n{line}{indent}}}\n");
    let edits = vec![
        Edit {
            span: entry,
            text: String::new(),
        },
        Edit {
            span: Span {
                start: behind,
                end: behind,
                ..span
            },
            text: added,
        },
    ];
    Some((edits, "serve it without advertising it"))
}

/// A value that is a `$NAME` still was meant to be replaced.
fn undefined(finding: &mut Diagnostic, sources: &SourceMap) {
    let values = [
        Code::NumberInvalid,
        Code::AddressInvalid,
        Code::BooleanInvalid,
        Code::StateUnknown,
        Code::AuthTypeUnknown,
    ];
    if !values.contains(&finding.code) {
        return;
    }
    let text = finding
        .span
        .and_then(|span| sources.text(span))
        .unwrap_or_default();
    let Some(name) = text.strip_prefix('$') else {
        return;
    };
    let name = name
        .trim_start_matches('{')
        .trim_end_matches('}')
        .to_owned();
    finding.notes.insert(
        0,
        format!("`{text}` is not defined: a definition is `${name}=VALUE` at the start of a line"),
    );
}

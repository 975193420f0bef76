//! A finding as a JSON object. Offsets are bytes of the file as UTF-8, lines and columns count from 1.

use serde_json::{Value, json};

use super::{Diagnostic, Peer, Severity};
use crate::span::{SourceMap, Span};

pub(super) fn value(sources: &SourceMap, finding: &Diagnostic) -> Value {
    let label = |span, text: &str| {
        let mut place = place(sources, span);
        if let (Value::Object(place), false) = (&mut place, text.is_empty()) {
            place.insert("label".into(), text.into());
        }
        place
    };
    let help = finding.help.iter().map(|help| {
        let edits = help.edits.iter().map(|edit| {
            let mut place = place(sources, edit.span);
            if let Value::Object(place) = &mut place {
                place.insert("replacement".into(), edit.text.as_str().into());
            }
            place
        });
        json!({ "text": help.text, "edits": edits.collect::<Value>() })
    });
    json!({
        "code": finding.code.id(),
        "severity": finding.severity.word(),
        "run": match finding.severity {
            Severity::Refuse => "refuses",
            Severity::Loud => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        "keepalived": match finding.peer {
            Peer::Silent => "silent",
            Peer::Fatal => "fatal",
            Peer::Reports => "reports",
            Peer::Security => "security",
            Peer::Stops => "stops",
        },
        "message": finding.message,
        "subject": finding.subject,
        "place": finding.span.map(|span| label(span, &finding.label)),
        "related": finding.labels.iter().map(|it| label(it.span, &it.text)).collect::<Value>(),
        "notes": finding.notes,
        "help": help.collect::<Value>(),
    })
}

fn place(sources: &SourceMap, span: Span) -> Value {
    let end = Span {
        start: span.end,
        ..span
    };
    let (Some(from), Some(to)) = (sources.locate(span), sources.locate(end)) else {
        return Value::Null;
    };
    json!({
        "file": from.file,
        "line": from.line,
        "column": from.column,
        "end_line": to.line,
        "end_column": to.column,
        "start": span.start,
        "end": span.end,
    })
}

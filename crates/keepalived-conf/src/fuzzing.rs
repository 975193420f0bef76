//! The bodies of the fuzz targets; `tests/props.rs` runs them over the corpus and random text on stable.
//!
//! A body panics when a promise is broken: that every text is read in bounded time and memory, that no byte panics,
//! that every place that is shown exists, and that what is written out can be read again.

use crate::config::Secrets;
use crate::diag::Report;
use crate::expand::{Lines, MAX_LINE};
use crate::lex;
use crate::loader::MemoryLoader;
use crate::span::SourceMap;
use crate::text::Text;
use crate::{Limits, Loaded, Options, load};

/// Small enough for a thousand runs in a second.
const LIMITS: Limits = Limits {
    lines: 2000,
    files: 16,
    bytes: 1 << 20,
    depth: 16,
};

/// A separator of files in one input: the second is included as `1`, and so on.
const NEXT_FILE: u8 = 0x1e;

fn options() -> Options {
    Options {
        config_id: "node".to_owned(),
        limits: LIMITS,
        ..Options::default()
    }
}

fn files(data: &[u8]) -> MemoryLoader {
    let files = data.split(|&byte| byte == NEXT_FILE).enumerate();
    files.fold(MemoryLoader::default(), |loader, (number, bytes)| {
        loader.file(number.to_string(), bytes)
    })
}

/// Comments, words and script words of one line.
///
/// # Panics
/// A promise is broken.
pub fn lexer(data: &[u8]) {
    let source = String::from_utf8_lossy(data);
    let mut sources = SourceMap::default();
    let file = sources.add("0", source.clone());
    let line = Text::source(file, 0, &source);
    let stripped = lex::strip(&line).text;
    assert!(stripped.len() <= line.len(), "a comment adds nothing");
    let words = lex::words(&stripped);
    let scripts = lex::script_words(&stripped).unwrap_or_default();
    for word in words.iter().chain(&scripts) {
        let shown = sources.text(word.span);
        assert!(
            shown.is_some_and(|text| !text.is_empty()),
            "a word was written somewhere"
        );
    }
    for word in &words {
        assert!(
            word.quoted || !word.text.contains([' ', '\t', '"']),
            "blanks and quotes end a word"
        );
    }
    for word in scripts {
        let _ = lex::arguments(&word.text);
    }
}

/// Conditions, definitions, repetitions, includes and braces.
///
/// # Panics
/// A promise is broken.
pub fn expansion(data: &[u8]) {
    let loader = files(data);
    let options = options();
    let mut lines = Lines::open(SourceMap::default(), &loader, "0", &options);
    let mut count = 0;
    while let Some(line) = lines.next() {
        assert!(
            !line.is_empty() && line.len() <= MAX_LINE,
            "a line has text, and not too much"
        );
        let place = line.place(0..line.len());
        assert!(
            lines.sources.text(place.span).is_some(),
            "a line was written somewhere"
        );
        count += 1;
    }
    // Each byte of a file makes a line at most, and each expansion one of at most MAX_LINE bytes.
    let most = LIMITS.bytes + (LIMITS.lines + 1) * MAX_LINE;
    assert!(count <= most, "the number of lines is bounded");
}

/// All of it, and the way back.
///
/// # Panics
/// A promise is broken.
pub fn whole(data: &[u8]) {
    let loaded = load(&files(data), "0", &options());
    places(&loaded);
    let report = Report::new(&loaded.sources, &loaded.diagnostics);
    let _ = (report.human(false), report.short(), report.json());
    let _ = loaded.config.to_json();
    // What is written out once is written out in the same way for ever.
    let once = crate::parse(&loaded.config.to_text(Secrets::Shown));
    let twice = crate::parse(&once.config.to_text(Secrets::Shown));
    if !once.refused() && !twice.refused() {
        assert!(
            once.config == twice.config,
            "the text of a configuration is stable"
        );
    }
}

fn places(loaded: &Loaded) {
    for finding in &loaded.diagnostics {
        let labels = finding.labels.iter().map(|label| label.span);
        let edits = finding
            .help
            .iter()
            .flat_map(|help| &help.edits)
            .map(|edit| edit.span);
        for span in finding.span.into_iter().chain(labels).chain(edits) {
            assert!(
                loaded.sources.text(span).is_some(),
                "a finding points at text: {finding:?}"
            );
        }
    }
}

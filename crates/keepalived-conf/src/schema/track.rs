//! Trackers, and who tracks what.

use core::time::Duration;

use super::Reader;
use super::globals::{put, set};
use crate::codes::Code;
use crate::config::{
    Bfd, Command, InitFile, Origin, ParamMatch, Script, Track, TrackFile, TrackProcess, Tracked,
};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::keyword::Takes;
use crate::lex::Word;
use crate::lint;
use crate::tree::{Body, Statement};

/// What a tracker that is not an interface is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    File,
    Process,
    Bfd,
}

impl Kind {
    /// What it is, and the block that defines it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Script => ("script", "vrrp_script"),
            Self::File => ("file", "track_file"),
            Self::Process => ("process", "vrrp_track_process"),
            Self::Bfd => ("BFD session", "bfd_instance"),
        }
    }
}

impl Reader<'_> {
    pub(super) fn script(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        self.surplus(statement, 2);
        let mut script = Script::new(name.text.clone(), Command::default());
        let mut origin = Origin::at(name.span);
        let mut user = None;
        self.subject = Some(name.text.clone());
        self.each(block, &mut origin, |reader, line| match line.keyword.name {
            "script" => {
                if let Some(command) = reader.command(line) {
                    reader.words_behind_script(line);
                    script.command = command;
                }
            }
            "interval" => put(&mut script.interval, reader.at_least_a_second(line)),
            "timeout" => set(&mut script.timeout, reader.at_least_a_second(line)),
            "weight" => {
                if let Some((weight, reverse)) = reader.weight_line(line) {
                    (script.weight, script.reverse) = (weight, reverse);
                }
            }
            "rise" => script.rise = reader.small(line).unwrap_or(1),
            "fall" => script.fall = reader.small(line).unwrap_or(1),
            "user" => {
                if reader.word(line, 1).is_some() {
                    user = reader.user(line.words.get(1..).unwrap_or_default());
                }
            }
            _ => script.init_fail = true,
        });
        if script.command.argv.is_empty() {
            self.incomplete(name, "vrrp_script", "script");
        } else {
            script.command.user = user;
            script.origin = origin;
            self.config.scripts.push(script);
        }
        self.subject = None;
    }

    /// `script PROGRAM ARGUMENT` without quotes: keepalived takes the program alone.
    fn words_behind_script(&mut self, line: &Statement) {
        let Ok(words) = crate::lex::script_words(&line.line) else {
            return;
        };
        let Some((first, rest)) = words.get(2..).and_then(<[Word]>::split_first) else {
            return;
        };
        let span = first.span.to(rest.last().unwrap_or(first).span);
        let finding = Diagnostic::new(
            Code::ScriptWordsLost,
            span,
            "arguments of a script stand inside its quotes",
        )
        .label("not read")
        .help("put the program and its arguments in one pair of double quotes");
        self.report(finding);
    }

    fn at_least_a_second(&mut self, line: &Statement) -> Option<Duration> {
        let Takes::Decimal { digits, max, .. } = line.keyword.takes else {
            return None;
        };
        let word = self.word(line, 1)?;
        self.surplus(line, 2);
        let decimal = word.text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let value = match decimal {
            true => self.decimal_in(word, digits, 0, max)?,
            // Whole seconds in keepalived 2.2: what stands behind the number does not count.
            false => {
                let seconds =
                    self.integer_in(word, 0, i64::try_from(max / 1000).unwrap_or(i64::MAX))?;
                u64::try_from(seconds).unwrap_or(0) * 1000
            }
        };
        if value == 0 {
            let finding = Lines::finding(
                Code::NumberClamped,
                word.place(),
                format!("`{}` cannot be 0", line.keyword.name),
            );
            self.report(finding.note("1 is used"));
            return Some(Duration::from_secs(1));
        }
        Some(Duration::from_millis(value))
    }

    fn incomplete(&mut self, name: &Word, block: &str, keyword: &str) {
        let code = if block == "vrrp_script" {
            Code::ScriptEmpty
        } else {
            Code::TrackerIncomplete
        };
        let finding = Lines::finding(
            code,
            name.place(),
            format!("the {block} `{}` has no `{keyword}`", name.text),
        )
        .note("it is dropped, and nothing that tracks it protects the address");
        self.report(finding);
    }

    /// `weight N [reverse]` on a line of its own.
    fn weight_line(&mut self, line: &Statement) -> Option<(i16, bool)> {
        let Takes::Weight { max } = line.keyword.takes else {
            return None;
        };
        let word = self.word(line, 1)?;
        let range = -i64::from(max)..=i64::from(max);
        let wide = i64::from(i16::MIN)..=i64::from(i16::MAX);
        let weight = self.integer_in(word, *range.start(), *range.end());
        // keepalived says of a script's weight that it is out of range, and uses it.
        let anyhow = |value: &i64| max == 253 && wide.contains(value);
        let weight = weight.or_else(|| word.text.parse().ok().filter(anyhow))?;
        let reverse = match line.words.get(2) {
            Some(word) if word.text == "reverse" => true,
            Some(word) => {
                self.unknown_option(word, "weight");
                false
            }
            None => false,
        };
        Some((i16::try_from(weight).ok()?, reverse))
    }

    pub(super) fn file(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        let mut origin = Origin::at(name.span);
        self.subject = Some(name.text.clone());
        let mut file = TrackFile {
            name: name.text.clone(),
            origin: Origin::default(),
            path: String::new(),
            weight: 1,
            reverse: false,
            init: None,
        };
        self.each(block, &mut origin, |reader, line| match line.keyword.name {
            "file" => put(&mut file.path, reader.text(line)),
            "weight" => {
                if let Some((weight, reverse)) = reader.weight_line(line) {
                    (file.weight, file.reverse) = (weight, reverse);
                }
            }
            _ => file.init = Some(reader.init_file(line)),
        });
        if file.path.is_empty() {
            self.incomplete(name, "track_file", "file");
        } else {
            file.origin = origin;
            self.config.track_files.push(file);
        }
        self.subject = None;
    }

    fn init_file(&mut self, line: &Statement) -> InitFile {
        let mut init = InitFile::default();
        for word in line.words.iter().skip(1) {
            if word.text == "overwrite" {
                init.overwrite = true;
            } else if let Some(value) =
                self.integer_in(word, i64::from(i32::MIN), i64::from(i32::MAX))
            {
                init.value = value.try_into().unwrap_or(0);
            }
        }
        init
    }

    pub(super) fn track_process(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        let mut origin = Origin::at(name.span);
        self.subject = Some(name.text.clone());
        let mut process = TrackProcess {
            name: name.text.clone(),
            origin: Origin::default(),
            argv: Vec::new(),
            params: None,
            full_command: false,
            weight: 0,
            reverse: false,
            quorum: 1,
            quorum_max: None,
            terminate_delay: Duration::ZERO,
            fork_delay: Duration::ZERO,
        };
        self.each(block, &mut origin, |reader, line| match line.keyword.name {
            "process" => {
                if reader.word(line, 1).is_some() {
                    process.argv = reader.process_words(line);
                    if process.argv.len() > 1 {
                        process.full_command = true;
                        process.params.get_or_insert(ParamMatch::Exact);
                    }
                }
            }
            "param_match" => {
                process.full_command = true;
                process.params = match line.words.get(1).map(|word| (word, word.text.as_str())) {
                    None => Some(ParamMatch::Exact),
                    Some((_, "initial")) => Some(ParamMatch::Initial),
                    Some((_, "partial")) => Some(ParamMatch::Partial),
                    Some((word, _)) => {
                        reader.unknown_option(word, "param_match");
                        process.params
                    }
                };
            }
            "weight" => {
                if let Some((weight, reverse)) = reader.weight_line(line) {
                    (process.weight, process.reverse) = (weight, reverse);
                }
            }
            "quorum" => put(&mut process.quorum, reader.small(line)),
            "quorum_max" => set(&mut process.quorum_max, reader.small(line)),
            "delay" => {
                if let Some(delay) = reader.micros(line) {
                    (process.terminate_delay, process.fork_delay) = (delay, delay);
                }
            }
            "terminate_delay" => put(&mut process.terminate_delay, reader.micros(line)),
            "fork_delay" => put(&mut process.fork_delay, reader.micros(line)),
            _ => process.full_command = true,
        });
        if process.argv.is_empty() {
            self.incomplete(name, "vrrp_track_process", "process");
        } else {
            process.origin = origin;
            self.config.track_processes.push(process);
        }
        self.subject = None;
    }

    fn process_words(&mut self, line: &Statement) -> Vec<String> {
        match crate::lex::script_words(&line.line) {
            Ok(words) => words.into_iter().skip(1).map(|word| word.text).collect(),
            Err(_) => line
                .words
                .iter()
                .skip(1)
                .map(|word| word.text.clone())
                .collect(),
        }
    }

    pub(super) fn bfd(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        let mut origin = Origin::at(name.span);
        self.subject = Some(name.text.clone());
        let mut bfd = Bfd::new(name.text.clone());
        let (mut neighbor, mut ttl, mut only) = (None, None, (false, false));
        self.each(block, &mut origin, |reader, line| match line.keyword.name {
            "neighbor_ip" | "neighbour_ip" => set(&mut neighbor, reader.address(line)),
            "source_ip" => set(&mut bfd.source, reader.address(line)),
            "min_rx" => put(&mut bfd.min_rx, reader.micros(line)),
            "min_tx" => put(&mut bfd.min_tx, reader.micros(line)),
            "idle_tx" => put(&mut bfd.idle_tx, reader.micros(line)),
            "multiplier" => put(&mut bfd.multiplier, reader.small(line)),
            "passive" => bfd.passive = true,
            "ttl" | "hoplimit" => set(&mut ttl, reader.small(line)),
            "max_hops" => put(&mut bfd.max_hops, reader.small(line)),
            "multihop" => put(&mut bfd.multihop, reader.boolean(line)),
            "weight" => {
                if let Some((weight, reverse)) = reader.weight_line(line) {
                    (bfd.weight, bfd.reverse) = (weight, reverse);
                }
            }
            "vrrp" => only.0 = true,
            _ => only.1 = true,
        });
        match neighbor {
            None => self.incomplete(name, "bfd_instance", "neighbor_ip"),
            Some(neighbor) => {
                bfd.neighbor = neighbor;
                bfd.ttl = ttl.unwrap_or_else(|| if neighbor.is_ipv4() { 255 } else { 64 });
                bfd.vrrp = only.0 || !only.1;
                bfd.origin = origin;
                self.config.bfd_instances.push(bfd);
            }
        }
        self.subject = None;
    }

    pub(super) fn track_interfaces(&mut self, track: &mut Track, statement: &Statement) {
        for words in entries(statement) {
            let Some(word) = words.first() else { continue };
            let Some(name) = self.interface_name(word) else {
                continue;
            };
            let Some((weight, reverse)) = self.tracked_weight(words, 0, false, 254) else {
                continue;
            };
            if track.interfaces.iter().any(|other| other.name == name) {
                self.tracked_twice(word, "interface");
                continue;
            }
            let weight = weight.clamp(-253, 253);
            track.interfaces.push(Tracked {
                name,
                origin: Origin::at(word.span),
                weight,
                reverse,
            });
        }
    }

    pub(super) fn track_scripts(&mut self, track: &mut Track, statement: &Statement) {
        let known = self
            .config
            .scripts
            .iter()
            .map(|script| (script.name.clone(), script.weight, script.reverse));
        let known = known.collect();
        self.tracked(&mut track.scripts, statement, Kind::Script, known, 253);
    }

    pub(super) fn track_files(&mut self, track: &mut Track, statement: &Statement) {
        let known = self
            .config
            .track_files
            .iter()
            .map(|file| (file.name.clone(), file.weight, file.reverse));
        let known = known.collect();
        self.tracked(&mut track.files, statement, Kind::File, known, 254);
    }

    pub(super) fn track_processes(&mut self, track: &mut Track, statement: &Statement) {
        let known = self
            .config
            .track_processes
            .iter()
            .map(|process| (process.name.clone(), process.weight, process.reverse));
        let known = known.collect();
        self.tracked(&mut track.processes, statement, Kind::Process, known, 254);
    }

    pub(super) fn track_bfds(&mut self, track: &mut Track, statement: &Statement) {
        let known = self
            .config
            .bfd_instances
            .iter()
            .map(|bfd| (bfd.name.clone(), bfd.weight, bfd.reverse));
        let known = known.collect();
        self.tracked(&mut track.bfds, statement, Kind::Bfd, known, 253);
    }

    fn tracked(
        &mut self,
        tracked: &mut Vec<Tracked>,
        statement: &Statement,
        kind: Kind,
        known: Vec<(String, i16, bool)>,
        max: i64,
    ) {
        for words in entries(statement) {
            let Some(word) = words.first() else { continue };
            let Some((name, weight, reverse)) = known.iter().find(|(name, ..)| *name == word.text)
            else {
                self.undefined(word, kind, &known);
                continue;
            };
            let Some((weight, reverse)) = self.tracked_weight(words, *weight, *reverse, max) else {
                continue;
            };
            if tracked.iter().any(|other| other.name == *name) {
                self.tracked_twice(word, kind.names().0);
                continue;
            }
            tracked.push(Tracked {
                name: name.clone(),
                origin: Origin::at(word.span),
                weight,
                reverse,
            });
        }
    }

    fn undefined(&mut self, word: &Word, kind: Kind, known: &[(String, i16, bool)]) {
        let (what, block) = kind.names();
        let mut finding = Lines::finding(
            Code::TrackUndefined,
            word.place(),
            format!("no {what} `{}` is defined above", word.text),
        )
        .note("it is not tracked: its failure will not move the address");
        let names = known.iter().map(|(name, ..)| name.as_str());
        finding = match lint::nearest(&word.text, names) {
            Some(name) => finding.fix(word.span, name, format!("did you mean `{name}`?")),
            None => finding.help(format!(
                "write `{block} {} {{ ... }}` above this instance",
                word.text
            )),
        };
        self.report(finding);
    }

    fn tracked_twice(&mut self, word: &Word, what: &str) {
        let message = format!("the {what} `{}` is tracked already", word.text);
        self.report(
            Lines::finding(Code::TrackTwice, word.place(), message).note("the first entry is used"),
        );
    }

    /// `[weight N [reverse|noreverse]]` behind a name. `None`: the entry is dropped.
    fn tracked_weight(
        &mut self,
        words: &[Word],
        weight: i16,
        reverse: bool,
        max: i64,
    ) -> Option<(i16, bool)> {
        let (mut weight, mut reverse) = (weight, reverse);
        let mut rest = words.iter().skip(1).peekable();
        while let Some(word) = rest.next() {
            if word.text != "weight" {
                self.unknown_option(word, "a tracked object");
                if let Some(finding) = self.findings.last_mut() {
                    finding.notes = vec![
                        "the whole entry is dropped: its failure will not move the address"
                            .to_owned(),
                    ];
                }
                return None;
            }
            let Some(number) = rest.next() else {
                let finding = Lines::finding(
                    Code::NumberInvalid,
                    word.place(),
                    "`weight` lacks its number",
                );
                self.report(finding.note("the whole entry is dropped"));
                return None;
            };
            // Out of range, the tracker's own weight stays.
            let value = self.integer_in(number, -max, max);
            weight = value
                .and_then(|value| i16::try_from(value).ok())
                .unwrap_or(weight);
            if let Some(next) =
                rest.next_if(|word| matches!(word.text.as_str(), "reverse" | "noreverse"))
            {
                reverse = next.text == "reverse";
            }
        }
        Some((weight, reverse))
    }
}

/// The entries of a value block.
pub(super) fn entries(statement: &Statement) -> &[Vec<Word>] {
    match &statement.body {
        Body::Entries(entries) => entries,
        Body::None | Body::Block(_) | Body::Skipped => &[],
    }
}

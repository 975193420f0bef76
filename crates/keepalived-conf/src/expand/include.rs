//! Files: the main one, and `include` in its variants.

use super::{Lines, OpenFile, Source};
use crate::codes::Code;
use crate::diag::{Diagnostic, Severity};
use crate::glob;
use crate::text::{BLANK, Place, Text};

/// What counts as an error of an include.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IncludeCheck {
    /// A match that cannot be read.
    pub(crate) read: bool,
    /// Nothing matches at all.
    pub(crate) matches: bool,
    /// A wildcard matches nothing.
    pub(crate) wildcard: bool,
    /// An element of a brace list matches nothing.
    pub(crate) brace: bool,
}

impl IncludeCheck {
    /// All of them, or none.
    pub(crate) fn new(all: bool) -> Self {
        Self {
            read: all,
            matches: all,
            wildcard: all,
            brace: all,
        }
    }
}

impl Lines<'_> {
    /// Opens the file that everything begins with.
    pub(super) fn open_main(&mut self, path: &str) {
        let refuse = |message: String| {
            let finding =
                Diagnostic::new(Code::FileUnreadable, None, message).severity(Severity::Refuse);
            finding.note("keepalived 2.2.7 prints a line and runs without any instance; nobody can mean that")
        };
        let kind = match self.loader.kind(path) {
            Ok(kind) => kind,
            Err(error) => {
                self.report(refuse(format!(
                    "cannot read the configuration file `{path}`: {error}"
                )));
                return;
            }
        };
        if !kind.regular {
            self.report(refuse(format!("`{path}` is not a regular file")));
        } else if kind.executable {
            let finding = refuse(format!(
                "the configuration file `{path}` has an execute bit"
            ));
            self.report(finding.help(format!(
                "run `chmod a-x {path}`: an executable file is taken for a script"
            )));
        } else if let Err(error) = self.open_file(path) {
            self.report(refuse(format!(
                "cannot read the configuration file `{path}`: {error}"
            )));
        }
    }

    /// Directory of the file that is read now, without a `/` at the end; `.` for the current one.
    pub(super) fn directory(&self) -> String {
        let files = self.stack.iter().rev();
        let mut directories = files.filter_map(|source| match source {
            Source::File(file) => Some(file.directory.clone()),
            Source::Lines(_) | Source::Repeat(_) => None,
        });
        directories.next().unwrap_or_else(|| ".".to_owned())
    }

    fn open_file(&mut self, path: &str) -> Result<(), String> {
        let bytes = self.loader.read(path).map_err(|error| error.to_string())?;
        self.bytes += bytes.len();
        if self.bytes > self.limits.bytes {
            return Err(format!(
                "there are more than {} bytes to read",
                self.limits.bytes
            ));
        }
        self.files += 1;
        if self.files > self.limits.files {
            return Err(format!(
                "more than {} files are included",
                self.limits.files
            ));
        }
        let directory = match path.rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((directory, _)) => directory.to_owned(),
            None => ".".to_owned(),
        };
        if self.stack.len() >= self.limits.depth {
            return Err("includes are nested too deeply".to_owned());
        }
        let (id, offset) = self.take_in(path, bytes);
        self.stack.push(Source::File(OpenFile {
            id,
            directory,
            offset,
            outer_check: self.include_check,
        }));
        Ok(())
    }

    /// Reads the files that the line includes, if it is an include.
    pub(super) fn include(&mut self, line: &Text) -> bool {
        let Some(rest) = line.as_str().strip_prefix("include") else {
            return false;
        };
        let Some(blank) = rest.find(BLANK) else {
            return false;
        };
        let (suffix, pattern) = rest.split_at(blank);
        if suffix == "_check" {
            return false;
        }
        let Some(check) = self.variant(suffix) else {
            return false;
        };
        let pattern = pattern.trim_matches(BLANK);
        let start = line.len() - rest.len() + blank;
        let place = line.from(start).trimmed();
        let place = place.place(0..place.len());
        self.include_pattern(pattern, place, check);
        true
    }

    fn variant(&self, suffix: &str) -> Option<IncludeCheck> {
        let mut check = IncludeCheck::default();
        match suffix {
            "" => return Some(self.include_check),
            "a" => return Some(IncludeCheck::new(true)),
            "r" => check.read = true,
            "m" => (check.read, check.matches) = (true, true),
            "w" => (check.read, check.matches, check.wildcard) = (true, true, true),
            "b" => (check.read, check.matches, check.brace) = (true, true, true),
            _ => return None,
        }
        Some(check)
    }

    fn include_pattern(&mut self, pattern: &str, place: Place, check: IncludeCheck) {
        let directory = self.directory();
        let mut paths = Vec::new();
        let alternatives = glob::braces(pattern);
        let several = alternatives.len() > 1;
        for alternative in &alternatives {
            let path = match alternative.starts_with('/') || directory == "." {
                true => alternative.clone(),
                false => format!("{}/{alternative}", directory.trim_end_matches('/')),
            };
            let found = self.loader.glob(&path);
            if found.is_empty()
                && ((several && check.brace) || (glob::is_pattern(alternative) && check.wildcard))
            {
                self.report_missing(
                    place,
                    format!("no file matches `{alternative}`"),
                    &directory,
                );
            }
            paths.extend(found);
        }
        if paths.is_empty() {
            let message = format!("no file matches `{pattern}`");
            if check.matches {
                self.report_missing(place, message, &directory);
            } else {
                let finding = Self::finding(Code::IncludeNothing, place, message);
                self.report(finding.note(format!("it is looked for in `{directory}`")));
            }
            return;
        }
        // The first one is read first: it goes on the stack last.
        for path in paths.iter().rev() {
            self.include_path(path, place, check);
        }
    }

    fn include_path(&mut self, path: &str, place: Place, check: IncludeCheck) {
        let unreadable = |error: String| format!("cannot read `{path}`: {error}");
        let problem = match self.loader.kind(path) {
            Err(error) => unreadable(error.to_string()),
            Ok(kind) if !kind.regular => format!("`{path}` is not a regular file"),
            Ok(kind) if kind.executable => {
                format!("`{path}` has an execute bit and is taken for a script")
            }
            Ok(_) => match self.open_file(path) {
                Ok(()) => return,
                Err(error) => unreadable(error),
            },
        };
        if check.read {
            let directory = self.directory();
            self.report_missing(place, problem, &directory);
        } else {
            self.report(
                Self::finding(Code::IncludeSkipped, place, problem).label("it is not read"),
            );
        }
    }

    fn report_missing(&mut self, place: Place, message: String, directory: &str) {
        let finding = Self::finding(Code::IncludeMissing, place, message)
            .note(format!("it is looked for in `{directory}`"))
            .note("this include was asked to be checked");
        self.report(finding);
    }
}

impl IncludeCheck {
    /// `include_check` with these words: without any, everything is checked; with `+` and `-`, what is checked
    /// changes; else it is what the words say.
    pub(crate) fn change(&mut self, words: &[&str]) {
        if words.is_empty() {
            *self = Self::new(true);
            return;
        }
        if !words.iter().any(|word| word.starts_with(['+', '-'])) {
            *self = Self::default();
        }
        for word in words {
            let on = !word.starts_with('-');
            match word.trim_start_matches(['+', '-']) {
                "read" => self.read = on,
                "match" => self.matches = on,
                "wildcard_match" => self.wildcard = on,
                "brace_match" => self.brace = on,
                _ => {}
            }
        }
    }
}

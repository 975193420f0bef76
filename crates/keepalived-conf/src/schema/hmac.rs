//! `auth_hmac`.

use core::time::Duration;

use super::Reader;
use super::globals::{put, set};
use crate::codes::Code;
use crate::config::{AntiReplay, Hmac, HmacKey, HmacMode, Origin, Secret};
use crate::expand::Lines;
use crate::lex::Word;
use crate::span::Span;
use crate::tree::{Body, Statement};

/// Keys as they are being read; a second block adds to the first.
#[derive(Default)]
pub(super) struct Draft {
    span: Option<Span>,
    keys: Vec<HmacKey>,
    active_key: Option<(u8, Option<Span>)>,
    anti_replay: AntiReplay,
    time_window: Option<Duration>,
    mode: HmacMode,
}

impl Reader<'_> {
    pub(super) fn hmac(&mut self, draft: &mut super::instance::Draft, statement: &Statement) {
        let Body::Block(block) = &statement.body else {
            return;
        };
        let hmac = draft.hmac.get_or_insert_default();
        hmac.span = hmac.span.or_else(|| statement.span());
        for line in block {
            if self.stopped {
                return;
            }
            match line.keyword.name {
                "key" => self.hmac_key(hmac, line),
                "active_key" => {
                    let id = self.small(line);
                    set(&mut hmac.active_key, id.map(|id| (id, line.span())));
                }
                "time_window" => set(&mut hmac.time_window, self.seconds(line)),
                "anti_replay" => {
                    let words = [
                        ("time", AntiReplay::Time),
                        ("monotonic", AntiReplay::Monotonic),
                    ];
                    put(&mut hmac.anti_replay, self.choice(line, &words));
                }
                _ => {
                    let words = [
                        ("enforce", HmacMode::Enforce),
                        ("permissive", HmacMode::Permissive),
                        ("receive-only", HmacMode::ReceiveOnly),
                    ];
                    put(&mut hmac.mode, self.choice(line, &words));
                }
            }
        }
    }

    fn choice<T: Copy>(&mut self, line: &Statement, words: &[(&str, T)]) -> Option<T> {
        let word = self.word(line, 1)?;
        self.surplus(line, 2);
        let found = words.iter().find(|(name, _)| *name == word.text);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let message = format!("`{}` has no choice `{}`", line.keyword.name, word.text);
            self.report(
                Lines::finding(Code::ValueUnknown, word.place(), message)
                    .help(format!("write {}", names.join(" or "))),
            );
        }
        found.map(|&(_, value)| value)
    }

    fn hmac_key(&mut self, hmac: &mut Draft, line: &Statement) {
        let (Some(id), Some(value)) = (self.word(line, 1), self.word(line, 2)) else {
            return;
        };
        self.surplus(line, 3);
        let Some(number) = self
            .integer_in(id, 1, 255)
            .and_then(|id| u8::try_from(id).ok())
        else {
            return;
        };
        if let Some(first) = hmac.keys.iter().find(|key| key.id == number) {
            let finding = Lines::finding(
                Code::KeywordRepeated,
                id.place(),
                format!("there is a key {number} already"),
            );
            let finding = finding
                .also(first.origin.span, "the first one")
                .note("the first one is used");
            self.report(finding);
            return;
        }
        let Some(secret) = self.hmac_secret(value) else {
            return;
        };
        hmac.keys.push(HmacKey {
            id: number,
            secret,
            origin: Origin::at(id.span),
        });
    }

    /// `hex:DIGITS`, `file:PATH` with one of the others in it, or the key itself.
    fn hmac_secret(&mut self, word: &Word) -> Option<Secret> {
        let bad = |message: String| {
            Lines::finding(Code::KeyUnusable, word.place(), message).help(
                "write hex: and 64 hexadecimal digits, or file: and the path of a file with them",
            )
        };
        let text = match word.text.strip_prefix("file:") {
            Some(path) => match self.loader.read(path) {
                Ok(bytes) => {
                    self.hmac_exposed(word, path);
                    String::from_utf8_lossy(&bytes)
                        .trim_end_matches(['\r', '\n'])
                        .to_owned()
                }
                Err(error) => {
                    let message = format!("cannot read the key file `{path}`: {error}");
                    let finding = Lines::finding(Code::KeyUnusable, word.place(), message);
                    self.report(finding.help(
                        "make the file, readable for the user of the daemon (mode 0600); a bare name is a credential: \
                         LoadCredential=NAME:PATH in the unit of systemd",
                    ));
                    return None;
                }
            },
            None => word.text.clone(),
        };
        let bytes = match text.strip_prefix("hex:") {
            Some(digits) => match hex(digits) {
                Some(bytes) => bytes,
                None => {
                    self.report(bad(
                        "a key behind `hex:` has an even number of hexadecimal digits".to_owned(),
                    ));
                    return None;
                }
            },
            None => text.into_bytes(),
        };
        if !(32..=64).contains(&bytes.len()) {
            self.report(
                bad(format!("the key has {} bytes", bytes.len())).label("must have 32 to 64"),
            );
            return None;
        }
        Some(Secret::new(bytes))
    }

    fn hmac_exposed(&mut self, word: &Word, path: &str) {
        if let Some(mode) = self.loader.exposed(path) {
            let message = format!("others can read the key file `{path}` (mode {mode:04o})");
            let finding = Lines::finding(Code::KeyExposed, word.place(), message);
            self.report(finding.help(format!("chmod 0600 {path}")));
        }
    }

    /// What `auth_hmac` means for an instance with adverts every `interval`.
    pub(super) fn finish_hmac(
        &mut self,
        draft: Draft,
        interval: Duration,
        strict: bool,
    ) -> Option<Hmac> {
        let active = draft
            .active_key
            .filter(|(id, _)| draft.keys.iter().any(|key| key.id == *id));
        let Some((active_key, _)) = active else {
            let span = draft.active_key.and_then(|(_, span)| span).or(draft.span);
            let message = match draft.active_key {
                Some((id, _)) => format!("there is no key {id}"),
                None => "`auth_hmac` has no `active_key`".to_owned(),
            };
            let finding = crate::diag::Diagnostic::new(Code::TrackerIncomplete, span, message)
                .note("adverts are neither signed nor checked")
                .help("write `key 1 hex:...` and `active_key 1`");
            self.report(finding);
            return None;
        };
        let window = Duration::from_secs(interval.as_secs().saturating_mul(3).clamp(5, 300));
        Some(Hmac {
            keys: draft.keys,
            active_key,
            anti_replay: draft.anti_replay,
            time_window: draft.time_window.unwrap_or(window),
            mode: if strict {
                HmacMode::Enforce
            } else {
                draft.mode
            },
        })
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = digits
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let nibbles = nibbles.filter(|nibbles| nibbles.len() % 2 == 0)?;
    Some(
        nibbles
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, nibble| (byte << 4) | nibble))
            .collect(),
    )
}

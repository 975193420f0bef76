//! Bytes and characters that nobody sees on a screen and that keepalived takes for parts of words.

use super::{Lines, MAX_LINE};
use crate::codes::Code;
use crate::diag::Diagnostic;
use crate::span::{FileId, Span, to_u32};
use crate::text::Text;

const BYTE_ORDER_MARK: &str = "\u{feff}";

impl Lines<'_> {
    /// Takes a file into the source map; where reading begins.
    pub(super) fn take_in(&mut self, path: &str, bytes: Vec<u8>) -> (FileId, usize) {
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let start = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let carriage_return = text.find("\r\n");
        let file = self.sources.add(path, text);
        let span = |start: usize, end: usize| Span {
            file,
            start: to_u32(start),
            end: to_u32(end),
        };
        if start > 0 {
            let finding = Diagnostic::new(Code::ByteOrderMark, span(0, start), "the file begins with a byte order mark")
                .note("it is skipped here; keepalived takes it for a part of the first word, which it then does not know")
                .fix(span(0, start), "", "save the file as UTF-8 without a byte order mark");
            self.report(finding);
        }
        if let Some(at) = carriage_return {
            let finding = Diagnostic::new(
                Code::CarriageReturn,
                span(at, at + 1),
                "the lines of this file end in CR LF",
            )
            .note("that is read as a plain end of line");
            self.report(finding);
        }
        (file, start)
    }

    /// Says which characters of a line, its comment taken off, only look like what they seem to be.
    pub(super) fn look_for_odd(&mut self, line: &Text) {
        if line.as_str().is_ascii() && !line.as_str().contains('\0') {
            return;
        }
        for (at, c) in line.as_str().char_indices() {
            let place = line.place(at..at + c.len_utf8());
            let finding = |code, message: &str| Self::finding(code, place, message);
            let found = match c {
                '\0' => finding(Code::NulByte, "a NUL character ends the line here")
                    .label("the rest of the line is not read")
                    .fix(place.span, "", "remove it"),
                '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{2060}' | '\u{3000}' | '\u{feff}' => {
                    let message = format!("U+{:04X} looks like a blank and is none", u32::from(c));
                    finding(Code::BlankNotAscii, &message)
                        .note("it becomes a part of the word; it comes from copying out of a web page or a document")
                        .fix(place.span, " ", "write a space")
                }
                '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => {
                    let message = format!("`{c}` looks like a quotation mark and is none");
                    finding(Code::QuoteNotAscii, &message)
                        .note("it becomes a part of the word; it comes from copying out of a web page or a document")
                        .fix(place.span, "\"", "write a plain quotation mark")
                }
                char::REPLACEMENT_CHARACTER => finding(Code::NotUtf8, "bytes that are not UTF-8 in a line that is read")
                    .note("the character U+FFFD stands in their place; keepalived would use the bytes themselves")
                    .help("save the file as UTF-8"),
                _ => continue,
            };
            self.report(found);
        }
    }

    pub(super) fn report_long(&mut self, line: &Text) {
        let place = line.place(line.len()..line.len());
        let finding = Self::finding(
            Code::LineTooLong,
            place,
            format!("the line is longer than {MAX_LINE} bytes"),
        )
        .label("what follows is read as another line")
        .help("break it into several lines, or put a part of it in a definition");
        self.report(finding);
    }
}

//! Lines for a pipe; for a terminal the same lines, and below them a few that are redrawn in place.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;

/// Standard output. That nobody reads it any more is no reason to stop.
pub(super) struct Screen {
    live: bool,
    drawn: Vec<String>,
}

impl Screen {
    /// Live if standard output is a terminal that can move its cursor.
    pub(super) fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            live: io::stdout().is_terminal() && !dumb,
            drawn: Vec::new(),
        }
    }

    /// Writes a line that stays.
    pub(super) fn line(&mut self, text: &str) {
        let block = core::mem::take(&mut self.drawn);
        self.paint(block.len(), &format!("{text}\n"), block);
    }

    /// Replaces the lines at the bottom. Nothing happens where they could not be replaced again.
    pub(super) fn block(&mut self, lines: Vec<String>) {
        if self.live && lines != self.drawn {
            self.paint(self.drawn.len(), "", lines);
        }
    }

    /// Erases so many lines, writes what stays and then the block: all at once, so that nothing flickers.
    fn paint(&mut self, erase: usize, text: &str, block: Vec<String>) {
        let mut out = if erase > 0 {
            format!("\x1b[{erase}A\x1b[J")
        } else {
            String::new()
        };
        out.push_str(text);
        // A line that wraps would be two lines to erase.
        let width = tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col).max(20));
        for line in &block {
            out.extend(line.chars().take(width - 1).chain(['\n']));
        }
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(out.as_bytes());
        let _ = stdout.flush();
        self.drawn = block;
    }
}

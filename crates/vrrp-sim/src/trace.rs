//! What entered and left every machine, written down: a run that can be judged again without its
//! world.
//!
//! A [`Trace`] is text, one line for each entry, so that two of them can be compared with `diff`.
//! Times are the world's, in nanoseconds; `n2` is the third machine, `n2.0` its first interface:
//!
//! ```text
//! 3609375000 n0 turn
//! 3609375000 n0.0 > 01005e000012020000…     left
//! 3609425000 n1.0 < 01005e000012020000…     arrived
//! 5000000000 n0.0 carrier down
//! 6000000000 n1 ! stop                      said from outside, in the words of a plan
//! ```

use crate::lan::NodeId;
use core::fmt;
use core::str::FromStr;
use vrrp_fsm::Instant;

/// Entries in the order in which they happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    entries: Vec<Entry>,
}

/// One thing that entered or left a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The world's time.
    pub at: Instant,
    /// Which machine.
    pub node: NodeId,
    /// What.
    pub what: What,
}

/// What entered or left a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A frame arrived at an interface.
    Arrived(usize, Vec<u8>),
    /// A frame left by an interface.
    Left(usize, Vec<u8>),
    /// An interface's carrier came or went.
    Carrier(usize, bool),
    /// The process had a turn.
    Turn,
    /// Somebody said something to the machine that is no frame.
    Said(String),
}

impl Trace {
    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes down that somebody spoke to `node`.
    pub fn said(&mut self, at: Instant, node: NodeId, words: impl Into<String>) {
        self.add(at, node, What::Said(words.into()));
    }

    pub(crate) fn arrives(&mut self, at: Instant, node: NodeId, iface: usize, frame: &[u8]) {
        self.add(at, node, What::Arrived(iface, frame.to_vec()));
    }

    pub(crate) fn leaves(&mut self, at: Instant, node: NodeId, iface: usize, frame: &[u8]) {
        self.add(at, node, What::Left(iface, frame.to_vec()));
    }

    pub(crate) fn carrier(&mut self, at: Instant, node: NodeId, iface: usize, up: bool) {
        self.add(at, node, What::Carrier(iface, up));
    }

    pub(crate) fn turn(&mut self, at: Instant, node: NodeId) {
        self.add(at, node, What::Turn);
    }

    fn add(&mut self, at: Instant, node: NodeId, what: What) {
        self.entries.push(Entry { at, node, what });
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} n{}", self.at.as_nanos(), self.node.0)?;
        let mut frame = |iface: usize, way: char, octets: &[u8]| {
            write!(f, ".{iface} {way} ")?;
            octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
        };
        match &self.what {
            What::Arrived(iface, octets) => frame(*iface, '<', octets),
            What::Left(iface, octets) => frame(*iface, '>', octets),
            What::Carrier(iface, true) => write!(f, ".{iface} carrier up"),
            What::Carrier(iface, false) => write!(f, ".{iface} carrier down"),
            What::Turn => write!(f, " turn"),
            What::Said(words) => write!(f, " ! {words}"),
        }
    }
}

/// A line that is no entry of a trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no entry of a trace: {text}")]
pub struct TraceError {
    /// Counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

impl FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let entries = text.lines().enumerate().map(|(at, line)| {
            parse_entry(line).ok_or_else(|| TraceError {
                line: at + 1,
                text: line.to_owned(),
            })
        });
        Ok(Self {
            entries: entries.collect::<Result<_, _>>()?,
        })
    }
}

fn parse_entry(line: &str) -> Option<Entry> {
    let (at, rest) = line.split_once(' ')?;
    let (place, what) = rest.strip_prefix('n')?.split_once(' ')?;
    let (node, iface) = match place.split_once('.') {
        Some((node, iface)) => (node, Some(iface.parse::<usize>().ok()?)),
        None => (place, None),
    };
    let what = match (iface, what.split_once(' ')) {
        (Some(iface), Some(("<", hex))) => What::Arrived(iface, octets(hex)?),
        (Some(iface), Some((">", hex))) => What::Left(iface, octets(hex)?),
        (Some(iface), Some(("carrier", "up"))) => What::Carrier(iface, true),
        (Some(iface), Some(("carrier", "down"))) => What::Carrier(iface, false),
        (None, Some(("!", words))) => What::Said(words.to_owned()),
        (None, None) if what == "turn" => What::Turn,
        _ => return None,
    };
    let at = Instant::from_nanos(at.parse().ok()?);
    Some(Entry {
        at,
        node: NodeId(node.parse().ok()?),
        what,
    })
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let octet = |pair: &[u8; 2]| {
        let text = core::str::from_utf8(pair)
            .ok()
            .filter(|_| pair.is_ascii())?;
        u8::from_str_radix(text, 16).ok()
    };
    if rest.is_empty() {
        pairs.iter().map(octet).collect()
    } else {
        None
    }
}

#[cfg(test)]
mod tests;

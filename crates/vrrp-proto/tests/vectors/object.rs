//! Reading a vector so that nothing in it is overlooked.

use core::fmt::Debug;
use core::net::IpAddr;

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// What was found wrong, each line naming vector and field.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<String>);

impl Findings {
    pub(crate) fn add(&mut self, name: &str, what: impl AsRef<str>) {
        self.0.push(format!("{name}: {}", what.as_ref()));
    }

    pub(crate) fn compare<T: PartialEq + Debug>(
        &mut self,
        name: &str,
        field: &str,
        expected: &T,
        got: &T,
    ) {
        if expected != got {
            self.add(name, format!("{field}: expected {expected:?}, got {got:?}"));
        }
    }
}

/// The members of one object; what was not asked for when it is finished is unknown.
pub(crate) struct Object<'a> {
    path: &'static str,
    members: &'a Map<String, Value>,
    seen: Vec<&'static str>,
    /// Values of a wrong type or range.
    wrong: Vec<String>,
}

impl<'a> Object<'a> {
    /// What is no object has no members, and that is found.
    pub(crate) fn open(
        path: &'static str,
        value: &'a Value,
        name: &str,
        findings: &mut Findings,
    ) -> Self {
        static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        let members = value.as_object().unwrap_or_else(|| {
            findings.add(name, format!("{path} not an object"));
            &NOTHING
        });
        Self {
            path,
            members,
            seen: Vec::new(),
            wrong: Vec::new(),
        }
    }

    pub(crate) fn value(&mut self, member: &'static str) -> Option<&'a Value> {
        self.seen.push(member);
        self.members.get(member)
    }

    /// A member that `read` can make something of.
    pub(crate) fn read<T>(
        &mut self,
        member: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(member)?;
        let read = read(value);
        if read.is_none() {
            self.wrong
                .push(format!("{}{member}: unknown value {value}", self.path));
        }
        read
    }

    pub(crate) fn number<T: TryFrom<u64>>(&mut self, member: &'static str) -> Option<T> {
        self.read(member, |value| T::try_from(value.as_u64()?).ok())
    }

    pub(crate) fn text(&mut self, member: &'static str) -> Option<&'a str> {
        self.read(member, Value::as_str)
    }

    pub(crate) fn flag(&mut self, member: &'static str) -> Option<bool> {
        self.read(member, Value::as_bool)
    }

    pub(crate) fn hex(&mut self, member: &'static str) -> Option<Vec<u8>> {
        self.read(member, |value| hex(value.as_str()?))
    }

    pub(crate) fn address(&mut self, member: &'static str) -> Option<IpAddr> {
        self.read(member, |value| value.as_str()?.parse().ok())
    }

    pub(crate) fn addresses(&mut self, member: &'static str) -> Option<Vec<IpAddr>> {
        self.read(member, |value| {
            value
                .as_array()?
                .iter()
                .map(|one| one.as_str()?.parse().ok())
                .collect()
        })
    }

    pub(crate) fn texts(&mut self, member: &'static str) -> Option<Vec<&'a str>> {
        self.read(member, |value| {
            value.as_array()?.iter().map(Value::as_str).collect()
        })
    }

    /// One of a list of words.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        member: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.read(member, |value| {
            let text = value.as_str()?;
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, meaning)| *meaning)
        })
    }

    pub(crate) fn missing(&mut self, member: &'static str) {
        self.wrong.push(format!("{}{member}: missing", self.path));
    }

    pub(crate) fn finish(self, name: &str, findings: &mut Findings) {
        for member in self.members.keys() {
            if !self.seen.contains(&member.as_str()) {
                findings.add(name, format!("{}{member}: unknown member", self.path));
            }
        }
        self.wrong
            .iter()
            .for_each(|wrong| findings.add(name, wrong));
    }
}

pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

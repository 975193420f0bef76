//! Numbers that have names: routing tables, protocols, scopes, realms and the like, as iproute2 keeps them.

use crate::loader::Loader;

/// A list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// `rt_tables`
    Route,
    /// `rt_protos`
    Protocol,
    /// `rt_scopes`
    Scope,
    /// `rt_dsfield`
    DsField,
    /// `rt_realms`
    Realm,
    /// `group`
    Group,
}

impl Table {
    /// The name of its file, and the greatest number.
    const fn file(self) -> (&'static str, u32) {
        match self {
            Self::Route => ("rt_tables", u32::MAX),
            Self::Protocol => ("rt_protos", 255),
            Self::Scope => ("rt_scopes", 255),
            Self::DsField => ("rt_dsfield", 255),
            Self::Realm => ("rt_realms", 65535),
            Self::Group => ("group", u32::MAX),
        }
    }

    /// Names that hold without any file.
    const fn known(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Route => &[("default", 253), ("main", 254), ("local", 255)],
            Self::Protocol => &[
                ("unspec", 0),
                ("redirect", 1),
                ("kernel", 2),
                ("boot", 3),
                ("static", 4),
                ("gated", 8),
                ("ra", 9),
                ("mrt", 10),
                ("zebra", 11),
                ("bird", 12),
                ("dnrouted", 13),
                ("xorp", 14),
                ("ntk", 15),
                ("dhcp", 16),
                ("keepalived", 18),
                ("babel", 42),
                ("bgp", 186),
                ("isis", 187),
                ("ospf", 188),
                ("rip", 189),
                ("eigrp", 192),
            ],
            Self::Scope => &[
                ("global", 0),
                ("universe", 0),
                ("site", 200),
                ("link", 253),
                ("host", 254),
                ("nowhere", 255),
            ],
            Self::DsField => &[],
            Self::Realm => &[("cosmos", 0)],
            Self::Group => &[("default", 0)],
        }
    }

    /// The number behind `word`, which may be one itself.
    pub(crate) fn number(self, word: &str, loader: &dyn Loader) -> Option<u32> {
        let (file, max) = self.file();
        let radix = if self == Self::DsField { 16 } else { 10 };
        if let Some(number) = number(word, radix).filter(|&number| number <= max) {
            return Some(number);
        }
        if let Some(&(_, number)) = self.known().iter().find(|(name, _)| *name == word) {
            return Some(number);
        }
        let directories = ["/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"];
        let texts = directories
            .iter()
            .filter_map(|directory| loader.read(&format!("{directory}/{file}")).ok());
        texts
            .filter_map(|bytes| lookup(&String::from_utf8_lossy(&bytes), word))
            .next()
    }
}

/// A number, `0x` allowed.
fn number(word: &str, radix: u32) -> Option<u32> {
    match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => u32::from_str_radix(word, radix)
            .ok()
            .filter(|_| !word.starts_with('+')),
    }
}

/// The number in front of `name` in a file of iproute2.
fn lookup(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let value = number(words.next()?, 10)?;
        (words.next() == Some(name)).then_some(value)
    })
}

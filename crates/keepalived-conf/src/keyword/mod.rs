//! Every keyword of keepalived.conf, once. What is read, what is documented (docs/KEYWORDS.md, `vrrpd explain`)
//! and what an editor completes comes from these tables.

mod globals;
mod instance;
mod top;
mod track;

use core::fmt::{self, Write as _};

/// A place where keywords stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// The top level of the file.
    Top,
    /// `global_defs`.
    Globals,
    /// `vrrp_instance`.
    Instance,
    /// `authentication` of an instance.
    Authentication,
    /// `auth_hmac` of an instance.
    Hmac,
    /// `vrrp_sync_group`.
    SyncGroup,
    /// `vrrp_script`.
    Script,
    /// `track_file`.
    TrackFile,
    /// `vrrp_track_process`.
    TrackProcess,
    /// `track_group`.
    TrackGroup,
    /// `garp_group`.
    GarpGroup,
    /// `bfd_instance`.
    Bfd,
}

impl Block {
    /// All of them, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Top,
        Self::Globals,
        Self::Instance,
        Self::Authentication,
        Self::Hmac,
        Self::SyncGroup,
        Self::Script,
        Self::TrackFile,
        Self::TrackProcess,
        Self::TrackGroup,
        Self::GarpGroup,
        Self::Bfd,
    ];

    /// The keyword that opens it; `top level` for that.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Top => "top level",
            Self::Globals => "global_defs",
            Self::Instance => "vrrp_instance",
            Self::Authentication => "authentication",
            Self::Hmac => "auth_hmac",
            Self::SyncGroup => "vrrp_sync_group",
            Self::Script => "vrrp_script",
            Self::TrackFile => "track_file",
            Self::TrackProcess => "vrrp_track_process",
            Self::TrackGroup => "track_group",
            Self::GarpGroup => "garp_group",
            Self::Bfd => "bfd_instance",
        }
    }

    /// Its keywords.
    #[must_use]
    pub const fn keywords(self) -> &'static [Keyword] {
        match self {
            Self::Top => top::TOP,
            Self::Globals => globals::GLOBALS,
            Self::Instance => instance::INSTANCE,
            Self::Authentication => instance::AUTHENTICATION,
            Self::Hmac => instance::HMAC,
            Self::SyncGroup => track::SYNC_GROUP,
            Self::Script => track::SCRIPT,
            Self::TrackFile => track::TRACK_FILE,
            Self::TrackProcess => track::TRACK_PROCESS,
            Self::TrackGroup => track::TRACK_GROUP,
            Self::GarpGroup => track::GARP_GROUP,
            Self::Bfd => track::BFD_INSTANCE,
        }
    }

    /// The keyword of that name.
    #[must_use]
    pub fn find(self, name: &str) -> Option<&'static Keyword> {
        self.keywords().iter().find(|keyword| keyword.name == name)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands behind a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing is looked at, so `off` does not switch it off.
    Nothing,
    /// Optional `true`, `on`, `yes`, `false`, `off` or `no`; without it, true.
    Bool,
    /// A whole number.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// A number with a decimal point, read as a whole number of its smallest unit.
    Decimal {
        /// Digits behind the point.
        digits: u32,
        /// Least value, in the smallest unit.
        min: u64,
        /// Greatest value, in the smallest unit.
        max: u64,
    },
    /// `N [reverse]`.
    Weight {
        /// Greatest amount in either direction.
        max: i16,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An address.
    Address,
    /// The name of an interface.
    Interface,
    /// Words; what they are.
    Words {
        /// The syntax, as documented.
        syntax: &'static str,
        /// How many there must be.
        required: usize,
    },
    /// A program with arguments in quotes, and a user and a group that run it.
    Command,
    /// A block of keywords.
    Block {
        /// Which.
        block: Block,
        /// What the word behind the keyword names, if there must be one.
        name: Option<&'static str>,
        /// A second block of the same name is skipped.
        unique: bool,
    },
    /// A block with an entry on each line.
    Lines {
        /// The syntax of an entry.
        entry: &'static str,
    },
    /// A block with an entry in each word.
    List {
        /// What the words are.
        entry: &'static str,
    },
    /// A block that is passed over.
    Skipped,
}

/// What this implementation does with a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has the effect that it has in keepalived.
    Supported,
    /// It is accepted and has no effect; why.
    NoEffect(&'static str),
    /// It is an older name of that keyword.
    OldName(&'static str),
}

/// One keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The word.
    pub name: &'static str,
    /// What stands behind it.
    pub takes: Takes,
    /// Unit of the number, `""` for none.
    pub unit: &'static str,
    /// What holds without it, `""` for nothing.
    pub default: &'static str,
    /// The keepalived that had it first, if that is later than 2.2.7.
    pub since: Option<&'static str>,
    /// A number with anything behind it is not taken; else the number is, and the rest complained about.
    pub strict: bool,
    /// What is done with it here.
    pub status: Status,
    /// What it is for, a sentence.
    pub doc: &'static str,
}

/// A row of a table.
const fn row(
    name: &'static str,
    takes: Takes,
    default: &'static str,
    doc: &'static str,
) -> Keyword {
    Keyword {
        name,
        takes,
        unit: "",
        default,
        since: None,
        strict: false,
        status: Status::Supported,
        doc,
    }
}

impl Keyword {
    const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    const fn strict(self) -> Self {
        Self {
            strict: true,
            ..self
        }
    }

    const fn since(self, version: &'static str) -> Self {
        Self {
            since: Some(version),
            ..self
        }
    }

    const fn no_effect(self, why: &'static str) -> Self {
        Self {
            status: Status::NoEffect(why),
            ..self
        }
    }

    const fn old_name_of(self, name: &'static str) -> Self {
        Self {
            status: Status::OldName(name),
            ..self
        }
    }

    /// How it is written: the keyword and what stands behind it.
    #[must_use]
    pub fn syntax(&self) -> String {
        let name = self.name;
        match self.takes {
            Takes::Nothing => name.to_owned(),
            Takes::Bool => format!("{name} [true|false]"),
            Takes::Integer { .. } => format!("{name} N"),
            Takes::Decimal { .. } => format!("{name} N[.N]"),
            Takes::Weight { .. } => format!("{name} N [reverse]"),
            Takes::Choice(words) => format!("{name} {}", words.join("|")),
            Takes::Address => format!("{name} ADDRESS"),
            Takes::Interface => format!("{name} INTERFACE"),
            Takes::Words { syntax, .. } => format!("{name} {syntax}"),
            Takes::Command => format!("{name} \"PROGRAM ARGUMENT ...\" [USER [GROUP]]"),
            Takes::Block {
                name: Some(what), ..
            } => format!("{name} {what} {{ ... }}"),
            Takes::Block { name: None, .. } | Takes::Skipped => format!("{name} {{ ... }}"),
            Takes::Lines { entry } | Takes::List { entry } => format!("{name} {{ {entry} ... }}"),
        }
    }

    fn table_row(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|");
        let range = self.range().map(|range| match self.unit {
            "" => range,
            unit => format!("{range} {unit}"),
        });
        let status = match self.status {
            Status::Supported => "supported".to_owned(),
            Status::NoEffect(why) => format!("accepted, no effect: {why}"),
            Status::OldName(new) => format!("supported, old name of `{new}`"),
        };
        let since = self
            .since
            .map(|version| format!("; keepalived {version}"))
            .unwrap_or_default();
        format!(
            "| `{}` | {} | {} | {} | {status}{since} |\n",
            cell(&self.syntax()),
            cell(self.doc),
            range.unwrap_or_default(),
            cell(self.default),
        )
    }

    /// The range of the number, if it takes one.
    #[must_use]
    pub fn range(&self) -> Option<String> {
        match self.takes {
            Takes::Integer { min, max: i64::MAX } => Some(format!("{min}..")),
            Takes::Integer { min, max } => Some(format!("{min}..{max}")),
            Takes::Decimal { digits, min, max } => Some(format!(
                "{}..{}",
                decimal(min, digits),
                decimal(max, digits)
            )),
            Takes::Weight { max } => Some(format!("-{max}..{max}")),
            _ => None,
        }
    }
}

/// All keywords as docs/KEYWORDS.md has them.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Keywords\n\nEvery keyword of keepalived.conf and what is done with it here. `vrrpd explain KEYWORD` says the same.\n\
         This file is written by the tests of keepalived-conf (`BLESS=1 cargo test -p keepalived-conf`).\n",
    );
    for block in Block::ALL {
        let _ = write!(
            text,
            "\n## {block}\n\n| keyword | what it does | range | default | here |\n|---|---|---|---|---|\n"
        );
        for keyword in block.keywords() {
            text.push_str(&keyword.table_row());
        }
    }
    text
}

/// `value` with `digits` behind the point, without zeros at the end.
pub(crate) fn decimal(value: u64, digits: u32) -> String {
    let unit = 10_u64.pow(digits);
    let text = format!(
        "{}.{:0width$}",
        value / unit,
        value % unit,
        width = digits as usize
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

// Shorthands for the tables.
const FLAG: Takes = Takes::Nothing;
const BOOL: Takes = Takes::Bool;
const ANY: i64 = u32::MAX as i64;

const fn int(min: i64, max: i64) -> Takes {
    Takes::Integer { min, max }
}

/// Seconds with a resolution of microseconds.
const fn micros(min: u64, max: u64) -> Takes {
    Takes::Decimal {
        digits: 6,
        min,
        max,
    }
}

/// Seconds with a resolution of milliseconds.
const fn millis(min: u64, max: u64) -> Takes {
    Takes::Decimal {
        digits: 3,
        min,
        max,
    }
}

const fn word(syntax: &'static str) -> Takes {
    Takes::Words {
        syntax,
        required: 1,
    }
}

const fn optional(syntax: &'static str) -> Takes {
    Takes::Words {
        syntax,
        required: 0,
    }
}

const LVS: &str = "it belongs to the load balancer (LVS), which is not part of this program";
const CHECKER: &str =
    "it belongs to the health checkers of LVS, which are not part of this program";
const LINKBEAT: &str =
    "nothing is polled: the kernel tells of every change of the carrier, and its word is taken";
const SNMP: &str = "there is no SNMP agent; metrics are served in another way";
const BFD: &str = "BFD is not implemented yet";
const DBUS: &str = "D-Bus is not implemented yet";

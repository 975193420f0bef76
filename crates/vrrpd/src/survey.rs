//! What this host looks like to a configuration, for `vrrpd check --against-host`: [`gather`] looks, and changes
//! nothing; [`judge`] compares, and looks at nothing, so that every finding can be tested without a host.

mod firewall;
mod gather;
mod judge;

pub use firewall::{Direction, Ruleset, Verdict};
pub use gather::gather;
pub use judge::judge;

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Who runs scripts when nobody is named, if there is such an account.
const DEFAULT_USER: &str = "keepalived_script";

/// Everything that matters to a configuration.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// All interfaces.
    pub interfaces: Vec<Interface>,
    /// The programs that the configuration names, by the name it uses.
    pub programs: BTreeMap<String, Program>,
    /// The users and groups that it names (`user`, `:group`), and whether they exist.
    pub accounts: BTreeMap<String, bool>,
    /// The kernel's settings that matter to VRRP, by name; those that could be read.
    pub sysctls: BTreeMap<&'static str, String>,
    /// Other VRRP daemons in this network namespace.
    pub daemons: Vec<Process>,
    /// The packet filter, if it could be read.
    pub firewall: Option<Ruleset>,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// The administrator wants it up.
    pub up: bool,
    /// It is the loopback interface.
    pub loopback: bool,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Who else manages its addresses and forgets those that are not his.
    pub manager: Option<Manager>,
}

/// A program that removes addresses which it does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manager {
    /// systemd-networkd, by this .network file, which has no `KeepConfiguration=`.
    Networkd(String),
    /// NetworkManager.
    NetworkManager,
}

/// A file that is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The file that would be run, after PATH and links.
    pub file: Option<PathBuf>,
    /// Why it would not run.
    pub trouble: Option<Trouble>,
    /// Who else may change it, and how to stop that, in one sentence.
    pub unsafe_path: Option<String>,
    /// A line in it that stops a VRRP daemon.
    pub stops_daemon: Option<String>,
}

/// Why a program would not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such file, or it cannot be reached.
    Missing,
    /// It is a directory or a device.
    NotAFile,
    /// No execute permission.
    NotExecutable,
    /// Its `#!` line names an interpreter that is not there.
    Interpreter(String),
}

/// A running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its name.
    pub name: String,
}

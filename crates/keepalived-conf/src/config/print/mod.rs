//! The configuration as keepalived.conf, with every default written out. Read again it means the same.

mod globals;
mod instance;
mod route;

use core::fmt::{Display, Write as _};
use core::time::Duration;

use super::{Command, Config, ParamMatch, User};

/// Whether secrets are written out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// `********` stands in their place.
    #[default]
    Masked,
    /// As they are.
    Shown,
}

impl Config {
    /// The text of a keepalived.conf that means the same, with every default written out.
    #[must_use]
    pub fn to_text(&self, secrets: Secrets) -> String {
        let mut page = Page {
            text: String::new(),
            depth: 0,
            secrets,
        };
        page.globals(&self.globals);
        self.definitions(&mut page);
        for instance in &self.instances {
            page.instance(instance, &self.globals);
        }
        for group in &self.sync_groups {
            page.group(group);
        }
        self.fixed(&mut page);
        page.text
    }

    /// What instances refer to, which has to stand above them.
    fn definitions(&self, page: &mut Page) {
        for script in &self.scripts {
            page.block("vrrp_script", &script.name, |page| {
                let user = script.command.user.as_ref();
                page.command(
                    "script",
                    &Command {
                        user: None,
                        ..script.command.clone()
                    },
                );
                page.line("interval", seconds(script.interval));
                if let Some(timeout) = script.timeout {
                    page.line("timeout", seconds(timeout));
                }
                page.weight(script.weight, script.reverse);
                page.line("rise", script.rise);
                page.line("fall", script.fall);
                if let Some(user) = user {
                    page.line("user", owner(user));
                }
                page.flag("init_fail", script.init_fail);
            });
        }
        for file in &self.track_files {
            page.block("track_file", &file.name, |page| {
                page.line("file", word(&file.path));
                page.weight(file.weight, file.reverse);
                if let Some(init) = file.init {
                    let overwrite = if init.overwrite { " overwrite" } else { "" };
                    page.line("init_file", format!("{}{overwrite}", init.value));
                }
            });
        }
        for process in &self.track_processes {
            page.block("vrrp_track_process", &process.name, |page| {
                let argv: Vec<String> = process.argv.iter().map(|arg| word(arg)).collect();
                page.line("process", argv.join(" "));
                match process.params {
                    Some(ParamMatch::Exact) => page.flag("param_match", true),
                    Some(ParamMatch::Initial) => page.line("param_match", "initial"),
                    Some(ParamMatch::Partial) => page.line("param_match", "partial"),
                    None => {}
                }
                page.weight(process.weight, process.reverse);
                page.line("quorum", process.quorum);
                if let Some(max) = process.quorum_max {
                    page.line("quorum_max", max);
                }
                if !process.terminate_delay.is_zero() {
                    page.line("terminate_delay", seconds(process.terminate_delay));
                }
                if !process.fork_delay.is_zero() {
                    page.line("fork_delay", seconds(process.fork_delay));
                }
                page.flag("full_command", process.full_command);
            });
        }
        for bfd in &self.bfd_instances {
            page.block("bfd_instance", &bfd.name, |page| {
                page.line("neighbor_ip", bfd.neighbor);
                if let Some(source) = bfd.source {
                    page.line("source_ip", source);
                }
                let ms = |time: Duration| crate::keyword::decimal(micros(time), 3);
                page.line("min_rx", ms(bfd.min_rx));
                page.line("min_tx", ms(bfd.min_tx));
                page.line("idle_tx", ms(bfd.idle_tx));
                page.line("multiplier", bfd.multiplier);
                page.flag("passive", bfd.passive);
                page.line("ttl", bfd.ttl);
                page.line("max_hops", bfd.max_hops);
                page.line("multihop", bfd.multihop);
                page.weight(bfd.weight, bfd.reverse);
                page.flag(if bfd.vrrp { "vrrp" } else { "checker" }, true);
            });
        }
    }

    /// Static entries and what holds for interfaces.
    fn fixed(&self, page: &mut Page) {
        for group in &self.track_groups {
            page.block("track_group", &group.name, |page| {
                page.entries("group", &group.members, |member| word(member));
            });
        }
        page.entries(
            "static_ipaddress",
            &self.static_addresses,
            instance::address,
        );
        page.entries("static_routes", &self.static_routes, route::route);
        page.entries("static_rules", &self.static_rules, route::rule);
        for group in &self.garp_groups {
            page.block("garp_group", "", |page| {
                if let Some(interval) = group.garp_interval {
                    page.line("garp_interval", seconds(interval));
                }
                if let Some(interval) = group.gna_interval {
                    page.line("gna_interval", seconds(interval));
                }
                page.entries("interfaces", &group.interfaces, |name| word(name));
            });
        }
        page.entries(
            "interface_up_down_delays",
            &self.interface_delays,
            |delay| {
                format!(
                    "{} {} {}",
                    word(&delay.interface),
                    seconds(delay.down),
                    seconds(delay.up)
                )
            },
        );
        page.entries("linkbeat_interfaces", &self.linkbeats, |linkbeat| {
            let method = match linkbeat.method {
                None => "",
                Some(super::LinkMethod::Mii) => " MII",
                Some(super::LinkMethod::Ethtool) => " ETHTOOL",
                Some(super::LinkMethod::Ioctl) => " IOCTL",
            };
            format!("{}{method}", word(&linkbeat.interface))
        });
    }
}

struct Page {
    text: String,
    depth: usize,
    secrets: Secrets,
}

impl Page {
    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
    }

    /// `keyword value`
    fn line(&mut self, keyword: &str, value: impl Display) {
        self.indent();
        let _ = writeln!(self.text, "{keyword} {value}");
    }

    /// `keyword`, if it is set.
    fn flag(&mut self, keyword: &str, set: bool) {
        if set {
            self.indent();
            let _ = writeln!(self.text, "{keyword}");
        }
    }

    /// A value that may be left out.
    fn maybe(&mut self, keyword: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.line(keyword, value);
        }
    }

    fn weight(&mut self, weight: i16, reverse: bool) {
        self.line(
            "weight",
            format!("{weight}{}", if reverse { " reverse" } else { "" }),
        );
    }

    fn block(&mut self, keyword: &str, name: &str, body: impl FnOnce(&mut Self)) {
        if self.depth == 0 && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.indent();
        let named = matches!(
            keyword,
            "global_defs" | "garp_group" | "authentication" | "auth_hmac"
        );
        let name = if named {
            String::new()
        } else {
            format!(" {}", word(name))
        };
        let _ = writeln!(self.text, "{keyword}{name} {{");
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.indent();
        self.text.push_str("}\n");
    }

    /// A block with an entry on each line; nothing without entries.
    fn entries<T>(&mut self, keyword: &str, entries: &[T], entry: impl Fn(&T) -> String) {
        if entries.is_empty() {
            return;
        }
        if self.depth == 0 {
            self.text.push('\n');
        }
        self.indent();
        let _ = writeln!(self.text, "{keyword} {{");
        self.depth += 1;
        for item in entries {
            self.indent();
            let _ = writeln!(self.text, "{}", entry(item));
        }
        self.depth -= 1;
        self.indent();
        self.text.push_str("}\n");
    }

    fn command(&mut self, keyword: &str, command: &Command) {
        let user = command
            .user
            .as_ref()
            .map(|user| format!(" {}", owner(user)));
        self.line(
            keyword,
            format!("\"{}\"{}", twice(command), user.unwrap_or_default()),
        );
    }
}

impl Command {
    /// Program and arguments in one line, with quotes around those that need them.
    #[must_use]
    pub fn line(&self) -> String {
        let argv: Vec<String> = self.argv.iter().map(|arg| quoted(arg)).collect();
        argv.join(" ")
    }
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "_./:=,@%+-&|<>*?~^;()[]".contains(c)
}

/// An argument for a reader: in single quotes if it has anything unusual.
fn quoted(argument: &str) -> String {
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A command as it stands between the double quotes of a line, where it is cut and unescaped twice.
fn twice(command: &Command) -> String {
    let argument = |argument: &String| -> String {
        if argument.is_empty() {
            return "''".to_owned();
        }
        let plain_or_blank = |c| plain(c) || c == ' ';
        if argument.chars().all(plain_or_blank) && argument.contains(' ') {
            return format!("'{argument}'");
        }
        let mut out = String::new();
        for c in argument.chars() {
            if plain(c) {
                out.push(c);
            } else {
                let _ = write!(out, "\\\\x{:02x}", u32::from(c));
            }
        }
        out
    };
    let argv: Vec<String> = command.argv.iter().map(argument).collect();
    argv.join(" ")
}

/// One word of the plain kind, in double quotes if it has to be.
fn word(text: &str) -> String {
    let bare = |c: char| !c.is_whitespace() && !"#!{}\"\\@$~".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}

fn owner(user: &User) -> String {
    let mark = if user.supplementary { ":" } else { "" };
    match (&user.group, user.supplementary) {
        (Some(group), _) => format!("{} {mark}{}", word(&user.user), word(group)),
        (None, true) => format!("{} :", word(&user.user)),
        (None, false) => word(&user.user),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds with as many decimals as needed.
fn seconds(time: Duration) -> String {
    crate::keyword::decimal(micros(time), 6)
}

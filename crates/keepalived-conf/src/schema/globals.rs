//! `global_defs`, and the settings of the whole process that stand at the top level.

use core::net::IpAddr;
use core::time::Duration;

use super::Reader;
use crate::codes::Code;
use crate::config::{Command, DynamicInterfaces, Fifo, Garp, Globals, ReceivePolicy, Version};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::lex::Word;
use crate::tree::{Body, Statement};

impl Reader<'_> {
    pub(super) fn globals(&mut self, block: &[Statement]) {
        let mut origin = core::mem::take(&mut self.config.globals.origin);
        self.each(block, &mut origin, |reader, statement| {
            let mut globals = core::mem::take(&mut reader.config.globals);
            reader.global(&mut globals, statement);
            reader.config.globals = globals;
        });
        self.config.globals.origin = origin;
    }

    fn global(&mut self, globals: &mut Globals, line: &Statement) {
        match line.keyword.name {
            "router_id" => set(&mut globals.router_id, self.text(line)),
            "notification_email" => self.mail_to(globals, line),
            "notification_email_from" => set(&mut globals.mail.from, self.text(line)),
            "smtp_server" => set(&mut globals.mail.server, self.mail_server(line)),
            "smtp_helo_name" => set(&mut globals.mail.helo, self.text(line)),
            "smtp_connect_timeout" => {
                put(
                    &mut globals.mail.timeout,
                    self.seconds(line).map(|time| time.max(SECOND)),
                );
            }
            "smtp_alert" => {
                self.defaults.smtp_alert = self.boolean(line).or(self.defaults.smtp_alert)
            }
            "smtp_alert_vrrp" => {
                self.defaults.smtp_alert_vrrp = self.boolean(line).or(self.defaults.smtp_alert_vrrp)
            }
            "no_email_faults" => globals.mail.no_faults = true,
            "set_supplementary_groups" => {
                put(&mut globals.supplementary_groups, self.boolean(line))
            }
            "use_symlink_paths" => put(&mut globals.symlink_paths, self.boolean(line)),
            _ => self.global_vrrp(globals, line),
        }
    }

    fn global_vrrp(&mut self, globals: &mut Globals, line: &Statement) {
        match line.keyword.name {
            "vrrp_version" => put(&mut globals.version, self.version(line)),
            "vrrp_strict" => globals.strict = self.always(line),
            "vrrp_skip_check_adv_addr" => globals.skip_check_adv_addr = self.always(line),
            "vrrp_check_unicast_src" => globals.check_unicast_source = true,
            "vrrp_mcast_group4" => match self.address(line) {
                Some(IpAddr::V4(group)) if group.is_multicast() => globals.group_v4 = group,
                address => self.not_a_group(line, address),
            },
            "vrrp_mcast_group6" => match self.address(line) {
                Some(IpAddr::V6(group)) if group.is_multicast() => globals.group_v6 = group,
                address => self.not_a_group(line, address),
            },
            "default_interface" => {
                // Only who needs one must have it.
                let word = self.word(line, 1);
                set(
                    &mut globals.default_interface,
                    word.and_then(|word| self.optional_interface_name(word)),
                );
                self.surplus(line, 2);
            }
            "dynamic_interfaces" => self.dynamic_interfaces(globals, line),
            "vrrp_garp_master_delay" => put(&mut globals.garp.delay, self.seconds(line)),
            "vrrp_garp_master_repeat" => put(&mut globals.garp.repeat, self.repeats(line)),
            "vrrp_garp_master_refresh" => put(&mut globals.garp.refresh, self.seconds(line)),
            "vrrp_garp_master_refresh_repeat" => {
                put(&mut globals.garp.refresh_repeat, self.repeats(line))
            }
            "vrrp_garp_lower_prio_delay" => {
                self.defaults.lower_prio_delay =
                    self.seconds(line).or(self.defaults.lower_prio_delay)
            }
            "vrrp_garp_lower_prio_repeat" => {
                self.defaults.lower_prio_repeat =
                    self.small(line).or(self.defaults.lower_prio_repeat)
            }
            "vrrp_garp_interval" => set(&mut globals.garp_interval, self.gap(line)),
            "vrrp_gna_interval" => set(&mut globals.gna_interval, self.gap(line)),
            "vrrp_min_garp" => {
                if self.boolean(line) == Some(true) {
                    minimal(&mut globals.garp);
                }
            }
            "vrrp_garp_extra_if" | "vrrp_vmac_garp_intvl" => {
                if let Some((every, all)) = self.extra_interfaces(line, 1) {
                    (globals.garp.extra_interfaces, globals.garp.extra_all) = (every, all);
                }
            }
            "vrrp_down_timer_adverts" => put(&mut globals.down_timer_adverts, self.small(line)),
            "vrrp_lower_prio_no_advert" => {
                self.defaults.lower_prio_no_advert =
                    self.boolean(line).or(self.defaults.lower_prio_no_advert)
            }
            "vrrp_higher_prio_send_advert" => {
                self.defaults.higher_prio_send_advert =
                    self.boolean(line).or(self.defaults.higher_prio_send_advert)
            }
            "vrrp_owner_ignore_adverts" => {
                put(&mut globals.owner_ignore_adverts, self.boolean(line))
            }
            "v3_checksum_as_v2" => globals.v3_checksum_as_v2 = true,
            "vrrp_startup_delay" => put(&mut globals.startup_delay, self.micros(line)),
            "vrrp_delay_after_boot" => put(&mut globals.delay_after_boot, self.micros(line)),
            "vrrp_notify_priority_changes" => {
                put(&mut globals.notify_priority_changes, self.boolean(line))
            }
            "log_unknown_vrids" => globals.log_unknown_vrids = true,
            "vmac_prefix" => put(&mut globals.vmac_prefix, self.prefix(line)),
            "vmac_addr_prefix" => put(&mut globals.vmac_addr_prefix, self.prefix(line)),
            "disable_local_igmp" => globals.disable_local_igmp = true,
            _ => self.global_buffers(globals, line),
        }
    }

    fn global_buffers(&mut self, globals: &mut Globals, line: &Statement) {
        let buffers = &mut globals.receive_buffers;
        match line.keyword.name {
            "vrrp_rx_bufs_policy" => set(&mut buffers.policy, self.receive_policy(line)),
            "vrrp_rx_bufs_multiplier" => set(&mut buffers.multiplier, self.small(line)),
            "vrrp_netlink_cmd_rcv_bufs" => set(&mut buffers.netlink_commands, self.small(line)),
            "vrrp_netlink_cmd_rcv_bufs_force" => {
                put(&mut buffers.netlink_commands_force, self.boolean(line))
            }
            "vrrp_netlink_monitor_rcv_bufs" => set(&mut buffers.netlink_monitor, self.small(line)),
            "vrrp_netlink_monitor_rcv_bufs_force" => {
                put(&mut buffers.netlink_monitor_force, self.boolean(line));
            }
            "process_monitor_rcv_bufs" => set(&mut buffers.process_monitor, self.small(line)),
            "process_monitor_rcv_bufs_force" => {
                put(&mut buffers.process_monitor_force, self.boolean(line))
            }
            _ => self.global_scripts(globals, line),
        }
    }

    fn global_scripts(&mut self, globals: &mut Globals, line: &Statement) {
        match line.keyword.name {
            "script_user" => {
                if self.word(line, 1).is_some() {
                    globals.script_user = self.user(line.words.get(1..).unwrap_or_default());
                }
            }
            "enable_script_security" => globals.script_security = true,
            "notify_fifo" => self.fifo(&mut globals.notify_fifo, line),
            "vrrp_notify_fifo" => self.fifo(&mut globals.vrrp_notify_fifo, line),
            "notify_fifo_script" => self.fifo_script(&mut globals.notify_fifo, line),
            "vrrp_notify_fifo_script" => self.fifo_script(&mut globals.vrrp_notify_fifo, line),
            "fifo_write_vrrp_states_on_reload" => globals.fifo_states_on_reload = true,
            "startup_script" => self.once(&mut globals.startup_script, line),
            "shutdown_script" => self.once(&mut globals.shutdown_script, line),
            "startup_script_timeout" => {
                put(&mut globals.startup_script_timeout, self.seconds(line))
            }
            "shutdown_script_timeout" => {
                put(&mut globals.shutdown_script_timeout, self.seconds(line))
            }
            _ => self.global_process(globals, line),
        }
    }

    fn global_process(&mut self, globals: &mut Globals, line: &Statement) {
        match line.keyword.name {
            "vrrp_priority" => set(&mut globals.nice, self.small(line)),
            "vrrp_no_swap" => globals.no_swap = true,
            "vrrp_rt_priority" => set(&mut globals.rt_priority, self.clamped(line, 1, 99)),
            "vrrp_cpu_affinity" => {
                let cpus = line.words.get(1..).unwrap_or_default();
                if self.word(line, 1).is_some() {
                    globals.cpu_affinity = cpus.iter().filter_map(|cpu| self.cpu(cpu)).collect();
                }
            }
            "vrrp_rlimit_rttime" | "vrrp_rlimit_rtime" => {
                set(
                    &mut globals.rlimit_rttime,
                    self.small(line)
                        .map(|us: u32| Duration::from_micros(us.into())),
                );
            }
            "max_auto_priority" => {
                let value = match line.words.get(1) {
                    Some(word) => self.integer_in(word, -1, 99),
                    None => Some(99),
                };
                set(
                    &mut globals.max_auto_priority,
                    value.and_then(|value| value.try_into().ok()),
                );
            }
            "min_auto_priority_delay" => {
                let delay = self
                    .small(line)
                    .map(|us: u32| Duration::from_micros(us.into()));
                put(&mut globals.min_auto_priority_delay, delay);
            }
            "process_name" => set(&mut globals.process_name, self.text(line)),
            "vrrp_process_name" => set(&mut globals.vrrp_process_name, self.text(line)),
            "process_names" => globals.process_names = true,
            "umask" => set(&mut globals.umask, self.umask(line)),
            "random_seed" => set(&mut globals.random_seed, self.small(line)),
            _ => self.global_files(globals, line),
        }
    }

    fn global_files(&mut self, globals: &mut Globals, line: &Statement) {
        let optional = || Some(line.words.get(1).map(|word| word.text.clone()));
        match line.keyword.name {
            "reload_check_config" => globals.reload_check_config = optional(),
            "reload_file" => globals.reload_file = optional(),
            "reload_time_file" => set(&mut globals.reload_time_file, self.text(line)),
            "reload_repeat" => globals.reload_repeat = true,
            "tmp_config_directory" => set(&mut globals.tmp_config_directory, self.text(line)),
            "config_save_dir" => set(&mut globals.config_save_dir, self.text(line)),
            "data_use_instance" => put(&mut globals.data_use_instance, self.boolean(line)),
            "state_dump_file" => set(&mut globals.state_dump_file, self.text(line)),
            "stats_dump_file" => set(&mut globals.stats_dump_file, self.text(line)),
            "json_dump_file" => set(&mut globals.json_dump_file, self.text(line)),
            "json_version" => put(&mut globals.json_version, self.small(line)),
            "nftables" => {
                let table = line.words.get(1).map_or("keepalived", |word| &word.text);
                globals.nftables.table = Some(table.to_owned());
            }
            "nftables_priority" => put(&mut globals.nftables.priority, self.small(line)),
            "nftables_ifindex" => globals.nftables.ifindex = true,
            "nftables_counters" => globals.nftables.counters = true,
            "vrrp_iptables" => {
                let chain = |index, default: &str| {
                    line.words
                        .get(index)
                        .map_or_else(|| default.to_owned(), |word: &Word| word.text.clone())
                };
                globals.iptables = Some((chain(1, "INPUT"), Some(chain(2, "OUTPUT"))));
            }
            "enable_dbus" => globals.dbus = true,
            "dbus_service_name" => set(&mut globals.dbus_service_name, self.text(line)),
            "dbus_no_interface_name" => set(&mut globals.dbus_no_interface_name, self.text(line)),
            _ => self.without_effect(line),
        }
    }

    /// Keywords without effect still lack their argument if it is missing.
    fn without_effect(&mut self, line: &Statement) {
        use crate::keyword::Takes;
        match line.keyword.takes {
            Takes::Integer { .. } | Takes::Decimal { .. } | Takes::Command | Takes::Address => {
                self.word(line, 1);
            }
            Takes::Words { required, .. } if required > 0 => {
                self.word(line, required);
            }
            _ => {}
        }
    }

    /// The settings of the process that stand at the top level.
    pub(super) fn process(&mut self, line: &Statement) {
        let mut globals = core::mem::take(&mut self.config.globals);
        match line.keyword.name {
            "linkbeat_use_polling" => globals.linkbeat_polling = true,
            "net_namespace" => set(&mut globals.net_namespace, self.text(line)),
            "instance" => set(&mut globals.instance, self.text(line)),
            "use_pid_dir" => globals.use_pid_dir = true,
            "child_wait_time" => put(&mut globals.child_wait_time, self.seconds(line)),
            _ => {}
        }
        globals.use_pid_dir |= globals.net_namespace.is_some() || globals.instance.is_some();
        if let Some(span) = line.span() {
            globals.origin.keywords.insert(line.keyword.name, span);
        }
        self.config.globals = globals;
    }

    fn mail_to(&mut self, globals: &mut Globals, line: &Statement) {
        let Body::Entries(entries) = &line.body else {
            return;
        };
        let addresses = entries.iter().flatten().map(|word| word.text.clone());
        globals.mail.to.extend(addresses);
        if let (true, Some(word)) = (entries.is_empty(), line.words.first()) {
            let finding = Lines::finding(
                Code::BlockEmpty,
                word.place(),
                "there is no address in `notification_email`",
            );
            self.report(finding.help("write an address on a line of its own, or remove the block"));
        }
    }

    fn mail_server(&mut self, line: &Statement) -> Option<(String, u16)> {
        let host = self.word(line, 1)?.text.clone();
        let port = match line.words.get(2) {
            Some(port) => self.integer_in(port, 1, 65535)?.try_into().ok()?,
            None => 25,
        };
        self.surplus(line, 3);
        Some((host, port))
    }

    pub(super) fn version(&mut self, line: &Statement) -> Option<Version> {
        self.integer(line).map(|version| {
            if version == 3 {
                Version::V3
            } else {
                Version::V2
            }
        })
    }

    fn not_a_group(&mut self, line: &Statement, address: Option<IpAddr>) {
        if let (Some(_), Some(word)) = (address, line.words.get(1)) {
            let finding = Lines::finding(
                Code::AddressInvalid,
                word.place(),
                format!("`{}` is not a group of that family", word.text),
            );
            self.report(finding.note("it is not used"));
        }
    }

    fn dynamic_interfaces(&mut self, globals: &mut Globals, line: &Statement) {
        globals.dynamic_interfaces = match line.words.get(1) {
            None => DynamicInterfaces::Yes,
            Some(word) if word.text == "allow_if_changes" => DynamicInterfaces::AllowChanges,
            Some(word) => {
                let message = format!("`dynamic_interfaces` has no option `{}`", word.text);
                self.report(
                    Lines::finding(Code::OptionUnknown, word.place(), message)
                        .help("write allow_if_changes, or nothing"),
                );
                DynamicInterfaces::Yes
            }
        };
    }

    /// A boolean that keepalived 2.2 does not look at: the keyword alone switches it on.
    fn always(&mut self, line: &Statement) -> bool {
        let off = line
            .words
            .get(1)
            .filter(|_| self.boolean(line) == Some(false));
        if let Some(word) = off {
            let message = format!(
                "`{}` is switched on, whatever stands behind it",
                line.keyword.name
            );
            let finding = Lines::finding(Code::BooleanInvalid, word.place(), message)
                .peer(crate::Peer::Silent)
                .note("keepalived looks at the word since version 2.3; here it means what it means in 2.2")
                .fix(line.span().unwrap_or(word.span), "", "remove the line");
            self.report(finding);
        }
        true
    }

    /// A number of announcements; none is one.
    pub(super) fn repeats(&mut self, line: &Statement) -> Option<u32> {
        let repeats: u32 = self.small(line)?;
        if repeats == 0 {
            let span = line.words.get(1).map(|word| word.span);
            let message = format!("`{}` cannot be 0", line.keyword.name);
            self.report(Diagnostic::new(Code::NumberClamped, span, message).note("1 is used"));
        }
        Some(repeats.max(1))
    }

    /// A gap between announcements: 0 is refused by keepalived and means the same as nothing.
    fn gap(&mut self, line: &Statement) -> Option<Duration> {
        if let Some(word) = line.words.get(1).filter(|word| word.text == "0") {
            let finding = Lines::finding(
                Code::GarpIntervalZero,
                word.place(),
                format!("`{}` cannot be 0", line.keyword.name),
            )
            .note("there is no gap without it either")
            .fix(line.span().unwrap_or(word.span), "", "remove the line");
            self.report(finding);
            return None;
        }
        self.micros(line)
    }

    /// `[all] N`: how often, if at all, and whether on all.
    pub(super) fn extra_interfaces(
        &mut self,
        line: &Statement,
        min: i64,
    ) -> Option<(Option<Duration>, bool)> {
        let all = self.word(line, 1)?.text == "all";
        let word = self.word(line, 1 + usize::from(all))?;
        let seconds = self.integer_in(word, min, 86400)?.try_into().ok()?;
        let every = Duration::from_secs(seconds);
        Some(((!every.is_zero()).then_some(every), all))
    }

    fn prefix(&mut self, line: &Statement) -> Option<String> {
        let word = self.word(line, 1)?;
        self.surplus(line, 2);
        // The kernel's limit, and room for the number.
        if word.text.len() > 11 {
            let finding = Lines::finding(
                Code::NameTooLong,
                word.place(),
                format!("`{}` is longer than 11 bytes", word.text),
            );
            self.report(finding.note("it is not used"));
            return None;
        }
        Some(word.text.clone())
    }

    fn receive_policy(&mut self, line: &Statement) -> Option<ReceivePolicy> {
        let word = self.word(line, 1)?;
        match word.text.as_str() {
            "MTU" | "mtu" => Some(ReceivePolicy::Mtu),
            "ADVERT" | "advert" => Some(ReceivePolicy::Advert),
            _ => {
                let bytes = self.integer_in(word, 1, i64::from(u32::MAX))?;
                Some(ReceivePolicy::Bytes(bytes.try_into().ok()?))
            }
        }
    }

    fn fifo(&mut self, fifo: &mut Option<Fifo>, line: &Statement) {
        let Some(path) = self.word(line, 1) else {
            return;
        };
        if fifo.as_ref().is_some_and(|fifo| !fifo.path.is_empty()) {
            self.repeated(line);
            return;
        }
        let owner = self.user(line.words.get(2..).unwrap_or_default());
        let fifo = fifo.get_or_insert_default();
        fifo.path.clone_from(&path.text);
        fifo.owner = owner;
    }

    fn fifo_script(&mut self, fifo: &mut Option<Fifo>, line: &Statement) {
        if fifo.as_ref().is_some_and(|fifo| fifo.script.is_some()) {
            self.repeated(line);
        } else if let Some(command) = self.command(line) {
            fifo.get_or_insert_default().script = Some(command);
        }
    }

    /// A program that can be given once.
    pub(super) fn once(&mut self, slot: &mut Option<Command>, line: &Statement) {
        if slot.is_some() {
            self.repeated(line);
        } else {
            *slot = self.command(line);
        }
    }

    fn repeated(&mut self, line: &Statement) {
        let Some(word) = line.words.first() else {
            return;
        };
        let finding = Lines::finding(
            Code::NotifyRepeated,
            word.place(),
            format!("`{}` is given a second time", word.text),
        );
        self.report(
            finding
                .note("the first one is used")
                .help("remove one of them; a script can call others"),
        );
    }

    /// A number that is moved into its range.
    fn clamped(&mut self, line: &Statement, min: i64, max: i64) -> Option<u8> {
        let word = self.word(line, 1)?;
        let value = self.integer_in(word, i64::from(i32::MIN), i64::from(i32::MAX))?;
        let clamped = value.clamp(min, max);
        if clamped != value {
            let finding = Lines::finding(
                Code::NumberClamped,
                word.place(),
                format!("`{}` is out of range", word.text),
            );
            self.report(
                finding
                    .label(format!("must be {min} to {max}"))
                    .note(format!("{clamped} is used")),
            );
        }
        clamped.try_into().ok()
    }

    fn cpu(&mut self, word: &Word) -> Option<u32> {
        self.integer_in(word, 0, 1023)?.try_into().ok()
    }

    fn umask(&mut self, line: &Statement) -> Option<u32> {
        let word = self.word(line, 1)?;
        let names = [
            "IXOTH", "IWOTH", "IROTH", "IXGRP", "IWGRP", "IRGRP", "IXUSR", "IWUSR", "IRUSR",
        ];
        let bit = |name: &str| {
            let name = name.strip_prefix("S_").unwrap_or(name);
            names
                .iter()
                .position(|known| *known == name)
                .map(|at| 1_u32 << at)
        };
        let mask = u32::from_str_radix(&word.text, 8)
            .ok()
            .filter(|mask| *mask <= 0o777);
        let mask = mask.or_else(|| {
            word.text
                .split('|')
                .try_fold(0, |mask, name| Some(mask | bit(name.trim())?))
        });
        if mask.is_none() {
            let finding = Lines::finding(
                Code::ValueUnknown,
                word.place(),
                format!("`{}` is not a file mode mask", word.text),
            );
            self.report(finding.help("write an octal number like 022, or names like IWGRP|IWOTH"));
        }
        mask
    }
}

/// What `vrrp_min_garp` makes of announcements that have their default.
fn minimal(garp: &mut Garp) {
    let default = Garp::default();
    if garp.delay == default.delay {
        garp.delay = Duration::ZERO;
    }
    if garp.repeat == default.repeat {
        garp.repeat = 1;
    }
    if garp.refresh_repeat == default.refresh_repeat {
        garp.refresh_repeat = 0;
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Changes an optional setting if there is a good value.
pub(super) fn set<T>(slot: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *slot = value;
    }
}

/// Changes a setting if there is a good value.
pub(super) fn put<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

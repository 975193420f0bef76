//! `global_defs` and the settings of the process.

use super::{Page, owner, seconds, word};
use crate::config::{DynamicInterfaces, Fifo, Globals, ReceivePolicy};

impl Page {
    pub(super) fn globals(&mut self, globals: &Globals) {
        self.block("global_defs", "", |page| {
            page.mail(globals);
            page.defaults(globals);
            page.scripts(globals);
            page.process(globals);
            page.files(globals);
        });
        self.maybe(
            "net_namespace",
            globals.net_namespace.as_ref().map(|name| word(name)),
        );
        self.maybe("instance", globals.instance.as_ref().map(|name| word(name)));
        self.flag("use_pid_dir", globals.use_pid_dir);
        self.line("child_wait_time", globals.child_wait_time.as_secs());
        self.flag("linkbeat_use_polling", globals.linkbeat_polling);
    }

    fn mail(&mut self, globals: &Globals) {
        let text = |text: &Option<String>| text.as_ref().map(|text| word(text));
        self.maybe("router_id", text(&globals.router_id));
        self.entries("notification_email", &globals.mail.to, |to| word(to));
        self.maybe("notification_email_from", text(&globals.mail.from));
        if let Some((host, port)) = &globals.mail.server {
            self.line("smtp_server", format!("{} {port}", word(host)));
        }
        self.maybe("smtp_helo_name", text(&globals.mail.helo));
        self.line("smtp_connect_timeout", globals.mail.timeout.as_secs());
        self.line("smtp_alert", globals.mail.alert);
        self.flag("no_email_faults", globals.mail.no_faults);
    }

    fn defaults(&mut self, globals: &Globals) {
        self.line("vrrp_version", globals.version.number());
        self.flag("vrrp_strict", globals.strict);
        self.flag("vrrp_skip_check_adv_addr", globals.skip_check_adv_addr);
        self.flag("vrrp_check_unicast_src", globals.check_unicast_source);
        self.line("vrrp_mcast_group4", globals.group_v4);
        self.line("vrrp_mcast_group6", globals.group_v6);
        self.maybe(
            "default_interface",
            globals.default_interface.as_ref().map(|name| word(name)),
        );
        match globals.dynamic_interfaces {
            DynamicInterfaces::No => {}
            DynamicInterfaces::Yes => self.flag("dynamic_interfaces", true),
            DynamicInterfaces::AllowChanges => self.line("dynamic_interfaces", "allow_if_changes"),
        }
        let garp = &globals.garp;
        self.line("vrrp_garp_master_delay", garp.delay.as_secs());
        self.line("vrrp_garp_master_repeat", garp.repeat);
        self.line("vrrp_garp_master_refresh", garp.refresh.as_secs());
        if garp.refresh_repeat == 0 {
            // Only vrrp_min_garp gives that, and only to what has its default.
            self.flag("vrrp_min_garp", true);
            self.line("vrrp_garp_master_delay", garp.delay.as_secs());
            self.line("vrrp_garp_master_repeat", garp.repeat);
        } else {
            self.line("vrrp_garp_master_refresh_repeat", garp.refresh_repeat);
        }
        self.line(
            "vrrp_garp_lower_prio_delay",
            garp.lower_prio_delay.as_secs(),
        );
        self.line("vrrp_garp_lower_prio_repeat", garp.lower_prio_repeat);
        if let Some(every) = garp.extra_interfaces {
            let all = if garp.extra_all { "all " } else { "" };
            self.line("vrrp_garp_extra_if", format!("{all}{}", every.as_secs()));
        }
        self.maybe("vrrp_garp_interval", globals.garp_interval.map(seconds));
        self.maybe("vrrp_gna_interval", globals.gna_interval.map(seconds));
        self.line("vrrp_down_timer_adverts", globals.down_timer_adverts);
        self.line("vrrp_lower_prio_no_advert", globals.lower_prio_no_advert);
        self.line(
            "vrrp_higher_prio_send_advert",
            globals.higher_prio_send_advert,
        );
        self.line("vrrp_owner_ignore_adverts", globals.owner_ignore_adverts);
        self.flag("v3_checksum_as_v2", globals.v3_checksum_as_v2);
        if !globals.startup_delay.is_zero() {
            self.line("vrrp_startup_delay", seconds(globals.startup_delay));
        }
        if !globals.delay_after_boot.is_zero() {
            self.line("vrrp_delay_after_boot", seconds(globals.delay_after_boot));
        }
        self.line(
            "vrrp_notify_priority_changes",
            globals.notify_priority_changes,
        );
        self.flag("log_unknown_vrids", globals.log_unknown_vrids);
        self.line("vmac_prefix", word(&globals.vmac_prefix));
        self.line("vmac_addr_prefix", word(&globals.vmac_addr_prefix));
        self.flag("disable_local_igmp", globals.disable_local_igmp);
        self.buffers(globals);
    }

    fn buffers(&mut self, globals: &Globals) {
        let buffers = &globals.receive_buffers;
        self.maybe(
            "vrrp_rx_bufs_policy",
            buffers.policy.map(|policy| match policy {
                ReceivePolicy::Mtu => "MTU".to_owned(),
                ReceivePolicy::Advert => "ADVERT".to_owned(),
                ReceivePolicy::Bytes(bytes) => bytes.to_string(),
            }),
        );
        self.maybe("vrrp_rx_bufs_multiplier", buffers.multiplier);
        self.maybe("vrrp_netlink_cmd_rcv_bufs", buffers.netlink_commands);
        self.line(
            "vrrp_netlink_cmd_rcv_bufs_force",
            buffers.netlink_commands_force,
        );
        self.maybe("vrrp_netlink_monitor_rcv_bufs", buffers.netlink_monitor);
        self.line(
            "vrrp_netlink_monitor_rcv_bufs_force",
            buffers.netlink_monitor_force,
        );
        self.maybe("process_monitor_rcv_bufs", buffers.process_monitor);
        self.line(
            "process_monitor_rcv_bufs_force",
            buffers.process_monitor_force,
        );
    }

    fn scripts(&mut self, globals: &Globals) {
        self.maybe("script_user", globals.script_user.as_ref().map(owner));
        self.flag("enable_script_security", globals.script_security);
        self.line("set_supplementary_groups", globals.supplementary_groups);
        self.line("use_symlink_paths", globals.symlink_paths);
        self.fifo("notify_fifo", globals.notify_fifo.as_ref());
        self.fifo("vrrp_notify_fifo", globals.vrrp_notify_fifo.as_ref());
        self.flag(
            "fifo_write_vrrp_states_on_reload",
            globals.fifo_states_on_reload,
        );
        if let Some(script) = &globals.startup_script {
            self.command("startup_script", script);
        }
        self.line(
            "startup_script_timeout",
            globals.startup_script_timeout.as_secs(),
        );
        if let Some(script) = &globals.shutdown_script {
            self.command("shutdown_script", script);
        }
        self.line(
            "shutdown_script_timeout",
            globals.shutdown_script_timeout.as_secs(),
        );
    }

    fn fifo(&mut self, keyword: &str, fifo: Option<&Fifo>) {
        let Some(fifo) = fifo else { return };
        if !fifo.path.is_empty() {
            let user = fifo.owner.as_ref().map(|user| format!(" {}", owner(user)));
            self.line(
                keyword,
                format!("{}{}", word(&fifo.path), user.unwrap_or_default()),
            );
        }
        if let Some(script) = &fifo.script {
            self.command(&format!("{keyword}_script"), script);
        }
    }

    fn process(&mut self, globals: &Globals) {
        self.maybe("vrrp_priority", globals.nice);
        self.flag("vrrp_no_swap", globals.no_swap);
        self.maybe("vrrp_rt_priority", globals.rt_priority);
        if !globals.cpu_affinity.is_empty() {
            let cpus: Vec<String> = globals.cpu_affinity.iter().map(u32::to_string).collect();
            self.line("vrrp_cpu_affinity", cpus.join(" "));
        }
        self.maybe(
            "vrrp_rlimit_rttime",
            globals.rlimit_rttime.map(|time| time.as_micros()),
        );
        self.maybe("max_auto_priority", globals.max_auto_priority);
        self.line(
            "min_auto_priority_delay",
            globals.min_auto_priority_delay.as_micros(),
        );
        self.maybe(
            "process_name",
            globals.process_name.as_ref().map(|name| word(name)),
        );
        self.maybe(
            "vrrp_process_name",
            globals.vrrp_process_name.as_ref().map(|name| word(name)),
        );
        self.flag("process_names", globals.process_names);
        self.maybe("umask", globals.umask.map(|mask| format!("{mask:03o}")));
        self.maybe("random_seed", globals.random_seed);
    }

    fn files(&mut self, globals: &Globals) {
        let text = |text: &Option<String>| text.as_ref().map(|text| word(text));
        let given = |given: &Option<Option<String>>| {
            given.as_ref().map(|path| text(path).unwrap_or_default())
        };
        self.maybe("reload_check_config", given(&globals.reload_check_config));
        self.maybe("reload_file", given(&globals.reload_file));
        self.maybe("reload_time_file", text(&globals.reload_time_file));
        self.flag("reload_repeat", globals.reload_repeat);
        self.maybe("tmp_config_directory", text(&globals.tmp_config_directory));
        self.maybe("config_save_dir", text(&globals.config_save_dir));
        self.line("data_use_instance", globals.data_use_instance);
        self.maybe("state_dump_file", text(&globals.state_dump_file));
        self.maybe("stats_dump_file", text(&globals.stats_dump_file));
        self.maybe("json_dump_file", text(&globals.json_dump_file));
        self.line("json_version", globals.json_version);
        self.maybe("nftables", text(&globals.nftables.table));
        self.line("nftables_priority", globals.nftables.priority);
        self.flag("nftables_ifindex", globals.nftables.ifindex);
        self.flag("nftables_counters", globals.nftables.counters);
        if let Some((input, output)) = &globals.iptables {
            let output = output.as_deref().map(word).unwrap_or_default();
            self.line("vrrp_iptables", format!("{} {output}", word(input)));
        }
        self.flag("enable_dbus", globals.dbus);
        self.maybe("dbus_service_name", text(&globals.dbus_service_name));
        self.maybe(
            "dbus_no_interface_name",
            text(&globals.dbus_no_interface_name),
        );
    }
}

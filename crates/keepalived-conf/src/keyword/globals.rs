//! `global_defs`.

use super::{
    ANY, BOOL, CHECKER, DBUS, FLAG, Keyword, LVS, SNMP, Takes, int, micros, optional, row, word,
};

/// Whole seconds that fit into 32 bits of microseconds.
const SECONDS: Takes = int(0, 4294);
const INTERVAL: Takes = micros(1, 4_294_967_295);
const DELAY: Takes = micros(1_000, 4_294_967_295);
const BUFFER: Takes = int(1, ANY);
const NICE: Takes = int(-20, 19);
const REALTIME: Takes = int(1, 99);
const PROCESS: &str = "there is one process with two threads, not one for each subsystem";

pub(super) const GLOBALS: &[Keyword] = &[
    // Identity, mail
    row(
        "router_id",
        word("NAME"),
        "the host name",
        "Name of this host in mails. It has nothing to do with virtual_router_id.",
    ),
    row(
        "notification_email",
        Takes::List { entry: "ADDRESS" },
        "",
        "Who gets mails on changes of state.",
    ),
    row(
        "notification_email_from",
        word("ADDRESS"),
        "USER@HOST",
        "Sender of the mails.",
    ),
    row(
        "smtp_server",
        word("HOST [PORT]"),
        "no mail is sent; port 25",
        "Mail server.",
    ),
    row(
        "smtp_helo_name",
        word("NAME"),
        "the host name",
        "Name in the HELO of mails.",
    ),
    row(
        "smtp_connect_timeout",
        SECONDS,
        "30",
        "How long to wait for the mail server.",
    )
    .unit("s"),
    row(
        "smtp_alert",
        BOOL,
        "false",
        "Whether instances and groups send mails.",
    ),
    row(
        "smtp_alert_vrrp",
        BOOL,
        "smtp_alert",
        "Whether instances and groups send mails.",
    ),
    row(
        "smtp_alert_checker",
        BOOL,
        "",
        "Mails of the health checkers.",
    )
    .no_effect(CHECKER),
    row("no_email_faults", FLAG, "", "No mail for FAULT."),
    row(
        "no_checker_emails",
        BOOL,
        "",
        "No mails of the health checkers.",
    )
    .no_effect(CHECKER),
    row(
        "checker_log_all_failures",
        BOOL,
        "",
        "Log every failure of a health checker.",
    )
    .no_effect(CHECKER),
    row(
        "rs_init_notifies",
        BOOL,
        "",
        "Notifications of real servers at the start.",
    )
    .no_effect(LVS),
    // Defaults of instances
    row(
        "vrrp_version",
        int(2, 3),
        "2; 3 for IPv6",
        "VRRP version of instances.",
    ),
    row(
        "vrrp_strict",
        BOOL,
        "false",
        "Hold to the RFC: no authentication, no answers on the virtual addresses, no unicast.",
    ),
    row(
        "vrrp_skip_check_adv_addr",
        BOOL,
        "false",
        "Check the addresses in adverts only when the sender changes.",
    ),
    row(
        "vrrp_check_unicast_src",
        FLAG,
        "",
        "Take unicast adverts only from configured peers.",
    ),
    row(
        "vrrp_mcast_group4",
        Takes::Address,
        "224.0.0.18",
        "Group of IPv4 adverts.",
    ),
    row(
        "vrrp_mcast_group6",
        Takes::Address,
        "ff02::12",
        "Group of IPv6 adverts.",
    ),
    row(
        "default_interface",
        Takes::Interface,
        "eth0",
        "Interface of static entries that name none.",
    ),
    row(
        "dynamic_interfaces",
        optional("[allow_if_changes]"),
        "",
        "Interfaces may come and go; without it, all must exist at the start.",
    ),
    row(
        "vrrp_garp_master_delay",
        SECONDS,
        "5",
        "Second burst of announcements so long after becoming MASTER; 0 none.",
    )
    .unit("s"),
    row(
        "vrrp_garp_master_repeat",
        int(0, ANY),
        "5",
        "Announcements of each address in a burst.",
    ),
    row(
        "vrrp_garp_master_refresh",
        SECONDS,
        "0",
        "Announce again every so often while MASTER; 0 never.",
    )
    .unit("s"),
    row(
        "vrrp_garp_master_refresh_repeat",
        int(0, ANY),
        "1",
        "Announcements of each address in a refresh.",
    ),
    row(
        "vrrp_garp_lower_prio_delay",
        SECONDS,
        "vrrp_garp_master_delay",
        "Second burst so long after an advert of lower priority.",
    )
    .unit("s"),
    row(
        "vrrp_garp_lower_prio_repeat",
        int(0, ANY),
        "vrrp_garp_master_repeat",
        "Announcements after an advert of lower priority.",
    ),
    row(
        "vrrp_garp_interval",
        INTERVAL,
        "none",
        "Least time between two gratuitous ARPs on an interface.",
    )
    .unit("s"),
    row(
        "vrrp_gna_interval",
        INTERVAL,
        "none",
        "Least time between two unsolicited neighbour advertisements on an interface.",
    )
    .unit("s"),
    row(
        "vrrp_min_garp",
        BOOL,
        "false",
        "One announcement when becoming MASTER and no more, where nothing else is set.",
    ),
    row(
        "vrrp_garp_extra_if",
        Takes::Words {
            syntax: "[all] SECONDS",
            required: 1,
        },
        "0",
        "While MASTER, announce every so often on each further interface that carries addresses.",
    ),
    row(
        "vrrp_vmac_garp_intvl",
        Takes::Words {
            syntax: "[all] SECONDS",
            required: 1,
        },
        "0",
        "While MASTER, announce every so often on each further interface that carries addresses.",
    )
    .old_name_of("vrrp_garp_extra_if"),
    row(
        "vrrp_down_timer_adverts",
        int(1, 100),
        "3",
        "Adverts that may be missed before the MASTER counts as gone.",
    ),
    row(
        "vrrp_lower_prio_no_advert",
        BOOL,
        "false",
        "Do not answer an advert of lower priority.",
    ),
    row(
        "vrrp_higher_prio_send_advert",
        BOOL,
        "false",
        "Send one more advert before giving way to a higher priority.",
    ),
    row(
        "vrrp_owner_ignore_adverts",
        BOOL,
        "false",
        "As address owner, ignore the adverts of others.",
    )
    .since("2.3.3"),
    row(
        "v3_checksum_as_v2",
        FLAG,
        "",
        "VRRPv3 over IPv4 without the pseudo-header in the checksum.",
    )
    .since("2.2.8"),
    row(
        "vrrp_startup_delay",
        DELAY,
        "0",
        "Timers begin so long after the start; adverts are ignored until then.",
    )
    .unit("s"),
    row(
        "vrrp_delay_after_boot",
        DELAY,
        "0",
        "The same, counted from the boot of the machine.",
    )
    .unit("s")
    .since("2.4.0"),
    row(
        "vrrp_notify_priority_changes",
        BOOL,
        "false",
        "Tell the FIFOs of changes of the priority.",
    ),
    row(
        "log_unknown_vrids",
        FLAG,
        "",
        "Log adverts with a VRID that is not configured.",
    ),
    row(
        "vmac_prefix",
        word("PREFIX"),
        "vrrp",
        "Names of macvlans begin with it.",
    ),
    row(
        "vmac_addr_prefix",
        word("PREFIX"),
        "vrrp",
        "Names of macvlans of single addresses begin with it.",
    ),
    row(
        "disable_local_igmp",
        FLAG,
        "",
        "Send no IGMP reports for link-local groups while running.",
    ),
    row(
        "vrrp_rx_bufs_policy",
        word("MTU|ADVERT|BYTES"),
        "the kernel's size",
        "What the receive buffers are sized by.",
    ),
    row(
        "vrrp_rx_bufs_multiplier",
        int(1, ANY),
        "3",
        "So many times the policy's size.",
    )
    .strict(),
    row(
        "vrrp_netlink_cmd_rcv_bufs",
        BUFFER,
        "the kernel's size",
        "Receive buffer of netlink commands.",
    )
    .unit("bytes"),
    row(
        "vrrp_netlink_cmd_rcv_bufs_force",
        BOOL,
        "false",
        "Beyond the system's limit.",
    ),
    row(
        "vrrp_netlink_monitor_rcv_bufs",
        BUFFER,
        "the kernel's size",
        "Receive buffer of netlink events.",
    )
    .unit("bytes"),
    row(
        "vrrp_netlink_monitor_rcv_bufs_force",
        BOOL,
        "false",
        "Beyond the system's limit.",
    ),
    row(
        "process_monitor_rcv_bufs",
        BUFFER,
        "the kernel's size",
        "Receive buffer of process events.",
    )
    .unit("bytes"),
    row(
        "process_monitor_rcv_bufs_force",
        BOOL,
        "false",
        "Beyond the system's limit.",
    ),
    row(
        "lvs_netlink_cmd_rcv_bufs",
        BUFFER,
        "",
        "Receive buffer of LVS.",
    )
    .unit("bytes")
    .no_effect(LVS),
    row(
        "lvs_netlink_cmd_rcv_bufs_force",
        BOOL,
        "",
        "Receive buffer of LVS.",
    )
    .no_effect(LVS),
    row(
        "lvs_netlink_monitor_rcv_bufs",
        BUFFER,
        "",
        "Receive buffer of LVS.",
    )
    .unit("bytes")
    .no_effect(LVS),
    row(
        "lvs_netlink_monitor_rcv_bufs_force",
        BOOL,
        "",
        "Receive buffer of LVS.",
    )
    .no_effect(LVS),
    // Scripts
    row(
        "script_user",
        word("USER [GROUP]"),
        "keepalived_script, else the daemon's user",
        "Who runs scripts.",
    ),
    row(
        "enable_script_security",
        FLAG,
        "",
        "Run no script as root that somebody else may change.",
    ),
    row(
        "notify_fifo",
        word("PATH [USER [GROUP]]"),
        "",
        "A named pipe that gets a line for each change.",
    ),
    row(
        "notify_fifo_script",
        Takes::Command,
        "",
        "A program that is started with the path of notify_fifo as its last argument.",
    ),
    row(
        "vrrp_notify_fifo",
        word("PATH [USER [GROUP]]"),
        "",
        "A named pipe that gets a line for each change of an instance or group.",
    ),
    row(
        "vrrp_notify_fifo_script",
        Takes::Command,
        "",
        "A program that is started with the path of vrrp_notify_fifo as its last argument.",
    ),
    row(
        "lvs_notify_fifo",
        word("PATH [USER [GROUP]]"),
        "",
        "A named pipe of LVS.",
    )
    .no_effect(LVS),
    row(
        "lvs_notify_fifo_script",
        Takes::Command,
        "",
        "A program for the named pipe of LVS.",
    )
    .no_effect(LVS),
    row(
        "fifo_write_vrrp_states_on_reload",
        FLAG,
        "",
        "Write every state to the FIFOs after a reload.",
    ),
    row(
        "startup_script",
        Takes::Command,
        "",
        "Run before anything else.",
    ),
    row(
        "startup_script_timeout",
        int(1, 1000),
        "10",
        "How long startup_script may take.",
    )
    .unit("s"),
    row(
        "shutdown_script",
        Takes::Command,
        "",
        "Run after everything else.",
    ),
    row(
        "shutdown_script_timeout",
        int(1, 1000),
        "10",
        "How long shutdown_script may take.",
    )
    .unit("s"),
    row(
        "set_supplementary_groups",
        BOOL,
        "false",
        "Scripts get the supplementary groups of their user.",
    )
    .since("2.4.0"),
    row(
        "use_symlink_paths",
        BOOL,
        "false",
        "Run scripts by the path as written, not by what it leads to.",
    )
    .since("2.3.0"),
    // Process
    row("vrrp_priority", NICE, "0", "Nice value."),
    row(
        "checker_priority",
        NICE,
        "",
        "Nice value of the health checkers.",
    )
    .no_effect(CHECKER),
    row("bfd_priority", NICE, "", "Nice value of BFD.").no_effect(PROCESS),
    row("vrrp_no_swap", FLAG, "", "Lock the memory of the process."),
    row(
        "checker_no_swap",
        FLAG,
        "",
        "Lock the memory of the health checkers.",
    )
    .no_effect(CHECKER),
    row("bfd_no_swap", FLAG, "", "Lock the memory of BFD.").no_effect(PROCESS),
    row(
        "vrrp_rt_priority",
        REALTIME,
        "none",
        "Real-time priority (SCHED_RR).",
    ),
    row(
        "checker_rt_priority",
        REALTIME,
        "",
        "Real-time priority of the health checkers.",
    )
    .no_effect(CHECKER),
    row(
        "bfd_rt_priority",
        REALTIME,
        "",
        "Real-time priority of BFD.",
    )
    .no_effect(PROCESS),
    row(
        "vrrp_cpu_affinity",
        word("CPU ..."),
        "all",
        "CPUs that the process may use.",
    ),
    row(
        "checker_cpu_affinity",
        word("CPU ..."),
        "",
        "CPUs of the health checkers.",
    )
    .no_effect(CHECKER),
    row("bfd_cpu_affinity", word("CPU ..."), "", "CPUs of BFD.").no_effect(PROCESS),
    row(
        "vrrp_rlimit_rttime",
        int(1, ANY),
        "10000",
        "Longest real-time run without a pause.",
    )
    .unit("µs"),
    row(
        "vrrp_rlimit_rtime",
        int(1, ANY),
        "10000",
        "Longest real-time run without a pause.",
    )
    .unit("µs")
    .old_name_of("vrrp_rlimit_rttime"),
    row(
        "checker_rlimit_rttime",
        int(1, ANY),
        "",
        "Longest real-time run of the health checkers.",
    )
    .unit("µs")
    .no_effect(CHECKER),
    row(
        "checker_rlimit_rtime",
        int(1, ANY),
        "",
        "Longest real-time run of the health checkers.",
    )
    .unit("µs")
    .no_effect(CHECKER),
    row(
        "bfd_rlimit_rttime",
        int(1, ANY),
        "",
        "Longest real-time run of BFD.",
    )
    .unit("µs")
    .no_effect(PROCESS),
    row(
        "bfd_rlimit_rtime",
        int(1, ANY),
        "",
        "Longest real-time run of BFD.",
    )
    .unit("µs")
    .no_effect(PROCESS),
    row(
        "max_auto_priority",
        optional("[PRIORITY]"),
        "0",
        "Raise to real-time priority, step by step up to this, when a timer fires late; -1 never.",
    ),
    row(
        "min_auto_priority_delay",
        int(1, 10_000_000),
        "1000000",
        "How late a timer must fire for that.",
    )
    .unit("µs"),
    row(
        "process_name",
        word("NAME"),
        "",
        "Name of the process in ps.",
    ),
    row(
        "vrrp_process_name",
        word("NAME"),
        "",
        "Name of the VRRP process in ps.",
    ),
    row(
        "checker_process_name",
        word("NAME"),
        "",
        "Name of the health checkers in ps.",
    )
    .no_effect(CHECKER),
    row(
        "lvs_process_name",
        word("NAME"),
        "",
        "Name of the health checkers in ps.",
    )
    .no_effect(CHECKER),
    row("bfd_process_name", word("NAME"), "", "Name of BFD in ps.").no_effect(PROCESS),
    row(
        "process_names",
        FLAG,
        "",
        "Standard names of the processes.",
    ),
    row(
        "umask",
        word("MODE"),
        "022",
        "Mode of files that are created; an octal number, or names like IWGRP joined by |.",
    ),
    row(
        "random_seed",
        int(0, ANY),
        "the time",
        "Seed of `${_RANDOM}`.",
    )
    .strict()
    .no_effect("the seed is taken before the file is read"),
    // Reload, dumps, directories
    row(
        "reload_check_config",
        optional("[LOG]"),
        "",
        "Keep the old configuration if the new one has errors.",
    ),
    row(
        "reload_time_file",
        word("PATH"),
        "",
        "Reload at the time that this file holds.",
    ),
    row(
        "reload_repeat",
        FLAG,
        "",
        "Do so again whenever the file changes.",
    ),
    row(
        "reload_file",
        optional("[PATH]"),
        "",
        "A file that exists while a reload runs.",
    ),
    row(
        "tmp_config_directory",
        word("DIRECTORY"),
        "",
        "Where a copy of the configuration is kept.",
    )
    .no_effect("one process reads the files; no copy is made"),
    row(
        "config_save_dir",
        word("DIRECTORY"),
        "",
        "Where the state is dumped before and after each reload.",
    ),
    row(
        "data_use_instance",
        BOOL,
        "false",
        "The names of dump files hold the instance and the namespace.",
    ),
    row(
        "state_dump_file",
        word("PATH"),
        "/tmp/keepalived.data",
        "The dump of SIGUSR1.",
    )
    .since("2.3.2"),
    row(
        "stats_dump_file",
        word("PATH"),
        "/tmp/keepalived.stats",
        "The dump of SIGUSR2.",
    )
    .since("2.3.2"),
    row(
        "json_dump_file",
        word("PATH"),
        "/tmp/keepalived.json",
        "The dump in JSON.",
    )
    .since("2.3.2"),
    row(
        "json_version",
        int(1, 2),
        "1",
        "Layout of the dump in JSON.",
    )
    .since("2.2.8"),
    row(
        "iproute_usr_dir",
        word("DIRECTORY"),
        "/usr/share/iproute2",
        "Where rt_tables and the like are read.",
    )
    .since("2.3.2"),
    row(
        "iproute_etc_dir",
        word("DIRECTORY"),
        "/etc/iproute2",
        "Where rt_tables and the like are read.",
    )
    .since("2.3.2"),
    row(
        "include_check",
        optional("[[+|-]read|match|wildcard_match|brace_match ...]"),
        "none",
        "What counts as an error of an include; without words, everything.",
    ),
    // Firewall
    row(
        "nftables",
        optional("[TABLE]"),
        "keepalived, when it is needed",
        "The table of firewall rules for no_accept and virtual MACs.",
    ),
    row(
        "nftables_priority",
        int(i32::MIN as i64, i32::MAX as i64),
        "-1",
        "Priority of its chains.",
    )
    .strict(),
    row(
        "nftables_ifindex",
        FLAG,
        "",
        "Use interface indices in rules.",
    ),
    row("nftables_counters", FLAG, "", "Count packets in rules."),
    row(
        "nftables_ipvs",
        optional("[TABLE]"),
        "",
        "The table of LVS.",
    )
    .no_effect(LVS),
    row(
        "nftables_ipvs_priority",
        int(i32::MIN as i64, i32::MAX as i64),
        "",
        "Priority of the chains of LVS.",
    )
    .no_effect(LVS),
    row(
        "nftables_ipvs_start_fwmark",
        int(1, ANY),
        "",
        "Firewall marks of LVS.",
    )
    .no_effect(LVS),
    row(
        "vrrp_iptables",
        optional("[IN [OUT]]"),
        "off; INPUT OUTPUT",
        "iptables chains for no_accept.",
    )
    .no_effect("nftables are used instead; see the keyword nftables"),
    row(
        "vrrp_ipsets",
        optional("[N4 [N6 [IF6 [IGMP [MLD [ND]]]]]]"),
        "",
        "Names of ipsets.",
    )
    .no_effect("nftables are used, not ipsets"),
    // D-Bus, SNMP
    row("enable_dbus", FLAG, "", "Serve D-Bus.").no_effect(DBUS),
    row(
        "dbus_service_name",
        word("NAME"),
        "org.keepalived.Vrrp1",
        "Name on the bus.",
    )
    .no_effect(DBUS),
    row(
        "dbus_no_interface_name",
        word("NAME"),
        "none",
        "What stands for an interface that is not given.",
    )
    .since("2.3.0")
    .no_effect(DBUS),
    row(
        "snmp_socket",
        word("SOCKET"),
        "",
        "Where the SNMP master agent listens.",
    )
    .no_effect(SNMP),
    row("enable_traps", FLAG, "", "Send SNMP traps.").no_effect(SNMP),
    row("enable_snmp_vrrp", FLAG, "", "Serve KEEPALIVED-MIB.").no_effect(SNMP),
    row("enable_snmp_keepalived", FLAG, "", "Serve KEEPALIVED-MIB.").no_effect(SNMP),
    row(
        "enable_snmp_checker",
        FLAG,
        "",
        "Serve the MIB of the health checkers.",
    )
    .no_effect(SNMP),
    row("enable_snmp_rfc", FLAG, "", "Serve the MIBs of the RFCs.").no_effect(SNMP),
    row("enable_snmp_rfcv2", FLAG, "", "Serve the MIB of RFC 2787.").no_effect(SNMP),
    row("enable_snmp_rfcv3", FLAG, "", "Serve the MIB of RFC 6527.").no_effect(SNMP),
    row(
        "snmp_vs_stats_update_interval",
        int(0, ANY),
        "",
        "Statistics of LVS.",
    )
    .since("2.2.8")
    .no_effect(SNMP),
    row(
        "snmp_rs_stats_update_interval",
        int(0, ANY),
        "",
        "Statistics of LVS.",
    )
    .since("2.2.8")
    .no_effect(SNMP),
    // LVS
    row(
        "lvs_timeouts",
        optional("[tcp N] [tcpfin N] [udp N]"),
        "",
        "Timeouts of LVS.",
    )
    .no_effect(LVS),
    row(
        "lvs_sync_daemon",
        optional("INTERFACE [INSTANCE] [OPTION ...]"),
        "",
        "The synchronisation of LVS.",
    )
    .no_effect(LVS),
    row(
        "lvs_flush",
        FLAG,
        "",
        "Empty the tables of LVS at the start.",
    )
    .no_effect(LVS),
    row(
        "lvs_flush_on_stop",
        optional("[VS]"),
        "",
        "Empty the tables of LVS at the end.",
    )
    .no_effect(LVS),
    row(
        "lvs_flush_onstop",
        optional("[VS]"),
        "",
        "Empty the tables of LVS at the end.",
    )
    .no_effect(LVS),
];

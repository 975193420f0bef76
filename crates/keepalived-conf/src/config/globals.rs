//! `global_defs` and the keywords of the top level.
//!
//! What is only a default for instances has been worked into them and is kept here as it was written.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::track::{Command, User};
use super::{Origin, Version};

/// What holds for the whole process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Globals {
    /// Where keywords were written.
    pub origin: Origin,
    /// `router_id`: a name of this host for mails. Default: the host name.
    pub router_id: Option<String>,
    /// Mails on changes of state.
    pub mail: Mail,

    /// `vrrp_version`. Default: 2, for IPv6 instances 3.
    pub version: Version,
    /// `vrrp_strict`.
    pub strict: bool,
    /// `vrrp_skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `vrrp_check_unicast_src`.
    pub check_unicast_source: bool,
    /// `vrrp_mcast_group4`. Default: 224.0.0.18.
    pub group_v4: Ipv4Addr,
    /// `vrrp_mcast_group6`. Default: ff02::12.
    pub group_v6: Ipv6Addr,
    /// `default_interface`: for static entries and addresses that name none. Default: eth0.
    pub default_interface: Option<String>,
    /// `dynamic_interfaces`.
    pub dynamic_interfaces: DynamicInterfaces,
    /// `vrrp_garp_interval`: least time between two gratuitous ARPs on one interface.
    pub garp_interval: Option<Duration>,
    /// `vrrp_gna_interval`: the same for unsolicited neighbour advertisements.
    pub gna_interval: Option<Duration>,
    /// The announcements of instances that do not say otherwise.
    pub garp: super::Garp,
    /// `vrrp_down_timer_adverts`. Range: 1..=100. Default: 3.
    pub down_timer_adverts: u8,
    /// `vrrp_lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `vrrp_higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `vrrp_owner_ignore_adverts`.
    pub owner_ignore_adverts: bool,
    /// `v3_checksum_as_v2`.
    pub v3_checksum_as_v2: bool,
    /// `vrrp_startup_delay`: adverts are ignored and timers wait that long after the start.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: the same, counted from the boot of the machine.
    pub delay_after_boot: Duration,
    /// `vrrp_notify_priority_changes`.
    pub notify_priority_changes: bool,
    /// `log_unknown_vrids`.
    pub log_unknown_vrids: bool,
    /// `vmac_prefix`: names of macvlans begin with it. Default: `vrrp`.
    pub vmac_prefix: String,
    /// `vmac_addr_prefix`: the same for `use_vmac` of addresses. Default: `vrrp`.
    pub vmac_addr_prefix: String,
    /// `disable_local_igmp`.
    pub disable_local_igmp: bool,
    /// Sizes of receive buffers.
    pub receive_buffers: ReceiveBuffers,
    /// `linkbeat_use_polling` at the top level: for every VRRP interface.
    pub linkbeat_polling: bool,

    /// `script_user`.
    pub script_user: Option<User>,
    /// `enable_script_security`.
    pub script_security: bool,
    /// `set_supplementary_groups`.
    pub supplementary_groups: bool,
    /// `use_symlink_paths`.
    pub symlink_paths: bool,
    /// `notify_fifo` and its script: of all subsystems.
    pub notify_fifo: Option<Fifo>,
    /// `vrrp_notify_fifo` and its script.
    pub vrrp_notify_fifo: Option<Fifo>,
    /// `fifo_write_vrrp_states_on_reload`.
    pub fifo_states_on_reload: bool,
    /// `startup_script`: before anything else.
    pub startup_script: Option<Command>,
    /// `startup_script_timeout`. Range: 1..=1000 s. Default: 10 s.
    pub startup_script_timeout: Duration,
    /// `shutdown_script`: after everything else.
    pub shutdown_script: Option<Command>,
    /// `shutdown_script_timeout`. Range: 1..=1000 s. Default: 10 s.
    pub shutdown_script_timeout: Duration,

    /// `vrrp_priority`: nice value. Range: -20..=19.
    pub nice: Option<i8>,
    /// `vrrp_no_swap`: lock memory.
    pub no_swap: bool,
    /// `vrrp_rt_priority`: SCHED_RR. Range: 1..=99.
    pub rt_priority: Option<u8>,
    /// `vrrp_cpu_affinity`.
    pub cpu_affinity: Vec<u32>,
    /// `vrrp_rlimit_rttime`. Unit: µs.
    pub rlimit_rttime: Option<Duration>,
    /// `max_auto_priority`. Range: -1..=99. Default: 0.
    pub max_auto_priority: Option<i8>,
    /// `min_auto_priority_delay`. Range: 1 µs..=10 s. Default: 1 s.
    pub min_auto_priority_delay: Duration,
    /// `process_name`.
    pub process_name: Option<String>,
    /// `vrrp_process_name`.
    pub vrrp_process_name: Option<String>,
    /// `process_names`.
    pub process_names: bool,
    /// `umask`, for files that are created.
    pub umask: Option<u32>,
    /// `random_seed`.
    pub random_seed: Option<u32>,

    /// `net_namespace`.
    pub net_namespace: Option<String>,
    /// `instance`: a name of this process.
    pub instance: Option<String>,
    /// `use_pid_dir`, or implied by the two before.
    pub use_pid_dir: bool,
    /// `child_wait_time`. Default: 5 s.
    pub child_wait_time: Duration,

    /// `reload_check_config`: `Some(None)` without a log file.
    pub reload_check_config: Option<Option<String>>,
    /// `reload_time_file`.
    pub reload_time_file: Option<String>,
    /// `reload_repeat`.
    pub reload_repeat: bool,
    /// `reload_file`: `Some(None)` for the default name.
    pub reload_file: Option<Option<String>>,
    /// `tmp_config_directory`.
    pub tmp_config_directory: Option<String>,
    /// `config_save_dir`.
    pub config_save_dir: Option<String>,
    /// `data_use_instance`.
    pub data_use_instance: bool,
    /// `state_dump_file`.
    pub state_dump_file: Option<String>,
    /// `stats_dump_file`.
    pub stats_dump_file: Option<String>,
    /// `json_dump_file`.
    pub json_dump_file: Option<String>,
    /// `json_version`. 1 or 2. Default: 1.
    pub json_version: u8,

    /// Firewall rules for `no_accept` and macvlans.
    pub nftables: Nftables,
    /// `vrrp_iptables`: chains for input and output.
    pub iptables: Option<(String, Option<String>)>,

    /// `enable_dbus`.
    pub dbus: bool,
    /// `dbus_service_name`.
    pub dbus_service_name: Option<String>,
    /// `dbus_no_interface_name`.
    pub dbus_no_interface_name: Option<String>,
}

impl Globals {
    /// Where static addresses go that name no interface, unless `default_interface` says otherwise.
    pub const DEFAULT_INTERFACE: &'static str = "eth0";
}

impl Default for Globals {
    fn default() -> Self {
        Self {
            origin: Origin::default(),
            router_id: None,
            mail: Mail::default(),
            version: Version::V2,
            strict: false,
            skip_check_adv_addr: false,
            check_unicast_source: false,
            group_v4: Ipv4Addr::new(224, 0, 0, 18),
            group_v6: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12),
            default_interface: None,
            dynamic_interfaces: DynamicInterfaces::No,
            garp_interval: None,
            gna_interval: None,
            garp: super::Garp::default(),
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            v3_checksum_as_v2: false,
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            notify_priority_changes: false,
            log_unknown_vrids: false,
            vmac_prefix: "vrrp".to_owned(),
            vmac_addr_prefix: "vrrp".to_owned(),
            disable_local_igmp: false,
            receive_buffers: ReceiveBuffers::default(),
            linkbeat_polling: false,
            script_user: None,
            script_security: false,
            supplementary_groups: false,
            symlink_paths: false,
            notify_fifo: None,
            vrrp_notify_fifo: None,
            fifo_states_on_reload: false,
            startup_script: None,
            startup_script_timeout: Duration::from_secs(10),
            shutdown_script: None,
            shutdown_script_timeout: Duration::from_secs(10),
            nice: None,
            no_swap: false,
            rt_priority: None,
            cpu_affinity: Vec::new(),
            rlimit_rttime: None,
            max_auto_priority: None,
            min_auto_priority_delay: Duration::from_secs(1),
            process_name: None,
            vrrp_process_name: None,
            process_names: false,
            umask: None,
            random_seed: None,
            net_namespace: None,
            instance: None,
            use_pid_dir: false,
            child_wait_time: Duration::from_secs(5),
            reload_check_config: None,
            reload_time_file: None,
            reload_repeat: false,
            reload_file: None,
            tmp_config_directory: None,
            config_save_dir: None,
            data_use_instance: false,
            state_dump_file: None,
            stats_dump_file: None,
            json_dump_file: None,
            json_version: 1,
            nftables: Nftables::default(),
            iptables: None,
            dbus: false,
            dbus_service_name: None,
            dbus_no_interface_name: None,
        }
    }
}

/// Mails on changes of state. None are sent without a server and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `notification_email`.
    pub to: Vec<String>,
    /// `notification_email_from`. Default: the daemon's user at this host.
    pub from: Option<String>,
    /// `smtp_server`: address or name, and port. Default of the port: 25.
    pub server: Option<(String, u16)>,
    /// `smtp_helo_name`. Default: the name of this host.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`. Default: 30 s.
    pub timeout: Duration,
    /// `smtp_alert`, or `smtp_alert_vrrp` if that is given: what instances and groups do by default.
    pub alert: bool,
    /// `no_email_faults`: none for FAULT.
    pub no_faults: bool,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            to: Vec::new(),
            from: None,
            server: None,
            helo: None,
            timeout: Duration::from_secs(30),
            alert: false,
            no_faults: false,
        }
    }
}

/// `dynamic_interfaces`: may interfaces come and go?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DynamicInterfaces {
    /// All must be there at the start.
    #[default]
    No,
    /// They may come later.
    Yes,
    /// `allow_if_changes`: they may also come back as another type.
    AllowChanges,
}

/// A named pipe that gets a line for each change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fifo {
    /// The pipe; it is made if it is not there.
    pub path: String,
    /// Who owns it. Default: the daemon's user.
    pub owner: Option<User>,
    /// A program to start with the path as its last argument.
    pub script: Option<Command>,
}

/// Sizes of socket receive buffers. Unit: bytes. Default: the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveBuffers {
    /// `vrrp_rx_bufs_policy`.
    pub policy: Option<ReceivePolicy>,
    /// `vrrp_rx_bufs_multiplier`. Default: 3.
    pub multiplier: Option<u32>,
    /// `vrrp_netlink_cmd_rcv_bufs`.
    pub netlink_commands: Option<u32>,
    /// `vrrp_netlink_cmd_rcv_bufs_force`.
    pub netlink_commands_force: bool,
    /// `vrrp_netlink_monitor_rcv_bufs`.
    pub netlink_monitor: Option<u32>,
    /// `vrrp_netlink_monitor_rcv_bufs_force`.
    pub netlink_monitor_force: bool,
    /// `process_monitor_rcv_bufs`.
    pub process_monitor: Option<u32>,
    /// `process_monitor_rcv_bufs_force`.
    pub process_monitor_force: bool,
}

/// What the buffer of an advert socket is sized by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceivePolicy {
    /// By the interface's MTU.
    Mtu,
    /// By the length of the adverts.
    Advert,
    /// Exactly so many bytes.
    Bytes(u32),
}

/// `nftables`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nftables {
    /// Name of the table; `None`: use one only if it is needed, with the name `keepalived`.
    pub table: Option<String>,
    /// `nftables_priority`. Default: -1.
    pub priority: i32,
    /// `nftables_ifindex`.
    pub ifindex: bool,
    /// `nftables_counters`.
    pub counters: bool,
}

impl Default for Nftables {
    fn default() -> Self {
        Self {
            table: None,
            priority: -1,
            ifindex: false,
            counters: false,
        }
    }
}

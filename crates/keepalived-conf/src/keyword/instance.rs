//! `vrrp_instance` and the blocks in it.

use super::{
    ANY, BFD, BOOL, Block, FLAG, Keyword, LINKBEAT, LVS, Takes, int, micros, optional, row, word,
};

/// Whole seconds that fit into 32 bits of microseconds.
const SECONDS: Takes = int(0, 4294);
const TRACKED: &str = "NAME [weight N [reverse|noreverse]]";

const fn block(block: Block) -> Takes {
    Takes::Block {
        block,
        name: None,
        unique: false,
    }
}

#[rustfmt::skip] // a row of the table is a line
pub(super) const INSTANCE: &[Keyword] = &[
    row("state", Takes::Choice(&["MASTER", "BACKUP"]), "BACKUP; MASTER with priority 255", "What the instance would like to be at the start. It decides very little; `priority` does."),
    row("interface", Takes::Interface, "none; required", "Interface that adverts use and addresses are put on."),
    row("virtual_router_id", int(1, 255), "none; required", "Number of the virtual router; the same on all its nodes, and no one else's on the network.").strict(),
    row("priority", int(1, 255), "100; 255 with state MASTER", "The highest one is MASTER. 255 is for the owner of the addresses.").strict(),
    row("advert_int", micros(10_000, 255_000_000), "1", "Time between adverts; the same on all nodes. VRRPv2 knows whole seconds, VRRPv3 10 ms to 40.95 s.").unit("s"),
    row("virtual_ipaddress", Takes::Lines { entry: "ADDRESS[/LEN] [OPTION ...]" }, "none; required", "Addresses of the virtual router, in adverts; the same on all nodes."),
    row("virtual_ipaddress_excluded", Takes::Lines { entry: "ADDRESS[/LEN] [OPTION ...]" }, "", "Addresses that come and go likewise and are not in adverts."),
    row("virtual_routes", Takes::Lines { entry: "DESTINATION[/LEN] [OPTION ...]" }, "", "Routes that are there while MASTER."),
    row("virtual_rules", Takes::Lines { entry: "[SELECTOR ...] ACTION" }, "", "Routing rules that are there while MASTER."),
    row("no_virtual_ipaddress", FLAG, "", "That there are no addresses is intended.").since("2.2.8"),
    row("authentication", block(Block::Authentication), "", "VRRPv2 authentication; it keeps accidents apart, not attackers."),
    row("auth_hmac", block(Block::Hmac), "", "Adverts carry a keyed HMAC.").since("2.4.0"),
    row("version", int(2, 3), "vrrp_version", "VRRP version."),
    row("nopreempt", FLAG, "", "Do not take over from a working MASTER of lower priority."),
    row("preempt", FLAG, "", "Undoes nopreempt."),
    row("preempt_delay", micros(0, 1_000_000_000), "0", "Take over from a working MASTER of lower priority only so long after it was first heard.").unit("s"),
    row("notify_master", Takes::Command, "", "Run when it becomes MASTER."),
    row("notify_backup", Takes::Command, "", "Run when it becomes BACKUP."),
    row("notify_fault", Takes::Command, "", "Run when it is in FAULT."),
    row("notify_stop", Takes::Command, "", "Run when the process stops."),
    row("notify", Takes::Command, "", "Run at every change, with INSTANCE, name, state and priority as further arguments."),
    row("notify_deleted", Takes::Words { syntax: "[\"PROGRAM ARGUMENT ...\" [USER [GROUP]]]", required: 0 }, "", "Run when a reload removes the instance, which is told as FAULT otherwise."),
    row("notify_master_rx_lower_pri", Takes::Command, "", "Run when the MASTER hears an advert of lower priority."),
    row("notify_priority_changes", BOOL, "vrrp_notify_priority_changes", "Tell the FIFOs of changes of the priority."),
    row("smtp_alert", BOOL, "global smtp_alert", "Send mails."),
    row("track_interface", Takes::Lines { entry: "INTERFACE [weight N [reverse]]" }, "", "Interfaces whose state counts."),
    row("track_script", Takes::Lines { entry: TRACKED }, "", "Scripts (vrrp_script, defined above) whose result counts."),
    row("track_file", Takes::Lines { entry: TRACKED }, "", "Files (track_file, defined above) whose number counts."),
    row("track_process", Takes::Lines { entry: TRACKED }, "", "Processes (vrrp_track_process, defined above) that count."),
    row("track_bfd", Takes::Lines { entry: TRACKED }, "", "BFD sessions (bfd_instance, defined above) that count.").no_effect(BFD),
    row("dont_track_primary", FLAG, "", "The loss of its own interface is no fault."),
    row("track_src_ip", FLAG, "", "The absence of the configured source address is a fault; here it is without this keyword, too."),
    row("mcast_src_ip", Takes::Address, "first address of the interface", "Source address of adverts."),
    row("unicast_src_ip", Takes::Address, "first address of the interface", "Source address of unicast adverts."),
    row("unicast_peer", Takes::Lines { entry: "ADDRESS [min_ttl N] [max_ttl N]" }, "", "Send adverts to these addresses and not to the group."),
    row("unicast_ttl", int(0, 255), "255; the kernel's for IPv6", "TTL of unicast adverts.").strict(),
    row("check_unicast_src", FLAG, "", "Take unicast adverts only from peers."),
    row("unicast_fault_no_peer", FLAG, "", "Without a peer, be in FAULT and do not use multicast."),
    row("old_unicast_checksum", optional("[never]"), "detected", "Compute checksums of VRRPv3 unicast as keepalived did before 2015."),
    row("mcast_dst_ip", Takes::Address, "vrrp_mcast_group4, vrrp_mcast_group6", "Group of adverts."),
    row("garp_master_delay", SECONDS, "vrrp_garp_master_delay", "Second burst of announcements so long after becoming MASTER; 0 none.").unit("s"),
    row("garp_master_repeat", int(0, ANY), "vrrp_garp_master_repeat", "Announcements of each address in a burst."),
    row("garp_master_refresh", SECONDS, "vrrp_garp_master_refresh", "Announce again every so often while MASTER; 0 never.").unit("s"),
    row("garp_master_refresh_repeat", int(0, ANY), "vrrp_garp_master_refresh_repeat", "Announcements of each address in a refresh."),
    row("garp_lower_prio_delay", SECONDS, "vrrp_garp_lower_prio_delay", "Second burst so long after an advert of lower priority.").unit("s"),
    row("garp_lower_prio_repeat", int(0, ANY), "vrrp_garp_lower_prio_repeat", "Announcements after an advert of lower priority."),
    row("garp_extra_if", Takes::Words { syntax: "[all] SECONDS", required: 1 }, "vrrp_garp_extra_if", "While MASTER, announce one address every so often on each further interface with a virtual MAC; `all`: on every further one."),
    row("vmac_garp_intvl", Takes::Words { syntax: "[all] SECONDS", required: 1 }, "vrrp_garp_extra_if", "While MASTER, announce one address every so often on each further interface with a virtual MAC; `all`: on every further one.").old_name_of("garp_extra_if"),
    row("down_timer_adverts", int(1, 100), "vrrp_down_timer_adverts", "Adverts that may be missed before the MASTER counts as gone."),
    row("lower_prio_no_advert", BOOL, "vrrp_lower_prio_no_advert", "Do not answer an advert of lower priority."),
    row("higher_prio_send_advert", BOOL, "vrrp_higher_prio_send_advert", "Send one more advert before giving way to a higher priority."),
    row("owner_ignore_adverts", BOOL, "vrrp_owner_ignore_adverts", "As address owner, ignore the adverts of others.").since("2.3.3"),
    row("timer_expired_backup", optional("[PRIORITY]"), "off; 254", "After a stall in which a peer of that priority would have taken over, become BACKUP; needs nopreempt.").since("2.2.8"),
    row("thread_timer_expired", optional("[PRIORITY]"), "off; 254", "After a stall in which a peer of that priority would have taken over, become BACKUP; needs nopreempt.").since("2.2.8").old_name_of("timer_expired_backup"),
    row("skip_check_adv_addr", BOOL, "vrrp_skip_check_adv_addr", "Check the addresses in adverts only when the sender changes. In keepalived, `off` sets it as well."),
    row("strict_mode", BOOL, "vrrp_strict", "Hold to the RFC."),
    row("v3_checksum_as_v2", BOOL, "global v3_checksum_as_v2", "VRRPv3 over IPv4 without the pseudo-header in the checksum.").since("2.2.8"),
    row("accept", FLAG, "", "Accept traffic to the addresses; the default, unless strict."),
    row("no_accept", FLAG, "", "Drop traffic to the addresses, unless their owner."),
    row("promote_secondaries", FLAG, "", "Set the sysctl promote_secondaries on the interface."),
    row("use_vmac", optional("[[name] INTERFACE] [MAC] [netlink_notify_msg] [group N]"), "", "Use the virtual MAC address of the RFC, on a macvlan."),
    row("use_vmac_addr", FLAG, "", "Virtual MAC addresses also for addresses on other interfaces."),
    row("vmac_xmit_base", FLAG, "", "Send adverts from the base interface and not from the macvlan."),
    row("use_ipvlan", optional("[[name] INTERFACE] [ADDRESS] [bridge|private|vepa] [group N]"), "", "Put the addresses on an ipvlan."),
    row("vrf", Takes::Interface, "", "The VRF of unicast without an interface.").no_effect("every instance has an interface, as with keepalived 2.2.7, and is in the VRF of that"),
    row("kernel_rx_buf_size", int(1, ANY), "vrrp_rx_bufs_policy", "Receive buffer of the advert socket.").strict().unit("bytes").no_effect("each socket asks for 4 MiB, more than any burst of adverts"),
    row("debug", int(0, 4), "0", "Verbosity of keepalived's own debugging.").no_effect("it has none in keepalived either; use the log levels"),
    row("native_ipv6", FLAG, "", "The instance is IPv6.").no_effect("the family follows from the addresses; it is still honoured"),
    row("linkbeat_use_polling", FLAG, "", "Poll the link of the interface.").no_effect(LINKBEAT),
    row("lvs_sync_daemon_interface", word("INTERFACE"), "", "The synchronisation of LVS.").no_effect(LVS),
];

pub(super) const AUTHENTICATION: &[Keyword] = &[
    row(
        "auth_type",
        Takes::Choice(&["PASS", "AH"]),
        "none; required",
        "PASS: a password in clear text; AH: an IP Authentication Header.",
    ),
    row(
        "auth_pass",
        word("PASSWORD"),
        "none; required",
        "The password; eight bytes of it are used.",
    ),
];

pub(super) const HMAC: &[Keyword] = &[
    row(
        "key",
        Takes::Words {
            syntax: "ID hex:DIGITS|TEXT|file:PATH",
            required: 2,
        },
        "none; required",
        "A key of 32 to 64 bytes; may be repeated with other ids.",
    ),
    row(
        "active_key",
        int(1, 255),
        "none; required",
        "The key that signs.",
    ),
    row(
        "anti_replay",
        Takes::Choice(&["time", "monotonic"]),
        "time",
        "What stops old adverts from being sent again.",
    ),
    row(
        "time_window",
        int(1, 300),
        "3 * advert_int, at least 5",
        "How far the clocks of nodes may differ.",
    )
    .unit("s"),
    row(
        "mode",
        Takes::Choice(&["enforce", "permissive", "receive-only"]),
        "enforce",
        "enforce signs and requires, permissive signs, receive-only checks what is signed.",
    ),
];

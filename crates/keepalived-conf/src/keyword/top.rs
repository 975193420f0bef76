//! The top level.

use super::{ANY, Block, CHECKER, FLAG, Keyword, LINKBEAT, LVS, Takes, int, optional, row, word};

const fn block(block: Block, name: Option<&'static str>, unique: bool) -> Takes {
    Takes::Block {
        block,
        name,
        unique,
    }
}

pub(super) const TOP: &[Keyword] = &[
    row(
        "global_defs",
        block(Block::Globals, None, false),
        "",
        "Settings of the whole process; may be repeated.",
    ),
    row(
        "vrrp_instance",
        block(Block::Instance, Some("NAME"), true),
        "",
        "A virtual router: addresses that one of several hosts has at a time.",
    ),
    row(
        "vrrp_script",
        block(Block::Script, Some("NAME"), false),
        "",
        "A program that is run at intervals to see whether a service works.",
    ),
    row(
        "vrrp_sync_group",
        block(Block::SyncGroup, Some("NAME"), true),
        "",
        "Instances that are MASTER together or not at all.",
    ),
    row(
        "vrrp_track_process",
        block(Block::TrackProcess, Some("NAME"), false),
        "",
        "Processes that are watched.",
    ),
    row(
        "track_file",
        block(Block::TrackFile, Some("NAME"), false),
        "",
        "A file that holds a number which changes the priority.",
    ),
    row(
        "vrrp_track_file",
        block(Block::TrackFile, Some("NAME"), false),
        "",
        "A file that holds a number which changes the priority.",
    )
    .old_name_of("track_file"),
    row(
        "bfd_instance",
        block(Block::Bfd, Some("NAME"), true),
        "",
        "A BFD session (RFC 5880).",
    ),
    row(
        "static_ipaddress",
        Takes::Lines {
            entry: "ADDRESS[/LEN] [OPTION ...]",
        },
        "",
        "Addresses that are there while the process runs.",
    ),
    row(
        "static_routes",
        Takes::Lines {
            entry: "DESTINATION[/LEN] [OPTION ...]",
        },
        "",
        "Routes that are there while the process runs.",
    ),
    row(
        "static_rules",
        Takes::Lines {
            entry: "[SELECTOR ...] ACTION",
        },
        "",
        "Routing rules that are there while the process runs.",
    ),
    row(
        "track_group",
        block(Block::TrackGroup, Some("NAME"), true),
        "",
        "Instances that static addresses, routes and rules are tied to.",
    ),
    row(
        "garp_group",
        block(Block::GarpGroup, None, false),
        "",
        "A gap between announcements that interfaces share.",
    ),
    row(
        "interface_up_down_delays",
        Takes::Lines {
            entry: "INTERFACE DOWN [UP]",
        },
        "",
        "How long changes of a link are held back.",
    ),
    row(
        "linkbeat_interfaces",
        Takes::Lines {
            entry: "INTERFACE [MII|ETHTOOL|IOCTL]",
        },
        "",
        "Interfaces whose link is polled.",
    )
    .no_effect(LINKBEAT),
    row(
        "linkbeat_use_polling",
        FLAG,
        "",
        "Poll the link of every VRRP interface.",
    )
    .no_effect(LINKBEAT),
    row(
        "net_namespace",
        word("NAME"),
        "",
        "Run in the network namespace of that name; implies use_pid_dir. Not changed by a reload.",
    ),
    row(
        "net_namespace_ipvs",
        optional("[NAME]"),
        "",
        "Network namespace of LVS.",
    )
    .no_effect(LVS),
    row(
        "namespace_with_ipsets",
        FLAG,
        "",
        "Allow ipsets in a namespace on old kernels.",
    )
    .no_effect("nftables are used, not ipsets"),
    row(
        "instance",
        word("NAME"),
        "",
        "Name of this process, for pid files and dump files; implies use_pid_dir. Not changed by a reload.",
    ),
    row(
        "use_pid_dir",
        FLAG,
        "",
        "Keep pid files in /run/keepalived.",
    ),
    row(
        "child_wait_time",
        int(0, ANY),
        "5",
        "How long to wait for the work to end when the process stops.",
    )
    .unit("s")
    .no_effect("there is one process; at its end it waits a second for notification programs"),
    row(
        "virtual_server",
        Takes::Skipped,
        "",
        "A virtual server of LVS.",
    )
    .no_effect(LVS),
    row(
        "virtual_server_group",
        Takes::Skipped,
        "",
        "Virtual servers of LVS.",
    )
    .no_effect(LVS),
    row("SSL", Takes::Skipped, "", "Keys of the health checkers.").no_effect(CHECKER),
];

//! Trackers and groups.

use super::{ANY, BFD, BOOL, FLAG, Keyword, Takes, int, micros, millis, optional, row, word};

const TRACKED: &str = "NAME [weight N [reverse|noreverse]]";
const WEIGHT: Takes = Takes::Weight { max: 253 };
const WIDE_WEIGHT: Takes = Takes::Weight { max: 254 };
const HOUR: Takes = micros(1, 3_600_000_000);

pub(super) const SCRIPT: &[Keyword] = &[
    row(
        "script",
        Takes::Command,
        "none; required",
        "What is run; exit status 0 is good. There is no shell.",
    ),
    row(
        "interval",
        millis(1, 4_294_967_000),
        "1",
        "Time between two runs. keepalived 2.2.7 takes whole seconds only.",
    )
    .unit("s"),
    row(
        "timeout",
        millis(1, 4_294_967_000),
        "interval",
        "How long a run may take.",
    )
    .unit("s"),
    row(
        "weight",
        WEIGHT,
        "0",
        "0: a failure is a fault. Positive: added while good. Negative: added while bad.",
    ),
    row(
        "rise",
        int(1, ANY),
        "1",
        "Good results in a row until it counts as good.",
    ),
    row(
        "fall",
        int(1, ANY),
        "1",
        "Bad results in a row until it counts as bad.",
    ),
    row(
        "user",
        word("USER [GROUP]"),
        "script_user",
        "Who runs it; `:GROUP` or `:` adds the user's supplementary groups (keepalived 2.4.0).",
    ),
    row(
        "init_fail",
        FLAG,
        "",
        "It counts as bad until the first good result.",
    ),
];

pub(super) const TRACK_FILE: &[Keyword] = &[
    row("file", word("PATH"), "none; required", "The file."),
    row(
        "weight",
        WIDE_WEIGHT,
        "1",
        "The number in the file, times this, is added to the priority. 0: a number other than 0 is a fault.",
    ),
    row(
        "init_file",
        optional("[VALUE] [overwrite]"),
        "",
        "Write VALUE (0) to the file at the start if it is missing, or always.",
    ),
];

pub(super) const TRACK_PROCESS: &[Keyword] = &[
    row(
        "process",
        word("PROGRAM [PARAMETER ...]"),
        "none; required",
        "The process to look for.",
    ),
    row(
        "param_match",
        optional("[initial|partial]"),
        "exact with parameters",
        "How parameters are compared.",
    ),
    row(
        "weight",
        WIDE_WEIGHT,
        "0",
        "0: too few or too many is a fault. Positive: added while good. Negative: added while bad.",
    ),
    row("quorum", int(1, 65535), "1", "At least so many."),
    row("quorum_max", int(0, 65535), "unlimited", "At most so many."),
    row("delay", HOUR, "0", "terminate_delay and fork_delay in one.").unit("s"),
    row(
        "terminate_delay",
        HOUR,
        "0",
        "How long a loss is held back.",
    )
    .unit("s"),
    row("fork_delay", HOUR, "0", "How long a gain is held back.").unit("s"),
    row(
        "full_command",
        FLAG,
        "",
        "Compare the command line, not the 15 characters of the name.",
    ),
];

pub(super) const SYNC_GROUP: &[Keyword] = &[
    row(
        "group",
        Takes::List { entry: "INSTANCE" },
        "none; required",
        "The members; they may be defined further down.",
    ),
    row(
        "track_interface",
        Takes::Lines {
            entry: "INTERFACE [weight N [reverse]]",
        },
        "",
        "Interfaces whose state counts for all members.",
    ),
    row(
        "track_script",
        Takes::Lines { entry: TRACKED },
        "",
        "Scripts whose result counts for all members.",
    ),
    row(
        "track_file",
        Takes::Lines { entry: TRACKED },
        "",
        "Files whose number counts for all members.",
    ),
    row(
        "track_process",
        Takes::Lines { entry: TRACKED },
        "",
        "Processes that count for all members.",
    ),
    row(
        "track_bfd",
        Takes::Lines { entry: TRACKED },
        "",
        "BFD sessions that count for all members.",
    )
    .no_effect(BFD),
    row(
        "notify_master",
        Takes::Command,
        "",
        "Run when the group becomes MASTER.",
    ),
    row(
        "notify_backup",
        Takes::Command,
        "",
        "Run when the group becomes BACKUP.",
    ),
    row(
        "notify_fault",
        Takes::Command,
        "",
        "Run when the group is in FAULT.",
    ),
    row(
        "notify_stop",
        Takes::Command,
        "",
        "Run when the process stops.",
    ),
    row(
        "notify",
        Takes::Command,
        "",
        "Run at every change, with GROUP, name, state and 0 as further arguments.",
    ),
    row("smtp_alert", BOOL, "global smtp_alert", "Send mails."),
    row(
        "notify_priority_changes",
        BOOL,
        "vrrp_notify_priority_changes",
        "Tell the FIFOs of changes of the priority of members.",
    ),
    row(
        "sync_group_tracking_weight",
        FLAG,
        "",
        "Members keep trackers with weights.",
    ),
    row(
        "global_tracking",
        FLAG,
        "",
        "Members keep trackers with weights.",
    )
    .old_name_of("sync_group_tracking_weight"),
];

pub(super) const TRACK_GROUP: &[Keyword] = &[row(
    "group",
    Takes::List { entry: "INSTANCE" },
    "none; required",
    "The instances.",
)];

pub(super) const GARP_GROUP: &[Keyword] = &[
    row(
        "garp_interval",
        micros(0, 4_294_967_295),
        "none",
        "Least time between two gratuitous ARPs.",
    )
    .unit("s"),
    row(
        "gna_interval",
        micros(0, 4_294_967_295),
        "none",
        "Least time between two unsolicited neighbour advertisements.",
    )
    .unit("s"),
    row("interface", Takes::Interface, "", "An interface."),
    row(
        "interfaces",
        Takes::List { entry: "INTERFACE" },
        "",
        "Several interfaces.",
    ),
];

pub(super) const BFD_INSTANCE: &[Keyword] = &[
    row(
        "neighbor_ip",
        Takes::Address,
        "none; required",
        "The other end.",
    )
    .no_effect(BFD),
    row(
        "neighbour_ip",
        Takes::Address,
        "none; required",
        "The other end.",
    )
    .no_effect(BFD),
    row(
        "source_ip",
        Takes::Address,
        "the kernel's choice",
        "Own address.",
    )
    .no_effect(BFD),
    row(
        "min_rx",
        millis(1_000, 4_294_967_000),
        "10",
        "Least time between received packets.",
    )
    .unit("ms")
    .no_effect(BFD),
    row(
        "min_tx",
        millis(1_000, 4_294_967_000),
        "10",
        "Least time between sent packets.",
    )
    .unit("ms")
    .no_effect(BFD),
    row(
        "idle_tx",
        millis(1_000_000, 4_294_967_000),
        "1000",
        "Time between sent packets while the session is not up.",
    )
    .unit("ms")
    .no_effect(BFD),
    row(
        "multiplier",
        int(1, 255),
        "5",
        "Packets that may be missed.",
    )
    .no_effect(BFD),
    row("passive", FLAG, "", "Wait for the other end to begin.").no_effect(BFD),
    row("ttl", int(1, 255), "255; 64 for IPv6", "TTL of packets.").no_effect(BFD),
    row(
        "hoplimit",
        int(1, 255),
        "255; 64 for IPv6",
        "Hop limit of packets.",
    )
    .no_effect(BFD),
    row(
        "max_hops",
        int(-1, 255),
        "0",
        "Hops that a packet may have made; -1 any.",
    )
    .no_effect(BFD),
    row("multihop", BOOL, "false", "Multihop BFD (RFC 5883).")
        .since("2.2.8")
        .no_effect(BFD),
    row(
        "weight",
        WEIGHT,
        "0",
        "0: down is a fault. Positive: added while up. Negative: added while down.",
    )
    .no_effect(BFD),
    row("vrrp", FLAG, "", "Only VRRP follows the session.").no_effect(BFD),
    row(
        "checker",
        FLAG,
        "",
        "Only the health checkers follow the session.",
    )
    .no_effect(BFD),
];

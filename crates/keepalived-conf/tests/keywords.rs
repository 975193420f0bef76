//! The table of keywords against the reader: every row is read as it says, and does something.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use keepalived_conf::keyword::{self, Block, Keyword, Status, Takes};
use keepalived_conf::{Code, Loaded, Peer, Severity, parse};

/// A file in which `line` stands in `block`, and everything around it is right.
fn within(block: Block, line: &str) -> String {
    let instance = |lines: &str| {
        format!(
            "vrrp_instance V {{\n interface eth0\n virtual_router_id 1\n{lines}\n virtual_ipaddress {{\n 10.0.0.1\n }}\n}}\n"
        )
    };
    let script = |lines: &str| format!("vrrp_script s {{\n script /bin/true\n{lines}\n}}\n");
    let file = |lines: &str| format!("track_file f {{\n file /run/f\n{lines}\n}}\n");
    let process = |lines: &str| format!("vrrp_track_process p {{\n process p\n{lines}\n}}\n");
    let bfd = |lines: &str| format!("bfd_instance b {{\n neighbor_ip 10.0.0.9\n{lines}\n}}\n");
    let others = script("") + &file("") + &process("") + &bfd("");
    let uses = "track_script {\n s\n }\n track_file {\n f\n }\n track_process {\n p\n }\n track_bfd {\n b\n }";
    match block {
        Block::Top => format!("{line}\n{}", instance("")),
        Block::Globals => format!("global_defs {{\n{line}\n}}\n{}", instance("")),
        Block::Instance => others + &instance(line),
        Block::Authentication => instance(&format!("authentication {{\n{line}\n}}")),
        Block::Hmac => instance(&format!(
            "auth_hmac {{\n key 1 {KEY}\n key 2 {KEY}\n active_key 1\n{line}\n}}"
        )),
        Block::SyncGroup => format!(
            "{others}vrrp_sync_group G {{\n group {{\n V\n }}\n{line}\n}}\n{}",
            instance("")
        ),
        Block::Script => script(line) + &instance(uses.split_inclusive("}").next().unwrap()),
        Block::TrackFile => file(line) + &instance("track_file {\n f\n }"),
        Block::TrackProcess => process(line) + &instance("track_process {\n p\n }"),
        Block::TrackGroup => format!("track_group T {{\n{line}\n}}\n{}", instance("")),
        Block::GarpGroup => format!(
            "garp_group {{\n garp_interval 1\n{line}\n}}\n{}",
            instance("")
        ),
        Block::Bfd => bfd(line) + &instance("track_bfd {\n b\n }"),
    }
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn read(block: Block, line: &str) -> Loaded {
    parse(&within(block, line))
}

fn all() -> impl Iterator<Item = (Block, &'static Keyword)> {
    Block::ALL
        .iter()
        .flat_map(|&block| block.keywords().iter().map(move |keyword| (block, keyword)))
}

fn codes(loaded: &Loaded) -> Vec<Code> {
    loaded
        .diagnostics
        .iter()
        .map(|finding| finding.code)
        .collect()
}

/// Values that are good and not the default.
fn good(block: Block, keyword: &Keyword) -> Vec<String> {
    let name = keyword.name;
    let lines = |entry: &str| vec![format!("{name} {{\n{entry}\n}}")];
    match (block, name) {
        (_, "smtp_server") => return vec!["smtp_server 10.0.0.1 26".into()],
        (_, "vrrp_mcast_group4") => return vec!["vrrp_mcast_group4 224.0.0.19".into()],
        (_, "vrrp_mcast_group6") => return vec!["vrrp_mcast_group6 ff02::13".into()],
        (_, "mcast_dst_ip") => return vec!["mcast_dst_ip 224.0.0.19".into()],
        (_, "dynamic_interfaces") => return vec!["dynamic_interfaces allow_if_changes".into()],
        (
            _,
            "vrrp_garp_extra_if" | "vrrp_vmac_garp_intvl" | "garp_extra_if" | "vmac_garp_intvl",
        ) => {
            return vec![format!("{name} all 7")];
        }
        (_, "vrrp_rx_bufs_policy") => return vec!["vrrp_rx_bufs_policy ADVERT".into()],
        (_, "vrrp_cpu_affinity") => return vec!["vrrp_cpu_affinity 1 2".into()],
        (_, "umask") => return vec!["umask IWGRP|IWOTH".into(), "umask 027".into()],
        (_, "include_check") => return vec!["include_check +read -match".into()],
        (_, "old_unicast_checksum") => {
            return vec!["old_unicast_checksum never\n unicast_peer {\n 10.0.0.9\n }".into()];
        }
        (_, "unicast_ttl" | "check_unicast_src") => {
            let value = if name == "unicast_ttl" { " 9" } else { "" };
            return vec![format!("{name}{value}\n unicast_peer {{\n 10.0.0.9\n }}")];
        }
        (_, "unicast_src_ip") => {
            return vec!["unicast_src_ip 10.0.0.3\n unicast_peer {\n 10.0.0.9\n }".into()];
        }
        (_, "preempt") => return vec!["preempt".into()],
        (_, "auth_pass") => return vec!["auth_type PASS\nauth_pass 1234".into()],
        (_, "auth_type") => return vec!["auth_type AH\nauth_pass 1234".into()],
        (_, "key") => return vec![format!("key 3 {KEY}")],
        (_, "active_key") => return vec!["active_key 2".into()],
        (_, "timer_expired_backup" | "thread_timer_expired") => return vec![format!("{name} 7")],
        (_, "use_vmac") => {
            return vec!["use_vmac v 02:00:00:00:00:01 netlink_notify_msg group 3".into()];
        }
        (_, "use_ipvlan") => return vec!["use_ipvlan name v 10.0.0.3/24 private group 3".into()],
        (_, "owner_ignore_adverts") => return vec!["owner_ignore_adverts\npriority 255".into()],
        (_, "max_auto_priority") => return vec!["max_auto_priority 7".into()],
        (_, "idle_tx") => return vec!["idle_tx 2000".into()],
        (_, "init_file") => return vec!["init_file 3 overwrite".into()],
        (_, "param_match") => return vec!["param_match partial".into()],
        (_, "process") => return vec!["process /bin/x a b".into()],
        (_, "script_user" | "user") => return vec![format!("{name} root root")],
        (_, "notify_deleted") => {
            return vec![
                "notify_deleted".into(),
                "notify_deleted \"/bin/x a\" root".into(),
            ];
        }
        (Block::Top, "static_rules") | (_, "virtual_rules") => {
            return lines("from 10.0.0.0/8 table 7 priority 9");
        }
        (Block::Top, "static_routes") | (_, "virtual_routes") => {
            return lines("10.0.0.0/8 via 10.0.0.9 dev eth0");
        }
        (_, "track_interface") => return lines("eth1 weight 5"),
        (_, "track_script") => return lines("s"),
        (_, "track_file") if block != Block::Top => return lines("f weight 0"),
        (_, "track_process") => return lines("p"),
        (_, "track_bfd") => return lines("b"),
        (_, "unicast_peer") => return lines("10.0.0.9 min_ttl 3 max_ttl 9"),
        (_, "interface_up_down_delays") => return lines("eth0 1 2"),
        (_, "linkbeat_interfaces") => return lines("eth0 MII"),
        (_, "group") => return lines("V"),
        (_, "static_ipaddress" | "virtual_ipaddress" | "virtual_ipaddress_excluded") => {
            return lines("10.0.0.7/24");
        }
        _ => {}
    }
    match keyword.takes {
        Takes::Nothing => vec![name.to_owned()],
        Takes::Bool => ["", " true", " on", " yes"]
            .iter()
            .map(|word| format!("{name}{word}"))
            .collect(),
        Takes::Integer { min, max } => {
            let default = keyword.default.split([';', ' ']).next().unwrap_or("");
            let values = [min, max.min(4294)].map(|value| value.to_string());
            values
                .iter()
                .filter(|value| *value != default)
                .map(|value| format!("{name} {value}"))
                .collect()
        }
        Takes::Decimal { digits, max, .. } => {
            let value = (max / 2).min(10_u64.pow(digits) * 37 / 10);
            let unit = 10_u64.pow(digits);
            vec![format!(
                "{name} {}.{:0width$}",
                value / unit,
                value % unit,
                width = digits as usize
            )]
        }
        Takes::Weight { max } => vec![format!("{name} {max}"), format!("{name} -{max} reverse")],
        Takes::Choice(words) => words
            .iter()
            .rev()
            .take(1)
            .map(|word| format!("{name} {word}"))
            .collect(),
        Takes::Address => vec![format!("{name} 10.0.0.8")],
        Takes::Interface => vec![format!("{name} eth3")],
        Takes::Words { .. } => vec![format!("{name} value")],
        Takes::Command => vec![format!("{name} \"/bin/x 'a b'\" root root")],
        Takes::Block { .. } | Takes::Lines { .. } | Takes::Skipped => Vec::new(),
        Takes::List { .. } => lines("a b"),
    }
}

/// Keywords that change nothing in a configuration, and why that is right.
fn without_trace(block: Block, name: &str) -> bool {
    matches!(
        (block, name),
        // They undo or repeat what is the default.
        (Block::Instance, "preempt" | "accept") | (Block::Instance, "track_interface")
        // They act on the reading itself.
        | (Block::Globals, "include_check" | "iproute_usr_dir" | "iproute_etc_dir")
        // The group has them already in the file around it.
        | (Block::SyncGroup, "group")
    )
}

#[test]
fn every_supported_keyword_does_something() {
    let mut silent = Vec::new();
    for (block, keyword) in all().filter(|(_, keyword)| keyword.status == Status::Supported) {
        let without = read(block, "").config;
        let lines = good(block, keyword);
        let same = lines
            .iter()
            .filter(|line| read(block, line).config == without)
            .count();
        if same == lines.len() && same > 0 && !without_trace(block, keyword.name) {
            silent.push(format!("{block} / {}", lines.join(" or ")));
        }
    }
    assert!(silent.is_empty(), "no effect:\n{}", silent.join("\n"));
}

#[test]
fn a_good_value_is_taken_without_a_word() {
    let mut bad = Vec::new();
    for (block, keyword) in all().filter(|(_, keyword)| {
        // One of its words is not its own, the other changes the family of an IPv4 instance.
        !matches!(keyword.name, "script" | "native_ipv6" | "group")
    }) {
        for line in good(block, keyword) {
            let loaded = read(block, &line);
            let before = codes(&read(block, ""));
            let findings = loaded
                .diagnostics
                .iter()
                .filter(|finding| finding.severity >= Severity::Loud);
            let new: Vec<_> = findings
                .filter(|finding| !before.contains(&finding.code))
                .map(|finding| finding.message.clone())
                .collect();
            if !new.is_empty() {
                bad.push(format!("{block} / {line}: {}", new.join("; ")));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn a_missing_argument_ends_the_reading_as_in_keepalived() {
    for (block, keyword) in all() {
        let needs = match keyword.takes {
            Takes::Nothing | Takes::Bool => false,
            Takes::Words { required, .. } => required > 0,
            // keepalived passes over some blocks without a name, and ends with others.
            Takes::Block { name, .. } => {
                let lenient = ["vrrp_instance", "vrrp_sync_group", "track_group"];
                name.is_some() && !lenient.contains(&keyword.name)
            }
            Takes::Lines { .. } | Takes::List { .. } | Takes::Skipped => continue,
            _ => true,
        };
        let loaded = read(block, keyword.name);
        let stops = loaded
            .diagnostics
            .iter()
            .any(|finding| finding.peer == Peer::Stops);
        assert_eq!(
            stops,
            needs,
            "{block} / {}: {:?}",
            keyword.name,
            codes(&loaded)
        );
        assert!(loaded.refused() || !needs, "{block} / {}", keyword.name);
    }
}

#[test]
fn numbers_hold_to_their_ranges() {
    for (block, keyword) in
        all().filter(|(_, keyword)| !matches!(keyword.status, Status::NoEffect(_)))
    {
        let name = keyword.name;
        let found = |line: &str, code: Code| {
            let loaded = read(block, line);
            let place = loaded
                .diagnostics
                .iter()
                .find(|finding| finding.code == code);
            let text = place.and_then(|finding| loaded.sources.text(finding.span.unwrap()));
            text.map(str::to_owned)
        };
        match keyword.takes {
            Takes::Integer { min, max } => {
                for beyond in [min - 1, max + 1] {
                    if (min == 0 && beyond < 0) || name == "vrrp_rt_priority" {
                        continue;
                    }
                    let value = beyond.to_string();
                    assert_eq!(
                        found(&format!("{name} {value}"), Code::NumberRange).as_deref(),
                        Some(&*value),
                        "{block} / {name}"
                    );
                }
                assert_eq!(
                    found(&format!("{name} 5x"), Code::NumberInvalid).as_deref(),
                    Some("5x"),
                    "{block} / {name}"
                );
                assert_eq!(
                    found(&format!("{name} 5;"), Code::Semicolon).as_deref(),
                    Some("5;"),
                    "{block} / {name}"
                );
            }
            Takes::Decimal { digits, max, .. } => {
                let value = format!("{}", max / 10_u64.pow(digits) + 1);
                assert_eq!(
                    found(&format!("{name} {value}"), Code::NumberRange).as_deref(),
                    Some(&*value),
                    "{block} / {name}"
                );
                assert_eq!(
                    found(&format!("{name} 1.5x"), Code::NumberInvalid).as_deref(),
                    Some("1.5x"),
                    "{block} / {name}"
                );
            }
            Takes::Bool => {
                assert_eq!(
                    found(&format!("{name} maybe"), Code::BooleanInvalid).as_deref(),
                    Some("maybe"),
                    "{block} / {name}"
                );
            }
            Takes::Address => {
                assert_eq!(
                    found(&format!("{name} nowhere"), Code::AddressInvalid).as_deref(),
                    Some("nowhere"),
                    "{block} / {name}"
                );
            }
            Takes::Interface => {
                let value = "interface-far-too-long";
                assert_eq!(
                    found(&format!("{name} {value}"), Code::NameTooLong).as_deref(),
                    Some(value),
                    "{block} / {name}"
                );
            }
            _ => {}
        }
    }
}

#[test]
fn the_table_is_sound() {
    for block in Block::ALL {
        let mut names: Vec<_> = block
            .keywords()
            .iter()
            .map(|keyword| keyword.name)
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{block} has a keyword twice");
    }
    for (block, keyword) in all() {
        assert!(
            keyword.doc.ends_with('.') && keyword.doc.len() > 5,
            "{block} / {}",
            keyword.name
        );
        if let Status::OldName(new) = keyword.status {
            assert!(
                block.find(new).is_some(),
                "{block} / {}: {new}",
                keyword.name
            );
        }
    }
}

#[test]
fn the_documentation_is_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/KEYWORDS.md");
    let text = keyword::markdown();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    // A crate taken out of its workspace has no docs beside it.
    if path.parent().is_some_and(std::path::Path::is_dir) {
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "docs/KEYWORDS.md is stale: run the tests with BLESS=1"
        );
    }
}

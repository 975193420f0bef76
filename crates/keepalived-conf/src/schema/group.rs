//! Groups of instances and of interfaces, and what holds for single interfaces.

use core::time::Duration;

use super::Reader;
use super::globals::set;
use super::track::entries;
use crate::codes::Code;
use crate::config::{
    GarpGroup, InterfaceDelay, LinkBeat, LinkMethod, Origin, SyncGroup, TrackGroup,
};
use crate::expand::Lines;
use crate::lex::Word;
use crate::tree::Statement;

/// A sync group before its members are known to exist.
pub(super) struct GroupDraft {
    pub(super) group: SyncGroup,
    pub(super) members: Option<Vec<Word>>,
    pub(super) smtp_alert: Option<bool>,
    pub(super) notify_priority_changes: Option<bool>,
}

impl Reader<'_> {
    pub(super) fn sync_group(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        self.surplus(statement, 2);
        self.subject = Some(name.text.clone());
        let mut origin = Origin::at(name.span);
        let mut draft = GroupDraft {
            group: SyncGroup {
                name: name.text.clone(),
                ..SyncGroup::default()
            },
            members: None,
            smtp_alert: None,
            notify_priority_changes: None,
        };
        self.each(block, &mut origin, |reader, line| {
            let group = &mut draft.group;
            match line.keyword.name {
                "group" => {
                    let members = entries(line).iter().flatten().cloned().collect();
                    if draft.members.is_none() {
                        draft.members = Some(members);
                    } else if let Some(word) = line.words.first() {
                        let finding = Lines::finding(
                            Code::KeywordRepeated,
                            word.place(),
                            "the members of this group are given twice",
                        );
                        reader.report(
                            finding
                                .severity(crate::Severity::Loud)
                                .peer(crate::Peer::Reports)
                                .note("the first list is used")
                                .help("put all members into one list"),
                        );
                    }
                }
                "track_interface" => reader.track_interfaces(&mut group.track, line),
                "track_script" => reader.track_scripts(&mut group.track, line),
                "track_file" => reader.track_files(&mut group.track, line),
                "track_process" => reader.track_processes(&mut group.track, line),
                "track_bfd" => reader.track_bfds(&mut group.track, line),
                "smtp_alert" => set(&mut draft.smtp_alert, reader.boolean(line)),
                "notify_priority_changes" => {
                    set(&mut draft.notify_priority_changes, reader.boolean(line))
                }
                "sync_group_tracking_weight" | "global_tracking" => group.tracking_weight = true,
                _ => reader.notify(&mut group.notify, line),
            }
        });
        draft.group.origin = origin;
        self.subject = None;
        self.group_drafts.push(draft);
    }

    pub(super) fn track_group(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        let mut origin = Origin::at(name.span);
        let mut members = Vec::new();
        self.each(block, &mut origin, |_, line| {
            members.extend(entries(line).iter().flatten().cloned());
        });
        let group = TrackGroup {
            name: name.text.clone(),
            origin,
            members: Vec::new(),
        };
        self.track_group_drafts.push((group, members));
    }

    pub(super) fn garp_group(&mut self, statement: &Statement, block: &[Statement]) {
        let mut group = GarpGroup::default();
        let mut origin = statement
            .words
            .first()
            .map(|word| Origin::at(word.span))
            .unwrap_or_default();
        self.each(block, &mut origin, |reader, line| match line.keyword.name {
            "garp_interval" => set(&mut group.garp_interval, reader.micros(line)),
            "gna_interval" => set(&mut group.gna_interval, reader.micros(line)),
            "interface" => group.interfaces.extend(reader.interface(line)),
            _ => {
                for word in entries(line).iter().flatten() {
                    group.interfaces.extend(reader.interface_name(word));
                }
            }
        });
        group.origin = origin;
        if group.garp_interval.is_none() && group.gna_interval.is_none() {
            if let Some(word) = statement.words.first() {
                let finding = Lines::finding(
                    Code::BlockEmpty,
                    word.place(),
                    "this garp_group has no interval",
                );
                self.report(
                    finding
                        .note("it is dropped")
                        .help("write garp_interval or gna_interval"),
                );
            }
            return;
        }
        self.config.garp_groups.push(group);
    }

    pub(super) fn interface_delays(&mut self, statement: &Statement) {
        for words in entries(statement) {
            let Some(word) = words.first() else { continue };
            let Some(interface) = self.optional_interface_name(word) else {
                continue;
            };
            let Some(down) = words.get(1) else {
                let finding = Lines::finding(
                    Code::NumberInvalid,
                    word.place(),
                    format!("`{}` has no delay", word.text),
                );
                self.report(finding.note("the entry is dropped"));
                continue;
            };
            let Some(down) = self.delay(down) else {
                continue;
            };
            let up = words
                .get(2)
                .and_then(|up| self.delay(up))
                .unwrap_or_default();
            self.config.interface_delays.push(InterfaceDelay {
                interface,
                origin: Origin::at(word.span),
                down,
                up,
            });
        }
    }

    fn delay(&mut self, word: &Word) -> Option<Duration> {
        self.decimal_in(word, 6, 0, 255_000_000)
            .map(Duration::from_micros)
    }

    pub(super) fn linkbeats(&mut self, statement: &Statement) {
        for words in entries(statement) {
            let Some(word) = words.first() else { continue };
            let Some(interface) = self.optional_interface_name(word) else {
                continue;
            };
            let method = match words.get(1).map(|word| (word, word.text.as_str())) {
                None => None,
                Some((_, "MII")) => Some(LinkMethod::Mii),
                Some((_, "ETHTOOL")) => Some(LinkMethod::Ethtool),
                Some((_, "IOCTL")) => Some(LinkMethod::Ioctl),
                Some((word, _)) => {
                    self.unknown_option(word, "linkbeat_interfaces");
                    None
                }
            };
            self.config.linkbeats.push(LinkBeat {
                interface,
                origin: Origin::at(word.span),
                method,
            });
        }
    }
}

//! `vrrp_instance`.

use core::net::IpAddr;
use core::time::Duration;

use super::Reader;
use super::globals::set;
use crate::codes::Code;
use crate::config::{
    Family, Instance, Ipvlan, IpvlanMode, Notify, OldChecksum, Origin, Secret, State, Unicast,
    Version, Vmac,
};
use crate::expand::Lines;
use crate::host::NamedInterface;
use crate::lex::Word;
use crate::span::Span;
use crate::tree::{Body, Statement};

/// An instance before what depends on the rest of the file is known.
pub(super) struct Draft {
    pub(super) instance: Instance,
    pub(super) vrid: Option<u8>,
    pub(super) priority: Option<u8>,
    pub(super) version: Option<Version>,
    /// The version was given before the first IPv6 address.
    pub(super) family: Option<Family>,
    pub(super) authentication: Option<Authentication>,
    pub(super) hmac: Option<super::hmac::Draft>,
    /// A unicast keyword was given; where.
    pub(super) unicast: Option<Span>,
    pub(super) unicast_settings: Unicast,
    pub(super) group: Option<IpAddr>,
    pub(super) strict: Option<bool>,
    pub(super) accept: Option<bool>,
    pub(super) preempt_delay: Option<Duration>,
    pub(super) lower_prio_no_advert: Option<bool>,
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) owner_ignore_adverts: Option<bool>,
    pub(super) garp: GarpDraft,
    pub(super) down_timer_adverts: Option<u8>,
    pub(super) skip_check_adv_addr: Option<bool>,
    pub(super) v3_checksum_as_v2: Option<bool>,
    pub(super) notify_priority_changes: Option<bool>,
    pub(super) smtp_alert: Option<bool>,
}

/// Announcements, as far as the instance says something about them.
#[derive(Default)]
pub(super) struct GarpDraft {
    pub(super) delay: Option<Duration>,
    pub(super) repeat: Option<u32>,
    pub(super) refresh: Option<Duration>,
    pub(super) refresh_repeat: Option<u32>,
    pub(super) lower_prio_delay: Option<Duration>,
    pub(super) lower_prio_repeat: Option<u32>,
    /// How often, and whether on all.
    pub(super) extra_interfaces: Option<(Option<Duration>, bool)>,
}

/// `authentication` as written.
#[derive(Default)]
pub(super) struct Authentication {
    pub(super) span: Option<Span>,
    pub(super) kind: Option<AuthKind>,
    pub(super) secret: Option<Secret>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthKind {
    Pass,
    Ah,
}

impl Draft {
    fn new(name: &str) -> Self {
        Self {
            instance: Instance::unbound(name.to_owned(), 0),
            vrid: None,
            priority: None,
            version: None,
            family: None,
            authentication: None,
            hmac: None,
            unicast: None,
            unicast_settings: Unicast::default(),
            group: None,
            strict: None,
            accept: None,
            preempt_delay: None,
            lower_prio_no_advert: None,
            higher_prio_send_advert: None,
            owner_ignore_adverts: None,
            garp: GarpDraft::default(),
            down_timer_adverts: None,
            skip_check_adv_addr: None,
            v3_checksum_as_v2: None,
            notify_priority_changes: None,
            smtp_alert: None,
        }
    }

    /// Whether an address of `family` fits; the first one decides.
    pub(super) fn fits(&mut self, family: Family) -> bool {
        *self.family.get_or_insert(family) == family
    }
}

impl Reader<'_> {
    pub(super) fn instance(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        self.surplus(statement, 2);
        self.subject = Some(name.text.clone());
        let mut draft = Draft::new(&name.text);
        let mut origin = Origin::at(name.span);
        self.each(block, &mut origin, |reader, line| {
            reader.instance_line(&mut draft, line)
        });
        draft.instance.origin = origin;
        self.subject = None;
        self.drafts.push(draft);
    }

    fn instance_line(&mut self, draft: &mut Draft, line: &Statement) {
        let instance = &mut draft.instance;
        match line.keyword.name {
            "state" => self.state(instance, line),
            "interface" => set(&mut instance.interface, self.interface(line)),
            "virtual_router_id" => set(&mut draft.vrid, self.small(line)),
            //= KA-CFG-02
            "priority" => {
                let priority = self.small(line);
                if priority.is_none() && !self.stopped {
                    self.defaulted("the default of 100 is used");
                }
                draft.priority = priority.or(Some(100));
            }
            "advert_int" => {
                if let Some(time) = self.micros(line) {
                    instance.advert_int = time;
                } else if !self.stopped {
                    self.defaulted("one second is used");
                }
            }
            "virtual_ipaddress" => self.virtual_addresses(draft, line),
            "virtual_ipaddress_excluded" => self.excluded_addresses(draft, line),
            "virtual_routes" => instance.routes.extend(self.routes(line, false)),
            "virtual_rules" => instance.rules.extend(self.rules(line, false)),
            "no_virtual_ipaddress" => instance.no_addresses = true,
            "authentication" => self.authentication(draft, line),
            "auth_hmac" => self.hmac(draft, line),
            "version" => self.instance_version(draft, line),
            "nopreempt" => instance.preempt = false,
            "preempt" => instance.preempt = true,
            // A bad value takes an earlier one away.
            "preempt_delay" => draft.preempt_delay = self.micros(line),
            "track_interface" => self.track_interfaces(&mut instance.track, line),
            "track_script" => self.track_scripts(&mut instance.track, line),
            "track_file" => self.track_files(&mut instance.track, line),
            "track_process" => self.track_processes(&mut instance.track, line),
            "track_bfd" => self.track_bfds(&mut instance.track, line),
            "dont_track_primary" => instance.track_primary = false,
            "track_src_ip" => instance.track_source = true,
            "notify_priority_changes" => {
                set(&mut draft.notify_priority_changes, self.boolean(line))
            }
            "smtp_alert" => set(&mut draft.smtp_alert, self.boolean(line)),
            name if name.starts_with("notify") => self.notify(&mut instance.notify, line),
            name if name.starts_with("garp_") || name == "vmac_garp_intvl" => {
                self.instance_garp(&mut draft.garp, line)
            }
            _ => self.instance_unicast(draft, line),
        }
    }

    /// Adds to the finding that was just made what happens now.
    fn defaulted(&mut self, text: &str) {
        if let Some(finding) = self.findings.last_mut() {
            finding.notes.clear();
            finding.notes.push(text.to_owned());
        }
    }

    fn instance_unicast(&mut self, draft: &mut Draft, line: &Statement) {
        let unicast = &mut draft.unicast_settings;
        match line.keyword.name {
            "mcast_src_ip" => self.source(draft, line),
            "unicast_src_ip" => {
                self.unicast_keyword(draft, line);
                self.source(draft, line);
            }
            "unicast_peer" => {
                self.unicast_keyword(draft, line);
                self.peers(draft, line);
            }
            "unicast_ttl" => set(&mut unicast.ttl, self.small(line)),
            "check_unicast_src" => unicast.check_source = true,
            "unicast_fault_no_peer" => {
                unicast.fault_without_peers = true;
                self.unicast_keyword(draft, line);
            }
            "old_unicast_checksum" => {
                unicast.old_checksum = match line.words.get(1) {
                    None => OldChecksum::Always,
                    Some(word) if word.text == "never" => OldChecksum::Never,
                    Some(word) => {
                        self.unknown_option(word, "old_unicast_checksum");
                        return;
                    }
                };
            }
            "mcast_dst_ip" => {
                let Some(group) = self.address(line) else {
                    return;
                };
                let good = match group {
                    IpAddr::V4(group) => group.is_multicast(),
                    IpAddr::V6(group) => group.is_multicast() && group.segments()[0] & 0xf == 2,
                };
                match line.words.get(1) {
                    Some(word) if !good => {
                        let message =
                            format!("`{group}` is not a group that adverts can be sent to");
                        let finding = Lines::finding(Code::AddressInvalid, word.place(), message);
                        self.report(finding.note("it is not used"));
                    }
                    Some(word) if !draft.fits(Family::of(&group)) => {
                        self.wrong_family(word, "it is not used")
                    }
                    _ => draft.group = Some(group),
                }
            }
            _ => self.instance_rest(draft, line),
        }
    }

    fn unicast_keyword(&mut self, draft: &mut Draft, line: &Statement) {
        draft.unicast = draft
            .unicast
            .or_else(|| line.words.first().map(|word| word.span));
    }

    fn source(&mut self, draft: &mut Draft, line: &Statement) {
        let (Some(address), Some(word)) = (self.address(line), line.words.get(1)) else {
            return;
        };
        if draft.fits(Family::of(&address)) {
            draft.instance.source = Some(address);
        } else {
            self.wrong_family(word, "it is not used");
        }
    }

    fn instance_rest(&mut self, draft: &mut Draft, line: &Statement) {
        let instance = &mut draft.instance;
        match line.keyword.name {
            "down_timer_adverts" => set(&mut draft.down_timer_adverts, self.small(line)),
            "lower_prio_no_advert" => set(&mut draft.lower_prio_no_advert, self.boolean(line)),
            "higher_prio_send_advert" => {
                set(&mut draft.higher_prio_send_advert, self.boolean(line))
            }
            "owner_ignore_adverts" => set(&mut draft.owner_ignore_adverts, self.boolean(line)),
            "timer_expired_backup" | "thread_timer_expired" => {
                let value = match line.words.get(1) {
                    Some(word) => self.integer_in(word, 1, 254),
                    None => Some(254),
                };
                set(
                    &mut instance.timer_expired_backup,
                    value.and_then(|value| value.try_into().ok()),
                );
            }
            // keepalived sets it whatever the word says.
            "skip_check_adv_addr" => {
                set(
                    &mut draft.skip_check_adv_addr,
                    self.boolean(line).map(|_| true),
                );
            }
            "strict_mode" => set(&mut draft.strict, self.boolean(line)),
            "v3_checksum_as_v2" => set(&mut draft.v3_checksum_as_v2, self.boolean(line)),
            "accept" => draft.accept = Some(true),
            "no_accept" => draft.accept = Some(false),
            "promote_secondaries" => instance.promote_secondaries = true,
            "use_vmac" => self.vmac(draft, line),
            "use_vmac_addr" => instance.vmac_addr = true,
            "vmac_xmit_base" => instance.vmac_xmit_base = true,
            "use_ipvlan" => self.ipvlan(draft, line),
            "vrf" => set(&mut instance.vrf, self.interface(line)),
            "kernel_rx_buf_size" => set(&mut instance.receive_buffer, self.small(line)),
            "native_ipv6" => {
                if !draft.fits(Family::V6)
                    && let Some(word) = line.words.first()
                {
                    self.wrong_family(word, "it is not used");
                }
            }
            "linkbeat_use_polling" => instance.linkbeat_polling = true,
            "debug" | "lvs_sync_daemon_interface" => drop(self.word(line, 1)),
            _ => {}
        }
    }

    fn state(&mut self, instance: &mut Instance, line: &Statement) {
        let Some(word) = self.word(line, 1) else {
            return;
        };
        self.surplus(line, 2);
        let state = match word.text.as_str() {
            "MASTER" => State::Master,
            "BACKUP" => State::Backup,
            other => {
                let finding = Lines::finding(
                    Code::StateUnknown,
                    word.place(),
                    format!("there is no state `{other}`"),
                )
                .note("BACKUP is used; `state` decides nothing unless the priority is 255")
                .fix(word.span, "BACKUP", "did you mean BACKUP?");
                self.report(finding);
                State::Backup
            }
        };
        if instance.state != Some(State::Master) {
            instance.state = Some(state);
        }
    }

    fn instance_version(&mut self, draft: &mut Draft, line: &Statement) {
        let Some(version) = self.version(line) else {
            return;
        };
        let span = line.span();
        if draft.version.is_some_and(|other| other != version) {
            let finding = crate::diag::Diagnostic::new(
                Code::VersionConflict,
                span,
                "the version is given twice",
            )
            .note("the first one is used");
            self.report(finding);
        } else if version == Version::V2 && draft.family == Some(Family::V6) {
            let finding = crate::diag::Diagnostic::new(
                Code::VersionConflict,
                span,
                "there is no VRRPv2 for IPv6",
            )
            .note("version 3 is used");
            self.report(finding);
        } else {
            draft.version = Some(version);
        }
    }

    fn authentication(&mut self, draft: &mut Draft, statement: &Statement) {
        let Body::Block(block) = &statement.body else {
            return;
        };
        let auth = draft.authentication.get_or_insert_default();
        auth.span = statement.span();
        for line in block {
            let Some(word) = self.word(line, 1) else {
                return;
            };
            match (line.keyword.name, word.text.as_str()) {
                ("auth_type", "PASS") => auth.kind = Some(AuthKind::Pass),
                ("auth_type", "AH") => auth.kind = Some(AuthKind::Ah),
                ("auth_type", other) => {
                    let message = format!("there is no authentication type `{other}`");
                    let mut finding = Lines::finding(Code::AuthTypeUnknown, word.place(), message)
                        .note("the instance runs without authentication");
                    finding = match other.strip_suffix(';') {
                        Some(kind @ ("PASS" | "AH")) => finding.fix(
                            word.span,
                            kind,
                            "there is no `;` in keepalived.conf: remove it",
                        ),
                        _ => finding.fix(
                            word.span,
                            "PASS",
                            "write PASS (or AH); the password stands behind auth_pass",
                        ),
                    };
                    self.report(finding);
                }
                _ => self.password(auth, word),
            }
            self.surplus(line, 2);
        }
    }

    fn password(&mut self, auth: &mut Authentication, word: &Word) {
        let bytes = word.text.as_bytes();
        let used = bytes.get(..8).unwrap_or(bytes);
        if bytes.len() > 8 {
            let finding = Lines::finding(
                Code::AuthPassLong,
                word.place(),
                "only the first 8 bytes of a password are used",
            )
            .note("they go over the wire in clear text (RFC 2338), and the rest protects nothing");
            // The password itself stays out of every sentence: sentences are logged.
            let finding = match core::str::from_utf8(used) {
                Ok(used) => {
                    let mark = if word.quoted { "\"" } else { "" };
                    let text = format!("{mark}{used}{mark}");
                    finding.fix(word.span, text, "write these 8 bytes, on all nodes")
                }
                Err(_) => finding.help("write a password of at most 8 bytes"),
            };
            self.report(finding);
        }
        auth.secret = Some(Secret::new(used));
    }

    fn instance_garp(&mut self, garp: &mut GarpDraft, line: &Statement) {
        match line.keyword.name {
            "garp_master_delay" => set(&mut garp.delay, self.seconds(line)),
            "garp_master_repeat" => set(&mut garp.repeat, self.repeats(line)),
            "garp_master_refresh" => set(&mut garp.refresh, self.seconds(line)),
            "garp_master_refresh_repeat" => set(&mut garp.refresh_repeat, self.repeats(line)),
            "garp_lower_prio_delay" => set(&mut garp.lower_prio_delay, self.seconds(line)),
            "garp_lower_prio_repeat" => set(&mut garp.lower_prio_repeat, self.small(line)),
            _ => set(&mut garp.extra_interfaces, self.extra_interfaces(line, 0)),
        }
    }

    /// `notify*` of an instance or a group.
    pub(super) fn notify(&mut self, notify: &mut Notify, line: &Statement) {
        let slot = match line.keyword.name {
            "notify_master" => &mut notify.master,
            "notify_backup" => &mut notify.backup,
            "notify_fault" => &mut notify.fault,
            "notify_stop" => &mut notify.stop,
            "notify_master_rx_lower_pri" => &mut notify.master_rx_lower_pri,
            "notify_deleted" => {
                notify.announce_deleted = true;
                if line.words.len() < 2 {
                    return;
                }
                &mut notify.deleted
            }
            _ => &mut notify.any,
        };
        self.once(slot, line);
    }

    /// `[[name] IF] [MAC] [netlink_notify_msg] [group N]`
    fn vmac(&mut self, draft: &mut Draft, line: &Statement) {
        let mut vmac = Vmac::default();
        let mut words = line.words.iter().skip(1);
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "netlink_notify_msg" => {
                    vmac.netlink_notify = true;
                    let message = "`netlink_notify_msg` has no effect here";
                    let finding =
                        Lines::finding(Code::KeywordNoEffect, word.place(), message.to_owned());
                    self.report(finding.note("the kernel tells of every interface that is made"));
                }
                "group" => {
                    vmac.group = words
                        .next()
                        .and_then(|word| self.integer_in(word, 0, i64::from(u32::MAX)))
                        .and_then(|n| n.try_into().ok())
                }
                "name" => vmac.name = words.next().and_then(|word| self.new_interface_name(word)),
                text => match mac(text, draft.vrid.unwrap_or(0)) {
                    Some(mac) => vmac.mac = Some(mac),
                    None => vmac.name = self.new_interface_name(word),
                },
            }
        }
        draft.instance.vmac = Some(vmac);
    }

    /// `[[name] IF] [ADDRESS] [bridge|private|vepa] [group N]`
    fn ipvlan(&mut self, draft: &mut Draft, line: &Statement) {
        let mut ipvlan = Ipvlan::default();
        let mut words = line.words.iter().skip(1);
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "bridge" => ipvlan.mode = IpvlanMode::Bridge,
                "private" => ipvlan.mode = IpvlanMode::Private,
                "vepa" => ipvlan.mode = IpvlanMode::Vepa,
                "group" => {
                    ipvlan.group = words
                        .next()
                        .and_then(|word| self.integer_in(word, 0, i64::from(u32::MAX)))
                        .and_then(|n| n.try_into().ok())
                }
                "name" => ipvlan.name = words.next().and_then(|word| self.new_interface_name(word)),
                text => {
                    let (address, len) = text
                        .split_once('/')
                        .map_or((text, None), |(text, len)| (text, Some(len)));
                    let Ok(address) = address.parse::<IpAddr>() else {
                        ipvlan.name = self.new_interface_name(word);
                        continue;
                    };
                    let family = Family::of(&address);
                    if draft.fits(family) {
                        let len = len
                            .and_then(|len| len.parse().ok())
                            .unwrap_or_else(|| family.bits());
                        ipvlan.address = Some((address, len.min(family.bits())));
                    } else {
                        self.wrong_family(word, "it is not used");
                    }
                }
            }
        }
        draft.instance.ipvlan = Some(ipvlan);
    }

    pub(super) fn wrong_family(&mut self, word: &Word, now: &str) {
        let finding = Lines::finding(
            Code::FamilyMixed,
            word.place(),
            format!("`{}` is of the other address family", word.text),
        )
        .note("the first address of an instance decides its family")
        .note(now.to_owned());
        self.report(finding);
    }

    pub(super) fn unknown_option(&mut self, word: &Word, of: &str) {
        let finding = Lines::finding(
            Code::OptionUnknown,
            word.place(),
            format!("`{of}` has no option `{}`", word.text),
        );
        self.report(finding.note("it is not used"));
    }

    /// The name of an interface behind a keyword.
    pub(super) fn interface(&mut self, line: &Statement) -> Option<String> {
        let word = self.word(line, 1)?;
        self.surplus(line, 2);
        self.interface_name(word)
    }

    /// The name of an interface that must be there.
    pub(super) fn interface_name(&mut self, word: &Word) -> Option<String> {
        self.named_interface(word, true)
    }

    /// The name of an interface without which only this entry is of no use.
    pub(super) fn optional_interface_name(&mut self, word: &Word) -> Option<String> {
        self.named_interface(word, false)
    }

    fn named_interface(&mut self, word: &Word, needed: bool) -> Option<String> {
        let name = self.new_interface_name(word)?;
        self.interfaces.push(NamedInterface {
            name: name.clone(),
            subject: self.subject.clone(),
            span: word.span,
            needed,
        });
        Some(name)
    }

    /// The name of an interface that will be made.
    fn new_interface_name(&mut self, word: &Word) -> Option<String> {
        if word.text.len() > 15 {
            let message = format!(
                "`{}` is longer than the 15 bytes of an interface name",
                word.text
            );
            let finding = Lines::finding(Code::NameTooLong, word.place(), message);
            self.report(finding.note("it is not used"));
            return None;
        }
        Some(word.text.clone())
    }
}

/// Six octets in hexadecimal, or five and the VRID.
fn mac(text: &str, vrid: u8) -> Option<[u8; 6]> {
    let octets: Option<Vec<u8>> = text
        .split(':')
        .map(|octet| u8::from_str_radix(octet, 16).ok())
        .collect();
    let mut octets = octets?;
    if octets.len() == 5 {
        octets.push(vrid);
    }
    octets.try_into().ok()
}

//! What can only be worked out when everything has been read.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use super::Reader;
use super::group::GroupDraft;
use super::instance::{AuthKind, Draft};
use crate::codes::Code;
use crate::config::{
    Auth, Config, Family, Garp, Globals, Instance, Origin, State, Track, Tracked, Version,
};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::host::NamedInterface;
use crate::lex::Word;
use crate::span::Span;

/// Addresses that the header can count.
const COUNTED: usize = 255;
/// IPv6 addresses that fit into 1500 bytes by keepalived's sum, with which its peers compare; one more would.
const FITTING_V6: usize = 89;

impl Reader<'_> {
    pub(super) fn finish(&mut self) {
        self.finish_globals();
        for draft in core::mem::take(&mut self.drafts) {
            self.subject = Some(draft.instance.name.clone());
            if let Some(instance) = self.finish_instance(draft) {
                self.config.instances.push(instance);
            }
        }
        for draft in core::mem::take(&mut self.group_drafts) {
            self.subject = Some(draft.group.name.clone());
            self.finish_group(draft);
        }
        self.subject = None;
        self.finish_track_groups();
        self.finish_statics();
        self.same_virtual_router();
        self.unused();
    }

    fn finish_globals(&mut self) {
        let globals = &mut self.config.globals;
        globals.mail.alert = self
            .defaults
            .smtp_alert_vrrp
            .or(self.defaults.smtp_alert)
            .unwrap_or(false);
        globals.garp.lower_prio_delay =
            self.defaults.lower_prio_delay.unwrap_or(globals.garp.delay);
        globals.garp.lower_prio_repeat = self
            .defaults
            .lower_prio_repeat
            .unwrap_or(globals.garp.repeat);
        globals.lower_prio_no_advert = self.defaults.lower_prio_no_advert.unwrap_or(false);
        globals.higher_prio_send_advert = self.defaults.higher_prio_send_advert.unwrap_or(false);
        if let (Some(general), Some(own)) = (&globals.notify_fifo, &globals.vrrp_notify_fifo)
            && general.path == own.path
        {
            globals.vrrp_notify_fifo = None;
        }
    }

    fn finish_instance(&mut self, mut draft: Draft) -> Option<Instance> {
        let name = draft.instance.origin.span;
        let at = |keyword: &str| draft.instance.origin.keyword(keyword);
        let strict = draft.strict.unwrap_or(self.config.globals.strict);
        draft.instance.strict = strict;

        match draft.vrid {
            Some(vrid) => draft.instance.vrid = vrid,
            None => {
                let finding = Diagnostic::new(
                    Code::VridMissing,
                    at("virtual_router_id"),
                    "the instance has no virtual_router_id",
                );
                self.report(finding.help("write `virtual_router_id N` with a number of 1 to 255 that nobody else on the network uses"));
            }
        }
        if draft.instance.interface.is_none() {
            let finding = Diagnostic::new(
                Code::InterfaceMissing,
                name,
                "the instance has no interface",
            );
            let finding = match draft.unicast {
                Some(_) => {
                    finding.note("unicast needs one, too; keepalived 2.2.7 does not start without")
                }
                None => finding,
            };
            self.report(finding.help("write `interface NAME`"));
        }
        self.finish_family(&mut draft);
        self.finish_state(&mut draft);
        self.finish_interval(&mut draft);
        self.finish_unicast(&mut draft);
        self.finish_authentication(&mut draft);
        self.finish_preemption(&mut draft);
        self.finish_options(&mut draft);
        self.finish_track(&mut draft);
        self.finish_addresses(&mut draft);
        Some(draft.instance)
    }

    fn finish_family(&mut self, draft: &mut Draft) {
        let instance = &mut draft.instance;
        let globals = &self.config.globals;
        instance.family = draft.family.unwrap_or_default();
        instance.version = match (draft.version, instance.family) {
            (Some(version), _) => version,
            (None, Family::V4) => globals.version,
            (None, Family::V6) => Version::V3,
        };
        instance.group = draft.group.unwrap_or(match instance.family {
            Family::V4 => IpAddr::V4(globals.group_v4),
            Family::V6 => IpAddr::V6(globals.group_v6),
        });
    }

    fn finish_state(&mut self, draft: &mut Draft) {
        let master = draft.instance.state == Some(State::Master);
        draft.instance.priority = draft.priority.unwrap_or(if master { 255 } else { 100 });
    }

    fn finish_interval(&mut self, draft: &mut Draft) {
        let span = draft.instance.origin.keyword("advert_int");
        let instance = &mut draft.instance;
        let written = instance.advert_int;
        let micros = written.as_micros();
        let (used, why) = match instance.version {
            Version::V2 => {
                // keepalived rounds to the nearest second, and to one at least.
                let seconds = written.as_secs() + u64::from(written.subsec_micros() >= 500_000);
                (
                    Duration::from_secs(seconds.max(1)),
                    "VRRPv2 knows whole seconds only",
                )
            }
            Version::V3 => {
                let centis =
                    u64::try_from(micros.div_euclid(10_000) + u128::from(micros % 10_000 >= 5_000))
                        .unwrap_or(u64::MAX);
                (
                    Duration::from_millis(centis.clamp(1, 4095) * 10),
                    "VRRPv3 knows steps of 10 ms up to 40.95 s",
                )
            }
        };
        if used != written {
            instance.advert_int = used;
            let finding = Diagnostic::new(
                Code::AdvertIntRounded,
                span,
                format!("{why}: {} s is used", used.as_secs_f64()),
            );
            let finding = match instance.version {
                Version::V2 => finding.help("write a whole number, or `version 3` on all nodes"),
                Version::V3 => finding,
            };
            self.report(finding);
        }
    }

    fn finish_unicast(&mut self, draft: &mut Draft) {
        let globals = &self.config.globals;
        let mut unicast = core::mem::take(&mut draft.unicast_settings);
        if globals.check_unicast_source {
            unicast.check_source = true;
        }
        let instance = &mut draft.instance;
        if unicast.peers.is_empty() {
            if draft.unicast.is_none() {
                return;
            }
            if unicast.fault_without_peers {
                instance.unicast = Some(unicast);
                return;
            }
            let finding = Diagnostic::new(Code::UnicastNoPeers, draft.unicast, "the instance has no unicast peer")
                .note("adverts go to the multicast group")
                .help("list the other nodes in unicast_peer, or write mcast_src_ip for the source of multicast");
            self.report(finding);
            return;
        }
        if unicast.ttl.is_none() && instance.family == Family::V4 {
            unicast.ttl = Some(255);
        }
        instance.unicast = Some(unicast);
    }

    //= KA-AUTH-07
    fn finish_authentication(&mut self, draft: &mut Draft) {
        let strict = draft.instance.strict;
        if let Some(hmac) = draft.hmac.take() {
            draft.instance.hmac = self.finish_hmac(hmac, draft.instance.advert_int, strict);
        }
        let Some(auth) = draft.authentication.take() else {
            return;
        };
        let instance = &mut draft.instance;
        let report = |code, message: &str| {
            Diagnostic::new(code, auth.span, message)
                .note("the instance runs without authentication")
        };
        let finding = match (auth.kind, auth.secret) {
            _ if instance.version == Version::V3 => {
                report(Code::AuthVersion3, "VRRPv3 has no authentication").help("remove the block")
            }
            _ if instance.strict => report(Code::AuthStrict, "vrrp_strict forbids authentication")
                .help("remove the block, or vrrp_strict"),
            (Some(AuthKind::Ah), _) if instance.family == Family::V6 => {
                report(Code::AuthAhIpv6, "there is no AH authentication for IPv6")
            }
            (Some(kind), Some(secret)) => {
                instance.auth = Some(match kind {
                    AuthKind::Pass => Auth::Pass(secret),
                    AuthKind::Ah => Auth::Ah(secret),
                });
                return;
            }
            (Some(_), None) => report(Code::AuthPassMissing, "the authentication has no password")
                .help("write auth_pass, or remove the block"),
            (None, Some(_)) => report(Code::AuthTypeMissing, "the authentication has no type")
                .help("write `auth_type PASS`, or remove the block"),
            (None, None) => return,
        };
        self.report(finding);
    }

    fn finish_preemption(&mut self, draft: &mut Draft) {
        let at = |keyword: &str| draft.instance.origin.keyword(keyword);
        let (no_preempt_span, delay_span) = (at("nopreempt"), at("preempt_delay"));
        let state_span = draft.instance.origin.keywords.get("state").copied();
        let instance = &mut draft.instance;
        let master = instance.state == Some(State::Master) || instance.priority == 255;
        let mut findings = Vec::new();
        if master && !instance.preempt {
            instance.preempt = true;
            findings.push(
                Diagnostic::new(
                    Code::NopreemptMaster,
                    no_preempt_span,
                    "nopreempt has no effect together with state MASTER",
                )
                .also(state_span, "because of this")
                .note("nopreempt is dropped")
                .help("write `state BACKUP` on all nodes; the priority decides who is MASTER"),
            );
        }
        let delay = draft.preempt_delay.unwrap_or_default();
        if !delay.is_zero() {
            let reason = match () {
                () if master => Some("with state MASTER"),
                () if instance.strict => Some("with vrrp_strict"),
                () if !instance.preempt => Some("with nopreempt"),
                () => None,
            };
            match reason {
                Some(reason) => findings.push(
                    Diagnostic::new(
                        Code::PreemptDelayUseless,
                        delay_span,
                        format!("preempt_delay has no effect {reason}"),
                    )
                    .note("it is dropped"),
                ),
                None => instance.preempt_delay = delay,
            }
        }
        findings
            .into_iter()
            .for_each(|finding| self.report(finding));
    }

    //= KA-CFG-06
    fn finish_options(&mut self, draft: &mut Draft) {
        let globals = &self.config.globals;
        let instance = &mut draft.instance;
        let strict = instance.strict;
        let owner = instance.priority == 255;
        let garp = core::mem::take(&mut draft.garp);
        let lower = |given: Option<Duration>| given.unwrap_or(globals.garp.lower_prio_delay);
        let (every, all) = garp
            .extra_interfaces
            .unwrap_or((globals.garp.extra_interfaces, globals.garp.extra_all));
        instance.garp = Garp {
            delay: garp.delay.unwrap_or(globals.garp.delay),
            repeat: garp.repeat.unwrap_or(globals.garp.repeat),
            refresh: garp.refresh.unwrap_or(globals.garp.refresh),
            refresh_repeat: garp.refresh_repeat.unwrap_or(globals.garp.refresh_repeat),
            lower_prio_delay: if strict {
                Duration::ZERO
            } else {
                lower(garp.lower_prio_delay)
            },
            lower_prio_repeat: match garp.lower_prio_repeat {
                _ if strict => 0,
                given => given.unwrap_or(globals.garp.lower_prio_repeat),
            },
            extra_interfaces: every,
            extra_all: all,
        };
        instance.down_timer_adverts = match draft.down_timer_adverts {
            _ if strict => 3,
            given => given.unwrap_or(globals.down_timer_adverts),
        };
        instance.skip_check_adv_addr = draft
            .skip_check_adv_addr
            .unwrap_or(globals.skip_check_adv_addr);
        instance.v3_checksum_as_v2 = draft.v3_checksum_as_v2.unwrap_or(globals.v3_checksum_as_v2);
        let or = |own: Option<bool>, global: bool| own.unwrap_or(global);
        instance.lower_prio_no_advert =
            or(draft.lower_prio_no_advert, globals.lower_prio_no_advert) || strict;
        instance.higher_prio_send_advert = or(
            draft.higher_prio_send_advert,
            globals.higher_prio_send_advert,
        ) && !strict;
        instance.owner_ignore_adverts = draft
            .owner_ignore_adverts
            .unwrap_or(globals.owner_ignore_adverts || strict)
            && owner;
        instance.notify_priority_changes = draft
            .notify_priority_changes
            .unwrap_or(globals.notify_priority_changes);
        instance.smtp_alert = draft.smtp_alert.unwrap_or(globals.mail.alert);
        // Strictly, only an owner may answer in VRRPv2.
        let asked = draft
            .accept
            .filter(|_| !strict || instance.version == Version::V3 || owner);
        instance.accept = asked.unwrap_or(!strict || owner);
    }

    fn finish_track(&mut self, draft: &mut Draft) {
        let instance = &mut draft.instance;
        let own = instance.interface.clone();
        let (own, others) = core::mem::take(&mut instance.track.interfaces)
            .into_iter()
            .partition::<Vec<_>, _>(|tracked| Some(&tracked.name) == own.as_ref());
        instance.track.interfaces = others;
        for tracked in own {
            let finding = Diagnostic::new(
                Code::TrackOwnInterface,
                tracked.origin.span,
                "the interface of the instance is tracked anyway",
            );
            self.report(finding.note("the entry is not used"));
        }
        if draft.instance.priority == 255 {
            self.drop_weights(
                &mut draft.instance.track,
                Code::OwnerTracker,
                "the priority of an address owner does not change",
                true,
            );
        }
    }

    /// Takes weights away from trackers that may not have any. What is watched by the kernel stays, and its
    /// failure is a FAULT then; what is asked for its state goes.
    fn drop_weights(&mut self, track: &mut Track, code: Code, why: &str, owner: bool) {
        let mut findings = Vec::new();
        let mut say = |tracked: &Tracked, now: &str| {
            let message = format!("`{}` cannot have a weight: {why}", tracked.name);
            findings.push(Diagnostic::new(code, tracked.origin.span, message).note(now.to_owned()));
        };
        track.interfaces.retain_mut(|tracked| {
            if tracked.weight == 0 {
                return true;
            }
            let now = if owner {
                DROPPED
            } else {
                "it is tracked without: its failure is a FAULT"
            };
            say(tracked, now);
            tracked.weight = 0;
            !owner
        });
        track.files.retain_mut(|tracked| {
            let keep = owner || matches!(tracked.weight, 0 | 1);
            if tracked.weight != 0 {
                let now = if keep {
                    "it is tracked without: a number other than 0 is a FAULT"
                } else {
                    DROPPED
                };
                say(tracked, now);
                tracked.weight = 0;
            }
            keep
        });
        for list in [&mut track.scripts, &mut track.processes, &mut track.bfds] {
            list.retain(|tracked| {
                if tracked.weight != 0 {
                    say(tracked, DROPPED);
                }
                tracked.weight == 0
            });
        }
        findings
            .into_iter()
            .for_each(|finding| self.report(finding));
    }

    fn finish_addresses(&mut self, draft: &mut Draft) {
        let instance = &draft.instance;
        if instance.addresses.is_empty() && !instance.no_addresses {
            let refused = instance.version == Version::V3 || instance.strict;
            let finding = Diagnostic::new(
                Code::NoAddresses,
                instance.origin.span,
                "the instance has no virtual address",
            );
            let finding = match refused {
                true => finding
                    .severity(crate::Severity::Refuse)
                    .note("keepalived does not start with it"),
                false => finding,
            };
            self.report(finding.help("write the addresses into virtual_ipaddress { }"));
        }
        self.exclude_what_does_not_fit(&mut draft.instance);
    }

    //= KA-CFG-03
    fn exclude_what_does_not_fit(&mut self, instance: &mut Instance) {
        let most = match instance.family {
            Family::V4 => COUNTED,
            Family::V6 => FITTING_V6,
        };
        let Some(first) = instance.addresses.get(most) else {
            return;
        };
        let message = format!(
            "{} addresses do not fit into an advert of {most}",
            instance.addresses.len()
        );
        let finding = Diagnostic::new(Code::AddressesTooMany, first.origin.span, message)
            .label("from here on they are not advertised")
            .help("write them into virtual_ipaddress_excluded, or make a second instance");
        self.report(finding);
        instance.excluded.extend(instance.addresses.drain(most..));
    }

    fn finish_group(&mut self, draft: GroupDraft) {
        let mut group = draft.group;
        let span = group.origin.span;
        for word in draft.members.unwrap_or_default() {
            if self.config.instance(&word.text).is_none() {
                self.unknown_member(&word);
            } else if let Some(other) = self.config.group_of(&word.text) {
                let message = format!("`{}` is in the group `{}` already", word.text, other.name);
                let finding = Lines::finding(Code::GroupMemberTwice, word.place(), message)
                    .also(other.origin.span, "that group");
                self.report(finding.note("it stays there"));
            } else {
                group.members.push(word.text);
            }
        }
        match group.members.len() {
            0 => {
                let finding = Diagnostic::new(
                    Code::BlockEmpty,
                    span,
                    format!("the sync group `{}` has no members", group.name),
                );
                self.report(finding.note("it is dropped"));
                return;
            }
            1 => {
                let finding = Diagnostic::new(
                    Code::GroupSingle,
                    span,
                    format!("the sync group `{}` has one member", group.name),
                );
                self.report(finding);
            }
            _ => {}
        }
        if !group.tracking_weight {
            let mut instances = core::mem::take(&mut self.config.instances);
            for instance in instances
                .iter_mut()
                .filter(|instance| group.members.contains(&instance.name))
            {
                self.subject = Some(instance.name.clone());
                self.drop_weights(
                    &mut instance.track,
                    Code::GroupWeight,
                    "it is in a sync group",
                    false,
                );
            }
            self.config.instances = instances;
        }
        let globals = &self.config.globals;
        group.smtp_alert = draft.smtp_alert.unwrap_or(globals.mail.alert);
        group.notify_priority_changes = draft
            .notify_priority_changes
            .unwrap_or(globals.notify_priority_changes);
        self.config.sync_groups.push(group);
    }

    fn unknown_member(&mut self, word: &Word) {
        let message = format!("there is no instance `{}`", word.text);
        self.report(
            Lines::finding(Code::GroupMemberUnknown, word.place(), message)
                .note("the group runs without it"),
        );
    }

    fn finish_track_groups(&mut self) {
        for (mut group, members) in core::mem::take(&mut self.track_group_drafts) {
            for word in members {
                if self.config.instance(&word.text).is_some() {
                    group.members.push(word.text);
                } else {
                    self.unknown_member(&word);
                }
            }
            self.config.track_groups.push(group);
        }
    }

    /// A static address that names no interface needs the default one.
    fn finish_statics(&mut self) {
        let default = self.config.globals.default_interface.as_deref();
        let name = default.unwrap_or(Globals::DEFAULT_INTERFACE);
        let homeless = self.config.static_addresses.iter();
        let homeless = homeless.filter(|address| address.dev.is_none());
        let named = homeless.filter_map(|address| {
            Some(NamedInterface {
                name: name.to_owned(),
                subject: None,
                span: address.origin.span?,
                needed: true,
            })
        });
        self.interfaces.extend(named);
        let Config {
            static_addresses: addresses,
            static_routes: routes,
            static_rules: rules,
            ..
        } = &self.config;
        let addresses = addresses.iter().map(|it| (&it.track_group, &it.origin));
        let routes = routes.iter().map(|it| (&it.track_group, &it.origin));
        let rules = rules.iter().map(|it| (&it.track_group, &it.origin));
        let mut undefined = Vec::new();
        for (group, origin) in addresses.chain(routes).chain(rules) {
            let Some(group) = group else { continue };
            if self.config.track_group(group).is_none() {
                let message = format!("there is no track_group `{group}`");
                let finding = Diagnostic::new(Code::TrackUndefined, origin.span, message);
                undefined.push(finding.note("nobody notices when it cannot be there"));
            }
        }
        undefined
            .into_iter()
            .for_each(|finding| self.report(finding));
    }

    //= KA-CFG-01
    /// Two instances that are one virtual router.
    fn same_virtual_router(&mut self) {
        let instances = &self.config.instances;
        let mut findings = Vec::new();
        for (index, instance) in instances.iter().enumerate() {
            let earlier = instances.iter().take(index);
            let same = earlier.into_iter().find(|other| {
                other.vrid == instance.vrid
                    && other.family == instance.family
                    && other.interface == instance.interface
                    && instance.vrid != 0
                    && same_network(other, instance)
            });
            if let Some(other) = same {
                let at = |instance: &Instance| -> Option<Span> {
                    instance.origin.keyword("virtual_router_id")
                };
                let message = format!(
                    "`{}` and `{}` are one virtual router: VRID {} on one interface",
                    other.name, instance.name, instance.vrid
                );
                let finding = Diagnostic::new(Code::VridCollision, at(instance), message)
                    .also(at(other), "here as well")
                    .subject(instance.name.clone());
                findings.push(
                    finding.help("give one of them another virtual_router_id, on all its nodes"),
                );
            }
        }
        findings
            .into_iter()
            .for_each(|finding| self.report(finding));
    }

    /// Drops what nothing tracks, and second definitions of a name, as keepalived does.
    fn unused(&mut self) {
        let Config {
            instances,
            sync_groups,
            scripts,
            track_files,
            ..
        } = &mut self.config;
        let tracks: Vec<&Track> = instances
            .iter()
            .map(|instance| &instance.track)
            .chain(sync_groups.iter().map(|group| &group.track))
            .collect();
        let names = |list: fn(&Track) -> &Vec<Tracked>| -> BTreeSet<String> {
            tracks
                .iter()
                .flat_map(|track| list(track))
                .map(|tracked| tracked.name.clone())
                .collect()
        };
        let mut dropped = Vec::new();
        let (mut left, what) = (names(|track| &track.scripts), "script");
        scripts.retain(|script| {
            left.remove(&script.name) || drop_one(&mut dropped, what, &script.name, &script.origin)
        });
        let (mut left, what) = (names(|track| &track.files), "track_file");
        track_files.retain(|file| {
            left.remove(&file.name) || drop_one(&mut dropped, what, &file.name, &file.origin)
        });
        dropped.into_iter().for_each(|finding| self.report(finding));
    }
}

/// Says that something is not used; always `false`.
fn drop_one(findings: &mut Vec<Diagnostic>, what: &str, name: &str, origin: &Origin) -> bool {
    let finding = Diagnostic::new(
        Code::ScriptUnused,
        origin.span,
        format!("nothing tracks the {what} `{name}`"),
    )
    .subject(name)
    .note("it is not watched");
    findings.push(finding.help("name it in an instance, or remove it"));
    false
}

const DROPPED: &str = "it is not tracked: its failure will not move the address";

/// Whether two instances of one VRID on one interface would hear each other.
fn same_network(one: &Instance, other: &Instance) -> bool {
    match (&one.unicast, &other.unicast) {
        (None, None) => one.group == other.group,
        (Some(a), Some(b)) => {
            one.source == other.source
                && a.peers
                    .iter()
                    .any(|peer| b.peers.iter().any(|other| other.address == peer.address))
        }
        _ => false,
    }
}

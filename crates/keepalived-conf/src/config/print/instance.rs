//! `vrrp_instance` and `vrrp_sync_group`.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::time::Duration;

use super::{Page, Secrets, route, seconds, word};
use crate::config::{
    Address, AntiReplay, Auth, Broadcast, Family, Garp, Globals, Hmac, HmacMode, Instance,
    IpvlanMode, Notify, OldChecksum, Secret, SyncGroup, Track, Tracked, Unicast,
};

impl Page {
    pub(super) fn instance(&mut self, instance: &Instance, globals: &Globals) {
        self.block("vrrp_instance", &instance.name, |page| {
            page.maybe("state", instance.state.map(|state| state.as_str()));
            page.maybe(
                "interface",
                instance.interface.as_ref().map(|name| word(name)),
            );
            page.line("virtual_router_id", instance.vrid);
            page.line("priority", instance.priority);
            page.line("advert_int", seconds(instance.advert_int));
            page.line("version", instance.version.number());
            page.transport(instance, globals);
            page.security(instance);
            page.flag("nopreempt", !instance.preempt);
            if !instance.preempt_delay.is_zero() {
                page.line("preempt_delay", seconds(instance.preempt_delay));
            }
            page.entries("virtual_ipaddress", &instance.addresses, address);
            page.entries("virtual_ipaddress_excluded", &instance.excluded, address);
            page.entries("virtual_routes", &instance.routes, route::route);
            page.entries("virtual_rules", &instance.rules, route::rule);
            page.flag("no_virtual_ipaddress", instance.no_addresses);
            page.track(&instance.track);
            page.flag("dont_track_primary", !instance.track_primary);
            page.flag("track_src_ip", instance.track_source);
            page.notify(&instance.notify);
            page.line("notify_priority_changes", instance.notify_priority_changes);
            page.line("smtp_alert", instance.smtp_alert);
            page.garp(&instance.garp);
            page.behaviour(instance);
        });
    }

    fn transport(&mut self, instance: &Instance, globals: &Globals) {
        match &instance.unicast {
            Some(unicast) => self.unicast(instance, unicast),
            None => {
                self.maybe("mcast_src_ip", instance.source);
                let default = match instance.family {
                    Family::V4 => IpAddr::V4(globals.group_v4),
                    Family::V6 => IpAddr::V6(globals.group_v6),
                };
                if instance.group != default {
                    self.line("mcast_dst_ip", instance.group);
                }
            }
        }
        let first = instance.addresses.first().map(|address| address.address);
        let peer = instance
            .unicast
            .as_ref()
            .and_then(|unicast| unicast.peers.first());
        let says = instance
            .source
            .or_else(|| peer.map(|peer| peer.address))
            .or(first);
        self.flag(
            "native_ipv6",
            says.is_none() && instance.family == Family::V6,
        );
    }

    fn unicast(&mut self, instance: &Instance, unicast: &Unicast) {
        self.maybe("unicast_src_ip", instance.source);
        self.flag("unicast_fault_no_peer", unicast.fault_without_peers);
        self.entries("unicast_peer", &unicast.peers, |peer| {
            let mut line = peer.address.to_string();
            if peer.min_ttl != 0 || peer.max_ttl != 255 {
                let _ = write!(line, " min_ttl {} max_ttl {}", peer.min_ttl, peer.max_ttl);
            }
            line
        });
        self.maybe("unicast_ttl", unicast.ttl);
        self.flag("check_unicast_src", unicast.check_source);
        match unicast.old_checksum {
            OldChecksum::Detect => {}
            OldChecksum::Always => self.flag("old_unicast_checksum", true),
            OldChecksum::Never => self.line("old_unicast_checksum", "never"),
        }
    }

    fn security(&mut self, instance: &Instance) {
        if let Some(auth) = &instance.auth {
            let (Auth::Pass(secret) | Auth::Ah(secret)) = auth;
            let text = String::from_utf8_lossy(secret.expose());
            let shown = if self.secrets == Secrets::Shown {
                &*text
            } else {
                crate::config::json::MASK
            };
            self.block("authentication", "", |page| {
                page.line("auth_type", auth.as_str());
                page.line("auth_pass", word(shown));
            });
        }
        if let Some(hmac) = &instance.hmac {
            self.hmac(hmac);
        }
    }

    fn hmac(&mut self, hmac: &Hmac) {
        let secrets = self.secrets;
        let key = |secret: &Secret| match secrets {
            Secrets::Masked => crate::config::json::MASK.to_owned(),
            Secrets::Shown => secret
                .expose()
                .iter()
                .fold("hex:".to_owned(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                }),
        };
        self.block("auth_hmac", "", |page| {
            for entry in &hmac.keys {
                page.line("key", format!("{} {}", entry.id, key(&entry.secret)));
            }
            page.line("active_key", hmac.active_key);
            page.line(
                "anti_replay",
                match hmac.anti_replay {
                    AntiReplay::Time => "time",
                    AntiReplay::Monotonic => "monotonic",
                },
            );
            page.line("time_window", hmac.time_window.as_secs());
            page.line(
                "mode",
                match hmac.mode {
                    HmacMode::Enforce => "enforce",
                    HmacMode::Permissive => "permissive",
                    HmacMode::ReceiveOnly => "receive-only",
                },
            );
        });
    }

    fn track(&mut self, track: &Track) {
        let entry = |tracked: &Tracked| {
            let reverse = if tracked.reverse { " reverse" } else { "" };
            format!("{} weight {}{reverse}", word(&tracked.name), tracked.weight)
        };
        // What is defined elsewhere has a sense of its own that must be undone.
        let defined = |tracked: &Tracked| {
            let reverse = if tracked.reverse { "" } else { " noreverse" };
            format!("{}{reverse}", entry(tracked))
        };
        self.entries("track_interface", &track.interfaces, entry);
        self.entries("track_script", &track.scripts, defined);
        self.entries("track_file", &track.files, defined);
        self.entries("track_process", &track.processes, defined);
        self.entries("track_bfd", &track.bfds, defined);
    }

    fn notify(&mut self, notify: &Notify) {
        let commands = [
            ("notify_master", &notify.master),
            ("notify_backup", &notify.backup),
            ("notify_fault", &notify.fault),
            ("notify_stop", &notify.stop),
            ("notify_deleted", &notify.deleted),
            ("notify_master_rx_lower_pri", &notify.master_rx_lower_pri),
            ("notify", &notify.any),
        ];
        for (keyword, command) in commands {
            if let Some(command) = command {
                self.command(keyword, command);
            }
        }
        self.flag(
            "notify_deleted",
            notify.announce_deleted && notify.deleted.is_none(),
        );
    }

    fn garp(&mut self, garp: &Garp) {
        self.line("garp_master_delay", garp.delay.as_secs());
        self.line("garp_master_repeat", garp.repeat);
        self.line("garp_master_refresh", garp.refresh.as_secs());
        if garp.refresh_repeat > 0 {
            self.line("garp_master_refresh_repeat", garp.refresh_repeat);
        }
        self.line("garp_lower_prio_delay", garp.lower_prio_delay.as_secs());
        self.line("garp_lower_prio_repeat", garp.lower_prio_repeat);
        let all = if garp.extra_all { "all " } else { "" };
        self.line(
            "garp_extra_if",
            format!(
                "{all}{}",
                garp.extra_interfaces.unwrap_or(Duration::ZERO).as_secs()
            ),
        );
    }

    fn behaviour(&mut self, instance: &Instance) {
        self.line("down_timer_adverts", instance.down_timer_adverts);
        self.line("lower_prio_no_advert", instance.lower_prio_no_advert);
        self.line("higher_prio_send_advert", instance.higher_prio_send_advert);
        self.line("owner_ignore_adverts", instance.owner_ignore_adverts);
        self.maybe("timer_expired_backup", instance.timer_expired_backup);
        self.flag("skip_check_adv_addr", instance.skip_check_adv_addr);
        self.line("strict_mode", instance.strict);
        self.line("v3_checksum_as_v2", instance.v3_checksum_as_v2);
        self.flag(
            if instance.accept {
                "accept"
            } else {
                "no_accept"
            },
            true,
        );
        self.flag("promote_secondaries", instance.promote_secondaries);
        if let Some(vmac) = &instance.vmac {
            let mut line = vmac
                .name
                .as_ref()
                .map(|name| format!(" {}", word(name)))
                .unwrap_or_default();
            if let Some(mac) = vmac.mac {
                let _ = write!(
                    line,
                    " {}",
                    mac.map(|octet| format!("{octet:02x}")).join(":")
                );
            }
            if vmac.netlink_notify {
                line.push_str(" netlink_notify_msg");
            }
            if let Some(group) = vmac.group {
                let _ = write!(line, " group {group}");
            }
            self.flag(&format!("use_vmac{line}"), true);
        }
        if let Some(ipvlan) = &instance.ipvlan {
            let mut line = ipvlan
                .name
                .as_ref()
                .map(|name| format!(" {}", word(name)))
                .unwrap_or_default();
            if let Some((address, len)) = ipvlan.address {
                let _ = write!(line, " {address}/{len}");
            }
            line.push_str(match ipvlan.mode {
                IpvlanMode::Bridge => " bridge",
                IpvlanMode::Private => " private",
                IpvlanMode::Vepa => " vepa",
            });
            if let Some(group) = ipvlan.group {
                let _ = write!(line, " group {group}");
            }
            self.flag(&format!("use_ipvlan{line}"), true);
        }
        self.flag("use_vmac_addr", instance.vmac_addr);
        self.flag("vmac_xmit_base", instance.vmac_xmit_base);
        self.maybe("vrf", instance.vrf.as_ref().map(|name| word(name)));
        self.maybe("kernel_rx_buf_size", instance.receive_buffer);
        self.flag("linkbeat_use_polling", instance.linkbeat_polling);
    }

    pub(super) fn group(&mut self, group: &SyncGroup) {
        self.block("vrrp_sync_group", &group.name, |page| {
            page.entries("group", &group.members, |member| word(member));
            page.track(&group.track);
            page.flag("sync_group_tracking_weight", group.tracking_weight);
            page.notify(&group.notify);
            page.line("notify_priority_changes", group.notify_priority_changes);
            page.line("smtp_alert", group.smtp_alert);
        });
    }
}

/// An entry of a list of addresses.
pub(super) fn address(address: &Address) -> String {
    let family = Family::of(&address.address);
    let mut line = format!("{}/{}", address.address, address.prefix_len);
    if let Some(dev) = &address.dev {
        let _ = write!(line, " dev {}", word(dev));
    }
    if family == Family::V4 {
        let scope = match address.scope {
            0 => "global".to_owned(),
            200 => "site".to_owned(),
            253 => "link".to_owned(),
            254 => "host".to_owned(),
            255 => "nowhere".to_owned(),
            number => number.to_string(),
        };
        let _ = write!(line, " scope {scope}");
    }
    match address.broadcast {
        None => {}
        Some(Broadcast::Ones) => line.push_str(" brd +"),
        Some(Broadcast::Zeros) => line.push_str(" brd -"),
        Some(Broadcast::Address(broadcast)) => drop(write!(line, " brd {broadcast}")),
    }
    if let Some(label) = &address.label {
        let _ = write!(line, " label {}", word(label));
    }
    if let Some(peer) = address.peer {
        let _ = write!(line, " peer {peer}");
    }
    let _ = match address.preferred_lifetime {
        None if family == Family::V4 => Ok(()),
        None => write!(line, " preferred_lft forever"),
        Some(lifetime) => write!(line, " preferred_lft {}", lifetime.as_secs()),
    };
    for (set, word) in [
        (address.home, " home"),
        (address.dad, " -nodad"),
        (address.manage_temporary, " mngtmpaddr"),
        (address.no_prefix_route, " noprefixroute"),
        (address.autojoin, " autojoin"),
        (!address.track, " no_track"),
        (address.use_vmac, " use_vmac"),
    ] {
        if set {
            line.push_str(word);
        }
    }
    if let Some(group) = &address.track_group {
        let _ = write!(line, " track_group {}", word(group));
    }
    line
}

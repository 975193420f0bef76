//! One `vrrp_instance`.

use core::time::Duration;
use std::sync::Arc;

use keepalived_conf::config::{self, Instance, OldChecksum, State};
use vrrp_fsm::{
    Addresses, AnnounceSchedule, Announced, Auth, Carrier, Destination, Elsewhere, HmacOptions,
    IfaceId, Preempt, RouterId, RouterOptions,
};
use vrrp_net::{AddressSpec, IpvlanMode, Mac, Protocol, VirtualLinkKind};
use vrrp_proto::{
    AdvertInterval, AntiReplay, ChecksumCoverage, ChecksumPolicy, Family, HOP_LIMIT, HmacMode, Key,
    OwnerPolicy, Password, Peer, Priority, Profile, Version, VirtualMac, Vrid,
};

use super::numbers::Home;
use super::{Install, Made, NotifyPrograms, Numbers, PlanError, Router, family, install};

/// Kernels send IPv6 unicast with this where nothing else is said.
const DEFAULT_UNICAST_HOP_LIMIT_V6: u8 = 64;

pub(super) fn options(
    instance: &Instance,
    id: RouterId,
    numbers: &mut Numbers,
    globals: &config::Globals,
) -> Result<(Router, RouterOptions), PlanError> {
    let value = |what: String| PlanError::Value {
        instance: instance.name.clone(),
        what,
    };
    let name = instance.interface.as_deref();
    let name =
        name.ok_or_else(|| value("an instance without `interface` is not supported".into()))?;
    let iface = numbers.iface(name);
    let vrid = Vrid::new(instance.vrid)
        .ok_or_else(|| value("the virtual router id must be set".into()))?;
    let family = family(instance.family);
    let centis = u16::try_from(instance.advert_int.as_millis() / 10).unwrap_or(u16::MAX);
    let interval = AdvertInterval::from_centis(centis)
        .map_err(|error| value(format!("advert_int: {error}")))?;
    let vmac = own_link(instance, id, iface, vrid, globals, numbers);
    //= R9568-8.2.2-02
    // Nowhere else: what the kernel sends from a virtual address then has the virtual MAC.
    let own = vmac.as_ref().map_or(iface, |made| made.iface);
    let mut address_vmacs: Vec<Made> = Vec::new();
    let mut home = |address: &config::Address, numbers: &mut Numbers| {
        let dev = address.dev.as_deref().map(|dev| numbers.iface(dev));
        let (parent, of) = (dev.unwrap_or(iface), Family::of(&address.address));
        let elsewhere = (parent, of) != (iface, family);
        let asked = address.use_vmac || (instance.vmac_addr && elsewhere);
        if !asked || (vmac.is_some() && !elsewhere) {
            return dev.filter(|_| !asked).unwrap_or(own);
        }
        let there = |made: &&Made| (made.parent, made.family) == (parent, of);
        if let Some(made) = address_vmacs.iter().find(there) {
            return made.iface;
        }
        let link = Link {
            said: None,
            prefix: &globals.vmac_addr_prefix,
            kind: VirtualLinkKind::Macvlan(VirtualMac::new(of, vrid).into()),
            parent,
            family: of,
            vrid,
        };
        let made = link.number((id, Some((parent, words(of)))), numbers);
        let home = made.iface;
        address_vmacs.push(made);
        home
    };
    let install = Install::of_instance(instance, iface, numbers, &mut home);
    let version = match instance.version {
        config::Version::V2 => Version::V2,
        config::Version::V3 => Version::V3,
    };
    let carrier = |iface| match iface {
        _ if iface == own => Carrier::Own,
        _ if address_vmacs.iter().any(|made| made.iface == iface) => Carrier::Made,
        _ => Carrier::Plain,
    };
    let announced = install.addresses.iter();
    let announced = announced.map(|placed| Announced {
        address: placed.spec.address,
        iface: placed.iface,
        carrier: carrier(placed.iface),
    });
    //= KA-CFG-04
    let advertised = instance.addresses.iter().map(|address| address.address);
    let old_checksum = instance
        .unicast
        .as_ref()
        .map(|unicast| unicast.old_checksum);
    let options = RouterOptions {
        version,
        profile: if instance.strict {
            Profile::Rfc
        } else {
            Profile::Keepalived
        },
        priority: Priority::new(instance.priority),
        owner_waits: instance.state == Some(State::Backup),
        interval,
        preempt: preempt(instance),
        addresses: match family {
            _ if instance.addresses.is_empty() => Addresses::empty(family),
            _ => advertised.collect(),
        },
        announced: announced.collect(),
        fingerprint: install::fingerprint(&install),
        source: vmac
            .as_ref()
            .and_then(|made| Some(made.address.as_ref()?.address))
            .or(instance.source),
        destination: destination(instance),
        auth: auth(instance).map_err(value)?,
        //= KA-CSUM-01
        //= KA-CSUM-02
        checksum: if instance.v3_checksum_as_v2 {
            ChecksumCoverage::Message
        } else {
            ChecksumCoverage::PseudoHeader
        },
        accepted_checksum: match old_checksum {
            Some(OldChecksum::Detect | OldChecksum::Always) => ChecksumPolicy::OldUnicast,
            Some(OldChecksum::Never) | None => ChecksumPolicy::Either,
        },
        old_unicast_checksum: old_checksum == Some(OldChecksum::Always),
        owner_policy: if instance.owner_ignore_adverts {
            OwnerPolicy::Discard
        } else {
            OwnerPolicy::Process
        },
        skip_list_check: instance.skip_check_adv_addr,
        down_timer_adverts: instance.down_timer_adverts,
        answer_lower: !instance.lower_prio_no_advert,
        advertise_before_yielding: instance.higher_prio_send_advert,
        announce: announce(&instance.garp),
        track_own_iface: instance.track_primary,
        stalled_to_backup: instance.timer_expired_backup.map(Priority::new),
        ..RouterOptions::keepalived(iface, family, vrid)
    };
    let router = Router {
        instance: Arc::new(instance.clone()),
        iface,
        vrid,
        family,
        version,
        group: None,
        protocol: if matches!(options.auth, Auth::Ah(_)) {
            Protocol::Ah
        } else {
            Protocol::Vrrp
        },
        multicast: instance.unicast.is_none().then_some(instance.group),
        hop_limit: hop_limit(instance),
        vmac,
        address_vmacs,
        install: Arc::new(install),
        notify: NotifyPrograms::default(),
    };
    Ok((router, options))
}

/// The interface that `use_vmac` or `use_ipvlan` asks for.
fn own_link(
    instance: &Instance,
    id: RouterId,
    parent: IfaceId,
    vrid: Vrid,
    globals: &config::Globals,
    numbers: &mut Numbers,
) -> Option<Made> {
    let family = family(instance.family);
    let (said, kind, group, address) = if let Some(vmac) = &instance.vmac {
        let mac = vmac
            .mac
            .map_or_else(|| VirtualMac::new(family, vrid).into(), Mac::new);
        let kind = VirtualLinkKind::Macvlan(mac);
        (vmac.name.as_deref(), kind, vmac.group, None)
    } else {
        let ipvlan = instance.ipvlan.as_ref()?;
        let mode = match ipvlan.mode {
            config::IpvlanMode::Bridge => IpvlanMode::Bridge,
            config::IpvlanMode::Private => IpvlanMode::Private,
            config::IpvlanMode::Vepa => IpvlanMode::Vepa,
        };
        let address = ipvlan.address.map(|(address, prefix_len)| AddressSpec {
            prefix_len,
            ..AddressSpec::new(address)
        });
        let kind = VirtualLinkKind::Ipvlan(mode);
        (ipvlan.name.as_deref(), kind, ipvlan.group, address)
    };
    let link = Link {
        said,
        prefix: &globals.vmac_prefix,
        kind,
        parent,
        family,
        vrid,
    };
    let made = link.number((id, None), numbers);
    Some(Made {
        group,
        address,
        ..made
    })
}

/// An interface to be made, before it has a name.
struct Link<'a> {
    said: Option<&'a str>,
    prefix: &'a str,
    kind: VirtualLinkKind,
    parent: IfaceId,
    family: Family,
    vrid: Vrid,
}

impl Link<'_> {
    fn number(self, which: (RouterId, Home), numbers: &mut Numbers) -> Made {
        let about = (self.prefix, words(self.family), self.vrid.get());
        let name = numbers.made_for(which, self.said, about);
        Made {
            iface: numbers.iface(&name),
            name,
            parent: self.parent,
            family: self.family,
            kind: self.kind,
            group: None,
            address: None,
        }
    }
}

/// The same family in the configuration's words.
const fn words(family: Family) -> config::Family {
    match family {
        Family::V4 => config::Family::V4,
        Family::V6 => config::Family::V6,
    }
}

fn preempt(instance: &Instance) -> Preempt {
    match (instance.preempt, instance.preempt_delay) {
        (false, _) => Preempt::Never,
        (true, Duration::ZERO) => Preempt::AtOnce,
        (true, delay) => Preempt::After(delay),
    }
}

fn destination(instance: &Instance) -> Destination {
    let unicast = instance.unicast.as_ref();
    // Without a peer it is at fault, and never sends.
    let Some(unicast) = unicast.filter(|unicast| !unicast.peers.is_empty()) else {
        return Destination::Multicast(instance.group);
    };
    let peer = |peer: &config::Peer| Peer {
        address: peer.address,
        min_ttl: peer.min_ttl,
        max_ttl: peer.max_ttl,
    };
    Destination::Unicast {
        peers: unicast.peers.iter().map(peer).collect(),
        check_source: unicast.check_source,
    }
}

fn hop_limit(instance: &Instance) -> u8 {
    let Some(unicast) = &instance.unicast else {
        return HOP_LIMIT;
    };
    unicast.ttl.unwrap_or(match instance.family {
        config::Family::V4 => HOP_LIMIT,
        config::Family::V6 => DEFAULT_UNICAST_HOP_LIMIT_V6,
    })
}

fn auth(instance: &Instance) -> Result<Auth, String> {
    if let Some(hmac) = &instance.hmac {
        let mut keys = Vec::new();
        for key in &hmac.keys {
            let named = |error: &dyn core::fmt::Display| format!("key {}: {error}", key.id);
            let secret = install::secret(key.secret.expose()).map_err(|error| named(&error))?;
            keys.push(Key::new(key.id, &secret).map_err(|error| named(&error))?);
        }
        return Ok(Auth::Hmac(Box::new(HmacOptions {
            keys,
            active_key: hmac.active_key,
            mode: match hmac.mode {
                config::HmacMode::Enforce => HmacMode::Enforce,
                config::HmacMode::Permissive => HmacMode::Permissive,
                config::HmacMode::ReceiveOnly => HmacMode::ReceiveOnly,
            },
            anti_replay: match hmac.anti_replay {
                config::AntiReplay::Time => AntiReplay::Time {
                    window: u16::try_from(hmac.time_window.as_secs()).unwrap_or(u16::MAX),
                },
                config::AntiReplay::Monotonic => AntiReplay::Monotonic,
            },
        })));
    }
    Ok(match &instance.auth {
        None => Auth::None,
        Some(auth @ config::Auth::Pass(_)) => Auth::Simple(Password::new(&auth.data())),
        Some(auth @ config::Auth::Ah(_)) => Auth::Ah(Password::new(&auth.data())),
    })
}

fn announce(garp: &config::Garp) -> AnnounceSchedule {
    let rounds = |repeat: u32| u8::try_from(repeat).unwrap_or(u8::MAX);
    let some = |time: Duration| (!time.is_zero()).then_some(time);
    AnnounceSchedule {
        burst: rounds(garp.repeat).max(1),
        again_after: some(garp.delay),
        refresh: some(garp.refresh),
        refresh_rounds: rounds(garp.refresh_repeat).max(1),
        lower_burst: rounds(garp.lower_prio_repeat),
        lower_again_after: some(garp.lower_prio_delay),
        elsewhere: garp.extra_interfaces.map(|every| Elsewhere {
            every,
            all: garp.extra_all,
        }),
        after_trouble: true,
    }
}

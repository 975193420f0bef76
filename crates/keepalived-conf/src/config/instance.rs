//! `vrrp_instance`: one virtual router on one interface.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::address::{Address, Peer};
use super::route::{Route, Rule};
use super::track::{Command, Track};
use super::{Family, Origin, Version};

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The name; unique.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// The interface that adverts use. `None` only for unicast with a source address.
    pub interface: Option<String>,
    /// The family of its adverts and of [`Instance::addresses`].
    pub family: Family,
    /// The VRRP version that it speaks.
    pub version: Version,
    /// Virtual Router ID. Range: 1..=255. RFC 9568 §5.2.3.
    pub vrid: u8,
    /// Base priority. Range: 1..=255, 255 is the address owner. Default: 100, or 255 with `state MASTER`.
    pub priority: u8,
    /// `state` as written (a wrong word counts as [`State::Backup`]); it decides very little.
    pub state: Option<State>,
    /// Time between adverts. Whole seconds 1..=255 in VRRPv2; 10 ms..=40.95 s in VRRPv3. Default: 1 s.
    pub advert_int: Duration,
    /// Take over from an Active router of lower priority. Default: yes.
    pub preempt: bool,
    /// How long to let a lower Active router be before taking over. Range: 0..=1000 s. Default: 0.
    pub preempt_delay: Duration,
    /// `virtual_ipaddress`: the addresses in adverts, in order.
    pub addresses: Vec<Address>,
    /// `virtual_ipaddress_excluded`: added and removed likewise, but not advertised; any family.
    pub excluded: Vec<Address>,
    /// `virtual_routes`.
    pub routes: Vec<Route>,
    /// `virtual_rules`.
    pub rules: Vec<Rule>,
    /// `no_virtual_ipaddress`: that it has no address is intended.
    pub no_addresses: bool,
    /// `mcast_src_ip` or `unicast_src_ip`: source of the adverts. Default: the interface's first address.
    pub source: Option<IpAddr>,
    /// Adverts go to peers and not to the group.
    pub unicast: Option<Unicast>,
    /// `mcast_dst_ip`, or the global group of the family.
    pub group: IpAddr,
    /// VRRPv2 authentication. Always `None` in VRRPv3.
    pub auth: Option<Auth>,
    /// `auth_hmac`: every advert carries a keyed trailer.
    pub hmac: Option<Hmac>,
    /// `track_interface`, `track_script`, `track_file`, `track_process`, `track_bfd`.
    pub track: Track,
    /// The interface of the instance is a tracker of weight 0. Default: yes; no with `dont_track_primary`.
    pub track_primary: bool,
    /// `track_src_ip`: while [`Instance::source`] is not on this host, the instance is at fault.
    pub track_source: bool,
    /// Scripts that are told of changes.
    pub notify: Notify,
    /// Tell the FIFOs of changes of the priority.
    pub notify_priority_changes: bool,
    /// Mail on changes of state.
    pub smtp_alert: bool,
    /// Gratuitous ARP and unsolicited neighbour advertisements.
    pub garp: Garp,
    /// Adverts that may be missed before the Active router counts as gone. Range: 1..=100. Default: 3.
    pub down_timer_adverts: u8,
    /// Do not answer an advert of lower priority with one's own.
    pub lower_prio_no_advert: bool,
    /// On an advert of higher priority, send one more before becoming Backup.
    pub higher_prio_send_advert: bool,
    /// As address owner, ignore adverts of others.
    pub owner_ignore_adverts: bool,
    /// `timer_expired_backup`: after a stall in which a peer of this priority would have taken over, become
    /// Backup. Range: 1..=254.
    pub timer_expired_backup: Option<u8>,
    /// Check the address list of adverts only once per sender.
    pub skip_check_adv_addr: bool,
    /// `vrrp_strict`: hold to the RFC; no authentication, no answering on the addresses.
    pub strict: bool,
    /// VRRPv3 over IPv4 with the checksum of VRRPv2 (without the pseudo-header).
    pub v3_checksum_as_v2: bool,
    /// Accept traffic to the virtual addresses although not their owner. RFC 9568 §6.1 `Accept_Mode`.
    pub accept: bool,
    /// Set the sysctl `promote_secondaries` on the interface while running.
    pub promote_secondaries: bool,
    /// `use_vmac`: the virtual MAC address, on a macvlan.
    pub vmac: Option<Vmac>,
    /// `use_ipvlan`.
    pub ipvlan: Option<Ipvlan>,
    /// `use_vmac_addr`: macvlans also for addresses on other interfaces.
    pub vmac_addr: bool,
    /// `vmac_xmit_base`: adverts leave through the base interface.
    pub vmac_xmit_base: bool,
    /// `vrf`: for unicast without an interface.
    pub vrf: Option<String>,
    /// `kernel_rx_buf_size`. Unit: bytes.
    pub receive_buffer: Option<u32>,
    /// `linkbeat_use_polling`: poll the link state of the interface.
    pub linkbeat_polling: bool,
}

impl Instance {
    /// An instance with every default, on `interface`.
    #[must_use]
    pub fn new(name: impl Into<String>, interface: impl Into<String>, vrid: u8) -> Self {
        Self {
            interface: Some(interface.into()),
            ..Self::unbound(name.into(), vrid)
        }
    }

    /// Without an interface; the reader fills it in.
    pub(crate) fn unbound(name: String, vrid: u8) -> Self {
        Self {
            name,
            origin: Origin::default(),
            interface: None,
            family: Family::V4,
            version: Version::V2,
            vrid,
            priority: 100,
            state: None,
            advert_int: Duration::from_secs(1),
            preempt: true,
            preempt_delay: Duration::ZERO,
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            no_addresses: false,
            source: None,
            unicast: None,
            group: Self::group_of(Family::V4),
            auth: None,
            hmac: None,
            track: Track::default(),
            track_primary: true,
            track_source: false,
            notify: Notify::default(),
            notify_priority_changes: false,
            smtp_alert: false,
            garp: Garp::default(),
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            timer_expired_backup: None,
            skip_check_adv_addr: false,
            strict: false,
            v3_checksum_as_v2: false,
            accept: true,
            promote_secondaries: false,
            vmac: None,
            ipvlan: None,
            vmac_addr: false,
            vmac_xmit_base: false,
            vrf: None,
            receive_buffer: None,
            linkbeat_polling: false,
        }
    }

    /// The group of RFC 9568 §5.1.1.2 and §5.1.2.2: 224.0.0.18 or ff02::12.
    #[must_use]
    pub const fn group_of(family: Family) -> IpAddr {
        match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        }
    }
}

/// `state`, in keepalived's words: what the instance would like to be at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// `MASTER`: Active.
    Master,
    /// `BACKUP`.
    Backup,
}

impl State {
    /// keepalived's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
        }
    }
}

/// Adverts to peers instead of to a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unicast {
    /// `unicast_peer`, in sending order. Empty only with [`Unicast::fault_without_peers`].
    pub peers: Vec<Peer>,
    /// `unicast_ttl`. Default: 255 for IPv4, the kernel's for IPv6.
    pub ttl: Option<u8>,
    /// Take adverts only from peers, within their TTL limits.
    pub check_source: bool,
    /// `unicast_fault_no_peer`: without a peer, be at fault.
    pub fault_without_peers: bool,
    /// `old_unicast_checksum`.
    pub old_checksum: OldChecksum,
}

/// Whether VRRPv3 unicast checksums are computed as if the destination were the group, as peers from before
/// 2015 do it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OldChecksum {
    /// Switch over when a peer's first advert verifies only that way.
    #[default]
    Detect,
    /// Always.
    Always,
    /// Never, and do not look for it.
    Never,
}

/// VRRPv2 authentication. It keeps accidents apart, not attackers: RFC 3768 dropped it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `auth_type PASS`: eight bytes in clear text.
    Pass(Secret),
    /// `auth_type AH`: the IP Authentication Header with HMAC-MD5-96 (RFC 2402).
    Ah(Secret),
}

impl Auth {
    /// `"PASS"` or `"AH"`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pass(_) => "PASS",
            Self::Ah(_) => "AH",
        }
    }

    /// The eight bytes, padded with zeros.
    #[must_use]
    pub fn data(&self) -> [u8; 8] {
        let (Self::Pass(secret) | Self::Ah(secret)) = self;
        let mut data = [0; 8];
        data.iter_mut()
            .zip(secret.expose())
            .for_each(|(to, from)| *to = *from);
        data
    }
}

/// Bytes that no log, dump or message may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps `bytes`.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one who puts them to use.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}

/// `auth_hmac` (draft-cassen-vrrp-auth-hmac, as in keepalived 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hmac {
    /// Keys that verify; ids are unique.
    pub keys: Vec<HmacKey>,
    /// Id of the key that signs; one of [`Hmac::keys`].
    pub active_key: u8,
    /// What stops old adverts from being sent again.
    pub anti_replay: AntiReplay,
    /// How far clocks may differ. Range: 1..=300 s. Default: 3 × whole seconds of the interval, 5..=300.
    pub time_window: Duration,
    /// Signs? Requires?
    pub mode: HmacMode,
}

/// A key of [`Hmac`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmacKey {
    /// Range: 1..=255.
    pub id: u8,
    /// Where the key comes from, decoded if it stands in the configuration itself. 32..=64 bytes.
    pub secret: Secret,
    /// Where it was written.
    pub origin: Origin,
}

/// What stops old adverts from being sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AntiReplay {
    /// Clocks are compared, within the window.
    #[default]
    Time,
    /// Only that the sequence grows.
    Monotonic,
}

/// Who signs and who requires a signature; the steps of a roll-out, last first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HmacMode {
    /// Signs, requires.
    #[default]
    Enforce,
    /// Signs, accepts unsigned adverts.
    Permissive,
    /// Does not sign, accepts unsigned adverts.
    ReceiveOnly,
}

/// Scripts that are told of changes of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// `notify_master`: became Active.
    pub master: Option<Command>,
    /// `notify_backup`.
    pub backup: Option<Command>,
    /// `notify_fault`.
    pub fault: Option<Command>,
    /// `notify_stop`: the daemon ends.
    pub stop: Option<Command>,
    /// `notify_deleted`: gone after a reload. Instances only.
    pub deleted: Option<Command>,
    /// `notify_deleted` without a script: a deleted instance is announced as deleted and not as at fault.
    pub announce_deleted: bool,
    /// `notify_master_rx_lower_pri`: Active, and heard an advert of lower priority. Instances only.
    pub master_rx_lower_pri: Option<Command>,
    /// `notify`: any change; gets type, name, state and priority as arguments.
    pub any: Option<Command>,
}

/// When and how often neighbours are told where the addresses are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garp {
    /// Second burst, that long after becoming Active; 0 none. Default: 5 s.
    pub delay: Duration,
    /// Announcements per address in a burst. Range: 1... Default: 5.
    pub repeat: u32,
    /// Announce again every so often while Active; 0 never. Default: 0.
    pub refresh: Duration,
    /// Announcements per address in a refresh. Default: 1.
    pub refresh_repeat: u32,
    /// As [`Garp::delay`], after an advert of lower priority. Default: the same as `delay`.
    pub lower_prio_delay: Duration,
    /// As [`Garp::repeat`], after an advert of lower priority. Default: the same as `repeat`.
    pub lower_prio_repeat: u32,
    /// `garp_extra_if`: while Active, one announcement every so often on each other interface that carries
    /// addresses. Default: never.
    pub extra_interfaces: Option<Duration>,
    /// `garp_extra_if all`: also those without a macvlan of their own.
    pub extra_all: bool,
}

impl Default for Garp {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            extra_interfaces: None,
            extra_all: false,
        }
    }
}

/// `use_vmac`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vmac {
    /// Name of the macvlan. Default: `vrrp.VRID`, or the next free one.
    pub name: Option<String>,
    /// Its address. Default: 00-00-5E-00-01-VRID or 00-00-5E-00-02-VRID. RFC 9568 §7.3.
    pub mac: Option<[u8; 6]>,
    /// `netlink_notify_msg`: have the kernel send netlink messages for it.
    pub netlink_notify: bool,
    /// Interface group. Default: that of the base interface.
    pub group: Option<u32>,
}

/// `use_ipvlan`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ipvlan {
    /// Name of the interface. Default: `vrrp.VRID`, or the next free one.
    pub name: Option<String>,
    /// Its address and prefix length; IPv4 needs one.
    pub address: Option<(IpAddr, u8)>,
    /// Default: bridge.
    pub mode: IpvlanMode,
    /// Interface group.
    pub group: Option<u32>,
}

/// Who an ipvlan may talk to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IpvlanMode {
    /// To its siblings, directly.
    #[default]
    Bridge,
    /// Not to its siblings.
    Private,
    /// To its siblings, through the switch.
    Vepa,
}

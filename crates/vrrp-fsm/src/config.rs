//! What a virtual router and an engine are configured to do.
//!
//! [`RouterOptions`] is what somebody wrote; a [`RouterConfig`] exists only if it can run.

#[cfg(feature = "auth")]
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Deref;
use core::time::Duration;

use vrrp_proto::{
    AddressList, AdvertInterval, ChecksumCoverage, ChecksumPolicy, Family, OwnerPolicy, Password,
    Peer, Priority, Profile, Version, Vrid,
};
#[cfg(feature = "auth")]
use vrrp_proto::{AntiReplay, HmacMode, Key};

use crate::{GroupId, IfaceId, RouterId, TrackId};

/// Preempt_Mode (RFC 9568 §6.1). "Never, after a delay" cannot be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preempt {
    /// Preempt_Mode false: a lower Active router stays. The owner preempts all the same.
    Never,
    /// Preempt_Mode true.
    #[default]
    AtOnce,
    /// As `Never` for this long after a lower Active router was heard first, then as `AtOnce`.
    /// keepalived's `preempt_delay`. Range: 0..=1000 s.
    After(Duration),
}

/// How often addresses are announced by gratuitous ARP (IPv4) or unsolicited NA (IPv6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceSchedule {
    /// Rounds at once on becoming Active, and of the second burst. Range: 1... Default: 5; RFC: 1.
    pub burst: u8,
    /// The second burst follows this long after the first. Default: 5 s; RFC: none.
    pub again_after: Option<Duration>,
    /// Announce again so often while Active. Default: none.
    pub refresh: Option<Duration>,
    /// Rounds of a refresh. Default: 1.
    pub refresh_rounds: u8,
    /// Rounds when an advertisement is heard that loses against ours. Default: 5; RFC, strict: 0.
    pub lower_burst: u8,
    /// They are repeated after this long. Default: 5 s; RFC: none.
    pub lower_again_after: Option<Duration>,
    /// Announce so often on interfaces other than the router's own (`garp_extra_if`), so that bridges
    /// know where the virtual MAC is. Default: none.
    pub elsewhere: Option<Elsewhere>,
    /// Whether to announce again after the process stood still while it was Active, when two Active
    /// routers have become one, when another one leaves with priority 0, and when a drain with a taker
    /// is taken back; the one that gives way or was drained advertises once more, so that the winner
    /// knows. Default: true; RFC: false.
    pub after_trouble: bool,
}

/// Announcements on interfaces other than the router's own, while Active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Time between two rounds. Range: 1..=86400 s.
    pub every: Duration,
    /// On all of them, or only on those that were made for a virtual MAC.
    pub all: bool,
}

impl AnnounceSchedule {
    /// Once, on becoming Active (RFC 9568 §6.4).
    pub const RFC: Self = Self {
        burst: 1,
        again_after: None,
        refresh: None,
        refresh_rounds: 1,
        lower_burst: 0,
        lower_again_after: None,
        elsewhere: None,
        after_trouble: false,
    };
    /// keepalived's defaults.
    pub const KEEPALIVED: Self = Self {
        burst: 5,
        again_after: Some(Duration::from_secs(5)),
        refresh: None,
        refresh_rounds: 1,
        lower_burst: 5,
        lower_again_after: Some(Duration::from_secs(5)),
        elsewhere: None,
        after_trouble: true,
    };
}

/// Virtual addresses of one family: a mixed list cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4.
    V4(Vec<Ipv4Addr>),
    /// IPv6; the first should be link-local (RFC 9568 §5.2.9).
    V6(Vec<Ipv6Addr>),
}

impl Addresses {
    /// No address of `family` yet.
    pub const fn empty(family: Family) -> Self {
        match family {
            Family::V4 => Self::V4(Vec::new()),
            Family::V6 => Self::V6(Vec::new()),
        }
    }

    /// As the codec takes them.
    pub fn as_list(&self) -> AddressList<'_> {
        match self {
            Self::V4(list) => AddressList::V4(list),
            Self::V6(list) => AddressList::V6(list),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let (v4, v6): (&[_], &[_]) = match self {
            Self::V4(list) => (list, &[]),
            Self::V6(list) => (&[], list),
        };
        v4.iter()
            .copied()
            .map(IpAddr::V4)
            .chain(v6.iter().copied().map(IpAddr::V6))
    }
}

impl FromIterator<IpAddr> for Addresses {
    /// The family is that of the first; others are left out.
    fn from_iter<T: IntoIterator<Item = IpAddr>>(iter: T) -> Self {
        let mut iter = iter.into_iter().peekable();
        match iter.peek() {
            None | Some(IpAddr::V4(_)) => Self::V4(iter.filter_map(as_v4).collect()),
            Some(IpAddr::V6(_)) => Self::V6(iter.filter_map(as_v6).collect()),
        }
    }
}

fn as_v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn as_v6(address: IpAddr) -> Option<Ipv6Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(address),
    }
}

/// An address that is announced, and where: the spacing of announcements is per interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Announced {
    /// An advertised or an excluded address, of either family.
    pub address: IpAddr,
    /// The interface that carries it.
    pub iface: IfaceId,
    /// What that interface is to the router.
    pub carrier: Carrier,
}

/// What an interface is to the router whose address it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// The one that it runs on, or the one with its virtual MAC there.
    Own,
    /// One with a virtual MAC somewhere else.
    Made,
    /// Any other.
    Plain,
}

/// Where advertisements go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a group, with TTL 255 (RFC 9568 §5.1).
    Multicast(IpAddr),
    /// One copy to each peer, in this order.
    Unicast {
        /// At least one.
        peers: Vec<Peer>,
        /// Whether a sender that is no peer is refused. Implied by a TTL range of any peer.
        check_source: bool,
    },
}

/// How advertisements are authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// VRRPv2, RFC 2338 Auth Type 1: a password in clear.
    Simple(Password),
    /// VRRPv2, RFC 2338 Auth Type 2: an IP Authentication Header, keyed with this.
    #[cfg(feature = "auth")]
    Ah(Password),
    /// keepalived's `auth_hmac`, in both versions.
    #[cfg(feature = "auth")]
    Hmac(Box<HmacOptions>),
}

/// `auth_hmac {}`: a signature after each message.
#[cfg(feature = "auth")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmacOptions {
    /// Any of these verifies.
    pub keys: Vec<Key>,
    /// The number of the one that signs.
    pub active_key: u8,
    /// Who must sign.
    pub mode: HmacMode,
    /// What is taken for a replay.
    pub anti_replay: AntiReplay,
}

/// Something whose state counts for a router or for a sync group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// What is tracked.
    pub what: Trackee,
    /// 0: bad means Fault. Above: added to the priority while good. Below: while bad. A file's value
    /// is multiplied by it. Range: -254..=254.
    pub weight: i16,
    /// Weight 0: good means Fault. Else: the sign is turned.
    pub reverse: bool,
}

/// What can be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Trackee {
    /// An interface: good while it is up.
    Iface(IfaceId),
    /// A script, a file, processes, a BFD session or anything else.
    Track(TrackId),
}

/// A virtual router as somebody wrote it.
///
/// [`RouterOptions::rfc`] and [`RouterOptions::keepalived`] give the two sets of defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterOptions {
    /// The interface whose virtual router this is.
    pub iface: IfaceId,
    /// Which virtual router. RFC 9568 §5.2.3.
    pub vrid: Vrid,
    /// The family of its adverts. The addresses in them are of the same one.
    pub family: Family,
    /// VRRPv2 is for IPv4 only.
    pub version: Version,
    /// Which text rules where they differ.
    pub profile: Profile,
    /// Priority before tracking. Range: 1..=255. Default: 100. RFC 9568 §6.1.
    pub priority: Priority,
    /// Whether an owner waits for the Active_Down_Interval like any other router (keepalived's
    /// `state BACKUP`). Default: false.
    pub owner_waits: bool,
    /// Advertisement_Interval. Default: 1 s. RFC 9568 §6.1.
    pub interval: AdvertInterval,
    /// Preempt_Mode. RFC 9568 §6.1.
    pub preempt: Preempt,
    /// The addresses in the adverts: 1..=255, none in VRRPv2 as keepalived allows it.
    pub addresses: Addresses,
    /// The addresses that are announced: those in the adverts, then the excluded ones.
    pub announced: Vec<Announced>,
    /// A number that changes when anything else that is installed does: a prefix length, a route, a
    /// rule. Then an Active router gets [`Command::Update`](crate::Command) on reload.
    pub fingerprint: u64,
    /// The address to send from. `None`: the interface's primary address.
    pub source: Option<IpAddr>,
    /// Where adverts go. RFC 9568 §5.1.
    pub destination: Destination,
    /// How they are authenticated.
    pub auth: Auth,
    /// What the checksum that we send covers, in VRRPv3 over IPv4. RFC: the message; keepalived:
    /// a pseudo-header too.
    pub checksum: ChecksumCoverage,
    /// Which checksums of VRRPv3 over IPv4 are accepted. Default: both forms.
    pub accepted_checksum: ChecksumPolicy,
    /// Send unicast VRRPv3 with the checksum of keepalived before 1.3.7, which names the group
    /// (`old_unicast_checksum`). Where [`ChecksumPolicy::OldUnicast`] is accepted, a peer that needs
    /// it is found out. Default: false.
    pub old_unicast_checksum: bool,
    /// Whether an owner refuses all adverts (RFC 9568 §7.1 as published) or handles a second owner
    /// (erratum 8298). Default: the erratum.
    pub owner_policy: OwnerPolicy,
    /// Whether the list of addresses is compared only when the sender changed; Active always
    /// compares (`skip_check_adv_addr`). Default: false.
    pub skip_list_check: bool,
    /// Adverts that may be missing in an Active_Down_Interval. Range: 1..=100. Default: 3.
    pub down_timer_adverts: u8,
    /// Whether an Active router answers an advert that loses with its own. RFC 9568 §6.4.3: true;
    /// RFC 5798 and 3768: false; keepalived: true unless `lower_prio_no_advert`.
    pub answer_lower: bool,
    /// At most one such answer per peer in this time. RFC: zero. Default: 10 ms.
    pub answer_spacing: Duration,
    /// Whether to advertise once more before giving way (`higher_prio_send_advert`). Default: false.
    pub advertise_before_yielding: bool,
    /// How often addresses are announced.
    pub announce: AnnounceSchedule,
    /// Whether a down own interface is a fault (`dont_track_primary`). Default: true.
    pub track_own_iface: bool,
    /// What else counts.
    pub tracked: Vec<Tracked>,
    /// After standing still for so long that a peer of this priority must have taken over, become
    /// Backup instead of advertising (`timer_expired_backup`). Default: none.
    pub stalled_to_backup: Option<Priority>,
    /// Whether a Backup whose timer is handled an interval late or more listens for another interval
    /// before it takes over: it did not run, so the silence proves nothing. RFC: false.
    pub listen_after_stall: bool,
}

impl RouterOptions {
    //= R9568-6.1-02
    //= R3768-6.1-01
    //= R3768-5.3.4-02
    /// The RFC's defaults: VRRPv3, priority 100, adverts each second to the group.
    pub fn rfc(iface: IfaceId, family: Family, vrid: Vrid) -> Self {
        Self {
            iface,
            vrid,
            family,
            version: Version::V3,
            profile: Profile::Rfc,
            priority: Priority::DEFAULT,
            owner_waits: false,
            interval: AdvertInterval::DEFAULT,
            preempt: Preempt::AtOnce,
            addresses: Addresses::empty(family),
            announced: Vec::new(),
            fingerprint: 0,
            source: None,
            destination: Destination::Multicast(family.group()),
            auth: Auth::None,
            checksum: ChecksumCoverage::Message,
            accepted_checksum: ChecksumPolicy::Either,
            old_unicast_checksum: false,
            owner_policy: OwnerPolicy::Process,
            skip_list_check: false,
            down_timer_adverts: 3,
            answer_lower: true,
            answer_spacing: Duration::ZERO,
            advertise_before_yielding: false,
            announce: AnnounceSchedule::RFC,
            track_own_iface: true,
            tracked: Vec::new(),
            stalled_to_backup: None,
            listen_after_stall: false,
        }
    }

    /// keepalived's defaults: VRRPv2 for IPv4, five announcements and five more after five seconds,
    /// the pseudo-header in every VRRPv3 checksum.
    pub fn keepalived(iface: IfaceId, family: Family, vrid: Vrid) -> Self {
        Self {
            version: match family {
                Family::V4 => Version::V2,
                Family::V6 => Version::V3,
            },
            profile: Profile::Keepalived,
            checksum: ChecksumCoverage::PseudoHeader,
            answer_spacing: Duration::from_millis(10),
            announce: AnnounceSchedule::KEEPALIVED,
            listen_after_stall: true,
            ..Self::rfc(iface, family, vrid)
        }
    }

    /// Sets the addresses, all of them advertised and announced on the router's own interface.
    #[must_use]
    pub fn with_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let iface = self.iface;
        self.announced = addresses
            .into_iter()
            .map(|address| Announced {
                address,
                iface,
                carrier: Carrier::Own,
            })
            .collect();
        self.addresses = match self.family {
            Family::V4 => Addresses::V4(
                self.announced
                    .iter()
                    .filter_map(|a| as_v4(a.address))
                    .collect(),
            ),
            Family::V6 => Addresses::V6(
                self.announced
                    .iter()
                    .filter_map(|a| as_v6(a.address))
                    .collect(),
            ),
        };
        self
    }
}

/// A virtual router that can run: made from [`RouterOptions`], readable as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterConfig(RouterOptions);

impl Deref for RouterConfig {
    type Target = RouterOptions;

    fn deref(&self) -> &RouterOptions {
        &self.0
    }
}

impl TryFrom<RouterOptions> for RouterConfig {
    type Error = ConfigError;

    fn try_from(mut options: RouterOptions) -> Result<Self, ConfigError> {
        let RouterOptions {
            version,
            family,
            priority,
            interval,
            down_timer_adverts,
            ..
        } = options;
        if (version, family) == (Version::V2, Family::V6) {
            return Err(ConfigError::V2OverIpv6);
        }
        //= R9568-5.2.4-03
        if priority.is_relinquish() {
            return Err(ConfigError::Priority);
        }
        //= R9568-6.1-04
        let said = match version {
            Version::V2 => interval.to_v2_secs().is_some(),
            Version::V3 => interval.to_v3_centis().is_some(),
        };
        if !said {
            return Err(ConfigError::Interval { version, interval });
        }
        let count = options.addresses.as_list().len();
        if options.addresses.as_list().family() != family {
            return Err(ConfigError::Family { family });
        }
        if count > usize::from(u8::MAX) {
            return Err(ConfigError::TooManyAddresses { count });
        }
        //= R9568-6.1-03
        //= KA-CFG-07
        if count == 0 && version == Version::V3 {
            return Err(ConfigError::NoAddresses);
        }
        if !(1..=100).contains(&down_timer_adverts) {
            return Err(ConfigError::DownTimerAdverts {
                adverts: down_timer_adverts,
            });
        }
        options.auth.check(version)?;
        let foreign = |address: &IpAddr| Family::of(address) != family;
        let mixed = match &options.destination {
            Destination::Multicast(group) => foreign(group),
            Destination::Unicast { peers, .. } if peers.is_empty() => {
                return Err(ConfigError::NoPeers);
            }
            Destination::Unicast { peers, .. } => peers.iter().any(|peer| foreign(&peer.address)),
        };
        if mixed || options.source.as_ref().is_some_and(foreign) {
            return Err(ConfigError::Family { family });
        }
        //= KA-UNI-03
        if let Destination::Unicast {
            peers,
            check_source,
        } = &mut options.destination
        {
            *check_source |= peers
                .iter()
                .any(|peer| (peer.min_ttl, peer.max_ttl) != (0, 255));
        }
        options.announce.refresh.take_if(|period| period.is_zero());
        options
            .announce
            .elsewhere
            .take_if(|elsewhere| elsewhere.every.is_zero());
        Ok(Self(options))
    }
}

impl Auth {
    fn check(&self, version: Version) -> Result<(), ConfigError> {
        match self {
            Self::None => Ok(()),
            Self::Simple(_) if version == Version::V3 => Err(ConfigError::AuthInV3),
            Self::Simple(_) => Ok(()),
            #[cfg(feature = "auth")]
            Self::Ah(_) if version == Version::V3 => Err(ConfigError::AuthInV3),
            #[cfg(feature = "auth")]
            Self::Ah(_) => Ok(()),
            #[cfg(feature = "auth")]
            Self::Hmac(hmac) if hmac.keys.iter().all(|key| key.id() != hmac.active_key) => {
                Err(ConfigError::ActiveKey {
                    key: hmac.active_key,
                })
            }
            #[cfg(feature = "auth")]
            Self::Hmac(_) => Ok(()),
        }
    }
}

/// Why [`RouterOptions`] cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ConfigError {
    #[error("VRRPv2 has no IPv6")]
    V2OverIpv6,
    #[error("0 is no priority but the sign of leaving")]
    Priority,
    #[error("VRRPv{version} cannot say an interval of {interval}")]
    Interval {
        version: Version,
        interval: AdvertInterval,
    },
    #[error("an {family} virtual router with an address of the other family")]
    Family { family: Family },
    #[error("{count} addresses are more than 255")]
    TooManyAddresses { count: usize },
    #[error("VRRPv3 needs at least one address")]
    NoAddresses,
    #[error("down_timer_adverts {adverts} is outside 1..=100")]
    DownTimerAdverts { adverts: u8 },
    #[error("VRRPv3 has no authentication data")]
    AuthInV3,
    #[error("active_key {key} is not defined")]
    ActiveKey { key: u8 },
    #[error("unicast without a peer")]
    NoPeers,
}

/// A sync group: all members serve, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupConfig {
    /// In the order in which they are taken along.
    pub members: Vec<RouterId>,
    /// Counts for every member.
    pub tracked: Vec<Tracked>,
    /// Whether members keep weighted trackers (`sync_group_tracking_weight`). Default: false: a
    /// weighted interface of a member counts as weight 0, a file of weight 1 too, scripts and BFD
    /// with a weight are not tracked.
    pub member_weights: bool,
}

/// How something that is no interface is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackerConfig {
    /// A script that is run at intervals.
    Script(ScriptOptions),
    /// The content of a file, reported by [`Input::TrackValue`](crate::Input): 0 is good.
    File,
    /// A number of processes, reported by [`Input::TrackCount`](crate::Input).
    Process(ProcessOptions),
    /// Anything else that is up or down (BFD, an address), by [`Input::TrackUp`](crate::Input).
    Plain {
        /// What it counts as until the first report; `None`: neutral.
        initially: Option<bool>,
    },
}

/// A script whose exit status counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptOptions {
    /// Time between the starts of two runs. Default: 1 s.
    pub interval: Duration,
    /// A run that lasts longer is stopped and counts as bad. Default: the interval.
    pub timeout: Duration,
    /// Good results in a row until it counts as good again. Default: 1.
    pub rise: u32,
    /// Bad results in a row until it counts as bad. Default: 1.
    pub fall: u32,
    /// Whether it counts as bad before its first result. Default: false.
    pub init_fail: bool,
    /// A number that changes with the command, its arguments or its user: on reload the state is
    /// kept only if it is the same.
    pub fingerprint: u64,
}

impl Default for ScriptOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            rise: 1,
            fall: 1,
            init_fail: false,
            fingerprint: 0,
        }
    }
}

/// Processes whose number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessOptions {
    /// As many must run. Default: 1.
    pub quorum: u32,
    /// No more may run. Default: any number.
    pub quorum_max: Option<u32>,
    /// Believe an increase only after this long. Default: zero.
    pub fork_delay: Duration,
    /// Believe a decrease only after this long. Default: zero.
    pub terminate_delay: Duration,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            quorum: 1,
            quorum_max: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }
}

/// How far apart announcements on one interface must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// Interfaces with the same number share one queue (keepalived's `garp_group`).
    pub group: u32,
    /// Least time between two gratuitous ARPs (`garp_interval`). `None`: no limit.
    pub arp: Option<Duration>,
    /// Least time between two unsolicited NAs (`gna_interval`). `None`: no limit.
    pub na: Option<Duration>,
}

/// How long a change of a link must last (`interface_up_down_delays`).
///
/// What holds off a failover must be shorter than peers are patient: `down` is lowered to what the
/// routers on the interface allow, less than (`down_timer_adverts` - 1) intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkDelay {
    /// Before a link that went down counts as down. Range: 0..=255 s. Default: zero.
    pub down: Duration,
    /// Before a link that came up counts as up. Range: 0..=255 s. Default: zero.
    pub up: Duration,
}

/// Everything that an [`Engine`](crate::Engine) is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineConfig {
    /// The virtual routers.
    pub routers: BTreeMap<RouterId, RouterConfig>,
    /// Their sync groups. A router is a member of one at most.
    pub groups: BTreeMap<GroupId, GroupConfig>,
    /// What is tracked, apart from interfaces.
    pub trackers: BTreeMap<TrackId, TrackerConfig>,
    /// Interfaces on which announcements are spaced.
    pub pacing: BTreeMap<IfaceId, Pacing>,
    /// Interfaces whose links are not believed at once.
    pub link_delays: BTreeMap<IfaceId, LinkDelay>,
    /// Nothing starts before this long after [`Input::Startup`](crate::Input). Default: zero.
    pub startup_delay: Duration,
    /// Nothing starts before this moment of the clock (`vrrp_delay_after_boot`, where the clock is
    /// CLOCK_BOOTTIME). Default: zero.
    pub delay_after_boot: Duration,
    /// An advert may be sent this much early, so that neighbouring ones leave together; its grid
    /// does not move. Default: zero.
    pub slack: Duration,
    /// Whether packets for virtual routers that are not configured are reported. Default: false.
    pub report_unknown_vrids: bool,
}

#[cfg(test)]
mod tests;

//! What is watched, and what is run.

use core::net::IpAddr;
use core::time::Duration;

use super::Origin;
use super::instance::Notify;

/// A program to run. There is no shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments; never empty when read from a file.
    pub argv: Vec<String>,
    /// Who runs it. Default: `script_user`.
    pub user: Option<User>,
    /// Where it was written.
    pub origin: Origin,
}

impl Command {
    /// A command without arguments of the default user.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            argv: vec![program.into()],
            ..Self::default()
        }
    }
}

/// Names (or numbers) as written; whether they exist is for the host to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub user: String,
    /// The group. Default: the user's.
    pub group: Option<String>,
    /// A leading `:` of the group word: give it the user's supplementary groups (keepalived 2.4).
    pub supplementary: bool,
}

/// `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// What is run.
    pub command: Command,
    /// Time between starts. Unit: ms resolution. Default: 1 s.
    pub interval: Duration,
    /// Time that one run may take. `None`: as long as the interval.
    pub timeout: Option<Duration>,
    /// Range: -253..=253. Default: 0, failure is a fault.
    pub weight: i16,
    /// The sense of the weight is turned round.
    pub reverse: bool,
    /// Successes in a row until it counts as good. Range: 1... Default: 1.
    pub rise: u32,
    /// Failures in a row until it counts as bad. Range: 1... Default: 1.
    pub fall: u32,
    /// `init_fail`: bad until the first success.
    pub init_fail: bool,
}

impl Script {
    /// A script with every default.
    #[must_use]
    pub fn new(name: impl Into<String>, command: Command) -> Self {
        Self {
            name: name.into(),
            origin: Origin::default(),
            command,
            interval: Duration::from_secs(1),
            timeout: None,
            weight: 0,
            reverse: false,
            rise: 1,
            fall: 1,
            init_fail: false,
        }
    }
}

/// `track_file`: a number in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFile {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// The file.
    pub path: String,
    /// Range: -254..=254. Default: 1; the contribution is value × weight.
    pub weight: i16,
    /// The sense of the weight is turned round.
    pub reverse: bool,
    /// Write the file at the start.
    pub init: Option<InitFile>,
}

/// `init_file`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InitFile {
    /// What to write. Default: 0.
    pub value: i32,
    /// Also if there is a file already.
    pub overwrite: bool,
}

/// `vrrp_track_process`: how many processes of a kind run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackProcess {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// Program and parameters to look for.
    pub argv: Vec<String>,
    /// How parameters are compared; `None`: not at all.
    pub params: Option<ParamMatch>,
    /// Compare the command line and not the 15 characters of the process name.
    pub full_command: bool,
    /// Range: -254..=254. Default: 0.
    pub weight: i16,
    /// The sense of the weight is turned round.
    pub reverse: bool,
    /// At least so many. Range: 1..=65535. Default: 1.
    pub quorum: u32,
    /// At most so many. Range: 0..=65535. Default: no limit.
    pub quorum_max: Option<u32>,
    /// Delay before a loss counts. Range: 0..=3600 s. Default: 0.
    pub terminate_delay: Duration,
    /// Delay before a gain counts. Range: 0..=3600 s. Default: 0.
    pub fork_delay: Duration,
}

/// How the parameters of a process are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamMatch {
    /// All, exactly.
    Exact,
    /// The first ones, exactly.
    Initial,
    /// The first ones, and the last of these may go on.
    Partial,
}

/// One object that an instance or a group tracks, with its weight worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Name of the interface, script, file, process or BFD session.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// 0: when it is bad, the instance is at fault.
    pub weight: i16,
    /// The sense of the weight is turned round.
    pub reverse: bool,
}

/// Everything that an instance or a group tracks. Names are of things that exist in the same configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// `track_interface`, without the instance's own.
    pub interfaces: Vec<Tracked>,
    /// `track_script`.
    pub scripts: Vec<Tracked>,
    /// `track_file`.
    pub files: Vec<Tracked>,
    /// `track_process`.
    pub processes: Vec<Tracked>,
    /// `track_bfd`.
    pub bfds: Vec<Tracked>,
}

/// `vrrp_sync_group`: instances that are Active together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncGroup {
    /// The name; unique.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// Names of instances that exist, in order.
    pub members: Vec<String>,
    /// What all members track.
    pub track: Track,
    /// Members keep trackers with weights.
    pub tracking_weight: bool,
    /// Scripts that are told of changes of the group.
    pub notify: Notify,
    /// Tell the FIFOs of changes of the priority of members.
    pub notify_priority_changes: bool,
    /// Mail on changes of state.
    pub smtp_alert: bool,
}

/// `track_group`: instances that static entries are tied to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrackGroup {
    /// The name.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// Names of instances that exist.
    pub members: Vec<String>,
}

/// `garp_group`: a gap between announcements that interfaces share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GarpGroup {
    /// Where it was written.
    pub origin: Origin,
    /// Least time between two gratuitous ARPs.
    pub garp_interval: Option<Duration>,
    /// Least time between two unsolicited neighbour advertisements.
    pub gna_interval: Option<Duration>,
    /// The interfaces.
    pub interfaces: Vec<String>,
}

/// `interface_up_down_delays`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceDelay {
    /// The interface.
    pub interface: String,
    /// Where it was written.
    pub origin: Origin,
    /// How long a loss of the link is held back. Range: 0..=255 s.
    pub down: Duration,
    /// How long a gain is held back. Range: 0..=255 s. Default: 0.
    pub up: Duration,
}

/// `linkbeat_interfaces`: poll the link state instead of trusting netlink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkBeat {
    /// The interface.
    pub interface: String,
    /// Where it was written.
    pub origin: Origin,
    /// How. Default: try them in order.
    pub method: Option<LinkMethod>,
}

/// How a link state is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkMethod {
    /// SIOCGMIIREG.
    Mii,
    /// ETHTOOL_GLINK.
    Ethtool,
    /// SIOCGIFFLAGS.
    Ioctl,
}

/// `bfd_instance`: an RFC 5880 session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bfd {
    /// The name; less than 32 bytes.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// The other end.
    pub neighbor: IpAddr,
    /// Own address.
    pub source: Option<IpAddr>,
    /// Required minimum receive interval. Default: 10 ms.
    pub min_rx: Duration,
    /// Desired minimum transmit interval. Default: 10 ms.
    pub min_tx: Duration,
    /// Interval while the session is not up. Default: 1 s.
    pub idle_tx: Duration,
    /// Detection multiplier. Range: 1..=255. Default: 5.
    pub multiplier: u8,
    /// Wait for the other end to begin.
    pub passive: bool,
    /// TTL or hop limit sent. Default: 255 for IPv4, 64 for IPv6.
    pub ttl: u8,
    /// Hops that a packet may have made; -1: do not check. Default: 0.
    pub max_hops: i16,
    /// RFC 5883 multihop, port 4784.
    pub multihop: bool,
    /// Range: -253..=253. Default: 0.
    pub weight: i16,
    /// The sense of the weight is turned round.
    pub reverse: bool,
    /// VRRP follows the session. Default: yes, unless only `checker` is given.
    pub vrrp: bool,
}

impl Bfd {
    /// A session with every default; the other end is still unspecified.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            origin: Origin::default(),
            neighbor: IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
            source: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: 255,
            max_hops: 0,
            multihop: false,
            weight: 0,
            reverse: false,
            vrrp: true,
        }
    }
}

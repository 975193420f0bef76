//! From a configuration to what the engine is told and what the kernel is asked for.
//!
//! The only place that knows both `keepalived-conf` and `vrrp-fsm`. It is pure but for reading key files, so a reload
//! is planned on the service thread and handed over whole.

mod install;
mod numbers;
mod router;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keepalived_conf::config::{self, Config};
use thiserror::Error;
use vrrp_fsm::{
    ConfigError, EngineConfig, GroupConfig, GroupId, IfaceId, LinkDelay, Pacing, ProcessOptions,
    RouterConfig, RouterId, ScriptOptions, TrackId, Tracked, Trackee, TrackerConfig,
};
use vrrp_net::{AddressSpec, Protocol, VirtualLinkKind};
use vrrp_proto::{Family, Version, Vrid};

use crate::load::Named;
use crate::service::program::Program;

pub use install::{PlacedAddress, PlacedRoute, PlacedRule};
pub use numbers::Numbers;

/// What one configuration means.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// For the engine.
    pub engine: EngineConfig,
    /// Names of all interfaces that occur.
    pub ifaces: BTreeMap<IfaceId, String>,
    /// What the engine's virtual routers are to the kernel and to people.
    pub routers: BTreeMap<RouterId, Router>,
    /// Sync groups, for people.
    pub groups: BTreeMap<GroupId, Group>,
    /// What trackers look at.
    pub trackers: BTreeMap<TrackId, Tracker>,
    /// What tracked scripts are run with.
    pub programs: BTreeMap<TrackId, Program>,
    /// What reads a FIFO, by its path.
    pub readers: BTreeMap<String, Program>,
    /// What is run before anything else, and for how long at most.
    pub startup: Option<(Program, Duration)>,
    /// The same, after everything else.
    pub shutdown: Option<(Program, Duration)>,
    /// There while the daemon runs.
    pub statics: Arc<Install>,
    /// The whole, for dumps.
    pub config: Arc<Config>,
    /// The interfaces that it names.
    pub named: Arc<Named>,
}

/// One virtual router, to the kernel and to people.
#[derive(Clone, Debug)]
pub struct Router {
    /// As it was written.
    pub instance: Arc<config::Instance>,
    /// Its interface.
    pub iface: IfaceId,
    /// RFC 9568 §5.2.3.
    pub vrid: Vrid,
    /// Of its adverts.
    pub family: Family,
    /// Of its adverts.
    pub version: Version,
    /// The sync group that it is a member of.
    pub group: Option<GroupId>,
    /// What its packets are wrapped in.
    pub protocol: Protocol,
    /// The group to join; `None` for unicast.
    pub multicast: Option<IpAddr>,
    /// TTL or Hop Limit of its adverts.
    pub hop_limit: u8,
    /// The interface with the virtual MAC (or the ipvlan), if one is asked for.
    pub vmac: Option<Made>,
    /// Interfaces with the virtual MAC for addresses on other interfaces (`use_vmac_addr`).
    pub address_vmacs: Vec<Made>,
    /// What is there while it is Active.
    pub install: Arc<Install>,
    /// What is run when its status changes.
    pub notify: NotifyPrograms,
}

impl Router {
    /// All interfaces that are made for it.
    pub fn links(&self) -> impl Iterator<Item = &Made> {
        self.vmac.iter().chain(&self.address_vmacs)
    }

    /// Whether it is to use unicast and has nobody to talk to (`unicast_fault_no_peer`).
    pub fn lacks_peers(&self) -> bool {
        let unicast = self.instance.unicast.as_ref();
        unicast.is_some_and(|unicast| unicast.peers.is_empty())
    }
}

/// An interface that is made for a virtual router: one with its MAC address (RFC 9568 §7.3), or an ipvlan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// It. One with the virtual MAC is up while the router is Active, an ipvlan always.
    pub iface: IfaceId,
    /// Its name.
    pub name: String,
    /// What it sits on.
    pub parent: IfaceId,
    /// Of the addresses on it.
    pub family: Family,
    /// What it is.
    pub kind: VirtualLinkKind,
    /// Its interface group; the parent's if `None`.
    pub group: Option<u32>,
    /// An address of its own.
    pub address: Option<AddressSpec>,
}

impl Made {
    /// Whether it has a hardware address that only an Active router may use.
    #[must_use]
    pub const fn is_vmac(&self) -> bool {
        matches!(self.kind, VirtualLinkKind::Macvlan(_))
    }
}

/// One sync group, to people.
#[derive(Clone, Debug)]
pub struct Group {
    /// As it was written.
    pub config: Arc<config::SyncGroup>,
    /// What is run when its status changes.
    pub notify: NotifyPrograms,
}

/// Programs that are run when a status changes.
#[derive(Clone, Debug, Default)]
pub struct NotifyPrograms {
    /// `notify_master`.
    pub master: Option<Program>,
    /// `notify_backup`.
    pub backup: Option<Program>,
    /// `notify_fault`.
    pub fault: Option<Program>,
    /// `notify_stop`.
    pub stop: Option<Program>,
    /// `notify_deleted`.
    pub deleted: Option<Program>,
    /// `notify_master_rx_lower_pri`.
    pub lower_heard: Option<Program>,
    /// `notify`.
    pub any: Option<Program>,
    /// To be gone is told apart from a fault.
    pub announce_deleted: bool,
}

/// Turns a command into a program that can be run; the second argument says whose it is.
pub type Resolve<'a> = &'a mut dyn FnMut(&config::Command, &str) -> Option<Program>;

impl NotifyPrograms {
    fn new(notify: &config::Notify, name: &str, resolve: Resolve<'_>) -> Self {
        let mut program = |command: &Option<config::Command>, keyword: &str| {
            command
                .as_ref()
                .and_then(|command| resolve(command, &format!("({name}) {keyword}")))
        };
        Self {
            master: program(&notify.master, "notify_master"),
            backup: program(&notify.backup, "notify_backup"),
            fault: program(&notify.fault, "notify_fault"),
            stop: program(&notify.stop, "notify_stop"),
            deleted: program(&notify.deleted, "notify_deleted"),
            lower_heard: program(&notify.master_rx_lower_pri, "notify_master_rx_lower_pri"),
            any: program(&notify.any, "notify"),
            announce_deleted: notify.announce_deleted || notify.deleted.is_some(),
        }
    }
}

/// Addresses, routes and rules that come and go together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Install {
    /// In this order; removed in the reverse one, after rules and routes.
    pub addresses: Vec<PlacedAddress>,
    /// After the addresses.
    pub routes: Vec<PlacedRoute>,
    /// After the routes.
    pub rules: Vec<PlacedRule>,
    /// Packets to the addresses are dropped: Accept_Mode false (RFC 9568 §6.1).
    pub refuse: bool,
}

/// What a tracker looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracker {
    /// `vrrp_script`.
    Script(Arc<config::Script>),
    /// `track_file`.
    File(Arc<config::TrackFile>),
    /// `vrrp_track_process`.
    Process(Arc<config::TrackProcess>),
}

impl Tracker {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Script(script) => &script.name,
            Self::File(file) => &file.name,
            Self::Process(process) => &process.name,
        }
    }
}

/// Why an instance cannot run. The text begins with its name, as keepalived's does.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The engine will not have it.
    #[error("({instance}) {source}")]
    Engine {
        /// The instance.
        instance: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// A value that the configuration's own checks should have refused.
    #[error("({instance}) {what}")]
    Value {
        /// The instance.
        instance: String,
        /// Which value.
        what: String,
    },
}

impl Plan {
    /// Plans `config`. `numbers` are those of the plan before, and stay the same for what means the same.
    ///
    /// Scripts that `resolve` refuses are not there: who tracks one runs as if it did not, as with keepalived.
    ///
    /// # Errors
    /// Every instance that cannot run, with its reason.
    pub fn new(
        config: &Arc<Config>,
        numbers: &mut Numbers,
        resolve: Resolve<'_>,
    ) -> Result<Self, Vec<PlanError>> {
        let mut plan = Self {
            config: Arc::clone(config),
            ..Self::default()
        };
        let mut errors = Vec::new();
        plan.add_hooks(resolve);
        plan.add_trackers(numbers, resolve);
        let names = config
            .instances
            .iter()
            .map(|instance| instance.name.as_str());
        let ids: BTreeMap<&str, RouterId> = names.zip(numbers.routers(&config.instances)).collect();
        let id = |name: &str| ids.get(name).copied();
        plan.statics = Arc::new(install::statics(config, numbers, id));
        for instance in &config.instances {
            let Some(id) = id(&instance.name) else {
                continue;
            };
            if let Err(error) = plan.add_router(id, instance, numbers, resolve) {
                errors.push(error);
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        for group in &config.sync_groups {
            plan.add_group(group, &ids, numbers, resolve);
        }
        plan.add_globals(numbers);
        plan.ifaces = numbers
            .ifaces()
            .map(|(name, id)| (id, name.into()))
            .collect();
        Ok(plan)
    }

    /// Whether some virtual router serves `address`, or would.
    pub fn is_virtual(&self, address: &IpAddr) -> bool {
        self.routers.values().any(|router| {
            router
                .install
                .addresses
                .iter()
                .any(|a| a.spec.address == *address)
        })
    }

    /// Whether the daemon makes this interface itself.
    pub fn is_made(&self, iface: IfaceId) -> bool {
        let mut made = self.routers.values().flat_map(Router::links);
        made.any(|made| made.iface == iface)
    }

    fn add_router(
        &mut self,
        id: RouterId,
        instance: &config::Instance,
        numbers: &mut Numbers,
        resolve: Resolve<'_>,
    ) -> Result<(), PlanError> {
        let globals = &self.config.globals;
        let (mut router, mut options) = router::options(instance, id, numbers, globals)?;
        options
            .tracked
            .extend(tracked(&instance.track, numbers, &self.trackers));
        // Interfaces that its addresses, routes, rules and track groups need count with weight 0, whatever else is said of them.
        let own = options.iface;
        let needed: BTreeSet<IfaceId> = router
            .install
            .tracked_ifaces()
            .chain(install::tied_ifaces(&self.statics, id))
            // The one with the virtual MAC is down while the router is not Active.
            .filter(|iface| router.links().all(|made| made.iface != *iface))
            // Its parent counts instead.
            .chain(router.address_vmacs.iter().map(|made| made.parent))
            .filter(|iface| *iface != own)
            .collect();
        for what in needed.into_iter().map(Trackee::Iface) {
            options.tracked.retain(|tracked| tracked.what != what);
            options.tracked.push(Tracked {
                what,
                weight: 0,
                reverse: false,
            });
        }
        let config = RouterConfig::try_from(options).map_err(|source| PlanError::Engine {
            instance: instance.name.clone(),
            source,
        })?;
        self.engine.routers.insert(id, config);
        router.notify = NotifyPrograms::new(&instance.notify, &instance.name, resolve);
        self.routers.insert(id, router);
        Ok(())
    }

    fn add_group(
        &mut self,
        group: &config::SyncGroup,
        ids: &BTreeMap<&str, RouterId>,
        numbers: &mut Numbers,
        resolve: Resolve<'_>,
    ) {
        let id = numbers.group(&group.name);
        let members: Vec<RouterId> = group
            .members
            .iter()
            .filter_map(|name| ids.get(name.as_str()).copied())
            .collect();
        for member in &members {
            if let Some(router) = self.routers.get_mut(member) {
                router.group = Some(id);
            }
        }
        let tracked = tracked(&group.track, numbers, &self.trackers).collect();
        let config = GroupConfig {
            members,
            tracked,
            member_weights: group.tracking_weight,
        };
        self.engine.groups.insert(id, config);
        let notify = NotifyPrograms::new(&group.notify, &group.name, resolve);
        self.groups.insert(
            id,
            Group {
                config: Arc::new(group.clone()),
                notify,
            },
        );
    }

    /// Programs that are neither trackers nor notifications.
    fn add_hooks(&mut self, resolve: Resolve<'_>) {
        let config = Arc::clone(&self.config);
        let globals = &config.globals;
        let mut hook = |command: &Option<config::Command>, what, limit| {
            let program = command.as_ref().and_then(|command| resolve(command, what));
            program.map(|program| (program, limit))
        };
        self.startup = hook(
            &globals.startup_script,
            "startup_script",
            globals.startup_script_timeout,
        );
        self.shutdown = hook(
            &globals.shutdown_script,
            "shutdown_script",
            globals.shutdown_script_timeout,
        );
        for fifo in globals.notify_fifo.iter().chain(&globals.vrrp_notify_fifo) {
            if let Some((program, _)) = hook(&fifo.script, "the FIFO script", Duration::ZERO) {
                self.readers.entry(fifo.path.clone()).or_insert(program);
            }
        }
    }

    /// Only what somebody tracks, as keepalived drops the rest.
    fn add_trackers(&mut self, numbers: &mut Numbers, resolve: Resolve<'_>) {
        let config = Arc::clone(&self.config);
        let tracks = || {
            let instances = config.instances.iter().map(|instance| &instance.track);
            instances.chain(config.sync_groups.iter().map(|group| &group.track))
        };
        let used = |list: fn(&config::Track) -> &Vec<config::Tracked>, name: &str| {
            tracks().any(|track| list(track).iter().any(|tracked| tracked.name == name))
        };
        for script in config
            .scripts
            .iter()
            .filter(|script| used(|track| &track.scripts, &script.name))
        {
            let id = numbers.track(numbers::TrackKind::Script, &script.name);
            if self.programs.contains_key(&id) {
                continue;
            }
            let what = format!("track script {}", script.name);
            let Some(program) = resolve(&script.command, &what) else {
                continue;
            };
            self.programs.insert(id, program);
            let options = ScriptOptions {
                interval: script.interval,
                timeout: script.timeout.unwrap_or(script.interval),
                rise: script.rise,
                fall: script.fall,
                init_fail: script.init_fail,
                fingerprint: install::fingerprint(&(
                    &script.command.argv,
                    format!("{:?}", script.command.user),
                )),
            };
            self.add_tracker(
                id,
                TrackerConfig::Script(options),
                Tracker::Script(Arc::new(script.clone())),
            );
        }
        for file in config
            .track_files
            .iter()
            .filter(|file| used(|track| &track.files, &file.name))
        {
            let id = numbers.track(numbers::TrackKind::File, &file.name);
            self.add_tracker(
                id,
                TrackerConfig::File,
                Tracker::File(Arc::new(file.clone())),
            );
        }
        for process in config
            .track_processes
            .iter()
            .filter(|p| used(|track| &track.processes, &p.name))
        {
            let id = numbers.track(numbers::TrackKind::Process, &process.name);
            let options = ProcessOptions {
                quorum: process.quorum,
                quorum_max: process.quorum_max,
                fork_delay: process.fork_delay,
                terminate_delay: process.terminate_delay,
            };
            self.add_tracker(
                id,
                TrackerConfig::Process(options),
                Tracker::Process(Arc::new(process.clone())),
            );
        }
    }

    /// Of several of one name the first is found.
    fn add_tracker(&mut self, id: TrackId, config: TrackerConfig, tracker: Tracker) {
        self.engine.trackers.entry(id).or_insert(config);
        self.trackers.entry(id).or_insert(tracker);
    }

    fn add_globals(&mut self, numbers: &mut Numbers) {
        let globals = &self.config.globals;
        self.engine.startup_delay = globals.startup_delay;
        self.engine.delay_after_boot = globals.delay_after_boot;
        self.engine.report_unknown_vrids = globals.log_unknown_vrids;
        for delay in &self.config.interface_delays {
            let (down, up) = (delay.down, delay.up);
            let iface = numbers.iface(&delay.interface);
            self.engine
                .link_delays
                .insert(iface, LinkDelay { down, up });
        }
        let alone = |arp, na| move |group| Pacing { group, arp, na };
        if globals.garp_interval.is_some() || globals.gna_interval.is_some() {
            let pacing = alone(globals.garp_interval, globals.gna_interval);
            // Groups of one: numbers above those of the groups that were written.
            let first = u32::try_from(self.config.garp_groups.len()).unwrap_or(u32::MAX / 2);
            for (_, id) in numbers.ifaces() {
                self.engine.pacing.insert(id, pacing(first + id.0));
            }
        }
        for (number, group) in (0_u32..).zip(&self.config.garp_groups) {
            for name in &group.interfaces {
                let pacing = Pacing {
                    group: number,
                    arp: group.garp_interval,
                    na: group.gna_interval,
                };
                self.engine.pacing.insert(numbers.iface(name), pacing);
            }
        }
    }
}

fn tracked<'a>(
    track: &'a config::Track,
    numbers: &'a mut Numbers,
    trackers: &'a BTreeMap<TrackId, Tracker>,
) -> impl Iterator<Item = Tracked> + use<> {
    let mut all = Vec::new();
    let mut add = |what, tracked: &config::Tracked| {
        all.push(Tracked {
            what,
            weight: tracked.weight,
            reverse: tracked.reverse,
        });
    };
    for interface in &track.interfaces {
        add(Trackee::Iface(numbers.iface(&interface.name)), interface);
    }
    let kinds = [
        (numbers::TrackKind::Script, &track.scripts),
        (numbers::TrackKind::File, &track.files),
        (numbers::TrackKind::Process, &track.processes),
    ];
    for (kind, list) in kinds {
        for entry in list {
            let id = numbers.track(kind, &entry.name);
            if trackers.contains_key(&id) {
                add(Trackee::Track(id), entry);
            }
        }
    }
    all.into_iter()
}

/// The same family in the other crate's words.
pub(crate) const fn family(family: config::Family) -> Family {
    match family {
        config::Family::V4 => Family::V4,
        config::Family::V6 => Family::V6,
    }
}

#[cfg(test)]
mod tests;

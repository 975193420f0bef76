//! Whole daemons on simulated hosts: configuration, engine, kernel operations; virtual time, no privilege.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use core::cell::Cell;
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use keepalived_conf::config::{Address, Auth, Config, Instance, InterfaceDelay, Secret, Vmac};
use tokio::sync::mpsc;
use vrrp_fsm::{Instant, Status};
use vrrp_net::{AddressSpec, AddressState, Backend as _, Mac};
use vrrp_proto::Family;
use vrrp_sim::lan::NodeId;
use vrrp_sim::{Clock as SimClock, Node, Outbox as Wire, Power, SimKernel, World, own_address};
use vrrpd::clock::Clock;
use vrrpd::daemon::{Daemon, Message, Options, Outbox, Task, Turn};
use vrrpd::plan::{Numbers, Plan};

const VIP: &str = "10.0.0.70";

/// Time as the world tells it.
#[derive(Clone, Default)]
struct Watch(Rc<Cell<Instant>>);

impl Clock for Watch {
    fn now(&self) -> Instant {
        self.0.get()
    }

    fn utc(&self) -> Duration {
        Duration::from_nanos(self.0.get().as_nanos())
    }
}

struct Machine {
    daemon: Daemon<SimKernel, Watch>,
    watch: Watch,
    messages: SyncSender<Message>,
    tasks: mpsc::Receiver<Task>,
    numbers: Numbers,
    started: Option<Plan>,
    ended: bool,
    killed: bool,
}

impl Machine {
    fn new(number: u8, config: Config) -> Self {
        let mac = Mac::new([2, 0, 0, 0, 0, number]);
        let own = AddressSpec {
            prefix_len: 24,
            ..AddressSpec::new(own_address(Family::V4, 0, number))
        };
        Self::on(SimKernel::new([(mac, vec![own])]), config)
    }

    /// Another daemon on the same kernel.
    fn restart(&mut self, config: Config) {
        let mut kernel = core::mem::take(self.daemon.backend_mut());
        kernel.process_gone();
        *self = Self::on(kernel, config);
    }

    fn on(kernel: SimKernel, config: Config) -> Self {
        let watch = Watch::default();
        let (messages, inbox) = sync_channel(16);
        let (queue, tasks) = mpsc::channel(1024);
        let daemon = Daemon::new(
            kernel,
            watch.clone(),
            inbox,
            Outbox::new(queue),
            Options::default(),
        );
        let mut numbers = Numbers::default();
        let started = Some(plan(config, &mut numbers));
        Self {
            daemon,
            watch,
            messages,
            tasks,
            numbers,
            started,
            ended: false,
            killed: false,
        }
    }

    fn has(&self, address: &str) -> bool {
        self.daemon.backend().has_address(address.parse().unwrap())
    }

    fn reload(&mut self, config: Config) {
        let plan = plan(config, &mut self.numbers);
        self.messages.send(Message::Reload(Box::new(plan))).unwrap();
    }

    /// All changes of status since the last look.
    fn changes(&mut self) -> Vec<Status> {
        let mut changes = Vec::new();
        while let Ok(task) = self.tasks.try_recv() {
            if let Task::Change(change) = task {
                changes.push(change.to);
            }
        }
        changes
    }
}

fn plan(config: Config, numbers: &mut Numbers) -> Plan {
    Plan::new(&Arc::new(config), numbers, &mut |_, _| None).unwrap()
}

impl Node for Machine {
    fn deliver(&mut self, now: Instant, iface: usize, frame: &[u8], out: &mut Wire) {
        self.daemon.backend_mut().set_now(now);
        self.daemon.backend_mut().receive(iface, frame, out);
    }

    fn carrier(&mut self, _now: Instant, iface: usize, up: bool) {
        self.daemon.backend_mut().carrier(iface, up);
    }

    fn turn(&mut self, now: Instant, out: &mut Wire) -> Option<Instant> {
        if self.killed {
            return None;
        }
        self.watch.0.set(now);
        self.daemon.backend_mut().set_now(now);
        if let Some(plan) = self.started.take() {
            assert!(self.daemon.look().unwrap());
            self.daemon.start(plan).unwrap();
        }
        let next = loop {
            match self.daemon.turn().unwrap() {
                Turn::Again => {}
                Turn::Wait(next) => break next,
                Turn::Ended => {
                    self.ended = true;
                    break None;
                }
            }
        };
        out.append(self.daemon.backend_mut().outbox());
        next
    }
}

fn instance(priority: u8) -> Instance {
    Instance {
        priority,
        addresses: vec![Address::new(VIP.parse().unwrap())],
        auth: Some(Auth::Pass(Secret::new(*b"mypasswo"))),
        ..Instance::new("VI_1", "eth0", 51)
    }
}

fn config(priority: u8) -> Config {
    Config {
        instances: vec![instance(priority)],
        ..Config::default()
    }
}

/// Four hosts on a segment, as in the tutorial: 10.0.0.60 to 63 there, own addresses of the simulator here.
fn tutorial() -> (World<Machine>, [NodeId; 4]) {
    let mut world = World::new(1);
    let segment = world.add_segment(Duration::from_micros(50));
    let nodes = [100, 90, 80, 70].map(|priority| {
        let machine = Machine::new(200 - priority, config(priority));
        world.add_node(machine, SimClock::default(), &[segment])
    });
    (world, nodes)
}

fn holders(world: &World<Machine>, address: &str) -> Vec<NodeId> {
    world
        .nodes()
        .filter(|(_, machine)| machine.has(address))
        .map(|(id, _)| id)
        .collect()
}

fn tell(world: &mut World<Machine>, id: NodeId, message: Message) {
    // To touch a machine is to give it a turn.
    world.node_mut(id).unwrap().messages.send(message).unwrap();
}

const MILLISECOND: Duration = Duration::from_millis(1);

/// Lets time pass, a millisecond at a time, until `id` alone holds the address; answers how long it took.
fn until_held_by(world: &mut World<Machine>, id: NodeId) -> Duration {
    let began = world.now();
    while holders(world, VIP) != [id] {
        let passed = world.now().saturating_duration_since(began);
        assert!(passed < Duration::from_secs(60), "nobody takes over");
        world.run(MILLISECOND);
    }
    world.now().saturating_duration_since(began)
}

/// Skew_Time and three intervals of VRRPv2 at one second, in milliseconds, rounded down.
const fn down_interval(priority: u64) -> Duration {
    Duration::from_micros(3_000_000 + (256 - priority) * 1_000_000 / 256)
}

#[test]
fn the_highest_priority_serves_and_each_takeover_is_in_time() {
    let (mut world, [first, second, third, _]) = tutorial();
    let took = until_held_by(&mut world, first);
    assert!(
        took >= down_interval(100) && took <= down_interval(100) + 2 * MILLISECOND,
        "{took:?}"
    );
    world.run(Duration::from_secs(5));
    assert_eq!(holders(&world, VIP), [first]);

    // Killed: its last advert was at most an interval ago, and its address stays on its own interface.
    let machine = world.node_mut(first).unwrap();
    machine.killed = true;
    assert!(machine.has(VIP));
    world.set_power(first, Power::Off);
    let began = world.now();
    while !world.node(second).unwrap().has(VIP) {
        world.run(MILLISECOND);
    }
    let took = world.now().saturating_duration_since(began);
    let down = down_interval(90);
    assert!(
        took <= down + 2 * MILLISECOND && took >= down - Duration::from_secs(1),
        "{took:?}"
    );

    // Stopped in order: priority 0, so the next one waits for its Skew_Time alone.
    world.run(Duration::from_millis(1_500));
    tell(&mut world, second, Message::Stop);
    let began = world.now();
    world.run(MILLISECOND);
    let machine = world.node_mut(second).unwrap();
    assert!(machine.ended && !machine.has(VIP));
    assert_eq!(
        machine.changes(),
        [Status::Backup, Status::Active, Status::Stopped]
    );
    while !world.node(third).unwrap().has(VIP) {
        world.run(MILLISECOND);
    }
    let took = world.now().saturating_duration_since(began);
    assert!(took <= Duration::from_millis(690), "{took:?}");
}

#[test]
fn what_a_killed_daemon_left_is_removed_and_nothing_else() {
    let (mut world, [first, second, ..]) = tutorial();
    until_held_by(&mut world, first);
    world.node_mut(first).unwrap().killed = true;
    let own = own_address(Family::V4, 0, 100).to_string();
    // The next daemon on the same kernel.
    world.run(Duration::from_secs(1));
    world.node_mut(first).unwrap().restart(config(100));
    world.run(2 * MILLISECOND);
    let machine = world.node(first).unwrap();
    assert!(!machine.has(VIP), "left over, and not this one's to keep");
    assert!(machine.has(&own));
    let _ = second;
}

fn take(world: &mut World<Machine>, from: NodeId) {
    let kernel = world.node_mut(from).unwrap().daemon.backend_mut();
    kernel.take_address(VIP.parse().unwrap());
    assert_eq!(holders(world, VIP), []);
    world.run(MILLISECOND);
}

/// So often that nobody puts it back any more.
fn rob(world: &mut World<Machine>, of: NodeId) {
    world.node_mut(of).unwrap().changes();
    for _ in 1..20 {
        take(world, of);
        assert_eq!(holders(world, VIP), [of]);
        world.run(100 * MILLISECOND);
    }
    assert_eq!(world.node_mut(of).unwrap().changes(), []);
    take(world, of);
    assert_eq!(holders(world, VIP), []);
    assert_eq!(world.node_mut(of).unwrap().changes(), [Status::Fault]);
}

/// Somebody means it: the role goes to the next, and comes back after a minute, or with a reload.
#[test]
fn an_address_that_somebody_takes_away_comes_back() {
    let (mut world, [first, second, ..]) = tutorial();
    until_held_by(&mut world, first);
    rob(&mut world, first);
    until_held_by(&mut world, second);
    world.run(Duration::from_secs(50));
    assert_eq!(holders(&world, VIP), [second]);
    world.run(Duration::from_secs(15));
    assert_eq!(holders(&world, VIP), [first]);
    rob(&mut world, first);
    until_held_by(&mut world, second);
    world.node_mut(first).unwrap().reload(config(100));
    assert!(until_held_by(&mut world, first) < Duration::from_secs(5));
}

/// Once in a while is no harm, however often.
#[test]
fn an_address_that_is_left_in_peace_between_is_put_back_for_ever() {
    let (mut world, [first, ..]) = tutorial();
    until_held_by(&mut world, first);
    for _ in 0..30 {
        take(&mut world, first);
        assert_eq!(holders(&world, VIP), [first]);
        world.run(Duration::from_secs(11));
    }
}

/// Whoever else has the address may go away one day; until then the role stays, for the sake of the other addresses.
#[test]
fn a_duplicate_address_is_tried_again_after_a_minute() {
    let (mut world, [first, ..]) = tutorial();
    let vip = VIP.parse().unwrap();
    let state = |world: &mut World<Machine>| {
        let host = world.node_mut(first).unwrap().daemon.host();
        let record = host.addresses().find(|record| record.address == vip);
        record.map(|record| record.state)
    };
    let elsewhere = |world: &mut World<Machine>, elsewhere| {
        let kernel = world.node_mut(first).unwrap().daemon.backend_mut();
        kernel.set_elsewhere(vip, elsewhere);
    };
    elsewhere(&mut world, true);
    until_held_by(&mut world, first);
    world.run(Duration::from_secs(100));
    assert_eq!(state(&mut world), Some(AddressState::Duplicate));
    elsewhere(&mut world, false);
    world.run(Duration::from_secs(10));
    assert_eq!(state(&mut world), Some(AddressState::Duplicate));
    world.run(Duration::from_secs(20));
    assert_eq!(state(&mut world), Some(AddressState::Usable));
    let changes = world.node_mut(first).unwrap().changes();
    assert_eq!(changes, [Status::Backup, Status::Active]);
}

/// The kernel drops what it has no room to tell, and tells everything anew.
#[test]
fn an_address_whose_loss_was_not_told_comes_back() {
    let (mut world, [first, ..]) = tutorial();
    until_held_by(&mut world, first);
    let kernel = world.node_mut(first).unwrap().daemon.backend_mut();
    kernel.take_address(VIP.parse().unwrap());
    kernel.dump();
    world.run(MILLISECOND);
    assert_eq!(holders(&world, VIP), [first]);
}

#[test]
fn a_reload_touches_what_has_changed_and_nothing_else() {
    let mut world = World::new(1);
    let segment = world.add_segment(Duration::from_micros(50));
    let other = Instance {
        addresses: vec![Address::new("10.0.0.71".parse().unwrap())],
        ..Instance::new("VI_2", "eth0", 52)
    };
    let before = Config {
        instances: vec![instance(100), other.clone()],
        ..Config::default()
    };
    let id = world.add_node(
        Machine::new(60, before.clone()),
        SimClock::default(),
        &[segment],
    );
    world.run(Duration::from_secs(5));
    let machine = world.node_mut(id).unwrap();
    assert!(machine.has(VIP) && machine.has("10.0.0.71"));
    assert_eq!(
        machine.changes(),
        [
            Status::Backup,
            Status::Backup,
            Status::Active,
            Status::Active
        ]
    );

    machine.reload(before);
    world.run(Duration::from_secs(1));
    let machine = world.node_mut(id).unwrap();
    assert_eq!(machine.changes(), [], "nothing is new");
    assert!(machine.has(VIP) && machine.has("10.0.0.71"));

    let third = Instance {
        addresses: vec![Address::new("10.0.0.72".parse().unwrap())],
        ..Instance::new("VI_3", "eth0", 53)
    };
    let mut changed = instance(100);
    changed
        .addresses
        .push(Address::new("10.0.0.170".parse().unwrap()));
    machine.reload(Config {
        instances: vec![changed, third],
        ..Config::default()
    });
    world.run(MILLISECOND);
    let machine = world.node_mut(id).unwrap();
    assert_eq!(machine.changes(), [Status::Removed, Status::Backup]);
    assert!(machine.has(VIP) && machine.has("10.0.0.170") && !machine.has("10.0.0.71"));
    world.run(Duration::from_secs(5));
    let machine = world.node_mut(id).unwrap();
    assert_eq!(machine.changes(), [Status::Active]);
    assert!(machine.has(VIP) && machine.has("10.0.0.72"));
}

#[test]
fn carrier_that_goes_is_a_fault_and_ends_when_it_comes_back() {
    let (mut world, [first, second, ..]) = tutorial();
    until_held_by(&mut world, first);
    world.set_carrier(first, 0, false);
    world.run(MILLISECOND);
    let machine = world.node_mut(first).unwrap();
    assert!(!machine.has(VIP));
    assert_eq!(
        machine.changes(),
        [Status::Backup, Status::Active, Status::Fault]
    );
    until_held_by(&mut world, second);
    world.set_carrier(first, 0, true);
    until_held_by(&mut world, first);
    assert_eq!(
        world.node_mut(first).unwrap().changes(),
        [Status::Backup, Status::Active]
    );
}

/// RFC 9568 §7.3: the interface with the virtual MAC is there from the start, up while Active, and gone at the end.
#[test]
fn a_virtual_mac_is_served_while_active_and_removed_at_the_end() {
    let mut world = World::new(1);
    let segment = world.add_segment(Duration::from_micros(50));
    let with_vmac = Instance {
        vmac: Some(Vmac::default()),
        ..instance(100)
    };
    let config = Config {
        instances: vec![with_vmac],
        ..Config::default()
    };
    let id = world.add_node(Machine::new(100, config), SimClock::default(), &[segment]);
    let link = |world: &World<Machine>| {
        let machine = world.node(id).unwrap();
        machine.daemon.host().link("vrrp.51").cloned()
    };
    world.run(Duration::from_secs(1));
    let made = link(&world).unwrap();
    assert_eq!(made.mac, Some(Mac::new([0, 0, 0x5e, 0, 1, 51])));
    assert!(!made.up, "a Backup takes no frames for the virtual MAC");
    world.run(Duration::from_secs(4));
    assert!(link(&world).unwrap().up);
    let holder = {
        let kernel = world.node(id).unwrap().daemon.backend();
        let mut all = kernel.addresses();
        all.find(|(_, spec)| spec.address.to_string() == VIP)
            .map(|(index, _)| index)
    };
    assert_eq!(holder, Some(made.index));
    tell(&mut world, id, Message::Stop);
    world.run(MILLISECOND);
    let machine = world.node_mut(id).unwrap();
    assert!(!machine.has(VIP));
    // The end of the interface is told after the last turn.
    let mut ring = vrrp_net::RxRing::new();
    let mut gone = false;
    while let Some(event) = machine.daemon.backend_mut().poll_event(&mut ring).unwrap() {
        gone |= matches!(&event, vrrp_net::NetEvent::LinkGone { name, .. } if name == "vrrp.51");
    }
    assert!(gone);
}

/// `interface_up_down_delays`: a flap that is shorter than the delay is none.
#[test]
fn a_short_loss_of_carrier_is_overlooked_where_that_is_asked_for() {
    let mut world = World::new(1);
    let segment = world.add_segment(Duration::from_micros(50));
    let mut config = config(100);
    config.interface_delays = vec![InterfaceDelay {
        interface: "eth0".into(),
        origin: Default::default(),
        down: Duration::from_secs(1),
        up: Duration::ZERO,
    }];
    let id = world.add_node(Machine::new(100, config), SimClock::default(), &[segment]);
    until_held_by(&mut world, id);
    world.set_carrier(id, 0, false);
    world.run(Duration::from_millis(900));
    world.set_carrier(id, 0, true);
    world.run(Duration::from_secs(2));
    let machine = world.node_mut(id).unwrap();
    assert_eq!(machine.changes(), [Status::Backup, Status::Active]);
    world.set_carrier(id, 0, false);
    world.run(Duration::from_millis(990));
    assert_eq!(world.node_mut(id).unwrap().changes(), []);
    world.run(Duration::from_millis(20));
    assert_eq!(world.node_mut(id).unwrap().changes(), [Status::Fault]);
}

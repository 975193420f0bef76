use super::*;
use crate::kernel::SimKernel;
use crate::lan::NodeId;
use crate::world::{Clock, World};
use vrrp_net::frame::GratuitousArp;
use vrrp_net::{AddressSpec, Backend, IfIndex, Op};

/// A host, or a kernel without any process.
enum Machine {
    Host(EndHost),
    Kernel(SimKernel),
}

impl Machine {
    const fn kernel(&mut self) -> &mut SimKernel {
        match self {
            Self::Kernel(kernel) => kernel,
            Self::Host(_) => panic!("a host"),
        }
    }

    const fn host(&self) -> &EndHost {
        match self {
            Self::Host(host) => host,
            Self::Kernel(_) => panic!("a kernel"),
        }
    }
}

impl Node for Machine {
    fn deliver(&mut self, now: Instant, iface: usize, frame: &[u8], out: &mut Outbox) {
        match self {
            Self::Host(host) => host.deliver(now, iface, frame, out),
            Self::Kernel(kernel) => kernel.receive(iface, frame, out),
        }
    }

    fn carrier(&mut self, _now: Instant, _iface: usize, _up: bool) {}

    fn turn(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        match self {
            Self::Host(host) => host.turn(now, out),
            Self::Kernel(kernel) => {
                out.append(kernel.outbox());
                None
            }
        }
    }
}

const fn mac(n: u8) -> Mac {
    Mac::new([2, 0, 0, 0, 0, n])
}

fn vip() -> IpAddr {
    "10.0.0.1".parse().unwrap()
}

fn tell(world: &mut World<Machine>, to: NodeId, op: Op<'_>) {
    let kernel = world.node_mut(to).unwrap().kernel();
    kernel.apply_all(&[op], &mut |_, error| panic!("{error}"));
}

#[test]
fn a_host_follows_announcements_and_forgets_the_silent() {
    let mut world = World::new(1);
    let lan = world.add_segment(Duration::from_micros(50));
    let [a, b] = [1, 2].map(|n| {
        let kernel = SimKernel::new([(mac(n), Vec::new())]);
        world.add_node(Machine::Kernel(kernel), Clock::default(), &[lan])
    });
    let host = EndHost::new(
        mac(9),
        "10.0.0.100".parse().unwrap(),
        vip(),
        Duration::from_millis(100),
    );
    let host = world.add_node(Machine::Host(host), Clock::default(), &[lan]);
    let eth0 = IfIndex::new(1).unwrap();
    let spec = AddressSpec::new(vip());
    let secs = Duration::from_secs;
    let neighbour = |world: &World<Machine>| world.node(host).unwrap().host().neighbour();

    // Nobody has it. An announcement alone makes no entry.
    tell(
        &mut world,
        a,
        Op::GratuitousArp {
            iface: eth0,
            arp: GratuitousArp::new("10.0.0.1".parse().unwrap(), mac(1)),
        },
    );
    world.run(Duration::from_millis(500));
    assert_eq!(neighbour(&world), None);
    tell(
        &mut world,
        a,
        Op::AddAddress {
            iface: eth0,
            address: &spec,
        },
    );
    world.run(secs(2));
    assert_eq!(neighbour(&world), Some(mac(1)));
    let gaps = world.node(host).unwrap().host().pings().gaps.clone();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    // It asked at 0 and at 1 s, and the ping that was waiting then was answered.
    assert_eq!(gaps[0].last, Instant::ZERO + Duration::from_millis(900));

    // It moves without a word: lost until the host asks again, 8 s later.
    tell(
        &mut world,
        a,
        Op::RemoveAddress {
            iface: eth0,
            address: &spec,
        },
    );
    tell(
        &mut world,
        b,
        Op::AddAddress {
            iface: eth0,
            address: &spec,
        },
    );
    let moved = world.now();
    world.run(secs(10));
    assert_eq!(neighbour(&world), Some(mac(2)));
    let pings = world.node(host).unwrap().host().pings().clone();
    let worst = pings.worst_gap(moved, Duration::from_millis(100));
    assert!(
        (secs(8)..=secs(8) + Duration::from_millis(200)).contains(&worst),
        "{worst:?}"
    );

    // It moves back and says so, between two pings: nothing is lost.
    world.run(Duration::from_millis(50));
    tell(
        &mut world,
        b,
        Op::RemoveAddress {
            iface: eth0,
            address: &spec,
        },
    );
    tell(
        &mut world,
        a,
        Op::AddAddress {
            iface: eth0,
            address: &spec,
        },
    );
    let arp = GratuitousArp::new("10.0.0.1".parse().unwrap(), mac(1));
    tell(&mut world, a, Op::GratuitousArp { iface: eth0, arp });
    let lost = pings.lost;
    world.run(secs(5));
    assert_eq!(neighbour(&world), Some(mac(1)));
    assert_eq!(world.node(host).unwrap().host().pings().lost, lost);
}

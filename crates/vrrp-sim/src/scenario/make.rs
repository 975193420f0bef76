//! The machines of a plan.

use crate::host::EndHost;
use crate::kernel::own_address;
use crate::node::EngineNode;
use crate::plan::{Plan, RouterPlan};
use crate::world::Clock;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::collections::BTreeMap;
use vrrp_fsm::{
    EngineConfig, GroupConfig, GroupId, IfaceId, RouterConfig, RouterId, RouterOptions,
};
use vrrp_net::Mac;
use vrrp_proto::{Family, Priority, Profile, Vrid};

/// The clock of router `at`. Nobody compares the clocks of two machines: they are hours apart.
pub(super) fn clock(at: usize, router: &RouterPlan) -> Clock {
    Clock {
        offset: Duration::from_secs(3600 * at as u64),
        ppm: router.drift,
    }
}

/// The engine of router `at` of `plan`, on a simulated kernel.
pub fn engine_node(plan: &Plan, at: usize) -> EngineNode {
    let router = plan
        .routers
        .get(at)
        .copied()
        .unwrap_or(RouterPlan::new(100));
    let segments = 0..u32::from(plan.segments);
    let routers: BTreeMap<_, _> = segments
        .filter_map(|segment| Some((RouterId(segment), router_config(plan, router, segment)?)))
        .collect();
    let mut groups = BTreeMap::new();
    if plan.segments > 1 {
        let members = routers.keys().copied().collect();
        groups.insert(
            GroupId(0),
            GroupConfig {
                members,
                ..GroupConfig::default()
            },
        );
    }
    let number = u8::try_from(at).unwrap_or(u8::MAX);
    let ports: Vec<_> = (0..plan.segments)
        .map(|s| {
            let mac = Mac::new([0x02, 0, 0, 0, s, 10 + number]);
            (mac, own_address(plan.family, s, 10 + number))
        })
        .collect();
    let config = EngineConfig {
        routers,
        groups,
        ..EngineConfig::default()
    };
    EngineNode::new(&ports, config).with_slowness(plan.install)
}

fn router_config(plan: &Plan, router: RouterPlan, segment: u32) -> Option<RouterConfig> {
    let vrid = Vrid::new(u8::try_from(segment + 1).ok()?)?;
    let defaults = match plan.profile {
        Profile::Rfc => RouterOptions::rfc,
        Profile::Keepalived => RouterOptions::keepalived,
    };
    let options = RouterOptions {
        version: plan.version,
        priority: Priority::new(router.priority),
        interval: plan.interval,
        preempt: router.preempt,
        ..defaults(IfaceId(segment), plan.family, vrid)
    };
    let segment = u8::try_from(segment).ok()?;
    options
        .with_addresses(virtual_addresses(plan.family, segment))
        .try_into()
        .ok()
}

/// The addresses of the virtual router on `segment`; hosts ping the last of them.
fn virtual_addresses(family: Family, segment: u8) -> Vec<IpAddr> {
    match family {
        Family::V4 => vec![Ipv4Addr::new(10, 0, segment, 1).into()],
        Family::V6 => {
            let segment = u16::from(segment);
            vec![
                Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, segment, 1).into(),
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, segment, 1).into(),
            ]
        }
    }
}

pub(super) fn end_host(plan: &Plan, segment: usize, n: usize) -> EndHost {
    let number = 100 + u8::try_from(n).unwrap_or(100);
    let segment = u8::try_from(segment).unwrap_or(0);
    let mac = Mac::new([0x02, 1, 0, 0, segment, number]);
    let targets = virtual_addresses(plan.family, segment);
    let target = targets
        .last()
        .copied()
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = match plan.family {
        Family::V4 => own_address(plan.family, segment, number),
        Family::V6 => {
            let (segment, number) = (u16::from(segment), u16::from(number));
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, segment, number).into()
        }
    };
    EndHost::new(mac, address, target, plan.ping)
}

//! A recorded run, judged again without its world.

use super::Station;
use super::make::{clock, end_host, engine_node};
use crate::lan::NodeId;
use crate::node::{EngineNode, Subject};
use crate::plan::Plan;
use crate::trace::{Trace, What};
use crate::world::{Clock, Node, Outbox};

/// Feeds what entered the machines of `plan` into new ones, without a world, and compares what
/// leaves them: the number of entries that agree, or the first that does not.
pub fn replay(plan: &Plan, trace: &Trace) -> Result<usize, String> {
    let hosts = usize::from(plan.hosts) * usize::from(plan.segments);
    let mut nodes: Vec<(Station<EngineNode>, Clock)> = Vec::new();
    for (at, router) in plan.routers.iter().enumerate() {
        nodes.push((Station::Router(engine_node(plan, at)), clock(at, router)));
    }
    for at in 0..hosts {
        let segments = usize::from(plan.segments);
        let host = end_host(plan, at % segments, at / segments);
        nodes.push((Station::Host(host), Clock::default()));
    }
    let mut out = Outbox::default();
    let mut expected: Vec<(NodeId, usize, Vec<u8>)> = Vec::new();
    for (index, entry) in trace.entries().iter().enumerate() {
        let wrong = |what: &str| format!("entry {}: {what}: {entry}", index + 1);
        if let What::Left(iface, frame) = &entry.what {
            if expected.is_empty() || expected.remove(0) != (entry.node, *iface, frame.clone()) {
                return Err(wrong("this did not leave now"));
            }
            continue;
        }
        if !expected.is_empty() {
            return Err(wrong("something else left before this"));
        }
        let Some((node, clock)) = nodes.get_mut(entry.node.0) else {
            return Err(wrong("no such machine"));
        };
        let now = clock.read(entry.at);
        match &entry.what {
            What::Arrived(iface, frame) => node.deliver(now, *iface, frame, &mut out),
            What::Carrier(iface, up) => node.carrier(now, *iface, *up),
            What::Turn => {
                node.turn(now, &mut out);
            }
            What::Said(words) => {
                let order = words.parse().map_err(|why: String| wrong(&why))?;
                if let Some(router) = node.router_mut() {
                    router.order(now, order);
                }
            }
            What::Left(..) => {}
        }
        expected.extend(
            out.iter()
                .map(|(iface, frame)| (entry.node, iface, frame.to_vec())),
        );
        out.clear();
    }
    if expected.is_empty() {
        Ok(trace.entries().len())
    } else {
        Err("more left at the end".to_owned())
    }
}

#![doc = include_str!("../README.md")]
//!
//! # The parts
//!
//! | module | holds |
//! |---|---|
//! | [`World`], [`Node`], [`Clock`], [`Power`] | virtual time: moves frames and time between nodes, knows nothing about them |
//! | [`lan`] | broadcast segments and what goes wrong on them |
//! | [`SimKernel`] | addresses, links, routes, sockets of a host; answers ARP, ND and ping |
//! | [`EndHost`] | the only judge that matters |
//! | [`EngineNode`], [`Subject`] | a router under test |
//! | [`plan`] | scenarios as text |
//! | [`random`] | plans from a seed |
//! | [`Scenario`], [`run`] | a plan carried out |
//! | [`check`] | the promises |
//! | [`model`] | small worlds explored whole |
//! | [`Trace`], [`replay`] | a run written down, and judged again without its world |
//!
//! Nothing here reads a clock, a socket or a source of chance; there is one seeded generator
//! ([`Rng`]), and no collection without an order.
#![forbid(unsafe_code)]

pub mod check;
pub mod frame;
mod host;
mod kernel;
pub mod lan;
pub mod model;
mod node;
pub mod plan;
pub mod plot;
pub mod random;
pub mod report;
mod rng;
mod scenario;
mod shrink;
mod trace;
mod world;

pub use check::{Checker, Promise, Violation};
pub use host::{EndHost, Gap, Pings};
pub use kernel::{SimKernel, own_address};
pub use node::{Change, EngineNode, Subject, View};
pub use plan::{Expectation, Name, Order, Plan, PlanError, RouterPlan, Step};
pub use rng::{Chance, Rng};
pub use scenario::{Event, Happened, Outcome, Scenario, Station, engine_node, replay, run};
pub use shrink::shrink;
pub use trace::{Entry, Trace, TraceError, What};
pub use world::{Clock, Node, Outbox, Power, World};

//! A deterministic world to prove VRRP in.
#![forbid(unsafe_code)]

mod check;
pub mod frame;
mod host;
mod kernel;
pub mod lan;
mod node;
mod plan;
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

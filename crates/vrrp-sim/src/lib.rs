//! A deterministic world to prove VRRP in.
#![forbid(unsafe_code)]

pub mod frame;
mod host;
mod kernel;
pub mod lan;
mod plan;
pub mod random;
mod rng;
mod trace;
mod world;

pub use host::{EndHost, Gap, Pings};
pub use kernel::{SimKernel, own_address};
pub use plan::{Expectation, Name, Order, Plan, PlanError, RouterPlan, Step};
pub use rng::{Chance, Rng};
pub use trace::{Entry, Trace, TraceError, What};
pub use world::{Clock, Node, Outbox, Power, World};

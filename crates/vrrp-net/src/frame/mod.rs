//! Frames and headers that a kernel does not make for us: pure functions of their values.
//!
//! Emitting cannot fail or panic: each returns an array or vector of exactly the right length. Frames are not padded
//! to Ethernet's 60 octets; the driver does that.

mod arp;
mod ipv4;
mod na;

pub use arp::GratuitousArp;
pub use ipv4::{DSCP_CS6, Ipv4Header, Ipv4Packet};
pub use na::UnsolicitedNa;

#[cfg(test)]
mod tests;

//! The kernel as values: own IP addresses, announce them, hear and send VRRP packets.
//!
//! The contract is three closed types and one trait. A caller says what it wants as a list of [`Op`]s, learns
//! what happened as [`NetEvent`]s, and a [`Backend`] stands between them and a kernel. A list of operations can be
//! compared, printed and replayed, so a test's expectation *is* a list of operations, and a simulated kernel is a
//! `match`. `linux::Linux` (feature `linux`, on by default) is the real one.
//!
//! What a backend promises:
//!
//! * **Idempotence.** Adding what exists and removing what is absent succeed: after an operation that did not fail,
//!   the host is as the operation says.
//! * **Order.** Operations take effect in the order of the list; one that fails does not stop the others.
//! * **No waiting.** Neither method ever blocks on anything but the kernel's own work, and [`Backend::apply`] bounds
//!   that by taking only as much of the list as is done in a few milliseconds.
//! * **Nothing is lost silently.** When the kernel dropped notifications, [`NetEvent::Resync`] says so and the whole
//!   state follows once more.
//!
//! ```
//! use vrrp_net::{AddressSpec, IfIndex, Mac, Op, frame::GratuitousArp};
//!
//! let eth0 = IfIndex::new(2).expect("an index is never 0");
//! let vip = AddressSpec::new("10.0.0.70".parse()?);
//! let take_over = [
//!     Op::AddAddress { iface: eth0, address: &vip },
//!     Op::GratuitousArp {
//!         iface: eth0,
//!         arp: GratuitousArp::new("10.0.0.70".parse()?, Mac::new([0x52, 0x54, 0, 0x12, 0x34, 0x56])),
//!     },
//! ];
//! assert_eq!(take_over.len(), 2);
//! # Ok::<(), core::net::AddrParseError>(())
//! ```
//!
//! The public interface is: the plain values ([`Mac`], [`IfIndex`], [`Link`], [`Neighbour`], [`AddressSpec`], [`Route`], [`Rule`],
//! [`VirtualLink`]), the contract ([`Op`], [`OpError`], [`NetEvent`], [`RxRing`], [`Backend`]), the [`frame`]s, the suite of [`conformance`], and
//! the Linux backend.

#![cfg_attr(not(feature = "linux"), forbid(unsafe_code))]

mod address;
mod backend;
pub mod conformance;
mod error;
mod event;
pub mod frame;
mod link;
#[cfg(all(feature = "linux", target_os = "linux"))]
pub mod linux;
mod neighbour;
mod op;
mod route;
mod rule;
mod rx;
mod vrids;

pub use address::{AddressFlags, AddressRecord, AddressSpec, AddressState, Lifetime, Scope};
pub use backend::Backend;
pub use error::{NetError, OpError, OpErrorKind};
pub use event::{Author, NetEvent, Unreadable};
pub use link::{IfIndex, IpvlanMode, Link, Mac, VirtualLink, VirtualLinkKind};
pub use neighbour::{Neighbour, NeighbourState};
pub use op::{Listen, Op, Payload, Protocol, Transmit};
pub use route::{
    Destination, Encap, LockedMetric, NextHop, Preference, Route, RouteKind, RouteMetrics,
};
pub use rule::{PortRange, Rule, RuleAction};
pub use rx::{RxMeta, RxPacket, RxRing};
pub use vrids::VridSet;

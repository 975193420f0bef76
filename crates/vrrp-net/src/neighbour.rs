//! Who is where on the link.

use crate::{IfIndex, Mac};
use core::net::IpAddr;

/// An entry of the neighbour table: what ARP or Neighbour Discovery has found out about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Where.
    pub iface: IfIndex,
    /// Who.
    pub address: IpAddr,
    /// The hardware address, if one is known.
    pub mac: Option<Mac>,
    /// How sure that is.
    pub state: NeighbourState,
    /// It says that it is a router (IPv6).
    pub router: bool,
}

/// How an entry of the neighbour table stands. RFC 4861 §7.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NeighbourState {
    /// Asked for; no answer yet (INCOMPLETE).
    Asked,
    /// Answered lately (REACHABLE).
    Reachable,
    /// Answered once (STALE).
    Stale,
    /// Being asked again (DELAY, PROBE).
    Doubted,
    /// Did not answer.
    Failed,
    /// Written down by somebody, never asked for.
    Permanent,
    /// Needs no asking: loopback, multicast.
    Unasked,
}

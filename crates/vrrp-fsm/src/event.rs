//! What a virtual router can be told.

use core::net::IpAddr;

use vrrp_proto::{AdvertInterval, Priority};

use crate::{Cause, Role};

/// An input to one [`VirtualRouter`](crate::VirtualRouter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing stands in the way of serving any more (RFC 9568 §6.4.1).
    Startup,
    /// The same in a sync group: an owner does not go Active at once but asks for its group first,
    /// by an Active_Down_Timer that is due at once.
    StartupInGroup,
    /// Stop serving: priority 0 where Active, then Initialize. The cause goes into the transition.
    Shutdown(Cause),
    /// An advertisement that has passed every check of RFC 9568 §7.1.
    Advert(Heard),
    /// Look whether something is due. Changes nothing if nothing is.
    Timeout,
    /// The effective priority is now this one: at once in Backup, with the next advert in Active.
    Priority(Priority),
    /// The primary address is now this one (RFC 9568 §6.1): it is the tie-break.
    Primary(IpAddr),
    /// The sync group goes to Backup or Active, and this member with it. [`Role::Initialize`] is
    /// asked for by [`Event::Shutdown`] and changes nothing here.
    Demand(Role, Cause),
    /// The Active_Down_Timer ran out, but the sync group cannot follow yet: it is armed again.
    Hold,
    /// Hand the role over without darkness: see [`Status::Draining`](crate::Status::Draining).
    Drain,
    /// Take the role back, or never give it away.
    Undrain,
}

/// What an accepted advertisement said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The sender's primary address.
    pub source: IpAddr,
    /// The sender's priority; 0 says that it leaves.
    pub priority: Priority,
    /// The sender's interval. In VRRPv2 it equals ours, or the packet had been refused.
    pub interval: AdvertInterval,
}

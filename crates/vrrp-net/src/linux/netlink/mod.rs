//! rtnetlink by hand-made batches: many requests in one send, their answers read together.
//!
//! neli gives the types of messages and the socket. What it does not give, and is here: several messages in one
//! buffer, and answers that are attributed to them by sequence number. rtnetlink does its work inside `sendto`: when
//! that returns, every answer is in the receive buffer already, so nothing here ever waits.

mod addr;
mod batch;
mod link;
mod monitor;
mod neighbour;
mod nft;
mod owned;
mod route;
mod rule;
#[cfg(test)]
mod tests;

pub(super) use addr::{OURS, add_address, remove_address};
pub(super) use batch::{Refusal, Requests};
pub(super) use link::{
    Ipv4Setting, create_link, no_generated_addresses, remove_link, rename, set_ipv4, set_link,
    set_mac,
};
pub(super) use monitor::Monitor;
pub(super) use nft::{Dropped, Table};
pub(super) use route::{add_route, remove_route};
pub(super) use rule::{add_rule, remove_rule};

use neli::consts::rtnl::{RtAddrFamily, RtaType};
use neli::consts::socket::NlFamily;
use neli::rtnl::{Rtattr, RtattrBuilder};
use neli::socket::NlSocket;
use neli::types::{Buffer, RtBuffer};
use neli::utils::Groups;
use neli::{Size, ToBytes};
use std::io::{self, Cursor};
use vrrp_proto::Family;

/// Attributes of one message, collected. neli's builders fail only for fields that are missing or too long.
struct Attrs<T>(RtBuffer<T, Buffer>);

impl<T: RtaType + Size> Attrs<T> {
    fn new() -> Self {
        Self(RtBuffer::new())
    }

    fn with(mut self, kind: T, payload: impl Size + ToBytes) -> Result<Self, EncodeError> {
        self.0.push(attr(kind, payload)?);
        Ok(self)
    }

    fn maybe<P: Size + ToBytes>(self, kind: T, payload: Option<P>) -> Result<Self, EncodeError> {
        match payload {
            Some(payload) => self.with(kind, payload),
            None => Ok(self),
        }
    }
}

fn attr<T: RtaType + Size>(
    kind: T,
    payload: impl Size + ToBytes,
) -> Result<Rtattr<T, Buffer>, EncodeError> {
    RtattrBuilder::default()
        .rta_type(kind)
        .rta_payload(payload)
        .build()
        .map_err(|e| EncodeError(e.to_string()))
}

/// The octets of nested attributes.
fn nested<T: RtaType>(attrs: &[Rtattr<T, Buffer>]) -> Result<Vec<u8>, EncodeError> {
    let mut octets = Cursor::new(Vec::new());
    for attr in attrs {
        attr.to_bytes(&mut octets)
            .map_err(|e| EncodeError(e.to_string()))?;
    }
    Ok(octets.into_inner())
}

/// A message that cannot be written: a value too long for its field.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct EncodeError(pub(super) String);

const fn family(family: Family) -> RtAddrFamily {
    match family {
        Family::V4 => RtAddrFamily::Inet,
        Family::V6 => RtAddrFamily::Inet6,
    }
}

fn octets(address: core::net::IpAddr) -> Vec<u8> {
    match address {
        core::net::IpAddr::V4(address) => address.octets().to_vec(),
        core::net::IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A netlink socket, as large a receive buffer as we may have: 4 MiB with privilege in the initial user
/// namespace, else what the administrator allows (`net.core.rmem_max`).
fn open(family: NlFamily, groups: &[u32]) -> io::Result<NlSocket> {
    let socket = NlSocket::connect(family, None, Groups::new_groups(groups))?;
    socket.nonblock()?;
    super::socket::enlarge(super::sys::borrow(&socket));
    Ok(socket)
}

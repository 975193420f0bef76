//! The neighbour table, from the kernel.

use super::EncodeError;
use super::batch::Request;
use crate::{IfIndex, Mac, Neighbour, NeighbourState};
use core::net::IpAddr;
use neli::FromBytesWithInput;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Nda, Ntf, Nud, RtAddrFamily, Rtm, Rtn};
use neli::rtnl::{Ndmsg, NdmsgBuilder};
use std::io::Cursor;

/// `RTM_GETNEIGH` for all of both families.
pub(super) fn dump_neighbours() -> Result<Request<Ndmsg>, EncodeError> {
    let payload = NdmsgBuilder::default()
        .ndm_family(RtAddrFamily::Unspecified)
        .ndm_index(0)
        .ndm_state(Nud::empty())
        .ndm_type(Rtn::Unspec)
        .build()
        .map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind: Rtm::Getneigh,
        flags: NlmF::DUMP,
        payload,
    })
}

/// Reads the payload of `RTM_NEWNEIGH` or `RTM_DELNEIGH`. `None`: not about an IP address (bridges tell of their
/// forwarding tables in the same messages), or not whole.
pub(super) fn read_neighbour(payload: &[u8]) -> Option<Neighbour> {
    let message = Ndmsg::from_bytes_with_input(&mut Cursor::new(payload), payload.len()).ok()?;
    let handle = message.rtattrs().get_attr_handle();
    let octets = |kind| {
        handle
            .get_attribute(kind)
            .map(|attr| attr.rta_payload().as_ref())
    };
    let address = octets(Nda::Dst)?;
    let address = match message.ndm_family() {
        RtAddrFamily::Inet => IpAddr::from(*address.first_chunk::<4>()?),
        RtAddrFamily::Inet6 => IpAddr::from(*address.first_chunk::<16>()?),
        _ => return None,
    };
    let state = message.ndm_state();
    let state = match () {
        () if state.contains(Nud::PERMANENT) => NeighbourState::Permanent,
        () if state.contains(Nud::NOARP) => NeighbourState::Unasked,
        () if state.contains(Nud::REACHABLE) => NeighbourState::Reachable,
        () if state.contains(Nud::STALE) => NeighbourState::Stale,
        () if state.intersects(Nud::DELAY | Nud::PROBE) => NeighbourState::Doubted,
        () if state.contains(Nud::FAILED) => NeighbourState::Failed,
        () => NeighbourState::Asked,
    };
    Some(Neighbour {
        iface: IfIndex::new(u32::try_from(*message.ndm_index()).ok()?)?,
        address,
        mac: octets(Nda::Lladdr)
            .and_then(|mac| <[u8; 6]>::try_from(mac).ok())
            .map(Mac::new),
        state,
        router: message.ndm_flags().contains(Ntf::ROUTER),
    })
}

//! Interfaces to and from the kernel.

use super::batch::{Request, text};
use super::{Attrs, EncodeError};
use crate::{IfIndex, Link, Mac};
use neli::FromBytesWithInput;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Iff, Ifla, IflaInfo, RtAddrFamily, Rtm};
use neli::rtnl::{Ifinfomsg, IfinfomsgBuilder};
use std::io::Cursor;

/// `RTM_NEWLINK` that sets an interface up or down.
pub(in crate::linux) fn set_link(
    iface: IfIndex,
    up: bool,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    let builder = header(Some(iface))?;
    let builder = if up { builder.up() } else { builder.down() };
    request(Rtm::Newlink, NlmF::empty(), builder)
}

/// `RTM_DELLINK`.
pub(in crate::linux) fn remove_link(iface: IfIndex) -> Result<Request<Ifinfomsg>, EncodeError> {
    request(Rtm::Dellink, NlmF::empty(), header(Some(iface))?)
}

/// `RTM_GETLINK` for all interfaces, without their statistics.
pub(super) fn dump_links() -> Result<Request<Ifinfomsg>, EncodeError> {
    const SKIP_STATISTICS: u32 = 1 << 3;
    let builder = header(None)?.rtattrs(Attrs::new().with(Ifla::ExtMask, SKIP_STATISTICS)?.0);
    request(Rtm::Getlink, NlmF::DUMP, builder)
}

fn header(iface: Option<IfIndex>) -> Result<IfinfomsgBuilder, EncodeError> {
    let index = i32::try_from(iface.map_or(0, IfIndex::get))
        .map_err(|e| EncodeError(format!("interface number: {e}")))?;
    Ok(IfinfomsgBuilder::default()
        .ifi_family(RtAddrFamily::Unspecified)
        .ifi_index(index))
}

fn request(
    kind: Rtm,
    flags: NlmF,
    builder: IfinfomsgBuilder,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    let payload = builder.build().map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind,
        flags,
        payload,
    })
}

/// Reads the payload of `RTM_NEWLINK` or `RTM_DELLINK`. `None`: not about an interface as such (bridges tell of their
/// ports in the same messages, with another family), or not whole.
pub(super) fn read_link(payload: &[u8]) -> Option<Link> {
    let message =
        Ifinfomsg::from_bytes_with_input(&mut Cursor::new(payload), payload.len()).ok()?;
    if *message.ifi_family() != RtAddrFamily::Unspecified {
        return None;
    }
    let handle = message.rtattrs().get_attr_handle();
    let octets = |kind| {
        handle
            .get_attribute(kind)
            .map(|attr| attr.rta_payload().as_ref())
    };
    let number = |kind| {
        octets(kind)?
            .first_chunk()
            .map(|n: &[u8; 4]| u32::from_ne_bytes(*n))
    };
    let flag = |flag: Iff| message.ifi_flags().contains(flag);
    // In another namespace the number would name another interface.
    let parent = number(Ifla::Link).filter(|_| octets(Ifla::LinkNetnsid).is_none());
    Some(Link {
        index: IfIndex::new(u32::try_from(*message.ifi_index()).ok()?)?,
        name: octets(Ifla::Ifname).map(text)?,
        mac: octets(Ifla::Address)
            .and_then(|mac| <[u8; 6]>::try_from(mac).ok())
            .map(Mac::new),
        mtu: number(Ifla::Mtu).unwrap_or(0),
        up: flag(Iff::UP),
        running: flag(Iff::RUNNING),
        carrier: flag(Iff::LOWERUP),
        multicast: flag(Iff::MULTICAST),
        arp: !flag(Iff::NOARP),
        loopback: flag(Iff::LOOPBACK),
        point_to_point: flag(Iff::POINTOPOINT),
        kind: handle
            .get_nested_attributes::<IflaInfo>(Ifla::Linkinfo)
            .ok()
            .and_then(|info| {
                Some(text(
                    info.get_attribute(IflaInfo::Kind)?.rta_payload().as_ref(),
                ))
            }),
        parent: parent.and_then(IfIndex::new),
        controller: number(Ifla::Master).and_then(IfIndex::new),
    })
}

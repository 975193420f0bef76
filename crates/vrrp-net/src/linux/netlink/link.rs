//! Interfaces to and from the kernel.

use super::batch::{Request, text};
use super::{Attrs, EncodeError, attr, nested};
use crate::{IfIndex, IpvlanMode, Link, Mac, VirtualLink, VirtualLinkKind};
use neli::FromBytesWithInput;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Iff, Ifla, IflaInfo, RtAddrFamily, Rtm};
use neli::rtnl::{Ifinfomsg, IfinfomsgBuilder, Rtattr};
use neli::types::Buffer;
use std::io::Cursor;

//= R9568-6.4.2-01
//= R9568-6.4.2-04
//= R9568-6.4.3-06
/// `RTM_NEWLINK` that sets an interface up or down.
pub(in crate::linux) fn set_link(
    iface: IfIndex,
    up: bool,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    let builder = header(Some(iface))?;
    let builder = if up { builder.up() } else { builder.down() };
    request(Rtm::Newlink, NlmF::empty(), builder)
}

/// `RTM_NEWLINK` that gives an interface another hardware address.
pub(in crate::linux) fn set_mac(
    iface: IfIndex,
    mac: Mac,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    let attrs = Attrs::new().with(Ifla::Address, mac.octets().to_vec())?;
    let builder = header(Some(iface))?.rtattrs(attrs.0);
    request(Rtm::Newlink, NlmF::empty(), builder)
}

/// `RTM_NEWLINK` that gives an interface another name.
pub(in crate::linux) fn rename(
    iface: IfIndex,
    name: &str,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    let attrs = Attrs::new().with(Ifla::Ifname, checked(name)?)?;
    let builder = header(Some(iface))?.rtattrs(attrs.0);
    request(Rtm::Newlink, NlmF::empty(), builder)
}

fn checked(name: &str) -> Result<&str, EncodeError> {
    if (1..=15).contains(&name.len()) {
        Ok(name)
    } else {
        Err(EncodeError(format!("`{name}` is no name for an interface")))
    }
}

/// `RTM_DELLINK`.
pub(in crate::linux) fn remove_link(iface: IfIndex) -> Result<Request<Ifinfomsg>, EncodeError> {
    request(Rtm::Dellink, NlmF::empty(), header(Some(iface))?)
}

/// `RTM_NEWLINK` that makes a new interface, down.
pub(in crate::linux) fn create_link(
    link: &VirtualLink,
    group: u32,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    // IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA; IFLA_IPVLAN_MODE, IPVLAN_MODE_L2. Nothing passes between interfaces of one
    // parent, as in private mode; but there the adverts of another Active router, which come from the same virtual
    // MAC, would be given to the macvlan alone and never reach the sockets on the parent.
    let (kind, data, mac) = match link.kind {
        VirtualLinkKind::Macvlan(mac) => {
            ("macvlan", vec![attr(Ifla::from(1_u16), 2_u32)?], Some(mac))
        }
        VirtualLinkKind::Ipvlan(mode) => {
            // IFLA_IPVLAN_FLAGS; without it the mode is bridge.
            let flags = match mode {
                IpvlanMode::Bridge => None,
                IpvlanMode::Private => Some(1_u16),
                IpvlanMode::Vepa => Some(2_u16),
            };
            let mut data = vec![attr(Ifla::from(1_u16), 0_u16)?];
            if let Some(flags) = flags {
                data.push(attr(Ifla::from(2_u16), flags)?);
            }
            ("ipvlan", data, None)
        }
    };
    let info = [
        attr(IflaInfo::Kind, kind)?,
        attr(IflaInfo::Data, nested(&data)?)?,
    ];
    let attrs = Attrs::new()
        .with(Ifla::Ifname, checked(&link.name)?)?
        .with(Ifla::Link, link.parent.get())?
        .maybe(Ifla::Address, mac.map(|mac| mac.octets().to_vec()))?
        .with(Ifla::Group, group)?
        .maybe(Ifla::Master, link.vrf.map(IfIndex::get))?
        .with(Ifla::Linkinfo, nested(&info)?)?;
    request(
        Rtm::Newlink,
        NlmF::CREATE | NlmF::EXCL,
        header(None)?.rtattrs(attrs.0),
    )
}

/// One of an interface's IPv4 settings (`IPV4_DEVCONF_*`): what is in `/proc/sys/net/ipv4/conf`, but written by netlink,
/// which works where `/proc/sys` is read-only, as in most containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linux) enum Ipv4Setting {
    RpFilter = 8,
    ArpFilter = 13,
    ArpAnnounce = 18,
    ArpIgnore = 19,
    PromoteSecondaries = 20,
    AcceptLocal = 23,
}

/// `RTM_SETLINK` for IPv4 settings.
pub(in crate::linux) fn set_ipv4(
    iface: IfIndex,
    settings: &[(Ipv4Setting, u32)],
) -> Result<Request<Ifinfomsg>, EncodeError> {
    const IFLA_INET_CONF: u16 = 1;
    let settings = settings
        .iter()
        .map(|(setting, value)| attr(Ifla::from(*setting as u16), *value))
        .collect::<Result<Vec<_>, _>>()?;
    let conf = attr(Ifla::from(IFLA_INET_CONF), nested(&settings)?)?;
    set_family(iface, libc::AF_INET, conf)
}

//= R9568-7.4-01
/// `RTM_SETLINK`: make no IPv6 address from the hardware address. RFC 9568 §7.4: virtual MAC addresses are no
/// identifiers.
pub(in crate::linux) fn no_generated_addresses(
    iface: IfIndex,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
    const NONE: u8 = 1;
    set_family(
        iface,
        libc::AF_INET6,
        attr(Ifla::from(IFLA_INET6_ADDR_GEN_MODE), NONE)?,
    )
}

fn set_family(
    iface: IfIndex,
    family: i32,
    setting: Rtattr<Ifla, Buffer>,
) -> Result<Request<Ifinfomsg>, EncodeError> {
    let family = Ifla::from(u16::try_from(family).unwrap_or(0));
    let spec = attr(family, nested(&[setting])?)?;
    let attrs = Attrs::new().with(Ifla::AfSpec, nested(&[spec])?)?;
    request(
        Rtm::Setlink,
        NlmF::empty(),
        header(Some(iface))?.rtattrs(attrs.0),
    )
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

/// Reads the payload of `RTM_NEWLINK` or `RTM_DELLINK`: the interface and its group. `None`: not about an interface as such (bridges tell of their
/// ports in the same messages, with another family), or not whole.
pub(super) fn read_link(payload: &[u8]) -> Option<(Link, u32)> {
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
    let link = Link {
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
    };
    Some((link, number(Ifla::Group).unwrap_or(0)))
}

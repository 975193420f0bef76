//! Addresses to and from the kernel.

use super::batch::{Request, text};
use super::{Attrs, EncodeError, family, octets};
use crate::{AddressRecord, AddressSpec, AddressState, IfIndex, Scope};
use core::net::IpAddr;
use neli::FromBytesWithInput;
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Ifa, IfaF, RtAddrFamily, RtScope, Rtm};
use neli::rtnl::{Ifaddrmsg, IfaddrmsgBuilder};
use std::io::Cursor;

/// The mark of our addresses (`IFA_PROTO`, Linux 5.18): VRRP's IP protocol number, so that
/// `ip address show proto 112` lists them. keepalived marks its own with 18: each removes only what is its own.
pub(in crate::linux) const OURS: u8 = vrrp_proto::PROTOCOL;

/// `IFA_PROTO`; neli has no name for it.
const IFA_PROTO: Ifa = Ifa::UnrecognizedConst(11);
/// Flags above the eight that fit the message's own field (`IFA_FLAGS`).
const MANAGED_TEMPORARY: u32 = 0x100;
const NO_PREFIX_ROUTE: u32 = 0x200;
const AUTOJOIN: u32 = 0x400;

//= R9568-8.2.2-04
//= R9568-6.4.3-02
/// `RTM_NEWADDR`. An address that is there already is changed to be as `spec` says, and marked.
pub(in crate::linux) fn add_address(
    iface: IfIndex,
    spec: &AddressSpec,
) -> Result<Request<Ifaddrmsg>, EncodeError> {
    let flags = spec.flags;
    let wide = [
        (flags.nodad, u32::from(IfaF::NODAD.bits())),
        (flags.home, u32::from(IfaF::HOMEADDRESS.bits())),
        (flags.managed_temporary, MANAGED_TEMPORARY),
        (flags.no_prefix_route, NO_PREFIX_ROUTE),
        (flags.autojoin, AUTOJOIN),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(0, |all, (_, bit)| all | bit);
    // struct ifa_cacheinfo: preferred, valid, and two time stamps that are the kernel's.
    let lifetimes = [spec.preferred.as_secs(), spec.valid.as_secs(), 0, 0];
    let lifetimes: Vec<u8> = lifetimes.iter().flat_map(|n| n.to_ne_bytes()).collect();
    let label = match &spec.label {
        Some(label) if label.len() > 15 => {
            return Err(EncodeError(format!(
                "label `{label}` is longer than 15 octets"
            )));
        }
        label => label.as_deref(),
    };
    let attrs = identity(spec)?
        .maybe(Ifa::Label, label)?
        .maybe(Ifa::Broadcast, spec.broadcast.map(|a| a.octets().to_vec()))?
        .with(Ifa::Flags, wide)?
        .with(Ifa::Cacheinfo, lifetimes)?
        .with(IFA_PROTO, OURS)?;
    request(
        Rtm::Newaddr,
        NlmF::CREATE | NlmF::REPLACE,
        iface,
        spec,
        attrs,
    )
}

//= R9568-6.4.2-05
//= R9568-6.4.2-02
/// `RTM_DELADDR`.
pub(in crate::linux) fn remove_address(
    iface: IfIndex,
    spec: &AddressSpec,
) -> Result<Request<Ifaddrmsg>, EncodeError> {
    request(Rtm::Deladdr, NlmF::empty(), iface, spec, identity(spec)?)
}

/// What the kernel finds an address by.
fn identity(spec: &AddressSpec) -> Result<Attrs<Ifa>, EncodeError> {
    Attrs::new()
        .with(Ifa::Local, octets(spec.address))?
        .with(Ifa::Address, octets(spec.peer.unwrap_or(spec.address)))
}

fn request(
    kind: Rtm,
    flags: NlmF,
    iface: IfIndex,
    spec: &AddressSpec,
    attrs: Attrs<Ifa>,
) -> Result<Request<Ifaddrmsg>, EncodeError> {
    let payload = IfaddrmsgBuilder::default()
        .ifa_family(family(spec.family()))
        .ifa_prefixlen(spec.prefix_len)
        .ifa_scope(RtScope::from(spec.scope.0))
        .ifa_index(iface.get())
        .rtattrs(attrs.0)
        .build()
        .map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind,
        flags,
        payload,
    })
}

/// `RTM_GETADDR` for all addresses.
pub(super) fn dump_addresses() -> Result<Request<Ifaddrmsg>, EncodeError> {
    let payload = IfaddrmsgBuilder::default()
        .ifa_family(RtAddrFamily::Unspecified)
        .ifa_prefixlen(0)
        .ifa_scope(RtScope::Universe)
        .ifa_index(0)
        .build()
        .map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind: Rtm::Getaddr,
        flags: NlmF::DUMP,
        payload,
    })
}

/// Reads the payload of `RTM_NEWADDR` or `RTM_DELADDR`. `None`: not an IP address, or not whole.
pub(super) fn read_address(payload: &[u8]) -> Option<AddressRecord> {
    let message =
        Ifaddrmsg::from_bytes_with_input(&mut Cursor::new(payload), payload.len()).ok()?;
    let handle = message.rtattrs().get_attr_handle();
    let octets = |kind| {
        handle
            .get_attribute(kind)
            .map(|attr| attr.rta_payload().as_ref())
    };
    let ip = |octets: &[u8]| match message.ifa_family() {
        RtAddrFamily::Inet => Some(IpAddr::from(*octets.first_chunk::<4>()?)),
        RtAddrFamily::Inet6 => Some(IpAddr::from(*octets.first_chunk::<16>()?)),
        _ => None,
    };
    let far = octets(Ifa::Address).and_then(ip);
    let address = octets(Ifa::Local).and_then(ip).or(far)?;
    let flags = octets(Ifa::Flags)
        .and_then(|flags| flags.first_chunk())
        .map_or_else(
            || u32::from(message.ifa_flags().bits()),
            |flags| u32::from_ne_bytes(*flags),
        );
    let flag = |flag: IfaF| flags & u32::from(flag.bits()) != 0;
    Some(AddressRecord {
        iface: IfIndex::new(*message.ifa_index())?,
        address,
        prefix_len: *message.ifa_prefixlen(),
        peer: far.filter(|far| *far != address),
        scope: Scope(u8::from(*message.ifa_scope())),
        label: octets(Ifa::Label).map(text),
        // The same bit says "temporary" of an IPv6 address.
        secondary: address.is_ipv4() && flag(IfaF::SECONDARY),
        state: match () {
            () if flag(IfaF::DADFAILED) => AddressState::Duplicate,
            () if flag(IfaF::TENTATIVE) && !flag(IfaF::OPTIMISTIC) => AddressState::Tentative,
            () => AddressState::Usable,
        },
        ours: octets(IFA_PROTO) == Some(&[OURS]),
    })
}

//! Links and addresses by rtnetlink: the few requests of which a lab is made, each waiting for its answer.
//!
//! A socket speaks for the network namespace in which it was opened, whichever thread uses it later.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use neli::consts::nl::NlmF;
use neli::consts::rtnl::{Ifa, IfaF, Ifla, IflaInfo, RtAddrFamily, RtScope, Rtm};
use neli::consts::socket::NlFamily;
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::rtnl::{Ifaddrmsg, IfaddrmsgBuilder, Ifinfomsg, IfinfomsgBuilder, Rtattr, RtattrBuilder};
use neli::socket::synchronous::NlSocketHandle;
use neli::types::{Buffer, RtBuffer};
use neli::utils::Groups;
use neli::{FromBytesWithInput, Size, ToBytes};

use crate::Cidr;

const CREATE: NlmF = NlmF::CREATE.union(NlmF::EXCL);

// What neli has no names for (linux/if_link.h, linux/if_bridge.h, linux/veth.h, linux/if.h).
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_BRPORT_STATE: u16 = 1;
const BR_STATE_DISABLED: u8 = 0;
const BR_STATE_FORWARDING: u8 = 3;
const NLA_F_NESTED: u16 = 0x8000;
const AF_BRIDGE: u8 = 7;
const IF_OPER_UP: u8 = 6;

/// An address as the kernel has it on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address and the length of its prefix.
    pub cidr: Cidr,
    /// `global`, `link` or `host`, as `ip a` spells the scope.
    pub scope: &'static str,
    /// The interface.
    pub interface: String,
}

/// As `ip a` shows it: `inet 10.0.0.70/32 scope global eth0`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cidr,
            scope,
            interface,
        } = self;
        match cidr.address {
            IpAddr::V4(_) => write!(f, "inet {cidr} scope {scope} {interface}"),
            // iproute2 names the interface of IPv4 addresses alone: what it prints there is the label.
            IpAddr::V6(_) => write!(f, "inet6 {cidr} scope {scope}"),
        }
    }
}

/// A link as the kernel describes it.
pub(crate) struct Link {
    pub(crate) index: i32,
    pub(crate) name: String,
    pub(crate) up: bool,
}

/// A socket: one request at a time.
pub(crate) struct Netlink(NlSocketHandle);

impl fmt::Debug for Netlink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Netlink").field(&self.0.pid()).finish()
    }
}

impl Netlink {
    /// Opens a socket in the namespace of the calling thread.
    pub(crate) fn open() -> io::Result<Self> {
        let socket =
            NlSocketHandle::connect(NlFamily::Route, None, Groups::empty()).map_err(other)?;
        Ok(Self(socket))
    }

    /// Makes a bridge that forwards at once and floods multicast, up.
    pub(crate) fn add_bridge(&self, name: &str) -> io::Result<()> {
        let data = attrs([
            attr(Ifla::from(IFLA_BR_FORWARD_DELAY), 0u32)?,
            attr(Ifla::from(IFLA_BR_MCAST_SNOOPING), 0u8)?,
        ]);
        let link = link(0).up().rtattrs(attrs([
            attr(Ifla::Ifname, name)?,
            attr(
                Ifla::Linkinfo,
                attrs([attr(IflaInfo::Kind, "bridge")?, attr(IflaInfo::Data, data)?]),
            )?,
        ]));
        self.change(Rtm::Newlink, CREATE, link.build().map_err(other)?)
    }

    /// Makes a veth pair: `port` here, up and in the bridge `master`; its `peer` in the namespace `there`.
    pub(crate) fn add_veth(
        &self,
        port: &str,
        master: i32,
        peer: &str,
        mac: [u8; 6],
        there: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let peer = link(0).rtattrs(attrs([
            attr(Ifla::Ifname, peer)?,
            attr(Ifla::Address, Buffer::from(mac.as_slice()))?,
            attr(Ifla::NetNsFd, there.as_raw_fd())?,
        ]));
        let data = attrs([attr(
            Ifla::from(VETH_INFO_PEER),
            peer.build().map_err(other)?,
        )?]);
        let link = link(0).up().rtattrs(attrs([
            attr(Ifla::Ifname, port)?,
            attr(Ifla::Master, master)?,
            attr(
                Ifla::Linkinfo,
                attrs([attr(IflaInfo::Kind, "veth")?, attr(IflaInfo::Data, data)?]),
            )?,
        ]));
        self.change(Rtm::Newlink, CREATE, link.build().map_err(other)?)
    }

    /// Sets a link up or down.
    pub(crate) fn set_up(&self, index: i32, up: bool) -> io::Result<()> {
        let link = if up {
            link(index).up()
        } else {
            link(index).down()
        };
        self.change(Rtm::Setlink, NlmF::empty(), link.build().map_err(other)?)
    }

    /// Lets a bridge port forward, or not: the host behind it notices nothing.
    pub(crate) fn set_forwarding(&self, port: i32, forwarding: bool) -> io::Result<()> {
        let state = if forwarding {
            BR_STATE_FORWARDING
        } else {
            BR_STATE_DISABLED
        };
        let info = attrs([attr(Ifla::from(IFLA_BRPORT_STATE), state)?]);
        let link = link(port)
            .ifi_family(RtAddrFamily::from(AF_BRIDGE))
            .rtattrs(attrs([attr(
                Ifla::from(u16::from(Ifla::Protinfo) | NLA_F_NESTED),
                info,
            )?]));
        self.change(Rtm::Setlink, NlmF::empty(), link.build().map_err(other)?)
    }

    /// Every link of the namespace.
    pub(crate) fn links(&self) -> io::Result<Vec<Link>> {
        let links = self.dump::<Ifinfomsg>(Rtm::Getlink, link(0).build().map_err(other)?)?;
        Ok(links
            .into_iter()
            .filter_map(|link| {
                let attrs = link.rtattrs().get_attr_handle();
                Some(Link {
                    index: *link.ifi_index(),
                    name: attrs
                        .get_attr_payload_as_with_len::<String>(Ifla::Ifname)
                        .ok()?,
                    up: attrs.get_attr_payload_as::<u8>(Ifla::Operstate).ok()? == IF_OPER_UP,
                })
            })
            .collect())
    }

    /// Puts an address on an interface.
    pub(crate) fn add_address(&self, index: u32, cidr: Cidr) -> io::Result<()> {
        let (family, octets, flags) = match cidr.address {
            IpAddr::V4(a) => (
                RtAddrFamily::Inet,
                Buffer::from(a.octets().as_slice()),
                IfaF::empty(),
            ),
            // Nobody else has it: duplicate address detection would only make it late.
            IpAddr::V6(a) => (
                RtAddrFamily::Inet6,
                Buffer::from(a.octets().as_slice()),
                IfaF::NODAD,
            ),
        };
        let message = IfaddrmsgBuilder::default()
            .ifa_family(family)
            .ifa_prefixlen(cidr.prefix_len)
            .ifa_flags(flags)
            .ifa_scope(RtScope::Universe)
            .ifa_index(index)
            .rtattrs(attrs([
                attr(Ifa::Local, octets.clone())?,
                attr(Ifa::Address, octets)?,
            ]));
        self.change(Rtm::Newaddr, CREATE, message.build().map_err(other)?)
    }

    /// The addresses on every interface, in the kernel's order.
    pub(crate) fn addresses(&self) -> io::Result<Vec<Address>> {
        let names = self.links()?;
        let all = IfaddrmsgBuilder::default()
            .ifa_family(RtAddrFamily::Unspecified)
            .ifa_prefixlen(0)
            .ifa_scope(RtScope::Universe)
            .ifa_index(0)
            .build()
            .map_err(other)?;
        let addresses = self.dump::<Ifaddrmsg>(Rtm::Getaddr, all)?;
        Ok(addresses
            .into_iter()
            .filter_map(|message| {
                let attrs = message.rtattrs().get_attr_handle();
                // IFA_LOCAL is the address; IPv6 has IFA_ADDRESS alone.
                let octets = attrs
                    .get_attribute(Ifa::Local)
                    .or_else(|| attrs.get_attribute(Ifa::Address))?;
                let octets: &[u8] = octets.rta_payload().as_ref();
                let address = match message.ifa_family() {
                    RtAddrFamily::Inet => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into(),
                    RtAddrFamily::Inet6 => {
                        Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()
                    }
                    _ => return None,
                };
                let index = i32::try_from(*message.ifa_index()).ok()?;
                Some(Address {
                    cidr: Cidr {
                        address,
                        prefix_len: *message.ifa_prefixlen(),
                    },
                    scope: match message.ifa_scope() {
                        RtScope::Host => "host",
                        RtScope::Link => "link",
                        RtScope::Site => "site",
                        _ => "global",
                    },
                    interface: names.iter().find(|l| l.index == index)?.name.clone(),
                })
            })
            .collect())
    }

    /// Sends a request and waits for the kernel's yes or no.
    fn change<P>(&self, kind: Rtm, flags: NlmF, payload: P) -> io::Result<()>
    where
        P: Size + ToBytes + fmt::Debug,
    {
        self.send(kind, flags | NlmF::ACK, payload)?;
        let (answer, _) = self.0.recv::<Rtm, Buffer>().map_err(other)?;
        for message in answer {
            if let NlPayload::Err(e) = message.map_err(other)?.nl_payload() {
                return Err(io::Error::from_raw_os_error(-e.error()));
            }
        }
        Ok(())
    }

    fn dump<P>(&self, kind: Rtm, payload: P) -> io::Result<Vec<P>>
    where
        P: Size + ToBytes + FromBytesWithInput<Input = usize> + Clone + fmt::Debug,
    {
        self.send(kind, NlmF::DUMP, payload)?;
        let mut found = Vec::new();
        loop {
            let (answer, _) = self.0.recv::<Rtm, P>().map_err(other)?;
            for message in answer {
                let message: Nlmsghdr<Rtm, P> = message.map_err(other)?;
                match message.nl_payload() {
                    NlPayload::Payload(p) => found.push(p.clone()),
                    NlPayload::Err(e) => return Err(io::Error::from_raw_os_error(-e.error())),
                    NlPayload::DumpExtAck(_) | NlPayload::Empty | NlPayload::Ack(_) => {
                        return Ok(found);
                    }
                }
            }
        }
    }

    fn send<P>(&self, kind: Rtm, flags: NlmF, payload: P) -> io::Result<()>
    where
        P: Size + ToBytes + fmt::Debug,
    {
        let message = NlmsghdrBuilder::default()
            .nl_type(kind)
            .nl_flags(NlmF::REQUEST | flags)
            .nl_payload(NlPayload::Payload(payload))
            .build()
            .map_err(other)?;
        self.0.send(&message).map_err(other)
    }
}

fn link(index: i32) -> IfinfomsgBuilder {
    IfinfomsgBuilder::default()
        .ifi_family(RtAddrFamily::Unspecified)
        .ifi_index(index)
}

fn attr<T: Size, P: Size + ToBytes>(kind: T, payload: P) -> io::Result<Rtattr<T, Buffer>> {
    RtattrBuilder::default()
        .rta_type(kind)
        .rta_payload(payload)
        .build()
        .map_err(other)
}

fn attrs<T, const N: usize>(list: [Rtattr<T, Buffer>; N]) -> RtBuffer<T, Buffer> {
    list.into_iter().collect()
}

/// neli has an error type for each step; here only their text matters.
fn other(error: impl fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

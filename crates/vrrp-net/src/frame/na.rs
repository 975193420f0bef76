//! Unsolicited Neighbour Advertisement: gratuitous ARP's counterpart in IPv6.

use crate::Mac;
use core::net::Ipv6Addr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, Icmpv6Packet, Icmpv6Repr,
    IpProtocol, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
};

/// ff02::1, every node on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Its Ethernet address (RFC 2464 §7).
const ALL_NODES_MAC: EthernetAddress = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);

/// An advertisement to all nodes that nobody asked for: override set, solicited clear, from the address itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnsolicitedNa {
    /// The address that moved: target and source.
    pub address: Ipv6Addr,
    /// Where it is now: source of the frame and target link-layer address.
    pub mac: Mac,
    /// The sender is a router. RFC 9568 §6.4.1 wants it set always; hosts drop a default router whose advertisement
    /// has it clear.
    pub router: bool,
}

impl UnsolicitedNa {
    /// Octets of the frame.
    pub const LEN: usize = 86;

    /// What RFC 9568 asks for.
    pub const fn new(address: Ipv6Addr, mac: Mac) -> Self {
        Self {
            address,
            mac,
            router: true,
        }
    }

    //= R9568-6.4.1-03
    /// The frame.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let mac = EthernetAddress(self.mac.octets());
        let mut flags = NdiscNeighborFlags::OVERRIDE;
        flags.set(NdiscNeighborFlags::ROUTER, self.router);
        let icmp = Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
            flags,
            target_addr: self.address,
            lladdr: Some(mac.into()),
        });
        let ip = Ipv6Repr {
            src_addr: self.address,
            dst_addr: ALL_NODES,
            next_header: IpProtocol::Icmpv6,
            payload_len: icmp.buffer_len(),
            hop_limit: 255,
        };
        let ethernet = EthernetRepr {
            src_addr: mac,
            dst_addr: ALL_NODES_MAC,
            ethertype: EthernetProtocol::Ipv6,
        };
        debug_assert_eq!(
            ethernet.buffer_len() + ip.buffer_len() + icmp.buffer_len(),
            Self::LEN
        );
        let mut octets = [0; Self::LEN];
        let mut frame = EthernetFrame::new_unchecked(&mut octets);
        ethernet.emit(&mut frame);
        let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
        ip.emit(&mut packet);
        icmp.emit(
            &ip.src_addr,
            &ip.dst_addr,
            &mut Icmpv6Packet::new_unchecked(packet.payload_mut()),
            &ChecksumCapabilities::default(),
        );
        octets
    }
}

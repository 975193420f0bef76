//! Gratuitous ARP: the frame that moves an IPv4 address in the caches of hosts and the tables of bridges.

use crate::Mac;
use core::net::Ipv4Addr;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};

/// A broadcast ARP request in which sender and target are the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GratuitousArp {
    /// The address that moved.
    pub address: Ipv4Addr,
    /// Where it is now: source of the frame and sender hardware address.
    pub mac: Mac,
    /// Target hardware address, which no receiver reads: all ones as keepalived and FRR send it, all zeros
    /// (RFC 5227), or the virtual MAC (a reading of errata 7947 and 7949).
    pub target: Mac,
}

impl GratuitousArp {
    /// Octets of the frame.
    pub const LEN: usize = 42;

    /// The form that keepalived sends.
    pub const fn new(address: Ipv4Addr, mac: Mac) -> Self {
        Self {
            address,
            mac,
            target: Mac::BROADCAST,
        }
    }

    //= R9568-6.4.1-02
    /// The frame.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let source = EthernetAddress(self.mac.octets());
        let ethernet = EthernetRepr {
            src_addr: source,
            dst_addr: EthernetAddress::BROADCAST,
            ethertype: EthernetProtocol::Arp,
        };
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: source,
            source_protocol_addr: self.address,
            target_hardware_addr: EthernetAddress(self.target.octets()),
            target_protocol_addr: self.address,
        };
        debug_assert_eq!(ethernet.buffer_len() + arp.buffer_len(), Self::LEN);
        let mut octets = [0; Self::LEN];
        let mut frame = EthernetFrame::new_unchecked(&mut octets);
        ethernet.emit(&mut frame);
        arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        octets
    }
}

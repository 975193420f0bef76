//! A subnet of which only an address is known, and the addresses in it that are free.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

/// A subnet, and an address near which hosts of it are to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subnet {
    pub(super) near: IpAddr,
    pub(super) prefix_len: u8,
}

impl Subnet {
    /// The subnet of a virtual address. One too small for the lab's hosts is taken for a mask that was left out.
    pub(super) fn around(near: IpAddr, prefix_len: u8) -> Self {
        let (longest, usual) = if near.is_ipv4() { (28, 24) } else { (120, 64) };
        Self {
            near,
            prefix_len: if prefix_len > longest {
                usual
            } else {
                prefix_len
            },
        }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.near.is_ipv4()
            && bits(address) & self.mask() == bits(self.near) & self.mask()
    }

    fn mask(&self) -> u128 {
        let width = if self.near.is_ipv4() { 32 } else { 128 };
        let host = width - u32::from(self.prefix_len).min(width);
        u128::MAX.checked_shl(host).unwrap_or(0)
    }

    /// The first free address from ten below [`Subnet::near`] on (so the tutorial's nodes with 10.0.0.70 are
    /// 10.0.0.60 to 63), else the first free one at all.
    pub(super) fn free(&self, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
        let network = bits(self.near) & self.mask();
        let last = network
            + (!self.mask()
                & if self.near.is_ipv4() {
                    u32::MAX.into()
                } else {
                    u128::MAX
                });
        let start = bits(self.near).saturating_sub(10).max(network + 1);
        let address = |bits: u128| match self.near {
            IpAddr::V4(_) => u32::try_from(bits)
                .map(|b| Ipv4Addr::from_bits(b).into())
                .ok(),
            IpAddr::V6(_) => Some(Ipv6Addr::from_bits(bits).into()),
        };
        (start..last)
            .chain(network + 1..start)
            .take(1 << 16)
            .filter_map(address)
            .find(|a: &IpAddr| !taken.contains(a))
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => a.to_bits().into(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

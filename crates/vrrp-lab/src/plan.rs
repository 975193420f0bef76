//! What a lab shall look like, before it is made.

use core::net::{IpAddr, Ipv4Addr};
use core::str::FromStr;
use std::fmt;

/// An address and the length of its prefix: `10.0.0.60/24`. Without a length it is the address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The address, host bits included.
    pub address: IpAddr,
    /// Range: 0..=32 (IPv4), 0..=128 (IPv6).
    pub prefix_len: u8,
}

/// The text is no address, or its prefix is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor an address with a prefix length")]
pub struct CidrError;

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, len) = text
            .split_once('/')
            .map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().map_err(|_| CidrError)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_len = len.map_or(Ok(longest), str::parse).map_err(|_| CidrError)?;
        if prefix_len <= longest {
            Ok(Self {
                address,
                prefix_len,
            })
        } else {
            Err(CidrError)
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

/// Hosts, the interfaces they have, and which of those share a LAN. [`Plan::build`] makes it real.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(crate) hosts: Vec<HostPlan>,
    pub(crate) ipv6: bool,
}

impl Plan {
    /// No hosts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host.
    #[must_use]
    pub fn host(mut self, host: HostPlan) -> Self {
        self.hosts.push(host);
        self
    }

    /// Whether the hosts speak IPv6. Default: no, so that nothing but what a test sends is on the wire.
    #[must_use]
    pub fn ipv6(mut self, on: bool) -> Self {
        self.ipv6 = on;
        self
    }

    /// One LAN, an `eth0` on it for each name, with 10.0.0.1/24, 10.0.0.2/24 and so on.
    pub(crate) fn lan<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .zip(1..=254)
            .fold(Self::new(), |plan, (name, last)| {
                let address = Cidr {
                    address: Ipv4Addr::new(10, 0, 0, last).into(),
                    prefix_len: 24,
                };
                plan.host(HostPlan::new(name).interface("eth0", "lan", [address]))
            })
    }
}

/// One host: its interfaces in order.
#[derive(Clone, Debug)]
pub struct HostPlan {
    pub(crate) name: String,
    pub(crate) interfaces: Vec<InterfacePlan>,
}

#[derive(Clone, Debug)]
pub(crate) struct InterfacePlan {
    pub(crate) name: String,
    pub(crate) lan: String,
    pub(crate) addresses: Vec<Cidr>,
}

impl HostPlan {
    /// A host with nothing but `lo`. Its name is a file name: no slash.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            interfaces: Vec::new(),
        }
    }

    /// Adds an interface, plugged into the LAN of that name: a LAN exists when somebody is plugged into it.
    #[must_use]
    pub fn interface(
        mut self,
        name: impl Into<String>,
        lan: impl Into<String>,
        addresses: impl IntoIterator<Item = Cidr>,
    ) -> Self {
        self.interfaces.push(InterfacePlan {
            name: name.into(),
            lan: lan.into(),
            addresses: addresses.into_iter().collect(),
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cidr_reads_what_it_writes() {
        for text in ["10.0.0.60/24", "0.0.0.0/0", "fe80::1/64"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
        assert_eq!(
            "10.0.0.70".parse::<Cidr>().unwrap().to_string(),
            "10.0.0.70/32"
        );
        for text in [
            "",
            "10.0.0.1/33",
            "10.0.0.1/",
            "::/129",
            "10.0.0/24",
            "10.0.0.1/24/24",
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(CidrError), "{text}");
        }
    }
}

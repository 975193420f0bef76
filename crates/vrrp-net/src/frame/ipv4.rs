//! The IPv4 header: made where the Authentication Header covers it, read where the kernel hands it to us.

use core::net::Ipv4Addr;

/// DSCP CS6 (network control) in the type of service octet, as every VRRP packet carries it.
pub const DSCP_CS6: u8 = 0xc0;

/// An IPv4 header without options and without fragmentation.
///
/// ```text
/// |Version|  IHL  |Type of Service|          Total Length         |
/// |         Identification        |Flags|      Fragment Offset    |
/// |  Time to Live |    Protocol   |         Header Checksum       |
/// |                       Source Address                          |
/// |                    Destination Address                        |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Header {
    /// Type of service; [`DSCP_CS6`].
    pub tos: u8,
    /// Octets that follow the header.
    pub payload_len: u16,
    /// Identification. Not 0 for what is sent by [`crate::Payload::Ipv4`]: the kernel would write another one.
    pub identification: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol number of what follows.
    pub protocol: u8,
    /// From.
    pub source: Ipv4Addr,
    /// To.
    pub destination: Ipv4Addr,
}

impl Ipv4Header {
    /// Octets of a header without options.
    pub const LEN: usize = 20;

    /// The header, checksum included. `None` when the packet would be longer than 65535 octets.
    pub fn emit(&self) -> Option<[u8; Self::LEN]> {
        let [len_hi, len_lo] = self.payload_len.checked_add(20)?.to_be_bytes();
        let [id_hi, id_lo] = self.identification.to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let without = |check: [u8; 2]| {
            let [c0, c1] = check;
            [
                0x45,
                self.tos,
                len_hi,
                len_lo,
                id_hi,
                id_lo,
                0,
                0,
                self.ttl,
                self.protocol,
                c0,
                c1,
                s0,
                s1,
                s2,
                s3,
                d0,
                d1,
                d2,
                d3,
            ]
        };
        Some(without(checksum(&without([0, 0])).to_be_bytes()))
    }
}

/// A received IPv4 packet taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4Packet {
    /// From.
    pub source: Ipv4Addr,
    /// To.
    pub destination: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Where the payload begins and ends; link padding lies behind.
    pub payload: core::ops::Range<usize>,
}

impl Ipv4Packet {
    //= HARD-PROTO-02
    /// `None` when `octets` is not a whole packet. The header checksum is the kernel's business.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let fixed = octets.first_chunk::<{ Ipv4Header::LEN }>()?;
        let [
            version_ihl,
            _,
            len_hi,
            len_lo,
            _,
            _,
            _,
            _,
            ttl,
            _,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = *fixed;
        let header = usize::from(version_ihl & 0x0f) * 4;
        let end = usize::from(u16::from_be_bytes([len_hi, len_lo]));
        let sound = version_ihl >> 4 == 4
            && (Ipv4Header::LEN..=end).contains(&header)
            && end <= octets.len();
        sound.then_some(Self {
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
            ttl,
            payload: header..end,
        })
    }
}

/// RFC 1071 over whole 16-bit words.
fn checksum(header: &[u8; Ipv4Header::LEN]) -> u16 {
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    // Twice folded, a sum of ten words fits.
    u16::try_from(folded).map_or(0, |folded| !folded)
}

//! The ways in: hexadecimal digits, and capture files, compressed or not.

use core::time::Duration;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use vrrp_proto::Endpoints;

use super::link::{self, Link, LinkType};
use super::{Frame, Payload};

/// Octets of hexadecimal digits, two each; spaces, colons, dashes and `0x` between them do not matter.
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.replace("0x", " ");
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-' | ','))
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    (rest.is_empty() && !pairs.is_empty())
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Octets that may begin at the VRRP header, the IP header or the Ethernet header.
pub fn frame(number: u64, octets: &[u8], ends: Option<Endpoints>) -> Frame<'_> {
    let ip = |link, packet| link::ip(packet).map(|datagram| (link, Payload::Ip(datagram)));
    let found = match octets.first() {
        // No hardware address and no IP header begins like an advertisement.
        Some(0x21 | 0x31) => None,
        _ if link::is_vrrp(octets) && link::ip(octets).is_some() => ip(Link::default(), octets),
        _ => link::network(LinkType::Ethernet, octets).and_then(|(link, packet)| ip(link, packet)),
    };
    let (link, payload) =
        found.unwrap_or_else(|| (Link::default(), Payload::Message(octets, ends)));
    Frame {
        number,
        time: None,
        link,
        payload,
    }
}

/// Reads captures, compressed or not, and lines of hexadecimal digits; calls `each` for every VRRP packet in them.
///
/// # Errors
/// When it cannot be read, or ends in the middle of a packet; what was before has been seen by `each` then.
pub fn read(
    input: impl Read + Send,
    ends: Option<Endpoints>,
    each: &mut dyn FnMut(Frame<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let gzip = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if gzip {
        return plain(BufReader::new(MultiGzDecoder::new(input)), ends, each);
    }
    plain(input, ends, each)
}

fn plain(
    mut input: impl BufRead + Send,
    ends: Option<Endpoints>,
    each: &mut dyn FnMut(Frame<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let is_capture = matches!(
        input.fill_buf()?,
        [0x0a, 0x0d, 0x0d, 0x0a, ..]
            | [0xa1, 0xb2, 0xc3, 0xd4, ..]
            | [0xd4, 0xc3, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0x3c, 0x4d, ..]
            | [0x4d, 0x3c, 0xb2, 0xa1, ..]
    );
    if is_capture {
        return capture(input, each);
    }
    let mut number = 0;
    for line in input.lines() {
        let line = line?;
        let text = line.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        number += 1;
        let octets =
            hex(text).ok_or_else(|| bad("neither a capture nor lines of hexadecimal digits"))?;
        each(frame(number, &octets, ends))?;
    }
    Ok(())
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// More than the longest packet that tcpdump stores.
const BUFFER: usize = 1 << 20;

/// An interface of a capture: how its packets begin, and the unit of their time stamps.
#[derive(Clone, Copy)]
struct Interface {
    link: Option<LinkType>,
    /// Ticks in a second.
    resolution: u64,
    /// Unit: seconds.
    offset: i64,
}

impl Interface {
    fn time(&self, ticks: u64) -> Option<Duration> {
        let secs = (ticks / self.resolution).checked_add_signed(self.offset)?;
        let rest =
            u128::from(ticks % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        Some(Duration::new(secs, u32::try_from(rest).ok()?))
    }
}

fn capture(
    input: impl Read + Send,
    each: &mut dyn FnMut(Frame<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader =
        create_reader(BUFFER, input).map_err(|error| bad(&format!("capture: {error}")))?;
    let mut interfaces = Vec::new();
    let mut number = 0;
    loop {
        let (size, block) = match reader.next() {
            Ok(next) => next,
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                reader
                    .refill()
                    .map_err(|error| bad(&format!("capture: {error}")))?;
                continue;
            }
            Err(PcapError::UnexpectedEof) => {
                return Err(bad("capture: ends in the middle of a packet"));
            }
            Err(error) => return Err(bad(&format!("capture: {error}"))),
        };
        let packet = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                let resolution = if header.is_nanosecond_precision() {
                    1_000_000_000
                } else {
                    1_000_000
                };
                interfaces = vec![Interface {
                    link: LinkType::new(header.network.0),
                    resolution,
                    offset: 0,
                }];
                None
            }
            PcapBlockOwned::Legacy(packet) => interfaces.first().map(|interface: &Interface| {
                let ticks =
                    u64::from(packet.ts_sec) * interface.resolution + u64::from(packet.ts_usec);
                (*interface, Some(ticks), packet.data)
            }),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                interfaces.clear();
                None
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                interfaces.push(Interface {
                    link: LinkType::new(interface.linktype.0),
                    resolution: interface.ts_resolution().unwrap_or(1_000_000),
                    offset: interface.ts_offset(),
                });
                None
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let interface = usize::try_from(packet.if_id)
                    .ok()
                    .and_then(|id| interfaces.get(id));
                let data = usize::try_from(packet.caplen)
                    .ok()
                    .and_then(|len| packet.data.get(..len));
                interface
                    .zip(data)
                    .map(|(interface, data)| (*interface, Some(ticks), data))
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => interfaces
                .first()
                .map(|interface| (*interface, None, packet.data)),
            PcapBlockOwned::NG(_) => None,
        };
        if let Some((interface, ticks, data)) = packet {
            number += 1;
            let found = interface.link.and_then(|kind| link::network(kind, data));
            if let Some((link, packet)) = found.filter(|(_, packet)| link::is_vrrp(packet)) {
                let payload = link::ip(packet).map_or(Payload::Cut, Payload::Ip);
                let time = ticks.and_then(|ticks| interface.time(ticks));
                each(Frame {
                    number,
                    time,
                    link,
                    payload,
                })?;
            }
        }
        reader.consume(size);
    }
}

//! What the hosts send, seen at the switch with the kernel's time stamps.
//!
//! One packet socket in the switch's namespace hears every port. A frame is stamped when it leaves the sender's
//! veth and enters the switch, so the stamp is the moment of sending, whoever receives it later, and even if
//! the port is [cut](crate::Host::cut).

mod decode;

use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IoSliceMut, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use vrrp_proto::{AdvertInterval, Covered, Endpoints, Priority, Version};

use crate::Lab;
use crate::host::{lock, within};

/// A frame that a host has sent.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it left the host. The kernel's CLOCK_REALTIME, nanoseconds.
    pub at: SystemTime,
    /// The host that sent it.
    pub host: Arc<str>,
    /// The interface that it left by.
    pub interface: Arc<str>,
    /// What it is.
    pub seen: Seen,
    /// All of it, from the Ethernet header on.
    pub bytes: Arc<[u8]>,
}

impl Frame {
    /// The advertisement, if it is one.
    pub fn advert(&self) -> Option<&Advert> {
        match &self.seen {
            Seen::Advert(advert) => Some(advert),
            _ => None,
        }
    }

    /// Source hardware address of the frame itself, whatever is inside.
    pub fn source(&self) -> Option<[u8; 6]> {
        self.bytes.get(6..)?.first_chunk().copied()
    }

    /// Destination hardware address of the frame itself.
    pub fn destination(&self) -> Option<[u8; 6]> {
        self.bytes.first_chunk().copied()
    }

    /// The hardware address that it says `address` is at. Questions say it of who asks, and are believed.
    pub fn places(&self, address: IpAddr) -> Option<[u8; 6]> {
        match &self.seen {
            Seen::Arp { mac, sender, .. } if IpAddr::V4(*sender) == address => Some(*mac),
            Seen::NeighborAdvertisement { target, mac, .. } if IpAddr::V6(*target) == address => {
                mac.or_else(|| self.source())
            }
            Seen::NeighborSolicitation { sender, mac, .. } if IpAddr::V6(*sender) == address => {
                *mac
            }
            _ => None,
        }
    }

    /// Whether it tells the LAN where `address` is now: gratuitous ARP, or an unsolicited neighbour
    /// advertisement.
    pub fn announces(&self, address: IpAddr) -> bool {
        match &self.seen {
            Seen::Arp {
                sender, gratuitous, ..
            } => *gratuitous && IpAddr::V4(*sender) == address,
            Seen::NeighborAdvertisement {
                target, solicited, ..
            } => !solicited && IpAddr::V6(*target) == address,
            _ => false,
        }
    }
}

/// What a frame is, as far as a lab cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A VRRP advertisement that could be read.
    Advert(Advert),
    /// ARP, request or reply.
    Arp {
        /// Whether it is a request.
        request: bool,
        /// The sender's hardware address, as ARP has it.
        mac: [u8; 6],
        /// The sender's address.
        sender: core::net::Ipv4Addr,
        /// The address asked for, or of whom it is answered to.
        target: core::net::Ipv4Addr,
        /// Sender and target are the same.
        gratuitous: bool,
    },
    /// ICMPv6 neighbour solicitation.
    NeighborSolicitation {
        /// Who asks; unspecified while it looks for duplicates of its own address.
        sender: core::net::Ipv6Addr,
        /// The address asked for.
        target: core::net::Ipv6Addr,
        /// Source link-layer address option.
        mac: Option<[u8; 6]>,
    },
    /// ICMPv6 neighbour advertisement.
    NeighborAdvertisement {
        /// The address it is about.
        target: core::net::Ipv6Addr,
        /// Target link-layer address option.
        mac: Option<[u8; 6]>,
        /// The S flag.
        solicited: bool,
        /// The O flag.
        overrides: bool,
        /// The R flag.
        router: bool,
    },
    /// Anything else, VRRP that cannot be read included.
    Other,
}

/// The fields of an advertisement. Nothing is vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Source hardware address of the frame.
    pub mac: [u8; 6],
    /// Source and destination of the datagram.
    pub ends: Endpoints,
    /// TTL or Hop Limit.
    pub hop_limit: u8,
    /// Protocol version.
    pub version: Version,
    /// The VRID octet.
    pub vrid: u8,
    /// Priority.
    pub priority: Priority,
    /// Advertisement interval; `None` if it is 0.
    pub interval: Option<AdvertInterval>,
    /// The virtual addresses.
    pub addresses: Vec<IpAddr>,
    /// What its checksum covers; `None` if that is wrong.
    pub covered: Option<Covered>,
}

/// A running capture of VRRP, ARP and neighbour discovery on every port of a [`Lab`]. Dropping it ends it;
/// if the thread is panicking, it prints what it has seen.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Mutex<Vec<Frame>>>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts to capture.
    pub fn start(lab: &Lab) -> io::Result<Self> {
        let ports: Ports = lab
            .hosts()
            .iter()
            .flat_map(|host| {
                let name: Arc<str> = host.name().into();
                host.interfaces.iter().map(move |i| {
                    (
                        i.port.cast_unsigned() as usize,
                        (name.clone(), i.name.as_str().into()),
                    )
                })
            })
            .collect();
        let socket = within(&lab.switch, open)??;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let reader = {
            let (frames, stop) = (Arc::clone(&frames), Arc::clone(&stop));
            thread::Builder::new()
                .name("capture".into())
                .spawn(move || read(&socket, &ports, &frames, &stop))?
        };
        Ok(Self {
            frames,
            stop,
            reader: Some(reader),
        })
    }

    /// Everything captured so far, in the order of arrival at the switch.
    pub fn frames(&self) -> Vec<Frame> {
        lock(&self.frames).clone()
    }

    /// Looks at the frames without copying them. The capture waits meanwhile: be quick.
    pub fn look<R>(&self, work: impl FnOnce(&[Frame]) -> R) -> R {
        work(&lock(&self.frames))
    }

    /// The first frame from `since` on of which `wanted` is true; waits for it at most for `longest`.
    pub fn wait(
        &self,
        since: SystemTime,
        longest: Duration,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Option<Frame> {
        let mut next = 0;
        crate::until(longest, || {
            let frames = lock(&self.frames);
            let found = frames
                .iter()
                .skip(next)
                .find(|f| f.at >= since && wanted(f))
                .cloned();
            next = frames.len();
            found
        })
    }

    /// Writes all frames as a pcap file with nanoseconds, for tshark and its like.
    pub fn write_pcap(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        // Magic, version 2.4, time zone, accuracy, snapshot length, LINKTYPE_ETHERNET.
        for word in [0xa1b2_3c4d_u32, 2 | 4 << 16, 0, 0, 65_536, 1] {
            file.write_all(&word.to_ne_bytes())?;
        }
        for frame in self.frames() {
            let at = frame
                .at
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let len = u32::try_from(frame.bytes.len()).map_err(io::Error::other)?;
            let secs = u32::try_from(at.as_secs()).map_err(io::Error::other)?;
            for word in [secs, at.subsec_nanos(), len, len] {
                file.write_all(&word.to_ne_bytes())?;
            }
            file.write_all(&frame.bytes)?;
        }
        file.flush()
    }
}

/// A line for each frame; times in seconds from the first.
impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = lock(&self.frames);
        let start = frames.first().map_or(SystemTime::UNIX_EPOCH, |f| f.at);
        for frame in frames.iter() {
            let at = frame.at.duration_since(start).unwrap_or_default();
            writeln!(
                f,
                "{:>12.6} {} {} {}",
                at.as_secs_f64(),
                frame.host,
                frame.interface,
                frame.seen
            )?;
        }
        Ok(())
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        if thread::panicking() {
            eprint!("--- capture\n{self}");
        }
    }
}

/// Host and interface by the index of the port.
type Ports = BTreeMap<usize, (Arc<str>, Arc<str>)>;

fn open() -> io::Result<Socket> {
    const ETH_P_ALL: u16 = 3;
    let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
    socket.attach_filter(&filter())?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    // Bursts of many virtual routers; refused outside the initial user namespace, where the default must do.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &(4 << 20));
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    Ok(socket)
}

/// Lets in what hosts send (not what the bridge passes on), and of that VRRP, AH, ARP, and neighbour discovery:
/// pings are many, and each would wake the reader.
fn filter() -> Vec<SockFilter> {
    const PACKET_TYPE: u32 = 0xffff_f004; // SKF_AD_OFF + SKF_AD_PKTTYPE
    const OUTGOING: u32 = 4;
    let byte = |at| SockFilter::new(0x30, 0, 0, at);
    let half = |at| SockFilter::new(0x28, 0, 0, at);
    let equal = |value, yes, no| SockFilter::new(0x15, yes, no, value);
    let answer = |len| SockFilter::new(0x06, 0, 0, len);
    vec![
        SockFilter::new(0x20, 0, 0, PACKET_TYPE),
        equal(OUTGOING, 14, 0), // → drop
        half(12),
        equal(0x0806, 13, 0), // ARP → accept
        equal(0x0800, 0, 3),  // IPv4
        byte(23),
        equal(112, 10, 0),   // → accept
        equal(51, 9, 8),     // → accept, drop
        equal(0x86dd, 0, 7), // IPv6, → drop
        byte(20),
        equal(112, 6, 0), // → accept
        equal(51, 5, 0),  // → accept
        equal(58, 0, 3),  // ICMPv6, → drop
        byte(54),
        equal(135, 2, 0), // → accept
        equal(136, 1, 0), // → accept
        answer(0),
        answer(u32::MAX),
    ]
}

fn read(socket: &Socket, ports: &Ports, frames: &Mutex<Vec<Frame>>, stop: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    while !stop.load(Ordering::Relaxed) {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let received = recvmsg::<LinkAddr>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            MsgFlags::empty(),
        );
        // The timeout, or a signal.
        let Ok(message) = received else { continue };
        let stamp = message.cmsgs().ok().and_then(|mut list| {
            list.find_map(|c| match c {
                ControlMessageOwned::ScmTimestampns(t) => Some(Duration::from(t)),
                _ => None,
            })
        });
        let port = message.address.and_then(|a| ports.get(&a.ifindex()));
        let (len, Some(stamp), Some((host, interface))) = (message.bytes, stamp, port) else {
            continue;
        };
        let bytes: Arc<[u8]> = buffer.get(..len).unwrap_or_default().into();
        lock(frames).push(Frame {
            at: SystemTime::UNIX_EPOCH + stamp,
            host: Arc::clone(host),
            interface: Arc::clone(interface),
            seen: decode::seen(&bytes),
            bytes,
        });
    }
}

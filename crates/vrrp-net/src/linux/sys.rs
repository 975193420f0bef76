//! The system calls that no safe crate offers: `sendmmsg` and `recvmmsg` with control messages, and socket options
//! whose value is an integer. All of this crate's unsafe code is here.
//!
//! Addresses and control messages are built and read as octets in the layout of the kernel's ABI, which is safe; only
//! the pointers to them are not.
#![allow(
    unsafe_code,
    reason = "the system calls of this file have no safe wrapper"
)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "counts and lengths here are below 2^16"
)]

use crate::IfIndex;
use core::mem;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Most messages that one call takes.
pub(super) const BATCH: usize = 64;
/// Few messages have small headers: who wakes up once a second finds every octet that it touches cold.
pub(super) const FEW: usize = 4;

/// Borrows the descriptor of something that implements [`AsRawFd`] only.
pub(super) fn borrow(socket: &impl AsRawFd) -> BorrowedFd<'_> {
    // SAFETY: `socket` owns the descriptor and outlives the borrow; -1 is not a descriptor of an open socket.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}

/// Sets a socket option whose value is an integer.
pub(super) fn set_option(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: i32,
) -> io::Result<()> {
    set_octets(socket, level, name, &value.to_ne_bytes())
}

/// Sets a socket option, whose value has the layout that the kernel wants.
pub(super) fn set_octets(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &[u8],
) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: the pointer is to `value`, which lives through the call and is `len` octets long.
    let done =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), len) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Binds a packet socket to a protocol on all interfaces.
pub(super) fn bind_packets(socket: BorrowedFd<'_>, protocol: u16) -> io::Result<()> {
    let name = Name::packets(protocol);
    // SAFETY: the pointer is to `name`, which lives through the call and is `name.len` octets long.
    let done = unsafe { libc::bind(socket.as_raw_fd(), name.octets.as_ptr().cast(), name.len) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A socket address in the kernel's layout: 28 octets hold the longest kind used here.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct Name {
    octets: [u8; 32],
    len: u32,
}

impl Name {
    /// No address.
    pub(super) const NONE: Self = Self {
        octets: [0; 32],
        len: 0,
    };

    fn of(family: i32, rest: &[&[u8]]) -> Self {
        let mut name = Self::NONE;
        let family = u16::try_from(family).unwrap_or(0).to_ne_bytes();
        let mut free = name.octets.iter_mut();
        for (to, from) in free
            .by_ref()
            .zip(family.iter().chain(rest.iter().copied().flatten()))
        {
            *to = *from;
        }
        name.len = 2 + rest.iter().map(|part| part.len() as u32).sum::<u32>();
        name
    }

    /// `sockaddr_in`, port 0.
    pub(super) fn v4(address: Ipv4Addr) -> Self {
        Self::of(libc::AF_INET, &[&[0; 2], &address.octets(), &[0; 8]])
    }

    /// `sockaddr_in6`, port 0; the interface counts for link-local addresses and groups.
    pub(super) fn v6(address: Ipv6Addr, iface: Option<IfIndex>) -> Self {
        let scope = iface.map_or(0, IfIndex::get).to_ne_bytes();
        Self::of(libc::AF_INET6, &[&[0; 6], &address.octets(), &scope])
    }

    /// `sockaddr_ll`: whole Ethernet frames to `iface`.
    pub(super) fn link(iface: IfIndex) -> Self {
        let index = iface.get().to_ne_bytes();
        Self::of(
            libc::AF_PACKET,
            &[&[0; 2], &index, &[0; 2], &[0, 6], &[0; 8]],
        )
    }

    /// `sockaddr_ll`: this protocol, on any interface.
    fn packets(protocol: u16) -> Self {
        Self::of(
            libc::AF_PACKET,
            &[&protocol.to_be_bytes(), &[0; 4], &[0; 4], &[0; 8]],
        )
    }

    /// By which interface a packet socket got it.
    pub(super) fn as_link(&self) -> Option<IfIndex> {
        (self.family()? == libc::AF_PACKET).then_some(())?;
        IfIndex::new(u32::from_ne_bytes(self.part(4)?))
    }

    fn part<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.octets.get(at..)?.first_chunk().copied()
    }

    fn family(&self) -> Option<i32> {
        (self.len >= 2).then_some(i32::from(u16::from_ne_bytes(self.part(0)?)))
    }

    /// The address of a `sockaddr_in6`.
    pub(super) fn as_v6(&self) -> Option<Ipv6Addr> {
        (self.family()? == libc::AF_INET6 && self.len >= 24).then_some(self.part::<16>(8)?.into())
    }

    /// The port of a `sockaddr_nl`: 0 is the kernel.
    pub(super) fn netlink_port(&self) -> Option<u32> {
        (self.family()? == libc::AF_NETLINK).then_some(u32::from_ne_bytes(self.part(4)?))
    }
}

const CONTROL: usize = 128;
const WORD: usize = size_of::<usize>();
/// `cmsghdr`: length as a word, level, type.
const CONTROL_HEADER: usize = (WORD + 8).next_multiple_of(WORD);

/// Control messages in the kernel's layout.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct Control {
    octets: [u8; CONTROL],
    len: usize,
}

impl Control {
    /// None.
    pub(super) const NONE: Self = Self {
        octets: [0; CONTROL],
        len: 0,
    };

    /// With one more message; what does not fit any more is left out (three of ours do).
    #[must_use]
    fn with(mut self, level: i32, kind: i32, parts: &[&[u8]]) -> Self {
        let len = CONTROL_HEADER + parts.iter().map(|part| part.len()).sum::<usize>();
        let Some(room) = self.octets.get_mut(self.len..) else {
            return self;
        };
        let header = [
            &len.to_ne_bytes()[..],
            &level.to_ne_bytes(),
            &kind.to_ne_bytes(),
        ];
        let message = header.iter().chain(parts).copied().flatten();
        for (to, from) in room.iter_mut().zip(message) {
            *to = *from;
        }
        self.len += len.next_multiple_of(WORD);
        self
    }

    /// `IP_PKTINFO`: leave by this interface, from this address.
    #[must_use]
    pub(super) fn source_v4(self, iface: Option<IfIndex>, source: Ipv4Addr) -> Self {
        let index = iface.map_or(0, IfIndex::get).to_ne_bytes();
        self.with(
            libc::IPPROTO_IP,
            libc::IP_PKTINFO,
            &[&index, &source.octets(), &[0; 4]],
        )
    }

    /// `IPV6_PKTINFO`: leave by this interface, from this address.
    #[must_use]
    pub(super) fn source_v6(self, iface: Option<IfIndex>, source: Ipv6Addr) -> Self {
        let index = iface.map_or(0, IfIndex::get).to_ne_bytes();
        self.with(
            libc::IPPROTO_IPV6,
            libc::IPV6_PKTINFO,
            &[&source.octets(), &index],
        )
    }

    /// `IP_TTL`.
    #[must_use]
    pub(super) fn ttl_v4(self, ttl: u8) -> Self {
        self.with(
            libc::IPPROTO_IP,
            libc::IP_TTL,
            &[&i32::from(ttl).to_ne_bytes()],
        )
    }

    /// `IPV6_HOPLIMIT`.
    #[must_use]
    pub(super) fn hop_limit_v6(self, hop_limit: u8) -> Self {
        self.with(
            libc::IPPROTO_IPV6,
            libc::IPV6_HOPLIMIT,
            &[&i32::from(hop_limit).to_ne_bytes()],
        )
    }

    fn find(&self, level: i32, kind: i32) -> Option<&[u8]> {
        let mut rest = self.octets.get(..self.len)?;
        loop {
            let len = usize::from_ne_bytes(*rest.first_chunk()?);
            let (head, data) = rest.get(..len)?.split_at_checked(CONTROL_HEADER)?;
            let here = |at: usize| {
                head.get(at..)?
                    .first_chunk()
                    .copied()
                    .map(i32::from_ne_bytes)
            };
            if here(WORD)? == level && here(WORD + 4)? == kind {
                return Some(data);
            }
            rest = rest.get(len.next_multiple_of(WORD)..)?;
        }
    }

    /// By which interface an IPv4 packet came in.
    pub(super) fn iface_v4(&self) -> Option<IfIndex> {
        let info = self.find(libc::IPPROTO_IP, libc::IP_PKTINFO)?;
        IfIndex::new(u32::from_ne_bytes(*info.first_chunk()?))
    }

    /// To which address and by which interface an IPv6 packet came in.
    pub(super) fn destination_v6(&self) -> Option<(Ipv6Addr, IfIndex)> {
        let info = self.find(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)?;
        let (address, index) = info.split_first_chunk::<16>()?;
        let index = IfIndex::new(u32::from_ne_bytes(*index.first_chunk()?))?;
        Some((Ipv6Addr::from(*address), index))
    }

    /// With which hop limit an IPv6 packet came in.
    pub(super) fn arrived_hop_limit(&self) -> Option<u8> {
        let limit = self.find(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT)?;
        u8::try_from(i32::from_ne_bytes(*limit.first_chunk()?)).ok()
    }

    /// When the kernel got it, since the Unix epoch.
    pub(super) fn arrived(&self) -> Option<Duration> {
        let stamp = self.find(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS)?;
        let (secs, nanos) = stamp.split_at_checked(stamp.len() / 2)?;
        let number = |octets: &[u8]| match octets.len() {
            8 => octets.first_chunk().map(|n| i64::from_ne_bytes(*n)),
            4 => octets
                .first_chunk()
                .map(|n| i64::from(i32::from_ne_bytes(*n))),
            _ => None,
        };
        let nanos = u32::try_from(number(nanos)?)
            .ok()
            .filter(|nanos| *nanos < 1_000_000_000)?;
        Some(Duration::new(u64::try_from(number(secs)?).ok()?, nanos))
    }
}

/// One message on its way out.
pub(super) struct Outgoing<'a> {
    /// Where to.
    pub(super) name: Name,
    /// How.
    pub(super) control: Control,
    /// What.
    pub(super) octets: &'a [u8],
}

/// Sends up to [`BATCH`] of `messages` with one `sendmmsg` and answers how many went: all before the first that
/// failed. The error is that of the first message. Never blocks.
pub(super) fn send_many(socket: BorrowedFd<'_>, messages: &[Outgoing<'_>]) -> io::Result<usize> {
    if messages.len() <= FEW {
        send_at_most::<FEW>(socket, messages)
    } else {
        send_at_most::<BATCH>(socket, messages)
    }
}

fn send_at_most<const N: usize>(
    socket: BorrowedFd<'_>,
    messages: &[Outgoing<'_>],
) -> io::Result<usize> {
    let count = messages.len().min(N);
    // SAFETY: all zeros is a valid value of both, they are plain data whose pointers may be null.
    let (mut vectors, mut headers): ([libc::iovec; N], [libc::mmsghdr; N]) =
        unsafe { mem::zeroed() };
    for ((message, vector), header) in messages.iter().zip(&mut vectors).zip(&mut headers) {
        vector.iov_base = message.octets.as_ptr().cast_mut().cast();
        vector.iov_len = message.octets.len();
        header.msg_hdr.msg_name = message.name.octets.as_ptr().cast_mut().cast();
        header.msg_hdr.msg_namelen = message.name.len;
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        if message.control.len > 0 {
            header.msg_hdr.msg_control = message.control.octets.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_controllen = message.control.len as _;
        }
    }
    // SAFETY: the first `count` headers point to names, control messages and octets of `messages` and to `vectors`,
    // with their lengths; all live through the call, and the kernel writes only to `msg_len` of the headers.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT as _,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Whether an error of a socket says that we have lost or misused it, rather than something about the network.
pub(super) fn is_ours(error: &io::Error) -> bool {
    let ours = [libc::EBADF, libc::ENOTSOCK, libc::EFAULT, libc::EINVAL];
    error
        .raw_os_error()
        .is_none_or(|errno| ours.contains(&errno))
}

/// What [`recv_many`] says of one message.
pub(super) struct Received {
    /// Octets of the message that are in its buffer.
    pub(super) len: usize,
    /// The message was longer than its buffer.
    pub(super) truncated: bool,
    /// Who sent it.
    pub(super) name: Name,
    /// What the kernel says about it.
    pub(super) control: Control,
}

/// Receives up to [`BATCH`] messages with one `recvmmsg`, each into the buffer of its number, and tells them in
/// order. Never blocks: nothing there is `Ok(0)`.
pub(super) fn recv_many<const N: usize>(
    socket: BorrowedFd<'_>,
    buffers: &mut [[u8; N]],
    each: impl FnMut(usize, Received, &mut [u8; N]),
) -> io::Result<usize> {
    if buffers.len() <= FEW {
        recv_at_most::<FEW, N>(socket, buffers, each)
    } else {
        recv_at_most::<BATCH, N>(socket, buffers, each)
    }
}

fn recv_at_most<const M: usize, const N: usize>(
    socket: BorrowedFd<'_>,
    buffers: &mut [[u8; N]],
    mut each: impl FnMut(usize, Received, &mut [u8; N]),
) -> io::Result<usize> {
    let count = buffers.len().min(M);
    let mut names = [Name::NONE; M];
    let mut controls = [Control::NONE; M];
    // SAFETY: all zeros is a valid value of both, they are plain data whose pointers may be null.
    let (mut vectors, mut headers): ([libc::iovec; M], [libc::mmsghdr; M]) =
        unsafe { mem::zeroed() };
    let parts = buffers
        .iter_mut()
        .zip(&mut vectors)
        .zip(&mut names)
        .zip(&mut controls);
    for ((((buffer, vector), name), control), header) in parts.zip(&mut headers) {
        vector.iov_base = buffer.as_mut_ptr().cast();
        vector.iov_len = N;
        header.msg_hdr.msg_name = name.octets.as_mut_ptr().cast();
        header.msg_hdr.msg_namelen = name.octets.len() as u32;
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = control.octets.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = CONTROL as _;
    }
    // SAFETY: the first `count` headers point to `names`, `controls`, `vectors` and, through these, to `buffers`, each
    // with its own length; all live through the call and nothing else refers to them meanwhile.
    let got = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT as _,
            core::ptr::null_mut(),
        )
    };
    let got = match usize::try_from(got) {
        Ok(got) => got,
        Err(_) => match io::Error::last_os_error() {
            e if e.kind() == io::ErrorKind::WouldBlock => 0,
            e => return Err(e),
        },
    };
    let parts = buffers
        .iter_mut()
        .zip(names)
        .zip(controls)
        .zip(&headers)
        .take(got);
    for (at, (((buffer, name), control), header)) in parts.enumerate() {
        #[allow(
            clippy::useless_conversion,
            reason = "the type differs between C libraries"
        )]
        let control_len = usize::try_from(header.msg_hdr.msg_controllen).unwrap_or(0);
        let received = Received {
            len: (header.msg_len as usize).min(N),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            name: Name {
                len: header.msg_hdr.msg_namelen,
                ..name
            },
            control: Control {
                len: control_len.min(CONTROL),
                ..control
            },
        };
        each(at, received, buffer);
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the safe code writes is what the C library's types say.
    #[test]
    fn names_have_the_layout_of_the_kernel() {
        assert_eq!(
            Name::v4(Ipv4Addr::LOCALHOST).len as usize,
            size_of::<libc::sockaddr_in>()
        );
        let iface = IfIndex::new(0x0102_0304);
        let v6 = Name::v6(Ipv6Addr::LOCALHOST, iface);
        assert_eq!(v6.len as usize, size_of::<libc::sockaddr_in6>());
        assert_eq!(v6.as_v6(), Some(Ipv6Addr::LOCALHOST));
        let scope = mem::offset_of!(libc::sockaddr_in6, sin6_scope_id);
        assert_eq!(v6.part(scope), Some(0x0102_0304_u32.to_ne_bytes()));
        let link = Name::link(iface.unwrap());
        assert_eq!(link.len as usize, size_of::<libc::sockaddr_ll>());
        let index = mem::offset_of!(libc::sockaddr_ll, sll_ifindex);
        assert_eq!(link.part(index), Some(0x0102_0304_u32.to_ne_bytes()));
        let halen = mem::offset_of!(libc::sockaddr_ll, sll_halen);
        assert_eq!(link.part(halen), Some([6]));
        assert_eq!(link.as_link(), iface);
        let any = Name::packets(0x0806);
        assert_eq!(any.len, link.len);
        assert_eq!(
            any.part(mem::offset_of!(libc::sockaddr_ll, sll_protocol)),
            Some([8, 6])
        );
        assert_eq!(any.as_link(), None);
        assert_eq!(link.as_v6(), None);
        assert_eq!(link.netlink_port(), None);
    }

    #[test]
    fn control_messages_are_found_again() {
        let iface = IfIndex::new(7);
        let control = Control::NONE
            .source_v6(iface, Ipv6Addr::LOCALHOST)
            .hop_limit_v6(255)
            .source_v4(iface, Ipv4Addr::LOCALHOST);
        assert_eq!(
            control.destination_v6(),
            iface.map(|iface| (Ipv6Addr::LOCALHOST, iface))
        );
        assert_eq!(control.arrived_hop_limit(), Some(255));
        assert_eq!(control.iface_v4(), iface);
        assert_eq!(control.arrived(), None);
        assert_eq!(Control::NONE.arrived_hop_limit(), None);
        let cut = Control {
            len: control.len - 1,
            ..control
        };
        assert_eq!(
            cut.iface_v4(),
            iface,
            "the padding of the last message may be missing"
        );
        let cut = Control { len: 20, ..control };
        assert_eq!(cut.destination_v6(), None);
        // SAFETY: a computation without access to memory.
        let space = unsafe { libc::CMSG_SPACE(20) + libc::CMSG_SPACE(4) + libc::CMSG_SPACE(12) };
        assert_eq!(control.len, space as usize);
    }
}

//! Requests in one send, answers in one `recvmmsg`.

use super::EncodeError;
use crate::linux::sys;
use core::ops::Range;
use neli::consts::nl::{NlmF, Nlmsg, NlmsgerrAttr};
use neli::consts::rtnl::Rtm;
use neli::consts::socket::NlFamily;
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::socket::NlSocket;
use neli::types::Buffer;
use neli::{FromBytes, Size, ToBytes};
use std::io::{self, Cursor};

/// Octets of one datagram that is read: acknowledgements are short, a dump comes in parts of at most this.
pub(super) const DATAGRAM: usize = 16 * 1024;
/// Octets of a netlink message header.
const HEADER: usize = 16;
/// Where the flags are in it.
const FLAGS: Range<usize> = 6..8;

/// What the kernel says about a request that it does not carry out.
#[derive(Clone, Debug)]
pub(in crate::linux) struct Refusal {
    /// Its error number.
    pub(in crate::linux) errno: i32,
    /// Its words (extended acknowledgement), or none.
    pub(in crate::linux) text: String,
}

/// The socket that asks.
pub(in crate::linux) struct Requests {
    socket: NlSocket,
    /// Our address on netlink: by it our own changes are known in the notifications.
    port: u32,
    sequence: u32,
    buffer: Cursor<Vec<u8>>,
    /// The operation that each message in `buffer` is for, and where the last message begins.
    pending: Vec<usize>,
    last: usize,
    inbox: Box<[[u8; DATAGRAM]]>,
}

impl Requests {
    pub(in crate::linux) fn open() -> io::Result<Self> {
        let socket = super::open(NlFamily::Route, &[])?;
        // Old kernels know neither; then errors have no text, and dumps are not checked for nonsense.
        let _ = socket.enable_ext_ack(true);
        let _ = socket.enable_strict_checking(true);
        Ok(Self {
            port: socket.pid()?,
            socket,
            sequence: 0,
            buffer: Cursor::new(Vec::new()),
            pending: Vec::new(),
            last: 0,
            inbox: vec![[0; DATAGRAM]; 16].into_boxed_slice(),
        })
    }

    pub(in crate::linux) const fn port(&self) -> u32 {
        self.port
    }

    /// Adds a request on behalf of operation `op`.
    pub(in crate::linux) fn push<P: Size + ToBytes>(
        &mut self,
        op: usize,
        request: Request<P>,
    ) -> Result<(), EncodeError> {
        let start = self.buffer.get_ref().len();
        let sequence = self
            .sequence
            .wrapping_add(u32::try_from(self.pending.len()).unwrap_or(0));
        write(&mut self.buffer, request, sequence).inspect_err(|_| {
            self.buffer.get_mut().truncate(start);
            self.buffer.set_position(start as u64);
        })?;
        self.last = start;
        self.pending.push(op);
        Ok(())
    }

    /// Asks for one thing and waits for the answer.
    pub(in crate::linux) fn ask<P: Size + ToBytes>(
        &mut self,
        request: Result<Request<P>, EncodeError>,
    ) -> Result<(), Refusal> {
        let pushed = request.and_then(|request| self.push(0, request));
        if let Err(error) = pushed {
            return Err(Refusal {
                errno: libc::EINVAL,
                text: error.0,
            });
        }
        let mut answer = Ok(());
        self.commit(|_, outcome| answer = outcome);
        answer
    }

    /// Sends all that was pushed and tells what became of each, in order.
    pub(in crate::linux) fn commit(&mut self, mut tell: impl FnMut(usize, Result<(), Refusal>)) {
        if self.pending.is_empty() {
            return;
        }
        let mut outcome = vec![Ok(()); self.pending.len()];
        let first = self.sequence;
        self.sequence = first.wrapping_add(u32::try_from(outcome.len()).unwrap_or(0));
        // Silence is consent: only the last is acknowledged, and only failures are answered before it.
        if let Some(flags) = self
            .buffer
            .get_mut()
            .get_mut(self.last..)
            .and_then(|m| m.get_mut(FLAGS))
        {
            let ack = (NlmF::REQUEST | NlmF::ACK).bits();
            let with = flags
                .first_chunk()
                .map_or(ack, |flags| u16::from_ne_bytes(*flags) | ack);
            flags.copy_from_slice(&with.to_ne_bytes());
        }
        let answers = self
            .socket
            .send(
                self.buffer.get_ref().as_slice(),
                neli::consts::socket::Msg::empty(),
            )
            .and_then(|_| self.collect(first, &mut outcome));
        if let Err(error) = answers {
            let refusal = Refusal {
                errno: error.raw_os_error().unwrap_or(libc::EIO),
                text: format!("netlink: {error}"),
            };
            outcome.fill(Err(refusal));
        }
        self.buffer.get_mut().clear();
        self.buffer.set_position(0);
        for (op, outcome) in self.pending.drain(..).zip(outcome) {
            tell(op, outcome);
        }
    }

    /// Reads answers until the last request has its own.
    fn collect(&mut self, first: u32, outcome: &mut [Result<(), Refusal>]) -> io::Result<()> {
        let mut answered = false;
        while !answered {
            let got = sys::recv_many(
                sys::borrow(&self.socket),
                &mut self.inbox,
                |_, received, datagram| {
                    if received.name.netlink_port() != Some(0) {
                        return;
                    }
                    for message in messages(datagram.get(..received.len).unwrap_or_default()) {
                        let at = message.sequence.wrapping_sub(first) as usize;
                        answered |= at + 1 == outcome.len();
                        if let (Some(slot), Some(refusal)) =
                            (outcome.get_mut(at), message.refusal())
                        {
                            *slot = Err(refusal);
                        }
                    }
                },
            )?;
            if got == 0 {
                return Err(io::Error::other("the kernel did not answer"));
            }
        }
        Ok(())
    }

    /// Asks for all objects of a kind and tells each. A dump that the kernel says was disturbed by a change is taken
    /// as it is: the notification of that change comes through the monitor.
    pub(super) fn dump<P: Size + ToBytes>(
        &mut self,
        request: Request<P>,
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<()> {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let mut buffer = Cursor::new(Vec::new());
        write(&mut buffer, request, sequence).map_err(|e| io::Error::other(e.0))?;
        self.socket.send(
            buffer.get_ref().as_slice(),
            neli::consts::socket::Msg::empty(),
        )?;
        let mut end = None;
        while end.is_none() {
            let got = sys::recv_many(
                sys::borrow(&self.socket),
                &mut self.inbox,
                |_, received, datagram| {
                    for message in messages(datagram.get(..received.len).unwrap_or_default()) {
                        if message.sequence != sequence || received.name.netlink_port() != Some(0) {
                            continue;
                        }
                        if message.kind == u16::from(Nlmsg::Done) {
                            end = Some(Ok(()));
                        } else if let Some(refusal) = message.refusal() {
                            end = Some(Err(io::Error::from_raw_os_error(refusal.errno)));
                        } else if message.kind != u16::from(Nlmsg::Error) {
                            each(message);
                        }
                    }
                },
            )?;
            if got == 0 && end.is_none() {
                return Err(io::Error::other("the kernel did not finish its list"));
            }
        }
        end.unwrap_or(Ok(()))
    }
}

/// A request without its sequence number.
pub(in crate::linux) struct Request<P> {
    pub(super) kind: Rtm,
    pub(super) flags: NlmF,
    pub(super) payload: P,
}

/// Appends `request` to `buffer`, padded.
pub(super) fn write<P: Size + ToBytes>(
    buffer: &mut Cursor<Vec<u8>>,
    request: Request<P>,
    sequence: u32,
) -> Result<(), EncodeError> {
    NlmsghdrBuilder::default()
        .nl_type(request.kind)
        .nl_flags(NlmF::REQUEST | request.flags)
        .nl_seq(sequence)
        .nl_payload(NlPayload::Payload(request.payload))
        .build()
        .map_err(|e| EncodeError(e.to_string()))?
        .to_bytes(buffer)
        .map_err(|e| EncodeError(e.to_string()))
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'b> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    /// Netlink port of the program whose request caused it; 0 is the kernel.
    pub(super) port: u32,
    pub(super) payload: &'b [u8],
    whole: &'b [u8],
}

impl Message<'_> {
    /// The error that the message tells, if it tells one.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        if self.kind != u16::from(Nlmsg::Error) {
            return None;
        }
        // The echoed request can be of any kind: only an untyped payload fits them all.
        let parsed = Nlmsghdr::<Rtm, Buffer>::from_bytes(&mut Cursor::new(self.whole));
        match parsed.ok()?.nl_payload() {
            NlPayload::Err(error) => Some(Refusal {
                errno: -error.error(),
                text: error
                    .ext_ack()
                    .iter()
                    .find(|attr| *attr.nla_type().nla_type() == NlmsgerrAttr::Msg)
                    .map(|attr| text(attr.nla_payload().as_ref()))
                    .unwrap_or_default(),
            }),
            NlPayload::Ack(_)
            | NlPayload::DumpExtAck(_)
            | NlPayload::Payload(_)
            | NlPayload::Empty => None,
        }
    }
}

/// Text up to its NUL.
pub(super) fn text(octets: &[u8]) -> String {
    let end = octets
        .iter()
        .position(|octet| *octet == 0)
        .unwrap_or(octets.len());
    String::from_utf8_lossy(octets.get(..end).unwrap_or_default()).into_owned()
}

/// Takes a datagram apart; stops at what is not a whole message.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    core::iter::from_fn(move || {
        let header = datagram.first_chunk::<HEADER>()?;
        let [l0, l1, l2, l3, k0, k1, _, _, s0, s1, s2, s3, p0, p1, p2, p3] = *header;
        let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        let whole = datagram.get(..len)?;
        let payload = whole.get(HEADER..)?;
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
            payload,
            whole,
        })
    })
}

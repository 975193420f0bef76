//! Received packets: a ring of buffers that is filled many at a time and emptied one by one.

use crate::{IfIndex, Protocol};
use core::time::Duration;
use vrrp_proto::Endpoints;

/// Longest packet that is kept: 255 IPv6 addresses and a trailer are 4116 octets, an IPv4 header adds at most 60.
const SLOT: usize = 4352;
/// Packets that one fill can bring.
const SLOTS: usize = 64;

/// What is known of a packet besides its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxMeta {
    /// By which interface it came in.
    pub iface: IfIndex,
    /// From the IP header.
    pub ends: Endpoints,
    /// TTL or hop limit, as it was on arrival.
    pub hop_limit: u8,
    /// Which of the two.
    pub protocol: Protocol,
    /// When the kernel got it, since the Unix epoch (CLOCK_REALTIME); `None` if it did not say.
    pub arrived: Option<Duration>,
}

/// A packet of protocol 112 or 51.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxPacket<'b> {
    /// See there.
    pub meta: RxMeta,
    /// The IPv4 header, which an Authentication Header covers. Empty for IPv6.
    pub header: &'b [u8],
    /// What follows the IP header, cut to the length that it states.
    pub message: &'b [u8],
}

/// The caller's buffers for packets. Reused for ever; allocates at creation only.
#[derive(Debug)]
pub struct RxRing {
    octets: Box<[[u8; SLOT]]>,
    filled: Vec<Slot>,
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    at: usize,
    meta: RxMeta,
    header: usize,
    end: usize,
}

impl Default for RxRing {
    fn default() -> Self {
        Self::new()
    }
}

impl RxRing {
    /// An empty ring (64 packets of up to 4352 octets).
    pub fn new() -> Self {
        Self {
            octets: vec![[0; SLOT]; SLOTS].into_boxed_slice(),
            filled: Vec::with_capacity(SLOTS),
            next: 0,
        }
    }

    /// Puts a packet in, for backends that make packets rather than receive them. `false` when there is no room:
    /// the ring is emptied by [`RxRing::pop`], and takes packets again once it is empty.
    pub fn push(&mut self, meta: RxMeta, header: &[u8], message: &[u8]) -> bool {
        if self.is_empty() {
            self.clear();
        }
        let end = header.len() + message.len();
        let Some(slot) = self.octets.get_mut(self.filled.len()) else {
            return false;
        };
        let Some((head, rest)) = slot
            .get_mut(..end)
            .and_then(|s| s.split_at_mut_checked(header.len()))
        else {
            return false;
        };
        head.copy_from_slice(header);
        rest.copy_from_slice(message);
        self.filled.push(Slot {
            at: self.filled.len(),
            meta,
            header: header.len(),
            end,
        });
        true
    }

    /// Takes the next packet out, in the order in which they came.
    pub fn pop(&mut self) -> Option<RxPacket<'_>> {
        let slot = *self.filled.get(self.next)?;
        let octets = self.octets.get(slot.at)?.get(..slot.end)?;
        self.next += 1;
        let (header, message) = octets.split_at_checked(slot.header)?;
        Some(RxPacket {
            meta: slot.meta,
            header,
            message,
        })
    }

    /// Whether [`RxRing::pop`] has nothing more to give.
    pub fn is_empty(&self) -> bool {
        self.next == self.filled.len()
    }

    /// Lets `read` write packets into the buffers of the empty ring; it says of those to keep: which buffer, what is
    /// known, where the IP header ends, and where the packet ends.
    #[cfg(feature = "linux")]
    pub(crate) fn fill<R>(
        &mut self,
        read: impl FnOnce(&mut [[u8; SLOT]], &mut dyn FnMut(usize, RxMeta, usize, usize)) -> R,
    ) -> R {
        self.clear();
        let Self { octets, filled, .. } = self;
        read(octets, &mut |at, meta, header, end| {
            filled.push(Slot {
                at,
                meta,
                header,
                end,
            })
        })
    }

    fn clear(&mut self) {
        self.filled.clear();
        self.next = 0;
    }
}

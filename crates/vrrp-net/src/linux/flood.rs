//! A filter in the kernel against floods of packets that cannot be ours.
//!
//! Every bad packet is to be seen, counted and logged, as long as that is possible. When they come faster than
//! [`FLOOD`] a second it is not: then the kernel drops them before they wake us, but for a sample. It cannot say why it
//! drops which, so that is done only while it must be.

use crate::{Protocol, VridSet};
use core::time::Duration;
use socket2::SockFilter;
use std::time::Instant;
use vrrp_proto::Family;

/// Bad packets in a second that make a flood.
const FLOOD: u32 = 200;
/// How long a filter stays. When the flood goes on, the next one follows after [`FLOOD`] packets.
const STAYS: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(1);

/// What is known of the bad packets of one socket.
#[derive(Debug, Default)]
pub(super) struct Guard {
    expected: Option<VridSet>,
    window: Option<(Instant, u32)>,
    filtered: Option<Instant>,
}

/// What to do with the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// Attach [`program`].
    Arm(VridSet),
    /// Detach it.
    Disarm,
}

impl Guard {
    /// Says which virtual routers there are; without that no packet is bad here.
    pub(super) fn expect(&mut self, vrids: VridSet) -> Change {
        let before = self.expected.replace(vrids);
        // A filter that does not know the new ones would drop them.
        if self.filtered.is_some() && before != Some(vrids) {
            Change::Arm(vrids)
        } else {
            Change::None
        }
    }

    /// Takes in a packet: its identifier, and whether it came to a group with another TTL than 255.
    pub(super) fn packet(&mut self, now: Instant, vrid: Option<u8>, wrong_ttl: bool) -> Change {
        let Some(expected) = self.expected else {
            return Change::None;
        };
        let bad = wrong_ttl || vrid.is_none_or(|vrid| !expected.contains(vrid));
        if !bad || self.filtered.is_some() {
            return Change::None;
        }
        let (start, count) = match self.window {
            Some((start, count)) if now.duration_since(start) < WINDOW => (start, count + 1),
            _ => (now, 1),
        };
        self.window = Some((start, count));
        if count < FLOOD {
            return Change::None;
        }
        self.window = None;
        self.filtered = Some(now);
        Change::Arm(expected)
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Instant) -> Change {
        match self.filtered {
            Some(since) if now.duration_since(since) >= STAYS => {
                self.filtered = None;
                Change::Disarm
            }
            _ => Change::None,
        }
    }

    /// Whether there is a filter to be taken off some time.
    pub(super) const fn is_armed(&self) -> bool {
        self.filtered.is_some()
    }
}

/// `SKF_AD_OFF + SKF_AD_RANDOM`.
const RANDOM: u32 = 0xffff_f000 + 56;
/// `SKF_NET_OFF`: the IPv6 header, of which a raw socket's filter else sees nothing.
const NETWORK: u32 = 0xfff0_0000;

/// Accepts what may be ours, and one in 256 of the rest.
pub(super) fn program(family: Family, protocol: Protocol, vrids: VridSet) -> Vec<SockFilter> {
    /// Where a jump goes that is filled in at the end: to the sample.
    const SAMPLE: u8 = 0xff;
    // Code, jump if true, jump if false, operand. `A` is the accumulator, `X` the index, `M` memory.
    let mut p: Vec<(u16, u8, u8, u32)> = Vec::new();
    match family {
        Family::V4 => {
            // A = type of the destination; a group's must have TTL 255.
            p.extend([(0x30, 0, 0, 16), (0x54, 0, 0, 0xf0), (0x15, 0, 2, 0xe0)]);
            p.extend([(0x30, 0, 0, 8), (0x15, 0, SAMPLE, 255)]);
            // X = header length; A = VRID, behind the Authentication Header if there is one.
            let ah = if protocol == Protocol::Ah { 24 } else { 0 };
            p.extend([(0xb1, 0, 0, 0), (0x50, 0, 0, ah + 1)]);
        }
        Family::V6 => {
            p.extend([(0x30, 0, 0, NETWORK + 24), (0x15, 0, 2, 0xff)]);
            p.extend([(0x30, 0, 0, NETWORK + 7), (0x15, 0, SAMPLE, 255)]);
            p.push((0x30, 0, 0, 1));
        }
    }
    // M0 = VRID, M1 = its bit's number in a word of 32, A = the word's number.
    p.extend([
        (0x02, 0, 0, 0),
        (0x54, 0, 0, 31),
        (0x02, 0, 0, 1),
        (0x60, 0, 0, 0),
        (0x74, 0, 0, 5),
    ]);
    let words = vrids
        .words()
        .into_iter()
        .flat_map(|word| [word & 0xffff_ffff, word >> 32]);
    for (at, word) in (0_u32..).zip(words) {
        // If A is the word's number: A = the word, and on behind the last of these.
        let word = u32::try_from(word).unwrap_or(0);
        p.extend([
            (0x15, 0, 2, at),
            (0x00, 0, 0, word),
            (0x05, 0, 0, (7 - at) * 3),
        ]);
    }
    // X = M1; A >>= X; bit 0 decides.
    p.extend([
        (0x61, 0, 0, 1),
        (0x7c, 0, 0, 0),
        (0x45, 0, SAMPLE, 1),
        (0x06, 0, 0, u32::MAX),
    ]);
    let sample = p.len();
    p.extend([(0x20, 0, 0, RANDOM), (0x54, 0, 0, 0xff), (0x15, 0, 1, 0)]);
    p.extend([(0x06, 0, 0, u32::MAX), (0x06, 0, 0, 0)]);
    p.into_iter()
        .enumerate()
        .map(|(at, (code, yes, no, k))| {
            let to_sample = u8::try_from(sample.saturating_sub(at + 1)).unwrap_or(0);
            SockFilter::new(code, yes, if no == SAMPLE { to_sample } else { no }, k)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vrrp_proto::Vrid;

    fn vrids(some: &[u8]) -> VridSet {
        some.iter().filter_map(|vrid| Vrid::new(*vrid)).collect()
    }

    #[test]
    fn a_flood_is_filtered_and_let_go() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut guard = Guard::default();
        for _ in 0..1_000 {
            assert_eq!(
                guard.packet(start, Some(9), false),
                Change::None,
                "nothing is expected"
            );
        }
        let expected = vrids(&[51]);
        assert_eq!(guard.expect(expected), Change::None);
        // 199 a second for ever, and any number of good ones.
        for ms in 0..20_000 {
            let vrid = if ms % 1_000 < 199 { 9 } else { 51 };
            assert_eq!(
                guard.packet(at(ms), Some(vrid), false),
                Change::None,
                "at {ms} ms"
            );
        }
        // One more within a second.
        for ms in 20_000..20_199 {
            assert_eq!(guard.packet(at(ms), None, false), Change::None);
        }
        assert_eq!(
            guard.packet(at(20_500), Some(51), true),
            Change::Arm(expected)
        );
        assert!(guard.is_armed());
        assert_eq!(
            guard.packet(at(20_600), Some(9), false),
            Change::None,
            "a sample"
        );
        let more = vrids(&[51, 52]);
        assert_eq!(
            (guard.expect(more), guard.expect(more)),
            (Change::Arm(more), Change::None)
        );
        assert_eq!(guard.tick(at(30_499)), Change::None);
        assert_eq!(guard.tick(at(30_500)), Change::Disarm);
        assert!(!guard.is_armed());
    }

    #[test]
    fn the_program_is_short_and_its_jumps_end() {
        for family in [Family::V4, Family::V6] {
            for protocol in [Protocol::Vrrp, Protocol::Ah] {
                assert!(program(family, protocol, vrids(&[1, 255])).len() < 100);
            }
        }
    }
}

//! Accept_Mode by nf_tables: one table of ours that drops what goes to virtual addresses.
//!
//! ```text
//! table inet vrrpd {
//!     flags owner                                     # goes when this program ends, however it ends
//!     set v4 { type ipv4_addr }
//!     set v6 { type ipv6_addr }
//!     set link_local { type ipv6_addr . iface_index }
//!     chain input {
//!         type filter hook input priority -1; policy accept;  # drops with `counter`, if asked for
//!         meta nfproto ipv6 meta l4proto ipv6-icmp icmpv6 type 135-136 accept
//!         ip daddr @v4 drop
//!         ip6 daddr @v6 drop
//!         ip6 daddr . iif @link_local drop
//!     }
//! }
//! ```
//!
//! Neighbour Discovery stands before the drops (RFC 9568 §6.1). A change is one transaction of set elements, whatever
//! their number: all of it or nothing. Numbers are in network byte order here, unlike in rtnetlink.

use super::batch::{DATAGRAM, Refusal, messages};
use crate::IfIndex;
use crate::linux::{Filter, sys};
use core::net::IpAddr;
use neli::consts::socket::{Msg, NlFamily};
use neli::socket::NlSocket;
use std::collections::BTreeSet;
use std::io;

/// What is dropped: packets to this address; by this interface alone, if it is link-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::linux) struct Dropped {
    address: IpAddr,
    iface: Option<IfIndex>,
}

impl Dropped {
    pub(in crate::linux) fn new(iface: IfIndex, address: IpAddr) -> Self {
        let scoped = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        Self {
            address,
            iface: scoped.then_some(iface),
        }
    }

    fn set(&self) -> &'static str {
        match (self.address, self.iface) {
            (IpAddr::V4(_), _) => V4,
            (IpAddr::V6(_), None) => V6,
            (IpAddr::V6(_), Some(_)) => LINK_LOCAL,
        }
    }

    fn key(&self) -> Vec<u8> {
        let mut key = super::octets(self.address);
        // An interface's number is in the host's byte order, as the kernel compares it.
        key.extend(
            self.iface
                .iter()
                .flat_map(|iface| iface.get().to_ne_bytes()),
        );
        key
    }
}

const V4: &str = "v4";
const V6: &str = "v6";
const LINK_LOCAL: &str = "link_local";
const CHAIN: &str = "input";

/// The table, which is there while something is dropped.
pub(in crate::linux) struct Table {
    how: Filter,
    dropped: BTreeSet<Dropped>,
    transactions: Transactions,
}

/// The socket, opened when it is first needed.
#[derive(Default)]
struct Transactions {
    socket: Option<NlSocket>,
    sequence: u32,
}

impl Table {
    pub(in crate::linux) fn new(how: Filter) -> Self {
        Self {
            how,
            dropped: BTreeSet::new(),
            transactions: Transactions::default(),
        }
    }

    /// Has it dropped, or not: what is listed later wins.
    pub(in crate::linux) fn set(
        &mut self,
        changes: impl Iterator<Item = (Dropped, bool)>,
    ) -> Result<(), Refusal> {
        let mut wanted = self.dropped.clone();
        for (dropped, accept) in changes {
            if accept {
                wanted.remove(&dropped);
            } else {
                wanted.insert(dropped);
            }
        }
        if wanted == self.dropped {
            return Ok(());
        }
        let add: Vec<_> = wanted.difference(&self.dropped).collect();
        let remove: Vec<_> = self.dropped.difference(&wanted).collect();
        let done = match (self.dropped.is_empty(), wanted.is_empty()) {
            // A kernel before 5.12 knows no owner; then the table outlives a program that is killed.
            (true, _) => {
                let begin = |flags| {
                    let mut batch = Batch::new(&self.how);
                    batch.create(flags);
                    batch.elements(NEWSETELEM, &add);
                    batch
                };
                let (owned, plain) = (begin(OWNER), begin(0));
                self.transactions
                    .commit(owned)
                    .or_else(|refusal| match refusal.errno {
                        libc::EOPNOTSUPP | libc::EINVAL => self.transactions.commit(plain),
                        _ => Err(refusal),
                    })
            }
            (false, true) => {
                let mut batch = Batch::new(&self.how);
                batch.message(DELTABLE, 0, |attrs| attrs.text(1, &self.how.table));
                self.transactions.commit(batch)
            }
            (false, false) => {
                let mut batch = Batch::new(&self.how);
                batch.elements(DELSETELEM, &remove);
                batch.elements(NEWSETELEM, &add);
                self.transactions.commit(batch)
            }
        };
        done.map(|()| self.dropped = wanted)
    }
}

impl Transactions {
    fn commit(&mut self, batch: Batch<'_>) -> Result<(), Refusal> {
        let (octets, last) = batch.finish(self.sequence);
        let first = self.sequence;
        self.sequence = last.wrapping_add(1);
        let failed = |error: io::Error| Refusal {
            errno: error.raw_os_error().unwrap_or(libc::EIO),
            text: format!("nf_tables: {error}"),
        };
        let socket = match &self.socket {
            Some(socket) => socket,
            None => {
                let socket = super::open(NlFamily::Netfilter, &[]).map_err(failed)?;
                let _ = socket.enable_ext_ack(true);
                self.socket.insert(socket)
            }
        };
        socket
            .send(octets.as_slice(), Msg::empty())
            .map_err(failed)?;
        let mut inbox = [[0; DATAGRAM]; 4];
        let mut outcome = None;
        while outcome.is_none() {
            let got = sys::recv_many(sys::borrow(socket), &mut inbox, |_, received, datagram| {
                for message in messages(datagram.get(..received.len).unwrap_or_default()) {
                    let ours = message.sequence.wrapping_sub(first) <= last.wrapping_sub(first);
                    match message.refusal() {
                        // The first failure is the cause, what follows are consequences.
                        Some(mut refusal) if ours && !matches!(outcome, Some(Err(_))) => {
                            if refusal.text.is_empty() {
                                refusal.text =
                                    "nf_tables refuses the filter for Accept_Mode".to_owned();
                            }
                            outcome = Some(Err(refusal));
                        }
                        None if message.sequence == last && outcome.is_none() => {
                            outcome = Some(Ok(()))
                        }
                        _ => {}
                    }
                }
            });
            if got.map_err(failed)? == 0 && outcome.is_none() {
                return Err(failed(io::Error::other("the kernel did not answer")));
            }
        }
        outcome.unwrap_or(Ok(()))
    }
}

/// `NFT_TABLE_F_OWNER`.
const OWNER: u32 = 2;

const NEWTABLE: u16 = 0;
const DELTABLE: u16 = 2;
const NEWCHAIN: u16 = 3;
const NEWRULE: u16 = 6;
const NEWSET: u16 = 9;
const NEWSETELEM: u16 = 12;
const DELSETELEM: u16 = 14;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;

/// `NFNL_SUBSYS_NFTABLES`.
const SUBSYSTEM: u16 = 10;
const NFPROTO_INET: u8 = 1;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_APPEND: u16 = 0x800;

/// A transaction under construction.
struct Batch<'a> {
    how: &'a Filter,
    /// Type, flags and attributes of each message.
    messages: Vec<(u16, u16, Attributes)>,
}

impl<'a> Batch<'a> {
    const fn new(how: &'a Filter) -> Self {
        Self {
            how,
            messages: Vec::new(),
        }
    }

    fn message(&mut self, kind: u16, flags: u16, attributes: impl FnOnce(&mut Attributes)) {
        let mut attrs = Attributes::default();
        attributes(&mut attrs);
        self.messages.push((kind, flags, attrs));
    }

    //= R9568-6.1-11
    //= R9568-6.4.3-05
    //= R9568-6.4.3-13
    //= R9568-6.4.3-14
    //= R9568-8.3.1-01
    //= R3768-6.4.3-03
    /// The table with its sets, chain and rules.
    fn create(&mut self, flags: u32) {
        let table = self.how.table.as_str();
        self.message(NEWTABLE, NLM_F_CREATE, |attrs| {
            attrs.text(1, table);
            attrs.number(2, flags);
        });
        // Names of types are for nft(8) to show: ipv4_addr, ipv6_addr, ipv6_addr . iface_index.
        for (id, name, kind, len) in [
            (1, V4, 7, 4),
            (2, V6, 8, 16),
            (3, LINK_LOCAL, 8 << 6 | 20, 20),
        ] {
            self.message(NEWSET, NLM_F_CREATE, |attrs| {
                attrs.text(1, table);
                attrs.text(2, name);
                attrs.number(3, 0);
                attrs.number(4, kind);
                attrs.number(5, len);
                attrs.number(10, id);
            });
        }
        let priority = self.how.priority;
        self.message(NEWCHAIN, NLM_F_CREATE, |attrs| {
            const NF_INET_LOCAL_IN: u32 = 1;
            attrs.text(1, table);
            attrs.text(3, CHAIN);
            attrs.nest(4, |hook| {
                hook.number(1, NF_INET_LOCAL_IN);
                hook.put(2, &priority.to_be_bytes());
            });
            attrs.number(5, ACCEPT);
            attrs.text(7, "filter");
        });
        self.rule(|rule| {
            rule.is(META_NFPROTO, &[NFPROTO_IPV6]);
            rule.is(META_L4PROTO, &[58]);
            rule.payload(TRANSPORT_HEADER, 0, 1);
            rule.compare(CMP_GTE, &[135]);
            rule.compare(CMP_LTE, &[136]);
            rule.verdict(ACCEPT);
        });
        let counters = self.how.counters;
        self.rule(|rule| {
            rule.is(META_NFPROTO, &[NFPROTO_IPV4]);
            rule.payload(NETWORK_HEADER, 16, 4);
            rule.lookup(V4, 1);
            rule.count(counters);
            rule.verdict(DROP);
        });
        self.rule(|rule| {
            rule.is(META_NFPROTO, &[NFPROTO_IPV6]);
            rule.payload(NETWORK_HEADER, 24, 16);
            rule.lookup(V6, 2);
            rule.count(counters);
            rule.verdict(DROP);
        });
        self.rule(|rule| {
            rule.is(META_NFPROTO, &[NFPROTO_IPV6]);
            rule.payload(NETWORK_HEADER, 24, 16);
            rule.meta(META_IIF, 2);
            rule.lookup(LINK_LOCAL, 3);
            rule.count(counters);
            rule.verdict(DROP);
        });
    }

    fn rule(&mut self, expressions: impl FnOnce(&mut Expressions<'_>)) {
        let table = self.how.table.as_str();
        self.message(NEWRULE, NLM_F_CREATE | NLM_F_APPEND, |attrs| {
            attrs.text(1, table);
            attrs.text(2, CHAIN);
            attrs.nest(4, |list| expressions(&mut Expressions(list)));
        });
    }

    fn elements(&mut self, kind: u16, elements: &[&Dropped]) {
        // One attribute holds at most 65535 octets.
        const MOST: usize = 1024;
        let table = self.how.table.as_str();
        for set in [V4, V6, LINK_LOCAL] {
            let of_set: Vec<_> = elements
                .iter()
                .filter(|dropped| dropped.set() == set)
                .collect();
            for part in of_set.chunks(MOST) {
                let flags = if kind == NEWSETELEM { NLM_F_CREATE } else { 0 };
                self.message(kind, flags, |attrs| {
                    attrs.text(1, table);
                    attrs.text(2, set);
                    attrs.nest(3, |list| {
                        for dropped in part {
                            list.nest(1, |element| {
                                element.nest(1, |key| key.put(1, &dropped.key()))
                            });
                        }
                    });
                });
            }
        }
    }

    /// The octets of the whole transaction, numbered from `first`, and the number of the message that is
    /// acknowledged: the last before the end.
    fn finish(self, first: u32) -> (Vec<u8>, u32) {
        const REQUEST: u16 = 1;
        const ACK: u16 = 4;
        let last = self.messages.len();
        let begin = (BATCH_BEGIN, REQUEST, Attributes::default(), 0, SUBSYSTEM);
        let end = (BATCH_END, REQUEST, Attributes::default(), 0, SUBSYSTEM);
        let middle = self
            .messages
            .into_iter()
            .zip(1..)
            .map(|((kind, flags, attrs), at)| {
                let ack = if at == last { ACK } else { 0 };
                (
                    SUBSYSTEM << 8 | kind,
                    flags | REQUEST | ack,
                    attrs,
                    NFPROTO_INET,
                    0,
                )
            });
        let all = core::iter::once(begin)
            .chain(middle)
            .chain(core::iter::once(end));
        let mut octets = Vec::new();
        let mut sequence = first;
        for (kind, flags, attrs, family, resource) in all {
            let len = u32::try_from(20 + attrs.0.len()).unwrap_or(u32::MAX);
            octets.extend(len.to_ne_bytes());
            octets.extend(kind.to_ne_bytes());
            octets.extend(flags.to_ne_bytes());
            octets.extend(sequence.to_ne_bytes());
            octets.extend([0; 4]);
            // struct nfgenmsg: family, version, resource.
            octets.extend([family, 0]);
            octets.extend(u16::to_be_bytes(resource));
            octets.extend(attrs.0);
            sequence = sequence.wrapping_add(1);
        }
        (octets, sequence.wrapping_sub(2))
    }
}

const ACCEPT: u32 = 1;
const DROP: u32 = 0;
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
const META_IIF: u32 = 4;
const META_NFPROTO: u32 = 15;
const META_L4PROTO: u32 = 16;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;
const CMP_EQ: u32 = 0;
const CMP_LTE: u32 = 3;
const CMP_GTE: u32 = 5;

/// The expressions of a rule. Register 1 holds what was loaded last; 0 is the verdict.
struct Expressions<'a>(&'a mut Attributes);

impl Expressions<'_> {
    fn expression(&mut self, name: &str, data: impl FnOnce(&mut Attributes)) {
        self.0.nest(1, |expression| {
            expression.text(1, name);
            expression.nest(2, data);
        });
    }

    fn meta(&mut self, key: u32, register: u32) {
        self.expression("meta", |data| {
            data.number(1, register);
            data.number(2, key);
        });
    }

    fn is(&mut self, key: u32, value: &[u8]) {
        self.meta(key, 1);
        self.compare(CMP_EQ, value);
    }

    fn compare(&mut self, how: u32, value: &[u8]) {
        self.expression("cmp", |data| {
            data.number(1, 1);
            data.number(2, how);
            data.nest(3, |data| data.put(1, value));
        });
    }

    fn payload(&mut self, base: u32, offset: u32, len: u32) {
        self.expression("payload", |data| {
            data.number(1, 1);
            data.number(2, base);
            data.number(3, offset);
            data.number(4, len);
        });
    }

    fn lookup(&mut self, set: &str, id: u32) {
        self.expression("lookup", |data| {
            data.text(1, set);
            data.number(2, 1);
            data.number(4, id);
        });
    }

    /// From zero.
    fn count(&mut self, asked: bool) {
        if asked {
            self.expression("counter", |_| {});
        }
    }

    fn verdict(&mut self, verdict: u32) {
        self.expression("immediate", |data| {
            data.number(1, 0);
            data.nest(2, |data| data.nest(2, |data| data.number(1, verdict)));
        });
    }
}

/// Netlink attributes, as nf_tables wants them.
#[derive(Debug, Default)]
struct Attributes(Vec<u8>);

impl Attributes {
    fn put(&mut self, kind: u16, value: &[u8]) {
        let len = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(len.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn number(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_be_bytes());
    }

    fn text(&mut self, kind: u16, value: &str) {
        self.put(kind, &[value.as_bytes(), &[0]].concat());
    }

    fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        const NLA_F_NESTED: u16 = 0x8000;
        let mut attrs = Self::default();
        inner(&mut attrs);
        self.put(kind | NLA_F_NESTED, &attrs.0);
    }
}

//! Reception (RFC 9568 §7.1 with its verified errata, RFC 3768 §7.1) as one pure function.
//!
//! Plain data about the virtual router goes in, the accepted packet with remarks or the first
//! check that failed comes out. Nothing is remembered here: an accepted packet says which sequence
//! number to remember, and a packet that is discarded changes nothing.
//!
//! The checks, or rows, in their order; the first that fails is the [`Reason`]:
//!
//! | row | what must hold |
//! |--:|---|
//! | 1, 3 | protocol 112, or 51 with 112 inside; 8 octets of message ([`Envelope::open`]) |
//! | 4 | TTL or Hop Limit 255; a checked unicast peer's within its bounds |
//! | 5, 6 | version known and ours, not VRRPv2 over IPv6; type 1 |
//! | 7 | length exactly as the count says |
//! | 8 | checksum, in a form that is accepted |
//! | 8a | `auth_hmac`, where it is configured |
//! | 9 | VRID not 0, and ours |
//! | 10 | destination the group, or no group; source a peer, where that is asked for |
//! | 11 | source not our own address |
//! | 12 | we are not the address owner: by policy discarded or remarked |
//! | 13, 15 | VRRPv3: at least one address, interval not 0 |
//! | 14 | VRRPv3 over IPv6: first address link-local |
//! | 16 | VRRPv2: Auth Type known and ours, its data right |
//! | 17 | addresses ours: VRRPv3 remarks; VRRPv2 discards, but not an owner's |
//! | 18 | interval ours: VRRPv3 remarks, VRRPv2 discards |
//!
//! Row 2, cutting link padding, is [`Datagram::from_ipv4`]'s.
//!
//! The virtual router that a datagram is for is found by its interface, family and VRID, so there
//! are two steps: [`Envelope::open`] finds the VRRP header, then either [`Envelope::receive`]
//! judges it for a virtual router, or [`Envelope::unclaimed`] says what to count when there is none.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ah::AuthHeader;
use crate::discard::{Discard, Reason, Warning, Warnings};
use crate::packet::{Body, List, is_carp};
use crate::{
    AddressList, AdvertInterval, AuthPolicy, AuthType, ChecksumPolicy, Covered, Datagram,
    Endpoints, Expected, Family, HOP_LIMIT, Header, Mode, OwnerPolicy, PROTOCOL, PROTOCOL_AH,
    Packet, Priority, Profile, Signature, Version, Vrid,
};

/// An advertisement that passed every check.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The message.
    pub packet: Packet<'a>,
    /// Its VRID.
    pub vrid: Vrid,
    /// Its interval; `None` only for VRRPv2's 0 where the interval is not compared.
    pub interval: Option<AdvertInterval>,
    /// Which checksum forms are right; [`Covered::only`] tells what the sender uses.
    pub covered: Covered,
    /// What is odd about it.
    pub warnings: Warnings,
    /// VRRPv2 with an Authentication Header: the sequence number to remember.
    pub ah_sequence: Option<u32>,
    /// `auth_hmac`: the signature, whose sequence number is to be remembered.
    pub signature: Option<Signature>,
}

/// Judges `datagram` for one virtual router: [`Envelope::open`] and [`Envelope::receive`] in one.
pub fn receive<'a>(
    datagram: &Datagram<'a>,
    expected: &Expected<'_>,
) -> Result<Received<'a>, Discard> {
    Envelope::open(datagram)?.receive(expected)
}

/// A datagram whose VRRP header has been found, and nothing more.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    ends: Endpoints,
    hop_limit: u8,
    ip_header: &'a [u8],
    ah: Option<AuthHeader<'a>>,
    header: Header,
    message: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Finds the VRRP header, behind an Authentication Header if there is one: protocol and least
    /// length.
    #[inline]
    pub fn open(datagram: &Datagram<'a>) -> Result<Self, Discard> {
        let Datagram {
            ends,
            hop_limit,
            ip_header,
            ..
        } = *datagram;
        let (ah, message) = match datagram.protocol {
            PROTOCOL => (None, datagram.payload),
            PROTOCOL_AH => AuthHeader::split(datagram.payload)
                .map(|(ah, message)| (Some(ah), message))
                .map_err(|reason| Discard { vrid: None, reason })?,
            protocol => {
                return Err(Discard {
                    vrid: None,
                    reason: Reason::NotVrrp { protocol },
                });
            }
        };
        let header = Header::peek(message)?;
        Ok(Self {
            ends,
            hop_limit,
            ip_header,
            ah,
            header,
            message,
        })
    }

    /// The VRID octet, to find the virtual router; nothing vouches for it yet.
    pub const fn vrid(&self) -> u8 {
        self.header.vrid()
    }

    /// The version nibble; nothing vouches for it yet.
    pub const fn version(&self) -> u8 {
        self.header.version()
    }

    /// Source and destination.
    pub const fn ends(&self) -> &Endpoints {
        &self.ends
    }

    /// The address family.
    pub const fn family(&self) -> Family {
        self.ends.family()
    }

    /// TTL or Hop Limit.
    pub const fn hop_limit(&self) -> u8 {
        self.hop_limit
    }

    /// The IPv4 header as received; empty over IPv6 and where nobody gave it.
    pub const fn ip_header(&self) -> &'a [u8] {
        self.ip_header
    }

    /// The Authentication Header, if there is one.
    pub const fn auth_header(&self) -> Option<&AuthHeader<'a>> {
        self.ah.as_ref()
    }

    /// The VRRP message, with its trailer if it has one.
    pub const fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Why to discard a datagram for which there is no virtual router: the checks that need none,
    /// and if all pass, that the VRID is unknown.
    //= R9568-7.1-07
    pub fn unclaimed(&self) -> Discard {
        let reason = self
            .stateless()
            .map_or_else(|reason| reason, |_| Reason::UnknownVrid);
        self.discard(reason)
    }

    /// Judges the message for one virtual router, by every check of RFC 9568 §7.1 with its errata or
    /// RFC 3768 §7.1, in this order: TTL, version, type, length, checksum, `auth_hmac`, VRID,
    /// destination, source, ownership; VRRPv3's address count, first address and interval, or
    /// VRRPv2's authentication; then whether addresses and interval are ours.
    //= R9568-7.1-01
    //= R3768-7.1-01
    #[inline]
    pub fn receive(&self, expected: &Expected<'_>) -> Result<Received<'a>, Discard> {
        self.judge(expected).map_err(|reason| self.discard(reason))
    }

    fn stateless(&self) -> Result<(), Reason> {
        if self.ends.destination().is_multicast() {
            self.check_ttl(HOP_LIMIT, HOP_LIMIT)?;
        }
        let packet = Packet::parse_signed(self.message, self.family())?;
        self.check_checksum(&packet, ChecksumPolicy::OldUnicast)?;
        packet.vrid().map(|_| ()).ok_or(Reason::BadVrid)
    }

    #[inline]
    fn judge(&self, expected: &Expected<'_>) -> Result<Received<'a>, Reason> {
        let mut warnings = Warnings::default();
        let source = self.ends.source();
        let peer = self.check_ttl_for(&expected.mode)?;
        let packet = self.parse(expected)?;
        let covered = self.check_checksum(&packet, expected.checksum)?;
        let signature = match &expected.hmac {
            // A signed message of a stranger is not worth an HMAC.
            Some(_) if packet.trailer().is_some() && peer == PeerCheck::Stranger => {
                return Err(Reason::UnknownPeer { found: source });
            }
            Some(policy) => policy.judge(source, &packet)?,
            None => None,
        };
        let vrid = packet.vrid().ok_or(Reason::BadVrid)?;
        if expected.vrid.is_some_and(|expected| expected != vrid) {
            return Err(Reason::UnknownVrid);
        }
        self.check_destination(&expected.mode)?;
        if peer == PeerCheck::Stranger
            && matches!(
                expected.mode,
                Mode::Unicast {
                    check_source: true,
                    ..
                }
            )
        {
            return Err(Reason::UnknownPeer { found: source });
        }
        //= HARD-FSM-01
        if expected.primary == Some(source) {
            return Err(Reason::OwnPacket);
        }
        if expected.priority.is_some_and(Priority::is_owner) {
            match expected.owner {
                //= R9568-7.1-08
                //= KA-OWN-01
                OwnerPolicy::Discard => return Err(Reason::LocalIsOwner),
                //= R9568-7.1-09
                OwnerPolicy::Process => warnings.add(Warning::LocalIsOwner),
            }
        }
        let ah_sequence = match packet.body() {
            Body::V3 {
                max_advertise_interval,
                ..
            } => {
                check_v3(
                    &packet,
                    max_advertise_interval,
                    expected.profile,
                    &mut warnings,
                )?;
                // There is no authentication in VRRPv3 for an AH to be.
                if self.ah.is_some() && expected.auth != AuthPolicy::Any {
                    let (found, expected) = (AuthType::AH, AuthType::NONE);
                    return Err(Reason::AuthTypeMismatch { found, expected });
                }
                None
            }
            Body::V2 {
                auth_type,
                auth_data,
                ..
            } => self.check_auth(expected.auth, auth_type, auth_data)?,
        };
        if let Some(addresses) = &expected.addresses
            && !same_set(packet.list(), addresses)
        {
            //= R3768-7.1-08
            //= KA-LIST-01
            if packet.version() == Version::V2
                && expected.profile == Profile::Rfc
                && !packet.priority().is_owner()
            {
                return Err(Reason::AddressListMismatch {
                    count: packet.count(),
                });
            }
            //= R9568-7.1-12
            warnings.add(Warning::AddressListMismatch);
        }
        let interval = packet.interval();
        if expected.interval.is_some() && expected.interval != interval {
            match packet.body() {
                //= R3768-7.1-09
                Body::V2 { adver_int, .. } => {
                    return Err(Reason::IntervalMismatch { found: adver_int });
                }
                //= R9568-7.1-13
                //= KA-ADV-02
                Body::V3 { .. } => warnings.add(Warning::IntervalMismatch),
            }
        }
        Ok(Received {
            packet,
            vrid,
            interval,
            covered,
            warnings,
            ah_sequence,
            signature,
        })
    }

    /// Row 4.
    //= R9568-5.1.1.3-02
    //= R9568-5.1.2.3-02
    //= R9568-7.1-02
    //= R3768-7.1-02
    #[inline]
    fn check_ttl_for(&self, mode: &Mode<'_>) -> Result<PeerCheck, Reason> {
        match mode {
            Mode::Multicast { .. } => {
                self.check_ttl(HOP_LIMIT, HOP_LIMIT)?;
                Ok(PeerCheck::Multicast)
            }
            //= KA-UNI-01
            Mode::Unicast {
                peers,
                check_source,
            } => {
                let source = self.ends.source();
                match peers.iter().find(|peer| peer.address == source) {
                    //= KA-UNI-03
                    Some(peer) if *check_source => self.check_ttl(peer.min_ttl, peer.max_ttl)?,
                    Some(_) => {}
                    None => return Ok(PeerCheck::Stranger),
                }
                Ok(PeerCheck::Peer)
            }
        }
    }

    fn check_ttl(&self, min: u8, max: u8) -> Result<(), Reason> {
        let found = self.hop_limit;
        if (min..=max).contains(&found) {
            Ok(())
        } else {
            Err(Reason::BadTtl { found, min, max })
        }
    }

    /// Rows 5, 6 and 7.
    #[inline]
    fn parse(&self, expected: &Expected<'_>) -> Result<Packet<'a>, Reason> {
        //= IOP-03
        //= KA-VER-01
        if expected
            .version
            .is_some_and(|version| version.get() != self.version())
            && !is_carp(self.message)
        {
            return Err(Reason::BadVersion {
                found: self.version(),
            });
        }
        //= KA-AUTH-08
        let parse = if expected.hmac.is_some() {
            Packet::parse_signed
        } else {
            Packet::parse
        };
        Ok(parse(self.message, self.family())?)
    }

    /// Row 8.
    //= R9568-7.1-06
    //= R3768-7.1-05
    //= KA-CSUM-01
    //= KA-CSUM-02
    //= KA-CSUM-03
    #[inline]
    fn check_checksum(
        &self,
        packet: &Packet<'_>,
        policy: ChecksumPolicy,
    ) -> Result<Covered, Reason> {
        let free = packet.version() == Version::V3 && self.family() == Family::V4;
        match (packet.verify(&self.ends), policy) {
            (Ok(covered), ChecksumPolicy::Only(coverage))
                if free && !covered.includes(coverage) => {}
            (Ok(covered), _) => return Ok(covered),
            //= KA-CSUM-04
            (Err(_), ChecksumPolicy::OldUnicast) => {
                if let (true, Endpoints::V4 { source, .. }) = (free, self.ends) {
                    let ends = Endpoints::V4 {
                        source,
                        destination: crate::GROUP_V4,
                    };
                    if let Ok(covered) = packet.verify(&ends) {
                        return Ok(covered);
                    }
                }
            }
            (Err(_), ChecksumPolicy::Either | ChecksumPolicy::Only(_)) => {}
        }
        Err(Reason::BadChecksum {
            found: packet.checksum(),
        })
    }

    /// Row 10.
    //= KA-UNI-02
    //= HARD-NET-01
    #[inline]
    fn check_destination(&self, mode: &Mode<'_>) -> Result<(), Reason> {
        let found = self.ends.destination();
        let right = match mode {
            Mode::Multicast { group } => found == *group,
            Mode::Unicast { .. } => !found.is_multicast(),
        };
        if right {
            Ok(())
        } else {
            Err(Reason::BadDestination { found })
        }
    }

    /// Row 16. Returns the sequence number of an Authentication Header that was judged.
    //= R3768-5.3.6-01
    //= R3768-7.1-07
    //= R2338-5.3.6-01
    //= R2338-5.3.6-02
    //= KA-AUTH-02
    #[inline]
    fn check_auth(
        &self,
        policy: AuthPolicy,
        found: AuthType,
        data: &[u8; crate::AUTH_DATA_LEN],
    ) -> Result<Option<u32>, Reason> {
        let expected = match policy {
            AuthPolicy::Any => return Ok(None),
            AuthPolicy::None => AuthType::NONE,
            AuthPolicy::Simple(_) => AuthType::SIMPLE,
            AuthPolicy::Ah(_) => AuthType::AH,
        };
        if !found.is_known() {
            return Err(Reason::UnknownAuthType { found });
        }
        if found != expected {
            return Err(Reason::AuthTypeMismatch { found, expected });
        }
        if self.ah.is_some() && expected != AuthType::AH {
            return Err(Reason::AuthTypeMismatch {
                found: AuthType::AH,
                expected,
            });
        }
        match policy {
            AuthPolicy::Any | AuthPolicy::None => Ok(None),
            //= R2338-5.3.6-03
            AuthPolicy::Simple(password) if password.matches(data) => Ok(None),
            AuthPolicy::Simple(_) => Err(Reason::AuthFailure),
            //= R2338-5.3.6-06
            AuthPolicy::Ah(policy) => {
                let ah = self.ah.ok_or(Reason::MissingAh)?;
                policy
                    .judge(&ah, &self.ends, self.ip_header, self.message)
                    .map(Some)
            }
        }
    }

    fn discard(&self, reason: Reason) -> Discard {
        Discard {
            vrid: Some(self.vrid()),
            reason,
        }
    }
}

/// Whether the source of a datagram is somebody we were told of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PeerCheck {
    Multicast,
    Peer,
    Stranger,
}

/// Rows 13, 14 and 15.
#[inline]
fn check_v3(
    packet: &Packet<'_>,
    interval: u16,
    profile: Profile,
    warnings: &mut Warnings,
) -> Result<(), Reason> {
    match packet.list() {
        //= R9568-5.2.5-01
        //= R9568-7.1-10
        List::V4([]) | List::V6([]) => return Err(Reason::ZeroAddrCount),
        //= R9568-7.1-14
        List::V6([first, ..]) if !Ipv6Addr::from(*first).is_unicast_link_local() => match profile {
            Profile::Rfc => {
                let found = IpAddr::V6(Ipv6Addr::from(*first));
                return Err(Reason::FirstNotLinkLocal { found });
            }
            //= KA-LIST-03
            Profile::Keepalived => warnings.add(Warning::FirstNotLinkLocal),
        },
        List::V4(_) | List::V6(_) => {}
    }
    //= R9568-7.1-11
    if interval == 0 {
        Err(Reason::ZeroInterval)
    } else {
        Ok(())
    }
}

/// Whether `wire` and `ours` are the same set of addresses, whatever their order.
///
/// Inlined, since a list handed over in memory stalls the reader for longer than comparing takes.
#[inline(always)]
fn same_set(wire: List<'_>, ours: &AddressList<'_>) -> bool {
    match (wire, ours) {
        (List::V4(wire), AddressList::V4(ours)) => same(wire, ours, Ipv4Addr::octets),
        (List::V6(wire), AddressList::V6(ours)) => same(wire, ours, Ipv6Addr::octets),
        (List::V4(_), AddressList::V6(_)) | (List::V6(_), AddressList::V4(_)) => false,
    }
}

/// Linear when the order is the same, as it is between routers that are configured alike.
#[inline(always)]
fn same<const N: usize, A>(wire: &[[u8; N]], ours: &[A], octets: fn(&A) -> [u8; N]) -> bool {
    let in_order = || {
        wire.iter()
            .zip(ours)
            .all(|(wire, ours)| *wire == octets(ours))
    };
    wire.len() == ours.len() && (in_order() || permuted(wire, ours, octets))
}

/// Quadratic, at most 2 × 255².
#[cold]
fn permuted<const N: usize, A>(wire: &[[u8; N]], ours: &[A], octets: fn(&A) -> [u8; N]) -> bool {
    ours.iter().all(|ours| wire.contains(&octets(ours)))
        && wire
            .iter()
            .all(|wire| ours.iter().any(|ours| *wire == octets(ours)))
}

//! From a datagram to an event: RFC 9568 §7.1.
//!
//! vrrp-proto judges the octets; here is what needs state: which virtual router they are for, what is
//! counted, what is remembered. A packet that is refused moves its counter and nothing else.

use core::net::IpAddr;

use vrrp_proto::{
    AddressList, AuthPolicy, Datagram, Discard, Endpoints, Envelope, Expected, Family, Mode,
    Priority, Reason, Received, Version, Vrid, Warnings,
};

use super::Engine;
use super::io::{Command, Notice};
use super::slot::{Clock, Place, Slot};
use super::split::{differences, shows_active};
use crate::action::Role;
use crate::config::{Auth, Destination};
use crate::event::{Event, Heard};
use crate::report::{EngineReport, Report};
use crate::snapshot::LearnedPeer;
use crate::timing::active_down_interval;
use crate::{IfaceId, Instant};

/// As many peers are remembered; the one that was silent for the longest is forgotten first.
const PEERS: usize = 8;

impl Engine {
    //= R9568-7.1-01
    //= R3768-7.1-01
    //= STA-N6
    pub(super) fn receive(
        &mut self,
        now: Instant,
        iface: IfaceId,
        arrived: Instant,
        datagram: &Datagram<'_>,
    ) {
        let ends = &datagram.ends;
        let envelope = match Envelope::open(datagram) {
            Ok(envelope) => envelope,
            Err(discard) => {
                let vrid = discard.vrid.unwrap_or_default();
                match self.claim(iface, ends, vrid) {
                    Some(place) => self.refuse(now, place, ends.source(), &discard.reason),
                    None => self.unclaimed(iface, ends, discard),
                }
                return;
            }
        };
        //= R9568-7.1-07
        let Some(place) = self.claim(iface, ends, envelope.vrid()) else {
            self.unclaimed(iface, ends, envelope.unclaimed());
            return;
        };
        let clock = self.clock(now);
        let Some(slot) = self.slot(place) else { return };
        //= R9568-6.4.1-05
        //= KA-STATE-04
        if slot.router.role() == Role::Initialize {
            return;
        }
        match envelope.receive(&slot.expected(ends.source(), clock)) {
            Ok(received) => self.accept(now, place, arrived, ends, &received),
            Err(discard) => self.refuse(now, place, ends.source(), &discard.reason),
        }
    }

    /// The virtual router that a packet is for. Several unicast ones may share a VRID; then the
    /// sender tells them apart.
    //= R9568-5.2.3-01
    //= R3768-7.1-06
    fn claim(&self, iface: IfaceId, ends: &Endpoints, vrid: u8) -> Option<Place> {
        let places = self.demux.get(&(iface, ends.family(), Vrid::new(vrid)?))?;
        let meant = |place: &&Place| {
            self.slot(**place).is_some_and(|slot| {
                let config = slot.router.config();
                match &config.destination {
                    Destination::Multicast(group) => ends.destination() == *group,
                    Destination::Unicast { peers, .. } => {
                        peers.iter().any(|peer| peer.address == ends.source())
                            && config
                                .source
                                .is_none_or(|source| source == ends.destination())
                    }
                }
            })
        };
        match places.as_slice() {
            [only] => Some(*only),
            several => several
                .iter()
                .find(meant)
                .or_else(|| several.first())
                .copied(),
        }
    }

    fn unclaimed(&mut self, iface: IfaceId, ends: &Endpoints, discard: Discard) {
        let Discard { vrid, reason } = discard;
        if let Some(counter) = reason.counter() {
            self.stats.count_unclaimed(counter);
        }
        if let (Reason::UnknownVrid, Some(vrid), true) =
            (reason, vrid, self.config.report_unknown_vrids)
        {
            let (family, source) = (ends.family(), ends.source());
            if self.said.first("UnknownVrid", source) {
                let report = EngineReport::UnknownVrid {
                    iface,
                    family,
                    vrid,
                    source,
                };
                self.fifo.push_back(Command::Report(Notice::Engine(report)));
            }
        }
    }

    fn refuse(&mut self, now: Instant, place: Place, source: IpAddr, reason: &Reason) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        if slot.router.role() == Role::Initialize {
            return;
        }
        let Some(counter) = reason.counter() else {
            return;
        };
        slot.stats.count(counter);
        self.stats.count(counter);
        //= R9568-7.1-16
        //= STA-N2
        //= STA-N3
        //= STA-N4
        if slot.said.first(reason.name(), source) {
            let report = Report::Refused {
                source,
                reason: *reason,
            };
            self.fifo
                .push_back(Command::Report(Notice::Router(slot.id, report)));
        }
        if shows_active(reason) {
            let differs = differences(Some(reason), Warnings::default());
            // What it says of itself is not vouched for: our own timing has to do.
            let patience = slot.router.active_down_interval();
            let report = slot.suspect(now, source, Priority::RELINQUISH, patience, differs);
            self.tell_router(place, report);
            self.rearm(place);
        }
    }

    //= STA-07
    //= STA-10
    fn accept(
        &mut self,
        now: Instant,
        place: Place,
        arrived: Instant,
        ends: &Endpoints,
        received: &Received<'_>,
    ) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let (packet, source) = (&received.packet, ends.source());
        let Some(interval) = received.interval else {
            return;
        };
        let priority = packet.priority();
        slot.stats.adverts_rcvd += 1;
        if priority.is_relinquish() {
            slot.stats.priority_zero_rcvd += 1;
        }
        for warning in received.warnings.iter() {
            slot.stats.count(warning.counter());
            // Two owners are told of where they meet: an owner hears lower ones all the time.
            if warning != vrrp_proto::Warning::LocalIsOwner
                && slot.said.first(warning.name(), source)
            {
                let count = packet.count();
                let report = Report::Remarked {
                    source,
                    warning,
                    count,
                    interval,
                };
                self.fifo
                    .push_back(Command::Report(Notice::Router(slot.id, report)));
            }
        }
        slot.remember_numbers(source, received);
        let form = slot.learn_peer(now, source, interval, received);
        let old = slot.learns_old_checksum(ends, received);
        let mut differs = differences(None, received.warnings);
        differs.checksum = form.is_some();
        let config = slot.router.config();
        let patience = active_down_interval(
            config.version,
            priority,
            interval,
            config.down_timer_adverts,
        );
        let ended = priority.is_relinquish()
            && slot
                .suspect
                .as_ref()
                .is_some_and(|suspect| suspect.is(source));
        let split = if priority.is_relinquish() {
            None
        } else {
            slot.suspect(now, source, priority, patience, differs)
        };
        // The time of arrival counts where silence does, or the distance of two adverts; nothing
        // happens before what has happened.
        let at = match slot.router.role() {
            Role::Active if !slot.router.is_draining() => now,
            Role::Backup | Role::Active => arrived.min(now).max(slot.touched),
            Role::Initialize => now,
        };
        let new_form = form.map(|form| Report::ChecksumForm { source, form });
        for report in new_form.into_iter().chain(old).chain(split) {
            self.tell_router(place, Some(report));
        }
        if ended {
            self.healed(now, place);
        }
        self.step(
            at,
            place,
            Event::Advert(Heard {
                source,
                priority,
                interval,
            }),
        );
    }

    pub(super) fn tell_router(&mut self, place: Place, report: Option<Report>) {
        if let (Some(slot), Some(report)) = (self.slots.get(place).and_then(Option::as_ref), report)
        {
            self.fifo
                .push_back(Command::Report(Notice::Router(slot.id, report)));
        }
    }
}

impl Slot {
    /// What vrrp-proto needs to know of this router to judge a packet for it.
    fn expected(&self, source: IpAddr, clock: Clock) -> Expected<'_> {
        let config = self.router.config();
        let list: AddressList<'_> = config.addresses.as_list();
        //= KA-LIST-02
        let compared = !(config.skip_list_check
            && self.router.role() == Role::Backup
            && self.router.last_active() == Some(source));
        #[cfg(not(feature = "auth"))]
        let _ = clock;
        Expected {
            version: Some(config.version),
            vrid: Some(config.vrid),
            priority: Some(config.priority),
            primary: self.router.primary(),
            addresses: compared.then_some(list),
            interval: Some(config.interval),
            mode: match &config.destination {
                Destination::Multicast(group) => Mode::Multicast { group: *group },
                Destination::Unicast {
                    peers,
                    check_source,
                } => Mode::Unicast {
                    peers,
                    check_source: *check_source,
                },
            },
            checksum: config.accepted_checksum,
            auth: match &config.auth {
                Auth::None => AuthPolicy::None,
                Auth::Simple(password) => AuthPolicy::Simple(*password),
                #[cfg(feature = "auth")]
                Auth::Ah(key) => AuthPolicy::Ah(vrrp_proto::AhPolicy {
                    key: *key,
                    ttl: super::encode::ah_ttl(config),
                    last_sequence: (self.numbers.ah > 0).then_some(self.numbers.ah),
                }),
                #[cfg(feature = "auth")]
                Auth::Hmac(_) => AuthPolicy::None,
            },
            owner: config.owner_policy,
            profile: config.profile,
            #[cfg(feature = "auth")]
            hmac: match &config.auth {
                Auth::Hmac(hmac) => Some(vrrp_proto::HmacPolicy {
                    keys: &hmac.keys,
                    mode: hmac.mode,
                    anti_replay: hmac.anti_replay,
                    utc: clock.utc,
                    marks: &self.numbers.marks,
                }),
                Auth::None | Auth::Simple(_) | Auth::Ah(_) => None,
            },
            #[cfg(not(feature = "auth"))]
            hmac: None,
        }
    }

    //= KA-AUTH-05
    fn remember_numbers(&mut self, source: IpAddr, received: &Received<'_>) {
        if let Some(sequence) = received.ah_sequence {
            self.numbers.ah = self.numbers.ah.max(sequence);
        }
        #[cfg(feature = "auth")]
        if let Some(signature) = &received.signature {
            vrrp_proto::Mark::record(&mut self.numbers.marks, source, signature.sequence);
        }
        #[cfg(not(feature = "auth"))]
        let _ = source;
    }

    /// Remembers who was heard; answers the form of its checksums when it is found out to be another
    /// than ours.
    //= KA-CSUM-05
    //= HARD-PROTO-06
    fn learn_peer(
        &mut self,
        now: Instant,
        address: IpAddr,
        interval: vrrp_proto::AdvertInterval,
        received: &Received<'_>,
    ) -> Option<vrrp_proto::ChecksumCoverage> {
        let config = self.router.config();
        let free = config.version == Version::V3 && config.family == Family::V4;
        let form = received.covered.only().filter(|_| free);
        let (version, priority) = (received.packet.version(), received.packet.priority());
        let ours = config.checksum;
        let known = self.peers.iter().position(|peer| peer.address == address);
        let at = known.unwrap_or_else(|| {
            self.peers.truncate(PEERS - 1);
            self.peers.push(LearnedPeer {
                address,
                priority,
                interval,
                version,
                checksum: None,
                first: now,
                last: now,
                adverts: 0,
                left: false,
            });
            self.peers.len() - 1
        });
        if let Some(upto) = self.peers.get_mut(..=at) {
            upto.rotate_right(1);
        }
        let peer = self.peers.first_mut()?;
        peer.adverts += 1;
        peer.last = now;
        peer.left = priority.is_relinquish();
        if !peer.left {
            (peer.priority, peer.interval, peer.version) = (priority, interval, version);
        }
        let before = peer.checksum;
        peer.checksum = form.or(before);
        form.filter(|form| before != Some(*form) && *form != ours)
    }

    /// The first unicast advert that verifies in the way of old only switches this router over.
    //= KA-CSUM-04
    fn learns_old_checksum(&mut self, ends: &Endpoints, received: &Received<'_>) -> Option<Report> {
        let config = self.router.config();
        let looked = config.accepted_checksum == vrrp_proto::ChecksumPolicy::OldUnicast
            && matches!(config.destination, Destination::Unicast { .. })
            && !self.old_checksum;
        if looked && received.packet.verify(ends).is_err() {
            self.old_checksum = true;
            return Some(Report::OldChecksum {
                source: ends.source(),
            });
        }
        None
    }
}

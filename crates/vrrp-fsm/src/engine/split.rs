//! Split-brain memory: who else was Active while this router was, for how long, and what the two do
//! not agree on. Packets that are refused count too: a wrong password is why two routers serve.

use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{Priority, Reason, Warning, Warnings};

use super::Engine;
use super::io::{Command, Notice};
use super::slot::{Place, Slot};
use crate::Instant;
use crate::action::Role;
use crate::report::Report;
use crate::snapshot::{Differences, SplitBrain};

/// Somebody who advertised while this router was Active. The second advertisement makes it a split
/// brain: the first may have crossed ours on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    with: IpAddr,
    priority: Priority,
    since: Instant,
    last: Instant,
    /// How long its silence means that it has given up.
    patience: Duration,
    adverts: u32,
    differs: Differences,
}

impl Suspect {
    pub(super) fn is(&self, source: IpAddr) -> bool {
        self.with == source
    }

    pub(super) fn silent_at(&self) -> Instant {
        self.last + self.patience
    }
}

/// What a refused or remarked packet says about its sender.
pub(super) fn differences(reason: Option<&Reason>, warnings: Warnings) -> Differences {
    let mut differs = Differences {
        interval: warnings.contains(Warning::IntervalMismatch),
        addresses: warnings.contains(Warning::AddressListMismatch),
        ..Differences::default()
    };
    match reason {
        None => {}
        Some(Reason::IntervalMismatch { .. } | Reason::ZeroInterval) => differs.interval = true,
        Some(
            Reason::AddressListMismatch { .. }
            | Reason::ZeroAddrCount
            | Reason::FirstNotLinkLocal { .. },
        ) => differs.addresses = true,
        Some(Reason::BadVersion { .. }) => differs.version = true,
        Some(Reason::BadChecksum { .. }) => differs.checksum = true,
        Some(Reason::BadDestination { .. } | Reason::UnknownPeer { .. }) => {
            differs.destination = true;
        }
        Some(
            Reason::AuthExtMissing
            | Reason::AuthExtMalformed { .. }
            | Reason::AuthExtStale { .. }
            | Reason::AuthExtUnknownKey { .. }
            | Reason::AuthExtInvalid
            | Reason::AuthExtReplay
            | Reason::TrailingBytes { .. }
            | Reason::UnknownAuthType { .. }
            | Reason::AuthTypeMismatch { .. }
            | Reason::MissingAh
            | Reason::AuthFailure
            | Reason::AhSpiMismatch { .. }
            | Reason::AhReplay { .. },
        ) => differs.authentication = true,
        Some(
            Reason::NotVrrp { .. }
            | Reason::ShortPacket { .. }
            | Reason::BadTtl { .. }
            | Reason::Carp
            | Reason::BadType { .. }
            | Reason::Truncated { .. }
            | Reason::BadVrid
            | Reason::UnknownVrid
            | Reason::OwnPacket
            | Reason::LocalIsOwner,
        ) => {}
    }
    differs
}

/// Whether a packet that is refused for this shows that its sender serves the same addresses.
pub(super) const fn shows_active(reason: &Reason) -> bool {
    !matches!(
        reason,
        Reason::NotVrrp { .. }
            | Reason::ShortPacket { .. }
            | Reason::BadTtl { .. }
            | Reason::Carp
            | Reason::BadType { .. }
            | Reason::Truncated { .. }
            | Reason::BadVrid
            | Reason::UnknownVrid
            | Reason::OwnPacket
    )
}

impl Slot {
    /// Somebody advertised; answers what to report.
    pub(super) fn suspect(
        &mut self,
        now: Instant,
        with: IpAddr,
        priority: Priority,
        patience: Duration,
        differs: Differences,
    ) -> Option<Report> {
        if self.router.role() != Role::Active || self.router.is_draining() {
            return None;
        }
        let suspect = match &mut self.suspect {
            Some(suspect) if suspect.with == with => suspect,
            // One at a time: the first is the one that is told of.
            Some(suspect) if now < suspect.silent_at() => return None,
            free => free.insert(Suspect {
                with,
                priority,
                since: now,
                last: now,
                patience,
                adverts: 0,
                differs,
            }),
        };
        suspect.adverts = suspect.adverts.saturating_add(1);
        (suspect.last, suspect.priority, suspect.patience) = (now, priority, patience);
        suspect.differs = suspect.differs | differs;
        if suspect.adverts < 2 {
            return None;
        }
        let since = suspect.since;
        let first = suspect.adverts == 2;
        let adverts = suspect.adverts;
        let differs = suspect.differs;
        self.split = Some(SplitBrain {
            with,
            priority,
            since,
            last: now,
            adverts,
            differs,
            healed: None,
        });
        first.then(|| {
            self.stats.split_brains += 1;
            Report::SplitBrain {
                with,
                priority,
                differs,
            }
        })
    }

    /// The other one is silent, has left, or has won; answers what to report, if it was a split
    /// brain.
    pub(super) fn heal(&mut self, now: Instant) -> Option<Report> {
        let suspect = self.suspect.take()?;
        if suspect.adverts < 2 {
            return None;
        }
        let split = self.split.as_mut()?;
        split.healed = Some(now);
        let lasted = split.last.saturating_duration_since(split.since);
        Some(Report::SplitBrainHealed {
            with: split.with,
            lasted,
        })
    }
}

impl Engine {
    /// The other Active router is gone, and this one stays: the hosts hear from it again.
    pub(super) fn healed(&mut self, now: Instant, place: Place) {
        let Some(slot) = self.slots.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        if let Some(report) = slot.heal(now) {
            self.fifo
                .push_back(Command::Report(Notice::Router(slot.id, report)));
        }
        self.act(now, place, |router, out| router.announce_again(now, out));
    }
}

#[cfg(test)]
mod tests;

//! What is known of interfaces, and how long a change of a link must last before it is believed.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::Family;

use super::slot::Place;
use super::timers::TimerId;
use super::{Engine, Phase, Timer};
use crate::config::LinkDelay;
use crate::report::EngineReport;
use crate::{IfaceId, Instant};

#[derive(Clone, Debug, Default)]
pub(super) struct Iface {
    /// Whether it counts as up.
    pub(super) up: bool,
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    /// The routers that depend on it.
    pub(super) watchers: Vec<Place>,
    /// Whether it ever was up: before that, nothing is held off.
    seen_up: bool,
    /// What it will count as, unless that is taken back before.
    next: Option<(Instant, bool)>,
    timer: Option<TimerId>,
}

impl Iface {
    pub(super) const fn primary(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

impl Engine {
    pub(super) fn link(&mut self, now: Instant, id: IfaceId, up: bool) {
        let held_off = self.link_delay(id);
        let waiting = self.phase == Phase::Waiting;
        let iface = self.ifaces.entry(id).or_default();
        let delay = match up {
            _ if waiting || !iface.seen_up => Duration::ZERO,
            true => held_off.up,
            false => held_off.down,
        };
        iface.seen_up |= up;
        iface.next = (iface.up != up).then_some((now + delay, up));
        if iface.next.is_some() && iface.timer.is_none() && !delay.is_zero() {
            iface.timer = Some(self.timers.add(Timer::Link(id)));
        }
        self.link_timeout(now, id);
    }

    pub(super) fn link_timeout(&mut self, now: Instant, id: IfaceId) {
        let Some(iface) = self.ifaces.get_mut(&id) else {
            return;
        };
        let changed = iface.next.take_if(|(at, _)| now >= *at);
        if let Some(timer) = iface.timer {
            self.timers.set(timer, iface.next.map(|(at, _)| at));
        }
        if let Some((_, up)) = changed {
            iface.up = up;
            let watchers = iface.watchers.clone();
            self.refresh(now, &watchers);
        }
    }

    pub(super) fn primary(
        &mut self,
        now: Instant,
        id: IfaceId,
        family: Family,
        address: Option<IpAddr>,
    ) {
        let iface = self.ifaces.entry(id).or_default();
        let primary = match family {
            Family::V4 => &mut iface.v4,
            Family::V6 => &mut iface.v6,
        };
        if core::mem::replace(primary, address) != address {
            let watchers = iface.watchers.clone();
            self.refresh(now, &watchers);
        }
    }

    /// As configured, but never so long that a peer takes over meanwhile.
    fn link_delay(&self, id: IfaceId) -> LinkDelay {
        let configured = self
            .config
            .link_delays
            .get(&id)
            .copied()
            .unwrap_or_default();
        let watchers = self
            .ifaces
            .get(&id)
            .map_or(&[][..], |iface| &iface.watchers);
        let routers = watchers
            .iter()
            .filter_map(|&place| self.slot(place))
            .map(|slot| slot.router.config())
            .filter(|config| config.iface == id);
        routers.fold(configured, |LinkDelay { down, up }, config| {
            let interval = config.interval.as_duration();
            match config.down_timer_adverts {
                0 | 1 => LinkDelay::default(),
                adverts => {
                    let patience = interval * u32::from(adverts - 1) - interval / 256;
                    LinkDelay {
                        down: down.min(patience),
                        up,
                    }
                }
            }
        })
    }

    /// Tells of delays that cannot be as long as was asked for.
    pub(super) fn check_link_delays(&mut self) {
        let ids: Vec<IfaceId> = self.config.link_delays.keys().copied().collect();
        for iface in ids {
            let delay = self.link_delay(iface);
            if self
                .config
                .link_delays
                .get(&iface)
                .is_some_and(|asked| *asked != delay)
            {
                let LinkDelay { down, up } = delay;
                self.tell(EngineReport::LinkDelayLowered { iface, down, up });
            }
        }
    }
}

#[cfg(test)]
mod tests;

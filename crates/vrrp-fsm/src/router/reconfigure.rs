//! What outlives a process or a configuration.

use core::net::IpAddr;

use vrrp_proto::Version;

use super::active::Active;
use super::backup::Backup;
use super::{State, VirtualRouter};
use crate::Instant;
use crate::action::{Action, Cause, Role};
use crate::config::RouterConfig;
use crate::saved::SavedRole;

impl VirtualRouter {
    /// The same virtual router, told otherwise. Role and deadlines stay; a Backup's moves by the
    /// difference of the two Active_Down_Intervals, an Active router's next advert is not later than
    /// the new interval asks for. The priority is [`Event::Priority`](crate::Event)'s.
    pub fn reconfigure(
        &mut self,
        now: Instant,
        config: RouterConfig,
        out: &mut impl Extend<Action>,
    ) {
        let old = self.active_down_interval();
        let before = core::mem::replace(&mut self.config, config);
        let learned = self.config.version == Version::V3
            && self.last_active.is_some()
            && self.role() == Role::Backup;
        if !learned {
            self.unlearn(out);
        }
        if self.config.source.is_some() {
            self.primary = self.config.source;
        }
        let new = self.active_down_interval();
        match &mut self.state {
            State::Initialize => {}
            State::Backup(backup) => {
                backup.active_down = (backup.active_down + new).saturating_sub(old);
            }
            State::Active(active) => {
                active.adver = active.adver.min(now + self.config.interval.as_duration());
                if before.announce != self.config.announce {
                    active.announce.refresh_from(now, &self.config.announce);
                }
            }
        }
    }

    /// Role and deadline, to go on with elsewhere.
    pub fn saved(&self) -> SavedRole {
        match &self.state {
            State::Initialize => SavedRole::Initialize,
            State::Backup(backup) => SavedRole::Backup {
                active_down: backup.active_down,
                active_adver_interval: self.active_adver_interval,
            },
            State::Active(active) => SavedRole::Active {
                adver: active.adver,
            },
        }
    }

    /// Goes on with what [`VirtualRouter::saved`] said, instead of
    /// [`Event::Startup`](crate::Event). A role that may be another router's by now is not resumed:
    /// the earliest Backup takes over three intervals after the last advert.
    pub fn resume(
        &mut self,
        now: Instant,
        saved: SavedRole,
        last_active: Option<IpAddr>,
        out: &mut impl Extend<Action>,
    ) {
        if self.role() != Role::Initialize {
            return;
        }
        match saved {
            SavedRole::Initialize => {}
            SavedRole::Backup {
                active_down,
                active_adver_interval,
            } => {
                self.active_adver_interval = active_adver_interval;
                self.last_active = last_active;
                // With a greater priority than it was left with, it waits no longer than a new one.
                let active_down = active_down.min(now + self.active_down_interval());
                self.enter(State::Backup(Backup::new(active_down)), Cause::Resumed, out);
            }
            SavedRole::Active { adver } => {
                let interval = self.config.interval.as_duration();
                // The last advert left one interval before the next was due.
                let silence =
                    interval * u32::from(self.config.down_timer_adverts.saturating_sub(1));
                if now < adver + silence {
                    let state = Active::resumed(now, adver.min(now + interval), &self.config);
                    self.last_active = last_active;
                    self.enter(State::Active(state), Cause::Resumed, out);
                }
            }
        }
    }
}

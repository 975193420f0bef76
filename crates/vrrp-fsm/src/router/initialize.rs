//! RFC 9568 §6.4.1: Initialize.

use super::backup::Backup;
use super::{State, VirtualRouter};
use crate::Instant;
use crate::action::{Action, Cause, Role};

impl VirtualRouter {
    /// Startup. An owner is Active at once, unless it was told to wait; in a sync group it is a
    /// Backup whose timer is due, so that the group has its say.
    //= KA-STATE-01
    pub(super) fn startup(&mut self, now: Instant, grouped: bool, out: &mut impl Extend<Action>) {
        if self.role() != Role::Initialize {
            return;
        }
        self.active_adver_interval = self.config.interval;
        self.lowered = false;
        self.last_active = None;
        let owner = self.priority.is_owner() && !self.config.owner_waits;
        match (owner, grouped) {
            //= R9568-6.1-09
            (true, false) => self.become_active(now, Cause::Startup, out),
            (true, true) => {
                let cause = Cause::Startup;
                self.enter(State::Backup(Backup::new_owner(now)), cause, out);
            }
            //= R9568-6.4.1-04
            (false, _) => self.become_backup(now, Cause::Startup, out),
        }
    }
}

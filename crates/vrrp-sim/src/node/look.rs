//! What is seen from outside, and the rules that only the inside can judge.

use super::{EngineNode, View};
use vrrp_fsm::{Input, Instant, Role, RouterId, Stats};
use vrrp_net::{AddressSpec, IfIndex};

impl EngineNode {
    /// Looks at the engine anew, and whether kernel and engine agree.
    pub(super) fn look(&mut self) {
        self.epoch += 1;
        let Some(process) = &mut self.process else {
            for view in &mut self.views {
                *view = View {
                    announced: view.announced,
                    ..View::default()
                };
            }
            return;
        };
        let mut stats = Vec::with_capacity(self.views.len());
        for (at, view) in self.views.iter_mut().enumerate() {
            let id = RouterId(u32::try_from(at).unwrap_or(u32::MAX));
            let Some(s) = process.engine.snapshot(id) else {
                continue;
            };
            *view = View {
                role: s.role,
                status: s.status,
                priority: s.priority,
                announced: view.announced,
            };
            stats.push(s.stats);
        }
        for (before, after) in process.stats.iter().zip(&stats) {
            let fell = counters(before)
                .into_iter()
                .zip(counters(after))
                .any(|(b, a)| a < b);
            if fell {
                self.complaints
                    .push(format!("a counter fell: {before:?} to {after:?}"));
            }
        }
        process.stats = stats;
        if process.waits.is_some() {
            return;
        }
        for at in 0..self.views.len() {
            let active = self
                .views
                .get(at)
                .is_some_and(|view| view.role == Role::Active);
            let (present, all) = self.present(at);
            if present != if active { all } else { 0 } {
                let is = if active { "Active" } else { "not Active" };
                self.complaints.push(format!(
                    "{is} on segment {at} with {present} of {all} addresses"
                ));
            }
        }
    }

    /// How many of the addresses on segment `at` the kernel has, and of how many.
    pub(super) fn present(&self, at: usize) -> (usize, usize) {
        let id = u32::try_from(at).map(RouterId);
        let serves = id
            .ok()
            .and_then(|id| self.serves.get(&id))
            .map_or(&[][..], Vec::as_slice);
        let has = |(_, spec): &&(IfIndex, AddressSpec)| self.kernel.has_address(spec.address);
        (serves.iter().filter(has).count(), serves.len())
    }

    /// Nothing is due any more: another timeout must change nothing.
    pub(super) fn probe(&mut self, now: Instant) {
        let Some(process) = &mut self.process else {
            return;
        };
        let deadline = process.engine.next_deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.complaints
                .push(format!("the deadline {deadline:?} is not after {now}"));
        }
        process.engine.handle(now, Input::Timeout);
        let after = process.engine.next_deadline();
        if let Some(command) = process.engine.poll_command() {
            self.complaints
                .push(format!("before its deadline {deadline:?}: {command:?}"));
        } else if after != deadline {
            self.complaints.push(format!(
                "a timeout at {now} moved {deadline:?} to {after:?}"
            ));
        }
    }
}

/// All that must never fall.
const fn counters(s: &Stats) -> [u64; 29] {
    [
        s.become_active,
        s.leave_active,
        s.adverts_rcvd,
        s.adverts_sent,
        s.priority_zero_rcvd,
        s.priority_zero_sent,
        s.checksum_errors,
        s.version_errors,
        s.vrid_errors,
        s.ip_ttl_errors,
        s.invalid_type_rcvd,
        s.packet_length_errors,
        s.address_list_errors,
        s.adv_interval_errors,
        s.invalid_auth_type,
        s.auth_type_mismatch,
        s.auth_failures,
        s.auth_ext_missing,
        s.auth_ext_malformed,
        s.auth_ext_unknown_key,
        s.auth_ext_invalid_hmac,
        s.auth_ext_stale,
        s.auth_ext_replay,
        s.bad_destination,
        s.own_packets,
        s.owner_conflicts,
        s.carp_rcvd,
        s.tx_errors,
        s.announcements,
    ]
}

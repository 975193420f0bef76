//! One virtual router: RFC 9568 §6.4 and RFC 3768 §6.4, one file per state.
//!
//! [`VirtualRouter::handle`] decides and answers by effects, in the order in which they must happen.
//! Deadlines live inside the state, so leaving a state destroys its timers and a stale one cannot
//! exist. One function assigns the role, over every pair of roles.

mod active;
mod announce;
mod backup;
mod drain;
mod initialize;
mod reconfigure;

use core::net::IpAddr;
use core::time::Duration;

use vrrp_proto::{AdvertInterval, Priority, Version};

use crate::Instant;
use crate::action::{Action, Cause, Deadline, Role, TimerKind, Transition};
use crate::config::RouterConfig;
use crate::event::{Event, Heard};
use crate::report::Report;
use crate::timing::{active_down_interval, skew_time};

use active::Active;
use backup::Backup;

/// What an owner that gave up 255 says instead.
const LOWERED_OWNER: Priority = Priority::new(254);
/// What a router says that hands its role over.
const DRAINING: Priority = Priority::new(1);

/// A virtual router (RFC 9568 §6).
///
/// ```text
///                      +---------------+
///           +--------->|               |<-------------+
///           |          |  Initialize   |              |
///           |   +------|               |----------+   |
///           |   |      +---------------+          |   |
///           |   |                                 |   |
///           |   V                                 V   |
///   +---------------+                       +---------------+
///   |               |---------------------->|               |
///   |    Active     |                       |    Backup     |
///   |               |<----------------------|               |
///   +---------------+                       +---------------+
/// ```
///
/// Daemons drive an [`Engine`](crate::Engine); this is for those who have exactly one virtual
/// router, and for tests.
#[derive(Clone, Debug)]
pub struct VirtualRouter {
    config: RouterConfig,
    /// The tie-break. Unknown until [`Event::Primary`].
    primary: Option<IpAddr>,
    /// Base and tracking, as the last [`Event::Priority`] said.
    priority: Priority,
    /// An owner that gave up 255 because another owner does not give way (KA-OWN-02).
    lowered: bool,
    /// The last Active router that was heard and accepted.
    last_active: Option<IpAddr>,
    /// Active_Adver_Interval, kept beyond Backup for those who look.
    active_adver_interval: AdvertInterval,
    state: State,
}

/// The role and all that exists in that role alone: timers above all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a takeover must not wait for an allocator"
)]
enum State {
    Initialize,
    Backup(Backup),
    Active(Active),
}

impl State {
    const fn role(&self) -> Role {
        match self {
            Self::Initialize => Role::Initialize,
            Self::Backup(_) => Role::Backup,
            Self::Active(_) => Role::Active,
        }
    }
}

impl VirtualRouter {
    /// A router in Initialize, whose effective priority is the configured one.
    pub fn new(config: RouterConfig) -> Self {
        Self {
            primary: config.source,
            priority: config.priority,
            lowered: false,
            last_active: None,
            active_adver_interval: config.interval,
            config,
            state: State::Initialize,
        }
    }

    /// Applies one event. Effects are appended to `out` in the order in which they must happen.
    ///
    /// `now` must not go backwards. [`Event::Timeout`] with nothing due changes nothing.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut impl Extend<Action>) {
        match event {
            Event::Startup => self.startup(now, false, out),
            Event::StartupInGroup => self.startup(now, true, out),
            Event::Shutdown(cause) => self.enter(State::Initialize, cause, out),
            Event::Advert(heard) => self.advert(now, heard, out),
            Event::Timeout => self.timeout(now, out),
            Event::Priority(priority) => self.set_priority(priority, out),
            Event::Primary(address) => self.primary = Some(address),
            Event::Demand(role, cause) => self.demand(now, role, cause, out),
            Event::Hold => self.hold(now),
            Event::Drain => self.drain(now, out),
            Event::Undrain => self.undrain(now, out),
        }
    }

    /// The earliest moment at which [`Event::Timeout`] is due, and what for. May change with every
    /// event.
    pub fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::Initialize => None,
            State::Backup(backup) => Some((backup.active_down, TimerKind::ActiveDown)),
            State::Active(active) => Some(active.deadline()),
        }
    }

    /// When Adver_Timer fires; `None` unless Active.
    pub const fn adver_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Active(active) => Some(active.adver),
            State::Initialize | State::Backup(_) => None,
        }
    }

    /// When Active_Down_Timer fires; `None` unless Backup.
    pub const fn active_down_timer(&self) -> Option<Instant> {
        match &self.state {
            State::Backup(backup) => Some(backup.active_down),
            State::Initialize | State::Active(_) => None,
        }
    }

    /// The state of RFC 9568 §6.4.
    pub const fn role(&self) -> Role {
        self.state.role()
    }

    /// What it is configured to do.
    pub const fn config(&self) -> &RouterConfig {
        &self.config
    }

    /// The address that it sends from and that breaks ties, once known.
    pub const fn primary(&self) -> Option<IpAddr> {
        self.primary
    }

    /// The priority that it advertises and compares with: 1 in a drain, 254 where an owner had to
    /// give up 255, else base and tracking.
    pub const fn priority(&self) -> Priority {
        if self.is_draining() {
            DRAINING
        } else if self.lowered {
            LOWERED_OWNER
        } else {
            self.priority
        }
    }

    /// Base and tracking alone.
    pub(crate) const fn tracked_priority(&self) -> Priority {
        self.priority
    }

    /// Active_Adver_Interval: our own, or what the Active router was last heard to say.
    pub const fn active_adver_interval(&self) -> AdvertInterval {
        self.active_adver_interval
    }

    /// Skew_Time of this moment. The owner's stays the owner's, also when it went down to 254.
    pub fn skew_time(&self) -> Duration {
        skew_time(
            self.config.version,
            self.priority,
            self.active_adver_interval,
        )
    }

    /// Active_Down_Interval of this moment.
    pub fn active_down_interval(&self) -> Duration {
        self.active_down_interval_at(self.priority)
    }

    /// The last Active router that was heard, this one apart.
    pub const fn last_active(&self) -> Option<IpAddr> {
        self.last_active
    }

    /// Whether a drain is under way.
    pub const fn is_draining(&self) -> bool {
        match &self.state {
            State::Active(active) => active.drain.is_some(),
            State::Initialize | State::Backup(_) => false,
        }
    }

    /// Whether its Active_Down_Timer has run out with nothing accepted since, and its sync group
    /// made it wait; or it is Active.
    pub const fn wants_active(&self) -> bool {
        match &self.state {
            State::Backup(backup) => backup.wants,
            State::Active(_) => true,
            State::Initialize => false,
        }
    }

    fn active_down_interval_at(&self, priority: Priority) -> Duration {
        let adverts = self.config.down_timer_adverts;
        active_down_interval(
            self.config.version,
            priority,
            self.active_adver_interval,
            adverts,
        )
    }

    fn advert(&mut self, now: Instant, heard: Heard, out: &mut impl Extend<Action>) {
        let Heard {
            source, priority, ..
        } = heard;
        //= HARD-FSM-01
        if Some(source) == self.primary {
            out.extend([Action::Report(Report::OwnAddressHeard { source, priority })]);
            return;
        }
        match self.state {
            //= R9568-6.4.1-05
            //= KA-STATE-04
            State::Initialize => {}
            State::Backup(backup) => self.advert_in_backup(now, heard, backup, out),
            State::Active(active) => self.advert_in_active(now, heard, active, out),
        }
    }

    //= TIM-20
    //= TIM-21
    //= TIM-22
    //= TIM-23
    //= TIM-24
    //= TIM-25
    //= TIM-26
    //= TIM-27
    fn timeout(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        match self.state {
            State::Initialize => {}
            State::Backup(backup) => self.timeout_in_backup(now, backup, out),
            State::Active(active) => self.timeout_in_active(now, active, out),
        }
    }

    /// A Backup's running timer moves by the difference of the two Active_Down_Intervals.
    //= KA-PRIO-02
    fn set_priority(&mut self, to: Priority, out: &mut impl Extend<Action>) {
        let from = self.priority;
        if from == to {
            return;
        }
        let (old, new) = (
            self.active_down_interval(),
            self.active_down_interval_at(to),
        );
        self.priority = to;
        self.lowered &= to.is_owner();
        out.extend([Action::Report(Report::PriorityChanged { from, to })]);
        if let State::Backup(backup) = &mut self.state {
            backup.active_down = (backup.active_down + new).saturating_sub(old);
        }
    }

    fn demand(&mut self, now: Instant, role: Role, cause: Cause, out: &mut impl Extend<Action>) {
        match (self.role(), role) {
            (Role::Backup, Role::Active) => self.become_active(now, cause, out),
            (Role::Active, Role::Backup) => self.become_backup(now, cause, out),
            (Role::Initialize, _)
            | (_, Role::Initialize)
            | (Role::Backup, Role::Backup)
            | (Role::Active, Role::Active) => {}
        }
    }

    fn become_active(&mut self, now: Instant, cause: Cause, out: &mut impl Extend<Action>) {
        self.unlearn(out);
        self.restore_owner(out);
        self.enter(State::Active(Active::new(now, &self.config)), cause, out);
    }

    fn become_backup(&mut self, now: Instant, cause: Cause, out: &mut impl Extend<Action>) {
        let active_down = now + self.active_down_interval();
        self.enter(State::Backup(Backup::new(active_down)), cause, out);
    }

    //= HARD-FSM-02
    /// The only place where the role changes and where a change of it has effects. Every pair of
    /// roles is written out: a new one must not compile until somebody has said what it does.
    fn enter(&mut self, next: State, cause: Cause, out: &mut impl Extend<Action>) {
        let (from, to) = (self.state.role(), next.role());
        let notify = Action::Notify(Transition { from, to, cause });
        match (from, to) {
            (Role::Initialize, Role::Initialize)
            | (Role::Backup, Role::Backup)
            | (Role::Active, Role::Active) => {}
            //= R9568-6.4.2-06
            (Role::Initialize, Role::Backup) | (Role::Backup, Role::Initialize) => {
                out.extend([notify]);
            }
            //= R9568-5.2.4-01
            //= R3768-5.3.4-01
            //= R9568-6.4.1-01
            //= R9568-6.4.3-02
            //= R3768-6.4.1-01
            //= R9568-6.4.1-02
            //= R9568-6.4.1-03
            //= R9568-6.4.2-07
            //= KA-GARP-01
            (Role::Initialize, Role::Active) if matches!(cause, Cause::Resumed) => {
                // Everybody knows already: the addresses never went.
                out.extend([Action::Install, notify]);
            }
            (Role::Initialize | Role::Backup, Role::Active) => out.extend([
                Action::Advertise(self.priority()),
                Action::Install,
                Action::Announce {
                    rounds: self.config.announce.burst.max(1),
                },
                notify,
            ]),
            //= R9568-6.4.3-07
            //= R3768-5.3.4-03
            //= KA-STATE-03
            (Role::Active, Role::Backup | Role::Initialize) => {
                if leaves_with_relinquish(to, cause) {
                    out.extend([
                        Action::Advertise(Priority::RELINQUISH),
                        Action::Report(Report::RelinquishSent),
                    ]);
                } else if self.config.announce.after_trouble && gives_way(cause) {
                    // The winner may have been Active all along, behind a cut cable: only if it hears
                    // that there were two does it announce to the hosts that believed in this one.
                    out.extend([Action::Advertise(self.priority())]);
                }
                out.extend([Action::Withdraw, notify]);
            }
        }
        self.state = next;
    }

    /// Active_Adver_Interval follows what was accepted, in VRRPv3.
    //= R9568-6.1-07
    //= TIM-09
    fn learn(&mut self, interval: AdvertInterval, out: &mut impl Extend<Action>) {
        let from = self.active_adver_interval;
        if self.config.version == Version::V3 && from != interval {
            self.active_adver_interval = interval;
            out.extend([Action::Report(Report::IntervalLearned {
                from,
                to: interval,
            })]);
        }
    }

    /// Our own interval counts again.
    fn unlearn(&mut self, out: &mut impl Extend<Action>) {
        let (from, to) = (self.active_adver_interval, self.config.interval);
        if from != to {
            self.active_adver_interval = to;
            out.extend([Action::Report(Report::IntervalRestored { from, to })]);
        }
    }

    /// Remembers who is Active.
    fn follow(&mut self, source: IpAddr, out: &mut impl Extend<Action>) {
        match self.last_active.replace(source) {
            None => out.extend([Action::Report(Report::ActiveKnown { source })]),
            Some(from) if from != source => {
                out.extend([Action::Report(Report::ActiveChanged { from, to: source })]);
            }
            Some(_) => {}
        }
    }

    /// The other owner is gone.
    fn restore_owner(&mut self, out: &mut impl Extend<Action>) {
        if core::mem::take(&mut self.lowered) {
            out.extend([Action::Report(Report::OwnerRestored)]);
        }
    }
}

/// Whether a router that leaves Active says so with priority 0. Not where somebody else is known to
/// serve already: a winner that was heard, the group's other half, the taker of a drained role.
const fn leaves_with_relinquish(to: Role, cause: Cause) -> bool {
    match to {
        Role::Initialize => !matches!(cause, Cause::Drained(Some(_))),
        Role::Backup | Role::Active => false,
    }
}

/// Whether a router that leaves Active for this cause leaves it to one that serves.
const fn gives_way(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::Higher { .. } | Cause::Group(_) | Cause::Drained(Some(_))
    )
}

#[cfg(test)]
mod tests;

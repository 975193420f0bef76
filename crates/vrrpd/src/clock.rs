//! Reading clocks: the one place that does.

use core::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use vrrp_fsm::Instant;

/// What time it is, of the world or of a simulation.
pub trait Clock {
    /// The protocol clock. Never goes backwards, and goes on while the machine sleeps.
    fn now(&self) -> Instant;
    /// The wall clock: since 1970, UTC. May jump.
    fn utc(&self) -> Duration;
}

/// CLOCK_BOOTTIME and CLOCK_REALTIME.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let now = since_origin(clock_gettime(ClockId::Boottime));
        Instant::from_nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    fn utc(&self) -> Duration {
        since_origin(clock_gettime(ClockId::Realtime))
    }
}

/// Neither clock is before its origin.
fn since_origin(time: Timespec) -> Duration {
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}

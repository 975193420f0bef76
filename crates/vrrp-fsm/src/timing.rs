//! The two derived times of the protocol: pure, integer, and the only place that divides by 256.
//!
//! Nanoseconds throughout. Rounding to centiseconds, as some do, makes the skew of many priorities 0
//! at short intervals, and the order of takeover is lost.

use core::time::Duration;

use vrrp_proto::{AdvertInterval, Priority, Version};

/// Skew_Time: the part of the silence that makes the greater priority take over first.
///
/// `active_adver_interval` counts in VRRPv3 only (RFC 9568 §6.1); VRRPv2 divides a second (RFC 3768 §6.1).
//= R9568-6.1-05
//= R3768-6.1-02
//= TIM-02
//= TIM-03
//= TIM-05
//= TIM-06
pub fn skew_time(
    version: Version,
    priority: Priority,
    active_adver_interval: AdvertInterval,
) -> Duration {
    let unit = match version {
        Version::V2 => Duration::from_secs(1),
        Version::V3 => active_adver_interval.as_duration(),
    };
    unit * (256 - u32::from(priority.get())) / 256
}

/// Active_Down_Interval: the silence after which a Backup takes over.
///
/// `adverts` is the number of adverts that may be missing: 3 in the RFCs.
//= R9568-6.1-06
//= R3768-6.1-03
//= TIM-01
//= TIM-04
//= KA-ADV-05
pub fn active_down_interval(
    version: Version,
    priority: Priority,
    active_adver_interval: AdvertInterval,
    adverts: u8,
) -> Duration {
    active_adver_interval.as_duration() * u32::from(adverts)
        + skew_time(version, priority, active_adver_interval)
}

#[cfg(test)]
mod tests;

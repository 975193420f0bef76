use alloc::vec::Vec;

use vrrp_proto::{Family, Vrid};

use super::*;
use crate::config::{AnnounceSchedule, Preempt, RouterOptions};
use crate::saved::SavedRole;
use crate::{FaultCause, IfaceId};

mod announce;
mod drain;
mod elections;
mod keep;
mod matrix;
mod timelines;

/// Our own address: some are greater, some are less.
const OURS: IpAddr = addr(2);
const LESS: IpAddr = addr(1);
const GREATER: IpAddr = addr(3);
const SECOND: AdvertInterval = AdvertInterval::DEFAULT;

const fn addr(last: u8) -> IpAddr {
    IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, last))
}

fn centis(centis: u16) -> AdvertInterval {
    AdvertInterval::from_centis(centis).unwrap()
}

/// Microseconds after the origin.
const fn us(micros: u64) -> Instant {
    Instant::from_nanos(micros * 1_000)
}

fn options(priority: u8) -> RouterOptions {
    let options = RouterOptions {
        priority: Priority::new(priority),
        source: Some(OURS),
        ..RouterOptions::rfc(IfaceId(1), Family::V4, Vrid::new(51).unwrap())
    };
    options.with_addresses([addr(254)])
}

fn router(options: RouterOptions) -> VirtualRouter {
    VirtualRouter::new(options.try_into().unwrap())
}

/// What it does, reports apart.
fn does(router: &mut VirtualRouter, now: Instant, event: Event) -> Vec<Action> {
    let mut out = all(router, now, event);
    out.retain(|action| !matches!(action, Action::Report(_)));
    out
}

fn all(router: &mut VirtualRouter, now: Instant, event: Event) -> Vec<Action> {
    let mut out = Vec::new();
    router.handle(now, event, &mut out);
    out
}

/// What it reports alone.
fn says(router: &mut VirtualRouter, now: Instant, event: Event) -> Vec<Report> {
    let reports = all(router, now, event)
        .into_iter()
        .filter_map(|action| match action {
            Action::Report(report) => Some(report),
            _ => None,
        });
    reports.collect()
}

fn heard(source: IpAddr, priority: u8, interval: AdvertInterval) -> Event {
    Event::Advert(Heard {
        source,
        priority: Priority::new(priority),
        interval,
    })
}

const fn advert(priority: u8) -> Action {
    Action::Advertise(Priority::new(priority))
}

const fn notify(from: Role, to: Role, cause: Cause) -> Action {
    Action::Notify(Transition { from, to, cause })
}

/// Backup since 0.
fn backup(options: RouterOptions) -> VirtualRouter {
    let mut router = router(options);
    does(&mut router, us(0), Event::Startup);
    assert_eq!(router.role(), Role::Backup);
    router
}

/// Active since `at`, after silence.
fn active_at(options: RouterOptions) -> (VirtualRouter, Instant) {
    let mut router = router(options);
    does(&mut router, us(0), Event::Startup);
    let at = router.active_down_timer().unwrap_or(us(0));
    does(&mut router, at, Event::Timeout);
    assert_eq!(router.role(), Role::Active);
    (router, at)
}

//! Random plans: what a network and its operators do to routers, drawn from a seed.
//!
//! A plan varies faults, priorities, timing and membership. It does not vary what must be the same
//! on all routers of a virtual router (interval, version, addresses, checksum): those who configure
//! these wrongly have scenarios of their own, not invariants.

use crate::lan::{Conditions, Segment};
use crate::plan::{Name, Order, Plan, RouterPlan, Step};
use crate::rng::{Chance, Rng};
use crate::scenario::Outcome;
use core::fmt;
use core::time::Duration;
use vrrp_fsm::{Instant, Preempt};
use vrrp_proto::{AdvertInterval, Family, Profile, Version};

/// The bounds of a random plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At most so many routers, at least 1.
    pub routers: usize,
    /// At most so many steps.
    pub steps: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            routers: 5,
            steps: 40,
        }
    }
}

/// The plan of `seed`.
pub fn plan(seed: u64, bounds: Bounds) -> Plan {
    let mut rng = Rng::new(seed ^ 0x706c_616e);
    let (family, version) = rng.pick(&[
        (Family::V4, Version::V3),
        (Family::V4, Version::V3),
        (Family::V4, Version::V2),
        (Family::V6, Version::V3),
    ]);
    let centis = match version {
        Version::V2 => rng.pick(&[100, 100, 200, 1000]),
        Version::V3 => rng.pick(&[10, 25, 50, 100, 100, 100, 200, 500]),
    };
    let interval = AdvertInterval::from_centis(centis).unwrap_or_default();
    let count = rng.between(bounds.routers.min(2) as u64, bounds.routers as u64);
    let base = rng.pick(&[100, 100, 200, 250, 254]);
    let routers = (0..count).map(|_| router(&mut rng, base)).collect();
    let mut plan = Plan {
        seed,
        family,
        version,
        profile: rng.pick(&[Profile::Keepalived, Profile::Keepalived, Profile::Rfc]),
        interval,
        segments: rng.pick(&[1, 1, 1, 2]),
        hosts: 1,
        ping: interval.as_duration() / 3,
        latency: Duration::from_micros(rng.pick(&[10, 50, 200, 900])),
        install: interval.as_duration() / rng.pick(&[1_000_000, 1000, 50]),
        routers,
        steps: Vec::new(),
    };
    let mut draw = Draw {
        rng,
        plan: &mut plan,
    };
    draw.steps(bounds.steps);
    plan
}

/// A long run: quiet stretches, then trouble, after which everything is mended. Three routers have
/// priorities 200, 190, 180 and so on; adverts go out each second.
pub fn day(seed: u64, routers: usize, length: Duration) -> Plan {
    let mut rng = Rng::new(seed ^ 0x0064_6179);
    let priority = |at: usize| u8::try_from(200_usize.saturating_sub(at * 10).max(1)).unwrap_or(1);
    let ppm = |rng: &mut Rng| i32::try_from(rng.below(201)).unwrap_or(0) - 100;
    let routers = (0..routers.max(1))
        .map(|at| RouterPlan {
            drift: ppm(&mut rng),
            ..RouterPlan::new(priority(at))
        })
        .collect();
    let mut plan = Plan {
        seed,
        routers,
        hosts: 2,
        ..Plan::default()
    };
    let mut draw = Draw {
        rng,
        plan: &mut plan,
    };
    for at in 0..draw.plan.routers.len() {
        draw.plan.steps.push(Step::Router(at, Order::Start));
    }
    let mut left = length;
    loop {
        left = draw.pass(Duration::from_secs(1200), left);
        if left.is_zero() {
            return plan;
        }
        let mut repairs = Vec::new();
        for _ in 0..draw.rng.between(1, 3) {
            let (trouble, repair) = draw.real_trouble();
            draw.plan.steps.push(trouble);
            repairs.push(repair);
            left = draw.pass(Duration::from_secs(20), left);
        }
        left = draw.pass(Duration::from_secs(60), left);
        // A machine that was stopped or crashed while frozen is woken first.
        repairs.sort_by_key(|step| !matches!(step, Step::Router(_, Order::Resume)));
        repairs.dedup();
        draw.plan.steps.extend(repairs);
    }
}

/// What many runs came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Plans carried out.
    pub plans: u64,
    /// Their steps.
    pub steps: u64,
    /// How often a virtual router became Active.
    pub takeovers: u64,
    /// Pings, answered and lost.
    pub pings: u64,
    /// Of the worlds.
    pub time: Duration,
    /// Promises broken.
    pub violations: u64,
}

impl Totals {
    /// Counts a run.
    pub fn add(&mut self, plan: &Plan, outcome: &Outcome) {
        let pings = outcome
            .pings
            .iter()
            .map(|pings| pings.answered + pings.lost)
            .sum();
        self.merge(&Self {
            plans: 1,
            steps: plan.steps.len() as u64,
            takeovers: outcome.takeovers as u64,
            pings,
            time: outcome.end.saturating_duration_since(Instant::ZERO),
            violations: outcome.violations.len() as u64,
        });
    }

    /// Counts what somebody else has counted.
    pub fn merge(&mut self, other: &Self) {
        self.plans += other.plans;
        self.steps += other.steps;
        self.takeovers += other.takeovers;
        self.pings += other.pings;
        self.time += other.time;
        self.violations += other.violations;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plans,
            steps,
            takeovers,
            pings,
            violations,
            ..
        } = self;
        let hours = self.time.as_secs() / 3600;
        write!(
            f,
            "{plans} plans, {steps} steps, {hours} h, {takeovers} failovers, {pings} pings, \
             {violations} invariant violations"
        )
    }
}

fn router(rng: &mut Rng, base: u8) -> RouterPlan {
    let priority = match rng.below(12) {
        0 => 1,
        1 => 255,
        2..=4 => base,
        _ => u8::try_from(rng.between(1, 254)).unwrap_or(100),
    };
    let preempt = match rng.below(6) {
        0 => Preempt::Never,
        1 => Preempt::After(Duration::from_millis(rng.between(1, 8) * 500)),
        _ => Preempt::AtOnce,
    };
    let ppm = i32::try_from(rng.below(401)).unwrap_or(0) - 200;
    RouterPlan {
        priority,
        preempt,
        drift: ppm,
    }
}

struct Draw<'p> {
    rng: Rng,
    plan: &'p mut Plan,
}

impl Draw<'_> {
    fn steps(&mut self, most: usize) {
        // An owner is one: two of them are a mistake in a configuration.
        let mut owners = 0;
        for router in &mut self.plan.routers {
            owners += usize::from(router.priority == 255);
            if owners > 1 && router.priority == 255 {
                router.priority = 254;
            }
        }
        for at in 0..self.plan.routers.len() {
            if self.rng.below(8) > 0 {
                self.plan.steps.push(Step::Router(at, Order::Start));
            }
        }
        while self.plan.steps.len() < most {
            for _ in 0..self.rng.pick(&[1, 1, 1, 2, 3]) {
                let step = self.trouble();
                self.plan.steps.push(step);
            }
            let pause = self.pause();
            self.plan.steps.push(pause);
        }
        self.plan.steps.truncate(most);
    }

    /// Lets up to `most` of what is `left` pass; answers what is left then.
    fn pass(&mut self, most: Duration, left: Duration) -> Duration {
        let length = self
            .rng
            .duration(most)
            .max(Duration::from_millis(1))
            .min(left);
        if !length.is_zero() {
            self.plan.steps.push(Step::Run(length));
        }
        left - length
    }

    /// Something that is no repair, and what repairs it.
    fn real_trouble(&mut self) -> (Step, Step) {
        loop {
            let trouble = self.trouble();
            if let Some(repair) = self.repair(&trouble) {
                return (trouble, repair);
            }
        }
    }

    fn repair(&self, trouble: &Step) -> Option<Step> {
        match trouble {
            Step::Router(at, order) => {
                let repair = match order {
                    Order::Stop | Order::Leave | Order::Kill | Order::Crash => Order::Start,
                    Order::Freeze | Order::Suspend => Order::Resume,
                    Order::Drain => Order::Undrain,
                    Order::Priority(_) => Order::Priority(self.plan.routers.get(*at)?.priority),
                    Order::Start | Order::Resume | Order::Undrain => return None,
                };
                Some(Step::Router(*at, repair))
            }
            Step::Cable {
                router,
                segment,
                plugged: false,
            } => Some(Step::Cable {
                router: *router,
                segment: *segment,
                plugged: true,
            }),
            Step::Cut(_) | Step::Deafen(..) => Some(Step::Heal),
            Step::Weather(name, conditions) if *conditions != Conditions::GOOD => {
                Some(Step::Weather(*name, Conditions::GOOD))
            }
            Step::Cable { .. }
            | Step::Weather(..)
            | Step::Heal
            | Step::Run(_)
            | Step::Mark
            | Step::Expect(_) => None,
        }
    }

    /// From less than a Skew_Time to longer than anything takes.
    fn pause(&mut self) -> Step {
        let interval = self.plan.interval.as_duration();
        let longest = interval * self.rng.pick(&[1, 4, 8, 12, 20]);
        Step::Run(self.rng.duration(longest))
    }

    fn trouble(&mut self) -> Step {
        let at = self.any_router();
        let order = |order| Step::Router(at, order);
        match self.rng.below(30) {
            0..=5 => order(Order::Start),
            6 | 7 => order(Order::Stop),
            8 | 9 => order(Order::Crash),
            10 => order(Order::Kill),
            11 => order(Order::Leave),
            12 => order(Order::Freeze),
            13 => order(Order::Suspend),
            14..=16 => order(Order::Resume),
            17 => order(Order::Drain),
            18 => order(Order::Undrain),
            19 | 20 => {
                let router = self.plan.routers.get(at);
                // Owners stay owners, and nobody becomes one.
                if router.is_some_and(|router| router.priority == 255) {
                    return self.pause();
                }
                let priority = u8::try_from(self.rng.between(1, 254)).unwrap_or(100);
                order(Order::Priority(priority))
            }
            21..=23 => {
                let segment = self.rng.below(u64::from(self.plan.segments));
                Step::Cable {
                    router: at,
                    segment: u8::try_from(segment).unwrap_or(0),
                    plugged: self.rng.below(5) < 3,
                }
            }
            24 => {
                let some = self.plan.routers.len().div_ceil(2);
                let mut names: Vec<_> = (0..some).map(|_| self.any_name()).collect();
                names.sort_unstable();
                names.dedup();
                Step::Cut(names)
            }
            25 => {
                let (from, to) = (self.any_name(), self.any_name());
                if from == to {
                    Step::Heal
                } else {
                    Step::Deafen(from, to)
                }
            }
            26 | 27 => Step::Heal,
            _ => {
                let name = (self.rng.below(3) > 0).then(|| self.any_name());
                Step::Weather(name, self.weather())
            }
        }
    }

    fn weather(&mut self) -> Conditions {
        let percent = |rng: &mut Rng, most: u64| {
            let percent = u8::try_from(rng.below(most + 1)).unwrap_or(0);
            Chance::from_percent(percent).unwrap_or_default()
        };
        let interval = self.plan.interval.as_duration();
        let mut c = Conditions::GOOD;
        match self.rng.below(8) {
            0 => c.loss = percent(&mut self.rng, 60),
            1 => {
                c.loss = percent(&mut self.rng, 90);
                c.loss_run = 2;
            }
            2 => c.duplicate = percent(&mut self.rng, 50),
            3 => {
                c.delay = self.rng.duration(interval / 50);
                c.jitter = self.rng.duration(interval / 50);
                c.reorder = percent(&mut self.rng, 30);
            }
            4 => c.corrupt = percent(&mut self.rng, 40),
            _ => {}
        }
        // Nothing may be later than a Skew_Time is long, or there is nothing to promise.
        if interval < Segment::HELD_BACK * 100 {
            c.reorder = Chance::NEVER;
        }
        c
    }

    fn any_router(&mut self) -> usize {
        usize::try_from(self.rng.below(self.plan.routers.len() as u64)).unwrap_or(0)
    }

    fn any_name(&mut self) -> Name {
        let hosts = usize::from(self.plan.segments) * usize::from(self.plan.hosts);
        let all = self.plan.routers.len() + hosts;
        let at = usize::try_from(self.rng.below(all as u64)).unwrap_or(0);
        match at.checked_sub(self.plan.routers.len()) {
            Some(host) => Name::Host(host),
            None => Name::Router(at),
        }
    }
}

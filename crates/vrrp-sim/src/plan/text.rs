//! Plans as text, there and back.

use super::{Expectation, Name, Order, Plan, RouterPlan, Step};
use crate::lan::Conditions;
use crate::rng::Chance;
use core::fmt::{self, Display, Formatter};
use core::str::{FromStr, SplitWhitespace};
use core::time::Duration;
use vrrp_fsm::Preempt;
use vrrp_proto::{AdvertInterval, Family, Profile, Version};

/// Why a text is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PlanError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let family = match self.family {
            Family::V4 => "v4",
            Family::V6 => "v6",
        };
        let profile = match self.profile {
            Profile::Rfc => "rfc",
            Profile::Keepalived => "keepalived",
        };
        writeln!(
            f,
            "world seed {} family {family} version {} profile {profile} interval {} segments {} hosts {} ping {} latency {} install {}",
            self.seed,
            self.version,
            Span(self.interval.as_duration()),
            self.segments,
            self.hosts,
            Span(self.ping),
            Span(self.latency),
            Span(self.install),
        )?;
        for (at, router) in self.routers.iter().enumerate() {
            write!(
                f,
                "router {} priority {}",
                Name::Router(at),
                router.priority
            )?;
            match router.preempt {
                Preempt::AtOnce => {}
                Preempt::Never => write!(f, " preempt never")?,
                Preempt::After(delay) => write!(f, " preempt after {}", Span(delay))?,
            }
            if router.drift != 0 {
                write!(f, " drift {}ppm", router.drift)?;
            }
            writeln!(f)?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router(at) => write!(f, "r{}", at + 1),
            Self::Host(at) => write!(f, "h{}", at + 1),
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router(at, Order::Priority(priority)) => {
                write!(f, "priority {} {priority}", Name::Router(*at))
            }
            Self::Router(at, order) => write!(f, "{order} {}", Name::Router(*at)),
            Self::Cable {
                router,
                segment,
                plugged,
            } => {
                let verb = if *plugged { "plug" } else { "unplug" };
                write!(f, "{verb} {} {segment}", Name::Router(*router))
            }
            Self::Cut(names) => {
                f.write_str("cut")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::Deafen(from, to) => write!(f, "deafen {from} {to}"),
            Self::Heal => f.write_str("heal"),
            Self::Weather(name, conditions) => {
                match name {
                    Some(name) => write!(f, "weather {name}")?,
                    None => write!(f, "weather all")?,
                }
                write!(f, "{conditions}")
            }
            Self::Run(length) => write!(f, "run {}", Span(*length)),
            Self::Mark => f.write_str("mark"),
            Self::Expect(expectation) => write!(f, "expect {expectation}"),
        }
    }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Leave => "leave",
            Self::Kill => "kill",
            Self::Crash => "crash",
            Self::Freeze => "freeze",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Priority(priority) => return write!(f, "priority {priority}"),
        })
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "leave" => Self::Leave,
            "kill" => Self::Kill,
            "crash" => Self::Crash,
            "freeze" => Self::Freeze,
            "suspend" => Self::Suspend,
            "resume" => Self::Resume,
            "drain" => Self::Drain,
            "undrain" => Self::Undrain,
            _ => match text.strip_prefix("priority ").map(parse_number) {
                Some(priority) => Self::Priority(priority?),
                None => return Err(format!("`{text}` is nothing that can be done to a router")),
            },
        })
    }
}

impl Display for Conditions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let percent = |f: &mut Formatter<'_>, word: &str, chance: Chance| match chance.percent() {
            0 => Ok(()),
            percent => write!(f, " {word} {percent}%"),
        };
        let span = |f: &mut Formatter<'_>, word: &str, span: Duration| {
            if span.is_zero() {
                Ok(())
            } else {
                write!(f, " {word} {}", Span(span))
            }
        };
        percent(f, "loss", self.loss)?;
        if self.loss_run != 0 {
            write!(f, " run {}", self.loss_run)?;
        }
        span(f, "delay", self.delay)?;
        span(f, "jitter", self.jitter)?;
        percent(f, "duplicate", self.duplicate)?;
        percent(f, "reorder", self.reorder)?;
        percent(f, "corrupt", self.corrupt)
    }
}

impl Display for Expectation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active(routers) if routers.is_empty() => f.write_str("active nobody"),
            Self::Active(routers) => {
                f.write_str("active")?;
                routers
                    .iter()
                    .try_for_each(|at| write!(f, " {}", Name::Router(*at)))
            }
            Self::Backup(at) => write!(f, "backup {}", Name::Router(*at)),
            Self::Takeovers(count) => write!(f, "takeovers {count}"),
            Self::Lost(count) => write!(f, "lost {count}"),
            Self::OutageAtMost(span) => write!(f, "outage at most {}", Span(*span)),
            Self::OutageAtLeast(span) => write!(f, "outage at least {}", Span(*span)),
        }
    }
}

/// A length of time in the greatest unit that says it without a fraction.
pub(crate) struct Span(pub(crate) Duration);

const UNITS: [(&str, u64); 5] = [
    ("h", 3_600_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1000),
    ("ns", 1),
];

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        let unit = UNITS
            .iter()
            .find(|(_, unit)| nanos != 0 && nanos.is_multiple_of(*unit));
        match unit {
            Some((name, unit)) => write!(f, "{}{name}", nanos / unit),
            None => f.write_str("0s"),
        }
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut plan = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            plan.read(line)
                .map_err(|what| PlanError { line: at + 1, what })?;
        }
        plan.judge().map_err(|what| PlanError {
            line: text.lines().count(),
            what,
        })?;
        Ok(plan)
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = Words(line.split_whitespace());
        let verb = words.next()?;
        let step = match verb {
            "cut" => Self::Cut(words.rest(parse_name)?),
            "deafen" => Self::Deafen(parse_name(words.next()?)?, parse_name(words.next()?)?),
            "heal" => Self::Heal,
            "weather" => {
                let name = match words.next()? {
                    "all" => None,
                    name => Some(parse_name(name)?),
                };
                Self::Weather(name, words.conditions()?)
            }
            "run" => Self::Run(parse_span(words.next()?)?),
            "mark" => Self::Mark,
            "expect" => Self::Expect(words.expectation()?),
            "plug" | "unplug" => Self::Cable {
                router: parse_router(words.next()?)?,
                segment: parse_number(words.next()?)?,
                plugged: verb == "plug",
            },
            "priority" => {
                let router = parse_router(words.next()?)?;
                Self::Router(router, Order::Priority(parse_number(words.next()?)?))
            }
            verb => {
                let order = verb.parse().map_err(|_| format!("`{verb}` is no step"))?;
                Self::Router(parse_router(words.next()?)?, order)
            }
        };
        words.end()?;
        Ok(step)
    }
}

impl Plan {
    fn read(&mut self, line: &str) -> Result<(), String> {
        let mut words = Words(line.split_whitespace());
        match words.0.next() {
            None => Ok(()),
            Some("world") => self.read_world(words),
            Some("router") => self.read_router(words),
            Some(_) => {
                self.steps.push(line.parse()?);
                Ok(())
            }
        }
    }

    fn read_world(&mut self, mut words: Words<'_>) -> Result<(), String> {
        while let Some(word) = words.0.next() {
            let value = words.next()?;
            match word {
                "seed" => self.seed = parse_number(value)?,
                "family" => {
                    self.family = match value {
                        "v4" => Family::V4,
                        "v6" => Family::V6,
                        _ => return Err(format!("`{value}` is neither v4 nor v6")),
                    }
                }
                "version" => {
                    self.version = match value {
                        "2" => Version::V2,
                        "3" => Version::V3,
                        _ => return Err(format!("`{value}` is neither 2 nor 3")),
                    }
                }
                "profile" => {
                    self.profile = match value {
                        "rfc" => Profile::Rfc,
                        "keepalived" => Profile::Keepalived,
                        _ => return Err(format!("`{value}` is neither rfc nor keepalived")),
                    }
                }
                "interval" => {
                    let centis = parse_span(value)?.as_millis() / 10;
                    let centis = u16::try_from(centis).map_err(|_| "too long".to_owned())?;
                    self.interval =
                        AdvertInterval::from_centis(centis).map_err(|e| e.to_string())?;
                }
                "segments" => self.segments = parse_number(value)?,
                "hosts" => self.hosts = parse_number(value)?,
                "ping" => self.ping = parse_span(value)?,
                "latency" => self.latency = parse_span(value)?,
                "install" => self.install = parse_span(value)?,
                _ => return Err(format!("a world has no `{word}`")),
            }
        }
        Ok(())
    }

    fn read_router(&mut self, mut words: Words<'_>) -> Result<(), String> {
        let name = parse_router(words.next()?)?;
        if name != self.routers.len() {
            return Err("routers are named r1, r2, … in order".to_owned());
        }
        let mut router = RouterPlan::new(100);
        while let Some(word) = words.0.next() {
            match (word, words.next()?) {
                ("priority", value) => router.priority = parse_number(value)?,
                ("preempt", "never") => router.preempt = Preempt::Never,
                ("preempt", "after") => {
                    router.preempt = Preempt::After(parse_span(words.next()?)?);
                }
                ("drift", value) => {
                    let ppm = value.strip_suffix("ppm").unwrap_or(value);
                    router.drift = parse_number(ppm)?;
                }
                (word, value) => return Err(format!("a router has no `{word} {value}`")),
            }
        }
        self.routers.push(router);
        Ok(())
    }

    /// What a line alone cannot show.
    fn judge(&self) -> Result<(), String> {
        if !(1..=50).contains(&self.routers.len()) {
            return Err("a plan has 1 to 50 routers".to_owned());
        }
        if !(1..=8).contains(&self.segments) || self.hosts > 50 {
            return Err("a plan has 1 to 8 segments, and up to 50 hosts on each".to_owned());
        }
        if self.ping.is_zero() {
            return Err("a ping each 0s would stop time".to_owned());
        }
        let hosts = usize::from(self.segments) * usize::from(self.hosts);
        let known = |name: &Name| match name {
            Name::Router(at) => *at < self.routers.len(),
            Name::Host(at) => *at < hosts,
        };
        for step in &self.steps {
            let sound = match step {
                Step::Router(at, _) => known(&Name::Router(*at)),
                Step::Cable {
                    router, segment, ..
                } => known(&Name::Router(*router)) && *segment < self.segments,
                Step::Cut(names) => names.iter().all(known),
                Step::Deafen(from, to) => known(from) && known(to),
                Step::Weather(name, _) => name.as_ref().is_none_or(known),
                Step::Expect(Expectation::Active(routers)) => {
                    routers.iter().all(|at| known(&Name::Router(*at)))
                }
                Step::Expect(Expectation::Backup(at)) => known(&Name::Router(*at)),
                Step::Expect(_) | Step::Heal | Step::Run(_) | Step::Mark => true,
            };
            if !sound {
                return Err(format!("`{step}` names what is not in this world"));
            }
        }
        Ok(())
    }
}

/// The words of a line that have not been read yet.
struct Words<'a>(SplitWhitespace<'a>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a str, String> {
        self.0
            .next()
            .ok_or_else(|| "the line ends too early".to_owned())
    }

    fn rest<T>(&mut self, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        self.0.by_ref().map(parse).collect()
    }

    fn end(&mut self) -> Result<(), String> {
        self.0
            .next()
            .map_or(Ok(()), |word| Err(format!("`{word}` is too much")))
    }

    fn conditions(&mut self) -> Result<Conditions, String> {
        let mut c = Conditions::GOOD;
        while let Some(word) = self.0.next() {
            let value = self.next()?;
            match word {
                "loss" => c.loss = parse_chance(value)?,
                "run" => c.loss_run = parse_number(value)?,
                "delay" => c.delay = parse_span(value)?,
                "jitter" => c.jitter = parse_span(value)?,
                "duplicate" => c.duplicate = parse_chance(value)?,
                "reorder" => c.reorder = parse_chance(value)?,
                "corrupt" => c.corrupt = parse_chance(value)?,
                _ => return Err(format!("there is no weather `{word}`")),
            }
        }
        Ok(c)
    }

    fn expectation(&mut self) -> Result<Expectation, String> {
        Ok(match self.next()? {
            "active" => match self.0.clone().next() {
                Some("nobody") => {
                    self.next()?;
                    Expectation::Active(Vec::new())
                }
                _ => Expectation::Active(self.rest(parse_router)?),
            },
            "backup" => Expectation::Backup(parse_router(self.next()?)?),
            "takeovers" => Expectation::Takeovers(parse_number(self.next()?)?),
            "lost" => Expectation::Lost(parse_number(self.next()?)?),
            "outage" => match (self.next()?, self.next()?) {
                ("at", "most") => Expectation::OutageAtMost(parse_span(self.next()?)?),
                ("at", "least") => Expectation::OutageAtLeast(parse_span(self.next()?)?),
                (a, b) => {
                    return Err(format!(
                        "an outage is `at most` or `at least`, not `{a} {b}`"
                    ));
                }
            },
            other => return Err(format!("`{other}` cannot be expected")),
        })
    }
}

fn parse_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no number, or one out of range"))
}

fn parse_chance(text: &str) -> Result<Chance, String> {
    let percent = parse_number(text.strip_suffix('%').unwrap_or(text))?;
    Chance::from_percent(percent).ok_or_else(|| format!("`{text}` is more than always"))
}

pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let (_, nanos) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| format!("`{text}` is no length of time: use h, s, ms, us or ns"))?;
    let nanos = parse_number::<u64>(digits)?.checked_mul(*nanos);
    nanos
        .map(Duration::from_nanos)
        .ok_or_else(|| format!("`{text}` is too long"))
}

fn parse_name(text: &str) -> Result<Name, String> {
    let wrong = || format!("`{text}` is no machine: r1 is the first router, h1 the first host");
    let index = |number: &str| number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    match text.split_at_checked(1) {
        Some(("r", number)) => index(number).map(Name::Router).ok_or_else(wrong),
        Some(("h", number)) => index(number).map(Name::Host).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn parse_router(text: &str) -> Result<usize, String> {
    match parse_name(text)? {
        Name::Router(at) => Ok(at),
        Name::Host(_) => Err(format!("`{text}` is no router")),
    }
}

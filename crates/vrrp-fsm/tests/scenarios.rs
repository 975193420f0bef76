//! Judges scenarios, output by output: those copied here, and every `*.json` in the directory that
//! `VRRP_SCENARIOS` names. An unknown member or value is a failure, as is any difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::explicit_write,
    reason = "a test may panic"
)]

use core::net::IpAddr;
use core::time::Duration;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use vrrp_fsm::{
    Action, ActiveReason, Cause, Event, Heard, IfaceId, Instant, Preempt, Role, RouterOptions,
    VirtualRouter,
};
use vrrp_proto::{AdvertInterval, Family, Priority, Version, Vrid};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    /// For readers.
    #[serde(default, rename = "requirements")]
    _requirements: Vec<String>,
    /// For readers.
    #[serde(default, rename = "note")]
    _note: Option<String>,
    config: Config,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    version: u8,
    priority: u8,
    interval_us: u64,
    preempt: bool,
    family: u8,
    vips: Vec<IpAddr>,
    primary: IpAddr,
    reply_to_lower: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at_us: u64,
    input: Input,
    outputs: Vec<String>,
    state: State,
    #[serde(deserialize_with = "present")]
    adver_timer_at_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    active_down_timer_at_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    active_adver_interval_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    skew_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    active_down_interval_us: Option<u64>,
}

/// A member that may be null, but not be missing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::deserialize(deserializer)
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Input {
    Startup {},
    Shutdown {},
    Timer {},
    Advert {
        priority: u8,
        src: IpAddr,
        max_adver_int_cs: Option<u16>,
    },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
enum State {
    Initialize,
    Backup,
    Active,
}

impl From<Role> for State {
    fn from(role: Role) -> Self {
        match role {
            Role::Initialize => Self::Initialize,
            Role::Backup => Self::Backup,
            Role::Active => Self::Active,
        }
    }
}

impl Config {
    fn router(&self) -> Result<VirtualRouter, String> {
        let version = match self.version {
            2 => Version::V2,
            3 => Version::V3,
            other => return Err(format!("config.version: {other}")),
        };
        let family = match self.family {
            4 => Family::V4,
            6 => Family::V6,
            other => return Err(format!("config.family: {other}")),
        };
        let centis = u16::try_from(self.interval_us / 10_000)
            .ok()
            .filter(|centis| u64::from(*centis) * 10_000 == self.interval_us);
        let interval = centis.and_then(|centis| AdvertInterval::from_centis(centis).ok());
        let options = RouterOptions {
            version,
            priority: Priority::new(self.priority),
            interval: interval
                .ok_or_else(|| format!("config.interval_us: {}", self.interval_us))?,
            preempt: if self.preempt {
                Preempt::AtOnce
            } else {
                Preempt::Never
            },
            source: Some(self.primary),
            answer_lower: self.reply_to_lower,
            ..RouterOptions::rfc(IfaceId(1), family, Vrid::new(51).unwrap())
        };
        let options = options.with_addresses(self.vips.iter().copied());
        if options
            .announced
            .iter()
            .any(|vip| Family::of(&vip.address) != family)
        {
            return Err("config.vips: of another family".into());
        }
        Ok(VirtualRouter::new(
            options.try_into().map_err(|e| format!("config: {e}"))?,
        ))
    }

    /// An effect in the words of the scenarios; a report is none.
    fn words(&self, action: &Action) -> Vec<String> {
        let announce = if self.family == 4 { "garp" } else { "na" };
        match action {
            Action::Advertise(priority) => vec![format!("advert({priority})")],
            Action::Install => vec!["enter_active".into()],
            Action::Withdraw => vec!["leave_active".into()],
            Action::Announce { rounds: 1 } => self
                .vips
                .iter()
                .map(|vip| format!("{announce}({vip})"))
                .collect(),
            Action::Announce { rounds } => vec![format!("announce × {rounds}")],
            Action::AnnounceElsewhere => vec!["announce elsewhere".into()],
            Action::Notify(transition) => {
                let mut words = vec![format!("state({:?})", transition.to)];
                if transition.to == Role::Active {
                    words.push(format!("notify(new-master,{})", reason(transition.cause)));
                }
                words
            }
            Action::Report(_) => vec![],
        }
    }
}

/// RFC 6527's reasons, as the scenarios spell them.
fn reason(cause: Cause) -> &'static str {
    match cause.active_reason() {
        ActiveReason::NotActive => "not-master",
        ActiveReason::Priority => "priority",
        ActiveReason::Preempted => "preempted",
        ActiveReason::NoResponse => "master-no-response",
    }
}

/// Whether an output is judged as such: timers are judged by their moments, and this machine has
/// neither a discard nor a join among its effects.
fn is_effect(output: &str) -> Result<bool, String> {
    let (name, rest) = output.split_at(output.find('(').unwrap_or(output.len()));
    match (name, rest.is_empty()) {
        ("advert" | "garp" | "na" | "state" | "notify", false)
        | ("enter_active" | "leave_active", true) => Ok(true),
        ("set_adver_timer" | "set_active_down_timer" | "join", false)
        | ("cancel_adver_timer" | "cancel_active_down_timer" | "discard", true) => Ok(false),
        _ => Err(format!("outputs: {output} is unknown")),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}

fn moment(at: Option<Instant>) -> Option<u64> {
    at.map(|at| at.as_nanos() / 1_000)
}

/// Every difference between what a scenario expects and what the machine does.
fn judge(value: &Value) -> Vec<String> {
    let scenario = match Scenario::deserialize(value) {
        Ok(scenario) => scenario,
        Err(error) => return vec![format!("{}: {error}", value["name"])],
    };
    let name = &scenario.name;
    let mut router = match scenario.config.router() {
        Ok(router) => router,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut findings = Vec::new();
    for (number, step) in scenario.steps.iter().enumerate() {
        let at = format!("{name}: step {number} at {} µs", step.at_us);
        match play(&scenario.config, &mut router, step) {
            Ok(found) => findings.extend(found.into_iter().map(|found| format!("{at}: {found}"))),
            Err(error) => findings.push(format!("{at}: {error}")),
        }
    }
    findings
}

fn play(config: &Config, router: &mut VirtualRouter, step: &Step) -> Result<Vec<String>, String> {
    let mut now = Instant::from_nanos(step.at_us * 1_000);
    let event = match &step.input {
        Input::Startup {} => Event::Startup,
        Input::Shutdown {} => Event::Shutdown(Cause::Shutdown),
        Input::Timer {} => {
            // Times are whole microseconds, rounded down: the machine's nanoseconds are not behind.
            if let Some((due, _)) = router.deadline()
                && moment(Some(due)) == Some(step.at_us)
            {
                now = due;
            }
            Event::Timeout
        }
        Input::Advert {
            priority,
            src,
            max_adver_int_cs,
        } => {
            let interval = match (config.version, max_adver_int_cs) {
                (3, Some(centis)) => AdvertInterval::from_centis(*centis)
                    .map_err(|e| format!("input.max_adver_int_cs: {e}"))?,
                (2, None) => router.config().interval,
                (3, None) => return Err("input.max_adver_int_cs: missing".into()),
                (_, _) => return Err("input.max_adver_int_cs: not in VRRPv2".into()),
            };
            let (source, priority) = (*src, Priority::new(*priority));
            Event::Advert(Heard {
                source,
                priority,
                interval,
            })
        }
    };
    let mut actions = Vec::new();
    router.handle(now, event, &mut actions);

    let mut findings = Vec::new();
    let mut compare = |field: &str, expected: String, got: String| {
        if expected != got {
            findings.push(format!("{field}: expected {expected}, got {got}"));
        }
    };
    let mut outputs = Vec::new();
    for output in &step.outputs {
        if is_effect(output)? {
            outputs.push(output.clone());
        }
    }
    let got: Vec<String> = actions
        .iter()
        .flat_map(|action| config.words(action))
        .collect();
    compare("outputs", format!("{outputs:?}"), format!("{got:?}"));
    let state = State::from(router.role());
    compare("state", format!("{:?}", step.state), format!("{state:?}"));
    let timer = |at: Option<u64>| format!("{at:?}");
    compare(
        "adver_timer_at_us",
        timer(step.adver_timer_at_us),
        timer(moment(router.adver_timer())),
    );
    compare(
        "active_down_timer_at_us",
        timer(step.active_down_timer_at_us),
        timer(moment(router.active_down_timer())),
    );
    if router.role() == Role::Backup {
        let mut length = |field, expected: Option<u64>, got: Duration| {
            compare(field, timer(expected), timer(Some(micros(got))));
        };
        let interval = router.active_adver_interval().as_duration();
        let down = router.active_down_interval();
        length(
            "active_adver_interval_us",
            step.active_adver_interval_us,
            interval,
        );
        length("skew_us", step.skew_us, router.skew_time());
        length(
            "active_down_interval_us",
            step.active_down_interval_us,
            down,
        );
    }
    Ok(findings)
}

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn judge_directory(directory: &Path) {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no *.json", directory.display());
    let (mut judged, mut findings) = (0, Vec::new());
    for file in files {
        let values = read(&file);
        if values
            .first()
            .is_none_or(|first| first.get("steps").is_none())
        {
            say(&format!("{}: no scenarios, skipped", file.display()));
            continue;
        }
        let found: Vec<String> = values.iter().flat_map(judge).collect();
        let (count, wrong) = (values.len(), found.len());
        say(&format!(
            "{}: {count} judged, {wrong} findings",
            file.display()
        ));
        judged += count;
        findings.extend(found);
    }
    say(&format!("{}: {judged} judged in all", directory.display()));
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Past libtest's capture: how much was judged is to be seen when all is well, too.
fn say(line: &str) {
    writeln!(io::stderr(), "scenarios: {line}").unwrap();
}

fn manifest() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

//= R9568-6.4.1-01 test
//= R9568-6.4.1-02 test
//= R9568-6.4.1-03 test
//= R9568-6.4.1-04 test
//= R9568-6.4.1-05 test
//= R9568-6.4.2-06 test
//= R9568-6.4.2-07 test
//= R9568-6.4.2-08 test
//= R9568-6.4.2-09 test
//= R9568-6.4.2-10 test
//= R9568-6.4.3-07 test
//= R9568-6.4.3-08 test
//= R9568-6.4.3-09 test
//= R9568-6.4.3-10 test
//= R9568-6.4.3-11 test
//= R9568-6.4.3-12 test
//= R9568-6.1-07 test
//= R9568-6.1-08 test
//= R9568-6.1-09 test
//= R3768-6.4.1-01 test
//= R3768-6.4.2-06 test
//= R3768-6.4.2-07 test
//= R3768-6.4.3-06 test
//= R3768-6.4.3-07 test
//= R3768-6.4.3-08 test
//= KA-STATE-04 test
//= KA-PRE-01 test
//= STA-N1 test
//= HARD-FSM-01 test
//= TIM-27 test
#[test]
fn shipped() {
    judge_directory(&manifest().join("tests/vectors"));
}

#[test]
fn given() {
    match env::var_os("VRRP_SCENARIOS") {
        None => say("VRRP_SCENARIOS is not set: only the shipped ones"),
        // Relative to the root of the workspace.
        Some(directory) => judge_directory(&manifest().join("../..").join(directory)),
    }
}

/// A judge that accepts everything is none: each number changed, each member added, each output
/// dropped in each shipped scenario must be found.
#[test]
fn the_judge_is_strict() {
    let mut spoilt = 0;
    for value in read(&manifest().join("tests/vectors/scenarios.json")) {
        let mut expect = |what: &str, changed: &Value| {
            spoilt += 1;
            assert!(
                !judge(changed).is_empty(),
                "{}: {what}: not seen",
                value["name"]
            );
        };
        let mut changed = value.clone();
        changed["config"]["colour"] = 1.into();
        expect("another member of config", &changed);
        for number in 0..value["steps"].as_array().unwrap().len() {
            let step = |changed: &mut Value, member: &str, to: Value| {
                changed["steps"][number][member] = to;
            };
            for member in value["steps"][number].as_object().unwrap().keys() {
                let mut changed = value.clone();
                let step = changed["steps"][number].as_object_mut().unwrap();
                step.remove(member);
                expect("a member missing", &changed);
            }
            let backup = value["steps"][number]["state"] == "Backup";
            for member in [
                "adver_timer_at_us",
                "active_down_timer_at_us",
                "active_adver_interval_us",
                "skew_us",
                "active_down_interval_us",
            ] {
                if member.ends_with("timer_at_us") || backup {
                    let old = value["steps"][number][member].as_u64();
                    let mut changed = value.clone();
                    step(&mut changed, member, old.map_or(7, |old| old + 1).into());
                    expect(member, &changed);
                }
            }
            let mut changed = value.clone();
            step(&mut changed, "state", "Master".into());
            expect("an unknown state", &changed);
            let mut changed = value.clone();
            changed["steps"][number]["input"]["hop_limit"] = 255.into();
            expect("another member of input", &changed);
            let outputs = value["steps"][number]["outputs"].as_array().unwrap();
            for at in 0..outputs.len() {
                if is_effect(outputs[at].as_str().unwrap()).unwrap() {
                    let mut fewer = outputs.clone();
                    fewer.remove(at);
                    let mut changed = value.clone();
                    step(&mut changed, "outputs", fewer.into());
                    expect("an output dropped", &changed);
                }
            }
        }
    }
    say(&format!("{spoilt} changes seen"));
}

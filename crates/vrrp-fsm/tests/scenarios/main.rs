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

mod format;
mod notes;

use core::time::Duration;
use format::{Config, Input, Scenario, State, Step};
use notes::{Output, Timers, notes_of};
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use vrrp_fsm::{Cause, Event, Heard, Instant, Role, VirtualRouter};
use vrrp_proto::{AdvertInterval, Priority};

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
    if scenario.steps.is_empty() {
        return vec![format!("{name}: no steps")];
    }
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
    let before = Timers::of(router);
    router.handle(now, event, &mut actions);

    let mut findings = Vec::new();
    let mut compare = |field: &str, expected: String, got: String| {
        if expected != got {
            findings.push(format!("{field}: expected {expected}, got {got}"));
        }
    };
    let mut effects = Vec::new();
    let mut notes = Vec::new();
    for output in &step.outputs {
        match Output::parse(output)? {
            Output::Effect => effects.push(output.clone()),
            Output::Note => notes.push(output.clone()),
        }
    }
    let got: Vec<String> = actions
        .iter()
        .flat_map(|action| config.words(action))
        .collect();
    compare("outputs", format!("{effects:?}"), format!("{got:?}"));
    let mut got = notes_of(
        config,
        &before,
        &Timers::of(router),
        step.at_us,
        &actions,
        &notes,
    );
    notes.sort();
    got.sort();
    compare("outputs", format!("{notes:?}"), format!("{got:?}"));
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
        if !values.is_empty() && values.iter().all(holds_octets) {
            say(&format!("{}: packets, skipped", file.display()));
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
    assert_ne!(judged, 0, "{}: no scenarios", directory.display());
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// The other vectors that may lie beside scenarios are about octets, and say so in their members.
fn holds_octets(value: &Value) -> bool {
    let members = value.as_object().into_iter().flat_map(|value| value.keys());
    members.into_iter().any(|member| member.contains("hex"))
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
                let mut fewer = outputs.clone();
                fewer.remove(at);
                let mut changed = value.clone();
                step(&mut changed, "outputs", fewer.into());
                expect("an output dropped", &changed);
                let mut other = outputs.clone();
                other[at] = format!("{}1", outputs[at].as_str().unwrap())
                    .replace(")1", "1)")
                    .into();
                let mut changed = value.clone();
                step(&mut changed, "outputs", other.into());
                expect("an output changed", &changed);
            }
        }
    }
    say(&format!("{spoilt} changes seen"));
}

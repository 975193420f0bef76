//! Rulesets as `nft -j list ruleset` prints them.

use serde_json::json;

use super::*;

fn chain(name: &str, hook: Option<&str>, policy: &str) -> Value {
    match hook {
        Some(hook) => {
            json!({"chain": {"family": "inet", "table": "filter", "name": name, "handle": 1,
            "type": "filter", "hook": hook, "prio": 0, "policy": policy}})
        }
        None => json!({"chain": {"family": "inet", "table": "filter", "name": name, "handle": 2}}),
    }
}

fn rule(chain: &str, expr: Value) -> Value {
    json!({"rule": {"family": "inet", "table": "filter", "chain": chain, "handle": 7, "expr": expr}})
}

fn proto(right: Value) -> Value {
    json!({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": right}})
}

fn iif(name: &str) -> Value {
    json!({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": name}})
}

fn established() -> Value {
    json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}})
}

fn verdict(items: Vec<Value>) -> Verdict {
    let json = json!({"nftables": items}).to_string();
    Ruleset::parse(json.as_bytes())
        .unwrap()
        .verdict("eth0", false, Direction::In)
}

#[test]
fn rules_are_judged_as_a_packet_meets_them() {
    let input = || chain("input", Some("input"), "drop");
    let accept = || json!({"accept": null});
    let drop = || json!({"drop": null});
    let tcp = || json!({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}});
    let cases: Vec<(&str, Vec<Value>, bool)> = vec![
        ("no rules", vec![], true),
        (
            "policy accept",
            vec![chain("input", Some("input"), "accept")],
            true,
        ),
        ("policy drop", vec![input()], false),
        (
            "ssh only",
            vec![input(), rule("input", json!([tcp(), accept()]))],
            false,
        ),
        (
            "established only",
            vec![input(), rule("input", json!([established(), accept()]))],
            false,
        ),
        (
            "vrrp by number",
            vec![input(), rule("input", json!([proto(json!(112)), accept()]))],
            true,
        ),
        (
            "vrrp in a set",
            vec![
                input(),
                rule(
                    "input",
                    json!([proto(json!({"set": ["tcp", "vrrp"]})), accept()]),
                ),
            ],
            true,
        ),
        (
            "another interface",
            vec![input(), rule("input", json!([iif("lo"), accept()]))],
            false,
        ),
        (
            "this interface",
            vec![
                input(),
                rule(
                    "input",
                    json!([iif("eth*"), {"counter": {"packets": 0, "bytes": 0}}, accept()]),
                ),
            ],
            true,
        ),
        (
            "dropped by name",
            vec![
                chain("input", Some("input"), "accept"),
                rule("input", json!([proto(json!("vrrp")), drop()])),
            ],
            false,
        ),
        (
            "accepted before it is dropped",
            vec![
                chain("input", Some("input"), "accept"),
                rule("input", json!([proto(json!(112)), accept()])),
                rule("input", json!([drop()])),
            ],
            true,
        ),
        (
            "accepted in another chain",
            vec![
                input(),
                chain("allowed", None, ""),
                rule("input", json!([{"jump": {"target": "allowed"}}])),
                rule("allowed", json!([proto(json!(112)), accept()])),
            ],
            true,
        ),
        (
            "accepted from somebody",
            vec![
                input(),
                rule(
                    "input",
                    json!([{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                    "right": "192.0.2.2"}}, accept()]),
                ),
            ],
            true,
        ),
        (
            "a chain that calls itself",
            vec![
                input(),
                rule("input", json!([{"jump": {"target": "input"}}])),
            ],
            true,
        ),
    ];
    for (name, items, passes) in cases {
        let found = verdict(items);
        assert_eq!(found == Verdict::Passes, passes, "{name}: {found:?}");
    }
}

#[test]
fn only_what_the_packet_meets_counts() {
    let items = json!({"nftables": [chain("output", Some("output"), "drop")]}).to_string();
    let rules = Ruleset::parse(items.as_bytes()).unwrap();
    assert_eq!(rules.verdict("eth0", false, Direction::In), Verdict::Passes);
    let Verdict::Dropped(why) = rules.verdict("eth0", true, Direction::Out) else {
        panic!()
    };
    assert_eq!(
        why,
        "chain inet filter output: policy drop, and no rule accepts protocol 112"
    );
    assert!(Ruleset::parse(b"{}").is_none() && Ruleset::parse(b"table").is_none());
}

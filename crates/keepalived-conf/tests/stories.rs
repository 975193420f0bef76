//! The stories of the codes are true: what they call wrong is found, what they call right is not, and every exact
//! remedy cures what it is for and breaks nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;

use keepalived_conf::crossnode::{self, Node};
use keepalived_conf::{
    Code, Diagnostic, MemoryLoader, Options, Severity, SourceMap, load_beside, parse,
};

struct Example {
    code: Code,
    good: bool,
    text: String,
    nodes: bool,
}

/// The examples of a story. A part of an instance is put into one, and a script into a file that uses it, so that
/// the example shows what it is about and nothing else.
fn examples(code: Code) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut rest = code.story();
    while let Some((_, block)) = rest.split_once("```keepalived ") {
        let (head, body) = block.split_once('\n').unwrap();
        let (text, after) = body.split_once("```").unwrap();
        let mut words = head.split(' ');
        let good = words.next() == Some("good");
        let kind = words.next();
        let text = match kind {
            None => instance(text),
            Some("file") if text.starts_with("vrrp_script") && !text.contains("vrrp_instance") => {
                format!(
                    "{SECURITY}{text}{}",
                    instance("track_script {\n    chk\n}\n")
                )
            }
            Some("file") if text.contains("script") && code != Code::ScriptSecurity => {
                format!("{SECURITY}{text}")
            }
            Some(_) => text.to_owned(),
        };
        examples.push(Example {
            code,
            good,
            text,
            nodes: kind == Some("nodes"),
        });
        rest = after;
    }
    examples
}

const SECURITY: &str = "global_defs {\n    script_user root\n    enable_script_security\n}\n";

/// An instance around `body`, with what it lacks.
fn instance(body: &str) -> String {
    let has = |keyword: &str| {
        body.lines()
            .any(|line| line.split(' ').next() == Some(keyword))
    };
    let mut text =
        String::from("vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n");
    if !body.contains("prior") {
        text.push_str("    priority 150\n");
    }
    for line in body.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    if !has("virtual_ipaddress") {
        text.push_str("    virtual_ipaddress {\n        192.0.2.10/24\n    }\n");
    }
    text + "}\n"
}

fn findings(example: &Example) -> Vec<Diagnostic> {
    if !example.nodes {
        return parse(&example.text).findings();
    }
    let files = example.text.split("# the other node\n").enumerate();
    let files: Vec<(String, String)> = files
        .map(|(at, text)| (format!("node{at}"), instance_fields(text)))
        .collect();
    let mut sources = SourceMap::default();
    let mut loaded = Vec::new();
    let mut all = Vec::new();
    for (name, text) in &files {
        let loader = MemoryLoader::default().file(name.as_str(), text.as_str());
        let mut file = load_beside(sources, &loader, name, &Options::default());
        all.extend(file.findings());
        sources = core::mem::take(&mut file.sources);
        loaded.push(file);
    }
    let nodes: Vec<Node<'_>> = files
        .iter()
        .zip(&loaded)
        .map(|((name, _), file)| Node {
            name,
            config: &file.config,
        })
        .collect();
    all.extend(crossnode::check(&nodes));
    all
}

fn instance_fields(text: &str) -> String {
    if text.contains("vrrp_script") {
        format!("{SECURITY}{text}")
    } else {
        text.to_owned()
    }
}

/// How many findings of each code there are, notes aside.
fn count(findings: &[Diagnostic]) -> BTreeMap<Code, usize> {
    let mut count = BTreeMap::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
    {
        *count.entry(finding.code).or_default() += 1;
    }
    count
}

#[test]
fn what_is_called_wrong_is_found_and_what_is_called_right_is_not() {
    let mut seen = 0;
    let mut failures = Vec::new();
    for example in Code::ALL.iter().flat_map(|&code| examples(code)) {
        seen += 1;
        let found = findings(&example);
        let codes: Vec<Code> = found.iter().map(|finding| finding.code).collect();
        let (code, text) = (example.code, &example.text);
        if example.good {
            let bad = found
                .iter()
                .filter(|finding| finding.severity > Severity::Note);
            let bad: Vec<Code> = bad.map(|finding| finding.code).collect();
            if !bad.is_empty() || codes.contains(&code) {
                failures.push(format!("{code}, right: {codes:?}\n{text}"));
            }
        } else if !codes.contains(&code) {
            failures.push(format!("{code}, wrong: {codes:?}\n{text}"));
        }
    }
    assert!(seen > 100, "{seen} examples");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn an_exact_remedy_cures_and_breaks_nothing() {
    let mut cured = 0;
    let mut failures = Vec::new();
    let wrong = |example: &Example| !example.good && !example.nodes;
    for example in Code::ALL
        .iter()
        .flat_map(|&code| examples(code))
        .filter(wrong)
    {
        let loaded = parse(&example.text);
        let before = loaded.findings();
        for finding in &before {
            for help in finding.help.iter().filter(|help| !help.edits.is_empty()) {
                let text = help.apply(loaded.main.unwrap(), &example.text);
                let after = parse(&text).findings();
                let (was, is) = (count(&before), count(&after));
                let new: Vec<&Code> = is
                    .iter()
                    .filter(|(code, n)| was.get(code).is_none_or(|was| was < n))
                    .map(|(code, _)| code)
                    .collect();
                let left = after.iter().filter(|it| it.code == finding.code).count();
                let had = before.iter().filter(|it| it.code == finding.code).count();
                if left >= had || !new.is_empty() {
                    failures.push(format!(
                        "{}: {} leaves {left} of {had}, new {new:?}\n{text}",
                        finding.code, help.text
                    ));
                }
                cured += 1;
            }
        }
    }
    println!("{cured} remedies followed");
    assert!(cured > 20, "{cured}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

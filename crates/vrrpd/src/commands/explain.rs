//! `vrrpd explain`: the longer story of a diagnostic's code, or what a keyword does.

use core::fmt::Write as _;
use std::io::Write as _;

use keepalived_conf::keyword::{Block, Keyword, Status};
use keepalived_conf::{Code, lint};

use crate::exit::Exit;

/// Arguments of `vrrpd explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A code (VRRP-W001, w001, 001) or a keyword; without one, all codes are listed
    #[arg(value_name = "CODE|KEYWORD")]
    what: Option<String>,
}

/// Explains and prints.
pub fn run(args: &Args) -> Exit {
    let text = match &args.what {
        None => list(),
        Some(what) => match explain(what) {
            Ok(text) => text,
            Err(why) => {
                eprintln!("vrrpd: {why}");
                return Exit::Failed;
            }
        },
    };
    // Whoever closed the pipe has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Exit::Fine
}

fn list() -> String {
    let mut text = String::new();
    let mut topic = "";
    for code in Code::ALL {
        if code.topic() != topic {
            let gap = if topic.is_empty() { "" } else { "\n" };
            topic = code.topic();
            let _ = writeln!(text, "{gap}{topic}");
        }
        let _ = writeln!(text, "  {code}  {}", code.title());
    }
    text
}

fn explain(what: &str) -> Result<String, String> {
    if let Ok(code) = what.parse::<Code>() {
        return Ok(code.explain());
    }
    let found = Block::ALL
        .iter()
        .filter_map(|&block| Some(keyword(block, block.find(what)?)));
    let found: Vec<String> = found.collect();
    if !found.is_empty() {
        return Ok(found.join("\n"));
    }
    let all = Block::ALL
        .iter()
        .flat_map(|block| block.keywords())
        .map(|keyword| keyword.name);
    Err(match lint::nearest(what, all) {
        Some(near) => format!("`{what}` is neither a code nor a keyword; did you mean `{near}`?"),
        None => format!("`{what}` is neither a code nor a keyword"),
    })
}

fn keyword(block: Block, keyword: &Keyword) -> String {
    let mut text = format!("{}\n    {}\n", keyword.syntax(), keyword.doc);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "    {name}: {value}");
        }
    };
    line("stands in", block.as_str());
    line("range", &keyword.range().unwrap_or_default());
    line("unit", keyword.unit);
    line("default", keyword.default);
    line(
        "since",
        &keyword
            .since
            .map(|since| format!("keepalived {since}"))
            .unwrap_or_default(),
    );
    match keyword.status {
        Status::Supported => {}
        Status::NoEffect(why) => line("no effect", why),
        Status::OldName(new) => line("an old name of", new),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_keywords_are_explained_and_typing_errors_helped() {
        for code in ["VRRP-W001", "w001", "001"] {
            assert!(explain(code).unwrap().starts_with("VRRP-W001: "), "{code}");
        }
        let priority = explain("priority").unwrap();
        assert!(
            priority.contains("range: 1..255") && priority.contains("stands in: vrrp_instance")
        );
        assert!(explain("weight").unwrap().matches("stands in").count() > 1);
        assert!(
            explain("priorty")
                .unwrap_err()
                .ends_with("did you mean `priority`?")
        );
        assert!(list().lines().count() > Code::ALL.len());
    }

    #[test]
    fn every_keyword_is_explained() {
        for block in Block::ALL {
            for it in block.keywords() {
                assert!(keyword(*block, it).lines().count() >= 3, "{}", it.name);
            }
        }
    }
}

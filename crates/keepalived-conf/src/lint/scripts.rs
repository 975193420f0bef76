//! Programs that are run: without a shell, by whom, and how soon they notice something.

use core::time::Duration;

use crate::codes::Code;
use crate::config::{Command, Config, Notify, Script};
use crate::diag::{Diagnostic, Edit};
use crate::span::{SourceMap, Span};

/// A failure that is noticed later than this is worth a note.
const SLOW: Duration = Duration::from_secs(15);

pub(super) fn check(config: &Config, sources: &SourceMap, findings: &mut Vec<Diagnostic>) {
    for script in &config.scripts {
        findings.extend(slow(script));
    }
    let commands = commands(config);
    for (name, command) in &commands {
        findings.extend(shell_operator(name, command, sources));
        findings.extend(path_search(name, command));
    }
    findings.extend(security(config, &commands, sources));
}

/// Every program of a configuration, with the name of what runs it.
#[must_use]
pub fn commands(config: &Config) -> Vec<(&str, &Command)> {
    let scripts = config.scripts.iter();
    let mut all: Vec<_> = scripts
        .map(|script| (script.name.as_str(), &script.command))
        .collect();
    let instances = config
        .instances
        .iter()
        .map(|it| (it.name.as_str(), &it.notify));
    let groups = config
        .sync_groups
        .iter()
        .map(|it| (it.name.as_str(), &it.notify));
    for (name, notify) in instances.chain(groups) {
        all.extend(notifies(notify).map(|command| (name, command)));
    }
    let globals = &config.globals;
    let fifos = [&globals.notify_fifo, &globals.vrrp_notify_fifo]
        .into_iter()
        .flatten();
    all.extend(fifos.filter_map(|fifo| Some(("notify_fifo", fifo.script.as_ref()?))));
    all.extend(
        globals
            .startup_script
            .iter()
            .map(|command| ("startup_script", command)),
    );
    all.extend(
        globals
            .shutdown_script
            .iter()
            .map(|command| ("shutdown_script", command)),
    );
    all
}

/// The scripts of `notify`.
fn notifies(notify: &Notify) -> impl Iterator<Item = &Command> {
    [
        &notify.master,
        &notify.backup,
        &notify.fault,
        &notify.stop,
        &notify.deleted,
        &notify.master_rx_lower_pri,
        &notify.any,
    ]
    .into_iter()
    .flatten()
}

fn slow(script: &Script) -> Option<Diagnostic> {
    let takes = script.interval.checked_mul(script.fall)?;
    if takes < SLOW || script.fall < 2 {
        return None;
    }
    let finding = Diagnostic::new(
        Code::SlowDetection,
        script.origin.keyword("fall"),
        format!(
            "`{}` notices a failure after {} seconds",
            script.name,
            takes.as_secs()
        ),
    )
    .subject(&script.name)
    .label(format!("{} bad results in a row", script.fall))
    .also(
        script.origin.keywords.get("interval").copied(),
        "one each interval",
    );
    Some(finding.help("a smaller `fall` or `interval` moves the address sooner"))
}

/// Words that mean something to a shell and nothing to a program.
fn is_operator(word: &str) -> bool {
    let redirects = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
    matches!(word, "&&" | "||" | "|" | ";" | "&")
        || (redirects.starts_with('>') && !redirects.starts_with(">="))
        || word == "<"
        || word.starts_with("$(")
        || (word.len() > 1 && (word.ends_with(';') || word.starts_with('`')))
}

fn is_shell(command: &Command) -> bool {
    let name = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    let programs = [
        "sh", "ash", "bash", "dash", "ksh", "zsh", "busybox", "env", "ssh", "su", "sudo", "runuser",
    ];
    command.argv.first().is_some_and(|program| {
        programs.contains(&name(program).as_str()) || program.starts_with('<')
    })
}

fn shell_operator(name: &str, command: &Command, sources: &SourceMap) -> Option<Diagnostic> {
    if is_shell(command) {
        return None;
    }
    let operator = command.argv.iter().skip(1).find(|word| is_operator(word))?;
    let whole = command.origin.span;
    let finding = Diagnostic::new(
        Code::ShellOperator,
        whole,
        format!("`{operator}` needs a shell, and scripts are run without one"),
    )
    .subject(name)
    .label(format!(
        "`{operator}` is passed to {} as an argument",
        command.argv.first()?
    ));
    let quoted = whole.and_then(|span| {
        let text = sources.text(span)?;
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let inner = inner.filter(|inner| !inner.contains(['"', '\'', '\\']))?;
        Some((span, format!("\"/bin/sh -c '{inner}'\"")))
    });
    Some(match quoted {
        Some((span, text)) => finding.fix(span, text, "run it with a shell"),
        None => {
            finding.help("put the commands into a file that starts with #!/bin/sh and run that")
        }
    })
}

fn path_search(name: &str, command: &Command) -> Option<Diagnostic> {
    let program = command.argv.first()?;
    if program.contains('/') || program.starts_with('<') || program.is_empty() {
        return None;
    }
    let finding = Diagnostic::new(
        Code::ScriptPathSearch,
        command.origin.span,
        format!("`{program}` is searched for in the daemon's PATH"),
    )
    .subject(name)
    .note("a service has another PATH than your shell");
    Some(finding.help(format!(
        "write the full path, as `command -v {program}` prints it"
    )))
}

fn security(
    config: &Config,
    commands: &[(&str, &Command)],
    sources: &SourceMap,
) -> Option<Diagnostic> {
    let (_, first) = commands.first()?;
    if config.globals.script_security {
        return None;
    }
    let finding = Diagnostic::new(
        Code::ScriptSecurity,
        first.origin.span,
        "scripts run without enable_script_security",
    )
    .label(match commands.len() {
        1 => "one script".to_owned(),
        count => format!("the first of {count}"),
    });
    let user = first.user.as_ref().or(config.globals.script_user.as_ref());
    let finding = finding.note(match user {
        Some(user) => format!("this one runs as {}", user.user),
        None => "it runs as keepalived_script if there is such an account, else as root".to_owned(),
    });
    let missing = match config.globals.script_user {
        Some(_) => "    enable_script_security\n",
        None => "    script_user root\n    enable_script_security\n",
    };
    let advice = "say who runs them, and let the daemon refuse what others could have changed";
    Some(match insertion(config, first, sources) {
        Some((span, false)) => finding.fixes(
            vec![Edit {
                span,
                text: missing.to_owned(),
            }],
            advice,
        ),
        Some((span, true)) => {
            let block = format!("global_defs {{\n{missing}}}\n\n");
            finding.fixes(vec![Edit { span, text: block }], advice)
        }
        None => finding.help("add `script_user root` and `enable_script_security` to global_defs"),
    })
}

/// Where lines for `global_defs` go: behind its `{`, or, with `true`, to the start of the file.
fn insertion(config: &Config, command: &Command, sources: &SourceMap) -> Option<(Span, bool)> {
    let Some(block) = config.globals.origin.span else {
        let file = command.origin.span?.file;
        return Some((
            Span {
                file,
                start: 0,
                end: 0,
            },
            true,
        ));
    };
    let text = sources.file(block.file)?.text.get(block.end as usize..)?;
    let (gap, rest) = text.split_once('{')?;
    if !gap.trim().is_empty() || !rest.lines().next()?.trim().is_empty() {
        return None;
    }
    let newline = rest.find('\n')? + 1;
    let at = block.end + u32::try_from(gap.len() + 1 + newline).ok()?;
    Some((
        Span {
            start: at,
            end: at,
            ..block
        },
        false,
    ))
}

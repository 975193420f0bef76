//! From what was written to what it means.
//!
//! One pass over the tree in its order, because the order matters: a tracker must be defined above its use, and a
//! global default must stand above the instance that takes it. What depends on the whole follows at the end.

mod address;
mod finish;
mod globals;
mod group;
mod hmac;
mod instance;
mod route;
mod rule;
mod track;
mod value;

use core::time::Duration;

use crate::codes::Code;
use crate::config::{Config, Origin, TrackGroup};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::host::NamedInterface;
use crate::keyword::{Status, Takes};
use crate::lex::Word;
use crate::loader::Loader;
use crate::tree::{Body, Statement, Tree};

use group::GroupDraft;
use instance::Draft;

/// What the tree means.
pub(crate) struct Meaning {
    pub(crate) config: Config,
    pub(crate) findings: Vec<Diagnostic>,
    pub(crate) interfaces: Vec<NamedInterface>,
}

/// Works out what `tree` means; adds what is wrong to `findings`.
pub(crate) fn read(tree: &Tree, findings: Vec<Diagnostic>, loader: &dyn Loader) -> Meaning {
    let mut reader = Reader::new(findings, loader);
    for statement in &tree.statements {
        if reader.stopped {
            break;
        }
        reader.top(statement, tree.runs);
    }
    reader.finish();
    Meaning {
        config: reader.config,
        findings: reader.findings,
        interfaces: reader.interfaces,
    }
}

struct Reader<'a> {
    config: Config,
    findings: Vec<Diagnostic>,
    loader: &'a dyn Loader,
    /// What the findings are about now.
    subject: Option<String>,
    /// An argument was missing: keepalived has ended here.
    stopped: bool,
    /// Instances, groups and track groups whose meaning depends on what is still to come.
    drafts: Vec<Draft>,
    group_drafts: Vec<GroupDraft>,
    track_group_drafts: Vec<(TrackGroup, Vec<Word>)>,
    /// Every interface that is named and must be there, used or not.
    interfaces: Vec<NamedInterface>,
    /// Rules that gave no priority so far.
    unordered_rules: u32,
    defaults: Defaults,
}

/// Global defaults of instances that can be unset, in which case something else holds.
#[derive(Default)]
struct Defaults {
    smtp_alert: Option<bool>,
    smtp_alert_vrrp: Option<bool>,
    lower_prio_delay: Option<Duration>,
    lower_prio_repeat: Option<u32>,
    lower_prio_no_advert: Option<bool>,
    higher_prio_send_advert: Option<bool>,
}

impl<'a> Reader<'a> {
    fn new(findings: Vec<Diagnostic>, loader: &'a dyn Loader) -> Self {
        Self {
            config: Config::default(),
            findings,
            loader,
            subject: None,
            stopped: false,
            drafts: Vec::new(),
            group_drafts: Vec::new(),
            track_group_drafts: Vec::new(),
            interfaces: Vec::new(),
            unordered_rules: 0,
            defaults: Defaults::default(),
        }
    }

    fn top(&mut self, statement: &Statement, runs: bool) {
        self.remark(statement);
        if !runs && statement.keyword.name != "global_defs" {
            return self.process(statement);
        }
        match (statement.keyword.name, &statement.body) {
            ("global_defs", Body::Block(block)) => self.globals(block),
            ("vrrp_instance", Body::Block(block)) => self.instance(statement, block),
            ("vrrp_script", Body::Block(block)) => self.script(statement, block),
            ("vrrp_sync_group", Body::Block(block)) => self.sync_group(statement, block),
            ("vrrp_track_process", Body::Block(block)) => self.track_process(statement, block),
            ("track_file" | "vrrp_track_file", Body::Block(block)) => self.file(statement, block),
            ("bfd_instance", Body::Block(block)) => self.bfd(statement, block),
            ("track_group", Body::Block(block)) => self.track_group(statement, block),
            ("garp_group", Body::Block(block)) => self.garp_group(statement, block),
            ("static_ipaddress", _) => self.static_addresses(statement),
            ("static_routes", _) => {
                let routes = self.routes(statement, true);
                self.config.static_routes.extend(routes);
            }
            ("static_rules", _) => {
                let rules = self.rules(statement, true);
                self.config.static_rules.extend(rules);
            }
            ("interface_up_down_delays", _) => self.interface_delays(statement),
            ("linkbeat_interfaces", _) => self.linkbeats(statement),
            (_, Body::None) if matches!(statement.keyword.takes, Takes::Block { .. }) => {
                self.missing(statement)
            }
            _ => self.process(statement),
        }
    }

    /// Calls `each` for the statements of a block, until an argument is missing.
    fn each(
        &mut self,
        block: &[Statement],
        origin: &mut Origin,
        mut each: impl FnMut(&mut Self, &Statement),
    ) {
        for statement in block {
            if self.stopped {
                return;
            }
            self.remark(statement);
            if let Some(span) = statement.span() {
                let before = origin.keywords.insert(statement.keyword.name, span);
                self.again(statement, before);
            }
            each(self, statement);
        }
    }

    /// Says what the table knows about a keyword: that it is old, or has no effect.
    fn remark(&mut self, statement: &Statement) {
        let Some(word) = statement.words.first() else {
            return;
        };
        let finding = match statement.keyword.status {
            Status::Supported => return,
            Status::OldName(new) => Lines::finding(
                Code::KeywordDeprecated,
                word.place(),
                format!("`{}` is an old name", word.text),
            )
            .fix(word.span, new, format!("write `{new}`")),
            Status::NoEffect(why) => Lines::finding(
                Code::KeywordNoEffect,
                word.place(),
                format!("`{}` has no effect here", word.text),
            )
            .note(why),
        };
        self.report(finding);
    }

    /// Says that a setting replaces an earlier one.
    fn again(&mut self, statement: &Statement, before: Option<crate::Span>) {
        let adds = matches!(
            statement.keyword.takes,
            Takes::Command
                | Takes::Block { .. }
                | Takes::Lines { .. }
                | Takes::List { .. }
                | Takes::Nothing
                | Takes::Skipped
        ) || matches!(
            statement.keyword.name,
            "key"
                | "notify_deleted"
                | "notify_fifo"
                | "vrrp_notify_fifo"
                | "interface"
                | "version"
                | "state"
                | "include_check"
        );
        if let (false, Some(before), Some(word)) = (adds, before, statement.words.first()) {
            let finding = Lines::finding(
                Code::KeywordRepeated,
                word.place(),
                format!("`{}` is given again", word.text),
            )
            .also(before, "the first time")
            .note("the last one is used");
            self.report(finding);
        }
    }
}

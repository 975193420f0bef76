//! From what was written to what it means.
//!
//! One pass over the tree in its order, because the order matters: a tracker must be defined above its use, and a
//! global default must stand above the instance that takes it. What depends on the whole follows at the end.

mod address;
mod finish;
mod globals;
mod instance;
mod value;

use crate::config::{Config, Origin};
use crate::diag::Diagnostic;
use crate::loader::Loader;
use crate::tree::{Body, Statement, Tree};

use instance::Draft;

/// Works out what `tree` means; adds what is wrong to `findings`.
pub(crate) fn read(
    tree: &Tree,
    findings: Vec<Diagnostic>,
    loader: &dyn Loader,
) -> (Config, Vec<Diagnostic>) {
    let mut reader = Reader {
        config: Config::default(),
        drafts: Vec::new(),
        findings,
        subject: None,
        stopped: false,
        loader,
    };
    for statement in &tree.statements {
        if reader.stopped {
            break;
        }
        reader.top(statement);
    }
    reader.finish();
    (reader.config, reader.findings)
}

struct Reader<'a> {
    config: Config,
    /// Instances whose meaning depends on what is still to come.
    drafts: Vec<Draft>,
    findings: Vec<Diagnostic>,
    /// What the findings are about now.
    subject: Option<String>,
    /// An argument was missing: keepalived has ended here.
    stopped: bool,
    loader: &'a dyn Loader,
}

impl Reader<'_> {
    fn top(&mut self, statement: &Statement) {
        let _ = self.loader;
        match (statement.keyword.name, &statement.body) {
            ("global_defs", Body::Block(block)) => self.globals(block),
            ("vrrp_instance", Body::Block(block)) => self.instance(statement, block),
            (_, Body::None)
                if matches!(statement.keyword.takes, crate::keyword::Takes::Block { .. }) =>
            {
                self.missing(statement)
            }
            _ => {}
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
            if let Some(span) = statement.span() {
                origin.keywords.insert(statement.keyword.name, span);
            }
            each(self, statement);
        }
    }
}

//! `global_defs`.

use super::Reader;
use crate::tree::Statement;

impl Reader<'_> {
    pub(super) fn globals(&mut self, block: &[Statement]) {
        let mut origin = core::mem::take(&mut self.config.globals.origin);
        self.each(block, &mut origin, Self::global);
        self.config.globals.origin = origin;
    }

    fn global(&mut self, statement: &Statement) {
        match statement.keyword.name {
            "router_id" => self.config.globals.router_id = self.text(statement),
            _ => {}
        }
    }
}

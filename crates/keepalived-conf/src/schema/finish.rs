//! What can only be worked out when everything has been read.

use super::Reader;
use super::instance::Draft;
use crate::config::{Family, Instance, State, Version};

impl Reader<'_> {
    pub(super) fn finish(&mut self) {
        for draft in core::mem::take(&mut self.drafts) {
            self.subject = Some(draft.instance.name.clone());
            let instance = self.finish_instance(draft);
            self.config.instances.push(instance);
        }
        self.subject = None;
    }

    fn finish_instance(&mut self, draft: Draft) -> Instance {
        let mut instance = draft.instance;
        instance.vrid = draft.vrid.unwrap_or(0);
        instance.family = draft.family.unwrap_or(Family::V4);
        instance.version = draft.version.unwrap_or(match instance.family {
            Family::V4 => Version::V2,
            Family::V6 => Version::V3,
        });
        instance.priority = draft.priority.unwrap_or(match instance.state {
            Some(State::Master) => 255,
            _ => 100,
        });
        instance
    }
}

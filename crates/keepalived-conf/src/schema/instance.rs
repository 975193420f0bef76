//! `vrrp_instance`.

use super::Reader;
use crate::codes::Code;
use crate::config::{Auth, Family, Instance, Origin, Secret, State, Version};
use crate::expand::Lines;
use crate::tree::{Body, Statement};

/// An instance before what depends on the rest of the file is known.
pub(super) struct Draft {
    pub(super) instance: Instance,
    pub(super) vrid: Option<u8>,
    pub(super) priority: Option<u8>,
    pub(super) version: Option<Version>,
    pub(super) family: Option<Family>,
    pub(super) auth_type: Option<bool>,
    pub(super) auth_pass: Option<Secret>,
}

impl Reader<'_> {
    pub(super) fn instance(&mut self, statement: &Statement, block: &[Statement]) {
        let Some(name) = self.word(statement, 1) else {
            return;
        };
        self.surplus(statement, 2);
        let mut draft = Draft {
            instance: Instance::unbound(name.text.clone(), 0),
            vrid: None,
            priority: None,
            version: None,
            family: None,
            auth_type: None,
            auth_pass: None,
        };
        self.subject = Some(name.text.clone());
        let mut origin = Origin::at(name.span);
        self.each(block, &mut origin, |reader, statement| {
            reader.instance_line(&mut draft, statement)
        });
        draft.instance.origin = origin;
        self.subject = None;
        self.drafts.push(draft);
    }

    fn instance_line(&mut self, draft: &mut Draft, statement: &Statement) {
        let instance = &mut draft.instance;
        match statement.keyword.name {
            "state" => self.state(instance, statement),
            "interface" => instance.interface = self.text(statement),
            "virtual_router_id" => draft.vrid = self.small(statement).or(draft.vrid),
            "priority" => draft.priority = Some(self.small(statement).unwrap_or(100)),
            "advert_int" => {
                instance.advert_int = self.micros(statement).unwrap_or(instance.advert_int)
            }
            "nopreempt" => instance.preempt = false,
            "preempt" => instance.preempt = true,
            "virtual_ipaddress" => self.virtual_addresses(draft, statement),
            "authentication" => self.authentication(draft, statement),
            _ => {}
        }
    }

    fn state(&mut self, instance: &mut Instance, statement: &Statement) {
        let Some(word) = self.word(statement, 1) else {
            return;
        };
        self.surplus(statement, 2);
        let state = match word.text.as_str() {
            "MASTER" => State::Master,
            "BACKUP" => State::Backup,
            other => {
                let finding = Lines::finding(
                    Code::StateUnknown,
                    word.place(),
                    format!("there is no state `{other}`"),
                )
                .note("BACKUP is used; `state` decides nothing unless the priority is 255")
                .fix(word.span, "BACKUP", "did you mean BACKUP?");
                self.report(finding);
                State::Backup
            }
        };
        if instance.state != Some(State::Master) {
            instance.state = Some(state);
        }
    }

    fn authentication(&mut self, draft: &mut Draft, statement: &Statement) {
        let Body::Block(block) = &statement.body else {
            return;
        };
        for line in block {
            match line.keyword.name {
                "auth_type" => {
                    let Some(word) = self.word(line, 1) else {
                        return;
                    };
                    match word.text.as_str() {
                        "PASS" => draft.auth_type = Some(true),
                        "AH" => draft.auth_type = Some(false),
                        other => {
                            let finding = Lines::finding(
                                Code::AuthTypeUnknown,
                                word.place(),
                                format!("there is no authentication type `{other}`"),
                            );
                            self.report(finding.help("write PASS or AH"));
                        }
                    }
                }
                "auth_pass" => {
                    let Some(word) = self.word(line, 1) else {
                        return;
                    };
                    let bytes = word.text.as_bytes();
                    let used = bytes.get(..8).unwrap_or(bytes);
                    if bytes.len() > 8 {
                        let finding = Lines::finding(
                            Code::AuthPassLong,
                            word.place(),
                            "only the first 8 bytes of a password are used",
                        );
                        self.report(finding);
                    }
                    draft.auth_pass = Some(Secret::new(used));
                }
                _ => {}
            }
        }
        if let (Some(pass), Some(secret)) = (draft.auth_type, draft.auth_pass.clone()) {
            draft.instance.auth = Some(if pass {
                Auth::Pass(secret)
            } else {
                Auth::Ah(secret)
            });
        }
    }
}

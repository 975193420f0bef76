//! Addresses.

use super::Reader;
use super::instance::Draft;
use crate::config::{Address, Family, Origin};
use crate::lex::Word;
use crate::tree::{Body, Statement};

impl Reader<'_> {
    pub(super) fn virtual_addresses(&mut self, draft: &mut Draft, statement: &Statement) {
        let Body::Entries(entries) = &statement.body else {
            return;
        };
        for entry in entries {
            if let Some(address) = self.address_entry(entry) {
                draft.family.get_or_insert(Family::of(&address.address));
                draft.instance.addresses.push(address);
            }
        }
    }

    fn address_entry(&mut self, words: &[Word]) -> Option<Address> {
        let word = words.first()?;
        let (text, len) = match word.text.split_once('/') {
            Some((text, len)) => (text, Some(len)),
            None => (word.text.as_str(), None),
        };
        let Ok(address) = text.parse() else {
            self.not_an_address(word);
            return None;
        };
        let mut address = Address::new(address);
        address.origin = Origin::at(word.span);
        if let Some(len) = len {
            address.prefix_len = len.parse().unwrap_or(address.prefix_len);
        }
        Some(address)
    }
}

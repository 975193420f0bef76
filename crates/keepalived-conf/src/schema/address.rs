//! Addresses and peers.

use core::net::IpAddr;
use core::time::Duration;

use super::Reader;
use super::instance::Draft;
use super::track::entries;
use crate::codes::Code;
use crate::config::{Address, Broadcast, Family, Origin, Peer};
use crate::expand::Lines;
use crate::lex::Word;
use crate::names::Table;
use crate::tree::Statement;

const NO_PROTECTION: &str = "the entry is dropped: nothing protects this address";

impl Reader<'_> {
    pub(super) fn virtual_addresses(&mut self, draft: &mut Draft, statement: &Statement) {
        for words in entries(statement) {
            let (Some(address), Some(word)) = (self.address_entry(words, false), words.first())
            else {
                continue;
            };
            if draft.fits(Family::of(&address.address)) {
                draft.instance.addresses.push(address);
            } else {
                let finding = Lines::finding(Code::FamilyMixed, word.place(), format!("`{}` is of the other address family", word.text))
                    .note("the first address of an instance decides its family")
                    .note(NO_PROTECTION)
                    .help("write a second instance for this family, and a vrrp_sync_group for both; or put the address into virtual_ipaddress_excluded");
                self.report(finding);
            }
        }
    }

    pub(super) fn excluded_addresses(&mut self, draft: &mut Draft, statement: &Statement) {
        let found: Vec<_> = entries(statement)
            .iter()
            .filter_map(|words| self.address_entry(words, false))
            .collect();
        draft.instance.excluded.extend(found);
    }

    pub(super) fn static_addresses(&mut self, statement: &Statement) {
        let found: Vec<_> = entries(statement)
            .iter()
            .filter_map(|words| self.address_entry(words, true))
            .collect();
        self.config.static_addresses.extend(found);
    }

    fn dropped(&mut self, word: &Word, message: String) {
        self.report(
            Lines::finding(Code::AddressOption, word.place(), message)
                .severity(crate::Severity::Loud)
                .note(NO_PROTECTION),
        );
    }

    fn option_ignored(&mut self, word: &Word, message: &str) {
        self.report(
            Lines::finding(Code::AddressOption, word.place(), message)
                .note("the option is not used"),
        );
    }

    /// `ADDRESS[/LEN] [option ...]`
    fn address_entry(&mut self, words: &[Word], fixed: bool) -> Option<Address> {
        let (word, options) = words.split_first()?;
        let (text, len) = match word.text.split_once('/') {
            Some((text, len)) => (text, Some(len)),
            None => (word.text.as_str(), None),
        };
        let Ok(ip) = text.parse::<IpAddr>() else {
            self.not_an_address(word);
            if let Some(finding) = self.findings.last_mut() {
                finding.notes = vec![NO_PROTECTION.to_owned()];
            }
            return None;
        };
        let mut address = Address::new(ip);
        address.origin = Origin::at(word.span);
        if let Some(len) = len {
            address.prefix_len = self.prefix_len(word, len, Family::of(&ip).bits());
        }
        let prefix_given = len.is_some();
        let mut lifetime = None;
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let keyword = option.text.as_str();
            if let "dev" | "scope" | "brd" | "broadcast" | "label" | "peer" | "preferred_lft"
            | "track_group" = keyword
            {
                let Some(value) = options.next() else {
                    self.dropped(option, format!("`{keyword}` lacks its value"));
                    return None;
                };
                if !self.address_option(&mut address, &mut lifetime, option, value, fixed)? {
                    return None;
                }
                continue;
            }
            match keyword {
                "home" => address.home = true,
                "-nodad" => address.dad = true,
                "mngtmpaddr" => address.manage_temporary = true,
                "noprefixroute" => address.no_prefix_route = true,
                "autojoin" => address.autojoin = true,
                "no_track" => address.track = false,
                "use_vmac" if !fixed => address.use_vmac = true,
                _ => self.unknown_option(option, "an address"),
            }
        }
        if address.peer.is_some() {
            if address.broadcast.take().is_some() {
                self.option_ignored(word, "a point-to-point address has no broadcast address");
            }
            if prefix_given && address.prefix_len != Family::of(&ip).bits() {
                self.option_ignored(
                    word,
                    "the prefix length of a point-to-point address is that of the peer",
                );
                address.prefix_len = Family::of(&ip).bits();
            }
        }
        address.preferred_lifetime = match lifetime {
            Some(lifetime) => lifetime,
            None => (ip.is_ipv6() && address.prefix_len == 128).then_some(Duration::ZERO),
        };
        Some(address)
    }

    /// One option with its value; `None` or `false`: the entry is dropped.
    fn address_option(
        &mut self,
        address: &mut Address,
        lifetime: &mut Option<Option<Duration>>,
        option: &Word,
        value: &Word,
        fixed: bool,
    ) -> Option<bool> {
        let ipv6 = address.address.is_ipv6();
        match option.text.as_str() {
            "dev" if address.dev.is_some() => {
                self.dropped(option, "`dev` is given twice".to_owned());
                return None;
            }
            "dev" => address.dev = Some(self.interface_name(value)?),
            "scope" => match self.named(Table::Scope, value).map(u8::try_from) {
                _ if ipv6 => self.option_ignored(option, "an IPv6 address has no scope to be set"),
                Some(Ok(scope)) => address.scope = scope,
                _ => self.option_ignored(value, "there is no such scope"),
            },
            "brd" | "broadcast" => match (value.text.as_str(), value.text.parse()) {
                _ if ipv6 => {
                    self.dropped(option, "there is no broadcast address in IPv6".to_owned());
                    return None;
                }
                ("+" | "-", _) if address.prefix_len > 30 => {
                    self.option_ignored(value, "so small a network has no broadcast address");
                }
                ("+", _) => address.broadcast = Some(Broadcast::Ones),
                ("-", _) => address.broadcast = Some(Broadcast::Zeros),
                (_, Ok(broadcast)) => address.broadcast = Some(Broadcast::Address(broadcast)),
                _ => self.option_ignored(value, "this is not a broadcast address"),
            },
            "label" if value.text.len() > 15 => {
                let finding = Lines::finding(
                    Code::LabelLong,
                    value.place(),
                    format!("the label `{}` is longer than 15 bytes", value.text),
                )
                .severity(crate::Severity::Loud)
                .note(NO_PROTECTION)
                .help("write a shorter one, or none");
                self.report(finding);
                return None;
            }
            "label" if ipv6 => self.option_ignored(option, "an IPv6 address has no label"),
            "label" => address.label = Some(value.text.clone()),
            "peer" => match value.text.parse::<IpAddr>() {
                Ok(peer) if peer.is_ipv6() == ipv6 => address.peer = Some(peer),
                _ => self.option_ignored(value, "this is not an address of the same family"),
            },
            "preferred_lft" if matches!(value.text.as_str(), "forever" | "infinity") => {
                *lifetime = Some(None)
            }
            "preferred_lft" => {
                let seconds = self
                    .integer_in(value, 0, i64::from(u32::MAX))
                    .and_then(|n| u64::try_from(n).ok());
                if let Some(seconds) = seconds {
                    *lifetime = Some(Some(Duration::from_secs(seconds)));
                }
            }
            _ if fixed => address.track_group = Some(value.text.clone()),
            _ => self.option_ignored(option, "only a static address belongs to a track_group"),
        }
        Some(true)
    }

    fn prefix_len(&mut self, word: &Word, text: &str, bits: u8) -> u8 {
        let number: String = text.chars().take_while(char::is_ascii_digit).collect();
        match number.parse::<u8>() {
            Ok(len) if len <= bits => {
                if number.len() < text.len() {
                    let message = format!("`{text}` is not a prefix length");
                    self.report(
                        Lines::finding(Code::PrefixInvalid, word.place(), message)
                            .note(format!("{len} is used")),
                    );
                }
                len
            }
            _ => {
                let message = format!("`{text}` is not a prefix length");
                let finding = Lines::finding(Code::PrefixInvalid, word.place(), message)
                    .label(format!("must be 0 to {bits}"))
                    .note(format!("{bits} is used"));
                self.report(finding);
                bits
            }
        }
    }

    /// `unicast_peer`
    pub(super) fn peers(&mut self, draft: &mut Draft, statement: &Statement) {
        for words in entries(statement) {
            let Some((word, options)) = words.split_first() else {
                continue;
            };
            let (text, len) = word.text.split_once('/').unwrap_or((&word.text, ""));
            let Ok(address) = text.parse::<IpAddr>() else {
                self.bad_peer(word);
                continue;
            };
            if !draft.fits(Family::of(&address)) {
                let finding = Lines::finding(
                    Code::PeerFamily,
                    word.place(),
                    format!("the peer `{}` is of the other address family", word.text),
                );
                self.report(
                    finding.note("it gets no adverts, and will believe that this node is gone"),
                );
                continue;
            }
            if !len.is_empty() {
                self.option_ignored(word, "a peer has no prefix length");
            }
            let mut peer = Peer::new(address);
            peer.origin = Origin::at(word.span);
            let mut options = options.iter();
            while let Some(option) = options.next() {
                let ttl = match option.text.as_str() {
                    "min_ttl" | "max_ttl" => options
                        .next()
                        .and_then(|word| self.integer_in(word, 0, 255)),
                    _ => {
                        self.unknown_option(option, "a peer");
                        continue;
                    }
                };
                let Some(ttl) = ttl.and_then(|ttl| u8::try_from(ttl).ok()) else {
                    continue;
                };
                draft.unicast_settings.check_source = true;
                if option.text == "min_ttl" {
                    peer.min_ttl = ttl
                } else {
                    peer.max_ttl = ttl
                }
            }
            draft.unicast_settings.peers.push(peer);
        }
    }

    fn bad_peer(&mut self, word: &Word) {
        let several: Vec<&str> = word
            .text
            .split(',')
            .filter(|part| !part.is_empty())
            .collect();
        let addresses = several.iter().all(|part| part.parse::<IpAddr>().is_ok());
        let finding = if word.text.contains(',') && addresses {
            Lines::finding(
                Code::PeersComma,
                word.place(),
                "peers are separated by lines, not by commas",
            )
            .note("none of them gets adverts")
            .fix(
                word.span,
                several.join("\n"),
                "write each on a line of its own",
            )
        } else {
            Lines::finding(
                Code::AddressInvalid,
                word.place(),
                format!("`{}` is not an IP address", word.text),
            )
            .note("this peer gets no adverts, and will believe that this node is gone")
        };
        self.report(finding);
    }
}

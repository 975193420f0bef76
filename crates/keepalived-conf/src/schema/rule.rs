//! `virtual_rules` and `static_rules`, as iproute2 writes rules.

use super::Reader;
use super::route::{Cursor, Dropped, about, bad, need, prefix};
use super::track::entries;
use crate::codes::Code;
use crate::config::{Family, Origin, Prefix, Rule, RuleAction};
use crate::expand::Lines;
use crate::lex::Word;
use crate::names::Table;
use crate::tree::Statement;

/// Rules without a priority get this one and the ones below it.
const FIRST_PRIORITY: u32 = 16384;

impl Reader<'_> {
    pub(super) fn rules(&mut self, statement: &Statement, fixed: bool) -> Vec<Rule> {
        let mut rules = Vec::new();
        for words in entries(statement) {
            match self.rule(words, fixed) {
                Ok(Some(mut rule)) => {
                    if rule.priority.is_none() {
                        let priority = FIRST_PRIORITY.saturating_sub(self.unordered_rules);
                        self.unordered_rules += 1;
                        rule.priority = Some(priority);
                        let finding = about(Code::ValueUnusual, words, "this rule has no priority");
                        self.report(
                            finding
                                .note(format!("{priority} is used"))
                                .help("write `priority N`"),
                        );
                    }
                    rules.push(rule);
                }
                Ok(None) => {
                    let finding = about(Code::RuleInvalid, words, "this rule has no action");
                    self.report(
                        finding
                            .note("it is dropped")
                            .help("write `table N`, `blackhole` or the like"),
                    );
                }
                Err((word, message)) => {
                    self.entry_dropped(Code::RuleInvalid, words, word, message, "rule")
                }
            }
        }
        rules
    }

    fn rule<'a>(&mut self, words: &'a [Word], fixed: bool) -> Result<Option<Rule>, Dropped<'a>> {
        let mut cursor = Cursor::new(words);
        let mut family = None;
        let mut action = None;
        let mut rule = Rule::new(Family::V4, RuleAction::Nop);
        rule.origin = words
            .first()
            .map(|word| Origin::at(word.span))
            .unwrap_or_default();
        while let Some(word) = cursor.take() {
            match word.text.as_str() {
                "inet" => family = Some(Family::V4),
                "inet6" => family = Some(Family::V6),
                "not" => rule.not = true,
                "from" => rule.from = rule_prefix(need(&mut cursor, word)?, &mut family)?,
                "to" => rule.to = rule_prefix(need(&mut cursor, word)?, &mut family)?,
                "table" | "lookup" => {
                    action = Some(RuleAction::Table(self.name_of(
                        Table::Route,
                        &mut cursor,
                        word,
                    )?))
                }
                "goto" => {
                    action = Some(RuleAction::Goto(
                        self.number(need(&mut cursor, word)?, u32::MAX)?,
                    ))
                }
                "nop" => action = Some(RuleAction::Nop),
                "blackhole" => action = Some(RuleAction::Blackhole),
                "unreachable" => action = Some(RuleAction::Unreachable),
                "prohibit" => action = Some(RuleAction::Prohibit),
                "no_track" => rule.track = false,
                "track_group" if fixed => {
                    rule.track_group = Some(need(&mut cursor, word)?.text.clone())
                }
                _ => self.rule_selector(&mut rule, &mut cursor, word)?,
            }
        }
        if action.is_none() && rule.l3mdev {
            action = Some(RuleAction::L3mdev);
        }
        rule.family = family.unwrap_or_default();
        Ok(action.map(|action| Rule { action, ..rule }))
    }

    fn rule_selector<'a>(
        &mut self,
        rule: &mut Rule,
        cursor: &mut Cursor<'a>,
        word: &'a Word,
    ) -> Result<(), Dropped<'a>> {
        if word.text == "l3mdev" {
            rule.l3mdev = true;
            return Ok(());
        }
        let known = "iif dev oif tos dsfield fwmark priority preference order realms suppress_prefixlength sup_pl \
                     suppress_ifgroup sup_group tunnel-id uidrange protocol ipproto sport dport";
        if !known.split(' ').any(|known| known == word.text) {
            return bad(word, format!("a rule has no option `{}`", word.text));
        }
        let value = need(cursor, word)?;
        match word.text.as_str() {
            "iif" | "dev" => rule.iif = Some(self.device(value)?),
            "oif" => rule.oif = Some(self.device(value)?),
            "tos" | "dsfield" => rule.tos = Some(self.named_in(Table::DsField, value)?),
            "fwmark" => {
                let (mark, mask) = value
                    .text
                    .split_once('/')
                    .map_or((value.text.as_str(), None), |(mark, mask)| {
                        (mark, Some(mask))
                    });
                let mark = number(mark)
                    .ok_or_else(|| (value, format!("`{}` is not a mark", value.text)))?;
                let mask = mask
                    .map_or(Some(u32::MAX), number)
                    .ok_or_else(|| (value, format!("`{}` is not a mark and a mask", value.text)))?;
                rule.fwmark = Some((mark, mask));
            }
            "priority" | "preference" | "order" => {
                rule.priority = Some(self.number(value, u32::MAX)?)
            }
            "realms" => rule.realms = Some(self.realms(value)?),
            "suppress_prefixlength" | "sup_pl" => {
                rule.suppress_prefix_len = Some(self.number(value, 128)?)
            }
            "suppress_ifgroup" | "sup_group" => {
                rule.suppress_group = Some(self.named_in(Table::Group, value)?)
            }
            "tunnel-id" => {
                rule.tunnel_id = Some(
                    value
                        .text
                        .parse()
                        .map_err(|_| (value, format!("`{}` is not a number", value.text)))?,
                );
            }
            "uidrange" => rule.uid_range = Some(range(value, u32::MAX)?),
            "protocol" => rule.protocol = Some(self.named_in(Table::Protocol, value)?),
            "ipproto" => {
                let number = ip_protocol(&value.text);
                rule.ip_protocol =
                    Some(number.ok_or_else(|| {
                        (value, format!("there is no IP protocol `{}`", value.text))
                    })?);
            }
            name => match ports(value) {
                Ok(ports) if name == "sport" => rule.sport = Some(ports),
                Ok(ports) => rule.dport = Some(ports),
                Err((word, message)) => {
                    let finding = Lines::finding(Code::RuleInvalid, word.place(), message);
                    self.report(finding.note("the rule is used without"));
                }
            },
        }
        Ok(())
    }

    fn named_in<'a, T: TryFrom<u32>>(
        &mut self,
        table: Table,
        word: &'a Word,
    ) -> Result<T, Dropped<'a>> {
        let number = self
            .named(table, word)
            .and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| (word, format!("there is no `{}`", word.text)))
    }
}

fn rule_prefix<'a>(
    word: &'a Word,
    family: &mut Option<Family>,
) -> Result<Option<Prefix>, Dropped<'a>> {
    if matches!(word.text.as_str(), "all" | "any" | "default") {
        return Ok(None);
    }
    let prefix = prefix(word)?;
    family.get_or_insert(Family::of(&prefix.address));
    Ok(Some(prefix))
}

fn number(text: &str) -> Option<u32> {
    text.strip_prefix("0x").map_or_else(
        || text.parse().ok(),
        |hex| u32::from_str_radix(hex, 16).ok(),
    )
}

/// `A-B`; keepalived takes no single number.
fn range(word: &Word, max: u32) -> Result<(u32, u32), Dropped<'_>> {
    let ends = word
        .text
        .split_once('-')
        .and_then(|(low, high)| number(low).zip(number(high)));
    ends.filter(|(low, high)| low <= high && *high <= max)
        .ok_or_else(|| {
            (
                word,
                format!("`{}` is not a range like 1000-2000", word.text),
            )
        })
}

fn ports(word: &Word) -> Result<(u16, u16), Dropped<'_>> {
    let (low, high) = range(word, 65535)?;
    Ok((
        u16::try_from(low).unwrap_or(0),
        u16::try_from(high).unwrap_or(u16::MAX),
    ))
}

fn ip_protocol(word: &str) -> Option<u8> {
    let known = [
        ("icmp", 1),
        ("igmp", 2),
        ("tcp", 6),
        ("udp", 17),
        ("ipv6-icmp", 58),
        ("vrrp", 112),
        ("sctp", 132),
    ];
    word.parse().ok().or_else(|| {
        known
            .iter()
            .find(|(name, _)| *name == word)
            .map(|&(_, number)| number)
    })
}

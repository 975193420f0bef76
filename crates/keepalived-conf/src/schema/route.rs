//! `virtual_routes` and `static_routes`, as iproute2 writes routes.

use core::net::IpAddr;
use core::time::Duration;

use super::Reader;
use super::track::entries;
use crate::codes::Code;
use crate::config::{
    Encapsulation, Family, Insert, MetricKind, NextHop, Origin, Prefix, Route, RouteKind,
    RouteMetric,
};
use crate::diag::Diagnostic;
use crate::expand::Lines;
use crate::lex::Word;
use crate::names::Table;
use crate::tree::Statement;

/// The words of an entry, taken one after the other.
pub(super) struct Cursor<'a> {
    words: &'a [Word],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(words: &'a [Word]) -> Self {
        Self { words }
    }

    pub(super) fn take(&mut self) -> Option<&'a Word> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    pub(super) fn peek(&self) -> Option<&'a Word> {
        self.words.first()
    }

    pub(super) fn take_if(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.text == text);
        if found {
            self.take();
        }
        found
    }
}

/// Why an entry is dropped: at a word, because of that. Without a message the word lacks its value, and
/// keepalived ends.
pub(super) type Dropped<'a> = (&'a Word, String);

pub(super) fn bad<T>(word: &Word, message: impl Into<String>) -> Result<T, Dropped<'_>> {
    Err((word, message.into()))
}

impl Reader<'_> {
    pub(super) fn routes(&mut self, statement: &Statement, fixed: bool) -> Vec<Route> {
        let mut routes = Vec::new();
        for words in entries(statement) {
            let Some(first) = words.first() else { continue };
            if self.stopped {
                break;
            }
            match self.route(first, words, fixed) {
                Ok(route) => routes.push(route),
                Err((word, message)) => {
                    self.entry_dropped(Code::RouteInvalid, words, word, message, "route")
                }
            }
        }
        routes
    }

    pub(super) fn entry_dropped(
        &mut self,
        code: Code,
        words: &[Word],
        word: &Word,
        message: String,
        what: &str,
    ) {
        if message.is_empty() {
            self.stopped = true;
            let message = format!("`{}` lacks its value", word.text);
            let finding = Lines::finding(Code::ArgumentMissing, word.place(), message);
            self.report(finding.note("keepalived ends at once with exit status 2"));
            return;
        }
        let span = words
            .first()
            .zip(words.last())
            .map(|(first, last)| first.span.to(last.span));
        let finding =
            Lines::finding(code, word.place(), message).note(format!("the {what} is dropped"));
        self.report(finding.also(
            span.filter(|span| *span != word.span),
            format!("this {what}"),
        ));
    }

    fn route<'a>(
        &mut self,
        first: &'a Word,
        words: &'a [Word],
        fixed: bool,
    ) -> Result<Route, Dropped<'a>> {
        let mut cursor = Cursor::new(words);
        let mut family = None;
        let mut kind = RouteKind::Unicast;
        let mut destination: Option<(&Word, Option<Prefix>)> = None;
        let mut route = Route::new(Family::V4, None);
        route.origin = Origin::at(first.span);
        while let Some(word) = cursor.take() {
            match word.text.as_str() {
                "inet" => family = Some(Family::V4),
                "inet6" => family = Some(Family::V6),
                text if route_kind(text).is_some() => kind = route_kind(text).unwrap_or_default(),
                "to" => {
                    let to = need(&mut cursor, word)?;
                    destination = Some((to, self.destination(to, &mut family)?));
                }
                _ if self.route_option(&mut route, &mut cursor, word, fixed)? => {}
                _ if destination.is_none() => {
                    destination = Some((word, self.destination(word, &mut family)?))
                }
                text => return bad(word, format!("a route has no option `{text}`")),
            }
        }
        let Some((_, prefix)) = destination else {
            return bad(first, "a route has a destination");
        };
        let family_of_via = route.via.as_ref().map(Family::of);
        let families = [
            family_of_via,
            prefix.map(|prefix| Family::of(&prefix.address)),
            family,
        ];
        let mut given = families.into_iter().flatten();
        let first_family = given.next();
        if given.any(|family| Some(family) != first_family) {
            return bad(first, "a route is of one address family");
        }
        if route.dev.is_none() && route.next_hops.iter().all(|hop| hop.dev.is_none()) {
            route.track = false;
        }
        route.destination = prefix;
        route.kind = kind;
        route.family = family
            .or_else(|| route.via.as_ref().map(Family::of))
            .or_else(|| route.source.as_ref().map(Family::of))
            .unwrap_or_default();
        Ok(route)
    }

    fn destination<'a>(
        &mut self,
        word: &'a Word,
        family: &mut Option<Family>,
    ) -> Result<Option<Prefix>, Dropped<'a>> {
        match word.text.as_str() {
            "default" | "any" | "all" => Ok(None),
            "default6" => {
                *family = Some(Family::V6);
                Ok(None)
            }
            _ => {
                let prefix = prefix(word)?;
                family.get_or_insert(Family::of(&prefix.address));
                Ok(Some(prefix))
            }
        }
    }

    /// Reads one option; `false` if the word is none.
    fn route_option<'a>(
        &mut self,
        route: &mut Route,
        cursor: &mut Cursor<'a>,
        word: &'a Word,
        fixed: bool,
    ) -> Result<bool, Dropped<'a>> {
        match word.text.as_str() {
            "src" => route.source = Some(address(need(cursor, word)?)?),
            "via" | "gw" => route.via = Some(via(cursor, word)?),
            "or" => {
                let hop = NextHop {
                    via: Some(via(cursor, word)?),
                    weight: 1,
                    ..NextHop::default()
                };
                if route.next_hops.is_empty() {
                    route.next_hops.push(NextHop {
                        via: route.via.take(),
                        weight: 1,
                        ..NextHop::default()
                    });
                }
                route.next_hops.push(hop);
            }
            "from" => route.from = Some(prefix(need(cursor, word)?)?),
            "tos" | "dsfield" => route.tos = Some(self.name_of(Table::DsField, cursor, word)?),
            "table" => route.table = Some(self.name_of(Table::Route, cursor, word)?),
            "protocol" => route.protocol = Some(self.name_of(Table::Protocol, cursor, word)?),
            "scope" => route.scope = Some(self.name_of(Table::Scope, cursor, word)?),
            "metric" | "priority" | "preference" => {
                route.metric = Some(self.number(need(cursor, word)?, u32::MAX)?)
            }
            "dev" | "oif" => route.dev = Some(self.device(need(cursor, word)?)?),
            "onlink" => route.onlink = true,
            "encap" => route.encapsulation = Some(self.encapsulation(cursor, word)?),
            "expires" => {
                let seconds: u32 = self.number(need(cursor, word)?, u32::MAX)?;
                route.expires = Some(Duration::from_secs(seconds.into()));
            }
            "realms" => route.realms = Some(self.realms(need(cursor, word)?)?),
            "pref" => {
                let value = need(cursor, word)?;
                route.preference = Some(match value.text.as_str() {
                    "low" => 3,
                    "medium" => 0,
                    "high" => 1,
                    text => return bad(value, format!("there is no preference `{text}`")),
                });
            }
            "ttl-propagate" => {
                let value = need(cursor, word)?;
                route.ttl_propagate = Some(match value.text.as_str() {
                    "enabled" => true,
                    "disabled" => false,
                    text => return bad(value, format!("`{text}` is neither enabled nor disabled")),
                });
            }
            "add" => route.insert = Some(Insert::Add),
            "prepend" => route.insert = Some(Insert::Prepend),
            "append" => route.insert = Some(Insert::Append),
            "nexthop" => route.next_hops.push(self.next_hop(cursor)?),
            "vrf" => route.dev = Some(self.device(need(cursor, word)?)?),
            "no_track" => route.track = false,
            "track_group" if fixed => route.track_group = Some(need(cursor, word)?.text.clone()),
            text => return self.route_metric(route, text, cursor, word),
        }
        Ok(true)
    }

    fn route_metric<'a>(
        &mut self,
        route: &mut Route,
        text: &str,
        cursor: &mut Cursor<'a>,
        word: &'a Word,
    ) -> Result<bool, Dropped<'a>> {
        let Some((_, kind)) = METRICS.iter().find(|(name, _)| *name == text) else {
            return Ok(false);
        };
        let lockable = !matches!(
            kind,
            MetricKind::Window
                | MetricKind::Hoplimit
                | MetricKind::Initcwnd
                | MetricKind::Initrwnd
                | MetricKind::Features
                | MetricKind::Quickack
                | MetricKind::FastopenNoCookie
        );
        let lock = lockable && cursor.take_if("lock");
        let value = need(cursor, word)?;
        let mut metric = RouteMetric {
            kind: *kind,
            value: 0,
            lock,
            text: None,
        };
        match kind {
            MetricKind::CcAlgo => metric.text = Some(value.text.clone()),
            MetricKind::Features if value.text == "ecn" => metric.value = 1,
            MetricKind::Features => {
                return bad(value, format!("there is no feature `{}`", value.text));
            }
            MetricKind::Rtt => metric.value = self.milliseconds(value)?.saturating_mul(8),
            MetricKind::RttVar => metric.value = self.milliseconds(value)?.saturating_mul(4),
            MetricKind::RtoMin => metric.value = self.milliseconds(value)?,
            _ => metric.value = self.number(value, u32::MAX)?,
        }
        route.metrics.push(metric);
        Ok(true)
    }

    fn next_hop<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<NextHop, Dropped<'a>> {
        let mut hop = NextHop {
            weight: 1,
            ..NextHop::default()
        };
        while let Some(word) = cursor.peek() {
            match word.text.as_str() {
                "via" | "dev" | "weight" | "onlink" | "encap" | "realms" => cursor.take(),
                _ => break,
            };
            match word.text.as_str() {
                "via" => hop.via = Some(via(cursor, word)?),
                "dev" => hop.dev = Some(self.device(need(cursor, word)?)?),
                "weight" => hop.weight = self.number(need(cursor, word)?, 256)?,
                "onlink" => hop.onlink = true,
                "encap" => hop.encapsulation = Some(self.encapsulation(cursor, word)?),
                _ => hop.realms = Some(self.realms(need(cursor, word)?)?),
            }
        }
        Ok(hop)
    }

    fn encapsulation<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        word: &'a Word,
    ) -> Result<Encapsulation, Dropped<'a>> {
        let kind = need(cursor, word)?;
        match kind.text.as_str() {
            "ip" | "ip6" => self.ip_tunnel(
                cursor,
                if kind.text == "ip" {
                    Family::V4
                } else {
                    Family::V6
                },
            ),
            "mpls" => {
                let stack = need(cursor, kind)?;
                let labels: Option<Vec<u32>> = stack
                    .text
                    .split('/')
                    .map(|label| label.parse().ok().filter(|label| *label < 1 << 20))
                    .collect();
                labels.map(Encapsulation::Mpls).ok_or_else(|| {
                    (
                        stack,
                        format!("`{}` is not a stack of MPLS labels", stack.text),
                    )
                })
            }
            "ila" => {
                let locator = need(cursor, kind)?;
                let parts: Option<Vec<u64>> = locator
                    .text
                    .split(':')
                    .map(|part| {
                        u64::from_str_radix(part, 16)
                            .ok()
                            .filter(|part| *part < 1 << 16)
                    })
                    .collect();
                let parts = parts.filter(|parts| parts.len() == 4);
                let locator_of =
                    |parts: Vec<u64>| parts.iter().fold(0, |all, part| (all << 16) | part);
                parts
                    .map(locator_of)
                    .map(Encapsulation::Ila)
                    .ok_or_else(|| (locator, format!("`{}` is not an ILA locator", locator.text)))
            }
            text => bad(kind, format!("there is no encapsulation `{text}`")),
        }
    }

    fn ip_tunnel<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        family: Family,
    ) -> Result<Encapsulation, Dropped<'a>> {
        let (mut id, mut to, mut from, mut tos, mut ttl, mut flags) =
            (None, None, None, None, None, None);
        while let Some(word) = cursor.peek() {
            if !matches!(
                word.text.as_str(),
                "id" | "dst" | "src" | "tos" | "tc" | "ttl" | "hoplimit" | "flags"
            ) {
                break;
            }
            cursor.take();
            let value = need(cursor, word)?;
            match word.text.as_str() {
                "id" => {
                    id = Some(
                        value
                            .text
                            .parse()
                            .map_err(|_| (value, format!("`{}` is not a number", value.text)))?,
                    )
                }
                "dst" => to = Some(address(value)?),
                "src" => from = Some(address(value)?),
                "tos" | "tc" => tos = Some(self.number(value, 255)?),
                "ttl" | "hoplimit" => ttl = Some(self.number(value, 255)?),
                _ => flags = Some(self.number(value, 65535)?),
            }
        }
        Ok(Encapsulation::Ip {
            id,
            destination: to,
            source: from,
            tos,
            ttl,
            flags,
            family,
        })
    }

    /// A number or a name of a table.
    pub(super) fn name_of<'a, T: TryFrom<u32>>(
        &mut self,
        table: Table,
        cursor: &mut Cursor<'a>,
        word: &'a Word,
    ) -> Result<T, Dropped<'a>> {
        let value = need(cursor, word)?;
        let number = self
            .named(table, value)
            .and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| {
            (
                value,
                format!("there is no `{}` named `{}`", word.text, value.text),
            )
        })
    }

    pub(super) fn named(&self, table: Table, word: &Word) -> Option<u32> {
        table.number(&word.text, self.loader)
    }

    pub(super) fn number<'a, T: TryFrom<u32>>(
        &mut self,
        word: &'a Word,
        max: u32,
    ) -> Result<T, Dropped<'a>> {
        let text = word.text.as_str();
        let number = text
            .strip_prefix("0x")
            .map_or_else(|| text.parse(), |hex| u32::from_str_radix(hex, 16));
        let number = number.ok().filter(|number| *number <= max);
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| (word, format!("`{text}` is not a number up to {max}")))
    }

    /// A time in ms, or with the unit `s`.
    fn milliseconds<'a>(&mut self, word: &'a Word) -> Result<u32, Dropped<'a>> {
        let text = word.text.as_str();
        let milliseconds = match text.strip_suffix("ms") {
            Some(number) => number.parse().ok(),
            None => match text.strip_suffix('s') {
                Some(number) => number
                    .parse::<u32>()
                    .ok()
                    .and_then(|seconds| seconds.checked_mul(1000)),
                None => text.parse().ok(),
            },
        };
        milliseconds.ok_or_else(|| (word, format!("`{text}` is not a time")))
    }

    pub(super) fn realms<'a>(&mut self, word: &'a Word) -> Result<(u16, u16), Dropped<'a>> {
        let realm = |text: &str| {
            Table::Realm
                .number(text, self.loader)
                .and_then(|realm| u16::try_from(realm).ok())
        };
        let realms = match word.text.split_once('/') {
            Some((from, to)) => realm(from).zip(realm(to)),
            None => realm(&word.text).map(|to| (0, to)),
        };
        realms.ok_or_else(|| (word, format!("`{}` names no realms", word.text)))
    }

    pub(super) fn device<'a>(&mut self, word: &'a Word) -> Result<String, Dropped<'a>> {
        self.interface_name(word)
            .ok_or_else(|| (word, "this is not the name of an interface".to_owned()))
    }
}

const METRICS: &[(&str, MetricKind)] = &[
    ("mtu", MetricKind::Mtu),
    ("window", MetricKind::Window),
    ("rtt", MetricKind::Rtt),
    ("rttvar", MetricKind::RttVar),
    ("ssthresh", MetricKind::Ssthresh),
    ("cwnd", MetricKind::Cwnd),
    ("advmss", MetricKind::Advmss),
    ("reordering", MetricKind::Reordering),
    ("hoplimit", MetricKind::Hoplimit),
    ("initcwnd", MetricKind::Initcwnd),
    ("features", MetricKind::Features),
    ("rto_min", MetricKind::RtoMin),
    ("initrwnd", MetricKind::Initrwnd),
    ("quickack", MetricKind::Quickack),
    ("congctl", MetricKind::CcAlgo),
    ("fastopen_no_cookie", MetricKind::FastopenNoCookie),
];

fn route_kind(word: &str) -> Option<RouteKind> {
    Some(match word {
        "unicast" => RouteKind::Unicast,
        "local" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "anycast" => RouteKind::Anycast,
        "multicast" => RouteKind::Multicast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        "nat" => RouteKind::Nat,
        _ => return None,
    })
}

/// The word behind `word`.
pub(super) fn need<'a>(cursor: &mut Cursor<'a>, word: &'a Word) -> Result<&'a Word, Dropped<'a>> {
    cursor.take().ok_or((word, String::new()))
}

pub(super) fn address(word: &Word) -> Result<IpAddr, Dropped<'_>> {
    word.text
        .parse()
        .map_err(|_| (word, format!("`{}` is not an IP address", word.text)))
}

/// `[inet|inet6] ADDRESS`
fn via<'a>(cursor: &mut Cursor<'a>, word: &'a Word) -> Result<IpAddr, Dropped<'a>> {
    let _ = cursor.take_if("inet") || cursor.take_if("inet6");
    address(need(cursor, word)?)
}

/// `ADDRESS[/LEN]`
pub(super) fn prefix(word: &Word) -> Result<Prefix, Dropped<'_>> {
    let (text, len) = word
        .text
        .split_once('/')
        .map_or((word.text.as_str(), None), |(text, len)| (text, Some(len)));
    let address: IpAddr = text
        .parse()
        .map_err(|_| (word, format!("`{}` is not a network", word.text)))?;
    let bits = Family::of(&address).bits();
    // Too long a prefix is that of a host, as in addresses.
    let len = len.map_or(Ok(bits), str::parse).unwrap_or(bits).min(bits);
    Ok(Prefix { address, len })
}

/// Something that is said about a whole entry.
pub(super) fn about(code: Code, words: &[Word], message: &str) -> Diagnostic {
    let span = words
        .first()
        .zip(words.last())
        .map(|(first, last)| first.span.to(last.span));
    Diagnostic::new(code, span, message)
}

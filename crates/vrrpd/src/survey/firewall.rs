//! Would the packet filter let VRRP through? The answer of a simulated packet on its way through
//! `nft -j list ruleset`, which also shows what iptables-nft, firewalld and ufw have written.

use serde_json::Value;

/// IP protocol of VRRP.
const VRRP: u64 = 112;
/// Chains may call chains; the kernel's own limit.
const MAX_DEPTH: usize = 16;

/// The rules of the packet filter.
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    items: Vec<Value>,
}

/// What happens to an advert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stops it, as far as can be seen.
    Passes,
    /// This chain or rule drops it.
    Dropped(String),
}

/// Which way the advert goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a peer.
    In,
    /// To a peer.
    Out,
}

/// How far one rule or chain decides.
enum Step {
    Accept,
    Drop(String),
    /// Go on; `true` if something that could not be judged might have accepted.
    Next(bool),
    Return(bool),
}

#[derive(Clone, Copy)]
struct Packet<'a> {
    interface: &'a str,
    v6: bool,
    direction: Direction,
}

impl Ruleset {
    /// Reads what `nft -j list ruleset` prints; `None` if it is something else.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let mut value: Value = serde_json::from_slice(json).ok()?;
        match value.get_mut("nftables").map(Value::take) {
            Some(Value::Array(items)) => Some(Self { items }),
            _ => None,
        }
    }

    /// What happens to an advert on `interface`. A packet must pass every base chain of its hook.
    #[must_use]
    pub fn verdict(&self, interface: &str, v6: bool, direction: Direction) -> Verdict {
        let packet = Packet {
            interface,
            v6,
            direction,
        };
        let hook = match direction {
            Direction::In => "input",
            Direction::Out => "output",
        };
        let chains = self.items.iter().filter_map(|item| item.get("chain"));
        let base = chains.filter(|chain| {
            text(chain, "hook") == Some(hook)
                && text(chain, "type") == Some("filter")
                && concerns(text(chain, "family"), v6)
        });
        for chain in base {
            let name = format!(
                "{} {} {}",
                text(chain, "family").unwrap_or_default(),
                text(chain, "table").unwrap_or_default(),
                text(chain, "name").unwrap_or_default()
            );
            match self.walk(chain, packet, 0) {
                Step::Drop(rule) => return Verdict::Dropped(format!("chain {name}: {rule}")),
                Step::Next(false) | Step::Return(false)
                    if text(chain, "policy") == Some("drop") =>
                {
                    return Verdict::Dropped(format!(
                        "chain {name}: policy drop, and no rule accepts protocol 112"
                    ));
                }
                Step::Accept | Step::Next(_) | Step::Return(_) => {}
            }
        }
        Verdict::Passes
    }

    fn walk(&self, chain: &Value, packet: Packet<'_>, depth: usize) -> Step {
        if depth > MAX_DEPTH {
            return Step::Next(true);
        }
        let same = |rule: &&Value| {
            text(rule, "family") == text(chain, "family")
                && text(rule, "table") == text(chain, "table")
                && text(rule, "chain") == text(chain, "name")
        };
        let mut unsure = false;
        for rule in self
            .items
            .iter()
            .filter_map(|item| item.get("rule"))
            .filter(same)
        {
            match self.rule(rule, packet, depth) {
                Step::Next(doubt) => unsure |= doubt,
                Step::Return(doubt) => return Step::Next(unsure || doubt),
                Step::Drop(_) if unsure => return Step::Next(true),
                end => return end,
            }
        }
        Step::Next(unsure)
    }

    fn rule(&self, rule: &Value, packet: Packet<'_>, depth: usize) -> Step {
        let mut sure = true;
        let parts = rule.get("expr").and_then(Value::as_array);
        for part in parts.into_iter().flatten().filter_map(Value::as_object) {
            let Some((kind, value)) = part.iter().next() else {
                continue;
            };
            match kind.as_str() {
                "match" => match matches(value, packet) {
                    Some(true) => {}
                    Some(false) => return Step::Next(false),
                    None => sure = false,
                },
                "counter" | "log" => {}
                "accept" => return if sure { Step::Accept } else { Step::Next(true) },
                "drop" | "reject" => {
                    if !sure {
                        return Step::Next(false);
                    }
                    let handle = rule.get("handle").and_then(Value::as_u64).unwrap_or(0);
                    return Step::Drop(format!("the rule with handle {handle} has verdict {kind}"));
                }
                "return" => {
                    return if sure {
                        Step::Return(false)
                    } else {
                        Step::Next(true)
                    };
                }
                "jump" | "goto" => return self.call(rule, value, packet, depth, sure),
                _ => sure = false,
            }
        }
        Step::Next(false)
    }

    fn call(&self, rule: &Value, to: &Value, packet: Packet<'_>, depth: usize, sure: bool) -> Step {
        let target = self
            .items
            .iter()
            .filter_map(|item| item.get("chain"))
            .find(|chain| {
                text(chain, "name") == text(to, "target")
                    && text(chain, "family") == text(rule, "family")
                    && text(chain, "table") == text(rule, "table")
            });
        let Some(chain) = target else {
            return Step::Next(true);
        };
        match self.walk(chain, packet, depth + 1) {
            Step::Accept if !sure => Step::Next(true),
            Step::Drop(_) if !sure => Step::Next(false),
            step => step,
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn concerns(family: Option<&str>, v6: bool) -> bool {
    match family {
        Some("inet") => true,
        Some("ip") => !v6,
        Some("ip6") => v6,
        _ => false,
    }
}

/// Whether an advert fits a match expression; `None` where that depends on what is not known here.
fn matches(expression: &Value, packet: Packet<'_>) -> Option<bool> {
    let (left, right) = (expression.get("left")?, expression.get("right")?);
    let fits = side(left, right, packet)?;
    match text(expression, "op")? {
        "==" | "in" => Some(fits),
        "!=" => Some(!fits),
        _ => None,
    }
}

fn side(left: &Value, right: &Value, packet: Packet<'_>) -> Option<bool> {
    if let Some(key) = left.get("meta").and_then(|meta| text(meta, "key")) {
        return match (key, packet.direction) {
            ("l4proto", _) => Some(any(right, is_vrrp)),
            ("iifname" | "iif", Direction::In) | ("oifname" | "oif", Direction::Out) => {
                Some(any(right, |value| {
                    value
                        .as_str()
                        .is_some_and(|name| named(name, packet.interface))
                }))
            }
            ("nfproto", _) => Some(any(right, |value| {
                value.as_str() == Some(if packet.v6 { "ipv6" } else { "ipv4" })
            })),
            _ => None,
        };
    }
    if let Some(key) = left.get("ct").and_then(|ct| text(ct, "key")) {
        // Nobody answers an advert, so none belongs to a connection.
        return Some(key == "state" && any(right, |value| value.as_str() == Some("new")));
    }
    let payload = left.get("payload")?;
    match (text(payload, "protocol")?, text(payload, "field")?) {
        ("ip", "protocol") => Some(!packet.v6 && any(right, is_vrrp)),
        ("ip6", "nexthdr") => Some(packet.v6 && any(right, is_vrrp)),
        ("ip", _) if packet.v6 => Some(false),
        ("ip6", _) if !packet.v6 => Some(false),
        ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "dccp" | "th", _) => Some(false),
        _ => None,
    }
}

fn any(right: &Value, is: impl Fn(&Value) -> bool + Copy) -> bool {
    match right
        .get("set")
        .and_then(Value::as_array)
        .or_else(|| right.as_array())
    {
        Some(list) => list.iter().any(is),
        None => is(right),
    }
}

fn is_vrrp(value: &Value) -> bool {
    value.as_u64() == Some(VRRP) || matches!(value.as_str(), Some("vrrp" | "carp" | "112"))
}

/// `eth*` is a name pattern.
fn named(pattern: &str, interface: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => interface.starts_with(prefix),
        None => pattern == interface,
    }
}

#[cfg(test)]
mod tests;

//! Policy routing rules: what `virtual_rules` can say.

use crate::Destination;
use vrrp_proto::Family;

/// A policy rule. Fields that are `None` do not restrict it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Which family's rule list it is in.
    pub family: Family,
    /// Its place in the list: lower is earlier.
    pub priority: u32,
    /// `not`: matches what the selectors do not match.
    pub invert: bool,
    /// Source prefix.
    pub from: Option<Destination>,
    /// Destination prefix.
    pub to: Option<Destination>,
    /// Name of the interface it came in by. A name and not a number: rules outlive interfaces.
    pub iif: Option<String>,
    /// Name of the interface that a local socket is bound to.
    pub oif: Option<String>,
    /// Type of service. `None`: any.
    pub tos: Option<u8>,
    /// Firewall mark and mask.
    pub fwmark: Option<(u32, u32)>,
    /// Tunnel id.
    pub tunnel_id: Option<u64>,
    /// Users, first to last.
    pub uid_range: Option<(u32, u32)>,
    /// IP protocol.
    pub ip_protocol: Option<u8>,
    /// Source ports.
    pub source_port: Option<PortRange>,
    /// Destination ports.
    pub destination_port: Option<PortRange>,
    /// Look up in the table of the layer 3 domain (VRF) that the packet is in.
    pub l3mdev: bool,
    /// Realms, source in the upper and destination in the lower half.
    pub realms: Option<u32>,
    /// Reject results with a prefix this short or shorter.
    pub suppress_prefix_len: Option<u32>,
    /// Reject results by an interface of this group.
    pub suppress_group: Option<u32>,
    /// Who made it (`protocol`), as in `/etc/iproute2/rt_protos`. Default: [`Route::PROTOCOL`](crate::Route::PROTOCOL).
    pub protocol: u8,
    /// What then.
    pub action: RuleAction,
}

impl Rule {
    /// A rule of `family` at `priority` that restricts nothing yet.
    pub const fn new(family: Family, priority: u32, action: RuleAction) -> Self {
        Self {
            family,
            priority,
            invert: false,
            from: None,
            to: None,
            iif: None,
            oif: None,
            tos: None,
            fwmark: None,
            tunnel_id: None,
            uid_range: None,
            ip_protocol: None,
            source_port: None,
            destination_port: None,
            l3mdev: false,
            realms: None,
            suppress_prefix_len: None,
            suppress_group: None,
            protocol: crate::Route::PROTOCOL,
            action,
        }
    }

    /// Whether the rule names `link` by its name, so that it goes quiet when the link does.
    pub fn names(&self, link: &str) -> bool {
        self.iif.as_deref() == Some(link) || self.oif.as_deref() == Some(link)
    }
}

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// Look up this table.
    Table(u32),
    /// Continue at the rule with this priority.
    Goto(u32),
    /// Continue with the next rule.
    Nop,
    /// Drop silently.
    Blackhole,
    /// Refuse: network unreachable.
    Unreachable,
    /// Refuse: administratively prohibited.
    Prohibit,
}

/// Ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

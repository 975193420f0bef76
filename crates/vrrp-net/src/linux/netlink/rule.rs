//! Policy rules to the kernel.

use super::batch::Request;
use super::{Attrs, EncodeError, family, octets};
use crate::{PortRange, Rule, RuleAction};
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{FrAct, Frattr, RtScope, RtTable, Rta, Rtm, RtmF, Rtn, Rtprot};
use neli::rtnl::{Rtmsg, RtmsgBuilder};

/// `FIB_RULE_INVERT`.
const INVERT: u32 = 2;

/// `RTM_NEWRULE`; the kernel would take the same rule twice, so it is told not to.
pub(in crate::linux) fn add_rule(rule: &Rule) -> Result<Request<Rtmsg>, EncodeError> {
    request(Rtm::Newrule, NlmF::CREATE | NlmF::EXCL, rule)
}

/// `RTM_DELRULE`.
pub(in crate::linux) fn remove_rule(rule: &Rule) -> Result<Request<Rtmsg>, EncodeError> {
    request(Rtm::Delrule, NlmF::empty(), rule)
}

/// struct fib_rule_hdr has the layout of struct rtmsg, with the action where the route type is.
fn request(kind: Rtm, flags: NlmF, rule: &Rule) -> Result<Request<Rtmsg>, EncodeError> {
    let (action, table) = action(rule.action);
    let target = match rule.action {
        RuleAction::Goto(priority) => Some(priority),
        _ => None,
    };
    let fra = |attr: Frattr| Rta::from(u16::from(attr));
    let attrs = Attrs::new()
        .with(fra(Frattr::Priority), rule.priority)?
        .with(fra(Frattr::Protocol), rule.protocol)?
        .maybe(fra(Frattr::Dst), rule.to.map(|d| octets(d.address)))?
        .maybe(fra(Frattr::Src), rule.from.map(|d| octets(d.address)))?
        .maybe(fra(Frattr::Iifname), rule.iif.as_deref())?
        .maybe(fra(Frattr::Oifname), rule.oif.as_deref())?
        .maybe(fra(Frattr::Fwmark), rule.fwmark.map(|(mark, _)| mark))?
        .maybe(fra(Frattr::Fwmask), rule.fwmark.map(|(_, mask)| mask))?
        .maybe(fra(Frattr::Flow), rule.realms)?
        .maybe(
            fra(Frattr::TunId),
            rule.tunnel_id.map(|id| id.to_be_bytes().to_vec()),
        )?
        .maybe(
            fra(Frattr::UidRange),
            rule.uid_range
                .map(|(a, b)| pair(a.to_ne_bytes(), b.to_ne_bytes())),
        )?
        .maybe(fra(Frattr::IpProto), rule.ip_protocol)?
        .maybe(fra(Frattr::SportRange), rule.source_port.map(ports))?
        .maybe(fra(Frattr::DportRange), rule.destination_port.map(ports))?
        .maybe(fra(Frattr::L3mdev), rule.l3mdev.then_some(1_u8))?
        .maybe(fra(Frattr::SuppressPrefixlen), rule.suppress_prefix_len)?
        .maybe(fra(Frattr::SuppressIfgroup), rule.suppress_group)?
        .maybe(fra(Frattr::Goto), target)?
        .maybe(fra(Frattr::Table), table)?;
    let payload = RtmsgBuilder::default()
        .rtm_family(family(rule.family))
        .rtm_dst_len(rule.to.map_or(0, |d| d.prefix_len))
        .rtm_src_len(rule.from.map_or(0, |d| d.prefix_len))
        .rtm_tos(rule.tos.unwrap_or(0))
        .rtm_table(table.map_or(RtTable::Unspec, |t| {
            u8::try_from(t).map_or(RtTable::Compat, RtTable::from)
        }))
        .rtm_protocol(Rtprot::Unspec)
        .rtm_scope(RtScope::Universe)
        .rtm_type(Rtn::from(u8::from(action)))
        .rtm_flags(RtmF::from_bits_retain(if rule.invert { INVERT } else { 0 }))
        .rtattrs(attrs.0)
        .build()
        .map_err(|e| EncodeError(e.to_string()))?;
    Ok(Request {
        kind,
        flags,
        payload,
    })
}

/// `FR_ACT_*`, and the table to look up.
pub(super) const fn action(action: RuleAction) -> (FrAct, Option<u32>) {
    match action {
        RuleAction::Table(table) => (FrAct::FrActToTbl, Some(table)),
        RuleAction::Goto(_) => (FrAct::FrActGoto, None),
        RuleAction::Nop => (FrAct::FrActNop, None),
        RuleAction::Blackhole => (FrAct::FrActBlackhole, None),
        RuleAction::Unreachable => (FrAct::FrActUnreachable, None),
        RuleAction::Prohibit => (FrAct::FrActProhibit, None),
    }
}

fn pair<const N: usize>(first: [u8; N], second: [u8; N]) -> Vec<u8> {
    [first, second].concat()
}

/// struct fib_rule_port_range.
fn ports(range: PortRange) -> Vec<u8> {
    pair(range.first.to_ne_bytes(), range.last.to_ne_bytes())
}

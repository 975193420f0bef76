//! Outputs that are no effects of this machine but of its state: timers that are set, an advert that
//! is discarded; and the groups that a kernel joins with an address.

use super::format::Config;
use super::moment;
use core::net::IpAddr;
use vrrp_fsm::{Action, Report, Role, VirtualRouter};

/// How an output is judged.
pub(crate) enum Output {
    /// In its place among the effects.
    Effect,
    /// That it is there, wherever.
    Note,
}

impl Output {
    pub(crate) fn parse(output: &str) -> Result<Self, String> {
        let (name, rest) = output.split_at(output.find('(').unwrap_or(output.len()));
        match (name, rest.is_empty()) {
            ("advert" | "garp" | "na" | "state" | "notify", false)
            | ("enter_active" | "leave_active", true) => Ok(Self::Effect),
            ("set_adver_timer" | "set_active_down_timer" | "join", false)
            | ("cancel_adver_timer" | "cancel_active_down_timer" | "discard", true) => {
                Ok(Self::Note)
            }
            _ => Err(format!("outputs: {output} is unknown")),
        }
    }
}

/// When they fire, in microseconds.
pub(crate) struct Timers {
    role: Role,
    adver: Option<u64>,
    active_down: Option<u64>,
}

impl Timers {
    pub(crate) fn of(router: &VirtualRouter) -> Self {
        Self {
            role: router.role(),
            adver: moment(router.adver_timer()),
            active_down: moment(router.active_down_timer()),
        }
    }
}

/// What a step is to say besides its effects. `said` is what it says: a timer may be set to the
/// moment for which it was set already, and say so or not.
pub(crate) fn notes_of(
    config: &Config,
    before: &Timers,
    after: &Timers,
    at_us: u64,
    actions: &[Action],
    said: &[String],
) -> Vec<String> {
    let mut notes = Vec::new();
    // An Active_Down_Timer that made its router Active has fired: there is nothing to cancel.
    let fired = after.role == Role::Active;
    for (name, before, after, fired) in [
        ("adver_timer", before.adver, after.adver, false),
        (
            "active_down_timer",
            before.active_down,
            after.active_down,
            fired,
        ),
    ] {
        match (before, after) {
            (Some(_), None) if !fired => notes.push(format!("cancel_{name}")),
            (before, Some(due)) => {
                let set = format!("set_{name}({})", due.saturating_sub(at_us));
                if before != Some(due) || said.contains(&set) {
                    notes.push(set);
                }
            }
            (Some(_) | None, None) => {}
        }
    }
    for action in actions {
        match action {
            Action::Report(Report::LowerDiscarded { .. } | Report::LowerHeard { .. }) => {
                notes.push("discard".into());
            }
            Action::Install => notes.extend(groups(&config.vips)),
            _ => {}
        }
    }
    notes
}

/// Solicited-node groups (RFC 4291 §2.7.1).
fn groups(vips: &[IpAddr]) -> Vec<String> {
    let mut groups = Vec::new();
    for vip in vips {
        if let IpAddr::V6(vip) = vip {
            let [.., high, low] = vip.segments();
            let group = IpAddr::from([0xff02, 0, 0, 0, 0, 1, 0xff00 | high & 0xff, low]);
            let join = format!("join({group})");
            if !groups.contains(&join) {
                groups.push(join);
            }
        }
    }
    groups
}

//! The format of the scenarios, and a router's part of it.

use core::net::IpAddr;
use serde::{Deserialize, Deserializer};
use vrrp_fsm::{Action, ActiveReason, Cause, IfaceId, Preempt, Role, RouterOptions, VirtualRouter};
use vrrp_proto::{AdvertInterval, Family, Priority, Version, Vrid};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// For readers.
    #[serde(default, rename = "requirements")]
    pub(crate) _requirements: Vec<String>,
    /// For readers.
    #[serde(default, rename = "note")]
    pub(crate) _note: Option<String>,
    pub(crate) config: Config,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) version: u8,
    pub(crate) priority: u8,
    pub(crate) interval_us: u64,
    pub(crate) preempt: bool,
    pub(crate) family: u8,
    pub(crate) vips: Vec<IpAddr>,
    pub(crate) primary: IpAddr,
    pub(crate) reply_to_lower: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) at_us: u64,
    pub(crate) input: Input,
    pub(crate) outputs: Vec<String>,
    pub(crate) state: State,
    #[serde(deserialize_with = "present")]
    pub(crate) adver_timer_at_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub(crate) active_down_timer_at_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub(crate) active_adver_interval_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub(crate) skew_us: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub(crate) active_down_interval_us: Option<u64>,
}

/// A member that may be null, but not be missing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Option::deserialize(deserializer)
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Input {
    Startup {},
    Shutdown {},
    Timer {},
    Advert {
        priority: u8,
        src: IpAddr,
        max_adver_int_cs: Option<u16>,
    },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum State {
    Initialize,
    Backup,
    Active,
}

impl From<Role> for State {
    fn from(role: Role) -> Self {
        match role {
            Role::Initialize => Self::Initialize,
            Role::Backup => Self::Backup,
            Role::Active => Self::Active,
        }
    }
}

impl Config {
    pub(crate) fn router(&self) -> Result<VirtualRouter, String> {
        let version = match self.version {
            2 => Version::V2,
            3 => Version::V3,
            other => return Err(format!("config.version: {other}")),
        };
        let family = match self.family {
            4 => Family::V4,
            6 => Family::V6,
            other => return Err(format!("config.family: {other}")),
        };
        let centis = u16::try_from(self.interval_us / 10_000)
            .ok()
            .filter(|centis| u64::from(*centis) * 10_000 == self.interval_us);
        let interval = centis.and_then(|centis| AdvertInterval::from_centis(centis).ok());
        let options = RouterOptions {
            version,
            priority: Priority::new(self.priority),
            interval: interval
                .ok_or_else(|| format!("config.interval_us: {}", self.interval_us))?,
            preempt: if self.preempt {
                Preempt::AtOnce
            } else {
                Preempt::Never
            },
            source: Some(self.primary),
            answer_lower: self.reply_to_lower,
            ..RouterOptions::rfc(IfaceId(1), family, Vrid::new(51).unwrap())
        };
        let options = options.with_addresses(self.vips.iter().copied());
        if options
            .announced
            .iter()
            .any(|vip| Family::of(&vip.address) != family)
        {
            return Err("config.vips: of another family".into());
        }
        Ok(VirtualRouter::new(
            options.try_into().map_err(|e| format!("config: {e}"))?,
        ))
    }

    /// An effect in the words of the scenarios; a report is none.
    pub(crate) fn words(&self, action: &Action) -> Vec<String> {
        let announce = if self.family == 4 { "garp" } else { "na" };
        match action {
            Action::Advertise(priority) => vec![format!("advert({priority})")],
            Action::Install => vec!["enter_active".into()],
            Action::Withdraw => vec!["leave_active".into()],
            Action::Announce { rounds: 1 } => self
                .vips
                .iter()
                .map(|vip| format!("{announce}({vip})"))
                .collect(),
            Action::Announce { rounds } => vec![format!("announce × {rounds}")],
            Action::AnnounceElsewhere => vec!["announce elsewhere".into()],
            Action::Notify(transition) => {
                let mut words = vec![format!("state({:?})", transition.to)];
                if transition.to == Role::Active {
                    words.push(format!("notify(new-master,{})", reason(transition.cause)));
                }
                words
            }
            Action::Report(_) => vec![],
        }
    }
}

/// RFC 6527's reasons, as the scenarios spell them.
fn reason(cause: Cause) -> &'static str {
    match cause.active_reason() {
        ActiveReason::NotActive => "not-master",
        ActiveReason::Priority => "priority",
        ActiveReason::Preempted => "preempted",
        ActiveReason::NoResponse => "master-no-response",
    }
}

//! `disable_local_igmp`: no IGMP reports for groups that never leave a link, while the daemon runs.

use std::fs;

use tracing::{debug, error};

const SETTING: &str = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports";

/// The reports are off; dropping it puts the setting back.
#[derive(Debug)]
pub(crate) struct NoReports(());

impl NoReports {
    /// Switches them off; `None` where they are off already, or cannot be.
    pub(crate) fn new() -> Option<Self> {
        let off = fs::read_to_string(SETTING).map(|text| text.trim() == "0");
        let set = off.and_then(|off| {
            if off {
                Ok(None)
            } else {
                fs::write(SETTING, "0").map(Some)
            }
        });
        match set {
            Ok(set) => set.map(Self),
            Err(error) => {
                error!("disable_local_igmp is without effect: {SETTING}: {error}");
                None
            }
        }
    }
}

impl Drop for NoReports {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SETTING, "1") {
            debug!("{SETTING}: {error}");
        }
    }
}

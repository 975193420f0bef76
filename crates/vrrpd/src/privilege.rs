//! What the daemon must be allowed to do, asked before anything is changed.

use core::fmt;

use rustix::thread::CapabilitySet;

/// Capabilities that are needed and missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing(CapabilitySet);

/// # Errors
/// What is missing, with advice on how to get it as its text.
pub fn check() -> Result<(), Missing> {
    let needed = CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW;
    // A kernel that does not answer lets us go on, and says no itself when the time comes.
    let have = rustix::thread::capabilities(None).map_or(needed, |sets| sets.effective);
    match needed.difference(have) {
        missing if missing.is_empty() => Ok(()),
        missing => Err(Missing(missing)),
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
            (CapabilitySet::NET_RAW, "CAP_NET_RAW"),
        ];
        let missing: Vec<&str> = names
            .iter()
            .filter(|(set, _)| self.0.contains(*set))
            .map(|(_, name)| *name)
            .collect();
        let missing = missing.join(" and ");
        let program = std::env::current_exe().unwrap_or_else(|_| "vrrpd".into());
        write!(
            f,
            "not enough privilege: {missing} needed, to put addresses on interfaces and to send VRRP packets.\n  \
             as root:        sudo {program}\n  \
             for the file:   sudo setcap cap_net_admin,cap_net_raw+ep {program}\n  \
             with systemd:   AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW\n  \
             in a container: --cap-add NET_ADMIN --cap-add NET_RAW\n  \
             without any of it, on a simulated network of this machine: vrrpd lab",
            program = program.display()
        )
    }
}

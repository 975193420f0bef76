//! What the configuration asks of the scheduler, for the protocol thread alone.
//!
//! Nothing here is needed to run: what is refused (inside a user namespace all of it is) is said once and left.

use keepalived_conf::config::Globals;
use rustix::mm::MlockAllFlags;
use rustix::thread::CpuSet;
use tracing::{debug, warn};

/// Applies it to the calling thread. To be called after the other threads have been started.
pub fn apply(globals: &Globals) {
    if let Some(nice) = globals.nice.filter(|nice| *nice != 0) {
        told(
            "vrrp_priority",
            rustix::process::setpriority_process(None, nice.into()).map_err(Into::into),
        );
    }
    if !globals.cpu_affinity.is_empty() {
        let mut cpus = CpuSet::new();
        for cpu in globals
            .cpu_affinity
            .iter()
            .filter_map(|cpu| usize::try_from(*cpu).ok())
        {
            if cpu < CpuSet::MAX_CPU {
                cpus.set(cpu);
            }
        }
        told(
            "vrrp_cpu_affinity",
            rustix::thread::sched_setaffinity(None, &cpus).map_err(Into::into),
        );
    }
    if let Some(priority) = globals.rt_priority {
        told("vrrp_rt_priority", round_robin(priority));
    }
    if globals.no_swap {
        told(
            "vrrp_no_swap",
            rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
                .map_err(Into::into),
        );
    }
}

fn told(what: &str, result: std::io::Result<()>) {
    match result {
        Ok(()) => debug!("{what} is in effect"),
        Err(error) => warn!(
            "{what} cannot be had: {error} (CAP_SYS_NICE or CAP_IPC_LOCK of the host is needed)"
        ),
    }
}

/// Programs that are started from here begin as ordinary ones.
#[allow(unsafe_code, reason = "neither rustix nor nix has this system call")]
fn round_robin(priority: u8) -> std::io::Result<()> {
    let param = libc::sched_param {
        sched_priority: priority.into(),
    };
    // SAFETY: 0 names the calling thread, and `param` is a valid pointer for the time of the call.
    let result = unsafe {
        libc::sched_setscheduler(
            0,
            libc::SCHED_RR | libc::SCHED_RESET_ON_FORK,
            &raw const param,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

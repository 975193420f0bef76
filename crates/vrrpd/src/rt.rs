//! What the configuration asks of the scheduler, for the protocol thread alone.
//!
//! Nothing here is needed to run: what is refused (inside a user namespace all of it is) is said once and left. A reload
//! that no longer asks for something gives back what was there before.

use core::time::Duration;
use std::ffi::CString;
use std::io;

use keepalived_conf::config::Globals;
use rustix::mm::MlockAllFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tracing::{debug, info, warn};

/// The name of the process where `process_names` asks for standard ones: who looks for `keepalived` finds it, too.
const STANDARD_NAME: &str = "keepalived_vrrp";

/// What a configuration asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    nice: Option<i8>,
    cpus: Vec<u32>,
    rt: Option<u8>,
    no_swap: bool,
    rttime: Option<Duration>,
    name: Option<String>,
}

impl Wanted {
    fn of(globals: &Globals) -> Self {
        let own = globals.vrrp_process_name.as_ref();
        let name = own.or(globals.process_name.as_ref()).cloned();
        Self {
            nice: globals.nice.filter(|nice| *nice != 0),
            cpus: globals.cpu_affinity.clone(),
            rt: globals.rt_priority,
            no_swap: globals.no_swap,
            rttime: globals.rlimit_rttime,
            name: name.or_else(|| globals.process_names.then(|| STANDARD_NAME.to_owned())),
        }
    }
}

/// What the thread had before.
#[derive(Debug)]
struct Before {
    nice: i32,
    cpus: CpuSet,
    rttime: Rlimit,
    name: CString,
}

/// What the protocol thread has been given.
#[derive(Debug)]
pub struct Scheduling {
    before: Before,
    given: Wanted,
    auto: Auto,
}

impl Scheduling {
    /// Looks at what the calling thread has.
    #[must_use]
    pub fn new() -> Self {
        let before = Before {
            nice: rustix::process::getpriority_process(None).unwrap_or_default(),
            cpus: sched_getaffinity(None).unwrap_or_default(),
            rttime: getrlimit(Resource::Rttime),
            name: rustix::thread::name().unwrap_or_default(),
        };
        Self {
            before,
            given: Wanted::default(),
            auto: Auto::default(),
        }
    }

    /// Gives the calling thread what `globals` asks for, and takes away what they no longer do. To be called after the
    /// other threads have been started.
    pub fn apply(&mut self, globals: &Globals) {
        let wanted = Wanted::of(globals);
        let given = core::mem::replace(&mut self.given, wanted.clone());
        if wanted.name != given.name {
            let name = wanted
                .name
                .as_deref()
                .and_then(|name| CString::new(name).ok());
            let name = name.as_ref().unwrap_or(&self.before.name);
            told(
                "process_name",
                rustix::thread::set_name(name).map_err(Into::into),
            );
        }
        if wanted.nice != given.nice {
            let nice = wanted.nice.map_or(self.before.nice, i32::from);
            let set = rustix::process::setpriority_process(None, nice);
            told("vrrp_priority", set.map_err(Into::into));
        }
        if wanted.cpus != given.cpus {
            let set = if wanted.cpus.is_empty() {
                sched_setaffinity(None, &self.before.cpus)
            } else {
                sched_setaffinity(None, &cpu_set(&wanted.cpus))
            };
            told("vrrp_cpu_affinity", set.map_err(Into::into));
        }
        // Before the priority: the kernel counts from there.
        if wanted.rttime != given.rttime {
            let current = wanted
                .rttime
                .map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
            let limit = Rlimit {
                current: current.or(self.before.rttime.current),
                maximum: self.before.rttime.maximum,
            };
            let set = setrlimit(Resource::Rttime, limit);
            told("vrrp_rlimit_rttime", set.map_err(Into::into));
        }
        if wanted.rt != given.rt {
            told("vrrp_rt_priority", round_robin(wanted.rt));
        }
        if wanted.no_swap != given.no_swap {
            let set = if wanted.no_swap {
                rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
            } else {
                rustix::mm::munlockall()
            };
            told("vrrp_no_swap", set.map_err(Into::into));
        }
        self.auto = Auto::new(globals);
    }

    /// The thread was woken so long after the moment that it waited for.
    pub fn late(&mut self, by: Duration) {
        let Some(priority) = self.auto.late(by) else {
            return;
        };
        match round_robin(Some(priority)) {
            Ok(()) => info!(
                "a timer fired {:.3} s late: real-time priority {priority} of at most {} (max_auto_priority)",
                by.as_secs_f64(),
                self.auto.most
            ),
            Err(error) => {
                told("max_auto_priority", Err(error));
                self.auto.most = 0;
            }
        }
    }
}

impl Default for Scheduling {
    fn default() -> Self {
        Self::new()
    }
}

/// `max_auto_priority`: a step up for each timer that fires too late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Auto {
    now: u8,
    most: u8,
    patience: Duration,
}

impl Auto {
    fn new(globals: &Globals) -> Self {
        let most = globals.max_auto_priority.unwrap_or_default();
        Self {
            now: globals.rt_priority.unwrap_or_default(),
            most: u8::try_from(most).unwrap_or_default(),
            patience: globals.min_auto_priority_delay,
        }
    }

    /// The priority to have from now on, if it is another one.
    fn late(&mut self, by: Duration) -> Option<u8> {
        if by < self.patience || self.now >= self.most {
            return None;
        }
        self.now += 1;
        Some(self.now)
    }
}

fn cpu_set(list: &[u32]) -> CpuSet {
    let mut cpus = CpuSet::new();
    for cpu in list.iter().filter_map(|cpu| usize::try_from(*cpu).ok()) {
        if cpu < CpuSet::MAX_CPU {
            cpus.set(cpu);
        }
    }
    cpus
}

fn told(what: &str, result: io::Result<()>) {
    match result {
        Ok(()) => debug!("{what} is in effect"),
        Err(error) => warn!(
            "{what} cannot be had: {error} (CAP_SYS_NICE or CAP_IPC_LOCK of the host is needed)"
        ),
    }
}

/// Real-time with this priority, or as everybody. Programs that are started from here begin as ordinary ones.
#[allow(unsafe_code, reason = "neither rustix nor nix has this system call")]
fn round_robin(priority: Option<u8>) -> io::Result<()> {
    let param = libc::sched_param {
        sched_priority: priority.unwrap_or_default().into(),
    };
    let policy = match priority {
        Some(_) => libc::SCHED_RR | libc::SCHED_RESET_ON_FORK,
        None => libc::SCHED_OTHER,
    };
    // SAFETY: 0 names the calling thread, and `param` is a valid pointer for the time of the call.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const param) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(most: Option<i8>) -> Globals {
        Globals {
            max_auto_priority: most,
            ..Globals::default()
        }
    }

    #[test]
    fn the_priority_rises_by_one_for_each_late_timer_and_no_further() {
        let second = Duration::from_secs(1);
        let mut auto = Auto::new(&globals(Some(2)));
        assert_eq!(auto.late(second - Duration::from_nanos(1)), None, "in time");
        assert_eq!(auto.late(second), Some(1));
        assert_eq!(auto.late(second), Some(2));
        assert_eq!(auto.late(second), None, "no more than was allowed");
        let mut high = Auto::new(&Globals {
            rt_priority: Some(50),
            ..globals(Some(51))
        });
        assert_eq!(high.late(second), Some(51), "from where it stands");
        for never in [None, Some(0), Some(-1)] {
            assert_eq!(Auto::new(&globals(never)).late(10 * second), None);
        }
    }

    #[test]
    fn a_reload_gives_back_what_is_no_longer_asked_for() {
        // A thread of its own: the settings are the thread's.
        std::thread::spawn(|| {
            let mut scheduling = Scheduling::new();
            let name = || rustix::thread::name().unwrap().into_string().unwrap();
            let nice = || rustix::process::getpriority_process(None).unwrap();
            let (before, was_nice) = (name(), nice());
            scheduling.apply(&Globals {
                nice: Some(7),
                process_name: Some("parent".into()),
                vrrp_process_name: Some("child".into()),
                cpu_affinity: vec![0],
                ..Globals::default()
            });
            assert_eq!((name().as_str(), nice()), ("child", 7));
            assert_eq!(sched_getaffinity(None).unwrap().count(), 1);
            scheduling.apply(&Globals {
                process_names: true,
                ..Globals::default()
            });
            assert_eq!(name(), STANDARD_NAME);
            scheduling.apply(&Globals::default());
            assert_eq!(name(), before);
            // Only who may lower it gets it back.
            assert!(nice() == was_nice || nice() == 7);
            let cpus = sched_getaffinity(None).unwrap();
            assert_eq!(cpus, scheduling.before.cpus);
        })
        .join()
        .unwrap();
    }
}

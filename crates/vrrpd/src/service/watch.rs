//! Tracked files and processes: what `track_file` and `vrrp_track_process` look at.
//!
//! Files are watched by inotify on their directories, so a file may come later or be replaced. Processes are counted
//! by looking through /proc once a second: the kernel's process connector tells only the first network namespace.

use core::time::Duration;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_conf::config::{ParamMatch, TrackFile, TrackProcess};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{error, info, warn};
use vrrp_fsm::TrackId;

use crate::daemon::Message;
use crate::plan::{Plan, Tracker};

/// Between two looks at /proc.
const PERIOD: Duration = Duration::from_secs(1);
/// Longest number in a tracked file, with room for blanks.
const NUMBER: u64 = 64;
/// Longest command line that is compared.
const COMMAND_LINE: u64 = 64 * 1024;
/// The kernel keeps so much of a process name.
const COMM: usize = 15;

/// inotify's descriptor.
type Notifications = pipe::Receiver;

/// Everything that is watched for one plan.
pub(super) struct Watch {
    files: BTreeMap<TrackId, (PathBuf, Option<i32>)>,
    inotify: Option<Notifications>,
    processes: BTreeMap<TrackId, (Arc<TrackProcess>, Option<u32>)>,
    ticks: Interval,
}

impl Watch {
    /// Watches what `plan` tracks. `first`: at the start of the daemon, when `init_file` counts.
    pub(super) fn new(plan: &Plan, first: bool) -> Self {
        let mut files = BTreeMap::new();
        let mut processes = BTreeMap::new();
        for (id, tracker) in &plan.trackers {
            match tracker {
                Tracker::File(file) => {
                    if first {
                        init(file);
                    }
                    files.insert(*id, (PathBuf::from(&file.path), None));
                }
                Tracker::Process(process) => {
                    processes.insert(*id, (Arc::clone(process), None));
                }
                Tracker::Script(_) => {}
            }
        }
        if !processes.is_empty() {
            info!("tracked processes are counted in /proc, each second");
        }
        let inotify = if files.is_empty() {
            None
        } else {
            watch(files.values().map(|(path, _)| path.as_path()))
        };
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            files,
            inotify,
            processes,
            ticks,
        }
    }

    /// Whether there is nothing to wait for.
    pub(super) fn is_idle(&self) -> bool {
        self.files.is_empty() && self.processes.is_empty()
    }

    /// Waits until something may have changed.
    pub(super) async fn changed(&mut self) {
        let tick = async {
            // Files too where there is no inotify.
            if self.processes.is_empty() && self.inotify.is_some() {
                core::future::pending().await
            } else {
                self.ticks.tick().await
            }
        };
        let event = async {
            match &self.inotify {
                Some(inotify) => {
                    // What happened does not matter: the files are read anew.
                    let _ = inotify.readable().await;
                    let _ = inotify.try_read(&mut [0; 4096]);
                }
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            _ = tick => {}
            () = event => {}
        }
    }

    /// Looks at everything; answers what is new.
    pub(super) fn look(&mut self) -> Vec<Message> {
        let mut news = Vec::new();
        for (&track, (path, told)) in &mut self.files {
            if let Some(value) = read_number(path).filter(|value| *told != Some(*value)) {
                *told = Some(value);
                news.push(Message::TrackValue { track, value });
            }
        }
        if !self.processes.is_empty() {
            let counts = count(self.processes.values().map(|(process, _)| process.as_ref()));
            for ((&track, (_, told)), count) in self.processes.iter_mut().zip(counts) {
                if *told != Some(count) {
                    *told = Some(count);
                    news.push(Message::TrackCount { track, count });
                }
            }
        }
        news
    }
}

fn watch<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<Notifications> {
    let flags = WatchFlags::CLOSE_WRITE | WatchFlags::MOVE | WatchFlags::DELETE;
    let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
    let fd = match inotify {
        Ok(inotify) => inotify,
        Err(error) => {
            warn!("no inotify ({error}): tracked files are read each second");
            return None;
        }
    };
    for path in paths {
        let dir = path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."));
        if let Err(error) = inotify::add_watch(&fd, dir, flags) {
            error!(
                "cannot watch {} for {}: {error}",
                dir.display(),
                path.display()
            );
        }
    }
    // No pipe, but read like one.
    pipe::Receiver::from_owned_fd_unchecked(fd).ok()
}

/// `init_file`.
fn init(file: &TrackFile) {
    let Some(init) = file.init else { return };
    let path = Path::new(&file.path);
    if (init.overwrite || !path.exists())
        && let Err(error) = fs::write(path, format!("{}\n", init.value))
    {
        error!(
            "cannot write track_file {} ({}): {error}",
            file.name,
            path.display()
        );
    }
}

/// The number that a file begins with; 0 where there is none, nothing where it is too great.
fn read_number(path: &Path) -> Option<i32> {
    let mut text = String::new();
    match fs::File::open(path).and_then(|file| file.take(NUMBER).read_to_string(&mut text)) {
        Ok(_) => number(&text),
        Err(_) => Some(0),
    }
}

/// As strtol(3) with base 0 reads it.
fn number(text: &str) -> Option<i32> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match (
        digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X")),
        digits.strip_prefix('0'),
    ) {
        (Some(hex), _) => (16, hex),
        (None, Some(octal)) => (8, octal),
        (None, None) => (10, digits),
    };
    let mut value: i64 = 0;
    for digit in digits.chars().map_while(|c| c.to_digit(base)) {
        value = value
            .checked_mul(i64::from(base))?
            .checked_add(i64::from(digit))?;
    }
    i32::try_from(if negative { -value } else { value }).ok()
}

/// How many processes of each kind run now.
fn count<'a>(wanted: impl Iterator<Item = &'a TrackProcess>) -> Vec<u32> {
    let mut wanted: Vec<(&TrackProcess, u32)> = wanted.map(|process| (process, 0)).collect();
    let needs_line = wanted
        .iter()
        .any(|(process, _)| process.full_command || process.params.is_some());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if !entry.file_name().as_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // A process that ends meanwhile is none.
        let Ok(comm) = fs::read(entry.path().join("comm")) else {
            continue;
        };
        let line = if needs_line {
            command_line(&entry.path()).unwrap_or_default()
        } else {
            Vec::new()
        };
        for (process, count) in &mut wanted {
            if matches(process, comm.trim_ascii_end(), &line) {
                *count += 1;
            }
        }
    }
    wanted.into_iter().map(|(_, count)| count).collect()
}

fn command_line(process: &Path) -> io::Result<Vec<OsString>> {
    let mut octets = Vec::new();
    fs::File::open(process.join("cmdline"))?
        .take(COMMAND_LINE)
        .read_to_end(&mut octets)?;
    let octets = octets.strip_suffix(b"\0").unwrap_or(&octets);
    if octets.is_empty() {
        return Ok(Vec::new());
    }
    Ok(octets
        .split(|octet| *octet == 0)
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect())
}

fn matches(process: &TrackProcess, comm: &[u8], line: &[OsString]) -> bool {
    let Some((program, params)) = process.argv.split_first() else {
        return false;
    };
    if !process.full_command && process.params.is_none() {
        let name = program.rsplit('/').next().unwrap_or(program).as_bytes();
        return comm == name.get(..COMM).unwrap_or(name);
    }
    let Some((first, rest)) = line.split_first() else {
        return false;
    };
    if first != OsStr::new(program) {
        return false;
    }
    let same = |have: &OsString, want: &String| have == OsStr::new(want);
    match process.params {
        None => true,
        Some(ParamMatch::Exact) => {
            rest.len() == params.len()
                && rest.iter().zip(params).all(|(have, want)| same(have, want))
        }
        Some(ParamMatch::Initial) => {
            rest.len() >= params.len()
                && rest.iter().zip(params).all(|(have, want)| same(have, want))
        }
        Some(ParamMatch::Partial) => {
            let Some((last, whole)) = params.split_last() else {
                return true;
            };
            let begins = |have: &OsString| have.as_bytes().starts_with(last.as_bytes());
            rest.iter().zip(whole).all(|(have, want)| same(have, want))
                && rest.get(whole.len()).is_some_and(begins)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let cases = [
            ("5\n", Some(5)),
            (" -3 and more", Some(-3)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("", Some(0)),
            ("down", Some(0)),
            ("+7", Some(7)),
            ("4294967296", None),
            ("99999999999999999999999", None),
        ];
        for (text, value) in cases {
            assert_eq!(number(text), value, "{text:?}");
        }
        assert_eq!(read_number(Path::new("/nonexistent/number")), Some(0));
    }

    fn process(line: &str, params: Option<ParamMatch>, full_command: bool) -> TrackProcess {
        TrackProcess {
            name: "p".into(),
            origin: Default::default(),
            argv: line.split(' ').map(String::from).collect(),
            params,
            full_command,
            weight: 0,
            reverse: false,
            quorum: 1,
            quorum_max: None,
            terminate_delay: Duration::ZERO,
            fork_delay: Duration::ZERO,
        }
    }

    #[test]
    fn processes_are_told_apart_by_name_and_parameters() {
        let line: Vec<OsString> = ["/usr/sbin/nginx", "-g", "daemon on"]
            .map(OsString::from)
            .into();
        let is = |process: &TrackProcess| matches(process, b"nginx", &line);
        assert!(is(&process("nginx", None, false)));
        assert!(is(&process("/usr/sbin/nginx", None, false)));
        assert!(!is(&process("ngin", None, false)));
        assert!(is(&process("/usr/sbin/nginx", None, true)));
        assert!(!is(&process("nginx", None, true)), "the whole path counts");
        assert!(!is(&process(
            "/usr/sbin/nginx -g",
            Some(ParamMatch::Exact),
            true
        )));
        assert!(is(&process(
            "/usr/sbin/nginx -g",
            Some(ParamMatch::Initial),
            true
        )));
        assert!(is(&process(
            "/usr/sbin/nginx -g daemon",
            Some(ParamMatch::Partial),
            true
        )));
        assert!(!is(&process(
            "/usr/sbin/nginx -x",
            Some(ParamMatch::Partial),
            true
        )));
        assert!(matches(
            &process("a-very-long-process-name", None, false),
            b"a-very-long-pro",
            &[]
        ));
    }

    #[test]
    fn our_own_process_is_counted() {
        let line = command_line(Path::new("/proc/self")).unwrap();
        let own = TrackProcess {
            argv: line
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            ..process("x", Some(ParamMatch::Exact), true)
        };
        let none = process("no-such-process-anywhere", None, false);
        let counts = count([&own, &none].into_iter());
        assert!(counts[0] >= 1 && counts[1] == 0, "{counts:?}");
    }

    #[test]
    fn a_file_that_is_replaced_is_noticed() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("number");
            let mut watch = Watch::new(&Plan::default(), true);
            assert!(watch.is_idle());
            watch.files.insert(TrackId(1), (path.clone(), None));
            watch.inotify = super::watch([path.as_path()].into_iter());
            let values = |news: Vec<Message>| -> Vec<i32> {
                let value = |message| match message {
                    Message::TrackValue { value, .. } => value,
                    other => panic!("{other:?}"),
                };
                news.into_iter().map(value).collect()
            };
            assert_eq!(values(watch.look()), [0]);
            assert_eq!(values(watch.look()), [0; 0], "nothing is new");
            fs::write(dir.path().join("other"), "3").unwrap();
            fs::rename(dir.path().join("other"), &path).unwrap();
            watch.changed().await;
            assert_eq!(values(watch.look()), [3]);
        });
    }
}

//! `vrrp_track_process`: how many processes of a kind run.
//!
//! The kernel's process connector tells of every exec and exit, but only in the first namespaces and only to those who
//! may administer the network. Elsewhere `/proc` is read twice a second; which of the two it is, is logged. Events only
//! say which process to look at; all of them are looked at now and then, so that a lost one cannot falsify a count for
//! long.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use keepalived_conf::config::{ParamMatch, TrackProcess};
use rustix::io::Errno;
use rustix::net::netlink::{CONNECTOR, SocketAddrNetlink};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::info;
use vrrp_fsm::TrackId;

/// Time between two looks at `/proc` where the kernel does not tell.
const POLL: Duration = Duration::from_millis(500);
/// A look for what events may have missed.
const RESCAN: Duration = Duration::from_secs(10);
/// How long the kernel is given to say that it will tell.
const ANSWER: Duration = Duration::from_millis(200);
/// The kernel's name for a process has so many octets (`TASK_COMM_LEN` less its end).
const COMM: usize = 15;

/// A socket that was opened before a network namespace was entered, where the connector does not answer.
static EARLY: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// To be called before a network namespace is entered. A failure shows later, as polling.
pub fn prepare() {
    if let Ok(socket) = connect() {
        *EARLY.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
    }
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Processes(JoinHandle<()>);

impl Drop for Processes {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Processes {
    /// Tells each count at once, and again whenever it has changed. On the service thread's runtime.
    /// `None` where there is nothing to watch.
    pub fn watch(
        kinds: Vec<(TrackId, Kind)>,
        tell: impl Fn(TrackId, u32) + Send + 'static,
    ) -> Option<Self> {
        if kinds.is_empty() {
            return None;
        }
        let watch = async move {
            let mut census = Census::new(kinds, tell);
            census.scan();
            let connector = listen().await;
            let how = if connector.is_some() {
                "told by the kernel"
            } else {
                "read from /proc twice a second, because the process connector does not answer here"
            };
            info!("Tracked processes are {how}");
            // What has begun or ended since the first look, and was told to nobody.
            census.scan();
            let Some(connector) = connector else {
                loop {
                    sleep(POLL).await;
                    census.scan();
                }
            };
            let mut rescan = Instant::now() + RESCAN;
            loop {
                let told = timeout_at(rescan, connector.events()).await;
                // Where something begins or ends all the time, there is no pause to wait for.
                match told {
                    Ok(Ok(Some(pids))) if Instant::now() < rescan => {
                        pids.into_iter().for_each(|pid| census.look(pid));
                    }
                    _ => {
                        census.scan();
                        rescan = Instant::now() + RESCAN;
                    }
                }
            }
        };
        Some(Self(tokio::spawn(watch)))
    }
}

/// Who is there.
struct Census<F> {
    kinds: Vec<(TrackId, Kind, BTreeSet<u32>)>,
    told: BTreeMap<TrackId, usize>,
    tell: F,
}

impl<F: Fn(TrackId, u32)> Census<F> {
    fn new(kinds: Vec<(TrackId, Kind)>, tell: F) -> Self {
        Self {
            kinds: kinds
                .into_iter()
                .map(|(id, kind)| (id, kind, BTreeSet::new()))
                .collect(),
            told: BTreeMap::new(),
            tell,
        }
    }

    /// Looks at every process.
    fn scan(&mut self) {
        let all: Vec<_> = pids()
            .filter_map(|pid| Some((pid, Process::read(pid).ok()?)))
            .collect();
        for (_, kind, found) in &mut self.kinds {
            let of_kind = all.iter().filter(|(_, process)| kind.is(process));
            *found = of_kind.map(|(pid, _)| *pid).collect();
        }
        self.count();
    }

    /// Looks at one that has begun, become another, or ended.
    fn look(&mut self, pid: u32) {
        let process = Process::read(pid).ok();
        for (_, kind, found) in &mut self.kinds {
            if process.as_ref().is_some_and(|process| kind.is(process)) {
                found.insert(pid);
            } else {
                found.remove(&pid);
            }
        }
        self.count();
    }

    fn count(&mut self) {
        for (id, _, found) in &self.kinds {
            if self.told.insert(*id, found.len()) != Some(found.len()) {
                (self.tell)(*id, u32::try_from(found.len()).unwrap_or(u32::MAX));
            }
        }
    }
}

/// All that `/proc` shows.
pub(super) fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Which processes are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    argv: Vec<Vec<u8>>,
    params: Option<ParamMatch>,
    full_command: bool,
}

impl From<&TrackProcess> for Kind {
    fn from(process: &TrackProcess) -> Self {
        Self {
            argv: process
                .argv
                .iter()
                .map(|word| word.clone().into_bytes())
                .collect(),
            params: process.params,
            full_command: process.full_command,
        }
    }
}

/// A process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    /// The kernel's name for it, cut.
    comm: Vec<u8>,
    /// Its arguments; none for a kernel thread or a zombie.
    argv: Vec<Vec<u8>>,
}

impl Process {
    fn read(pid: u32) -> io::Result<Self> {
        let folder = std::path::PathBuf::from(format!("/proc/{pid}"));
        let mut comm = std::fs::read(folder.join("comm"))?;
        comm.pop();
        let mut command = std::fs::read(folder.join("cmdline"))?;
        // Each argument ends in a zero octet.
        command.pop();
        let argv = if command.is_empty() {
            Vec::new()
        } else {
            command
                .split(|octet| *octet == 0)
                .map(<[u8]>::to_vec)
                .collect()
        };
        Ok(Self { comm, argv })
    }
}

impl Kind {
    fn is(&self, process: &Process) -> bool {
        let Some((program, params)) = self.argv.split_first() else {
            return false;
        };
        let named = if self.full_command {
            process.argv.first().is_some_and(|theirs| {
                // A bare name is found wherever the program lies.
                let theirs = if program.contains(&b'/') {
                    theirs
                } else {
                    base(theirs)
                };
                theirs == program.as_slice()
            })
        } else {
            let name = base(program);
            // A zombie keeps its name, but serves nobody.
            !process.argv.is_empty() && process.comm == name.get(..COMM).unwrap_or(name)
        };
        named && self.takes(params, process.argv.get(1..).unwrap_or_default())
    }

    fn takes(&self, ours: &[Vec<u8>], theirs: &[Vec<u8>]) -> bool {
        match (self.params, ours.split_last()) {
            (None, _) => true,
            (Some(ParamMatch::Exact), _) => ours == theirs,
            (Some(ParamMatch::Initial), _) => theirs.starts_with(ours),
            (Some(ParamMatch::Partial), None) => true,
            (Some(ParamMatch::Partial), Some((last, whole))) => {
                theirs.starts_with(whole)
                    && theirs
                        .get(whole.len())
                        .is_some_and(|next| next.starts_with(last))
            }
        }
    }
}

/// The name in a path.
fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|octet| *octet == b'/').next().unwrap_or(path)
}

/// The process connector (linux/connector.h, linux/cn_proc.h), listening.
/// No pipe, but read like one.
struct Connector(pipe::Receiver);

impl Connector {
    /// Waits for events, takes all there are, and answers of which processes they tell. `None`: some were lost.
    async fn events(&self) -> io::Result<Option<BTreeSet<u32>>> {
        let mut pids = BTreeSet::new();
        let whole = self.read(|message| pids.extend(process_of(message)));
        Ok(whole.await?.then_some(pids))
    }

    /// Waits until the kernel says yes to the wish with this mark.
    async fn accepted(&self, mark: u32) -> io::Result<()> {
        let mut accepted = false;
        while !accepted {
            self.read(|message| accepted |= accepts(message, mark))
                .await?;
        }
        Ok(())
    }

    /// Waits for messages and takes all there are. Answers whether none was lost: until the last of them has been
    /// taken, the kernel drops more, and says so only once.
    async fn read(&self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        self.0.readable().await?;
        let mut whole = true;
        let mut buf = [0; 256];
        loop {
            match self.0.try_read(&mut buf) {
                Ok(len) => each(buf.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(whole),
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
                    whole = false;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether this is the kernel's yes to the wish with this mark. What others wished for is told to all, in other
/// namespaces too, where the numbers of the processes mean nothing; there the kernel does not answer.
fn accepts(message: &[u8], mark: u32) -> bool {
    /// `PROC_EVENT_NONE`
    const ANSWER: u32 = 0;
    let word = |at: usize| {
        let octets = message.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*octets))
    };
    // Behind the netlink header the connector's with the mark, then the kind, and the error.
    let (kind, error) = (word(16 + 20), word(16 + 20 + 16));
    word(16 + 12) == Some(mark.wrapping_add(1)) && kind == Some(ANSWER) && error == Some(0)
}

/// The process that an event (`struct proc_event` behind the two headers) tells of, threads aside.
fn process_of(message: &[u8]) -> Option<u32> {
    const FORK: u32 = 0x1;
    const EXEC: u32 = 0x2;
    const COMM_CHANGE: u32 = 0x200;
    const EXIT: u32 = 0x8000_0000;
    let event = message.get(16 + 20..)?;
    let word = |at: usize| {
        let octets = event.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*octets))
    };
    // Kind, processor and time stamp come first; a fork names the parent before the child.
    let at = match word(0)? {
        FORK => 24,
        EXEC | COMM_CHANGE | EXIT => 16,
        _ => return None,
    };
    let (pid, group) = (word(at)?, word(at + 4)?);
    (pid == group).then_some(pid)
}

/// A socket in the connector's group for processes.
fn connect() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let kind = SocketType::DGRAM;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, kind, flags, Some(CONNECTOR))?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, PROCESSES))?;
    Ok(socket)
}

/// `CN_IDX_PROC`, which is also the group's bit.
const PROCESSES: u32 = 1;
/// `CN_VAL_PROC`.
const VALUE: u32 = 1;
/// `PROC_CN_MCAST_LISTEN`.
const LISTEN: u32 = 1;
/// `NLMSG_DONE`.
const DONE: u16 = 3;

/// `None` where the kernel does not answer.
async fn listen() -> Option<Connector> {
    let early = EARLY
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .map(OwnedFd::try_clone);
    let socket = match early {
        Some(socket) => socket.ok()?,
        None => connect().ok()?,
    };
    let mark = std::process::id();
    rustix::net::send(&socket, &wish(mark), SendFlags::empty()).ok()?;
    let connector = Connector(pipe::Receiver::from_owned_fd_unchecked(socket).ok()?);
    // The kernel acknowledges, or it is silent.
    let answered = timeout(ANSWER, connector.accepted(mark)).await;
    answered.is_ok_and(|yes| yes.is_ok()).then_some(connector)
}

/// The message that asks for events: a netlink header, a connector header, one word.
/// The answer bears the next number after `mark`.
fn wish(mark: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(40);
    message.extend(40_u32.to_ne_bytes());
    message.extend(DONE.to_ne_bytes());
    message.extend([0; 2 + 4 + 4]);
    message.extend(PROCESSES.to_ne_bytes());
    message.extend(VALUE.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(mark.to_ne_bytes());
    message.extend(4_u16.to_ne_bytes());
    message.extend([0; 2]);
    message.extend(LISTEN.to_ne_bytes());
    message
}

#[cfg(test)]
mod tests;

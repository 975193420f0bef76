//! One host: a network namespace with its own `/sys` and `/run`, in which closures and processes run.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::enter::SCRATCH;
use crate::netlink::{Address, Netlink};
use crate::process::Process;

/// A host of a [`Lab`](crate::Lab).
#[derive(Debug)]
pub struct Host {
    name: String,
    dir: PathBuf,
    net: OwnedFd,
    mnt: OwnedFd,
    inode: u64,
    netlink: Arc<Mutex<Netlink>>,
    pub(crate) interfaces: Vec<Interface>,
}

/// The host's end of a cable, and where the other end is.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) mac: [u8; 6],
    pub(crate) port: i32,
    pub(crate) switch: Arc<Mutex<Netlink>>,
}

impl Host {
    /// Makes the namespaces; `dir` holds the host's files.
    pub(crate) fn new(name: &str, dir: &Path, ipv6: bool) -> io::Result<Self> {
        // A thread that has changed its namespaces is of no further use: each is thrown away.
        let (net, mnt, netlink) = in_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
            furnish(dir)?;
            sysctl_ipv6(ipv6)?;
            let ns = |kind| File::open(Path::new("/proc/thread-self/ns").join(kind));
            io::Result::Ok((ns("net")?, ns("mnt")?, Netlink::open()?))
        })?;
        let inode = net.metadata()?.ino();
        Ok(Self {
            name: name.into(),
            dir: dir.into(),
            net: net.into(),
            mnt: mnt.into(),
            inode,
            netlink: Arc::new(Mutex::new(netlink)),
            interfaces: Vec::new(),
        })
    }

    /// The name it has in the plan.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host's own directory, gone with the lab: configurations and logs lie here. The path is the same
    /// inside the host and outside.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file into [`Host::dir`].
    pub fn write(&self, file: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.dir.join(file);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Runs `work` in the host's network and mount namespaces, on a thread of its own, and waits for it.
    /// Sockets opened there stay in the host, whichever thread uses them later.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> io::Result<R> {
        let cwd = std::env::current_dir()?;
        in_thread(|| {
            unshare(CloneFlags::CLONE_FS)?;
            setns(self.mnt.as_fd(), CloneFlags::CLONE_NEWNS)?;
            setns(self.net.as_fd(), CloneFlags::CLONE_NEWNET)?;
            std::env::set_current_dir(cwd)?;
            Ok(work())
        })
    }

    /// Starts a process in the host, in a process group of its own. What it writes goes to `LABEL.log` in
    /// [`Host::dir`]; one that is started again under the same label appends.
    pub fn spawn(&self, label: &str, command: &mut Command) -> io::Result<Process> {
        let path = self.dir.join(format!("{label}.log"));
        let log = File::options().create(true).append(true).open(&path)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let child = self.run(|| command.spawn())??;
        Ok(Process::new(child, path))
    }

    /// Runs a command to its end.
    pub fn output(&self, command: &mut Command) -> io::Result<Output> {
        self.run(|| command.output())?
    }

    /// Every address of the host, as of now.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        self.netlink().addresses()
    }

    /// The hardware address of an interface.
    pub fn mac(&self, interface: &str) -> io::Result<[u8; 6]> {
        Ok(self.interface(interface)?.mac)
    }

    /// Silences an interface: nothing passes any more, and the host does not notice, as behind a failing
    /// switch. A process that goes on sending does so in vain; a [`Capture`](crate::Capture) still sees it.
    pub fn cut(&self, interface: &str) -> io::Result<()> {
        self.set_forwarding(interface, false)
    }

    /// Undoes [`Host::cut`].
    pub fn restore(&self, interface: &str) -> io::Result<()> {
        self.set_forwarding(interface, true)
    }

    /// Pulls the cable: the host sees its carrier go.
    pub fn unplug(&self, interface: &str) -> io::Result<()> {
        let interface = self.interface(interface)?;
        lock(&interface.switch).set_up(interface.port, false)
    }

    /// Undoes [`Host::unplug`]. The kernel may need a second to say that the link is up.
    pub fn replug(&self, interface: &str) -> io::Result<()> {
        let interface = self.interface(interface)?;
        lock(&interface.switch).set_up(interface.port, true)
    }

    /// Dies as a machine dies whose plug is pulled: every process stops at once, none can say farewell, and
    /// every link falls silent (a mere kill would leave a kernel that answers ARP for the addresses).
    pub fn crash(&self) -> io::Result<()> {
        self.freeze()?;
        for interface in &self.interfaces {
            self.cut(&interface.name)?;
        }
        self.signal(Signal::SIGKILL)
    }

    /// Undoes what [`Host::crash`] did to the links. The dead stay dead; addresses that they left are still there.
    pub fn reconnect(&self) -> io::Result<()> {
        self.interfaces
            .iter()
            .try_for_each(|i| self.restore(&i.name))
    }

    /// Stops every process of the host in its tracks (SIGSTOP).
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Undoes [`Host::freeze`].
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Every process that lives in the host's network namespace.
    pub fn processes(&self) -> io::Result<Vec<Pid>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let pid = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            // A process may end while we look at it.
            let here =
                || fs::metadata(entry.path().join("ns/net")).is_ok_and(|m| m.ino() == self.inode);
            if let Some(pid) = pid
                && here()
            {
                found.push(Pid::from_raw(pid));
            }
        }
        Ok(found)
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        for pid in self.processes()? {
            // Gone meanwhile: as good as killed.
            let _ = kill(pid, signal);
        }
        Ok(())
    }

    pub(crate) fn netlink(&self) -> impl core::ops::Deref<Target = Netlink> + '_ {
        lock(&self.netlink)
    }

    pub(crate) fn net_fd(&self) -> &OwnedFd {
        &self.net
    }

    fn interface(&self, name: &str) -> io::Result<&Interface> {
        self.interfaces
            .iter()
            .find(|i| i.name == name)
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("{} has no interface {name}", self.name),
                )
            })
    }

    fn set_forwarding(&self, interface: &str, forwarding: bool) -> io::Result<()> {
        let interface = self.interface(interface)?;
        lock(&interface.switch).set_forwarding(interface.port, forwarding)
    }
}

/// The switch: a network namespace that holds the bridges.
pub(crate) fn new_switch() -> io::Result<(OwnedFd, Netlink)> {
    in_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        sysctl_ipv6(false)?;
        Ok((
            File::open("/proc/thread-self/ns/net")?.into(),
            Netlink::open()?,
        ))
    })
}

/// Opens a socket in a network namespace that is not a host's.
pub(crate) fn within<R: Send>(net: &OwnedFd, work: impl FnOnce() -> R + Send) -> io::Result<R> {
    in_thread(|| {
        setns(net.as_fd(), CloneFlags::CLONE_NEWNET)?;
        Ok(work())
    })
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn in_thread<R: Send>(work: impl FnOnce() -> io::Result<R> + Send) -> io::Result<R> {
    thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
}

/// `/sys` shows the devices of the namespace in which it was mounted. `/run` becomes the host's own, but for
/// the lab's files, which keep their path.
fn furnish(dir: &Path) -> io::Result<()> {
    let none = None::<&str>;
    // Containers may forbid it; then /sys/class/net is empty, and only who reads it is the poorer.
    let _ = mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none);
    let run = dir.join("run");
    let scratch = run.join(SCRATCH.trim_start_matches("/run/"));
    fs::create_dir_all(&scratch)?;
    mount(Some(SCRATCH), &scratch, none, MsFlags::MS_BIND, none)?;
    mount(
        Some(&run),
        "/run",
        none,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        none,
    )?;
    Ok(())
}

/// Before there is a link, so that it comes up as wished.
fn sysctl_ipv6(on: bool) -> io::Result<()> {
    for (file, value) in [
        ("all/disable_ipv6", u8::from(!on)),
        ("default/disable_ipv6", u8::from(!on)),
        // A lab's addresses are unique: waiting for proof would only make every start a second late.
        ("default/accept_dad", 0),
    ] {
        match fs::write(
            Path::new("/proc/sys/net/ipv6/conf").join(file),
            value.to_string(),
        ) {
            // A kernel without IPv6.
            Err(e) if e.kind() == io::ErrorKind::NotFound && !on => {}
            result => result?,
        }
    }
    Ok(())
}

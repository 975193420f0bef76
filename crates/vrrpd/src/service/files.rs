//! `track_file`: numbers in files, told when they change.
//!
//! The directory is watched, not the file, so that a file may come, go and be replaced. A file is read when a writer
//! has closed it: in between it may be empty. A directory that is not there is looked for again every second.

use core::time::Duration;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use keepalived_conf::config::{InitFile, TrackFile};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{error, warn};
use vrrp_fsm::TrackId;

/// How long to wait before a directory is looked for again, or after watching has failed.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// Of a file so many octets are read: more than any number needs.
const READ: u64 = 128;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Files(JoinHandle<()>);

impl Drop for Files {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Files {
    /// Tells each file's number at once, and again whenever it has changed. On the service thread's runtime.
    /// `None` where there is nothing to watch.
    pub fn watch(
        files: Vec<(TrackId, PathBuf)>,
        tell: impl Fn(TrackId, i32) + Send + 'static,
    ) -> Option<Self> {
        if files.is_empty() {
            return None;
        }
        let mut watch = Watch {
            files: files
                .into_iter()
                .map(|(id, path)| (id, path, None))
                .collect(),
            tell,
        };
        Some(Self(tokio::spawn(async move {
            loop {
                let ended = watch.run().await;
                if let Err(error) = ended {
                    warn!("track_file: {error}; trying again");
                }
                sleep(AGAIN).await;
            }
        })))
    }
}

struct Watch<F> {
    /// What is told for which file, and the number that was told last.
    files: Vec<(TrackId, PathBuf, Option<i32>)>,
    tell: F,
}

impl<F: Fn(TrackId, i32)> Watch<F> {
    /// Until watching fails.
    async fn run(&mut self) -> io::Result<()> {
        let parents = self.files.iter().filter_map(|(_, path, _)| path.parent());
        let mut changes = Changes::in_folders(parents.map(Path::to_owned))?;
        loop {
            self.read_all();
            changes.next().await?;
        }
    }

    fn read_all(&mut self) {
        for (id, path, told) in &mut self.files {
            // Out of range: ignored, as keepalived does.
            let Some(value) = read(path) else { continue };
            if told.replace(value) != Some(value) {
                (self.tell)(*id, value);
            }
        }
    }
}

/// Waits for changes in folders, which may come and go themselves.
pub(super) struct Changes {
    inotify: pipe::Receiver,
    folders: Vec<PathBuf>,
    missing: bool,
}

impl Changes {
    pub(super) fn in_folders(folders: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut changes = Self {
            // No pipe, but read like one.
            inotify: pipe::Receiver::from_owned_fd_unchecked(inotify)?,
            folders: folders.into_iter().collect(),
            missing: false,
        };
        changes.add_watches();
        Ok(changes)
    }

    /// Returns when something may have changed; may return for no reason.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        tokio::select! {
            ready = self.inotify.readable() => {
                ready?;
                // What has changed does not matter: there are few files, and reading one twice does no harm.
                let mut buf = [0; 4096];
                while self.inotify.try_read(&mut buf).is_ok() {}
            }
            () = sleep(AGAIN), if self.missing => {}
        }
        // The folder itself may have gone, and its watch with it.
        self.add_watches();
        Ok(())
    }

    fn add_watches(&mut self) {
        let changes = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO;
        // Adding a watch that exists changes nothing.
        let added = |folder: &PathBuf| inotify::add_watch(&self.inotify, folder, changes).is_ok();
        self.missing = !self
            .folders
            .iter()
            .fold(true, |all, folder| added(folder) & all);
    }
}

/// The number in a file: 0 if there is no file or no number, `None` if it does not fit 32 bits.
fn read(path: &Path) -> Option<i32> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(READ).read_to_end(&mut text));
    if read.is_err() {
        return Some(0);
    }
    leading_number(&String::from_utf8_lossy(&text))
}

/// As C reads an integer of any base: blanks, a sign, `0x`, `0`, and whatever digits follow.
fn leading_number(text: &str) -> Option<i32> {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
    let (radix, digits) = match hex {
        Some(rest) => (16, rest),
        None if digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let mut value = 0_i64;
    for digit in digits.chars().map_while(|c| c.to_digit(radix)) {
        value = value
            .saturating_mul(i64::from(radix))
            .saturating_add(i64::from(digit));
    }
    i32::try_from(if negative { -value } else { value }).ok()
}

/// `init_file`: writes the file at the start, where it is wanted and missing (or to be overwritten).
pub fn init(file: &TrackFile) {
    let Some(InitFile { value, overwrite }) = file.init else {
        return;
    };
    let path = Path::new(&file.path);
    if (overwrite || !path.exists())
        && let Err(error) = std::fs::write(path, format!("{value}\n"))
    {
        error!(
            "track_file {}: cannot write {}: {error}",
            file.name, file.path
        );
    }
}

#[cfg(test)]
mod tests;

//! A named pipe that state changes are written to, one line each. Its reader may come and go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use tracing::{info, warn};

/// Where state changes go.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    file: File,
    /// It was not there before us, so it goes with us.
    made: bool,
    /// Lines that found no room since the last one that did.
    lost: u64,
}

impl Fifo {
    /// Opens the pipe at `path`, which is made if nothing is there.
    ///
    /// # Errors
    /// It cannot be made or opened, or something else has that name.
    pub fn open(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let made = match nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o644)) {
            Ok(()) => true,
            Err(nix::errno::Errno::EEXIST) => false,
            Err(error) => return Err(error.into()),
        };
        // Read and write: opening does not wait for a reader, and writing without one fills the pipe.
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)?;
        if !file.metadata()?.file_type().is_fifo() {
            return Err(io::Error::other("it is there, and it is no FIFO"));
        }
        if let Some((uid, gid)) = owner.filter(|_| made) {
            std::os::unix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        Ok(Self {
            path: path.into(),
            file,
            made,
            lost: 0,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `line`, or drops it when the pipe is full. A line is never cut: the kernel writes so short a one whole.
    pub fn write(&mut self, line: &str) {
        match self.file.write_all(line.as_bytes()) {
            Ok(()) => {
                if self.lost > 0 {
                    info!(path = %self.path.display(), lost = self.lost, "FIFO {} is read again, {} lines were dropped",
                        self.path.display(), self.lost);
                }
                self.lost = 0;
            }
            Err(error) => {
                if self.lost == 0 {
                    warn!(path = %self.path.display(), "FIFO {}: {error}; dropping lines until it is read",
                        self.path.display());
                }
                self.lost += 1;
            }
        }
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        if self.made {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn lines_wait_for_a_reader_and_overflow_without_blocking() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let mut fifo = Fifo::open(&path, None).unwrap();
        let line = "INSTANCE \"VI_1\" MASTER 100\n";
        while fifo.lost == 0 {
            fifo.write(line);
        }
        let mut reader = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .unwrap();
        let mut text = vec![0; 1 << 20];
        let mut have = 0;
        while let Ok(len) = reader.read(&mut text[have..]) {
            have += len;
        }
        assert_eq!(have % line.len(), 0, "no line is cut");
        fifo.write(line);
        assert_eq!(fifo.lost, 0);
        drop(fifo);
        assert!(!path.exists(), "made by us, removed by us");
    }

    #[test]
    fn what_is_no_pipe_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "precious").unwrap();
        assert!(Fifo::open(&path, None).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_pipe_of_others_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
        drop(Fifo::open(&path, None).unwrap());
        assert!(path.exists());
    }
}

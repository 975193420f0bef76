//! The directory that holds what the daemon writes on its own account: `control.sock`, `snapshot`, `pid`.
//!
//! One daemon for each directory: `pid` is locked for as long as the daemon lives, so a lock that is held means a
//! daemon that runs, and a file that was left behind means nothing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use thiserror::Error;

/// Root's runtime directory.
pub const DEFAULT: &str = "/run/vrrpd";

/// The option that every command takes that runs a daemon or speaks to one.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RuntimeDir {
    /// Directory for the socket, the snapshot and the pid file
    /// [default: /run/vrrpd; for an ordinary user $XDG_RUNTIME_DIR/vrrpd]
    #[arg(long, value_name = "DIR")]
    pub runtime_dir: Option<PathBuf>,
}

impl RuntimeDir {
    /// The directory asked for, or the default of this user.
    #[must_use]
    pub fn path(self) -> PathBuf {
        self.runtime_dir.unwrap_or_else(default_path)
    }
}

/// `/run/vrrpd`, or an ordinary user's `$XDG_RUNTIME_DIR/vrrpd`.
#[must_use]
pub fn default_path() -> PathBuf {
    let user_dir = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    match user_dir {
        Some(dir) if !nix::unistd::geteuid().is_root() => PathBuf::from(dir).join("vrrpd"),
        _ => PathBuf::from(DEFAULT),
    }
}

/// A pid file that is held. Dropping it removes the file.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

/// Why a pid file could not be had.
#[derive(Debug, Error)]
pub enum PidFileError {
    /// Another daemon holds it.
    #[error("another daemon (pid {pid}) holds {}", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// As the file says.
        pid: String,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Directories that were not there before. Dropping them removes those in which nothing is left.
#[derive(Debug)]
pub struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for dir in &self.0 {
            // Somebody else's files are in it by now, or it went with its parent: both are fine.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// Makes `dir` (mode 0750) where it is missing.
///
/// # Errors
/// It cannot be made; a parent of it may be missing for want of privilege.
pub fn create(dir: &Path) -> Result<Made, PidFileError> {
    let missing = dir.ancestors().take_while(|dir| !dir.exists());
    let made = Made(missing.map(PathBuf::from).collect());
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(|source| PidFileError::Io {
            path: dir.into(),
            source,
        })?;
    Ok(made)
}

impl PidFile {
    /// Locks `path` and writes our pid into it.
    ///
    /// # Errors
    /// Another daemon holds it, or it cannot be written.
    pub fn take(path: &Path) -> Result<Self, PidFileError> {
        let failed = |source| PidFileError::Io {
            path: path.into(),
            source,
        };
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
                .open(path)
                .map_err(failed)?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut pid = String::new();
                    let _ = file.take(32).read_to_string(&mut pid);
                    return Err(PidFileError::Held {
                        path: path.into(),
                        pid: pid.trim().into(),
                    });
                }
                Err(error) => return Err(failed(error.into())),
            }
            // Its last holder may have removed the name between our open and our lock.
            let ours = file.metadata().map_err(failed)?;
            if !fs::metadata(path)
                .is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino()))
            {
                continue;
            }
            file.set_len(0).map_err(failed)?;
            writeln!(file, "{}", std::process::id()).map_err(failed)?;
            return Ok(Self {
                path: path.into(),
                file,
            });
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // The name goes while the lock is still held, so nobody else's file is removed.
        let _ = fs::remove_file(&self.path);
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/vrrpd");
        let made = create(&path).unwrap();
        let path = path.join("pid");
        let held = PidFile::take(&path).unwrap();
        let own = std::process::id().to_string();
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), own);
        match PidFile::take(&path) {
            Err(PidFileError::Held { pid, .. }) => assert_eq!(pid, own),
            other => panic!("{other:?}"),
        }
        drop(held);
        assert!(!path.exists());
        // What a killed daemon leaves is no obstacle.
        fs::write(&path, "99999999\n").unwrap();
        drop(PidFile::take(&path).unwrap());
        drop(made);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            0,
            "nothing stays"
        );
    }

    #[test]
    fn what_others_made_or_use_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("vrrpd");
        fs::create_dir(&path).unwrap();
        drop(create(&path.join("one")).unwrap());
        assert!(path.is_dir() && !path.join("one").exists());
        let made = create(&path.join("two")).unwrap();
        fs::write(path.join("two/file"), "").unwrap();
        drop(made);
        assert!(path.join("two/file").exists());
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "precious").unwrap();
        let path = dir.path().join("pid");
        std::os::unix::fs::symlink(&target, &path).unwrap();
        assert!(matches!(PidFile::take(&path), Err(PidFileError::Io { .. })));
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }
}

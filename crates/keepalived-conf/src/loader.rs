//! Where files come from. The language itself never touches a file system; everything it reads comes through
//! [`Loader`], so that a test, a fuzzer or an editor can serve the files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What has to be known of a path before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// A regular file (links followed).
    pub regular: bool,
    /// Any of the three execute bits is set. keepalived takes such a file for a script and does not read it.
    pub executable: bool,
}

/// Serves files. Paths are text, joined with `/`; the loader resolves relative ones as it likes.
pub trait Loader {
    /// What `path` is.
    ///
    /// # Errors
    /// The reason why nothing can be said, usually that there is no such file.
    fn kind(&self, path: &str) -> io::Result<FileKind>;

    /// The bytes of `path`.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The permissions of `path`, if somebody besides its owner may read it.
    fn exposed(&self, _path: &str) -> Option<u32> {
        None
    }

    /// The paths that match `pattern` (`*`, `?`, `[..]`; braces have been expanded before), sorted by bytes.
    /// A pattern without wildcard characters matches itself if it exists.
    fn glob(&self, pattern: &str) -> Vec<String>;
}

/// Files of the file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FsLoader;

impl Loader for FsLoader {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        let metadata = std::fs::metadata(path)?;
        Ok(FileKind {
            regular: metadata.is_file(),
            executable: executable(&metadata),
        })
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn exposed(&self, path: &str) -> Option<u32> {
        exposed(&std::fs::metadata(path).ok()?)
    }

    fn glob(&self, pattern: &str) -> Vec<String> {
        crate::glob::expand(
            pattern,
            &|directory| {
                let directory = if directory.is_empty() { "." } else { directory };
                let Ok(entries) = std::fs::read_dir(directory) else {
                    return Vec::new();
                };
                entries
                    .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                    .collect()
            },
            &|path| Path::new(path).symlink_metadata().is_ok(),
        )
    }
}

#[cfg(unix)]
fn exposed(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(metadata.permissions().mode() & 0o7777).filter(|mode| mode & 0o044 != 0)
}

#[cfg(not(unix))]
fn exposed(_: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_: &std::fs::Metadata) -> bool {
    false
}

/// Files in memory, by path: for tests, fuzzing, editors, and configurations that come over a wire.
#[derive(Clone, Debug, Default)]
pub struct MemoryLoader {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryLoader {
    /// Adds a file, or replaces it.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    fn entries(&self, directory: &str) -> Vec<String> {
        let prefix = if directory.is_empty() || directory.ends_with('/') {
            directory.to_owned()
        } else {
            format!("{directory}/")
        };
        let names = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix));
        let mut names: Vec<String> = names
            .filter_map(|rest| rest.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        names
    }
}

impl Loader for MemoryLoader {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        if self.files.contains_key(path) {
            Ok(FileKind {
                regular: true,
                executable: false,
            })
        } else if self.entries(path).is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(FileKind {
                regular: false,
                executable: true,
            })
        }
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn glob(&self, pattern: &str) -> Vec<String> {
        crate::glob::expand(pattern, &|directory| self.entries(directory), &|path| {
            self.kind(path).is_ok()
        })
    }
}

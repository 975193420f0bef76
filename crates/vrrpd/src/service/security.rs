//! keepalived's script security: a program that runs as root must not be one that others could have replaced.

use core::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The part of a path that somebody other than root may change, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    script: PathBuf,
    part: PathBuf,
    uid: u32,
    gid: u32,
    mode: u32,
}

/// Looks at every component of `script`, an absolute path, as it is written and with links followed: who may change a
/// link may change what is run.
///
/// `Ok(Some(_))` is the first component that is not root's alone.
///
/// # Errors
/// A component cannot be looked at.
pub fn check(script: &Path) -> io::Result<Option<Unsafe>> {
    let resolved = script.canonicalize()?;
    for path in [script, &resolved] {
        let mut parts: Vec<&Path> = path.ancestors().collect();
        parts.reverse();
        for part in parts {
            let about = part.symlink_metadata()?;
            let (uid, gid, mode) = (about.uid(), about.gid(), about.mode());
            // In a directory with the sticky bit only the owner of a file may replace it.
            let sticky = about.is_dir() && mode & libc::S_ISVTX != 0;
            let others = mode & libc::S_IWOTH != 0 || (mode & libc::S_IWGRP != 0 && gid != 0);
            // The mode of a link means nothing.
            if uid != 0 || (others && !sticky && !about.is_symlink()) {
                return Ok(Some(Unsafe {
                    script: script.into(),
                    part: part.into(),
                    uid,
                    gid,
                    mode: mode & 0o7777,
                }));
            }
        }
    }
    Ok(None)
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part.display();
        write!(
            f,
            "Unsafe permissions found for script '{}': {part} is ",
            self.script.display()
        )?;
        if self.uid == 0 {
            write!(
                f,
                "writable by others (owner {}:{}, mode {:04o}). Remedy: chmod go-w {part}",
                self.uid, self.gid, self.mode
            )
        } else {
            write!(
                f,
                "owned by uid {} (mode {:04o}). Remedy: chown root {part}, or script_user",
                self.uid, self.mode
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_component_and_the_remedy_are_named() {
        assert_eq!(check(Path::new("/bin/sh")).unwrap(), None);
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("check.sh");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o757)).unwrap();
        let found = check(&script).unwrap().unwrap().to_string();
        assert!(
            found.starts_with("Unsafe permissions found for script '"),
            "{found}"
        );
        assert!(found.contains("Remedy: ch"), "{found}");
        assert!(check(&dir.path().join("missing")).is_err());

        // A link to what is safe, in a folder where others may put another.
        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
        let link = open.join("sh");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        assert!(check(&link).unwrap().is_some());
    }
}

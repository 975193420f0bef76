//! `vrrpd fmt`: one layout for every configuration file.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use keepalived_conf::fmt::format;

use crate::exit::Exit;

/// Arguments of `vrrpd fmt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --check and --write the result is printed. The meaning of a file never changes, and its comments stay.
Exit status: 0 done; 1 --check found a file in another layout, or a file could not be read or written.")]
pub struct Args {
    /// Configuration files; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Only say which files have another layout
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Replace the files
    #[arg(long)]
    write: bool,
}

/// Formats.
pub fn run(args: &Args) -> Exit {
    let mut exit = Exit::Fine;
    for path in &args.files {
        match one(path, args) {
            Ok(true) => {}
            Ok(false) => exit = Exit::Failed,
            Err(error) => {
                eprintln!("vrrpd: {}: {error}", path.display());
                exit = Exit::Failed;
            }
        }
    }
    exit
}

/// Whether all is well with this file.
fn one(path: &Path, args: &Args) -> io::Result<bool> {
    let stdin = path == Path::new("-");
    let mut before = Vec::new();
    if stdin {
        io::stdin().read_to_end(&mut before)?;
    } else {
        before = fs::read(path)?;
    }
    let after = bytes(&before);
    if args.check {
        if after != before {
            println!("{}", path.display());
        }
        return Ok(after == before);
    }
    if args.write && !stdin {
        if after != before {
            replace(&path.canonicalize()?, &after)?;
        }
    } else {
        io::stdout().write_all(&after)?;
    }
    Ok(true)
}

/// Formats bytes. What is not UTF-8 is taken for Latin-1 and comes out as it was: the layout knows ASCII only.
fn bytes(text: &[u8]) -> Vec<u8> {
    match core::str::from_utf8(text) {
        Ok(text) => format(text).into_bytes(),
        Err(_) => {
            let text: String = text.iter().map(|&byte| char::from(byte)).collect();
            format(&text)
                .chars()
                .filter_map(|c| u8::try_from(u32::from(c)).ok())
                .collect()
        }
    }
}

/// Puts a new file in the place of `path`, with its owner and mode, so that nobody ever reads half of it.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let about = fs::metadata(path)?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text)?;
        std::os::unix::fs::fchown(&file, Some(about.uid()), Some(about.gid()))?;
        file.set_permissions(about.permissions())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    let done = write();
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn bytes_that_are_no_utf8_stay() {
        assert_eq!(bytes(b"a  b # \xfc\xe4\n"), b"a b # \xfc\xe4\n");
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keepalived.conf");
        fs::write(&path, "a{\nb\n}\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let args = |check, write| Args {
            files: vec![link.clone()],
            check,
            write,
        };
        assert_eq!(run(&args(true, false)), Exit::Failed);
        assert_eq!(run(&args(false, true)), Exit::Fine);
        assert_eq!(run(&args(true, false)), Exit::Fine);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a {\n    b\n}\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}

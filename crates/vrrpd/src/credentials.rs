//! Files for configurations, among them the credentials that systemd hands to a service (systemd.exec(5)).

use std::io;
use std::path::{Path, PathBuf};

use keepalived_conf::{FileKind, FsLoader, Loader};

/// Files of this host. A bare name is that of a credential first (`key 1 file:NAME`).
#[derive(Clone, Debug, Default)]
pub(crate) struct HostLoader {
    credentials: Option<PathBuf>,
}

impl HostLoader {
    /// With the credentials of this process, if it has any.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }

    fn credential(&self, path: &str) -> Option<String> {
        let folder = self
            .credentials
            .as_deref()
            .filter(|_| Path::new(path).file_name().is_some_and(|name| name == path))?;
        let found = folder.join(path);
        found.is_file().then(|| found.to_str().map(String::from))?
    }
}

impl Loader for HostLoader {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        FsLoader.kind(path)
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.credential(path) {
            Some(credential) => FsLoader.read(&credential),
            None => FsLoader.read(path),
        }
    }

    fn exposed(&self, path: &str) -> Option<u32> {
        match self.credential(path) {
            Some(credential) => FsLoader.exposed(&credential),
            None => FsLoader.exposed(path),
        }
    }

    fn glob(&self, pattern: &str) -> Vec<String> {
        FsLoader.glob(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_credential_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("vrrp-key"), "secret").unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "secret").unwrap();
        let loader = HostLoader {
            credentials: Some(folder.path().into()),
        };
        let read = |loader: &HostLoader, path: &str| loader.read(path).ok();
        assert_eq!(read(&loader, "vrrp-key"), Some(b"secret".to_vec()));
        assert_eq!(read(&loader, "Cargo.toml"), Some(b"secret".to_vec()));
        for other in ["./Cargo.toml", "/etc/passwd"] {
            assert_eq!(read(&loader, other), std::fs::read(other).ok(), "{other}");
        }
        assert_eq!(read(&loader, "../vrrp-key"), None);
        assert_eq!(read(&HostLoader::default(), "vrrp-key"), None);
    }
}

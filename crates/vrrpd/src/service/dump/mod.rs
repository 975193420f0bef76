//! keepalived's dump files: what exporters and people read after a signal (users.md 3.1-3.3).
//!
//! A file is written beside its place and moved there, so a reader sees the old one or the new one whole; it is for
//! the owner's eyes, and secrets are masked.

mod data;
mod json;
mod stats;
mod text;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};

use keepalived_conf::config::{Config, Globals, Secrets};
use tracing::{error, info};

use crate::daemon::{Look, View};
use crate::settings::Settings;

/// Writes the file that `view` was asked for.
pub(super) fn write(view: &View, settings: &Settings) {
    let globals = &view.plan.config.globals;
    let data_name = data_name(globals, settings);
    let (name, asked, what, content) = match view.look {
        Look::Data => (
            data_name.as_str(),
            &globals.state_dump_file,
            "VRRP data",
            data::text(view),
        ),
        Look::Stats { .. } => (
            "keepalived.stats",
            &globals.stats_dump_file,
            "VRRP stats",
            stats::text(view),
        ),
        Look::Json => (
            "keepalived.json",
            &globals.json_dump_file,
            "VRRP as json",
            json::text(view),
        ),
        Look::Reload { number, done } => {
            let side = if done { "post" } else { "pre" };
            let name = format!("keepalived_vrrp.{}.{number}.{side}", std::process::id());
            return save(globals, &name, &data::text(view));
        }
    };
    let path = match asked {
        Some(path) if path.ends_with('/') => Path::new(path).join(name),
        Some(path) => PathBuf::from(path),
        None => directory(settings).join(name),
    };
    info!(
        "Printing {what} for process({}) on signal",
        std::process::id()
    );
    if let Err(reason) = replace(&path, content.as_bytes()) {
        error!("cannot write {}: {reason}", path.display());
    }
}

/// Keeps the configuration as it was read at a reload, or at the start, which is number 0.
pub(super) fn save_config(config: &Config, number: u32) {
    let name = format!("keepalived.conf.{}.{number}", std::process::id());
    save(&config.globals, &name, &config.to_text(Secrets::Masked));
}

/// Into `config_save_dir`, which is made if it is missing.
fn save(globals: &Globals, name: &str, content: &str) {
    let Some(dir) = &globals.config_save_dir else {
        return;
    };
    let made = match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    };
    let path = Path::new(dir).join(name);
    if let Err(reason) = made.and_then(|()| replace(&path, content.as_bytes())) {
        error!("config_save_dir: cannot write {}: {reason}", path.display());
    }
}

/// With `data_use_instance` it holds the network namespace and the name of the instance, where there are any. The
/// other dumps have one name always, as keepalived's.
fn data_name(globals: &Globals, settings: &Settings) -> String {
    let parts = settings
        .namespace(globals)
        .into_iter()
        .chain(globals.instance.as_deref());
    let parts: Vec<&str> = parts.filter(|_| globals.data_use_instance).collect();
    if parts.is_empty() {
        return "keepalived.data".into();
    }
    format!("keepalived.{}.data", parts.join("_"))
}

/// Where keepalived's tools look, if it was started in its name; else the runtime directory.
fn directory(settings: &Settings) -> PathBuf {
    if !settings.as_keepalived {
        return settings.runtime_dir.clone();
    }
    let asked = std::env::var_os("TMPDIR")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute());
    asked.unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// Puts `content` into the place of `path`, all of it or nothing. A symbolic link is replaced, not followed.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = create(&beside)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // Left over from the attempt; an older failure is what counts.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn create(path: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    };
    match open() {
        // A predecessor with our process id was killed while it wrote.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            open()
        }
        result => result,
    }
}

#[cfg(test)]
mod tests;

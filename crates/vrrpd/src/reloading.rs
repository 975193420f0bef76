//! A reload, up to the plan that is handed over: on the service thread, and nothing of it changes what runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keepalived_conf::config::{Config, Globals};
use tracing::error;

use crate::keepalived;
use crate::load;
use crate::plan::{Numbers, Plan};
use crate::settings::Settings;

/// What reloads know of what came before.
#[derive(Debug)]
pub struct Reloading {
    settings: Settings,
    numbers: Numbers,
    /// What runs.
    config: Arc<Config>,
}

impl Reloading {
    /// From what was started with.
    #[must_use]
    pub fn new(settings: &Settings, numbers: Numbers, config: &Arc<Config>) -> Self {
        Self {
            settings: settings.clone(),
            numbers,
            config: Arc::clone(config),
        }
    }

    /// Reads the file anew. What is wrong with it is in the log, and in that of `reload_check_config`.
    pub fn plan(&mut self) -> Option<Plan> {
        let _mark = Mark::set(&self.settings, &self.config.globals);
        let plan = self.read();
        if plan.is_none()
            && let Some(Some(log)) = &self.config.globals.reload_check_config
        {
            keepalived::test_into(&self.settings, log.into());
        }
        plan
    }

    fn read(&mut self) -> Option<Plan> {
        let source = load::read(&self.settings).ok()?;
        load::unchanged(&self.settings, &self.config.globals, &source.config.globals).ok()?;
        let mut candidate = self.numbers.clone();
        let plan = load::plan(&source, &mut candidate).ok()?;
        self.numbers = candidate;
        self.config = source.config;
        Some(plan)
    }
}

/// `reload_file`: empty while the configuration is read, and gone afterwards, so that who writes it knows when.
struct Mark(PathBuf);

impl Mark {
    fn set(settings: &Settings, globals: &Globals) -> Option<Self> {
        let path = match globals.reload_file.as_ref()? {
            Some(path) => PathBuf::from(path),
            None => {
                let pids = settings.pid_paths(globals);
                let beside = pids.first().and_then(|path| path.parent());
                beside
                    .unwrap_or_else(|| Path::new(&settings.runtime_dir))
                    .join("keepalived.reload")
            }
        };
        match fs::write(&path, "") {
            Ok(()) => Some(Self(path)),
            Err(reason) => {
                error!("reload_file {}: {reason}", path.display());
                None
            }
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Err(reason) = fs::remove_file(&self.0) {
            error!("reload_file {}: {reason}", self.0.display());
        }
    }
}

//! The FIFOs of a plan, each with the program that reads it, if the configuration names one.

use std::path::Path;
use std::sync::Arc;

use keepalived_conf::config;
use tokio::sync::Notify;
use tracing::{debug, error, info, warn};

use super::fifo::Fifo;
use super::program::{End, Program};
use super::programs::identity;
use crate::plan::Plan;

/// All that are open.
#[derive(Default)]
pub(super) struct Pipes(Vec<Pipe>);

struct Pipe {
    fifo: Fifo,
    reader: Option<Reader>,
}

/// A program that runs, until it is told not to.
struct Reader {
    program: Program,
    stop: Arc<Notify>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}

impl Pipes {
    /// What is the same stays open, and its reader runs on: two readers would share the lines.
    pub(super) fn adopt(&mut self, plan: &Plan) {
        let globals = &plan.config.globals;
        let mut wanted: Vec<&config::Fifo> = Vec::new();
        for fifo in globals.notify_fifo.iter().chain(&globals.vrrp_notify_fifo) {
            if wanted.iter().all(|known| known.path != fifo.path) {
                wanted.push(fifo);
            }
        }
        self.0.retain(|pipe| {
            wanted
                .iter()
                .any(|fifo| pipe.fifo.path() == Path::new(&fifo.path))
        });
        for fifo in wanted {
            let program = plan.readers.get(&fifo.path);
            match self
                .0
                .iter_mut()
                .find(|pipe| pipe.fifo.path() == Path::new(&fifo.path))
            {
                Some(pipe) if pipe.reader.as_ref().map(|reader| &reader.program) == program => {}
                Some(pipe) => {
                    pipe.reader = program.map(|program| Reader::start(program, &fifo.path))
                }
                None => self.0.extend(open(fifo, program)),
            }
        }
    }

    /// Writes `line` to all of them.
    pub(super) fn write(&mut self, line: &str) {
        for pipe in &mut self.0 {
            pipe.fifo.write(line);
        }
    }
}

fn open(fifo: &config::Fifo, program: Option<&Program>) -> Option<Pipe> {
    let owner = match fifo
        .owner
        .as_ref()
        .map(|owner| identity(owner, false))
        .transpose()
    {
        Ok(owner) => owner.map(|owner| (owner.uid, owner.gid)),
        Err(reason) => {
            error!("FIFO {}: {reason}", fifo.path);
            return None;
        }
    };
    match Fifo::open(Path::new(&fifo.path), owner) {
        Ok(open) => Some(Pipe {
            fifo: open,
            reader: program.map(|program| Reader::start(program, &fifo.path)),
        }),
        Err(error) => {
            error!("FIFO {}: {error}", fifo.path);
            None
        }
    }
}

impl Reader {
    /// Starts `program` with the path of the FIFO as its last argument. Its end is only logged, as keepalived does.
    fn start(program: &Program, path: &str) -> Self {
        let stop = Arc::new(Notify::new());
        let mut run = program.clone();
        run.args.push(path.into());
        let (until, path) = (Arc::clone(&stop), path.to_owned());
        tokio::spawn(async move {
            let outcome = run.run(until.notified()).await;
            match outcome.end {
                End::TimedOut => debug!("FIFO script of {path} was ended"),
                End::Exited(0) => info!("FIFO script of {path} has ended; nobody reads {path}"),
                end => warn!(
                    "FIFO script of {path} {end}; nobody reads {path}: {}",
                    outcome.tail.join(" | ")
                ),
            }
        });
        Self {
            program: program.clone(),
            stop,
        }
    }
}

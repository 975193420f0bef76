use core::time::Duration;
use std::path::{Path, PathBuf};

use tokio::runtime::{Builder, Runtime};

use super::{Job, Queues, WAITING};
use crate::service::program::Program;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn job(script: String) -> Job {
    Job {
        program: Program {
            path: PathBuf::from("/bin/sh"),
            args: vec!["-c".into(), script.into()],
            user: None,
        },
        cause: "notify",
    }
}

fn append(word: &str, file: &Path) -> Job {
    job(format!("echo {word} >> {}", file.display()))
}

async fn idle(queues: &Queues) {
    while !queues.is_idle() {
        tokio::task::yield_now().await;
    }
}

fn words(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_last_event_has_the_last_word() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("order");
    runtime().block_on(async {
        let queues = Queues::default();
        // The first is the slowest: started at once, it would end last.
        queues.submit(
            "VI_1",
            job(format!(
                "for i in 1 2 3 4 5 6 7 8 9; do sh -c :; done; echo BACKUP >> {}",
                file.display()
            )),
        );
        queues.submit("VI_1", append("MASTER", &file));
        queues.submit("VI_1", append("FAULT", &file));
        idle(&queues).await;
    });
    assert_eq!(words(&file), ["BACKUP", "MASTER", "FAULT"]);
}

#[test]
fn one_that_hangs_is_ended_for_those_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("order");
    runtime().block_on(async {
        let queues = Queues::new(Duration::from_millis(50));
        queues.submit("VI_1", job("sleep 100000".into()));
        queues.submit("VI_1", append("MASTER", &file));
        idle(&queues).await;
    });
    assert_eq!(words(&file), ["MASTER"]);
}

#[test]
fn subjects_do_not_wait_for_each_other_and_queues_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (file, gate) = (dir.path().join("order"), dir.path().join("gate"));
    runtime().block_on(async {
        let queues = Queues::default();
        queues.submit(
            "VI_1",
            job(format!(
                "until [ -e {} ]; do sleep 0.01; done",
                gate.display()
            )),
        );
        // Let it start: only what waits counts.
        tokio::task::yield_now().await;
        for n in 0..WAITING + 3 {
            queues.submit("VI_1", append(&n.to_string(), &file));
        }
        queues.submit("VI_2", append("other", &file));
        while words(&file).is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(words(&file), ["other"]);
        std::fs::write(&gate, "").unwrap();
        idle(&queues).await;
    });
    let kept: Vec<String> = (3..WAITING + 3).map(|n| n.to_string()).collect();
    assert_eq!(words(&file)[1..], kept);
}

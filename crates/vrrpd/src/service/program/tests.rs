use core::time::Duration;
use std::path::PathBuf;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::{End, Outcome, Program};

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Program {
    Program {
        path: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        user: None,
    }
}

fn run(program: &Program, limit: Duration) -> Outcome {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { program.run(tokio::time::sleep(limit)).await })
}

#[test]
fn exit_status_signal_and_failure_to_start_are_told_apart() {
    assert!(run(&shell("exit 0"), LONG).end.is_success());
    assert!(matches!(run(&shell("exit 7"), LONG).end, End::Exited(7)));
    assert!(matches!(
        run(&shell("kill -9 $$"), LONG).end,
        End::Signalled(9)
    ));
    let missing = Program {
        path: PathBuf::from("/nonexistent/check"),
        args: Vec::new(),
        user: None,
    };
    assert!(matches!(run(&missing, LONG).end, End::NotStarted(_)));
}

#[test]
fn the_last_lines_are_kept_and_a_flood_does_not_block() {
    let outcome = run(
        &shell("seq 1 200000; printf 'half a line'; echo oops >&2; exit 1"),
        LONG,
    );
    assert!(matches!(outcome.end, End::Exited(1)), "{:?}", outcome.end);
    assert_eq!(
        outcome.tail,
        [
            "199997",
            "199998",
            "199999",
            "200000",
            "half a line",
            "oops"
        ]
    );
    let long = run(&shell("head -c 100000 /dev/zero | tr '\\0' x"), LONG);
    assert_eq!(long.tail, ["x".repeat(super::TAIL_LINE_LEN)]);
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let outcome = run(
        &shell("sleep 1000 & echo $!; trap '' TERM; sleep 1000"),
        Duration::from_millis(300),
    );
    assert!(matches!(outcome.end, End::TimedOut));
    let [pid] = outcome.tail.as_slice() else {
        panic!("{:?}", outcome.tail)
    };
    let pid = Pid::from_raw(pid.parse().unwrap());
    while is_running(pid) {
        std::thread::yield_now();
    }
}

/// Neither gone nor a zombie that waits for init.
fn is_running(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    kill(pid, None).is_ok() && !stat.contains(") Z ")
}

#[test]
fn output_held_open_by_a_grandchild_does_not_delay_the_end() {
    let began = std::time::Instant::now();
    let outcome = run(&shell("sleep 30 & exit 3"), LONG);
    assert!(matches!(outcome.end, End::Exited(3)));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "the run waited for the grandchild"
    );
}

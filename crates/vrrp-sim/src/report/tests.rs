use super::*;
use crate::{Plan, run};

fn told(text: &str) -> Vec<String> {
    let plan: Plan = text.parse().unwrap();
    let events = run(&plan).events;
    let changes = events
        .iter()
        .filter(|event| matches!(event.what, Happened::Change(..)));
    changes.map(ToString::to_string).collect()
}

#[test]
fn a_timeline_speaks_in_words() {
    let told = told(
        "world segments 2
         router r1 priority 200
         start r1
         run 5s
         unplug r1 1
         run 1s
         plug r1 1
         run 1s",
    );
    let expected = [
        "0:00:00.000  r1 is Backup: started",
        "0:00:00.000  r1 is Backup on segment 1: started",
        "0:00:03.218  r1 is Active on segment 1: the Active router is silent",
        "0:00:03.218  r1 is Active: its sync group is",
        "0:00:05.000  r1 is in fault: its sync group is",
        "0:00:05.000  r1 is in fault on segment 1: the link on segment 1 is down",
        "0:00:06.000  r1 is Backup: another one of its group is in fault no more",
        "0:00:06.000  r1 is Backup on segment 1: the link on segment 1 is down no more",
    ];
    assert_eq!(told, expected.map(|line| format!("   {line}")));
}

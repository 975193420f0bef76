use core::time::Duration;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

use keepalived_conf::config::ParamMatch;
use vrrp_fsm::TrackId;

use super::{Kind, Process, Processes, accepts, wish};

fn words(text: &str) -> Vec<Vec<u8>> {
    text.split_whitespace()
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

fn kind(text: &str, params: Option<ParamMatch>, full_command: bool) -> Kind {
    Kind {
        argv: words(text),
        params,
        full_command,
    }
}

#[test]
fn processes_are_known_by_name_by_command_and_by_parameters() {
    let nginx = Process {
        comm: b"nginx".to_vec(),
        argv: words("/usr/sbin/nginx -g daemon off;"),
    };
    let long = Process {
        comm: b"a-process-with-".to_vec(),
        argv: words("a-process-with-a-long-name"),
    };
    let zombie = Process {
        comm: b"nginx".to_vec(),
        argv: Vec::new(),
    };
    let (exact, initial, partial) = (
        Some(ParamMatch::Exact),
        Some(ParamMatch::Initial),
        Some(ParamMatch::Partial),
    );
    let cases = [
        ("by name", kind("nginx", None, false), &nginx, true),
        ("by path", kind("/opt/nginx", None, false), &nginx, true),
        ("other name", kind("ngin", None, false), &nginx, false),
        (
            "cut name",
            kind("a-process-with-another-name", None, false),
            &long,
            true,
        ),
        (
            "whole name",
            kind("a-process-with-another-name", None, true),
            &long,
            false,
        ),
        (
            "whole path",
            kind("/usr/sbin/nginx", None, true),
            &nginx,
            true,
        ),
        ("other path", kind("/opt/nginx", None, true), &nginx, false),
        ("bare command", kind("nginx", None, true), &nginx, true),
        (
            "exact",
            kind("nginx -g daemon off;", exact, true),
            &nginx,
            true,
        ),
        ("too few", kind("nginx -g", exact, true), &nginx, false),
        ("initial", kind("nginx -g", initial, true), &nginx, true),
        ("cut", kind("nginx -g dae", initial, true), &nginx, false),
        ("partial", kind("nginx -g dae", partial, true), &nginx, true),
        (
            "partial, other",
            kind("nginx -g demon", partial, true),
            &nginx,
            false,
        ),
        (
            "partial, too many",
            kind("nginx -g daemon off; x", partial, true),
            &nginx,
            false,
        ),
        ("zombie", kind("nginx", None, false), &zombie, false),
    ];
    for (name, kind, process, expected) in cases {
        assert_eq!(kind.is(process), expected, "{name}");
    }
}

#[test]
fn the_wish_is_as_long_as_it_says() {
    let wish = wish(1);
    assert_eq!(wish.len(), 16 + 20 + 4);
    assert_eq!(wish[..4], 40_u32.to_ne_bytes());
}

/// An answer is ours by its mark; an event is none, nor is a refusal.
#[test]
fn only_a_yes_to_this_wish_counts() {
    let message = |mark: u32, kind: u32, error: u32| {
        let mut message = vec![0; 28];
        message.extend(mark.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(kind.to_ne_bytes());
        message.extend([0; 12]);
        message.extend(error.to_ne_bytes());
        message
    };
    assert!(accepts(&message(8, 0, 0), 7));
    assert!(!accepts(&message(9, 0, 0), 7));
    assert!(!accepts(&message(8, 2, 0), 7));
    assert!(!accepts(&message(8, 0, 1), 7));
    assert!(!accepts(&message(8, 0, 0)[..40], 7));
}

/// Reads what never comes. Ends with the test, also with one that fails or is killed: then its input ends.
struct Reader(Child);

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Told by the kernel where it does, by polling elsewhere: the numbers are the same.
#[test]
fn starts_and_ends_are_told() {
    // A number of lines that nobody else reads.
    let lines = format!("{}", 5_000_000 + std::process::id());
    let kind = kind(&format!("head -n {lines}"), Some(ParamMatch::Exact), true);
    let start = || {
        let mut head = Command::new("head");
        head.args(["-n", &lines]);
        head.stdin(Stdio::piped()).stdout(Stdio::null());
        Reader(head.stderr(Stdio::null()).spawn().unwrap())
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sender, receiver) = channel();
        let _processes = Processes::watch(vec![(TrackId(1), kind)], move |_, count| {
            sender.send(count).unwrap();
        })
        .unwrap();
        let told = async |expected| {
            let end = Instant::now() + Duration::from_secs(60);
            loop {
                if receiver.try_iter().any(|count| count == expected) {
                    break;
                }
                assert!(Instant::now() < end, "{expected} was not told");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        told(0).await;
        let first = start();
        told(1).await;
        let second = start();
        told(2).await;
        drop(first);
        told(1).await;
        drop(second);
        told(0).await;
    });
}

//! Starts that cannot end well: each says what is wrong and what to do, with a status that scripts can tell apart.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use crate::Case;
use crate::scene::{addresses, lan, run, v3};

pub(crate) const CASES: &[Case] = &[
    (
        "a_wrong_start_says_what_to_do",
        &[],
        a_wrong_start_says_what_to_do,
    ),
    (
        "without_privilege_it_says_so",
        &["unshare"],
        without_privilege_it_says_so,
    ),
    (
        "one_daemon_for_each_runtime_directory",
        &[],
        one_daemon_for_each_runtime_directory,
    ),
];

fn told(output: &Output) -> String {
    assert_eq!(output.status.signal(), None);
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn a_wrong_start_says_what_to_do() {
    struct Wrong {
        name: &'static str,
        conf: Option<String>,
        status: i32,
        says: &'static [&'static str],
    }
    let cases = [
        Wrong {
            name: "no file",
            conf: None,
            status: 2,
            says: &["wrong.conf"],
        },
        Wrong {
            name: "no instance",
            conf: Some("global_defs {\n}\n".into()),
            status: 2,
            says: &["vrrp_instance"],
        },
        Wrong {
            name: "an interface that is not there",
            conf: Some(v3(100, "1").replace("eth0", "eth7")),
            status: 2,
            says: &["eth7", "eth0"],
        },
        Wrong {
            name: "VRID 0",
            conf: Some(v3(100, "1").replace("51", "0")),
            status: 2,
            says: &["wrong.conf: Line 4", "VI_1"],
        },
    ];
    let lab = lan(1, false);
    let host = &lab["node1"];
    let before = addresses(host);
    for Wrong {
        name,
        conf,
        status,
        says,
    } in cases
    {
        let file = host.dir().join("wrong.conf");
        let _ = std::fs::remove_file(&file);
        if let Some(conf) = conf {
            host.write("wrong.conf", &conf).unwrap();
        }
        let output = host.output(run(host).arg("-f").arg(&file)).unwrap();
        let text = told(&output);
        assert_eq!(output.status.code(), Some(status), "{name}: {text}");
        for word in says {
            assert!(text.contains(word), "{name}: {word} is not in: {text}");
        }
        assert_eq!(addresses(host), before, "{name}");
    }
}

/// In a user namespace of its own it is nobody to the host's network.
fn without_privilege_it_says_so() {
    let lab = lan(1, false);
    let host = &lab["node1"];
    let file = host.write("vrrpd.conf", &v3(100, "1")).unwrap();
    let mut command = Command::new("unshare");
    command
        .arg("--user")
        .arg(env!("CARGO_BIN_EXE_vrrpd"))
        .args(["run", "--runtime-dir"]);
    let output = host
        .output(command.arg(host.dir().join("vrrpd")).arg("-f").arg(file))
        .unwrap();
    let text = told(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(
        text.contains("CAP_NET_ADMIN") && text.contains("root"),
        "{text}"
    );
}

fn one_daemon_for_each_runtime_directory() {
    let lab = lan(1, false);
    let host = &lab["node1"];
    let first = crate::scene::vrrpd(host, &v3(100, "1"));
    assert!(
        first.logs("Startup complete", crate::scene::SOON),
        "{}",
        first.log()
    );
    let output = host
        .output(run(host).arg("-f").arg(host.dir().join("vrrpd.conf")))
        .unwrap();
    let text = told(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("--runtime-dir"), "{text}");
}

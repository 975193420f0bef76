//! The log: nobody who reads it slowly or not at all delays an advert, nothing in it is a secret, and each reader gets it
//! in his own form.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use serde_json::Value;
use vrrp_lab::{Host, Process, until};

use crate::Case;
use crate::obstacles::{Scene, conf};
use crate::scene::{SOON, VIP, holders, lan, run, text, v3, wait_for};

pub(crate) const CASES: &[Case] = &[
    (
        "a_reader_of_standard_error_that_stopped_makes_no_advert_late",
        &["sh"],
        || stopped_reader(Reader::StandardError),
    ),
    (
        "a_syslog_daemon_that_stopped_makes_no_advert_late",
        &["sh"],
        || stopped_reader(Reader::Syslog),
    ),
    (
        "a_log_on_a_full_disk_or_without_a_daemon_harms_nobody",
        &["sh"],
        no_log,
    ),
    ("each_reader_gets_the_log_in_its_own_form", &["sh"], forms),
    ("no_secret_leaves_the_daemon", &["kill"], secrets),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    StandardError,
    Syslog,
}

/// Gives `host` a `/dev` of its own, with what programs need and without `/dev/log`.
fn own_dev(host: &Host) {
    let dev = host.dir().join("dev");
    fs::create_dir(&dev).unwrap();
    let bind = |what: &Path, at: &Path| {
        mount(Some(what), at, None::<&str>, MsFlags::MS_BIND, None::<&str>)
    };
    host.run(|| {
        for name in ["null", "zero", "full", "random", "urandom"] {
            File::create(dev.join(name)).unwrap();
            bind(&Path::new("/dev").join(name), &dev.join(name)).unwrap();
        }
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&dev), "/dev", None::<&str>, flags, None::<&str>).unwrap();
    })
    .unwrap();
}

/// `vrrpd` as keepalived, which logs to syslog, or as itself with standard error somewhere else.
fn start(host: &Host, conf: &str, redirect: &str, reader: Reader) -> Process {
    let file = host.write("vrrpd.conf", conf).unwrap();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("exec \"$@\" {redirect}"))
        .arg("sh");
    match reader {
        Reader::StandardError => {
            let own = run(host);
            command.arg(own.get_program()).args(own.get_args());
        }
        Reader::Syslog => {
            command.arg(env!("CARGO_BIN_EXE_vrrpd")).arg("-n");
            for (option, name) in [("-p", "keepalived.pid"), ("-r", "vrrp.pid")] {
                command.arg(option).arg(host.dir().join(name));
            }
        }
    }
    host.spawn("vrrpd", command.arg("-D").arg("-f").arg(file))
        .unwrap()
}

/// More lines than the queue and the kernel hold together; then they are read again.
fn stopped_reader(reader: Reader) {
    const MANY: u8 = 60;
    let scene = Scene::new();
    let node = scene.node();
    own_dev(node);
    let path = node.dir().join("log");
    nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    let mut pipe = File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .unwrap();
    rustix::pipe::fcntl_setpipe_size(pipe.as_fd(), 4096).unwrap();
    let socket = node
        .run(|| UnixDatagram::bind("/dev/log"))
        .unwrap()
        .unwrap();
    socket.set_nonblocking(true).unwrap();

    let mut text = conf(node, "", "", "");
    let second = text[text.find("vrrp_instance VI_2").unwrap()..].to_owned();
    for n in 0..MANY {
        let more = second.replace("VI_2", &format!("MANY_{n}"));
        let more = more.replace("router_id 52", &format!("router_id {}", 100 + n));
        text += &more.replace("10.0.0.71", &format!("10.0.0.{}", 100 + n));
    }
    let redirect = match reader {
        Reader::StandardError => format!("2>{}", path.display()),
        Reader::Syslog => String::new(),
    };
    let mut daemon = start(node, &text, &redirect, reader);
    let last = format!("10.0.0.{}", 100 + MANY - 1);
    let has_last = |has: bool| {
        wait_for("all fail and recover", &daemon, || {
            (holders(&scene.lab, &last) == ["node1"]) == has
        });
    };
    has_last(true);
    let judge = scene.served(&daemon);
    for _ in 0..3 {
        for (number, has) in [("1\n", false), ("0\n", true)] {
            node.write("number", number).unwrap();
            has_last(has);
        }
    }
    judge.verdict(&scene, &daemon);

    // Who reads on finds how much it has missed.
    let mut log = String::new();
    let mut datagram = [0; 16 << 10];
    let found = until(2 * SOON, || {
        match reader {
            Reader::StandardError => {
                let mut part = Vec::new();
                let _ = pipe.read_to_end(&mut part);
                log += &String::from_utf8_lossy(&part);
            }
            Reader::Syslog => {
                while let Ok(len) = socket.recv(&mut datagram) {
                    log += &String::from_utf8_lossy(&datagram[..len]);
                    log.push('\n');
                }
            }
        }
        // It is said with the next line.
        node.write("number", "1\n").unwrap();
        node.write("number", "0\n").unwrap();
        log.contains("log lines dropped: whoever reads this log is too slow")
            .then_some(())
    });
    assert!(found.is_some(), "{log}");
    if reader == Reader::Syslog {
        let stamp = format!("<30>Keepalived_vrrp[{}]: ", daemon.pid());
        assert!(
            log.lines().any(|line| line.starts_with(&stamp)),
            "{stamp} in {log}"
        );
    }
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

fn no_log() {
    for reader in [Reader::StandardError, Reader::Syslog] {
        let lab = lan(1, false);
        let node = &lab["node1"];
        own_dev(node);
        let mut daemon = start(node, &v3(200, "0.1"), "2>/dev/full", reader);
        wait_for("serves", &daemon, || holders(&lab, VIP) == ["node1"]);
        assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
        assert!(holders(&lab, VIP).is_empty());
    }
}

/// People, machines, and journald, which gets fields; where it does not answer, its stream gets lines.
fn forms() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let entering = "(VI_1) Entering MASTER STATE";
    let file = node.write("vrrpd.conf", &v3(200, "0.1")).unwrap();
    let mut json = node
        .spawn(
            "json",
            run(node).args(["--log-format", "json", "-f"]).arg(&file),
        )
        .unwrap();
    assert!(json.logs(entering, SOON), "{}", json.log());
    json.stop(SOON).unwrap();
    let lines = json.log();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line));
    let line = lines
        .into_iter()
        .find(|line| line["message"] == entering)
        .expect("a line");
    for (name, value) in [("level", "info"), ("instance", "VI_1"), ("iface", "eth0")] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_eq!(line["vrid"], 51);

    let stream = node.write("journal.log", "").unwrap();
    let about = fs::metadata(&stream).unwrap();
    let stream = format!("{}:{}", about.dev(), about.ino());
    let mut own = run(node);
    own.env("JOURNAL_STREAM", &stream).arg("-f").arg(&file);
    let mut alone = node.spawn("journal", &mut own).unwrap();
    assert!(alone.logs(entering, SOON), "{}", alone.log());
    alone.stop(SOON).unwrap();

    let socket = Path::new("/run/systemd/journal/socket");
    let journald = node
        .run(|| {
            fs::create_dir_all(socket.parent().unwrap()).unwrap();
            UnixDatagram::bind(socket)
        })
        .unwrap()
        .unwrap();
    journald.set_nonblocking(true).unwrap();
    let before = alone.log();
    let mut daemon = node.spawn("journal", &mut own).unwrap();
    let mut datagram = [0; 16 << 10];
    let mut entries = Vec::new();
    wait_for("an entry", &daemon, || {
        while let Ok(len) = journald.recv(&mut datagram) {
            entries.push(String::from_utf8_lossy(&datagram[..len]).into_owned());
        }
        entries.iter().any(|entry| entry.contains(entering))
    });
    let entry = entries
        .iter()
        .find(|entry| entry.contains(entering))
        .unwrap();
    for field in [
        "MESSAGE=(VI_1) Entering MASTER STATE\n",
        "PRIORITY=6\n",
        "SYSLOG_IDENTIFIER=vrrpd\n",
        "VRRP_INSTANCE=VI_1\n",
        "VRRP_VRID=51\n",
        "VRRP_IFACE=eth0\n",
    ] {
        assert!(entry.contains(field), "{field} in {entry}");
    }
    assert_eq!(daemon.log(), before, "said once, to journald");
    // It goes, and takes nothing with it.
    drop(journald);
    node.run(|| fs::remove_file(socket)).unwrap().unwrap();
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
    assert!(
        daemon.log().len() > before.len() && daemon.log().contains("Stopped"),
        "{}",
        daemon.log()
    );
}

/// Not in the log at its most talkative, not in a dump, not in what other commands print.
fn secrets() {
    let lab = lan(1, false);
    let node = &lab["node1"];
    let hidden = "hushhushhushhushhushhushhushhush";
    let hex = "a5".repeat(32);
    let key = node
        .write("key", &format!("hex:{}\n", "5b".repeat(32)))
        .unwrap();
    let signed = v3(200, "0.1").replace(
        "  version 3\n",
        &format!(
            "  version 3\n  auth_hmac {{\n    key 1 {hidden}\n    key 2 hex:{hex}\n    key 3 file:{}\n    active_key 1\n  }}\n",
            key.display()
        ),
    );
    let plain = "vrrp_instance VI_2 {\n  interface eth0\n  virtual_router_id 52\n  authentication {\n    auth_type PASS\n    \
                 auth_pass mumswort\n  }\n  virtual_ipaddress {\n    10.0.0.71\n  }\n}\n";
    let conf = format!("{signed}{plain}");
    let file = node.write("vrrpd.conf", &conf).unwrap();
    let mut daemon = node
        .spawn("vrrpd", run(node).arg("-DDD").arg("-f").arg(&file))
        .unwrap();
    wait_for("serves", &daemon, || holders(&lab, VIP) == ["node1"]);
    let own = node.dir().join("vrrpd");
    let dumps = ["keepalived.data", "keepalived.stats", "keepalived.json"];
    for number in [
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGRTMIN() + 2,
    ] {
        let sent = Command::new("kill")
            .args([format!("-{number}"), daemon.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
    wait_for("dumps", &daemon, || {
        dumps.iter().all(|name| own.join(name).exists())
    });
    daemon.stop(SOON).unwrap();
    let mut outputs: Vec<(String, String)> = vec![("the log".into(), daemon.log())];
    outputs.extend(dumps.map(|name| (name.into(), text(&own.join(name)))));
    for arguments in [&["config"][..], &["config", "--json"], &["check"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
        let output = node.output(command.args(arguments).arg(&file)).unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(
            said.contains("VI_1") || arguments == ["check"],
            "{arguments:?}: {said}"
        );
        outputs.push((format!("{arguments:?}"), said));
    }
    for (what, said) in outputs {
        for secret in [hidden, &hex, &"5b".repeat(32), "mumswort"] {
            assert!(!said.contains(secret), "{secret} in {what}:\n{said}");
        }
    }
    // The one exception: what is cut of a password is shown, for it must be written so.
    let long = conf.replace("mumswort", "mumswort-and-more");
    node.write("vrrpd.conf", &long).unwrap();
    let mut daemon = node.spawn("again", run(node).arg("-f").arg(&file)).unwrap();
    assert!(daemon.logs("Startup complete", SOON), "{}", daemon.log());
    daemon.stop(SOON).unwrap();
    assert!(
        daemon
            .log()
            .contains("Truncating auth_pass to 8 characters")
    );
    assert!(!daemon.log().contains("and-more"), "{}", daemon.log());
}

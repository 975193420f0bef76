//! What may wait forever, on a node that serves: nothing of it makes an advert late, fills the memory or the log, or
//! outlives the daemon.

use core::time::Duration;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use vrrp_lab::{Capture, Frame, Host, Lab, Process, until};

use crate::Case;
use crate::scene::{SOON, VIP, active, lan, script, starved, text, v3, vrrpd, wait_for};
use crate::smtp::{Manners, Smtp};

pub(crate) const CASES: &[Case] = &[
    (
        "programs_that_sleep_for_an_hour_or_flood_make_no_advert_late",
        &["yes"],
        endless_programs,
    ),
    (
        "a_check_that_hangs_makes_no_advert_late",
        &[],
        hanging_check,
    ),
    (
        "a_fifo_that_nobody_reads_makes_no_advert_late",
        &[],
        unread_fifo,
    ),
    (
        "a_silent_mail_server_makes_no_advert_late",
        &[],
        silent_mail_server,
    ),
    ("a_full_disk_makes_no_advert_late", &["kill"], full_disk),
    ("no_more_processes_make_no_advert_late", &[], no_fork),
];

/// Of the adverts that must not be late.
const INTERVAL: Duration = Duration::from_millis(300);
/// What a daemon may grow by: its queues are far smaller, and a queue without a bound grows by more.
const GROWTH: u64 = 16 << 20;

/// `node1` serves VI_1 and gets into trouble with VI_2; `node2` would take VI_1 over at once.
pub(crate) struct Scene {
    pub(crate) lab: Lab,
    pub(crate) capture: Capture,
    _backup: Process,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let lab = lan(2, false);
        let capture = Capture::start(&lab).unwrap();
        fs::write(lab["node1"].dir().join("number"), "0\n").unwrap();
        let _backup = vrrpd(&lab["node2"], &v3(100, "0.3"));
        assert!(_backup.logs("Startup complete", SOON), "{}", _backup.log());
        Self {
            lab,
            capture,
            _backup,
        }
    }

    pub(crate) fn node(&self) -> &Host {
        &self.lab["node1"]
    }

    /// Waits until VI_1 is served by `daemon`: what it is judged by begins here.
    pub(crate) fn served(&self, daemon: &Process) -> Judge {
        wait_for("VI_1 is Active", daemon, || {
            self.node()
                .addresses()
                .unwrap()
                .iter()
                .any(|a| a.cidr.address.to_string() == VIP)
        });
        let since = active(&self.capture, "node1").at;
        Judge {
            since,
            memory: memory(daemon),
            starved: starved(daemon),
        }
    }

    /// So many adverts of VI_1 from now on.
    pub(crate) fn adverts(&self, count: usize) {
        let since = SystemTime::now();
        let enough = || {
            let sent = self.capture.look(|frames| {
                let later = frames.iter().filter(|f| f.at >= since && vi_1(f));
                later.count()
            });
            (sent >= count).then_some(())
        };
        until(4 * SOON, enough).expect("adverts");
    }

    /// Lets VI_2 fail and recover.
    pub(crate) fn flap(&self, daemon: &Process) {
        let told = |word: &str| daemon.log().matches(word).count();
        for (number, word) in [
            ("1\n", "(VI_2) Entering FAULT STATE"),
            ("0\n", "(VI_2) Entering MASTER STATE"),
        ] {
            let before = told(word);
            self.node().write("number", number).unwrap();
            wait_for(word, daemon, || told(word) > before);
        }
    }
}

/// When serving began, with how much memory, and after how much waiting for a processor.
pub(crate) struct Judge {
    since: SystemTime,
    memory: u64,
    starved: Duration,
}

impl Judge {
    /// No advert was late but for want of a processor, nobody took over, and the memory is what it was.
    pub(crate) fn verdict(&self, scene: &Scene, daemon: &Process) {
        scene.adverts(3);
        let frames = scene.capture.frames();
        let of_vi_1 = frames.iter().filter(|f| f.at >= self.since && vi_1(f));
        let adverts: Vec<&Frame> = of_vi_1.collect();
        let strange = adverts.iter().find(|f| &*f.host != "node1");
        assert!(strange.is_none(), "another served: {strange:?}");
        let gaps = adverts.windows(2).map(|pair| {
            let [before, after] = pair else {
                unreachable!()
            };
            after.at.duration_since(before.at).unwrap()
        });
        let longest = gaps.max().expect("two adverts");
        let starved = starved(daemon).saturating_sub(self.starved);
        assert!(
            longest < 3 * INTERVAL + starved,
            "an advert after {longest:?}, of which the processors were busy for {starved:?}"
        );
        let grown = memory(daemon).saturating_sub(self.memory);
        assert!(grown < GROWTH, "{grown} octets more than at the start");
    }
}

fn vi_1(frame: &Frame) -> bool {
    frame.advert().is_some_and(|advert| advert.vrid == 51)
}

/// VmRSS, in octets.
fn memory(process: &Process) -> u64 {
    let status = text(Path::new(&format!("/proc/{}/status", process.pid())));
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|l| l.trim().strip_suffix(" kB"));
    kibibytes
        .and_then(|n| n.parse::<u64>().ok())
        .expect("VmRSS")
        << 10
}

/// VI_1, and VI_2, which a file decides about, with more lines in `global_defs`, before and inside of VI_2.
pub(crate) fn conf(host: &Host, globals: &str, blocks: &str, lines: &str) -> String {
    let number = host.dir().join("number");
    let second = v3(200, "0.3")
        .replace("VI_1", "VI_2")
        .replace("router_id 51", "router_id 52")
        .replace(VIP, "10.0.0.71")
        .replacen(
            "  version 3\n",
            &format!("  version 3\n  track_file {{\n    number\n  }}\n{lines}\n"),
            1,
        );
    format!(
        "global_defs {{\n  script_user root\n{globals}\n}}\ntrack_file number {{\n  file {}\n  weight 0\n}}\n{blocks}\n{}{second}",
        number.display(),
        v3(200, "0.3"),
    )
}

/// Programs that are running in `host` besides the daemon.
fn others(host: &Host, daemon: &Process) -> Vec<String> {
    let all = host.processes().unwrap().into_iter();
    let others = all.filter(|pid| *pid != daemon.pid());
    others
        .map(|pid| text(Path::new(&format!("/proc/{pid}/cmdline"))).replace('\0', " "))
        .filter(|name| !name.is_empty())
        .collect()
}

/// Each has a minute, when another waits.
fn endless_programs() {
    let scene = Scene::new();
    let node = scene.node();
    let told = node.dir().join("told");
    let sleeper = script(node, "sleeper.sh", "sleep 3600");
    let flood = script(
        node,
        "flood.sh",
        "yes to stderr >&2 &\nyes to stdout &\nyes to stdout",
    );
    let tell = script(
        node,
        "tell.sh",
        &format!("echo \"$@\" >> {}", told.display()),
    );
    let both = conf(
        node,
        "",
        "",
        &format!("  notify_backup {sleeper}\n  notify_master \"{tell} VI_2\""),
    );
    let third = v3(200, "0.3")
        .replace("VI_1", "VI_3")
        .replace("router_id 51", "router_id 53")
        .replace(VIP, "10.0.0.73")
        .replacen(
            "  version 3\n",
            &format!("  version 3\n  notify_backup {flood}\n  notify_master \"{tell} VI_3\"\n"),
            1,
        );
    let mut daemon = vrrpd(node, &format!("{both}{third}"));
    let judge = scene.served(&daemon);
    wait_for("they run", &daemon, || {
        let others = others(node, &daemon);
        let runs = |word: &str| others.iter().filter(|name| name.contains(word)).count();
        runs("sleep 3600") == 1 && runs("yes") >= 3
    });
    assert!(!told.exists(), "the next waits for its turn");
    let minute = 4 * SOON + Duration::from_secs(60);
    for (name, program) in [("VI_2", &sleeper), ("VI_3", &flood)] {
        let line =
            format!("({name}) notify_backup {program} was ended because others waited for it");
        assert!(daemon.logs(&line, minute), "{line}:\n{}", daemon.log());
    }
    wait_for("the next have run", &daemon, || {
        let told = text(&told);
        told.contains("VI_2") && told.contains("VI_3")
    });
    wait_for("nothing of them is left", &daemon, || {
        others(node, &daemon).is_empty()
    });
    assert!(
        daemon.log().contains("it said: to stdout"),
        "{}",
        daemon.log()
    );
    judge.verdict(&scene, &daemon);
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

/// It does not even obey SIGTERM. The last one runs when the daemon is stopped, and does not outlive it.
fn hanging_check() {
    let scene = Scene::new();
    let node = scene.node();
    let check = script(
        node,
        "check.sh",
        "trap '' TERM\nsleep 3600 &\nwhile :; do sleep 3600; done",
    );
    let block = format!("vrrp_script chk {{\n  script {check}\n  interval 1\n  timeout 1\n}}\n");
    let mut daemon = vrrpd(
        node,
        &conf(node, "", &block, "  track_script {\n    chk\n  }"),
    );
    let judge = scene.served(&daemon);
    for line in ["VRRP_Script(chk) timed_out", "(VI_2) Entering FAULT STATE"] {
        assert!(daemon.logs(line, 2 * SOON), "{line}:\n{}", daemon.log());
    }
    // Several runs: one at a time, and each is ended with all that it started.
    for _ in 0..3 {
        scene.adverts(10);
        assert!(
            others(node, &daemon).len() <= 3,
            "{:?}",
            others(node, &daemon)
        );
    }
    assert_eq!(
        daemon.log().matches("timed_out").count(),
        1,
        "{}",
        daemon.log()
    );
    judge.verdict(&scene, &daemon);
    wait_for("one runs", &daemon, || !others(node, &daemon).is_empty());
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
    until(SOON, || others(node, &daemon).is_empty().then_some(()))
        .unwrap_or_else(|| panic!("{:?}", others(node, &daemon)));
}

fn unread_fifo() {
    let scene = Scene::new();
    let node = scene.node();
    let path = node.dir().join("fifo");
    nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o644)).unwrap();
    let reader = || {
        let mut options = File::options();
        let options = options
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK);
        options.open(&path).unwrap()
    };
    let mut full = reader();
    rustix::pipe::fcntl_setpipe_size(full.as_fd(), 4096).unwrap();
    while full.write_all(b"what nobody has read\n").is_ok() {}
    let fifo = format!("  vrrp_notify_fifo {}", path.display());
    let mut daemon = vrrpd(node, &conf(node, &fifo, "", ""));
    let judge = scene.served(&daemon);
    scene.flap(&daemon);
    scene.flap(&daemon);
    let full_line = "dropping lines until it is read";
    assert_eq!(
        daemon.log().matches(full_line).count(),
        1,
        "{}",
        daemon.log()
    );

    let read = |reader: &mut File| {
        let mut lines = String::new();
        let end = reader.read_to_string(&mut lines).unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::WouldBlock);
        lines
    };
    assert!(!read(&mut full).contains("VI_2"), "dropped, not kept");
    scene.flap(&daemon);
    let again = "is read again";
    assert!(daemon.logs(again, SOON), "{}", daemon.log());
    // It goes, and another comes: what was written meanwhile waits for it.
    drop(full);
    scene.flap(&daemon);
    let mut lines = String::new();
    let mut late = reader();
    wait_for("what was written without a reader", &daemon, || {
        lines += &read(&mut late);
        // The line of the second flap may have come after the pipe was read, and have found room.
        lines.matches("INSTANCE \"VI_2\" MASTER 200\n").count() >= 2
    });
    assert_eq!(
        daemon.log().matches(full_line).count(),
        1,
        "{}",
        daemon.log()
    );
    judge.verdict(&scene, &daemon);
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

fn silent_mail_server() {
    let scene = Scene::new();
    let node = scene.node();
    let smtp = Smtp::start(node, Manners::Silent);
    let told = node.dir().join("told");
    let tell = script(
        node,
        "tell.sh",
        &format!("echo \"$3\" >> {}", told.display()),
    );
    let globals = "  notification_email {\n    ann@example.org\n  }\n  smtp_server 10.0.0.60\n  \
                   smtp_connect_timeout 1\n  smtp_alert";
    let mut daemon = vrrpd(node, &conf(node, globals, "", &format!("  notify {tell}")));
    let judge = scene.served(&daemon);
    let states = |word: &str| text(&told).lines().filter(|line| *line == word).count();
    for flap in 0..3 {
        scene.flap(&daemon);
        wait_for("programs are told at once", &daemon, || {
            states("FAULT") == flap + 1 && states("MASTER") == flap + 2
        });
    }
    wait_for("several mails in vain", &daemon, || smtp.waiting() >= 4);
    let line = "Timeout connecting SMTP server [10.0.0.60]:25";
    assert_eq!(daemon.log().matches(line).count(), 1, "{}", daemon.log());
    judge.verdict(&scene, &daemon);
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

/// First no room, then no inodes: the old dumps stay, nothing else does.
fn full_disk() {
    let scene = Scene::new();
    let node = scene.node();
    let small = node.dir().join("small");
    fs::create_dir(&small).unwrap();
    let limits = Some("size=512k,nr_inodes=32");
    let mounted = node.run(|| {
        mount(
            Some("tmpfs"),
            &small,
            Some("tmpfs"),
            MsFlags::empty(),
            limits,
        )
    });
    mounted.unwrap().unwrap();
    let own = small.join("run");
    let file = node.write("vrrpd.conf", &conf(node, "", "", "")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
    command
        .arg("run")
        .arg("--runtime-dir")
        .arg(&own)
        .arg("-f")
        .arg(file);
    let mut daemon = node.spawn("vrrpd", &mut command).unwrap();
    let judge = scene.served(&daemon);

    let dumps = ["keepalived.data", "keepalived.stats", "keepalived.json"];
    let ask = || {
        for number in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGRTMIN() + 2] {
            let sent = Command::new("kill")
                .args([format!("-{number}"), daemon.pid().to_string()])
                .status();
            assert!(sent.unwrap().success());
        }
    };
    // The inode says whether a file was replaced, the content whether it is whole.
    let look = |name: &str| {
        let path = own.join(name);
        let look = || Some((fs::metadata(&path).ok()?.ino(), fs::read(&path).ok()?));
        node.run(look).unwrap()
    };
    let files = || {
        let names = fs::read_dir(&own).unwrap();
        let mut names: Vec<_> = names.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    ask();
    wait_for("dumps", &daemon, || {
        dumps.iter().all(|name| look(name).is_some())
    });
    let before = dumps.map(look);
    let names = node.run(files).unwrap();

    let filler = small.join("filler");
    let fill = || {
        let mut filler = File::create(&filler).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    };
    let use_up = || (0..).find(|n| File::create(small.join(format!("empty{n}"))).is_err());
    let failures = || daemon.log().matches("No space left on device").count();
    let troubles: [&(dyn Fn() + Sync); 2] = [&fill, &|| {
        let _ = use_up();
    }];
    for (times, trouble) in (1..).zip(troubles) {
        node.run(trouble).unwrap();
        ask();
        wait_for("three errors", &daemon, || failures() == 3 * times);
        assert_eq!(dumps.map(look), before, "the old ones stay");
        assert_eq!(node.run(files).unwrap(), names, "nothing is left over");
        node.run(|| {
            for entry in fs::read_dir(&small).unwrap() {
                // The runtime directory is none of these.
                let _ = fs::remove_file(entry.unwrap().path());
            }
        })
        .unwrap();
    }
    ask();
    wait_for("new dumps", &daemon, || {
        dumps.iter().zip(&before).all(|(name, old)| {
            let new = look(name);
            new.is_some() && new != *old
        })
    });
    judge.verdict(&scene, &daemon);
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

/// The limit is not for a real root: there a user who has a process already is to run the programs.
fn no_fork() {
    let scene = Scene::new();
    let node = scene.node();
    let told = node.dir().join("told");
    fs::write(&told, "").unwrap();
    fs::set_permissions(&told, fs::Permissions::from_mode(0o666)).unwrap();
    let root = crate::is_root();
    let (user, limit) = if root { (" 54321 54321", 0) } else { ("", 1) };
    let mut sleep = Command::new("sleep");
    if root {
        sleep.uid(54321);
    }
    let _one = node.spawn("sleep", sleep.arg("3600")).unwrap();
    let check = script(node, "check.sh", "exit 0");
    let tell = script(
        node,
        "tell.sh",
        &format!("echo \"$3\" >> {}", told.display()),
    );
    let line = if root { "  user 54321 54321\n" } else { "" };
    let block = format!("vrrp_script chk {{\n  script {check}\n  interval 1\n{line}}}\n");
    let lines = format!("  notify {tell}{user}\n  track_script {{\n    chk\n  }}");
    let mut daemon = vrrpd(node, &conf(node, "", &block, &lines));
    let judge = scene.served(&daemon);
    wait_for("told", &daemon, || text(&told).contains("MASTER"));

    let pid = Pid::from_raw(daemon.pid().as_raw()).unwrap();
    let usual = getrlimit(Resource::Nproc);
    let set = |current| {
        let limit = Rlimit { current, ..usual };
        prlimit(Some(pid), Resource::Nproc, limit).unwrap();
    };
    set(Some(limit));
    scene.flap(&daemon);
    let cannot = "Script `chk` cannot be run, and counts as good: Resource temporarily unavailable";
    for line in [cannot, "not started: Resource temporarily unavailable"] {
        assert!(daemon.logs(line, SOON), "{line}:\n{}", daemon.log());
    }
    // Several times more, but said once.
    scene.adverts(12);
    assert_eq!(daemon.log().matches(cannot).count(), 1, "{}", daemon.log());
    assert_eq!(text(&told).matches("FAULT").count(), 0);
    set(usual.current);
    assert!(
        daemon.logs("Script `chk` can be run again", SOON),
        "{}",
        daemon.log()
    );
    scene.flap(&daemon);
    wait_for("told again", &daemon, || text(&told).contains("FAULT"));
    judge.verdict(&scene, &daemon);
    assert_eq!(daemon.stop(SOON).unwrap().code(), Some(0));
}

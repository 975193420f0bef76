//! Who else is told of a change of state: programs, FIFOs and mail, in the words of a keepalived that lives through
//! the same.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use vrrp_lab::{Host, HostPlan, Plan, Process, until};

use crate::keepalived::theirs;
use crate::scene::{SOON, VIP, script, text, vrrpd};
use crate::smtp::{Mail, Manners, Smtp};
use crate::{Case, ROOT};

pub(crate) const CASES: &[Case] = &[(
    "fifos_programs_and_mails_are_told_what_keepalived_tells",
    // keepalived runs no script where it cannot become the user of the script.
    &["keepalived", ROOT],
    as_keepalived,
)];

/// A node, and everything that its daemon tells others.
struct Node<'a> {
    host: &'a Host,
    daemon: Process,
    fifo: File,
    lines: Vec<String>,
    smtp: Smtp,
}

impl<'a> Node<'a> {
    fn start(host: &'a Host, start: fn(&Host, &str) -> Process) -> Self {
        let path = host.dir().join("fifo");
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o644)).unwrap();
        let fifo = File::options()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .unwrap();
        fs::write(host.dir().join("number"), "0\n").unwrap();
        fs::write(host.dir().join("weight"), "0\n").unwrap();
        script(
            host,
            "notify.sh",
            &format!("echo \"$@\" >> {}/told", host.dir().display()),
        );
        Self {
            smtp: Smtp::start(host, Manners::Takes),
            daemon: start(host, &configuration(host)),
            host,
            fifo,
            lines: Vec::new(),
        }
    }

    /// The lines of the FIFO since the last step.
    fn lines(&mut self) -> Vec<String> {
        let mut have = [0; 4096];
        loop {
            match self.fifo.read(&mut have) {
                // Lines are written whole, and this test never lets the pipe run full.
                Ok(len) => {
                    let text = String::from_utf8_lossy(&have[..len]).into_owned();
                    self.lines.extend(text.lines().map(str::to_owned));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        self.lines.clone()
    }

    /// What the programs were told since the last step. keepalived runs those of one change at once, so their order
    /// means nothing.
    fn told(&self) -> Vec<String> {
        let mut told: Vec<_> = text(&self.host.dir().join("told"))
            .lines()
            .map(str::to_owned)
            .collect();
        told.sort();
        told
    }

    fn mails(&self) -> Vec<Mail> {
        let mut mails: Vec<_> = self.smtp.mails().into_iter().map(Mail::undated).collect();
        mails.retain(|mail| !is_farewell(mail));
        mails.sort();
        mails
    }

    /// Forgets what belongs to the step that is over.
    fn next_step(&mut self) {
        self.lines.clear();
        // Nobody writes now.
        let _ = fs::remove_file(self.host.dir().join("told"));
    }
}

fn configuration(host: &Host) -> String {
    let dir = host.dir().display();
    let notify = |name: &str| {
        ["master", "backup", "fault", "stop"]
            .map(|state| format!("  notify_{state} \"{dir}/notify.sh {name} {state}\"\n"))
            .concat()
            + &format!("  notify \"{dir}/notify.sh any\"\n")
    };
    let instance = |name: &str, vrid: u8, address: &str, more: &str| {
        format!(
            "vrrp_instance {name} {{\n  version 3\n  interface eth0\n  virtual_router_id {vrid}\n  priority 200\n  \
             advert_int 0.3\n{more}  virtual_ipaddress {{\n    {address}\n  }}\n}}\n"
        )
    };
    let globals = format!(
        "global_defs {{\n  router_id lab_1\n  script_user root\n  vrrp_notify_fifo {dir}/fifo\n  notification_email {{\n    \
         ann@example.org\n    bob@example.org\n  }}\n  notification_email_from daemon@example.org\n  \
         smtp_server 10.0.0.60\n  smtp_connect_timeout 5\n  smtp_alert\n}}\n\
         vrrp_track_file number {{\n  file {dir}/number\n  weight 0\n}}\n\
         vrrp_track_file weight {{\n  file {dir}/weight\n  weight 1\n}}\n"
    );
    let group = format!(
        "vrrp_sync_group G1 {{\n  group {{\n    \"VI 1\"\n    VI_2\n  }}\n{}}}\n",
        notify("G1")
    );
    let alone = format!(
        "{}  notify_deleted \"{dir}/notify.sh VI_3 deleted\"\n  notify_master_rx_lower_pri \"{dir}/notify.sh VI_3 lower\"\n  \
         notify_priority_changes true\n  track_file {{\n    number\n    weight\n  }}\n",
        notify("VI_3")
    );
    [
        globals,
        group,
        instance("\"VI 1\"", 51, VIP, &notify("VI_1")),
        // One without mail.
        instance("VI_2", 52, "10.0.0.71", "  smtp_alert false\n"),
        instance("VI_3", 53, "10.0.0.73", &alone),
    ]
    .concat()
}

/// A lower router with the number of VI_3, for the switch between to let through or not.
fn lower() -> String {
    "vrrp_instance VI_3 {\n  version 3\n  interface eth0\n  virtual_router_id 53\n  priority 100\n  advert_int 0.3\n  \
     virtual_ipaddress {\n    10.0.0.73\n  }\n}\n"
        .into()
}

fn as_keepalived() {
    let own = |lan: &str, name: &str, address: &str| {
        HostPlan::new(name).interface("eth0", lan, [address.parse().unwrap()])
    };
    let lab = Plan::new()
        .host(own("one", "ours", "10.0.0.60/24"))
        .host(own("two", "theirs", "10.0.0.60/24"))
        .host(own("one", "low1", "10.0.0.61/24"))
        .host(own("two", "low2", "10.0.0.61/24"))
        .build()
        .unwrap();
    let mut nodes = [
        Node::start(&lab["ours"], vrrpd),
        Node::start(&lab["theirs"], theirs),
    ];
    settle(&mut nodes, "start", |node| {
        let lines = node.lines();
        ["\"VI 1\"", "\"VI_2\"", "\"VI_3\"", "\"G1\""]
            .iter()
            .all(|name| {
                lines
                    .iter()
                    .any(|line| line.contains(name) && line.contains("MASTER"))
            })
            && node.mails().len() == 6
    });

    write(&nodes, "number", "1\n");
    settle(&mut nodes, "a fault", |node| {
        node.lines().iter().any(|line| line.contains("FAULT"))
    });
    write(&nodes, "number", "0\n");
    settle(&mut nodes, "its end", |node| {
        node.lines().iter().any(|line| line.contains("MASTER "))
    });
    write(&nodes, "weight", "-20\n");
    settle(&mut nodes, "another priority", |node| {
        node.lines()
            .iter()
            .any(|line| line.contains("MASTER_PRIORITY 180"))
    });

    for node in &nodes {
        node.host.unplug("eth0").unwrap();
    }
    settle(&mut nodes, "no carrier", |node| {
        node.lines()
            .iter()
            .filter(|line| line.contains("FAULT"))
            .count()
            == 4
    });
    for node in &nodes {
        node.host.replug("eth0").unwrap();
    }
    settle(&mut nodes, "carrier", |node| {
        node.lines()
            .iter()
            .filter(|line| line.contains("MASTER "))
            .count()
            == 4
    });

    let peers = [&lab["low1"], &lab["low2"]].map(|host| {
        host.cut("eth0").unwrap();
        let peer = vrrpd(host, &lower());
        assert!(
            peer.logs("Entering MASTER STATE", 2 * SOON),
            "{}",
            peer.log()
        );
        host.restore("eth0").unwrap();
        peer
    });
    let heard = |node: &mut Node<'_>| {
        let lines = node.lines();
        lines.iter().any(|l| l.contains("MASTER_RX_LOWER_PRI"))
            && node.told().contains(&"VI_3 lower".to_owned())
    };
    until(2 * SOON, || nodes.iter_mut().all(heard).then_some(())).expect("a lower router");
    for mut peer in peers {
        peer.stop(SOON).unwrap();
    }
    // How often it is heard before it gives way is chance.
    settle_but_for(&mut nodes, "a lower router", Vec::dedup, heard);

    for node in &nodes {
        let text = configuration(node.host);
        let without = &text[..text.find("vrrp_instance VI_3").unwrap()];
        let file = match node.host.name() {
            "ours" => "vrrpd.conf",
            _ => "keepalived.conf",
        };
        node.host.write(file, without).unwrap();
        node.daemon.signal(Signal::SIGHUP).unwrap();
    }
    settle(&mut nodes, "a reload without one", |node| {
        node.lines().iter().any(|line| line.contains("DELETED"))
    });

    for node in &mut nodes {
        assert!(
            node.daemon.stop(2 * SOON).unwrap().success(),
            "{}",
            node.daemon.log()
        );
    }
    settle(&mut nodes, "the end", |node| {
        node.lines()
            .iter()
            .filter(|line| line.contains("STOP"))
            .count()
            == 3
    });
    let farewells = nodes[0].smtp.mails().into_iter().filter(is_farewell);
    let mut subjects: Vec<_> = farewells.map(|mail| mail.subject().to_owned()).collect();
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "[lab_1] VRRP Group G1 - Stopping",
            "[lab_1] VRRP Instance VI 1 - Stopping"
        ]
    );
}

/// keepalived begins these mails, and ends before it has sent them.
fn is_farewell(mail: &Mail) -> bool {
    mail.subject().ends_with(" - Stopping")
}

fn write(nodes: &[Node<'_>], file: &str, text: &str) {
    for node in nodes {
        node.host.write(file, text).unwrap();
    }
}

fn settle(nodes: &mut [Node<'_>; 2], step: &str, done: impl FnMut(&mut Node<'_>) -> bool) {
    settle_but_for(nodes, step, |_| {}, done);
}

/// Waits until both have told what they must, and the same; `tidy` takes away what chance has put there.
fn settle_but_for(
    nodes: &mut [Node<'_>; 2],
    step: &str,
    tidy: fn(&mut Vec<String>),
    mut done: impl FnMut(&mut Node<'_>) -> bool,
) {
    let all = |node: &mut Node<'_>| {
        let (mut lines, mut told) = (node.lines(), node.told());
        // Timers of different routers that are due together are served in any order; each has its own order.
        lines.sort_by_key(|line| line.rsplitn(3, ' ').last().map(str::to_owned));
        tidy(&mut lines);
        tidy(&mut told);
        (lines, told, node.mails())
    };
    until(3 * SOON, || {
        (nodes.iter_mut().all(&mut done) && all(&mut nodes[0]) == all(&mut nodes[1])).then_some(())
    });
    let (ours, theirs) = (all(&mut nodes[0]), all(&mut nodes[1]));
    assert_eq!(ours.0, theirs.0, "{step}: lines of the FIFOs");
    assert_eq!(ours.1, theirs.1, "{step}: arguments of the programs");
    assert_eq!(ours.2, theirs.2, "{step}: mails");
    for node in nodes.iter_mut() {
        assert!(
            done(node),
            "{step}: {}: {ours:?}\n{}",
            node.host.name(),
            node.daemon.log()
        );
        node.next_step();
    }
}

//! Configurations of strangers, from the directory that VRRP_CORPUS names: what keepalived makes of each, we make of it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use keepalived_conf::{Config, FsLoader, Options};
use nix::mount::{MsFlags, mount};
use serde_json::Value;
use vrrp_lab::{Cidr, Host, Lab, until};

use crate::scene::SOON;
use crate::twins::{PROGRAMS, Program, hosts, json, network, remains, text};

/// The files, or why there are none.
pub(crate) fn found() -> Result<Vec<PathBuf>, &'static str> {
    let dir = std::env::var_os("VRRP_CORPUS").ok_or("VRRP_CORPUS does not name a directory")?;
    let entries = fs::read_dir(&dir).expect("the directory of VRRP_CORPUS");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "conf"));
    assert!(!files.is_empty(), "no *.conf in {}", dir.display());
    files.sort();
    Ok(files)
}

/// What the scripts do that a file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scripts {
    Absent,
    Succeed,
    Fail,
}

/// Directories for scripts that are on every machine; the lab's hosts get their own.
const FOLDERS: [&str; 3] = ["/etc/keepalived", "/root", "/usr/local/bin"];

/// Runs one file under both programs.
pub(crate) fn play(file: &Path) {
    let conf = fs::read_to_string(file).unwrap();
    let path = file.to_string_lossy();
    let config = keepalived_conf::load(&FsLoader, &path, &Options::default()).config;
    let lab = hosts(&interfaces(&config));
    for program in PROGRAMS {
        lab[program.host()].write("keepalived.conf", &conf).unwrap();
    }
    let clean = remains(&lab[Program::Ours.host()]);
    let refused = refused(&lab);
    let left = remains(&lab[Program::Ours.host()]);
    assert_eq!(left, clean, "what is left, refused: {refused}");
    if refused {
        return;
    }
    round(&lab, &config, Scripts::Absent);
    if !programs(&config).is_empty() {
        round(&lab, &config, Scripts::Succeed);
        round(&lab, &config, Scripts::Fail);
    }
}

/// Every interface that the file names, with an address in a network of its own, and with the sources that it wants.
fn interfaces(config: &Config) -> Vec<(String, Vec<Cidr>)> {
    let mut sources = BTreeMap::<String, BTreeSet<Cidr>>::new();
    for instance in &config.instances {
        let own = instance.interface.clone().unwrap_or_else(|| "eth0".into());
        let cidr = |source| format!("{source}/24").parse::<Cidr>().unwrap();
        let source = instance.source.map(cidr);
        sources.entry(own).or_default().extend(source);
        let tracked = instance.track.interfaces.iter().map(|t| t.name.clone());
        let addresses = instance.addresses.iter().chain(&instance.excluded);
        for name in tracked.chain(addresses.filter_map(|a| a.dev.clone())) {
            sources.entry(name).or_default();
        }
    }
    let addressed = sources.into_iter().enumerate();
    addressed
        .map(|(n, (name, mut cidrs))| {
            if cidrs.is_empty() {
                cidrs.insert(format!("10.254.{n}.2/24").parse().unwrap());
            }
            (name, cidrs.into_iter().collect())
        })
        .collect()
}

/// The programs that the file names in directories that the hosts have of their own.
fn programs(config: &Config) -> BTreeSet<String> {
    let commands = keepalived_conf::lint::commands(config).into_iter();
    let programs = commands.filter_map(|(_, command)| command.argv.first().cloned());
    programs
        .filter(|program| FOLDERS.iter().any(|folder| program.starts_with(folder)))
        .collect()
}

/// Whether keepalived ends by itself; then we must, too, and with the same status.
fn refused(lab: &Lab) -> bool {
    let [ours, theirs] = PROGRAMS.map(|program| {
        let host = &lab[program.host()];
        let mut process = program.start(host, &host.dir().join("keepalived.conf"));
        let end = process.ended().unwrap().map(|status| status.code());
        process.stop(SOON).unwrap();
        end
    });
    assert_eq!(ours, theirs, "how they ended at the start\n{}", lab.files());
    theirs.is_some()
}

/// Both programs run the file until they have settled, and are compared; then they stop, and nothing of them is left.
fn round(lab: &Lab, config: &Config, scripts: Scripts) {
    let about = |what: &str| format!("{what}, scripts {scripts:?}\n{}", lab.files());
    let mut processes = PROGRAMS.map(|program| {
        let host = &lab[program.host()];
        furnish(host, config, scripts);
        let clean = remains(host);
        let process = program.start(host, &host.dir().join("keepalived.conf"));
        (program, process, clean)
    });
    let looks = || PROGRAMS.map(|program| look(program, &lab[program.host()], config));
    let alike = until(longest(config), || {
        // They shall have something to do besides dumping.
        thread::sleep(Duration::from_millis(250));
        let [ours, theirs] = looks();
        let done = theirs.checked && ours.checked && theirs.settled(config);
        (done && ours == theirs).then_some(())
    });
    if alike.is_none() {
        let [ours, theirs] = looks();
        assert_eq!(ours, theirs, "{}", about("what they show"));
        panic!("{}: {theirs:?}", about("not settled"));
    }
    for (program, process, clean) in &mut processes {
        let host = &lab[program.host()];
        let status = process.stop(SOON).unwrap();
        assert_eq!(status.code(), Some(0), "{}", about("the end"));
        if *program == Program::Ours {
            assert_eq!(remains(host), *clean, "{}", about("what is left"));
        }
    }
    let [ours, theirs] = PROGRAMS.map(|program| notifications(&lab[program.host()], config));
    assert_eq!(ours, theirs, "{}", about("notifications"));
}

/// Puts the scripts of the file into directories of the host's own, and forgets what ran before.
fn furnish(host: &Host, config: &Config, scripts: Scripts) {
    let ran = host.write("ran", "").unwrap();
    let status = match scripts {
        Scripts::Absent => return,
        Scripts::Succeed => 0,
        Scripts::Fail => 1,
    };
    let text = format!(
        "#!/bin/sh\necho \"$0 $*\" >> {}\nexit {status}\n",
        ran.display()
    );
    let place = || {
        for folder in FOLDERS {
            let none = None::<&str>;
            mount(none, folder, Some("tmpfs"), MsFlags::empty(), none)?;
        }
        for program in programs(config) {
            let path = Path::new(&program);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        nix::Result::Ok(())
    };
    host.run(place).unwrap().expect("tmpfs in a host");
}

/// What is compared while they run.
#[derive(Debug, PartialEq)]
struct Look {
    /// Every check has ended as often as it must to count.
    checked: bool,
    instances: Vec<Value>,
    network: Vec<String>,
}

impl Look {
    /// Alone on its LAN, a router ends as Active or at fault.
    fn settled(&self, config: &Config) -> bool {
        let ended = |instance: &Value| matches!(instance["state"].as_u64(), Some(2 | 3));
        self.instances.is_empty() == config.instances.is_empty() && self.instances.iter().all(ended)
    }
}

fn look(program: Program, host: &Host, config: &Config) -> Look {
    let dump = json(program, host).unwrap_or_default();
    let instances = dump.as_array().cloned().unwrap_or_default();
    let ran = text(&host.dir().join("ran"));
    let checked = config.scripts.iter().all(|script| {
        let argv = script.command.argv.join(" ");
        let runs = ran.lines().filter(|line| line.trim() == argv).count();
        let stub = FOLDERS.iter().any(|folder| argv.starts_with(folder));
        ran.is_empty() || !stub || runs > script.rise.max(script.fall) as usize
    });
    let mut network = network(host);
    // Both kernels gave addresses of their own.
    network.retain(|line| !line.contains("fe80:"));
    Look {
        checked,
        instances: instances.into_iter().map(comparable).collect(),
        network,
    }
}

/// `data` without what differs from run to run, and without what we mask.
fn comparable(mut instance: Value) -> Value {
    let mut data = instance["data"].take();
    if let Some(data) = data.as_object_mut() {
        data.remove("last_transition");
        data.remove("auth_data");
    }
    data
}

/// What ran besides checks and readers of FIFOs, in any order: both start several at once.
fn notifications(host: &Host, config: &Config) -> Vec<String> {
    let silent: BTreeSet<&str> = config
        .scripts
        .iter()
        .map(|script| &script.command)
        .chain(
            config
                .globals
                .vrrp_notify_fifo
                .iter()
                .filter_map(|fifo| fifo.script.as_ref()),
        )
        .filter_map(|command| command.argv.first().map(String::as_str))
        .collect();
    let ran = text(&host.dir().join("ran"));
    let mut lines: Vec<_> = ran.lines().map(|line| line.trim().to_owned()).collect();
    lines.retain(|line| !silent.contains(line.split(' ').next().unwrap_or_default()));
    lines.sort();
    lines
}

/// Until an instance alone on its LAN must have taken over, and every check has ended as often as it must.
fn longest(config: &Config) -> Duration {
    let instances = config.instances.iter();
    let down = instances
        .map(|i| i.advert_int * (u32::from(i.down_timer_adverts) + 1))
        .max();
    let scripts = config.scripts.iter();
    let checks = scripts.map(|s| s.interval * (s.rise.max(s.fall) + 1)).max();
    down.unwrap_or_default() + checks.unwrap_or_default() + 4 * SOON
}

//! keepalived as an oracle: how to ask it, and both readings as lists of facts that can be compared.

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use keepalived_conf::config::{
    self, Address, Auth, Broadcast, Config, Family, Notify, Tracked, Version,
};
use keepalived_conf::{FsLoader, Loaded, Options};

/// What is true of a configuration: `"instance VI_1 / priority"` is `"100"`.
pub(crate) type Facts = BTreeMap<String, String>;

/// A file, made fit for this host, and our reading of it.
pub(crate) struct Ours {
    pub(crate) loaded: Loaded,
    /// The configuration without programs that are not on this host, which keepalived drops.
    pub(crate) config: Config,
    directory: tempfile::TempDir,
    file: PathBuf,
}

/// Whether keepalived can be asked here.
pub(crate) fn available() -> Result<(), String> {
    let version = Command::new("keepalived")
        .arg("-v")
        .output()
        .map_err(|error| format!("keepalived: {error}"))?;
    if !String::from_utf8_lossy(&version.stderr).contains("v2.2.7") {
        return Err("keepalived is not 2.2.7".to_owned());
    }
    let made = Command::new("unshare")
        .args(["-n", "ip", "link", "add", "x", "type", "veth"])
        .output();
    match made {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

fn load(file: &Path) -> Loaded {
    let options = Options {
        config_id: "node".to_owned(),
        ..Options::default()
    };
    keepalived_conf::load(&FsLoader, &file.to_string_lossy(), &options)
}

/// Reads `path`. Programs and users that this host lacks are replaced in the text by such as it has, because
/// keepalived drops scripts that it cannot run.
pub(crate) fn ours(path: &Path) -> Ours {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(path.parent().unwrap()).unwrap().flatten() {
        if entry.path().is_dir() {
            copy(&entry.path(), &directory.path().join(entry.file_name()));
        }
    }
    let file = directory.path().join(path.file_name().unwrap());
    let mut text = fs::read(path).unwrap();
    fs::write(&file, &text).unwrap();
    let config = load(&file).config;
    let mut paths: Vec<&String> = commands(&config)
        .filter_map(|command| command.argv.first())
        .filter(|program| program.starts_with('/') && !is_program(program))
        .collect();
    paths.sort_by_key(|path| core::cmp::Reverse(path.len()));
    for path in paths {
        text = replace(&text, path.as_bytes(), b"/bin/true");
    }
    let users = commands(&config)
        .filter_map(|command| command.user.as_ref())
        .chain(&config.globals.script_user);
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    for user in users {
        if !passwd
            .lines()
            .any(|line| line.split(':').next() == Some(user.user.as_str()))
        {
            text = replace(
                &text,
                format!("user {}", user.user).as_bytes(),
                b"user root",
            );
        }
    }
    fs::write(&file, &text).unwrap();
    let loaded = load(&file);
    let config = runnable(loaded.config.clone());
    Ours {
        loaded,
        config,
        directory,
        file,
    }
}

fn runnable(mut config: Config) -> Config {
    let user = config.globals.script_user.as_ref();
    let unknown = user.is_some_and(|user| owner_of(user).is_none());
    let security = unknown || (config.globals.script_security && user.is_none());
    let good = |command: &config::Command| {
        let known = command
            .user
            .as_ref()
            .is_none_or(|user| owner_of(user).is_some());
        known && is_program(&found(&command.argv[0])) && !(security && command.user.is_none())
    };
    let trim = |notify: &mut Notify| {
        let Notify {
            master,
            backup,
            fault,
            stop,
            deleted,
            master_rx_lower_pri,
            any,
            ..
        } = notify;
        for slot in [
            master,
            backup,
            fault,
            stop,
            deleted,
            master_rx_lower_pri,
            any,
        ] {
            if slot.as_ref().is_some_and(|command| !good(command)) {
                *slot = None;
            }
        }
    };
    config.scripts.retain(|script| good(&script.command));
    let scripts: Vec<String> = config
        .scripts
        .iter()
        .map(|script| script.name.clone())
        .collect();
    let tracks = config
        .instances
        .iter_mut()
        .map(|instance| (&mut instance.track, &mut instance.notify));
    let tracks = tracks.chain(
        config
            .sync_groups
            .iter_mut()
            .map(|group| (&mut group.track, &mut group.notify)),
    );
    for (track, notify) in tracks {
        track
            .scripts
            .retain(|tracked| scripts.contains(&tracked.name));
        trim(notify);
    }
    config
}

/// Where a program is found.
fn found(program: &str) -> String {
    if program.contains('/') {
        return program.to_owned();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut paths = path
        .split(':')
        .map(|directory| format!("{directory}/{program}"));
    paths
        .find(|path| is_program(path))
        .unwrap_or_else(|| program.to_owned())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}

fn is_program(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn commands(config: &Config) -> impl Iterator<Item = &config::Command> {
    let notifies = config
        .instances
        .iter()
        .map(|instance| &instance.notify)
        .chain(config.sync_groups.iter().map(|group| &group.notify));
    let notifies = notifies.flat_map(|notify| {
        let Notify {
            master,
            backup,
            fault,
            stop,
            deleted,
            master_rx_lower_pri,
            any,
            ..
        } = notify;
        [
            master,
            backup,
            fault,
            stop,
            deleted,
            master_rx_lower_pri,
            any,
        ]
        .into_iter()
        .flatten()
    });
    config
        .scripts
        .iter()
        .map(|script| &script.command)
        .chain(notifies)
}

/// Interfaces that the configuration takes for granted, and one more.
fn interfaces(loaded: &Loaded) -> Vec<String> {
    let absent = loaded.check_interfaces(&[]).len();
    let named = loaded.interfaces.iter().map(|named| named.name.clone());
    let mut names: Vec<_> = named.chain(["eth0".to_owned()]).collect();
    let made = loaded
        .config
        .instances
        .iter()
        .filter_map(|instance| instance.vmac.as_ref()?.name.clone());
    let made: Vec<_> = made.collect();
    names.retain(|name| name != "lo" && !name.contains(['/', ' ']) && !made.contains(name));
    names.sort();
    names.dedup();
    assert!(
        names.len() <= absent + 1,
        "every interface that is named is looked for"
    );
    names
}

/// Kills keepalived when the case ends, however it ends.
struct Running(Child, PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        // The VRRP process ends with its parent; this is for the moment in which it has not noticed yet.
        if let Some(pid) = fs::read_to_string(&self.1)
            .ok()
            .and_then(|pid| pid.trim().parse::<i32>().ok())
        {
            let _ = Command::new("kill")
                .args(["-9", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// What keepalived makes of the same file; `None` if it does not run with it.
pub(crate) fn theirs(ours: &Ours) -> Result<Option<Facts>, String> {
    let directory = ours.directory.path();
    let mut script = String::from("ip link set lo up\n");
    for (number, name) in interfaces(&ours.loaded).iter().enumerate() {
        let _ = writeln!(
            script,
            "ip link add '{name}' type veth peer name 'peer{number}'"
        );
        let _ = writeln!(
            script,
            "ip link set '{name}' up; ip link set 'peer{number}' up"
        );
        let _ = writeln!(
            script,
            "ip addr add 10.{}.{}.5/24 dev '{name}'",
            200 + number / 250,
            number % 250
        );
    }
    let pid = directory.join("vrrp.pid");
    let log = directory.join("log");
    let _ = write!(
        script,
        "exec keepalived -nlDGP -i node -f '{}' -p '{}' -r '{}'",
        ours.file.display(),
        directory.join("parent.pid").display(),
        pid.display()
    );
    let output = fs::File::create(&log).unwrap();
    let child = Command::new("unshare")
        .args(["-n", "sh", "-c", &script])
        .env("TMPDIR", directory)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut running = Running(child, pid);
    let read = |path: &Path| {
        fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    };
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let said = read(&log);
        if said.contains("no configuration to run") {
            return Ok(Some(Facts::new()));
        }
        if said.contains("Startup complete") {
            break;
        }
        if running.0.try_wait().unwrap().is_some() {
            return refused(&mut running.0, &read(&log));
        }
        if Instant::now() > until {
            return Err(format!("keepalived does not start:\n{}", read(&log)));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let dump = directory.join("keepalived.data");
    let ask = Command::new("kill")
        .args(["-USR1", &running.0.id().to_string()])
        .status();
    if !ask.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let mut size = 0;
    loop {
        let text = read(&dump);
        if text.contains("------< Interfaces >------") && text.len() == size {
            return Ok(Some(facts(&text)));
        }
        size = text.len();
        if running.0.try_wait().unwrap().is_some() {
            return refused(&mut running.0, &read(&log));
        }
        if Instant::now() > until {
            return Err(format!("keepalived gives no dump:\n{}", read(&log)));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// It has ended: by its own will, or has it crashed?
fn refused(child: &mut Child, log: &str) -> Result<Option<Facts>, String> {
    if matches!(child.wait().unwrap().code(), Some(2..=6)) {
        if std::env::var_os("VRRP_CORPUS_LOG").is_some() {
            println!("{log}");
        }
        return Ok(None);
    }
    let tail: Vec<_> = log.lines().rev().take(6).collect();
    let tail: Vec<_> = tail.into_iter().rev().collect();
    Err(format!("keepalived ends:\n{}", tail.join("\n")))
}

/// The facts of a state dump.
fn facts(dump: &str) -> Facts {
    let mut facts = Facts::new();
    let mut subject = String::new();
    let mut list = String::new();
    for line in dump.lines() {
        if line.starts_with("------<") {
            subject.clear();
            list.clear();
            continue;
        }
        if let Some(named) = line.strip_prefix(' ').filter(|rest| !rest.starts_with(' ')) {
            list.clear();
            subject = match named.split_once(" = ") {
                Some(("VRRP Instance", name)) => format!("instance {name}"),
                Some(("VRRP Sync Group", name)) => format!(
                    "group {}",
                    name.rsplit_once(", ").map_or(name, |(name, _)| name)
                ),
                Some(("VRRP Script", name)) => format!("script {name}"),
                Some(("Track file", name)) => format!("file {name}"),
                Some(("VRRP Track process", name)) => format!("process {name}"),
                _ => String::new(),
            };
            if !subject.is_empty() {
                facts.insert(subject.clone(), "here".to_owned());
            }
            continue;
        }
        if subject.is_empty() {
            continue;
        }
        let mut fact = |key: &str, value: &str| {
            drop(facts.insert(format!("{subject} / {key}"), value.to_owned()))
        };
        if let Some(entry) = line.strip_prefix("     ") {
            if !list.is_empty() {
                let key = format!("{subject} / {list}");
                let all = facts.entry(key).or_default();
                if !all.is_empty() {
                    all.push_str(" | ");
                }
                let entry = entry.strip_suffix(" set").unwrap_or(entry);
                all.push_str(&entry.replace(',', "").replace(": weight", " weight"));
            }
            continue;
        }
        let line = line.trim();
        list.clear();
        let number = |text: &str| text.split(' ').next().unwrap_or("").to_owned();
        match line.split_once(" = ") {
            Some(("VRRP Version", value)) => fact("version", value),
            Some(("Virtual Router ID", value)) => fact("vrid", value),
            Some(("Priority", value)) => fact("priority", value),
            Some(("Interface", value)) => {
                let base = value.rsplit(" on ").next().unwrap_or(value);
                let base = base.split(',').next().unwrap_or(base);
                fact("interface", base);
            }
            Some(("Advert interval", value)) => {
                let amount: u64 = number(value).parse().unwrap();
                fact(
                    "interval",
                    &(if value.ends_with("milli-sec") {
                        amount
                    } else {
                        amount * 1000
                    })
                    .to_string(),
                );
            }
            Some(("Accept", value)) => fact("accept", value),
            Some(("Preempt", value)) => fact("preempt", value),
            Some(("Preempt delay", value)) => fact("preempt delay", &number(value)),
            Some(("Authentication type", value)) => fact("auth", value),
            Some(("Password", value)) => fact("password", value),
            Some(("Using src_ip", value)) if value.ends_with("(from configuration)") => {
                fact("source", &number(value))
            }
            Some(("Gratuitous ARP delay", value)) => fact("garp delay", value),
            Some(("Gratuitous ARP repeat", value)) => fact("garp repeat", value),
            Some(("Gratuitous ARP refresh", value)) => fact("garp refresh", value),
            Some(("Gratuitous ARP refresh repeat", value)) => fact("garp refresh repeat", value),
            Some(("Gratuitous ARP lower priority delay", value)) => fact("garp lower delay", value),
            Some(("Gratuitous ARP lower priority repeat", value)) => {
                fact("garp lower repeat", value)
            }
            Some(("Down timer adverts", value)) => fact("down timer", value),
            Some(("Send advert after receive lower priority advert", value)) => {
                fact("lower prio advert", value)
            }
            Some(("Send advert after receive higher priority advert", value)) => {
                fact("higher prio advert", value)
            }
            Some(("Promote_secondaries", value)) => fact("promote", value),
            Some(("Unicast TTL", value)) => fact("ttl", value),
            Some(("Using smtp notification", value)) => fact("mail", value),
            Some(("Notify priority changes", value)) => fact("priority changes", value),
            Some(("Notify deleted", value)) => fact("announce deleted", value),
            Some(("Use VMAC, i/f name vrrp" | "Use VMAC", value)) => fact("vmac", value),
            Some(("Backup state transition script", value)) => fact("notify backup", value),
            Some(("Master state transition script", value)) => fact("notify master", value),
            Some(("Fault state transition script", value)) => fact("notify fault", value),
            Some(("Stop state transition script", value)) => fact("notify stop", value),
            Some(("Deleted state transition script", value)) => fact("notify deleted", value),
            Some(("Generic state transition script", value)) => fact("notify any", value),
            Some(("Master rx lower pri state transition script", value)) => {
                fact("notify lower", value)
            }
            Some(("Command", value)) => fact("command", value),
            Some(("Interval", value)) => fact("interval", &number(value)),
            Some(("Timeout", value)) => fact("timeout", &number(value)),
            Some(("Weight", value)) => fact("weight", value),
            Some(("Rise", value)) => fact("rise", value),
            Some(("Fall", value)) => fact("fall", value),
            Some(("File", value)) => fact("path", value),
            Some(("Process", value)) => fact("program", value),
            Some(("Parameters", value)) => fact("parameters", value),
            Some(("Min processes", value)) => fact("quorum", value),
            Some(("Max processes", value)) => fact("quorum max", value),
            Some(("Terminate delay", value)) => fact("terminate delay", value),
            Some(("Fork delay", value)) => fact("fork delay", value),
            Some(("Full command", value)) => fact("full command", value),
            _ => {}
        }
        if let Some(group) = line.strip_prefix("Multicast address ") {
            fact("multicast", group.split(',').next().unwrap_or(group));
        }
        if line == "VRRP interface tracking disabled" {
            fact("untracked", "yes");
        }
        if let Some(value) = line.strip_prefix("Check unicast src : ") {
            fact("check source", value);
        }
        list = match line.split(['(', ':']).next().unwrap_or("").trim() {
            "Virtual IP" => "addresses",
            "Virtual IP Excluded" => "excluded",
            "Unicast Peer" => "peers",
            "Virtual Routes" => "routes",
            "Virtual Rules" => "rules",
            "Tracked interfaces" => "interfaces",
            "Tracked scripts" => "scripts",
            "Tracked files" => "files",
            "Tracked processes" => "processes",
            "Tracked BFDs" => "bfds",
            "VRRP member instances" => "members",
            _ => "",
        }
        .to_owned();
    }
    // Routes and rules are many words; their number is compared here, their words in the tests of the reader.
    for (key, value) in &mut facts {
        if key.ends_with("/ routes") || key.ends_with("/ rules") {
            *value = value.split(" | ").count().to_string();
        }
    }
    facts
}

/// The same facts of a configuration of ours.
pub(crate) fn facts_of(config: &Config) -> Facts {
    let mut facts = Facts::new();
    for instance in &config.instances {
        let subject = format!("instance {}", instance.name);
        facts.insert(subject.clone(), "here".to_owned());
        let mut fact =
            |key: &str, value: String| drop(facts.insert(format!("{subject} / {key}"), value));
        let on = |flag, yes: &str, no: &str| if flag { yes.to_owned() } else { no.to_owned() };
        fact("version", instance.version.number().to_string());
        fact("vrid", instance.vrid.to_string());
        fact("priority", instance.priority.to_string());
        if let Some(interface) = &instance.interface {
            fact("interface", interface.clone());
        }
        fact("interval", instance.advert_int.as_millis().to_string());
        fact("accept", on(instance.accept, "enabled", "disabled"));
        fact("preempt", on(instance.preempt, "enabled", "disabled"));
        if !instance.preempt_delay.is_zero() {
            fact(
                "preempt delay",
                instance.preempt_delay.as_secs_f64().to_string(),
            );
        }
        if instance.version == Version::V2 {
            let (kind, password) = match &instance.auth {
                None => ("none", None),
                Some(Auth::Pass(secret)) => ("SIMPLE_PASSWORD", Some(secret)),
                Some(Auth::Ah(_)) => ("IPSEC_AH", None),
            };
            fact("auth", kind.to_owned());
            if let Some(password) = password {
                fact(
                    "password",
                    String::from_utf8_lossy(password.expose()).into_owned(),
                );
            }
        }
        if let Some(source) = instance.source {
            fact("source", source.to_string());
        }
        match &instance.unicast {
            Some(unicast) if !unicast.peers.is_empty() => {
                if let Some(ttl) = unicast.ttl {
                    fact("ttl", ttl.to_string());
                }
                // The dump shows what the instance itself says.
                let check = unicast.check_source && !config.globals.check_unicast_source;
                fact("check source", on(check, "yes", "no"));
                let peers = unicast.peers.iter().map(|peer| {
                    format!(
                        "{} min_ttl {} max_ttl {}",
                        peer.address, peer.min_ttl, peer.max_ttl
                    )
                });
                fact("peers", join(peers));
            }
            _ => fact("multicast", instance.group.to_string()),
        }
        let garp = &instance.garp;
        fact("garp delay", garp.delay.as_secs().to_string());
        fact("garp repeat", garp.repeat.to_string());
        fact("garp refresh", garp.refresh.as_secs().to_string());
        fact("garp refresh repeat", garp.refresh_repeat.to_string());
        fact(
            "garp lower delay",
            garp.lower_prio_delay.as_secs().to_string(),
        );
        fact("garp lower repeat", garp.lower_prio_repeat.to_string());
        fact("down timer", instance.down_timer_adverts.to_string());
        fact(
            "lower prio advert",
            (!instance.lower_prio_no_advert).to_string(),
        );
        fact(
            "higher prio advert",
            instance.higher_prio_send_advert.to_string(),
        );
        fact(
            "promote",
            on(instance.promote_secondaries, "enabled", "disabled"),
        );
        fact("mail", on(instance.smtp_alert, "yes", "no"));
        fact(
            "priority changes",
            instance.notify_priority_changes.to_string(),
        );
        fact(
            "announce deleted",
            on(instance.notify.announce_deleted, "Deleted", "Fault"),
        );
        if !instance.track_primary {
            fact("untracked", "yes".to_owned());
        }
        let device = carrier(config, instance);
        let addresses = |list: &[Address]| {
            join(
                list.iter()
                    .map(|address| address_line(config, address, &device)),
            )
        };
        lists(
            &mut fact,
            [
                ("addresses", addresses(&instance.addresses)),
                ("excluded", addresses(&instance.excluded)),
                ("routes", count(instance.routes.len())),
                ("rules", count(instance.rules.len())),
            ],
        );
        track(&mut fact, &instance.track);
        notify(&mut fact, &instance.notify, config);
    }
    for group in &config.sync_groups {
        let subject = format!("group {}", group.name);
        facts.insert(subject.clone(), "here".to_owned());
        let mut fact =
            |key: &str, value: String| drop(facts.insert(format!("{subject} / {key}"), value));
        fact("members", join(group.members.iter().cloned()));
        fact(
            "mail",
            if group.smtp_alert { "yes" } else { "no" }.to_owned(),
        );
        track(&mut fact, &group.track);
        notify(&mut fact, &group.notify, config);
    }
    for script in &config.scripts {
        let subject = format!("script {}", script.name);
        facts.insert(subject.clone(), "here".to_owned());
        let mut fact =
            |key: &str, value: String| drop(facts.insert(format!("{subject} / {key}"), value));
        fact("command", argv(&script.command));
        fact("interval", script.interval.as_secs().to_string());
        fact(
            "timeout",
            script.timeout.unwrap_or_default().as_secs().to_string(),
        );
        fact("weight", weight(script.weight, script.reverse));
        fact("rise", script.rise.to_string());
        fact("fall", script.fall.to_string());
    }
    for file in &config.track_files {
        let subject = format!("file {}", file.name);
        facts.insert(subject.clone(), "here".to_owned());
        facts.insert(format!("{subject} / path"), file.path.clone());
        facts.insert(
            format!("{subject} / weight"),
            weight(file.weight, file.reverse),
        );
    }
    for process in &config.track_processes {
        let subject = format!("process {}", process.name);
        facts.insert(subject.clone(), "here".to_owned());
        let mut fact =
            |key: &str, value: String| drop(facts.insert(format!("{subject} / {key}"), value));
        fact("program", process.argv[0].clone());
        if process.argv.len() > 1 {
            fact("parameters", process.argv[1..].join(" "));
        }
        fact("weight", weight(process.weight, process.reverse));
        fact("quorum", process.quorum.to_string());
        if let Some(max) = process.quorum_max {
            fact("quorum max", max.to_string());
        }
        fact(
            "terminate delay",
            format!("{:.6}s", process.terminate_delay.as_secs_f64()),
        );
        fact(
            "fork delay",
            format!("{:.6}s", process.fork_delay.as_secs_f64()),
        );
        fact("full command", process.full_command.to_string());
    }
    facts
}

/// The interface that addresses of the instance are put on, as the dump names it.
fn carrier(config: &Config, instance: &config::Instance) -> String {
    let base = instance
        .interface
        .clone()
        .or_else(|| config.globals.default_interface.clone())
        .unwrap_or_else(|| "eth0".to_owned());
    match &instance.vmac {
        Some(vmac) => format!(
            "{}@{base}",
            vmac.name
                .clone()
                .unwrap_or_else(|| format!("{}.{}", config.globals.vmac_prefix, instance.vrid))
        ),
        None => base,
    }
}

fn address_line(_: &Config, address: &Address, device: &str) -> String {
    let bits = Family::of(&address.address).bits();
    let mut line = address.address.to_string();
    if address.prefix_len != bits {
        let _ = write!(line, "/{}", address.prefix_len);
    }
    if let (Some(broadcast), core::net::IpAddr::V4(ip)) = (address.broadcast, address.address) {
        let _ = write!(
            line,
            " brd {}",
            Broadcast::resolve(broadcast, ip, address.prefix_len)
        );
    }
    let scope = match address.scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        number => number.to_string(),
    };
    let _ = write!(
        line,
        " dev {} scope {scope}",
        address.dev.as_deref().unwrap_or(device)
    );
    if let Some(label) = &address.label {
        let _ = write!(line, " label {label}");
    }
    if let Some(peer) = address.peer {
        let _ = write!(line, " peer {peer}/{}", Family::of(&peer).bits());
    }
    for (flag, word) in [
        (address.home, "home"),
        (address.dad, "-nodad"),
        (address.manage_temporary, "mngtmpaddr"),
        (address.no_prefix_route, "noprefixroute"),
        (address.autojoin, "autojoin"),
    ] {
        if flag {
            let _ = write!(line, " {word}");
        }
    }
    if address.address.is_ipv6() {
        match address.preferred_lifetime {
            None => line.push_str(" preferred_lft forever"),
            Some(lifetime) if lifetime.is_zero() => line.push_str(" deprecated"),
            Some(lifetime) => drop(write!(line, " preferred_lft {}", lifetime.as_secs())),
        }
    }
    if !address.track {
        line.push_str(" no_track");
    }
    line
}

fn track(fact: &mut impl FnMut(&str, String), track: &config::Track) {
    let list = |list: &[Tracked]| {
        join(list.iter().map(|tracked| {
            format!(
                "{} weight {}",
                tracked.name,
                weight(tracked.weight, tracked.reverse)
            )
        }))
    };
    lists(
        fact,
        [
            ("interfaces", list(&track.interfaces)),
            ("scripts", list(&track.scripts)),
            ("files", list(&track.files)),
            ("processes", list(&track.processes)),
            ("bfds", list(&track.bfds)),
        ],
    );
}

fn notify(fact: &mut impl FnMut(&str, String), notify: &Notify, config: &Config) {
    let command = |command: &Option<config::Command>| {
        command
            .as_ref()
            .map(|command| format!("{}, uid:gid {}", argv(command), owner(command, config)))
            .unwrap_or_default()
    };
    lists(
        fact,
        [
            ("notify master", command(&notify.master)),
            ("notify backup", command(&notify.backup)),
            ("notify fault", command(&notify.fault)),
            ("notify stop", command(&notify.stop)),
            ("notify deleted", command(&notify.deleted)),
            ("notify lower", command(&notify.master_rx_lower_pri)),
            ("notify any", command(&notify.any)),
        ],
    );
}

fn owner(command: &config::Command, config: &Config) -> String {
    match command
        .user
        .as_ref()
        .or(config.globals.script_user.as_ref())
    {
        None => "0:0".to_owned(),
        Some(user) => owner_of(user).unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// Numbers of a user and a group, if they exist.
fn owner_of(user: &config::User) -> Option<String> {
    let entry = |file: &str, name: &str| -> Option<Vec<String>> {
        let text = fs::read_to_string(file).unwrap();
        let mut entries = text
            .lines()
            .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>());
        entries.find(|entry| entry[0] == name)
    };
    let passwd = entry("/etc/passwd", &user.user)?;
    let group = match &user.group {
        Some(group) => entry("/etc/group", group)?[2].clone(),
        None => passwd[3].clone(),
    };
    Some(format!("{}:{group}", passwd[2]))
}

/// keepalived shows where a program really is.
fn argv(command: &config::Command) -> String {
    let mut argv = command.argv.clone();
    argv[0] = found(&argv[0]);
    if let Some(path) = argv
        .first()
        .and_then(|program| fs::canonicalize(program).ok())
    {
        let name = Path::new(&argv[0]).file_name().unwrap_or_default();
        argv[0] = path.with_file_name(name).to_string_lossy().into_owned();
        if !is_program(&argv[0]) {
            argv[0] = path.to_string_lossy().into_owned();
        }
    }
    argv.iter()
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn weight(weight: i16, reverse: bool) -> String {
    format!("{weight}{}", if reverse { " reverse" } else { "" })
}

fn count(number: usize) -> String {
    if number == 0 {
        String::new()
    } else {
        number.to_string()
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" | ")
}

fn lists<const N: usize>(fact: &mut impl FnMut(&str, String), lists: [(&str, String); N]) {
    for (key, value) in lists {
        if !value.is_empty() {
            fact(key, value);
        }
    }
}

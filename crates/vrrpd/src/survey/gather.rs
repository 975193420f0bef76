//! Looking at the host. Whatever cannot be read is left out.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keepalived_conf::{Config, lint};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;
use nix::unistd::{Group, User};

use super::{DEFAULT_USER, Facts, Interface, Manager, Process, Program, Ruleset, Trouble};
use crate::service::security;

/// Where programs without a path are looked for if the environment does not say it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SYSCTLS: [&str; 3] = [
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv6.ip_nonlocal_bind",
];
/// As much of a script as is read to see what it does.
const SCRIPT_LIMIT: u64 = 64 * 1024;

/// Looks at everything that `config` depends on.
#[must_use]
pub fn gather(config: &Config) -> Facts {
    let commands = lint::commands(config);
    let names = commands
        .iter()
        .filter_map(|(_, command)| command.argv.first());
    let users = commands
        .iter()
        .filter_map(|(_, command)| command.user.as_ref());
    let mut accounts = BTreeMap::from([(DEFAULT_USER.to_owned(), user_exists(DEFAULT_USER))]);
    for user in users.chain(&config.globals.script_user) {
        accounts.insert(user.user.clone(), user_exists(&user.user));
        if let Some(group) = &user.group {
            accounts.insert(format!(":{group}"), group_exists(group));
        }
    }
    Facts {
        interfaces: interfaces(),
        programs: names.map(|name| (name.clone(), program(name))).collect(),
        accounts,
        sysctls: SYSCTLS
            .iter()
            .filter_map(|&name| Some((name, sysctl(name)?)))
            .collect(),
        daemons: daemons(Path::new("/proc")),
        firewall: firewall(),
    }
}

fn interfaces() -> Vec<Interface> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    let Ok(entries) = getifaddrs() else {
        return Vec::new();
    };
    for entry in entries {
        let name = entry.interface_name;
        let interface = found.entry(name.clone()).or_insert_with(|| Interface {
            manager: manager(&name, Path::new("/run")),
            name,
            ..Interface::default()
        });
        interface.up = entry.flags.contains(InterfaceFlags::IFF_UP);
        interface.loopback = entry.flags.contains(InterfaceFlags::IFF_LOOPBACK);
        let address = entry.address.as_ref().and_then(ip);
        let prefix_len = entry.netmask.as_ref().and_then(ip).map(|mask| match mask {
            IpAddr::V4(mask) => mask.to_bits().count_ones(),
            IpAddr::V6(mask) => mask.to_bits().count_ones(),
        });
        if let (Some(address), Some(Ok(prefix_len))) = (address, prefix_len.map(u8::try_from)) {
            interface.addresses.push((address, prefix_len));
        }
    }
    found.into_values().collect()
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    if let Some(address) = address.as_sockaddr_in() {
        return Some(IpAddr::V4(address.ip()));
    }
    address
        .as_sockaddr_in6()
        .map(|address| IpAddr::V6(address.ip()))
}

/// systemd-networkd and NetworkManager keep a file for each link that they manage.
fn manager(interface: &str, run: &Path) -> Option<Manager> {
    let index = if_nametoindex(interface).ok()?;
    let link = fs::read_to_string(run.join(format!("systemd/netif/links/{index}")));
    if let Ok(link) = link
        && let Some(file) = link
            .lines()
            .find_map(|line| line.strip_prefix("NETWORK_FILE="))
    {
        let network = fs::read_to_string(file).unwrap_or_default();
        let keeps = network.lines().any(|line| {
            matches!(
                line.trim(),
                "KeepConfiguration=yes" | "KeepConfiguration=static"
            )
        });
        return (!keeps).then(|| Manager::Networkd(file.to_owned()));
    }
    let device = fs::read_to_string(run.join(format!("NetworkManager/devices/{index}"))).ok()?;
    let managed = device
        .lines()
        .any(|line| matches!(line, "managed=true" | "managed=1"));
    managed.then_some(Manager::NetworkManager)
}

fn program(name: &str) -> Program {
    let Some(file) = find(name) else {
        return Program {
            trouble: Some(Trouble::Missing),
            ..Program::default()
        };
    };
    let trouble = match file.metadata() {
        Err(_) => Some(Trouble::Missing),
        Ok(about) if !about.is_file() => Some(Trouble::NotAFile),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => Some(Trouble::NotExecutable),
        Ok(_) => interpreter(&file)
            .filter(|interpreter| !Path::new(interpreter).exists())
            .map(Trouble::Interpreter),
    };
    let unsafe_path = security::check(&file)
        .ok()
        .flatten()
        .map(|found| found.to_string());
    let stops_daemon = stops_daemon(&file);
    Program {
        file: Some(file),
        trouble,
        unsafe_path,
        stops_daemon,
    }
}

fn find(name: &str) -> Option<PathBuf> {
    // `</path` only asks whether a file can be read.
    let name = name.strip_prefix('<').unwrap_or(name);
    if name.contains('/') {
        let path = PathBuf::from(name);
        return path.exists().then_some(path);
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| PATH.to_owned());
    path.split(':')
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file())
}

fn beginning(file: &Path) -> Option<String> {
    let mut text = Vec::new();
    fs::File::open(file)
        .ok()?
        .take(SCRIPT_LIMIT)
        .read_to_end(&mut text)
        .ok()?;
    text.starts_with(b"#!")
        .then(|| String::from_utf8_lossy(&text).into_owned())
}

fn interpreter(file: &Path) -> Option<String> {
    let text = beginning(file)?;
    let line = text.strip_prefix("#!")?.lines().next()?;
    // A carriage return at the end belongs to the name, and is why such a script does not run.
    let line = if text.contains("\r\n") {
        text.get(2..)?.split('\n').next()?
    } else {
        line
    };
    line.trim_matches([' ', '\t'])
        .split([' ', '\t'])
        .next()
        .map(str::to_owned)
}

fn stops_daemon(file: &Path) -> Option<String> {
    let text = beginning(file)?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let stops = |line: &&str| {
        let daemon = line.contains("keepalived") || line.contains("vrrpd");
        let stop = ["systemctl stop", "pkill", "killall"]
            .iter()
            .any(|word| line.contains(word))
            || (line.contains("service") && line.contains("stop"))
            || (line.contains("init.d") && line.contains("stop"));
        // `killall -0` only asks.
        daemon && stop && !line.contains("-0")
    };
    lines.find(stops).map(str::to_owned)
}

fn user_exists(name: &str) -> bool {
    name.parse::<u32>().is_ok() || matches!(User::from_name(name), Ok(Some(_)))
}

fn group_exists(name: &str) -> bool {
    name.parse::<u32>().is_ok() || matches!(Group::from_name(name), Ok(Some(_)))
}

fn sysctl(name: &str) -> Option<String> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    fs::read_to_string(path)
        .ok()
        .map(|value| value.trim().to_owned())
}

/// keepalived, or vrrpd as a daemon, among the processes of this network namespace.
fn daemons(proc: &Path) -> Vec<Process> {
    let namespace = |pid: &str| fs::read_link(proc.join(pid).join("ns/net")).ok();
    let own = namespace("self");
    // Of root's processes an ordinary user cannot see the namespace, and they are probably in his own; from inside a
    // user namespace they are probably not.
    let map = fs::read_to_string(proc.join("self/uid_map")).unwrap_or_default();
    let inside = !map.split_whitespace().eq(["0", "0", "4294967295"]);
    let mut found = Vec::new();
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let (Ok(number), Ok(name)) = (
            pid.parse::<i32>(),
            fs::read_to_string(entry.path().join("comm")),
        ) else {
            continue;
        };
        let name = name.trim().to_owned();
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let runs = command.split(|&byte| byte == 0).any(|word| word == b"run");
        let is_daemon = name == "keepalived" || (name == "vrrpd" && runs);
        let elsewhere = match namespace(&pid) {
            Some(its) => own.as_ref().is_some_and(|own| *own != its),
            None => inside,
        };
        if is_daemon && !elsewhere && u32::try_from(number) != Ok(std::process::id()) {
            found.push(Process { pid: number, name });
        }
    }
    found.sort_by_key(|process| process.pid);
    found
}

fn firewall() -> Option<Ruleset> {
    let nft = find("nft").or_else(|| find("/usr/sbin/nft"))?;
    let output = Command::new(nft)
        .args(["-j", "list", "ruleset"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| Ruleset::parse(&output.stdout))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str, mode: u32) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("check.sh");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let name = path.to_str().unwrap().to_owned();
        (dir, name)
    }

    #[test]
    fn programs_are_seen_as_the_kernel_would_see_them() {
        let cases = [
            ("#!/bin/sh\nexit 0\n", 0o755, None),
            ("#!/bin/sh\n", 0o644, Some(Trouble::NotExecutable)),
            (
                "#!/no/such/shell -e\n",
                0o755,
                Some(Trouble::Interpreter("/no/such/shell".into())),
            ),
            (
                "#!/bin/sh\r\nexit 0\r\n",
                0o755,
                Some(Trouble::Interpreter("/bin/sh\r".into())),
            ),
        ];
        for (text, mode, trouble) in cases {
            let (_dir, name) = script(text, mode);
            assert_eq!(program(&name).trouble, trouble, "{text:?}");
        }
        assert_eq!(program("/no/such/file").trouble, Some(Trouble::Missing));
        assert_eq!(program("/").trouble, Some(Trouble::NotAFile));
        assert_eq!(program("sh").trouble, None);
        assert_eq!(
            program("no-such-program-anywhere").trouble,
            Some(Trouble::Missing)
        );
    }

    #[test]
    fn a_script_that_stops_the_daemon_is_found() {
        let stops =
            "#!/bin/sh\n# systemctl stop keepalived\npidof nginx || systemctl stop keepalived\n";
        let (_dir, name) = script(stops, 0o755);
        let found = program(&name).stops_daemon;
        assert_eq!(
            found.as_deref(),
            Some("pidof nginx || systemctl stop keepalived")
        );
        let (_dir, name) = script("#!/bin/sh\nkillall -0 keepalived\n", 0o755);
        assert_eq!(program(&name).stops_daemon, None);
    }

    #[test]
    fn the_loopback_interface_is_there() {
        let found = interfaces();
        assert!(
            found.iter().any(|interface| interface.loopback),
            "{found:?}"
        );
        assert!(user_exists("root") && group_exists("root") && !user_exists("no-such-user"));
    }
}

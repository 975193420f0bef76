//! What does not fit between a configuration and a host.

use core::net::IpAddr;

use keepalived_conf::config::{Config, Family, Instance};
use keepalived_conf::host::HostInterface;
use keepalived_conf::{Code, Diagnostic, Loaded, Peer, Severity, SourceMap, Span, lint};

use super::{DEFAULT_USER, Direction, Facts, Interface, Manager, Program, Trouble, Verdict};

const OWNER: u8 = 255;

/// All findings about what was `loaded` from `sources`, on a host with these `facts`.
#[must_use]
pub fn judge(loaded: &Loaded, sources: &SourceMap, facts: &Facts) -> Vec<Diagnostic> {
    let config = &loaded.config;
    let judge = Judge {
        config,
        sources,
        facts,
    };
    let mut findings = judge.daemons();
    let interfaces = facts.interfaces.iter().map(|interface| HostInterface {
        name: interface.name.clone(),
        loopback: interface.loopback,
        addresses: interface.addresses.clone(),
    });
    findings.extend(loaded.check_interfaces(&interfaces.collect::<Vec<_>>()));
    for instance in &config.instances {
        findings.extend(judge.interface(instance));
        findings.extend(judge.source(instance));
        findings.extend(judge.peers(instance));
        judge.addresses(instance, &mut findings);
        findings.extend(judge.firewall(instance));
    }
    judge.programs(&mut findings);
    findings.extend(judge.accounts());
    findings.extend(judge.sysctls());
    findings
}

struct Judge<'a> {
    config: &'a Config,
    sources: &'a SourceMap,
    facts: &'a Facts,
}

impl<'a> Judge<'a> {
    fn find(&self, name: &str) -> Option<&'a Interface> {
        self.facts
            .interfaces
            .iter()
            .find(|interface| interface.name == name)
    }

    fn daemons(&self) -> Vec<Diagnostic> {
        let running = self.facts.daemons.iter().map(|process| {
            Diagnostic::new(
                Code::DaemonRunning,
                None,
                format!("{} is running on this host, process {}", process.name, process.pid),
            )
            .note("two daemons with the same instances fight for the addresses")
            .help("stop it before this configuration is started: `systemctl disable --now keepalived`")
        });
        running.collect()
    }

    /// The interface of the instance: there, up, with an address, and nobody else's.
    fn interface(&self, instance: &Instance) -> Option<Diagnostic> {
        let name = instance.interface.as_deref()?;
        let span = instance.origin.keyword("interface");
        let interface = self.find(name).filter(|interface| !interface.loopback)?;
        let has = |family| {
            interface
                .addresses
                .iter()
                .any(|(ip, _)| Family::of(ip) == family)
        };
        let finding = if !interface.up {
            Diagnostic::new(Code::InterfaceDown, span, format!("`{name}` is down"))
                .note("the instance stays in FAULT until it is up")
                .help(format!("ip link set {name} up"))
        } else if instance.source.is_none() && !has(instance.family) {
            let family = instance.family.number();
            Diagnostic::new(
                Code::InterfaceNoAddress,
                span,
                format!("`{name}` has no IPv{family} address to send adverts from"),
            )
            .note("the instance stays in FAULT until it has one")
            .help("give the interface an address of its own")
        } else {
            self.manager(interface, span)?
        };
        Some(finding.subject(&instance.name))
    }

    fn manager(&self, interface: &Interface, span: Option<Span>) -> Option<Diagnostic> {
        let name = &interface.name;
        let (who, remedy) = match interface.manager.as_ref()? {
            Manager::Networkd(file) => (
                "systemd-networkd",
                format!("write `KeepConfiguration=yes` in the [Network] section of {file}"),
            ),
            Manager::NetworkManager => (
                "NetworkManager",
                format!(
                    "avoid `nmcli connection up` for {name} while the address is here; vrrpd puts a removed address back"
                ),
            ),
        };
        let finding = Diagnostic::new(
            Code::LinkManager,
            span,
            format!("{who} manages `{name}` and removes addresses that it does not know"),
        );
        Some(
            finding
                .note("it does so when it is restarted or updated")
                .help(remedy),
        )
    }

    fn is_local(&self, ip: IpAddr) -> Option<&'a Interface> {
        let mut interfaces = self.facts.interfaces.iter();
        interfaces.find(|interface| interface.addresses.iter().any(|(own, _)| *own == ip))
    }

    fn source(&self, instance: &Instance) -> Option<Diagnostic> {
        let source = instance.source?;
        if self.is_local(source).is_some() {
            return None;
        }
        let keywords = &instance.origin.keywords;
        let names = ["unicast_src_ip", "mcast_src_ip"];
        let span = names.into_iter().find_map(|it| keywords.get(it).copied());
        let addresses = self.facts.interfaces.iter().filter(|it| !it.loopback);
        let addresses = addresses.flat_map(|it| &it.addresses).map(|(ip, _)| *ip);
        let list: Vec<String> = addresses
            .filter(|ip| Family::of(ip) == instance.family)
            .map(|ip| ip.to_string())
            .collect();
        let finding = Diagnostic::new(
            Code::SourceNotLocal,
            span.or(instance.origin.span),
            format!("{source} is no address of this host"),
        )
        .subject(&instance.name)
        .note("the instance stays in FAULT until it is");
        Some(match list.as_slice() {
            [] => finding.help("write an address of this host"),
            list => finding.help(format!("this host has {}", list.join(", "))),
        })
    }

    /// A peer that is this host; with a source in the file the lints have said it.
    fn peers(&self, instance: &Instance) -> Vec<Diagnostic> {
        let peers = instance.unicast.iter().flat_map(|unicast| &unicast.peers);
        let own = peers.filter(|peer| {
            instance.source != Some(peer.address) && self.is_local(peer.address).is_some()
        });
        let finding = own.map(|peer| {
            let finding = Diagnostic::new(
                Code::PeerIsSelf,
                peer.origin.span,
                format!("{} is this host's own address", peer.address),
            )
            .subject(&instance.name)
            .label("a peer is another node");
            match peer.origin.span {
                Some(span) => finding.fix(lint::line(self.sources, span), "", "remove it"),
                None => finding,
            }
        });
        finding.collect()
    }

    fn addresses(&self, instance: &Instance, findings: &mut Vec<Diagnostic>) {
        let all = || instance.addresses.iter().chain(&instance.excluded);
        let running = !self.facts.daemons.is_empty();
        if instance.priority == OWNER {
            let owned = instance
                .addresses
                .iter()
                .any(|it| self.is_local(it.address).is_some());
            if let (false, Some(first)) = (owned, instance.addresses.first()) {
                let finding = Diagnostic::new(
                    Code::OwnerWithoutAddress,
                    instance.origin.keyword("priority"),
                    format!(
                        "priority 255 says that {} is this host's own address, and it is not",
                        first.address
                    ),
                );
                findings.push(
                    finding
                        .subject(&instance.name)
                        .note("an owner is always Active, whatever else happens")
                        .help("write 254 or less"),
                );
            }
        }
        for address in all() {
            let Some(device) = address.dev.as_deref().or(instance.interface.as_deref()) else {
                continue;
            };
            let own = self.is_local(address.address);
            if let Some(interface) = own.filter(|_| !running && instance.priority != OWNER) {
                let finding = Diagnostic::new(
                    Code::AddressIsOwn,
                    address.origin.span,
                    format!("{} is already on {}", address.address, interface.name),
                );
                findings.push(
                    finding
                        .subject(&instance.name)
                        .note("as Backup the daemon removes it, with all that depends on it")
                        .help("use a free address; if it is this host's own and this host the owner, write `priority 255`"),
                );
            }
            let Some(interface) = self.find(device) else {
                continue;
            };
            if own.is_none() {
                findings.extend(
                    subnet(interface, address.address, address.origin.span)
                        .map(|it| it.subject(&instance.name)),
                );
            }
        }
    }

    fn firewall(&self, instance: &Instance) -> Option<Diagnostic> {
        let rules = self.facts.firewall.as_ref()?;
        let name = instance.interface.as_deref()?;
        self.find(name)?;
        let v6 = instance.family == Family::V6;
        let verdicts = [(Direction::In, "arrive"), (Direction::Out, "leave")];
        let (way, why) = verdicts.into_iter().find_map(|(direction, way)| {
            match rules.verdict(name, v6, direction) {
                Verdict::Dropped(why) => Some((way, why)),
                Verdict::Passes => None,
            }
        })?;
        let finding = Diagnostic::new(
            Code::FirewallDrops,
            instance.origin.keyword("interface"),
            format!("the firewall lets no advert {way} on `{name}`"),
        );
        Some(
            finding
                .subject(&instance.name)
                .note(why)
                .note("nodes that do not hear each other all become Active")
                .help("allow IP protocol 112; `vrrpd explain W912` has the commands"),
        )
    }

    fn programs(&self, findings: &mut Vec<Diagnostic>) {
        let checks: Vec<&str> = self
            .config
            .scripts
            .iter()
            .map(|script| script.name.as_str())
            .collect();
        for (subject, command) in lint::commands(self.config) {
            let Some(name) = command.argv.first() else {
                continue;
            };
            let Some(program) = self.facts.programs.get(name) else {
                continue;
            };
            let is_check = checks.contains(&subject);
            let about = |code, message| {
                Diagnostic::new(code, command.origin.span, message).subject(subject)
            };
            if let Some(trouble) = &program.trouble {
                findings.push(troubled(name, trouble, is_check, about));
                continue;
            }
            if let Some(line) = &program.stops_daemon {
                let finding = about(
                    Code::ScriptStopsDaemon,
                    format!("`{name}` stops the VRRP daemon"),
                );
                findings.push(
                    finding
                        .note(format!(
                            "it says `{line}`, and nobody starts the daemon again"
                        ))
                        .help("let the script `exit 1`: a failing check already moves the address"),
                );
            }
            findings.extend(self.unsafe_program(name, program, command.user.as_ref(), about));
        }
    }

    fn unsafe_program(
        &self,
        name: &str,
        program: &Program,
        user: Option<&keepalived_conf::config::User>,
        about: impl Fn(Code, String) -> Diagnostic,
    ) -> Option<Diagnostic> {
        let reason = program.unsafe_path.as_ref()?;
        let user = user.or(self.config.globals.script_user.as_ref());
        if user.is_some_and(|user| user.user != "root" && user.user != "0") {
            return None;
        }
        let secure = self.config.globals.script_security;
        let finding = about(
            Code::ScriptUnsafe,
            format!("others than root may change `{name}`"),
        )
        .note(reason);
        Some(if secure {
            finding
                .severity(Severity::Loud)
                .note("with enable_script_security it is not run, so that this check or notification is missing")
        } else {
            finding.note("it runs as root")
        })
    }

    fn accounts(&self) -> Vec<Diagnostic> {
        let missing = |name: &str| self.facts.accounts.get(name) == Some(&false);
        let keywords = &self.config.globals.origin.keywords;
        let global = self.config.globals.script_user.iter();
        let global = global.map(|user| (user, keywords.get("script_user").copied(), Peer::Reports));
        let commands = lint::commands(self.config);
        let own = commands.iter().filter_map(|(name, it)| {
            // Of a notification whose user does not exist keepalived says nothing.
            let is_check = self.config.script(name).is_some();
            let peer = if is_check {
                Peer::Reports
            } else {
                Peer::Silent
            };
            Some((it.user.as_ref()?, it.origin.span, peer))
        });
        let mut findings = Vec::new();
        let default = self.config.globals.script_user.is_none() && missing(DEFAULT_USER);
        let without = commands.iter().find(|(_, command)| command.user.is_none());
        if let Some((subject, _)) =
            without.filter(|_| default && self.config.globals.script_security)
        {
            findings.push(
                Diagnostic::new(
                    Code::UserUnknown,
                    keywords.get("enable_script_security").copied(),
                    format!("there is no user `{DEFAULT_USER}` on this host, and no script_user is given"),
                )
                .subject(*subject)
                .note("with enable_script_security no script runs then")
                .help("write `script_user root` in global_defs, or create the account"),
            );
        }
        for (user, span, peer) in global.chain(own) {
            let group = user
                .group
                .as_ref()
                .filter(|group| missing(&format!(":{group}")));
            let (kind, name) = if missing(&user.user) {
                ("user", &user.user)
            } else if let Some(group) = group {
                ("group", group)
            } else {
                continue;
            };
            findings.push(
                Diagnostic::new(
                    Code::UserUnknown,
                    span,
                    format!("there is no {kind} `{name}` on this host"),
                ).peer(peer)
                    .note("scripts that should run as it do not run at all")
                    .help(format!("create it, or write the name of one that exists; words behind a script are its {kind}, not its arguments")),
            );
        }
        findings
    }

    fn sysctls(&self) -> Vec<Diagnostic> {
        let is = |name, value: &str| self.facts.sysctls.get(name).is_some_and(|it| it == value);
        let mut findings = Vec::new();
        let vmac = self
            .config
            .instances
            .iter()
            .find(|it| it.vmac.is_some() && it.family == Family::V4);
        if let Some(instance) = vmac.filter(|_| is("net.ipv4.conf.all.rp_filter", "1")) {
            findings.push(
                Diagnostic::new(
                    Code::ReversePath,
                    instance.origin.keyword("use_vmac"),
                    "net.ipv4.conf.all.rp_filter is 1, which drops what arrives at a virtual MAC address",
                )
                .subject(&instance.name)
                .note("it is set to 0 while a virtual MAC address is in use; something may set it again")
                .help("sysctl -w net.ipv4.conf.all.rp_filter=0, and write that into /etc/sysctl.d"),
            );
        }
        for (family, name) in [
            (Family::V4, "net.ipv4.ip_nonlocal_bind"),
            (Family::V6, "net.ipv6.ip_nonlocal_bind"),
        ] {
            let instance = self.config.instances.iter().find(|it| it.family == family);
            let Some(instance) = instance.filter(|_| is(name, "0")) else {
                continue;
            };
            findings.push(
                Diagnostic::new(
                    Code::NonlocalBind,
                    instance
                        .addresses
                        .first()
                        .and_then(|address| address.origin.span),
                    "a service on this host can bind to a virtual address only while it is here",
                )
                .subject(&instance.name)
                .help(format!(
                    "if a service binds to the address itself: sysctl -w {name}=1"
                )),
            );
        }
        findings
    }
}

fn troubled(
    name: &str,
    trouble: &Trouble,
    is_check: bool,
    about: impl Fn(Code, String) -> Diagnostic,
) -> Diagnostic {
    let absent = if is_check {
        Code::ScriptAbsent
    } else {
        Code::NotifyAbsent
    };
    let finding = match trouble {
        Trouble::Missing => about(absent, format!("`{name}` does not exist"))
            .help("write the full path of a program that exists"),
        Trouble::NotAFile => about(Code::ScriptNotExecutable, format!("`{name}` is no program")),
        Trouble::NotExecutable => about(
            Code::ScriptNotExecutable,
            format!("`{name}` has no execute permission"),
        )
        .help(format!("chmod +x {name}")),
        Trouble::Interpreter(interpreter) if interpreter.ends_with('\r') => about(
            Code::ScriptNotExecutable,
            format!(
                "`{name}` has CRLF at the ends of its lines, so that its interpreter is not found"
            ),
        )
        .help(format!("sed -i 's/\\r$//' {name}")),
        Trouble::Interpreter(interpreter) => about(
            Code::ScriptNotExecutable,
            format!("`{name}` wants the interpreter `{interpreter}`, which does not exist"),
        )
        .help("install it, or change the #! line"),
    };
    finding.note(if is_check {
        "keepalived runs without the check then: no failure is ever noticed"
    } else {
        "nobody says so when the time comes"
    })
}

/// An address that is not in any subnet of its interface, or at the edge of one.
fn subnet(interface: &Interface, ip: IpAddr, span: Option<Span>) -> Option<Diagnostic> {
    let own = interface
        .addresses
        .iter()
        .filter(|(own, _)| Family::of(own) == Family::of(&ip));
    let own: Vec<(IpAddr, u8)> = own.copied().collect();
    let link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    if own.is_empty() || link_local {
        return None;
    }
    let Some((_, prefix_len)) = own
        .iter()
        .find(|(own, len)| lint::same_subnet(*own, ip, *len))
    else {
        let list: Vec<String> = own
            .iter()
            .map(|(own, len)| format!("{own}/{len}"))
            .collect();
        let finding = Diagnostic::new(
            Code::AddressOffSubnet,
            span,
            format!("{ip} is in no subnet of `{}`", interface.name),
        )
        .note(format!("`{}` has {}", interface.name, list.join(", ")))
        .note("hosts on the link cannot find it by ARP, unless they have a route to it");
        return Some(
            finding.help("right for a routed address; else write an address of the subnet"),
        );
    };
    let IpAddr::V4(ip) = ip else { return None };
    let edge = lint::edge_of_subnet(ip, *prefix_len)?;
    let finding = Diagnostic::new(
        Code::AddressIsNetwork,
        span,
        format!(
            "{ip} is the {edge} address of the /{prefix_len} on `{}`",
            interface.name
        ),
    );
    Some(
        finding
            .note("no host can have it")
            .help("use an address between the first and the last one of the subnet"),
    )
}

#[cfg(test)]
mod tests;

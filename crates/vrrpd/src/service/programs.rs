//! From a command in the configuration to a [`Program`] that can be run: whose user, which file, and whether it is
//! safe. keepalived's rules (keepalived-conf.md 4.11), with messages that say what to do.

use core::cell::OnceCell;
use std::ffi::{CString, OsString};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use keepalived_conf::config::{Command, Globals, User};
use nix::unistd::{Gid, Group, User as Account, geteuid, getgrouplist};
use tracing::{error, warn};

use super::program::{Identity, Program};
use super::security;

/// The account that scripts run as where nothing else is said and it exists.
const DEFAULT_ACCOUNT: &str = "keepalived_script";

/// Turns commands into programs.
#[derive(Debug)]
pub struct Resolver<'a> {
    globals: &'a Globals,
    /// `script_user`, or the default account. An error disables every script without a user of its own. Looked up for
    /// the first program that needs it: to do that the C library loads others, which then stay in memory.
    default: OnceCell<Result<Option<Identity>, String>>,
    /// Some program can run, and nothing was said about security yet.
    unsaid: bool,
}

impl<'a> Resolver<'a> {
    /// By what `global_defs` says about users and security.
    #[must_use]
    pub const fn new(globals: &'a Globals) -> Self {
        Self {
            globals,
            default: OnceCell::new(),
            unsaid: !globals.script_security,
        }
    }

    fn default_user(&self) -> Result<Option<Identity>, String> {
        match &self.globals.script_user {
            Some(user) => identity(user, self.globals.supplementary_groups)
                .map(Some)
                .map_err(|error| format!("Unable to set default user for scripts: {error}")),
            None => match Account::from_name(DEFAULT_ACCOUNT) {
                Ok(Some(account)) => {
                    let all = self.globals.supplementary_groups;
                    of_account(&account, account.gid, all).map(Some)
                }
                _ if self.globals.script_security => Err(format!(
                    "enable_script_security needs script_user: Script user '{DEFAULT_ACCOUNT}' does not exist"
                )),
                _ => Ok(None),
            },
        }
    }

    /// The program that `command` names; `None`, with the reason in the log, if it cannot be run. `what` is the keyword
    /// and the name of its block.
    pub fn program(&mut self, command: &Command, what: &str) -> Option<Program> {
        match self.resolve(command, what) {
            Ok(program) => {
                if self.unsaid {
                    self.unsaid = false;
                    warn!(
                        "SECURITY VIOLATION - scripts are being executed but script_security not enabled. \
                         Remedy: put enable_script_security and script_user USER into global_defs"
                    );
                }
                Some(program)
            }
            Err(reason) => {
                error!("Disabling {what}: {reason}");
                None
            }
        }
    }

    fn resolve(&self, command: &Command, what: &str) -> Result<Program, String> {
        let (name, args) = command.argv.split_first().ok_or("no command")?;
        let user = match &command.user {
            Some(user) => Some(identity(user, self.globals.supplementary_groups)?),
            None => self.default.get_or_init(|| self.default_user()).clone()?,
        };
        // keepalived's readability test: `</path` goes through a shell.
        if name.starts_with("</") {
            let args = vec!["-c".into(), command.argv.join(" ").into()];
            return Ok(Program {
                path: "/bin/sh".into(),
                args,
                user,
            });
        }
        let path = if name.contains('/') {
            PathBuf::from(name)
        } else {
            search(name, what)?
        };
        let about = path
            .metadata()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
            return Err(format!(
                "{} is not an executable file (chmod +x?)",
                path.display()
            ));
        }
        let set_uid = about.permissions().mode() & libc::S_ISUID != 0 && about.uid() == 0;
        let as_root = set_uid
            || user
                .as_ref()
                .map_or_else(|| geteuid().is_root(), |user| user.uid == 0);
        if as_root {
            match security::check(&path) {
                Ok(None) => {}
                Ok(Some(found)) if self.globals.script_security => return Err(found.to_string()),
                Ok(Some(found)) => warn!("{found}"),
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Ok(Program {
            path,
            args: args.iter().map(OsString::from).collect(),
            user,
        })
    }
}

/// A name without a slash, in PATH.
fn search(name: &str, what: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let executable = |path: &Path| {
        path.metadata()
            .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| executable(path));
    let found = found.ok_or_else(|| format!("{name} is in no directory of PATH"))?;
    warn!(
        "WARNING - script `{name}` of {what} resolved by path search to `{}`. Please specify full path.",
        found.display()
    );
    Ok(found)
}

/// Numbers for names. A group of its own, or the user's; `all` adds the user's supplementary groups, as does the user's
/// own mark.
pub fn identity(user: &User, all: bool) -> Result<Identity, String> {
    let uid = user.user.parse().ok();
    let account = match uid {
        None => Account::from_name(&user.user),
        Some(uid) => Account::from_uid(nix::unistd::Uid::from_raw(uid)),
    };
    let account = account.ok().flatten();
    let group = match &user.group {
        None => None,
        Some(name) => {
            let group = Group::from_name(name)
                .ok()
                .flatten()
                .map(|group| group.gid.as_raw());
            Some(
                group
                    .or_else(|| name.parse().ok())
                    .ok_or_else(|| format!("group '{name}' does not exist"))?,
            )
        }
    };
    match (account, uid) {
        (Some(account), _) => {
            let gid = group.map_or(account.gid, Gid::from_raw);
            of_account(&account, gid, all || user.supplementary)
        }
        // A number without an account is in no group.
        (None, Some(uid)) => Ok(Identity {
            uid,
            gid: group.unwrap_or(uid),
            groups: Vec::new(),
        }),
        (None, None) => Err(format!("Script user '{}' does not exist", user.user)),
    }
}

fn of_account(account: &Account, gid: Gid, all: bool) -> Result<Identity, String> {
    let groups = || {
        let name = CString::new(account.name.as_str()).map_err(|error| error.to_string())?;
        getgrouplist(&name, gid).map_err(|error| error.desc().to_owned())
    };
    let groups = if all { groups() } else { Ok(Vec::new()) };
    Ok(Identity {
        uid: account.uid.as_raw(),
        gid: gid.as_raw(),
        groups: groups.map_err(|error| format!("groups of user '{}': {error}", account.name))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        Command {
            argv: line.split(' ').map(String::from).collect(),
            ..Command::default()
        }
    }

    fn resolve(globals: &Globals, command: &Command) -> Result<Program, String> {
        Resolver::new(globals).resolve(command, "vrrp_script x")
    }

    #[test]
    fn a_command_becomes_a_program() {
        let globals = Globals::default();
        let program = resolve(&globals, &command("/bin/sh -c true")).unwrap();
        assert_eq!(
            (program.path, program.args),
            ("/bin/sh".into(), vec!["-c".into(), "true".into()])
        );
        let program = resolve(&globals, &command("sh")).unwrap();
        assert!(program.path.is_absolute(), "found by PATH");
        let program = resolve(&globals, &command("</etc/passwd")).unwrap();
        assert_eq!(program.args, ["-c", "</etc/passwd"].map(OsString::from));
    }

    #[test]
    fn what_cannot_run_is_explained() {
        let globals = Globals::default();
        let reason = |command: &Command| resolve(&globals, command).unwrap_err();
        assert!(reason(&command("/nonexistent/check")).contains("/nonexistent/check"));
        assert!(reason(&command("/etc/passwd")).contains("chmod"));
        assert!(reason(&command("no-such-program-here")).contains("PATH"));
        let mut stranger = command("/bin/sh");
        stranger.user = Some(User {
            user: "nobody-of-that-name".into(),
            ..User::default()
        });
        assert_eq!(
            reason(&stranger),
            "Script user 'nobody-of-that-name' does not exist"
        );
    }

    #[test]
    fn numbers_and_names_are_users() {
        let of = |user: &str, group: Option<&str>| {
            let user = User {
                user: user.into(),
                group: group.map(String::from),
                ..User::default()
            };
            identity(&user, false).map(|identity| {
                assert_eq!(identity.groups, [], "not asked for");
                (identity.uid, identity.gid)
            })
        };
        assert_eq!(of("root", None), Ok((0, 0)));
        assert_eq!(of("54321", None), Ok((54321, 54321)));
        assert_eq!(of("root", Some("12")), Ok((0, 12)));
        assert!(of("root", Some("no-such-group")).is_err());
    }
}

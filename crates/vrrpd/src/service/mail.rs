//! Mail on changes of state, by SMTP.
//!
//! A mail server may be slow, silent or dead, and so may the name service: letters go out one after the other on a
//! thread of their own, which lives as long as there are any. Of too many that wait the oldest is dropped. As with
//! keepalived a letter that could not be delivered is not tried again.

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{SystemTime, UNIX_EPOCH};

use keepalived_conf::config::Globals;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use nix::unistd::{User, geteuid};
use tracing::{error, info};
use vrrp_fsm::Status;

use crate::civil::Civil;

/// How many may wait for the mail server.
const WAITING: usize = 64;

/// Where letters go, and what is the same in all of them.
#[derive(Debug)]
pub(super) struct Post {
    host: String,
    port: u16,
    timeout: Duration,
    helo: ClientId,
    envelope: Envelope,
    /// What a subject begins with: the router's name.
    sender: String,
    from: String,
    to: String,
}

impl Post {
    /// By what `global_defs` says; `None` if that asks for no mail. What is no address is left out, and said.
    pub(super) fn new(globals: &Globals) -> Option<Self> {
        let mail = &globals.mail;
        let (host, port) = mail.server.clone().filter(|_| !mail.to.is_empty())?;
        let node = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        let from = mail
            .from
            .clone()
            .unwrap_or_else(|| format!("{}@{node}", user()));
        let to = mail.to.iter().filter_map(|to| address(to)).collect();
        let envelope = Envelope::new(Some(address(&from)?), to).ok()?;
        Some(Self {
            host,
            port,
            timeout: mail.timeout,
            helo: ClientId::Domain(mail.helo.clone().unwrap_or_else(|| node.clone())),
            envelope,
            sender: globals.router_id.clone().unwrap_or(node),
            from,
            to: mail.to.join(", "),
        })
    }

    fn name(&self) -> String {
        format!("[{}]:{}", self.host, self.port)
    }

    /// The letter as it goes over the wire, but for its last line break. The headers are keepalived's, in its order.
    fn text(&self, letter: &Letter) -> String {
        let headers = [
            ("Date", date(letter.at)),
            ("From", self.from.clone()),
            ("Subject", format!("[{}] {}", self.sender, letter.subject)),
            ("X-Mailer", "Keepalived".into()),
            ("To", self.to.clone()),
        ];
        let mut text = String::new();
        for (name, value) in headers {
            // A quoted name may hold anything; a header may not.
            let value = value.replace(char::is_control, " ");
            // Writing to a string does not fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "\r\n{}\r\n", letter.body);
        text
    }
}

/// The mail address in `text`, which may have a name before it: `Ann <ann@example.org>`.
fn address(text: &str) -> Option<Address> {
    let bare = text
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(text, |(inside, _)| inside);
    match bare.trim().parse() {
        Ok(address) => Some(address),
        Err(reason) => {
            error!(
                "`{text}` is no mail address and gets no mail: {reason}. Write it as user@example.org"
            );
            None
        }
    }
}

/// The name of the user that this daemon runs as.
fn user() -> String {
    let id = geteuid();
    User::from_uid(id)
        .ok()
        .flatten()
        .map_or_else(|| id.to_string(), |user| user.name)
}

/// RFC 5322 §3.3, in UTC.
fn date(at: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        weekday,
    } = Civil::from_unix(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let name = |names: &[&'static str], index: u64| {
        let index = usize::try_from(index).ok();
        index
            .and_then(|index| names.get(index).copied())
            .unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} +0000",
        name(&DAYS, weekday),
        name(&MONTHS, month.saturating_sub(1)),
    )
}

/// Whose state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Instance,
    Group,
}

/// The end of the subject and the body that keepalived has for a new state; `None` where it sends nothing.
pub(super) const fn wording(whose: Whose, to: Status) -> Option<(&'static str, &'static str)> {
    let subject = match to {
        Status::Active | Status::Draining => "Entering MASTER state",
        Status::Backup | Status::Drained => "Entering BACKUP state",
        Status::Fault => "Entering FAULT state",
        Status::Stopped => "Stopping",
        Status::Removed => "Deleted",
        Status::Initialize => return None,
    };
    let body = match (whose, to) {
        (Whose::Instance, Status::Active | Status::Draining) => {
            "=> VRRP Instance is now owning VRRP VIPs <="
        }
        (Whose::Instance, Status::Stopped) => "=> VRRP Instance stopping <=",
        (Whose::Instance, Status::Removed) => "=> VRRP Deleted at reload <=",
        (Whose::Instance, _) => "=> VRRP Instance is no longer owning VRRP VIPs <=",
        (Whose::Group, Status::Active | Status::Draining) => {
            "=> All VRRP group instances are now in MASTER state <="
        }
        (Whose::Group, Status::Backup | Status::Drained) => {
            "=> All VRRP group instances are now in BACKUP state <="
        }
        (Whose::Group, Status::Fault) => "=> All VRRP group instances are now in FAULT state <=",
        (Whose::Group, Status::Stopped) => "=> All VRRP group instances are now stopping <=",
        // A group that is gone has no line of keepalived's.
        (Whose::Group, _) => return None,
    };
    Some((subject, body))
}

/// One mail.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) post: Arc<Post>,
    /// When it happened.
    pub(super) at: SystemTime,
    /// Without the router's name.
    pub(super) subject: String,
    pub(super) body: &'static str,
}

/// Sends letters. Clones share the queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Mailer(Arc<Mutex<Outbox>>);

#[derive(Debug, Default)]
struct Outbox {
    waiting: VecDeque<Letter>,
    /// There is a thread that empties the queue.
    busy: bool,
    /// Letters that found no room.
    dropped: u64,
    /// Letters that were not delivered since the last one that was.
    failed: u64,
}

impl Mailer {
    /// Puts `letter` into the queue, and never waits.
    pub(super) fn send(&self, letter: Letter) {
        let mut outbox = self.lock();
        if outbox.waiting.len() == WAITING {
            outbox.waiting.pop_front();
            outbox.dropped += 1;
            if outbox.dropped.is_power_of_two() {
                error!(
                    dropped = outbox.dropped,
                    "{WAITING} mails wait for SMTP server {}; dropped the oldest, {} in all",
                    letter.post.name(),
                    outbox.dropped
                );
            }
        }
        outbox.waiting.push_back(letter);
        if !outbox.busy {
            let mailer = self.clone();
            let started = Builder::new()
                .name("mail".into())
                .stack_size(256 * 1024)
                .spawn(move || mailer.work());
            match started {
                Ok(_) => outbox.busy = true,
                Err(reason) => {
                    error!("mails wait until a thread can be started for them: {reason}")
                }
            }
        }
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        !self.lock().busy
    }

    fn work(self) {
        while let Some(letter) = self.next() {
            let result = deliver(&letter);
            self.report(&letter.post, result);
        }
    }

    fn next(&self) -> Option<Letter> {
        let mut outbox = self.lock();
        let letter = outbox.waiting.pop_front();
        outbox.busy = letter.is_some();
        letter
    }

    /// A server that takes no mail is reported once, and what that has cost when it takes mail again.
    fn report(&self, post: &Post, result: Result<(), lettre::transport::smtp::Error>) {
        let server = post.name();
        let mut outbox = self.lock();
        match result {
            Ok(()) if outbox.failed == 0 => info!(server, "SMTP alert successfully sent."),
            Ok(()) => {
                let lost = core::mem::take(&mut outbox.failed);
                info!(
                    server,
                    lost, "SMTP alert successfully sent. {lost} before it were not delivered"
                );
            }
            Err(reason) => {
                outbox.failed += 1;
                if outbox.failed > 1 {
                    return;
                }
                if timed_out(&reason) {
                    error!(
                        server,
                        "Timeout connecting SMTP server {server}. Nothing more is said until it takes mail again"
                    );
                } else {
                    error!(
                        server,
                        "SMTP alert not sent by {server}: {reason}. Nothing more is said until it takes mail again"
                    );
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects, hands the letter over, and leaves. Each answer of the server is waited for no longer than
/// `smtp_connect_timeout`.
fn deliver(letter: &Letter) -> Result<(), lettre::transport::smtp::Error> {
    let post = &letter.post;
    let server = (post.host.as_str(), post.port);
    let mut connection =
        SmtpConnection::connect(server, Some(post.timeout), &post.helo, None, None)?;
    info!("Remote SMTP server {} connected.", post.name());
    connection.send(&post.envelope, post.text(letter).as_bytes())?;
    // The letter is theirs; a server that does not say goodbye changes nothing.
    let _ = connection.quit();
    Ok(())
}

/// Whether the server was waited for in vain. The library does not know how a socket's own timeout looks.
fn timed_out(error: &lettre::transport::smtp::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    core::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| matches!(error.kind(), TimedOut | WouldBlock))
}

#[cfg(test)]
mod tests;

//! A mail server in a host, of as much SMTP as clients need.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use vrrp_lab::Host;

/// What a server does with those who connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Takes every mail.
    Takes,
    /// Accepts the connection, and never says a word.
    Silent,
}

/// A running server. It ends with the test process; its socket ends with the host.
pub(crate) struct Smtp {
    mails: Arc<Mutex<Vec<Mail>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mail {
    /// `MAIL FROM` and `RCPT TO`, as they were said.
    pub(crate) envelope: Vec<String>,
    /// Headers and body.
    pub(crate) lines: Vec<String>,
}

impl Mail {
    /// The same, whenever it was sent.
    pub(crate) fn undated(mut self) -> Self {
        let dated = self.lines.len();
        self.lines.retain(|line| !line.starts_with("Date: "));
        assert_eq!(self.lines.len() + 1, dated, "one date: {:?}", self.lines);
        self
    }

    pub(crate) fn subject(&self) -> &str {
        let subject = self.lines.iter().find_map(|l| l.strip_prefix("Subject: "));
        subject.unwrap_or_default()
    }
}

impl Smtp {
    /// Listens on port 25 of all addresses of `host`.
    pub(crate) fn start(host: &Host, manners: Manners) -> Self {
        let listener = host
            .run(|| TcpListener::bind("0.0.0.0:25"))
            .unwrap()
            .unwrap();
        let (mails, connections) = (Arc::default(), Arc::default());
        let server = Self {
            mails: Arc::clone(&mails),
            connections: Arc::clone(&connections),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                if manners == Manners::Silent {
                    connections.lock().unwrap().push(stream);
                    continue;
                }
                let mails = Arc::clone(&mails);
                // A client that goes away in the middle has sent no mail.
                thread::spawn(move || take(stream).map(|mail| mails.lock().unwrap().push(mail)));
            }
        });
        server
    }

    /// Every mail so far, in the order of their ends.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    /// How many connections are kept waiting.
    pub(crate) fn waiting(&self) -> usize {
        self.connections.lock().unwrap().len()
    }
}

fn take(stream: TcpStream) -> Option<Mail> {
    let mut write = stream.try_clone().ok()?;
    let mut say = |text: &str| write!(write, "{text}\r\n").ok();
    let mut mail = Mail {
        envelope: Vec::new(),
        lines: Vec::new(),
    };
    let mut in_data = false;
    say("220 lab")?;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        match line.split(' ').next()? {
            "." => {
                say("250 taken")?;
                return Some(mail);
            }
            _ if in_data => mail.lines.push(line),
            "DATA" => {
                in_data = true;
                say("354 go on")?;
            }
            word => {
                if matches!(word, "MAIL" | "RCPT") {
                    mail.envelope.push(line);
                }
                say("250 fine")?;
            }
        }
    }
    None
}

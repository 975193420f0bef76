use core::time::Duration;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use keepalived_conf::config::Globals;

use super::{Letter, Mailer, Post, WAITING};

fn post(port: u16, to: &[&str]) -> Post {
    let mut globals = Globals {
        router_id: Some("LVS_1".into()),
        ..Globals::default()
    };
    globals.mail.server = Some(("127.0.0.1".into(), port));
    globals.mail.to = to.iter().map(ToString::to_string).collect();
    globals.mail.from = Some("daemon@example.org".into());
    globals.mail.helo = Some("node1.example.org".into());
    globals.mail.timeout = Duration::from_secs(1);
    Post::new(&globals).unwrap()
}

fn letter(post: &Arc<Post>, number: usize) -> Letter {
    Letter {
        post: Arc::clone(post),
        at: UNIX_EPOCH + Duration::from_secs(951_782_400),
        subject: format!("VRRP Instance VI_{number} - Entering MASTER state"),
        body: "=> VRRP Instance is now owning VRRP VIPs <=",
    }
}

/// Takes one letter, as a mail server does, and answers with everything that the client said.
fn take(stream: TcpStream) -> Vec<String> {
    let mut heard = Vec::new();
    let mut write = stream.try_clone().unwrap();
    let mut say = |text: &str| write!(write, "{text}\r\n").unwrap();
    say("220 ready");
    let mut in_data = false;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        match line.split(' ').next().unwrap() {
            "." => {
                in_data = false;
                say("250 taken");
            }
            _ if in_data => {}
            "DATA" => {
                in_data = true;
                say("354 go on");
            }
            "QUIT" => {
                say("221 bye");
                break;
            }
            _ => say("250 fine"),
        }
        heard.push(line);
    }
    heard
}

fn idle(mailer: &Mailer) {
    while !mailer.is_idle() {
        std::thread::yield_now();
    }
}

#[test]
fn a_letter_looks_like_keepalived_s() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = ["ann@example.org", "nonsense", "Bob B <bob@example.org>"];
    let post = Arc::new(post(listener.local_addr().unwrap().port(), &to));
    let mailer = Mailer::default();
    mailer.send(letter(&post, 1));
    let heard = take(listener.accept().unwrap().0);
    assert_eq!(
        heard,
        [
            "EHLO node1.example.org",
            "MAIL FROM:<daemon@example.org>",
            "RCPT TO:<ann@example.org>",
            "RCPT TO:<bob@example.org>",
            "DATA",
            "Date: Tue, 29 Feb 2000 00:00:00 +0000",
            "From: daemon@example.org",
            "Subject: [LVS_1] VRRP Instance VI_1 - Entering MASTER state",
            "X-Mailer: Keepalived",
            "To: ann@example.org, nonsense, Bob B <bob@example.org>",
            "",
            "=> VRRP Instance is now owning VRRP VIPs <=",
            "",
            ".",
        ]
    );
    idle(&mailer);
}

/// It accepts and says nothing: letters are lost, none is waited for longer than asked, and only so many wait.
#[test]
fn a_silent_server_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let post = Arc::new(post(
        listener.local_addr().unwrap().port(),
        &["a@example.org"],
    ));
    let mailer = Mailer::default();
    for number in 0..WAITING + 3 {
        mailer.send(letter(&post, number));
    }
    {
        let mut outbox = mailer.lock();
        assert!(outbox.dropped > 0, "{outbox:?}");
        assert!(outbox.waiting.len() <= WAITING, "{outbox:?}");
        outbox.waiting.truncate(2);
    }
    idle(&mailer);
    listener.set_nonblocking(true).unwrap();
    let attempts = (0..).take_while(|_| listener.accept().is_ok()).count();
    assert_eq!(mailer.lock().failed, attempts as u64);
    assert!(attempts >= 2, "each that still waited was tried");

    listener.set_nonblocking(false).unwrap();
    mailer.send(letter(&post, 1));
    take(listener.accept().unwrap().0);
    idle(&mailer);
    assert_eq!(
        mailer.lock().failed,
        0,
        "delivered, and the count begins anew"
    );
}

#[test]
fn nothing_is_sent_where_nobody_asked_for_it() {
    assert!(Post::new(&Globals::default()).is_none());
    let mut globals = Globals::default();
    globals.mail.server = Some(("127.0.0.1".into(), 25));
    assert!(Post::new(&globals).is_none());
    globals.mail.to = vec!["root@localhost".into()];
    let post = Post::new(&globals).unwrap();
    assert!(post.from.contains('@'), "{}", post.from);
}

//! Where lines end: standard error, journald, syslog. Runs on its own thread and may block.

use core::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::Level;

use super::record::Record;
use crate::civil::Civil;
use crate::settings::{LogFormat, Settings};

const JOURNAL: &str = "/run/systemd/journal/socket";
const SYSLOG: &str = "/dev/log";

/// The destinations of this process.
pub(super) struct Writer {
    console: Option<Console>,
    syslog: Option<Syslog>,
}

enum Console {
    /// journald reads our standard error: it gets fields, and stamps the time itself.
    Journal {
        socket: UnixDatagram,
        fields: bool,
    },
    Text {
        format: LogFormat,
        fields: bool,
    },
}

struct Syslog {
    facility: u8,
    socket: Option<UnixDatagram>,
}

impl Writer {
    pub(super) fn new(settings: &Settings) -> Self {
        let console = settings.log_to.stderr.then(|| {
            let fields = !settings.as_keepalived;
            let text = Console::Text {
                format: settings.log_format,
                fields,
            };
            match settings.log_format {
                LogFormat::Human if journald_reads_stderr() => {
                    connect(JOURNAL).map_or(text, |socket| Console::Journal { socket, fields })
                }
                LogFormat::Human | LogFormat::Json => text,
            }
        });
        let syslog = settings.log_to.syslog.map(|facility| Syslog {
            facility,
            socket: None,
        });
        Self { console, syslog }
    }

    pub(super) fn write(&mut self, record: &Record) {
        // A log that cannot be written leaves nobody to tell.
        match &mut self.console {
            None => {}
            Some(Console::Journal { socket, fields }) => {
                let entry = journal(record);
                if socket.send(&entry).is_err() {
                    // A journald that was restarted may have a new socket; without one its stream still gets lines.
                    match connect(JOURNAL).filter(|again| again.send(&entry).is_ok()) {
                        Some(again) => *socket = again,
                        None => print(&human(record, *fields)),
                    }
                }
            }
            Some(Console::Text { format, fields }) => print(&match format {
                LogFormat::Human => human(record, *fields),
                LogFormat::Json => json(record),
            }),
        }
        if let Some(syslog) = &mut self.syslog {
            syslog.write(record);
        }
    }
}

impl Syslog {
    /// One datagram for each line. The time is left to the reader, as RFC 3164 §4.3.2 allows.
    fn write(&mut self, record: &Record) {
        let priority = self.facility * 8 + record.severity();
        for line in record.message.lines() {
            let datagram = format!(
                "<{priority}>Keepalived_vrrp[{}]: {line}",
                std::process::id()
            );
            let sent = self
                .socket
                .as_ref()
                .is_some_and(|socket| socket.send(datagram.as_bytes()).is_ok());
            if !sent {
                // A syslog daemon that was restarted has a new socket.
                self.socket = connect(SYSLOG);
                if let Some(socket) = &self.socket {
                    let _ = socket.send(datagram.as_bytes());
                }
            }
        }
    }
}

fn print(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn connect(path: &str) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect(path).ok()?;
    Some(socket)
}

/// `JOURNAL_STREAM` holds device and inode of the stream that journald opened; it is inherited by children whose
/// standard error may be another.
fn journald_reads_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// `TIME MESSAGE  field=value …`; the message comes first, as patterns for keepalived's lines expect.
fn human(record: &Record, fields: bool) -> String {
    let mut line = format!("{} {}", timestamp(record.time), record.message);
    if fields && !record.message.contains('\n') {
        line.push(' ');
        if record.level <= Level::WARN {
            let _ = write!(line, " level={}", level(record.level));
        }
        for (name, value) in &record.fields {
            // Writing to a string does not fail.
            let _ = match value {
                Value::String(text) if !text.contains([' ', '"']) && !text.is_empty() => {
                    write!(line, " {name}={text}")
                }
                other => write!(line, " {name}={other}"),
            };
        }
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

fn json(record: &Record) -> String {
    let mut object = Map::new();
    object.insert("time".into(), timestamp(record.time).into());
    object.insert("level".into(), level(record.level).into());
    object.insert("message".into(), record.message.as_str().into());
    for (name, value) in &record.fields {
        object.insert((*name).into(), value.clone());
    }
    format!("{}\n", Value::Object(object))
}

/// systemd's native protocol: `NAME=value` lines, and a length before a value with line breaks.
fn journal(record: &Record) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(256);
    let mut put = |name: &str, value: &str| {
        datagram.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            datagram.push(b'\n');
            datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            datagram.push(b'=');
        }
        datagram.extend_from_slice(value.as_bytes());
        datagram.push(b'\n');
    };
    put("MESSAGE", &record.message);
    put("PRIORITY", &record.severity().to_string());
    put("SYSLOG_IDENTIFIER", "vrrpd");
    for (name, value) in &record.fields {
        let name = format!("VRRP_{}", name.to_ascii_uppercase());
        match value {
            Value::String(text) => put(&name, text),
            other => put(&name, &other.to_string()),
        }
    }
    datagram
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// RFC 3339 in UTC, to the microsecond.
pub(super) fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = Civil::from_unix(since.as_secs());
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z",
        since.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn record(message: &str) -> Record {
        Record {
            time: UNIX_EPOCH + Duration::from_micros(1_709_210_096_000_042),
            level: Level::INFO,
            message: message.into(),
            fields: vec![("instance", "VI_1".into()), ("vrid", 51.into())],
        }
    }

    #[test]
    fn a_human_line_begins_as_keepaliveds_does() {
        let line = human(&record("(VI_1) Entering MASTER STATE"), true);
        assert_eq!(
            line,
            "2024-02-29T12:34:56.000042Z (VI_1) Entering MASTER STATE  instance=VI_1 vrid=51\n"
        );
        let line = human(&record("(VI_1) Entering MASTER STATE"), false);
        assert!(line.ends_with("Z (VI_1) Entering MASTER STATE\n"), "{line}");
    }

    #[test]
    fn json_keeps_numbers_and_order() {
        let line = json(&record("x \"y\""));
        let expected = r#"{"time":"2024-02-29T12:34:56.000042Z","level":"info","message":"x \"y\"","instance":"VI_1","vrid":51}"#;
        assert_eq!(line.trim_end(), expected);
    }

    #[test]
    fn journald_gets_fields_and_line_breaks() {
        let datagram = journal(&record("a\nb"));
        let text = String::from_utf8_lossy(&datagram);
        assert!(
            text.starts_with("MESSAGE\n\u{3}\0\0\0\0\0\0\0a\nb\nPRIORITY=6\n"),
            "{text:?}"
        );
        assert!(
            text.contains("\nVRRP_INSTANCE=VI_1\nVRRP_VRID=51\n"),
            "{text:?}"
        );
    }
}

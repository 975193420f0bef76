//! `reload_time_file`: a reload at the moment that stands in a file, so that nodes whose configurations do not go together
//! change theirs at once. keepalived's rules, and its words in the log.

use core::time::Duration;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::files::{AGAIN, Changes};

/// More than any moment needs.
const READ: u64 = 64;
/// The clock may be set while one waits.
const LOOK: Duration = Duration::from_secs(1);
const FORMS: &str = "HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, with Z behind it for UTC";

/// Watches the file until it is dropped.
#[derive(Debug)]
pub(super) struct Timetable {
    path: PathBuf,
    repeat: bool,
    task: JoinHandle<()>,
}

impl Drop for Timetable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Timetable {
    /// Rings at the moment in the file. Without `repeat` the file is removed then. On the service thread's runtime.
    pub(super) fn watch(path: PathBuf, repeat: bool, bell: Arc<Notify>) -> Option<Self> {
        if !path.is_absolute() {
            error!(
                "reload_time_file {}: no absolute path, so it is not watched",
                path.display()
            );
            return None;
        }
        let mut watch = Watch {
            path: path.clone(),
            repeat,
            bell,
            line: None,
            due: None,
        };
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = watch.run().await {
                    warn!("reload_time_file: {error}; trying again");
                }
                sleep(AGAIN).await;
            }
        });
        Some(Self { path, repeat, task })
    }

    pub(super) fn is(&self, path: &Path, repeat: bool) -> bool {
        self.path == path && self.repeat == repeat
    }
}

struct Watch {
    path: PathBuf,
    repeat: bool,
    bell: Arc<Notify>,
    /// What the file said when it was last heard.
    line: Option<String>,
    due: Option<Zoned>,
}

impl Watch {
    /// Until watching fails.
    async fn run(&mut self) -> io::Result<()> {
        let folder = self.path.parent().map(Path::to_owned);
        let mut changes = Changes::in_folders(folder)?;
        loop {
            self.look();
            tokio::select! {
                changed = changes.next() => changed?,
                () = until(self.due.as_ref()) => self.ring(),
            }
        }
    }

    /// Nothing is said twice of the same line.
    fn look(&mut self) {
        let line = read(&self.path);
        if line == self.line {
            return;
        }
        if let Some(due) = self.due.take() {
            info!("Cancelling reload scheduled for {}", words(&due));
        }
        self.line = line;
        self.plan();
    }

    fn plan(&mut self) {
        let Some(line) = &self.line else { return };
        match moment(line, &Zoned::now()) {
            Ok(due) => {
                info!("Scheduling reload for {}", words(&due));
                self.due = Some(due);
            }
            Err(Unusable::Past) => error!("Reload time {line} is in the past - ignoring"),
            Err(Unusable::Malformed) => {
                error!("Invalid reload time '{line}' specified - ignoring; remedy: write {FORMS}");
            }
        }
    }

    fn ring(&mut self) {
        self.due = None;
        self.bell.notify_one();
        let daily = self.line.as_ref().is_some_and(|line| !line.contains(' '));
        if !self.repeat {
            if let Err(reason) = fs::remove_file(&self.path) {
                // It stays known: what cannot be removed must not bring a reload a day.
                error!("reload_time_file {}: {reason}", self.path.display());
            }
        } else if daily {
            self.plan();
        }
    }
}

/// Waits for a moment of the wall clock; for ever where there is none.
async fn until(due: Option<&Zoned>) {
    let Some(due) = due.map(|due| SystemTime::from(due.timestamp())) else {
        return core::future::pending().await;
    };
    while let Ok(left) = due.duration_since(SystemTime::now()) {
        sleep(left.min(LOOK)).await;
    }
}

/// The first line; `None` without one: who writes a file may have only made it.
fn read(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(READ).read_to_end(&mut text).ok()?;
    let line = text.split(|octet| *octet == b'\n').next()?;
    Some(String::from_utf8_lossy(line).into_owned()).filter(|line| !line.is_empty())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unusable {
    Malformed,
    Past,
}

/// The moment that a line means, in the time zone that it means. A time without a date is the next one of its kind.
fn moment(line: &str, now: &Zoned) -> Result<Zoned, Unusable> {
    let (line, zone) = match line.strip_suffix('Z') {
        Some(line) => (line, TimeZone::UTC),
        None => (line, now.time_zone().clone()),
    };
    let today = now.with_time_zone(zone.clone()).date();
    let (date, time) = match line.split_once(' ') {
        Some((date, time)) => (Some(self::date(date).ok_or(Unusable::Malformed)?), time),
        None => (None, line),
    };
    let time = self::time(time).ok_or(Unusable::Malformed)?;
    let at = |date: Date| DateTime::from_parts(date, time).to_zoned(zone.clone());
    let due = at(date.unwrap_or(today)).map_err(|_range| Unusable::Malformed)?;
    if due > *now {
        return Ok(due);
    }
    if date.is_some() {
        return Err(Unusable::Past);
    }
    let tomorrow = today.checked_add(1.day()).and_then(at);
    tomorrow.map_err(|_range| Unusable::Malformed)
}

fn date(text: &str) -> Option<Date> {
    let (century, rest) = match text.find('-')? {
        // As POSIX reads two digits.
        2 if number(text.get(..2)?)? >= 69 => (1900, text),
        2 => (2000, text),
        4 => (100 * number(text.get(..2)?)?, text.get(2..)?),
        _ => return None,
    };
    let [year, month, day] = three(rest, '-')?;
    Date::new(century + year, month.try_into().ok()?, day.try_into().ok()?).ok()
}

fn time(text: &str) -> Option<Time> {
    let [hour, minute, second] = three(text, ':')?.map(i8::try_from);
    Time::new(hour.ok()?, minute.ok()?, second.ok()?, 0).ok()
}

/// Three numbers of two digits each.
fn three(text: &str, between: char) -> Option<[i16; 3]> {
    let mut parts = text.split(between).map(number);
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

fn number(digits: &str) -> Option<i16> {
    let two = digits.len() == 2 && digits.bytes().all(|octet| octet.is_ascii_digit());
    two.then(|| digits.parse().ok())?
}

fn words(moment: &Zoned) -> String {
    let zone = if *moment.time_zone() == TimeZone::UTC {
        "Z"
    } else {
        ""
    };
    format!("{}{zone}", moment.strftime("%Y-%m-%d %H:%M:%S"))
}

#[cfg(test)]
mod tests;

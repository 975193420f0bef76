//! One log line, with its fields apart.

use core::fmt;
use std::time::SystemTime;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Longest message that is kept: a diagnostic with its excerpt fits.
const LONGEST: usize = 8 * 1024;

/// What happened, when, and about what.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) time: SystemTime,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl Record {
    pub(super) fn new(event: &Event<'_>) -> Self {
        let mut record = Self {
            time: SystemTime::now(),
            level: *event.metadata().level(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut record);
        if record.message.len() > LONGEST {
            record
                .message
                .truncate(record.message.floor_char_boundary(LONGEST));
        }
        record
    }

    /// Says that `lost` lines never reached the writer.
    pub(super) fn dropped(lost: u64) -> Self {
        Self {
            time: SystemTime::now(),
            level: Level::WARN,
            message: format!("{lost} log lines dropped: whoever reads this log is too slow"),
            fields: vec![("dropped", lost.into())],
        }
    }

    /// Severity of syslog(3).
    pub(super) fn severity(&self) -> u8 {
        match self.level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.fields.push((field.name(), value));
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.put(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.into();
        } else {
            self.put(field, value.into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

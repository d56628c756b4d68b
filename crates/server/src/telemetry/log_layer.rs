//! The log of the program, as records for a collector.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::context::TraceContext;
use super::messages::logs::{ExportLogs, LogRecord, ScopeLogs};
use super::messages::{KeyValue, Scope, Value};
use super::outbox::{Counted, Outbox};
use super::process::{Process, nanoseconds};
use super::trace::current_context;

thread_local! {
    /// True on the thread that sends: what it says of itself would never end.
    static IS_UNHEARD: Cell<bool> = const { Cell::new(false) };
}

/// Makes records of what is logged.
#[derive(Debug)]
pub struct LogLayer {
    outbox: Outbox<LoggedRecord>,
}

/// A record, and the part of the program that it is of.
#[derive(Debug)]
pub(super) struct LoggedRecord {
    target: String,
    record: LogRecord,
}

/// The log records of this thread go to no collector.
pub(super) fn is_unheard_here() {
    IS_UNHEARD.set(true);
}

impl LogLayer {
    pub(super) fn new(outbox: Outbox<LoggedRecord>) -> Self {
        Self { outbox }
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if IS_UNHEARD.get() {
            return;
        }
        let mut fields = RecordFields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        let now = nanoseconds(SystemTime::now());
        let context = current_context();
        let context = context.as_ref();
        self.outbox.offer(LoggedRecord {
            target: event.metadata().target().to_owned(),
            record: LogRecord {
                time_unix_nano: now,
                observed_time_unix_nano: now,
                severity_number: severity(level),
                severity_text: level.as_str().to_owned(),
                body: Some(Value::Text(fields.message).into()),
                attributes: fields.others,
                flags: context.map_or(0, TraceContext::flags),
                trace_id: context.map_or_else(Vec::new, TraceContext::trace_bytes),
                span_id: context.map_or_else(Vec::new, TraceContext::span_bytes),
                event_name: String::new(),
            },
        });
    }
}

impl Counted for LoggedRecord {
    fn count(&self) -> u64 {
        1
    }
}

/// The message with records, by the parts of the program.
pub(super) fn logs_message(process: &Process, records: Vec<LoggedRecord>) -> Vec<u8> {
    let mut by_target: BTreeMap<String, Vec<LogRecord>> = BTreeMap::new();
    for LoggedRecord { target, record } in records {
        by_target.entry(target).or_default().push(record);
    }
    let scope_logs = by_target.into_iter().map(|(name, log_records)| ScopeLogs {
        scope: Some(Scope {
            name,
            ..Process::scope()
        }),
        log_records,
    });
    ExportLogs::message(process.resource(), scope_logs.collect())
}

/// `logs.v1.SeverityNumber`.
fn severity(level: Level) -> i32 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}

/// The fields of an event.
#[derive(Default)]
struct RecordFields {
    message: String,
    others: Vec<KeyValue>,
}

impl RecordFields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.push(KeyValue::new(field.name(), value));
    }
}

impl Visit for RecordFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.add(field, Value::Text(format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.add(field, value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, Value::Int(value)),
            Err(_) => self.add(field, Value::Text(value.to_string())),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Double(value));
    }
}

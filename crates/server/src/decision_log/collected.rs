//! Lines as log records for an OpenTelemetry collector. A line is written when the collector has taken it.

use std::io;
use std::time::SystemTime;

use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

use super::batch::LineBatch;
use crate::config::OtlpSettings;
use crate::telemetry::messages::logs::{ExportLogs, LogRecord, ScopeLogs};
use crate::telemetry::messages::{KeyValue, Scope, Value};
use crate::telemetry::{Collector, Process, Signal, TraceContext, nanoseconds};

/// The kind of event that a record is of.
const EVENT: &str = "peppol_authz.decision";
const ACT: &str = "peppol_authz.administration";

/// `logs.v1.SeverityNumber` of a record: for information.
const INFO: i32 = 9;

/// A collector that receives lines.
pub(super) struct CollectedLines {
    /// Of the thread that writes.
    runtime: Runtime,
    collector: Collector,
    process: Process,
}

/// The members of a line that a record has beside it.
#[derive(Deserialize)]
struct LineMarks<'l> {
    #[serde(borrow)]
    id: Option<&'l str>,
    #[serde(borrow)]
    decision: Option<&'l str>,
    #[serde(borrow)]
    traceparent: Option<&'l str>,
}

impl CollectedLines {
    pub(super) fn new(settings: &OtlpSettings) -> io::Result<Self> {
        let collector = Collector::new(settings).map_err(io::Error::other)?;
        let missing = || io::Error::other("`otlp.endpoint` is missing");
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            collector: collector.ok_or_else(missing)?,
            process: Process::new(settings),
        })
    }

    pub(super) fn write(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        loop {
            let text = batch.next(usize::MAX);
            if text.is_empty() {
                return Ok(());
            }
            let (length, message) = (text.len(), self.message(text));
            let sent = self.collector.send(Signal::Logs, &message);
            let rejected = self.runtime.block_on(sent).map_err(io::Error::other)?;
            if rejected > 0 {
                // It may have taken the others: to send all again would write those twice.
                tracing::error!(
                    rejected,
                    "the collector has rejected lines of the decision log"
                );
            }
            batch.advance(length);
            batch.lost(usize::try_from(rejected).unwrap_or(usize::MAX));
        }
    }

    fn message(&self, text: &[u8]) -> Vec<u8> {
        let lines = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let scope_logs = ScopeLogs {
            scope: Some(Scope {
                name: "decision_log".to_owned(),
                ..Process::scope()
            }),
            log_records: lines.map(record).collect(),
        };
        ExportLogs::message(self.process.resource(), vec![scope_logs])
    }
}

fn record(line: &[u8]) -> LogRecord {
    let line = String::from_utf8_lossy(line);
    let marks: Option<LineMarks<'_>> = serde_json::from_str(&line).ok();
    let marks = marks.as_ref();
    let context = marks.and_then(|marks| marks.traceparent).and_then(|place| {
        let place = std::iter::once(place.as_bytes());
        TraceContext::read(place, std::iter::empty())
    });
    let is_act = marks.is_some_and(|marks| marks.decision.is_none());
    let named = [
        ("peppol_authz.decision.id", marks.and_then(|marks| marks.id)),
        (
            "peppol_authz.decision",
            marks.and_then(|marks| marks.decision),
        ),
    ];
    let attributes = named
        .into_iter()
        .filter_map(|(name, text)| Some(KeyValue::new(name, text?)));
    let now = nanoseconds(SystemTime::now());
    LogRecord {
        time_unix_nano: now,
        observed_time_unix_nano: now,
        severity_number: INFO,
        severity_text: "INFO".to_owned(),
        attributes: attributes.collect(),
        trace_id: context
            .as_ref()
            .map_or_else(Vec::new, TraceContext::trace_bytes),
        span_id: context
            .as_ref()
            .map_or_else(Vec::new, TraceContext::span_bytes),
        flags: context.as_ref().map_or(0, TraceContext::flags),
        body: Some(Value::Text(line.into_owned()).into()),
        event_name: if is_act { ACT } else { EVENT }.to_owned(),
    }
}

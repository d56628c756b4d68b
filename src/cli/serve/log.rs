//! The log: on standard error, in colour where that is a terminal, and for a collector.

use std::borrow::Cow;
use std::io::{IsTerminal, Result, Stderr, Write, stderr};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::cli::output::AnyError;
use peppol_authz_engine::schema::escape_unseen;
use peppol_authz_server::config::{self, LogFormat};
use peppol_authz_server::http::LogFilter;
use peppol_authz_server::telemetry::{LogLayer, TraceContext, current_context};

/// The filter of the log, which can be changed while the program runs.
pub(super) struct FilterInForce(Handle<EnvFilter, Registry>);

impl LogFilter for FilterInForce {
    fn text(&self) -> String {
        let filter = self.0.with_current(ToString::to_string);
        filter.unwrap_or_default()
    }

    fn check(&self, filter: &str) -> std::result::Result<(), String> {
        let filter = EnvFilter::try_new(filter);
        filter.map(|_| ()).map_err(|error| error.to_string())
    }

    fn change(&self, filter: &str) -> std::result::Result<(), String> {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

/// Starts the log, whose records a collector gets too, if it gets any.
pub(super) fn start(
    settings: &config::Log,
    collected: Option<LogLayer>,
) -> std::result::Result<FilterInForce, AnyError> {
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(&settings.filter)?);
    let colours =
        stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let writer = EscapedLog {
        colours,
        format: settings.format,
    };
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(colours)
        .with_writer(writer);
    let log = match settings.format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(log)
        .with(collected)
        .try_init()?;
    Ok(FilterInForce(handle))
}

/// Writes records without a character that would hide or turn a part of them.
struct EscapedLog {
    colours: bool,
    format: LogFormat,
}

impl<'a> MakeWriter<'a> for EscapedLog {
    type Writer = RecordWriter;

    fn make_writer(&'a self) -> RecordWriter {
        RecordWriter {
            colours: self.colours,
            format: self.format,
            stderr: stderr(),
        }
    }
}

/// Writes one record, which comes as a whole.
struct RecordWriter {
    colours: bool,
    format: LogFormat,
    stderr: Stderr,
}

impl Write for RecordWriter {
    fn write(&mut self, record: &[u8]) -> Result<usize> {
        let kept: &[char] = match self.colours {
            true => &['\n', '\t', '\u{1b}'],
            false => &['\n', '\t'],
        };
        let text = match str::from_utf8(record) {
            Ok(text) => escape_unseen(text, kept),
            Err(_) => {
                Cow::Owned(escape_unseen(&String::from_utf8_lossy(record), kept).into_owned())
            }
        };
        // It is written by the task that answers a request, if it is of one.
        let text = match current_context() {
            Some(place) => Cow::Owned(placed(&text, &place, self.format)),
            None => text,
        };
        self.stderr.write_all(text.as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.stderr.flush()
    }
}

/// A record with its place in a trace at its end.
fn placed(record: &str, place: &TraceContext, format: LogFormat) -> String {
    let (trace, span) = (place.trace_id(), place.span_id());
    let line = record.strip_suffix('\n').unwrap_or(record);
    match (format, line.strip_suffix('}')) {
        (LogFormat::Json, Some(members)) => {
            format!("{members},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}\n")
        }
        _ => format!("{line} trace_id={trace} span_id={span}\n"),
    }
}

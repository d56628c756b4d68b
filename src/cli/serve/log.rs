//! The log: on standard error, in colour where that is a terminal.

use std::borrow::Cow;
use std::io::{IsTerminal, Result, Stderr, Write, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::output::AnyError;
use peppol_authz_engine::schema::escape_unseen;
use peppol_authz_server::config::{self, LogFormat};

/// Starts the log.
pub(super) fn start(settings: &config::Log) -> std::result::Result<(), AnyError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let colours =
        stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(EscapedLog { colours });
    match settings.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
}

/// Writes records without a character that would hide or turn a part of them.
struct EscapedLog {
    colours: bool,
}

impl<'a> MakeWriter<'a> for EscapedLog {
    type Writer = RecordWriter;

    fn make_writer(&'a self) -> RecordWriter {
        RecordWriter {
            colours: self.colours,
            stderr: stderr(),
        }
    }
}

/// Writes one record, which comes as a whole.
struct RecordWriter {
    colours: bool,
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
        self.stderr.write_all(text.as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.stderr.flush()
    }
}

//! Standard output and standard error. No other file writes to them.

use std::io::{Error, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use miette::MietteHandlerOpts;

use super::exit::Exit;
use peppol_authz_engine::policy::Fault;
use peppol_authz_engine::text::causes;

pub(super) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Set once a line could not be written to standard output.
static UNWRITTEN: Mutex<Option<Error>> = Mutex::new(None);

/// Writes a line to standard output. It is no failure if its reader has gone away; any other is
/// one of the command, see [`all_written`].
pub(super) fn say(line: impl std::fmt::Display) {
    note(writeln!(std::io::stdout().lock(), "{line}"));
}

/// Standard output, for a text of any length. Here a reader that has gone away is an error: it has not
/// received the whole.
pub(super) fn standard_output() -> std::io::Stdout {
    std::io::stdout()
}

/// Notes if something was written to standard output; see [`all_written`].
pub(super) fn note(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.get_or_insert(error);
    }
}

/// The end of a command that was to write to standard output: it failed, if that could not be
/// written.
pub(super) fn all_written(end: Exit) -> Exit {
    note(std::io::stdout().lock().flush());
    let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    match unwritten.take() {
        None => end,
        Some(error) => failed(format!("standard output: {error}")),
    }
}

/// Writes an error to standard error, with its causes behind colons.
pub(super) fn complain(error: &dyn std::error::Error) {
    complain_of(causes(error));
}

/// Writes an error to standard error.
pub(super) fn complain_of(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}

/// Writes a line that is no error to standard error.
pub(super) fn remark(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes an error; the command could not do its work.
pub(super) fn failed(error: impl Into<AnyError>) -> Exit {
    complain(&*error.into());
    Exit::Failed
}

/// Writes an error; the command was used wrongly.
pub(super) fn misused(error: impl Into<AnyError>) -> Exit {
    complain(&*error.into());
    Exit::Usage
}

/// Writes faults; policies, schema or routes are not valid.
pub(super) fn invalid(faults: Vec<Fault>) -> Exit {
    show(faults);
    Exit::Invalid
}

/// Writes faults to standard error, with file, line and caret.
pub(super) fn show(faults: Vec<Fault>) {
    // Lines that are broken anew could not be copied. A hook that is set already is this one.
    let _ = miette::set_hook(Box::new(|_| {
        Box::new(MietteHandlerOpts::new().wrap_lines(false).build())
    }));
    for fault in faults {
        if fault.has_long_lines() {
            let ((line, column), file) = (fault.place(), &fault.file.name);
            complain_of(format_args!("{file}:{line}:{column}: {fault}"));
            fault.help.iter().for_each(explain);
            continue;
        }
        let _ = writeln!(std::io::stderr().lock(), "{:?}", miette::Report::new(fault));
    }
}

/// Writes more about a fault to standard error.
pub(super) fn explain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}\n");
}

//! Standard output and standard error. No other file writes to them.

use std::io::Write;

use super::exit::Exit;
use peppol_authz_engine::policy::Fault;
use peppol_authz_engine::text::causes;

pub(super) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Writes a line to standard output. It is no failure if its reader has gone away.
pub(super) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes an error to standard error, with its causes behind colons.
pub(super) fn complain(error: &dyn std::error::Error) {
    complain_of(causes(error));
}

/// Writes an error to standard error.
pub(super) fn complain_of(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
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
    for fault in faults {
        let _ = writeln!(std::io::stderr().lock(), "{:?}", miette::Report::new(fault));
    }
}

/// Writes more about a fault to standard error.
pub(super) fn explain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}\n");
}

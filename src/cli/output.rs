//! The only place that writes to standard output and standard error.

use std::io::Write;

use peppol_authz_engine::policy::Fault;
use peppol_authz_engine::text::causes;

/// A line on standard output. A reader that has gone away is no failure.
pub(super) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// An error on standard error, with its causes behind colons.
pub(super) fn complain(error: &dyn std::error::Error) {
    complain_of(causes(error));
}

/// A line on standard error.
pub(super) fn complain_of(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}

/// Faults with file, line and caret, on standard error.
pub(super) fn show(faults: Vec<Fault>) {
    for fault in faults {
        let _ = writeln!(std::io::stderr().lock(), "{:?}", miette::Report::new(fault));
    }
}

/// More about a fault, on standard error.
pub(super) fn explain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}\n");
}

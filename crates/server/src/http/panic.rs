//! Panics of handlers.

use std::any::Any;

use super::app::App;
use super::problem::Problem;

/// Counts a panic and logs it.
pub(super) fn panicked(app: &App, panic: &(dyn Any + Send)) -> Problem {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or_default(), "a handler panicked");
    app.metrics.requests.panicked();
    Problem::Internal("a handler panicked".to_owned())
}

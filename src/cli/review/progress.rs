//! How far a review is, on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use peppol_authz_server::review::SomeRights;

/// How many things were found or read.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of things that are called so.
    pub(super) fn new(things: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let form = format!("{{spinner}} {{pos}} {things} {{elapsed}} {{wide_msg}}");
            let style = ProgressStyle::with_template(&form);
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar }
    }

    /// Some more rights.
    pub(super) fn more(&self, found: &SomeRights) {
        if let Some(bar) = &self.bar {
            bar.set_message(found.last.clone());
            bar.inc(found.count);
        }
    }

    /// So many bytes more.
    pub(super) fn read(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

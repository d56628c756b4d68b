//! How far a review is, on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use peppol_authz_engine::Right;

/// Rights after which the resource is shown that is at hand.
const EACH: u64 = 1_000;

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

    /// One more right.
    pub(super) fn more(&self, right: &Right) {
        if let Some(bar) = &self.bar {
            if bar.position().is_multiple_of(EACH) {
                bar.set_message(format!("{} on {}", right.action, right.resource));
            }
            bar.inc(1);
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

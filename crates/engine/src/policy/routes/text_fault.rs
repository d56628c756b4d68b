//! Faults within the texts of a table.

use std::ops::Range;

/// A fault of a text.
pub(super) struct TextFault {
    /// Where in the text, in bytes.
    pub(super) at: Range<usize>,
    pub(super) problem: String,
    pub(super) help: Option<String>,
}

impl TextFault {
    pub(super) fn new(at: Range<usize>, problem: impl Into<String>) -> Self {
        Self {
            at,
            problem: problem.into(),
            help: None,
        }
    }

    pub(super) fn advise(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

//! The end of a test's work, told to its other threads.

use std::sync::atomic::{AtomicBool, Ordering};

/// True once the work is over.
#[derive(Default)]
pub(crate) struct Over(AtomicBool);

/// The work. It is over when this is dropped, also by a panic: other threads would never
/// stop otherwise.
pub(crate) struct Until<'a>(&'a Over);

impl Over {
    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// It is over once that is dropped.
    pub(crate) fn until(&self) -> Until<'_> {
        Until(self)
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

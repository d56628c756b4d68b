//! The time at which a token is looked at.

use std::time::{SystemTime, UNIX_EPOCH};

use peppol_authz_engine::Moment;

/// The time by the calendar, and the moment by which ages are counted.
#[derive(Clone, Copy)]
pub(super) struct TokenClock {
    /// In seconds of the Unix epoch.
    pub(super) wall: f64,
    pub(super) moment: Moment,
}

impl TokenClock {
    pub(super) fn read() -> Self {
        Self {
            // With a clock before 1970 every token is issued in the future.
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64()),
            moment: Moment::now(),
        }
    }
}

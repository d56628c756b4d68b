//! The console: pages for people, on the listener of administration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::range::{HOUR, MINUTE, SettingFaults};

/// The console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleSettings {
    /// True if there is one.
    pub enabled: bool,
    /// How many may be signed in at once.
    pub sessions: usize,
    /// How long a session lasts in which nothing is asked.
    #[serde(with = "duration")]
    pub session_idle: Duration,
    /// How long a session lasts.
    #[serde(with = "duration")]
    pub session_age: Duration,
}

// === impl ConsoleSettings ===

impl ConsoleSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.number("console.sessions", self.sessions, 1..=100_000);
        let day = HOUR * 24;
        faults.duration("console.session_idle", self.session_idle, &(MINUTE..=day));
        faults.duration("console.session_age", self.session_age, &(MINUTE..=day * 7));
    }
}

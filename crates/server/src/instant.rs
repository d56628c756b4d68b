//! Instants as RFC 3339 writes them, in UTC.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// To the millisecond: `2024-02-29T23:59:59.007Z`.
#[must_use]
pub fn milliseconds(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// To the microsecond: `2024-02-29T23:59:59.000007Z`.
#[must_use]
pub fn microseconds(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (1_767_225_599, "2025-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(7_080);
            assert_eq!(milliseconds(at), format!("{text}.007Z"));
            assert_eq!(microseconds(at), format!("{text}.007080Z"));
        }
    }
}

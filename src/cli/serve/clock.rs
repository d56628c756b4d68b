//! The calendar of the machine, that somebody may set while the program runs.

use std::time::Duration;

use peppol_authz_engine::Moment;

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// A calendar that is kept right moves by less, in seconds.
const JUMP: f64 = 10.0;

/// Logs when the calendar was set: tokens, keys and certificates are judged by it, and it cannot be known which
/// one was right.
pub(super) fn follow() {
    tokio::spawn(async {
        let mut before = Moment::now();
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = Moment::now();
            let seconds = now.calendar_was_set(before);
            if seconds.abs() > JUMP {
                let seconds = seconds.round();
                tracing::warn!(
                    seconds,
                    "the clock of this machine was set: tokens, keys and certificates are judged by it"
                );
            }
            before = now;
        }
    });
}

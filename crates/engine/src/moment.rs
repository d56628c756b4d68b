//! A moment, by clocks that do not stand still while the machine sleeps.
//!
//! [`std::time::Instant`] does stand still then: what was looked at a second before a machine was suspended
//! for an hour would be a second old an hour later. So age is counted here by the clock since the machine's
//! start, its sleep included, and by the calendar; the longer of both counts. A virtual machine that its host
//! stops knows of that by the calendar alone, and a calendar that was set back makes nothing younger.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const WITH_SLEEP: ClockId = ClockId::Boottime;
/// Elsewhere this clock goes on.
#[cfg(not(target_os = "linux"))]
const WITH_SLEEP: ClockId = ClockId::Monotonic;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    since_boot: Duration,
    /// Since 1970.
    calendar: Duration,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let since_boot = clock_gettime(WITH_SLEEP);
        Self {
            since_boot: Duration::try_from(since_boot).unwrap_or_default(),
            calendar: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// How long after another it is, in doubt longer.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let by_boot = self.since_boot.saturating_sub(earlier.since_boot);
        by_boot.max(self.calendar.saturating_sub(earlier.calendar))
    }

    /// How long ago it is, in doubt longer.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// How long it is still to come at another, in doubt shorter.
    #[must_use]
    pub fn left_at(self, now: Self) -> Duration {
        let by_boot = self.since_boot.saturating_sub(now.since_boot);
        by_boot.min(self.calendar.saturating_sub(now.calendar))
    }

    /// The moment so much later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self {
            since_boot: self.since_boot.saturating_add(time),
            calendar: self.calendar.saturating_add(time),
        }
    }

    /// By how many seconds the calendar was set meanwhile: forward, or back where that is less than 0.
    #[must_use]
    pub fn calendar_was_set(self, earlier: Self) -> f64 {
        let passed = self.since_boot.as_secs_f64() - earlier.since_boot.as_secs_f64();
        self.calendar.as_secs_f64() - earlier.calendar.as_secs_f64() - passed
    }

    /// True if it comes after another, whatever the calendar says.
    #[must_use]
    pub fn is_after(self, other: Self) -> bool {
        self.since_boot > other.since_boot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(since_boot: u64, calendar: u64) -> Moment {
        Moment {
            since_boot: Duration::from_secs(since_boot),
            calendar: Duration::from_secs(calendar),
        }
    }

    #[test]
    fn the_longer_age_counts_and_the_shorter_rest() {
        let before = at(100, 1_000_000);
        // As the machine slept, or as its host has stopped it, or as somebody has set the calendar.
        for (later, age) in [
            (at(3700, 1_003_600), HOUR),
            (at(101, 1_003_600), HOUR),
            (at(101, 996_400), Duration::from_secs(1)),
            (at(3700, 996_400), HOUR),
        ] {
            assert_eq!(later.since(before), age);
            let until = before.plus(Duration::from_secs(10));
            let left = Duration::from_secs(10).saturating_sub(age);
            assert_eq!(until.left_at(later), left);
            assert!(later.is_after(before) && !before.is_after(later));
        }
        assert_eq!(at(3700, 1_003_600).calendar_was_set(before), 0.0);
        assert_eq!(at(101, 996_401).calendar_was_set(before), -3600.0);
    }

    #[test]
    fn a_moment_is_of_now() {
        let begun = Moment::now();
        assert!(begun.elapsed() < HOUR);
        assert!(begun.plus(Duration::MAX).left_at(begun) > HOUR * 24 * 365);
        assert!(!begun.is_after(Moment::now()));
    }
}

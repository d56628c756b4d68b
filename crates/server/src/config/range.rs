//! Settings whose values have the right type and cannot be used.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::duration;

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// The settings that cannot be used: the key of each, and its problem.
#[derive(Debug, Default)]
pub(super) struct SettingFaults(Vec<(&'static str, String)>);

// === impl SettingFaults ===

impl SettingFaults {
    /// All of them, in the order in which they were found.
    pub(super) fn into_all(self) -> Vec<(&'static str, String)> {
        self.0
    }

    /// Notes that the setting at `key` cannot be used.
    pub(super) fn add(&mut self, key: &'static str, problem: impl Into<String>) {
        self.0.push((key, problem.into()));
    }

    pub(super) fn number(&mut self, key: &'static str, value: usize, range: RangeInclusive<usize>) {
        if !range.contains(&value) {
            self.outside(key, value, range.start(), range.end());
        }
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        value: Duration,
        range: &RangeInclusive<Duration>,
    ) {
        if !range.contains(&value) {
            let [value, start, end] = [value, *range.start(), *range.end()].map(duration::format);
            self.outside(key, value, start, end);
        }
    }

    pub(super) fn path(&mut self, key: &'static str, path: Option<&Path>) {
        if path.is_some_and(|path| path.as_os_str().is_empty()) {
            self.add(key, "must not be empty");
        }
    }

    fn outside(
        &mut self,
        key: &'static str,
        value: impl Display,
        start: impl Display,
        end: impl Display,
    ) {
        let problem = format!("must be from `{start}` to `{end}`, found `{value}`");
        self.add(key, problem);
    }
}

//! Policies that change, and a second set of them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::range::{HOUR, MILLISECOND, SettingFaults};

/// How changed policies are noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// True if policies, schema, routes and a file of entities are loaded again when their files change.
    pub watch: bool,
    /// How often the files are read where the kernel reports no changes.
    #[serde(with = "duration")]
    pub poll_interval: Duration,
    /// How long the files must be unchanged before they are loaded.
    #[serde(with = "duration")]
    pub settle: Duration,
    /// True if a policy directory without a manifest is refused.
    pub require_manifest: bool,
    /// A directory of suites that policies have to pass before they are taken.
    pub suites: Option<PathBuf>,
    /// True if a refused change makes the program unready until a change succeeds. If false,
    /// `/readyz` only reports it.
    pub refused_is_unready: bool,
}

/// A second set of policies, which decides every question once more and answers nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowSettings {
    /// The directory of its policies; without one there is no shadow.
    pub policies: Option<PathBuf>,
    /// The Cedar schema of its policies, if it differs from the schema of the first set.
    pub schema: Option<PathBuf>,
    /// Decisions that wait for the shadow; further ones are dropped.
    pub capacity: usize,
    /// Disagreements of each kind that are logged in full, in a minute.
    pub sample: usize,
}

// === impl Reload ===

impl Reload {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let (poll, settle) = (10 * MILLISECOND..=HOUR, Duration::ZERO..=HOUR);
        faults.duration("reload.poll_interval", self.poll_interval, &poll);
        faults.duration("reload.settle", self.settle, &settle);
        faults.path("reload.suites", self.suites.as_deref());
    }
}

// === impl ShadowSettings ===

impl ShadowSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.path("shadow.policies", self.policies.as_deref());
        faults.path("shadow.schema", self.schema.as_deref());
        faults.number("shadow.capacity", self.capacity, 1..=1_000_000);
        faults.number("shadow.sample", self.sample, 0..=1000);
    }
}

//! The tenancy store, the memory for its entities, and how old both may be.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::range::{HOUR, MILLISECOND, SettingFaults};

/// Memory for entities that were loaded before, and for decisions that were made of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheSettings {
    /// True if loaded entities are kept.
    pub enabled: bool,
    /// Memory for them, in bytes.
    pub bytes: u64,
    /// Memory for decisions, in bytes; 0 keeps none.
    pub decision_bytes: u64,
}

/// A file of entities that is the tenancy store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntitiesSettings {
    /// Its length, in bytes.
    pub bytes: u64,
    /// The ancestors of one entity, near and far.
    pub ancestors: usize,
}

/// The tenancy store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Connections that read at once.
    pub readers: usize,
    /// How long a query waits for a locked SQLite database.
    #[serde(with = "duration")]
    pub busy_timeout: Duration,
    /// How long connecting to a PostgreSQL server, and one query, may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// A PEM file of root certificates for the PostgreSQL server, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// True if `serve` brings the tables of an empty or older database up to date.
    pub migrate: bool,
    /// How long records of changes are kept on a PostgreSQL server; 0 is for ever.
    #[serde(with = "duration")]
    pub keep_records: Duration,
}

/// The age that a state of the store may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreshnessSettings {
    /// How often the program looks for changes without a hint; 0 is with every question.
    #[serde(with = "duration")]
    pub poll_interval: Duration,
    /// How old a state may be that answers questions while the store cannot be read.
    #[serde(with = "duration")]
    pub max_stale: Duration,
    /// The same for a store that does not report its changes, readable or not.
    #[serde(with = "duration")]
    pub untold_max_age: Duration,
    /// How long a question waits for the state that it demands.
    #[serde(with = "duration")]
    pub wait: Duration,
}

// === impl EntitiesSettings ===

impl EntitiesSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let bytes = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        faults.number("entities.bytes", bytes, 1 << 10..=1 << 36);
        faults.number("entities.ancestors", self.ancestors, 1..=1_000_000);
    }
}

// === impl StoreSettings ===

impl StoreSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let (busy, query) = (Duration::ZERO..=HOUR, 10 * MILLISECOND..=HOUR);
        faults.number("store.readers", self.readers, 1..=1024);
        faults.duration("store.busy_timeout", self.busy_timeout, &busy);
        faults.duration("store.timeout", self.timeout, &query);
        let year = Duration::ZERO..=366 * 24 * HOUR;
        faults.duration("store.keep_records", self.keep_records, &year);
        faults.path("store.ca_certificate", self.ca_certificate.as_deref());
    }
}

// === impl FreshnessSettings ===

impl FreshnessSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        let (hour, day) = (Duration::ZERO..=HOUR, Duration::ZERO..=24 * HOUR);
        faults.duration("freshness.poll_interval", self.poll_interval, &hour);
        faults.duration("freshness.max_stale", self.max_stale, &day);
        faults.duration("freshness.untold_max_age", self.untold_max_age, &day);
        faults.duration("freshness.wait", self.wait, &hour);
    }
}

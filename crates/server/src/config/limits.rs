//! The limits of one request.

use serde::{Deserialize, Serialize};

use super::range::SettingFaults;

/// The limits of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSettings {
    /// Length of a request's body, in bytes.
    pub body_bytes: usize,
    /// Questions in one batch.
    pub batch: usize,
    /// Length of the questions of one request, each with what it shares with others, in bytes.
    pub batch_bytes: usize,
    /// Length of an id, or of the name of a type or an action, in bytes.
    pub id_bytes: usize,
    /// Nesting of the JSON of a request.
    pub json_depth: usize,
    /// Entities that the caller may describe in one question.
    pub entities: usize,
    /// Entities in one page of a search.
    pub page: usize,
    /// Candidates that are decided for one page of a search.
    pub candidates: usize,
    /// Ids in the lists of one plan.
    pub plan_ids: usize,
}

// === impl LimitsSettings ===

impl LimitsSettings {
    pub(super) fn check(&self, faults: &mut SettingFaults) {
        faults.number("limits.body_bytes", self.body_bytes, 1 << 10..=1 << 30);
        faults.number("limits.batch", self.batch, 1..=100_000);
        faults.number("limits.batch_bytes", self.batch_bytes, 1 << 10..=1 << 32);
        faults.number("limits.id_bytes", self.id_bytes, 64..=8192);
        // The parser itself refuses a depth of 128.
        faults.number("limits.json_depth", self.json_depth, 8..=127);
        faults.number("limits.entities", self.entities, 0..=10_000);
        faults.number("limits.page", self.page, 1..=100_000);
        faults.number("limits.candidates", self.candidates, 1..=10_000_000);
        // SQLite takes 32,766 parameters.
        faults.number("limits.plan_ids", self.plan_ids, 1..=30_000);
    }
}

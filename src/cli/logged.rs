//! Decisions of a log that are decided again.

mod recorded;
mod tally;

pub(super) use recorded::{Recorded, key_named};
pub(super) use tally::{DecisionChange, DecisionText, LineDecider, LineOutcome, LogTally};

//! Callers that were refused, in the log.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use super::turns::LogTurns;
use crate::callers::Caller;

/// Logs refusals of callers, a few of each kind: of a caller at one place for one reason.
#[derive(Debug, Default)]
pub struct Refusals {
    turns: LogTurns<u64>,
    hasher: RandomState,
}

impl Refusals {
    pub(super) fn tell(&self, caller: &Caller, surface: &'static str, reason: &'static str) {
        let kind = self.hasher.hash_one((&caller.id, surface, reason));
        if let Some(left_out) = self.turns.turn(kind, Instant::now()) {
            tracing::info!(
                caller = caller.id,
                proof = caller.proof.name(),
                listener = caller.listener.name(),
                surface,
                reason,
                left_out,
                "a caller was refused"
            );
        }
    }
}

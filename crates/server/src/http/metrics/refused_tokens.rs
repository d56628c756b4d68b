//! Tokens that are refused: counted by reason, and logged a few of each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::added::added;
use crate::identity::RefusedToken;

/// The least interval between two lines of one reason.
const APART: Duration = Duration::from_secs(10);

/// The lines of one reason that are logged before that interval is kept.
const AT_ONCE: u32 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenReasonLabel {
    reason: &'static str,
}

/// Counts refused tokens and logs them. Whoever may ask may send any number of them, so that the log
/// has only so many lines of each reason.
#[derive(Debug)]
pub(in crate::http) struct RefusedTokens {
    refused: Family<TokenReasonLabel, Counter>,
    told: Mutex<HashMap<&'static str, ToldReason>>,
}

/// The lines of one reason.
#[derive(Debug)]
struct ToldReason {
    /// The lines that may be logged yet.
    left: u32,
    /// The time from which one more may be.
    since: Instant,
    /// The tokens since the last line that none tells of.
    untold: u64,
}

impl RefusedTokens {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            refused: added(
                registry,
                "tokens_refused",
                "Tokens that were refused, by reason",
                Family::default(),
            ),
            told: Mutex::default(),
        }
    }

    /// Notes a token that is refused.
    pub(in crate::http) fn note(&self, token: &RefusedToken) {
        let reason = token.reason;
        self.refused
            .get_or_create(&TokenReasonLabel { reason })
            .inc();
        if let Some(untold) = self.turn(reason, Instant::now()) {
            let issuer = token.issuer.as_deref().unwrap_or("unknown");
            let kid = token.kid.as_deref().unwrap_or("unknown");
            tracing::info!(reason, issuer, kid, untold, "a token is refused");
        }
    }

    /// Returns the number of tokens that no line tells of, if it is time for a line of this reason.
    fn turn(&self, reason: &'static str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(reason).or_insert(ToldReason {
            left: AT_ONCE,
            since: now,
            untold: 0,
        });
        let waited = now.saturating_duration_since(told.since).as_secs() / APART.as_secs();
        let gained = u32::try_from(waited).unwrap_or(u32::MAX);
        if gained > 0 {
            told.left = told.left.saturating_add(gained).min(AT_ONCE);
            told.since = now;
        }
        if told.left == 0 {
            told.untold = told.untold.saturating_add(1);
            return None;
        }
        told.left -= 1;
        Some(std::mem::take(&mut told.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_reason_is_a_few_lines_and_hides_no_other() {
        let refused = RefusedTokens::new(&mut Registry::default());
        let start = Instant::now();
        let turns = |reason, at: Instant| {
            let all = (0..1000).filter_map(|_| refused.turn(reason, at));
            all.collect::<Vec<_>>()
        };
        assert_eq!(turns("a", start), [0; 5]);
        assert_eq!(turns("b", start), [0; 5]);
        // The next line tells how many were kept back.
        assert_eq!(turns("a", start + APART), [995]);
        assert_eq!(turns("a", start + APART * 2), [999]);
        assert_eq!(turns("a", start + APART * 1000), [999, 0, 0, 0, 0]);
    }
}

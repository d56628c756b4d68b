//! Tokens that are refused: counted by reason, and logged a few of each.

use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::super::turns::LogTurns;
use super::added::added;
use crate::identity::RefusedToken;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenReasonLabel {
    reason: &'static str,
}

/// Counts refused tokens and logs them. Whoever may ask may send any number of them, so that the log
/// has only so many lines of each reason.
#[derive(Debug)]
pub(in crate::http) struct RefusedTokens {
    refused: Family<TokenReasonLabel, Counter>,
    told: LogTurns<&'static str>,
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
            told: LogTurns::default(),
        }
    }

    /// Notes a token that is refused.
    pub(in crate::http) fn note(&self, token: &RefusedToken) {
        let reason = token.reason;
        self.refused
            .get_or_create(&TokenReasonLabel { reason })
            .inc();
        if let Some(left_out) = self.told.turn(reason, Instant::now()) {
            let issuer = token.issuer.as_deref().unwrap_or("unknown");
            let kid = token.kid.as_deref().unwrap_or("unknown");
            tracing::info!(reason, issuer, kid, left_out, "a token is refused");
        }
    }
}

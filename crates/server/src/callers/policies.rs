//! The policies of callers in force, with the answers that they have given.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::unconstrained;

use super::asked::{PermitKey, SeenOfAsked};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::store::{EntitiesFile, StoreError};
use peppol_authz_engine::{Engine, EngineOptions, Verdict};

/// Answers that are kept.
const KEPT: u64 = 10_000;

/// Policies of callers. An answer depends on nothing but its key, so it is given once.
pub(super) struct CallerPolicies {
    engine: Engine,
    pub(super) seen: SeenOfAsked,
    given: moka::sync::Cache<PermitKey, bool, foldhash::quality::RandomState>,
}

impl CallerPolicies {
    pub(super) fn new(bundle: Arc<Bundle>) -> Result<Self, StoreError> {
        // All entities are described with the question.
        let store = EntitiesFile::parse(b"[]")?;
        let options = EngineOptions {
            cache_bytes: 0,
            decision_bytes: 0,
            freshness: Freshness::EACH,
        };
        Ok(Self {
            seen: SeenOfAsked::by(&bundle),
            engine: Engine::new(Arc::new(store), bundle, options)?,
            given: moka::sync::Cache::builder()
                .max_capacity(KEPT)
                .build_with_hasher(foldhash::quality::RandomState::default()),
        })
    }

    /// The exact policies.
    pub(super) fn revision(&self) -> Arc<str> {
        Arc::clone(&self.engine.state().bundle.revision)
    }

    /// True if the policies permit it; false for any failure, which is logged.
    pub(super) fn permit(&self, mut key: PermitKey) -> bool {
        key.asked.keep(&self.seen);
        if let Some(given) = self.given.get(&key) {
            return given;
        }
        match self.decide(&key) {
            Ok(permits) => {
                self.given.insert(key, permits);
                permits
            }
            Err(fault) => {
                tracing::error!(
                    fault,
                    action = key.action.name(),
                    "the policies of callers gave no answer"
                );
                false
            }
        }
    }

    fn decide(&self, key: &PermitKey) -> Result<bool, String> {
        let session = self.engine.session();
        let question = session.question(&key.question(), 1);
        let (question, _) = question.map_err(|malformed| malformed.to_string())?;
        // Nothing is waited for: all is in memory.
        let demand = Demand::default();
        let decided = unconstrained(session.decide(&question, &demand)).now_or_never();
        match decided {
            Some(Ok(decision)) => Ok(decision.verdict == Verdict::Allow),
            Some(Err(failure)) => Err(failure.to_string()),
            None => Err("it would have to wait".to_owned()),
        }
    }
}

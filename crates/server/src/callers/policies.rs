//! The policies of callers in force, with the answers that they have given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use tokio::task::unconstrained;

use super::asked::{Asked, CallerAction, SeenOfAsked};
use super::caller::Caller;
use super::permit_key::PermitKey;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::store::{EntitiesFile, StoreError};
use peppol_authz_engine::{Engine, EngineOptions, Verdict};

/// Answers that are kept.
const KEPT: u64 = 10_000;

/// The number of the next policies.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Policies of callers. An answer depends on nothing but its key, so it is given once.
pub struct CallerPolicies {
    /// No others of this process have it.
    number: u64,
    engine: Engine,
    seen: SeenOfAsked,
    given: moka::sync::Cache<PermitKey, bool, foldhash::quality::RandomState>,
}

impl std::fmt::Debug for CallerPolicies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let policies = &mut f.debug_struct("CallerPolicies");
        policies
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
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
            number: NEXT.fetch_add(1, Ordering::Relaxed),
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

    /// The policies.
    pub(super) fn bundle(&self) -> Arc<Bundle> {
        Arc::clone(&self.engine.state().bundle)
    }

    /// True if some policy looks at the tenant of a resource, which then has to be known.
    #[must_use]
    pub fn see_tenants(&self) -> bool {
        self.seen.tenant
    }

    /// True if the policies permit it; false for any failure, which is logged. `ask` makes what is asked, and may
    /// leave out what no policy sees.
    #[must_use]
    pub fn permit(
        &self,
        caller: &Arc<Caller>,
        action: CallerAction,
        ask: impl FnOnce(SeenOfAsked) -> Asked,
    ) -> bool {
        let mut asked = ask(self.seen);
        asked.keep(&self.seen);
        if let Some(given) = caller.last_permit.of(self.number, action, &asked) {
            return given;
        }
        let key = PermitKey {
            caller: Arc::clone(caller),
            action,
            asked,
        };
        let permits = self.permit_of(&key);
        if let Some(permits) = permits {
            let asked = key.asked;
            caller
                .last_permit
                .remember(self.number, action, asked, permits);
        }
        permits.unwrap_or(false)
    }

    /// The answer for a key; `None` if there is none.
    fn permit_of(&self, key: &PermitKey) -> Option<bool> {
        if let Some(given) = self.given.get(key) {
            return Some(given);
        }
        match self.decide(key) {
            Ok(permits) => {
                self.given.insert(key.clone(), permits);
                Some(permits)
            }
            Err(fault) => {
                tracing::error!(
                    fault,
                    action = key.action.name(),
                    "the policies of callers gave no answer"
                );
                None
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

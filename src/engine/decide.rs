//! The engine. Every case in which it fails closed is here, by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use cedar_policy::{AuthorizationError, Authorizer, Decision as CedarDecision, Effect, Response};

use super::decision::{Decision, Reason, Verdict};
use super::question::Question;
use crate::policy::Bundle;
use crate::slice::{Asked, Cache, SliceError, assemble};
use crate::store::{Snapshot, Store, StoreError};

/// Decides questions by the newest Bundle and the newest state of a store.
pub struct Engine {
    store: Arc<dyn Store>,
    state: ArcSwap<State>,
    options: EngineOptions,
}

/// Settings.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Bytes of entities kept in memory; 0 keeps none.
    pub cache_bytes: u64,
}

/// What is swapped whole at a reload: a Bundle, and the entities that were
/// checked under its schema.
#[derive(Debug)]
pub struct State {
    /// Policies and schema.
    pub bundle: Arc<Bundle>,
    /// Entities in memory.
    pub cache: Cache,
}

/// One state of policies and one of the store, for a question or a batch.
pub struct Session<'a> {
    engine: &'a Engine,
    /// The policies.
    pub state: Arc<State>,
    snapshot: Option<Box<dyn Snapshot>>,
}

/// Why there is no decision. None of these is ever an Allow.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(StoreError),
    /// What the store holds cannot be used: it does not fit the schema, or an
    /// entity refers to one that is not there.
    #[error("{0}")]
    Tenancy(String),
    /// An entity that the caller describes refers to one that is not there.
    #[error("`entities`: an entity refers to one that is not there")]
    Described,
    /// The policies for a question that fits the schema are not there.
    #[error("no policies were prepared for this question")]
    NoShard,
}

impl Engine {
    /// An engine over a store. The Bundle's schema must fit it.
    ///
    /// # Errors
    /// What of the store does not fit the schema.
    pub fn new(
        store: Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        let state = Self::prepare(&store, bundle, options)?;
        Ok(Self {
            store,
            state: ArcSwap::from_pointee(state),
            options,
        })
    }

    /// Takes another Bundle from now on. Questions that have begun end with the
    /// one that they began with.
    ///
    /// # Errors
    /// What of the store does not fit the schema; the Bundle is not taken then.
    pub fn replace(&self, bundle: Arc<Bundle>) -> Result<(), StoreError> {
        let state = Self::prepare(&self.store, bundle, self.options)?;
        self.state.store(Arc::new(state));
        Ok(())
    }

    fn prepare(
        store: &Arc<dyn Store>,
        bundle: Arc<Bundle>,
        options: EngineOptions,
    ) -> Result<State, StoreError> {
        store.check(&bundle.schema)?;
        Ok(State {
            bundle,
            cache: Cache::new(options.cache_bytes),
        })
    }

    /// The policies in force.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Fixes the policies for a question or a batch; the state of the store is
    /// fixed by the first decision.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        Session {
            engine: self,
            state: self.state(),
            snapshot: None,
        }
    }
}

impl Session<'_> {
    /// Reads a question for this session.
    ///
    /// # Errors
    /// A question that does not fit the schema.
    pub fn question(
        &self,
        json: &serde_json::Value,
        most_entities: usize,
    ) -> Result<Question, super::Malformed> {
        Question::read(json, &self.state.bundle, &*self.engine.store, most_entities)
    }

    /// Decides.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide(&mut self, question: &Question) -> Result<Decision, Failure> {
        let bundle = &self.state.bundle;
        let shard = bundle
            .shard(
                &question.action,
                question.principal.type_name(),
                question.resource.type_name(),
            )
            .ok_or(Failure::NoShard)?;
        let snapshot = match &mut self.snapshot {
            Some(snapshot) => snapshot,
            none => none.insert(
                self.engine
                    .store
                    .snapshot(&bundle.schema)
                    .await
                    .map_err(failed_store)?,
            ),
        };
        let mut decision = Decision {
            verdict: Verdict::Deny,
            reasons: Vec::new(),
            determining: Vec::new(),
            errors: Vec::new(),
            obligations: BTreeSet::new(),
            policy_revision: Arc::clone(&bundle.revision),
            tenancy_revision: Arc::clone(&snapshot.revision().name),
            slice: Vec::new(),
        };
        let asked = Asked {
            principal: &question.principal,
            resource: &question.resource,
            context: &question.context,
            described: &question.described,
        };
        let slice = match assemble(asked, shard, bundle, &mut **snapshot, &self.state.cache).await {
            Ok(slice) => slice,
            // Cedar would skip the policies that read an absent entity, also
            // those that forbid.
            Err(SliceError::Absent(absent)) => {
                decision.reasons = absent.into_iter().map(Reason::absent).collect();
                return Ok(decision);
            }
            Err(SliceError::Store(error)) => return Err(failed_store(error)),
            Err(SliceError::Incomplete {
                described: true, ..
            }) => return Err(Failure::Described),
            Err(error @ (SliceError::Incomplete { .. } | SliceError::Unfit(_))) => {
                return Err(Failure::Tenancy(error.to_string()));
            }
        };
        let authorizer = Authorizer::new();
        let responses: Vec<Response> = shard
            .policies_for(&question.principal, &question.resource)
            .map(|policies| authorizer.is_authorized(&question.request, policies, &slice.entities))
            .collect();
        decision.slice = slice.rows;
        conclude(&mut decision, &responses, bundle);
        Ok(decision)
    }
}

fn failed_store(error: StoreError) -> Failure {
    match error {
        StoreError::Misfit(text) => Failure::Tenancy(text),
        other => Failure::Unavailable(other),
    }
}

/// From Cedar's answers, one for each set of policies, to ours. An Allow needs
/// that no policy failed, that no set is denied by a forbid, and that some policy
/// permits; each is looked at here and not taken from one of Cedar's verdicts.
fn conclude(decision: &mut Decision, responses: &[Response], bundle: &Bundle) {
    let mut failed = Vec::new();
    let mut named = Vec::new();
    let mut unknown = false;
    for response in responses {
        for error in response.diagnostics().errors() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            decision.errors.push(error.to_string());
            failed.push(bundle.policy(error.policy_id()).map_or_else(
                || Arc::from(error.policy_id().to_string()),
                |info| Arc::clone(&info.id),
            ));
        }
        for id in response.diagnostics().reason() {
            match bundle.policy(id) {
                // Cedar names the forbids of a denial or the permits of an Allow.
                Some(info)
                    if (info.effect == Effect::Permit)
                        == (response.decision() == CedarDecision::Allow) =>
                {
                    named.push(info);
                }
                _ => unknown = true,
            }
        }
    }
    failed.sort();
    decision.errors.sort();
    named.sort_by(|a, b| a.id.cmp(&b.id));
    let allowed = !unknown
        && failed.is_empty()
        && !named.is_empty()
        && named.iter().all(|info| info.effect == Effect::Permit);
    decision.verdict = if allowed {
        Verdict::Allow
    } else {
        Verdict::Deny
    };
    // A denial by GEN-2 may come with permits; they are not its reasons.
    named.retain(|info| (info.effect == Effect::Permit) == allowed);
    decision.reasons = failed.into_iter().map(Reason::failed).collect();
    for info in named {
        if allowed {
            decision.obligations.extend(info.obligation.clone());
        }
        decision.determining.push(Arc::clone(&info.id));
        decision.reasons.push(Reason {
            code: info.code.clone(),
            rule: info.rule.clone(),
            policy: Some(Arc::clone(&info.id)),
            message: info.message.clone(),
        });
    }
    if !allowed && decision.reasons.is_empty() {
        decision.reasons.push(Reason::not_permitted());
    }
}

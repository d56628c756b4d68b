//! The shadow's judgement of a decision that was given.
//!
//! INVARIANT: a disagreement is one of policies. Both decisions that are compared rest on the
//! same entities: those of the decision that was given, where the shadow looks at no others, or
//! one slice that both sets were asked from. What cannot be had so is unsettled, and never
//! counted as a disagreement.

use std::sync::Arc;

use super::compare::{DisagreementKind, compare};
use super::options::ShadowOptions;
use crate::decision_log::{self, Pseudonyms};
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::store::{Revision, Store, StoreError};
use peppol_authz_engine::{Decided, Decision, Engine, EngineOptions, Failure, Question, Twice};

/// How often two sets of different schemas are asked, until both were in one state.
const ATTEMPTS: usize = 5;

/// The result of a judgement.
#[derive(Debug)]
pub(super) enum ShadowOutcome {
    /// The shadow would have answered the same.
    Agreed,
    /// The shadow would have answered otherwise.
    Disagreed(Box<Disagreement>),
    /// The question does not fit the shadow's schema.
    Malformed,
    /// The two could not be compared in one state.
    Unsettled,
    /// The shadow has no decision, for this reason.
    Failed(&'static str),
}

/// Two decisions of one question, from the same entities.
#[derive(Debug)]
pub(super) struct Disagreement {
    pub(super) kind: DisagreementKind,
    pub(super) first: Decision,
    pub(super) shadow: Decision,
}

pub(super) struct Judge {
    engine: Arc<Engine>,
    own_schema: bool,
    options: EngineOptions,
    /// The first set over the shadow's reader, where the schemas differ.
    first: Option<(Arc<dyn Store>, Arc<Engine>)>,
}

impl Judge {
    pub(super) fn new(engine: Arc<Engine>, options: ShadowOptions) -> Self {
        Self {
            engine,
            own_schema: options.own_schema,
            options: options.engine,
            first: None,
        }
    }

    pub(super) async fn judge(&mut self, decided: &Decided) -> ShadowOutcome {
        let Some(question) = &decided.question else {
            return ShadowOutcome::Failed("question");
        };
        let judged = if decided
            .bundle
            .schema
            .is_same(&self.engine.state().bundle.schema)
        {
            self.by_one_schema(decided, question).await
        } else if self.own_schema {
            self.by_two_schemas(decided, question).await
        } else {
            // One of the two has not taken over the change of their schema yet.
            Ok(ShadowOutcome::Unsettled)
        };
        judged.unwrap_or_else(|failure| match failure {
            Failure::Behind | Failure::AnotherHistory => ShadowOutcome::Unsettled,
            Failure::Unavailable(_) | Failure::Overloaded => ShadowOutcome::Failed("store"),
            Failure::Tenancy(_) | Failure::Described => ShadowOutcome::Failed("entities"),
            Failure::TooWide(_)
            | Failure::PlanTooWide { .. }
            | Failure::NotExact { .. }
            | Failure::NoShard
            | Failure::SmallStack { .. } => ShadowOutcome::Failed("policies"),
        })
    }

    async fn by_one_schema(
        &self,
        decided: &Decided,
        question: &Question,
    ) -> Result<ShadowOutcome, Failure> {
        let session = self.engine.session();
        let revision = &session.state.bundle.revision;
        let notes = decided.decision.notes.as_ref();
        if notes.is_some_and(|notes| notes.has_agreed(revision)) {
            return Ok(ShadowOutcome::Agreed);
        }
        if let Some(shadow) = decided.again(&session.state.bundle) {
            let outcome = ShadowOutcome::of(&decided.decision, shadow?);
            if let (Some(notes), ShadowOutcome::Agreed) = (notes, &outcome) {
                notes.note_agreement(revision);
            }
            return Ok(outcome);
        }
        let demand = self.demand(&decided.decision);
        let twice = Twice::decide(&session, question, &decided.bundle, &demand).await?;
        Ok(ShadowOutcome::of(&twice.other, twice.own))
    }

    async fn by_two_schemas(
        &mut self,
        decided: &Decided,
        question: &Question,
    ) -> Result<ShadowOutcome, Failure> {
        // Before the first look a store does not say which types it serves.
        if self.engine.timeline().now().is_none() {
            self.engine.look().await.map_err(Failure::from)?;
        }
        let session = self.engine.session();
        let store = self.engine.store();
        let first = self.first(&decided.bundle, &store)?;
        let asked = decision_log::asked(decided, &Pseudonyms::none()).unwrap_or_default();
        let Ok((shadowed, _)) = session.question(&asked, usize::MAX) else {
            return Ok(ShadowOutcome::Malformed);
        };
        let demand = self.demand(&decided.decision);
        for _ in 0..ATTEMPTS {
            let mark = store.mark();
            let shadow = session.decide(&shadowed, &demand).await?;
            let again = first.session().decide(question, &demand).await?;
            if shadow.tenancy_revision == again.tenancy_revision && mark == store.mark() {
                return Ok(ShadowOutcome::of(&again, shadow));
            }
        }
        Ok(ShadowOutcome::Unsettled)
    }

    /// No state before the one that was decided from.
    fn demand(&self, decision: &Decision) -> Demand {
        let revision = Revision::parse(&decision.tenancy_revision);
        let store = self.engine.store();
        Demand {
            at_least: revision
                .filter(|revision| store.names(revision))
                .into_iter()
                .collect(),
            max_age: None,
        }
    }

    /// The first set over the shadow's reader.
    fn first(
        &mut self,
        bundle: &Arc<Bundle>,
        store: &Arc<dyn Store>,
    ) -> Result<Arc<Engine>, StoreError> {
        if let Some((of, engine)) = &self.first
            && Arc::ptr_eq(of, store)
            && Arc::ptr_eq(&engine.state().bundle, bundle)
        {
            return Ok(Arc::clone(engine));
        }
        let engine = Engine::new(Arc::clone(store), Arc::clone(bundle), self.options)?;
        let engine = Arc::new(engine);
        self.first = Some((Arc::clone(store), Arc::clone(&engine)));
        Ok(engine)
    }
}

impl ShadowOutcome {
    /// Its label.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Disagreed(_) => "disagreed",
            Self::Malformed => "malformed",
            Self::Unsettled => "unsettled",
            Self::Failed(_) => "failed",
        }
    }

    fn of(first: &Decision, shadow: Decision) -> Self {
        match compare(first, &shadow) {
            None => Self::Agreed,
            Some(kind) => Self::Disagreed(Box::new(Disagreement {
                kind,
                first: first.clone(),
                shadow,
            })),
        }
    }
}

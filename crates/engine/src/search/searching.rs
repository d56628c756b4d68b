//! Searching for principals or resources: candidates by a condition, each decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::{EntityId, EntityUid};

use super::known_side::KnownSide;
use super::linked::LinkUse;
use super::partial::{self, Residual, TESTS};
use super::{FoundObligations, Search, SearchPage, SearchResult, Sought};
use crate::decide::{Decider, Decision, Failure, Question, Session, decide_batch};
use crate::policy::Shard;
use crate::slice::{Demand, InState, Moved, StateReading};
use crate::store::{Candidates, Condition};

/// Candidates that are read and decided together, at first and at most.
const CHUNK: std::ops::RangeInclusive<usize> = 16..=1024;

/// An entity that is allowed, with the obligations of its permits.
type Allowed = (EntityUid, FoundObligations);

/// A question about a candidate, with its decision.
pub(super) type DecidedCandidate = (Question, Result<Decision, Failure>);

/// The source of candidates.
pub(super) enum CandidateSource {
    /// The store, by the condition of the residual.
    Store,
    /// These, in order: a closed vocabulary, or what the caller describes.
    Listed(Vec<String>),
}

impl CandidateSource {
    /// The ids that are wanted, in order.
    pub(super) async fn ids(
        &self,
        wanted: &Candidates,
        reading: &mut StateReading<'_>,
    ) -> Result<InState<Vec<String>>, Failure> {
        match self {
            Self::Store => Ok(reading.candidates(wanted).await?),
            Self::Listed(ids) => {
                let after = |id: &&String| wanted.after.as_ref().is_none_or(|a| ***id > **a);
                let ids = ids.iter().filter(after).take(wanted.limit);
                Ok(InState::Same(ids.cloned().collect()))
            }
        }
    }
}

impl Search {
    /// The question about one candidate.
    fn question(&self, candidate: EntityUid) -> Result<Question, Failure> {
        let (principal, resource) = match self.sought {
            Sought::Principals => (candidate, self.known.clone()),
            Sought::Resources => (self.known.clone(), candidate),
        };
        Question::fitting(
            principal,
            self.action.clone(),
            resource,
            self.context.clone(),
            Arc::clone(&self.described),
        )
        .map_err(|misfit| Failure::Tenancy(misfit.to_string()))
    }

    /// The candidate that a question is about.
    fn candidate(&self, question: Question) -> EntityUid {
        match self.sought {
            Sought::Principals => question.principal,
            Sought::Resources => question.resource,
        }
    }

    fn shard<'a>(&self, session: &'a Session) -> Option<&'a Shard> {
        let (principal, resource) = match self.sought {
            Sought::Principals => (&self.of, self.known.type_name()),
            Sought::Resources => (self.known.type_name(), &self.of),
        };
        session
            .state
            .bundle
            .shard(&self.action, principal, resource)
    }
}

/// A search for one part of its answer, by one state of the policies.
pub(super) struct Searching<'a> {
    session: &'a Session,
    search: &'a Search,
    part: &'a SearchPage,
    shard: &'a Shard,
}

impl<'a> Searching<'a> {
    pub(super) fn new(
        session: &'a Session,
        search: &'a Search,
        part: &'a SearchPage,
    ) -> Result<Self, Failure> {
        Ok(Self {
            session,
            search,
            part,
            shard: search.shard(session).ok_or(Failure::NoShard)?,
        })
    }

    pub(super) async fn find(&self, demand: &Demand) -> Result<SearchResult, Failure> {
        let freshness = self.session.freshness([&self.search.action]);
        let reading = self.session.reading(freshness, demand).await?;
        let mut reading = reading.of_search();
        loop {
            let residual = self.residual(&mut reading).await?;
            if let InState::Same(found) = self.found(residual, &mut reading).await? {
                return Ok(found);
            }
            // A later state has taken the place of the one that was begun with.
        }
    }

    /// Evaluates the policies as far as they do not depend on what is looked for.
    pub(super) async fn residual(
        &self,
        reading: &mut StateReading<'_>,
    ) -> Result<Residual, Failure> {
        let Self {
            session,
            search,
            part,
            shard,
        } = self;
        let (bundle, store) = (&session.state.bundle, session.store());
        let decider = Decider { bundle, shard };
        // A condition by more of them would be too long for a database.
        let most = if part.explain { usize::MAX } else { TESTS };
        let single = false;
        match KnownSide::of(search, decider, reading, LinkUse { single, most }).await? {
            Some(known) => partial::residual(search, part, shard, &known, bundle, store),
            // Every question would be denied for that.
            None => Ok(Residual::never()),
        }
    }

    /// One part of the answer.
    async fn found(
        &self,
        mut residual: Residual,
        reading: &mut StateReading<'_>,
    ) -> Result<InState<SearchResult>, Failure> {
        let (search, part) = (self.search, self.part);
        let mut wanted = Candidates {
            of: search.of.clone(),
            condition: residual.condition.clone(),
            after: part.after.clone(),
            limit: part
                .limit
                .saturating_add(1)
                .clamp(*CHUNK.start(), *CHUNK.end()),
        };
        let source = self.source(&residual.condition);
        let mut found: Vec<Allowed> = Vec::new();
        let mut decided = 0;
        let mut ended = false;
        while !ended && found.len() <= part.limit {
            let InState::Same(ids) = source.ids(&wanted, reading).await? else {
                return Ok(InState::Moved);
            };
            if part.explain
                && residual.statement.is_none()
                && matches!(source, CandidateSource::Store)
            {
                residual.statement = reading.statement(&wanted);
            }
            ended = ids.len() < wanted.limit;
            if let Some(last) = ids.last() {
                wanted.after = Some(last.as_str().into());
            }
            let room = part.most - decided;
            let too_many = ids.len() > room;
            let candidates: Vec<_> = ids.into_iter().take(room).collect();
            decided += candidates.len();
            let InState::Same(allowed) = self.allowed(candidates, reading).await? else {
                return Ok(InState::Moved);
            };
            found.extend(allowed);
            if too_many && found.len() <= part.limit {
                return Err(Failure::TooWide(part.most));
            }
            wanted.limit = (wanted.limit * 2).min(*CHUNK.end());
        }
        let mut result = SearchResult {
            entities: Vec::new(),
            obligations: BTreeMap::new(),
            last: None,
            more: false,
            decided,
            residual,
            policy_revision: Arc::clone(&self.session.state.bundle.revision),
            tenancy_revision: Some(Arc::clone(reading.revision())),
        };
        for (uid, found) in found {
            result.add(uid, found);
        }
        result.end_at(part.limit);
        let id = |uid: &EntityUid| Arc::from(AsRef::<str>::as_ref(uid.id()));
        result.last = result.entities.last().map(id);
        Ok(InState::Same(result))
    }

    pub(super) fn source(&self, condition: &Condition) -> CandidateSource {
        let (search, store) = (self.search, self.session.store());
        let entity_type = self.session.schema().entity_type(&search.of);
        if *condition == Condition::Never {
            return CandidateSource::Listed(Vec::new());
        }
        if let Some(choices) = entity_type.and_then(|found| found.choices.as_ref()) {
            return CandidateSource::Listed(choices.iter().cloned().collect());
        }
        if store.serves(&search.of) {
            return CandidateSource::Store;
        }
        let described = search.described.rows().iter().map(|row| &row.uid);
        let mut ids: Vec<String> = described
            .filter(|uid| *uid.type_name() == search.of)
            .map(|uid| AsRef::<str>::as_ref(uid.id()).to_owned())
            .collect();
        ids.sort_unstable();
        CandidateSource::Listed(ids)
    }

    /// Those of the candidates that are allowed.
    async fn allowed(
        &self,
        ids: Vec<String>,
        reading: &mut StateReading<'_>,
    ) -> Result<InState<Vec<Allowed>>, Failure> {
        let InState::Same(decided) = self.decided(ids, reading).await? else {
            return Ok(InState::Moved);
        };
        let mut allowed = Vec::new();
        for (question, decision) in decided {
            match decision {
                Ok(decision) => {
                    if let Some(found) = self.part.finds(decision) {
                        allowed.push((self.search.candidate(question), found));
                    }
                }
                Err(failure) => passed_over(&question, failure)?,
            }
        }
        Ok(InState::Same(allowed))
    }

    /// The candidates, each decided.
    pub(super) async fn decided(
        &self,
        ids: Vec<String>,
        reading: &mut StateReading<'_>,
    ) -> Result<InState<Vec<DecidedCandidate>>, Failure> {
        let search = self.search;
        let entity_type = self.session.schema().entity_type(&search.of);
        let mut questions = Vec::with_capacity(ids.len());
        for id in ids {
            // Another spelling of an id is never found under it. A text that is no id is found under none.
            if entity_type.is_some_and(|found| !found.is_asked_about(&id)) {
                continue;
            }
            let uid = EntityUid::from_type_name_and_id(search.of.clone(), EntityId::new(id));
            questions.push(search.question(uid));
        }
        let batch = decide_batch(questions, &self.session.state.bundle, None, reading).await?;
        if batch.moved == Moved::Yes {
            return Ok(InState::Moved);
        }
        let decided: Result<_, Failure> = batch.answered.into_iter().collect();
        Ok(InState::Same(decided?))
    }
}

/// Passes over a candidate that the store holds in a form that cannot be used, so that no question about it
/// can be answered. It is not allowed, and the others are found without it.
fn passed_over(question: &Question, failure: Failure) -> Result<(), Failure> {
    match failure {
        Failure::Tenancy(error) => {
            let Question {
                principal,
                resource,
                ..
            } = question;
            tracing::warn!(%principal, %resource, error, "a search leaves out an entity that cannot be used");
            Ok(())
        }
        other => Err(other),
    }
}

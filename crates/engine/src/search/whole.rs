//! All that is allowed, or an error.

use std::sync::Arc;

use super::searching::Searching;
use super::{Search, SearchPage};
use crate::decide::{Decision, Failure, Question, Session, Verdict};
use crate::slice::{Demand, InState};
use crate::store::Candidates;

/// Candidates that the store lists together: each list looks at all of them.
const LISTED: usize = 16_384;

/// Candidates that are decided together.
const DECIDED: usize = 1_024;

/// The parts of a whole search beside what is found.
#[derive(Clone, Debug)]
pub(crate) struct WholeSearch {
    /// How many candidates were decided.
    pub(crate) decided: usize,
    /// The state of the store.
    pub(crate) tenancy_revision: Arc<str>,
}

/// Takes the questions that are allowed, one by one.
pub(crate) type TakeAllowed<'a, E> = dyn FnMut(Question, Decision) -> Result<(), E> + Send + 'a;

impl Search {
    /// Finds all that is allowed, in the order of the ids, and gives each to `take`. The state may not move
    /// on meanwhile.
    ///
    /// # Errors
    /// A candidate that cannot be decided, and what `take` says.
    pub(crate) async fn each<E: From<Failure>>(
        &self,
        session: &Session,
        take: &mut TakeAllowed<'_, E>,
    ) -> Result<InState<WholeSearch>, E> {
        let all = SearchPage {
            after: None,
            limit: usize::MAX,
            most: usize::MAX,
            explain: false,
            binds: true,
        };
        let searching = Searching::new(session, self, &all)?;
        let freshness = session.freshness([&self.action]);
        let demand = Demand::default();
        let mut reading = session.reading(freshness, &demand).await?;
        let residual = searching.residual(&mut reading).await?;
        let source = searching.source(&residual.condition);
        let mut wanted = Candidates {
            of: self.of.clone(),
            condition: residual.condition,
            after: None,
            limit: LISTED,
        };
        let mut decided = 0;
        loop {
            let InState::Same(ids) = source.ids(&wanted, &mut reading).await? else {
                return Ok(InState::Moved);
            };
            let is_last = ids.len() < wanted.limit;
            wanted.after = ids.last().map(|id| Arc::from(id.as_str()));
            for some in ids.chunks(DECIDED) {
                let InState::Same(found) = searching.decided(some.to_vec(), &mut reading).await?
                else {
                    return Ok(InState::Moved);
                };
                decided += found.len();
                for (question, decision) in found {
                    let decision = decision?;
                    if decision.verdict == Verdict::Allow {
                        take(question, decision)?;
                    }
                }
            }
            if is_last {
                return Ok(InState::Same(WholeSearch {
                    decided,
                    tenancy_revision: Arc::clone(reading.revision()),
                }));
            }
        }
    }
}

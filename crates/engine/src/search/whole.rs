//! All that is allowed, or an error: what reviews use.
//!
//! A whole search is done in parts, which may be done beside each other: a part lists candidates, or decides some.

use std::sync::{Arc, OnceLock};

use super::searching::Searching;
use super::{Search, SearchPage};
use crate::decide::{Decision, Failure, Question, Session, Verdict};
use crate::slice::{Demand, InState};
use crate::store::{Candidates, Condition};

/// Candidates that the store lists together: each list looks at all of them.
const LISTED: usize = 16_384;

/// Candidates that are decided together.
const DECIDED: usize = 1_024;

/// A search for all that is allowed.
pub(crate) struct WholeSearch {
    session: Session,
    search: Search,
    /// The condition of candidates, once the first part has found it.
    condition: OnceLock<Condition>,
}

/// A part of a whole search.
pub(crate) enum SearchPart {
    /// List the candidates behind an id, and decide the first of them.
    List(Option<Arc<str>>),
    /// Decide these.
    Decide(Vec<String>),
}

impl Default for SearchPart {
    /// The first of a search.
    fn default() -> Self {
        Self::List(None)
    }
}

/// The findings of a part.
pub(crate) struct FoundPart {
    /// The questions that are allowed, in the order of the ids.
    pub(crate) allowed: Vec<(Question, Decision)>,
    /// How many candidates were decided.
    pub(crate) decided: usize,
    /// The parts that follow it.
    pub(crate) rest: Vec<SearchPart>,
    /// The state of the store.
    pub(crate) tenancy_revision: Arc<str>,
}

impl WholeSearch {
    pub(crate) fn new(session: Session, search: Search) -> Self {
        Self {
            session,
            search,
            condition: OnceLock::new(),
        }
    }

    /// The session that it is of.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The search.
    pub(crate) fn search(&self) -> &Search {
        &self.search
    }

    /// Does a part. The state may not move on meanwhile. Of the candidates those are decided that `takes` takes.
    ///
    /// # Errors
    /// A candidate that cannot be decided.
    pub(crate) async fn part(
        &self,
        part: SearchPart,
        takes: &(impl Fn(&str) -> bool + Sync),
    ) -> Result<InState<FoundPart>, Failure> {
        let all = SearchPage {
            after: None,
            limit: usize::MAX,
            most: usize::MAX,
            explain: false,
            binds: true,
        };
        let searching = Searching::new(&self.session, &self.search, &all)?;
        let freshness = self.session.freshness([&self.search.action]);
        let demand = Demand::default();
        let mut reading = self.session.reading(freshness, &demand).await?;
        let (ids, rest) = match part {
            SearchPart::Decide(ids) => (ids, Vec::new()),
            SearchPart::List(after) => {
                let condition = match self.condition.get() {
                    Some(known) => known.clone(),
                    None => {
                        let found = searching.residual(&mut reading).await?.condition;
                        self.condition.get_or_init(|| found).clone()
                    }
                };
                let source = searching.source(&condition);
                let wanted = Candidates {
                    of: self.search.of.clone(),
                    condition,
                    after,
                    limit: LISTED,
                };
                let InState::Same(ids) = source.ids(&wanted, &mut reading).await? else {
                    return Ok(InState::Moved);
                };
                parts_of(ids, takes)
            }
        };
        let InState::Same(found) = searching.decided(ids, &mut reading).await? else {
            return Ok(InState::Moved);
        };
        let decided = found.len();
        let mut allowed = Vec::with_capacity(decided);
        for (question, decision) in found {
            let decision = decision?;
            if decision.verdict == Verdict::Allow {
                allowed.push((question, decision));
            }
        }
        Ok(InState::Same(FoundPart {
            allowed,
            decided,
            rest,
            tenancy_revision: Arc::clone(reading.revision()),
        }))
    }
}

/// The first candidates of a list, and the parts for the others.
fn parts_of(
    ids: Vec<String>,
    takes: &(impl Fn(&str) -> bool + Sync),
) -> (Vec<String>, Vec<SearchPart>) {
    let next = (ids.len() >= LISTED).then(|| ids.last().map(|id| Arc::from(id.as_str())));
    let mut taken = ids.into_iter().filter(|id| takes(id));
    let first: Vec<String> = taken.by_ref().take(DECIDED).collect();
    let mut rest = Vec::new();
    loop {
        let some: Vec<String> = taken.by_ref().take(DECIDED).collect();
        if some.is_empty() {
            break;
        }
        rest.push(SearchPart::Decide(some));
    }
    rest.extend(next.map(SearchPart::List));
    (first, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_decided_in_parts_and_goes_on_behind_its_last() {
        let ids = |count: usize| (0..count).map(|number| format!("{number:05}")).collect();
        let (first, rest) = parts_of(ids(3), &|id| id != "00001");
        assert_eq!(first, ["00000", "00002"]);
        assert!(rest.is_empty());
        // Where none is taken, there may be some behind them.
        let (first, rest) = parts_of(ids(LISTED), &|_| false);
        assert!(first.is_empty());
        assert!(
            matches!(&*rest, [SearchPart::List(Some(after))] if **after == *format!("{:05}", LISTED - 1))
        );
        let (first, rest) = parts_of(ids(LISTED), &|_| true);
        assert_eq!((first.len(), rest.len()), (DECIDED, LISTED / DECIDED));
        assert!(
            matches!(&*rest, [SearchPart::Decide(some), .., SearchPart::List(Some(_))] if some[0] == "01024")
        );
        let (first, rest) = parts_of(ids(DECIDED + 1), &|_| true);
        assert_eq!(first.len(), DECIDED);
        assert!(matches!(&*rest, [SearchPart::Decide(some)] if some.len() == 1));
    }
}

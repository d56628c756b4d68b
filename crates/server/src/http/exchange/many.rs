//! Several questions of one request, decided from one state of policies and store.

use std::time::Duration;
use std::vec::IntoIter;

use super::super::problem::Problem;
use super::given::GivenDecision;
use super::open::Exchange;
use super::question::{DemandedState, NoQuestion, PermittedQuestion, QuestionItem};
use peppol_authz_engine::{Decision, Failure, SettledQuestion, Verdict};

/// The decisions of a batch, in the order of its questions. Each is given when it is its turn.
pub(in crate::http) struct BatchDecisions<'e, 'a> {
    exchange: &'e Exchange<'a>,
    rest: IntoIter<SettledQuestion<PermittedQuestion, NoQuestion>>,
    /// The share of one question in the time that all took: what they look at is loaded together.
    each: Duration,
}

impl<'a> Exchange<'a> {
    /// Decides questions in order, all from one state. `ends_at` returns true if a batch ends at an
    /// Allow or at anything else; what follows is not answered.
    ///
    /// # Errors
    /// Those that are a matter of all of the questions.
    pub(in crate::http) async fn many(
        &self,
        items: Vec<QuestionItem>,
        mut demanded: DemandedState,
        ends_at: impl Fn(bool) -> bool,
    ) -> Result<BatchDecisions<'_, 'a>, Problem> {
        for asked in items.iter().flatten() {
            demanded = demanded.and(&asked.options.demand);
        }
        let recall = self.recall(items.iter().flatten());
        self.has_read();
        let answered = self.session.decide_each(items, &demanded.0, recall);
        let answered = answered.await.map_err(|failure| self.failed(failure))?;
        self.has_decided();
        let mut answered: Vec<_> = answered
            .into_iter()
            .map(|answered| bound(self.permitted(answered)?))
            .collect();
        let end = answered
            .iter()
            .position(|answered| ends_at(is_allow(answered)));
        answered.truncate(end.map_or(answered.len(), |end| end + 1));
        let decided = answered.iter().filter(|answered| is_decided(answered));
        let decided = u32::try_from(decided.count()).unwrap_or(u32::MAX);
        Ok(BatchDecisions {
            exchange: self,
            rest: answered.into_iter(),
            each: self.started.elapsed() / decided.max(1),
        })
    }
}

impl Exchange<'_> {
    /// The decision, if the caller may know it. One that it may not know spoils itself alone.
    fn permitted(
        &self,
        answered: SettledQuestion<PermittedQuestion, NoQuestion>,
    ) -> SettledQuestion<PermittedQuestion, NoQuestion> {
        let permitted = match &answered {
            Ok((asked, Ok(decision))) => {
                self.permit_decided(&asked.question, decision, asked.explains)
            }
            Err(NoQuestion::Denied(denied)) => self.permit_denied(denied.action.as_ref()),
            Ok((_, Err(_))) | Err(NoQuestion::Refused(_)) => Ok(()),
        };
        match permitted {
            Ok(()) => answered,
            Err(problem) => Err(NoQuestion::Refused(problem)),
        }
    }
}

/// The decision for its caller.
fn bound(
    (asked, decision): (PermittedQuestion, Result<Decision, Failure>),
) -> SettledQuestion<PermittedQuestion, NoQuestion> {
    let decision = match decision {
        Ok(decision) => decision,
        Err(failure) => return Ok((asked, Err(failure))),
    };
    match asked.bind(decision) {
        Ok((asked, decision)) => Ok((asked, Ok(decision))),
        Err(denied) => Err(NoQuestion::Denied(denied)),
    }
}

fn is_allow(answered: &SettledQuestion<PermittedQuestion, NoQuestion>) -> bool {
    matches!(answered, Ok((_, Ok(decision))) if decision.verdict == Verdict::Allow)
}

fn is_decided(answered: &SettledQuestion<PermittedQuestion, NoQuestion>) -> bool {
    matches!(answered, Ok(_) | Err(NoQuestion::Denied(_)))
}

impl BatchDecisions<'_, '_> {
    /// Fails for the first question that has no decision, before any decision is given.
    ///
    /// # Errors
    /// See [`BatchDecisions::next`].
    pub(in crate::http) fn whole(self) -> Result<Self, Problem> {
        let exchange = self.exchange;
        let rest = self.rest.map(|answered| match answered {
            Ok((_, Err(failure))) => Err(exchange.failed(failure)),
            Err(NoQuestion::Refused(problem)) => Err(problem),
            decided => Ok(decided),
        });
        let rest = rest.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            rest: rest.into_iter(),
            ..self
        })
    }

    /// Gives the next decision.
    ///
    /// # Errors
    /// Something in the place of a question, a store that fails, a log that refuses: it is answered
    /// in the place of the decision.
    pub(in crate::http) async fn next(&mut self) -> Option<Result<GivenDecision, Problem>> {
        let exchange = self.exchange;
        Some(match self.rest.next()? {
            Ok((asked, Ok(decision))) => exchange.give(asked, decision, self.each).await,
            Ok((_, Err(failure))) => Err(exchange.failed(failure)),
            Err(NoQuestion::Denied(denied)) => exchange.give_denied(*denied, self.each).await,
            Err(NoQuestion::Refused(problem)) => Err(problem),
        })
    }
}

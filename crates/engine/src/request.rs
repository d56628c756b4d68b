//! Requests at a gateway: the questions that they are, and the decision whether they may pass.
//!
//! The route table ([`crate::policy::routes`]) says which questions a request is. Some
//! depend on what the store holds ("where the body changes the mode"), so the store is
//! read first and the questions are decided from the very state that they were made
//! from. All of them have to be allowed; where none is asked the request is denied.

mod ask;
mod facts;
mod said;

use std::sync::Arc;

use cedar_policy::EntityUid;

use crate::decide::{Decision, Failure, Members, Question, Reason, Session, Verdict, decide_batch};
use crate::policy::Bundle;
use crate::policy::routes::{Captures, RequestTarget, Route};
use crate::schema::{Designation, Misfit, Record};
use crate::slice::{Demand, InState, Moved, StateReading};

use ask::{Asking, Made};
use facts::Facts;
use said::Said;

/// All values of a header, by its name in lower case.
pub type Headers<'a> = &'a (dyn Fn(&str) -> Vec<&'a [u8]> + Send + Sync);

/// A request as a gateway tells of it.
#[derive(Clone, Copy)]
pub struct HttpRequest<'a> {
    /// Its headers.
    pub headers: Headers<'a>,
    /// The claims of the token about its sender.
    pub claims: Option<&'a Members>,
    /// Its body.
    pub body: Body<'a>,
}

/// The body of a request, as far as the gateway tells.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// It does not, or there is none.
    NotSent,
    /// The beginning of it.
    Partial,
    /// All of it.
    Text(&'a [u8]),
}

/// Limits of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Levels of arrays and objects in a body.
    pub json_depth: usize,
    /// Questions that one request may be.
    pub questions: usize,
    /// Entities that are looked at to find the one with a certain attribute.
    pub candidates: usize,
}

/// A request and the entry of the table that it matches.
pub struct Routed<'r> {
    session: &'r Session,
    target: RequestTarget<'r>,
    route: &'r Route,
    captures: Captures,
}

/// Why a request matches no entry. Neither is ever an Allow.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unrouted {
    /// Its path can be read in more than one way, or in none.
    #[error("the path cannot be read in one way alone: {0}")]
    Unreadable(Misfit),
    /// There is no such entry, or no table.
    #[error("no entry of the table matches the request")]
    NoRoute,
}

/// The decision whether a request may pass.
#[derive(Clone, Debug)]
pub struct RequestDecision {
    /// Only where all that was asked is allowed, and something was.
    pub verdict: Verdict,
    /// Of a denial: why, in the order of the table. The first one's code is the request's.
    pub reasons: Vec<Reason>,
    /// The obligations that the permits put on the service behind the gateway, each once.
    pub obligations: Vec<Arc<str>>,
    /// The principal, where there is such an entity type.
    pub principal: Option<EntityUid>,
    /// The questions, with their decisions.
    pub asked: Vec<(Question, Decision)>,
    /// The exact policies, schema and routes.
    pub policy_revision: Arc<str>,
    /// The state of the store; `None` where it was not needed.
    pub tenancy_revision: Option<Arc<str>>,
}

/// One question of a request, before it is asked.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The action.
    pub action: EntityUid,
    /// The resource.
    pub resource: EntityUid,
    /// The context.
    pub context: Record,
}

/// The result of one entry's `ask`, for the author of the table.
#[derive(Clone, Debug)]
pub enum Drafted {
    /// It is asked.
    Asked(Box<Draft>),
    /// It is not.
    NotAsked,
    /// It cannot be; the request is denied for that.
    Refused(Vec<Reason>),
    /// That depends on what the store holds, which was not looked at.
    Depends,
}

// === impl Routed ===

impl<'r> Routed<'r> {
    /// Finds the entry that a request matches. `target` is the path and query as the client sent
    /// them, nothing decoded.
    ///
    /// # Errors
    /// See [`Unrouted`].
    pub fn find(session: &'r Session, method: &str, target: &'r str) -> Result<Self, Unrouted> {
        let target = RequestTarget::parse(target).map_err(Unrouted::Unreadable)?;
        let routes = session.state.bundle.routes.as_ref();
        let routes = routes.ok_or(Unrouted::NoRoute)?;
        let (route, captures) = routes.find(method, &target).ok_or(Unrouted::NoRoute)?;
        Ok(Self {
            session,
            target,
            route,
            captures,
        })
    }

    /// Returns true if it may pass without a question.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.route.public.is_some()
    }

    /// Returns true if the body is needed to make the questions.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.route.reads_body
    }

    /// Returns true if the query has a parameter of that name.
    #[must_use]
    pub fn has_parameter(&self, name: &str) -> bool {
        self.target.has_parameter(name)
    }

    /// The entry.
    #[must_use]
    pub fn route(&self) -> &Route {
        self.route
    }
}

// === impl RequestDecision ===

impl RequestDecision {
    fn denied(bundle: &Bundle, reasons: Vec<Reason>) -> Self {
        Self {
            verdict: Verdict::Deny,
            reasons,
            obligations: Vec::new(),
            principal: None,
            asked: Vec::new(),
            policy_revision: Arc::clone(&bundle.revision),
            tenancy_revision: None,
        }
    }
}

impl Routed<'_> {
    /// Decides whether the request may pass, all of it from one state of the store.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn decide(
        &self,
        request: &HttpRequest<'_>,
        who: &Designation,
        limits: &RequestLimits,
        demand: &Demand,
    ) -> Result<RequestDecision, Failure> {
        let bundle = &self.session.state.bundle;
        let said = match Said::read(self, request, limits) {
            Ok(said) => said,
            Err(reason) => return Ok(RequestDecision::denied(bundle, vec![reason])),
        };
        let mut reading = self.reading(demand).await?;
        loop {
            let mut facts = Facts::default();
            let made = self
                .make(&said, who, limits, &mut facts, &mut reading)
                .await?;
            let InState::Same(Made {
                principal,
                questions,
            }) = made
            else {
                continue;
            };
            let batch = decide_batch(questions, bundle, &mut reading).await?;
            if batch.moved == Moved::Yes && !facts.is_empty() {
                // The questions were made from a state that is the past now.
                continue;
            }
            let mut decision = RequestDecision::denied(bundle, Vec::new());
            decision.principal = principal;
            decision.tenancy_revision = Some(Arc::clone(reading.revision()));
            for answered in batch.answered {
                match answered {
                    Err(reasons) => decision.reasons.extend(reasons),
                    Ok((question, answer)) => decision.take(question, answer?),
                }
            }
            decision.conclude();
            return Ok(decision);
        }
    }

    async fn reading<'a>(&'a self, demand: &'a Demand) -> Result<StateReading<'a>, Failure> {
        let actions = self.route.asks.iter().map(|ask| &ask.action);
        let freshness = self.session.freshness(actions);
        self.session.reading(freshness, demand).await
    }

    /// Makes the questions, from the facts of one state.
    async fn make(
        &self,
        said: &Said<'_, '_>,
        who: &Designation,
        limits: &RequestLimits,
        facts: &mut Facts,
        reading: &mut StateReading<'_>,
    ) -> Result<InState<Made>, Failure> {
        let schema = self.session.schema();
        loop {
            let asking = Asking {
                schema,
                said,
                facts,
            };
            match asking.made(&self.route.asks, who) {
                Ok(made) => return Ok(InState::Same(made)),
                Err(needs) => {
                    if facts.supply(needs, reading, limits.candidates).await? == Moved::Yes {
                        return Ok(InState::Moved);
                    }
                }
            }
        }
    }

    /// The questions of the request, before they are asked. Without a `demand` the store is not
    /// read.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn drafts(
        &self,
        request: &HttpRequest<'_>,
        limits: &RequestLimits,
        demand: Option<&Demand>,
    ) -> Result<Vec<Vec<Drafted>>, Failure> {
        let schema = self.session.schema();
        let said = match Said::read(self, request, limits) {
            Ok(said) => said,
            Err(reason) => return Ok(vec![vec![Drafted::Refused(vec![reason])]]),
        };
        let asks = &self.route.asks;
        let mut facts = Facts::default();
        let Some(demand) = demand else {
            let asking = Asking {
                schema,
                said: &said,
                facts: &facts,
            };
            let each = asks
                .iter()
                .map(|ask| asking.draft(ask).unwrap_or_else(|_| vec![Drafted::Depends]));
            return Ok(each.collect());
        };
        let mut reading = self.reading(demand).await?;
        loop {
            let asking = Asking {
                schema,
                said: &said,
                facts: &facts,
            };
            match asking.drafted(asks) {
                Ok(drafted) => return Ok(drafted),
                Err(needs) => {
                    let moved = facts.supply(needs, &mut reading, limits.candidates);
                    if moved.await? == Moved::Yes {
                        facts = Facts::default();
                    }
                }
            }
        }
    }
}

impl RequestDecision {
    /// Adds the answer to one question.
    fn take(&mut self, question: Question, answer: Decision) {
        if answer.verdict == Verdict::Deny {
            self.reasons.extend(answer.reasons.iter().cloned());
        }
        self.asked.push((question, answer));
    }

    /// An Allow needs that something was asked, that nothing was refused, and that each answer is
    /// an Allow.
    fn conclude(&mut self) {
        let allowed = |(_, answer): &(Question, Decision)| answer.verdict == Verdict::Allow;
        if self.asked.is_empty() && self.reasons.is_empty() {
            self.reasons.push(Reason::nothing_asked());
        }
        if self.reasons.is_empty() && !self.asked.is_empty() && self.asked.iter().all(allowed) {
            self.verdict = Verdict::Allow;
            for (_, answer) in &self.asked {
                for obligation in &answer.obligations {
                    if !self.obligations.contains(obligation) {
                        self.obligations.push(Arc::clone(obligation));
                    }
                }
            }
        }
    }
}

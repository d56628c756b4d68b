//! Requests at a gateway: the questions that they become, and the decision if they may pass.
//!
//! 1. The route table ([`crate::policy::routes`]) has one entry for a request, found by method and
//!    path. The path is decoded once, and a path that can be read in two ways is refused.
//! 2. [`said`] is the content of the request: path, query, headers, claims, body. [`facts`] is the
//!    state of the store, as far as it decides the questions ("where the body changes the mode").
//!    [`ask`] makes the questions of both.
//! 3. If a fact is missing, it is loaded and all is made again; if the state has moved on meanwhile,
//!    likewise. So the questions are made and decided in one state.
//! 4. All questions are decided like a batch. A request passes if something was asked and all of it
//!    is allowed.

mod ask;
mod body;
mod claimed;
mod decide;
mod draft;
mod facts;
mod locate;
mod said;

use std::sync::Arc;

use cedar_policy::EntityUid;

use crate::decide::{Decision, Members, Question, Reason, Session, Verdict};
use crate::policy::routes::{Captures, RequestTarget, Route};
use crate::schema::{Misfit, Record};

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
    /// Bytes that these may have in common, counted for each.
    pub questions_bytes: usize,
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

/// Why a request matches no entry. None of these is ever an Allow.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unrouted {
    /// Its path can be read in more than one way, or in none.
    #[error("the path cannot be read in one way alone: {0}")]
    Unreadable(Misfit),
    /// An entry denies it, for this reason.
    #[error("the table denies it: {0}")]
    Denied(Arc<str>),
    /// There is no such entry, or no table.
    #[error("no entry of the table matches the request")]
    NoRoute,
}

/// The decision if a request may pass.
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
        let Some((route, captures)) = routes.find(method, &target) else {
            let denial = routes.denial(method, &target).cloned();
            return Err(denial.map_or(Unrouted::NoRoute, Unrouted::Denied));
        };
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

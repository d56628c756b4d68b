//! Refusals that are no policy's.

use axum::http::HeaderName;

use super::super::problem::Problem;
use super::request::LineFault;
use peppol_authz_engine::schema::Misfit;

/// A reason to answer a request without a decision by policies.
pub(super) enum RequestRefusal {
    /// The gateway's endpoint is not set.
    GatewayDisabled,
    /// The gateway does not tell method and target, each in one way.
    LineMalformed(LineFault),
    /// A header that names the caller does not have one value. One of two may be a client's.
    CallerHeaderNotOne(HeaderName),
    /// The request asks for another method than its own.
    MethodOverridden,
    /// The route table has no such route.
    RouteUnknown,
    /// The path can be read in more than one way, or in none.
    PathUnreadable(Misfit),
    /// A header that demands a state does not fit.
    DemandMalformed(String),
    /// The caller has to say who it is.
    CallerUnauthorized(TokenFault),
    /// The body is at fault, or the server.
    Failed(Problem),
}

/// The fault of a missing or refused token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenFault {
    /// No token was sent.
    Missing,
    /// The token is not accepted.
    Invalid,
}

impl From<Problem> for RequestRefusal {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl TokenFault {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::Invalid => "TOKEN_INVALID",
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Missing => "a bearer token is wanted",
            Self::Invalid => "this token is not taken",
        }
    }
}

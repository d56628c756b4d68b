//! The answer to a gateway.

use axum::http::StatusCode;
use uuid::Uuid;

use super::super::exchange::ReleasedAnswer;
use super::super::problem::Problem;
use super::outcome::RequestOutcome;

/// An answer, and the id that it is called by.
pub(super) struct GatewayAnswer {
    id: Uuid,
    outcome: RequestOutcome,
}

impl GatewayAnswer {
    /// An outcome that observers have received.
    pub(super) fn released(id: Uuid, outcome: ReleasedAnswer<RequestOutcome>) -> Self {
        let outcome = outcome.into_inner();
        Self { id, outcome }
    }

    /// In place of an outcome: a problem, which is never an Allow.
    pub(super) fn failed(id: Uuid, problem: &Problem) -> Self {
        let outcome = RequestOutcome::failed(problem);
        Self { id, outcome }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn outcome(&self) -> &RequestOutcome {
        &self.outcome
    }

    pub(super) fn status(&self) -> StatusCode {
        self.outcome.status()
    }

    /// Of a denial; empty where it is allowed.
    pub(super) fn code(&self) -> &str {
        self.outcome.code()
    }

    /// The message to the sender of the request.
    pub(super) fn message(&self) -> &str {
        self.outcome.message()
    }
}

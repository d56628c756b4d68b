//! The outcome of a request: may it go through?

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::StatusCode;
use cedar_policy::EntityUid;

use super::super::handed::HandedPlan;
use super::super::problem::Problem;
use super::decided::decided_entities;
use super::refusal::{RequestRefusal, TokenFault};
use super::request::LineFault;
use peppol_authz_engine::{Decision, Question, RequestDecision, Verdict};

/// The code of a policy that forbids and has none.
const FORBIDDEN: &str = "FORBIDDEN";

/// An outcome, with the questions that it rests on.
pub(super) type DecidedRequest = (RequestOutcome, Vec<(Question, Decision)>);

/// May it go through?
pub(super) enum RequestOutcome {
    /// It may.
    Allowed {
        /// The caller, where it is known.
        principal: Option<EntityUid>,
        /// Conditions that the service behind has to fulfil.
        obligations: Vec<Arc<str>>,
        /// The entities that were decided on, as the service is told them.
        entities: String,
        /// The plan of the rows that it lists.
        plan: Option<HandedPlan>,
    },
    /// It may not.
    Denied {
        code: Cow<'static, str>,
        message: Cow<'static, str>,
    },
    /// The caller has to say who it is.
    Unauthorized(TokenFault),
    /// There is no decision.
    Failed {
        status: StatusCode,
        code: &'static str,
        message: String,
    },
}

impl RequestOutcome {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Allowed { .. } => StatusCode::OK,
            Self::Denied { .. } => StatusCode::FORBIDDEN,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Failed { status, .. } => *status,
        }
    }

    /// Of a denial; empty where it is allowed.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Allowed { .. } => "",
            Self::Denied { code, .. } => code,
            Self::Unauthorized(fault) => fault.code(),
            Self::Failed { code, .. } => code,
        }
    }

    /// The message to the sender of the request.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Allowed { .. } => "",
            Self::Denied { message, .. } => message,
            Self::Unauthorized(fault) => fault.message(),
            Self::Failed { message, .. } => message,
        }
    }

    /// Allowed to everybody.
    pub(super) fn public() -> Self {
        Self::Allowed {
            principal: None,
            obligations: Vec::new(),
            entities: String::new(),
            plan: None,
        }
    }

    /// As the policies decide, with the questions that this rests on. `most` is how many bytes may
    /// tell their entities.
    pub(super) fn decided(
        mut decision: RequestDecision,
        most: usize,
        plan: Option<HandedPlan>,
    ) -> DecidedRequest {
        let asked = std::mem::take(&mut decision.asked);
        let outcome = match decision.verdict {
            Verdict::Allow => Self::Allowed {
                entities: decided_entities(&asked, most),
                principal: decision.principal,
                obligations: decision.obligations,
                plan,
            },
            Verdict::Deny => {
                let reason = decision.reasons.into_iter().next();
                let (code, message) =
                    reason.map_or((None, None), |reason| (reason.code, reason.message));
                Self::denied(code, message)
            }
        };
        (outcome, asked)
    }

    fn denied(code: Option<Arc<str>>, message: Option<Arc<str>>) -> Self {
        let text = |text: Arc<str>| Cow::Owned(text.as_ref().to_owned());
        Self::Denied {
            code: code.map_or(Cow::Borrowed(FORBIDDEN), text),
            message: message.map_or(Cow::Borrowed("this is not allowed"), text),
        }
    }

    /// Without a decision by policies; a problem is logged.
    pub(super) fn refused(refusal: RequestRefusal) -> Self {
        let (code, message) = match refusal {
            RequestRefusal::GatewayDisabled => {
                denial("GATEWAY_DISABLED", "this gateway is not answered here")
            }
            RequestRefusal::LineMalformed(fault @ LineFault::Fragment) => {
                denial("PATH_UNREADABLE", fault.to_string())
            }
            RequestRefusal::LineMalformed(fault) => denial("GATEWAY_MALFORMED", fault.to_string()),
            RequestRefusal::CallerHeaderNotOne(name) => denial(
                "GATEWAY_MALFORMED",
                format!("`{name}`: one value is wanted"),
            ),
            RequestRefusal::MethodOverridden => {
                let text = "it asks for another method than the request's own";
                denial("METHOD_OVERRIDDEN", text)
            }
            RequestRefusal::RouteUnknown => denial("ROUTE_UNKNOWN", "there is no such route"),
            RequestRefusal::PathUnreadable(misfit) => denial("PATH_UNREADABLE", misfit.to_string()),
            RequestRefusal::DemandMalformed(text) => denial("REQUEST_MALFORMED", text),
            RequestRefusal::CallerUnauthorized(fault) => return Self::Unauthorized(fault),
            RequestRefusal::Failed(problem) => return Self::failed(&problem),
        };
        Self::Denied { code, message }
    }

    /// Of a problem, which is logged. None is ever allowed.
    pub(super) fn failed(problem: &Problem) -> Self {
        problem.log();
        let status = match problem {
            // The sender cannot do anything about it.
            Problem::PlanTooWide(_) | Problem::PlanNotExact(_) => StatusCode::INTERNAL_SERVER_ERROR,
            // No fault of the sender's.
            Problem::TooOften(_) => StatusCode::SERVICE_UNAVAILABLE,
            problem => problem.status(),
        };
        if status.is_client_error() {
            return Self::Denied {
                code: Cow::Borrowed(problem.code()),
                message: Cow::Owned(problem.detail()),
            };
        }
        Self::Failed {
            status,
            code: problem.code(),
            message: problem.detail(),
        }
    }

    /// `None` where there is no decision.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Allowed { .. } => Some(Verdict::Allow),
            Self::Denied { .. } | Self::Unauthorized(_) => Some(Verdict::Deny),
            Self::Failed { .. } => None,
        }
    }

    /// Returns true if this decision is the outcome: an Allow rests on all of them, a denial on those
    /// with its code.
    pub(super) fn is_of(&self, decision: &Decision) -> bool {
        let mut codes = decision.reasons.iter().map(|reason| reason.code.as_deref());
        decision.verdict == Verdict::Allow
            || codes.any(|code| code.unwrap_or(FORBIDDEN) == self.code())
    }
}

/// The code and the message of a denial.
fn denial(
    code: &'static str,
    message: impl Into<Cow<'static, str>>,
) -> (Cow<'static, str>, Cow<'static, str>) {
    (Cow::Borrowed(code), message.into())
}

//! Errors on the wire: RFC 9457, `application/problem+json`.

use std::sync::LazyLock;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::turns::LogTurns;
use crate::telemetry;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Failure, Malformed};

/// Everything that is answered with an error. None of it is an Allow.
#[derive(Debug)]
pub enum Problem {
    /// The question does not fit.
    Malformed(Malformed),
    /// The body is larger than the limit, in bytes.
    BodyTooLarge(usize),
    /// The batch, in this member, has more questions than the limit.
    BatchTooLarge(&'static str, usize),
    /// The questions of the batch, in this member, are longer than the limit, in bytes, each with
    /// what it shares with others.
    BatchTooLong(&'static str, usize),
    /// The caller may not have decisions explained.
    ExplainNotAllowed,
    /// The caller has to say who it is.
    CallerUnknown,
    /// The caller may not ask this; why.
    CallerNotAllowed(&'static str),
    /// The caller asks too often; so many seconds later it may ask again.
    TooOften(u64),
    /// The caller has as many requests in hand as it may have.
    TooMuchAtOnce,
    /// The body does not say that it is JSON.
    NotJson,
    /// The body did not arrive in time, or not whole.
    BodyNotRead(&'static str),
    /// The store cannot be reached; for the log.
    Unavailable(String),
    /// The keys that tokens are verified with cannot be had; for the log.
    KeysUnavailable(String),
    /// The introspection endpoint does not say whose a token is; for the log.
    IntrospectionUnavailable(String),
    /// The store has not reached the state that was asked for.
    Behind,
    /// The state that was asked for is of another history of the store.
    AnotherHistory,
    /// More candidates of a search would have to be decided than this limit.
    TooWide(usize),
    /// The condition of a plan would have to name more than it may; what, for the caller.
    PlanTooWide(String),
    /// A plan cannot say exactly what the policies say; where, for the caller.
    PlanNotExact(String),
    /// The answer took too long.
    TimedOut,
    /// The decision log takes no more, and by its settings no answer leaves without a line.
    NotLogged,
    /// All connections are in use.
    Busy,
    /// There is too much to do.
    Overloaded(Overload),
    /// Not ready: no state of the store to answer from yet.
    NotReady,
    /// The store holds something that cannot be used; for the log.
    Tenancy(String),
    /// A fault of this program; for the log.
    Internal(String),
    /// No such path.
    NotFound,
    /// There is no plan of that id, or not any more.
    NoSuchPlan,
    /// No such policy.
    NoSuchPolicy,
    /// No such method on this path.
    MethodNotAllowed,
    /// This path is for reading alone; what to do instead.
    ReadOnly(&'static str),
    /// All entities of the store would be longer than this, in bytes.
    DataTooLong(usize),
}

/// The thing that there is too much of. More of it is refused at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// Questions that wait for the store.
    Store,
    /// Large requests.
    LargeRequests,
    /// Work for the processors.
    Workers,
}

impl Overload {
    /// Its name in metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::LargeRequests => "large_requests",
            Self::Workers => "workers",
        }
    }
}

/// The reason why there is no decision. `code` never changes its meaning.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl Problem {
    /// The one place where an error becomes a status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::NotJson => StatusCode::BAD_REQUEST,
            Self::ExplainNotAllowed | Self::CallerNotAllowed(_) => StatusCode::FORBIDDEN,
            Self::CallerUnknown => StatusCode::UNAUTHORIZED,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTooLarge(_) | Self::BatchTooLarge(..) | Self::BatchTooLong(..) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::BodyNotRead(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable(_)
            | Self::KeysUnavailable(_)
            | Self::IntrospectionUnavailable(_)
            | Self::Behind
            | Self::TimedOut
            | Self::NotLogged
            | Self::Busy
            | Self::TooMuchAtOnce
            | Self::Overloaded(_)
            | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Tenancy(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AnotherHistory => StatusCode::CONFLICT,
            Self::TooWide(_)
            | Self::PlanTooWide(_)
            | Self::PlanNotExact(_)
            | Self::DataTooLong(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound | Self::NoSuchPlan | Self::NoSuchPolicy => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed | Self::ReadOnly(_) => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// A name for programs, which never changes its meaning.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code,
            Self::BodyTooLarge(_) => "BODY_TOO_LARGE",
            Self::BatchTooLarge(..) | Self::BatchTooLong(..) => "BATCH_TOO_LARGE",
            Self::ExplainNotAllowed => "EXPLAIN_NOT_ALLOWED",
            Self::CallerUnknown => "CALLER_UNKNOWN",
            Self::CallerNotAllowed(_) => "CALLER_NOT_ALLOWED",
            Self::TooOften(_) => "CALLER_ASKS_TOO_OFTEN",
            Self::TooMuchAtOnce => "CALLER_ASKS_TOO_MUCH",
            Self::NotJson => "CONTENT_TYPE_NOT_JSON",
            Self::BodyNotRead(_) => "BODY_NOT_READ",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
            Self::KeysUnavailable(_) => "KEYS_UNAVAILABLE",
            Self::IntrospectionUnavailable(_) => "INTROSPECTION_UNAVAILABLE",
            Self::Behind => "STORE_BEHIND",
            Self::AnotherHistory => "REVISION_OF_ANOTHER_HISTORY",
            Self::TooWide(_) => "SEARCH_TOO_WIDE",
            Self::PlanTooWide(_) => "PLAN_TOO_WIDE",
            Self::PlanNotExact(_) => "PLAN_NOT_EXACT",
            Self::TimedOut => "TIMED_OUT",
            Self::NotLogged => "DECISION_NOT_LOGGED",
            Self::Busy => "CONNECTIONS_IN_USE",
            Self::Overloaded(_) => "OVERLOADED",
            Self::NotReady => "NOT_READY",
            Self::Tenancy(_) => "TENANCY_UNUSABLE",
            Self::Internal(_) => "INTERNAL",
            Self::NotFound | Self::NoSuchPlan | Self::NoSuchPolicy => "NOT_FOUND",
            Self::MethodNotAllowed | Self::ReadOnly(_) => "METHOD_NOT_ALLOWED",
            Self::DataTooLong(_) => "DATA_TOO_LONG",
        }
    }

    /// The text for the caller.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Malformed(malformed) => malformed.to_string(),
            Self::BodyTooLarge(limit) => format!("the body is larger than {limit} bytes"),
            Self::BatchTooLarge(member, limit) => {
                format!("`{member}`: more than {limit} questions")
            }
            Self::BatchTooLong(member, limit) => format!(
                "`{member}`: the questions, each with what it shares with others, are longer than \
                 {limit} bytes; see the setting `limits.batch_bytes`"
            ),
            Self::ExplainNotAllowed => {
                "`explain`: this caller may not have decisions explained; the setting \
                 `explain.allow` says who may, or a caller has the role `explain`"
                    .to_owned()
            }
            Self::CallerUnknown => "the caller of this sidecar has to say who it is: by a \
                                    certificate, a key or a token"
                .to_owned(),
            Self::CallerNotAllowed(why) => {
                format!("the caller of this sidecar may not ask this: {why}")
            }
            Self::TooOften(_) => {
                "this caller asks too often; see the setting `callers.rate`".to_owned()
            }
            Self::TooMuchAtOnce => {
                "this caller asks too much at once; see the setting `callers.concurrency`"
                    .to_owned()
            }
            Self::NotJson => "`content-type`: `application/json` is wanted".to_owned(),
            Self::BodyNotRead(why) => (*why).to_owned(),
            Self::Unavailable(_) => "the tenancy store cannot be reached".to_owned(),
            Self::KeysUnavailable(_) | Self::IntrospectionUnavailable(_) => {
                "tokens cannot be verified at present".to_owned()
            }
            Self::Behind => {
                "the tenancy store has not reached the state that was asked for".to_owned()
            }
            Self::AnotherHistory => "`atLeast`: the revision is of another history of the tenancy \
                                     store, which was restored or replaced since, or it is older \
                                     than the records that the store keeps; ask without it"
                .to_owned(),
            Self::TooWide(limit) => format!(
                "more than {limit} candidates would have to be decided for this page; ask for a \
                 shorter one, or raise `limits.candidates`"
            ),
            Self::PlanTooWide(text) => format!(
                "{text}; name a table for that type in `columns`, or raise `limits.plan_ids` or \
                 `limits.candidates`"
            ),
            Self::PlanNotExact(text) => text.clone(),
            Self::TimedOut => "the answer took too long".to_owned(),
            Self::NotLogged => "the decision could not be logged; see the log".to_owned(),
            Self::Busy => "all connections are in use".to_owned(),
            Self::Overloaded(_) => {
                "more is asked than can be answered; ask again a little later".to_owned()
            }
            Self::NotReady => "not ready yet; see `/readyz`".to_owned(),
            Self::Tenancy(_) => {
                "the tenancy store holds something that cannot be used; see the log".to_owned()
            }
            Self::Internal(_) => "a fault of the program; see the log".to_owned(),
            Self::NotFound => "there is no such path".to_owned(),
            Self::NoSuchPlan => "there is no plan of that id, or its time is over".to_owned(),
            Self::NoSuchPolicy => "there is no such policy".to_owned(),
            Self::MethodNotAllowed => "this path does not take this method".to_owned(),
            Self::ReadOnly(instead) => (*instead).to_owned(),
            Self::DataTooLong(limit) => format!(
                "the entities are longer than {limit} bytes: `peppol-authz export --cedar FILE` writes them"
            ),
        }
    }

    /// Writes the problem to the log, if it is time for a line with its code.
    pub fn log(&self) {
        static TURNS: LazyLock<LogTurns<&'static str>> = LazyLock::new(LogTurns::default);
        let turn = || TURNS.turn(self.code(), Instant::now());
        if let Some(trace) = telemetry::current() {
            trace.problem(self.code());
        }
        match self {
            Self::Unavailable(text)
            | Self::KeysUnavailable(text)
            | Self::IntrospectionUnavailable(text)
            | Self::Tenancy(text)
            | Self::Internal(text) => {
                if let Some(left_out) = turn() {
                    tracing::error!(
                        code = self.code(),
                        cause = text,
                        left_out,
                        "a question was not answered"
                    );
                }
            }
            Self::Overloaded(overload) => {
                if let Some(left_out) = turn() {
                    let of = overload.name();
                    tracing::warn!(
                        code = self.code(),
                        of,
                        left_out,
                        "a question was not answered"
                    );
                }
            }
            Self::Behind | Self::TimedOut | Self::NotLogged | Self::NotReady => {
                if let Some(left_out) = turn() {
                    tracing::warn!(code = self.code(), left_out, "a question was not answered");
                }
            }
            _ => tracing::debug!(
                code = self.code(),
                detail = self.detail(),
                "a request was refused"
            ),
        }
    }

    /// The header that belongs to it, on every surface.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::TooOften(seconds) => Some((RETRY_AFTER, HeaderValue::from(*seconds))),
            Self::CallerUnknown => {
                let challenge = HeaderValue::from_static("Bearer realm=\"peppol-authz\"");
                Some((WWW_AUTHENTICATE, challenge))
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Some((RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        }
    }

    pub(super) fn body(&self) -> ProblemBody {
        let status = self.status();
        ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.code(),
            detail: self.detail(),
        }
    }
}

impl ProblemBody {
    fn json(&self) -> Vec<u8> {
        // A struct of strings and a number always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(error) => Self::Unavailable(error.to_string()),
            Failure::Behind => Self::Behind,
            Failure::AnotherHistory => Self::AnotherHistory,
            Failure::Overloaded => Self::Overloaded(Overload::Store),
            Failure::TooWide(limit) => Self::TooWide(limit),
            Failure::PlanTooWide { .. } => Self::PlanTooWide(failure.to_string()),
            Failure::NotExact { .. } => Self::PlanNotExact(failure.to_string()),
            Failure::Tenancy(text) => Self::Tenancy(text),
            Failure::Described => Self::Malformed(Malformed {
                code: "ENTITY_REFERS_TO_NOTHING",
                misfit: Misfit::new(failure.to_string()),
            }),
            Failure::NoShard | Failure::SmallStack { .. } => Self::Internal(failure.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.response()
    }
}

impl Problem {
    /// The problem as problem details.
    pub(super) fn response(&self) -> Response {
        self.log();
        static OVERLOADED: LazyLock<Bytes> =
            LazyLock::new(|| Problem::Overloaded(Overload::Workers).body().json().into());
        let body = match self {
            // A flood of these is answered with a text that was made once.
            Self::Overloaded(_) => Body::from(OVERLOADED.clone()),
            _ => Body::from(self.body().json()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.extend(self.header());
        response
    }
}

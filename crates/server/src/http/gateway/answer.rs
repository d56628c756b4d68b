//! What a gateway is told.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cedar_policy::EntityUid;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use uuid::Uuid;

use super::super::{App, REQUEST_ID};
use super::who::Unauthorized;

/// An answer, and what it is called.
pub(super) struct Answer {
    pub(super) id: Uuid,
    pub(super) outcome: Outcome,
}

/// May it go through?
pub(super) enum Outcome {
    /// It may.
    Allowed {
        /// Who asked, where it is known.
        principal: Option<EntityUid>,
        /// What is to be done with it.
        obligations: Vec<Arc<str>>,
    },
    /// It may not.
    Denied {
        code: Cow<'static, str>,
        message: Cow<'static, str>,
    },
    /// It has to be said who asks.
    Unauthorized(Unauthorized),
    /// There is no decision.
    Failed {
        status: StatusCode,
        code: &'static str,
        message: String,
    },
}

static SUBJECT: HeaderName = HeaderName::from_static("x-authz-subject");
static SUBJECT_TYPE: HeaderName = HeaderName::from_static("x-authz-subject-type");
static DECISION_ID: HeaderName = HeaderName::from_static("x-authz-decision-id");
static OBLIGATIONS: HeaderName = HeaderName::from_static("x-authz-obligations");
static CODE: HeaderName = HeaderName::from_static("x-authz-code");

/// An answer is good once. That of an Allow is not among its headers, which may be those of the
/// request that goes on.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What would not arrive as it is. Blanks at either end are taken off a header, and `%` is for
/// these.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

// === impl Answer ===

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match &self.outcome {
            Outcome::Allowed { .. } => StatusCode::OK,
            Outcome::Denied { .. } => StatusCode::FORBIDDEN,
            Outcome::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Outcome::Failed { status, .. } => *status,
        }
    }

    /// Of a denial; empty where it is allowed.
    pub(super) fn code(&self) -> &str {
        self.outcome.code()
    }

    /// What whoever sent the request is told.
    pub(super) fn message(&self) -> &str {
        self.outcome.message()
    }

    /// The headers, all that the outcome can have: where there is nothing to say the value is empty,
    /// so that the gateway overwrites what the client sent under that name.
    pub(super) fn headers(&self, app: &App) -> Vec<(HeaderName, HeaderValue)> {
        let mut id = Uuid::encode_buffer();
        let id = value(self.id.hyphenated().encode_lower(&mut id));
        let mut all = Vec::with_capacity(6);
        all.push((DECISION_ID.clone(), id));
        if let Outcome::Allowed {
            principal,
            obligations,
        } = &self.outcome
        {
            let (subject, kind) = match principal {
                Some(uid) => (
                    encoded(uid.id().as_ref()),
                    value(&uid.type_name().to_string()),
                ),
                None => (value(""), value("")),
            };
            all.push((SUBJECT.clone(), subject));
            all.push((SUBJECT_TYPE.clone(), kind));
            all.push((OBLIGATIONS.clone(), value(&obligations.join(", "))));
            return all;
        }
        all.push((CACHE_CONTROL, NO_STORE));
        all.push((CODE.clone(), encoded(self.code())));
        all.push((CONTENT_TYPE, app.gateway.denial.content_type()));
        match &self.outcome {
            Outcome::Unauthorized(unauthorized) => {
                let [missing, invalid] = &app.gateway.challenges;
                let challenge = match unauthorized {
                    Unauthorized::Missing => missing,
                    Unauthorized::Invalid => invalid,
                };
                all.push((WWW_AUTHENTICATE, challenge.clone()));
            }
            Outcome::Failed { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE => {
                all.push((RETRY_AFTER, HeaderValue::from_static("1")));
            }
            _ => {}
        }
        all
    }

    /// The body; none where it is allowed.
    pub(super) fn body(&self, app: &App, request_id: Option<&str>) -> Vec<u8> {
        match &self.outcome {
            Outcome::Allowed { .. } => Vec::new(),
            _ => app.gateway.denial.body(self, request_id),
        }
    }

    pub(super) fn into_response(self, app: &App, request: &HeaderMap) -> Response {
        let id = request.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
        let mut response = (self.status(), self.body(app, id)).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        headers.insert(CACHE_CONTROL, NO_STORE);
        for (name, value) in self.headers(app) {
            headers.insert(name, value);
        }
        response
    }
}

// === impl Outcome ===

impl Outcome {
    /// Of a denial; empty where it is allowed.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Allowed { .. } => "",
            Self::Denied { code, .. } => code,
            Self::Unauthorized(Unauthorized::Missing) => "TOKEN_MISSING",
            Self::Unauthorized(Unauthorized::Invalid) => "TOKEN_INVALID",
            Self::Failed { code, .. } => code,
        }
    }

    /// What whoever sent the request is told.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Allowed { .. } => "",
            Self::Denied { message, .. } => message,
            Self::Unauthorized(Unauthorized::Missing) => "a bearer token is wanted",
            Self::Unauthorized(Unauthorized::Invalid) => "this token is not taken",
            Self::Failed { message, .. } => message,
        }
    }
}

/// A value that is printable ASCII whatever the text is.
fn encoded(text: &str) -> HeaderValue {
    value(&Cow::from(utf8_percent_encode(text, ENCODED)))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(const { HeaderValue::from_static("") })
}

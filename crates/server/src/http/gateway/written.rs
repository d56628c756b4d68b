//! An answer as headers and a body.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::super::handed::HandedPlan;
use super::super::header_text;
use super::super::request::REQUEST_ID;
use super::answer::GatewayAnswer;
use super::outcome::RequestOutcome;
use super::refusal::TokenFault;
use super::settings::Gateway;

static SUBJECT: HeaderName = HeaderName::from_static("x-authz-subject");
static SUBJECT_TYPE: HeaderName = HeaderName::from_static("x-authz-subject-type");
static DECISION_ID: HeaderName = HeaderName::from_static("x-authz-decision-id");
static RESOURCE: HeaderName = HeaderName::from_static("x-authz-resource");
static PLAN: HeaderName = HeaderName::from_static("x-authz-plan");
static PLAN_ID: HeaderName = HeaderName::from_static("x-authz-plan-id");
static OBLIGATIONS: HeaderName = HeaderName::from_static("x-authz-obligations");
static CODE: HeaderName = HeaderName::from_static("x-authz-code");

/// An answer is good once. An Allow does not carry this header, as the gateway may add its headers to
/// the request that goes on.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl GatewayAnswer {
    /// All headers that such an outcome can have. A header with nothing to say is empty, so that the
    /// gateway overwrites the client's header of that name.
    pub(super) fn headers(&self, gateway: &Gateway) -> Vec<(HeaderName, HeaderValue)> {
        let mut id = Uuid::encode_buffer();
        let id = value(self.id().hyphenated().encode_lower(&mut id));
        let mut all = Vec::with_capacity(8);
        all.push((DECISION_ID.clone(), id));
        if let RequestOutcome::Allowed {
            principal,
            obligations,
            entities,
            plan,
        } = self.outcome()
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
            all.push((RESOURCE.clone(), value(entities)));
            let (text, id) = match plan {
                Some(HandedPlan::Text(text)) => (value(text), value("")),
                Some(HandedPlan::Kept(id)) => (value(""), value(&id.to_string())),
                None => (value(""), value("")),
            };
            all.push((PLAN.clone(), text));
            all.push((PLAN_ID.clone(), id));
            all.push((OBLIGATIONS.clone(), value(&obligations.join(", "))));
            return all;
        }
        all.push((CACHE_CONTROL, NO_STORE));
        all.push((CODE.clone(), encoded(self.code())));
        all.push((CONTENT_TYPE, gateway.denial.content_type()));
        match self.outcome() {
            RequestOutcome::Unauthorized(fault) => {
                let [missing, invalid] = &gateway.challenges;
                let challenge = match fault {
                    TokenFault::Missing => missing,
                    TokenFault::Invalid => invalid,
                };
                all.push((WWW_AUTHENTICATE, challenge.clone()));
            }
            RequestOutcome::Failed { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE => {
                all.push((RETRY_AFTER, HeaderValue::from_static("1")));
            }
            _ => {}
        }
        all
    }

    /// The body; none where it is allowed.
    pub(super) fn body(&self, gateway: &Gateway, request_id: Option<&str>) -> Vec<u8> {
        match self.outcome() {
            RequestOutcome::Allowed { .. } => Vec::new(),
            _ => gateway.denial.body(self, request_id),
        }
    }

    pub(super) fn into_response(self, gateway: &Gateway, request: &HeaderMap) -> Response {
        let id = request.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
        let mut response = (self.status(), self.body(gateway, id)).into_response();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        headers.insert(CACHE_CONTROL, NO_STORE);
        for (name, value) in self.headers(gateway) {
            headers.insert(name, value);
        }
        response
    }
}

/// A value that is printable ASCII whatever the text is.
fn encoded(text: &str) -> HeaderValue {
    value(&header_text::encoded(text))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(const { HeaderValue::from_static("") })
}

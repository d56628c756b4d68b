//! Errors as Cerbos's clients raise them: a gRPC status in JSON.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::super::problem::Problem;

#[derive(Serialize)]
struct CerbosError {
    /// The number of a gRPC status.
    code: u8,
    message: String,
    details: [(); 0],
}

/// The problem as an error. Clients look at its number, and retry what is unavailable.
pub(super) fn response(problem: &Problem) -> Response {
    problem.log();
    let (code, status) = match problem {
        // FAILED_PRECONDITION, as for policies that Cerbos cannot use.
        Problem::PlanTooWide(_) | Problem::PlanNotExact(_) => (9, StatusCode::BAD_REQUEST),
        problem => {
            let status = problem.status();
            let code = match status {
                StatusCode::BAD_REQUEST => 3,
                StatusCode::UNAUTHORIZED => 16,
                StatusCode::FORBIDDEN => 7,
                StatusCode::TOO_MANY_REQUESTS => 8,
                StatusCode::REQUEST_TIMEOUT => 1,
                StatusCode::CONFLICT => 10,
                StatusCode::PAYLOAD_TOO_LARGE => 8,
                StatusCode::SERVICE_UNAVAILABLE => 14,
                _ => 13,
            };
            (code, status)
        }
    };
    let text = match problem {
        Problem::PlanTooWide(text) => {
            format!("{text}; raise `limits.plan_ids` or `limits.candidates`, or ask `/v1/plan`")
        }
        problem => problem.detail(),
    };
    let body = CerbosError {
        code,
        message: format!("{}: {text}", problem.code()),
        details: [],
    };
    // Strings and a number always have a JSON form.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(problem.header());
    response
}

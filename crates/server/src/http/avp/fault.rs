//! Errors as the service's SDKs raise them.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::Problem;

/// What a client sees of a [`Problem`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(rename = "__type")]
    kind: String,
    message: String,
    /// Of a `ValidationException`: the member at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field_list: Option<[Field; 1]>,
}

#[derive(Serialize)]
struct Field {
    path: String,
    message: String,
}

const SERVICE: &str = "com.amazonaws.verifiedpermissions";
/// Of errors that belong to no service.
const PROTOCOL: &str = "com.amazon.coral.service";

/// The problem as an exception: what a client may mend is never tried again, what is wrong
/// here is, by the status.
pub(super) fn response(problem: &Problem) -> Response {
    problem.log();
    let status = problem.status();
    let (space, name) = match problem {
        Problem::Malformed(malformed) => match malformed.code {
            "UNKNOWN_OPERATION" => (PROTOCOL, "UnknownOperationException"),
            "MALFORMED_JSON" => (PROTOCOL, "SerializationException"),
            _ => (SERVICE, "ValidationException"),
        },
        _ if status.is_server_error() => (SERVICE, "InternalServerException"),
        _ => (SERVICE, "ValidationException"),
    };
    let field_list = match problem {
        Problem::Malformed(malformed) if name == "ValidationException" => Some([Field {
            path: malformed.misfit.member.clone(),
            message: malformed.misfit.problem.clone(),
        }]),
        _ => None,
    };
    let body = Body {
        kind: format!("{space}#{name}"),
        message: problem.body().detail,
        field_list,
    };
    // Strings always have a JSON form.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = (status, body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

//! Errors as the service's SDKs raise them.

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::super::problem::Problem;

/// A [`Problem`] as a client sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exception {
    #[serde(rename = "__type")]
    kind: String,
    message: String,
    /// Of a `ValidationException`: the member at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field_list: Option<[FaultyField; 1]>,
}

#[derive(Serialize)]
struct FaultyField {
    path: String,
    message: String,
}

const SERVICE: &str = "com.amazonaws.verifiedpermissions";
/// The name space of errors that belong to no service.
const PROTOCOL: &str = "com.amazon.coral.service";

/// The problem as an exception. By the status, clients retry faults of the server, and never faults
/// of their own.
pub(super) fn response(problem: &Problem) -> Response {
    problem.log();
    let status = problem.status();
    let (space, name) = match problem {
        Problem::Malformed(malformed) => match malformed.code {
            "UNKNOWN_OPERATION" => (PROTOCOL, "UnknownOperationException"),
            "MALFORMED_JSON" => (PROTOCOL, "SerializationException"),
            _ => (SERVICE, "ValidationException"),
        },
        Problem::CallerUnknown | Problem::CallerNotAllowed(_) => (SERVICE, "AccessDeniedException"),
        Problem::TooOften(_) => (SERVICE, "ThrottlingException"),
        _ if status.is_server_error() => (SERVICE, "InternalServerException"),
        _ => (SERVICE, "ValidationException"),
    };
    let field_list = match problem {
        Problem::Malformed(malformed) if name == "ValidationException" => Some([FaultyField {
            path: malformed.misfit.member.clone(),
            message: malformed.misfit.problem.clone(),
        }]),
        _ => None,
    };
    let body = Exception {
        kind: format!("{space}#{name}"),
        message: problem.body().detail,
        field_list,
    };
    // Strings always have a JSON form.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = (status, body).into_response();
    response.headers_mut().extend(problem.header());
    response
}

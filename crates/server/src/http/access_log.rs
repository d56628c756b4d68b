//! The access log: a record of each request, where the settings want one.
//!
//! A record has the path of the route and not that of the request, which may hold ids, and who asked; of what was asked
//! it has nothing. The decision log tells of that, and both have the request's id.

use std::time::Duration;

use axum::body::HttpBody as _;
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::request::marks;
use crate::config::LogRequests;
use peppol_authz_engine::RequestMarks;

/// Makes the records.
#[derive(Clone, Copy, Debug)]
pub struct AccessLog {
    is_on: bool,
}

/// A request that has a record once it is answered.
#[derive(Debug)]
pub(super) struct Accessed {
    method: &'static str,
    path: &'static str,
    marks: RequestMarks,
}

impl AccessLog {
    pub(super) fn new(requests: LogRequests) -> Self {
        Self {
            is_on: requests == LogRequests::All,
        }
    }

    /// Begins a record, if there is to be one. The path is that of a route.
    pub(super) fn begin(
        self,
        method: &Method,
        path: &'static str,
        headers: &HeaderMap,
    ) -> Option<Accessed> {
        self.is_on.then(|| Accessed {
            method: method_name(method),
            path,
            marks: marks(headers),
        })
    }
}

impl Accessed {
    /// Writes the record of an answer. The caller has no name where it was not let in.
    pub(super) fn answered(self, caller: &str, response: &Response, took: Duration) {
        self.end(
            caller,
            response.status().as_u16(),
            response.body().size_hint().exact(),
            took,
        );
    }

    /// The same for an answer that is inside another one.
    pub(super) fn end(self, caller: &str, status: u16, bytes: Option<u64>, took: Duration) {
        tracing::info!(
            caller,
            method = self.method,
            path = self.path,
            status,
            bytes,
            seconds = took.as_secs_f64(),
            request_id = self.marks.request_id.as_deref(),
            traceparent = self.marks.traceparent.as_deref(),
            "answered"
        );
    }
}

/// The name of a method; a client can invent others.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

//! The place of a check in a trace, and its marks for the decision log.

use tonic::Request;

use super::messages::{CheckRequest, HttpRequest};
use crate::http::request::marks_of;
use crate::telemetry::TraceContext;
use peppol_authz_engine::RequestMarks;

/// The place of a check in a trace: Envoy's own word about it counts, and else the headers of the request that it
/// asks about.
pub(super) fn trace_context(request: &Request<CheckRequest>) -> Option<TraceContext> {
    let told = |name: &'static str| {
        let values = request.metadata().get_all(name).iter();
        values.map(|value| value.as_bytes().to_vec()).collect()
    };
    let own: Vec<Vec<u8>> = told("traceparent");
    if !own.is_empty() {
        return read(&own, &told("tracestate"));
    }
    let attributes = request.get_ref().attributes.as_ref();
    let http = attributes.and_then(|all| all.request.as_ref()?.http.as_ref())?;
    read(&sent(http, "traceparent"), &sent(http, "tracestate"))
}

/// The marks of a check: those of the request that it asks about, and else Envoy's own.
pub(super) fn check_marks(request: &Request<CheckRequest>) -> RequestMarks {
    let attributes = request.get_ref().attributes.as_ref();
    let http = attributes.and_then(|all| all.request.as_ref()?.http.as_ref());
    let marks = |name: &str| http.and_then(|http| sent(http, name).into_iter().next());
    let told = |name: &str| {
        request
            .metadata()
            .get(name)
            .map(|value| value.as_bytes().to_vec())
    };
    let found = ["x-request-id", "traceparent"].map(|name| marks(name).or_else(|| told(name)));
    marks_of(|name| {
        let [id, trace] = &found;
        let value = if name == "traceparent" { trace } else { id };
        value.as_deref()
    })
}

/// The values of a header, which Envoy tells one by one or joined.
fn sent(http: &HttpRequest, name: &str) -> Vec<Vec<u8>> {
    let one_by_one = http.header_map.iter().flat_map(|raw| &raw.headers);
    let one_by_one = one_by_one.filter(|header| header.key.eq_ignore_ascii_case(name));
    let one_by_one = one_by_one.map(|header| match header.raw_value.as_slice() {
        [] => header.value.as_bytes().to_vec(),
        raw => raw.to_vec(),
    });
    let joined = http.headers.get(name);
    let joined = joined.map(|value| value.as_bytes().to_vec());
    joined.into_iter().chain(one_by_one).collect()
}

fn read(parent: &[Vec<u8>], state: &[Vec<u8>]) -> Option<TraceContext> {
    TraceContext::read(
        parent.iter().map(Vec::as_slice),
        state.iter().map(Vec::as_slice),
    )
}

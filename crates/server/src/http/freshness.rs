//! Headers by which a request demands a new enough state of the store.
//!
//! They are for gateways, which pass headers on and do not write questions.

use axum::http::{HeaderMap, HeaderValue};
use utoipa::IntoParams;

use super::openapi::{MaxAge, TenancyRevision};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{Headers, Malformed, Session};

/// The state has to hold this revision.
const AT_LEAST: &str = "tenancy-at-least";

/// The state may have been the newest that long ago, as `200ms` or `5s`.
const MAX_AGE: &str = "tenancy-max-age";

/// The headers of a question, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "they are read by name, as they may come more than once"
)]
pub(super) struct Demands {
    /// The state has to hold this revision of the tenancy store.
    #[param(rename = "Tenancy-At-Least", value_type = TenancyRevision, required = false)]
    at_least: String,
    /// The state may have been the newest that long ago.
    #[param(rename = "Tenancy-Max-Age", value_type = MaxAge, required = false)]
    max_age: String,
    /// Comes back as it was sent.
    #[param(rename = "X-Request-ID", required = false)]
    request_id: String,
}

/// All values of a header.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    let all = headers.get_all(name).iter();
    all.map(HeaderValue::as_bytes).collect()
}

/// The demand of a request's headers. Of a header that is sent more than once, all values count.
pub(super) fn demand(headers: Headers<'_>, session: &Session) -> Result<Demand, Malformed> {
    let mut demand = Demand::default();
    // A value that is no text is no revision and no duration either.
    let text = |value| std::str::from_utf8(value).unwrap_or_default();
    for value in headers(AT_LEAST) {
        session.at_least(&mut demand, AT_LEAST, text(value))?;
    }
    for value in headers(MAX_AGE) {
        session.max_age(&mut demand, MAX_AGE, text(value))?;
    }
    Ok(demand)
}

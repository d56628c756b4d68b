//! How new the state has to be, as a header of any surface says it.
//!
//! For gateways, which pass headers on and do not write questions.

use axum::http::HeaderMap;

use crate::engine::{Malformed, Session};
use crate::slice::Demand;

/// The state has to hold this revision.
const AT_LEAST: &str = "tenancy-at-least";

/// The state may have been the newest that long ago, as `200ms` or `5s`.
const MAX_AGE: &str = "tenancy-max-age";

/// What the headers of a request demand; of one that is sent more than once, all of
/// it.
pub(super) fn demand(headers: &HeaderMap, session: &Session<'_>) -> Result<Demand, Malformed> {
    let mut demand = Demand::default();
    for (name, value) in headers {
        let name = name.as_str();
        if name == AT_LEAST || name == MAX_AGE {
            // What is no text is no revision and no duration either.
            let text = value.to_str().unwrap_or_default();
            if name == AT_LEAST {
                session.at_least(&mut demand, name, text)?;
            } else {
                session.max_age(&mut demand, name, text)?;
            }
        }
    }
    Ok(demand)
}

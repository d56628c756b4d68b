//! The body of a batch.

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use peppol_authz_engine::Malformed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BatchEnvelope<'a> {
    #[serde(borrow)]
    requests: &'a RawValue,
    at_least: Option<Json>,
    max_age: Option<Json>,
}

/// The questions of a batch, and the demand for all of them.
pub(super) struct BatchBody<'a> {
    pub(super) requests: Vec<&'a RawValue>,
    pub(super) demand: Map<String, Json>,
}

/// Reads the questions of a batch, and does not parse them: a malformed question spoils only itself.
/// Messages of serde are not passed on, since they repeat what was sent.
pub(super) fn read(body: &[u8]) -> Result<BatchBody<'_>, Malformed> {
    let fault = |error: serde_json::Error, wanted: &str| {
        let place = format!("line {} column {}", error.line(), error.column());
        match error.classify() {
            Category::Data => Malformed::json(wanted),
            Category::Io | Category::Syntax | Category::Eof => {
                Malformed::json(format!("no JSON at {place}"))
            }
        }
    };
    let object = "an object with `requests` is wanted, and nothing else but `atLeast` and `maxAge`";
    if body
        .trim_ascii_start()
        .first()
        .is_some_and(|first| *first != b'{')
    {
        return Err(Malformed::json(object));
    }
    let envelope: BatchEnvelope<'_> =
        serde_json::from_slice(body).map_err(|error| fault(error, object))?;
    let requests = serde_json::from_str(envelope.requests.get())
        .map_err(|error| fault(error, "`requests`: an array of questions is wanted"))?;
    let demand = [("atLeast", envelope.at_least), ("maxAge", envelope.max_age)];
    let demand = demand
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    Ok(BatchBody { requests, demand })
}

//! Instants as people and stores write them.
//!
//! Cedar writes one that was computed as an offset from another, which no store does.

use serde_json::{Value as Json, json};

use peppol_authz_engine::schema::instant_text;

/// The same with each `offset(datetime("…"), duration("…ms"))` as one `datetime("…")`, as far
/// as there is a text for it.
pub(super) fn plain(json: Json) -> Json {
    if let Some(text) = json.get("__extn").and_then(datetime) {
        return json!({"__extn": {"fn": "datetime", "arg": text}});
    }
    match json {
        Json::Array(elements) => elements.into_iter().map(plain).collect(),
        Json::Object(members) => {
            let members = members.into_iter();
            Json::Object(members.map(|(name, json)| (name, plain(json))).collect())
        }
        other => other,
    }
}

/// Cedar counts from the beginning of 1970.
fn datetime(call: &Json) -> Option<String> {
    if call.get("fn")?.as_str()? != "offset" {
        return None;
    }
    let [from, by] = call.get("args")?.as_array()?.as_slice() else {
        return None;
    };
    let is_epoch = from
        .pointer("/__extn/arg")?
        .as_str()?
        .starts_with("1970-01-01");
    let by = by.pointer("/__extn/arg")?.as_str()?;
    let milliseconds = by.strip_suffix("ms")?.parse().ok()?;
    is_epoch.then(|| instant_text(milliseconds)).flatten()
}

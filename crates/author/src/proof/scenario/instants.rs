//! Instants as people and stores write them.
//!
//! Cedar writes one that was computed as an offset from another, which no store does.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value as Json, json};

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
    is_epoch.then(|| since_epoch(milliseconds)).flatten()
}

/// So many milliseconds from the beginning of 1970 on; `None` outside of four-digit years.
fn since_epoch(milliseconds: i64) -> Option<String> {
    let text = DateTime::from_timestamp_millis(milliseconds)?;
    let text = text.to_rfc3339_opts(SecondsFormat::Millis, true);
    (text.len() == "2024-02-29T23:59:59.007Z".len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_have_four_digits() {
        let text = |milliseconds| since_epoch(milliseconds);
        assert_eq!(text(0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(text(-1).as_deref(), Some("1969-12-31T23:59:59.999Z"));
        assert_eq!(text(i64::MAX), None);
        assert_eq!(
            text(253_402_300_799_999).as_deref(),
            Some("9999-12-31T23:59:59.999Z")
        );
        assert_eq!(text(253_402_300_800_000), None);
    }
}

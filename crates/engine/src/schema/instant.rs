//! Instants that were computed, as text.
//!
//! A text of Cedar's `datetime` has a year of four digits; what is computed may be before or after
//! these. Such an instant is written as its distance from the beginning of 1970, `…ms`, which is no
//! `datetime` by itself.

use cedar_policy::RestrictedExpression;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value as Json, json};

use super::extension::ExtensionType;

/// The instant that Cedar counts from.
pub(super) const EPOCH: &str = "1970-01-01";

/// The text of an instant, by its milliseconds from 1970 on; `None` outside of four-digit years.
#[must_use]
pub fn instant_text(milliseconds: i64) -> Option<String> {
    let text = DateTime::from_timestamp_millis(milliseconds)?;
    let text = text.to_rfc3339_opts(SecondsFormat::Millis, true);
    (text.len() == "2024-02-29T23:59:59.007Z".len()).then_some(text)
}

/// The same, or the distance of an instant that has no such text.
pub(super) fn instant(milliseconds: i64) -> String {
    instant_text(milliseconds).unwrap_or_else(|| format!("{milliseconds}ms"))
}

/// True if a text is the distance of an instant that has no other text.
pub(super) fn is_distance(text: &str) -> bool {
    text.ends_with("ms")
}

/// An instant as an expression that Cedar takes.
pub(super) fn expression(text: &str) -> RestrictedExpression {
    // A number, which this program has written itself, leaves nothing open.
    let number = text.strip_suffix("ms").map(str::parse::<i64>);
    let Some(Ok(milliseconds)) = number else {
        return RestrictedExpression::new_datetime(text);
    };
    format!("datetime(\"{EPOCH}\").offset(duration(\"{milliseconds}ms\"))")
        .parse()
        .unwrap_or_else(|_| RestrictedExpression::new_datetime(text))
}

/// An instant in Cedar's JSON form.
pub(super) fn json(text: &str) -> Json {
    let datetime = ExtensionType::DateTime;
    if !is_distance(text) {
        return datetime.json(text);
    }
    let arguments = [datetime.json(EPOCH), ExtensionType::Duration.json(text)];
    json!({"__extn": {"fn": "offset", "args": arguments}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_have_four_digits() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-62167219200001ms"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "253402300800000ms"),
            (i64::MAX, "9223372036854775807ms"),
            (i64::MIN, "-9223372036854775808ms"),
        ] {
            assert_eq!(instant(milliseconds), text);
            let read = cedar_policy::Context::from_pairs([("at".to_owned(), expression(text))]);
            assert!(read.is_ok(), "{text}: {read:?}");
            let read = cedar_policy::Context::from_json_value(json!({"at": json(text)}), None);
            assert!(read.is_ok(), "{text}: {read:?}");
        }
    }
}

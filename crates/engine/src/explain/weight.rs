//! The work that it takes to copy, to check and to read values, in steps.

use cedar_policy::{EntityUid, EvalResult};

use crate::schema::{Record, Row, Value};

/// Steps for any value.
const EACH: usize = 2;

/// Bytes of text that are one step more.
const BYTES: usize = 32;

fn text(text: &str) -> usize {
    EACH + text.len() / BYTES
}

fn uid(uid: &EntityUid) -> usize {
    text(uid.id().as_ref())
}

pub(super) fn of_value(value: &Value) -> usize {
    match value {
        Value::Bool(_) | Value::Long(_) => EACH,
        Value::String(string) | Value::Extension(_, string) => text(string),
        Value::Entity(entity) => uid(entity),
        Value::Set(values) => EACH + values.iter().map(of_value).sum::<usize>(),
        Value::Record(record) => EACH + of_record(record),
    }
}

pub(super) fn of_record(record: &Record) -> usize {
    let members = record.iter();
    members
        .map(|(name, value)| name.len() / BYTES + of_value(value))
        .sum()
}

pub(super) fn of_row(row: &Row) -> usize {
    let tags = row.tags.iter();
    let tags = tags.map(|(key, value)| text(key) + of_value(value));
    let ancestors = row.ancestors.iter().map(uid);
    uid(&row.uid) + of_record(&row.attributes) + tags.chain(ancestors).sum::<usize>()
}

/// Steps for a value that Cedar has evaluated and copied.
pub(super) fn of_result(result: &EvalResult) -> usize {
    match result {
        EvalResult::Bool(_) | EvalResult::Long(_) => EACH,
        EvalResult::String(string) | EvalResult::ExtensionValue(string) => text(string),
        EvalResult::EntityUid(entity) => uid(entity),
        EvalResult::Set(set) => EACH + set.iter().map(of_result).sum::<usize>(),
        EvalResult::Record(record) => {
            let members = record.iter();
            EACH + members
                .map(|(name, value)| text(name) + of_result(value))
                .sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn many_values_and_long_ones_are_more_work() {
        let string = |length: usize| Value::String("x".repeat(length).into());
        let set = |values: usize| Value::Set(vec![string(3); values].into());
        assert!(of_value(&set(80_000)) > 1_000 * of_value(&set(10)));
        assert!(of_value(&string(1 << 20)) > 1_000 * of_value(&string(10)));
        let record = Record::from([(Arc::from("set"), set(80_000))]);
        assert!(of_record(&record) >= of_value(&set(80_000)));
        let inner = Value::Record(Arc::new(record));
        assert!(of_value(&inner) > of_value(&set(80_000)));
    }
}

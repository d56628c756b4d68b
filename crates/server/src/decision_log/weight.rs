//! The memory that a decision takes while it waits.

use serde_json::Value as Json;

use peppol_authz_engine::schema::{Record, Row};
use peppol_authz_engine::{Decided, Question};

/// The bytes of an empty decision.
const ALONE: usize = 1 << 10;

/// The bytes of a JSON value, and of a member's name.
const VALUE: usize = 64;

/// The memory that a decision takes while it waits, about, in bytes. Entities that others keep too
/// are counted in full, as the others may drop them meanwhile.
#[must_use]
pub fn weight(decided: &Decided) -> usize {
    let question = decided.question.as_ref().map_or(0, of_question);
    let decision = &decided.decision;
    let slice = decision.slice.iter();
    let slice = slice.map(|seen| seen.loaded.row.weight());
    let errors = decision.errors.iter().map(String::len);
    ALONE + question + of_json(&decided.said) + slice.sum::<usize>() + errors.sum::<usize>()
}

fn of_question(question: &Question) -> usize {
    let named = [&question.principal, &question.resource].map(|uid| {
        let id: &str = uid.id().as_ref();
        id.len()
    });
    let described = question.described.iter().map(Row::weight);
    // Both exist a second time for Cedar.
    2 * (named.iter().sum::<usize>() + of_record(&question.context)) + described.sum::<usize>()
}

fn of_record(record: &Record) -> usize {
    let values = record.iter();
    values
        .map(|(name, value)| VALUE + name.len() + value.weight())
        .sum()
}

fn of_json(json: &Json) -> usize {
    VALUE
        + match json {
            Json::String(text) => text.len(),
            Json::Array(values) => values.iter().map(of_json).sum(),
            Json::Object(members) => members
                .iter()
                .map(|(name, json)| VALUE + name.len() + of_json(json))
                .sum(),
            _ => 0,
        }
}

//! The memory that a decision takes while it waits.

use peppol_authz_engine::schema::{Row, json_weight, record_weight};
use peppol_authz_engine::{Decided, Question};

/// The bytes of an empty decision.
const ALONE: usize = 3 << 10;

/// The bytes of an entity in a slice, beside the entity itself.
const SEEN: usize = 64;

/// The bytes of a link of the store.
const LINK: usize = 400;

/// The memory that a decision takes while it waits, about, in bytes. Entities that others keep too
/// are counted in full, as the others may drop them meanwhile.
#[must_use]
pub fn weight(decided: &Decided) -> usize {
    match &decided.decision.notes {
        Some(notes) => notes.weight(|| weigh(decided)),
        None => weigh(decided),
    }
}

fn weigh(decided: &Decided) -> usize {
    let question = decided.question.as_ref().map_or(0, of_question);
    let decision = &decided.decision;
    let slice = decision.slice.iter();
    let slice = slice.map(|seen| SEEN + seen.loaded.row.weight());
    let errors = decision.errors.iter().map(String::len);
    let absent = decision.absent.iter().chain(&decision.missing);
    let absent = absent.map(|_| SEEN);
    ALONE
        + question
        + json_weight(&decided.said)
        + slice.sum::<usize>()
        + errors.sum::<usize>()
        + absent.sum::<usize>()
        + decision.links.len() * LINK
}

fn of_question(question: &Question) -> usize {
    let named = [&question.principal, &question.resource].map(|uid| {
        let id: &str = uid.id().as_ref();
        id.len()
    });
    let described = question.described.rows().iter().map(Row::weight);
    let context = &question.context;
    // A context of nothing is one for all.
    let context = if context.is_empty() {
        0
    } else {
        record_weight(context)
    };
    2 * named.iter().sum::<usize>() + context + described.sum::<usize>()
}

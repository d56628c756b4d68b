//! The entities that policies name are written as they are stored.

use super::written::WrittenPolicies;
use crate::policy::fault::{Fault, Severity};
use crate::schema::Schema;

/// Faults after which no further literal is looked at.
const MAX_LITERALS: usize = 1000;

/// Checks that literals are in the stored spelling. A literal in another one never equals
/// anything, and neither does one that is no id, or that nothing can be stored under: a forbid that
/// names it would never fire.
pub(super) fn canonical_literals(
    schema: &Schema,
    written: &WrittenPolicies,
    faults: &mut Vec<Fault>,
) {
    let before = faults.len();
    for info in written.all() {
        for literal in info.policy.entity_literals() {
            let canonical = schema.canonical(literal.clone());
            let canonical = canonical.and_then(|uid| schema.check_stored(&uid).map(|()| uid));
            if canonical.as_ref() == Ok(&literal) {
                continue;
            }
            // To look for each of very many takes longer than to name the first.
            if faults.len() - before > MAX_LITERALS {
                return;
            }
            let id: &str = literal.id().as_ref();
            let (start, len) = match info.source().find(id) {
                Some(at) => (info.place.start + at, id.len()),
                None => (info.place.start, info.place.len()),
            };
            let fault = |text: &str| Fault::new(&info.file, Severity::Invalid, text).at(start, len);
            faults.push(match canonical {
                Ok(canonical) => fault("an id that is not written as it is stored")
                    .advise(format!("write `{canonical}`")),
                Err(misfit) => fault(&format!("no entity can have this id: it {misfit}")),
            });
        }
    }
}

//! Views whose rows change with rows of other entities.
//!
//! A record names the entity of the row that was written. Where a view reads a table more than once, looks
//! over other rows by a window or by a common table expression, or gathers rows, another entity may have
//! changed too.

use std::collections::{BTreeMap, BTreeSet};

use super::dependence::{Dependence, Reads};
use super::notes::Notes;
use super::shipped;

/// The entity types of which a record says no more than that some have changed. Not so are the
/// shipped views, which read the rows of their own entity alone (`is_shipped`: in a database that this program
/// made), and those of tables whose triggers record all that changes, by the word of their operator.
pub(super) fn types_with_others(
    dependence: &Dependence,
    notes: &Notes,
    is_shipped: bool,
) -> BTreeSet<String> {
    let shipped = if is_shipped {
        shipped::reads()
    } else {
        BTreeMap::new()
    };
    let mut found = BTreeSet::new();
    for (view, reads) in &dependence.reads {
        let of = view.split('.').next().unwrap_or(view);
        let is_made = shipped.get(view.as_str()).is_some_and(|made| {
            !reads.looks_over && reads.times == made.times && (made.gathers || !reads.gathers)
        });
        if !is_made && may_show_others(reads, of, notes) {
            found.insert(of.to_owned());
        }
    }
    found
}

fn may_show_others(reads: &Reads, of: &str, notes: &Notes) -> bool {
    let is_told = |name: &String| notes.tell_others.contains(&(name.clone(), of.to_owned()));
    let often = |(name, times): (&String, &u64)| *times > 1 && !is_told(name);
    (reads.looks_over || reads.gathers) && !reads.times.keys().all(is_told)
        || reads.times.iter().any(often)
}

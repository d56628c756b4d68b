//! The functions that the migrations make, as their files have them: only as they are made do triggers
//! record each change.

use std::collections::BTreeMap;

use super::migrate::MIGRATIONS;

/// The body of each, by name and arguments as they are declared.
pub(super) fn bodies() -> BTreeMap<(&'static str, &'static str), &'static str> {
    let mut bodies = BTreeMap::new();
    for migration in MIGRATIONS {
        for at in ["\nCREATE FUNCTION ", "\nCREATE OR REPLACE FUNCTION "] {
            bodies.extend(migration.sql.split(at).skip(1).filter_map(function));
        }
    }
    bodies
}

/// One that begins with its name.
fn function(text: &'static str) -> Option<((&'static str, &'static str), &'static str)> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, rest) = rest.split_once(')')?;
    let body = rest.split("$$").nth(1)?;
    Some(((name, arguments), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_each_function_is_found() {
        let bodies = bodies();
        assert_eq!(bodies.len(), 11);
        let history = bodies[&("tenancy_history", "")];
        assert!(history.contains("whole_since"), "{history}");
        let record = bodies[&("tenancy_record", "entity_types text[], entity_ids text[]")];
        assert!(record.contains("tenancy_whole_since"), "{record}");
    }
}

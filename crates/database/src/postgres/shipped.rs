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

/// How often each view reads a table, by their names, as the newest migration makes it.
pub(super) fn reads() -> BTreeMap<&'static str, BTreeMap<String, u64>> {
    let mut views = BTreeMap::new();
    for migration in MIGRATIONS {
        for at in ["\nCREATE VIEW \"", "\nCREATE OR REPLACE VIEW \""] {
            views.extend(migration.sql.split(at).skip(1).filter_map(view));
        }
    }
    views
}

/// A view that begins with its name.
fn view(text: &'static str) -> Option<(&'static str, BTreeMap<String, u64>)> {
    let (name, rest) = text.split_once('"')?;
    let (body, _) = rest.split_once(';')?;
    let mut times = BTreeMap::new();
    let mut words = body.split(|letter: char| letter.is_whitespace() || "()".contains(letter));
    while let Some(word) = words.next() {
        if ["FROM", "JOIN"].contains(&word)
            && let Some(table) = words.next().filter(|table| !table.is_empty())
        {
            *times.entry(table.to_owned()).or_default() += 1;
        }
    }
    Some((name, times))
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
    fn the_tables_of_each_view_are_counted() {
        let views = reads();
        assert_eq!(views.len(), 14);
        let times = |view: &str| -> Vec<(&str, u64)> {
            let times = views[view].iter();
            times.map(|(name, times)| (name.as_str(), *times)).collect()
        };
        let user = [("account", 1), ("membership", 5), ("registered_user", 1)];
        assert_eq!(times("Peppol::User"), user);
        assert_eq!(times("Peppol::User.tags"), [("membership", 3)]);
        assert_eq!(times("Peppol::Document"), [("document", 1)]);
    }

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

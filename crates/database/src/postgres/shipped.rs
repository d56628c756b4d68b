//! The objects that the migrations make, as their files have them: only with functions as they are made do triggers record
//! each change.

use std::collections::BTreeMap;

use super::dependence::Reads;
use super::migrate::MIGRATIONS;
use crate::sql::{SqlDialect, Word, gathering, statements};

/// An object that a migration makes.
struct ShippedObject {
    name: String,
    /// The words behind its name.
    words: Vec<Word<'static>>,
    /// The text that these are of.
    sql: &'static str,
}

/// The objects of a kind that the migrations make, oldest first.
fn made(kind: &str) -> Vec<ShippedObject> {
    let mut made = Vec::new();
    for migration in MIGRATIONS {
        for statement in statements(migration.sql, SqlDialect::Postgres) {
            let words = match statement.words.as_slice() {
                [create, or, replace, words @ ..]
                    if create.is("create") && or.is("or") && replace.is("replace") =>
                {
                    words
                }
                [create, words @ ..] if create.is("create") => words,
                _ => continue,
            };
            if let [of, name, words @ ..] = words
                && of.is(kind)
                && let Some(name) = name.name()
            {
                let (words, sql) = (words.to_vec(), migration.sql);
                made.push(ShippedObject { name, words, sql });
            }
        }
    }
    made
}

/// The names of the tables.
pub(super) fn tables() -> Vec<String> {
    made("table").into_iter().map(|made| made.name).collect()
}

/// The names of the functions.
pub(super) fn functions() -> Vec<String> {
    made("function").into_iter().map(|made| made.name).collect()
}

/// The body of each function, by its name and its arguments as they are declared.
pub(super) fn bodies() -> BTreeMap<(String, String), &'static str> {
    let bodies = made("function").into_iter();
    bodies.filter_map(function).collect()
}

fn function(made: ShippedObject) -> Option<((String, String), &'static str)> {
    let arguments = match made.words.as_slice() {
        [open, ..] if open.text == "(" => {
            let close = made.words.iter().find(|word| word.text == ")")?;
            made.sql.get(open.end()..close.at)?
        }
        _ => return None,
    };
    let mut bodies = made.words.iter().map(|word| word.text);
    let body = bodies.find_map(|text| text.strip_prefix("$$")?.strip_suffix("$$"))?;
    Some(((made.name, arguments.to_owned()), body))
}

/// How each view reads tables, as the newest migration makes it.
pub(super) fn reads() -> BTreeMap<String, Reads> {
    let views = made("view").into_iter();
    views
        .map(|made| (made.name, reads_of(&made.words)))
        .collect()
}

fn reads_of(words: &[Word<'_>]) -> Reads {
    let mut reads = Reads::default();
    for pair in words.windows(2) {
        if let [before, table] = pair
            && (before.is("from") || before.is("join"))
            && let Some(table) = table.name()
        {
            *reads.times.entry(table).or_default() += 1;
        }
    }
    let words: Vec<&str> = words.iter().map(|word| word.text).collect();
    reads.gathers = !gathering(&words).is_empty();
    reads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_each_view_are_counted() {
        let views = reads();
        assert_eq!(views.len(), 14);
        let times = |view: &str| -> Vec<(&str, u64)> {
            let times = views[view].times.iter();
            times.map(|(name, times)| (name.as_str(), *times)).collect()
        };
        let user = [("account", 1), ("membership", 5), ("registered_user", 1)];
        assert_eq!(times("Peppol::User"), user);
        assert_eq!(times("Peppol::User.tags"), [("membership", 3)]);
        assert_eq!(times("Peppol::Document"), [("document", 1)]);
        let gathering = views.iter().filter(|(_, reads)| reads.gathers);
        let gathering: Vec<&str> = gathering.map(|(name, _)| name.as_str()).collect();
        assert_eq!(gathering, ["Peppol::User", "Peppol::User.tags"]);
    }

    #[test]
    fn the_tables_and_functions_of_the_migrations_are_known() {
        let (tables, functions) = (tables(), functions());
        for name in [
            "organisation",
            "tenancy_change",
            "derived_orgadmin",
            "invitation",
        ] {
            assert!(tables.iter().any(|it| it == name), "{name}: {tables:?}");
        }
        for name in ["tenancy_changed", "tenancy_record", "tenancy_history"] {
            assert!(
                functions.iter().any(|it| it == name),
                "{name}: {functions:?}"
            );
        }
    }

    #[test]
    fn the_newest_of_each_function_is_found() {
        let bodies = bodies();
        assert_eq!(bodies.len(), 11);
        let body = |name: &str, arguments: &str| bodies[&(name.to_owned(), arguments.to_owned())];
        let history = body("tenancy_history", "");
        assert!(history.contains("whole_since"), "{history}");
        let record = body("tenancy_record", "entity_types text[], entity_ids text[]");
        assert!(record.contains("tenancy_whole_since"), "{record}");
    }
}

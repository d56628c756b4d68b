//! A digest of all that a description rests on, as part of each state: the rows of the catalog that
//! define views, tables, triggers, functions and values.
//!
//! Each row counts by the transaction that wrote it last, so that what was changed and changed back
//! counts as well. A table that is emptied, rewritten, or gets row security or its first heir has
//! another row in `pg_class`; what VACUUM and ANALYZE keep there they write in place, which does not
//! count. Attributes are needed beside it: a column that is renamed changes nothing else. Triggers count
//! by their own ids, since those of foreign keys are many and note nothing.

use super::dependence::Dependence;
use super::notes::Notes;
use super::records::Records;

/// Settings that values as text, and comparisons of times, depend on.
const SETTINGS: [&str; 9] = [
    "TimeZone",
    "DateStyle",
    "IntervalStyle",
    "extra_float_digits",
    "bytea_output",
    "xmlbinary",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
];

/// The expression of it, without parameters. It is the same for the same snapshot.
pub(super) fn digest(
    dependence: &Dependence,
    notes: &Notes,
    records: Option<&Records>,
    functions: &[u32],
) -> String {
    let own = records.map(|records| &records.relations);
    let relations = list(
        dependence
            .relations()
            .chain(own.into_iter().flatten().copied()),
    );
    let functions = list(notes.functions.iter().chain(functions).copied());
    let mut parts = vec![
        part("pg_class", "oid", "oid", &relations, ""),
        part(
            "pg_attribute",
            "attrelid",
            "attrelid::bigint * 2048 + attnum",
            &relations,
            " AND attnum > 0",
        ),
        part(
            "pg_rewrite",
            "ev_class",
            "oid",
            &list(dependence.views.iter().copied()),
            "",
        ),
        part(
            "pg_trigger",
            "oid",
            "oid",
            &list(notes.triggers.iter().copied()),
            "",
        ),
        part("pg_proc", "oid", "oid", &functions, ""),
        part(
            "pg_subscription_rel",
            "srrelid",
            "srrelid",
            &list(dependence.tables.keys().copied()),
            "",
        ),
    ];
    if !dependence.enumerations.is_empty() {
        let of = list(dependence.enumerations.iter().copied());
        parts.push(part("pg_enum", "enumtypid", "oid", &of, ""));
    }
    if let Some(records) = records.filter(|records| records.has_noted) {
        parts.push(format!(
            "SELECT hashtextextended(noted::text, 0) FROM {}.tenancy_noted AS noted",
            records.quoted_schema()
        ));
    }
    let parts = parts.join(" UNION ALL ");
    format!("(SELECT concat(count(*), '.', sum(part)) FROM ({parts}) AS parts (part))")
}

/// The expression of the settings that count. They change without a transaction.
pub(super) fn settings() -> String {
    let settings = SETTINGS
        .map(|name| format!("current_setting('{name}')"))
        .join(", ");
    format!("concat_ws('/', {settings})")
}

/// A number for each row of a catalog that is of these objects.
fn part(catalog: &str, by: &str, id: &str, of: &str, more: &str) -> String {
    format!(
        "SELECT hashint8extended(({id})::bigint, xmin::text::bigint) FROM pg_catalog.{catalog} \
         WHERE {by} = ANY ({of}){more}"
    )
}

fn list(of: impl Iterator<Item = u32>) -> String {
    format!("'{}'::oid[]", super::relations::oids(of))
}

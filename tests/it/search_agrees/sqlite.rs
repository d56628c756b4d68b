//! A world in tables of SQLite, whose columns have any affinity and any collation.

use std::path::Path;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::Value as Json;

use super::shape::{KINDS, Ty};
use super::world::{Val, World};
use crate::rules::rng::Rng;

const TEXT: [&str; 7] = [
    "TEXT",
    "TEXT COLLATE NOCASE",
    "TEXT COLLATE RTRIM",
    "VARCHAR(20)",
    "",
    "BLOB",
    "CLOB COLLATE NOCASE",
];

/// The type of a column.
fn declared(rng: &mut Rng, ty: Ty) -> &'static str {
    match ty {
        // As numbers, texts that look like some do not fit.
        Ty::Text if rng.percent(3) => "INTEGER",
        Ty::Long | Ty::Bool => rng.pick(["INTEGER", "INTEGER", "", "NUMERIC", "BOOLEAN"]),
        _ => rng.pick(TEXT),
    }
}

fn sql(rng: &mut Rng, value: Option<&Val>) -> Sql {
    match value {
        None => Sql::Null,
        Some(Val::Bool(value)) => Sql::Integer(i64::from(*value)),
        Some(Val::Long(value)) => Sql::Integer(*value),
        Some(Val::Text(text) | Val::Of(_, text)) => Sql::Text(text.clone()),
        Some(value @ (Val::Set(_) | Val::Record(_))) => {
            let json = value.json(rng);
            Sql::Text(written(rng, &json))
        }
    }
}

/// One of the ways to write JSON.
pub(super) fn written(rng: &mut Rng, json: &Json) -> String {
    match rng.below(5) {
        0 => serde_json::to_string_pretty(json).unwrap(),
        1 => json.to_string().replace(['á', '\u{301}'], "\\u00e1"),
        2 => json.to_string().replace("\"theme\"", "\"th\\u0065me\""),
        _ => json.to_string(),
    }
}

/// Makes the database.
pub(super) fn fill(world: &World, rng: &mut Rng, path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    transaction
        .execute_batch("CREATE VIEW tenancy_revision AS SELECT 1 AS revision")
        .unwrap();
    for kind in KINDS.iter().filter(|kind| kind.name != "Outside") {
        let name = kind.name;
        let mut columns = vec![format!("id {}", rng.pick(TEXT))];
        for attribute in kind.attributes {
            columns.push(format!(
                "\"{}\" {}",
                attribute.name,
                declared(rng, attribute.ty)
            ));
        }
        let value = kind.tags.map_or("TEXT", |tags| declared(rng, tags));
        let (one, two, three) = (rng.pick(TEXT), rng.pick(TEXT), rng.pick(TEXT));
        transaction
            .execute_batch(&format!(
                "CREATE TABLE \"{name}\" ({});
                 CREATE TABLE \"{name}.parents\" (id {one}, type {two}, parent {three});
                 CREATE TABLE \"{name}.tags\" (id {three}, key {one}, value {value});",
                columns.join(", ")
            ))
            .unwrap();
        let insert = |table: &str, values: Vec<Sql>| {
            let marks = vec!["?"; values.len()].join(", ");
            transaction
                .execute(
                    &format!("INSERT INTO \"{table}\" VALUES ({marks})"),
                    params_from_iter(values),
                )
                .unwrap();
        };
        if rng.percent(20)
            && kind
                .attributes
                .iter()
                .all(|attribute| name != attribute.name)
        {
            // A row without an id is nobody's.
            insert(name, vec![Sql::Null; kind.attributes.len() + 1]);
        }
        for entity in world.entities.iter().filter(|it| it.kind.name == name) {
            let id = || Sql::Text(entity.id.clone());
            let mut row = vec![id()];
            let values = entity.attributes.iter();
            row.extend(values.map(|value| sql(rng, value.as_ref())));
            insert(name, row);
            for (parent, of) in &entity.parents {
                let row = vec![id(), Sql::Text((*parent).to_owned()), Sql::Text(of.clone())];
                insert(&format!("{name}.parents"), row);
            }
            for (key, value) in &entity.tags {
                let value = rng.percent(95).then_some(value);
                let row = vec![id(), Sql::Text(key.clone()), sql(rng, value)];
                insert(&format!("{name}.tags"), row);
            }
        }
    }
    transaction.commit().unwrap();
}

//! Tables of a service's own, in two databases.

use std::collections::BTreeSet;

use peppol_authz_database::{RowParameter, RowSql};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use super::{RELATED, flat, values};
use crate::postgres::server::{Database, SHARED};
use crate::rules::rng::Rng;
use crate::search_agrees::shape::{KINDS, Ty};
use crate::search_agrees::world::{Entity, Val, World};
use crate::store::runtime;

/// The tables of a service.
pub(super) trait RowTables {
    /// The ids of the rows that a condition is true of.
    fn found(&self, sql: &RowSql) -> BTreeSet<String>;
}

/// A table, with its columns and its rows.
struct Table<'a> {
    name: String,
    columns: Vec<(String, Ty)>,
    rows: Vec<(&'a str, Vec<Option<Val>>)>,
}

/// All of a service's tables.
fn all<'a>(world: &'a World, rows: &'a [Entity]) -> Vec<Table<'a>> {
    let table = |name: &str, entities: Vec<&'a Entity>, of: &str| {
        let kind = KINDS.iter().find(|kind| kind.name == of).unwrap();
        Table {
            name: name.to_owned(),
            columns: flat(kind.attributes, ""),
            rows: entities
                .into_iter()
                .map(|entity| {
                    let row = values(kind.attributes, &entity.attributes);
                    (entity.id.as_str(), row)
                })
                .collect(),
        }
    };
    let mut tables = vec![table("rows", rows.iter().collect(), "Outside")];
    tables.extend(RELATED.iter().map(|of| {
        let entities = world.entities.iter();
        let entities = entities.filter(|entity| entity.kind.name == *of).collect();
        table(&format!("rows_{of}"), entities, of)
    }));
    tables
}

/// A set as JSON of bare ids and texts.
fn plain(value: &Val) -> serde_json::Value {
    match value {
        Val::Bool(value) => (*value).into(),
        Val::Long(value) => (*value).into(),
        Val::Text(text) | Val::Of(_, text) => text.as_str().into(),
        Val::Set(values) => values.iter().map(plain).collect(),
        Val::Record(_) => serde_json::json!({}),
    }
}

pub(super) struct SqliteTables(Connection);

impl SqliteTables {
    /// With tables that are there already.
    pub(super) fn of(connection: Connection) -> Self {
        Self(connection)
    }

    pub(super) fn new(world: &World, rows: &[Entity], rng: &mut Rng) -> Self {
        let connection = Connection::open_in_memory().unwrap();
        for table in all(world, rows) {
            let mut declared = |ty: Ty| match ty {
                Ty::Long | Ty::Bool => rng.pick(["INTEGER", "", "NUMERIC"]),
                Ty::Text | Ty::Of(_) => rng.pick([
                    "TEXT",
                    "TEXT COLLATE NOCASE",
                    "TEXT COLLATE RTRIM",
                    "",
                    "BLOB",
                ]),
                Ty::Set(_) | Ty::Record(_) => rng.pick(["TEXT", ""]),
            };
            let mut columns = vec![format!("id {}", declared(Ty::Text))];
            for (name, ty) in &table.columns {
                columns.push(format!("\"{name}\" {}", declared(*ty)));
            }
            let name = &table.name;
            let columns = columns.join(", ");
            connection
                .execute_batch(&format!("CREATE TABLE \"{name}\" ({columns})"))
                .unwrap();
            for (id, row) in table.rows {
                let mut values = vec![Sql::Text(id.to_owned())];
                values.extend(row.iter().map(|value| match value {
                    None => Sql::Null,
                    Some(Val::Bool(value)) => Sql::Integer(i64::from(*value)),
                    Some(Val::Long(value)) => Sql::Integer(*value),
                    Some(Val::Text(text) | Val::Of(_, text)) => Sql::Text(text.clone()),
                    Some(other) => Sql::Text(plain(other).to_string()),
                }));
                let marks = vec!["?"; values.len()].join(", ");
                let insert = format!("INSERT INTO \"{name}\" VALUES ({marks})");
                connection
                    .execute(&insert, params_from_iter(values))
                    .unwrap();
            }
        }
        Self(connection)
    }
}

impl RowTables for SqliteTables {
    fn found(&self, sql: &RowSql) -> BTreeSet<String> {
        let parameters = sql.parameters.iter().map(|parameter| match parameter {
            RowParameter::Text(text) => Sql::Text(text.to_string()),
            RowParameter::Long(number) => Sql::Integer(*number),
        });
        let query = format!("SELECT id FROM rows WHERE {}", sql.condition);
        let mut prepared = self
            .0
            .prepare(&query)
            .unwrap_or_else(|e| panic!("{e}\n{query}"));
        let rows = prepared.query_map(params_from_iter(parameters), |row| row.get(0));
        rows.unwrap().map(Result::unwrap).collect()
    }
}

pub(super) struct PostgresTables(Database);

impl PostgresTables {
    /// With tables that are there already.
    pub(super) fn of(database: Database) -> Self {
        Self(database)
    }

    pub(super) fn new(world: &World, rows: &[Entity], rng: &mut Rng) -> Self {
        let database = SHARED.database();
        let mut text = "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', \
                        deterministic = false);\n"
            .to_owned();
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        for table in all(world, rows) {
            let mut declared = |ty: Ty| match ty {
                Ty::Bool => "boolean",
                Ty::Long => rng.pick(["bigint", "numeric"]),
                Ty::Text | Ty::Of(_) => rng.pick([
                    "text",
                    "varchar",
                    "text COLLATE \"C\"",
                    "text COLLATE \"und-x-icu\"",
                    "text COLLATE anycase",
                ]),
                Ty::Set(Ty::Long) => "bigint[]",
                Ty::Set(_) => rng.pick(["jsonb", "text[]", "json"]),
                Ty::Record(_) => "jsonb",
            };
            let types: Vec<_> = table.columns.iter().map(|(_, ty)| declared(*ty)).collect();
            let mut columns = vec![format!("id {}", declared(Ty::Text))];
            for ((name, _), ty) in table.columns.iter().zip(&types) {
                columns.push(format!("\"{name}\" {ty}"));
            }
            let name = &table.name;
            text.push_str(&format!(
                "CREATE TABLE \"{name}\" ({});\n",
                columns.join(", ")
            ));
            for (id, row) in table.rows {
                let mut values = vec![literal(id)];
                values.extend(row.iter().zip(&types).map(|(value, of)| match value {
                    None => "NULL".to_owned(),
                    Some(Val::Bool(value)) => value.to_string(),
                    Some(Val::Long(value)) => format!("'{value}'"),
                    Some(Val::Text(text) | Val::Of(_, text)) => literal(text),
                    Some(Val::Set(values)) if of.ends_with("[]") => {
                        let texts = values.iter().map(|value| match plain(value) {
                            serde_json::Value::String(text) => literal(&text),
                            other => other.to_string(),
                        });
                        format!("ARRAY[{}]::{of}", texts.collect::<Vec<_>>().join(", "))
                    }
                    Some(other) => literal(&plain(other).to_string()),
                }));
                let values = values.join(", ");
                text.push_str(&format!("INSERT INTO \"{name}\" VALUES ({values});\n"));
            }
        }
        database.sql(&text);
        Self(database)
    }
}

impl RowTables for PostgresTables {
    fn found(&self, sql: &RowSql) -> BTreeSet<String> {
        let query = format!("SELECT id FROM rows WHERE {}", sql.condition);
        let parameters: Vec<Box<dyn ToSql + Sync>> = sql
            .parameters
            .iter()
            .map(|parameter| -> Box<dyn ToSql + Sync> {
                match parameter {
                    RowParameter::Text(text) => Box::new(text.to_string()),
                    RowParameter::Long(number) => Box::new(*number),
                }
            })
            .collect();
        let url = self.0.url();
        runtime().block_on(async move {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            let driven = tokio::spawn(connection);
            let parameters: Vec<&(dyn ToSql + Sync)> =
                parameters.iter().map(|parameter| &**parameter).collect();
            let rows = client.query(&query, &parameters).await;
            let rows = rows.unwrap_or_else(|error| panic!("{error:?}\n{query}"));
            driven.abort();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }
}

//! A table of a service's own.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::Value;

pub(super) struct Table(Connection);

impl Table {
    /// Documents, with their legal entities in a column of that name.
    pub(super) fn of_documents(column: &str, rows: &[(&str, Option<&str>)]) -> Self {
        let table = Self(Connection::open_in_memory().unwrap());
        let column = column.replace('"', "\"\"");
        table.run(&format!(
            "CREATE TABLE documents (id TEXT PRIMARY KEY, \"{column}\" TEXT, direction TEXT)"
        ));
        for (id, legal_entity) in rows {
            table
                .0
                .execute(
                    "INSERT INTO documents VALUES (?1, ?2, 'SENT')",
                    (id, legal_entity),
                )
                .unwrap();
        }
        table
    }

    pub(super) fn run(&self, sql: &str) {
        self.0.execute_batch(sql).unwrap();
    }

    /// The ids of the rows that a condition is true of.
    pub(super) fn found(&self, sql: &Value) -> Vec<String> {
        let mut condition = sql["where"].as_str().unwrap().to_owned();
        if sql["dialect"] == "postgresql" {
            // As far as SQLite has it.
            condition = condition
                .replace("::text COLLATE \"C\"", " COLLATE BINARY")
                .replace("::text", "")
                .replace('$', "?");
        }
        let query = format!("SELECT id FROM documents AS d WHERE {condition} ORDER BY id");
        let mut prepared = self.0.prepare(&query).unwrap();
        let parameters = sql["parameters"].as_array().unwrap().iter();
        let parameters = parameters.map(|parameter| match parameter {
            Value::String(text) => Sql::Text(text.clone()),
            number => Sql::Integer(number.as_i64().unwrap()),
        });
        let rows = prepared.query_map(params_from_iter(parameters), |row| row.get(0));
        rows.unwrap().map(Result::unwrap).collect()
    }
}

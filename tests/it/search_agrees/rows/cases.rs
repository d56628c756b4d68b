//! Each operator, over rows that a database could take for others: NULL, case, blanks, wildcards,
//! numbers and vocabularies, in columns whose collation does take them for others.

use std::collections::BTreeSet;

use peppol_authz_database::{RowColumns, RowDialect, RowSql};
use peppol_authz_engine::Verdict;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::tables::{PostgresTables, RowTables, SqliteTables};
use crate::deciding::{Deciding, Refused, plan_options};
use crate::postgres::server::SHARED;

const SCHEMA: &str = r#"
    entity Org = { name: String, open: Bool };
    entity Person;
    entity Colour enum ["RED", "GREEN", "BLUE"];
    entity Doc = {
        text: String, note?: String, size?: Long, on?: Bool, org?: Org, colour: Colour,
        words?: Set<String>, value?: Set<String>, orgs?: Set<Org>, info?: { x: String, n?: Long },
    };
    action see appliesTo { principal: Person, resource: Doc };"#;

/// Expressions that a policy may hold, or not.
const TESTS: [&str; 36] = [
    "resource.text == \"a\"",
    "resource.text != \"a\"",
    "[\"a\", \"b\", \"%\"].contains(resource.text)",
    "![\"a\", \"b\", \"%\"].contains(resource.text)",
    "resource.text like \"a*\"",
    "!(resource.text like \"a*\")",
    "resource.text like \"*%*\"",
    "resource.text like \"*\\**\"",
    "resource has note",
    "resource has note && resource.note == \"a\"",
    "!(resource has note && resource.note == \"a\")",
    "resource has note && resource.note != \"a\"",
    "if resource has note then resource.note like \"*a\" else true",
    "resource has size && resource.size < 2",
    "!(resource has size && resource.size < 2)",
    "resource has size && 2 >= resource.size",
    "resource has size && resource.size != 2",
    "resource has on && resource.on",
    "resource has on && !resource.on",
    "!(resource has on && resource.on)",
    "if resource has on && resource.on then resource.text == \"a\" else resource has note",
    "resource has org && resource.org == Org::\"o\"",
    "resource has org && resource.org != Org::\"o\"",
    "resource has org && resource.org.open",
    "!(resource has org && resource.org.open)",
    "resource has org && resource.org.name like \"N*\" && resource.text == \"a\"",
    "resource.colour == Colour::\"RED\"",
    "resource.colour != Colour::\"RED\"",
    "resource has words && resource.words.contains(\"a\")",
    "resource has words && !resource.words.containsAny([\"a\", \"b\"])",
    "resource has words && resource.words.containsAll([\"a\", \"b\"])",
    "resource has words && resource.words.isEmpty()",
    "resource has orgs && resource.orgs.contains(Org::\"o\")",
    "resource has value && !resource.value.contains(\"a\")",
    "resource has value && resource.value.containsAny([\"1\", \"b\"])",
    "resource has info && resource.info has n && resource.info.n > 1 && resource.info.x == \"a\"",
];

fn deciding(test: &str, effect: &str) -> Deciding {
    let open = match effect {
        "forbid" => "@id(\"p/all\") permit (principal, action, resource);",
        _ => "",
    };
    let policies = format!(
        "{open} @id(\"p/test\") {effect} (principal, action == Action::\"see\", resource) when {{ {test} }};"
    );
    let org = |id: &str, open: bool| {
        let attributes = json!({"name": format!("N{id}"), "open": open});
        json!({"uid": {"type": "Org", "id": id}, "attrs": attributes, "parents": []})
    };
    let person = json!({"uid": {"type": "Person", "id": "p"}, "attrs": {}, "parents": []});
    let entities = json!([person, org("o", true), org("O", false), org("q", true)]);
    Deciding::of(SCHEMA, &policies, &entities)
}

/// Rows, by their attributes as JSON.
fn rows() -> Vec<Json> {
    let texts = [
        "a", "A", "á", "a ", "", "b", "B", "a%b", "a*b", "axb", "%", "á ",
    ];
    let orgs = ["o", "O", "q", "o ", "ghost"];
    let mut rows = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        for other in 0..3 {
            let place = number * 3 + other;
            let colour = ["RED", "GREEN", "BLUE", "red"][place % 4];
            let mut row = json!({"text": text, "colour": colour});
            let mut may = |skip: usize, name: &str, value: Json| {
                if place % skip != 0 {
                    row[name] = value;
                }
            };
            may(3, "note", texts[(place * 5) % 12].into());
            may(4, "size", (place % 4).into());
            may(2, "on", (place % 3 == 0).into());
            let org = |id: &str| json!({"__entity": {"type": "Org", "id": id}});
            may(5, "org", org(orgs[place % 5]));
            let words = [
                json!([]),
                json!(["a"]),
                json!(["A", "b"]),
                json!(["b", "a"]),
            ];
            may(7, "words", words[place % 4].clone());
            let values = [json!([]), json!(["a"]), json!(["b", 1]), json!(["b"])];
            may(5, "value", values[place % 4].clone());
            may(6, "orgs", json!([org(orgs[place % 3])]));
            may(
                3,
                "info",
                match place % 2 {
                    0 => json!({"x": text}),
                    _ => json!({"x": text, "n": place % 4}),
                },
            );
            rows.push(row);
        }
    }
    // An attribute that every entity has, and a value that is in no vocabulary.
    rows.push(json!({"colour": "RED"}));
    rows
}

/// The id of an entity, or the value itself.
fn bare(value: &Json) -> Json {
    match (value.pointer("/__entity/id"), value) {
        (Some(id), _) => id.clone(),
        (None, Json::Array(values)) => values.iter().map(bare).collect(),
        (None, other) => other.clone(),
    }
}

const COLUMNS: [&str; 12] = [
    "text", "note", "size", "on", "org", "colour", "words", "value", "orgs", "info", "info.x",
    "info.n",
];

/// The statements that make the table: with a collation for its texts, and a type for each kind.
fn made(text: &str, long: &str, bool: &str, json: &str) -> String {
    let types = [
        text, text, long, bool, text, text, json, json, json, text, text, long,
    ];
    let columns: Vec<String> = COLUMNS
        .iter()
        .zip(types)
        .map(|(name, of)| format!("\"{name}\" {of}"))
        .collect();
    let mut sql = format!("CREATE TABLE rows (id {text}, {});\n", columns.join(", "));
    for (number, row) in rows().iter().enumerate() {
        let values = COLUMNS.map(|name| {
            let value = match name.split_once('.') {
                Some((record, member)) => row[record].get(member),
                None => row.get(name),
            };
            match value.map(bare) {
                None | Some(Json::Null) => "NULL".to_owned(),
                Some(Json::String(text)) => format!("'{}'", text.replace('\'', "''")),
                Some(other @ (Json::Array(_) | Json::Object(_))) => format!("'{other}'"),
                Some(other) => other.to_string(),
            }
        });
        sql.push_str(&format!(
            "INSERT INTO rows VALUES ('{number}', {});\n",
            values.join(", ")
        ));
    }
    sql
}

fn allowed(deciding: &Deciding) -> BTreeSet<String> {
    let allowed = rows().into_iter().enumerate().filter(|(number, row)| {
        let mut row = row.clone();
        if let Some(Json::String(colour)) = row.get("colour").cloned() {
            row["colour"] = json!({"__entity": {"type": "Colour", "id": colour}});
        }
        let uid = json!({"type": "Doc", "id": number.to_string()});
        let question = json!({
            "principal": "Person::\"p\"", "action": "Action::\"see\"", "resource": uid,
            "entities": [{"uid": uid, "attrs": row, "parents": []}],
        });
        match deciding.ask(&question) {
            Ok(decision) => decision.verdict == Verdict::Allow,
            Err(Refused::Malformed(_) | Refused::Failed(_)) => false,
        }
    });
    allowed.map(|(number, _)| number.to_string()).collect()
}

fn hold(tables: &dyn RowTables, dialect: RowDialect) {
    for test in TESTS {
        for effect in ["permit", "forbid"] {
            let deciding = deciding(test, effect);
            let wanted = json!({
                "principal": "Person::\"p\"", "action": "Action::\"see\"", "resource": {"type": "Doc"},
            });
            let plan = deciding.plan(&wanted, &plan_options());
            let plan = plan.unwrap_or_else(|refused| panic!("{effect} {test}: {refused:?}"));
            assert_eq!(plan.kind(), "conditional", "{effect} {test}");
            let sql = RowSql::of(&plan.condition, &plan.of, &RowColumns::default(), dialect);
            let mut found = tables.found(&sql);
            let allowed = allowed(&deciding);
            // A row that refers to nothing is no question; it is compared as far as policies read it.
            let dangling = |id: &String| {
                let row = &rows()[id.parse::<usize>().unwrap()];
                let org = row.pointer("/org/__entity/id").and_then(Json::as_str);
                let colour = row["colour"].as_str();
                // An id with a blank at its end is none; it is another text than one without.
                let reads_org = ["resource.org ", "resource.org."];
                let reads_org = reads_org.iter().any(|path| test.contains(path));
                let differs = match effect {
                    "forbid" => test.contains("resource.org == "),
                    _ => test.contains("resource.org != "),
                };
                matches!(org, Some("ghost" | "o ")) && !reads_org
                    || org == Some("o ") && differs
                    || colour == Some("red") && !test.contains("colour")
                    || row["value"] == json!(["b", 1]) && !test.contains("resource.value")
                    || row.get("text").is_none() && !test.contains("resource.text")
            };
            found.retain(|id| allowed.contains(id) || !dangling(id));
            assert_eq!(
                found,
                allowed,
                "{effect} {test}\n{}\n{sql:#?}",
                plan.condition.to_json()
            );
        }
    }
}

#[test]
fn each_operator_in_sqlite() {
    for text in ["TEXT", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "BLOB"] {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&made(text, "INTEGER", "INTEGER", "TEXT"))
            .unwrap();
        hold(&SqliteTables::of(connection), RowDialect::Sqlite);
    }
}

#[test]
fn each_operator_in_postgres() {
    for text in [
        "text",
        "varchar COLLATE \"und-x-icu\"",
        "text COLLATE anycase",
    ] {
        let database = SHARED.database();
        database.sql(&format!(
            "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n{}",
            made(text, "bigint", "boolean", "jsonb")
        ));
        hold(&PostgresTables::of(database), RowDialect::Postgres);
    }
}

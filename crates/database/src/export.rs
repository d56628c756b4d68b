//! Tenancy documents out of the store, such that an import of them makes the same store.
//!
//! `schema/sqlite/export.sql` and its like say which rows are which documents. Everything is read from
//! one state. A row that no document tells of exactly is an error: half an export would look whole.

use std::io::Write;

use serde_json::{Map, Value as Json};

use super::import::Import;
use super::sql::{SqlDialect, statements};
use peppol_authz_engine::policy::SourceFile;
use peppol_authz_engine::schema::{parse_json, record_to_json};
use peppol_authz_engine::store::{Revision, StoreError};

/// The line above a statement that names the type of its documents.
const HEADING: &str = "-- document ";

/// Levels of JSON in a document.
const JSON_DEPTH: usize = 32;

/// The outcome of an export.
#[derive(Debug)]
pub struct Exported {
    /// How many documents.
    pub documents: u64,
    /// The state that they were read from.
    pub revision: Revision,
}

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something that documents cannot tell of, and the remedy.
    #[error("{0}")]
    Refused(String),
    /// The target takes no more.
    #[error("{0}")]
    Write(#[from] std::io::Error),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A statement with the type of the documents that it gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExportStatement {
    pub(super) kind: String,
    pub(super) sql: String,
    /// Its file and line, if it is an addition.
    pub(super) place: Option<String>,
}

impl ExportStatement {
    /// An error of the database in it.
    pub(super) fn failed(&self, error: &str) -> ExportError {
        let (kind, place) = (&self.kind, &self.place);
        let place = place.as_ref().map(|place| format!("{place}: "));
        let place = place.unwrap_or_default();
        ExportError::Refused(format!("{place}{kind} cannot be exported: {error}"))
    }
}

/// The statements of an export: the shipped ones, with those of additions in the place of the ones of
/// the same type.
///
/// # Errors
/// Additions of which something would be lost.
pub(super) fn export_statements(
    shipped: &str,
    import: &Import,
    dialect: SqlDialect,
) -> Result<Vec<ExportStatement>, ExportError> {
    let mut all = sections(shipped, None, dialect)?;
    let Some(additions) = import.additions() else {
        return Ok(all);
    };
    let (part, directory) = match dialect {
        SqlDialect::Sqlite => (&additions.sqlite, "sqlite"),
        SqlDialect::Postgres => (&additions.postgres, "postgres"),
    };
    let added = match &part.export {
        Some(file) => sections(&file.text, Some(file), dialect)?,
        None => Vec::new(),
    };
    let touched = import.added();
    let lost = touched
        .iter()
        .filter(|kind| !added.iter().any(|it| it.kind == ***kind));
    let mut lost: Vec<String> = lost.map(|kind| format!("the documents {kind}")).collect();
    if part.export.is_none() && lost.is_empty() {
        let migrations = part.migrations.iter();
        lost.extend(migrations.map(|it| format!("what `{}` adds", it.file.name)));
    }
    if !lost.is_empty() {
        return Err(ExportError::Refused(format!(
            "an export would lose what additions hold: {}. Write an `{directory}/export.sql` beside their \
             `import.sql`, with a SELECT below a line `{HEADING}TYPE` for each; the shipped one, which \
             `init` writes out, is an example",
            lost.join(", ")
        )));
    }
    for statement in added {
        import
            .kind(&statement.kind)
            .map_err(|problem| statement.failed(&problem))?;
        match all.iter_mut().find(|it| it.kind == statement.kind) {
            Some(shipped) => *shipped = statement,
            None => all.push(statement),
        }
    }
    Ok(all)
}

/// The statements of a text, each below its heading.
fn sections(
    text: &str,
    file: Option<&SourceFile>,
    dialect: SqlDialect,
) -> Result<Vec<ExportStatement>, ExportError> {
    let mut found: Vec<ExportStatement> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(kind) = line.strip_prefix(HEADING) {
            found.push(ExportStatement {
                kind: kind.trim().to_owned(),
                sql: String::new(),
                place: file.map(|file| format!("{}:{}", file.name, number + 1)),
            });
        } else if let Some(last) = found.last_mut() {
            last.sql.push_str(line);
            last.sql.push('\n');
        }
    }
    for section in &mut found {
        let parts = statements(&section.sql, dialect);
        let reads =
            |word: &str| word.eq_ignore_ascii_case("select") || word.eq_ignore_ascii_case("with");
        let sql = match parts.as_slice() {
            [only] if only.words.first().is_some_and(|word| reads(word.text)) => {
                only.text.to_owned()
            }
            _ => return Err(section.failed("one SELECT is wanted below its line")),
        };
        section.sql = sql;
    }
    let mut kinds: Vec<&str> = found.iter().map(|it| it.kind.as_str()).collect();
    kinds.sort_unstable();
    if let Some(twice) = kinds.windows(2).find(|pair| pair.first() == pair.last()) {
        let twice = twice.first().copied().unwrap_or_default();
        return Err(ExportError::Refused(format!(
            "two statements are below lines `{HEADING}{twice}`, and only one can be"
        )));
    }
    Ok(found)
}

/// Writes a document that a row holds.
///
/// # Errors
/// A row of which a document would tell something else.
pub(super) fn write_document(
    import: &Import,
    statement: &ExportStatement,
    row: &str,
    to: &mut dyn Write,
) -> Result<(), ExportError> {
    let refused = |problem: &str| {
        let shown: String = row.chars().take(300).collect();
        statement.failed(&format!("{problem}, of the row {shown}"))
    };
    let json =
        parse_json(row.as_bytes(), JSON_DEPTH).map_err(|error| refused(&error.to_string()))?;
    let Json::Object(members) = json else {
        return Err(refused("an object is wanted"));
    };
    let read = read_back(import, &statement.kind, members);
    let read = read.map_err(|problem| refused(&problem))?;
    // The type first, for a human reader.
    let (kind, text) = (
        Json::from(statement.kind.as_str()),
        Json::Object(read).to_string(),
    );
    let rest = text.strip_prefix('{').unwrap_or_default();
    let comma = if rest == "}" { "" } else { "," };
    writeln!(to, "{{\"type\":{kind}{comma}{rest}")?;
    Ok(())
}

/// The members as an import would read them, with the nulls that have to be written.
fn read_back(
    import: &Import,
    kind: &str,
    members: Map<String, Json>,
) -> Result<Map<String, Json>, String> {
    let json = Json::Object(members);
    let (document_type, record) = import.read(kind, &json)?;
    let (Json::Object(members), Json::Object(mut read)) = (json, record_to_json(&record)) else {
        return Err("an object is wanted".to_owned());
    };
    for (name, value) in &members {
        let Some(member) = document_type.members.attributes.get(name.as_str()) else {
            return Err(format!("{kind} has no member `{name}`"));
        };
        if value.is_null() && member.nullable {
            read.insert(name.clone(), Json::Null);
        }
    }
    match says_the_same(&members, &read) {
        true => Ok(read),
        false => Err(format!("an import would read {}", Json::Object(read))),
    }
}

/// Returns true if two documents say the same, whatever the order of their sets. A member that is null
/// is as one that is not there.
fn says_the_same(one: &Map<String, Json>, other: &Map<String, Json>) -> bool {
    let leaves = |members: &Map<String, Json>| {
        let mut leaves = Vec::new();
        members
            .iter()
            .for_each(|(name, value)| collect(name, value, &mut leaves));
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    };
    one == other || leaves(one) == leaves(other)
}

fn collect(path: &str, value: &Json, leaves: &mut Vec<String>) {
    match value {
        Json::Null => {}
        Json::Object(members) => members
            .iter()
            .for_each(|(name, value)| collect(&format!("{path}.{name}"), value, leaves)),
        Json::Array(values) => {
            leaves.push(format!("{path}[]"));
            values.iter().for_each(|value| collect(path, value, leaves));
        }
        value => leaves.push(format!("{path}={value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQLITE: &str = include_str!("../../../schema/sqlite/export.sql");
    const POSTGRES: &str = include_str!("../../../schema/postgres/export.sql");

    #[test]
    fn every_document_that_is_imported_is_exported() {
        let import = Import::new().unwrap();
        for text in [SQLITE, POSTGRES] {
            let mut kinds: Vec<_> = sections(text, None, SqlDialect::Postgres).unwrap();
            kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
            let kinds: Vec<_> = kinds.iter().map(|it| it.kind.as_str()).collect();
            assert_eq!(kinds, import.kinds().collect::<Vec<_>>());
        }
    }

    #[test]
    fn below_a_line_is_one_select() {
        let error = |text: &str| {
            sections(text, None, SqlDialect::Postgres)
                .unwrap_err()
                .to_string()
        };
        for text in [
            "-- document A\n",
            "-- document A\nSELECT 1; SELECT 2;",
            "-- document A\nDELETE FROM a;",
        ] {
            assert!(error(text).contains("one SELECT is wanted"), "{text}");
        }
        let twice = "-- document A\nSELECT 1;\n-- document A\nSELECT 2;";
        assert!(error(twice).contains("only one can be"));
        let found = sections(
            "-- A\n-- document A\n-- a;\nSELECT ';'\n;\n",
            None,
            SqlDialect::Postgres,
        )
        .unwrap();
        assert_eq!(found[0].sql, "SELECT ';'");
    }

    #[test]
    fn the_order_of_a_set_says_nothing_and_all_else_does() {
        let same = |one: Json, other: Json| {
            let (Json::Object(one), Json::Object(other)) = (one, other) else {
                panic!("objects are wanted");
            };
            says_the_same(&one, &other)
        };
        use serde_json::json;
        assert!(same(json!({"a": [1, 2], "b": null}), json!({"a": [2, 1]})));
        assert!(!same(json!({"a": "X"}), json!({"a": "x"})));
        assert!(!same(json!({"a": []}), json!({})));
        assert!(!same(json!({"a": 1}), json!({"b": 1})));
    }
}

//! Tables of Cedar entities, in a database that holds nothing yet.
//!
//! There is a table for each entity type that occurs, with the name and the columns that a view of it would
//! have, so that a store reads it as it is. Tenancy documents tell more than entities do: so nothing is
//! written into the tables that are made of documents.

use std::collections::{BTreeMap, HashSet};

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use crate::import::ImportError;
use crate::sql::SqlDialect;
use crate::views::quoted;
use peppol_authz_engine::schema::{EntityType, JsonOrigin, Row, Schema, Type, Value, parse_json};
use peppol_authz_engine::store::Tags;

/// Rows of one statement.
const ROWS: usize = 200;

/// Bytes of a name that PostgreSQL does not cut off.
const LONGEST_NAME: usize = 63;

/// The number that names a state of a SQLite database that this program has not made; triggers raise it.
const REVISION: &str = "\
CREATE TABLE tenancy_revision (revision INTEGER NOT NULL); INSERT INTO tenancy_revision VALUES (1)";

/// Levels of JSON in a column.
const JSON_DEPTH: usize = 32;

/// A statement, with the entity type whose table it is of.
#[derive(Debug)]
pub(super) struct TableStatement {
    pub(super) of: String,
    pub(super) sql: String,
}

impl TableStatement {
    /// An error of the database in it.
    pub(super) fn failed(&self, error: &str) -> ImportError {
        ImportError::Refused(format!(
            "the table of `{}` cannot be made: {error}",
            self.of
        ))
    }
}

/// The refusal of a database that holds something.
pub(super) fn not_empty() -> ImportError {
    ImportError::Refused(
        "the database is not empty: entities make tables of their own in an empty one. Tenancy documents tell \
         more than entities do, so that databases of them are copied by `export` and `import` without `--cedar`"
            .to_owned(),
    )
}

/// The statements that make and fill the tables, table by table. The `ancestors` of rows are the parents that
/// are written.
///
/// # Errors
/// The first entity, attribute or name that such a database would not hold as it is.
pub(super) fn statements(
    schema: &Schema,
    rows: &[Row],
    dialect: SqlDialect,
) -> Result<Vec<TableStatement>, String> {
    let mut of_types: BTreeMap<String, (&EntityType, Vec<&Row>)> = BTreeMap::new();
    // A type that is only referred to has a table too: nothing of it is there, which is known.
    for row in rows {
        row.each_mentioned(&mut |uid| {
            let entity_type = schema.entity_type(uid.type_name());
            if let Some(entity_type) = entity_type.filter(|found| found.choices.is_none()) {
                let name = entity_type.name.to_string();
                of_types.entry(name).or_insert((entity_type, Vec::new()));
            }
        });
        if let Some((_, rows)) = of_types.get_mut(&row.uid.type_name().to_string()) {
            rows.push(row);
        }
    }
    let mut all = Vec::new();
    if dialect == SqlDialect::Sqlite {
        all.push(TableStatement {
            of: "tenancy_revision".to_owned(),
            sql: REVISION.to_owned(),
        });
    }
    let mut names = HashSet::new();
    for (name, (entity_type, rows)) in of_types {
        let tables = TypeTables {
            schema,
            entity_type,
            name: &name,
            dialect,
        };
        tables.check_names(&mut names)?;
        let sql = tables.statements(&rows)?.into_iter();
        all.extend(sql.map(|sql| TableStatement {
            of: name.clone(),
            sql,
        }));
    }
    Ok(all)
}

/// The tables of one entity type.
struct TypeTables<'a> {
    schema: &'a Schema,
    entity_type: &'a EntityType,
    name: &'a str,
    dialect: SqlDialect,
}

impl TypeTables<'_> {
    fn tables(&self) -> impl Iterator<Item = String> {
        let tags = self.entity_type.tags.is_some().then_some(".tags");
        let parents = (!self.entity_type.member_of.is_empty()).then_some(".parents");
        let suffixes = [Some(""), tags, parents];
        suffixes
            .into_iter()
            .flatten()
            .map(|suffix| format!("{}{suffix}", self.name))
    }

    /// Checks that the database tells all names apart; `taken` has those of the types before.
    fn check_names(&self, taken: &mut HashSet<String>) -> Result<(), String> {
        for table in self.tables() {
            self.check_name(&table, "entity type", taken)?;
            let lower = table.to_ascii_lowercase();
            if ["tenancy_", "sqlite_"]
                .iter()
                .any(|it| lower.starts_with(it))
            {
                return Err(format!(
                    "entity type `{}`: no table of entities can have this name",
                    self.name
                ));
            }
        }
        let mut columns = HashSet::from(["id".to_owned()]);
        for (attribute, found) in &self.entity_type.shape.attributes {
            if &**attribute == "id" {
                if found.ty != Type::String {
                    return Err(format!(
                        "attribute `id` of `{}` is no string: a table's `id` is that of the entity",
                        self.name
                    ));
                }
                continue;
            }
            let what = format!("attribute of `{}`", self.name);
            self.check_name(attribute, &what, &mut columns)?;
        }
        Ok(())
    }

    fn check_name(
        &self,
        name: &str,
        what: &str,
        taken: &mut HashSet<String>,
    ) -> Result<(), String> {
        if name.contains('\0') {
            return Err(format!("{what} `{}`: U+0000 is in it", name.escape_debug()));
        }
        if self.dialect == SqlDialect::Postgres && name.len() > LONGEST_NAME {
            return Err(format!(
                "{what} `{name}`: PostgreSQL has no names of more than {LONGEST_NAME} bytes"
            ));
        }
        let name_there = match self.dialect {
            SqlDialect::Sqlite => name.to_ascii_lowercase(),
            SqlDialect::Postgres => name.to_owned(),
        };
        match taken.insert(name_there) {
            true => Ok(()),
            false => Err(format!(
                "{what} `{name}`: another name differs from it in letter case alone, which SQLite does not tell apart"
            )),
        }
    }

    fn statements(&self, rows: &[&Row]) -> Result<Vec<String>, String> {
        let text = self.column_type(&Type::String);
        let attributes = &self.entity_type.shape.attributes;
        let own = attributes.iter().filter(|(name, _)| &***name != "id");
        let own: Vec<_> = own.collect();
        let mut columns = vec![format!("\"id\" {text} PRIMARY KEY NOT NULL")];
        columns.extend(own.iter().map(|(name, attribute)| {
            let null = if attribute.required { " NOT NULL" } else { "" };
            let ty = self.column_type(&attribute.ty);
            format!("{} {ty}{null}", quoted(name))
        }));
        let mut values = Vec::new();
        let (mut tags, mut parents) = (Vec::new(), Vec::new());
        for row in rows {
            let id = self.id(row)?;
            let mut line = vec![id.clone()];
            for (name, attribute) in &own {
                let at = format!("attribute `{name}`");
                line.push(match row.attributes.get(&***name) {
                    Some(value) => self.literal(&row.uid, &at, value, &attribute.ty)?,
                    None => "NULL".to_owned(),
                });
            }
            values.push(line);
            tags.extend(self.tags(&row.uid, &id, &row.tags)?);
            for parent in &row.ancestors {
                let kind = self.text(&row.uid, "a parent", &parent.type_name().to_string())?;
                let parent = self.text(&row.uid, "a parent", parent.id().as_ref())?;
                parents.push(vec![id.clone(), kind, parent]);
            }
        }
        let mut all = Vec::new();
        self.table("", &columns, values, &mut all);
        if let Some(ty) = &self.entity_type.tags {
            let ty = self.column_type(ty);
            let columns = [
                format!("\"id\" {text} NOT NULL"),
                format!("\"key\" {text} NOT NULL"),
                format!("\"value\" {ty} NOT NULL"),
                "PRIMARY KEY (\"id\", \"key\")".to_owned(),
            ];
            self.table(".tags", &columns, tags, &mut all);
        }
        if !self.entity_type.member_of.is_empty() {
            let columns = [
                format!("\"id\" {text} NOT NULL"),
                format!("\"type\" {text} NOT NULL"),
                format!("\"parent\" {text} NOT NULL"),
                "PRIMARY KEY (\"id\", \"type\", \"parent\")".to_owned(),
            ];
            self.table(".parents", &columns, parents, &mut all);
        }
        Ok(all)
    }

    fn table(
        &self,
        suffix: &str,
        columns: &[String],
        rows: Vec<Vec<String>>,
        all: &mut Vec<String>,
    ) {
        let name = quoted(&format!("{}{suffix}", self.name));
        all.push(format!(
            "CREATE TABLE {name} (\n  {}\n)",
            columns.join(",\n  ")
        ));
        let rows: Vec<String> = rows
            .into_iter()
            .map(|row| format!("({})", row.join(", ")))
            .collect();
        let inserts = rows.chunks(ROWS);
        all.extend(inserts.map(|rows| format!("INSERT INTO {name} VALUES\n{}", rows.join(",\n"))));
        if self.dialect == SqlDialect::Sqlite {
            all.extend(["INSERT", "UPDATE", "DELETE"].map(|event| {
                let trigger = quoted(&format!("{}{suffix} {event}", self.name));
                format!(
                    "CREATE TRIGGER {trigger} AFTER {event} ON {name} \
                     BEGIN UPDATE tenancy_revision SET revision = revision + 1; END"
                )
            }));
        }
    }

    fn column_type(&self, ty: &Type) -> &'static str {
        match (self.dialect, ty) {
            (SqlDialect::Sqlite, Type::Bool | Type::Long) => "INTEGER",
            (SqlDialect::Sqlite, _) => "TEXT",
            (SqlDialect::Postgres, Type::Bool) => "boolean",
            (SqlDialect::Postgres, Type::Long) => "bigint",
            (SqlDialect::Postgres, Type::Set(_) | Type::Record(_)) => "jsonb",
            (SqlDialect::Postgres, _) => "text COLLATE \"C\"",
        }
    }

    /// The id of an entity, which is that of its attribute `id` too, where it has one.
    fn id(&self, row: &Row) -> Result<String, String> {
        let id: &str = row.uid.id().as_ref();
        if self.entity_type.shape.attributes.contains_key("id") {
            let says = match row.attributes.get("id") {
                Some(Value::String(text)) if **text == *id => None,
                Some(value) => Some(format!("is {}", value.to_json())),
                None => Some("is not there".to_owned()),
            };
            if let Some(says) = says {
                return Err(format!(
                    "{}: its attribute `id` {says}, and a table's `id` is that of the entity",
                    row.uid
                ));
            }
        }
        let read = self.entity_type.entity(id, JsonOrigin::Column);
        if read.as_ref() != Ok(&row.uid) {
            return Err(format!("{}: its id would be read as another one", row.uid));
        }
        self.text(&row.uid, "the id", id)
    }

    fn tags(&self, of: &EntityUid, id: &str, tags: &Tags) -> Result<Vec<Vec<String>>, String> {
        let Some(ty) = &self.entity_type.tags else {
            return Ok(Vec::new());
        };
        let rows = tags.iter().map(|(key, value)| {
            let at = format!("tag `{}`", key.escape_debug());
            let value = self.literal(of, &at, value, ty)?;
            Ok(vec![id.to_owned(), self.text(of, &at, key)?, value])
        });
        rows.collect()
    }

    /// A value as SQL has it, once it is certain that it will be read as the same.
    fn literal(
        &self,
        of: &EntityUid,
        at: &str,
        value: &Value,
        ty: &Type,
    ) -> Result<String, String> {
        let json = value.to_json();
        let read = match ty {
            Type::Set(_) | Type::Record(_) => parse_json(json.to_string().as_bytes(), JSON_DEPTH)
                .map_err(|error| error.to_string()),
            _ => Ok(json.clone()),
        };
        let read = read.and_then(|json| {
            let read = self.schema.value(&json, ty, JsonOrigin::Column);
            read.map_err(|misfit| misfit.to_string())
        });
        match read {
            Ok(read) if read == *value => {}
            Ok(_) => return Err(format!("{of}: {at} would be read as another value")),
            Err(problem) => return Err(format!("{of}: {at} could not be read: {problem}")),
        }
        Ok(match (value, self.dialect) {
            (Value::Bool(truth), SqlDialect::Sqlite) => u8::from(*truth).to_string(),
            (Value::Bool(truth), SqlDialect::Postgres) => truth.to_string(),
            (Value::Long(number), _) => number.to_string(),
            (Value::Set(_) | Value::Record(_), _) => {
                if holds_nul(&json) {
                    return Err(nul(of, at));
                }
                self.text(of, at, &json.to_string())?
            }
            _ => match &json {
                Json::String(text) => self.text(of, at, text)?,
                other => self.text(of, at, &other.to_string())?,
            },
        })
    }

    fn text(&self, of: &EntityUid, at: &str, text: &str) -> Result<String, String> {
        match text.contains('\0') {
            true => Err(nul(of, at)),
            false => Ok(format!("'{}'", text.replace('\'', "''"))),
        }
    }
}

fn nul(of: &EntityUid, at: &str) -> String {
    format!("{of}: {at} holds U+0000, which no column can")
}

fn holds_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(values) => values.iter().any(holds_nul),
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

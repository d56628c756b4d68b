//! The operator's names of tables and columns.

use std::collections::BTreeMap;

use cedar_policy::EntityTypeName;
use serde_json::{Map, Value as Json};

use peppol_authz_engine::ROW_ID;
use peppol_authz_engine::schema::{Misfit, RecordType, Schema, Type};

/// The member that names the table of a type.
const TABLE: &str = "$table";

/// The length of a name, in bytes. PostgreSQL cuts longer ones, and then means others.
const LONGEST: usize = 63;

/// The names of columns by type and attribute, and of the tables that they are in. An attribute that
/// is not named is in the column of its own name, and an entity's id in `id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowColumns {
    types: BTreeMap<String, TypeColumns>,
}

/// The names of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TypeColumns {
    table: Option<SqlName>,
    columns: BTreeMap<String, SqlName>,
}

/// A name, perhaps qualified: its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SqlName(Vec<String>);

impl RowColumns {
    /// Reads names: `{"Type": {"attribute": "column"}}`; or of one type alone
    /// `{"attribute": "column"}`. `$id` is the entity's id, `a.b` the member `b` of the record `a`,
    /// `$table` the table. A name may be qualified, as `d.owner`, for the service's own query: where a plan
    /// joins `$table`, its last part counts.
    ///
    /// # Errors
    /// A type or an attribute that the schema does not have, a name that is none.
    pub fn read(json: &Json, schema: &Schema, of: Option<&EntityTypeName>) -> Result<Self, Misfit> {
        let Json::Object(members) = json else {
            return Err(Misfit::new("an object is wanted"));
        };
        let nested = members.values().any(Json::is_object);
        let mut types = BTreeMap::new();
        match of {
            Some(of) if !nested => {
                types.insert(of.to_string(), TypeColumns::read(members, schema, of)?);
            }
            _ => {
                for (name, names) in members {
                    let found = schema.entity_type_named(name).ok_or_else(|| {
                        let near = schema.type_meant(name);
                        Misfit::new(format!("no such entity type in the schema{near}")).within(name)
                    })?;
                    let Json::Object(names) = names else {
                        return Err(Misfit::new("an object is wanted").within(name));
                    };
                    let columns = TypeColumns::read(names, schema, &found.name);
                    let columns = columns.map_err(|misfit| misfit.within(name))?;
                    types.insert(name.clone(), columns);
                }
            }
        }
        Ok(Self { types })
    }

    /// The same, where others have no name for something.
    #[must_use]
    pub fn below(mut self, others: Self) -> Self {
        for (name, others) in others.types {
            let own = self.types.entry(name).or_default();
            own.table = others.table.or_else(|| own.table.take());
            own.columns.extend(others.columns);
        }
        self
    }

    /// The types that have a table.
    pub fn tables(&self) -> impl Iterator<Item = EntityTypeName> {
        let tables = self.types.iter().filter(|(_, found)| found.table.is_some());
        tables.filter_map(|(name, _)| name.parse().ok())
    }

    pub(super) fn table(&self, of: &str) -> Option<&SqlName> {
        self.types.get(of)?.table.as_ref()
    }

    /// The column of an attribute.
    pub(super) fn column(&self, of: &str, attribute: &str) -> SqlName {
        let named = self
            .types
            .get(of)
            .and_then(|found| found.columns.get(attribute));
        match named {
            Some(column) => column.clone(),
            None if attribute == ROW_ID => SqlName(vec!["id".to_owned()]),
            None => SqlName(vec![attribute.to_owned()]),
        }
    }
}

impl TypeColumns {
    fn read(
        names: &Map<String, Json>,
        schema: &Schema,
        of: &EntityTypeName,
    ) -> Result<Self, Misfit> {
        let mut found = Self::default();
        for (attribute, name) in names {
            let name = match name {
                Json::String(name) => SqlName::read(name),
                _ => Err(Misfit::new("a string is wanted")),
            };
            let name = name.map_err(|misfit| misfit.within(attribute))?;
            if attribute == TABLE {
                found.table = Some(name);
                continue;
            }
            let shape = schema.entity_type(of).map(|found| &*found.shape);
            if attribute != ROW_ID && !shape.is_some_and(|shape| has(shape, attribute)) {
                let near = shape.map(|shape| shape.attribute_meant(attribute));
                let text = format!("`{of}` has no such attribute{}", near.unwrap_or_default());
                return Err(Misfit::new(text).within(attribute));
            }
            found.columns.insert(attribute.clone(), name);
        }
        Ok(found)
    }
}

/// Returns true if a record has an attribute, or the member of one.
fn has(shape: &RecordType, path: &str) -> bool {
    match path.split_once('.') {
        None => shape.attributes.contains_key(path),
        Some((first, rest)) => match shape.attributes.get(first).map(|found| &found.ty) {
            Some(Type::Record(record)) => has(record, rest),
            _ => false,
        },
    }
}

impl SqlName {
    fn read(name: &str) -> Result<Self, Misfit> {
        let parts: Vec<&str> = name.split('.').collect();
        let sound = |part: &&str| {
            !part.is_empty() && part.len() <= LONGEST && !part.chars().any(char::is_control)
        };
        if parts.len() > 3 || !parts.iter().all(sound) {
            let text = format!(
                "a name is wanted, with its table before a point if need be, each of at most {LONGEST} \
                 bytes and without control characters"
            );
            return Err(Misfit::new(text));
        }
        Ok(Self(parts.into_iter().map(str::to_owned).collect()))
    }

    /// Its last part between quotes of that kind, for a table that has another name in a query.
    pub(super) fn unqualified(&self, quote: char) -> String {
        let last = self.0.last().cloned().into_iter().collect();
        Self(last).quoted(quote)
    }

    /// The name between quotes of that kind: nothing in it can end them.
    pub(super) fn quoted(&self, quote: char) -> String {
        let parts = self.0.iter().map(|part| {
            let doubled = part.replace(quote, &format!("{quote}{quote}"));
            format!("{quote}{doubled}{quote}")
        });
        parts.collect::<Vec<_>>().join(".")
    }
}

//! The needs of a read, and the values that the schema makes of a view's columns.
//!
//! For each entity type that is asked for there is one query, whatever the number of
//! entities; all of them are sent before the first is answered. Every column comes
//! as text, whatever type the owner of the view gave it: the schema says what it is. So a statement that was
//! prepared before a view was made anew has results of the same types.

use std::collections::BTreeMap;

use cedar_policy::{EntityTypeName, EntityUid};
use deadpool_postgres::Object;
use tokio_postgres::types::{ToSql, Type as SqlType};
use tokio_postgres::{Error, Row};

use super::description::Description;
use super::failure::store_error;
use super::session::{Ready, Session};
use crate::views::select_links;
use peppol_authz_engine::schema::{
    EntityType, JsonOrigin, Misfit, Schema, Type, Value, parse_json,
};
use peppol_authz_engine::store::{LINKS_COLUMNS, LinkRow, StoreError};

/// Levels of JSON in a column.
const JSON_DEPTH: usize = 32;

/// The needs of a read: a session, the schema, and the description of the views.
#[derive(Clone, Copy)]
pub(super) struct ReadNeeds<'r> {
    pub(super) session: Session<'r>,
    pub(super) schema: &'r Schema,
    pub(super) description: &'r Description,
}

/// The most ids that a prepared statement is for. For more of them a statement is planned each time: to run it
/// takes longer than that, and how many there are matters to the plan.
const MOST_PREPARED: usize = 100;

/// The statement for entities of one type.
pub(super) struct OfType<'u> {
    pub(super) name: &'u EntityTypeName,
    pub(super) ids: Vec<&'u str>,
    statement: Ready<'u>,
}

impl<'u> OfType<'u> {
    /// Prepares a statement. `sql` writes it for the condition on the ids, which are `$1`; `types` are those of
    /// further parameters.
    ///
    /// The server makes a plan that it keeps only if none of its own for the values at hand seems better. So a
    /// single id is compared as it is, and a few in a way that hides from it how many there are.
    pub(super) fn prepared(
        read: ReadNeeds<'u>,
        (name, ids): (&'u EntityTypeName, Vec<&'u str>),
        types: &[SqlType],
        sql: impl Fn(&str) -> String,
    ) -> Self {
        let (condition, ty) = match ids.len() {
            1 => ("= $1::text", SqlType::TEXT),
            2..=MOST_PREPARED => ("= ANY ((SELECT $1::text[])::text[])", SqlType::TEXT_ARRAY),
            _ => ("= ANY ($1::text[])", SqlType::TEXT_ARRAY),
        };
        let types: Vec<SqlType> = std::iter::once(ty).chain(types.iter().cloned()).collect();
        let sql = sql(condition);
        let statement = match ids.len() {
            ..=MOST_PREPARED => read.session.statement(sql, &types),
            _ => Ready::plain(sql, types),
        };
        Self {
            name,
            ids,
            statement,
        }
    }

    /// The rows that it finds, with further parameters. It is sent at once.
    pub(super) async fn rows(
        &self,
        read: ReadNeeds<'_>,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let ids: &(dyn ToSql + Sync) = match self.ids.as_slice() {
            [id] => id,
            _ => &self.ids,
        };
        let parameters: Vec<_> = std::iter::once(ids)
            .chain(parameters.iter().copied())
            .collect();
        read.session.rows(&self.statement, &parameters).await
    }
}

/// Returns true if a statement for so many values is prepared.
pub(super) fn is_prepared_for(count: usize) -> bool {
    count <= MOST_PREPARED
}

/// PostgreSQL cannot hold it, so nothing is there under such an id.
pub(super) fn can_be_held(id: &str) -> bool {
    !id.contains('\0')
}

/// Ids by type, of the types that there are views of.
pub(super) fn by_type<'a>(
    description: &Description,
    uids: impl Iterator<Item = &'a EntityUid>,
) -> BTreeMap<&'a EntityTypeName, Vec<&'a str>> {
    let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for uid in uids {
        let id: &str = uid.id().as_ref();
        if description.serves(uid.type_name()) && can_be_held(id) {
            ids.entry(uid.type_name()).or_default().push(id);
        }
    }
    ids
}

pub(super) fn uid(entity_type: &EntityType, id: &str) -> Result<EntityUid, StoreError> {
    let id = cedar_policy::EntityId::new(id);
    Ok(EntityUid::from_type_name_and_id(
        entity_type.name.clone(),
        id,
    ))
}

pub(super) fn type_of<'a>(
    schema: &'a Schema,
    name: &EntityTypeName,
) -> Result<&'a EntityType, StoreError> {
    schema
        .entity_type(name)
        .ok_or_else(|| StoreError::Misfit(format!("no type `{name}`")))
}

/// A column as text: what can hold others as JSON.
pub(super) fn as_text(column: &str, ty: &Type) -> String {
    match ty {
        Type::Set(_) | Type::Record(_) => format!("to_json({column})::text"),
        _ => format!("{column}::text"),
    }
}

/// A column as a value.
pub(super) fn value(schema: &Schema, ty: &Type, text: &str) -> Result<Value, Misfit> {
    let wanted = || Misfit::new(format!("{ty} is wanted"));
    Ok(match ty {
        Type::Bool => match text {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => return Err(wanted()),
        },
        Type::Long => Value::Long(text.parse().map_err(|_| wanted())?),
        Type::String => Value::String(text.into()),
        Type::Entity(name) => {
            let entity_type = schema.entity_type(name).ok_or_else(wanted)?;
            Value::Entity(entity_type.entity(text, JsonOrigin::Column)?.into())
        }
        Type::Set(_) | Type::Record(_) => {
            let read = |text: &str| {
                parse_json(text.as_bytes(), JSON_DEPTH)
                    .map_err(|error| Misfit::new(error.to_string()))
            };
            let json = match read(text)? {
                // A column of text that holds JSON.
                serde_json::Value::String(text) => read(&text)?,
                json => json,
            };
            schema.value(&json, ty, JsonOrigin::Column)?
        }
        Type::Extension(_) => schema.value(&text.into(), ty, JsonOrigin::Column)?,
    })
}

/// All links of templates, at most so many.
pub(super) async fn links(client: &Object, most: usize) -> Result<Vec<LinkRow>, StoreError> {
    let sql = select_links(|column| format!("{column}::text"), most);
    let rows = client.query_typed(&sql, &[]).await.map_err(store_error)?;
    let link = |row: &Row| {
        let mut columns: [Option<String>; LINKS_COLUMNS.len()] = Default::default();
        for (place, column) in columns.iter_mut().enumerate() {
            *column = row.try_get(place).map_err(store_error)?;
        }
        Ok(columns.into())
    };
    rows.iter().map(link).collect()
}

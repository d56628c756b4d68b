//! Entities as rows, and the reading of Cedar's entities JSON into them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use super::Schema;
use super::decode::{Misfit, Reading};
use super::value::{Record, Value, record_weight};

/// What a store or a caller says of one entity. Its tags may be the whole of
/// them or those that a question asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The entity.
    pub uid: EntityUid,
    /// Its attributes.
    pub attributes: Record,
    /// All its ancestors, near and far.
    pub ancestors: Vec<EntityUid>,
    /// Its tags.
    pub tags: BTreeMap<Arc<str>, Value>,
}

/// What `parents` holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parents {
    /// An entity's own.
    Near,
    /// All its ancestors.
    All,
}

impl Row {
    /// As a Cedar entity.
    ///
    /// # Errors
    /// A value that Cedar refuses; values read by the schema are not.
    pub fn to_entity(&self) -> Result<cedar_policy::Entity, Misfit> {
        let pairs = |record: &Record| -> Vec<_> {
            record
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_expression()))
                .collect()
        };
        cedar_policy::Entity::new_with_tags(
            self.uid.clone(),
            pairs(&self.attributes),
            self.ancestors.iter().cloned(),
            pairs(&self.tags),
        )
        .map_err(|error| Misfit::new(error.to_string()))
    }

    /// About how many bytes it takes in memory, with the Cedar entity made of it.
    #[must_use]
    pub fn weight(&self) -> usize {
        let values = record_weight(&self.attributes) + record_weight(&self.tags);
        256 + 2 * values + 96 * self.ancestors.len()
    }
}

impl Schema {
    /// Reads entities in Cedar's JSON form: `[{"uid","attrs","parents","tags"}]`.
    ///
    /// Entities of `enum` types and actions say nothing that the schema does not
    /// say and are left out. The rows' `ancestors` are the parents as written;
    /// [`transitive_ancestors`] completes them.
    ///
    /// # Errors
    /// The first entity that does not fit, or that occurs twice with different
    /// contents.
    pub fn entities(&self, json: &Json) -> Result<Vec<Row>, Misfit> {
        self.entities_under(json, Parents::Near)
    }

    /// The same of entities that were written with all their ancestors as `parents`.
    ///
    /// # Errors
    /// As [`Schema::entities`].
    pub fn recorded_entities(&self, json: &Json) -> Result<Vec<Row>, Misfit> {
        self.entities_under(json, Parents::All)
    }

    fn entities_under(&self, json: &Json, written: Parents) -> Result<Vec<Row>, Misfit> {
        let Json::Array(entities) = json else {
            return Err(Misfit::new("an array of entities is wanted"));
        };
        let mut rows: Vec<Row> = Vec::with_capacity(entities.len());
        let mut places = HashMap::new();
        for (i, json) in entities.iter().enumerate() {
            let Some(row) = self
                .entity_row(json, written)
                .map_err(|m| m.within(&i.to_string()))?
            else {
                continue;
            };
            match places
                .get(&row.uid)
                .and_then(|place: &usize| rows.get(*place))
            {
                Some(earlier) if *earlier == row => {}
                Some(_) => {
                    return Err(
                        Misfit::new("an entity occurs twice, with different contents")
                            .within(&i.to_string()),
                    );
                }
                None => {
                    places.insert(row.uid.clone(), rows.len());
                    rows.push(row);
                }
            }
        }
        Ok(rows)
    }

    fn entity_row(&self, json: &Json, written: Parents) -> Result<Option<Row>, Misfit> {
        let Json::Object(members) = json else {
            return Err(Misfit::new("an object is wanted"));
        };
        if let Some(surplus) = members
            .keys()
            .find(|k| !matches!(k.as_str(), "uid" | "attrs" | "parents" | "tags"))
        {
            return Err(Misfit::new("no such member").within(surplus));
        }
        let uid = members
            .get("uid")
            .ok_or_else(|| Misfit::new("is missing").within("uid"))?;
        let uid = self.entity(uid).map_err(|m| m.within("uid"))?;
        let Some(entity_type) = self.entity_type(uid.type_name()) else {
            return Ok(None);
        };
        if entity_type.choices.is_some() {
            return Ok(None);
        }
        let empty = Json::Object(serde_json::Map::new());
        let attributes = self
            .record(
                members.get("attrs").unwrap_or(&empty),
                &entity_type.shape,
                Reading::Entity,
            )
            .map_err(|m| m.within("attrs"))?;
        let mut tags = BTreeMap::new();
        match (members.get("tags"), &entity_type.tags) {
            (None, _) => {}
            (Some(Json::Object(found)), Some(ty)) => {
                for (key, json) in found {
                    let value = self
                        .value(json, ty, Reading::Entity)
                        .map_err(|m| m.within(key).within("tags"))?;
                    tags.insert(Arc::from(key.as_str()), value);
                }
            }
            (Some(Json::Object(found)), None) if found.is_empty() => {}
            (Some(_), _) => return Err(Misfit::new("no tags of that form here").within("tags")),
        }
        let mut ancestors = Vec::new();
        if let Some(parents) = members.get("parents") {
            let Json::Array(parents) = parents else {
                return Err(Misfit::new("an array is wanted").within("parents"));
            };
            for parent in parents {
                let parent = self.entity(parent).map_err(|m| m.within("parents"))?;
                let is_near = entity_type.member_of.contains(parent.type_name());
                if written == Parents::Near && !is_near {
                    return Err(
                        Misfit::new("a parent of a type that the schema does not allow")
                            .within("parents"),
                    );
                }
                ancestors.push(parent);
            }
        }
        Ok(Some(Row {
            uid,
            attributes,
            ancestors,
            tags,
        }))
    }
}

/// Completes parents to ancestors. `parents` gives the rows' own parents; an
/// entity that is not there has none.
///
/// # Errors
/// An entity that is its own ancestor.
pub fn transitive_ancestors(
    start: &[EntityUid],
    of: &EntityUid,
    parents: impl Fn(&EntityUid) -> Vec<EntityUid>,
) -> Result<Vec<EntityUid>, Misfit> {
    let mut seen: HashSet<EntityUid> = HashSet::new();
    let mut open: Vec<EntityUid> = start.to_vec();
    let mut ancestors = Vec::new();
    while let Some(next) = open.pop() {
        if next == *of {
            return Err(Misfit::new("an entity is its own ancestor"));
        }
        if seen.insert(next.clone()) {
            open.extend(parents(&next));
            ancestors.push(next);
        }
    }
    Ok(ancestors)
}

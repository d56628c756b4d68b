//! Entities as rows, and the reading of Cedar's entities JSON into them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::definition::Schema;
use super::misfit::Misfit;
use super::object::ObjectReader;
use super::reading::JsonOrigin;
use super::types::EntityType;
use super::value::{Record, Value};

/// One entity, as a store or a caller gives it. Its tags may be all of them, or those that a
/// question asks for.
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

/// The members of an entity.
const MEMBERS: [&str; 4] = ["uid", "attrs", "parents", "tags"];

impl Row {
    /// Calls `visit` with every entity that the row names: its own, its ancestors, those in its
    /// attributes and tags.
    pub fn each_mentioned<'a>(&'a self, visit: &mut impl FnMut(&'a EntityUid)) {
        visit(&self.uid);
        self.ancestors.iter().for_each(&mut *visit);
        let values = self.attributes.values().chain(self.tags.values());
        values.for_each(|value| value.each_entity(visit));
    }

    /// The same with these tags and no others.
    #[must_use]
    pub fn with_tags<'a>(&self, tags: impl Iterator<Item = (&'a Arc<str>, &'a Value)>) -> Self {
        Self {
            uid: self.uid.clone(),
            attributes: self.attributes.clone(),
            ancestors: self.ancestors.clone(),
            tags: tags
                .map(|(key, value)| (Arc::clone(key), value.clone()))
                .collect(),
        }
    }

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
}

impl Schema {
    /// Reads entities in Cedar's JSON form: `[{"uid","attrs","parents","tags"}]`.
    ///
    /// Entities of `enum` types and actions are left out: the schema says everything of
    /// them. The rows' `ancestors` are the parents as written, which may be all ancestors or the
    /// nearest ones; [`transitive_ancestors`] completes them.
    ///
    /// An entity without `attrs` or `parents`, which Cedar refuses, has none of them. So a member of
    /// another name, which Cedar passes over, is refused: with a slip in the word `parents` an entity
    /// would be in nothing, and what forbids for a group would not see it.
    ///
    /// # Errors
    /// The first entity that does not fit, or that occurs twice with different
    /// contents.
    pub fn entities(&self, json: &Json) -> Result<Vec<Row>, Misfit> {
        let Json::Array(entities) = json else {
            return Err(Misfit::new("an array of entities is wanted"));
        };
        let mut rows = EntityRows::new(self);
        entities.iter().try_for_each(|json| rows.add(json))?;
        Ok(rows.rows)
    }

    /// Reads one entity; `None` for one that the schema says everything of.
    fn entity_row(&self, json: &Json) -> Result<Option<Row>, Misfit> {
        let object = ObjectReader::of(json)?.only(|name, _| MEMBERS.contains(&name), MEMBERS)?;
        let uid = object.read("uid", |json| self.entity(json))?;
        let entity_type = self.entity_type(uid.type_name());
        let Some(entity_type) = entity_type.filter(|found| found.choices.is_none()) else {
            return Ok(None);
        };
        let empty = Json::Object(Map::new());
        let attributes = object.get("attrs").unwrap_or(&empty);
        let attributes = self.record(attributes, &entity_type.shape, JsonOrigin::Entity);
        let attributes = attributes.map_err(|misfit| misfit.within("attrs"))?;
        let tags = object.read_optional("tags", |json| self.tags(json, entity_type))?;
        let parents = |json| self.parents(json, entity_type);
        let ancestors = object.read_optional("parents", parents)?;
        Ok(Some(Row {
            uid,
            attributes,
            ancestors: ancestors.unwrap_or_default(),
            tags: tags.unwrap_or_default(),
        }))
    }

    fn tags(&self, json: &Json, of: &EntityType) -> Result<Record, Misfit> {
        match (json, &of.tags) {
            (Json::Object(tags), Some(ty)) => {
                let tags = tags.iter().map(|(key, json)| {
                    let value = self.value(json, ty, JsonOrigin::Entity);
                    let value = value.map_err(|misfit| misfit.within(key))?;
                    Ok((Arc::from(key.as_str()), value))
                });
                tags.collect()
            }
            (Json::Object(tags), None) if tags.is_empty() => Ok(Record::new()),
            _ => Err(Misfit::new("no tags of that form here")),
        }
    }

    fn parents(&self, json: &Json, of: &EntityType) -> Result<Vec<EntityUid>, Misfit> {
        let Json::Array(parents) = json else {
            return Err(Misfit::new("an array is wanted"));
        };
        let (mut found, mut seen) = (Vec::with_capacity(parents.len()), HashSet::new());
        for json in parents {
            let parent = self.entity(json)?;
            if !of.ancestors.contains(parent.type_name()) {
                let text = "a parent of a type that the schema does not allow";
                return Err(Misfit::new(text));
            }
            if seen.insert(parent.clone()) {
                found.push(parent);
            }
        }
        Ok(found)
    }
}

/// The rows of entities that come one after the other, as [`Schema::entities`] reads them.
pub(crate) struct EntityRows<'a> {
    schema: &'a Schema,
    /// Those that were read.
    pub(crate) rows: Vec<Row>,
    places: HashMap<EntityUid, usize>,
    read: usize,
}

impl<'a> EntityRows<'a> {
    /// No rows yet. Their `ancestors` will be the parents as written.
    pub(crate) fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            rows: Vec::new(),
            places: HashMap::new(),
            read: 0,
        }
    }

    /// Reads one more entity, which a fault calls by its number.
    ///
    /// # Errors
    /// One that does not fit, or that occurred with other contents.
    pub(crate) fn add(&mut self, json: &Json) -> Result<(), Misfit> {
        let place = self.read.to_string();
        self.read += 1;
        self.add_row(json).map_err(|misfit| misfit.within(&place))
    }

    /// The same for an entity of a file, which a fault calls by its name, if it has one.
    ///
    /// # Errors
    /// As [`EntityRows::add`].
    pub(crate) fn add_named(&mut self, json: &Json) -> Result<(), Misfit> {
        let place = self.read;
        self.read += 1;
        self.add_row(json).map_err(|misfit| {
            let uid = json.get("uid").map(|uid| self.schema.entity(uid));
            match uid {
                Some(Ok(uid)) => misfit.within(&uid.to_string()),
                _ => misfit.within(&place.to_string()),
            }
        })
    }

    fn add_row(&mut self, json: &Json) -> Result<(), Misfit> {
        let Some(row) = self.schema.entity_row(json)? else {
            return Ok(());
        };
        let earlier = self.places.get(&row.uid);
        match earlier.and_then(|place| self.rows.get(*place)) {
            Some(earlier) if *earlier == row => Ok(()),
            Some(_) => Err(Misfit::new(
                "an entity occurs twice, with different contents",
            )),
            None => {
                self.places.insert(row.uid.clone(), self.rows.len());
                self.rows.push(row);
                Ok(())
            }
        }
    }
}

/// Completes parents to ancestors, `most` at most. `parents` gives the rows' own parents; an
/// entity that is not there has none.
///
/// # Errors
/// An entity that is its own ancestor, or that has more of them.
pub fn transitive_ancestors(
    start: &[EntityUid],
    of: &EntityUid,
    most: usize,
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
            if ancestors.len() >= most {
                let text = format!("it has more than {most} ancestors, near and far");
                return Err(Misfit::new(text));
            }
            let parents = parents(&next).into_iter();
            open.extend(parents.filter(|parent| !seen.contains(parent)));
            ancestors.push(next);
        }
    }
    Ok(ancestors)
}

/// The fault of an entity of a file with more ancestors than that.
pub(crate) fn too_many_ancestors(most: usize) -> Misfit {
    Misfit::new(format!(
        "it has more than {most} ancestors, near and far; see the setting `entities.ancestors`"
    ))
}

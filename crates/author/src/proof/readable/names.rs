//! Names in place of a solver's ids: `user-1`, `organisation-1`.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{EntityId, EntityUid};
use serde_json::{Map, Value as Json};

use super::ids::ID;
use crate::proof::scenario::Scenario;
use peppol_authz_engine::schema::Schema;

/// The same with other names. `literals` are entities that policies name.
pub(super) fn rename(
    world: &Scenario,
    schema: &Schema,
    literals: &BTreeSet<EntityUid>,
) -> Scenario {
    let mut names = Renaming {
        schema,
        literals,
        entities: HashMap::new(),
        strings: HashMap::new(),
        counts: HashMap::new(),
    };
    names.meet(&world.principal);
    names.meet(&world.resource);
    names.meet_all(&world.context);
    for entity in &world.entities {
        names.meet(entity.get("uid").unwrap_or(&Json::Null));
        names.meet_all(entity);
    }
    for entity in &world.entities {
        names.take_id(entity);
    }
    Scenario {
        principal: names.entity(&world.principal),
        action: world.action.clone(),
        resource: names.entity(&world.resource),
        context: names.value(&world.context),
        entities: world.entities.iter().map(|e| names.whole(e)).collect(),
    }
}

struct Renaming<'a> {
    schema: &'a Schema,
    literals: &'a BTreeSet<EntityUid>,
    /// New ids, by type and old id.
    entities: HashMap<(String, String), String>,
    strings: HashMap<String, String>,
    counts: HashMap<String, usize>,
}

impl Renaming<'_> {
    /// Gives an entity a name, if it needs one and has none yet.
    fn meet(&mut self, uid: &Json) {
        let Some((name, id)) = parts(uid) else { return };
        let Some(of) = self.schema.entity_type_named(name) else {
            return;
        };
        let key = (name.to_owned(), id.to_owned());
        if of.choices.is_some() || self.entities.contains_key(&key) {
            return;
        }
        let old = EntityUid::from_type_name_and_id(of.name.clone(), EntityId::new(id));
        let new = if self.literals.contains(&old) {
            id.to_owned()
        } else {
            let base = kebab(of.name.basename());
            let count = self.counts.entry(base.clone()).or_default();
            let new = loop {
                *count += 1;
                let new = EntityId::new(of.identifier.named(&format!("{base}-{count}")));
                let new = EntityUid::from_type_name_and_id(of.name.clone(), new);
                let new = self.schema.canonical(new.clone()).unwrap_or(new);
                // Policies name that one.
                if !self.literals.contains(&new) {
                    break new;
                }
            };
            AsRef::<str>::as_ref(new.id()).to_owned()
        };
        self.entities.insert(key, new);
    }

    fn meet_all(&mut self, json: &Json) {
        match json {
            Json::Object(members) => {
                if let Some(uid) = members.get("__entity") {
                    self.meet(uid);
                }
                members.values().for_each(|value| self.meet_all(value));
            }
            Json::Array(elements) => elements.iter().for_each(|element| {
                self.meet(element);
                self.meet_all(element);
            }),
            _ => {}
        }
    }

    /// The string that is an entity's id becomes its new one. Entities of several types
    /// may share it; they keep sharing it.
    fn take_id(&mut self, entity: &Json) {
        let uid = entity.get("uid").and_then(parts);
        let id = entity.pointer(&format!("/attrs/{ID}"));
        let (Some((name, old)), Some(Json::String(id))) = (uid, id) else {
            return;
        };
        let key = (name.to_owned(), old.to_owned());
        let Some(new) = self.entities.get(&key).cloned() else {
            return;
        };
        match self.strings.get(id) {
            None => {
                self.strings.insert(id.clone(), new);
            }
            Some(shared) => {
                let taken = |(other, to): (&(String, String), &String)| {
                    other.0 == name && other.1 != old && to == shared
                };
                if !self.entities.iter().any(taken) {
                    self.entities.insert(key, shared.clone());
                }
            }
        }
    }

    fn entity(&self, uid: &Json) -> Json {
        let Some((name, id)) = parts(uid) else {
            return uid.clone();
        };
        let key = (name.to_owned(), id.to_owned());
        match self.entities.get(&key) {
            Some(new) => serde_json::json!({"type": name, "id": new}),
            None => uid.clone(),
        }
    }

    fn string(&self, text: &str) -> String {
        self.strings
            .get(text)
            .map_or(text, String::as_str)
            .to_owned()
    }

    fn value(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => Json::String(self.string(text)),
            Json::Array(elements) => elements.iter().map(|e| self.value(e)).collect(),
            Json::Object(members) => {
                let members = members.iter().map(|(name, value)| {
                    let value = match name.as_str() {
                        "__entity" => self.entity(value),
                        "__extn" => value.clone(),
                        _ => self.value(value),
                    };
                    (name.clone(), value)
                });
                Json::Object(members.collect())
            }
            other => other.clone(),
        }
    }

    /// An entity with all that is said of it.
    fn whole(&self, entity: &Json) -> Json {
        let members = entity.as_object().into_iter().flatten();
        let members = members.map(|(name, value)| {
            let value = match (name.as_str(), value) {
                ("uid", uid) => self.entity(uid),
                ("parents", Json::Array(parents)) => {
                    parents.iter().map(|uid| self.entity(uid)).collect()
                }
                ("tags", Json::Object(tags)) => {
                    let tags = tags.iter();
                    let tags = tags.map(|(key, value)| (self.string(key), self.value(value)));
                    Json::Object(tags.collect::<Map<_, _>>())
                }
                (_, value) => self.value(value),
            };
            (name.clone(), value)
        });
        Json::Object(members.collect())
    }
}

/// Type and id of `{"type", "id"}`.
fn parts(uid: &Json) -> Option<(&str, &str)> {
    Some((uid.get("type")?.as_str()?, uid.get("id")?.as_str()?))
}

/// `access-point` of `AccessPoint`
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

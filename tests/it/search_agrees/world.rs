//! Random entities, with ids and texts that databases and patterns take for something.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::shape::{Attribute, CHOICES, CONTEXT, EntityShape, KINDS, Ty};
use crate::rules::rng::Rng;

/// Texts that something may take for another one, or for a part of itself.
const TEXTS: [&str; 40] = [
    "a",
    "A",
    "b",
    "á",
    "a\u{301}",
    "a ",
    " a",
    "a'b",
    "a\"b",
    "a%b",
    "a_b",
    "axb",
    "a\\b",
    "a*b",
    "a?b",
    "[ab]",
    "a[b",
    "😀",
    "x😀y",
    "{",
    "{x}",
    "[]",
    "null",
    "true",
    "1",
    "01",
    "-1",
    "1e2",
    "ß",
    "SS",
    "ss",
    "a\tb",
    "a\nb",
    "$1",
    "?1",
    "element",
    "e.id",
    "abc",
    "aBc",
    "{\"id\": \"a\", \"type\": \"Person\"}",
];

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Val {
    Bool(bool),
    Long(i64),
    Text(String),
    Of(&'static str, String),
    Set(Vec<Val>),
    Record(Vec<(&'static str, Val)>),
}

#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) kind: &'static EntityShape,
    pub(super) id: String,
    /// In the order of the kind's.
    pub(super) attributes: Vec<Option<Val>>,
    pub(super) parents: Vec<(&'static str, String)>,
    pub(super) tags: Vec<(String, Val)>,
}

/// All entities, and how they are made.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) entities: Vec<Entity>,
    /// Texts that many values are.
    pub(super) texts: Vec<String>,
    ids: Vec<(&'static str, Vec<String>)>,
    /// In how many of 1000 cases a reference leads nowhere.
    dangling: usize,
    /// True if texts may hold U+0000.
    nul: bool,
}

fn text(rng: &mut Rng, nul: bool) -> String {
    match rng.below(40) {
        0 => String::new(),
        1 => "long ".repeat(300),
        2 if nul => rng.pick(["a\0b", "a\0", "abc\0%"]).to_owned(),
        _ => rng.pick(TEXTS).to_owned(),
    }
}

impl World {
    pub(super) fn random(rng: &mut Rng, nul: bool) -> Self {
        let mut world = Self {
            entities: Vec::new(),
            texts: (0..6).map(|_| text(rng, nul)).collect(),
            ids: Vec::new(),
            dangling: rng.pick([0, 0, 4]),
            nul,
        };
        for kind in &KINDS {
            let most = if kind.name == "Doc" { 40 } else { 10 };
            let count = rng.between(3, most);
            let mut ids: Vec<String> = Vec::new();
            while ids.len() < count {
                let mut id = match rng.below(3) {
                    0 => format!("{}{}", kind.name, ids.len()),
                    _ => rng.pick(TEXTS).to_owned(),
                };
                // No id is written so.
                if id.trim() != id || id.contains(char::is_control) {
                    continue;
                }
                // Nor is one of a type that is never unknown.
                if kind.name == "Mail" && id.contains('\u{301}') {
                    continue;
                }
                match (kind.name, rng.below(4)) {
                    ("Mail", 1..) => id = id.to_lowercase(),
                    ("Party", 1..) => id = format!("s::{}", id.to_lowercase()),
                    ("Party", 0) => id = format!("S::{id}"),
                    _ => {}
                }
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
            world.ids.push((kind.name, ids));
        }
        let choices = CHOICES.iter().map(|choice| (*choice).to_owned());
        world.ids.push(("Kind", choices.collect()));
        for kind in &KINDS {
            for (place, id) in world.ids_of(kind.name).to_vec().into_iter().enumerate() {
                let entity = world.entity(rng, kind, place, id);
                world.entities.push(entity);
            }
        }
        world
    }

    /// The ids of a kind.
    pub(super) fn ids_of(&self, kind: &str) -> &[String] {
        let found = self.ids.iter().find(|(name, _)| *name == kind);
        found.map_or(&[], |(_, ids)| ids)
    }

    /// One of them, or one that is not there.
    pub(super) fn id(&self, rng: &mut Rng, kind: &str, ghosts: usize) -> String {
        if kind != "Kind" && rng.below(1000) < ghosts {
            return rng.pick(["ghost", "A", "a", "GHOST"]).to_owned();
        }
        rng.choose(self.ids_of(kind)).unwrap().clone()
    }

    fn entity(
        &self,
        rng: &mut Rng,
        kind: &'static EntityShape,
        place: usize,
        id: String,
    ) -> Entity {
        let attributes = kind.attributes.iter();
        let attributes = attributes.map(|attribute| self.attribute(rng, attribute));
        let attributes = attributes.collect();
        let mut parents = Vec::new();
        for name in kind.parents {
            for _ in 0..rng.pick([0, 0, 1, 1, 2]) {
                // Only earlier entities of its own kind, so that none is above itself.
                let among = self.ids_of(name);
                let among = if *name == kind.name {
                    &among[..place]
                } else {
                    among
                };
                let parent = match rng.choose(among) {
                    Some(parent) if !rng.percent(4) => parent.clone(),
                    _ => "nowhere".to_owned(),
                };
                parents.push((*name, parent));
            }
        }
        let mut tags: Vec<(String, Val)> = Vec::new();
        if let Some(ty) = kind.tags {
            for _ in 0..rng.below(5) {
                let key = self.key(rng);
                if !tags.iter().any(|(other, _)| *other == key) {
                    tags.push((key, self.value(rng, ty)));
                }
            }
        }
        Entity {
            kind,
            id,
            attributes,
            parents,
            tags,
        }
    }

    /// A key of a tag.
    pub(super) fn key(&self, rng: &mut Rng) -> String {
        match rng.below(3) {
            0 => rng.choose(&self.texts).unwrap().clone(),
            _ => rng.pick(["k", "K", "a", "a%b", "it's"]).to_owned(),
        }
    }

    /// A text, mostly one that others are too.
    pub(super) fn text(&self, rng: &mut Rng) -> String {
        match rng.below(4) {
            0 => text(rng, self.nul),
            1 => rng.pick(["k", "K", "a"]).to_owned(),
            _ => rng.choose(&self.texts).unwrap().clone(),
        }
    }

    pub(super) fn long(&self, rng: &mut Rng) -> i64 {
        match rng.below(30) {
            0 => rng.pick([i64::MAX, i64::MIN, i64::MAX - 1]),
            _ => rng.pick([-1, 0, 1, 2, 3, 10]),
        }
    }

    pub(super) fn attribute(&self, rng: &mut Rng, attribute: &Attribute) -> Option<Val> {
        if attribute.optional && rng.percent(35) {
            return None;
        }
        Some(self.value(rng, attribute.ty))
    }

    pub(super) fn value(&self, rng: &mut Rng, ty: Ty) -> Val {
        match ty {
            Ty::Bool => Val::Bool(rng.percent(50)),
            Ty::Long => Val::Long(self.long(rng)),
            Ty::Text => Val::Text(self.text(rng)),
            Ty::Of(kind) => {
                let id = self.id(rng, kind, self.dangling);
                let id = match kind {
                    "Mail" if rng.percent(30) => rng.respell(&id),
                    "Mail" if rng.percent(10) => "never@seen".to_owned(),
                    "Party" if rng.percent(30) => match id.split_once("::") {
                        Some(("s", value)) if rng.percent(50) && !value.contains("::") => {
                            rng.respell(value)
                        }
                        Some((scheme, value)) => format!("{scheme}::{}", rng.respell(value)),
                        None => id,
                    },
                    _ => id,
                };
                Val::Of(kind, id)
            }
            Ty::Set(element) => {
                let count = rng.pick([0, 0, 1, 2, 3]);
                Val::Set((0..count).map(|_| self.value(rng, *element)).collect())
            }
            Ty::Record(attributes) => {
                let members = attributes.iter();
                let members = members.filter_map(|attribute| {
                    let value = self.attribute(rng, attribute)?;
                    Some((attribute.name, value))
                });
                Val::Record(members.collect())
            }
        }
    }

    /// A context, with some of what it may have.
    pub(super) fn context(&self, rng: &mut Rng) -> Json {
        let mut context = Map::new();
        for attribute in CONTEXT {
            if rng.percent(70) {
                let value = self.value(rng, attribute.ty).json(rng);
                context.insert(attribute.name.to_owned(), value);
            }
        }
        Json::Object(context)
    }

    /// Entities as Cedar writes them: all but, or only those of a kind.
    pub(super) fn file(&self, rng: &mut Rng, of: impl Fn(&str) -> bool) -> Json {
        let mut seen = BTreeSet::new();
        let found = self.entities.iter().filter(|entity| of(entity.kind.name));
        // The first of several spellings of an id counts.
        let found = found.filter(|entity| match entity.kind.name {
            name @ ("Mail" | "Party") => seen.insert((name, entity.id.to_lowercase())),
            _ => true,
        });
        let json = found.map(|entity| {
            let pairs = entity.kind.attributes.iter().zip(&entity.attributes);
            let attributes: Map<String, Json> = pairs
                .filter_map(|(attribute, value)| {
                    let value = value.as_ref()?;
                    Some((attribute.name.to_owned(), value.json(rng)))
                })
                .collect();
            let parents = entity.parents.iter();
            let parents: Json = parents
                .map(|(kind, id)| json!({"type": kind, "id": id}))
                .collect();
            let tags = entity.tags.iter();
            let tags: Map<String, Json> = tags
                .map(|(key, value)| (key.clone(), value.json(rng)))
                .collect();
            json!({"uid": {"type": entity.kind.name, "id": entity.id},
                "attrs": attributes, "parents": parents, "tags": tags})
        });
        json.collect()
    }
}

impl Val {
    /// As JSON; an entity in one of its forms.
    pub(super) fn json(&self, rng: &mut Rng) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Long(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Of(kind, id) => match rng.below(4) {
                0 => json!({"type": kind, "id": id}),
                1 => json!({"__entity": {"type": kind, "id": id}}),
                _ => json!(id),
            },
            Self::Set(values) => values.iter().map(|value| value.json(rng)).collect(),
            Self::Record(members) => {
                let members = members.iter();
                members
                    .map(|(name, value)| ((*name).to_owned(), value.json(rng)))
                    .collect()
            }
        }
    }
}

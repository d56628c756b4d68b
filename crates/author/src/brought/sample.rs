//! A sample of entities: enough to ask every action of a schema.

use std::collections::{BTreeMap, BTreeSet};

use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::{EntityType, parse_json};
use serde_json::{Value as Json, json};

use super::candidates::{Candidates, SAMPLE, Scoped};
use super::entity_json::{TypeAndId, each_named, named, subject};
use super::set::BroughtSet;
use super::values::{Fill, record, value};

/// So many entities are taken all.
const ALL: usize = 1000;

/// Of more, so many of each type, with all that they refer to.
const OF_A_TYPE: usize = 25;

/// The most entities of a sample.
const MOST: usize = 5000;

/// The most made-up entities of a type.
const MADE_OF_A_TYPE: usize = 12;

/// A sample of the entities of a set, with those that its questions name. Of types of which there are none, some are
/// made up: as the scopes of policies name them, and one that they do not name.
#[must_use]
pub fn sample_entities(set: &BroughtSet, bundle: &Bundle) -> Vec<Json> {
    let mut sample = given(set);
    let known: BTreeSet<TypeAndId> = sample.iter().filter_map(subject).collect();
    let served: BTreeSet<&str> = known.iter().map(|(kind, _)| kind.as_str()).collect();
    let types = bundle.schema.entity_types();
    let absent = types
        .into_iter()
        .filter(|it| it.choices.is_none() && !served.contains(it.name.to_string().as_str()));
    let absent: Vec<&EntityType> = absent.collect();
    let scoped = Scoped::of(bundle);
    let mut made: Vec<(&EntityType, String, Vec<TypeAndId>)> = Vec::new();
    for of in &absent {
        let key = |uid: &cedar_policy::EntityUid| {
            let id: &str = uid.id().as_ref();
            (uid.type_name().to_string(), id.to_owned())
        };
        let mut own = vec![(*of, SAMPLE.to_owned(), Vec::new())];
        let all = scoped.themselves.iter().chain(&scoped.above);
        let of_type = all.filter(|uid| *uid.type_name() == of.name);
        own.extend(of_type.map(|uid| (*of, key(uid).1, Vec::new())));
        let above = scoped.above.iter();
        let above = above.filter(|uid| of.ancestors.contains(uid.type_name()));
        own.extend(above.map(|uid| {
            let parent = key(uid);
            (*of, format!("in-{}", parent.1), vec![parent])
        }));
        own.sort_by(|a, b| a.1.cmp(&b.1));
        own.dedup_by(|a, b| a.1 == b.1);
        own.truncate(MADE_OF_A_TYPE);
        made.extend(own);
    }
    let stubs = made
        .iter()
        .map(|(of, id, _)| json!({"uid": {"type": of.name.to_string(), "id": id}}));
    let all: Vec<Json> = sample.iter().cloned().chain(stubs).collect();
    let candidates = Candidates::among(&all);
    let one = |name: &_| candidates.one(name, bundle);
    for (number, (of, id, parents)) in made.into_iter().enumerate() {
        let fill = match number % 2 {
            0 => Fill::Least,
            _ => Fill::Most,
        };
        let mut entity = json!({
            "uid": {"type": of.name.to_string(), "id": id},
            "attrs": record(&of.shape, fill, &one),
            "parents": parents.iter().map(named).collect::<Vec<_>>(),
        });
        if let (Some(tags), Fill::Most) = (&of.tags, fill)
            && let Json::Object(members) = &mut entity
        {
            let tags = json!({SAMPLE: value(tags, fill, &one)});
            members.insert("tags".to_owned(), tags);
        }
        sample.push(entity);
    }
    sample
}

/// Entities that somebody gave: all of them, or some with all that they refer to.
fn given(set: &BroughtSet) -> Vec<Json> {
    if set.entities.len() <= ALL {
        return set.entities.clone();
    }
    let mut by_key: BTreeMap<TypeAndId, &Json> = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut open: Vec<TypeAndId> = Vec::new();
    for question in &set.questions {
        open.extend(literals(&question.question));
        each_named(&question.question, &mut |key| open.push(key));
    }
    for entity in &set.entities {
        let Some(key) = subject(entity) else { continue };
        let count = counts.entry(key.0.clone()).or_default();
        *count += 1;
        if *count <= OF_A_TYPE {
            open.push(key.clone());
        }
        by_key.insert(key, entity);
    }
    open.reverse();
    let mut taken = BTreeSet::new();
    let mut sample = Vec::new();
    while let (Some(key), true) = (open.pop(), sample.len() < MOST) {
        let Some(entity) = by_key.get(&key) else {
            continue;
        };
        if taken.insert(key) {
            each_named(entity, &mut |named| open.push(named));
            sample.push((*entity).clone());
        }
    }
    sample
}

/// The entities that a question names as Cedar writes them.
fn literals(question: &Json) -> impl Iterator<Item = TypeAndId> {
    let members = ["principal", "resource"].into_iter();
    members.filter_map(move |member| {
        let (kind, id) = question.get(member)?.as_str()?.split_once("::\"")?;
        // Cedar escapes an apostrophe, JSON does not.
        let id = format!("\"{}", id.replace("\\'", "'"));
        let id = parse_json(id.as_bytes(), 1).ok()?;
        Some((kind.to_owned(), id.as_str()?.to_owned()))
    })
}

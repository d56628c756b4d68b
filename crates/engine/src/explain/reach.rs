//! What the policies look at, where entities or context are changed: a slice holds the
//! tags that they asked for as it was, and the entities that they came to.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::world::World;
use crate::policy::{Path, Root, TagKey};
use crate::schema::Value;

/// Tags that the policies ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// One of an entity.
    Tag(EntityUid, Arc<str>),
    /// All of an entity.
    Tags(EntityUid),
}

/// The tags that the policies ask for; `None` where they come to an entity that is not
/// at hand.
pub(super) fn asked(world: &World<'_>) -> Option<BTreeSet<Asked>> {
    let plan = &world.basis.shard.plan;
    let found = reached(world)?;
    let mut asked = BTreeSet::new();
    if plan.all_tags {
        asked.extend(found.iter().cloned().map(Asked::Tags));
    }
    for probe in &plan.probes {
        let Some(Value::Entity(uid)) = value_at(world, &probe.entity) else {
            continue;
        };
        if !found.contains(&uid) {
            continue;
        }
        match &probe.key {
            TagKey::Any => drop(asked.insert(Asked::Tags(uid))),
            TagKey::Literal(key) => drop(asked.insert(Asked::Tag(uid, Arc::clone(key)))),
            TagKey::At(path) => {
                if let Some(Value::String(key)) = value_at(world, path) {
                    asked.insert(Asked::Tag(uid, key));
                }
            }
        }
    }
    Some(asked)
}

/// Whether all that is asked for was asked for before.
pub(super) fn covers(before: &BTreeSet<Asked>, now: &BTreeSet<Asked>) -> bool {
    let all = |uid: &EntityUid| before.contains(&Asked::Tags(uid.clone()));
    now.iter().all(|asked| match asked {
        Asked::Tag(uid, _) => before.contains(asked) || all(uid),
        Asked::Tags(uid) => all(uid),
    })
}

/// The entities that the policies come to, as far as they are validated for.
fn reached(world: &World<'_>) -> Option<BTreeSet<EntityUid>> {
    let basis = world.basis;
    let plan = &basis.shard.plan;
    let is_bare = |uid: &EntityUid| {
        let found = basis.bundle.schema.entity_type(uid.type_name());
        found.is_none_or(|found| found.choices.is_some())
    };
    let mut next = vec![
        basis.question.principal.clone(),
        basis.question.resource.clone(),
    ];
    for value in world.context.values() {
        value.each_entity(&mut |uid| next.push(uid.clone()));
    }
    let mut found = BTreeSet::new();
    for level in 1..=basis.bundle.level.max(1) {
        let mut further = Vec::new();
        for uid in next {
            if is_bare(&uid) || found.contains(&uid) {
                continue;
            }
            let row = world.rows.get(&uid)?;
            found.insert(uid);
            if level == basis.bundle.level {
                continue;
            }
            let attributes = row.attributes.iter();
            let attributes = attributes.filter(|(name, _)| plan.follow.contains(*name));
            let tags = row.tags.values().filter(|_| plan.follow_tags);
            for value in attributes.map(|(_, value)| value).chain(tags) {
                value.each_entity(&mut |uid| further.push(uid.clone()));
            }
        }
        next = further;
    }
    Some(found)
}

fn value_at(world: &World<'_>, path: &Path) -> Option<Value> {
    let question = world.basis.question;
    let mut attributes = path.attributes.iter();
    let mut at = match path.root {
        Root::Principal => Value::Entity(question.principal.clone()),
        Root::Resource => Value::Entity(question.resource.clone()),
        Root::Context => world.context.get(attributes.next()?)?.clone(),
    };
    for name in attributes {
        at = match at {
            Value::Entity(uid) => world.rows.get(&uid)?.attributes.get(name)?.clone(),
            Value::Record(record) => record.get(name)?.clone(),
            _ => return None,
        };
    }
    Some(at)
}

//! The types whose entities may refer to entities of a type, and those that they may be in.

use std::collections::BTreeSet;

use cedar_policy::EntityTypeName;

use super::map::Map;
use super::types::{EntityType, RecordType, Type};

/// By type: those that may refer to it, by an attribute or a tag at any depth, or as one of their
/// ancestors, near or far.
pub(super) type Referrers = Map<EntityTypeName, BTreeSet<EntityTypeName>>;

pub(super) fn referrers(types: &Map<EntityTypeName, EntityType>) -> Referrers {
    let mut found = Referrers::default();
    for entity_type in types.values() {
        let mut referred = BTreeSet::new();
        of_record(&entity_type.shape, &mut referred);
        if let Some(tags) = &entity_type.tags {
            of_type(tags, &mut referred);
        }
        // A row names all its ancestors, also those that are only ancestors of its parents.
        referred.extend(entity_type.ancestors.iter().cloned());
        for name in referred {
            found
                .entry(name)
                .or_default()
                .insert(entity_type.name.clone());
        }
    }
    found
}

fn of_record(record: &RecordType, referred: &mut BTreeSet<EntityTypeName>) {
    for attribute in record.attributes.values() {
        of_type(&attribute.ty, referred);
    }
}

fn of_type(of: &Type, referred: &mut BTreeSet<EntityTypeName>) {
    match of {
        Type::Entity(name) => {
            referred.insert(name.clone());
        }
        Type::Set(element) => of_type(element, referred),
        Type::Record(record) => of_record(record, referred),
        Type::Bool | Type::Long | Type::String | Type::Extension(_) => {}
    }
}

/// By type: the types of all that its entities may be in, near and far.
pub(super) fn ancestors(
    types: &Map<EntityTypeName, EntityType>,
) -> Vec<(EntityTypeName, BTreeSet<EntityTypeName>)> {
    let all = types.values().map(|entity_type| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = entity_type.member_of.iter().collect();
        while let Some(name) = next.pop() {
            if seen.insert(name.clone()) {
                next.extend(types.get(name).iter().flat_map(|found| &found.member_of));
            }
        }
        (entity_type.name.clone(), seen)
    });
    all.collect()
}

//! The types whose entities may refer to entities of a type.

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
        ancestors(entity_type, types, &mut referred);
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

/// A row names all its ancestors, also those that are only ancestors of its parents.
fn ancestors(
    of: &EntityType,
    types: &Map<EntityTypeName, EntityType>,
    referred: &mut BTreeSet<EntityTypeName>,
) {
    let mut seen = BTreeSet::new();
    let mut next: Vec<_> = of.member_of.iter().collect();
    while let Some(name) = next.pop() {
        if seen.insert(name) {
            referred.insert(name.clone());
            next.extend(types.get(name).iter().flat_map(|found| &found.member_of));
        }
    }
}

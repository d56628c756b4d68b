//! Other names that the schema allows in a place.

use std::collections::BTreeSet;
use std::sync::Arc;

use peppol_authz_engine::schema::{RecordType, Schema, Type};

/// The other entities of the closed vocabulary that one is of; none where its type is
/// not an `enum`.
pub(super) fn other_entities(schema: &Schema, type_name: &str, id: &str) -> Vec<String> {
    let choices = schema
        .entity_type_named(type_name)
        .and_then(|found| found.choices.as_ref());
    choices
        .into_iter()
        .flatten()
        .filter(|choice| *choice != id)
        .cloned()
        .collect()
}

/// The attributes that have the same type as one of this name, in some record that has
/// both. The validator refuses those of other records.
pub(super) fn other_attributes(schema: &Schema, name: &str) -> BTreeSet<Arc<str>> {
    let mut found = BTreeSet::new();
    for entity_type in schema.entity_types() {
        beside(&entity_type.shape, name, &mut found);
        entity_type
            .tags
            .iter()
            .for_each(|tags| inside(tags, name, &mut found));
    }
    for action in schema.actions() {
        beside(&action.context, name, &mut found);
    }
    found
}

fn beside(record: &RecordType, name: &str, found: &mut BTreeSet<Arc<str>>) {
    if let Some(attribute) = record.attributes.get(name) {
        let alike = record
            .attributes
            .iter()
            .filter(|(other, described)| &***other != name && described.ty == attribute.ty);
        found.extend(alike.map(|(other, _)| Arc::clone(other)));
    }
    for attribute in record.attributes.values() {
        inside(&attribute.ty, name, found);
    }
}

fn inside(ty: &Type, name: &str, found: &mut BTreeSet<Arc<str>>) {
    match ty {
        Type::Record(record) => beside(record, name, found),
        Type::Set(element) => inside(element, name, found),
        _ => {}
    }
}

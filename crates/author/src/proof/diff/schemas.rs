//! Requests that a change of the schema lets in by itself.
//!
//! Two sets of policies are compared under one schema. A request that does not fit the old
//! one was no request, and an entity that did not was none: where the new schema takes more
//! of them, nothing is proved of what was decided before.

use std::collections::BTreeSet;

use cedar_policy::EntityTypeName;

use super::compared::ComparedSets;
use crate::proof::kind::RequestKind;
use peppol_authz_engine::schema::{EntityType, RecordType, Schema, Type};

/// Describes a change of the schema that may let in new requests of this kind.
pub(super) fn difference(kind: &RequestKind, compared: &ComparedSets) -> Option<String> {
    if !compared.has_two_schemas() || !kind.is_known_to(&compared.old) {
        return None;
    }
    let (old, new) = (&compared.old.schema, &compared.new.schema);
    let (before, after) = (
        old.action(kind.env.action())?,
        new.action(kind.env.action())?,
    );
    if before.context != after.context {
        return Some("the schema wants another context".to_owned());
    }
    let mut reached = BTreeSet::new();
    reach(new, kind.env.principal(), &mut reached);
    reach(new, kind.env.resource(), &mut reached);
    reach_record(new, &after.context, &mut reached);
    let wider = reached.iter().find(|name| {
        let (before, after) = (old.entity_type(name), new.entity_type(name));
        match (before, after) {
            (Some(before), Some(after)) => lets_in_more(before, after),
            // Nothing that there was is of a new type.
            (None, _) => false,
            (Some(_), None) => true,
        }
    });
    wider.map(|name| format!("the schemas define `{name}` differently"))
}

/// True if an entity may fit the new type that did not fit the old one. New attributes do
/// not count: the old policies do not read them.
fn lets_in_more(before: &EntityType, after: &EntityType) -> bool {
    let choices = match (&before.choices, &after.choices) {
        (Some(before), Some(after)) => !after.is_subset(before),
        (None, None) => false,
        _ => true,
    };
    let attributes = before.shape.attributes.iter().any(|(name, was)| {
        let is = after.shape.attributes.get(name);
        is.is_some_and(|is| is.ty != was.ty || (was.required && !is.required))
    });
    choices
        || attributes
        || before.tags != after.tags
        || before.member_of != after.member_of
        || before.identifier != after.identifier
        || before.when_absent != after.when_absent
}

fn reach(schema: &Schema, name: &EntityTypeName, reached: &mut BTreeSet<EntityTypeName>) {
    if !reached.insert(name.clone()) {
        return;
    }
    if let Some(of) = schema.entity_type(name) {
        reach_record(schema, &of.shape, reached);
        if let Some(tags) = &of.tags {
            reach_type(schema, tags, reached);
        }
    }
}

fn reach_record(schema: &Schema, record: &RecordType, reached: &mut BTreeSet<EntityTypeName>) {
    for attribute in record.attributes.values() {
        reach_type(schema, &attribute.ty, reached);
    }
}

fn reach_type(schema: &Schema, ty: &Type, reached: &mut BTreeSet<EntityTypeName>) {
    match ty {
        Type::Entity(name) => reach(schema, name, reached),
        Type::Set(of) => reach_type(schema, of, reached),
        Type::Record(record) => reach_record(schema, record, reached),
        Type::Bool | Type::Long | Type::String | Type::Extension(_) => {}
    }
}

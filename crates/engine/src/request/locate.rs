//! The entity that is designated by its id or by an attribute.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::facts::{MissingFact, StoreFacts};
use crate::schema::{Designation, EntityType, JsonOrigin, Schema, Type};
use crate::slice::Lookup;

/// The entity that is designated; `None` where there can be none.
pub(super) fn principal(
    schema: &Schema,
    who: &Designation,
    facts: &StoreFacts,
) -> Result<Option<EntityUid>, MissingFact> {
    let Some(entity_type) = schema.entity_type_called(&who.kind) else {
        return Ok(None);
    };
    let by = match &who.attribute {
        None => None,
        Some(name) => match entity_type.shape.attributes.get_key_value(name.as_str()) {
            Some((name, attribute)) => Some((name, &attribute.ty)),
            None => return Ok(None),
        },
    };
    locate(schema, entity_type, by, &who.value, facts)
}

/// The entity of a type that is called so; `None` where there is none, or cannot be.
pub(super) fn locate(
    schema: &Schema,
    of: &EntityType,
    by: Option<(&Arc<str>, &Type)>,
    name: &str,
    facts: &StoreFacts,
) -> Result<Option<EntityUid>, MissingFact> {
    let Some((attribute, ty)) = by else {
        return Ok(of.entity(name, JsonOrigin::Loose).ok());
    };
    let is: Arc<str> = match ty {
        Type::String => Arc::from(name),
        Type::Entity(named) => {
            let named = schema.entity_type(named);
            match named.and_then(|named| named.entity(name, JsonOrigin::Loose).ok()) {
                Some(uid) => Arc::from(AsRef::<str>::as_ref(uid.id())),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let lookup = Lookup {
        of: of.name.clone(),
        attribute: Arc::clone(attribute),
        is,
    };
    Ok(facts.find(lookup)?.cloned())
}

//! The entity that is designated by its id or by an attribute.

use std::sync::Arc;

use cedar_policy::EntityUid;

use super::facts::{MissingFact, StoreFacts};
use crate::schema::{Designation, EntityType, JsonOrigin, Misfit, Schema, Type, check_characters};
use crate::slice::Lookup;

/// Why an entity is not located.
pub(super) enum Unlocated {
    /// A fact is missing.
    Fact(MissingFact),
    /// No entity can be called so: it is no name, and so not the name of a new one.
    NoName(Misfit),
}

impl From<MissingFact> for Unlocated {
    fn from(need: MissingFact) -> Self {
        Self::Fact(need)
    }
}

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
    match locate(schema, entity_type, by, &who.value, facts) {
        Ok(found) => Ok(found),
        Err(Unlocated::NoName(_)) => Ok(None),
        Err(Unlocated::Fact(need)) => Err(need),
    }
}

/// The entity of a type that is called so; `None` where there is none of that attribute, or where
/// the name is not in the vocabulary of the type.
pub(super) fn locate(
    schema: &Schema,
    of: &EntityType,
    by: Option<(&Arc<str>, &Type)>,
    name: &str,
    facts: &StoreFacts,
) -> Result<Option<EntityUid>, Unlocated> {
    let entity = |of: &EntityType| match of.entity(name, JsonOrigin::Loose) {
        Ok(uid) => Ok(Some(uid)),
        Err(_) if of.choices.is_some() => Ok(None),
        Err(misfit) => Err(Unlocated::NoName(misfit)),
    };
    let Some((attribute, ty)) = by else {
        return entity(of);
    };
    let is: Arc<str> = match ty {
        Type::String => {
            check_characters(name).map_err(Unlocated::NoName)?;
            Arc::from(name)
        }
        Type::Entity(named) => {
            let Some(named) = schema.entity_type(named) else {
                return Ok(None);
            };
            match entity(named)? {
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

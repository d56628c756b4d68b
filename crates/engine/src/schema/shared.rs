//! Entities for the authorizer, out of shared ones.
//!
//! `cedar_policy::Entities` copies every entity that it is made of and computes
//! the hierarchy anew, which took 8 to 16 µs of a decision. Its inner type, of
//! the exactly pinned `cedar-policy-core`, takes shared entities whose ancestors
//! are complete already. This file is the only one that knows its entities.

use std::sync::Arc;

use cedar_policy::Entities;
use cedar_policy_core::ast;
use cedar_policy_core::entities::{Entities as CoreEntities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;

/// An entity that many slices share.
///
/// INVARIANT: it names all its ancestors, near and far, so that no hierarchy has
/// to be computed from others.
#[derive(Clone, Debug)]
pub struct SharedEntity(Arc<ast::Entity>);

impl From<cedar_policy::Entity> for SharedEntity {
    fn from(entity: cedar_policy::Entity) -> Self {
        Self(Arc::new(AsRef::<ast::Entity>::as_ref(&entity).clone()))
    }
}

/// The entities of one slice.
///
/// # Errors
/// Two different entities under one id.
pub(crate) fn together<'a>(
    entities: impl Iterator<Item = &'a SharedEntity>,
) -> Result<Entities, String> {
    CoreEntities::new()
        .add_entities(
            entities.map(|entity| Arc::clone(&entity.0)),
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        )
        .map(Entities::from)
        .map_err(|error| error.to_string())
}
